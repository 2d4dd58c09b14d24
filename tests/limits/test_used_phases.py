"""The phases that a car really uses."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents
from cfos_cm.limits.used_phases import UsedPhases
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import Setpoint

from .sites import WIRINGS, charging, setpoint, site

L1, L2, L3 = ALL_PHASES

#: What a car on one phase, on two, on all three draws, and one that has not begun. [A]
ONE, TWO, ALL, NONE = (10.0, 0.0, 0.0), (10.0, 10.0, 0.1), (10.0, 10.0, 9.8), (0.0, 0.0, 0.0)


def wired(*phases: Phase) -> Evse:
    """An EVSE that charges, wired to these."""
    return charging(EvseSettings("a", "main", phases=phases or ALL_PHASES), 16_000)


def read(
    evse: Evse, amps: tuple[float, float, float], at_s: float, power_w: int | None = None
) -> Evse:
    """The same after its meter has told these currents of the supply's phases. [A]"""
    currents = PhaseCurrents(*(round(one * 1000) for one in amps))
    return evse.with_meter(Measured(currents, None, power_w, at_s))


def seen(used: UsedPhases, *evses: Evse) -> UsedPhases:
    """What is known after looks at one and the same EVSE, in this order."""
    for evse in evses:
        used = used.after(site([CircuitSettings("main", 63_000)], [evse]), evse.meter.at_s)
    return used


def phases_after(
    evse: Evse, readings: Iterable[tuple[tuple[float, float, float], float]]
) -> str:
    """The phases that count after these readings, and when they were made: C{L1 L3}."""
    used = seen(UsedPhases(), *(read(evse, amps, at_s) for amps, at_s in readings))
    return " ".join(used.of(evse))


def another_transaction(evse: Evse) -> Evse:
    """The same with the next car."""
    assert evse.transaction is not None
    return evolve(evse, transaction=evolve(evse.transaction, transaction_id=2))


class Proof(SynchronousTestCase):
    """What shows that a phase is not used."""

    def test_nothing_is_known(self) -> None:
        """All phases count at first."""
        self.assertEqual(ALL_PHASES, UsedPhases().of(wired()))

    def test_partial(self) -> None:
        """A meter that tells some phases only proves nothing of the others."""
        readings = [
            evolve(one, meter=evolve(one.meter, is_partial=True))
            for one in (read(wired(), ONE, at_s) for at_s in (5.0, 15.0, 25.0, 95.0))
        ]
        self.assertEqual(ALL_PHASES, seen(UsedPhases(), *readings).of(readings[-1]))

    def test_long_enough(self) -> None:
        """Phases that carry nothing for 20 s beside one that charges do not count."""
        self.assertEqual("L1", phases_after(wired(), [(ONE, 5), (ONE, 15), (ONE, 25)]))

    def test_not_yet(self) -> None:
        """Before that they do."""
        self.assertEqual("L1 L2 L3", phases_after(wired(), [(ONE, 5), (ONE, 15), (ONE, 24.9)]))

    def test_two_phases(self) -> None:
        """A phase that carries less than half an ampere carries nothing."""
        self.assertEqual("L1 L2", phases_after(wired(), [(TWO, 0), (TWO, 60)]))

    def test_all_phases(self) -> None:
        """Who uses all of them keeps them."""
        self.assertEqual("L1 L2 L3", phases_after(wired(), [(ALL, t) for t in range(99)]))

    def test_one_reading(self) -> None:
        """One and the same reading proves nothing, however old it grows."""
        evse = read(wired(), ONE, 0.0)
        used = seen(UsedPhases(), evse)
        later = used.after(site([CircuitSettings("main", 63_000)], [evse]), 1_000.0)
        self.assertEqual(ALL_PHASES, later.of(evse))

    def test_when_is_not_known(self) -> None:
        """Readings without a time prove nothing."""
        timeless = [read(wired(), ONE, float("-inf")), read(wired(), ONE, 50.0)]
        self.assertEqual(ALL_PHASES, seen(UsedPhases(), *timeless).of(wired()))

    def test_slow_meter(self) -> None:
        """Two readings in a quarter of an hour are enough."""
        self.assertEqual("L1", phases_after(wired(), [(ONE, 0), (ONE, 900)]))

    def test_no_sure_charge(self) -> None:
        """A car that wakes up, with less than 3 A, says nothing of its other phases."""
        waking = (2.9, 0.0, 0.0)
        self.assertEqual("L1 L2 L3", phases_after(wired(), [(waking, 0), (waking, 99)]))

    def test_pause_between(self) -> None:
        """What was seen before a pause proves nothing after it."""
        self.assertEqual(
            "L1 L2 L3", phases_after(wired(), [(ONE, 0), (NONE, 10), (ONE, 15), (ONE, 30)])
        )

    def test_current_between(self) -> None:
        """A phase that carries something meanwhile has to be watched anew."""
        late = (10.0, 0.0, 8.0)
        self.assertEqual(
            "L1 L3", phases_after(wired(), [(ONE, 0), (late, 10), (ONE, 15), (ONE, 25)])
        )

    def test_one_phase_later(self) -> None:
        """A phase that goes empty after another one is watched after it."""
        readings = [(TWO, 0.0), (ONE, 15.0), (ONE, 20.0), (ONE, 40.0)]
        self.assertEqual("L1 L2", phases_after(wired(), readings[:3]))
        self.assertEqual("L1", phases_after(wired(), readings))

    def test_no_currents(self) -> None:
        """A meter that only knows the power proves nothing."""
        evse = wired()
        powers = [evse.with_meter(Measured(None, None, 2_300, at_s)) for at_s in (0.0, 60.0)]
        self.assertEqual(ALL_PHASES, seen(UsedPhases(), *powers).of(evse))

    def test_meter_on_one_phase(self) -> None:
        """Where the power is more than the currents can account for, some are not told."""
        told = [read(wired(), ONE, at_s, power_w=6_900) for at_s in (0.0, 60.0)]
        self.assertEqual(ALL_PHASES, seen(UsedPhases(), *told).of(wired()))

    def test_power_fits(self) -> None:
        """A power that the currents account for is no reason to doubt."""
        told = [read(wired(), ONE, at_s, power_w=2_400) for at_s in (0.0, 60.0)]
        self.assertEqual((L1,), seen(UsedPhases(), *told).of(wired()))

    def test_mounted_backwards(self) -> None:
        """A current that seems to flow back is one all the same."""
        backwards = (10.0, -10.0, 0.0)
        self.assertEqual("L1 L2", phases_after(wired(), [(backwards, 0), (backwards, 60)]))


class Wiring(SynchronousTestCase):
    """Which phases they are, where they are not wired in the supply's order."""

    def test_rotated(self) -> None:
        """They are told in the order in which they are wired."""
        self.assertEqual(
            "L2 L1", phases_after(wired(L2, L3, L1), [((9, 9, 0), 0), ((9, 9, 0), 30)])
        )

    def test_single(self) -> None:
        """An EVSE with one phase loads that one, whatever is measured."""
        self.assertEqual("L2", phases_after(wired(L2), [(ONE, 0), (ONE, 60)]))

    def test_elsewhere(self) -> None:
        """A current on a phase that it is not wired to proves nothing."""
        self.assertEqual("L2 L3", phases_after(wired(L2, L3), [(ONE, 0), (ONE, 60)]))

    def test_rewired(self) -> None:
        """What was learnt with other settings does not count."""
        used = seen(UsedPhases(), read(wired(), ONE, 0.0), read(wired(), ONE, 60.0))
        other = read(wired(L2, L3, L1), ONE, 61.0)
        self.assertEqual((L2, L3, L1), seen(used, other).of(other))

    @given(
        st.sampled_from(WIRINGS),
        st.lists(
            st.tuples(
                st.tuples(*[st.sampled_from([-9.0, 0.0, 0.3, 0.5, 2.0, 3.0, 16.0])] * 3),
                st.floats(0, 40),
            ),
            max_size=12,
        ),
    )
    @settings(max_examples=100, deadline=None, derandomize=True)
    def test_any_readings(
        self, phases: tuple[Phase, ...], steps: list[tuple[tuple[float, float, float], float]]
    ) -> None:
        """
        Whatever the meter says, at least one phase counts, in the wired order; and so does
        each that carries something now.
        """
        evse, used, at_s = wired(*phases), UsedPhases(), 0.0
        for amps, step_s in steps:
            at_s += step_s
            evse = read(evse, amps, at_s)
            used = seen(used, evse)
            found = used.of(evse)
            self.assertTrue(found)
            self.assertEqual(found, tuple(phase for phase in phases if phase in found))
            for phase, current_a in zip(ALL_PHASES, amps, strict=True):
                if phase in phases and abs(current_a) >= 0.5:
                    self.assertIn(phase, found)
            self.assertIs(used, seen(used, evse))


class Relapse(SynchronousTestCase):
    """A phase that was taken for unused carries a current."""

    def learnt(self) -> UsedPhases:
        """A car on one phase, learnt at 20 s."""
        return seen(UsedPhases(), read(wired(), ONE, 0.0), read(wired(), ONE, 20.0))

    def relapsed(self, at_s: float, before: UsedPhases) -> UsedPhases:
        """It has loaded the others for a moment."""
        return seen(before, read(wired(), (10.0, 0.5, 0.5), at_s))

    def test_at_once(self) -> None:
        """All phases count again with the first reading."""
        self.assertEqual(ALL_PHASES, self.relapsed(21.0, self.learnt()).of(wired()))

    def test_in_the_same_moment(self) -> None:
        """Also with a second reading at the time of the one before."""
        self.assertEqual(ALL_PHASES, self.relapsed(20.0, self.learnt()).of(wired()))

    def test_looked_at_twice(self) -> None:
        """Of the same reading everything is known at the first look."""
        evse = read(wired(), (10.0, 0.5, 0.0), 21.0)
        used = seen(self.learnt(), evse)
        self.assertIs(used, seen(used, evse))

    def test_link_lost(self) -> None:
        """That it was wrong once is known also after the EVSE could not be reached."""
        lost = evolve(wired(), link=Link.LOST)
        used = seen(self.relapsed(21.0, self.learnt()), read(wired(), ONE, 22.0), lost)
        used = seen(used, *(read(wired(), ONE, at_s) for at_s in (23.0, 82.9)))
        self.assertEqual(ALL_PHASES, used.of(wired()))

    def test_less_easily(self) -> None:
        """It takes 60 s the next time."""
        used = seen(self.relapsed(21.0, self.learnt()), read(wired(), ONE, 22.0))
        self.assertEqual(ALL_PHASES, seen(used, read(wired(), ONE, 81.9)).of(wired()))
        self.assertEqual((L1,), seen(used, read(wired(), ONE, 82.0)).of(wired()))

    def test_never_again(self) -> None:
        """Who was wrong twice is not believed in that transaction, but in the next one."""
        used = self.relapsed(21.0, self.learnt())
        used = seen(used, read(wired(), ONE, 22.0), read(wired(), ONE, 90.0))
        used = self.relapsed(91.0, used)
        used = seen(used, *(read(wired(), ONE, at_s) for at_s in (92.0, 200.0, 5_000.0)))
        self.assertEqual(ALL_PHASES, used.of(wired()))
        other = another_transaction(wired())
        used = seen(used, other, read(other, ONE, 5_001.0), read(other, ONE, 5_021.0))
        self.assertEqual((L1,), used.of(other))

    def test_pause(self) -> None:
        """A car that pauses has not changed."""
        used = seen(self.learnt(), read(wired(), NONE, 21.0), read(wired(), ONE, 300.0))
        self.assertEqual((L1,), used.of(wired()))


class Forgetting(SynchronousTestCase):
    """When nothing is known any more."""

    def after(self, *evses: Evse) -> tuple[Phase, ...]:
        """The phases that count when a car on one phase was learnt, and then this was seen."""
        used = seen(UsedPhases(), read(wired(), ONE, 0.0), read(wired(), ONE, 20.0), *evses)
        return used.of(evses[-1])

    def test_next_car(self) -> None:
        """Another transaction is another car."""
        self.assertEqual(ALL_PHASES, self.after(another_transaction(read(wired(), ONE, 20.0))))

    def test_no_car(self) -> None:
        """Without a transaction nothing is remembered."""
        self.assertEqual(ALL_PHASES, self.after(evolve(wired(), transaction=None), wired()))

    def test_link_lost(self) -> None:
        """Who cannot be seen may do anything."""
        lost = evolve(read(wired(), ONE, 20.0), link=Link.LOST)
        self.assertEqual(ALL_PHASES, self.after(lost))

    def test_out_of_sight(self) -> None:
        """So may one whose currents nobody knows any more."""
        self.assertEqual(ALL_PHASES, self.after(wired()))

    def switch(self, phases: int | None) -> Setpoint:
        """An order to charge with so many phases."""
        return evolve(setpoint(16_000), phases=phases)

    def test_switched(self) -> None:
        """Who was told to use another number of phases may use all of them."""
        confirmed = evolve(read(wired(), ONE, 20.0), confirmed=self.switch(3))
        self.assertEqual(ALL_PHASES, self.after(confirmed))

    def test_while_switching(self) -> None:
        """From when it is told; and until it answers, what it draws proves nothing."""
        ordered = evolve(read(wired(), ONE, 20.0), ordered=self.switch(3))
        self.assertEqual(ALL_PHASES, self.after(ordered))
        self.assertEqual(
            ALL_PHASES, self.after(ordered, read(ordered, ONE, 30.0), read(ordered, ONE, 90.0))
        )

    def test_after_switching(self) -> None:
        """It is learnt anew."""
        switched = evolve(wired(), confirmed=self.switch(1))
        self.assertEqual(
            (L1,),
            self.after(switched, read(switched, ONE, 30.0), read(switched, ONE, 50.0)),
        )

    def test_other_order(self) -> None:
        """Another current on as many phases is no reason to forget."""
        ordered = evolve(read(wired(), ONE, 20.0), ordered=setpoint(6_000))
        self.assertEqual((L1,), self.after(ordered))


class Sameness(SynchronousTestCase):
    """Whether something has changed."""

    def test_nothing_new(self) -> None:
        """A look that shows nothing new changes nothing."""
        used = seen(UsedPhases(), read(wired(), ALL, 0.0))
        self.assertIs(used, seen(used, read(wired(), ALL, 1.0)))

    def test_equal(self) -> None:
        """They are equal when they say the same, whatever they have seen."""
        some = seen(UsedPhases(), read(wired(), ONE, 0.0))
        proof = seen(some, read(wired(), ONE, 20.0))
        self.assertIsNot(UsedPhases(), some)
        self.assertEqual(UsedPhases(), some)
        self.assertNotEqual(some, proof)

    def test_bound(self) -> None:
        """Nothing is kept of an EVSE that is not configured any more."""
        used = seen(UsedPhases(), read(wired(), ONE, 0.0), read(wired(), ONE, 20.0))
        gone = used.after(site([CircuitSettings("main", 63_000)], []), 21.0)
        self.assertEqual(UsedPhases(), gone)
        self.assertEqual({}, gone._records)
