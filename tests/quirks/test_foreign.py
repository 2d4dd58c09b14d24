"""Personas against a Central System that we did not write."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from cfos_cm.net.client_material import read_material
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Performance, Reaction, Verdict
from cfos_cm.simulator.personas.play import play
from cfos_cm.simulator.personas.stage import NobodyThere, Stage
from cfos_cm.simulator.personas.upgrade import Address
from tests.net.authority import Authority
from tests.net.backends import server_context
from tests.simulator.ocpp_server import OcppServer


@frozen
class _Files:
    """Whom to believe, and nothing to show."""

    ca_certificates: tuple[str, ...]
    certificate: None = None
    private_key: None = None


class Foreign(TestCase):
    """The suite tells what it finds, whoever it plays against."""

    timeout = 30

    async def performed(self, number: str) -> Performance:
        """A persona's play against the library C{ocpp}."""
        server = OcppServer(reactor)
        await server.start()
        try:
            return await play(PERSONAS[number], self.stage(server.port))
        finally:
            await server.stop()
            server.end()

    def stage(self, port: int, **more: Any) -> Stage:
        """A stage that is not patient."""
        return Stage(
            **more,
            reactor=reactor,
            now=lambda: datetime.now(UTC),
            address=Address("127.0.0.1", port),
            timeout_s=1.0,
            patience_s=0.1,
        )

    async def test_passes(self) -> None:
        """What the library does right has passed."""
        for number in ("Q24", "Q25"):
            performance = await self.performed(number)
            self.assertIs(Verdict.PASSED, performance.verdict, performance.transcript)

    async def test_refuses(self) -> None:
        """What it refuses by its schemas has failed, with its code."""
        performance = await self.performed("Q15")
        self.assertIs(Verdict.FAILED, performance.verdict)
        finding = performance.findings[-1]
        self.assertEqual((Reaction.REFUSED, False), (finding.reaction, finding.good))
        self.assertTrue(finding.detail, performance.transcript)

    async def test_not_shown(self) -> None:
        """What it never asks cannot be shown."""
        performance = await self.performed("Q11")
        self.assertIs(Verdict.NOT_SHOWN, performance.verdict)
        self.assertIn("no SetChargingProfile came within", performance.not_shown)

    async def test_asked_once(self) -> None:
        """Who sets one limit and no more is not said to have hung over an odd answer."""
        server = OcppServer(reactor)
        await server.start()

        def boots() -> int:
            return sum(action == "BootNotification" for action, _ in server.requests)

        async def limit_at_each_boot() -> None:
            for times in (1, 2):
                await server.until(lambda times=times: boots() == times)
                # The library waits for an answer with its own id.
                server.limit(6.0).addErrback(lambda _: None)

        limiting = Deferred.fromCoroutine(limit_at_each_boot())
        performance = await play(PERSONAS["Q11"], self.stage(server.port))
        limiting.cancel()
        await limiting.addErrback(lambda _: None)
        await server.stop()
        server.end()
        self.assertIs(Verdict.NOT_SHOWN, performance.verdict, performance.transcript)
        self.assertIn("only one SetChargingProfile comes", performance.not_shown)

    async def test_breaks_down(self) -> None:
        """A Central System that is gone when the wallbox comes back has failed."""
        server = OcppServer(reactor)
        await server.start()
        self.addCleanup(server.end)

        async def pull_the_plug(_: str) -> None:
            await server.stop()

        stage = self.stage(server.port, audience=pull_the_plug)
        performance = await play(PERSONAS["Q7"], stage)
        finding = performance.findings[-1]
        self.assertIs(Verdict.FAILED, performance.verdict)
        self.assertEqual(("connects again", Reaction.CLOSED), (finding.what, finding.reaction))

    async def test_tls(self) -> None:
        """It can be played by TLS; what is wrong with that is no finding."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
        pair = ours.pair("127.0.0.1")
        server = OcppServer(reactor, server_context(pair.certificate, pair.key))
        await server.start()
        address = Address("127.0.0.1", server.port, is_secure=True)
        for believed, words in (((ours.file,), ""), ((), ""), ((theirs.file,), "not signed")):
            command = _Files(believed)
            stage = evolve(self.stage(0), address=address, material=read_material(command))
            playing = Deferred.fromCoroutine(play(PERSONAS["Q24"], stage))
            if words:
                error = await self.assertFailure(playing, NobodyThere)
                self.assertIn(words, str(error))
            else:
                performance = await playing
                self.assertIs(Verdict.PASSED, performance.verdict, performance.transcript)
        await server.stop()
        server.end()

    async def test_no_tls(self) -> None:
        """A server that has none, and one that never speaks, are told of in plain words."""
        server = OcppServer(reactor)
        await server.start()
        silent = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            Factory.forProtocol(Protocol)
        )
        for port, words in (
            (server.port, "does not seem to speak TLS"),
            (silent.getHost().port, "does not answer by TLS"),
        ):
            address = Address("127.0.0.1", port, is_secure=True)
            stage = evolve(self.stage(0), address=address)
            playing = Deferred.fromCoroutine(play(PERSONAS["Q24"], stage))
            error = await self.assertFailure(playing, NobodyThere)
            self.assertIn(words, str(error))
        await silent.stopListening()
        await server.stop()
        server.end()

    async def test_nobody(self) -> None:
        """Where nobody listens there is nothing to say of anybody."""
        playing = Deferred.fromCoroutine(play(PERSONAS["Q1"], self.stage(1)))
        error = await self.assertFailure(playing, NobodyThere)
        self.assertIn("nothing answers at ws://127.0.0.1:1/", str(error))


class Speaker(Protocol):
    """Somebody who says something at once, and then hangs up or not."""

    factory: Talk

    def connectionMade(self) -> None:
        """Say it."""
        self.transport.write(self.factory.words)
        if self.factory.hangs_up:
            self.transport.loseConnection()


class Talk(Factory):
    """What a L{Speaker} does."""

    protocol = Speaker
    noisy = False

    def __init__(self, words: bytes, hangs_up: bool) -> None:
        self.words = words
        self.hangs_up = hangs_up


class NoCentralSystem(TestCase):
    """Who listens there need not be one."""

    timeout = 30

    async def test_reactions(self) -> None:
        """Silence, a goodbye and nonsense are told apart; none of it stops the play."""
        switches = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
        endless = b"\x81\x7f" + (1 << 40).to_bytes(8, "big")
        for words, hangs_up, what, reaction in (
            (b"", False, "connects", Reaction.HUNG),
            (b"", True, "connects", Reaction.CLOSED),
            (b"SSH-2.0-OpenSSH\r\n\r\n", False, "connects", Reaction.CLOSED),
            (b"HTTP/1.1 500 Oh\r\n\r\n", True, "connects", Reaction.REFUSED),
            (switches, False, "boots", Reaction.HUNG),
            (switches + endless, False, "boots", Reaction.CLOSED),
            (switches + b"\x81\x05[[[[[\x81\x02{}\x81\x01\xff", False, "boots", Reaction.HUNG),
        ):
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
            listening = await endpoint.listen(Talk(words, hangs_up))
            stage = Stage(
                reactor=reactor,
                now=lambda: datetime.now(UTC),
                address=Address("127.0.0.1", listening.getHost().port),
                timeout_s=0.2,
            )
            performance = await play(PERSONAS["Q24"], stage)
            await listening.stopListening()
            finding = performance.findings[-1]
            self.assertEqual((what, reaction), (finding.what, finding.reaction), words)
            self.assertIs(Verdict.FAILED, performance.verdict)
