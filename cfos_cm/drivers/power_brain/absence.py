"""What a Power Brain gives while nobody can reach it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm.drivers.power_brain.reading import PowerBrainReading
from cfos_cm.site.events import FailsafeAssumed
from cfos_cm.site.evse import EvseSettings

__all__ = ["Absence"]


class Absence:
    """
    Tells when a box that is away has fallen back by itself.

    It does so when it has heard nothing for a time. One whose answers are lost hears all that
    it is asked; so what it is asked counts, until it may be taken to have fallen back.

    @ivar is_secured: so its registers said when they were read last.
    """

    def __init__(
        self,
        clock: IReactorTime,
        settings: EvseSettings,
        failsafe_s: int,
        report: Callable[[FailsafeAssumed], None],
    ) -> None:
        """
        @param failsafe_s: how long it hears nothing before it falls back. [s]
        """
        self.is_secured = False
        self._clock = clock
        self._settings = settings
        self._failsafe_s = failsafe_s
        self._report = report
        self._ending: IDelayedCall | None = None
        self._long_s = inf

    @property
    def is_long(self) -> bool:
        """
        Whether it is away for so long that it has fallen back, or is about to.

        From now on it is not to hear anything before it was told to give no more than that.
        """
        return self._clock.seconds() >= self._long_s

    def begin(self, last: PowerBrainReading | None) -> None:
        """
        It is away from now on, and was not before.

        What it was asked last it may have heard at this moment, and its own clock began then.

        @param last: what it said last.
        """
        if self.is_secured:
            self._long_s = self._clock.seconds() + self._failsafe_s
            self._ending = self._clock.callLater(self._failsafe_s, self._assume, last)

    def asked(self) -> None:
        """It may have heard something until now; its own clock has begun anew then."""
        if self._ending is not None and not self.is_long:
            self._ending.reset(self._failsafe_s)

    def end(self) -> None:
        """It is back, or nobody looks for it any more."""
        self._long_s = inf
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _assume(self, last: PowerBrainReading | None) -> None:
        self._ending = None
        current_ma = self._settings.failsafe_current_ma
        if last is not None and last.is_plugged:
            # A car need not follow at once, and this is what is known for sure.
            current_ma = max(current_ma, last.draw_ma)
        self._report(FailsafeAssumed(self._settings.name, current_ma))
