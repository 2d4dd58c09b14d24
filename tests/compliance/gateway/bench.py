"""
What a case for a Charge Point is played on: gateways, a scripted backend, what they show it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from ssl import TLSVersion
from typing import Any, NoReturn, Protocol, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred

from tests.compliance.gateway.backend import Backend
from tests.compliance.line import Line
from tests.compliance.sites import Site
from tests.issuer import Papers

__all__ = ["Device", "GatewayBench", "Known", "Showing"]

T = TypeVar("T")


class Device(Protocol):
    """A place where a car charges, as those who stand before it use it."""

    def plug_in(self) -> None:
        """A car comes that wants to charge."""

    def unplug(self) -> None:
        """The car is gone."""

    def show(self, id_tag: str) -> None:
        """A card is held before its reader."""

    def fail(self, code: str) -> None:
        """It has a fault."""

    def recover(self) -> None:
        """The fault is gone."""

    def fill(self) -> None:
        """The car is full."""


@frozen
class Showing:
    """
    How the backend encrypts.

    @ivar papers: what it shows who it is with.
    @ivar wants: who must have signed what the gateway shows (PEM); empty: it need show nothing.
    @ivar version: the only one of TLS that it has; C{None}: all that are usual.
    @ivar suites: the only cipher suites of TLS 1.2 that it has, by OpenSSL's names, and TLS 1.3
        not at all; empty: all that are usual.
    """

    papers: Papers
    wants: str = ""
    version: TLSVersion | None = None
    suites: str = ""


@frozen
class Known:
    """
    What the program knows, as plain values.

    @ivar state: how the first gateway stands, in words.
    @ivar waiting: what it is owed.
    @ivar dead: what was given up.
    @ivar limits_ma: what each EVSE may draw, by name. [mA]
    @ivar counters: what was counted, by its name.
    """

    state: str
    waiting: int
    dead: int
    limits_ma: Mapping[str, int] = field(factory=dict)
    counters: Mapping[str, int] = field(factory=dict)


class GatewayBench(ABC):
    """
    Gateways that run, and a backend that is scripted.

    It is a L{tests.compliance.bench.Bench} whose peer is called and does not call.

    @ivar backend: whom they call.
    """

    backend: Backend

    @abstractmethod
    def open(self, site: Site) -> Deferred[None]:
        """Set all up for a case; fires when it runs."""

    @abstractmethod
    def close(self) -> Deferred[None]:
        """Take everything down; fires when nothing is left."""

    @abstractmethod
    def now(self) -> datetime:
        """The program's time of day; aware."""

    @abstractmethod
    def pass_time(self, seconds: float) -> Deferred[None]:
        """Fires when so much time has passed for the program, and all that it led to."""

    @abstractmethod
    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """Wait, but not for ever; see L{tests.compliance.bench.Bench.within}."""

    @abstractmethod
    def let_through(self) -> None:
        """
        The way to the backend is open from now on; after a start it is not, so that it can be
        said before how the first who comes is answered.
        """

    @abstractmethod
    def device(self, name: str) -> Device:
        """What stands behind an EVSE."""

    @abstractmethod
    def restart(self, off_s: float) -> Deferred[None]:
        """
        The power fails, and comes back; fires when the program runs again.

        @param off_s: so long it is dark. [s]
        """

    @abstractmethod
    def known(self) -> Deferred[Known]:
        """What the program knows now."""

    def complaints(self, is_over: bool) -> list[str]:
        """See L{tests.compliance.bench.Bench.complaints}."""
        return [*self.backend.complaints, *(self.backend.left_over() if is_over else ())]

    def dial(self, door: object) -> Deferred[tuple[Line, str | None]]:
        """Nobody dials in."""
        _not_here()

    def order(self, identity: str, action: str, payload: Any) -> Deferred[Any]:
        """Nobody operates."""
        _not_here()

    def change_password(self, identity: str, key: str) -> Deferred[Any]:
        """Nobody operates."""
        _not_here()

    def raise_profile(self, identity: str, profile: int) -> Deferred[Any]:
        """Nobody operates."""
        _not_here()

    def present(self, showing: Showing) -> None:
        """
        What the backend shows who it is with, from now on.

        @raise TypeError: where nothing is encrypted.
        """
        raise TypeError("there is no TLS here: the case is for sockets")

    def facts(self) -> Deferred[Any]:
        """See L{known}."""
        _not_here()


def _not_here() -> NoReturn:
    raise TypeError("that is for a bench of the Central System")
