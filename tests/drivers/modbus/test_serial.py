"""A serial line as an endpoint."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import serialport
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.modbus.place import SerialPlace
from cfos_cm.drivers.modbus.serial import SerialEndpoint


class SerialEndpointTests(SynchronousTestCase):
    """How a port is opened, and what is said where it cannot be."""

    def setUp(self) -> None:
        """A port that notes how it was opened."""
        self.opened: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        self.reactor = MemoryReactorClock()
        self.patch(serialport, "SerialPort", self.open)

    def open(self, protocol: Any, device: str, reactor: Any, **options: object) -> None:
        """Instead of L{twisted.internet.serialport.SerialPort}."""
        if self.error is not None:
            raise self.error
        self.opened.append((device, reactor, options))

    def connect(self, factory: Any = None) -> Deferred[IProtocol]:
        """Connect to a line that has nothing of what is usual."""
        place = SerialPlace("/dev/ttyS7", 4800, 7, "E", 2)
        factory = factory or Factory.forProtocol(Protocol)
        return SerialEndpoint(self.reactor, place).connect(factory)

    def why(self, factory: Any = None) -> str:
        """What is said when it cannot be opened."""
        return str(self.failureResultOf(self.connect(factory), ConnectError).value)

    def test_settings(self) -> None:
        """The port has the rate and the form of its place."""
        self.assertIsInstance(self.successResultOf(self.connect()), Protocol)
        options = {"baudrate": 4800, "bytesize": 7, "parity": "E", "stopbits": 2}
        self.assertEqual([("/dev/ttyS7", self.reactor, options)], self.opened)

    def test_no_such_rate(self) -> None:
        """A rate that the port does not have is said."""
        self.error = ValueError("Invalid baud rate: 4800")
        self.assertIn("Invalid baud rate: 4800", self.why())

    def test_no_port(self) -> None:
        """What the system says of a port is said."""
        self.error = OSError(13, "Permission denied")
        self.assertIn("Permission denied", self.why())

    def test_not_wanted(self) -> None:
        """For somebody who does not want to be connected any more nothing is opened."""

        class Closed(Factory):
            def buildProtocol(self, addr: object) -> None:
                """Nothing."""

        self.assertIn("it is closed", self.why(Closed()))
        self.assertEqual([], self.opened)

    def test_no_library(self) -> None:
        """Without the library for it, that is said."""
        modules: Any = sys.modules
        name = "twisted.internet.serialport"
        self.addCleanup(modules.__setitem__, name, modules[name])
        modules[name] = None
        self.assertIn("need pyserial, which is not installed", self.why())
