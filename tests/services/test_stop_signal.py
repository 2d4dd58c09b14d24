"""SIGINT and SIGTERM, again and again."""

from __future__ import annotations

from signal import SIGINT, SIGTERM
from typing import Any

from twisted.internet.selectreactor import SelectReactor
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import tap
from cfos_cm.services.stop_signal import stop_once
from cfos_cm.tap import Options, makeService

from .sites import BAYS
from .test_steady_time import reactor_of


class Impatient(SynchronousTestCase):
    """A reactor that runs, and is asked to stop more than once."""

    def run_until(self, reactor: Any, *signals: int) -> list[str]:
        """Run it until these signals have stopped it; what was logged."""
        handlers = {SIGINT: "sigInt", SIGTERM: "sigTerm"}

        def signalled() -> None:
            for number in signals:
                getattr(reactor, handlers[number])(number)

        reactor.callWhenRunning(signalled)
        with capturedLogs() as logged:
            reactor.run(installSignalHandlers=False)
        self.assertFalse(reactor.running)
        return [formatEvent(event) for event in logged if event["log_level"] >= LogLevel.info]

    def test_once(self) -> None:
        """One signal stops it, as ever."""
        with reactor_of(SelectReactor) as reactor:
            self.assertTrue(stop_once(reactor))
            lines = self.run_until(reactor, SIGINT)
            self.assertIn("Received SIGINT, shutting down.", lines)
            self.assertNotIn("stopping already", lines)
            self.assertEqual(SIGINT, reactor._exitSignal)

    def test_again(self) -> None:
        """Of all that follow, one line is said, and the first one counts."""
        with reactor_of(SelectReactor) as reactor:
            stop_once(reactor)
            lines = self.run_until(reactor, SIGTERM, SIGINT, SIGINT, SIGTERM)
            said = [line for line in lines if "Received" in line or "already" in line]
            self.assertEqual(["Received SIGTERM, shutting down.", "stopping already"], said)
            self.assertEqual(SIGTERM, reactor._exitSignal)
        self.assertEqual([], self.flushLoggedErrors())

    def test_in_the_middle(self) -> None:
        """Nothing is logged where the signal comes, which may be in the middle of a line."""
        with reactor_of(SelectReactor) as reactor:
            stop_once(reactor)
            with capturedLogs() as logged:
                reactor.sigInt(SIGINT)
                reactor.sigInt(SIGINT)
            self.assertEqual([], list(logged))

    def test_running(self) -> None:
        """One that runs has handed its handlers out, and is left alone."""
        with reactor_of(SelectReactor) as reactor:
            found: list[bool] = []

            def look() -> None:
                found.append(stop_once(reactor))
                reactor.stop()

            reactor.callWhenRunning(look)
            reactor.run(installSignalHandlers=False)
            self.assertEqual([False], found)
            self.assertNotIn("sigInt", vars(reactor))


class Service(SynchronousTestCase):
    """The command of C{twistd}."""

    def test_make_service(self) -> None:
        """It has the reactor stop once."""
        from twisted.internet import reactor

        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(BAYS)
        asked: list[Any] = []
        self.patch(tap, "stop_once", asked.append)
        options = Options()
        options.parseOptions(["--config", path])
        makeService(options)
        self.assertEqual([reactor], asked)
