"""The page about orders: its example runs, and it names everything that there is."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from pathlib import Path
from typing import Any

from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.central_system.commands.requests import SENDABLE
from cfos_cm.site.tag import Tag

from .operators import OperatorCase
from .payloads import CONFIRMATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "central-system.md").read_text(encoding="utf-8")


class Page(OperatorCase):
    """C{docs/central-system.md}."""

    def run_example(self) -> list[str]:
        """What the example prints when CP-1 is taken into service."""
        (example,) = (
            block
            for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
            if "async def" in block
        )
        names: dict[str, Any] = {}
        exec(example, names)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.get(names["try_to"](self.operator, "CP-1"))
        return printed.getvalue().splitlines()

    def test_example(self) -> None:
        """The example does what it says."""
        self.station.acts.update(CONFIRMATIONS)
        self.tags = [Tag("04AABB")]
        self.assertEqual(
            self.run_example(),
            [
                "CP-1 supports Core",
                "meter values every minute: Accepted",
                "list of tags: Accepted, 1 tags",
                "for use: Accepted",
            ],
        )

    def test_exampleFails(self) -> None:
        """What goes wrong is told in a sentence."""
        self.station.lose()
        self.assertEqual(self.run_example(), ["CP-1 is not in service: CP-1 is not connected"])

    def test_everyAction(self) -> None:
        """Each action that can be sent is on the page."""
        self.assertEqual([action for action in SENDABLE if action not in PAGE], [])

    def test_everyMethod(self) -> None:
        """Each method is on the page, with its arguments."""
        for name, method in inspect.getmembers(Operator, inspect.isfunction):
            if not name.startswith("_"):
                arguments = [
                    one.name if one.default is one.empty else f"{one.name}={one.default}"
                    for one in list(inspect.signature(method).parameters.values())[1:]
                ]
                self.assertIn(f"{name}({', '.join(arguments)})", PAGE)
