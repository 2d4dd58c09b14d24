"""A meter that is made up, and the house that it is in front of."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IMeter, IMeterMaker
from cfos_cm.drivers.meters.household import DAY_S, Household
from cfos_cm.drivers.meters.simulated import MAKER, SOLAR_PEAK_W, drawn_by_evses
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import EvseMeasured, MeterMeasured, SettingsChanged, SiteEvent
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.state import SiteState, fold
from tests.drivers.environment import environment
from tests.drivers.meters.world import device

HOUR_S = 3600.0
NOON_S = 12 * HOUR_S


class HouseholdTests(SynchronousTestCase):
    """What a house draws over the day."""

    def day(self, house: Household, step_s: float = 20.0) -> list[tuple[int, int, int]]:
        """Its powers over a day."""
        return [house.powers_w(step * step_s) for step in range(int(DAY_S / step_s))]

    def test_repeatable(self) -> None:
        """The same house draws the same each time, another one something else."""
        self.assertEqual(self.day(Household(3), 600), self.day(Household(3), 600))
        self.assertNotEqual(self.day(Household(3), 600), self.day(Household(4), 600))

    def test_devices(self) -> None:
        """On each phase is what belongs there: nobody draws nothing, and much for a while."""
        for number in range(1, 6):
            day = self.day(Household(number))
            for phase, device_w in enumerate((900, 2900, 2100)):
                powers_w = [powers_w[phase] for powers_w in day]
                self.assertGreaterEqual(min(powers_w), 90)
                self.assertGreater(max(powers_w), device_w)
                self.assertLess(sorted(powers_w)[len(powers_w) // 2], 1500)
            energy_kwh = sum(map(sum, day)) * 20 / HOUR_S / 1000
            self.assertTrue(20 < energy_kwh < 60, energy_kwh)

    def test_kettle(self) -> None:
        """A kettle takes three minutes, and nobody boils water at night."""
        house = Household(1)
        on = [second for second in range(0, int(DAY_S), 5) if house._kettle(second)]
        self.assertTrue(all(6 * HOUR_S <= second < 23 * HOUR_S for second in on))
        starts = [second for second in on if second - 5 not in on]
        self.assertEqual(36 * len(starts), len(on))
        days = range(0, 10 * int(DAY_S), 60)
        minutes = sum(1 for second in days if house._kettle(second))
        # Eight and a half times two hours each day, of which seven in ten have one.
        self.assertTrue(40 <= minutes / 3 <= 75, minutes)

    def test_solar(self) -> None:
        """Panels give nothing at night, and at noon not more than they can."""
        house = Household(1, 9000)
        self.assertEqual((0, 0), (house.solar_w(0), house.solar_w(23 * HOUR_S)))
        noon_w = house.solar_w(NOON_S)
        self.assertTrue(3600 <= noon_w <= 9000)
        without = Household(1).powers_w(NOON_S)
        self.assertEqual(
            tuple(power_w - noon_w // 3 for power_w in without), house.powers_w(NOON_S)
        )


class Case(SynchronousTestCase):
    """Has a site with two EVSEs behind its grid meter."""

    def setUp(self) -> None:
        """Both draw something."""
        self.clock = Clock()
        self.reports: list[SiteEvent] = []
        self.state = SiteState()
        settings = (EvseSettings("bay-1", "garage"), EvseSettings("bay-2", "yard"))
        circuits = (
            CircuitSettings("main", PhaseCurrents(), meter="meter"),
            CircuitSettings("garage", PhaseCurrents(), parent="main"),
            CircuitSettings("yard", PhaseCurrents()),
        )
        self.state = fold(self.state, SettingsChanged("", False, circuits, settings))
        for name, current_ma in (("bay-1", 6000), ("bay-2", 9000)):
            drawn = PhaseCurrents(current_ma, 0, 1000)
            self.state = fold(self.state, EvseMeasured(name, drawn))

    def start(self, role: MeterRole = MeterRole.GRID, **others: Any) -> IMeter:
        """A meter that has been started."""
        around = environment(self.clock, lambda event: self.reports.append(event), self.read)
        meter = MAKER.make(device(role, **others), around)
        self.addCleanup(meter.stop)
        meter.start()
        return meter

    def read(self) -> SiteState:
        """What is known of the site."""
        return self.state

    def one(self) -> MeterMeasured:
        """What was measured last."""
        found = self.reports[-1]
        assert isinstance(found, MeterMeasured)
        return found


class SimulatedTests(Case):
    """What it shows."""

    def test_grid(self) -> None:
        """A house and the EVSEs of the circuits behind it, and no others."""
        self.start()
        house = [power_w * 1000 // 230 for power_w in Household(1).powers_w(0)]
        expected = PhaseCurrents(*house) + PhaseCurrents(6000, 0, 1000)
        found = self.one()
        self.assertEqual(expected, found.currents)
        self.assertEqual(expected.total() * 230 // 1000, found.power_w)

    def test_roles(self) -> None:
        """A load without EVSEs, and panels, which give nothing at night."""
        self.start(MeterRole.GENERATION)
        self.assertEqual(PhaseCurrents(), self.one().currents)
        self.start(MeterRole.CONSUMPTION)
        found = self.one().currents
        assert found is not None
        self.assertLess(found.l1_ma, 6000)

    def test_evse(self) -> None:
        """
        It does not say what an EVSE draws: where an EVSE has a meter apart, nobody else does,
        and what is made up would be counted on.
        """
        apart = EvseSettings("bay-1", "garage", metered_apart=True)
        main = CircuitSettings("garage", PhaseCurrents())
        self.state = fold(SiteState(), SettingsChanged("", False, (main,), (apart,)))
        self.state = fold(self.state, EvseMeasured("bay-1", PhaseCurrents(16_000, 0, 0)))
        meter = self.start(MeterRole.EVSE, evse="bay-1")
        self.clock.advance(10)
        self.assertEqual([], self.reports)
        self.successResultOf(meter.stop())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_panels(self) -> None:
        """What is fed in is positive with the role generation, and is not in a load."""
        self.clock.advance(NOON_S)
        self.start(MeterRole.GENERATION)
        expected_w = Household(1, SOLAR_PEAK_W).solar_w(NOON_S)
        power_w = self.one().power_w
        assert power_w is not None
        self.assertLess(abs(expected_w - power_w), 5)
        self.assertGreater(power_w, 3000)

    def test_each_second(self) -> None:
        """It speaks each second until it is stopped; its register counts what has flowed."""
        meter = self.start(parameters="time_lapse=60 house=2")
        verifyObject(IMeter, meter)
        meter.start()
        for _ in range(60):
            self.clock.advance(1)
        self.assertEqual(61, len(self.reports))
        energy_wh, power_w = self.one().energy_wh, self.one().power_w
        assert energy_wh is not None
        self.assertTrue(1500 < energy_wh < 6000, (energy_wh, power_w))
        house_w = Household(2).powers_w(3600)
        self.assertEqual(
            PhaseCurrents(*(one * 1000 // 230 for one in house_w))
            + PhaseCurrents(6000, 0, 1000),
            self.one().currents,
        )
        self.successResultOf(meter.stop())
        self.assertEqual([], self.clock.getDelayedCalls())
        self.successResultOf(meter.stop())

    def test_drawn(self) -> None:
        """An EVSE whose meter has not spoken draws nothing that is known of."""
        grid = MeterSettings("meter", MeterRole.GRID)
        self.assertEqual(PhaseCurrents(6000, 0, 1000), drawn_by_evses(self.state, grid))
        other = evolve(grid, name="other")
        self.assertEqual(PhaseCurrents(), drawn_by_evses(self.state, other))
        fresh = fold(
            SiteState(),
            SettingsChanged(
                "",
                False,
                (CircuitSettings("main", PhaseCurrents(), meter="meter"),),
                (EvseSettings("bay-1", "main"),),
            ),
        )
        self.assertEqual(PhaseCurrents(), drawn_by_evses(fresh, grid))

    def test_objections(self) -> None:
        """Which house, and how fast its day goes."""
        verifyObject(IMeterMaker, MAKER)
        for text in ("", "house=7", "time_lapse=10000 house=1"):
            self.assertIsNone(MAKER.objection(device(parameters=text, address=None)))
        for text in ("house=0", "time_lapse=10001", "house=1 house=2", "home=1"):
            found = MAKER.objection(device(parameters=text))
            assert found is not None
            self.assertEqual("parameters", found[0])
            self.assertIn("house=N, which house it is, or time_lapse=N", found[1])
