"""Where the current flows: the switch, the meter and the car that is plugged in."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.simulator.measurements import Flow, meter_value, whole_wh
from cfos_cm.simulator.vehicle import Vehicle
from cfos_cm.v16.types import MeterValue, ReadingContext

__all__ = ["Outlet"]


class Outlet:
    """
    An outlet with its meter.

    @ivar vehicle: the car that is plugged in, as it was when the meter was read last.
    @ivar flow: what flows since then.
    """

    def __init__(
        self, clock: IReactorTime, time_lapse: float, register_wh: float = 0.0
    ) -> None:
        """
        @param time_lapse: how many times faster energy flows than the current says.
        @param register_wh: what its meter has counted before. [Wh]
        """
        self._clock = clock
        self._time_lapse = time_lapse
        self._counted_until_s = clock.seconds()
        self._register_wh = register_wh
        self.vehicle: Vehicle | None = None
        self.flow = Flow()

    @property
    def register_wh(self) -> int:
        """What has flowed since the wallbox was built. [Wh]"""
        return whole_wh(self._register_wh)

    def count(self) -> bool:
        """
        Count what has flowed until now.

        @return: whether the car has become full.
        """
        at_s = self._clock.seconds()
        passed_s, self._counted_until_s = at_s - self._counted_until_s, at_s
        before = self.vehicle
        if before is None:
            return False
        self.vehicle = before.charged(
            self.flow.offered_ma, self.flow.phases, passed_s * self._time_lapse
        )
        self._register_wh += self.vehicle.charged_wh - before.charged_wh
        return self.vehicle.is_full and not before.is_full

    def put_car_to_sleep(self, is_asleep: bool) -> None:
        """Let the car take nothing any more, or again; what has flowed was counted before."""
        if self.vehicle is not None:
            self.vehicle = evolve(self.vehicle, is_asleep=is_asleep)

    def offer(self, limit: Limit | None) -> bool:
        """
        Let the car draw up to C{limit} from now on.

        @param limit: C{None}: it is switched off.
        @return: whether another current flows.
        """
        before, self.flow = self.flow, Flow()
        if limit is not None and self.vehicle is not None:
            self.flow = Flow(
                self.vehicle.current_ma(limit.current_ma),
                self.vehicle.phases(limit.phases),
                limit.current_ma,
            )
        return self.flow.current_ma != before.current_ma

    def reading(self, at: datetime, context: ReadingContext) -> MeterValue:
        """Everything that the meter says."""
        return meter_value(at, self._register_wh, self.flow, context)
