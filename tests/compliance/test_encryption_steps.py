"""A subject that encrypts or signs wrongly does not pass."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.bench import CaseFailed, Tls
from tests.compliance.encryption_steps import (
    IsEncrypted,
    RaisesProfile,
    RequestsCertificate,
    weaknesses,
)
from tests.compliance.gateway.backend import Backend, Handshake
from tests.compliance.gateway.encryption_steps import (
    Counts,
    DialledEncrypted,
    IsShunned,
)
from tests.compliance.gateway.memory import GatewayMemoryBench
from tests.compliance.line import Encryption
from tests.compliance.patterns import Memory
from tests.compliance.scripted import Reaction, ScriptedBench, ScriptedLine, answers
from tests.compliance.stage import Stage
from tests.compliance.steps import Dials, Step
from tests.compliance.test_player import PlayerCase
from tests.issuer import Issuer, Papers, request_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWNER = Issuer("Owner")
STRANGER = Issuer("Stranger")
LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)
SUITE = "ECDHE-ECDSA-AES128-GCM-SHA256"


def encrypted_by(papers: Papers) -> Encryption:
    """A connection whose other end has shown that."""
    shown = papers.certificate.public_bytes(Encoding.DER)
    return Encryption("TLSv1.2", SUITE, None, shown, "localhost")


GOOD = encrypted_by(OWNER.issue("GW-1"))


def signs(issuer: Issuer, request: str = "", **options: Any) -> Reaction:
    """Take every request for a certificate, and send one; C{request}: one for another."""

    def react(line: ScriptedLine, frame: list[Any]) -> None:
        line.came(json.dumps([3, frame[1], {"status": "Accepted"}]))
        chain = issuer.sign(request or frame[3]["csr"], **options)
        line.came(json.dumps([2, "ours", "CertificateSigned", {"certificateChain": chain}]))

    return react


class Subject(PlayerCase):
    """A Central System."""

    def encrypted(self, encryption: Encryption | None) -> ScriptedBench:
        """One whose connections are encrypted so."""
        bench = ScriptedBench()
        bench.encryption = encryption
        return bench

    def test_encryption(self) -> None:
        """It has to be new, strong and not compressed, and of the suite that is meant."""
        self.play(self.encrypted(GOOD), IsEncrypted(), IsEncrypted(SUITE))
        self.assertIn("not encrypted", self.fails(self.encrypted(None), IsEncrypted()))
        for wrong in (
            evolve(GOOD, version="TLSv1.1"),
            evolve(GOOD, compression="zlib"),
            encrypted_by(OWNER.issue("server", bits=1024)),
        ):
            self.fails(self.encrypted(wrong), IsEncrypted())
        self.fails(self.encrypted(GOOD), IsEncrypted("AES128-GCM-SHA256"))

    def test_noTls(self) -> None:
        """Who must get none gets none, and who must gets one."""
        self.play(self.encrypted(None), Dials(tls=Tls(), no_tls=True))
        self.assertIn("could not encrypt", self.fails(self.encrypted(None), Dials(tls=Tls())))
        let_in = self.fails(self.encrypted(GOOD), Dials(tls=Tls(), no_tls=True))
        self.assertIn("was let in", let_in)

    def test_certificate(self) -> None:
        """What is signed has to be for the key, and by the authority, and of today."""
        asks = RequestsCertificate(OWNER.pem)
        self.play(ScriptedBench(signs(OWNER)), asks)
        other = self.fails(ScriptedBench(signs(OWNER, request_of("CP-1")[0])), asks)
        self.assertIn("another key", other)
        for reaction in (signs(STRANGER), signs(OWNER, ends=LONG_AGO)):
            self.assertIn("not valid", self.fails(ScriptedBench(reaction), asks))
        refused = ScriptedBench(answers({"status": "Rejected"}))
        self.assertIn("SignCertificate", self.fails(refused, asks))

    def test_profile(self) -> None:
        """The profile that is meant has to be sent."""
        bench = ScriptedBench()
        bench.tells = {"status": "Accepted"}
        self.play(bench, RaisesProfile(2))
        bench = ScriptedBench()
        bench.asks = ("ChangeConfiguration", {"key": "SecurityProfile", "value": "1"})
        self.assertIn("has not come", self.fails(bench, RaisesProfile(2)))

    def test_weaknesses(self) -> None:
        """Keys that are too short are found; X.509 without a word of its use is none."""
        self.assertIsNone(weaknesses(OWNER.certificate))
        self.assertIsNone(weaknesses(OWNER.issue("server", bits=2048).certificate))
        self.assertIn("1024", weaknesses(OWNER.issue("server", bits=1024).certificate) or "")


class Gateway(SynchronousTestCase):
    """What a gateway shows to its backend."""

    def setUp(self) -> None:
        """It has called once."""
        bench = GatewayMemoryBench()
        self.backend = bench.backend = Backend(lambda: NOW)
        self.stage = Stage(bench, Memory(NOW))

    def play(self, step: Step) -> str | None:
        """Why the step is not passed; C{None}: it is."""
        playing: Deferred[Any] = Deferred.fromCoroutine(step.does(self.stage))
        playing.addErrback(lambda failure: str(failure.trap(CaseFailed) and failure.value))
        found: str | None = self.successResultOf(playing)
        return found

    def test_dialled(self) -> None:
        """It has to encrypt, to ask for the right host, and to show the right certificate."""
        shows = DialledEncrypted(server_name="localhost", shows="GW-1")
        for found, is_right in (
            (GOOD, True),
            (None, False),
            (evolve(GOOD, version="TLSv1"), False),
            (evolve(GOOD, server_name=None), False),
            (evolve(GOOD, shown=None), False),
            (encrypted_by(OWNER.issue("GW-2")), False),
            (encrypted_by(OWNER.issue("GW-1", bits=1024)), False),
        ):
            self.backend.requests = [Handshake("/GW-1", None, found)]
            self.assertEqual(is_right, self.play(shows) is None, found)
        self.backend.requests = [Handshake("/GW-1", None, GOOD)]
        self.assertIn("shows a certificate", self.play(DialledEncrypted()) or "")
        self.assertIn("suite", self.play(DialledEncrypted("AES128-SHA", shows="GW-1")) or "")

    def test_new(self) -> None:
        """The certificate has to be the one that was asked for."""
        request, key = request_of("GW-1")
        self.stage.memory.kept["csr"] = request
        shows = DialledEncrypted(shows="GW-1", is_new=True)
        self.backend.requests = [Handshake("/GW-1", None, GOOD)]
        self.assertIn("another certificate", self.play(shows) or "")
        found = encrypted_by(Papers(OWNER.sign(request), key))
        self.backend.requests = [Handshake("/GW-1", None, found)]
        self.assertIsNone(self.play(shows))

    def test_shunned(self) -> None:
        """It has to have tried, and to have said nothing."""
        self.play(Counts("before"))
        self.assertIn("not tried", self.play(IsShunned("before")) or "")
        self.backend.broken_off.append("unknown ca")
        self.assertIsNone(self.play(IsShunned("before")))
        self.backend.requests.append(Handshake("/GW-1"))
        self.assertIn("has said", self.play(IsShunned("before")) or "")
