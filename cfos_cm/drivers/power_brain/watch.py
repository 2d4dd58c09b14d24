"""What there is to tell of what a Power Brain says."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import evolve
from twisted.logger import Logger

from cfos_cm.drivers.power_brain.memories import EnergyMemory, TapMemory
from cfos_cm.drivers.power_brain.reading import PilotState, PowerBrainReading
from cfos_cm.drivers.power_brain.steering import HINT, Told
from cfos_cm.site.events import (
    CardShown,
    DeviceBooted,
    EvseConnected,
    EvseMeasured,
    OccupancyReported,
    ProfilesMeddled,
    SiteEvent,
)
from cfos_cm.site.evse import DeviceIdentity

__all__ = ["DEAD_TIME_S", "MEDDLER_S", "Watch"]

#: So long after a switch of its phases there is no other; a car that is plugged in is
#: interrupted for that time. [s]
DEAD_TIME_S = 120.0
#: Somebody who pauses a box again and again is told of, and countered, no more often. [s]
MEDDLER_S = 30.0

#: While phases are switched the control pilot says anything else whatever the car does.
_BELIEVED_WHILE_SWITCHING = (PilotState.B, PilotState.C, PilotState.D, PilotState.DC_FAULT)

_log = Logger(namespace="cfos_cm.drivers")


class Watch:
    """
    Compares what a box says with what it said before, and reports what is new.

    @ivar reading: the last one; C{None}: there is none yet.
    """

    def __init__(self, evse: str, report: Callable[[SiteEvent], None]) -> None:
        self.reading: PowerBrainReading | None = None
        self._evse = evse
        self._report = report
        self._identity: DeviceIdentity | None = None
        self._restarts: int | None = None
        self._is_news = False
        self._said: OccupancyReported | None = None
        self._energy = EnergyMemory()
        self._taps = TapMemory()
        self._resumes_s = -inf
        self._meddled_s = -inf
        self._gave_hint = False

    def introduced(self, identity: DeviceIdentity, restarts: int | None) -> None:
        """
        It has said who it is.

        @param restarts: how often it has started; C{None}: it does not say.
        """
        known = self._identity, self._restarts
        self._is_news = self._is_news or known != (identity, restarts)
        self._identity, self._restarts = identity, restarts

    def interrupted(self, now_s: float) -> None:
        """Its phases are being switched while a car is plugged in."""
        self._resumes_s = now_s + DEAD_TIME_S

    def is_interrupted(self, now_s: float) -> bool:
        """Whether they may still be."""
        return now_s < self._resumes_s

    def saw(self, reading: PowerBrainReading, now_s: float) -> PowerBrainReading:
        """
        It was read.

        @return: what is to be believed of that.
        """
        if self.is_interrupted(now_s) and reading.pilot not in _BELIEVED_WHILE_SWITCHING:
            reading = evolve(reading, pilot=None, occupancy=None)
        self.reading = reading
        self._energy = self._energy.after(reading.measured.energy_wh, now_s)
        self._taps = self._taps.after(reading.taps, reading.tag, self._restarts, now_s)
        return reading

    def came(self, origin: str) -> None:
        """Report that it is there, and all that it says."""
        assert self._identity is not None
        self._report(EvseConnected(self._evse, origin))
        if self._is_news:
            self._is_news = False
            self._report(DeviceBooted(self._evse, self._identity))
        self._said = None
        self.tell()

    def tell(self) -> None:
        """Report what is new of what it says."""
        reading = self.reading
        assert reading is not None
        # First what was measured: a charge ends with what its meter shows then.
        flow, energy_wh = reading.measured, self._energy.energy_wh
        if (flow.currents, flow.power_w, energy_wh) != (None, None, None):
            self._report(EvseMeasured(self._evse, flow.currents, energy_wh, flow.power_w))
        if reading.occupancy is not None:
            said = OccupancyReported(
                self._evse, reading.occupancy, reading.detail, reading.fault
            )
            if said != self._said:
                self._said = said
                self._report(said)
        if self._taps.tag is not None:
            self._report(CardShown(self._evse, self._taps.tag))

    def compare(self, told: Told, now_s: float) -> bool:
        """
        Report it if somebody else has told it something else than we have.

        A lower limit is none of that: it may not be able to give more, as when it is hot.

        @return: whether it has to be told again.
        """
        reading = self.reading
        assert reading is not None
        by = told.excess(reading)
        if by is None:
            if not told.is_undone(reading) or now_s < self._meddled_s + MEDDLER_S:
                return False
            by = "somebody who has told it not to charge"
        self._meddled_s = now_s
        if not self._gave_hint:
            self._gave_hint = True
            _log.warn(
                "{evse} does not keep what it was told: {hint}", evse=self._evse, hint=HINT
            )
        self._report(ProfilesMeddled(self._evse, by))
        return True
