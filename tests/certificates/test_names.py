"""Names, fingerprints and pins."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.names import (
    MAX_NAMES,
    alternative_names,
    common_names,
    fingerprint,
    identities,
    is_self_signed,
    public_key_pin,
    subject_words,
)
from cfos_cm.certificates.pem import read_certificates
from tests.certificates.made import certificate, ec_key, named, rsa_key
from tests.certificates.openssl import openssl

_UNKNOWN = ObjectIdentifier("1.2.3.4")


def name(*attributes: tuple[ObjectIdentifier, str]) -> x509.Name:
    """A name, part by part."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def alternatives(*names: x509.GeneralName) -> tuple[x509.ExtensionType, bool]:
    """An extension with them."""
    return x509.SubjectAlternativeName(names), False


class Names(SynchronousTestCase):
    """Who a certificate says it is."""

    def test_identities(self) -> None:
        """All common names, then all alternative names, each once; other kinds are not."""
        found = certificate(
            name(
                (NameOID.COMMON_NAME, "Ladepunkt Köln"),
                (NameOID.COMMON_NAME, "CP-1"),
                (NameOID.ORGANIZATION_NAME, "not this"),
            ),
            extensions=[
                alternatives(
                    x509.DNSName("cp-1.local"),
                    x509.DNSName("CP-1"),
                    x509.IPAddress(ip_address("192.0.2.1")),
                    x509.IPAddress(ip_address("2001:db8::1")),
                    x509.UniformResourceIdentifier("urn:cp:1"),
                    x509.RFC822Name("cp@example.com"),
                    x509.DirectoryName(named("not that")),
                    x509.RegisteredID(_UNKNOWN),
                )
            ],
        )
        self.assertEqual(("Ladepunkt Köln", "CP-1"), common_names(found))
        self.assertEqual(
            (
                "Ladepunkt Köln",
                "CP-1",
                "cp-1.local",
                "192.0.2.1",
                "2001:db8::1",
                "urn:cp:1",
                "cp@example.com",
            ),
            identities(found),
        )

    def test_none(self) -> None:
        """A certificate may have no name at all."""
        found = certificate("")
        self.assertEqual(((), ()), (identities(found), alternative_names(found)))
        self.assertEqual("nobody by name", subject_words(found.subject))

    def test_bounded(self) -> None:
        """What stands behind a hundred names is not seen."""
        many = [x509.DNSName(f"h{number}") for number in range(300)]
        found = certificate(extensions=[alternatives(*many)])
        self.assertEqual(MAX_NAMES, len(alternative_names(found)))
        found = certificate(name(*[(NameOID.COMMON_NAME, f"n{one}") for one in range(300)]))
        self.assertEqual(MAX_NAMES, len(common_names(found)))

    def test_whole(self) -> None:
        """A NUL byte does not end a name: CP-1 is not whoever is called CP-1, NUL, and more."""
        found = certificate(named("CP-1\0.evil"))
        self.assertEqual(("CP-1\0.evil",), identities(found))
        self.assertEqual("CN=CP-1?.evil", subject_words(found.subject))

    def test_version1(self) -> None:
        """A certificate of version 1, as openssl makes it, has names, a print and a pin."""
        key = self.mktemp()
        openssl("genrsa", "-out", key, "2048")
        asked = openssl("req", "-new", "-key", key, "-utf8", "-subj", "/O=Köln/CN=CP-1")
        pem = openssl("x509", "-req", "-signkey", key, said=asked.encode())
        (found,) = read_certificates(pem.encode(), "file")
        self.assertIs(x509.Version.v1, found.version)
        self.assertEqual(("CP-1",), identities(found))
        self.assertEqual("O=Köln, CN=CP-1", subject_words(found.subject))
        self.assertTrue(is_self_signed(found))
        said = openssl("x509", "-noout", "-fingerprint", "-sha256", said=pem.encode())
        self.assertEqual(said.strip().partition("=")[2], fingerprint(found))
        public = openssl("x509", "-noout", "-pubkey", said=pem.encode()).encode()
        der = self.mktemp()
        openssl("pkey", "-pubin", "-outform", "DER", "-out", der, said=public)
        with open(der, "rb") as file:
            self.assertEqual(sha256(file.read()).hexdigest(), public_key_pin(found))

    def test_pin(self) -> None:
        """A renewed certificate with the same key has the same pin, another key has not."""
        for key in (ec_key(), rsa_key()):
            info = key.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
            for serial in (5, 6):
                found = certificate(key=key, serial=serial)
                self.assertEqual(sha256(info).hexdigest(), public_key_pin(found))
        self.assertNotEqual(
            public_key_pin(certificate(key=ec_key())),
            public_key_pin(certificate(key=ec_key(1))),
        )

    def test_selfSigned(self) -> None:
        """The same name twice is not enough: it is the key that has to be its own."""
        self.assertTrue(is_self_signed(certificate()))
        self.assertFalse(is_self_signed(certificate("a", "a", signed_with=ec_key(1))))
        self.assertFalse(is_self_signed(certificate("a", "b")))

    @given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=16))
    def test_words(self, text: str) -> None:
        """Whatever a name is, its words can be printed, and are short."""
        words = subject_words(
            name((NameOID.COMMON_NAME, text), (_UNKNOWN, text * 50), (_UNKNOWN, text))
        )
        self.assertTrue(words.isprintable())
        self.assertLessEqual(len(words), 200)
