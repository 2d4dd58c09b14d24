"""Tests of the log: nothing secret in it, and its lines of JSON."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.logger import Logger, LogLevel, LogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.logs import json_lines, keep_secrets

SECRET = "hunter2-Zx9"


class Box:
    """Something that says a secret of itself."""

    def __str__(self) -> str:
        return f"Box(password={SECRET})"


class Faulty:
    """Something that cannot say anything of itself."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


class LogCase(SynchronousTestCase):
    """A log of its own."""

    def setUp(self) -> None:
        """Two observers behind the one that hides secrets."""
        self.publisher = LogPublisher()
        keep_secrets(self.publisher)
        self.text, self.json = io.StringIO(), io.StringIO()
        self.publisher.addObserver(textFileLogObserver(self.text))
        self.publisher.addObserver(json_lines(self.json))
        self.log = Logger(namespace="test", observer=self.publisher)

    def lines(self) -> list[dict[str, Any]]:
        """What was written as JSON."""
        return [json.loads(line) for line in self.json.getvalue().splitlines()]


class Secrets(LogCase):
    """Secrets in all the places of an event."""

    def test_values(self) -> None:
        """They are hidden in texts and in things that are shown as texts."""
        self.log.info("sent {head}", head=f"Authorization: Basic {SECRET}")
        self.log.warn("lost {box}", box=Box())
        for written in (self.text.getvalue(), self.json.getvalue()):
            self.assertNotIn(SECRET, written)
            self.assertIn("sent Authorization: ***", written)

    def test_failure(self) -> None:
        """They are hidden in a traceback; its places stay."""
        try:
            raise ValueError(f"password={SECRET}")
        except ValueError:
            self.log.failure("it has failed")
        for written in (self.text.getvalue(), self.json.getvalue()):
            self.assertNotIn(SECRET, written)
            self.assertIn("it has failed", written)
            self.assertIn("test_logs.py", written)
            self.assertIn("ValueError", written)

    def test_long(self) -> None:
        """They are hidden at the end of a long text, too, whatever says it."""
        self.log.warn("lost {error}", error=ValueError(f"{'x' * 9000} password={SECRET}"))
        for written in (self.text.getvalue(), self.json.getvalue()):
            self.assertNotIn(SECRET, written)

    def test_innocent_failure(self) -> None:
        """A traceback without any is written as ever."""
        try:
            raise ValueError("three apples")
        except ValueError:
            self.log.failure("it has failed")
        self.assertIn("three apples", self.text.getvalue())
        self.assertIn("three apples", self.lines()[0]["traceback"])

    def test_faulty(self) -> None:
        """Who cannot say what he is does not stop the log."""
        self.log.info("it is {what}", what=Faulty())
        self.log.info("after it")
        self.assertIn("after it", self.text.getvalue())


class Json(LogCase):
    """Lines for programs."""

    def test_line(self) -> None:
        """Each line has the time, the level, the place, the text and its values."""
        self.log.warn("{evse}: {amps} A\nnow", evse="bay-1", amps=7, box=Box())
        (line,) = self.lines()
        self.assertEqual("warn", line["level"])
        self.assertEqual("test", line["namespace"])
        self.assertEqual("bay-1: 7 A\nnow", line["text"])
        self.assertEqual(("bay-1", 7), (line["values"]["evse"], line["values"]["amps"]))
        self.assertTrue(line["at"].endswith("+00:00"), line["at"])

    def test_nothing(self) -> None:
        """What says nothing is no line."""
        self.log.emit(LogLevel.info)
        self.assertEqual("", self.json.getvalue())

    def test_long(self) -> None:
        """No line is longer than a bound, whatever somebody has said."""
        self.log.info("{text}", text="x" * 100_000)
        self.assertLess(len(self.json.getvalue()), 20_000)
