"""What is known from a meter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents
from cfos_cm.site.measured import NOTHING_MEASURED, Measured

CURRENTS = st.none() | st.builds(PhaseCurrents, st.integers(0, 2), st.integers(0, 2))
NUMBERS = st.none() | st.integers(0, 2)
FULL = Measured(PhaseCurrents(1, 2, 3), 5_000, 4_000)


class Updates(SynchronousTestCase):
    """The meter speaks again."""

    def test_each(self) -> None:
        """What it says is known, and what it does not say stays; a zero is not silence."""
        self.assertEqual(
            Measured(NO_CURRENT, 5_000, 4_000), FULL.updated(NO_CURRENT, None, None)
        )
        self.assertEqual(Measured(FULL.currents, 0, 4_000), FULL.updated(None, 0, None))
        self.assertEqual(Measured(FULL.currents, 5_000, 0), FULL.updated(None, None, 0))

    def test_flowing_again(self) -> None:
        """Where a current flows again, no power from before it began is believed."""
        still = FULL.standing_still()
        self.assertEqual(
            Measured(FULL.currents, 5_000, None), still.updated(FULL.currents, None, None)
        )
        self.assertEqual(
            Measured(FULL.currents, 5_000, 0), still.updated(FULL.currents, None, 0)
        )
        self.assertEqual(still, still.updated(NO_CURRENT, None, None))

    def test_first(self) -> None:
        """Before it has spoken nothing is known."""
        self.assertEqual(Measured(None, None, None), NOTHING_MEASURED)
        self.assertEqual(FULL, NOTHING_MEASURED.updated(FULL.currents, 5_000, 4_000))

    @given(CURRENTS, NUMBERS, NUMBERS, CURRENTS, NUMBERS, NUMBERS)
    def test_nothing_new(
        self,
        currents: PhaseCurrents | None,
        energy_wh: int | None,
        power_w: int | None,
        next_currents: PhaseCurrents | None,
        next_energy_wh: int | None,
        next_power_w: int | None,
    ) -> None:
        """It is the same object exactly when nothing is new."""
        before = Measured(currents, energy_wh, power_w)
        after = before.updated(next_currents, next_energy_wh, next_power_w)
        self.assertEqual(before == after, before is after)


class WithoutMeter(SynchronousTestCase):
    """What else tells something about what a meter would say."""

    def test_standing_still(self) -> None:
        """Without a current there is no power, and the register stays."""
        self.assertEqual(Measured(NO_CURRENT, 5_000, 0), FULL.standing_still())
        self.assertEqual(Measured(NO_CURRENT, None, 0), NOTHING_MEASURED.standing_still())

    def test_out_of_sight(self) -> None:
        """When nobody can ask it only the register is still known."""
        self.assertEqual(Measured(None, 5_000, None), FULL.out_of_sight())
