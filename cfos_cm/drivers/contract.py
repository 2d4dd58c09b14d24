"""
What every driver promises, as tests: for the drivers of this package and of any other.

The tests of a driver inherit L{EvseContract} or L{MeterContract} and a C{TestCase}, and say how
the device at its other end behaves::

    class AcmeTests(EvseContract, SynchronousTestCase):
        def make(self, observe_only): ...

A device may be simulated or real; all that is asked for is that its time can be let pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IDevice, IEvse, IMeter
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    MeterLost,
    MeterMeasured,
    SiteEvent,
)
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint

__all__ = ["PATIENCE_S", "EvseContract", "MeterContract"]

#: What has to happen happens within this time of the device's. [s]
PATIENCE_S = 60.0
_STEP_S = 0.25


class _DeviceContract:
    """
    What is common to all devices.

    @ivar name: of the device in the site.
    @ivar reported: the events that its driver has reported, oldest first.
    """

    name = "device"
    reported: list[SiteEvent]

    def make(self, observe_only: bool = False) -> Any:
        """A driver that has not been started, of a device that is there."""
        raise NotImplementedError

    def vanish(self) -> None:
        """The device cannot be reached any more."""
        raise NotImplementedError

    def come_back(self) -> None:
        """It can be reached again."""
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        """Time passes, and whatever is due in it happens. [s]"""
        raise NotImplementedError

    def wait_for(self, happened: Callable[[], bool], why: str) -> None:
        """Let time pass until something has happened, but not for ever."""
        passed_s = 0.0
        while not happened() and passed_s < PATIENCE_S:
            self.pass_time(_STEP_S)
            passed_s += _STEP_S
        if not happened():
            raise AssertionError(f"{why}; reported: {self.reported}")

    def events(self, *kinds: type) -> list[SiteEvent]:
        """What was reported of some kinds."""
        return [event for event in self.reported if isinstance(event, kinds)]

    def outcome_of(self, answer: Deferred[Any]) -> Any:
        """What a Deferred fires with when time passes; a L{Failure} where it fails."""
        found: list[Any] = []
        answer.addBoth(found.append)
        self.wait_for(lambda: bool(found), "it has never fired")
        return found[0]


class EvseContract(_DeviceContract):
    """
    What the driver of an EVSE promises.

    @cvar connects: the driver reports that the EVSE is there; where it does not, as with OCPP,
        somebody else does.
    @cvar transaction_id: what a current is ordered for.
    """

    connects = True
    transaction_id: int | None = 7

    def given_ma(self) -> int:
        """What the device gives its car at most, as it is set now. [mA per phase]"""
        raise NotImplementedError

    def refuse(self) -> None:
        """From now on the device says no to whatever it is told."""
        raise NotImplementedError

    def written(self) -> int:
        """How often the device was told something until now."""
        raise NotImplementedError

    def started(self, observe_only: bool = False) -> IEvse:
        """A driver that is in touch with its device."""
        evse: IEvse = self.make(observe_only)
        evse.start()
        if self.connects:
            self.wait_for(lambda: bool(self.events(EvseConnected)), "it was never connected")
        return evse

    def order(self, evse: IEvse, current_ma: int, from_scratch: bool = False) -> Any:
        """Order a current, and wait for what comes of it."""
        setpoint = Setpoint(current_ma, Reason(ReasonCode.CIRCUIT, "a test"))
        return self.outcome_of(evse.apply(setpoint, self.transaction_id, from_scratch))

    def test_interface(self: Any) -> None:
        """It is what the control loop asks for, and has its name."""
        evse = self.make()
        self.assertTrue(verifyObject(IEvse, evse))
        self.assertTrue(verifyObject(IDevice, evse))
        self.assertEqual(self.name, evse.name)

    def test_nothing_before_start(self: Any) -> None:
        """A driver that was made and not started does nothing."""
        self.make()
        before = self.written()
        self.pass_time(10)
        self.assertEqual((before, []), (self.written(), self.reported))

    def test_connects(self: Any) -> None:
        """It reports that it is there, once, in the name of its EVSE."""
        self.started()
        self.pass_time(10)
        connected = self.events(EvseConnected)
        self.assertEqual([self.name] if self.connects else [], [one.evse for one in connected])

    def test_obeys(self: Any) -> None:
        """Whatever current it confirms, the device gives no more; the last order holds."""
        evse = self.started()
        for current_ma in (10_000, 16_000, 6000, 0, 0, 7500):
            outcome = self.order(evse, current_ma)
            self.assertTrue(outcome in (None, True, False), outcome)
            self.assertTrue(self.given_ma() <= current_ma, f"{self.given_ma()} mA")
        self.assertEqual(7500, self.given_ma())

    def test_from_scratch(self: Any) -> None:
        """The same holds when the device may have forgotten everything."""
        evse = self.started()
        self.order(evse, 10_000, from_scratch=True)
        self.assertEqual(10_000, self.given_ma())

    def test_in_turn(self: Any) -> None:
        """Orders that are given without waiting are carried out in their order."""
        evse = self.started()
        reason = Reason(ReasonCode.CIRCUIT, "a test")
        first = evse.apply(Setpoint(16_000, reason), self.transaction_id, False)
        last = evse.apply(Setpoint(6000, reason), self.transaction_id, False)
        self.outcome_of(first)
        self.outcome_of(last)
        self.assertEqual(6000, self.given_ma())

    def test_refusal(self: Any) -> None:
        """A device that says no is told of as that, and nothing else breaks."""
        evse = self.started()
        self.refuse()
        outcome = self.order(evse, 16_000)
        self.assertTrue(isinstance(outcome, Failure) and outcome.check(DeviceRefusal), outcome)

    def test_away(self: Any) -> None:
        """While it is away an order fails as the control loop expects, and that is reported."""
        evse = self.started()
        self.vanish()
        outcome = self.order(evse, 16_000)
        self.assertTrue(isinstance(outcome, Failure) and outcome.check(DeviceError), outcome)
        if self.connects:
            self.wait_for(lambda: bool(self.events(EvseLost)), "it was never lost")
            self.assertEqual([self.name], [one.evse for one in self.events(EvseLost)])

    def test_back(self: Any) -> None:
        """When it is there again it is reported, and obeys."""
        evse = self.started()
        self.vanish()
        if self.connects:
            self.wait_for(lambda: bool(self.events(EvseLost)), "it was never lost")
        self.come_back()
        if self.connects:
            self.wait_for(
                lambda: len(self.events(EvseConnected)) == 2, "it has never come back"
            )
        self.order(evse, 10_000, from_scratch=True)
        self.assertEqual(10_000, self.given_ma())

    def test_release(self: Any) -> None:
        """What was released gives all that it can, without this program."""
        evse = self.started()
        self.order(evse, 6000)
        outcome = self.outcome_of(evse.release())
        self.assertEqual(None, outcome)
        self.assertTrue(self.given_ma() >= 16_000, f"{self.given_ma()} mA")

    def test_stop(self: Any) -> None:
        """Nothing is reported after it was stopped, and it can be started again."""
        evse = self.started()
        self.assertEqual(None, self.outcome_of(evse.stop()))
        self.reported.clear()
        self.vanish()
        self.pass_time(10)
        self.assertEqual([], self.reported)
        self.come_back()
        evse.start()
        if self.connects:
            self.wait_for(lambda: bool(self.events(EvseConnected)), "it was not started again")

    def test_observe(self: Any) -> None:
        """Where this program only observes nothing at all is set, however long it runs."""
        before = self.written()
        self.started(observe_only=True)
        self.pass_time(30)
        self.assertEqual(before, self.written())


class MeterContract(_DeviceContract):
    """What the driver of a meter promises."""

    def started(self) -> IMeter:
        """A driver that reads its meter."""
        meter: IMeter = self.make()
        meter.start()
        self.wait_for(lambda: bool(self.events(MeterMeasured)), "it was never read")
        return meter

    def test_interface(self: Any) -> None:
        """It is what the program asks for, and has its name."""
        meter = self.make()
        self.assertTrue(verifyObject(IMeter, meter))
        self.assertEqual(self.name, meter.name)

    def test_nothing_before_start(self: Any) -> None:
        """A driver that was made and not started does nothing."""
        self.make()
        self.pass_time(10)
        self.assertEqual([], self.reported)

    def test_reads(self: Any) -> None:
        """It says every few seconds what flows, in the name of its meter."""
        self.started()
        self.reported.clear()
        self.pass_time(15)
        measured = self.events(MeterMeasured)
        self.assertTrue(len(measured) >= 3, measured)
        self.assertEqual({self.name}, {one.meter for one in measured})
        flows = [one.currents is not None or one.power_w is not None for one in measured]
        self.assertTrue(all(flows), measured)

    def test_lost(self: Any) -> None:
        """That it is away is said once, and nothing is measured from then on."""
        self.started()
        self.vanish()
        self.wait_for(lambda: bool(self.events(MeterLost)), "it was never lost")
        place = self.reported.index(self.events(MeterLost)[0])
        self.pass_time(10)
        self.assertEqual([self.name], [one.meter for one in self.events(MeterLost)])
        self.assertEqual(place, len(self.reported) - 1)

    def test_back(self: Any) -> None:
        """When it is there again it is read again."""
        self.started()
        self.vanish()
        self.wait_for(lambda: bool(self.events(MeterLost)), "it was never lost")
        self.reported.clear()
        self.come_back()
        self.wait_for(lambda: bool(self.events(MeterMeasured)), "it was not read again")

    def test_stop(self: Any) -> None:
        """Nothing is reported after it was stopped, and it can be started again."""
        meter = self.started()
        self.assertEqual(None, self.outcome_of(meter.stop()))
        self.reported.clear()
        self.pass_time(10)
        self.assertEqual([], self.reported)
        meter.start()
        self.wait_for(lambda: bool(self.events(MeterMeasured)), "it was not started again")
