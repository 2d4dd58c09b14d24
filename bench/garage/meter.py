"""The meter behind the main fuse, which is heard late, and sometimes says something wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from bench.garage.scenario import METER, MeterFault, MeterWrong, Scenario
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.events import MeterLost, MeterMeasured, SiteEvent

__all__ = ["HouseMeter"]


class HouseMeter:
    """What the house's meter says in each second."""

    def __init__(self, scenario: Scenario) -> None:
        self._faults = [one for one in scenario.troubles if isinstance(one, MeterWrong)]
        self._delay_s = scenario.delays.meter_s
        self._patience_s = scenario.delays.meter_patience_s
        self._seen: deque[tuple[int, PhaseCurrents]] = deque(maxlen=self._delay_s)
        self._frozen: PhaseCurrents | None = None
        self._heard_s = 0

    def measure(self, now_s: int, main: tuple[float, float, float]) -> None:
        """It sees what flows."""
        self._seen.append((now_s, PhaseCurrents(int(main[0]), int(main[1]), int(main[2]))))

    def speak(self, now_s: int) -> Iterator[SiteEvent]:
        """What is heard of it now."""
        fault = self._fault(now_s)
        if fault is MeterFault.SILENT:
            if now_s - self._heard_s == self._patience_s:
                yield MeterLost(METER, "it does not answer")
            return
        if len(self._seen) < self._delay_s:
            return
        self._heard_s = now_s
        at_s, currents = self._seen[0]
        if fault is MeterFault.FROZEN:
            currents = self._frozen = self._frozen or currents
        else:
            self._frozen = None
        if fault is MeterFault.REVERSED:
            currents = currents.map(lambda current_ma: -current_ma)
        power_w = (currents.l1_ma + currents.l2_ma + currents.l3_ma) * 230 // 1000
        yield MeterMeasured(METER, currents, power_w, at_s=at_s)

    def _fault(self, now_s: int) -> MeterFault | None:
        for one in self._faults:
            if one.from_s <= now_s < one.until_s:
                return one.fault
        return None
