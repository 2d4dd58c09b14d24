"""What holds for all charging profiles, tried with random small ones."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.schedules.composite import Outlook, spans
from cfos_cm.limits.schedules.evaluation import limit_at
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.objections import Bounds
from cfos_cm.limits.schedules.profile import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Recurrency,
    Running,
    Schedule,
)
from cfos_cm.limits.schedules.store import Criteria, ProfileRefused, Profiles

from .builders import BOUNDS, DAY_S, at
from .naive import painted

FROM_S = at("2028-02-29 23:59:00")
#: Long enough for several changes, and over the end of a leap day.
SECONDS = range(FROM_S, FROM_S + 120)
#: Not so many that all would be the same, and with one that looks like another when rounded.
LIMITS_MILLI = (0, 5_999, 6_000, 10_000, 10_050, 16_000, 4_140_000, 11_000_000)
MADE_FOR = {1: Limit(32_000), 2: Limit(16_000, 1)}
CONNECTORS = tuple(MADE_FOR)

quick = settings(max_examples=30, deadline=None, derandomize=True)


@frozen
class World:
    """Profiles that were set, and the transactions that run."""

    profiles: Profiles
    running: dict[int, Running]


def starts() -> st.SearchStrategy[int]:
    """Times around the window, or the same so many days before."""
    return st.builds(
        lambda offset_s, days: FROM_S + offset_s - days * DAY_S,
        st.integers(-150, 180),
        st.sampled_from((0, 0, 1, 6, 7, 14, 700)),
    )


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Up to three periods, seconds apart."""
    gaps_s = draw(st.lists(st.integers(1, 90), max_size=2))
    begins_s = [0, *gaps_s[:1], *([sum(gaps_s)] if len(gaps_s) == 2 else [])]
    return Schedule(
        draw(st.sampled_from(RateUnit)),
        tuple(
            Period(
                begin_s,
                draw(st.sampled_from(LIMITS_MILLI)),
                draw(st.sampled_from((None, 1, 2, 3))),
            )
            for begin_s in begins_s
        ),
        draw(st.none() | starts()),
        draw(st.none() | st.integers(1, 200) | st.integers(DAY_S - 60, DAY_S + 60)),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Any that can be set while transaction 1001 runs at connector 1, and 1002 at 2."""
    purpose = draw(st.sampled_from(Purpose))
    connector = {Purpose.CHARGE_POINT_MAX: st.just(0), Purpose.TX: st.integers(1, 2)}.get(
        purpose, st.integers(0, 2)
    )
    kind = draw(st.sampled_from(Kind))
    valid_from_s = draw(st.none() | st.integers(FROM_S - 30, FROM_S + 120))
    lasts_s = draw(st.none() | st.integers(1, 150))
    return Profile(
        id=draw(st.integers(1, 12)),
        connector=draw(connector),
        purpose=purpose,
        kind=kind,
        schedule=draw(schedules()),
        stack_level=draw(st.integers(0, 2)),
        recurrency=draw(st.sampled_from(Recurrency)) if kind is Kind.RECURRING else None,
        valid_from_s=valid_from_s,
        valid_to_s=None if lasts_s is None else (valid_from_s or FROM_S) + lasts_s,
    )


def installed(given_profiles: list[Profile], bounds: Bounds = BOUNDS) -> Profiles:
    """All of them, one after the other, where there is room."""
    result = Profiles()
    for each in given_profiles:
        running = Running(FROM_S - 60, 1000 + each.connector)
        try:
            result = result.with_profile(each, bounds, running)
        except ProfileRefused:
            assert len(result) == bounds.profiles
    return result


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some profiles, and a transaction at any of the connectors."""
    running = {
        connector: Running(FROM_S - draw(st.integers(0, 200)), number)
        for connector in CONNECTORS
        if (number := draw(st.sampled_from((0, None, 1000 + connector, 7)))) != 0
    }
    return World(installed(draw(st.lists(profiles(), max_size=6))), running)


class EvaluationLaws(SynchronousTestCase):
    """One evaluator against another, and against itself."""

    @quick
    @given(worlds())
    def test_naive(self, world: World) -> None:
        """An evaluator that is written in another way says the same, second by second."""
        for connector in CONNECTORS:
            wanted = painted(world.profiles.in_order, connector, world.running, SECONDS)
            for at_s, expected in zip(SECONDS, wanted, strict=True):
                limit = limit_at(world.profiles, at_s, connector, world.running).limit
                found = None if limit is None else (limit.current_ma, limit.phases)
                self.assertEqual(expected, found, at_s - FROM_S)

    @quick
    @given(worlds())
    def test_until(self, world: World) -> None:
        """A limit holds until the second that is told with it."""
        for connector in CONNECTORS:
            ruling = limit_at(world.profiles, FROM_S, connector, world.running)
            for at_s in SECONDS:
                now = limit_at(world.profiles, at_s, connector, world.running)
                if ruling.until_s is not None and at_s >= ruling.until_s:
                    ruling = now
                self.assertEqual((ruling.limit, ruling.profile), (now.limit, now.profile))
                self.assertTrue(now.until_s is None or now.until_s > at_s)

    @quick
    @given(worlds())
    def test_spans(self, world: World) -> None:
        """Spans follow each other without a gap, and say what holds at every second."""
        for connector in CONNECTORS:
            at_s = SECONDS.start
            for span in spans(
                world.profiles, connector, world.running, SECONDS.start, SECONDS.stop
            ):
                self.assertEqual(at_s, span.from_s)
                for at_s in range(span.from_s, span.until_s):
                    limit = limit_at(world.profiles, at_s, connector, world.running).limit
                    self.assertEqual(span.limit, limit)
                at_s = span.until_s
            self.assertEqual(SECONDS.stop, at_s)

    @quick
    @given(worlds(), st.randoms(use_true_random=False))
    def test_order(self, world: World, random: Random) -> None:
        """In which order they were set is of no account."""
        shuffled = list(world.profiles.in_order)
        random.shuffle(shuffled)
        self.assertEqual(len(world.profiles), len(installed(shuffled)))
        for connector in CONNECTORS:
            for at_s in SECONDS[::7]:
                self.assertEqual(
                    limit_at(world.profiles, at_s, connector, world.running),
                    limit_at(
                        Profiles(installed(shuffled).in_order), at_s, connector, world.running
                    ),
                )


class CompositeLaws(SynchronousTestCase):
    """Composite schedules against what holds at each of their seconds."""

    def limit(self, world: World, at_s: int, connector: int) -> Limit:
        """What a connector may draw."""
        return MADE_FOR[connector].clipped(
            limit_at(world.profiles, at_s, connector, world.running).limit
        )

    def total(self, world: World, at_s: int) -> Limit:
        """What both may draw together."""
        both = [self.limit(world, at_s, connector) for connector in CONNECTORS]
        # At a connector that is none only the ChargePointMaxProfiles hold.
        maximum = Profiles(
            tuple(
                each
                for each in world.profiles.in_order
                if each.purpose is Purpose.CHARGE_POINT_MAX
            )
        )
        ceiling = limit_at(maximum, at_s, 99, world.running).limit
        return Limit.sum_of(both).clipped(ceiling)

    @quick
    @given(worlds(), st.sampled_from(RateUnit), st.sampled_from((0, 1, 2)))
    def test_every_second(self, world: World, unit: RateUnit, connector: int) -> None:
        """It tells the limit of each second, rounded down to a tenth, and no second more."""
        schedule = Outlook(world.profiles, world.running, MADE_FOR).composite_schedule(
            connector, FROM_S, len(SECONDS), unit, most_periods=1_000
        )
        self.assertEqual((FROM_S, len(SECONDS)), (schedule.start_s, schedule.duration_s))
        for at_s in SECONDS:
            if connector == 0:
                limit = self.total(world, at_s)
            else:
                limit = self.limit(world, at_s, connector)
            exact_milli = limit.current_ma if unit is RateUnit.A else limit.power_mw
            told = [each for each in schedule.periods if each.start_s <= at_s - FROM_S][-1]
            self.assertEqual(exact_milli - exact_milli % 100, told.limit_milli)
            self.assertEqual(limit.phases, told.phases)
        self.assertEqual((None, None), schedule.at(len(SECONDS)))

    @quick
    @given(worlds(), st.integers(1, 4))
    def test_cut_short(self, world: World, most_periods: int) -> None:
        """Cut short it is the beginning of the whole, and no two neighbours are equal."""
        outlook = Outlook(world.profiles, world.running, MADE_FOR)
        whole = outlook.composite_schedule(1, FROM_S, len(SECONDS), RateUnit.A, 1_000)
        short = outlook.composite_schedule(1, FROM_S, len(SECONDS), RateUnit.A, most_periods)
        self.assertEqual(whole.periods[:most_periods], short.periods)
        following = whole.periods[most_periods : most_periods + 1]
        self.assertEqual(following[0].start_s if following else len(SECONDS), short.duration_s)
        said = [(each.limit_milli, each.phases) for each in whole.periods]
        self.assertTrue(all(one != other for one, other in pairwise(said)))


class LimitLaws(SynchronousTestCase):
    """What more profiles can do."""

    @quick
    @given(worlds(), profiles())
    def test_maximum_only_lowers(self, world: World, other: Profile) -> None:
        """Where no ChargePointMaxProfile was one raises nothing."""
        without, _ = world.profiles.without(Criteria(purpose=Purpose.CHARGE_POINT_MAX))
        ceilings = [each for each in (other,) if each.purpose is Purpose.CHARGE_POINT_MAX]
        with_one = Profiles((*without.in_order, *ceilings))
        for at_s in SECONDS[::7]:
            before = limit_at(without, at_s, 1, world.running).limit
            after = limit_at(with_one, at_s, 1, world.running).limit
            if before is not None:
                assert after is not None
                self.assertLessEqual(after.current_ma, before.current_ma)
                self.assertLessEqual(after.phases, before.phases)
                self.assertLessEqual(after.power_mw, before.power_mw)

    @quick
    @given(worlds())
    def test_power_is_that_of_the_current(self, world: World) -> None:
        """The power that is told is what the current comes to, but for its rounding."""
        for at_s in SECONDS[::7]:
            limit = limit_at(world.profiles, at_s, 1, world.running).limit
            if limit is not None:
                per_milliamp_mw = 230 * limit.phases
                self.assertEqual(limit.current_ma, limit.power_mw // per_milliamp_mw)


class StoreLaws(SynchronousTestCase):
    """Setting and clearing."""

    SMALL = Bounds(profiles=3, periods=3, stack_level=2)

    @quick
    @given(st.lists(profiles(), max_size=8))
    def test_install(self, wanted: list[Profile]) -> None:
        """No two have one id or one place, no more than there is room for, the last is in."""
        profiles = installed(wanted, self.SMALL)
        self.assertLessEqual(len(profiles), self.SMALL.profiles)
        kept = profiles.in_order
        self.assertEqual(len(kept), len({each.id for each in kept}))
        places = {(each.connector, each.purpose, each.stack_level) for each in kept}
        self.assertEqual(len(kept), len(places))
        if wanted and profiles.has_room_for(wanted[-1], self.SMALL):
            again = installed([*wanted, wanted[-1]], self.SMALL)
            self.assertIn(wanted[-1].id, {each.id for each in again.in_order})
            self.assertEqual(again, installed([*wanted, wanted[-1], wanted[-1]], self.SMALL))

    @quick
    @given(
        st.lists(profiles(), max_size=8),
        st.builds(
            Criteria,
            st.none() | st.integers(1, 12),
            st.none() | st.integers(0, 2),
            st.none() | st.sampled_from(Purpose),
            st.none() | st.integers(0, 2),
        ),
    )
    def test_clear(self, wanted: list[Profile], criteria: Criteria) -> None:
        """None that is meant is left, all others are, and the number is right."""
        before = installed(wanted)
        after, cleared = before.without(criteria)
        self.assertEqual(len(before), len(after) + cleared)
        self.assertFalse(any(criteria.fits(each) for each in after.in_order))
        gone = [each for each in before.in_order if each not in after.in_order]
        self.assertTrue(all(criteria.fits(each) for each in gone))
        self.assertEqual((after, 0), after.without(criteria))

    @quick
    @given(st.lists(profiles(), max_size=8))
    def test_end_of_transaction(self, wanted: list[Profile]) -> None:
        """After a transaction there is no TxProfile at its connector, and all else is."""
        before = installed(wanted)
        after = before.after_transaction(1)
        for each in before.in_order:
            for_it = each.purpose is Purpose.TX and each.connector == 1
            self.assertEqual(not for_it, each in after.in_order)
