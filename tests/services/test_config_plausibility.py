"""Tests of what is warned of in a C{tap.cfg} because it is hardly meant."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.config import parse_config

HOUSE = "[circuit house]\nmax_current = 63\n"
GARAGE = "[circuit garage]\nparent = house\nmax_current = 50\n"


def evse(name: str, *lines: str) -> str:
    """The section of an EVSE, with C{option = value} for each of C{lines}."""
    options = "".join(f"{line}\n" for line in lines)
    return f"[evse {name}]\ntype = ocpp16\naddress = {name}\n{options}"


def meter(name: str, role: str, *lines: str, kind: str = "sunspec") -> str:
    """The section of a meter, with C{option = value} for each of C{lines}."""
    options = "".join(f"{line}\n" for line in lines)
    return f"[meter {name}]\ntype = {kind}\naddress = tcp:h:502\nrole = {role}\n{options}"


class WarningCase(SynchronousTestCase):
    """The warnings about a text, without those about a meter's driver."""

    def warned(self, text: str) -> list[str]:
        """Each with its place."""
        found = parse_config(text, "t.cfg").warnings()
        return [one for one in found if "no driver" not in one]

    def assertWarned(self, text: str, place: str, *parts: str) -> None:
        """There is one warning, about a place, with C{parts}."""
        found = self.warned(text)
        self.assertEqual(1, len(found), found)
        self.assertTrue(found[0].startswith(f"t.cfg:{place}: "), found[0])
        for part in parts:
            self.assertIn(part, found[0])

    def assertQuiet(self, text: str) -> None:
        """There is none."""
        self.assertEqual([], self.warned(text))


class Fallback(WarningCase):
    """What EVSEs draw when this program is gone, and what the fuses carry."""

    def boxes(self, count: int, *lines: str) -> str:
        """EVSEs with a fail-safe current of 6 A, unless the lines say another."""
        failsafe = (
            () if any("failsafe" in line for line in lines) else ("failsafe_current = 6",)
        )
        return "".join(evse(f"box-{n}", *failsafe, *lines) for n in range(count))

    def test_fits(self) -> None:
        """As much as the fuse is rated for is fine."""
        self.assertQuiet("[circuit garage]\nmax_current = 60\n" + self.boxes(10))

    def test_none(self) -> None:
        """EVSEs that pause then are fine, however many there are."""
        self.assertQuiet(HOUSE + self.boxes(50, "failsafe_current = 0"))

    def test_too_much(self) -> None:
        """More is told with how many EVSEs draw how much, on which phase of which fuse."""
        self.assertWarned(
            "[circuit garage]\nmax_current = 63\n" + self.boxes(12),
            "1: [circuit garage]",
            "if this program is gone, 12 EVSEs may draw 72 A on L1 of garage",
            "its fuse is 63 A",
            "failsafe_current",
        )

    def test_one(self) -> None:
        """One EVSE is one."""
        site = "[circuit garage]\nmax_current = 8\n" + self.boxes(1, "failsafe_current = 10")
        self.assertWarned(site, "1: [circuit garage]", "1 EVSE may draw 10 A on L1")

    def test_phases(self) -> None:
        """Each phase counts by itself; the one is told that is the worst."""
        site = "[circuit garage]\nmax_current = {}\n" + self.boxes(3, "phases = L2")
        site += evse("last", "phases = L3 L1", "failsafe_current = 16")
        self.assertQuiet(site.format("16 18 16"))
        place = "1: [circuit garage]"
        self.assertWarned(site.format(17), place, "3 EVSEs may draw 18 A on L2", "is 17 A")
        worst = "1 EVSE may draw 16 A on L1"
        self.assertWarned(site.format("12 17 16"), place, worst, "is 12 A")

    def test_tree(self) -> None:
        """A fuse carries all that is below it, however deep; each is told."""
        site = HOUSE + GARAGE + "[circuit row]\nparent = garage\nmax_current = 30\n"
        site += evse("near", "circuit = house", "failsafe_current = 16")
        row = ("circuit = row", "failsafe_current = 16")
        self.assertQuiet(site + evse("a", *row))
        found = self.warned(site + "".join(evse(name, *row) for name in "abcd"))
        self.assertEqual(3, len(found))
        for one, draw in zip(found, ("5 EVSEs may draw 80 A", "4 EVSEs", "64 A"), strict=True):
            self.assertIn(draw, one)

    def test_order(self) -> None:
        """The order of the circuits in the file is no matter."""
        site = GARAGE + HOUSE + self.boxes(9, "circuit = garage")
        self.assertWarned(site, "1: [circuit garage]", "54 A")

    def test_failsafe_load(self) -> None:
        """What the circuit carries while its meter is silent is there too."""
        site = "[circuit house]\nmax_current = 63\nmeter = grid\nassumed_load = 63\n"
        site += "failsafe_load = {}\n" + meter("grid", "grid") + self.boxes(10)
        self.assertQuiet(site.format("3"))
        self.assertWarned(
            site.format("3 3 4"),
            "1: [circuit house]",
            "60 A on L3 of house beside a load of 4 A",
            "63 A",
        )

    def test_assumed_load(self) -> None:
        """So is what is assumed, where no meter is, or where nothing is said of its silence."""
        site = "[circuit house]\nmax_current = 63\nassumed_load = {}\n{}" + self.boxes(10)
        metered = "meter = grid\n" + meter("grid", "grid")
        for place in ("", metered, "failsafe_load = 0\n"):
            self.assertQuiet(site.format("3", place))
            self.assertWarned(site.format("4", place), "1: [circuit house]", "a load of 4 A")

    def test_loads_below(self) -> None:
        """Loads add up, up to a circuit whose own meter sees them all."""
        house = "[circuit house]\nmax_current = 63\n{}"
        garage = "[circuit garage]\nparent = house\nmax_current = 63\nassumed_load = 10\n"
        garage += self.boxes(8, "circuit = garage")
        self.assertQuiet(house.format("assumed_load = 5\n") + garage)
        found = house.format("assumed_load = 6\n") + garage
        self.assertWarned(found, "1: [circuit house]", "48 A", "a load of 16 A")
        metered = house.format("meter = grid\nfailsafe_load = 15\n") + meter("grid", "grid")
        self.assertQuiet(metered + garage)

    def test_loads_beside(self) -> None:
        """Those of several circuits below add up."""
        site = "[circuit house]\nmax_current = 63\n" + self.boxes(8, "circuit = house")
        for name in "ab":
            site += f"[circuit {name}]\nparent = house\nmax_current = 16\nassumed_load = 8\n"
        self.assertWarned(site, "1: [circuit house]", "48 A", "a load of 16 A")

    def test_consumption_meter(self) -> None:
        """What a meter of a load would say is the fail-safe load while it is silent."""
        site = "[circuit house]\nmax_current = 63\nassumed_load = 60\nfailsafe_load = {}\n"
        site += meter("pump", "consumption", "circuit = house") + self.boxes(10)
        self.assertQuiet(site.format(3))
        self.assertWarned(site.format(4), "1: [circuit house]", "a load of 4 A")

    def test_load_alone(self) -> None:
        """A load that is too much by itself is none of the EVSEs' doing."""
        site = "[circuit house]\nmax_current = 63\nmeter = grid\nfailsafe_load = 99\n"
        self.assertQuiet(site + meter("grid", "grid") + evse("a"))

    def test_released(self) -> None:
        """A disabled EVSE without any limit draws its rating, with and without this program."""
        site = "[manager]\non_disable = {}\n[circuit house]\nmax_current = 31\n"
        site += evse("a", "enabled = no") + evse("b", "enabled = no") + evse("c")
        self.assertQuiet(site.format("block"))
        warning = "3: [circuit house]", "2 EVSEs may draw 32 A on L1"
        self.assertWarned(site.format("cancel_limits"), *warning)


class IdleEvses(WarningCase):
    """EVSEs that never charge."""

    def test_fits(self) -> None:
        """A fuse that just carries an EVSE's minimum is enough."""
        self.assertQuiet("[circuit house]\nmax_current = 8\n" + evse("a", "min_current = 8"))

    def test_rating(self) -> None:
        """A fuse below the minimum is told at the EVSE, with the phase and what there is."""
        self.assertWarned(
            "[circuit house]\nmax_current = 16 16 7.5\n" + evse("a", "min_current = 8"),
            "3: [evse a]",
            "never charges: it needs 8 A, and L3 of house has 7.5 A at most for it",
        )

    def test_other_phase(self) -> None:
        """A phase that it is not wired to is no matter."""
        self.assertQuiet("[circuit house]\nmax_current = 6 6 1\n" + evse("a", "phases = L2 L1"))

    def test_reserve(self) -> None:
        """What is kept free is not for it."""
        site = "[circuit house]\nmax_current = 16\nreserve = {}\n" + evse("a")
        self.assertQuiet(site.format(10))
        self.assertWarned(site.format("10.1"), "4: [evse a]", "has 5.9 A")

    def test_way(self) -> None:
        """The narrowest circuit on the way to the main fuse counts."""
        site = "[circuit house]\nmax_current = {}\n[circuit garage]\nparent = house\n"
        site += "max_current = {}\n" + evse("a", "circuit = garage")
        self.assertQuiet(site.format(6, 10))
        self.assertWarned(site.format(5, 10), "6: [evse a]", "L1 of house has 5 A")
        self.assertWarned(site.format(10, 5), "6: [evse a]", "L1 of garage has 5 A")
        self.assertWarned(site.format(5, 4), "6: [evse a]", "L1 of garage has 4 A")

    def test_load(self) -> None:
        """A load that is always there leaves less; one that a meter tells may be nothing."""
        site = "[circuit house]\nmax_current = 16\nassumed_load = {}\n{}" + evse("a")
        metered = "meter = grid\n" + meter("grid", "grid")
        consumption = meter("pump", "consumption", "circuit = house")
        self.assertQuiet(site.format(10, ""))
        self.assertWarned(site.format(11, ""), "4: [evse a]", "has 5 A")
        self.assertWarned(site.format(20, ""), "4: [evse a]", "has 0 A")
        self.assertQuiet(site.format(11, metered))
        self.assertQuiet(site.format(11, consumption))

    def test_step(self) -> None:
        """What it needs is the lowest of its steps."""
        site = "[circuit house]\nmax_current = 7\n" + evse("a", "current_steps = {}")
        self.assertQuiet(site.format("7 10"))
        self.assertWarned(site.format("8 10"), "3: [evse a]", "needs 8 A")

    def test_power(self) -> None:
        """A power that is too low for the minimum on all its phases is told too."""
        site = "[circuit house]\nmax_current = 16\nmax_power = {}\n" + evse("a", "{}")
        self.assertQuiet(site.format(4140, ""))
        self.assertWarned(
            site.format(4139, ""),
            "4: [evse a]",
            "never charges: it needs 4.1 kW, and house has 4.1 kW at most for it",
        )
        self.assertQuiet(site.format(2760, "phases = L1 L2"))
        self.assertQuiet(site.format(1380, "phase_switching = yes"))

    def test_power_beside_load(self) -> None:
        """A load that is always there takes its part of the power."""
        site = "[circuit house]\nmax_current = 16\nmax_power = 4.83 kW\nassumed_load = {}\n"
        site += evse("a")
        self.assertQuiet(site.format(1))
        self.assertWarned(site.format("1.1"), "5: [evse a]", "house has")

    def test_power_above(self) -> None:
        """The lowest power on the way to the main fuse counts."""
        site = "[circuit house]\nmax_current = 16\nmax_power = {}\n[circuit garage]\n"
        site += "parent = house\nmax_current = 16\nmax_power = {}\n"
        site += evse("a", "circuit = garage")
        self.assertQuiet(site.format(5000, 5000))
        self.assertWarned(site.format(3000, 5000), "8: [evse a]", "house has 3 kW")
        self.assertWarned(site.format(5000, 3000), "8: [evse a]", "garage has 3 kW")

    def test_switching(self) -> None:
        """One that can do with one phase needs the first of its phases."""
        site = "[circuit house]\nmax_current = 5 16 5\n"
        site += evse("a", "phase_switching = yes", "phases = {}")
        self.assertQuiet(site.format("L2 L3 L1"))
        self.assertWarned(site.format("L1 L2 L3"), "3: [evse a]", "L1 of house")


class Surplus(WarningCase):
    """EVSEs that charge with what would be fed into the grid."""

    BOXES = evse("a", "circuit = garage", "mode = surplus") + evse("b", "circuit = garage")

    def test_meter(self) -> None:
        """A meter at their main fuse tells how much that is."""
        site = "[circuit house]\nmax_current = 63\nmeter = grid\n" + GARAGE
        self.assertQuiet(site + meter("grid", "grid") + self.BOXES)

    def test_none(self) -> None:
        """Without one they cannot charge, which is told once for each main fuse."""
        more = evse("c", "circuit = house", "mode = surplus")
        self.assertWarned(
            HOUSE + GARAGE + self.BOXES + more,
            "1: [circuit house] meter",
            "2 EVSEs of that mode cannot charge",
        )
        one = "1 EVSE of that mode cannot charge"
        self.assertWarned(HOUSE + GARAGE + self.BOXES, "1: [circuit house] meter", one)

    def test_generation(self) -> None:
        """So does a meter of what is produced, wherever behind the main fuse; no other does."""
        for circuit in ("house", "garage"):
            pv = meter("pv", "generation", f"circuit = {circuit}")
            self.assertQuiet(HOUSE + GARAGE + self.BOXES + pv)
        pump = meter("pump", "consumption", "circuit = house")
        self.assertWarned(HOUSE + GARAGE + self.BOXES + pump, "1: [circuit house] meter")

    def test_other_main_fuse(self) -> None:
        """What is produced behind another main fuse is not theirs."""
        other = "[circuit other]\nmax_current = 63\n"
        pv = meter("pv", "generation", "circuit = other")
        site = HOUSE + GARAGE + self.BOXES + other + pv
        self.assertWarned(site, "1: [circuit house] meter")

    def test_below(self) -> None:
        """A meter of a part of the building does not tell it."""
        garage = GARAGE + "meter = sub\n" + meter("sub", "grid")
        self.assertWarned(HOUSE + garage + self.BOXES, "1: [circuit house] meter")

    def test_normal(self) -> None:
        """EVSEs that charge with all that there is need no meter."""
        self.assertQuiet(HOUSE + GARAGE + evse("b", "circuit = garage"))


class Meters(SynchronousTestCase):
    """Meters that nothing is done with."""

    def warned(self, text: str) -> list[str]:
        """The warnings about a text."""
        return list(parse_config(text, "t.cfg").warnings())

    def test_no_use(self) -> None:
        """A grid meter that no circuit names is told at its role."""
        (found,) = self.warned(HOUSE + meter("m", "grid"))
        self.assertIn("t.cfg:6: [meter m] role: found 'grid'; is of no use", found)
        self.assertIn("no circuit has meter = m", found)

    def test_of_use(self) -> None:
        """One that is named, and any of another role, is of use."""
        named = "[circuit house]\nmax_current = 63\nmeter = m\n" + meter("m", "grid")
        self.assertEqual([], self.warned(named))
        for one in (
            meter("m", "consumption", "circuit = house"),
            meter("m", "generation", "circuit = house"),
            meter("m", "evse", "evse = a"),
            meter("m", "display"),
        ):
            self.assertEqual([], self.warned(HOUSE + evse("a") + one))


class Large(WarningCase):
    """Sites of the size that a file can have."""

    def test_chain(self) -> None:
        """Thousands of circuits above each other need no deep stack and no long time."""
        count = 2000
        site = "".join(
            f"[circuit c{n}]\nmax_current=9\nparent={f'c{n + 1}' if n + 1 < count else ''}\n"
            for n in range(count)
        )
        site += evse("a", "circuit = c0", "failsafe_current = 9", "mode = surplus")
        self.assertWarned(site, f"{count * 3 - 2}: [circuit c{count - 1}] meter")
