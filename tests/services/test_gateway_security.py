"""What backends give their gateways, on its way to the connection, and over a restart."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs

from cfos_cm.charge_point.environment import SecurityRecord
from cfos_cm.charge_point.gateway import Gateway
from cfos_cm.charge_point.given import Given, ServerDistrusted, ServerKeySeen
from cfos_cm.errors import LocalProtocolError
from cfos_cm.services.gateway_security import KeptSecurityLog
from cfos_cm.storage.security_events import SecurityEvents
from tests.issuer import Issuer
from tests.services.test_gateways import GatewaysCase, config, section, told
from tests.storage.cases import NOW, SqliteCase

_KEY = "ab" * 16
_AUTHORITIES = "ca_certificates = system\n"
_SEEN = ServerKeySeen("0f" * 32, "AA:BB", "CN=backend")


class SecurityTests(GatewaysCase):
    """One gateway with a password, whose backend is there."""

    async def begin_with_password(self) -> Any:
        """The program starts; its connection."""
        await self.begin(section("north", more="password = secret\n"))
        await self.serve("north")
        return self.client("north")

    def ask(self, action: str, **payload: object) -> None:
        """The backend asks."""
        self.client("north").backend.call(action, payload)

    async def reload(self, *more: str) -> None:
        """The gateway is wanted in another way: it is made anew."""
        await self.gateways.configure(config(section("north", more="\n".join((*more, "")))))

    async def test_key(self) -> None:
        """A key is for the next connection, which is made at once; also after a restart."""
        client = await self.begin_with_password()
        self.ask("ChangeConfiguration", key="AuthorizationKey", value=_KEY)
        self.assertEqual((_KEY,), client.given.keys)
        self.assertEqual(["the backend has given another password"], client.redials)
        await self.reload("password = secret", "refuse = Reset")
        self.assertIsNot(client, self.client("north"))
        self.assertEqual((_KEY,), self.client("north").given.keys)

    async def test_other_password(self) -> None:
        """Another password in the settings is the truth."""
        await self.begin_with_password()
        self.ask("ChangeConfiguration", key="AuthorizationKey", value=_KEY)
        with capturedLogs() as logs:
            await self.reload("password = another")
        self.assertEqual((), self.client("north").given.keys)
        self.assertIn("the password in the settings is another one", told(logs))

    async def test_noticed(self) -> None:
        """What the connection finds out of a backend is used for the next one."""
        client = await self.begin_with_password()
        client.listener.noticed(_SEEN)
        self.assertEqual(_SEEN.pin, client.given.pin)
        known = self.gateways.security("north").standing.server
        assert known is not None
        self.assertEqual("AA:BB", known.fingerprint)

    async def test_trust(self) -> None:
        """The operator believes the next key: it is called anew, and knows none."""
        client = await self.begin_with_password()
        client.listener.noticed(_SEEN)
        await self.gateways.trust("north")
        self.assertIsNone(client.given.pin)
        self.assertEqual(1, len(client.redials))
        with self.assertRaises(LocalProtocolError):
            await self.gateways.trust("south")
        with self.assertRaises(LocalProtocolError):
            self.gateways.security("south")

    async def test_trust_without_key(self) -> None:
        """Where authorities are named no key is looked at, and nothing is changed."""
        await self.begin(section("north", more=_AUTHORITIES).replace("ws://", "wss://"))
        with self.assertRaisesRegex(LocalProtocolError, "by ca_certificates, and not by its"):
            await self.gateways.trust("north")
        self.assertEqual([], self.client("north").redials)

    async def test_left(self) -> None:
        """Who is left hears nothing of what comes late, nor does who is in his place."""
        client = await self.begin_with_password()
        gateway = self.gateways.gateway("north")
        await self.reload("password = secret", "refuse = Reset")
        clients = [client, self.client("north")]
        self._too_late(gateway, *clients)
        await self.gateways.configure(config())
        self._too_late(gateway, *clients)

    def _too_late(self, gateway: Gateway, *clients: Any) -> None:
        gateway.security.noticed(_SEEN)
        self.successResultOf(gateway.security.trust_next())
        self.gateways.renewed(gateway, "too late")
        for client in clients:
            self.assertEqual(Given(), client.given)
            self.assertEqual([], client.redials)

    async def test_unusable(self) -> None:
        """What cannot be used is said, and all else goes on."""
        client = await self.begin_with_password()

        def refuse(_given: Given) -> None:
            raise LocalProtocolError("a key that cannot be sent")

        client.use = refuse
        with capturedLogs() as logs:
            self.ask("ChangeConfiguration", key="AuthorizationKey", value=_KEY)
        self.assertIn("cannot be used: a key that cannot be sent", told(logs))

    async def test_events(self) -> None:
        """They are in the database under the gateway's key; a start of the program is one."""
        client = await self.begin_with_password()
        client.listener.noticed(ServerDistrusted("signed by nobody"))
        await self.settle()
        key = self.gateways.gateway("north").settings.key
        found = await SecurityEvents(self.db).of(key)
        self.assertEqual(
            [
                ("StartupOfTheDevice", None),
                ("InvalidCentralSystemCertificate", "signed by nobody"),
            ],
            [(one.kind, one.tech_info) for one in found],
        )
        await self.reload("password = secret", "refuse = Reset")
        await self.settle()
        self.assertEqual(2, len(await SecurityEvents(self.db).of(key)))

    async def test_certificates(self) -> None:
        """What backends have given is known to who watches over its end."""
        await self.begin_with_password()
        root = Issuer("root")
        self.ask(
            "InstallCertificate",
            certificateType="CentralSystemRootCertificate",
            certificate=root.pem,
        )
        ((name, kept),) = self.gateways.certificates()
        self.assertEqual(
            ("north", "root of the backend", root.certificate),
            (name, kept.what, kept.certificate),
        )


class LogTests(SqliteCase):
    """Where the events of a gateway are kept."""

    async def test_long_key(self) -> None:
        """A gateway whose key is very long has its own as well, and no other's."""
        events = SecurityEvents(await self.opened())
        keys = ("k" * 255, "k" * 256, "k" * 5000)
        for key in keys:
            await KeptSecurityLog(events, key, lambda: NOW).add("MemoryExhaustion", key[:9])
        for key in keys:
            log = KeptSecurityLog(events, key, lambda: NOW)
            (record,) = await log.all()
            self.assertEqual(SecurityRecord("MemoryExhaustion", NOW, key[:9]), record)
