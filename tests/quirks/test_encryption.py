"""Oddities of TLS, against servers that we did not write."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.portforward import ProxyFactory, ProxyServer
from twisted.trial.unittest import TestCase

from cfos_cm.certificates.pem import read_certificates
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Performance, Reaction, Verdict
from cfos_cm.simulator.personas.play import play
from cfos_cm.simulator.personas.stage import NobodyThere, Stage
from cfos_cm.simulator.personas.upgrade import Address
from tests.net.authority import Authority
from tests.net.backends import server_context
from tests.simulator.ocpp_server import OcppServer

ODD = "names no host in its TLS, and connects"


class UploadedCertificate(TestCase):
    """Q9."""

    timeout = 30

    def setUp(self) -> None:
        """Who signs, and a certificate for the address that is dialled."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        self.ours = Authority(folder, "ours")
        self.theirs = Authority(folder, "theirs")
        pair = self.ours.pair("127.0.0.1", "localhost")
        self.context = server_context(pair.certificate, pair.key)
        self.names: list[str | None] = []

    async def played(
        self, context: ssl.SSLContext | None = None, *believed: Authority, **more: Any
    ) -> Performance:
        """Its play against the library C{ocpp}."""
        server = OcppServer(reactor, context)
        await server.start()
        try:
            return await play(PERSONAS["Q9"], self.stage(server.port, *believed, **more))
        finally:
            await server.stop()
            server.end()

    def stage(
        self, port: int, *believed: Authority, is_secure: bool = True, host: str = "localhost"
    ) -> Stage:
        """One that is not patient."""
        authorities = [read_certificates(one.pem.encode(), "it")[0] for one in believed]
        return Stage(
            reactor=reactor,
            now=lambda: datetime.now(UTC),
            address=Address(host, port, is_secure=is_secure),
            material=ClientMaterial(tuple(authorities)),
            timeout_s=2.0,
        )

    def by_name(self, otherwise: ssl.SSLContext) -> ssl.SSLContext:
        """A server that takes note of the names it is called by; C{otherwise}: by none."""

        def choose(connection: Any, name: str | None, _: object) -> None:
            self.names.append(name)
            if name is not None:
                connection.context = self.context

        otherwise.sni_callback = choose
        return otherwise

    async def test_passed(self) -> None:
        """A host is named before its oddity, and not then; it is served all the same."""
        pair = self.ours.pair("localhost")
        server = self.by_name(server_context(pair.certificate, pair.key))
        performance = await self.played(server, self.ours)
        self.assertIs(Verdict.PASSED, performance.verdict, performance.transcript)
        self.assertEqual(["localhost", None, None, None], self.names)

    async def test_by_name(self) -> None:
        """A server that shows its certificate only to whoever asks by its name has failed."""
        pair = self.theirs.pair("localhost")
        server = self.by_name(server_context(pair.certificate, pair.key))
        performance = await self.played(server, self.ours)
        found = performance.findings[-1]
        self.assertIs(Verdict.FAILED, performance.verdict)
        self.assertEqual((ODD, Reaction.CLOSED), (found.what, found.reaction))
        self.assertIn("is not signed by any of ca_certificates", found.detail)

    async def test_not_shown(self) -> None:
        """Without TLS, or a certificate that was uploaded, there is nothing to show."""
        for performance in (
            await self.played(None, self.ours, is_secure=False),
            await self.played(self.context),
        ):
            self.assertIs(Verdict.NOT_SHOWN, performance.verdict)
            self.assertIn("--ca-certificates FILE", performance.not_shown)

    async def test_another_certificate(self) -> None:
        """Whoever is not believed is told of; that is no finding."""
        playing = self.played(self.context, self.theirs)
        with self.assertRaises(NobodyThere) as caught:
            await playing
        self.assertIn("is not signed by any of ca_certificates", str(caught.exception))

    async def test_without_a_word(self) -> None:
        """Whoever is not believed hears nothing after the first words, not even an alert."""
        server = OcppServer(reactor, self.context)
        await server.start()
        relay = Relay("127.0.0.1", server.port)
        listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(relay)
        stage = self.stage(listening.getHost().port, self.ours)
        performance = await play(PERSONAS["Q9"], stage)
        await listening.stopListening()
        await server.stop()
        server.end()
        self.assertIs(Verdict.PASSED, performance.verdict, performance.transcript)
        silent = [_records(said) == 1 for said in relay.said]
        self.assertEqual([False, False, True, False], silent)


class _Relayed(ProxyServer):
    """One connection, whose client is listened to."""

    factory: Relay

    def connectionMade(self) -> None:
        """Somebody calls."""
        self.said = bytearray()
        self.factory.said.append(self.said)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """The client says something."""
        self.said += data
        super().dataReceived(data)


class Relay(ProxyFactory):
    """
    Stands between clients and a server.

    @ivar said: what each of the clients has said.
    """

    protocol = _Relayed
    noisy = False

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.said: list[bytearray] = []


def _records(said: bytes) -> int:
    """How many records of TLS: a head of five bytes ends in a length (RFC 8446, 5.1)."""
    count = 0
    while said:
        said = said[5 + int.from_bytes(said[3:5], "big") :]
        count += 1
    return count
