"""The sites in C{docs/load-management.md} are what the page says that they are."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.config import Config, parse_config
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode

PAGE = (Path(__file__).parents[2] / "docs" / "load-management.md").read_text(encoding="utf-8")
HOUSE, GARAGE, OFFICE = re.findall(r"^```ini\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

#: How many EVSEs each board of the garage has.
BOARDS = {"a": 14, "b": 13, "c": 13}


def garage(failsafe: str = "") -> str:
    """
    The garage with all of its EVSEs.

    @param failsafe: the fail-safe current of those on board A; empty: as in the page.
    """
    start, *sections = re.split(r"(?=^\[evse )", GARAGE, flags=re.MULTILINE)
    for board, count in BOARDS.items():
        sample = next(one for one in sections if one.startswith(f"[evse {board}-01]"))
        if failsafe and board == "a":
            sample = sample.replace("failsafe_current = 0", f"failsafe_current = {failsafe}")
        for number in range(1, count + 1):
            name = f"{board}-{number:02}"
            start += sample.replace(f"{board}-01", name).replace(
                f"{board}-01".upper(), name.upper()
            )
    return start


def warned(config: Config) -> list[str]:
    """The warnings about a site, without those about a meter's driver."""
    return [one for one in config.warnings() if "no driver" not in one]


def circuit(config: Config, name: str) -> CircuitSettings:
    """One of its circuits."""
    (found,) = (one for one in config.settings_changed().circuits if one.name == name)
    return found


class Examples(SynchronousTestCase):
    """The blocks of C{ini} in the page."""

    def test_fine(self) -> None:
        """Each is read without a mistake, and nothing in it is hardly meant."""
        for text in (HOUSE, GARAGE, OFFICE, garage()):
            self.assertEqual([], warned(parse_config(text, "tap.cfg")))

    def test_house(self) -> None:
        """There are 15 A for two EVSEs, which begin on different phases."""
        config = parse_config(HOUSE, "tap.cfg")
        house = circuit(config, "house")
        self.assertEqual(15_000, (house.usable - house.assumed_load).l1_ma)
        left, right = config.settings_changed().evses
        self.assertNotEqual(left.phases[0], right.phases[0])

    def test_garage(self) -> None:
        """There are 40 EVSEs; a board has 6 A for ten of them."""
        config = parse_config(garage(), "tap.cfg")
        self.assertEqual(40, len(config.evses))
        self.assertEqual(10, circuit(config, "board-a").usable.l1_ma // 6000)

    def test_fallback_of_garage(self) -> None:
        """With a fail-safe current of 6 A there is the warning that the page shows."""
        (one,) = warned(parse_config(garage(failsafe="6"), "tap.cfg"))
        self.assertIn(f"\nwarning: {one}\n", PAGE)

    def test_office(self) -> None:
        """There are 35 A for guests while the meter is silent; staff charges by surplus."""
        config = parse_config(OFFICE, "tap.cfg")
        site = circuit(config, "site")
        assert site.failsafe_load is not None
        self.assertEqual(35_000, (site.usable - site.failsafe_load).l1_ma)
        modes = [one.mode for one in config.settings_changed().evses]
        self.assertEqual([ChargingMode.NORMAL, *[ChargingMode.SURPLUS] * 2], modes)


class Options(SynchronousTestCase):
    """What the page explains."""

    def test_named(self) -> None:
        """Every option that says how load is managed is named in it."""
        for option in (
            *("sharing", "min_pause", "min_charge_time", "surplus_undercut"),
            *("phase_switch_delay", "on_disable", "max_current", "parent", "reserve"),
            *("max_power", "max_imbalance", "imbalance_of", "meter", "assumed_load"),
            *("failsafe_load", "priority", "role", "circuit", "evse", "enabled"),
            *("min_current", "current_steps", "phases", "phase_switching", "weight", "mode"),
            *("failsafe_current", "lease"),
        ):
            self.assertRegex(PAGE, rf"`{option}( = [^`]*)?`", option)
