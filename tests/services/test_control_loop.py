"""The control loop, with a clock that stands still and EVSEs that note what they are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.services import control_loop
from cfos_cm.services.control_loop import LAST_RETRY_S, ControlLoop
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    EvseLost,
    OccupancyReported,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import DeviceIdentity, EvseSettings, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

CYCLE_S = 1.0


@frozen
class Given:
    """An order as an EVSE was given it."""

    current_ma: int
    transaction_id: int | None
    from_scratch: bool
    answer: Deferred[None]


@implementer(IEvse)
@define
class NotingEvse:
    """
    An EVSE that notes its orders; the test answers them.

    @ivar given: all orders, the last one last.
    """

    name: str
    given: list[Given] = field(factory=list)

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[None]:
        """See L{IEvse.apply}."""
        answer: Deferred[None] = Deferred()
        self.given.append(Given(setpoint.current_ma, transaction_id, from_scratch, answer))
        return answer

    @property
    def currents_ma(self) -> list[int]:
        """The current of each order."""
        return [one.current_ma for one in self.given]

    def confirms(self) -> None:
        """The last order is obeyed."""
        self.given[-1].answer.callback(None)

    def refuses(self) -> None:
        """The last order is refused."""
        self.given[-1].answer.errback(DeviceRefusal("Rejected"))

    def is_silent(self) -> None:
        """The last order is not answered in time."""
        self.given[-1].answer.errback(DeviceError("not answered within 30 s"))


@implementer(IEvse)
@define
class BrokenEvse:
    """An EVSE whose driver has a mistake: it raises instead of giving a Deferred."""

    name: str
    calls: int = 0

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[None]:
        """See L{IEvse.apply}; raises."""
        self.calls += 1
        raise ZeroDivisionError("a mistake in the driver")


def settings(*names: str, observe_only: bool = False, fuse_ma: int = 32_000) -> SettingsChanged:
    """A site with one fuse and some EVSEs of 16 A."""
    return SettingsChanged(
        "Garage",
        observe_only,
        (CircuitSettings("garage", fuse_ma),),
        tuple(EvseSettings(name, "garage") for name in names),
    )


def transaction(transaction_id: int) -> Transaction:
    """A transaction of somebody who may charge."""
    started_at = datetime(2026, 3, 1, tzinfo=UTC)
    return Transaction(transaction_id, "04A1B2C3", Verdict.ACCEPTED, started_at, 0)


class LoopCase(SynchronousTestCase):
    """
    A loop with two EVSEs, C{a} and C{b}.

    @ivar events: all that an observer was told.
    @ivar fuse_ma: of the circuit that feeds both. [mA]
    """

    fuse_ma = 32_000

    def setUp(self) -> None:
        """Start the loop."""
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)
        self.clock = Clock()
        self.loop = ControlLoop(self.clock, CYCLE_S)
        self.events: list[SiteEvent] = []
        self.loop.observe(lambda event, before, after: self.events.append(event))
        self.a, self.b = NotingEvse("a"), NotingEvse("b")
        self.loop.evses = {"a": self.a, "b": self.b}
        self.loop.report(settings("a", "b", fuse_ma=self.fuse_ma))
        self.loop.start()
        self.settle()

    def settle(self) -> None:
        """Let happen what happens at once."""
        self.clock.advance(0)

    def report(self, *events: SiteEvent) -> None:
        """Report events, and let the loop act on them."""
        for event in events:
            self.loop.report(event)
        self.settle()

    def connect(self, evse: NotingEvse) -> None:
        """Connect an EVSE, which confirms that it does not charge."""
        self.report(EvseConnected(evse.name, "192.0.2.1"))
        evse.confirms()
        self.settle()

    def charge(self, evse: NotingEvse, transaction_id: int) -> None:
        """Start a transaction."""
        self.report(TransactionStarted(evse.name, transaction(transaction_id)))

    def stop_charging(self, evse: NotingEvse, transaction_id: int) -> None:
        """End a transaction."""
        self.report(TransactionStopped(evse.name, transaction_id, 1000, "Local"))

    def flushed(self) -> list[str]:
        """What was logged since the start of the test, in words."""
        return [formatEvent(event) for event in self.logged]

    def events_of(self, kind: type[SiteEvent]) -> list[SiteEvent]:
        """What of one kind the observer was told."""
        return [event for event in self.events if isinstance(event, kind)]


class Dismissal(LoopCase):
    """EVSEs that the settings do not name any more."""

    def test_others(self) -> None:
        """One that does not charge, is not there or is not known is told nothing."""
        self.connect(self.a)
        given = len(self.a.given)
        self.successResultOf(self.loop.dismiss({"a", "b", "c"}))
        self.settle()
        self.assertEqual((given, 0), (len(self.a.given), len(self.b.given)))

    def test_observing(self) -> None:
        """Who only observes orders nothing."""
        self.connect(self.a)
        self.charge(self.a, 7)
        self.report(settings("a", "b", observe_only=True))
        given = len(self.a.given)
        self.successResultOf(self.loop.dismiss({"a"}))
        self.settle()
        self.assertEqual(given, len(self.a.given))


class Fake(SynchronousTestCase):
    """The EVSEs of these tests."""

    def test_interface(self) -> None:
        """They are what the loop is told that it gets."""
        verifyObject(IEvse, NotingEvse("a"))
        verifyObject(IEvse, BrokenEvse("a"))


class Rhythm(LoopCase):
    """When the loop decides."""

    def test_at_once(self) -> None:
        """An event is acted on without waiting for the cycle."""
        self.report(EvseConnected("a", "192.0.2.1"))
        self.assertEqual([0], self.a.currents_ma)

    def test_not_inside_the_report(self) -> None:
        """Several events that are reported together lead to one decision, after the last."""
        self.loop.report(EvseConnected("a", "192.0.2.1"))
        self.loop.report(TransactionStarted("a", transaction(1)))
        self.assertEqual([], self.a.given)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.settle()
        self.assertEqual([1], [one.transaction_id for one in self.a.given])

    def test_each_cycle(self) -> None:
        """Without any event the site is decided once in each cycle."""
        calls: list[SiteState] = []
        decide = control_loop.decide

        def counting(state: SiteState) -> object:
            calls.append(state)
            return decide(state)

        self.patch(control_loop, "decide", counting)
        self.clock.pump([CYCLE_S] * 3)
        self.assertEqual(3, len(calls))

    def test_changed_cycle(self) -> None:
        """Another cycle holds from the next decision on."""
        self.loop.cycle_s = 30.0
        self.clock.advance(CYCLE_S)
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(CYCLE_S + 30.0, call.getTime())

    def test_not_before_start(self) -> None:
        """Before its start the loop takes note of events and orders nothing."""
        loop = ControlLoop(self.clock, CYCLE_S)
        before = len(self.clock.getDelayedCalls())
        loop.report(settings("a"))
        self.assertEqual(["a"], list(loop.state.evses))
        self.assertEqual(before, len(self.clock.getDelayedCalls()))

    def test_stop(self) -> None:
        """After its end no timer is left, and events start none."""
        self.loop.report(EvseConnected("a", "192.0.2.1"))
        self.loop.stop()
        self.loop.report(EvseConnected("b", "192.0.2.2"))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(([], []), (self.a.given, self.b.given))

    def test_answers_after_stop(self) -> None:
        """Answers that come after the end are noted and start nothing."""
        self.report(EvseConnected("a", "192.0.2.1"), EvseConnected("b", "192.0.2.2"))
        self.loop.stop()
        self.a.confirms()
        self.b.refuses()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(1, len(self.events_of(SetpointConfirmed)))
        self.assertEqual(1, len(self.events_of(SetpointFailed)))

    def test_start_again(self) -> None:
        """A loop that was stopped goes on when it is started again."""
        self.loop.stop()
        self.report(EvseConnected("a", "192.0.2.1"))
        self.loop.start()
        self.settle()
        self.assertEqual([0], self.a.currents_ma)

    def test_decision_is_told_once(self) -> None:
        """A decision that is the same as before is not told again."""
        self.clock.pump([CYCLE_S] * 5)
        self.assertEqual(2, len(self.events_of(SetpointDecided)))


class Transitions(LoopCase):
    """In which order currents change, where the fuse carries one car and not two."""

    fuse_ma = 20_000

    def test_decrease_first(self) -> None:
        """A second car gets its share when the first one has confirmed that it takes less."""
        self.connect(self.a)
        self.connect(self.b)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.charge(self.b, 2)
        self.assertEqual(([0, 16_000, 10_000], [0]), (self.a.currents_ma, self.b.currents_ma))
        self.clock.pump([CYCLE_S] * 5)
        self.assertEqual([0], self.b.currents_ma)
        self.a.confirms()
        self.settle()
        self.assertEqual([0, 10_000], self.b.currents_ma)

    def test_increase_after_confirmation(self) -> None:
        """What a car leaves is given to the other one when its end is known."""
        self.connect(self.a)
        self.connect(self.b)
        self.charge(self.a, 1)
        self.a.confirms()
        self.charge(self.b, 2)
        self.a.confirms()
        self.settle()
        self.b.confirms()
        self.settle()
        self.stop_charging(self.a, 1)
        self.assertEqual(16_000, self.b.currents_ma[-1])

    def test_transaction(self) -> None:
        """An order names the transaction that runs."""
        self.connect(self.b)
        self.connect(self.a)
        self.charge(self.a, 77)
        self.assertEqual([None, 77], [one.transaction_id for one in self.a.given])

    def test_observe_only(self) -> None:
        """A site that is only observed is decided, and nothing is ordered."""
        self.report(settings("a", "b", observe_only=True))
        self.report(EvseConnected("a", "192.0.2.1"))
        self.charge(self.a, 1)
        self.clock.pump([CYCLE_S] * 5)
        self.assertEqual([], self.a.given)
        self.assertNotEqual([], self.events_of(SetpointDecided))

    def test_no_device(self) -> None:
        """An EVSE that nobody can talk to stops nobody else's orders."""
        self.loop.evses = {"b": self.b}
        self.report(EvseConnected("a", "192.0.2.1"), EvseConnected("b", "192.0.2.2"))
        self.assertEqual([0], self.b.currents_ma)
        self.assertIsNone(self.loop.state.evses["a"].ordered)


class OneAtATime(LoopCase):
    """An EVSE has one order to answer, whatever happens meanwhile."""

    def test_other_target(self) -> None:
        """Another decision waits for the answer to the order before."""
        self.report(EvseConnected("a", "192.0.2.1"))
        self.charge(self.a, 1)
        self.clock.pump([CYCLE_S] * 100)
        self.assertEqual([0], self.a.currents_ma)
        self.a.confirms()
        self.settle()
        self.assertEqual([0, 16_000], self.a.currents_ma)

    def test_transaction_ends(self) -> None:
        """So does the order after the end of the transaction."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.stop_charging(self.a, 1)
        self.charge(self.a, 2)
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual([None, 1], [one.transaction_id for one in self.a.given])
        self.a.confirms()
        self.settle()
        self.assertEqual([None, 1, 2], [one.transaction_id for one in self.a.given])

    def test_answer_for_ended_transaction(self) -> None:
        """What is accepted for a transaction that is over is not in force in the next one."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.stop_charging(self.a, 1)
        self.charge(self.a, 2)
        self.a.confirms()
        confirmed = self.loop.state.evses["a"].confirmed
        assert confirmed is not None
        self.assertEqual(0, confirmed.current_ma)

    def test_late_failure_for_ended_transaction(self) -> None:
        """An order that fails when it is of no use any more delays no other one."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.stop_charging(self.a, 1)
        self.a.is_silent()
        self.settle()
        self.charge(self.a, 2)
        self.assertNotEqual([None, 1], [one.transaction_id for one in self.a.given])
        self.assertEqual([], self.events_of(SetpointFailed))

    def test_removed(self) -> None:
        """The answer of an EVSE that is gone from the settings does no harm."""
        for end in (NotingEvse.confirms, NotingEvse.refuses, NotingEvse.is_silent):
            self.report(settings("a", "b"), EvseConnected("a", "192.0.2.1"))
            self.report(settings("b"))
            end(self.a)
            self.settle()
            self.assertEqual(["b"], list(self.loop.state.evses))
        self.assertEqual([], self.events_of(SetpointConfirmed))
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_became_another_device(self) -> None:
        """The answer of the device that an EVSE was is not taken for that of the new one."""
        for end in (NotingEvse.confirms, NotingEvse.refuses):
            self.report(settings("a"), EvseConnected("a", "192.0.2.1"))
            self.report(settings(), settings("a"))
            old, self.a = self.a, NotingEvse("a")
            self.loop.evses = {"a": self.a}
            self.report(EvseConnected("a", "192.0.2.7"))
            self.assertEqual([0], self.a.currents_ma)
            end(old)
            self.settle()
            self.assertIsNotNone(self.loop.state.evses["a"].ordered)
            self.assertIsNone(self.loop.state.evses["a"].confirmed)
            self.report(settings())

    def test_new_device_has_no_respite(self) -> None:
        """An EVSE that has become another device need not wait because the old one failed."""
        self.report(EvseConnected("a", "192.0.2.1"))
        self.a.refuses()
        self.settle()
        self.report(settings("b"), settings("a", "b"))
        self.charge(self.a, 1)
        self.report(EvseConnected("a", "192.0.2.7"))
        self.assertEqual(2, len(self.a.given))


class Retries(LoopCase):
    """What becomes of an EVSE that does not obey."""

    def waits_s(self, fail: Callable[[NotingEvse], None], number: int) -> list[float]:
        """Let C{number} orders fail; how long it took until the next one each time."""
        self.report(EvseConnected("a", "192.0.2.1"))
        waits: list[float] = []
        for _ in range(number):
            failed_at_s, given = self.clock.seconds(), len(self.a.given)
            fail(self.a)
            while len(self.a.given) == given:
                self.clock.advance(CYCLE_S)
                if self.clock.seconds() > failed_at_s + 2 * LAST_RETRY_S:
                    self.fail(f"no order after failure {len(waits) + 1}")
            waits.append(self.clock.seconds() - failed_at_s)
        return waits

    def test_refusal(self) -> None:
        """It is told again after 5 s, then after twice as long each time, at most 300 s."""
        self.assertEqual(
            [5, 10, 20, 40, 80, 160, 300, 300], self.waits_s(NotingEvse.refuses, 8)
        )

    def test_silence(self) -> None:
        """An EVSE that does not answer is treated like one that refuses."""
        self.assertEqual(
            [5, 10, 20, 40, 80, 160, 300, 300], self.waits_s(NotingEvse.is_silent, 8)
        )

    def test_for_days(self) -> None:
        """One that refuses for days is still told, every 300 s."""
        self.loop.cycle_s = 60.0
        self.assertEqual({300.0}, set(self.waits_s(NotingEvse.refuses, 1100)[6:]))

    def test_longer_cycle(self) -> None:
        """It is told as soon as its time has come, also when the cycle is longer."""
        self.loop.cycle_s = 60.0
        self.assertEqual([5, 10, 20], self.waits_s(NotingEvse.refuses, 3))

    def test_kinds(self) -> None:
        """Whoever watches learns whether it was refused, and why."""
        self.report(EvseConnected("a", "192.0.2.1"), EvseConnected("b", "192.0.2.2"))
        self.a.refuses()
        self.b.is_silent()
        first, second = self.events_of(SetpointFailed)
        assert isinstance(first, SetpointFailed)
        assert isinstance(second, SetpointFailed)
        self.assertEqual((True, "Rejected"), (first.refused, first.why))
        self.assertEqual((False, "not answered within 30 s"), (second.refused, second.why))

    def test_others_go_on(self) -> None:
        """The other EVSEs need not wait for one that refuses."""
        self.report(EvseConnected("a", "192.0.2.1"))
        self.a.refuses()
        self.report(EvseConnected("b", "192.0.2.2"))
        self.assertEqual([0], self.b.currents_ma)

    def test_less_does_not_wait(self) -> None:
        """An EVSE that does not take its current is told at once when it shall have less."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.assertEqual(16_000, self.a.currents_ma[-1])
        self.a.is_silent()
        self.report(settings("a", fuse_ma=8_000))
        self.assertEqual([0, 16_000, 8_000], self.a.currents_ma)
        self.a.refuses()
        self.report(settings("a", fuse_ma=9_000))
        self.assertEqual([0, 16_000, 8_000], self.a.currents_ma)

    def failed_twice(self) -> None:
        """Have C{a} refuse two orders, so that it is left alone for 10 s."""
        self.waits_s(NotingEvse.refuses, 1)
        self.a.refuses()
        self.settle()
        self.assertEqual(2, len(self.a.given))

    def test_reset(self) -> None:
        """It is told at once when it connects, starts or begins a transaction."""
        device = DeviceIdentity("Vendor", "Model")
        for event in (
            EvseConnected("a", "192.0.2.9"),
            DeviceBooted("a", device),
            TransactionStarted("a", transaction(5)),
        ):
            with self.subTest(event=event):
                self.setUp()
                self.failed_twice()
                self.report(event)
                self.assertEqual(3, len(self.a.given))

    def test_reset_forgets_failures(self) -> None:
        """After that the first wait is the short one again."""
        self.failed_twice()
        self.assertEqual([5], self.waits_s(NotingEvse.refuses, 1))

    def test_confirmation_forgets_failures(self) -> None:
        """So it is when it has confirmed an order."""
        self.failed_twice()
        self.clock.pump([CYCLE_S] * 10)
        self.a.confirms()
        # It is to be told something else, and nothing that resets the waits has happened.
        patched = {"a": Setpoint(6_000, Reason(ReasonCode.RATING, "a test"))}
        self.patch(control_loop, "decide", lambda state: patched)
        self.patch(control_loop, "orders", lambda state, targets: patched)
        self.clock.advance(CYCLE_S)
        given = len(self.a.given)
        self.a.refuses()
        self.clock.pump([CYCLE_S] * 4)
        self.assertEqual(given, len(self.a.given))
        self.clock.advance(CYCLE_S)
        self.assertEqual(given + 1, len(self.a.given))

    def test_other_events_do_not_reset(self) -> None:
        """Nothing else makes the wait shorter."""
        self.failed_twice()
        self.report(OccupancyReported("a", Occupancy.PLUGGED, "Preparing"))
        self.clock.pump([CYCLE_S] * 9)
        self.assertEqual(2, len(self.a.given))


class FromScratch(LoopCase):
    """When an EVSE is told everything, because it may have forgotten."""

    def setUp(self) -> None:
        """Have C{a} charge, and know that it obeys."""
        super().setUp()
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()

    def last(self) -> tuple[int, int, bool]:
        """How many orders there were, and the current and the C{from_scratch} of the last."""
        return len(self.a.given), self.a.given[-1].current_ma, self.a.given[-1].from_scratch

    def test_first(self) -> None:
        """The first order is from scratch, and those that follow it are not."""
        self.assertEqual([True, False], [one.from_scratch for one in self.a.given])

    def test_connect(self) -> None:
        """It is told again when it has connected again."""
        self.report(EvseLost("a", "gone"), EvseConnected("a", "192.0.2.1"))
        self.assertEqual((3, 16_000, True), self.last())

    def test_not_while_lost(self) -> None:
        """It is told nothing while it cannot be reached."""
        self.report(EvseLost("a", "gone"))
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual(2, len(self.a.given))

    def test_boot(self) -> None:
        """It is told again when it has started."""
        self.report(DeviceBooted("a", DeviceIdentity("Vendor", "Model")))
        self.assertEqual((3, 16_000, True), self.last())

    def test_resume(self) -> None:
        """It is told again when its car charges again after a pause."""
        self.report(OccupancyReported("a", Occupancy.CHARGING, "Charging"))
        self.a.confirms()
        self.report(OccupancyReported("a", Occupancy.PLUGGED, "SuspendedEV"))
        given = len(self.a.given)
        self.report(OccupancyReported("a", Occupancy.CHARGING, "Charging"))
        self.assertEqual((given + 1, 16_000, True), self.last())

    def test_once(self) -> None:
        """It is told once: when it has confirmed, there is nothing more to say."""
        self.report(DeviceBooted("a", DeviceIdentity("Vendor", "Model")))
        self.a.confirms()
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual(3, len(self.a.given))


class Mishaps(LoopCase):
    """What goes wrong in the program itself stops nothing."""

    def test_observer(self) -> None:
        """An observer that raises is logged; the others and the loop go on."""
        told: list[SiteEvent] = []

        def raises(event: SiteEvent, before: SiteState, after: SiteState) -> None:
            raise KeyError("a mistake in an observer")

        self.loop.observe(raises)
        self.loop.observe(lambda event, before, after: told.append(event))
        self.report(EvseConnected("a", "192.0.2.1"))
        self.assertEqual([0], self.a.currents_ma)
        self.assertIn(SetpointOrdered, [type(event) for event in told])
        self.assertNotEqual([], self.flushLoggedErrors(KeyError))

    def test_driver(self) -> None:
        """An EVSE whose driver raises is told again later, and the others at once."""
        broken = BrokenEvse("a")
        self.loop.evses = {"a": broken, "b": self.b}
        self.report(EvseConnected("a", "192.0.2.1"), EvseConnected("b", "192.0.2.2"))
        self.assertEqual((1, [0]), (broken.calls, self.b.currents_ma))
        self.assertIsNone(self.loop.state.evses["a"].ordered)
        (failed,) = self.events_of(SetpointFailed)
        assert isinstance(failed, SetpointFailed)
        self.assertFalse(failed.refused)
        self.clock.pump([CYCLE_S] * 5)
        self.assertEqual(2, broken.calls)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_device_error_is_no_mistake(self) -> None:
        """A device that does not obey is reported, not logged as a failure of the program."""
        self.report(EvseConnected("a", "192.0.2.1"))
        self.a.refuses()
        self.assertEqual([], self.flushLoggedErrors())

    def pauses(self, function: str) -> None:
        """Have both charge, then let a step of the decision raise: both are paused."""
        for evse, number in ((self.a, 1), (self.b, 2)):
            self.connect(evse)
            self.charge(evse, number)
            evse.confirms()
            self.settle()
        self.assertEqual((16_000, 16_000), (self.a.currents_ma[-1], self.b.currents_ma[-1]))

        def raises(*arguments: object) -> None:
            raise LookupError("a mistake in a rule")

        patch = self.patch(control_loop, function, raises)
        self.clock.advance(CYCLE_S)
        self.assertEqual((0, 0), (self.a.currents_ma[-1], self.b.currents_ma[-1]))
        target = self.loop.state.evses["a"].target
        assert target is not None
        self.assertEqual(ReasonCode.DECISION_FAILED, target.reason.code)
        self.a.confirms()
        self.b.confirms()
        self.clock.pump([CYCLE_S] * 3)
        self.assertEqual(0, self.a.currents_ma[-1])
        patch.restore()
        self.clock.advance(CYCLE_S)
        self.assertEqual((16_000, 16_000), (self.a.currents_ma[-1], self.b.currents_ma[-1]))
        self.assertNotEqual([], self.flushLoggedErrors(LookupError))

    def test_decide(self) -> None:
        """When nothing can be decided every EVSE is paused, until something can."""
        self.pauses("decide")

    def test_orders(self) -> None:
        """So it is when the way to what was decided cannot be found."""
        self.pauses("orders")

    def test_wiring(self) -> None:
        """A circuit that is not there ends charging as well; nothing is known of the wiring."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        whole = settings("a", "b")
        self.report(SettingsChanged(whole.title, False, (), whole.evses))
        self.assertEqual([0, 16_000, 0], self.a.currents_ma)
        self.assertNotEqual([], self.flushLoggedErrors(KeyError))
        self.loop.stop()

    def test_decide_while_observing(self) -> None:
        """A site that is only observed is not even paused."""
        self.report(settings("a", "b", observe_only=True), EvseConnected("a", "192.0.2.1"))

        def raises(state: SiteState) -> None:
            raise LookupError("a mistake in a rule")

        self.patch(control_loop, "decide", raises)
        self.clock.advance(CYCLE_S)
        self.assertEqual([], self.a.given)
        self.assertNotEqual([], self.flushLoggedErrors(LookupError))
