"""The command of C{twistd}, and the service that it makes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.application.service import IService, IServiceMaker, MultiService, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from cfos_cm import tap
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.services.long_lived import LongLived
from cfos_cm.services.service_manager import ServiceManagerNotes
from cfos_cm.simulator.backend.process import BackendProcess
from cfos_cm.simulator.charge_point_service import ChargePointService
from cfos_cm.simulator.grid_meter import GridMeterService
from cfos_cm.simulator.power_brain.service import PowerBrainService
from cfos_cm.tap import Options, WholeSite, makeService, site_service
from tests.services.sites import BAYS, LeftBehind, SiteCase

SIMULATOR = """\
[simulator box-1]
type = charge_point
address = CP-1
password = s3cret-box
"""


class FileCase(SynchronousTestCase):
    """A test in a folder of its own, which is the current one."""

    def setUp(self) -> None:
        """Make the folder, and go there."""
        self.addCleanup(os.chdir, os.getcwd())
        folder = Path(self.mktemp())
        folder.mkdir()
        os.chdir(folder)

    def write(self, text: str, name: str = "tap.cfg") -> None:
        """Write a configuration."""
        Path(name).write_text(text, encoding="utf-8")

    def parsed(self, *arguments: str) -> Options:
        """The options of a command line."""
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def error(self, *arguments: str) -> str:
        """What is said of a command line that is not accepted."""
        with self.assertRaises(usage.UsageError) as caught:
            self.parsed(*arguments)
        return str(caught.exception)


class CommandLine(FileCase):
    """The options of the command."""

    def test_default(self) -> None:
        """Without an option the file is C{tap.cfg} of the current folder."""
        self.write(BAYS)
        self.assertEqual("tap.cfg", self.parsed()["parsed"].path)

    def test_file(self) -> None:
        """The option names another one, in its long and its short form."""
        self.write(BAYS, "other.cfg")
        for arguments in (
            ["--config", "other.cfg"],
            ["--config=other.cfg"],
            ["-c", "other.cfg"],
        ):
            config = self.parsed(*arguments)["parsed"]
            self.assertEqual(("other.cfg", 2), (config.path, len(config.evses)))

    def test_no_file(self) -> None:
        """A file that is not there is a mistake of who started it, and nothing else."""
        self.assertEqual("tap.cfg: cannot be read: No such file or directory", self.error())
        self.assertIn("other.cfg: cannot be read", self.error("-c", "other.cfg"))

    def test_mistakes(self) -> None:
        """Every mistake is a line, with its place."""
        self.write("[ocpp server]\nport = 0\n[circut garage]\n[evse bay]\ntype = x\n")
        lines = self.error().splitlines()
        for place in ("tap.cfg:2: [ocpp server] port:", "tap.cfg:3: [circut garage]"):
            self.assertEqual(1, len([line for line in lines if line.startswith(place)]), lines)
        self.assertGreater(len(lines), 3)

    def test_no_secret(self) -> None:
        """No password is repeated in the mistakes."""
        self.write("[ocpp server]\npassword = s3cret-far-too-long-" + "x" * 50)
        self.assertNotIn("s3cret", self.error())

    def test_unknown_option(self) -> None:
        """There is no other option, and no argument."""
        self.write(BAYS)
        self.error("--port", "80")
        self.error("tap.cfg")

    def test_help(self) -> None:
        """Its help names the option and the other command."""
        text = str(Options())
        self.assertIn("--config", text)
        self.assertIn("cfos-cm check", text)


class Making(FileCase):
    """The service, before it is started."""

    def test_plugin(self) -> None:
        """C{twistd} finds the command."""
        (maker,) = [one for one in getPlugins(IServiceMaker) if one.tapname == "cfos-cm"]
        self.assertEqual("cfos_cm.tap", maker.module)
        self.assertIs(Options, maker.options)
        self.assertEqual(tap.makeService, maker.makeService)

    def test_service(self) -> None:
        """It is one service, in which the site can be found by its name."""
        self.write(BAYS)
        service = makeService(self.parsed())
        verifyObject(IService, service)
        self.assertIsInstance(service.getServiceNamed("cfos-cm"), ChargingSite)
        later = service.getServiceNamed("after the site")
        self.assertEqual([LongLived, ServiceManagerNotes], [type(one) for one in later])
        self.assertEqual([], list(service.getServiceNamed("before the site")))
        self.assertFalse(service.running)

    def test_reactor(self) -> None:
        """With a reactor that is handed in, that one is used and not even looked at yet."""
        self.write(BAYS)
        clock = MemoryReactorClock()
        service = site_service(read_config("tap.cfg"), clock)
        self.assertIsInstance(service, MultiService)
        self.assertEqual([], clock.tcpServers)
        self.assertEqual([], clock.tcpClients)
        self.assertEqual([], clock.getDelayedCalls())

    def test_simulators(self) -> None:
        """
        Each virtual device of the file is a service: those that are asked are there before
        the site, those that connect come after it, and backends are there all the time.
        """
        asked = "[simulator box-2]\ntype = power_brain\n[simulator grid]\ntype = meter\n"
        self.write(BAYS + SIMULATOR + asked + "[simulator b]\ntype = backend\n")
        clock = MemoryReactorClock()
        service = site_service(read_config("tap.cfg"), clock)
        order = [
            [type(one) for one in child] if isinstance(child, MultiService) else type(child)
            for child in service
        ]
        self.assertEqual(
            [
                [BackendProcess],
                [PowerBrainService, GridMeterService],
                ChargingSite,
                [ChargePointService],
            ],
            order,
        )
        self.assertEqual(([], []), (clock.tcpClients, clock.getDelayedCalls()))

    def test_process(self) -> None:
        """Only the program itself prepares the process; another one is left as it is."""
        self.write(BAYS)
        prepared: list[str] = []
        for name in ("make_steady", "stop_once", "raise_limit"):
            self.patch(tap, name, lambda _, name=name: prepared.append(name))
        site_service(read_config("tap.cfg"), reactor)
        self.assertEqual([], prepared)
        makeService(self.parsed())
        self.assertEqual(["make_steady", "stop_once", "raise_limit"], prepared)


class _Noted(Service):
    """A service that notes when it starts and when it has stopped."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    def startService(self) -> None:
        """Note it."""
        super().startService()
        self.notes.append(f"{self.name} starts")

    def stopService(self) -> None:
        """Note it."""
        super().stopService()
        self.notes.append(f"{self.name} stops")


class _Site(_Noted):
    """As much of a site as the whole has to do with; it closes when the test says so."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__("site", notes)
        self.started: Deferred[None] = succeed(None)
        self.closed: Deferred[None] = succeed(None)
        self.control_loop = self

    def stop(self) -> None:
        """As the control loop does."""
        self.notes.append("loop stops")

    async def leave_devices(self) -> None:
        """See L{ChargingSite.leave_devices}."""
        self.notes.append("devices are left")

    def stopService(self) -> Any:
        """Stop, but not at once."""
        super().stopService()
        return self.closed


class _Fading(_Noted):
    """A device that is asked, and has a car that leaves when the test says so."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__("box", notes)
        self.left: Deferred[None] = Deferred()

    def fade(self) -> Deferred[None]:
        """See L{PowerBrainService.fade}."""
        return self.left


class WholeSiteTests(SynchronousTestCase):
    """The order in which the site and what is around it start and stop."""

    def setUp(self) -> None:
        """A site, a device that it asks, one that it need not wait for, one that comes."""
        self.clock = Clock()
        self.notes: list[str] = []
        self.site = _Site(self.notes)
        site: Any = self.site
        self.whole = WholeSite(site, self.clock)
        self.box = _Fading(self.notes)
        self.whole.add_before(self.box, self.box.fade)
        self.whole.add_before(_Noted("meter", self.notes))
        self.whole.add_later(_Noted("point", self.notes))
        self.whole.add_around(_Noted("backend", self.notes))

    def test_start(self) -> None:
        """Those around all are first, those that come are last; each starts once."""
        self.whole.startService()
        self.assertEqual(["backend", "box", "meter", "site", "point"], self.started())
        self.whole.startService()
        self.assertNotIn("box", self.started())

    def started(self) -> list[str]:
        """Who has started since."""
        started = [one.removesuffix(" starts") for one in self.notes]
        self.notes.clear()
        return started

    def test_stop(self) -> None:
        """
        The site goes on asking until it has seen that the cars have left, and orders nothing
        meanwhile; the devices go before it closes, and what is around it when it has.
        """
        self.whole.startService()
        self.notes.clear()
        stopped = self.whole.stopService()
        self.clock.advance(1)
        self.assertEqual(["loop stops", "point stops"], self.notes)
        self.box.left.callback(None)
        self.clock.advance(0.1)
        self.assertEqual(["loop stops", "point stops"], self.notes)
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual("devices are left", self.notes[2])
        self.assertEqual({"box stops", "meter stops"}, {*self.notes[3:5]})
        self.assertEqual(["site stops", "backend stops"], self.notes[5:])

    def test_ready(self) -> None:
        """Nobody starts before what is around the site is ready, unless all of it stops."""
        ready: list[Deferred[None]] = [Deferred(), Deferred()]
        waiting = iter(ready)
        self.whole.add_around(_Noted("late", self.notes), lambda: next(waiting))
        self.whole.startService()
        self.assertEqual(["backend", "late"], self.started())
        ready[0].callback(None)
        self.assertEqual(["box", "meter", "site", "point"], self.started())
        self.box.left.callback(None)
        stopped = self.whole.stopService()
        self.clock.advance(0.2)
        self.successResultOf(stopped)
        self.notes.clear()
        self.whole.startService()
        self.successResultOf(self.whole.stopService())
        ready[1].callback(None)
        self.assertNotIn("site starts", self.notes)
        self.assertIn("backend stops", self.notes)

    def test_closing(self) -> None:
        """As long as the site closes it can still talk to what is around it."""
        self.whole.startService()
        self.site.closed = Deferred()
        self.box.left.callback(None)
        stopped = self.whole.stopService()
        self.clock.advance(0.2)
        self.assertNotIn("backend stops", self.notes)
        self.site.closed.callback(None)
        self.successResultOf(stopped)
        self.assertIn("backend stops", self.notes)

    def test_started_again(self) -> None:
        """Started again while it still stops, all of it comes back."""
        self.whole.startService()
        self.site.closed = Deferred()
        stopped = self.whole.stopService()
        self.whole.startService()
        self.notes.clear()
        self.box.left.callback(None)
        self.clock.advance(0.2)
        self.assertEqual(
            ["box starts", "meter starts", "site starts"],
            [one for one in self.notes if one.endswith("starts")],
        )
        self.assertNoResult(stopped)
        self.site.closed.callback(None)
        self.successResultOf(stopped)
        self.assertNotIn("backend stops", self.notes)

    def test_too_late(self) -> None:
        """Stopped before the site is there, nobody comes who would connect to it."""
        self.site.started = Deferred()
        self.whole.startService()
        self.whole.stopService()
        self.site.started.callback(None)
        self.assertNotIn("point starts", self.notes)


class OpensNothing(SiteCase, TestCase):
    """What making the service does to the process: nothing."""

    async def test_making(self) -> None:
        """No socket, thread, timer or file is there before the start."""
        self.write(BAYS + SIMULATOR)
        options = Options()
        options.parseOptions(["-c", str(self.path)])
        before, files = await LeftBehind.now(), sorted(self.folder.iterdir())
        makeService(options)
        site_service(options["parsed"], reactor)
        self.assertEqual(before, await LeftBehind.now())
        self.assertEqual(files, sorted(self.folder.iterdir()))

    async def test_life(self) -> None:
        """It starts and stops as one, and leaves nothing."""
        port = await self.free_port()
        simulator = f"{SIMULATOR}url = ws://127.0.0.1:{port}/\narrives_after = 3600\n"
        self.write(BAYS + simulator, server=f"port = {port}")
        before = await LeftBehind.now()
        service = site_service(read_config(str(self.path)), reactor)
        connected = self.said("bay-1: connected")
        service.startService()
        await connected
        await service.stopService()
        self.assertEqual(before, await LeftBehind.now())
        self.assertEqual([], [line for line in self.log if "s3cret" in line])
        refused = [line for line in self.log if "has no connection" in line]
        self.assertEqual([], refused, "dialled before there was anybody to answer")

    async def test_fades(self) -> None:
        """The cars at its virtual Power Brains are let go when it stops."""
        faded: list[PowerBrainService] = []
        self.patch(PowerBrainService, "fade", lambda one: succeed(faded.append(one)))
        port, boxes = await self.free_port(), await self.free_port()
        box = f"[simulator box]\ntype = power_brain\nmodbus_port = {boxes}\n"
        self.write(BAYS + box, server=f"port = {port}")
        service = site_service(read_config(str(self.path)), reactor)
        service.startService()
        self.assertEqual([], faded)
        await service.stopService()
        self.assertEqual(1, len(faded))

    async def test_stoppedAtOnce(self) -> None:
        """Stopped before it is open, the virtual wallboxes do not come to life any more."""
        port = await self.free_port()
        self.write(f"{BAYS}{SIMULATOR}url = ws://127.0.0.1:{port}/\n", server=f"port = {port}")
        before = await LeftBehind.now()
        service = site_service(read_config(str(self.path)), reactor)
        service.startService()
        await service.stopService()
        self.assertEqual(before, await LeftBehind.now())
        self.assertEqual([], [line for line in self.log if "box-1" in line])

    async def test_startedAgain(self) -> None:
        """Started again while it still stops, it comes back, and leaves nothing either."""
        port = await self.free_port()
        simulator = f"{SIMULATOR}url = ws://127.0.0.1:{port}/\narrives_after = 3600\n"
        self.write(BAYS + simulator, server=f"port = {port}")
        before = await LeftBehind.now()
        service = site_service(read_config(str(self.path)), reactor)
        connected = self.said("bay-1: connected")
        service.startService()
        await connected
        connected = self.said("bay-1: connected")
        stopped = service.stopService()
        service.startService()
        await stopped
        await connected
        await service.stopService()
        self.assertEqual(before, await LeftBehind.now())
