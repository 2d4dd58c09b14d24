"""What is left at least, and whether a limit from outside is met."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.limits.outside import evses_in, measured_w, met, minimum_w
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState

from .sites import charging, site

CIRCUITS = [
    CircuitSettings("house", 63_000, meter="grid"),
    CircuitSettings("garage", 32_000, parent="house"),
    CircuitSettings("yard", 32_000, parent="house"),
]
SITE = site(
    CIRCUITS,
    [
        charging(EvseSettings("a", "garage")),
        charging(EvseSettings("b", "garage", phases=(Phase.L2,))),
        charging(EvseSettings("c", "yard")),
        charging(EvseSettings("d", "house")),
    ],
)
LIMIT = OutsideLimit("garage", "grid operator", 4200)


def measuring(**meters: Measured) -> SiteState:
    """The site with what the meters of some EVSEs say."""
    return SITE.with_evses(SITE.evses[name].with_meter(meter) for name, meter in meters.items())


class Minimum(SynchronousTestCase):
    """What the operator of the grid has to leave."""

    def test_table(self) -> None:
        """It is 4.2 kW, and the share of it for each further EVSE that the rules give."""
        expected = {
            1: 4200,
            2: 4200 + 3360,
            3: 4200 + 2 * 3150,
            4: 4200 + 3 * 2940,
            5: 4200 + 4 * 2730,
            6: 4200 + 5 * 2520,
            7: 4200 + 6 * 2310,
            8: 4200 + 7 * 2100,
            9: 4200 + 8 * 1890,
            10: 4200 + 9 * 1890,
            100: 4200 + 99 * 1890,
        }
        self.assertEqual(expected, {count: minimum_w(count) for count in expected})

    def test_none(self) -> None:
        """There is none for nothing."""
        for count in (0, -1):
            with self.assertRaisesRegex(ValueError, str(count)):
                minimum_w(count)


class EvsesIn(SynchronousTestCase):
    """Who a limit of a circuit is for."""

    def test_below(self) -> None:
        """Those that the circuit feeds, directly or by way of others."""
        for circuit, names in (("house", "abcd"), ("garage", "ab"), ("nowhere", "")):
            self.assertEqual(list(names), [evse.name for evse in evses_in(SITE, circuit)])


class Met(SynchronousTestCase):
    """Whether all that may be drawn is within the limit."""

    def test_sum(self) -> None:
        """What is booked for the EVSEs of the circuit counts, on each of their phases."""
        booked_ma = {"a": 6000, "b": 7000, "c": 99_000}
        limit = evolve(LIMIT, max_power_w=(3 * 6 + 7) * 230)
        self.assertEqual(5750, met(SITE, booked_ma, limit))
        self.assertIsNone(met(SITE, booked_ma, evolve(limit, max_power_w=5749)))

    def test_six_amps(self) -> None:
        """The least that a car charges with on three phases is within 4.2 kW."""
        self.assertEqual(4140, met(SITE, {"a": 6000}, LIMIT))

    def test_rounded_up(self) -> None:
        """No part of a watt is lost: 1 mA more than fits is too much."""
        fits_ma = 4200 * 1000 // 230
        self.assertEqual(4200, met(SITE, {"b": fits_ma}, LIMIT))
        self.assertIsNone(met(SITE, {"b": fits_ma + 1}, LIMIT))

    def test_load(self) -> None:
        """What else the circuit carries counts where the limit is for all of it."""
        for_all = evolve(LIMIT, evses_only=False)
        self.assertEqual(4140, met(SITE, {"a": 6000}, LIMIT, load_w=100))
        self.assertIsNone(met(SITE, {"a": 6000}, for_all, load_w=100))
        self.assertEqual(4200, met(SITE, {"a": 6000}, for_all, load_w=60))
        self.assertEqual(4140 - 500, met(SITE, {"a": 6000}, for_all, load_w=-500))

    def test_phases(self) -> None:
        """An EVSE that is known to draw on one phase counts with one."""
        self.assertEqual(3680, met(SITE, {"a": 16_000}, LIMIT, phases={"a": 1}))


class Measuring(SynchronousTestCase):
    """What is drawn, as far as it is known."""

    def test_evses(self) -> None:
        """The EVSEs' meters are added; one that tells no power tells a current."""
        state = measuring(
            a=Measured(power_w=4000, currents=PhaseCurrents(1, 1, 1)),
            b=Measured(currents=PhaseCurrents(0, 2000, 0)),
            c=Measured(power_w=9000),
        )
        self.assertEqual(4460, measured_w(state, LIMIT))

    def test_unknown(self) -> None:
        """Where one of them may draw and says nothing it is not known."""
        known = measuring(a=Measured(power_w=4000))
        self.assertEqual(4000, measured_w(known, LIMIT))
        silent = known.with_evses([charging(EvseSettings("b", "garage"), 6000)])
        self.assertIsNone(measured_w(silent, LIMIT))

    def test_either(self) -> None:
        """Of a power and currents that differ the higher counts: one may be from before."""
        for power_w, current_ma in ((0, 10_000), (2300, 0)):
            told = Measured(power_w=power_w, currents=PhaseCurrents(current_ma))
            self.assertEqual(2300, measured_w(measuring(a=told), LIMIT))

    def test_turned(self) -> None:
        """The sign only says which way round a transformer is mounted."""
        for told in (
            Measured(PhaseCurrents(5_000, -5_000, 0)),
            Measured(PhaseCurrents(0, -10_000, 0), power_w=-2300),
            Measured(power_w=-2300),
        ):
            self.assertEqual(2300, measured_w(measuring(a=told), LIMIT), told)

    def test_old(self) -> None:
        """What was measured before is not known now, but for a car that stands still."""
        car = charging(EvseSettings("a", "garage"), 6000)
        told = Measured(power_w=4000, at_s=10.0)
        charging_since = SITE.with_evses([car.with_meter(told)])
        self.assertEqual(4000, measured_w(charging_since, LIMIT, 10.0))
        self.assertIsNone(measured_w(charging_since, LIMIT, 10.1))
        still = charging_since.evses["a"].with_meter(Measured().standing_still())
        state = charging_since.with_evses([evolve(still, occupancy=Occupancy.PLUGGED)])
        self.assertEqual(0, measured_w(state, LIMIT, 10.1))
        self.assertIsNone(measured_w(state.with_evses([still]), LIMIT, 10.1))

    def test_all(self) -> None:
        """For all that a circuit draws its own meter is asked, and nothing else."""
        limit = OutsideLimit("house", "grid operator", 4200, evses_only=False)
        grid = Meter(MeterSettings("grid", MeterRole.GRID), True, power_w=3900, at_s=5.0)
        for meter, expected in (
            (grid, 3900),
            (evolve(grid, power_w=None, currents=PhaseCurrents(1000, 2000, -500)), 575),
            (evolve(grid, is_read=False), None),
            (evolve(grid, at_s=4.9), None),
        ):
            state = evolve(SITE, meters={"grid": meter})
            self.assertEqual(expected, measured_w(state, limit, 5.0))
        self.assertIsNone(measured_w(SITE, limit))
        self.assertIsNone(measured_w(SITE, evolve(limit, circuit="garage")))
