"""Certificates for Charge Points: real requests, signed by a real authority."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system import certificate_signing
from cfos_cm.central_system.certificate_signing import SIGNING_PAUSE_S
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.certificates.issuing import make_authority, make_request
from cfos_cm.certificates.keys import new_ec_key
from cfos_cm.certificates.names import alternative_names, common_names
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import pem_of, read_chain
from cfos_cm.certificates.subject import Subject
from cfos_cm.certificates.trust import verify_chain
from cfos_cm.services.local_signer import LocalSigner
from cfos_cm.site.security_profile import SecurityProfile

from .world import BOOT, NOW, SITE, Peer, World

KEY = new_ec_key()
AUTHORITY_KEY = new_ec_key()
AUTHORITY = Pair(
    (make_authority(Subject("Garage"), AUTHORITY_KEY, NOW - timedelta(days=1), 1000),),
    AUTHORITY_KEY,
)
LOCKED = evolve(SITE, password="common", call_timeout_s=5.0)


def request_for(name: str, *hosts: str) -> str:
    """What a Charge Point sends."""
    return pem_of(make_request(Subject(name), hosts, KEY))


class Signing(SynchronousTestCase):
    """SignCertificate."""

    settings: CentralSystemSettings = LOCKED
    profile = SecurityProfile.PASSWORD

    def setUp(self) -> None:
        """CP-1 is connected, and has shown its password, or what else it has."""
        self.signer = LocalSigner(lambda: NOW)
        self.signer.use(AUTHORITY)
        self.world = World(self.settings, signer=self.signer)
        self.peer = self.world.connect(profile=self.profile)

    def ask(self, csr: str, peer: Peer | None = None) -> str:
        """What is answered; a certificate follows it, if anything does."""
        peer = self.peer if peer is None else peer
        peer.received.clear()
        status: str = peer.ask("SignCertificate", {"csr": csr})["status"]
        self.assertEqual(3, peer.received[0][0])
        return status

    def came(self, peer: Peer | None = None) -> list[str]:
        """The certificate chains that come afterwards."""
        peer = self.peer if peer is None else peer
        self.world.clock.advance(0)
        return [frame[3]["certificateChain"] for frame in peer.requests("CertificateSigned")]

    def refusal(self, csr: str, peer: Peer | None = None) -> str:
        """Why none comes."""
        with capturedLogs() as events:
            self.assertEqual("Rejected", self.ask(csr, peer))
        self.assertEqual([], self.came(peer))
        return "".join(str(event.get("what")) for event in events)

    def test_signed(self) -> None:
        """It comes behind the answer, and is what was asked for: for a client, from us."""
        self.peer.answers["CertificateSigned"] = {"status": "Accepted"}
        with capturedLogs() as events:
            self.assertEqual("Accepted", self.ask(request_for("CP-1")))
            self.assertEqual([], self.peer.requests("CertificateSigned"))
            (chain,) = self.came()
        certificates = read_chain(chain.encode(), "chain")
        self.assertEqual(("CP-1",), common_names(certificates[0]))
        self.assertIsNone(verify_chain(certificates, (AUTHORITY.certificate,), NOW, "client"))
        self.assertEqual(KEY.public_key(), certificates[0].public_key())
        self.assertTrue(self.peer.session.charge_point.acquaintance.has_certificate)
        self.assertIn("has taken its new certificate", events[-1]["log_format"])

    def test_notTaken(self) -> None:
        """When it does not take it, the log says so."""
        self.peer.answers["CertificateSigned"] = {"status": "Rejected"}
        with capturedLogs() as events:
            self.ask(request_for("CP-1"))
            self.came()
        self.assertEqual("warn", events[-1]["log_level"].name)
        self.assertFalse(self.peer.session.charge_point.acquaintance.has_certificate)

    def test_notAnswered(self) -> None:
        """So it does when it says nothing to that."""
        self.ask(request_for("CP-1"))
        self.came()
        with capturedLogs() as events:
            self.world.clock.advance(5)
        self.assertIn("is not known", events[-1]["log_format"])

    def test_gone(self) -> None:
        """Who is gone before it comes gets none; who has dialled again gets it there."""
        self.ask(request_for("CP-1"))
        self.peer.lose()
        with capturedLogs() as events:
            self.assertEqual([], self.came())
        self.assertIn("was gone", events[-1]["log_format"])
        self.world.clock.advance(SIGNING_PAUSE_S)
        old = self.world.connect(profile=self.profile)
        self.ask(request_for("CP-1"), old)
        new = self.world.connect(profile=self.profile)
        self.assertEqual(1, len(self.came(new)))
        self.assertEqual([], self.came(old))

    def test_names(self) -> None:
        """Its identity, its serial number, and what the operator says are its names."""
        settings = evolve(
            self.settings,
            charge_points={
                "CP-1": evolve(SITE.charge_points["CP-1"], certificate_names=("maker",))
            },
        )
        self.world.system.configure(settings)
        self.peer.ask("BootNotification", {**BOOT, "chargePointSerialNumber": "SN-77"})
        for name in ("cp-1", "SN-77", "maker"):
            self.assertEqual("Accepted", self.ask(request_for(name)), name)
            self.world.clock.advance(SIGNING_PAUSE_S)

    def test_serialNumberOfBefore(self) -> None:
        """It may be one that it has told before it had to prove who it is."""
        self.world.system.configure(evolve(SITE, password=None))
        plain = self.world.connect()
        plain.ask("BootNotification", {**BOOT, "chargePointSerialNumber": "SN-77"})
        self.world.system.configure(self.settings)
        peer = self.world.connect(profile=self.profile)
        self.assertNotIn("SN-77", peer.session.charge_point.certificate_names)
        self.assertIn("'SN-78'", self.refusal(request_for("SN-78"), peer))
        self.assertNotIn("SN-77", peer.session.charge_point.certificate_names)
        self.assertEqual("Accepted", self.ask(request_for("SN-77"), peer))

    def test_othersNames(self) -> None:
        """No other name is signed for it, and the log says which are allowed."""
        for name in ("CP-2", "Garage", "CP-1 "):
            said = self.refusal(request_for(name))
            self.assertIn(f"in the name of '{name}'", said)
            self.assertIn("allowed are CP-1, and what certificate_name", said)

    def test_alternativeNames(self) -> None:
        """Alternative names that are not its own are not taken over."""
        self.ask(request_for("CP-1", "CP-2", "cp-1"))
        (chain,) = self.came()
        certificate = read_chain(chain.encode(), "chain")[0]
        self.assertEqual(("cp-1",), alternative_names(certificate))

    def test_alikeIdentities(self) -> None:
        """Nothing is signed that would open to one that differs in upper case alone."""
        alike = {name: evolve(SITE.charge_points["CP-1"]) for name in ("CP-1", "cp-1")}
        self.world.system.configure(evolve(self.settings, charge_points=alike))
        self.assertIn("in the name of 'cp-1'", self.refusal(request_for("cp-1")))
        said = self.refusal(request_for("CP-1", "cp-1"))
        self.assertIn("in the name of 'CP-1, cp-1'", said)

    def test_noName(self) -> None:
        """Without any name nothing is signed."""
        nameless = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([]))
            .sign(KEY, SHA256())
        )
        self.assertIn("in the name of nobody", self.refusal(pem_of(nameless)))

    def test_noRequest(self) -> None:
        """What is no request is no reason to stop."""
        for text in ("", "nonsense", pem_of(AUTHORITY.certificate)):
            self.world = World(self.settings, signer=self.signer)
            peer = self.world.connect(profile=self.profile)
            self.assertIn("request: ", self.refusal(text, peer))
            self.assertEqual("Accepted", self.ask(request_for("CP-1"), peer))

    def test_pace(self) -> None:
        """One a minute, whichever connection asks."""
        self.assertEqual("Accepted", self.ask(request_for("CP-1")))
        self.assertEqual(1, len(self.came()))
        self.peer.lose()
        again = self.world.connect(profile=self.profile)
        self.world.clock.advance(SIGNING_PAUSE_S - 1)
        self.assertIn("within 60 seconds", self.refusal(request_for("CP-1"), again))
        self.world.clock.advance(1)
        self.assertEqual("Accepted", self.ask(request_for("CP-1"), again))

    def test_tooLong(self) -> None:
        """A chain that no Charge Point takes is not sent."""
        self.patch(certificate_signing, "MAX_CHAIN_CHARS", 100)
        self.assertIn("at most 100", self.refusal(request_for("CP-1")))

    def test_noAuthority(self) -> None:
        """Without an authority nothing is signed."""
        self.signer.use(None)
        self.assertIn("no authority", self.refusal(request_for("CP-1")))
        self.world = World(self.settings)
        self.peer = self.world.connect(profile=self.profile)
        self.assertIn("no authority", self.refusal(request_for("CP-1")))

    def test_notConfigured(self) -> None:
        """A stranger gets none, though it knows the common password."""
        accepting = evolve(self.settings, charge_points={}, unknown=UnknownChargePoints.ACCEPT)
        self.world = World(accepting, signer=self.signer)
        peer = self.world.connect(profile=self.profile)
        self.assertIn("not configured", self.refusal(request_for("CP-1"), peer))


class NothingAsked(Signing):
    """Where no password is asked for, a certificate is the proof, and nothing else."""

    settings = evolve(LOCKED, password=None)
    profile = SecurityProfile.CERTIFICATE

    def test_unproven(self) -> None:
        """Who has proved nothing gets none, encrypted or not."""
        for profile in (SecurityProfile.NONE, SecurityProfile.TLS):
            self.world = World(self.settings, signer=self.signer)
            peer = self.world.connect(profile=profile)
            self.assertIn("has proved with neither", self.refusal(request_for("CP-1"), peer))
