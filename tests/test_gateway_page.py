"""What C{docs/gateway.md} says is what the program does."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.policy import MAKERS_ACTIONS, ROWS, Treatment, refusal
from cfos_cm.console import parser
from cfos_cm.errors import CallErrorCode
from cfos_cm.net.backend_url import backend_url
from cfos_cm.services.config.options import options_of
from cfos_cm.services.config.sections import GatewaySection

PAGE = Path(__file__).resolve().parents[1] / "docs" / "gateway.md"

WHO = {
    Treatment.HERE: "this program",
    Treatment.FORWARD: "the Charge Point",
    Treatment.CONSENT: "the Charge Point, if `allow` has it",
    Treatment.REFUSE: "nobody",
}


def tables() -> Iterator[list[list[str]]]:
    """The cells of each table of the page, without the line below its head."""
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [
            [cell.strip() for cell in row.strip("|").split("|")] for row in block.split("\n")
        ]
        yield [row for row in rows if row != [""] and not row[0].startswith("--")]


def table(first: str) -> list[list[str]]:
    """The rows of the table whose head begins with a word."""
    (found,) = [rows for rows in tables() if rows[0][0] == first]
    return found[1:]


class PageTests(SynchronousTestCase):
    """The tables of the page, against what they are about."""

    def test_commands(self) -> None:
        """What a backend may command is the table of the policy."""
        expected = [
            [
                action,
                WHO[row.spoken] + (", see below" if action in MAKERS_ACTIONS else ""),
                # There is no Charge Point there that could have consent.
                WHO[row.other].replace("the Charge Point", "this program"),
                "yes" if row.is_reading or row.is_own else "no",
                self.refused(action),
            ]
            for action, row in ROWS.items()
        ]
        self.assertEqual(expected, table("command"))

    def refused(self, action: str) -> str:
        """How an action is refused, in a cell."""
        found = refusal(action)
        if isinstance(found, CallErrorCode):
            return f"CALLERROR {found.value}"
        status: str = getattr(found, "status", "an empty answer")
        return status

    def test_urls(self) -> None:
        """Each URL comes to what is said to be dialled."""
        rows = table("url")
        self.assertGreater(len(rows), 5)
        for row in rows:
            url, client_id, dialled = (cell.strip("`") for cell in row)
            self.assertEqual(dialled, backend_url(url, client_id))

    def test_options(self) -> None:
        """Each option that an example sets is one of the section."""
        text = PAGE.read_text(encoding="utf-8")
        names = {one.name for one in options_of(GatewaySection)}
        examples = re.findall(r"^```\n\[gateway.*?^```$", text, re.MULTILINE | re.DOTALL)
        used = set(re.findall(r"^(\w+) = ", "\n".join(examples), re.MULTILINE))
        self.assertGreater(len(used), 5)
        self.assertEqual(set(), used - names)
        for name in ("allow", "refuse", "connector", "role", "outage", "tags", "password_form"):
            self.assertIn(f"`{name}", text)
            self.assertIn(name, names)

    def test_console(self) -> None:
        """Each command of the console is explained, and no other one."""
        commands = {
            words
            for row in tables()
            for cells in row
            for words in re.findall(r"`cfos-cm gateway ([a-z-]+)", cells[0])
        }
        (choices,) = [
            action.choices["gateway"]
            for action in parser()._actions
            if isinstance(action, argparse._SubParsersAction)
        ]
        (verbs,) = [
            set(action.choices)
            for action in choices._actions
            if isinstance(action, argparse._SubParsersAction)
        ]
        self.assertEqual(verbs, commands)
