"""Tests of C{cfos-cm trace} and of what it asks."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.control_socket import CommandRefused
from cfos_cm.services.trace_orders import MAX_TEXT_CHARS, trace_orders
from cfos_cm.trace import Direction, Leg, Trace


class Order(SynchronousTestCase):
    """What a console is told."""

    def setUp(self) -> None:
        """A trace with something of both legs."""
        self.trace = Trace(lambda: 1_800_000_000.0)
        for number in range(1, 4):
            self.note("CP-1", [2, str(number), "Heartbeat", {}])
        self.trace.note(Leg.BACKEND, "bay", Direction.OUT, b'[2,"9","Heartbeat",{}]')

    def note(self, who: str, frame: list[object]) -> None:
        """A Charge Point says something."""
        self.trace.note(Leg.CHARGER, who, Direction.IN, json.dumps(frame).encode())

    def asked(self, **said: object) -> Any:
        """The answer; fails as the order does."""
        order = trace_orders(self.trace)["trace"]
        return self.successResultOf(ensureDeferred(order(said)))  # type: ignore[arg-type]

    def test_newest(self) -> None:
        """The newest ones, and where to go on."""
        told = self.asked(limit=2)
        self.assertEqual([3, 4], [one["number"] for one in told["frames"]])
        self.assertEqual(4, told["after"])

    def test_after(self) -> None:
        """Going on, none is missed."""
        told = self.asked(limit=2, after=0)
        self.assertEqual(
            ([1, 2], 2), ([one["number"] for one in told["frames"]], told["after"])
        )
        told = self.asked(limit=2, after=2, leg="charger")
        self.assertEqual(([3], 4), ([one["number"] for one in told["frames"]], told["after"]))

    def test_words(self) -> None:
        """No message moves the cursor of a console, and none is endless."""
        self.note("CP\x1b[2J", [2, "5", "DataTransfer", {"data": "\u202e" + "x" * 9000}])
        frame = self.asked(limit=1)["frames"][0]
        self.assertEqual("CP?[2J", frame["who"])
        self.assertEqual(MAX_TEXT_CHARS, len(frame["text"]))
        self.assertTrue(frame["text"].isprintable())

    def test_refused(self) -> None:
        """What cannot be asked is refused in words."""
        for said, part in (
            ({"leg": "both"}, "leg: must be charger or backend"),
            ({"who": 5}, "who: must be a text"),
            ({"limit": 0}, "limit: must be a whole number from 1"),
            ({"after": "x"}, "after: must be a whole number"),
        ):
            order = trace_orders(self.trace)["trace"]
            failed = ensureDeferred(order(said))  # type: ignore[arg-type]
            error = self.failureResultOf(failed, CommandRefused)
            self.assertIn(part, str(error.value))
