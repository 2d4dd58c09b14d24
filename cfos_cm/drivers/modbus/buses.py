"""Connections that several devices share: one for each place, open as long as it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from cfos_cm.counters import Counters
from cfos_cm.drivers.modbus.connection import Connection
from cfos_cm.drivers.modbus.line import Line
from cfos_cm.drivers.modbus.place import Place, SerialPlace
from cfos_cm.drivers.modbus.serial import SerialEndpoint
from cfos_cm.errors import NotSent
from cfos_cm.wire.modbus import Answer, Request

__all__ = ["TIMEOUT_S", "Bus", "Buses", "endpoint_of"]

#: How long an answer may take. Boxes answer in milliseconds, gateways to a serial line in
#: tenths of a second. [s]
TIMEOUT_S = 1.0
#: How long somebody may take to answer the call itself. [s]
_DIALLING_S = 5


def endpoint_of(reactor: Any, place: Place) -> IStreamClientEndpoint:
    """How a place is reached."""
    if isinstance(place, SerialPlace):
        return SerialEndpoint(reactor, place)
    endpoint: IStreamClientEndpoint = HostnameEndpoint(
        reactor, place.host, place.port, _DIALLING_S
    )
    return endpoint


class Bus:
    """
    The way of one user to all devices at a place.

    @ivar place: where that is.
    @ivar window: how many requests the device of this user bears at once.
    @ivar changed: is told whether something can be asked, whenever that changes.
    """

    def __init__(self, shared: _Shared, window: int) -> None:
        self.place = shared.place
        self.changed: Callable[[bool], None] = lambda _: None
        self.window = window
        self._shared: _Shared | None = shared

    @property
    def is_open(self) -> bool:
        """Whether something can be asked."""
        return self._shared is not None and self._shared.connection.is_open

    def ask(self, request: Request, retries: int = 0) -> Deferred[Answer]:
        """See L{Line.ask<cfos_cm.drivers.modbus.line.Line.ask>}."""
        if self._shared is None:
            return fail(NotSent(f"{self.place} is not used any more"))
        return self._shared.connection.ask(request, retries)

    def leave(self) -> Deferred[None]:
        """
        Use it no more.

        @return: fires when that is done, and where nobody else uses it, when it is closed.
        """
        shared, self._shared = self._shared, None
        return succeed(None) if shared is None else shared.left_by(self)


@define(eq=False)
class _Shared:
    """One connection and who uses it."""

    place: Place
    connection: Connection
    closed: Callable[[Place], None]
    users: list[Bus] = field(factory=list)
    line: Line | None = None

    @property
    def window(self) -> int:
        """What all of its users bear."""
        return min((user.window for user in self.users), default=1)

    def joined_by(self, user: Bus) -> None:
        """One user more."""
        self.users.append(user)
        if self.line is not None:
            self.line.bear(self.window)

    def tell(self, is_open: bool) -> None:
        """Tell all users whether something can be asked."""
        for user in tuple(self.users):
            user.changed(is_open)

    def left_by(self, user: Bus) -> Deferred[None]:
        """One user less."""
        self.users.remove(user)
        if self.users:
            return succeed(None)
        self.closed(self.place)
        return self.connection.stop()


class Buses:
    """All places where there are Modbus devices."""

    def __init__(
        self, reactor: Any, counters: Counters | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        """
        @param counters: what goes wrong on lines is counted here.
        @param timeout_s: how long an answer may take. [s]
        """
        self._reactor = reactor
        self._counters = counters or Counters()
        self._timeout_s = timeout_s
        self._shared: dict[Place, _Shared] = {}

    def bus(self, place: Place, window: int = 1) -> Bus:
        """
        A way to C{place}; whoever gets it has to leave it.

        @param window: how many requests its device bears at once, where the place has one that
            can have more than one under way; the least of all users counts.
        """
        shared = self._shared.get(place)
        if shared is None:
            shared = self._shared[place] = self._open(place)
            user = self._joined(shared, window)
            shared.connection.start()
            return user
        return self._joined(shared, window)

    @staticmethod
    def _joined(shared: _Shared, window: int) -> Bus:
        user = Bus(shared, window)
        shared.joined_by(user)
        return user

    def _open(self, place: Place) -> _Shared:
        def line() -> Line:
            shared.line = Line(
                self._reactor,
                place.framing,
                timeout_s=self._timeout_s,
                window=shared.window,
                gap_s=place.gap_s,
                counters=self._counters,
            )
            return shared.line

        shared = _Shared(
            place,
            Connection(
                self._reactor,
                endpoint_of(self._reactor, place),
                str(place),
                line,
                lambda is_open: shared.tell(is_open),
            ),
            self._closed,
        )
        return shared

    def _closed(self, place: Place) -> None:
        del self._shared[place]
