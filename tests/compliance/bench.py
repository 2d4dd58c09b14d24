"""
What a case is played on: the subject, and the ways to it.

The player knows nothing else of the subject, so that the same cases run in memory, on sockets
and on TLS; and a subject of the other role needs another bench, not another player:
see L{tests.compliance.gateway.bench}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from ssl import TLSVersion
from typing import Any, Literal, Protocol, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred

from tests.compliance.line import Line
from tests.compliance.sites import Site
from tests.issuer import Papers

__all__ = [
    "PATIENCE_S",
    "PLAIN",
    "Bench",
    "CaseFailed",
    "Door",
    "Facts",
    "HandshakeRefused",
    "Tls",
    "TlsRefused",
]

T = TypeVar("T")

#: How long on a real clock whatever should come at once may take, on a machine that does
#: something else. [s]
PATIENCE_S = 10.0


class CaseFailed(AssertionError):
    """The subject did not do what the case wants; the text is for people."""


class HandshakeRefused(Exception):
    """
    The peer was not let in.

    @ivar status: of the HTTP response.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class TlsRefused(Exception):
    """There was no encrypted connection; the text is OpenSSL's."""


@frozen
class Tls:
    """
    How a peer encrypts its connection.

    @ivar shows: its certificate; C{None}: none.
    @ivar suites: the only cipher suites of TLS 1.2 that it has, by OpenSSL's names, and TLS 1.3
        not at all; empty: all that are usual.
    @ivar version: the only version that it has; C{None}: all that are usual.
    """

    shows: Papers | None = None
    suites: str = ""
    version: TLSVersion | None = None


#: A connection that is not encrypted.
PLAIN = None


@frozen
class Door:
    """
    How a peer asks to be let in.

    @ivar identity: the charge box identity in the URL, and the user of a log-in.
    @ivar password: what it says with Basic authentication; C{None}: nothing.
    @ivar subprotocols: what it offers, best first.
    @ivar tls: how it encrypts; L{PLAIN}: not at all; C{"as usual"}: as the bench does.
    """

    identity: str
    password: bytes | None = field(default=None, repr=False)
    subprotocols: tuple[str, ...] = ("ocpp1.6",)
    tls: Tls | Literal["as usual"] | None = "as usual"


@frozen
class Facts:
    """
    What the subject knows in the end, as rows of plain values.

    @ivar transactions: in the order of their starts.
    @ivar meter_values: every MeterValues.req that was kept.
    @ivar review: the stops that belong to no transaction.
    @ivar devices: what each Charge Point has said of itself.
    @ivar counters: what was counted, by its name.
    @ivar connected: the identities of the connections that count.
    """

    transactions: Sequence[Mapping[str, Any]] = ()
    meter_values: Sequence[Mapping[str, Any]] = ()
    review: Sequence[Mapping[str, Any]] = ()
    devices: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    counters: Mapping[str, int] = field(factory=dict)
    connected: Sequence[str] = ()


class Bench(Protocol):
    """A subject that runs, and what can be done with it."""

    def open(self, site: Site) -> Deferred[None]:
        """Set the subject up for a case; fires when it runs."""

    def close(self) -> Deferred[None]:
        """Take everything down; fires when nothing is left."""

    def now(self) -> datetime:
        """The subject's time of day; aware."""

    def dial(self, door: Door) -> Deferred[tuple[Line, str | None]]:
        """
        Connect a peer.

        @return: fires with its line and the subprotocol that was agreed on; fails with
            L{HandshakeRefused} or L{TlsRefused}.
        """

    def order(self, identity: str, action: str, payload: Any) -> Deferred[Any]:
        """
        The operator has something sent, by the subject's own interface.

        @return: fires with the payload of the confirmation; fails with
            L{cfos_cm.errors.DeviceError} for everything else.
        """

    def change_password(self, identity: str, key: str) -> Deferred[Any]:
        """The operator gives a Charge Point another password."""

    def raise_profile(self, identity: str, profile: int) -> Deferred[Any]:
        """The operator has a Charge Point change to a higher security profile."""

    def pass_time(self, seconds: float) -> Deferred[None]:
        """Fires when so much time has passed for the subject, and all that it led to."""

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """
        Wait, but not for ever.

        @return: as C{waited}; fails with L{CaseFailed} that says C{what} has not come.
        """

    def facts(self) -> Deferred[Facts]:
        """What the subject knows now."""

    def complaints(self, is_over: bool) -> Sequence[str]:
        """
        What has come, and should not have, beyond what is said of the lines.

        @param is_over: nothing is waited for any more.
        """
