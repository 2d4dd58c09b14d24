"""Certificates with their keys, and what is wrong with them."""

from __future__ import annotations

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.issuing import self_signed
from cfos_cm.certificates.pair import Pair, flaws, objections, read_pair, time_words
from cfos_cm.certificates.pem import pem_of, read_certificates, read_key
from cfos_cm.certificates.subject import Subject
from tests.certificates.made import (
    DAY,
    NOW,
    authority,
    certificate,
    client_pair,
    ec_key,
    key_pem,
    rsa_key,
    server_pair,
)
from tests.certificates.openssl import openssl

_CA = (x509.BasicConstraints(ca=True, path_length=None), True)


def hashed_with(digest: str, bits: int = 2048, *, is_root: bool = True) -> Pair:
    """A pair that C{openssl} has signed, as this library would not."""
    key = key_pem(rsa_key(bits))
    name = ["-subj", "/CN=old"]
    with_key = ["-key", "/dev/stdin", f"-{digest}"]
    pem = openssl("req", "-x509", "-new", *with_key, *name, "-days", "3", said=key)
    (found,) = read_certificates(pem.encode(), "made by openssl")
    if is_root:
        return Pair((found,), rsa_key(bits))
    # The same signature, below somebody else's name.
    own = found.public_bytes(Encoding.DER)
    other = own.replace(b"\x0c\x03old", b"\x0c\x03new", 1)
    return Pair((x509.load_der_x509_certificate(other),), rsa_key(bits))


class ReadPair(SynchronousTestCase):
    """Two files, or one."""

    def test_taken(self) -> None:
        """From two files; from one with everything; with a passphrase."""
        pair = server_pair()
        chain, key = pem_of(*pair.chain).encode(), key_pem(pair.key)
        locked = key_pem(pair.key, passphrase=b"geheim")
        for found in (
            read_pair(chain, key),
            read_pair(key + chain, key + chain),
            read_pair(chain, chain + key),
            read_pair(chain, locked, b"geheim"),
        ):
            self.assertEqual(pair.chain, found.chain)
            self.assertEqual((), objections(found, NOW))
            self.assertIs(found.chain[0], found.certificate)

    def test_refused(self) -> None:
        """It is said which of the two files is the wrong one."""
        chain, key = pem_of(*server_pair().chain).encode(), key_pem(ec_key())
        for files, words in (
            ((b"", key), "certificate: it is empty"),
            ((chain, b""), "private_key: it is empty"),
            (
                (key + chain, key),
                "certificate: there is a private key in it; it does not belong there",
            ),
            (
                (chain, chain),
                "private_key: there is no private key in it (PEM or DER), or it is damaged",
            ),
            ((chain, key + key), "private_key: there are 2 private keys in it"),
        ):
            with self.assertRaises(CertificateFault) as raised:
                read_pair(*files)
            self.assertEqual(words, str(raised.exception))

    def test_secret(self) -> None:
        """What it looks like when it is printed has no key in it."""
        pair = server_pair(key=rsa_key())
        self.assertNotIn("key", repr(pair).lower().replace("publickey", ""))


class Flaws(SynchronousTestCase):
    """Pairs that can never be used."""

    def test_none(self) -> None:
        """With and without those of the authorities; EC and RSA; signed by oneself."""
        own = self_signed(Subject("self"), ["self.local"], ec_key(), NOW, 825)
        for pair in (
            server_pair(),
            server_pair(key=rsa_key()),
            client_pair(),
            authority(),
            Pair(server_pair().chain[:1], ec_key()),
            Pair((own,), ec_key()),
        ):
            self.assertEqual((), flaws(pair))
            self.assertEqual((), objections(pair, NOW))

    def test_otherKey(self) -> None:
        """The key has to be the certificate's."""
        for key in (ec_key(1), rsa_key(), ec.generate_private_key(ec.SECP384R1())):
            self.assertEqual(
                ("the private key is not that of the certificate",),
                flaws(evolve(server_pair(), key=key)),
            )

    def test_order(self) -> None:
        """Each has to be signed by the one behind it."""
        leaf, root = server_pair().chain
        own = Pair((root, leaf), authority().key)
        self.assertEqual(
            (
                "the chain is not in order: certificate 2 in it (CN=server) has not signed "
                "certificate 1",
            ),
            flaws(own),
        )
        for chain in (
            (leaf, leaf, root),
            (leaf, root, leaf),
            (leaf, authority("Other").certificate),
            (leaf, certificate("Root", extensions=[_CA], key=ec_key(2))),
        ):
            found = flaws(Pair(chain, ec_key()))
            self.assertTrue(found[0].startswith("the chain is not in order"), found)

    def test_length(self) -> None:
        """Five certificates are the most."""
        leaf, root = server_pair().chain
        self.assertEqual((), flaws(Pair((leaf, *[root] * 4), ec_key())))
        self.assertEqual(
            ("the chain has 6 certificates; 5 are allowed",),
            flaws(Pair((leaf, *[root] * 5), ec_key())),
        )

    def test_noAuthority(self) -> None:
        """Whoever may not sign has signed nothing."""
        middle = server_pair()
        leaf = certificate("leaf", "server", key=ec_key(1), signed_with=ec_key())
        self.assertEqual(
            (
                "the certificate of CN=server is not that of an authority, and has signed "
                "another",
            ),
            flaws(Pair((leaf, *middle.chain), ec_key(1))),
        )

    def test_weakKey(self) -> None:
        """Short keys, wherever in the chain they are."""
        small = ec.generate_private_key(ec.SECP192R1())
        self.assertEqual(
            ("the certificate of CN=one is weak: its key has 192 bits; EC needs 224 at least",),
            flaws(Pair((certificate(key=small),), small)),
        )
        self.assertEqual(
            (
                "the certificate of CN=old is weak: its key has 1024 bits; RSA needs 2048 at "
                "least",
            ),
            flaws(hashed_with("sha256", 1024)),
        )
        root = certificate("weak", key=small, extensions=[_CA])
        leaf = certificate("leaf", "weak", signed_with=small)
        self.assertEqual(1, len(flaws(Pair((leaf, root), ec_key()))))

    def test_weakSignature(self) -> None:
        """SHA-1 and MD5 are worth nothing, but below a root itself they do not matter."""
        for digest in ("sha1", "md5"):
            self.assertEqual((), flaws(hashed_with(digest)))
            self.assertEqual(
                (
                    "the certificate of CN=old is weak: it is signed with "
                    f"{digest.upper()}; SHA-256 is needed at least",
                ),
                flaws(hashed_with(digest, is_root=False)),
            )

    def test_all(self) -> None:
        """Everything that is wrong is said, not only the first of it."""
        old = certificate("old", ends=NOW - DAY / 2)
        found = objections(Pair((old, authority().certificate), ec_key(1)), NOW)
        self.assertEqual(3, len(found), found)

    @given(st.integers(-400, 800))
    def test_time(self, days: int) -> None:
        """Valid from its first second to its last, and at no other time."""
        pair = server_pair(days=365)
        found = pair.certificate
        now = NOW + days * DAY
        is_valid = found.not_valid_before_utc <= now <= found.not_valid_after_utc
        self.assertEqual(is_valid, time_words(found, now) is None)
        self.assertEqual((), flaws(pair))
        if is_valid:
            self.assertEqual((), objections(pair, now))
        else:
            self.assertNotEqual((), objections(pair, now))

    def test_timeWords(self) -> None:
        """The day is named; a clock that is wrong is what a new certificate makes think of."""
        found = certificate("one", begins=NOW, ends=NOW + DAY)
        for now, words in (
            (NOW, None),
            (NOW + DAY, None),
            (NOW + DAY * 1.001, "has expired on 2026-05-05"),
            (NOW - DAY, "is valid from 2026-05-04 on only; is the clock here right?"),
        ):
            self.assertEqual(words, time_words(found, now))

    def test_openssl(self) -> None:
        """A pair that the documentation's commands have made has no flaw."""
        key = openssl("genrsa", "-des3", "-passout", "pass:geheim", "2048").encode()
        self.assertIn(b"ENCRYPTED", key)
        pem = openssl(
            *("req", "-x509", "-new", "-key", "/dev/stdin", "-passin", "pass:geheim"),
            *("-sha256", "-days", "365", "-utf8", "-subj", "/CN=Tiefgarage Köln"),
            said=key,
        )
        self.assertEqual((), flaws(read_pair(pem.encode(), key, b"geheim")))
        self.assertEqual(2048, read_key(key, "x", b"geheim").key_size)
