"""What the sections of simulators come to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents
from cfos_cm.services.config import Config, parse_config
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.simulator.backend.settings import VirtualBackendSettings
from cfos_cm.simulator.vehicle import Vehicle, VehicleSettings
from cfos_cm.virtual_devices import (
    GRID_METER_PORT,
    VirtualDevices,
    backend_settings,
    charge_point_settings,
    grid_meter_settings,
    power_brain_settings,
    virtual_devices,
)

CHARGE_POINT = """\
[simulator cp]
type = charge_point
address = CP-1
connector = 2
password = s3cret
id_tag = 04AA
car_max_current = 10
car_phases = 1
max_current = 25
"""
POWER_BRAIN = """\
[simulator pb]
type = power_brain
modbus_port = 14701
interface = 0.0.0.0
serial = W00-77
reader = no
fixed_tag = FLEET
phase_switching = no
"""
METER = """\
[simulator house]
type = meter
unit = 7
house = 3
solar_peak = 9 kW
time_lapse = 10
"""

BACKEND = """\
[simulator demo]
type = backend
backend_port = 9211
interface = 192.0.2.1
price = 0.49
tags = DE-* 04A1
"""


class Case(SynchronousTestCase):
    """Has devices of some sections, which do not run."""

    def devices(self, *sections: str) -> VirtualDevices:
        """The services of a file."""
        config = parse_config("".join(sections), "tap.cfg")
        return virtual_devices(config, MemoryReactorClock())


class SettingsTests(Case):
    """Each option ends up where it belongs."""

    def section(self, text: str) -> SimulatorSection:
        """The only section of a text."""
        return self.read(text)[1]

    def read(self, text: str, path: str = "tap.cfg") -> tuple[Config, SimulatorSection]:
        """A file, and its only section."""
        config = parse_config(text, path)
        (section,) = config.simulators
        return config, section

    def test_charge_point(self) -> None:
        """A Charge Point: its identity, its car and its rating."""
        found = charge_point_settings(*self.read(CHARGE_POINT))
        self.assertEqual(
            ("CP-1", 2, "s3cret", "04AA", 10_000, 1, 25_000),
            (
                *(found.identity, found.connector, found.password, found.id_tag),
                *(found.car_max_current_ma, found.car_phases, found.max_current_ma),
            ),
        )
        self.assertNotIn("s3cret", repr(found))

    def test_power_brain(self) -> None:
        """A Power Brain without a ChargeBox ID has no OCPP."""
        found = power_brain_settings(*self.read(POWER_BRAIN))
        self.assertEqual(
            (None, 14_701, "0.0.0.0", "W00-77", False, "FLEET", False, 16_000),
            (
                *(found.url, found.modbus_port, found.interface, found.serial),
                *(found.has_reader, found.fixed_tag, found.has_phase_switching),
                found.max_current_ma,
            ),
        )

    def test_with_ocpp(self) -> None:
        """With one it dials the OCPP server of its section."""
        found = power_brain_settings(*self.read(POWER_BRAIN + "address = PB-1\n"))
        self.assertEqual(("ws://127.0.0.1:19520/", "PB-1"), (found.url, found.identity))
        self.assertEqual("", power_brain_settings(*self.read(POWER_BRAIN)).identity)

    def test_tls(self) -> None:
        """Files are those beside the tap.cfg; the word for the system's roots is none."""
        for text, told in (
            (CHARGE_POINT, charge_point_settings),
            (f"{POWER_BRAIN}address = PB-1\n", power_brain_settings),
        ):
            more = (
                "ca_certificates = ca.pem, system\ncertificate = a.pem\nprivate_key = a.key\n"
            )
            more += "url = wss://127.0.0.1/\n"
            config, section = self.read(text + more, "/site/tap.cfg")
            found = told(config, section)
            self.assertEqual(("system", "/site/ca.pem"), found.ca_certificates)
            self.assertEqual(
                ("/site/a.pem", "/site/a.key"), (found.certificate, found.private_key)
            )

    def test_meter(self) -> None:
        """A meter: where it is, and the house behind it."""
        found = grid_meter_settings(self.section(METER))
        self.assertEqual(
            (GRID_METER_PORT, "127.0.0.1", 7, 3, 9000, 10),
            (
                *(found.port, found.interface, found.unit, found.house),
                *(found.solar_peak_w, found.time_lapse),
            ),
        )
        other = grid_meter_settings(self.section(METER + "modbus_port = 9\n"))
        self.assertEqual(9, other.port)

    def test_backend(self) -> None:
        """A backend: where it is, what it bills, whom it knows, and its book."""
        for more, book in (
            ("", "/site/var/backend-demo.jsonl"),
            ("book = b/demo\n", "/site/b/demo"),
        ):
            more += "certificate = b.pem\nprivate_key = /certs/b.key\n"
            config = parse_config(BACKEND + more, "/site/tap.cfg")
            (section,) = config.simulators
            expected = VirtualBackendSettings(
                book=book,
                certificate="/site/b.pem",
                private_key="/certs/b.key",
                port=9211,
                interface="192.0.2.1",
                price=Decimal("0.49"),
                tags=("DE-*", "04A1"),
            )
            self.assertEqual(expected, backend_settings(config, section))

    def test_backend_default(self) -> None:
        """A section that says nothing means what the settings of a backend mean."""
        config = parse_config("[simulator demo]\ntype = backend\n", "/site/tap.cfg")
        found = backend_settings(config, config.simulators[0])
        self.assertEqual(VirtualBackendSettings(book=found.book), found)


class WiringTests(Case):
    """What the meter sees."""

    def test_sum(self) -> None:
        """All wallboxes of the file are behind it, each on the phases that its car uses."""
        devices = self.devices(METER, CHARGE_POINT, POWER_BRAIN)
        box, meter = devices.asked
        found: Any = meter
        self.assertEqual(NO_CURRENT, found.meter._wallboxes())
        charging: Any = box
        charging.power_brain.plug_in(Vehicle(VehicleSettings(10_000, 2, 50_000)))
        charging.power_brain.control.failsafe.stop()
        self.assertEqual(PhaseCurrents(10_000, 10_000, 0), found.meter._wallboxes())

    def test_all(self) -> None:
        """Each wallbox counts with what flows into it, and none for another."""
        second = POWER_BRAIN.replace("pb", "pb-2").replace("14701", "14801")
        second_point = CHARGE_POINT.replace("cp]", "cp-2]").replace("CP-1", "CP-2")
        sections = (METER, POWER_BRAIN, second, CHARGE_POINT, second_point)
        devices = self.devices(*sections)
        boxes: list[Any] = list(devices.asked[:2])
        points: list[Any] = list(devices.asking)
        found: Any = devices.asked[2]
        for current_ma, box in zip((10_000, 7_000), boxes, strict=True):
            box.power_brain.plug_in(Vehicle(VehicleSettings(current_ma, 3, 50_000)))
            box.power_brain.control.failsafe.stop()
        self.assertEqual(PhaseCurrents(17_000, 17_000, 17_000), found.meter._wallboxes())
        for current_ma, point in zip((8_000, 9_000), points, strict=True):
            evse = point.charge_point.evse
            evse.plug_in(Vehicle(VehicleSettings(current_ma, 1, 50_000)))
            evse.invite("04AA", None)
        self.assertEqual(PhaseCurrents(34_000, 17_000, 17_000), found.meter._wallboxes())

    def test_kinds(self) -> None:
        """What the site asks, what connects to it, and whom it connects to, are told apart."""
        devices = self.devices(METER, CHARGE_POINT, POWER_BRAIN, BACKEND)
        found = (devices.asked, devices.asking, devices.backends)
        self.assertEqual((2, 1, 1), tuple(map(len, found)))
