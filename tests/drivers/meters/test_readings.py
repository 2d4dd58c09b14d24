"""What a reading means for the site: signs, phases, and what is not told."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.meters.readings import (
    MOST_CURRENT_MA,
    Reading,
    Terminal,
    Wiring,
    measured,
    whole,
)
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.meter import MeterRole

GRID = Wiring(MeterRole.GRID)
L1, L2, L3 = Phase


def three(*terminals: Terminal, power_w: int | None = None) -> Reading:
    """A reading of a meter that tells phases apart."""
    return Reading(terminals, power_w)


def currents(reading: Reading, wiring: Wiring = GRID) -> PhaseCurrents | None:
    """What the site is told of its currents."""
    return measured("meter", reading, wiring).currents


class SignTests(SynchronousTestCase):
    """Which way a current flows."""

    def test_by_power(self) -> None:
        """A current without a sign has that of its phase's power."""
        reading = three(
            Terminal(5000, 1100), Terminal(7000, -1600), Terminal(2000, 400), power_w=-100
        )
        self.assertEqual(PhaseCurrents(5000, -7000, 2000), currents(reading))

    def test_power_decides(self) -> None:
        """A sign that contradicts that of the power is not believed."""
        reading = three(Terminal(-5000, 1100), Terminal(-7000, -1600), Terminal(0, 0))
        self.assertEqual(PhaseCurrents(5000, -7000, 0), currents(reading))

    def test_told(self) -> None:
        """Where no power is told, a negative current is one."""
        reading = three(Terminal(-5000), Terminal(7000), Terminal(1))
        self.assertEqual(PhaseCurrents(-5000, 7000, 1), currents(reading))

    def test_unknown(self) -> None:
        """What has no sign and no power on its phase flows in, whatever flows over all."""
        reading = three(Terminal(5000), Terminal(7000), Terminal(0), power_w=-2700)
        self.assertEqual(PhaseCurrents(5000, 7000, 0), currents(reading))

    def test_unknown_and_inverted(self) -> None:
        """Nor does it flow out when the meter is the other way round."""
        reading = three(Terminal(5000), Terminal(7000), Terminal(0))
        wiring = Wiring(MeterRole.GRID, is_inverted=True)
        self.assertEqual(PhaseCurrents(5000, 7000, 0), currents(reading, wiring))

    def test_generator(self) -> None:
        """A generator has one direction on all phases: that of all power."""
        reading = three(Terminal(7000), Terminal(7000), Terminal(7000), power_w=-4800)
        for is_inverted, expected_ma in ((False, -7000), (True, 7000)):
            wiring = Wiring(MeterRole.GENERATION, is_inverted=is_inverted)
            self.assertEqual(PhaseCurrents(*[expected_ma] * 3), currents(reading, wiring))

    def test_idle_generator(self) -> None:
        """What flows in a generator without power is not fed in: that would relieve a fuse."""
        reading = three(Terminal(700, 0), Terminal(700), Terminal(0), power_w=0)
        for is_inverted in (False, True):
            wiring = Wiring(MeterRole.GENERATION, is_inverted=is_inverted)
            self.assertEqual(PhaseCurrents(-700, -700, 0), currents(reading, wiring))

    def test_generator_of_unknown_power(self) -> None:
        """One that tells nothing but currents feeds them in."""
        reading = three(Terminal(700), Terminal(700), Terminal(0))
        wiring = Wiring(MeterRole.GENERATION)
        self.assertEqual(PhaseCurrents(700, 700, 0), currents(reading, wiring))

    def test_one_phase(self) -> None:
        """With one phase the power of all is that of the phase."""
        reading = three(Terminal(7000), power_w=-1600)
        self.assertEqual(PhaseCurrents(-7000, 0, 0), currents(reading))

    def test_no_power(self) -> None:
        """A power of 0 says nothing about a direction."""
        reading = three(Terminal(700, 0), Terminal(-700, 0), Terminal(0, 0))
        self.assertEqual(PhaseCurrents(700, -700, 0), currents(reading))

    def test_inverted(self) -> None:
        """What a meter counts as flowing in may be what its role counts as flowing out."""
        reading = Reading(
            (Terminal(5000, 1100), Terminal(7000, -1600), Terminal(-1)), None, 11, 22
        )
        found = measured("meter", reading, Wiring(MeterRole.GRID, is_inverted=True))
        self.assertEqual(PhaseCurrents(-5000, 7000, 1), found.currents)
        self.assertEqual(22, found.energy_wh)


class PhaseTests(SynchronousTestCase):
    """Which phase a terminal is at."""

    def test_turned(self) -> None:
        """Terminals can be wired in any order."""
        reading = three(Terminal(1), Terminal(2), Terminal(3))
        wiring = Wiring(MeterRole.GRID, (L3, L1, L2))
        self.assertEqual(PhaseCurrents(2, 3, 1), currents(reading, wiring))

    def test_fewer_terminals(self) -> None:
        """A meter of one phase has the first one that is named, and nothing on the others."""
        wiring = Wiring(MeterRole.GRID, (L2, L1, L3))
        self.assertEqual(PhaseCurrents(0, 9, 0), currents(three(Terminal(9)), wiring))

    def test_only_power(self) -> None:
        """A meter that knows only the power of all tells no currents."""
        found = measured("meter", Reading(power_w=-5000, import_wh=7), GRID)
        self.assertEqual((None, -5000, 7), (found.currents, found.power_w, found.energy_wh))

    def test_only_power_of_one_phase(self) -> None:
        """Unless there is only one phase."""
        for power_w, expected_ma in ((2300, 10_000), (-2300, -10_000), (0, 0), (1, 5)):
            found = currents(Reading(power_w=power_w), Wiring(MeterRole.GRID, (L2,)))
            self.assertEqual(PhaseCurrents(0, expected_ma, 0), found)
        self.assertIsNone(currents(Reading(), Wiring(MeterRole.GRID, (L2,))))

    def test_one_is_missing(self) -> None:
        """What one phase does not tell is not taken for nothing: no currents are told."""
        self.assertIsNone(currents(three(Terminal(5), Terminal(), Terminal(5))))


class PowerTests(SynchronousTestCase):
    """Powers, and currents that follow from them."""

    def test_sum(self) -> None:
        """Where the power of all is not told, it is the sum; not of some of them."""
        reading = three(Terminal(None, 100), Terminal(None, -300), Terminal(None, 50))
        self.assertEqual(-150, measured("meter", reading, GRID).power_w)
        self.assertIsNone(measured("meter", three(Terminal(5, 100), Terminal(5)), GRID).power_w)
        self.assertIsNone(measured("meter", Reading(), GRID).power_w)

    def test_currents(self) -> None:
        """Currents follow from powers and voltages, rounded up, with the sign of the power."""
        reading = three(
            Terminal(None, 2400, 240.0), Terminal(None, -2400, 240.0), Terminal(None, 1, 240.0)
        )
        self.assertEqual(PhaseCurrents(10_000, -10_000, 5), currents(reading))

    def test_voltages(self) -> None:
        """A voltage that is none to neutral is taken for the usual one."""
        for voltage_v in (None, 0.0, -230.0, 12.0, 400.0, 2300.0, nan, inf, -inf):
            reading = three(Terminal(None, 2300, voltage_v))
            self.assertEqual(PhaseCurrents(10_000, 0, 0), currents(reading))


class WholeTests(SynchronousTestCase):
    """Numbers that are meant, and numbers that cannot be."""

    def test_whole(self) -> None:
        """What is no number, or far too large, is not told."""
        for value in (None, nan, inf, -inf, Decimal("NaN"), 1e30, MOST_CURRENT_MA + 1):
            self.assertIsNone(whole(value, MOST_CURRENT_MA))
        for value, expected in ((-1.6, -2), (Decimal("2.4"), 2), (MOST_CURRENT_MA, 10**8)):
            self.assertEqual(expected, whole(value, MOST_CURRENT_MA))

    @given(
        st.lists(
            st.builds(
                Terminal,
                st.none() | st.integers(-(10**8), 10**8),
                st.none() | st.integers(-(10**10), 10**10),
                st.none() | st.floats(),
            ),
            max_size=3,
        ),
        st.none() | st.integers(-(10**10), 10**10),
        st.permutations([L1, L2, L3]),
        st.sampled_from(MeterRole),
        st.booleans(),
    )
    @settings(max_examples=200, deadline=None, derandomize=True)
    def test_anything(
        self,
        terminals: list[Terminal],
        power_w: int | None,
        phases: list[Phase],
        role: MeterRole,
        is_inverted: bool,
    ) -> None:
        """Currents are told for all phases or none, and each as large as it was told."""
        reading = Reading(tuple(terminals), power_w)
        found = currents(reading, Wiring(role, tuple(phases), is_inverted))
        if found is None:
            return
        for phase, terminal in zip(phases, terminals, strict=False):
            if terminal.current_ma is not None:
                self.assertEqual(abs(terminal.current_ma), abs(found[phase]))
