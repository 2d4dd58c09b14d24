"""The gateways of a C{tap.cfg}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.settings import (
    ConnectorSettings,
    GatewayRole,
    GatewaySettings,
    Outage,
)
from cfos_cm.net.backend_target import BackendTarget, PasswordForm
from cfos_cm.services.config import parse_config
from cfos_cm.services.gateway_settings import backend_target, gateway_settings
from cfos_cm.services.local_entries import place_of

SITE = """\
[circuit c]
max_current = 63
[evse bay-1]
type = ocpp16
address = CP-1
connector = 2
max_current = 32
[evse bay-2]
type = cfos_power_brain
address = tcp:192.168.1.2:4701
phases = L1
[evse bay-3]
type = ocpp16
address = CP-3
"""


def settings(text: str) -> tuple[GatewaySettings, ...]:
    """The gateways of a site with three EVSEs."""
    return gateway_settings(parse_config(SITE + text, "/site/tap.cfg"))


def section(name: str, evse: str, more: str = "") -> str:
    """A gateway of one identity."""
    return (
        f"[gateway {name}]\nevse = {evse}\nurl = wss://Backend.test/ocpp?key=s3cret\n"
        f"client_id = DE*1\n{more}"
    )


class SettingsTests(SynchronousTestCase):
    """What the Charge Point's role is told."""

    def test_none(self) -> None:
        """A site need not have a gateway."""
        self.assertEqual(settings(""), ())

    def test_defaults(self) -> None:
        """One section is a gateway with one connector."""
        (one,) = settings(section("g", "bay-1"))
        self.assertEqual(
            one,
            GatewaySettings(
                key="wss://backend.test:443/ocpp/DE%2A1",
                name="g",
                url="wss://Backend.test/ocpp?key=s3cret",
                client_id="DE*1",
                connectors=(ConnectorSettings(1, "bay-1", "CP-1", 2, True, 32_000, 3),),
            ),
        )

    def test_tls(self) -> None:
        """Whether somebody vouches for the backend, and whether we can show who we are."""
        for more, expected in (
            ("", (False, False)),
            ("ca_certificates = system\n", (True, False)),
            ("ca_certificates = ca.pem\n", (True, False)),
            ("certificate = c.pem\nprivate_key = k.pem\n", (False, True)),
        ):
            (one,) = settings(section("g", "bay-1", more))
            self.assertEqual(expected, (one.has_authorities, one.has_certificate), more)

    def test_all(self) -> None:
        """Each option arrives."""
        more = (
            "role = report\noutage = strict\ntags = DE-*, 04A1\nqueue_limit = 5000\n"
            "allow = UpdateFirmware\nrefuse = Reset GetDiagnostics\npassword = s3cret\n"
        )
        (one,) = settings(section("g", "bay-1", more))
        self.assertIs(one.role, GatewayRole.REPORT)
        self.assertIs(one.outage, Outage.STRICT)
        self.assertEqual(one.tags, ("DE-*", "04A1"))
        self.assertEqual(one.queue_limit, 5000)
        self.assertEqual(one.allowed, {"UpdateFirmware"})
        self.assertEqual(one.refused, {"Reset", "GetDiagnostics"})
        self.assertEqual(one.password, "s3cret")
        self.assertNotIn("password", repr(one))

    def test_modbus(self) -> None:
        """An EVSE without OCPP has its own place in the ledger."""
        (one,) = settings(section("g", "bay-2"))
        (connector,) = one.connectors
        self.assertEqual(connector.charge_point, place_of("bay-2"))
        self.assertEqual((connector.connector, connector.phases), (1, 1))
        self.assertFalse(connector.speaks_ocpp)

    def test_several(self) -> None:
        """EVSEs of one identity are its connectors: as they say, else the lowest left."""
        (one,) = settings(
            section("a", "bay-1")
            + section("b", "bay-2", "connector = 1\n")
            + section("c", "bay-3")
        )
        self.assertEqual(one.name, "a+b+c")
        self.assertEqual(
            [(connector.number, connector.evse) for connector in one.connectors],
            [(1, "bay-2"), (2, "bay-1"), (3, "bay-3")],
        )

    def test_backends(self) -> None:
        """An EVSE at two backends is in two gateways, in the order of the file."""
        other = "[gateway a]\nevse = bay-1\nurl = ws://h/\nclient_id = x\nrole = report\n"
        found = settings(section("z", "bay-1") + other)
        self.assertEqual([one.name for one in found], ["z", "a"])
        self.assertEqual(len({one.key for one in found}), 2)


class TargetTests(SynchronousTestCase):
    """What the network is told."""

    def target(self, more: str) -> BackendTarget:
        """Of one gateway."""
        config = parse_config(SITE + section("g", "bay-1", more), "/site/tap.cfg")
        return backend_target(config, gateway_settings(config)[0])

    def test_defaults(self) -> None:
        """A URL and a client id are enough."""
        self.assertEqual(
            self.target(""),
            BackendTarget("wss://Backend.test/ocpp?key=s3cret", "DE*1", name="g"),
        )

    def test_all(self) -> None:
        """Each option arrives; files are sought beside tap.cfg."""
        target = self.target(
            "password = 00ff\npassword_form = hex\nca_certificates = a.pem, /b.pem\n"
            "certificate = c.pem\nprivate_key = k.pem\nproxy = socks5://u:s3cret@p:1\n"
        )
        self.assertEqual(target.password, "00ff")
        self.assertIs(target.password_form, PasswordForm.HEX)
        self.assertEqual(target.ca_certificates, ("/site/a.pem", "/b.pem"))
        self.assertEqual(target.certificate, "/site/c.pem")
        self.assertEqual(target.private_key, "/site/k.pem")
        self.assertEqual(target.proxy, "socks5://u:s3cret@p:1")
        for secret in ("00ff", "s3cret"):
            self.assertNotIn(secret, repr(target))

    def test_system(self) -> None:
        """The word for what this computer believes is no file."""
        target = self.target("ca_certificates = a.pem, system\n")
        self.assertEqual({"/site/a.pem", "system"}, set(target.ca_certificates))
