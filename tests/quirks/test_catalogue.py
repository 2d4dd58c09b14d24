"""The list of all personas, and the page about them."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.console import parser
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.services.config import read_config
from cfos_cm.simulator.personas.catalogue import NOT_PLAYED, PERSONAS, table
from cfos_cm.site.evse import DeviceIdentity

from . import test_personas

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fake-charger.md"

#: The field's quirks are numbered up to here.
LAST = 48
#: What was seen beyond them.
LAST_BEYOND = 10


class Catalogue(SynchronousTestCase):
    """All numbers."""

    def test_every_number(self) -> None:
        """Each number is played, or it is said why not; never both."""
        numbers = [f"Q{number}" for number in range(1, LAST + 1)]
        numbers += [f"X{number}" for number in range(1, LAST_BEYOND + 1)]
        self.assertEqual(sorted(numbers), sorted([*PERSONAS, *NOT_PLAYED]))

    def test_order(self) -> None:
        """They are in the order of their numbers, each under its own."""
        numbers = [(one.number[0], int(one.number[1:])) for one in PERSONAS.values()]
        self.assertEqual(sorted(numbers), numbers)
        self.assertEqual(list(PERSONAS), [one.number for one in PERSONAS.values()])

    def test_tested(self) -> None:
        """Each has a test of its own, and nothing is checked of one that does not exist."""
        for number in PERSONAS:
            self.assertTrue(hasattr(test_personas.Personas, f"test_{number}"), number)
        checked = {*test_personas.AFTERWARDS, *test_personas.SETTINGS}
        self.assertLessEqual(checked, set(PERSONAS))

    def test_every_quirk(self) -> None:
        """Each deviation that the program has a name for is needed by some persona."""
        forgiven = {quirk for persona in PERSONAS.values() for quirk in persona.needs}
        for persona in PERSONAS.values():
            make = persona.make
            device = DeviceIdentity(make.vendor, make.model, None, make.firmware)
            forgiven |= QuirkPolicy().tolerated(device)
        self.assertEqual(EVERY_QUIRK, forgiven)

    def test_words(self) -> None:
        """Each says what, who and why in words that fit into a table."""
        for persona in PERSONAS.values():
            for text in (persona.title, persona.boxes, persona.why, *persona.evidence):
                self.assertTrue(text and text.isprintable() and "|" not in text, text)
            self.assertFalse(persona.title.endswith("."), persona.title)
            self.assertTrue(persona.why.endswith("."), persona.why)

    def test_setting(self) -> None:
        """What has to be set is what the option C{quirks} takes."""
        self.assertEqual("auto no-subprotocol", PERSONAS["Q1"].setting)
        self.assertEqual("auto", PERSONAS["Q11"].setting)


class Page(SynchronousTestCase):
    """The page."""

    def test_is_up_to_date(self) -> None:
        """
        Its table is what the declarations say. To make it again, put what L{table} gives at the
        end of C{docs/fake-charger.md}.
        """
        page = PAGE.read_text(encoding="utf-8")
        self.assertTrue(page.endswith("\n" + "\n".join(table()) + "\n"))

    def test_site(self) -> None:
        """The site that it shows is right, and forgives all that has to be forgiven by hand."""
        page = PAGE.read_text(encoding="utf-8")
        path = Path(self.mktemp())
        path.write_text(page.partition("```ini\n")[2].partition("```")[0], encoding="utf-8")
        config = read_config(str(path))
        (evse,) = config.evses
        options = parser().parse_args(["fake-charger", "--list"])
        self.assertEqual((options.id, options.id_tag), (evse.address, evse.fixed_tag))
        needed = {word for persona in PERSONAS.values() for word in persona.needs}
        self.assertEqual(needed, evse.quirks.named)

    def test_options(self) -> None:
        """Every option of the command has a row, and no other."""
        told = {
            line.split("`")[1].split(" ")[0]
            for line in PAGE.read_text(encoding="utf-8").splitlines()
            if line.startswith("| `--")
        }
        usage = parser().parse_args(["fake-charger", "--list"]).usage_error.__self__
        options = {
            one for action in usage._actions for one in action.option_strings if one[1] == "-"
        }
        self.assertEqual(options - {"--help"}, told)
