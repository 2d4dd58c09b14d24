"""The list of all personas, and the page about them."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.personas.catalogue import NOT_PLAYED, PERSONAS, table

from . import test_personas

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fake-charger.md"

#: The field's quirks are numbered up to here.
LAST = 48


class Catalogue(SynchronousTestCase):
    """All numbers."""

    def test_every_number(self) -> None:
        """Each number is played, or it is said why not; never both."""
        numbers = [f"Q{number}" for number in range(1, LAST + 1)]
        self.assertEqual(sorted(numbers), sorted([*PERSONAS, *NOT_PLAYED]))

    def test_order(self) -> None:
        """They are in the order of their numbers, each under its own."""
        numbers = [int(persona.number[1:]) for persona in PERSONAS.values()]
        self.assertEqual(sorted(numbers), numbers)
        self.assertEqual(list(PERSONAS), [one.number for one in PERSONAS.values()])

    def test_tested(self) -> None:
        """Each has a test of its own, and nothing is checked of one that does not exist."""
        for number in PERSONAS:
            self.assertTrue(hasattr(test_personas.Personas, f"test_{number}"), number)
        checked = {*test_personas.AFTERWARDS, *test_personas.SETTINGS}
        self.assertLessEqual(checked, set(PERSONAS))

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

    def test_options(self) -> None:
        """Every option of the command has a row, and no other."""
        from cfos_cm.console import parser

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
