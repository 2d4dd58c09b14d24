"""The control loop: when it decides, and what becomes of its orders."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents, on_each_phase
from cfos_cm.errors import DeviceRefusal, OrderIgnored
from cfos_cm.limits.loads import METER_PATIENCE_S
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.urgency import Urgency
from cfos_cm.limits.wiring import Wiring
from cfos_cm.services import control_loop
from cfos_cm.services.control_loop import ORDERS_AT_ONCE, ControlLoop
from cfos_cm.services.doubts import PROOF_S
from cfos_cm.services.respite import FIRST_RETRY_S
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CircuitLimited,
    CircuitLimitMet,
    CircuitOverdrawn,
    CircuitReleased,
    DeviceBooted,
    EvseConnected,
    EvseLost,
    EvseMeasured,
    EvseUnproven,
    LimitsCancelled,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    ProfilesMeddled,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionStarted,
)
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.policy import DEFAULT_POLICY as POLICY
from cfos_cm.site.setpoint import ReasonCode, Setpoint
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from tests.services.loops import (
    CYCLE_S,
    BrokenEvse,
    LoopCase,
    NotingEvse,
    settings,
    transaction,
)


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

    def count_decisions(self) -> list[SiteState]:
        """The state that each decision from now on is made about."""
        found: list[SiteState] = []
        decide = control_loop.decide

        def counting(state: SiteState, memory: Memory, wiring: Wiring) -> dict[str, Setpoint]:
            found.append(state)
            return decide(state, memory, wiring)

        self.patch(control_loop, "decide", counting)
        return found

    def test_nothing_changed(self) -> None:
        """Where nothing has changed nothing is decided, however many cycles pass."""
        self.connect(self.a)
        decisions = self.count_decisions()
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual([], decisions)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_same_again(self) -> None:
        """What was known before is no reason to decide."""
        said = OccupancyReported("a", Occupancy.PLUGGED, "Preparing")
        self.report(said)
        decisions = self.count_decisions()
        self.report(said, EvseLost("cellar", "closed"), TagJudged("a", "1", Verdict.ACCEPTED))
        self.clock.pump([CYCLE_S] * 3)
        self.assertEqual([], decisions)

    def test_measured(self) -> None:
        """No rule looks at what a meter says, so it leads to no decision."""
        decisions = self.count_decisions()
        for energy_wh in range(100):
            self.report(EvseMeasured("a", energy_wh=energy_wh))
        self.clock.pump([CYCLE_S] * 3)
        self.assertEqual([], decisions)
        self.assertEqual(99, self.loop.state.evses["a"].energy_wh)

    def test_newest_readings(self) -> None:
        """What meters say between two looks at them is known, and told to observers once."""
        self.report(
            EvseMeasured("a", PhaseCurrents(1, 2, 3), 100),
            EvseMeasured("b", energy_wh=5),
            EvseMeasured("a", energy_wh=101, power_w=7),
        )
        self.clock.advance(CYCLE_S)
        newest = EvseMeasured("a", PhaseCurrents(1, 2, 3), 101, 7)
        self.assertEqual([newest, EvseMeasured("b", energy_wh=5)], self.events_of(EvseMeasured))
        meter = self.loop.state.evses["a"].meter
        self.assertEqual(Measured(PhaseCurrents(1, 2, 3), 101, 7), meter)

    def test_many_readings(self) -> None:
        """What many meters say is told before there is more of it, without waiting."""
        self.patch(control_loop, "READINGS_AT_ONCE", 2)
        self.report(EvseMeasured("a", energy_wh=1), EvseMeasured("a", energy_wh=2))
        self.assertEqual([], self.events_of(EvseMeasured))
        self.report(EvseMeasured("b", energy_wh=3))
        self.assertEqual(
            [EvseMeasured("a", energy_wh=2), EvseMeasured("b", energy_wh=3)],
            self.events_of(EvseMeasured),
        )

    def test_last_readings(self) -> None:
        """What meters said last is told when it stops."""
        self.report(EvseMeasured("a", energy_wh=7))
        self.loop.stop()
        self.assertEqual([EvseMeasured("a", energy_wh=7)], self.events_of(EvseMeasured))

    def test_reading_before_event(self) -> None:
        """What a meter said before something happened does not count as said afterwards."""
        self.report(EvseMeasured("a", PhaseCurrents(16000, 0, 0), 100), EvseLost("a", "gone"))
        self.assertIsNone(self.loop.state.evses["a"].measured)
        self.assertEqual(100, self.loop.state.evses["a"].energy_wh)

    def test_next_cycle(self) -> None:
        """What may wait is decided in the next cycle, and once for all of it."""
        decisions = self.count_decisions()
        self.patch(control_loop, "urgency", lambda event, state: Urgency.NEXT_CYCLE)
        self.report(EvseConnected("a", "192.0.2.1"), EvseConnected("b", "192.0.2.1"))
        self.clock.advance(CYCLE_S / 2)
        self.assertEqual([], decisions)
        self.clock.advance(CYCLE_S / 2)
        self.assertEqual(1, len(decisions))

    def test_booked_by_an_order(self) -> None:
        """What an order books is looked at in the next cycle, or earlier with other news."""
        decisions = self.count_decisions()
        self.report(EvseConnected("a", "192.0.2.1"))
        self.assertEqual(1, len(decisions))
        self.clock.pump([CYCLE_S] * 4)
        self.assertEqual(2, len(decisions))

    def test_devices(self) -> None:
        """Those who carry setpoints out are told as soon as they are there."""
        self.loop.evses = {}
        self.report(EvseConnected("a", "192.0.2.1"))
        self.loop.evses = {"a": self.a}
        self.settle()
        self.assertEqual([0], self.a.currents_ma)

    def test_pace(self) -> None:
        """Decisions take at most a quarter of the process, however much happens."""
        decisions: list[float] = []
        decide = control_loop.decide

        def slow(state: SiteState, memory: Memory, wiring: Wiring) -> dict[str, Setpoint]:
            decisions.append(self.clock.seconds())
            self.clock.rightNow += 0.02
            return decide(state, memory, wiring)

        self.patch(control_loop, "decide", slow)
        begin_s = self.clock.seconds()
        for number in range(1000):
            occupancy = (Occupancy.PLUGGED, Occupancy.UNAVAILABLE)[number % 2]
            self.loop.report(OccupancyReported("a", occupancy, ""))
            self.clock.advance(0.001)
        taken_s = self.clock.seconds() - begin_s
        self.assertLessEqual(0.02 * len(decisions), 0.26 * taken_s)
        self.assertGreaterEqual(0.02 * len(decisions), 0.2 * taken_s)

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
        self.assertEqual([0], self.b.currents_ma)
        self.follow()
        self.assertEqual([0, 10_000], self.b.currents_ma)

    def test_decrease_measured(self) -> None:
        """A meter that sees that the first one takes less says so sooner."""
        self.connect(self.a)
        self.connect(self.b)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.charge(self.b, 2)
        self.a.confirms()
        self.clock.advance(CYCLE_S / 2)
        self.report(EvseMeasured("a", PhaseCurrents.on(ALL_PHASES, 15_800)))
        self.clock.advance(CYCLE_S)
        self.assertEqual([0], self.b.currents_ma)
        self.report(EvseMeasured("a", PhaseCurrents.on(ALL_PHASES, 9_900)))
        self.clock.advance(CYCLE_S)
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
        self.follow()
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


class Doubted(LoopCase):
    """One that has connected again, where the fuse carries both cars at 10 A each."""

    fuse_ma = 20_000

    def setUp(self) -> None:
        """Both charge, and know how much."""
        super().setUp()
        self.connect(self.a)
        self.connect(self.b)
        self.charge(self.a, 1)
        self.a.confirms()
        self.charge(self.b, 2)
        self.a.confirms()
        self.settle()
        self.follow()
        self.b.confirms()
        self.report(EvseConnected("a", "192.0.2.1"))
        self.assertEqual((10_000, 10_000), (self.a.currents_ma[-1], self.b.currents_ma[-1]))
        self.given = len(self.b.given)

    def test_proves(self) -> None:
        """If it confirms, nobody is told anything for its sake."""
        self.clock.advance(PROOF_S - CYCLE_S)
        self.a.confirms()
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual([], self.events_of(EvseUnproven))
        self.assertEqual(self.given, len(self.b.given))

    def test_takes_its_time(self) -> None:
        """If it does not, the other one lives with what its rating leaves, until it does."""
        self.clock.pump([CYCLE_S] * int(PROOF_S - 1))
        self.assertEqual(self.given, len(self.b.given))
        self.clock.advance(CYCLE_S)
        self.assertEqual(0, self.b.currents_ma[-1])
        self.b.confirms()
        self.a.confirms()
        self.settle()
        self.follow()
        self.assertEqual(10_000, self.b.currents_ma[-1])
        self.assertEqual(1, len(self.events_of(EvseUnproven)))

    def test_on_time(self) -> None:
        """However long a cycle is, it is noticed in time."""
        self.loop.cycle_s = 60.0
        self.clock.advance(CYCLE_S)
        self.clock.advance(PROOF_S - CYCLE_S)
        self.assertEqual(1, len(self.events_of(EvseUnproven)))

    def test_observing(self) -> None:
        """Who is only observed is told nothing, and so proves nothing."""
        self.report(settings("a", "b", observe_only=True))
        self.clock.pump([CYCLE_S] * 20)
        self.assertEqual([], self.events_of(EvseUnproven))


class Many(LoopCase):
    """More EVSEs than are told at once."""

    def setUp(self) -> None:
        """Three for each two that are told at once, of which the first ones are gone."""
        super().setUp()
        count = ORDERS_AT_ONCE * 3 // 2
        self.all = [NotingEvse(f"e{number}") for number in range(count)]
        self.loop.evses = {one.name: one for one in self.all[2:]}
        self.report(settings(*(one.name for one in self.all), fuse_ma=count * 16_000))
        for one in self.all:
            self.loop.report(EvseConnected(one.name, "192.0.2.1"))

    def test_all_are_told(self) -> None:
        """Those who were not told at once are told next; who cannot be told takes no turn."""
        told: list[int] = []
        decide = control_loop.decide

        def counting(state: SiteState, memory: Memory, wiring: Wiring) -> dict[str, Setpoint]:
            told.append(len([one for one in self.all if one.given]))
            return decide(state, memory, wiring)

        self.patch(control_loop, "decide", counting)
        self.clock.pump([CYCLE_S] * 2)
        self.assertEqual([0, ORDERS_AT_ONCE, len(self.all) - 2], told)
        self.assertEqual({(0,)}, {tuple(one.currents_ma) for one in self.all[2:]})

    def test_decreases_first(self) -> None:
        """Those who get less are told before those who get more."""
        self.settle()
        for one in self.all[2:]:
            one.confirms()
        last = self.all[-1]
        self.charge(last, 1)
        last.confirms()
        self.events.clear()
        for number, one in enumerate(self.all[2:-1]):
            self.loop.report(TransactionStarted(one.name, transaction(100 + number)))
        self.loop.report(OccupancyReported(last.name, Occupancy.UNAVAILABLE, "Unavailable"))
        self.settle()
        ordered = [event.evse for event in self.events if isinstance(event, SetpointOrdered)]
        self.assertEqual([last.name, *(one.name for one in self.all[2:-1])], ordered)


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

    def test_default_refused(self) -> None:
        """Who does not forbid charging by default may draw its rating after the transaction."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.report(ProfilesMeddled("a", "the operator"))
        self.a.confirms()
        self.settle()
        self.a.confirms_the_limit()
        self.stop_charging(self.a, 1)
        self.assertEqual(16_000, self.loop.state.evses["a"].may_draw_ma)
        self.assertEqual((None, 0), (self.a.given[-1].transaction_id, self.a.currents_ma[-1]))
        self.a.confirms()
        self.assertEqual(0, self.loop.state.evses["a"].may_draw_ma)

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

    def test_meddled(self) -> None:
        """It is told again when somebody else has changed what it obeys."""
        self.report(ProfilesMeddled("a", "the operator"))
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


class Rest(LoopCase):
    """Where the fuse carries one car, and the policy has them take turns."""

    fuse_ma = 20_000

    def setUp(self) -> None:
        """One charges, and then a house leaves nothing for anybody."""
        super().setUp()
        self.configure(20_000)
        self.connect(self.b)
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.clock.pump([CYCLE_S] * int(POLICY.min_run_s + 1))

    def configure(self, fuse_ma: int) -> None:
        """Let the fuse be so big, with a policy."""
        self.report(settings("a", "b", fuse_ma=fuse_ma, policy=POLICY))

    def test_rests(self) -> None:
        """Who was paused for others charges again when he has rested, and not before."""
        self.configure(5_000)
        self.assertEqual(0, self.a.currents_ma[-1])
        self.a.confirms()
        self.configure(20_000)
        self.clock.pump([CYCLE_S] * int(POLICY.min_pause_s - 5))
        self.assertEqual(0, self.a.currents_ma[-1])
        target = self.loop.state.evses["a"].target
        assert target is not None
        self.assertIs(ReasonCode.PAUSE, target.reason.code)
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual(16_000, self.a.currents_ma[-1])

    def test_words(self) -> None:
        """That it rests is told once for each minute, not in each cycle."""
        self.configure(5_000)
        self.a.confirms()
        self.configure(20_000)
        self.events.clear()
        self.clock.pump([CYCLE_S] * int(POLICY.min_pause_s - 5))
        told = self.events_of(SetpointDecided)
        self.assertLessEqual(len(told), POLICY.min_pause_s / 60 + 1)


class Renewal(LoopCase):
    """A limit that ends by itself is told again in time."""

    def setUp(self) -> None:
        """Have C{a} charge with a limit that ends in 60 s."""
        super().setUp()
        self.connect(self.b)
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.renewal_due_s = 60.0
        self.a.confirms()
        self.settle()
        self.given = len(self.a.given)

    def test_in_time(self) -> None:
        """It is told what it obeys already, for the transaction that runs, and not before."""
        self.clock.advance(59.0)
        self.assertEqual(self.given, len(self.a.given))
        self.clock.advance(1.0)
        last = self.a.given[-1]
        self.assertEqual(
            (self.given + 1, 16_000, 1, False),
            (len(self.a.given), last.current_ma, last.transaction_id, last.from_scratch),
        )

    def test_however_long_a_cycle_is(self) -> None:
        """It does not wait for the end of a cycle."""
        self.loop.cycle_s = 3600.0
        self.clock.pump([CYCLE_S] * 60)
        self.assertEqual(self.given + 1, len(self.a.given))

    def test_once(self) -> None:
        """While it has that order to answer it is not told again, nor afterwards."""
        self.clock.pump([CYCLE_S] * 80)
        self.a.renewal_due_s = 160.0
        self.a.confirms()
        self.clock.pump([CYCLE_S] * 60)
        self.assertEqual(self.given + 1, len(self.a.given))
        self.clock.pump([CYCLE_S] * 30)
        self.assertEqual(self.given + 2, len(self.a.given))

    def test_something_else_to_say(self) -> None:
        """Where there is something else to say, that is said."""
        self.clock.advance(59.0)
        smaller = settings("a", "b", fuse_ma=10_000)
        self.loop.report(smaller)
        self.clock.advance(1.0)
        self.assertEqual(10_000, self.a.currents_ma[-1])
        self.assertEqual(self.given + 1, len(self.a.given))

    def test_not_without_transaction(self) -> None:
        """Outside transactions nothing ends by itself."""
        self.stop_charging(self.a, 1)
        self.a.confirms()
        given = len(self.a.given)
        self.clock.pump([CYCLE_S] * 120)
        self.assertEqual(given, len(self.a.given))

    def test_not_while_lost(self) -> None:
        """Who cannot be reached is told nothing."""
        self.report(EvseLost("a", "gone"))
        self.clock.pump([CYCLE_S] * 120)
        self.assertEqual(self.given, len(self.a.given))

    def test_not_while_observing(self) -> None:
        """Nor is anybody who is only observed."""
        self.report(settings("a", "b", observe_only=True))
        self.clock.pump([CYCLE_S] * 120)
        self.assertEqual(self.given, len(self.a.given))


class Released(LoopCase):
    """An EVSE that is to be used alone while it is disabled."""

    def setUp(self) -> None:
        """Have C{a} charge, and then disable it."""
        super().setUp()
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.given = len(self.a.given)
        self.report(self.configured(enabled=False))

    def configured(self, *, enabled: bool) -> SettingsChanged:
        """The settings with C{a} enabled or not."""
        whole = settings("a", "b", fuse_ma=self.fuse_ma)
        a, b = whole.evses
        alone = evolve(a, enabled=enabled, released_when_disabled=True)
        return evolve(whole, evses=(alone, b))

    def test_released(self) -> None:
        """It is released once, and ordered nothing."""
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual((1, self.given), (len(self.a.releases), len(self.a.given)))
        self.a.releases[0].callback(None)
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual((1, self.given), (len(self.a.releases), len(self.a.given)))
        self.assertEqual([LimitsCancelled("a")], self.events_of(LimitsCancelled))

    def test_booked(self) -> None:
        """All that it can draw is kept for it, for nobody limits it."""
        self.a.releases[0].callback(None)
        self.settle()
        self.assertEqual(16_000, self.loop.state.evses["a"].may_draw_ma)

    def test_again(self) -> None:
        """It is released again when it has connected or started again, or was meddled with."""
        self.a.releases[0].callback(None)
        for number, events in enumerate(
            (
                (EvseLost("a", "gone"), EvseConnected("a", "192.0.2.1")),
                (DeviceBooted("a", DeviceIdentity("Vendor", "Model")),),
                (ProfilesMeddled("a", "the operator"),),
            ),
            2,
        ):
            self.report(*events)
            self.assertEqual(number, len(self.a.releases), events)
            self.a.releases[-1].callback(None)
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual((4, self.given), (len(self.a.releases), len(self.a.given)))

    def test_retried(self) -> None:
        """If it does not confirm it is asked again later, also when nothing else happens."""
        self.a.releases[0].errback(DeviceRefusal("Rejected"))
        self.clock.pump([CYCLE_S] * int(FIRST_RETRY_S - 1))
        self.assertEqual(1, len(self.a.releases))
        self.clock.pump([CYCLE_S] * 2)
        self.assertEqual(2, len(self.a.releases))

    def test_enabled_again(self) -> None:
        """When it is enabled again it is told its limit from scratch."""
        self.a.releases[0].callback(None)
        self.report(self.configured(enabled=True))
        last = self.a.given[-1]
        self.assertEqual(
            (self.given + 1, 16_000, True),
            (len(self.a.given), last.current_ma, last.from_scratch),
        )

    def test_observing(self) -> None:
        """Who is only observed is not even released."""
        self.a.releases[0].errback(DeviceRefusal("Rejected"))
        self.report(evolve(self.configured(enabled=False), observe_only=True))
        self.clock.pump([CYCLE_S] * 60)
        self.assertEqual(1, len(self.a.releases))


class OutsideLimits(LoopCase):
    """Somebody outside lowers what the garage may draw."""

    limit = OutsideLimit("garage", "grid operator", 4_200)

    def setUp(self) -> None:
        """Have C{a} charge."""
        super().setUp()
        for evse in (self.a, self.b):
            self.connect(evse)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()

    def met(self) -> list[int]:
        """The power that was left each time that it was told that the limit is met. [W]"""
        events = self.events_of(CircuitLimitMet)
        return [event.booked_w for event in events if isinstance(event, CircuitLimitMet)]

    def test_met(self) -> None:
        """It is told once, when all that may be drawn is within it."""
        self.report(CircuitLimited(self.limit))
        self.assertEqual(6_000, self.a.currents_ma[-1])
        self.assertEqual([], self.met())
        self.a.confirms()
        self.settle()
        self.assertEqual([], self.met())
        self.follow()
        self.assertEqual([3 * 6 * 230], self.met())
        for occupancy in (Occupancy.PLUGGED, Occupancy.FREE):
            self.report(OccupancyReported("b", occupancy, ""))
            self.clock.pump([CYCLE_S] * 10)
        self.assertEqual(1, len(self.met()))

    def test_met_already(self) -> None:
        """A limit that is kept anyway is met at once."""
        self.report(CircuitLimited(evolve(self.limit, max_power_w=20_000)))
        self.assertEqual([3 * 16 * 230], self.met())

    def test_another(self) -> None:
        """Another limit of the same party has to be met anew."""
        for power_w in (20_000, 19_000):
            self.report(CircuitLimited(evolve(self.limit, max_power_w=power_w)))
        self.assertEqual(2, len(self.met()))

    def test_again(self) -> None:
        """After it was lifted the same limit is told once more."""
        limited = CircuitLimited(evolve(self.limit, max_power_w=20_000))
        self.report(limited)
        self.report(CircuitReleased("garage", "grid operator", "lifted"), limited)
        self.assertEqual(2, len(self.met()))

    def test_one_phase(self) -> None:
        """A car that has been proved to use one phase is counted with one."""
        for _ in range(120):
            self.loop.report(EvseMeasured("a", PhaseCurrents(16_000, 0, 0)))
            self.clock.advance(CYCLE_S)
        self.report(CircuitLimited(self.limit))
        self.assertEqual(16_000, self.a.currents_ma[-1])
        self.assertEqual([16 * 230], self.met())

    def test_nothing_remembered(self) -> None:
        """What cannot be remembered is logged, and nothing is told that nobody knows."""
        self.report(CircuitLimited(self.limit))
        self.a.confirms()

        def raises(*arguments: object, **more: object) -> None:
            raise LookupError("a mistake in a machine")

        self.patch(Memory, "after", raises)
        self.report(OccupancyReported("b", Occupancy.PLUGGED, ""))
        self.clock.pump([CYCLE_S] * 3)
        self.assertEqual([], self.met())
        self.assertEqual(0, self.a.currents_ma[-1])
        self.assertNotEqual([], self.flushLoggedErrors(LookupError, KeyError))


class Metered(LoopCase):
    """A fuse with a meter."""

    fuse_ma = 32_000

    def setUp(self) -> None:
        """Have C{a} charge beside a house that takes 10 A."""
        super().setUp()
        self.configure()
        self.connect(self.b)
        self.connect(self.a)
        self.measure(10_000)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        for _ in range(10):
            self.clock.advance(CYCLE_S)
            self.loop.report(EvseMeasured("a", on_each_phase(16_000)))
            self.measure(26_000)

    def configure(self, failsafe_load: PhaseCurrents | None = None) -> None:
        """Give the fuse a meter, and a load that counts while it is silent."""
        whole = settings("a", "b")
        circuit = CircuitSettings(
            "garage", self.fuse_ma, meter="grid", failsafe_load=failsafe_load
        )
        meters = (MeterSettings("grid", MeterRole.GRID),)
        self.report(evolve(whole, circuits=(circuit,), meters=meters))

    def measure(self, current_ma: int) -> None:
        """The meter shows so much on each phase."""
        self.report(MeterMeasured("grid", on_each_phase(current_ma)))

    def test_charges(self) -> None:
        """What the house leaves is given, and the meter changes nothing while it stays so."""
        self.assertEqual(16_000, self.a.currents_ma[-1])
        given = len(self.a.given)
        for _ in range(60):
            self.clock.advance(CYCLE_S)
            self.loop.report(EvseMeasured("a", on_each_phase(16_000)))
            self.measure(26_000)
        self.assertEqual(given, len(self.a.given))

    def test_date(self) -> None:
        """What is not dated was true when it was told."""
        self.measure(26_000)
        self.assertEqual(self.clock.seconds(), self.loop.state.meters["grid"].at_s)
        told = MeterMeasured("grid", on_each_phase(26_000), at_s=self.clock.seconds() - 2)
        self.report(told)
        self.assertEqual(self.clock.seconds() - 2, self.loop.state.meters["grid"].at_s)

    def test_overload(self) -> None:
        """An overload is answered in the very moment in which it is seen."""
        self.clock.advance(CYCLE_S / 2)
        self.loop.report(EvseMeasured("a", on_each_phase(16_000)))
        self.measure(36_000)
        # 20 A are the house's, and 4 A are kept free for the fuse to cool.
        self.assertEqual(8_000, self.a.currents_ma[-1])
        (told,) = self.events_of(CircuitOverdrawn)[:1]
        self.assertEqual(CircuitOverdrawn("garage", Phase.L1, 4_000, 4_000), told)
        self.assertEqual(3, len(self.events_of(CircuitOverdrawn)))

    def due(self) -> list[float]:
        """When something is done next, by itself."""
        return sorted(call.getTime() for call in self.clock.getDelayedCalls())

    def test_meters_apart(self) -> None:
        """Nothing is decided only because the meter of an EVSE, or one for display, speaks."""
        whole = settings("a", "b")
        circuit = CircuitSettings("garage", self.fuse_ma, meter="grid")
        meters = (
            MeterSettings("grid", MeterRole.GRID),
            MeterSettings("own", MeterRole.EVSE, evse="a"),
            MeterSettings("shown", MeterRole.DISPLAY),
        )
        self.report(evolve(whole, circuits=(circuit,), meters=meters))
        self.clock.advance(CYCLE_S / 2)
        before = self.due()
        for name in ("own", "shown"):
            self.loop.report(MeterMeasured(name, on_each_phase(12_000)))
        self.assertEqual(before, self.due())
        self.assertEqual(on_each_phase(12_000), self.loop.state.evses["a"].measured)
        self.loop.report(MeterMeasured("grid", on_each_phase(12_000)))
        self.assertNotEqual(before, self.due())

    def test_told_once(self) -> None:
        """It is told again only when it is worse."""
        for shown_ma, times in ((36_000, 3), (36_000, 3), (35_000, 3), (37_000, 6)):
            self.clock.advance(CYCLE_S)
            self.measure(shown_ma)
            self.assertEqual(times, len(self.events_of(CircuitOverdrawn)))

    def test_lost(self) -> None:
        """When the meter is lost nothing is left for anybody, at once."""
        self.report(MeterLost("grid", "no answer"))
        self.assertEqual(0, self.a.currents_ma[-1])
        target = self.loop.state.evses["a"].target
        assert target is not None
        self.assertIs(ReasonCode.METER, target.reason.code)

    def test_failsafe_load(self) -> None:
        """Or what the fail-safe load leaves, where there is one."""
        self.configure(on_each_phase(24_000))
        self.report(MeterLost("grid", "no answer"))
        self.assertEqual(8_000, self.a.currents_ma[-1])

    def test_says_nothing(self) -> None:
        """A meter that says nothing for long is taken for lost, whatever is said of it."""
        self.clock.pump([CYCLE_S] * int(METER_PATIENCE_S - 1))
        self.assertEqual(16_000, self.a.currents_ma[-1])
        self.clock.pump([CYCLE_S] * 2)
        self.assertEqual(0, self.a.currents_ma[-1])

    def test_comes_back(self) -> None:
        """When it is heard again what it shows counts."""
        self.report(MeterLost("grid", "no answer"))
        self.a.confirms()
        self.follow()
        self.measure(10_000)
        self.clock.pump([CYCLE_S] * 2)
        self.assertEqual(16_000, self.a.currents_ma[-1])


class Ignored(LoopCase):
    """An EVSE that accepts a limit, and says itself that it gives more."""

    def test_rating_is_booked(self) -> None:
        """All that it can give is booked for it, and it is told again later."""
        self.connect(self.b)
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.report(settings("a", "b", fuse_ma=10_000))
        self.a.given[-1].answer.errback(OrderIgnored("gives 16 A"))
        self.settle()
        evse = self.loop.state.evses["a"]
        self.assertEqual((None, 16_000, True), (
            evse.confirmed, evse.may_draw_ma, evse.disobedient,
        ))  # fmt: skip
        (failed,) = self.events_of(SetpointFailed)
        assert isinstance(failed, SetpointFailed)
        self.assertEqual((True, "gives 16 A"), (failed.ignored, failed.why))
        self.clock.pump([CYCLE_S] * int(FIRST_RETRY_S + 1))
        self.assertTrue(self.a.given[-1].from_scratch)


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
        self.report(OccupancyReported("a", Occupancy.PLUGGED, ""))
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

        def raises(*arguments: object) -> None:
            raise LookupError("a mistake in a rule")

        self.patch(control_loop, "decide", raises)
        self.report(OccupancyReported("a", Occupancy.PLUGGED, ""))
        self.assertEqual([], self.a.given)
        self.assertNotEqual([], self.flushLoggedErrors(LookupError))


class DoubtedMeter(LoopCase):
    """A meter that cannot be right."""

    def tell(self, current_ma: int, seconds: int) -> None:
        """It shows so much on all phases for a while. [mA]"""
        for _ in range(seconds):
            currents = PhaseCurrents(current_ma, current_ma, current_ma)
            self.report(MeterMeasured("grid", currents))
            self.clock.advance(CYCLE_S)

    def doubts(self) -> list[str]:
        """What was said of the meter."""
        return [text for text in self.flushed() if "believed" in text]

    def test_said(self) -> None:
        """People are told, once, and told again when it is over; nobody charges meanwhile."""
        garage = CircuitSettings("garage", 32_000, meter="grid")
        meters = (MeterSettings("grid", MeterRole.GRID),)
        self.report(evolve(settings("a", "b"), circuits=(garage,), meters=meters))
        self.tell(5_000, 310)
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.assertGreater(self.a.currents_ma[-1], 0)
        self.assertEqual([], self.doubts())
        self.tell(-33_000, 20)
        self.assertEqual(0, self.a.currents_ma[-1])
        (said,) = self.doubts()
        self.assertIn("the meter of garage is not believed", said)
        self.assertIn("the wrong way round", said)
        self.tell(5_000, 61)
        self.assertEqual("the meter of garage is believed again", self.doubts()[-1])
        self.assertEqual(2, len(self.doubts()))
