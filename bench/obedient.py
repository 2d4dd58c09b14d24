"""A Charge Point that obeys charging profiles at once, and says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bench import frames
from bench.station import Station

#: Between a phase and neutral.
VOLTAGE_V = 230
_PHASES = ("L1", "L2", "L3")

#: The greatest fuse that a tap.cfg can have, and what a car takes that may. [A per phase]
_LARGEST_FUSE_A = 10_000
_USUAL_A = 16


def full_a(chargers: int) -> int:
    """The full current of each of so many cars on one fuse that carries it. [A per phase]"""
    return min(_USUAL_A, _LARGEST_FUSE_A // max(1, chargers))


class Obedient(Station):
    """
    One with a car that takes all that it is offered.

    @ivar limit_ma: what it was told last for its transaction. [mA per phase]
    @ivar lowered_at: when it had answered that it obeys a lower one than before, by
        C{time.perf_counter}. [s]
    @ivar raised_at: when it had answered that it obeys a higher one. [s]
    """

    __slots__ = (
        "_counted_at",
        "_default_ma",
        "_end",
        "_energy_wh",
        "limit_ma",
        "lowered_at",
        "raised_at",
    )

    def __init__(self, number: int, first_message: int) -> None:
        super().__init__(number, first_message)
        self.limit_ma = 0
        self.lowered_at = 0.0
        self.raised_at = 0.0
        self._energy_wh = 0.0
        self._counted_at = time.perf_counter()
        self._default_ma = 0
        # When what it was told for its transaction ends. [s since 1970]
        self._end: float | None = None

    def measured(self) -> Mapping[str, Any]:
        """A MeterValues.req of what its car draws now."""
        now = time.perf_counter()
        power_w = self.limit_ma * VOLTAGE_V * len(_PHASES) / 1000
        self._energy_wh += power_w * (now - self._counted_at) / 3600
        self._counted_at = now
        current_a = f"{self.limit_ma / 1000:.1f}"
        sampled = [
            {"value": f"{self._energy_wh:.0f}", "unit": "Wh"},
            {"value": f"{power_w:.0f}", "unit": "W", "measurand": "Power.Active.Import"},
            *(
                {"value": current_a, "unit": "A", "measurand": "Current.Import", "phase": phase}
                for phase in _PHASES
            ),
        ]
        return {
            "connectorId": 1,
            "transactionId": self.transaction_id,
            "meterValue": [
                {"timestamp": datetime.now(UTC).isoformat(), "sampledValue": sampled}
            ],
        }

    def _read(self, text: bytes) -> Any:
        message = json.loads(text)
        if message[0] != 2 or message[2] not in _ANSWERS:
            return super()._read(text)
        self.server_calls += 1
        before_ma = self.limit_ma
        confirmation = _ANSWERS[message[2]](self, message[3])
        answer = json.dumps([3, message[1], confirmation]).encode()
        self.send(frames.text_frame(answer))
        if self.limit_ma < before_ma:
            self.lowered_at = time.perf_counter()
        elif self.limit_ma > before_ma:
            self.raised_at = time.perf_counter()
        return None

    def _set(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        profile = said["csChargingProfiles"]
        schedule = profile["chargingSchedule"]
        assert schedule["chargingRateUnit"] == "A"
        limit_ma = round(schedule["chargingSchedulePeriod"][0]["limit"] * 1000)
        if profile["chargingProfilePurpose"] == "TxProfile":
            self.limit_ma = limit_ma
            self._end = _end_of(schedule)
        else:
            self._default_ma = limit_ma
        return {"status": "Accepted"}

    def _composite(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        now = datetime.now(UTC)
        periods = [{"startPeriod": 0, "limit": self.limit_ma / 1000}]
        if self._end is not None and self._end < now.timestamp() + said["duration"]:
            left_s = int(self._end - now.timestamp())
            periods.append({"startPeriod": left_s, "limit": self._default_ma / 1000})
        return {
            "status": "Accepted",
            "connectorId": said["connectorId"],
            "scheduleStart": now.isoformat(),
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "duration": said["duration"],
                "chargingSchedulePeriod": periods,
            },
        }


def _end_of(schedule: Mapping[str, Any]) -> float | None:
    start, duration_s = schedule.get("startSchedule"), schedule.get("duration")
    if start is None or duration_s is None:
        return None
    return datetime.fromisoformat(start).timestamp() + float(duration_s)


_Answer = Callable[[Obedient, Mapping[str, Any]], Mapping[str, Any]]

_ANSWERS: Mapping[str, _Answer] = {
    "SetChargingProfile": Obedient._set,
    "GetCompositeSchedule": Obedient._composite,
}
