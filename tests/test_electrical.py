"""Currents, phases and power."""

from __future__ import annotations

from decimal import Decimal

from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import (
    ALL_PHASES,
    NO_CURRENT,
    OCPP_STEPS,
    CurrentSteps,
    Phase,
    PhaseCurrents,
    amps_text,
    milliamps,
    watts_to_milliamps,
)

L1, L2, L3 = ALL_PHASES
CURRENTS = st.builds(PhaseCurrents, *[st.integers(-(10**6), 10**6)] * 3)


class PhaseCurrentsTests(SynchronousTestCase):
    """A current on each phase."""

    def test_on(self) -> None:
        """The current flows on the given phases and on no other."""
        for phases, expected in (
            ((), PhaseCurrents(0, 0, 0)),
            ((L1,), PhaseCurrents(7, 0, 0)),
            ((L3, L1), PhaseCurrents(7, 0, 7)),
            (ALL_PHASES, PhaseCurrents(7, 7, 7)),
        ):
            self.assertEqual(PhaseCurrents.on(phases, 7), expected)

    def test_phase_by_phase(self) -> None:
        """Each phase is found under its own name, as a text too."""
        currents = PhaseCurrents(1, 2, 3)
        self.assertEqual([currents[phase] for phase in ALL_PHASES], [1, 2, 3])
        self.assertEqual(currents[Phase("L2")], 2)

    def test_arithmetic(self) -> None:
        """Sums, differences and changes go phase by phase."""
        one, other = PhaseCurrents(1, 20, 300), PhaseCurrents(4, 5, 6)
        self.assertEqual(one + other, PhaseCurrents(5, 25, 306))
        self.assertEqual(one - other, PhaseCurrents(-3, 15, 294))
        self.assertEqual(
            one.map(lambda current_ma: -2 * current_ma), PhaseCurrents(-2, -40, -600)
        )

    def test_maximum(self) -> None:
        """The largest phase, wherever it is, below zero too."""
        for currents, expected in (
            (PhaseCurrents(3, 2, 1), 3),
            (PhaseCurrents(1, 3, 2), 3),
            (PhaseCurrents(1, 2, 3), 3),
            (PhaseCurrents(-3, -1, -2), -1),
            (NO_CURRENT, 0),
        ):
            self.assertEqual(currents.maximum(), expected)

    @given(CURRENTS, CURRENTS)
    def test_difference_undoes_sum(self, one: PhaseCurrents, other: PhaseCurrents) -> None:
        """What was added can be taken away again, and the order of a sum is free."""
        self.assertEqual(one + other - other, one)
        self.assertEqual(one + other, other + one)
        self.assertEqual(one + NO_CURRENT, one)

    def test_frozen(self) -> None:
        """A current is a value: it is not changed in place."""
        with self.assertRaises(FrozenInstanceError):
            NO_CURRENT.l1_ma = 1  # type: ignore[misc]


class ConversionTests(SynchronousTestCase):
    """From amps and watts, and for people; always rounded down."""

    def test_milliamps(self) -> None:
        """Amps become milliamps; what is finer is dropped, downwards below zero too."""
        for amps, expected in (
            (16, 16_000),
            (Decimal("7.5"), 7_500),
            (Decimal("0.0009"), 0),
            (Decimal("6.9999"), 6_999),
            (Decimal("-0.0001"), -1),
            (Decimal("1E+2"), 100_000),
        ):
            self.assertEqual(milliamps(amps), expected)

    def test_watts(self) -> None:
        """11 kW are 15.9 A on three phases, and 47.8 A on one."""
        for power_w, phases, expected in (
            (11_000, 3, 15_942),
            (11_000, 1, 47_826),
            (4_140, 3, 6_000),
            (4_139, 3, 5_998),
            (1_380, 1, 6_000),
            (3_680, 2, 8_000),
            (Decimal("0.1"), 1, 0),
            (0, 3, 0),
        ):
            self.assertEqual(watts_to_milliamps(power_w, phases), expected)

    @given(st.integers(0, 10**6), st.integers(1, 3))
    def test_watts_never_up(self, power_w: int, phases: int) -> None:
        """The current never means more than the power, and less by under a milliamp a phase."""
        found_ma = watts_to_milliamps(power_w, phases)
        self.assertLessEqual(found_ma * 230 * phases, power_w * 1000)
        self.assertLess(power_w * 1000, (found_ma + 1) * 230 * phases)

    def test_text(self) -> None:
        """Whole amps without a decimal, others with one that is never rounded up."""
        for current_ma, expected in (
            (0, "0 A"),
            (99, "0 A"),
            (100, "0.1 A"),
            (5_999, "5.9 A"),
            (6_000, "6 A"),
            (7_500, "7.5 A"),
            (7_599, "7.5 A"),
            (16_000, "16 A"),
            (250_000, "250 A"),
        ):
            self.assertEqual(amps_text(current_ma), expected)


class CurrentStepsTests(SynchronousTestCase):
    """The currents that an EVSE can take."""

    def check(
        self, steps: CurrentSteps, *table: tuple[int, int, int | None, int | None]
    ) -> None:
        """Each current must have the expected step below or at, above or at, and above it."""
        for current_ma, at_most, at_least, after in table:
            self.assertEqual(steps.at_most(current_ma), at_most, current_ma)
            self.assertEqual(steps.at_least(current_ma), at_least, current_ma)
            self.assertEqual(steps.after(current_ma), after, current_ma)

    def test_grains(self) -> None:
        """Any whole number of grains, but that 0 is a pause and no step upwards."""
        self.check(
            CurrentSteps(500),
            (-1, 0, 500, 500),
            (0, 0, 500, 500),
            (1, 0, 500, 500),
            (499, 0, 500, 500),
            (500, 500, 500, 1_000),
            (501, 500, 1_000, 1_000),
            (16_000, 16_000, 16_000, 16_500),
        )

    def test_only(self) -> None:
        """These and no others; above the last there is none."""
        self.check(
            CurrentSteps(only_ma=(6_000, 8_000, 13_000)),
            (-1, 0, 6_000, 6_000),
            (0, 0, 6_000, 6_000),
            (5_999, 0, 6_000, 6_000),
            (6_000, 6_000, 6_000, 8_000),
            (6_001, 6_000, 8_000, 8_000),
            (12_999, 8_000, 13_000, 13_000),
            (13_000, 13_000, 13_000, None),
            (13_001, 13_000, None, None),
        )

    def test_widest(self) -> None:
        """The widest gap between two neighbours; the first step is not counted as one."""
        for steps, expected in (
            (CurrentSteps(), 100),
            (CurrentSteps(1_000), 1_000),
            (CurrentSteps(only_ma=(6_000, 8_000, 13_000, 16_000)), 5_000),
            (CurrentSteps(only_ma=(6_000,)), 0),
        ):
            self.assertEqual(steps.widest_ma, expected)

    def test_ocpp(self) -> None:
        """A limit in OCPP 1.6 has one decimal."""
        self.assertEqual(OCPP_STEPS.at_most(6_199), 6_100)

    @given(
        st.builds(CurrentSteps, st.integers(1, 2_000))
        | st.builds(
            lambda only: CurrentSteps(only_ma=tuple(sorted(only))),
            st.sets(st.integers(1, 32_000), min_size=1, max_size=6),
        ),
        st.integers(-100, 40_000),
    )
    def test_neighbours(self, steps: CurrentSteps, current_ma: int) -> None:
        """A current is a step or lies between two that follow each other."""
        below, above = steps.at_most(current_ma), steps.at_least(current_ma)
        self.assertLessEqual(below, max(0, current_ma))
        if above is not None:
            self.assertGreaterEqual(above, current_ma)
            self.assertEqual(steps.at_most(above), above)
        if below != above:
            self.assertEqual(steps.after(below), above)
