"""Virtual wallboxes and backends by TLS, with others that we did not write."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import websockets
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from cfos_cm.simulator.backend.service import BackendService
from cfos_cm.simulator.backend.settings import VirtualBackendSettings
from cfos_cm.simulator.charge_point_service import ChargePointService
from cfos_cm.simulator.power_brain.service import PowerBrainService
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings

from ..net.authority import Authority, Pair
from ..net.backends import eventually, server_context
from .central_system import settings
from .ocpp_server import OcppServer


class TlsCase(TestCase):
    """The base of tests with authorities."""

    timeout = 20

    def setUp(self) -> None:
        """Two authorities, and what was logged."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.ours = Authority(self.folder, "ours")
        self.theirs = Authority(self.folder, "theirs")
        self.pair = self.ours.pair("127.0.0.1")
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self._note)
        self.addCleanup(globalLogPublisher.removeObserver, self._note)

    def _note(self, event: Any) -> None:
        self.lines.append(formatEvent(event))

    async def until_logged(self, words: str) -> None:
        """Fires when that was logged."""
        await eventually(reactor, lambda: any(words in line for line in self.lines))


class WallboxTests(TlsCase):
    """A wallbox calls C{ocpp} on C{websockets}."""

    async def server(self, clients: str | None = None) -> OcppServer:
        """One that listens."""
        context = server_context(self.pair.certificate, self.pair.key, clients)
        server = OcppServer(reactor, context)
        await server.start()
        self.addCleanup(server.end)
        self.addCleanup(server.stop)
        return server

    def wallbox(self, server: OcppServer, **changed: Any) -> ChargePointService:
        """One that runs until the test ends."""
        given = settings(url=f"wss://127.0.0.1:{server.port}/", **changed)
        service = ChargePointService("bay-1", given, reactor, first_wait_s=0.05)
        service.startService()
        self.addCleanup(service.stopService)
        return service

    async def test_trust(self) -> None:
        """It boots where it believes the server, or anybody; else it is said why not."""
        server = await self.server()
        self.wallbox(server, ca_certificates=(self.theirs.file,))
        await self.until_logged("is not signed by any of ca_certificates")
        self.assertEqual([], server.requests)
        for count, believed in enumerate(((self.ours.file,), ()), 1):
            self.wallbox(server, ca_certificates=believed, identity=f"CP-{count}")
            await server.until(lambda count=count: len(server.of("BootNotification")) == count)

    async def test_own_certificate(self) -> None:
        """It shows its own where the server wants one."""
        server = await self.server(self.theirs.file)
        own = self.theirs.pair(common_name="CP-0001")
        self.wallbox(server, certificate=own.certificate, private_key=own.key)
        await server.until(lambda: bool(server.of("BootNotification")))

    async def test_files(self) -> None:
        """Files that cannot be used are said, and it tries again."""
        server = await self.server()
        self.wallbox(server, ca_certificates=("/nowhere.pem",))
        words = "ca_certificates: /nowhere.pem cannot be read"
        await eventually(reactor, lambda: sum(words in one for one in self.lines) > 1)

    async def test_no_tls(self) -> None:
        """A server without TLS is said to have none."""
        server = OcppServer(reactor)
        await server.start()
        self.addCleanup(server.end)
        self.addCleanup(server.stop)
        self.wallbox(server)
        await self.until_logged("does not seem to speak TLS")

    async def test_power_brain(self) -> None:
        """A Power Brain does the same."""
        server = await self.server()
        given = VirtualPowerBrainSettings(
            url=f"wss://127.0.0.1:{server.port}/",
            identity="PB-1",
            modbus_port=0,
            ca_certificates=(self.ours.file,),
        )
        service = PowerBrainService("pb", given, reactor, first_wait_s=0.05)
        service.startService()
        self.addCleanup(service.stopService)
        await server.until(lambda: bool(server.of("BootNotification")))


class BackendTests(TlsCase):
    """A backend is called by C{websockets}."""

    def backend(self, pair: Pair, **changed: Any) -> BackendService:
        """One that was started; C{given_up} says whether it could not be."""
        self.given_up: list[int] = []
        given = {"certificate": pair.certificate, "private_key": pair.key, **changed}
        book = str(self.folder / "book.jsonl")
        service = BackendService(
            "demo",
            VirtualBackendSettings(book=book, port=0, **given),
            reactor,
            lambda: self.given_up.append(1),
        )
        service.startService()
        self.addCleanup(service.stopService)
        return service

    async def test_served(self) -> None:
        """By TLS it serves, with its certificate; in plain it does not."""
        backend = self.backend(self.pair)
        await self.until_logged(f"a backend is at wss://127.0.0.1:{backend.port}/")
        context = ssl.create_default_context(cafile=self.ours.file)

        async def beat(scheme: str, tls: ssl.SSLContext | None) -> str:
            async with websockets.connect(
                f"{scheme}://127.0.0.1:{backend.port}/CP-1",
                subprotocols=["ocpp1.6"],  # type: ignore[list-item]
                ssl=tls,
            ) as connection:
                await connection.send('[2,"1","Heartbeat",{}]')
                return str(await connection.recv())

        answer = await deferToThread(lambda: asyncio.run(beat("wss", context)))
        self.assertIn('"currentTime"', answer)
        plain = deferToThread(lambda: asyncio.run(beat("ws", None)))
        await self.assertFailure(plain, websockets.InvalidMessage)

    async def test_not_believed(self) -> None:
        """Whoever does not believe it is told of in plain words, once each time."""
        backend = self.backend(self.pair)
        given = settings(
            url=f"wss://127.0.0.1:{backend.port}/", ca_certificates=(self.theirs.file,)
        )
        wallbox = ChargePointService("bay-1", given, reactor, first_wait_s=60.0)
        wallbox.startService()
        self.addCleanup(wallbox.stopService)
        words = "127.0.0.1: it does not know who has signed the server's certificate"
        await self.until_logged(f"demo: {words}")
        self.assertEqual([], [line for line in self.lines if "SSL" in line])

    async def test_bad_pair(self) -> None:
        """A pair that cannot be used is said, and whoever started it is told."""
        for changed, words in (
            ({"private_key": self.ours.pair().key}, "the private key is not that of"),
            ({"private_key": None}, "belong together"),
            ({"certificate": "/nowhere.pem"}, "certificate: /nowhere.pem cannot be read"),
        ):
            self.backend(self.pair, **changed)
            self.assertEqual([1], self.given_up)
            await self.until_logged(words)
        self.assertEqual(3, sum("demo cannot start" in line for line in self.lines))
