"""Where Modbus devices are."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.modbus.place import SerialPlace, SocketPlace, parse_place
from cfos_cm.wire.modbus import Framing


class PlaceTests(SynchronousTestCase):
    """What an address in tap.cfg means."""

    def test_forms(self) -> None:
        """The three forms, with all that may be left out."""
        for text, expected in (
            ("tcp:192.0.2.5:502", SocketPlace("192.0.2.5", 502)),
            ("tcp:[2001:DB8::5]:502", SocketPlace("2001:db8::5", 502)),
            ("rtu:gateway.lan:4196", SocketPlace("gateway.lan", 4196, Framing.RTU)),
            ("serial:/dev/ttyUSB0", SerialPlace("/dev/ttyUSB0")),
            ("serial:COM3:19200", SerialPlace("COM3", 19_200)),
            ("serial:/dev/ttyS1:9600:8E1", SerialPlace("/dev/ttyS1", 9600, 8, "E", 1)),
            ("serial:/dev/ttyS1:9600:7O2", SerialPlace("/dev/ttyS1", 9600, 7, "O", 2)),
        ):
            self.assertEqual(expected, parse_place(text), text)

    def test_same(self) -> None:
        """Two that share a line are equal however they are written."""
        self.assertEqual(parse_place("tcp:Box.LAN:502"), parse_place("tcp:box.lan:502"))
        self.assertEqual(parse_place("serial:/dev/x"), parse_place("serial:/dev/x:9600:8N1"))
        self.assertNotEqual(parse_place("tcp:box:502"), parse_place("rtu:box:502"))

    def test_shown(self) -> None:
        """What is shown of it names the same place."""
        for text in ("tcp:192.0.2.5:502", "tcp:[2001:db8::5]:502", "serial:/dev/x:9600:8N1"):
            self.assertEqual(text, str(parse_place(text)))

    def test_none(self) -> None:
        """What names no place is refused."""
        for text in (
            "",
            "192.0.2.5:502",
            "tcp:192.0.2.5",
            "tcp::502",
            "tcp:box:0",
            "tcp:box:65536",
            "tcp:a b:502",
            "tcp:2001:db8::5:502",
            "udp:box:502",
            "serial:",
            "serial:/dev/x:99",
            "serial:/dev/x:299",
            "serial:/dev/x:1000001",
            "serial:/dev/x:9600:9N1",
            "serial:/dev/x:9600:8X1",
            "serial:/dev/x:9999999",
        ):
            with self.assertRaises(ValueError, msg=text):
                parse_place(text)

    def test_rates(self) -> None:
        """The slowest and the fastest rate of a serial line."""
        for rate in (300, 1_000_000):
            self.assertEqual(SerialPlace("/dev/x", rate), parse_place(f"serial:/dev/x:{rate}"))

    def test_silence(self) -> None:
        """MODBUS over Serial Line 2.5.1.1: 3.5 characters, at least 1.75 ms."""
        self.assertAlmostEqual(0.00401, parse_place("serial:/dev/x:9600").gap_s, places=5)
        self.assertAlmostEqual(0.00201, parse_place("serial:/dev/x:19200").gap_s, places=5)
        self.assertEqual(0.00175, parse_place("serial:/dev/x:115200").gap_s)
        self.assertEqual(0.00175, parse_place("rtu:box:502").gap_s)
        self.assertEqual(0.0, parse_place("tcp:box:502").gap_s)
