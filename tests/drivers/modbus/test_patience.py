"""Who takes a connection and makes nothing of it is not pestered, nor told of for ever."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.modbus.place import parse_place
from cfos_cm.wire.modbus import Read
from tests.drivers.power_brain.box import FakeBox

_PLACE = parse_place("tcp:box:4701")


class Case(SynchronousTestCase):
    """Has a box in memory, and a way to it."""

    def setUp(self) -> None:
        """Nobody has connected yet."""
        self.clock = Clock()
        self.box = FakeBox(self.clock)
        self.patch(buses, "endpoint_of", lambda reactor, place: self.box)
        self.buses = buses.Buses(self.clock)
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def bus(self, window: int = 1) -> buses.Bus:
        """A way to it."""
        bus = self.buses.bus(_PLACE, window)
        self.addCleanup(bus.leave)
        self.clock.advance(0)
        return bus

    def told(self) -> list[str]:
        """What was logged since this was asked last."""
        told = [formatEvent(event) for event in self.logged]
        self.logged.clear()
        return told


class FruitlessTests(Case):
    """Connections through which nothing comes."""

    def pass_time(self, wait_s: int) -> int:
        """It hangs up whenever somebody connects; how often that was."""
        before = self.box.connections
        for _ in range(wait_s * 4):
            self.clock.advance(0.25)
            if self.box.is_connected:
                self.box.hang_up(is_off=False)
        return self.box.connections - before

    def test_hangs_up(self) -> None:
        """It is tried ever less often, and told once."""
        self.bus()
        self.pass_time(120)
        self.assertEqual(2, len(self.told()))
        self.assertLess(self.pass_time(600), 32)
        self.assertEqual([], self.told())

    def test_something_else(self) -> None:
        """So is what answers with something else than Modbus, such as a page."""
        bus = self.bus()
        connections = []
        for _ in range(2):
            before = self.box.connections
            for _ in range(600 * 4):
                self.clock.advance(0.25)
                if bus.is_open:
                    self.box.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    self.box.hang_up(is_off=False)
            connections.append(self.box.connections - before)
        self.assertLess(connections[1], 32)
        self.assertLess(len(self.told()), 5)

    def test_answers_again(self) -> None:
        """When something has come it is tried soon again, and the next loss is told."""
        bus = self.bus()
        self.pass_time(600)
        self.told()
        while not self.box.is_connected:
            self.clock.advance(0.25)
        self.clock.advance(0)
        answered = bus.ask(Read(1, 8092, 1))
        self.clock.advance(0)
        self.successResultOf(answered)
        before = self.box.connections
        self.box.hang_up(is_off=False)
        self.clock.advance(3)
        self.assertEqual(before + 1, self.box.connections)
        self.assertEqual(1, len([one for one in self.told() if "is lost" in one]))


class WindowTests(Case):
    """Several users of one connection."""

    def test_joined(self) -> None:
        """Who joins later and bears less counts at once."""
        first = self.bus(8)
        self.box.is_mute = True
        joined = self.bus(1)
        asked: list[Any] = [one.ask(Read(1, 8092, 1)) for one in (first, joined)]
        self.assertEqual(1, len(self.box.heard))
        for one in asked:
            one.addErrback(lambda _: None)
