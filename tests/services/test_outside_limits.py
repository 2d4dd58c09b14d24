"""Limits from outside: when they begin, when they end, and what is proved of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services import outside_limits
from cfos_cm.services.outside_limits import LimitRefused, OutsideLimits, Standing
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CircuitLimited,
    CircuitLimitMet,
    CircuitReleased,
    SettingsChanged,
    SiteEvent,
)
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState, fold
from cfos_cm.storage.outside_limits import Proof

from .loops import LoopCase
from .proofs import BreakableStore

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMIT = OutsideLimit("garage", "grid", 4200)
HOUR = timedelta(hours=1)


def settings(*circuits: str) -> SettingsChanged:
    """A site with some circuits; the first one feeds an EVSE."""
    return SettingsChanged(
        "Site",
        False,
        tuple(CircuitSettings(name, 32_000) for name in circuits),
        (EvseSettings("bay", circuits[0]),),
    )


class LimitsCase(SynchronousTestCase):
    """
    A site whose state is folded at once, and a clock and a time of day that a test sets.

    @ivar events: all that was reported.
    @ivar now: the time of day.
    """

    def setUp(self) -> None:
        """Start it, with nothing stored."""
        self.store = BreakableStore()
        self.now = NOON
        self.numbers = iter(range(1000))
        self.start()

    def start(self) -> None:
        """Start it, with what is stored."""
        self.clock = Clock()
        self.events: list[SiteEvent] = []
        self.state = fold(SiteState(), settings("garage", "house"))
        self.limits = OutsideLimits(
            self.clock,
            lambda: self.now,
            lambda: f"proof {next(self.numbers)}",
            self.store,
            self.report,
            lambda: self.state,
        )
        self.successResultOf(Deferred.fromCoroutine(self.limits.open()))

    def report(self, event: SiteEvent) -> None:
        """What the control loop does with an event."""
        before, self.state = self.state, fold(self.state, event)
        self.events.append(event)
        self.limits.note(event, before, self.state)

    def pass_time(self, span: timedelta) -> None:
        """Both clocks go on."""
        self.now += span
        self.clock.advance(span.total_seconds())

    def limit(self, limit: OutsideLimit = LIMIT) -> Standing:
        """Set a limit; what is answered."""
        return self.successResultOf(self.limits.limit(limit))

    def in_force(self) -> list[OutsideLimit]:
        """Those that the site keeps to; the service has to say the same."""
        said = [standing.proof.limit for standing in self.limits.in_force]
        self.assertEqual(
            sorted(map(repr, said)), sorted(map(repr, self.state.outside_limits.values()))
        )
        return said

    def proofs(self) -> list[Proof]:
        """What is stored."""
        return list(self.store.kept.values())


class Setting(LimitsCase):
    """A limit is asked for."""

    def test_in_force(self) -> None:
        """It holds at once, and its proof says when it was asked for, to the millisecond."""
        self.now = NOON + timedelta(microseconds=123_456)
        standing = self.limit()
        asked_at = NOON + timedelta(milliseconds=123)
        self.assertEqual(Standing(Proof("proof 0", LIMIT, asked_at)), standing)
        self.assertEqual([CircuitLimited(LIMIT)], self.events)
        self.assertEqual([LIMIT], self.in_force())
        self.assertEqual({LIMIT.circuit: LIMIT.by}, self.limits.parties)
        self.assertEqual([standing.proof], self.proofs())

    def test_before_the_disk(self) -> None:
        """It holds before its proof is on disk; it is not answered before."""
        self.store.is_slow = True
        answer = self.limits.limit(LIMIT)
        self.assertEqual([LIMIT], self.in_force())
        self.assertNoResult(answer)
        self.store.go_on()
        self.assertIsNone(self.successResultOf(answer).why_not_stored)

    def test_broken_disk(self) -> None:
        """It holds without a disk; the answer says so, and the proof is stored later."""
        self.store.is_broken = True
        with capturedLogs():
            standing = self.limit()
        self.assertEqual("the disk is full", standing.why_not_stored)
        self.assertEqual(([LIMIT], []), (self.in_force(), self.proofs()))
        self.store.is_broken = False
        self.pass_time(timedelta(seconds=10))
        self.assertEqual([standing.proof], self.proofs())
        self.assertIsNone(self.limits.in_force[0].why_not_stored)

    def test_again(self) -> None:
        """The same again is the same limit, with another end if it has one."""
        first = self.limit()
        self.pass_time(HOUR)
        for until in (None, self.now + HOUR):
            again = self.limit(evolve(LIMIT, until=until))
            self.assertEqual(evolve(first.proof, limit=evolve(LIMIT, until=until)), again.proof)
        self.assertEqual([again.proof], self.proofs())
        self.assertEqual([again.proof.limit], self.in_force())

    def test_repeated(self) -> None:
        """Whoever says the same each second changes nothing, and wears no disk out."""
        first = self.limit()
        puts, told = self.store.puts, len(self.events)
        self.assertEqual(first, self.limit())
        self.assertEqual((puts, told), (self.store.puts, len(self.events)))

    def test_circuit_gone(self) -> None:
        """That a limit holds for nothing is said, once; it holds when its circuit is back."""
        self.limit()
        with capturedLogs() as logged:
            for names in (("garage", "house"), ("house",), ("house",)):
                self.report(settings(*names))
        (said,) = map(formatEvent, logged)
        self.assertIn("no circuit garage any more: the limit of grid, 4.2 kW, is for", said)
        self.report(settings("garage", "house"))
        self.clock.advance(0)
        self.assertEqual([LIMIT], self.in_force())

    def test_another(self) -> None:
        """Another one of the same party takes its place; that is another proof."""
        self.limit()
        self.pass_time(HOUR)
        for other in (evolve(LIMIT, max_power_w=5000), evolve(LIMIT, evses_only=False)):
            self.limit(other)
            self.assertEqual([other], self.in_force())
        self.assertEqual(
            [NOON + HOUR, NOON + HOUR, None], [proof.ended_at for proof in self.proofs()]
        )
        self.assertIn("taken its place", str(self.proofs()[0].why_ended))

    def test_beside(self) -> None:
        """Each party has its own limit for each circuit."""
        others = [evolve(LIMIT, by="backend"), evolve(LIMIT, circuit="house")]
        for one in (LIMIT, *others):
            self.limit(one)
        self.assertEqual([LIMIT, *others], self.in_force())

    def test_refused(self) -> None:
        """What cannot be is refused with words, and nothing is changed."""
        for wrong, words in (
            (
                evolve(LIMIT, circuit="garag"),
                r"'garag' \(did you mean 'garage'\?\); .*garage, house",
            ),
            (evolve(LIMIT, circuit="x\n" * 99), "no circuit"),
            (evolve(LIMIT, max_power_w=-1), "-1 W is no limit"),
            (evolve(LIMIT, max_power_w=10**9), "0 to 10000000 W"),
            (evolve(LIMIT, by=""), "no name"),
            (evolve(LIMIT, by="a\nb"), "no name"),
            (evolve(LIMIT, by="x" * 81), "1 to 80"),
            (evolve(LIMIT, until=NOON), "2026-11-23 12:00:00 UTC, has passed"),
        ):
            with self.assertRaisesRegex(LimitRefused, words) as caught:
                self.limits.limit(wrong)
            self.assertTrue(str(caught.exception).isprintable())
            self.assertLess(len(str(caught.exception)), 300)
        self.assertEqual(([], [], []), (self.events, self.in_force(), self.proofs()))

    def test_bound(self) -> None:
        """Above the bound there is no other one, but those that are there can be changed."""
        self.patch(outside_limits, "MAX_IN_FORCE", 1)
        self.limit()
        with self.assertRaisesRegex(LimitRefused, "1 limits are in force"):
            self.limits.limit(evolve(LIMIT, by="backend"))
        self.limit(evolve(LIMIT, max_power_w=5000))


class Ending(LimitsCase):
    """A limit ends."""

    def test_lifted(self) -> None:
        """It can be lifted; its proof says when and why."""
        self.limit()
        self.pass_time(HOUR)
        standing = self.successResultOf(self.limits.lift("garage", "grid", "it was lifted"))
        self.assertEqual(
            (NOON + HOUR, "it was lifted"),
            (standing.proof.ended_at, standing.proof.why_ended),
        )
        self.assertEqual(CircuitReleased("garage", "grid", "it was lifted"), self.events[-1])
        self.assertEqual(([], [standing.proof]), (self.in_force(), self.proofs()))

    def test_nothing_to_lift(self) -> None:
        """Whoever lifts what is not there is told what is."""
        self.limit()
        for circuit, by, words in (
            ("garage", "backend", "'backend' has set no limit for garage; .* that of grid"),
            ("house", "grid", "no limit is in force for 'house'"),
        ):
            with self.assertRaisesRegex(LimitRefused, words):
                self.limits.lift(circuit, by, "it was lifted")
        self.assertEqual([LIMIT], self.in_force())

    def test_in_time(self) -> None:
        """It ends within a second of its time, and its proof says its time."""
        until = (NOON + timedelta(seconds=90)).astimezone(timezone(HOUR))
        self.limit(evolve(LIMIT, until=until))
        for _ in range(90):
            self.assertEqual(1, len(self.in_force()))
            self.pass_time(timedelta(seconds=1))
        self.assertEqual([], self.in_force())
        self.assertIsInstance(self.events[-1], CircuitReleased)
        (proof,) = self.proofs()
        self.assertEqual((until, "its time is over"), (proof.ended_at, proof.why_ended))

    def test_clock_forward(self) -> None:
        """The time of day counts: when it is set beyond the end, that is the end."""
        self.limit(evolve(LIMIT, until=NOON + HOUR))
        self.now += 2 * HOUR
        self.clock.advance(1)
        self.assertEqual([], self.in_force())

    def test_clock_back(self) -> None:
        """When it is set back the limit lasts until its time has come again."""
        self.limit(evolve(LIMIT, until=NOON + HOUR))
        self.now -= HOUR
        self.clock.advance(3601)
        self.assertEqual(1, len(self.in_force()))
        self.pass_time(2 * HOUR)
        self.assertEqual([], self.in_force())

    def test_extended(self) -> None:
        """One that is asked for again with a later end lasts until then."""
        self.limit(evolve(LIMIT, until=NOON + HOUR))
        self.limit(evolve(LIMIT, until=NOON + 2 * HOUR))
        self.pass_time(HOUR)
        self.assertEqual(1, len(self.in_force()))


class Met(LimitsCase):
    """All that may be drawn is within the limit."""

    def test_stored(self) -> None:
        """The first time is stored, with what was booked and measured; later ones are not."""
        self.limit()
        self.pass_time(timedelta(milliseconds=250))
        self.report(CircuitLimitMet("garage", "grid", 4140))
        expected = evolve(
            self.limits.in_force[0].proof,
            met_at=NOON + timedelta(milliseconds=250),
            booked_w=4140,
            # An EVSE that nobody has seen yet may draw, and is not measured.
            measured_w=None,
        )
        self.pass_time(HOUR)
        self.report(CircuitLimitMet("garage", "grid", 0))
        self.assertEqual([expected], self.proofs())

    def test_of_nothing(self) -> None:
        """Of a limit that is over it says nothing."""
        self.report(CircuitLimitMet("garage", "grid", 4140))
        self.assertEqual([], self.proofs())

    def test_kept_when_extended(self) -> None:
        """The same limit with another end was met already."""
        self.limit()
        self.report(CircuitLimitMet("garage", "grid", 4140))
        self.limit(evolve(LIMIT, until=NOON + HOUR))
        (proof,) = self.proofs()
        self.assertEqual((NOON, 4140), (proof.met_at, proof.booked_w))


class Restart(LimitsCase):
    """The program ends and starts again."""

    def test_in_force_again(self) -> None:
        """What was in force is in force again, as the same limit, before anything else."""
        until = NOON + 2 * HOUR
        self.limit(evolve(LIMIT, until=until))
        self.report(CircuitLimitMet("garage", "grid", 4140))
        before = self.proofs()
        self.now += HOUR
        self.start()
        self.assertEqual([CircuitLimited(evolve(LIMIT, until=until))], self.events)
        self.assertEqual(1, len(self.in_force()))
        self.assertEqual(before, self.proofs())

    def test_over_meanwhile(self) -> None:
        """One whose time has passed meanwhile is over, since then."""
        self.limit(evolve(LIMIT, until=NOON + HOUR))
        self.now += 2 * HOUR
        self.start()
        self.assertEqual([], self.in_force())
        self.assertEqual(NOON + HOUR, self.proofs()[0].ended_at)

    def test_two_of_one_party(self) -> None:
        """Of two of a party the newer counts; the program ended in between."""
        self.store.kept = {
            name: Proof(name, evolve(LIMIT, max_power_w=power_w), NOON)
            for name, power_w in (("old", 1), ("new", 2))
        }
        self.start()
        self.assertEqual([2], [limit.max_power_w for limit in self.in_force()])
        self.assertEqual([NOON, None], [proof.ended_at for proof in self.proofs()])

    def test_stop(self) -> None:
        """When it stops no timer is left, and what is not stored is tried once more."""
        self.store.is_broken = True
        with capturedLogs():
            self.limit()
        self.store.is_broken = False
        self.successResultOf(Deferred.fromCoroutine(self.limits.stop()))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(1, len(self.proofs()))


class Settings(LimitsCase):
    """The settings change while a limit is in force."""

    def test_circuit_again(self) -> None:
        """A circuit that was taken out is limited again when it is back, at once."""
        self.limit()
        self.report(settings("house"))
        self.clock.advance(0)
        self.assertEqual({}, self.state.outside_limits)
        self.report(settings("garage", "house"))
        self.clock.advance(0)
        self.assertEqual([LIMIT], self.in_force())


class AtOnce(LoopCase):
    """What a control loop makes of a limit."""

    def setUp(self) -> None:
        """Two cars charge with 16 A each."""
        super().setUp()
        self.limits = OutsideLimits(
            self.clock,
            lambda: NOON,
            lambda: "one",
            BreakableStore(),
            self.loop.report,
            lambda: self.loop.state,
        )
        self.successResultOf(Deferred.fromCoroutine(self.limits.open()))
        self.loop.observe(self.limits.note)
        for number, evse in enumerate((self.a, self.b), 1):
            self.connect(evse)
            self.charge(evse, number)
            evse.confirms()
            self.settle()

    def test_ordered(self) -> None:
        """Before any time has passed they are told less; when they obey it is met."""
        self.assertEqual([16_000, 16_000], [self.a.currents_ma[-1], self.b.currents_ma[-1]])
        self.limits.limit(OutsideLimit("garage", "grid", 9200))
        self.settle()
        for evse in (self.a, self.b):
            self.assertLess(evse.currents_ma[-1], 16_000)
            evse.confirms()
            self.settle()
        power_w = sum(evse.currents_ma[-1] for evse in (self.a, self.b)) * 3 * 230 // 1000
        self.assertLessEqual(power_w, 9200)
        self.assertIsNone(self.limits.in_force[0].proof.met_at)
        self.follow()
        booked_w = self.limits.in_force[0].proof.booked_w
        assert booked_w is not None
        self.assertTrue(power_w <= booked_w <= 9200, booked_w)
