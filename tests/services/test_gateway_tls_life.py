"""Gateways that are given passwords and certificates by a backend of another make, by TLS."""

from __future__ import annotations

import contextlib
import itertools
import json
import ssl
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import websockets
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent, globalLogPublisher

from cfos_cm.counters import Counters
from cfos_cm.services.config import Config, parse_config
from cfos_cm.services.gateways import Gateways, GatewayWorld
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.state import SiteState
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.security_events import SecurityEvents
from cfos_cm.storage.vault import Vaults
from tests.issuer import Issuer, Papers
from tests.net.backends import LoopThread, eventually
from tests.storage.cases import SqliteCase

_KEY = "00112233445566778899aabbccddeeff"
_CLIENT = "GW-1"
_BOOT = {"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": 300}


class Backend:
    """
    A backend made with C{websockets}.

    @ivar logins: of each connection the password (bytes), and the names of the certificate.
    @ivar told: what was told: actions and payloads.
    """

    def __init__(self, loop: LoopThread, folder: Path) -> None:
        self._loop = loop
        self._folder = folder
        self._server: Any = None
        self._connection: Any = None
        self._numbers = itertools.count(1)
        self._answers: dict[str, Any] = {}
        self.port = 0
        self.logins: list[tuple[bytes, str]] = []
        self.told: list[tuple[str, Any]] = []

    async def start(self, papers: Papers, clients: Issuer) -> None:
        """
        Listen, at the same port again.

        @param clients: who may have signed the certificates of those who call.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*papers.files(self._folder, "backend"))
        context.load_verify_locations(cadata=clients.pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        await self._loop.run(self._start(context))

    async def _start(self, context: ssl.SSLContext) -> None:
        self._server = await websockets.serve(
            self._serve, "127.0.0.1", self.port, ssl=context, subprotocols=["ocpp1.6"]
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more."""
        await self._loop.run(self._stop())

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def ask(self, action: str, **payload: Any) -> Any:
        """What the gateway answers; C{None}: a CALLERROR."""
        unique_id = f"b{next(self._numbers)}"
        text = json.dumps([2, unique_id, action, payload])
        await self._loop.run(self._connection.send(text))
        await eventually(reactor, lambda: unique_id in self._answers)
        return self._answers.pop(unique_id)

    async def _serve(self, connection: Any) -> None:
        shown = connection.transport.get_extra_info("peercert") or {}
        names = ",".join(pair[0][1] for pair in shown.get("subject", ()))
        word = connection.request.headers.get("Authorization", "Basic ").partition(" ")[2]
        self._connection = connection
        self.logins.append((b64decode(word).partition(b":")[2], names))
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in connection:
                await self._take(connection, json.loads(text))

    async def _take(self, connection: Any, frame: list[Any]) -> None:
        if frame[0] != 2:
            self._answers[frame[1]] = frame[2] if frame[0] == 3 else None
            return
        self.told.append((frame[2], frame[3]))
        answers: dict[str, Any] = {
            "BootNotification": _BOOT,
            "Heartbeat": {"currentTime": _BOOT["currentTime"]},
            "SignCertificate": {"status": "Accepted"},
        }
        await connection.send(json.dumps([3, frame[1], answers.get(frame[2], {})]))

    def last(self, action: str) -> Any:
        """What was told last with an action; C{None}: nothing was."""
        found = [payload for name, payload in self.told if name == action]
        return found[-1] if found else None


class LifeTests(SqliteCase):
    """One gateway, from its first log-in on."""

    timeout = 60

    async def setUp(self) -> None:
        """A backend, a database and a folder for what is secret."""
        super().setUp()
        self.loop = LoopThread(reactor)
        self.addCleanup(self.loop.end)
        self.issuer = Issuer("the authority of the backend")
        (self.folder / "ca.pem").write_text(self.issuer.pem)
        self.backend = Backend(self.loop, self.folder)
        await self.backend.start(self.issuer.issue("localhost", "127.0.0.1"), self.issuer)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.backend.stop()))
        self.db = await self.opened()
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._note)
        self.addCleanup(globalLogPublisher.removeObserver, self._note)

    def _note(self, event: Any) -> None:
        self.log.append(formatEvent(event) or "")

    def config(self, *more: str) -> Config:
        """A site with one gateway."""
        text = (
            "[circuit c]\nmax_current = 63\n[evse bay]\ntype = ocpp16\naddress = CP-1\n"
            f"[gateway bay]\nevse = bay\nurl = wss://127.0.0.1:{self.backend.port}/\n"
            f"client_id = {_CLIENT}\npassword = secret\n"
        )
        return parse_config(text + "\n".join((*more, "")), str(self.folder / "tap.cfg"))

    async def begin(self, *more: str) -> Gateways:
        """The program starts."""
        ids = itertools.count(1)
        state = SiteState(evses={"bay": Evse(EvseSettings("bay", "c"))})
        # Each start has its own, as it would have.
        prefix = f"{len(self.backend.logins)}-{len(self.log)}"

        def new_id() -> str:
            return f"{prefix}-{next(ids)}"

        def now() -> datetime:
            return datetime.now(UTC)

        gateways = Gateways(
            GatewayWorld(
                reactor=reactor,
                now=now,
                new_unique_id=new_id,
                random=lambda: 0.0,
                database=self.db,
                outboxes=Outboxes(self.db, new_id, now),
                report=lambda _event: None,
                state=lambda: state,
                counters=Counters(),
                judged=lambda _number, _verdict: Deferred(),
                vault=Vaults(reactor, str(self.folder)).of,
            )
        )
        devices: Any = object()
        gateways.attach(devices, lambda _identity, _why: None)
        self.addCleanup(lambda: Deferred.fromCoroutine(gateways.close()))
        await gateways.configure(self.config(*more))
        return gateways

    async def logged_in(self, count: int, gateways: Gateways) -> tuple[bytes, str]:
        """The log-in with that number, when it has been let in."""
        await eventually(
            reactor,
            lambda: (
                len(self.backend.logins) == count and gateways.standings()["bay"].is_serving
            ),
        )
        return self.backend.logins[-1]

    async def test_life(self) -> None:
        """A password, a certificate and a profile: each is used next, and after a restart."""
        gateways = await self.begin("ca_certificates = ca.pem")
        self.assertEqual((b"secret", ""), await self.logged_in(1, gateways))

        ask = self.backend.ask
        answer = await ask("ChangeConfiguration", key="AuthorizationKey", value=_KEY)
        self.assertEqual({"status": "Accepted"}, answer)
        key = bytes.fromhex(_KEY)
        self.assertEqual((key, ""), await self.logged_in(2, gateways))

        await ask("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
        await eventually(reactor, lambda: self.backend.last("SignCertificate"))
        chain = self.issuer.sign(self.backend.last("SignCertificate")["csr"])
        answer = await ask("CertificateSigned", certificateChain=chain)
        self.assertEqual({"status": "Accepted"}, answer)
        self.assertEqual((key, _CLIENT), await self.logged_in(3, gateways))

        answer = await ask("ChangeConfiguration", key="SecurityProfile", value="3")
        self.assertEqual({"status": "Accepted"}, answer)
        _, names = await self.logged_in(4, gateways)
        self.assertEqual(_CLIENT, names)
        await eventually(reactor, lambda: gateways.security("bay").standing.is_proven)
        answer = await ask("ChangeConfiguration", key="SecurityProfile", value="2")
        self.assertEqual({"status": "Rejected"}, answer)

        await gateways.close()
        again = await self.begin("ca_certificates = ca.pem")
        _, names = await self.logged_in(5, again)
        self.assertEqual(_CLIENT, names)
        self.assertEqual(3, again.security("bay").standing.profile)
        told = "\n".join(self.log)
        for secret in (_KEY, "secret", "PRIVATE KEY"):
            self.assertNotIn(secret, told)
        for path in (self.folder / "gateways").rglob("*"):
            self.assertEqual(0o700 if path.is_dir() else 0o600, path.stat().st_mode & 0o777)

    async def test_another_backend(self) -> None:
        """One that nobody vouches for is known by its key; a person lets another one in."""
        gateways = await self.begin()
        await self.logged_in(1, gateways)
        known = gateways.security("bay").standing.server
        assert known is not None
        self.assertIn("CN=localhost", known.subject)

        await self.backend.stop()
        await self.backend.start(self.issuer.issue("localhost", "127.0.0.1"), self.issuer)
        await eventually(
            reactor, lambda: "cfos-cm gateway trust bay" in gateways.standings()["bay"].state
        )
        self.assertEqual(1, len(self.backend.logins))
        key = gateways.gateway("bay").settings.key
        events = SecurityEvents(self.db)
        kinds = [one.kind for one in await events.of(key)]
        self.assertIn("InvalidCentralSystemCertificate", kinds)

        await gateways.trust("bay")
        await self.logged_in(2, gateways)
        another = gateways.security("bay").standing.server
        assert another is not None
        self.assertNotEqual(known.pin, another.pin)
