"""What a gateway and its backend say to each other, noted on its way."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cfos_cm.charge_point.given import Notice
from cfos_cm.net.backend_client import BackendListener
from cfos_cm.trace import Direction, Leg, Trace

__all__ = ["traced"]


def traced(listener: BackendListener, name: str, trace: Trace | None) -> BackendListener:
    """
    C{listener}, with all that it hears and says noted.

    @param name: of the gateway.
    @param trace: where; C{None}: nowhere.
    """
    return listener if trace is None else _Traced(listener, name, trace)


@frozen
class _Traced:
    """Stands between a connection and who speaks on it."""

    listener: BackendListener
    name: str
    trace: Trace

    def connected(
        self, send: Callable[[bytes], None], hang_up: Callable[[int, str], None]
    ) -> None:
        """See L{BackendListener}."""
        self.listener.connected(self.trace.sender(Leg.BACKEND, self.name, send), hang_up)

    def received(self, text: bytes) -> None:
        """See L{BackendListener}."""
        self.trace.note(Leg.BACKEND, self.name, Direction.IN, text)
        self.listener.received(text)

    def disconnected(self, why: str) -> None:
        """See L{BackendListener}."""
        self.listener.disconnected(why)

    def noticed(self, notice: Notice) -> None:
        """See L{BackendListener}."""
        self.listener.noticed(notice)
