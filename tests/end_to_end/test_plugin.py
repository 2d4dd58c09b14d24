"""A driver that another package brings along."""

from __future__ import annotations

from pathlib import Path

from . import cases
from .program import Program

PLUGIN = '''\
"""Tells the charging manager of the drivers of Acme."""

from acme_drivers import AcmeMaker, AcmeMeterMaker

acme = AcmeMaker()
acme_meter = AcmeMeterMaker()
'''

#: An EVSE that is there at once, has a car, and does what it is told; and a meter.
DRIVERS = '''\
"""Drivers of Acme."""

from math import inf

from twisted.internet.defer import succeed
from twisted.internet.task import LoopingCall
from twisted.plugin import IPlugin
from zope.interface import implementer

from cfos_cm.drivers.interfaces import IEvse, IEvseMaker, IMeter, IMeterMaker
from cfos_cm.electrical import on_each_phase
from cfos_cm.site.events import (
    EvseConnected, EvseMeasured, MeterMeasured, OccupancyReported
)
from cfos_cm.site.evse import Occupancy


@implementer(IEvse)
class AcmeEvse:
    renewal_due_s = inf

    def __init__(self, device, environment):
        self.name = device.name
        self.report = environment.report
        print("ACME was given", device.parameters, flush=True)

    def start(self):
        self.report(EvseConnected(self.name, "acme"))
        self.report(EvseMeasured(self.name, energy_wh=7))
        self.report(OccupancyReported(self.name, Occupancy.PLUGGED, "there"))

    def stop(self):
        print("ACME is left", flush=True)
        return succeed(None)

    def apply(self, setpoint, transaction_id, from_scratch):
        print("ACME obeys", setpoint.current_ma, flush=True)
        return succeed(None)

    def release(self):
        return succeed(None)


@implementer(IPlugin, IEvseMaker)
class AcmeMaker:
    type = "acme"
    knows_transactions = False

    def objection(self, device):
        return None if device.address.startswith("acme:") else "acme:SERIAL"

    def make(self, device, environment):
        return AcmeEvse(device, environment)


@implementer(IMeter)
class AcmeMeter:
    def __init__(self, device, environment):
        self.name = device.name
        self.environment = environment
        self.loop = LoopingCall(self.tell)
        self.loop.clock = environment.reactor

    def start(self):
        self.loop.start(1)

    def tell(self):
        self.environment.report(MeterMeasured(self.name, on_each_phase(8000)))

    def stop(self):
        self.loop.stop()
        return succeed(None)


@implementer(IPlugin, IMeterMaker)
class AcmeMeterMaker:
    type = "acme_meter"

    def objection(self, device):
        return None

    def make(self, device, environment):
        return AcmeMeter(device, environment)
'''

SITE = """
[meter house]
type = acme_meter
role = grid

[circuit acme]
max_current = 20
meter = house

[evse bay-9]
type = acme
address = {address}
circuit = acme
parameters = colour=green
"""


class Plugin(cases.EndToEndCase):
    """Acme's package is installed beside this program."""

    def site(self, address: str) -> Program:
        """A site with one of its EVSEs, and the package."""
        manager = self.program()
        site = cases.tap_cfg(manager.port, evse="circuit = garage")
        manager.configure(site + SITE.format(address=address))
        packages = manager.packages = Path(manager.folder, "site-packages")
        plugins = packages / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "acme_plugin.py").write_text(PLUGIN, encoding="utf-8")
        (packages / "acme_drivers.py").write_text(DRIVERS, encoding="utf-8")
        return manager

    def test_used(self) -> None:
        """Its EVSE charges within what its meter leaves, and is left in the end."""
        manager = self.site("acme:0815")
        manager.start()
        manager.wait_for("ACME was given colour=green")
        manager.wait_for("meter house is read")
        manager.wait_for("bay-9: transaction .* has begun")
        obeyed = manager.wait_for(r"ACME obeys (\d{4,})")
        self.assertEqual(12_000, int(obeyed[1]))
        manager.wait_for("bay-9: has confirmed 12 A")
        mark = manager.mark()
        manager.stop()
        self.assertIn("ACME is left", "\n".join(manager.lines[mark:]))

    def test_checked(self) -> None:
        """What is wrong for it is told like any other mistake, before anything is started."""
        manager = self.site("0815")
        checked = manager.console("check", "tap.cfg")
        self.assertEqual(1, checked.returncode)
        self.assertIn("[evse bay-9] address: found '0815'; must be acme:SERIAL", checked.stdout)

    def test_not_installed(self) -> None:
        """Without the package nobody knows the word."""
        manager = self.site("acme:0815")
        manager.packages = None
        checked = manager.console("check", "tap.cfg")
        self.assertEqual(1, checked.returncode)
        self.assertIn("[evse bay-9] type: found 'acme'; must be ocpp16", checked.stdout)
