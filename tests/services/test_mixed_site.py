"""
A site with a Power Brain behind Modbus and a wallbox with OCPP at one fuse.

All is real but the cables, the time and the cars: tap.cfg, the drivers, the control loop and
the transactions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.drivers.interfaces import DriverEnvironment
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.services.assembly import abandoned_evses, central_system_settings, moved_evses
from cfos_cm.services.config import Config, parse_config
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.devices import Devices
from cfos_cm.services.local_transactions import LocalTransactions
from cfos_cm.simulator.power_brain.box import PowerBrain
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.simulator.vehicle import Vehicle, VehicleSettings
from cfos_cm.site.events import (
    CircuitLimited,
    EvseLost,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState
from tests.central_system.world import NOW, Peer, World
from tests.drivers.power_brain.test_whatever_happens import Cable

_NEVER_S = 1_000_000
_TICK_S = 0.25
_FUSE_A = 20

BAY = "[evse bay]\ntype = ocpp16\naddress = CP-1\n"


def box_section(name: str = "box", host: str = "brain", **options: object) -> str:
    """An EVSE that is a Power Brain."""
    said = {"type": "cfos_power_brain", "address": f"tcp:{host}:4701", **options}
    return f"[evse {name}]\n" + "".join(f"{key} = {value}\n" for key, value in said.items())


def config_of(*evses: str, manager: str = "", more: str = "") -> Config:
    """A garage with a fuse and no pauses."""
    return parse_config(
        f"[manager]\nmin_pause = 0\nmin_charge_time = 0\n{manager}\n"
        f"[circuit garage]\nmax_current = {_FUSE_A}\n{''.join(evses)}{more}",
        "tap.cfg",
    )


class MixedCase(SynchronousTestCase):
    """
    Both charge.

    @ivar boxes: Power Brains, by the names of their hosts.
    """

    def setUp(self) -> None:
        """Let both of them begin."""
        self.world = World()
        self.clock = self.world.clock
        self.boxes: dict[str, PowerBrain] = {}
        self.cables: dict[str, Cable] = {}
        self.peer: Peer | None = None
        self.bay_a = 0.0
        for host in ("brain", "other"):
            self.boxes[host] = self.make_box(host)
        self.patch(buses, "endpoint_of", lambda reactor, place: self.cables[place.host])
        self.start(config_of(BAY, box_section()))
        self.addCleanup(self.stop)
        self.connect_bay()
        self.boxes["brain"].plug_in(car())
        self.wait(20)

    def make_box(self, host: str) -> PowerBrain:
        """A box without a car."""
        ids = count()
        box = PowerBrain(
            host,
            VirtualPowerBrainSettings(arrives_after_s=_NEVER_S, modbus_port=0, serial=host),
            self.clock,
            self.now,
            lambda: f"{host}-{next(ids)}",
        )
        # Whoever is no part of the site yet gives nothing.
        box.flash.evse.keep(on.DEF_CHARGING_ENABLE, 0)
        self.cables[host] = Cable(self.clock, box)  # type: ignore[arg-type]
        box.start()
        return box

    def now(self) -> datetime:
        """The time of day."""
        return NOW + timedelta(seconds=self.clock.seconds())

    def start(self, config: Config) -> None:
        """The program starts."""
        self.config = config
        self.events: list[SiteEvent] = []
        self.loop = ControlLoop(self.clock, 1.0)
        self.loop.observe(self.note)
        environment = evolve(self.world.system.roster.environment, report=self.loop.report)
        self.world.system = CentralSystem(environment, central_system_settings(config))
        self.local = LocalTransactions(environment)
        self.loop.observe(self.local.note)
        self.devices = Devices(
            DriverEnvironment(
                reactor=self.clock,
                now=self.now,
                report=self.loop.report,
                buses=buses.Buses(self.clock),
                state=lambda: self.loop.state,
                central_system=self.world.system,
            )
        )
        self.loop.report(config.settings_changed())
        self.devices.configure(config)
        self.loop.evses = self.devices.evses
        self.loop.start()

    def stop(self) -> None:
        """All that runs ends."""
        self.loop.stop()
        self.devices.stop()
        Deferred.fromCoroutine(self.local.close())
        for box in self.boxes.values():
            box.stop()

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """Something has happened."""
        self.events.append(event)

    def reload(self, config: Config) -> None:
        """tap.cfg is read again."""
        applied = Deferred.fromCoroutine(self.apply(config))
        for _ in range(40):
            if applied.called:
                break
            self.tick()
        self.successResultOf(applied)

    async def apply(self, config: Config) -> None:
        """As the service does it."""
        before, self.config = self.config, config
        settings, moved = config.settings_changed(), moved_evses(before, config)
        await self.loop.dismiss(abandoned_evses(before, config))
        if moved:
            evses = tuple(one for one in settings.evses if one.name not in moved)
            self.loop.report(evolve(settings, evses=evses))
        self.loop.report(settings)
        self.devices.configure(config)
        self.loop.evses = self.devices.evses
        self.world.system.configure(central_system_settings(config))

    def connect_bay(self) -> None:
        """A wallbox with OCPP that does whatever it is told, and a car at it."""
        peer = self.peer = self.world.connect("CP-1")
        peer.answers = {
            "SetChargingProfile": {"status": "Accepted"},
            "ClearChargingProfile": {"status": "Accepted"},
            "GetConfiguration": {},
            "ChangeConfiguration": {"status": "Accepted"},
            "GetCompositeSchedule": {"status": "Rejected"},
            "TriggerMessage": {"status": "NotImplemented"},
        }
        peer.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        peer.ask("StatusNotification", {**status, "timestamp": "2026-03-01T12:00:00Z"})
        peer.ask(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": "04AA",
                "meterStart": 0,
                "timestamp": "2026-03-01T12:00:00Z",
            },
        )

    @property
    def bay_ma(self) -> int:
        """What the wallbox with OCPP was allowed last. [mA]"""
        assert self.peer is not None
        limits = [
            period["limit"]
            for frame in self.peer.requests("SetChargingProfile")
            for period in frame[3]["csChargingProfiles"]["chargingSchedule"][
                "chargingSchedulePeriod"
            ][:1]
            if frame[3]["csChargingProfiles"]["chargingProfilePurpose"] == "TxProfile"
        ]
        return round(limits[-1] * 1000) if limits else 0

    def allowed(self, host: str = "brain") -> int:
        """What a box really allows its car, whatever it was told. [mA]"""
        return self.boxes[host].signalled_ma

    def evse(self, name: str = "box") -> Evse:
        """What is known."""
        return self.loop.state.evses[name]

    def booked_ma(self, name: str) -> int:
        """What is kept for an EVSE. [mA]"""
        return self.loop.memory.settling.booked_ma(self.evse(name))

    def tick(self) -> None:
        """A moment passes, in which no fuse carries too much."""
        self.clock.advance(_TICK_S)
        self.check()

    def check(self) -> None:
        """The fuse is safe."""
        total_ma = sum(self.allowed(host) for host in self.boxes) + self.bay_ma
        self.assertLessEqual(total_ma, _FUSE_A * 1000, f"at {self.clock.seconds()} s")

    def wait(self, wait_s: float) -> None:
        """Time passes. [s]"""
        for _ in range(round(wait_s / _TICK_S)):
            self.tick()

    def told(self, *kinds: type) -> list[Any]:
        """What happened of some kinds, since this was called last."""
        found = [event for event in self.events if isinstance(event, kinds)]
        self.events = [event for event in self.events if not isinstance(event, kinds)]
        return found


def car(most_a: int = 16) -> Vehicle:
    """One that is never full. [A]"""
    return Vehicle(VehicleSettings(most_a * 1000, 3, 1_000_000))


class MixedTests(MixedCase):
    """What they share, and how."""

    def test_share(self) -> None:
        """Each gets half of the fuse."""
        self.assertEqual((10_000, 10_000), (self.bay_ma, self.allowed()))

    def test_leaves(self) -> None:
        """When one leaves the other gets all that it bears."""
        self.boxes["brain"].unplug()
        self.wait(20)
        self.assertEqual(16_000, self.bay_ma)
        (stopped,) = self.told(TransactionStopped)
        self.assertGreater(stopped.energy_wh, 0)


class ReloadTests(MixedCase):
    """tap.cfg is read again while a Power Brain charges."""

    def test_changed(self) -> None:
        """With other settings of its own it goes on, in the same transaction."""
        self.told(TransactionStarted)
        self.reload(config_of(BAY, box_section(max_current=12, priority=2)))
        self.wait(20)
        self.assertEqual(12_000, self.allowed())
        self.assertEqual([], self.told(TransactionStarted, TransactionStopped))

    def test_away_while_changed(self) -> None:
        """One that cannot be told of that counts with what it was told."""
        self.cables["brain"].fault = "out"
        self.cables["brain"].pull()
        self.reload(config_of(BAY, box_section(failsafe_after=60)))
        self.wait(30)
        self.assertEqual(10_000, self.booked_ma("box"))

    def test_taken_out(self) -> None:
        """It pauses before anybody else gets its current, and its charge has ended."""
        self.reload(config_of(BAY))
        self.wait(20)
        self.assertEqual((0, 16_000), (self.allowed(), self.bay_ma))
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual("Other", stopped.reason)
        self.assertGreater(stopped.energy_wh, 0)

    def test_renamed(self) -> None:
        """By another name it is another EVSE at the same device."""
        self.reload(config_of(BAY, box_section("garden")))
        self.wait(30)
        self.assertEqual((10_000, 10_000), (self.allowed(), self.bay_ma))
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual("box", stopped.evse)
        self.assertEqual("garden", self.told(TransactionStarted)[-1].evse)

    def test_moved(self) -> None:
        """By another address it is another device: what the first had is no part of it."""
        self.boxes["other"].plug_in(car())
        self.told(TransactionStarted)
        self.reload(config_of(BAY, box_section(host="other")))
        self.wait(40)
        self.assertEqual((0, 10_000), (self.allowed(), self.allowed("other")))
        (stopped,) = self.told(TransactionStopped)
        self.assertGreater(stopped.energy_wh, 0)
        self.assertEqual(1, len(self.told(TransactionStarted)))

    def test_swapped(self) -> None:
        """Two that change their names are two others, and neither is forgotten."""
        self.boxes["other"].plug_in(car())
        self.reload(config_of(BAY, box_section(), box_section("shed", "other")))
        self.wait(40)
        self.reload(config_of(BAY, box_section("shed"), box_section(host="other")))
        self.wait(60)
        both = self.allowed(), self.allowed("other")
        self.assertEqual(_FUSE_A * 1000, sum(both) + self.bay_ma)

    def test_mute_while_taken_out(self) -> None:
        """Nobody waits for long for one that does not answer."""
        self.cables["brain"].fault = "mute"
        begun_s = self.clock.seconds()
        self.reload(config_of(BAY, box_section("box", "other")))
        self.assertLess(self.clock.seconds() - begun_s, 4)

    def test_order_under_way(self) -> None:
        """What was being told to it when it was changed is not waited for in vain."""
        self.cables["brain"].late_s = 0.9
        self.reload(config_of(BAY, box_section(max_current=12)))
        self.tick()
        self.reload(config_of(BAY, box_section(max_current=14)))
        self.tick()
        self.reload(config_of(BAY, box_section(max_current=8)))
        self.wait(20)
        self.cables["brain"].late_s = 0.0
        self.wait(20)
        self.assertEqual(8_000, self.allowed())


class ObserveTests(MixedCase):
    """Load management is switched off and on while cars charge."""

    OFF = "load_management = observe"

    def test_off(self) -> None:
        """It goes on with what it was told; what it does is seen, and nothing is written."""
        self.reload(config_of(BAY, box_section(), manager=self.OFF))
        self.wait(600)
        self.assertEqual(10_000, self.allowed())
        self.assertIs(Link.ONLINE, self.evse().link)
        before = self.boxes["brain"].flash.evse.number(on.FAIL_SAFE_DURATION, 0)
        self.assertEqual(180, before)

    def test_on_again(self) -> None:
        """It is told again, and the fuse is safe all the time."""
        self.reload(config_of(BAY, box_section(), manager=self.OFF))
        self.wait(30)
        self.reload(config_of(BAY, box_section()))
        self.wait(30)
        self.assertEqual((10_000, 10_000), (self.bay_ma, self.allowed()))

    def test_transactions(self) -> None:
        """What is charged is written down while it is only observed, too."""
        self.reload(config_of(BAY, box_section(), manager=self.OFF))
        self.wait(10)
        self.boxes["brain"].unplug()
        self.wait(5)
        (stopped,) = self.told(TransactionStopped)
        self.assertGreater(stopped.energy_wh, 0)


class DisabledTests(MixedCase):
    """An EVSE is disabled while it charges."""

    def disable(self, on_disable: str) -> None:
        """Leave it with that."""
        section = box_section(enabled="no", max_current=6)
        self.reload(config_of(BAY, section, manager=f"on_disable = {on_disable}"))
        self.wait(30)

    def test_block(self) -> None:
        """It pauses, and its transaction goes on."""
        self.disable("block")
        self.assertEqual(0, self.allowed())
        self.assertEqual([], self.told(TransactionStopped))

    def test_minimum(self) -> None:
        """It has its minimum, and so has the next car."""
        self.disable("minimum")
        self.assertEqual(6_000, self.allowed())
        self.boxes["brain"].unplug()
        self.wait(5)
        self.boxes["brain"].plug_in(car())
        self.wait(30)
        self.assertEqual(6_000, self.allowed())

    def test_released(self) -> None:
        """It charges with what it is made for, and that is kept for it."""
        self.disable("cancel_limits")
        self.assertEqual(6_000, self.allowed())
        self.assertEqual(6_000, self.booked_ma("box"))
        self.assertEqual(0, self.boxes["brain"].flash.evse.number(on.FAIL_SAFE_DURATION, 9))
        self.assertEqual(14_000, self.bay_ma)

    def test_taken_back(self) -> None:
        """When it is enabled again it obeys again, and falls back by itself again."""
        self.disable("cancel_limits")
        self.reload(config_of(BAY, box_section()))
        self.wait(40)
        self.assertEqual((10_000, 10_000), (self.bay_ma, self.allowed()))
        self.assertEqual(180, self.boxes["brain"].flash.evse.number(on.FAIL_SAFE_DURATION, 0))


class OutsideTests(MixedCase):
    """A limit from outside, as of C{cfos-cm limit}."""

    def test_limited(self) -> None:
        """Both keep to it."""
        limit = OutsideLimit("garage", "dso", 9_000, evses_only=True)
        self.loop.report(CircuitLimited(limit))
        self.wait(20)
        total_w = 3 * 230 * (self.bay_ma + self.allowed()) // 1000
        self.assertLessEqual(total_w, 9_000)
        self.assertGreaterEqual(self.allowed(), 6_000)


class AbsenceTests(MixedCase):
    """The box cannot be reached."""

    def test_falls_back(self) -> None:
        """It is kept what it was told, and later what it falls back to; then it charges on."""
        self.boxes["brain"].put_car_to_sleep()
        self.wait(5)
        self.cables["brain"].fault = "out"
        self.cables["brain"].pull()
        self.wait(60)
        self.assertIs(Link.LOST, self.evse().link)
        self.assertEqual(10_000, self.booked_ma("box"))
        self.wait(200)
        self.assertEqual((0, 16_000), (self.allowed(), self.bay_ma))
        self.cables["brain"].fault = None
        self.wait(90)
        self.assertEqual((10_000, 10_000), (self.bay_ma, self.allowed()))
        self.assertEqual([], self.told(TransactionStopped))
        self.assertEqual(1, len(self.told(EvseLost)))

    def test_reboots(self) -> None:
        """It starts anew with all that it has by default, and is told again at once."""
        self.boxes["brain"].flash.evse.keep(on.DEF_CHARGING_ENABLE, 1)
        self.boxes["brain"].flash.evse.keep(on.DEF_CHARG_CUR_LIMIT, 60)
        self.boxes["brain"].reboot()
        self.cables["brain"].pull()
        self.wait(60)
        self.assertEqual((10_000, 10_000), (self.bay_ma, self.allowed()))
