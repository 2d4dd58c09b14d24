"""Certificates that a backend installs, deletes, asks about and gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cfos_cm.charge_point.environment import VaultName
from cfos_cm.charge_point.given import LoggedIn, ServerKeySeen
from cfos_cm.charge_point.keys import MAX_ROOTS
from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.errors import DeviceRefusal
from cfos_cm.site.security_profile import SecurityProfile
from tests.charge_point.backend_world import NOON, World, connector, settings
from tests.charge_point.test_commands_operation import Case
from tests.issuer import Issuer, new_papers, ocsp_hashes, request_of

_CENTRAL_SYSTEM = "CentralSystemRootCertificate"
_MAKER = "ManufacturerRootCertificate"
_CLIENT = "CP 1"
_DAY = timedelta(days=1)


def hashes(root: Issuer) -> dict[str, str]:
    """How a root is named."""
    return ocsp_hashes(root.certificate, root.certificate)


class CertificateCase(Case):
    """A gateway that its backend has let in."""

    def install(self, world: World, pem: str, kind: str = _CENTRAL_SYSTEM) -> str:
        """What InstallCertificate is answered with."""
        request = {"certificateType": kind, "certificate": pem}
        found: str = world.ask("InstallCertificate", request)["status"]
        return found

    def ids(self, world: World, kind: str = _CENTRAL_SYSTEM) -> Any:
        """What is installed."""
        return world.ask("GetInstalledCertificateIds", {"certificateType": kind})

    def delete(self, world: World, named: dict[str, str]) -> str:
        """What DeleteCertificate is answered with."""
        found: str = world.ask("DeleteCertificate", {"certificateHashData": named})["status"]
        return found

    def events(self, world: World) -> list[str]:
        """The security events that the backend is told of, and that are kept."""
        for _ in range(5):
            world.clock.advance(0)
        told = [payload["type"] for payload in world.told("SecurityEventNotification")]
        self.assertEqual(told, [kind for kind, _ in world.security_log.noted][-len(told) :])
        return told

    def again(self, world: World) -> World:
        """After a restart of the program."""
        found = world.restarted().serve()
        self.addCleanup(found.gateway.close)
        return found


class Roots(CertificateCase):
    """TC_075_2, TC_076, TC_078."""

    def test_life(self) -> None:
        """One that is installed is listed, believed, kept, and can be deleted."""
        world, root = self.world(has_authorities=True), Issuer("root")
        self.assertEqual("Accepted", self.install(world, root.pem))
        self.assertEqual([root.pem], [one.strip() + "\n" for one in world.given[-1].roots])
        expected = {"status": "Accepted", "certificateHashData": [hashes(root)]}
        self.assertEqual(expected, self.ids(world))
        self.assertEqual({"status": "NotFound"}, self.ids(world, _MAKER))
        world = self.again(world)
        self.assertEqual(expected, self.ids(world))
        self.assertEqual("Accepted", self.delete(world, hashes(root)))
        self.assertEqual((), world.given[-1].roots)
        self.assertEqual({"status": "NotFound"}, self.ids(world))
        self.assertEqual({"status": "NotFound"}, self.ids(self.again(world)))

    def test_notFound(self) -> None:
        """One that is not there cannot be deleted; in hashes case and zeros do not count."""
        world, root = self.world(), Issuer("root")
        self.assertEqual("NotFound", self.delete(world, hashes(root)))
        self.install(world, root.pem)
        self.assertEqual("NotFound", self.delete(world, hashes(Issuer("root"))))
        world.gateway.noticed(ServerKeySeen("0f" * 32, "AA:BB", "CN=backend"))
        named = {name: value.upper() for name, value in hashes(root).items()}
        named["serialNumber"] = named["serialNumber"].rjust(40, "0")
        self.assertEqual("Accepted", self.delete(world, named))

    def test_refused(self) -> None:
        """What is no root is rejected, and the security event is told behind the answer."""
        past = {"begins": datetime(2020, 1, 1, tzinfo=UTC), "ends": NOON - _DAY}
        future = {"begins": NOON + _DAY, "ends": NOON + 2 * _DAY}
        root = Issuer("root")
        bad = {
            "no certificate": "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n",
            "no text": "x",
            "empty": "",
            "two": Issuer("a").pem + Issuer("b").pem,
            "expired": Issuer("a", **past).pem,  # type: ignore[arg-type]
            "not yet valid": Issuer("a", **future).pem,  # type: ignore[arg-type]
            "no authority": Issuer("a", is_authority=False).pem,
            "weak": Issuer("a", bits=1024).pem,
            "a private key": root.pem + root.papers.key,
        }
        for why, pem in bad.items():
            world = self.world()
            self.assertEqual("Rejected", self.install(world, pem), why)
            self.assertTrue(world.answer_came_first)
            self.assertEqual(["InvalidCentralSystemCertificate"], self.events(world), why)
            self.assertEqual({"status": "NotFound"}, self.ids(world), why)
            self.assertNotIn(VaultName.ROOTS, world.vault.kept)
            self.assertEqual([], world.given)

    def test_makersRoot(self) -> None:
        """One of the maker is kept, vouches for no backend, and its refusal is no event."""
        world, root = self.world(), Issuer("root")
        self.assertEqual("Accepted", self.install(world, root.pem, _MAKER))
        self.assertEqual((), world.gateway.security.given.roots)
        self.assertEqual([hashes(root)], self.ids(world, _MAKER)["certificateHashData"])
        self.assertEqual("Rejected", self.install(world, "x", _MAKER))
        self.assertEqual([], self.events(world))
        self.assertEqual("Accepted", self.delete(world, hashes(root)))

    def test_twice(self) -> None:
        """The same one again is one."""
        world, root = self.world(), Issuer("root")
        for _ in range(2):
            self.assertEqual("Accepted", self.install(world, root.pem))
        self.assertEqual(1, len(self.ids(world)["certificateHashData"]))

    def test_full(self) -> None:
        """There is room for so many, and after one is deleted for another."""
        world = self.world()
        roots = [Issuer(f"root {number}") for number in range(MAX_ROOTS + 1)]
        found = [self.install(world, root.pem) for root in roots]
        self.assertEqual(["Accepted"] * MAX_ROOTS + ["Rejected"], found)
        self.assertEqual("Accepted", self.install(world, roots[0].pem))
        self.assertEqual("Accepted", self.delete(world, hashes(roots[3])))
        self.assertEqual("Accepted", self.install(world, roots[-1].pem))
        self.assertEqual(MAX_ROOTS, len(self.ids(self.again(world))["certificateHashData"]))

    def test_fullDisk(self) -> None:
        """What cannot be stored is not there; what cannot be forgotten stays."""
        world, root = self.world(), Issuer("root")
        world.vault.is_full = True
        self.assertEqual("Failed", self.install(world, root.pem))
        self.assertEqual({"status": "NotFound"}, self.ids(world))
        world.vault.is_full = False
        self.install(world, root.pem)
        world.vault.is_full = True
        self.assertEqual("Failed", self.delete(world, hashes(root)))
        self.assertEqual("Accepted", self.ids(world)["status"])

    def test_inUse(self) -> None:
        """The one that the backend has proved itself by is not deleted; another one is."""
        world = self.world(password="secret")
        used, other = Issuer("used"), Issuer("other")
        for root in (used, other):
            self.install(world, root.pem)
        words = ":".join(f"{byte:02X}" for byte in used.certificate.fingerprint(SHA256()))
        world.gateway.noticed(LoggedIn(None, SecurityProfile.TLS, words))
        self.assertEqual("Failed", self.delete(world, hashes(used)))
        self.assertEqual("Accepted", self.delete(world, hashes(other)))

    def test_lastOne(self) -> None:
        """The last one is not, where nobody else vouches for the backend."""
        for has_other, expected in ((False, "Failed"), (True, "Accepted")):
            world = self.world(password="secret", has_authorities=has_other)
            root = Issuer("root")
            self.install(world, root.pem)
            self.assertEqual(expected, self.delete(world, hashes(root)))

    def test_reporter(self) -> None:
        """A backend that is only told may care for its own connection."""
        world, root = self.world(role=GatewayRole.REPORT), Issuer("root")
        self.assertEqual("Accepted", self.install(world, root.pem))
        self.assertEqual("Accepted", self.ids(world)["status"])

    def test_refusedByName(self) -> None:
        """Not if the owner refuses it."""
        world = self.world(refused=frozenset({"InstallCertificate"}))
        self.assertEqual("Rejected", self.install(world, Issuer("root").pem))
        self.assertEqual([], self.events(world))


class MakersOfChargePoints(CertificateCase):
    """Roots of the maker of a Charge Point behind the gateway. TC_075_1."""

    _ALLOWED = frozenset(
        {"DeleteCertificate", "GetInstalledCertificateIds", "InstallCertificate"}
    )

    def test_forwarded(self) -> None:
        """With consent it gets what is about those, and answers it."""
        world = self.world(connector(1, True), allowed=self._ALLOWED)
        for action in self._ALLOWED:
            world.devices.answers[action] = b'{"status":"Accepted"}'
        self.assertEqual("Accepted", self.install(world, "whatever", _MAKER))
        self.assertEqual("Accepted", self.ids(world, _MAKER)["status"])
        self.assertEqual("Accepted", self.delete(world, hashes(Issuer("its own"))))
        self.assertEqual(
            ["InstallCertificate", "GetInstalledCertificateIds", "DeleteCertificate"],
            [entry[2] for entry in world.devices.done],
        )

    def test_ours(self) -> None:
        """What is about our connection never reaches it."""
        world = self.world(connector(1, True), allowed=self._ALLOWED, has_authorities=True)
        root = Issuer("root")
        self.assertEqual("Accepted", self.install(world, root.pem))
        self.assertEqual([hashes(root)], self.ids(world)["certificateHashData"])
        self.assertEqual("Accepted", self.delete(world, hashes(root)))
        self.assertEqual([], world.devices.done)

    def test_withoutConsent(self) -> None:
        """Without consent it gets nothing."""
        world = self.world(connector(1, True))
        self.assertEqual("Accepted", self.install(world, Issuer("root").pem, _MAKER))
        self.assertEqual("Accepted", self.ids(world, _MAKER)["status"])
        self.assertEqual([], world.devices.done)

    def test_refusedThere(self) -> None:
        """A CALLERROR of it is one for the backend."""
        world = self.world(connector(1, True), allowed=self._ALLOWED)
        world.devices.answers["InstallCertificate"] = DeviceRefusal("no")
        request = {"certificateType": _MAKER, "certificate": "x"}
        self.assertEqual("GenericError", world.ask("InstallCertificate", request))

    def test_lookAlike(self) -> None:
        """A field that it could take for the type is refused: ours would get past it."""
        world = self.world(connector(1, True), allowed=self._ALLOWED)
        request = {
            "certificateType": _MAKER,
            "CertificateType": _CENTRAL_SYSTEM,
            "certificate": "x",
        }
        self.assertEqual("FormationViolation", world.ask("InstallCertificate", request))
        self.assertEqual([], world.devices.done)


class SigningCase(CertificateCase):
    """A backend that signs certificates."""

    def begin(self, **other: Any) -> World:
        """A backend that signs certificates."""
        world = self.world(password="secret", **other)
        world.answers["SignCertificate"] = {"status": "Accepted"}
        return world

    def asked(self, world: World) -> str:
        """The request that the backend is sent when it triggers one."""
        trigger = {"requestedMessage": "SignChargePointCertificate"}
        found = world.ask("ExtendedTriggerMessage", trigger)
        self.assertEqual({"status": "Accepted"}, found)
        self.assertTrue(world.answer_came_first)
        (told,) = world.told("SignCertificate")
        for _ in range(3):
            world.clock.advance(0)
        request: str = told["csr"]
        return request

    def sign(self, world: World, chain: str) -> str:
        """What CertificateSigned is answered with."""
        found: str = world.ask("CertificateSigned", {"certificateChain": chain})["status"]
        return found


class Certificates(SigningCase):
    """SignCertificate and CertificateSigned. TC_074, TC_077, TC_087."""

    def test_request(self) -> None:
        """It names the client id and who operates, for a new key on P-256, which it proves."""
        world = self.begin()
        world.ask("ChangeConfiguration", {"key": "CpoName", "value": "Garage Köln"})
        first, second = (x509.load_pem_x509_csr(self.asked(world).encode()) for _ in range(2))
        names = {one.oid: one.value for one in first.subject}
        self.assertEqual(
            {NameOID.COMMON_NAME: _CLIENT, NameOID.ORGANIZATION_NAME: "Garage Köln"}, names
        )
        self.assertTrue(first.is_signature_valid)
        key = first.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self.assertIsInstance(key.curve, ec.SECP256R1)
        self.assertNotEqual(key, second.public_key())

    def test_life(self) -> None:
        """It is verified, kept, and used from the next connection on, which is made anew."""
        world, issuer = self.begin(), Issuer("signer")
        chain = issuer.sign(self.asked(world))
        self.assertEqual("Accepted", self.sign(world, chain))
        self.assertEqual(["the backend has given a new certificate"], world.renewals)
        for found in (world.given[-1], self.again(world).gateway.security.given):
            assert found.chain is not None
            assert found.private_key is not None
            self.assertEqual(chain, found.chain)
            self.assertIsNotNone(new_papers(found.chain, found.private_key))
        self.assertNotIn(VaultName.REQUEST, world.vault.kept)

    def test_overARestart(self) -> None:
        """A certificate may come after a restart of the program."""
        world, issuer = self.begin(), Issuer("signer")
        request = self.asked(world)
        again = self.again(world)
        self.assertEqual("Accepted", self.sign(again, issuer.sign(request)))

    def test_chain(self) -> None:
        """Those of the authorities come with it, in whatever order, with the root or not."""
        root = Issuer("root")
        middle = Issuer("middle", root)
        for arrange in (
            lambda parts: parts,
            lambda parts: [*parts, root.pem],
            lambda parts: [root.pem, *reversed(parts)],
            lambda parts: [*parts, Issuer("somebody else").pem],
        ):
            world = self.begin()
            signed = middle.sign(self.asked(world))
            parts = [f"{one}{_END}\n" for one in signed.split(_END)[:-1]]
            chain = "".join(one.lstrip() for one in arrange(parts))
            self.assertEqual("Accepted", self.sign(world, chain), world.gateway.notebook.notes)
            kept = world.given[-1].chain
            assert kept is not None
            found = x509.load_pem_x509_certificates(kept.encode())
            self.assertEqual(middle.certificate, found[1])

    def test_plain(self) -> None:
        """Where nothing is encrypted a certificate is kept, and the connection stays."""
        plain = World(evolve(settings(), url="ws://backend.example/")).serve()
        self.addCleanup(plain.gateway.close)
        self.assertEqual("Accepted", self.sign(plain, Issuer("x").sign(self.asked(plain))))
        self.assertEqual([], plain.renewals)

    def test_sameKeyAgain(self) -> None:
        """Another certificate for the key of the one that is used is taken as well."""
        world, issuer = self.begin(), Issuer("signer")
        request = self.asked(world)
        self.sign(world, issuer.sign(request))
        again = issuer.sign(request, ends=NOON + 500 * _DAY)
        self.assertEqual("Accepted", self.sign(world, again))
        self.assertEqual(again, world.given[-1].chain)

    def test_oldKeyMeanwhile(self) -> None:
        """One for the key before does not have it forgotten that another one is asked for."""
        world, issuer = self.begin(), Issuer("signer")
        first = issuer.sign(self.asked(world))
        self.sign(world, first)
        request = self.asked(world)
        # Not the same text: that would be answered as a repetition is.
        self.assertEqual("Accepted", self.sign(world, f"{first}\n"))
        self.assertIn(VaultName.REQUEST, world.vault.kept)
        self.assertEqual("Accepted", self.sign(world, issuer.sign(request)))

    def test_askedWhileOneIsWritten(self) -> None:
        """What is asked for while a certificate is stored is not forgotten, nor on disk."""
        world, issuer = self.begin(), Issuer("signer")
        chain = issuer.sign(self.asked(world))
        world.vault.waiting = []
        request = {"certificateChain": chain}
        world.gateway.received(json.dumps([2, "q", "CertificateSigned", request]).encode())
        world.gateway.security.ask_certificate()
        waiting, world.vault.waiting = world.vault.waiting, None
        world.sent.clear()
        for one in waiting:
            one.callback(None)
        (told,) = world.told("SignCertificate")
        self.assertEqual("Accepted", self.sign(self.again(world), issuer.sign(told["csr"])))

    def test_notStored(self) -> None:
        """A request that cannot be stored leaves the one before as it was."""
        world, issuer = self.begin(), Issuer("signer")
        request = self.asked(world)
        world.vault.is_full = True
        world.gateway.security.ask_certificate()
        world.vault.is_full = False
        self.assertEqual("Accepted", self.sign(world, issuer.sign(request)))

    def test_refused(self) -> None:
        """One that is not to be used is rejected, the event is told, and the old one stays."""
        issuer, other = Issuer("signer"), request_of(_CLIENT)[0]
        middle = Issuer("middle", issuer, is_authority=False)
        bad = {
            "another key": lambda _: issuer.sign(other),
            "expired": lambda asked: issuer.sign(asked, ends=NOON - _DAY),
            "not yet valid": lambda asked: issuer.sign(asked, begins=NOON + _DAY),
            "no certificate": lambda _: "x",
            "empty": lambda _: "",
            "another name": lambda asked: _renamed(issuer, asked),
            "signed by no authority": middle.sign,
            "a private key": lambda asked: issuer.sign(asked) + issuer.papers.key,
        }
        for why, make in bad.items():
            world = self.begin()
            chain = make(self.asked(world))
            if why == "signed by no authority":
                self.install(world, issuer.pem)
            world.security_log.noted.clear()
            before = world.gateway.security.given
            self.assertEqual("Rejected", self.sign(world, chain), why)
            self.assertTrue(world.answer_came_first)
            self.assertEqual(["InvalidChargePointCertificate"], self.events(world), why)
            self.assertEqual(before, world.gateway.security.given, why)
            self.assertEqual([], world.renewals, why)

    def test_notAsked(self) -> None:
        """One that nobody has asked for is rejected."""
        world = self.begin()
        request, _ = request_of(_CLIENT)
        self.assertEqual("Rejected", self.sign(world, Issuer("signer").sign(request)))

    def test_slowClock(self) -> None:
        """One that begins in a few minutes is taken: our clock may be slow."""
        world = self.begin()
        chain = Issuer("signer").sign(self.asked(world), begins=NOON + timedelta(minutes=5))
        self.assertEqual("Accepted", self.sign(world, chain))

    def test_knownRoot(self) -> None:
        """Where the backend has installed roots, it has to lead to one of them."""
        for is_known, expected in ((False, "Rejected"), (True, "Accepted")):
            world, issuer = self.begin(), Issuer("signer")
            self.install(world, (issuer if is_known else Issuer("signer")).pem)
            self.assertEqual(expected, self.sign(world, issuer.sign(self.asked(world))))

    def test_fullDisk(self) -> None:
        """One that cannot be stored is rejected, and is no event; nor is there a request."""
        world = self.begin()
        chain = Issuer("signer").sign(self.asked(world))
        world.vault.is_full = True
        self.assertEqual("Rejected", self.sign(world, chain))
        self.assertEqual([], self.events(world))
        world.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        self.assertEqual([], world.told("SignCertificate"))

    def test_backendRefuses(self) -> None:
        """A backend that signs nothing is believed; nothing fails."""
        for answer in ({"status": "Rejected"}, None):
            world = self.begin()
            world.answers["SignCertificate"] = answer
            trigger = {"requestedMessage": "SignChargePointCertificate"}
            world.ask("ExtendedTriggerMessage", trigger)
            world.clock.advance(200)
            self.assertEqual([], self.flushLoggedErrors())

    def test_behindAChargePoint(self) -> None:
        """It is that of our connection, whatever is behind: a Charge Point is not asked."""
        world = self.begin()
        world.gateway.close()
        box = self.world(connector(1, True), password="secret")
        self.assertEqual("Accepted", self.sign(box, Issuer("x").sign(self.asked(box))))
        self.assertEqual([], box.devices.done)

    def test_secrets(self) -> None:
        """The private key is in no representation, and never sent."""
        world = self.begin()
        self.sign(world, Issuer("signer").sign(self.asked(world)))
        key = world.gateway.security.given.private_key
        assert key is not None
        inner = key.splitlines()[1]
        security = world.gateway.security
        shown = repr((security.given, security.standing, vars(security._own)))
        self.assertNotIn(inner, shown)
        self.assertNotIn(inner, json.dumps(world.sent))


class Renewal(SigningCase):
    """A certificate is renewed before its end: A03."""

    def test_life(self) -> None:
        """A month before the end another one is asked for, once a day, until there is one."""
        world, issuer = self.begin(), Issuer("signer")
        self.sign(world, issuer.sign(self.asked(world), ends=NOON + 40 * _DAY))
        self.assertEqual(0, self.wait(world, 9))
        self.assertEqual(1, self.wait(world, 1))
        self.assertEqual(3, self.wait(world, 3))
        request = x509.load_pem_x509_csr(self.request.encode())
        self.assertTrue(request.is_signature_valid)
        self.assertEqual("Accepted", self.sign(world, issuer.sign(self.request)))
        self.assertEqual(0, self.wait(world, 5))

    def wait(self, world: World, days: int) -> int:
        """How many requests are sent in so many days."""
        count = 0
        for _ in range(24 * days):
            world.sent.clear()
            world.clock.advance(3600)
            for told in world.told("SignCertificate"):
                count += 1
                self.request = told["csr"]
        return count

    def test_onConnecting(self) -> None:
        """One that has become old without a connection is renewed on the next one."""
        world, issuer = self.begin(), Issuer("signer")
        self.sign(world, issuer.sign(self.asked(world), ends=NOON + 20 * _DAY))
        world.gateway.close()
        again = World(world.settings, world.memory, world.vault)
        self.addCleanup(again.gateway.close)
        sent: list[str] = []
        again.gateway.connected(lambda text: self._answer(again, text, sent), lambda *_: None)
        again.clock.advance(1)
        self.assertEqual(1, sent.count("SignCertificate"))

    def _answer(self, world: World, text: bytes, sent: list[str]) -> None:
        frame = json.loads(text)
        sent.append(frame[2])
        world._take(text)


_END = "-----END CERTIFICATE-----"


def _renamed(issuer: Issuer, request: str) -> str:
    """A certificate for the key of a request, under another name."""
    asked = x509.load_pem_x509_csr(request.encode())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP 2")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - _DAY)
        .not_valid_after(NOON + 90 * _DAY)
    )
    return issuer._signed(builder).public_bytes(Encoding.PEM).decode()
