"""Whose turn it is to charge."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from itertools import pairwise
from math import ceil
from random import Random

from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.turns import TURN_MAS, Turns
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.policy import Policy
from cfos_cm.site.state import SiteState

from .sites import charging, setpoint, site

MAIN = CircuitSettings("main", 63_000)

#: So long a turn takes at the minimum. [s]
TURN_S = TURN_MAS // 6_000


def car(name: str, offer_ma: int = 0, plugged_in_s: int = 0, circuit: str = "main") -> Evse:
    """An EVSE with a car. [mA]"""
    evse = charging(EvseSettings(name, circuit), offer_ma)
    assert evse.transaction is not None
    started_at = evse.transaction.started_at + timedelta(seconds=plugged_in_s)
    return evolve(evse, transaction=evolve(evse.transaction, started_at=started_at))


@define
class Garage:
    """
    Some cars, and what is remembered of their turns.

    @ivar evses: by name.
    @ivar wanting: who could charge; C{None}: all.
    """

    evses: dict[str, Evse]
    turns: Turns = field(factory=Turns)
    wanting: Collection[str] | None = None
    idle: Collection[str] = ()
    policy: Policy = field(factory=Policy)

    @classmethod
    def of(cls, *evses: Evse) -> Garage:
        """A garage with these."""
        return cls({evse.name: evse for evse in evses})

    @property
    def state(self) -> SiteState:
        """What is known of it."""
        return evolve(site([MAIN], list(self.evses.values())), policy=self.policy)

    def look(self, now_s: float) -> Garage:
        """Look at it."""
        wanting = frozenset(self.evses if self.wanting is None else self.wanting)
        self.turns = self.turns.after(self.state, now_s, wanting, frozenset(self.idle))
        return self

    def offers(self, now_s: float, **offers_ma: int) -> Garage:
        """From now on these are offered so much. [mA]"""
        for name, offer_ma in offers_ma.items():
            self.evses[name] = evolve(self.evses[name], confirmed=setpoint(offer_ma))
        return self.look(now_s)

    @property
    def order(self) -> str:
        """The order of admission: C{a b c}."""
        return " ".join(evse.name for evse in self.turns.order(self.evses.values()))

    def pause_left_s(self, name: str, now_s: float) -> float:
        """For how long somebody rests. [s]"""
        return self.turns.pause_left_s(self.evses[name], now_s)

    def waiting_since_s(self, name: str) -> float | None:
        """Since when somebody waits. [s]"""
        return self.turns.waiting_since_s(self.evses[name])

    def admit(self, places: int, now_s: float) -> list[str]:
        """Offer the minimum to the first of them, so far as they need not rest."""
        first = [
            evse.name
            for evse in self.turns.order(self.evses.values())
            if self.turns.pause_left_s(evse, now_s) == 0.0
            and (self.wanting is None or evse.name in self.wanting)
        ][:places]
        offers = {name: 6_000 if name in first else 0 for name in self.evses}
        self.offers(now_s, **offers)
        return first


def names(count: int) -> list[str]:
    """So many names."""
    return [f"e{number:02}" for number in range(count)]


class Order(SynchronousTestCase):
    """Who is admitted first."""

    def test_nothing_is_known(self) -> None:
        """They are in the order of their names."""
        self.assertEqual("a b c", Garage.of(car("b"), car("c"), car("a")).order)

    def test_plugged_in(self) -> None:
        """Of two who were given nothing that one is first who came first."""
        garage = Garage.of(car("a", plugged_in_s=9), car("b", plugged_in_s=5)).look(0)
        self.assertEqual("b a", garage.order)

    def test_came(self) -> None:
        """Who was seen first is before all others, whatever his clock says."""
        garage = Garage.of(car("b", plugged_in_s=9)).look(0)
        garage.evses["a"] = car("a")
        self.assertEqual("b a", garage.look(1).order)

    def test_had_his_turn(self) -> None:
        """Who has had his turn is behind those who wait."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).offers(0, a=6_000)
        self.assertEqual("a b", garage.look(TURN_S - 1).order)
        self.assertEqual("b a", garage.look(TURN_S).order)

    def test_amperes(self) -> None:
        """Who is offered more has had his turn sooner."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).offers(0, a=6_000)
        garage.offers(TURN_S // 2, a=18_000)
        self.assertEqual("a b", garage.look(TURN_S * 2 // 3 - 1).order)
        self.assertEqual("b a", garage.look(TURN_S * 2 // 3).order)

    def test_rest_of_a_turn(self) -> None:
        """Who is paused before his turn is over has the rest of it when he goes on."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).offers(0, a=6_000)
        garage.offers(1_000, a=0).look(1_300)
        self.assertEqual("a b", garage.order)
        garage.offers(5_000, a=6_000)
        self.assertEqual("a b", garage.look(5_000 + TURN_S - 1_001).order)
        self.assertEqual("b a", garage.look(5_000 + TURN_S - 1_000).order)

    def test_lowest_number(self) -> None:
        """Who waits with the lowest number is before those who charge."""
        garage = Garage.of(car("a", plugged_in_s=5), car("b")).offers(0, a=6_000)
        self.assertEqual("b a", garage.look(300).order)

    def test_begun(self) -> None:
        """Who has begun to charge goes on for 300 s before anybody else has his turn."""
        garage = Garage.of(car("a", plugged_in_s=5), car("b")).offers(0, a=6_000)
        self.assertEqual("a b", garage.look(299).order)

    def test_idle(self) -> None:
        """Those who would make no use of it are last, also those who have just begun."""
        garage = Garage.of(car("a"), car("b"), car("c"))
        garage.idle = {"a"}
        self.assertEqual("b c a", garage.offers(0, a=6_000).order)

    def test_resting(self) -> None:
        """Those who rest are behind those who need not, and before the idle ones."""
        garage = Garage.of(car("a"), car("b"), car("c"))
        garage.idle = {"a"}
        garage.offers(0, b=6_000).offers(10, b=0)
        self.assertEqual("c b a", garage.order)
        self.assertEqual("b c a", garage.look(310).order)

    def test_without_transaction(self) -> None:
        """Somebody of whom nothing is known has a place too."""
        garage = Garage.of(car("a"), evolve(car("b"), transaction=None)).look(0)
        self.assertEqual("a b", garage.order)


class Newcomer(SynchronousTestCase):
    """Somebody comes, or comes back."""

    def test_last(self) -> None:
        """He is behind those who wait, and before those who have their turn after he came."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).offers(0, a=6_000)
        garage.evses["c"] = car("c", plugged_in_s=9)
        self.assertEqual("a b c", garage.look(500).order)
        self.assertEqual("b c a", garage.look(TURN_S).order)

    def test_absence(self) -> None:
        """Who may not charge for a while has his place when he may again."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).look(0)
        garage.wanting = {"b"}
        garage.look(100)
        garage.wanting = None
        self.assertEqual("a b", garage.look(200).order)

    def test_asleep(self) -> None:
        """Whose car has slept is last when it wakes up."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).look(0)
        garage.idle = {"a"}
        garage.look(100)
        garage.idle = ()
        self.assertEqual("b a", garage.look(200).order)

    def test_next_car(self) -> None:
        """The next car at the same EVSE is another one."""
        garage = Garage.of(car("a"), car("b", plugged_in_s=5)).look(0)
        transaction = garage.evses["a"].transaction
        assert transaction is not None
        garage.evses["a"] = evolve(
            garage.evses["a"], transaction=evolve(transaction, transaction_id=2)
        )
        self.assertEqual("b a", garage.look(1).order)

    def test_steady_stream(self) -> None:
        """Cars that come and go do not keep one from charging that stays."""
        garage = Garage.of(car("stays"))
        garage.admit(1, 0)
        served_s = []
        for now_s in range(30, 8 * 3_600, 30):
            number = now_s // 600
            garage.evses.setdefault(f"e{number}", car(f"e{number}", plugged_in_s=now_s))
            garage.evses.pop(f"e{number - 6}", None)
            if "stays" in garage.look(now_s).admit(1, now_s):
                served_s.append(now_s)
        waits_s = [after - before for before, after in pairwise([*served_s, 8 * 3_600])]
        self.assertLessEqual(max(waits_s), 5 * TURN_S)
        self.assertGreater(len(served_s) * 30, TURN_S)


class Pause(SynchronousTestCase):
    """For how long somebody is not admitted again."""

    def test_for_others(self) -> None:
        """Who was paused for others rests for 300 s."""
        garage = Garage.of(car("a")).offers(0, a=6_000).offers(100, a=0)
        self.assertEqual(300.0, garage.pause_left_s("a", 100))
        self.assertEqual(50.5, garage.look(349.5).pause_left_s("a", 349.5))
        self.assertEqual(0.0, garage.look(400).pause_left_s("a", 400))
        self.assertEqual(0.0, garage.pause_left_s("a", 500))

    def test_admitted_all_the_same(self) -> None:
        """Who is admitted before has rested enough."""
        garage = Garage.of(car("a")).offers(0, a=6_000).offers(100, a=0).offers(200, a=6_000)
        self.assertEqual(0.0, garage.pause_left_s("a", 200))

    def test_paused_at_once(self) -> None:
        """Who was paused in spite of all has not begun to charge any more."""
        garage = Garage.of(car("a", plugged_in_s=5), car("b"))
        garage.policy = Policy(min_pause_s=20.0)
        garage.offers(0, a=6_000).offers(10, a=0)
        self.assertEqual("b a", garage.look(30).order)

    def test_policy(self) -> None:
        """Or as long as the settings say, and so it is with the time that he charges."""
        garage = Garage.of(car("a", plugged_in_s=5), car("b"))
        garage.policy = Policy(min_pause_s=20.0, min_run_s=10.0)
        garage.offers(0, a=6_000)
        self.assertEqual("a b", garage.look(9).order)
        self.assertEqual("b a", garage.look(10).order)
        self.assertEqual(20.0, garage.offers(100, a=0).pause_left_s("a", 100))

    def test_just_come(self) -> None:
        """Who has not charged yet need not rest."""
        garage = Garage.of(car("a")).look(0)
        self.assertEqual(0.0, garage.look(10).pause_left_s("a", 10))

    def test_order_without_effect(self) -> None:
        """Nor who was ordered to, but never confirmed it."""
        garage = Garage.of(evolve(car("a"), ordered=setpoint(6_000))).look(0)
        garage.evses["a"] = car("a")
        self.assertEqual(0.0, garage.look(10).pause_left_s("a", 10))

    def test_order_with_effect(self) -> None:
        """But who confirmed it has charged."""
        garage = Garage.of(evolve(car("a"), ordered=setpoint(6_000))).look(0)
        garage.evses["a"] = car("a", 6_000)
        garage.look(1)
        self.assertEqual(300.0, garage.offers(100, a=0).pause_left_s("a", 100))

    def test_own_wish(self) -> None:
        """Nor who may not charge any more."""
        garage = Garage.of(car("a")).offers(0, a=6_000)
        garage.wanting = ()
        self.assertEqual(0.0, garage.offers(100, a=0).pause_left_s("a", 100))

    def test_forbidden_for_a_moment(self) -> None:
        """Nor who may again by the time that he is seen to have stopped."""
        garage = Garage.of(car("a")).offers(0, a=6_000)
        garage.wanting = ()
        garage.look(100)
        garage.wanting = None
        self.assertEqual(0.0, garage.offers(100, a=0).pause_left_s("a", 100))

    def test_full(self) -> None:
        """Nor whose car would make no use of it."""
        garage = Garage.of(car("a")).offers(0, a=6_000)
        garage.idle = {"a"}
        self.assertEqual(0.0, garage.offers(100, a=0).pause_left_s("a", 100))

    def test_next_car(self) -> None:
        """Nor the next car."""
        garage = Garage.of(car("a")).offers(0, a=6_000).offers(100, a=0)
        transaction = garage.evses["a"].transaction
        assert transaction is not None
        garage.evses["a"] = evolve(
            garage.evses["a"], transaction=evolve(transaction, transaction_id=2)
        )
        self.assertEqual(0.0, garage.look(101).pause_left_s("a", 101))

    def test_link_lost(self) -> None:
        """Nor after the EVSE could not be reached."""
        garage = Garage.of(car("a")).offers(0, a=6_000).offers(100, a=0)
        garage.evses["a"] = evolve(garage.evses["a"], link=Link.LOST)
        self.assertEqual(0.0, garage.look(101).pause_left_s("a", 101))
        garage.evses["a"] = evolve(garage.evses["a"], link=Link.ONLINE)
        self.assertEqual(0.0, garage.look(102).pause_left_s("a", 102))

    def test_forgetful(self) -> None:
        """An EVSE that may have forgotten what it was told was not paused by that."""
        garage = Garage.of(car("a")).offers(0, a=6_000)
        garage.evses["a"] = evolve(garage.evses["a"], confirmed=None)
        self.assertEqual(0.0, garage.look(10).pause_left_s("a", 10))
        self.assertIsNone(garage.waiting_since_s("a"))

    def test_not_there(self) -> None:
        """Of somebody without a transaction nothing is known."""
        garage = Garage.of(evolve(car("a"), transaction=None)).look(0)
        self.assertEqual(0.0, garage.pause_left_s("a", 0))
        self.assertIsNone(garage.waiting_since_s("a"))


class Waiting(SynchronousTestCase):
    """Since when somebody waits."""

    def test_since_he_came(self) -> None:
        """From when he could charge, until he is offered something."""
        garage = Garage.of(car("a"))
        garage.wanting = ()
        self.assertIsNone(garage.look(5).waiting_since_s("a"))
        garage.wanting = None
        self.assertEqual(7, garage.look(7).waiting_since_s("a"))
        self.assertEqual(7, garage.look(50).waiting_since_s("a"))
        self.assertIsNone(garage.offers(60, a=6_000).waiting_since_s("a"))

    def test_since_he_was_paused(self) -> None:
        """Then from when he was paused."""
        garage = Garage.of(car("a")).offers(0, a=6_000).offers(100, a=0).look(500)
        self.assertEqual(100, garage.waiting_since_s("a"))

    def test_full(self) -> None:
        """A full car waits for nothing."""
        garage = Garage.of(car("a"))
        garage.idle = {"a"}
        self.assertIsNone(garage.look(0).waiting_since_s("a"))


class Rotation(SynchronousTestCase):
    """Everybody has his turn."""

    def turns(self, count: int, places: int, hours: int) -> dict[str, list[int]]:
        """When each of C{count} cars charged, of which C{places} can. [s]"""
        garage = Garage.of(*(car(name) for name in names(count)))
        served_s: dict[str, list[int]] = {name: [0] for name in garage.evses}
        for now_s in range(0, hours * 3_600, 60):
            for name in garage.look(now_s).admit(places, now_s):
                served_s[name].append(now_s)
        return served_s

    def test_nobody_waits_for_long(self) -> None:
        """With C{k} places for C{n} cars nobody waits for longer than C{n / k - 1} turns."""
        for count, places in ((2, 1), (5, 2), (7, 3), (4, 3), (9, 1)):
            hours = 3 * ceil(count / places)
            longest_s = ceil((count - places) / places) * TURN_S + 120
            for name, times_s in self.turns(count, places, hours).items():
                waits_s = [
                    after - before for before, after in pairwise([*times_s, hours * 3_600])
                ]
                self.assertLessEqual(max(waits_s), longest_s, (count, places, name))

    def test_equal(self) -> None:
        """In the end each has charged for about as long."""
        for count, places in ((2, 1), (5, 2), (7, 3)):
            served = [len(times_s) for times_s in self.turns(count, places, 24).values()]
            self.assertLessEqual((max(served) - min(served)) * 60, TURN_S, (count, places))

    def test_large_car(self) -> None:
        """One that needs all phases is served too, where others need one of them each."""
        phases = {
            "all": "123",
            **{f"{phase}{which}": phase for phase in "123" for which in "ab"},
        }
        garage = Garage.of(*(car(name, plugged_in_s=len(phases[name])) for name in phases))
        served_s = [0]
        for now_s in range(0, 8 * 3_600, 60):
            free = set("123")
            offers = dict.fromkeys(phases, 0)
            for evse in garage.look(now_s).turns.order(garage.evses.values()):
                needs = set(phases[evse.name])
                if needs <= free and not garage.pause_left_s(evse.name, now_s):
                    free -= needs
                    offers[evse.name] = 6_000 + 2_000 * (evse.name in ("1a", "2b"))
            garage.offers(now_s, **offers)
            if offers["all"]:
                served_s.append(now_s)
        waits_s = [after - before for before, after in pairwise([*served_s, 8 * 3_600])]
        self.assertLessEqual(max(waits_s), 2 * TURN_S + 600)

    def test_together(self) -> None:
        """Of those who have had their turn together, who was before the other is so again."""
        garage = Garage.of(car("b")).look(0)
        garage.evses["a"] = car("a")
        garage.offers(1, a=6_000, b=6_000)
        self.assertEqual("b a", garage.look(TURN_S + 1).order)

    def test_few_starts(self) -> None:
        """Where half of them can charge, nobody begins more than five times in eight hours."""
        for times_s in self.turns(8, 4, 8).values():
            starts = [now_s for before_s, now_s in pairwise(times_s) if now_s > before_s + 60]
            self.assertLessEqual(len(starts), 5)

    @given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 999))
    @settings(max_examples=15, deadline=None, derandomize=True)
    def test_nobody_starves(self, count: int, places: int, seed: int) -> None:
        """
        Whoever wants to charge all the time has his turn in time, whatever the others want.
        """
        random = Random(seed)
        patient, *others = names(count)
        garage = Garage.of(*(car(name) for name in (patient, *others)))
        last_s = 0
        for now_s in range(0, 6 * 3_600, 120):
            garage.wanting = {patient, *(one for one in others if random.random() < 0.8)}
            garage.idle = {one for one in others if random.random() < 0.1}
            if patient in garage.look(now_s).admit(places, now_s):
                last_s = now_s
            self.assertLess(now_s - last_s, ceil(count / places) * TURN_S + 600)


class Sameness(SynchronousTestCase):
    """Whether something has changed."""

    def test_nothing_new(self) -> None:
        """While nothing happens, and nobody has had his turn, nothing changes."""
        garage = Garage.of(car("a"), car("b")).offers(0, a=6_000).look(301)
        before = garage.turns
        self.assertIs(before, garage.look(TURN_S - 1).turns)

    def test_to_the_moment(self) -> None:
        """Nor when a turn is over in that very moment, as exactly as a clock can tell."""
        for offer_ma in range(6_000, 32_000, 100):
            garage = Garage.of(car("a")).offers(1e6, a=offer_ma).look(1e6 + 300)
            now_s = garage.turns._records["a"].due_s
            before = garage.look(now_s).turns
            self.assertIs(before, garage.look(now_s).turns, offer_ma)

    def test_time_passes(self) -> None:
        """When a turn is over, or the time to be left in peace, others may be first."""
        garage = Garage.of(car("a"), car("b")).offers(0, a=6_000)
        for now_s in (300, TURN_S):
            before = garage.turns
            self.assertNotEqual(before, garage.look(now_s).turns)

    def test_equal(self) -> None:
        """They are equal when they put everybody in the same order."""
        garage = Garage.of(car("a"), car("b")).offers(0, a=6_000)
        before = garage.turns
        self.assertEqual(before, garage.offers(10, a=7_000).turns)
        self.assertIsNot(before, garage.turns)

    def test_bound(self) -> None:
        """Nothing is kept of who is not there any more."""
        garage = Garage.of(car("a"), car("b")).offers(0, a=6_000)
        del garage.evses["a"]
        garage.evses["b"] = evolve(car("b"), transaction=None)
        self.assertEqual(Turns(), garage.look(1).turns)
        self.assertEqual({}, garage.turns._records)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from("abcd"),
                st.sampled_from([0, 6_000, 16_000, None]),
                st.floats(0, 2_000),
                st.frozensets(st.sampled_from("abcd")),
                st.frozensets(st.sampled_from("abcd")),
                st.sampled_from(Link),
            ),
            max_size=15,
        ),
        st.randoms(use_true_random=False),
    )
    @settings(max_examples=60, deadline=None, derandomize=True)
    def test_any_history(
        self,
        steps: Iterable[tuple[str, int | None, float, frozenset[str], frozenset[str], Link]],
        random: Random,
    ) -> None:
        """
        Whatever happens, to look twice changes nothing; the order does not depend on that of
        the EVSEs, and has each of them once; and nobody rests while he charges.
        """
        garage, now_s = Garage.of(*map(car, "abcd")), 0.0
        for name, offer_ma, step_s, wanting, idle, link in steps:
            now_s += step_s
            garage.wanting, garage.idle = wanting, idle
            confirmed = None if offer_ma is None else setpoint(offer_ma)
            garage.evses[name] = evolve(garage.evses[name], confirmed=confirmed, link=link)
            before = garage.look(now_s).turns
            self.assertIs(before, garage.look(now_s).turns)
            shuffled = random.sample(list(garage.evses.values()), 4)
            self.assertEqual(
                before.order(garage.evses.values()), before.order(shuffled), shuffled
            )
            self.assertEqual(set("abcd"), set(garage.order.split()))
            for one, evse in garage.evses.items():
                if evse.granted_ma:
                    self.assertEqual(0.0, garage.pause_left_s(one, now_s))
