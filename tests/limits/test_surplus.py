"""Tests for charging by what the site would feed into the grid."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import CurrentSteps, Phase, PhaseCurrents
from cfos_cm.limits.surplus import (
    NO_SURPLUS,
    Surplus,
    minimum_ma,
    surplus_ceiling,
    surplus_reason,
)
from cfos_cm.limits.surplus_standing import Stage
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState
from tests.limits.sites import charging, site

HOUSE = CircuitSettings("house", 35_000, meter="grid")
CARPORT = CircuitSettings("carport", 20_000, parent="house")
BARN = CircuitSettings("barn", 35_000, meter="barn grid")


def evse(name: str, circuit: str = "carport", draws_ma: int = 0, mode: str = "surplus") -> Evse:
    """An EVSE with three phases whose car draws that. [mA per phase]"""
    settings = EvseSettings(name, circuit, mode=ChargingMode(mode))
    drawn = PhaseCurrents(draws_ma, draws_ma, draws_ma)
    return charging(settings, draws_ma).with_meter(Measured(drawn))


def exporting(power_w: int, *evses: Evse, at_s: float = 0.0, barn_w: int = 0) -> SiteState:
    """Two connections to the grid, into which that flows. [W]"""
    meters = {
        name: Meter(
            MeterSettings(name, MeterRole.GRID, circuit), True, None, -power, None, at_s
        )
        for name, circuit, power in (("grid", "house", power_w), ("barn grid", "barn", barn_w))
    }
    return evolve(site([HOUSE, CARPORT, BARN], list(evses)), meters=meters)


def after(
    seconds: int,
    power_w: int,
    *evses: Evse,
    surplus: Surplus = NO_SURPLUS,
    first_s: int = 0,
    phases: dict[str, int] | None = None,
) -> Surplus:
    """What is known when the site has been like this for so long."""
    names = [one.name for one in evses]
    for at_s in range(first_s, first_s + seconds):
        state = exporting(power_w, *evses, at_s=at_s)
        surplus = surplus.after(state, at_s, names, phases)
    return surplus


class WhatThereIs(SynchronousTestCase):
    """What the cars in this mode share."""

    def test_with_what_they_draw_themselves(self) -> None:
        """It is what is fed in and what they draw already."""
        surplus = after(1, 2_300, evse("a", draws_ma=8_000))
        self.assertEqual(surplus.rows_ma, {"house": 10_000 + 24_000})

    def test_not_what_others_draw(self) -> None:
        """What a car draws that charges normally is not fed in, so it is not handed out."""
        surplus = after(
            1, 2_300, evse("a", draws_ma=8_000), evse("b", "carport", 10_000, "normal")
        )
        self.assertEqual(surplus.rows_ma, {"house": 34_000})

    def test_not_what_is_drawn_without_permission(self) -> None:
        """What one draws that must not charge at all cannot be given to others."""
        state = exporting(2_300, evse("a", draws_ma=8_000), evse("b", draws_ma=8_000))
        self.assertEqual(NO_SURPLUS.after(state, 0, ["b"]).rows_ma, {"house": 34_000})

    def test_each_connection_has_its_own(self) -> None:
        """What one meter sees cannot be used up behind another one."""
        state = exporting(2_300, evse("a"), evse("b", "barn"), barn_w=4_600)
        surplus = NO_SURPLUS.after(state, 0, ["a", "b"])
        self.assertEqual(surplus.rows_ma, {"house": 10_000, "barn": 20_000})

    def test_known_before_a_car_comes(self) -> None:
        """The surplus is followed while nobody charges: the first one need not wait for it."""
        state = exporting(2_300, evolve(evse("a"), transaction=None))
        surplus = NO_SURPLUS.after(state, 0, [])
        self.assertEqual((surplus.rows_ma, surplus.standings), ({"house": 10_000}, {}))

    def test_minima_of_those_who_go_on(self) -> None:
        """While somebody is short there is as much as his minimum, and nothing is left."""
        car = evse("a", draws_ma=6_000)
        surplus = after(60, 230, car)
        dark = after(60, -4_140, car, surplus=surplus, first_s=60)
        self.assertIs(dark.standings["a"].stage, Stage.SHORT)
        self.assertEqual((dark.rows_ma, dark.left_ma), ({"house": 18_000}, {"house": -18_000}))

    def test_nothing_without_a_meter(self) -> None:
        """When the meter is lost nobody begins, and who charges may end as if it were dark."""
        car = evse("a", draws_ma=6_000)
        surplus = after(60, 230, car)
        lost = evolve(exporting(0, car), meters={})
        for at_s in range(60, 361):
            self.assertTrue(surplus.allows(car), at_s)
            surplus = surplus.after(lost, at_s, ["a"])
        self.assertFalse(surplus.allows(car))
        self.assertEqual(surplus.rows_ma, {"house": 0})

    def test_phases_that_are_charged_with(self) -> None:
        """What a car needs is its minimum on the phases that it charges with."""
        self.assertFalse(after(60, 1_380, evse("a")).allows(evse("a")))
        self.assertTrue(after(60, 1_380, evse("a"), phases={"a": 1}).allows(evse("a")))
        self.assertFalse(after(60, 4_139, evse("a")).allows(evse("a")))
        self.assertTrue(after(60, 4_140, evse("a")).allows(evse("a")))

    def test_minimum_is_a_step(self) -> None:
        """The minimum is one of the steps that an EVSE can be set to."""
        settings = evse("a").settings
        for steps, wanted_ma in (((), 6_000), ((5_000, 8_000), 8_000), ((4_000,), 6_000)):
            one = Evse(evolve(settings, steps=CurrentSteps(only_ma=steps)))
            self.assertEqual(minimum_ma(one), wanted_ma)


class WhatIsRemembered(SynchronousTestCase):
    """For how long something is known of an EVSE."""

    def test_nothing_where_nobody_has_this_mode(self) -> None:
        """A site without such an EVSE costs nothing."""
        state = exporting(9_000, evse("a", mode="normal"))
        self.assertIs(NO_SURPLUS.after(state, 0, ["a"]), NO_SURPLUS)
        surplus = after(60, 9_000, evse("a"))
        self.assertEqual(surplus.after(state, 60, ["a"]), NO_SURPLUS)

    def test_other_modes_are_allowed(self) -> None:
        """Who does not charge by surplus needs none."""
        car = evse("a", mode="normal")
        self.assertTrue(NO_SURPLUS.allows(car))
        self.assertIsNone(surplus_ceiling(NO_SURPLUS, car))

    def test_same_when_nothing_has_changed(self) -> None:
        """It is the same object when there was no new reading, and no time has run out."""
        car = evse("a")
        surplus = after(60, 9_000, car)
        state = exporting(9_000, car, at_s=59)
        self.assertIs(surplus.after(state, 59.5, ["a"]), surplus)

    def test_lost_link(self) -> None:
        """An EVSE whose link was lost for a while goes on when it is back."""
        car = evse("a")
        surplus = after(60, 9_000, car)
        away = surplus.after(exporting(9_000, car, at_s=60), 60, [])
        self.assertEqual(away.left_ma, {"house": 39_131})
        self.assertTrue(after(1, 9_000, car, surplus=away, first_s=70).allows(car))

    def test_next_car_begins_anew(self) -> None:
        """What was known of one charge says nothing of the next."""
        car = evse("a")
        assert car.transaction is not None
        surplus = after(60, 9_000, car)
        free = evolve(car, transaction=None)
        self.assertFalse(after(1, 9_000, free, surplus=surplus, first_s=60).allows(free))
        other = evolve(car, transaction=evolve(car.transaction, transaction_id=2))
        self.assertFalse(after(1, 9_000, other, surplus=surplus, first_s=60).allows(other))

    def test_car_at_another_connection(self) -> None:
        """An EVSE that has been configured for another circuit stands before its surplus."""
        surplus = after(60, 9_000, evse("a"))
        moved = evse("a", "barn")
        surplus = surplus.after(exporting(9_000, moved, at_s=60), 60, ["a"])
        self.assertEqual(surplus.standings["a"].circuit, "barn")
        self.assertEqual(surplus.rows_ma, {"barn": 18_000})


class Words(SynchronousTestCase):
    """Why somebody gets nothing, or no more."""

    def said(self, surplus: Surplus, car: Evse) -> str:
        """The words of the ceiling."""
        found = surplus_ceiling(surplus, car)
        assert found is not None
        self.assertEqual((found.current_ma, found.reason.code), (0, ReasonCode.SURPLUS))
        return found.reason.text

    def test_too_little(self) -> None:
        """What is needed, and what there is."""
        surplus = after(5, 2_311, evse("a"))
        self.assertEqual(
            self.said(surplus, evse("a")),
            "4.2 kW of surplus are needed to start, 2.3 kW are there",
        )
        found = surplus_ceiling(surplus, evse("a"))
        assert found is not None
        self.assertEqual(found.reason.circuit, "house")

    def test_less_than_nothing(self) -> None:
        """A house that imports has no surplus."""
        self.assertEqual(
            self.said(after(5, -2_311, evse("a")), evse("a")),
            "4.2 kW of surplus are needed to start, 0 W are there",
        )

    def test_enough(self) -> None:
        """What is waited for when there is enough."""
        for power_w in (4_140, 9_000):
            self.assertEqual(
                self.said(after(5, power_w, evse("a")), evse("a")),
                "there is enough surplus: charging starts when that lasts, after a rest",
            )

    def test_no_meter(self) -> None:
        """That nobody knows how much there is."""
        state = evolve(exporting(0, evse("a")), meters={})
        self.assertEqual(
            self.said(NO_SURPLUS.after(state, 0, ["a"]), evse("a")),
            "no meter tells what surplus house has",
        )

    def test_without_a_charge(self) -> None:
        """Of one that another rule forbids to charge there is not much to say."""
        self.assertEqual(self.said(NO_SURPLUS, evse("a")), "a charges by surplus only")
        surplus = NO_SURPLUS.after(exporting(9_000, evse("a")), 0, [])
        self.assertEqual(self.said(surplus, evse("a")), "a charges by surplus only")

    def test_bound_by_the_surplus(self) -> None:
        """Who has all that there is is told how much that is."""
        car = evse("a", draws_ma=6_000)
        surplus = after(60, 690, car)
        self.assertIsNone(surplus_ceiling(surplus, car))
        wanted = Reason(ReasonCode.SURPLUS, "4.8 kW of surplus", "house")
        self.assertEqual(surplus_reason(surplus, car), wanted)
        self.assertEqual(surplus_reason(NO_SURPLUS, car).text, "a charges by surplus only")

    def test_short_of_it(self) -> None:
        """Who goes on without enough is told so."""
        car = evse("a", draws_ma=6_000)
        surplus = after(60, -2_300, car, surplus=after(60, 690, car), first_s=60)
        self.assertEqual(
            surplus_reason(surplus, car).text,
            "1.8 kW of surplus is less than a needs: it goes on for a while with its minimum",
        )

    def test_single_phase_is_cheap(self) -> None:
        """With one phase a third of the surplus is enough to start."""
        car = Evse(evolve(evse("a").settings, phases=(Phase.L2,)))
        car = evolve(evse("a"), settings=car.settings)
        self.assertEqual(
            self.said(after(5, 500, car), car),
            "1.4 kW of surplus are needed to start, 500 W are there",
        )
