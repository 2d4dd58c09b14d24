"""EVSEs that are taken out of the settings while they charge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint

__all__ = ["DISMISSAL_S", "Dismissal"]

#: How long a change of the settings waits for an EVSE that it takes out. [s]
DISMISSAL_S = 3.0

_PAUSE = Setpoint(0, Reason(ReasonCode.DISABLED, "it is not configured any more"))

_log = Logger(namespace="cfos_cm.services")


class Dismissal:
    """
    Waits until those who are taken out have confirmed that they pause, but not for long.

    It is over when all of them have, or are lost, or have had their time.

    @ivar leaving: who is waited for; empty when it is over.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.leaving: frozenset[str] = frozenset()
        self._clock = clock
        self._over: Deferred[None] | None = None
        self._patience: IDelayedCall | None = None

    @property
    def targets(self) -> dict[str, Setpoint]:
        """What those who leave should have, whatever was decided for them."""
        return dict.fromkeys(self.leaving, _PAUSE)

    def begin(self, evses: Iterable[Evse]) -> Deferred[None]:
        """
        Wait for those of C{evses} that may be charging; one that was under way before is over.

        @return: fires when it is over, at once where nobody has to be waited for.
        """
        self.end()
        over: Deferred[None] = Deferred()
        self._over = over
        self.leaving = frozenset(
            evse.name
            for evse in evses
            if evse.link is Link.ONLINE and not _pauses_for_sure(evse)
        )
        if self.leaving:
            self._patience = self._clock.callLater(DISMISSAL_S, self.end)
        else:
            self.end()
        return over

    def look(self, evses: Mapping[str, Evse]) -> None:
        """
        Notice who has confirmed that it pauses; nobody waits for who is lost.

        @param evses: all that there are.
        """
        if not self.leaving:
            return
        self.leaving = frozenset(
            name for name in self.leaving if name in evses and not _pauses_for_sure(evses[name])
        )
        if not any(evses[name].link is Link.ONLINE for name in self.leaving):
            self.end()

    def end(self) -> None:
        """Wait no longer; whoever has not confirmed is named in the log."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None
        for name in sorted(self.leaving):
            _log.warn(
                "{evse} is taken out of the settings and has not confirmed that it pauses: "
                "it may go on charging",
                evse=name,
            )
        self.leaving = frozenset()
        over, self._over = self._over, None
        if over is not None:
            over.callback(None)


def _pauses_for_sure(evse: Evse) -> bool:
    """Whether nothing is in force that would let it charge."""
    # One that may have forgotten its pause is waited for where somebody has started to charge.
    may_go_on = evse.unsure and evse.transaction is not None
    return evse.confirmed is not None and not evse.granted_ma and not may_go_on
