"""Making certificates and requests, and what C{openssl} says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.issuing import (
    MAX_DAYS,
    issue_client,
    issue_server,
    make_authority,
    make_request,
    self_signed,
    sign_request,
)
from cfos_cm.certificates.keys import PrivateKey, weakness
from cfos_cm.certificates.names import alternative_names, common_names, identities
from cfos_cm.certificates.pair import Pair, flaws, objections
from cfos_cm.certificates.pem import pem_of, read_certificates, read_request
from cfos_cm.certificates.subject import Subject
from cfos_cm.certificates.trust import may_sign, verify_chain
from tests.certificates.made import (
    DAY,
    NOW,
    authority,
    certificate,
    client_pair,
    ec_key,
    key_pem,
    named,
    rsa_key,
    server_pair,
)
from tests.certificates.openssl import accepts, openssl

_HOUR = timedelta(hours=1)
_KOELN = Subject(
    "Unsere Tiefgarage",
    "Tiefgarage Köln GmbH",
    "Abteilung 13",
    "Köln",
    "DE",
    "info@tiefgarage-koeln.de",
)
_AT = ("-attime", str(int(NOW.timestamp())))


def says_authority(found: x509.Certificate) -> bool:
    """What stands in its basic constraints."""
    return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def critical(found: x509.Certificate) -> set[str]:
    """The extensions that nobody may overlook."""
    return {one.oid._name for one in found.extensions if one.critical}


class Authorities(SynchronousTestCase):
    """Root certificates."""

    def test_made(self) -> None:
        """It may sign certificates and lists of revoked ones, and is valid as long as asked."""
        for key in (ec_key(), rsa_key()):
            found = make_authority(_KOELN, key, NOW, 3650)
            self.assertEqual(NOW - _HOUR, found.not_valid_before_utc)
            self.assertEqual(NOW + 3650 * DAY, found.not_valid_after_utc)
            self.assertEqual({"basicConstraints", "keyUsage"}, critical(found))
            self.assertTrue(may_sign(found))
            self.assertGreater(found.serial_number.bit_length(), 64)
            self.assertEqual((), objections(Pair((found,), key), NOW))

    def test_serials(self) -> None:
        """No two have the same serial number."""
        made = {make_authority(_KOELN, ec_key(), NOW, 1).serial_number for _ in range(20)}
        self.assertEqual(20, len(made))

    def test_openssl(self) -> None:
        """OpenSSL reads the umlauts, and takes it as an authority by its strictest rules."""
        file = Path(self.mktemp())
        file.write_text(pem_of(make_authority(_KOELN, ec_key(), NOW, 3650)))
        said = openssl(
            "x509", "-in", str(file), "-noout", "-text", "-nameopt", "utf8,sep_comma_plus"
        )
        for part in (
            "Version: 3",
            "CN=Unsere Tiefgarage,O=Tiefgarage Köln GmbH,OU=Abteilung 13,L=Köln,C=DE",
            "CA:TRUE",
            "Certificate Sign, CRL Sign",
            "Subject Key Identifier",
            "ecdsa-with-SHA256",
        ):
            self.assertIn(part, said)
        strict = ("-x509_strict", *_AT, "-CAfile", str(file))
        self.assertTrue(accepts("verify", *strict, str(file)))

    def test_refused(self) -> None:
        """Weak keys, and no days or too many."""
        for key, days in (
            (rsa_key(1024), 10),
            (ec.generate_private_key(ec.SECP192R1()), 10),
            (ec_key(), 0),
            (ec_key(), -1),
            (ec_key(), MAX_DAYS + 1),
        ):
            self.assertRaises(CertificateFault, make_authority, _KOELN, key, NOW, days)
        late = datetime(9999, 12, 30, tzinfo=UTC)
        self.assertRaises(CertificateFault, make_authority, _KOELN, ec_key(), late, 30)


class Issued(SynchronousTestCase):
    """Certificates of servers and clients."""

    def test_server(self) -> None:
        """For a server only, with its names, and no authority."""
        key = rsa_key()
        found = issue_server(
            authority(), Subject("x"), ["köln.de", "::1"], key.public_key(), NOW, 30
        )
        self.assertEqual(("xn--kln-sna.de", "::1"), alternative_names(found))
        self.assertFalse(may_sign(found) or says_authority(found))
        self.assertEqual({"basicConstraints", "keyUsage"}, critical(found))
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
        self.assertTrue(usage.digital_signature and usage.key_encipherment)
        uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual([ExtendedKeyUsageOID.SERVER_AUTH], list(uses))

    def test_client(self) -> None:
        """For a client only; other names are only those that were given."""
        found = client_pair("CP-1").certificate
        self.assertEqual(("CP-1",), identities(found))
        uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual([ExtendedKeyUsageOID.CLIENT_AUTH], list(uses))
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
        self.assertFalse(usage.key_encipherment)
        more = issue_client(
            authority(), Subject("CP-1"), ["cp-1.local"], ec_key().public_key(), NOW, 5
        )
        self.assertEqual(("CP-1", "cp-1.local"), identities(more))

    def test_hostIsCommonName(self) -> None:
        """Without host names the common name is the host, if it can be one."""
        key = ec_key().public_key()
        found = issue_server(authority(), Subject("garage.local"), (), key, NOW, 5)
        self.assertEqual(("garage.local",), alternative_names(found))
        with self.assertRaises(CertificateFault) as raised:
            issue_server(authority(), Subject("Unsere Tiefgarage"), (), key, NOW, 5)
        self.assertEqual(
            "a server needs a host name or an address: 'Unsere Tiefgarage' is neither a host "
            "name nor an address",
            str(raised.exception),
        )

    def test_end(self) -> None:
        """None is valid longer than its authority."""
        ends = authority().certificate.not_valid_after_utc
        self.assertEqual(ends, server_pair(days=20_000).certificate.not_valid_after_utc)
        self.assertEqual(NOW + 30 * DAY, server_pair(days=30).certificate.not_valid_after_utc)

    def test_selfSigned(self) -> None:
        """OpenSSL believes one that is signed by itself, once it is named as believed."""
        for key in (ec_key(), rsa_key()):
            found = self_signed(Subject("Garage"), ["garage.local"], key, NOW, 825)
            self.assertFalse(may_sign(found) or says_authority(found))
            self.assertEqual((), flaws(Pair((found,), key)))
            file = Path(self.mktemp())
            file.write_text(pem_of(found))
            for more in ((), ("-partial_chain",), ("-purpose", "sslserver")):
                self.assertTrue(accepts("verify", *_AT, *more, "-CAfile", str(file), str(file)))

    def test_whoSigns(self) -> None:
        """Nobody who is no authority, whose key is another's, or whose time is over."""
        root = authority()
        expired = Pair(
            (make_authority(Subject("Old"), ec_key(), NOW - 20 * DAY, 10),), ec_key()
        )
        for pair, words in (
            (server_pair(), "CN=server is no authority"),
            (
                evolve(root, key=ec_key(3)),
                "the private key is not that of the certificate",
            ),
            (expired, "the certificate of CN=Old has expired on 2026-04-24"),
        ):
            with self.assertRaises(CertificateFault) as raised:
                issue_client(pair, Subject("x"), (), ec_key().public_key(), NOW, 5)
            self.assertEqual(f"the authority cannot sign: {words}", str(raised.exception))

    def test_sameName(self) -> None:
        """
        Whoever has its authority's name is refused by OpenSSL, which takes the certificate for
        signed by itself.
        """
        with self.assertRaises(CertificateFault):
            issue_client(authority(), Subject("Root"), (), ec_key().public_key(), NOW, 5)

    @settings(max_examples=25)
    @given(
        st.sampled_from([ec_key(), rsa_key()]),
        st.sampled_from([ec_key(1), rsa_key()]),
        st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=16),
        st.lists(st.from_regex(r"[a-z]{1,9}(\.[a-z]{2,5}){0,2}", fullmatch=True), max_size=5),
        st.integers(1, 4000),
        st.booleans(),
    )
    def test_verified(
        self,
        own: PrivateKey,
        key: PrivateKey,
        name: str,
        hosts: list[str],
        days: int,
        for_client: bool,
    ) -> None:
        """What was issued is believed for its purpose and as long as it is valid."""
        root = Pair((make_authority(Subject("Wurzel"), own, NOW, 3650),), own)
        issue = issue_client if for_client else issue_server
        found = issue(root, Subject(name), hosts or ["a.local"], key.public_key(), NOW, days)
        (again,) = read_certificates(pem_of(found).encode(), "x")
        self.assertEqual(found, again)
        right, wrong = ("client", "server") if for_client else ("server", "client")
        self.assertIsNone(verify_chain((found,), root.chain, NOW, right))  # type: ignore[arg-type]
        self.assertIsNotNone(verify_chain((found,), root.chain, NOW, wrong))  # type: ignore[arg-type]
        late = NOW + 3651 * DAY
        self.assertIsNotNone(verify_chain((found,), root.chain, late, right))  # type: ignore[arg-type]
        self.assertEqual((), objections(Pair((found, *root.chain), key), NOW))

    def test_openssl(self) -> None:
        """OpenSSL believes them by its strictest rules, for their purpose and no other."""
        root, server, client = (Path(self.mktemp()) for _ in range(3))
        root.write_text(pem_of(authority().certificate))
        server.write_text(pem_of(server_pair().certificate))
        client.write_text(pem_of(client_pair().certificate))
        strict = ("verify", "-x509_strict", *_AT, "-CAfile", str(root), "-purpose")
        self.assertTrue(accepts(*strict, "sslserver", str(server)))
        self.assertTrue(accepts(*strict, "sslclient", str(client)))
        self.assertFalse(accepts(*strict, "sslclient", str(server)))
        self.assertFalse(accepts(*strict, "sslserver", str(client)))
        host = ("-verify_hostname", "server.local", str(server))
        self.assertTrue(accepts(*strict, "sslserver", *host))


class Requests(SynchronousTestCase):
    """Requests, and what is signed of them."""

    def test_openssl(self) -> None:
        """OpenSSL reads and verifies a request of ours."""
        pem = pem_of(make_request(_KOELN, ["köln.de"], ec_key())).encode()
        said = openssl("req", "-verify", "-noout", "-text", "-nameopt", "utf8", said=pem)
        self.assertIn("Tiefgarage Köln GmbH", said)
        self.assertIn("DNS:xn--kln-sna.de", said)

    def test_fromOpenssl(self) -> None:
        """A request of the documentation's is read and signed, umlauts and all."""
        config = Path(self.mktemp())
        config.write_text(
            "[req]\nprompt = no\ndistinguished_name = dn\nreq_extensions = ext\n"
            "[dn]\nCN = Tor\nO = Tiefgarage Köln GmbH\nC = DE\n"
            "[ext]\nsubjectAltName = DNS:tiefgarage-koeln.de,DNS:*.tiefgarage-koeln.de\n",
            encoding="utf-8",
        )
        pem = openssl(
            *("req", "-new", "-key", "/dev/stdin", "-config", str(config), "-utf8"),
            said=key_pem(rsa_key()),
        )
        request = read_request(pem.encode())
        found = sign_request(authority(), request, NOW, 30, for_client=False)
        self.assertEqual(
            ("Tor", "tiefgarage-koeln.de", "*.tiefgarage-koeln.de"), identities(found)
        )
        self.assertIsNone(verify_chain((found,), authority().chain, NOW, "server"))

    def test_takenOver(self) -> None:
        """Of what a request asks for, only the name is taken over: never to be an authority."""
        usage = x509.KeyUsage(*[True] * 9)
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(
                x509.Name([*named("CP-1"), x509.NameAttribute(NameOID.TITLE, "Root")])
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=9), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("CP-2"), x509.DNSName("cp.de")]),
                critical=False,
            )
            .sign(ec_key(), SHA256())
        )
        found = sign_request(authority(), request, NOW, 30, for_client=True)
        self.assertFalse(may_sign(found) or says_authority(found))
        self.assertEqual(("CP-1",), identities(found))
        self.assertEqual(named("CP-1"), found.subject)
        self.assertIsNone(verify_chain((found,), authority().chain, NOW, "client"))
        oids = {one.oid for one in found.extensions}
        self.assertNotIn(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, oids)

    def test_allowed(self) -> None:
        """Only whoever is allowed to be called that; other names of it are left out."""
        request = make_request(Subject("CP-1"), ["cp-1.local", "cp-2.local"], ec_key())
        found = sign_request(
            authority(), request, NOW, 30, True, allowed=["cp-1", "CP-1.local"]
        )
        self.assertEqual(("CP-1", "cp-1.local"), identities(found))
        for allowed in ([], ["CP-2"], ["cp-1.local"], ["CP-1 "], ["CP-11"]):
            with self.assertRaises(CertificateFault) as raised:
                sign_request(authority(), request, NOW, 30, True, allowed=allowed)
            self.assertIn("'CP-1'", str(raised.exception))

    def test_severalNames(self) -> None:
        """A request with two common names is nobody's."""
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([*named("CP-1"), *named("CP-2")]))
            .sign(ec_key(), SHA256())
        )
        self.assertEqual(("CP-1", "CP-2"), common_names(request))
        for allowed in (None, ["CP-1"]):
            with self.assertRaises(CertificateFault):
                sign_request(authority(), request, NOW, 30, True, allowed=allowed)

    def test_weak(self) -> None:
        """Requests are neither made for weak keys nor signed."""
        self.assertRaises(CertificateFault, make_request, _KOELN, (), rsa_key(1024))
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(named("CP-1"))
            .sign(rsa_key(1024), SHA256())
        )
        self.assertIsNotNone(weakness(request.public_key()))
        with self.assertRaises(CertificateFault):
            sign_request(authority(), request, NOW, 30, True)

    def test_changed(self) -> None:
        """A request that somebody else has changed is not signed."""
        der = make_request(Subject("CP-1"), (), ec_key()).public_bytes(Encoding.DER)
        request = x509.load_der_x509_csr(der.replace(b"CP-1", b"CP-2"))
        with self.assertRaises(CertificateFault) as raised:
            sign_request(authority(), request, NOW, 30, True)
        self.assertEqual(
            "request: it is not signed with the key that is in it", str(raised.exception)
        )

    def test_oldAuthority(self) -> None:
        """A root of version 1, as openssl makes it, can sign."""
        key = rsa_key()
        asked = openssl(
            "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=Alt", said=key_pem(key)
        )
        file = Path(self.mktemp())
        file.write_bytes(key_pem(key))
        pem = openssl("x509", "-req", "-signkey", str(file), said=asked.encode())
        old = Pair(read_certificates(pem.encode(), "x"), key)
        now = old.certificate.not_valid_before_utc + _HOUR
        found = issue_client(old, Subject("CP-1"), (), ec_key().public_key(), now, 5)
        self.assertIsNone(verify_chain((found,), old.chain, now, "client"))
        signer = found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        expected = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
        self.assertEqual(expected, signer.key_identifier)
        root, leaf = Path(self.mktemp()), Path(self.mktemp())
        root.write_text(pem)
        leaf.write_text(pem_of(found))
        self.assertTrue(
            accepts("verify", "-purpose", "sslclient", "-CAfile", str(root), str(leaf))
        )

    def test_shortlived(self) -> None:
        """An authority that ends soon makes the certificate end with it."""
        key = ec_key(5)
        root = Pair((make_authority(Subject("Short"), key, NOW, 3),), key)
        request = make_request(Subject("CP-1"), (), ec_key())
        found = sign_request(root, request, NOW, 365, True)
        self.assertEqual(root.certificate.not_valid_after_utc, found.not_valid_after_utc)
        self.assertNotEqual(certificate().issuer, found.issuer)
