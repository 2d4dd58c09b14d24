"""A driver, a box in memory, and what is reported of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.interfaces import EvseDevice
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.evse import PowerBrainEvse
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.wire.modbus import Framing
from tests.drivers.environment import environment
from tests.drivers.power_brain.box import FakeBox

__all__ = ["SETTINGS", "BoxCase", "setpoint", "with_phases"]

E = TypeVar("E")

SETTINGS = EvseSettings(
    "B1", "garage", max_current_ma=32_000, failsafe_current_ma=6000, keeps_limit=True
)


def setpoint(amps: float, phases: int | None = None) -> Setpoint:
    """An order. [A per phase]"""
    return Setpoint(round(amps * 1000), Reason(ReasonCode.CIRCUIT, "the garage"), phases)


class BoxCase(SynchronousTestCase):
    """
    Has a box and its driver on a clock that is set by hand.

    @ivar reports: what the driver has reported, in the order.
    """

    def make(
        self,
        settings: EvseSettings = SETTINGS,
        *,
        framing: Framing = Framing.TCP,
        observe_only: bool = False,
        failsafe_s: int = 180,
        wakes: bool = True,
    ) -> PowerBrainEvse:
        """A driver that has not been started; what it needs is kept."""
        self.clock = Clock()
        self.box = FakeBox(self.clock, framing)
        self.reports: list[SiteEvent] = []
        self.patch(buses, "endpoint_of", lambda reactor, place: self.box)
        around = environment(
            self.clock,
            lambda event: self.reports.append(event),
            observe_only=observe_only,
        )
        device = EvseDevice(
            settings=settings,
            address=f"{framing}:box:4701",
            failsafe_after_s=failsafe_s,
            wakes=wakes,
        )
        self.evse = PowerBrainEvse(device, around)
        self.addCleanup(self.evse.stop)
        return self.evse

    def start(self, settings: EvseSettings = SETTINGS, **others: Any) -> PowerBrainEvse:
        """The same, after its first round."""
        evse = self.make(settings, **others)
        evse.start()
        self.run_for(0)
        return evse

    def run_for(self, wait_s: float, step_s: float = 0.25) -> None:
        """Some time passes, in steps."""
        end_s = self.clock.seconds() + wait_s
        self.clock.advance(0)
        while self.clock.seconds() < end_s:
            self.clock.advance(step_s)
        self.clock.advance(0)

    def order(
        self, amps: float, phases: int | None = None, from_scratch: bool = False
    ) -> list[tuple[str, int]]:
        """
        Have it obey, and see that it confirms that.

        @return: what was written for it.
        """
        return self.done(lambda: self.evse.apply(setpoint(amps, phases), 1, from_scratch))

    def done(self, begin: Callable[[], Deferred[Any]]) -> list[tuple[str, int]]:
        """Wait until something is over, and see that it went well; what was written."""
        before = len(self.box.writes)
        ending = begin()
        self.run_for(0)
        self.assertIsNone(self.successResultOf(ending))
        return self.box.writes[before:]

    def refused(self, kind: type[Exception], amps: float, phases: int | None = None) -> str:
        """Have it obey, and see that it does not; why."""
        ending = self.evse.apply(setpoint(amps, phases), 1, False)
        self.run_for(0)
        failure = self.failureResultOf(ending, kind)
        self.assertIs(kind, failure.type)
        return str(failure.value)

    def told(self, kind: type[E]) -> list[E]:
        """What was reported of one kind since the start, or since this was called last."""
        found: list[E] = [event for event in self.reports if isinstance(event, kind)]
        self.reports = [event for event in self.reports if not isinstance(event, kind)]
        return found

    def state(self, number: int) -> None:
        """The control pilot is seen by the driver to say this."""
        self.box[on.CHARGE_PILOT_STATE] = number
        self.run_for(1)


def with_phases(settings: EvseSettings = SETTINGS) -> EvseSettings:
    """An EVSE whose phases can be switched."""
    return evolve(settings, can_switch_phases=True)
