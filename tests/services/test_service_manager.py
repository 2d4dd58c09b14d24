"""Tests of what systemd is told."""

from __future__ import annotations

import errno
import os
import socket
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.service_manager import ServiceManagerNotes, watchdog_s


class Notes(SynchronousTestCase):
    """What a real socket hears."""

    def setUp(self) -> None:
        """Listen as systemd does, at an address that is in no folder."""
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.ear.close)
        name = f"cfos_cm-test-{os.getpid()}"
        self.ear.bind(f"\0{name}")
        self.ear.setblocking(False)
        self.clock = Clock()
        self.started: Deferred[None] = Deferred()
        self.trouble = ""
        self.place = f"@{name}"

    def notes(self, **more: str) -> ServiceManagerNotes:
        """The service, in an environment such as systemd makes."""
        environment = {"NOTIFY_SOCKET": self.place, **more}
        made = ServiceManagerNotes(
            self.clock, lambda: self.started, lambda: self.trouble, environment
        )
        made.startService()
        return made

    def heard(self) -> list[str]:
        """What has been said since the last look."""
        found: list[str] = []
        while True:
            try:
                found += self.ear.recv(1000).decode().split("\n")
            except BlockingIOError:
                return found

    def test_ready(self) -> None:
        """It is ready when the site has started, and not before; once."""
        self.notes()
        self.assertEqual([], self.heard())
        self.started.callback(None)
        self.assertEqual(["READY=1", "STATUS=charging is managed"], self.heard())
        self.clock.pump([10.0] * 3)
        self.assertEqual([], self.heard())

    def test_watchdog(self) -> None:
        """It is told to be alive twice in the time that it has for it."""
        self.notes(WATCHDOG_USEC="4000000", WATCHDOG_PID=str(os.getpid()))
        self.started.callback(None)
        self.heard()
        self.clock.pump([1.0] * 8)
        self.assertEqual(["WATCHDOG=1"] * 4, self.heard())

    def test_not_alive(self) -> None:
        """A site that hangs is not said to be alive; what is wrong is said once."""
        self.notes(WATCHDOG_USEC="4000000")
        self.started.callback(None)
        self.heard()
        self.trouble = "no decision for 30 s"
        self.clock.pump([2.0] * 3)
        self.assertEqual(["STATUS=no decision for 30 s"], self.heard())
        self.trouble = ""
        self.clock.advance(2.0)
        self.assertEqual(["STATUS=charging is managed", "WATCHDOG=1"], self.heard())

    def test_never_started(self) -> None:
        """A site that could not start is not ready, until it is."""
        self.trouble = "the port is taken"
        self.notes()
        self.started.callback(None)
        self.assertEqual(["STATUS=the port is taken"], self.heard())
        self.trouble = ""
        self.clock.advance(10.0)
        self.assertIn("READY=1", self.heard())

    def test_stopping(self) -> None:
        """Its end is told, and nothing is left of it."""
        notes = self.notes()
        self.started.callback(None)
        self.heard()
        notes.stopService()
        self.assertEqual(["STOPPING=1"], self.heard())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_nobody(self) -> None:
        """Where no systemd asks for it nothing is told."""
        notes = ServiceManagerNotes(self.clock, lambda: self.started, lambda: "", {})
        notes.startService()
        self.started.callback(None)
        notes.stopService()
        self.assertEqual([], self.heard())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_no_socket(self) -> None:
        """A socket that cannot be opened now does not end the telling: one can be later."""
        self.notes(WATCHDOG_USEC="4000000")
        self.started.callback(None)
        self.heard()

        def none_left(*_: object) -> socket.socket:
            raise OSError(errno.EMFILE, "Too many open files")

        with patch.object(socket, "socket", none_left):
            self.clock.advance(2)
        self.clock.advance(2)
        self.assertEqual(["WATCHDOG=1"], self.heard())

    def test_nobody_listens(self) -> None:
        """A socket that is gone is no more than a line in the log."""
        self.ear.close()
        self.notes()
        self.started.callback(None)

    def test_times(self) -> None:
        """What is no time, no time at all, or meant for another process asks for nothing."""
        nothing = float("inf")
        for environment, expected in (
            ({"WATCHDOG_USEC": "3000000"}, 3.0),
            ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, nothing),
            ({"WATCHDOG_USEC": "0"}, nothing),
            ({"WATCHDOG_USEC": "-5"}, nothing),
            ({"WATCHDOG_USEC": "soon"}, nothing),
            ({}, nothing),
        ):
            self.assertEqual(expected, watchdog_s(environment), environment)
