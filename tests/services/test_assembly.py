"""What a configuration means to each part of the program."""

from __future__ import annotations

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.services.assembly import (
    central_system_settings,
    moved_evses,
    renamed_evses,
    server_endpoint,
)
from cfos_cm.services.config import Config, parse_config

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

    def test_certificate_names(self) -> None:
        """The names in the certificate of a Charge Point are those of all its connectors."""
        found = self.settings(
            evse("left", certificate_name="maker 1"),
            evse("middle", connector=2),
            evse("right", connector=3, certificate_name="maker 2"),
            evse("again", connector=4, certificate_name="maker 1"),
            evse("other", address="CP-2"),
        )
        self.assertEqual(("maker 1", "maker 2"), found.charge_points["CP-1"].certificate_names)
        self.assertEqual((), found.charge_points["CP-2"].certificate_names)

    def test_tls(self) -> None:
        """Whether a Charge Point can come encrypted is the file's choice."""
        for word, can in (("off", False), ("detect", True), ("on", True)):
            self.assertIs(can, self.settings(server=f"tls = {word}").takes_tls)

    def test_password_of_one_connector(self) -> None:
        """A password of one connector is that of the whole Charge Point."""
        first = (evse("left", password="own"), evse("right", connector=2))
        second = (evse("left"), evse("right", connector=2, password="own"))
        for evses in (first, second):
            found = self.settings(*evses)
            self.assertEqual("own", found.charge_points["CP-1"].password)


class Renamed(SynchronousTestCase):
    """Which EVSEs are called otherwise after a reload."""

    def renamed(self, before: str, after: str) -> dict[str, str]:
        """What EVSEs are called, by what they were called."""
        return renamed_evses(config(before), config(after))

    def test_same_device(self) -> None:
        """The same device under another name is renamed."""
        self.assertEqual({"a": "b"}, self.renamed(evse("a"), evse("b", max_current=10)))
        self.assertEqual({"a": "b"}, self.renamed(power_brain("a"), power_brain("b")))

    def test_exchanged(self) -> None:
        """Two may have exchanged their names."""
        before = evse("a") + evse("b", connector=2)
        after = evse("b") + evse("a", connector=2)
        self.assertEqual({"a": "b", "b": "a"}, self.renamed(before, after))

    def test_others(self) -> None:
        """Another device, a new one and one that is gone are not."""
        for after in (evse("b", address="CP-2"), evse("a") + evse("b", connector=2)):
            self.assertEqual({}, self.renamed(evse("a"), after))
        self.assertEqual({}, self.renamed(evse("a") + evse("b", connector=2), evse("a")))
        self.assertEqual({}, self.renamed(evse("a"), evse("a", address="CP-2")))


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
