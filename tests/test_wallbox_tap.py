"""The command C{twistd cfos-wallbox}: which boxes it makes of a file."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.application.service import IServiceMaker, MultiService
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import wallbox_tap
from cfos_cm.services.config import Config
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.simulator.power_brain.service import PowerBrainService
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.virtual_devices import power_brain_settings, virtual_power_brain
from cfos_cm.wallbox_tap import Options, makeService

OTHER = """\
[simulator other]
type = charge_point
address = CP-1
"""
BOX = """\
[simulator pb-{0}]
type = power_brain
modbus_port = 48{0}1
"""


class CommandCase(SynchronousTestCase):
    """A test in a folder of its own, which is the current one."""

    def setUp(self) -> None:
        """Make the folder, and go there."""
        self.addCleanup(os.chdir, os.getcwd())
        folder = Path(self.mktemp())
        folder.mkdir()
        os.chdir(folder)

    def parsed(self, text: str, *arguments: str) -> Options:
        """The options with a file."""
        Path("tap.cfg").write_text(text, encoding="utf-8")
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def section(self, text: str) -> tuple[Config, SimulatorSection]:
        """A file, and its only box."""
        options = self.parsed(text)
        (section,) = options["power_brains"]
        assert isinstance(section, SimulatorSection)
        return options["parsed"], section


class Command(CommandCase):
    """The command line, and what is started."""

    def test_is_there(self) -> None:
        """C{twistd} knows it, and C{cfos-cm} beside it."""
        makers = {maker.tapname: maker for maker in getPlugins(IServiceMaker)}
        self.assertIs(wallbox_tap.makeService, makers["cfos-wallbox"].makeService)
        self.assertIn("cfos-cm", makers)

    def test_boxes(self) -> None:
        """Each Power Brain is a service, and what else there is, is not."""
        service = makeService(self.parsed(OTHER + BOX.format(1) + BOX.format(2)))
        self.assertIsInstance(service, MultiService)
        self.assertEqual([PowerBrainService] * 2, [type(box) for box in service])

    def test_none(self) -> None:
        """Without one it is said what is missing."""
        with self.assertRaises(usage.UsageError) as caught:
            self.parsed(OTHER)
        self.assertEqual(
            "tap.cfg: has no section [simulator NAME] with 'type = power_brain'",
            str(caught.exception),
        )

    def test_mistakes(self) -> None:
        """A mistake is said with its line, wherever it is."""
        with self.assertRaises(usage.UsageError) as caught:
            self.parsed(BOX.format(1) + "reader = perhaps\n")
        self.assertIn("tap.cfg:4: [simulator pb-1] reader", str(caught.exception))

    def test_no_file(self) -> None:
        """A file that is not there is a mistake of who started it."""
        with self.assertRaises(usage.UsageError) as caught:
            self.parsed(BOX.format(1), "--config", "other.cfg")
        self.assertIn("other.cfg: cannot be read", str(caught.exception))

    def test_listens(self) -> None:
        """What it makes listens where the file says."""
        clock = MemoryReactorClock()
        virtual_power_brain(*self.section(BOX.format(7)), clock).startService()
        self.assertEqual([4871, 4872, 4873], [server[0] for server in clock.tcpServers])


class Settings(CommandCase):
    """What a section says."""

    def told(self, more: str) -> VirtualPowerBrainSettings:
        """The settings of a box."""
        text = "[simulator pb]\ntype = power_brain\n" + more
        return power_brain_settings(*self.section(text))

    def test_default(self) -> None:
        """A section that says nothing makes a box as it is delivered, without OCPP."""
        self.assertEqual(VirtualPowerBrainSettings(), self.told(""))

    def test_ocpp(self) -> None:
        """A ChargeBox ID makes it speak OCPP, to the usual server or another one."""
        usual = self.told("address = PB-1\n")
        self.assertEqual(("ws://127.0.0.1:19520/", "PB-1"), (usual.url, usual.identity))
        other = self.told("address = PB-1\nurl = ws://192.0.2.1/path\npassword = s3cret\n")
        self.assertEqual(("ws://192.0.2.1/path", "s3cret"), (other.url, other.password))
        self.assertNotIn("s3cret", repr(other))

    def test_modbus(self) -> None:
        """Where it listens."""
        told = self.told("modbus_port = 502\ninterface = 0.0.0.0\nserial = W00-1234\n")
        self.assertEqual(
            (502, "0.0.0.0", "W00-1234"), (told.modbus_port, told.interface, told.serial)
        )

    def test_cards(self) -> None:
        """How it comes to an idTag."""
        told = self.told("reader = no\nfixed_tag = FIXED-1\nid_tag = 04A1\n")
        self.assertEqual(
            (False, "FIXED-1", "04A1"), (told.has_reader, told.fixed_tag, told.id_tag)
        )

    def test_car(self) -> None:
        """The car that comes to it."""
        told = self.told(
            "connector = 2\narrives_after = 1\ncar_max_current = 20\ncar_phases = 2\n"
            "car_needs = 5\nleaves_after = 3\nreturns_after = 4\nmeter_interval = 6\n"
            "time_lapse = 7\n"
        )
        self.assertEqual(
            VirtualPowerBrainSettings(
                connector=2,
                arrives_after_s=1,
                car_max_current_ma=20_000,
                car_phases=2,
                car_needs_wh=5_000,
                leaves_after_s=3,
                returns_after_s=4,
                meter_interval_s=6,
                time_lapse=7,
            ),
            told,
        )
