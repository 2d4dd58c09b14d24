"""The drivers that run for a configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import (
    DriverEnvironment,
    IEvse,
    IEvseMaker,
)
from cfos_cm.drivers.modbus.buses import Buses
from cfos_cm.drivers.ocpp16 import Ocpp16Evse
from cfos_cm.drivers.power_brain.evse import PowerBrainEvse
from cfos_cm.drivers.registry import EVSE_MAKERS, METER_MAKERS
from cfos_cm.errors import ConfigError, DeviceRefusal
from cfos_cm.services.config import parse_config
from cfos_cm.services.devices import Devices
from cfos_cm.site.events import EvseLost, MeterLost, SiteEvent
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState
from tests.central_system.world import NOW, World

GARAGE = "[circuit garage]\nmax_current = 20\nmeter = grid\n"


def section(heading: str, **options: object) -> str:
    """A section of tap.cfg."""
    return f"[{heading}]\n" + "".join(f"{name} = {one}\n" for name, one in options.items())


def ocpp(name: str = "bay", **options: object) -> str:
    """An EVSE with OCPP."""
    return section(f"evse {name}", **{"type": "ocpp16", "address": "CP-1", **options})


def box(**options: object) -> str:
    """An EVSE with Modbus."""
    return section(
        "evse box",
        **{"type": "cfos_power_brain", "address": "tcp:192.0.2.5:4701", **options},
    )


def meter(**options: object) -> str:
    """The grid's meter."""
    return section(
        "meter grid",
        **{"type": "sunspec", "address": "tcp:192.0.2.6:502", "role": "grid", **options},
    )


class Case(SynchronousTestCase):
    """Has drivers in a world without sockets."""

    def setUp(self) -> None:
        """Nothing is configured."""
        self.world = World()
        self.reactor = MemoryReactorClock()
        self.reported: list[SiteEvent] = []
        self.devices = Devices(
            DriverEnvironment(
                reactor=self.reactor,
                now=self.world.system.roster.environment.now,
                report=self.reported.append,
                buses=Buses(self.reactor),
                state=SiteState,
                central_system=self.world.system,
            )
        )

    def configure(self, *sections: str, manager: str = "") -> None:
        """Have the drivers of a configuration."""
        text = f"[manager]\n{manager}\n{GARAGE}{''.join(sections)}"
        self.devices.configure(parse_config(text, "tap.cfg"))


class DevicesTests(Case):
    """Which drivers there are, and when they are others."""

    def test_drivers(self) -> None:
        """Each EVSE has the driver of its type, with its name."""
        self.configure(ocpp(), box(), meter())
        self.assertEqual({"bay", "box"}, set(self.devices.evses))
        self.assertIsInstance(self.devices.evses["bay"], Ocpp16Evse)
        for name, device in self.devices.evses.items():
            verifyObject(IEvse, device)
            self.assertEqual(name, device.name)

    def test_started(self) -> None:
        """They are in touch at once: with EVSE and meter."""
        self.configure(box(), meter())
        self.reactor.advance(0)
        self.assertEqual({4701, 502}, {port for _, port, *_ in self.reactor.tcpClients})

    def test_kept(self) -> None:
        """What concerns only the site, such as a priority, makes no other driver."""
        self.configure(box(), meter())
        before = self.devices.evses["box"]
        self.configure(box(priority=5, weight=2, mode="surplus"), meter())
        self.assertIs(before, self.devices.evses["box"])
        self.assertEqual([], self.reported)

    def test_replaced(self) -> None:
        """Another setting of the device makes another driver, and the site knows of none."""
        self.configure(box(), meter())
        before = self.devices.evses["box"]
        self.configure(box(max_current=10), meter(unit=2))
        self.assertIsNot(before, self.devices.evses["box"])
        self.assertEqual(
            [EvseLost("box", "its settings have changed")],
            [one for one in self.reported if isinstance(one, EvseLost)],
        )

    def test_replaced_meter(self) -> None:
        """
        What a meter of the house said last counts until the one that takes its place speaks:
        no car is paused for a setting. What an EVSE draws is not known meanwhile.
        """
        apart = section("meter own", type="sunspec", role="evse", evse="box")
        apart += "address = tcp:192.0.2.7:502\n"
        self.configure(box(), meter(), apart)
        self.configure(box(), meter(unit=2), apart + "unit = 2\n")
        self.assertEqual([MeterLost("own", "its settings have changed")], self.reported)

    def test_observing(self) -> None:
        """Whether anything is set is part of what a driver is made for."""
        self.configure(box(), meter())
        before = self.devices.evses["box"]
        self.configure(box(), meter(), manager="load_management = observe")
        observing = self.devices.evses["box"]
        self.assertIsNot(before, observing)
        setpoint = Setpoint(0, Reason(ReasonCode.CIRCUIT, "phase L1 of garage"))
        refused = self.failureResultOf(observing.apply(setpoint, None, True), DeviceRefusal)
        self.assertIn("only observed", str(refused.value))

    def test_ocpp_stays(self) -> None:
        """Who connects by himself is not lost because his settings have changed."""
        self.configure(ocpp(), meter())
        self.configure(ocpp(max_current=10), meter())
        self.assertEqual([], [one for one in self.reported if isinstance(one, EvseLost)])

    def test_stop(self) -> None:
        """In the end no timer is left, and there are no drivers."""
        self.configure(ocpp(), box(), meter())
        self.reactor.advance(0)
        self.successResultOf(self.devices.stop())
        self.assertEqual({}, self.devices.evses)
        calls = [one for one in self.reactor.getDelayedCalls() if one.active()]
        self.assertEqual([], calls)

    def test_reported(self) -> None:
        """A meter that somebody else reads is none of a driver's, and has no address."""
        self.configure(section("meter grid", type="reported", role="grid"))
        self.reactor.advance(0)
        self.assertEqual([], self.reactor.tcpClients)
        text = section("meter a", type="reported", role="display", address="tcp:h:1")
        error = self.assertRaises(ConfigError, parse_config, text, "tap.cfg")
        self.assertIn("[meter a] address: found 'tcp:h:1'; must be empty", str(error))

    def test_bad_driver(self) -> None:
        """A driver that cannot be made, or not be started, keeps no other one from running."""

        def raise_it(*_: object) -> None:
            raise ZeroDivisionError("a mistake in the driver")

        for place in ("__init__", "start"):
            self.setUp()
            patched = self.patch(PowerBrainEvse, place, raise_it)
            self.configure(ocpp(), box(), meter())
            patched.restore()
            self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
            self.assertIn("bay", self.devices.evses)
            self.reactor.advance(0)
            self.assertEqual({502}, {port for _, port, *_ in self.reactor.tcpClients})
            self.successResultOf(self.devices.stop())

    def test_stop_while_leaving(self) -> None:
        """Who was being left when all stopped is waited for as well."""
        self.configure(box(), meter())
        left: Deferred[None] = Deferred()
        self.patch(PowerBrainEvse, "stop", lambda _: left)
        self.configure(meter())
        stopped = self.devices.stop()
        self.assertNoResult(stopped)
        left.callback(None)
        self.successResultOf(stopped)

    def test_stop_after_leaving(self) -> None:
        """Who is still being left is waited for, whatever has been reloaded since."""
        self.configure(box(), meter())
        left: Deferred[None] = Deferred()
        self.patch(PowerBrainEvse, "stop", lambda _: left)
        self.configure(meter())
        self.configure(meter(unit=2))
        stopped = self.devices.stop()
        self.assertNoResult(stopped)
        left.callback(None)
        self.successResultOf(stopped)

    def test_forgotten(self) -> None:
        """Who has been left is not remembered, however often there is a reload."""
        for unit in range(1, 5):
            self.configure(box(), meter(unit=unit))
        self.assertEqual([], self.devices._leaving)

    def test_cannot_stop(self) -> None:
        """A driver that cannot be left is told of in the log, and keeps nobody waiting."""

        def raise_it(*_: object) -> None:
            raise ZeroDivisionError("a mistake in the driver")

        self.configure(box(), meter())
        patched = self.patch(PowerBrainEvse, "stop", raise_it)
        self.successResultOf(self.devices.stop())
        patched.restore()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_bad_driver_again(self) -> None:
        """With the next reload it is tried once more."""
        patched = self.patch(PowerBrainEvse, "__init__", None)
        self.configure(box(), meter())
        patched.restore()
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))
        self.configure(box(), meter())
        self.assertIn("box", self.devices.evses)

    def test_makers(self) -> None:
        """Each row of the registry is what it says."""
        for word in EVSE_MAKERS.built_in:
            maker = EVSE_MAKERS.of(word)
            self.assertTrue(verifyObject(IEvseMaker, maker))
            self.assertEqual(word, maker.type)
        for word in METER_MAKERS.built_in:
            self.assertEqual(word, METER_MAKERS.of(word).type)
        self.assertIsNone(EVSE_MAKERS.of("nobody"))


class OcppTests(Case):
    """What of tap.cfg reaches the driver of an EVSE with OCPP."""

    def schedules(self, **options: object) -> list[dict[str, Any]]:
        """What an EVSE with some options is told: by default, and in a transaction."""
        world = self.world
        peer = world.connect()
        peer.answers = {
            "SetChargingProfile": {"status": "Accepted"},
            "GetConfiguration": {},
            "GetCompositeSchedule": {"status": "Rejected"},
        }
        # Its clock is right, so that it can tell when a lease ends.
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        peer.ask("StatusNotification", {**status, "timestamp": "2026-03-01T12:00:00Z"})
        self.configure(ocpp(**options), meter())
        setpoint = Setpoint(10_000, Reason(ReasonCode.CIRCUIT, "phase L1 of garage"))
        self.successResultOf(self.devices.evses["bay"].apply(setpoint, 77, True))
        return [
            frame[3]["csChargingProfiles"]["chargingSchedule"]
            for frame in peer.requests("SetChargingProfile")
        ]

    def test_failsafe(self) -> None:
        """What an EVSE falls back to is its limit by default."""
        for given, expected in (({}, 0), ({"failsafe_current": 7.5}, 7.5)):
            self.setUp()
            by_default, _ = self.schedules(**given)
            (period,) = by_default["chargingSchedulePeriod"]
            self.assertEqual(expected, period["limit"])

    def test_lease(self) -> None:
        """A limit ends by itself when the lease does, if there is one."""
        for given, for_minutes in (({}, 10), ({"lease": 120}, 2)):
            self.setUp()
            _, limited = self.schedules(**given)
            start = datetime.fromisoformat(limited["startSchedule"])
            ends = (start - NOW).total_seconds() + limited["duration"]
            self.assertEqual(for_minutes * 60, ends)
        self.setUp()
        _, limited = self.schedules(lease=0)
        self.assertNotIn("duration", limited)
