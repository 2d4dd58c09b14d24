"""What a configuration means to each part of the program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.services.assembly import (
    central_system_settings,
    devices,
    moved_evses,
    server_endpoint,
)
from cfos_cm.services.config import Config, parse_config
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.central_system.world import NOW, World

GARAGE = "[circuit garage]\nmax_current = 20\n"


def evse(name: str, **options: object) -> str:
    """The section of an EVSE; one of C{ocpp16}, unless the options say something else."""
    given = {"type": "ocpp16", "address": "CP-1", **options}
    lines = (f"{option} = {value}\n" for option, value in given.items())
    return f"[evse {name}]\n{''.join(lines)}"


def power_brain(name: str, **options: object) -> str:
    """The section of an EVSE that speaks Modbus."""
    given = {"type": "cfos_power_brain", "address": "tcp:192.0.2.5:4701", **options}
    return evse(name, **given)


def config(*evses: str, server: str = "") -> Config:
    """A configuration with some EVSEs."""
    return parse_config(f"[ocpp server]\n{server}\n{GARAGE}{''.join(evses)}", "tap.cfg")


class Settings(SynchronousTestCase):
    """What the Central System is told."""

    def settings(self, *evses: str, server: str = "") -> CentralSystemSettings:
        """The Central System's settings for a configuration."""
        return central_system_settings(config(*evses, server=server))

    def test_connectors(self) -> None:
        """EVSEs with one address are the connectors of one Charge Point."""
        found = self.settings(
            evse("left", max_current=10),
            evse("right", connector=2),
            evse("own", address="CP-2"),
        )
        self.assertEqual(["CP-1", "CP-2"], list(found.charge_points))
        connectors = found.charge_points["CP-1"].evses
        self.assertEqual(
            {1: "left", 2: "right"}, {n: one.name for n, one in connectors.items()}
        )
        self.assertEqual(10_000, connectors[1].max_current_ma)

    def test_other_types(self) -> None:
        """An EVSE that does not speak OCPP is no Charge Point."""
        found = self.settings(power_brain("modbus"), evse("bay"))
        self.assertEqual(["CP-1"], list(found.charge_points))

    def test_unknown(self) -> None:
        """What happens to Charge Points that are not configured is the file's choice."""
        for word in UnknownChargePoints:
            found = self.settings(server=f"unknown_charge_points = {word.value}")
            self.assertIs(word, found.unknown)
        self.assertIs(UnknownChargePoints.ASK, self.settings().unknown)

    def test_passwords(self) -> None:
        """The common password and a Charge Point's own are kept apart."""
        found = self.settings(
            evse("bay", password="own-password"),
            evse("other", address="CP-2"),
            server="password = common-password",
        )
        self.assertEqual("common-password", found.password)
        self.assertEqual("own-password", found.charge_points["CP-1"].password)
        self.assertIsNone(found.charge_points["CP-2"].password)
        self.assertNotIn("password'", repr(found))

    def test_password_of_one_connector(self) -> None:
        """A password of one connector is that of the whole Charge Point."""
        first = (evse("left", password="own"), evse("right", connector=2))
        second = (evse("left"), evse("right", connector=2, password="own"))
        for evses in (first, second):
            found = self.settings(*evses)
            self.assertEqual("own", found.charge_points["CP-1"].password)


class Devices(SynchronousTestCase):
    """Who carries setpoints out."""

    def test_drivers(self) -> None:
        """Each EVSE that speaks OCPP has a driver with its name; others have none."""
        parsed = config(evse("bay"), power_brain("modbus"), evse("other", address="CP-2"))
        world = World()
        found = devices(parsed, world.system, world.system.roster.environment.now)
        self.assertEqual(["bay", "other"], list(found))
        for name, device in found.items():
            verifyObject(IEvse, device)
            self.assertEqual(name, device.name)

    def schedules(self, **options: object) -> list[dict[str, Any]]:
        """What an EVSE with some options is told: by default, and in a transaction."""
        world = World()
        peer = world.connect()
        peer.answers = {
            "SetChargingProfile": {"status": "Accepted"},
            "GetConfiguration": {},
            "GetCompositeSchedule": {"status": "Rejected"},
        }
        # Its clock is right, so that it can tell when a lease ends.
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        peer.ask("StatusNotification", {**status, "timestamp": "2026-03-01T12:00:00Z"})
        now = world.system.roster.environment.now
        found = devices(config(evse("bay", **options)), world.system, now)
        setpoint = Setpoint(10_000, Reason(ReasonCode.CIRCUIT, "phase L1 of garage"))
        self.successResultOf(found["bay"].apply(setpoint, 77, True))
        return [
            frame[3]["csChargingProfiles"]["chargingSchedule"]
            for frame in peer.requests("SetChargingProfile")
        ]

    def test_failsafe(self) -> None:
        """What an EVSE falls back to is its limit by default."""
        for given, expected in (({}, 0), ({"failsafe_current": 7.5}, 7.5)):
            by_default, _ = self.schedules(**given)
            (period,) = by_default["chargingSchedulePeriod"]
            self.assertEqual(expected, period["limit"])

    def test_lease(self) -> None:
        """A limit ends by itself when the lease does, if there is one."""
        for given, for_minutes in (({}, 10), ({"lease": 120}, 2)):
            _, limited = self.schedules(**given)
            start = datetime.fromisoformat(limited["startSchedule"])
            ends = (start - NOW).total_seconds() + limited["duration"]
            self.assertEqual(for_minutes * 60, ends)
        _, limited = self.schedules(lease=0)
        self.assertNotIn("duration", limited)


class Moved(SynchronousTestCase):
    """Which EVSEs are other devices after a reload."""

    def moved(self, before: str, after: str) -> frozenset[str]:
        """The EVSEs that moved from one configuration to another."""
        return moved_evses(config(before), config(after))

    def test_same(self) -> None:
        """Neither the same nor other limits make an EVSE another device."""
        self.assertEqual(frozenset(), self.moved(evse("a"), evse("a")))
        self.assertEqual(frozenset(), self.moved(evse("a"), evse("a", max_current=10)))

    def test_moved(self) -> None:
        """Another address, connector, unit or type does."""
        for before, after in (
            (evse("a"), evse("a", address="CP-2")),
            (evse("a"), evse("a", connector=2)),
            (power_brain("a"), power_brain("a", unit=2)),
            (power_brain("a"), power_brain("a", address="tcp:192.0.2.6:4701")),
            (evse("a"), power_brain("a")),
        ):
            with self.subTest(before=before, after=after):
                self.assertEqual(frozenset("a"), self.moved(before, after))

    def test_meaningless_number(self) -> None:
        """A number that means nothing to its type does not."""
        self.assertEqual(frozenset(), self.moved(evse("a"), evse("a", unit=2)))
        self.assertEqual(
            frozenset(), self.moved(power_brain("a"), power_brain("a", connector=2))
        )

    def test_added_and_removed(self) -> None:
        """One that is new, or gone, has not moved."""
        self.assertEqual(frozenset(), self.moved(evse("a"), evse("b")))

    def test_swapped(self) -> None:
        """Two that change places have both moved."""
        before = evse("a") + evse("b", address="CP-2")
        after = evse("a", address="CP-2") + evse("b")
        self.assertEqual(frozenset("ab"), self.moved(before, after))


class Endpoint(SynchronousTestCase):
    """Where Charge Points connect to."""

    def listens(self, server: str) -> tuple[int, int, str]:
        """The port, backlog and interface that Twisted makes of the description."""
        reactor = MemoryReactor()
        endpoint = serverFromString(reactor, server_endpoint(config(server=server)))
        self.successResultOf(endpoint.listen(Factory()))
        ((port, _, backlog, interface),) = reactor.tcpServers
        return port, backlog, interface

    def test_everywhere(self) -> None:
        """Without an interface it is every one of IPv4."""
        self.assertEqual((19520, 1024, ""), self.listens(""))

    def test_ipv4(self) -> None:
        """An address of IPv4 is listened at."""
        self.assertEqual(
            (9000, 1024, "127.0.0.1"), self.listens("port = 9000\ninterface = 127.0.0.1")
        )

    def test_ipv6(self) -> None:
        """So are addresses of IPv6, whose colons mean something else to Twisted."""
        for interface in ("::", "::1", "2001:db8::1:2"):
            with self.subTest(interface=interface):
                listening = self.listens(f"interface = {interface}")
                self.assertEqual((19520, 1024, interface), listening)
