"""What an EVSE answers to what it is ordered next."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm.electrical import amps_text
from cfos_cm.services.web.done import Done
from cfos_cm.site.events import EvseLost, SetpointConfirmed, SetpointFailed, SiteEvent
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.state import SiteState

__all__ = ["PATIENCE_S", "EvseReplies"]

#: So long whoever orders something waits for what the EVSE says to it. [s]
PATIENCE_S = 5.0

_Reply = SetpointConfirmed | SetpointFailed | EvseLost


@define(eq=False)
class _Waiting:
    """Somebody who waits; C{reply} is C{None} until there is one."""

    evse: str
    reply: _Reply | None = None
    heard: Deferred[_Reply | None] = field(factory=Deferred)
    timer: IDelayedCall | None = None


class EvseReplies:
    """Waits for them. What an EVSE is ordered is the control loop's alone."""

    def __init__(self, clock: IReactorTime, state: Callable[[], SiteState]) -> None:
        """@param state: the site as it is now."""
        self._clock = clock
        self._state = state
        self._waiting: set[_Waiting] = set()

    def note(self, event: SiteEvent) -> None:
        """Something has happened on the site."""
        if not isinstance(event, _Reply):
            return
        for one in self._waiting:
            if one.evse == event.evse and one.timer is not None:
                one.reply = event
                # Not from inside the loop: who waits goes on with whatever he likes.
                one.timer.reset(0)

    def stop(self) -> None:
        """Nobody waits any longer."""
        for one in tuple(self._waiting):
            if one.timer is not None:
                one.timer.cancel()
            self._go_on(one)

    async def to_ceiling(self, evse: str, ceiling_ma: int) -> Done:
        """
        What an EVSE says to an order that it may not exceed.

        @param ceiling_ma: it is in force. [mA per phase]
        """
        end_s = self._clock.seconds() + PATIENCE_S
        while True:
            known = self._state().evses.get(evse)
            if known is None or known.link is not Link.ONLINE:
                return Done("Pending", "it is not connected, and is told when it is")
            if _obeys(known, ceiling_ma):
                return Done("Accepted", f"it has confirmed {amps_text(known.granted_ma)}")
            reply = await self._next(evse, end_s - self._clock.seconds())
            if isinstance(reply, SetpointFailed):
                status = "Rejected" if reply.refused else "Pending"
                return Done(status, f"it has not taken it, and is told again: {reply.why}")
            if reply is None:
                return Done("Pending", "it has not confirmed it yet")

    def _next(self, evse: str, patience_s: float) -> Deferred[_Reply | None]:
        waiting = _Waiting(evse)
        waiting.timer = self._clock.callLater(max(patience_s, 0.0), self._go_on, waiting)
        self._waiting.add(waiting)
        return waiting.heard

    def _go_on(self, waiting: _Waiting) -> None:
        self._waiting.discard(waiting)
        waiting.timer = None
        waiting.heard.callback(waiting.reply)


def _obeys(evse: Evse, ceiling_ma: int) -> bool:
    return evse.confirmed is not None and evse.granted_ma <= ceiling_ma
