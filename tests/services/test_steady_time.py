"""Timers when the time of day jumps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import tap
from cfos_cm.services import steady_time
from cfos_cm.services.steady_time import make_steady
from cfos_cm.tap import Options, makeService
from tests.services.sites import BAYS

HOUR_S = 3600.0


@define
class Clocks:
    """
    The computer's two clocks.

    @ivar day_s: the time of day, which anybody may set. [s]
    @ivar run_s: the monotonic one. [s]
    """

    day_s: float = 1_770_000_000.0
    run_s: float = 5_000.0

    def time(self) -> float:
        """See L{time.time}."""
        return self.day_s

    def monotonic(self) -> float:
        """See L{time.monotonic}."""
        return self.run_s

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self.day_s += seconds
        self.run_s += seconds


@contextmanager
def reactor_of(kind: Any) -> Iterator[Any]:
    """A reactor that is not installed; its own sockets are closed in the end."""
    reactor = kind()
    try:
        yield reactor
    finally:
        for one in {*reactor.removeAll(), *reactor._internalReaders}:
            one.connectionLost(None)


class Jumps(SynchronousTestCase):
    """A timer of a fresh reactor, for ten seconds."""

    kinds: tuple[Any, ...] = (SelectReactor, PollReactor, EPollReactor)

    def setUp(self) -> None:
        """Have the clocks in the test's hand."""
        self.clocks = Clocks()
        self.patch(steady_time, "time", self.clocks)
        # What Twisted's reactors ask.
        for kind in self.kinds:
            self.patch(kind, "seconds", self.clocks.time)
        self.called = 0

    def call(self) -> None:
        """What the timer calls."""
        self.called += 1

    def check(self, jump_s: float) -> None:
        """A jump after four seconds changes nothing: the timer is called after six more."""
        for kind in self.kinds:
            self.called = 0
            with reactor_of(kind) as reactor:
                self.assertTrue(make_steady(reactor))
                reactor.callLater(10, self.call)
                self.clocks.pass_by(4)
                self.clocks.day_s += jump_s
                reactor.runUntilCurrent()
                self.assertEqual((0, 6), (self.called, reactor.timeout()))
                self.clocks.pass_by(5.9)
                reactor.runUntilCurrent()
                self.assertEqual(0, self.called)
                self.clocks.pass_by(0.2)
                reactor.runUntilCurrent()
                self.assertEqual((1, None), (self.called, reactor.timeout()))

    def test_back(self) -> None:
        """Set back an hour, it does not come an hour late."""
        self.check(-HOUR_S)

    def test_forward(self) -> None:
        """Set forward an hour, it does not come at once."""
        self.check(HOUR_S)

    def test_moved(self) -> None:
        """Nor does one that is put off after the jump."""
        for kind in self.kinds:
            with reactor_of(kind) as reactor:
                make_steady(reactor)
                call = reactor.callLater(10, self.call)
                self.clocks.day_s -= HOUR_S
                call.reset(3)
                self.assertEqual(3, reactor.timeout())

    def test_without(self) -> None:
        """Without it a reactor follows the jumps: that is why it is there."""
        for kind in self.kinds:
            with reactor_of(kind) as reactor:
                reactor.callLater(10, self.call)
                self.clocks.day_s -= HOUR_S
                self.assertEqual(HOUR_S + 10, reactor.timeout())


class InUse(SynchronousTestCase):
    """A reactor that others use already."""

    def test_delayed_calls(self) -> None:
        """One that has a timer is left alone: it would count from another beginning."""
        with reactor_of(SelectReactor) as reactor:
            before = reactor.seconds
            call = reactor.callLater(HOUR_S, lambda: None)
            self.assertFalse(make_steady(reactor))
            self.assertIs(before, reactor.seconds)
            call.cancel()
            self.assertTrue(make_steady(reactor))
            self.assertIsNot(before, reactor.seconds)

    def test_running(self) -> None:
        """So is one that runs, even if it has none at this moment."""
        with reactor_of(SelectReactor) as reactor:
            found: list[tuple[bool, bool]] = []
            before = reactor.seconds

            def look() -> None:
                found.append((make_steady(reactor), reactor.seconds is before))
                reactor.stop()

            reactor.callWhenRunning(look)
            reactor.run(installSignalHandlers=False)
            self.assertEqual([(False, True)], found)


class Service(SynchronousTestCase):
    """The command of C{twistd}."""

    def test_make_service(self) -> None:
        """It has the reactor count steadily before anything is made that could use it."""
        from twisted.internet import reactor

        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(BAYS)
        order: list[object] = []
        site_service = tap.site_service

        def noted(config: Any, its_reactor: Any) -> Any:
            order.append("service")
            return site_service(config, its_reactor)

        self.patch(tap, "make_steady", order.append)
        self.patch(tap, "site_service", noted)
        options = Options()
        options.parseOptions(["--config", path])
        makeService(options)
        self.assertEqual([reactor, "service"], order)
