"""Reading certificates, keys and requests from files and messages."""

from __future__ import annotations

from warnings import catch_warnings, simplefilter

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.der import members
from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.keys import new_rsa_key
from cfos_cm.certificates.pem import (
    MAX_CERTIFICATES,
    pem_of,
    read_certificates,
    read_chain,
    read_key,
    read_request,
)
from tests.certificates.broken import armoured, good_certificate, good_request
from tests.certificates.made import (
    authority,
    certificate,
    der_value,
    ec_key,
    key_pem,
    named,
    rsa_key,
)

_PASSPHRASE = "gehéim".encode()


class ReadCertificates(SynchronousTestCase):
    """Files with certificates."""

    def setUp(self) -> None:
        """Two certificates."""
        self.one, self.root = good_certificate(), authority().certificate

    def test_taken(self) -> None:
        """PEM in all its spellings, or DER; what stands around the blocks is overlooked."""
        pem = pem_of(self.one).encode()
        der = self.one.public_bytes(Encoding.DER)
        for name, data in (
            ("PEM", pem),
            ("DER", der),
            ("Windows", pem.replace(b"\n", b"\r\n")),
            ("an old Mac", pem.replace(b"\n", b"\r")),
            ("a mark of UTF-8", b"\xef\xbb\xbf" + pem),
            ("spaces around the lines", b"  " + pem.replace(b"\n", b" \t\n  ")),
            ("no line at the end", pem.rstrip()),
            ("empty lines", pem.replace(b"\n", b"\n\n")),
            ("text around it", "subject=Köln\n\0\n".encode() + pem + b"\nthe end"),
            ("the old name", armoured(der, "X509 CERTIFICATE")),
            ("parameters beside it", armoured(b"\x06\x01\x2a", "EC PARAMETERS") + pem),
        ):
            self.assertEqual((self.one,), read_certificates(data, "file"), name)

    def test_order(self) -> None:
        """They come as they stand in the file."""
        pem = pem_of(self.one, self.root, self.one).encode()
        self.assertEqual((self.one, self.root, self.one), read_certificates(pem, "file"))

    def test_most(self) -> None:
        """A file may have so many, and no more."""
        pem = pem_of(certificate()).encode()
        self.assertEqual(200, len(read_certificates(pem * MAX_CERTIFICATES, "file")))
        with self.assertRaises(CertificateFault) as raised:
            read_certificates(pem * (MAX_CERTIFICATES + 1), "file")
        self.assertEqual(
            "file: there are 201 certificates in it; 200 are allowed", str(raised.exception)
        )

    def test_pkcs12(self) -> None:
        """What Windows exports, in one file with its key, is known by what it is."""
        for lock in (NoEncryption(), BestAvailableEncryption(b"geheim")):
            key = ec_key()
            data = serialize_key_and_certificates(b"one", key, self.one, None, lock)
            for read in (read_certificates, read_key):
                with self.assertRaisesRegex(CertificateFault, "^x: it is PKCS #12"):
                    read(data, "x")

    def test_words(self) -> None:
        """What is wrong is said, and where."""
        pem = pem_of(self.one).encode()
        for data, words in (
            (b"", "x: it is empty"),
            (b"abc", "x: there is no certificate in it (PEM or DER), or it is damaged"),
            (
                pem + key_pem(ec_key()),
                "x: there is a private key in it; it does not belong there",
            ),
            (
                pem + armoured(self.one.public_bytes(Encoding.DER)[:-9], "CERTIFICATE"),
                "x: certificate 2 of 2 is damaged",
            ),
            (
                pem_of(good_request()).encode(),
                "x: there is no CERTIFICATE in it, and there is: CERTIFICATE REQUEST",
            ),
            (
                pem[:-10],
                "x: a line with BEGIN or END is damaged",
            ),
            (
                pem[:-60],
                "x: BEGIN CERTIFICATE has no END CERTIFICATE; is the text complete?",
            ),
            (
                pem.decode().encode("utf-16"),
                "x: it is saved as UTF-16; a plain text (ASCII) is needed",
            ),
        ):
            with self.assertRaises(CertificateFault) as raised:
                read_certificates(data, "x")
            self.assertEqual(words, str(raised.exception))

    def test_chain(self) -> None:
        """A chain may stand in one file with its key."""
        both = key_pem(ec_key()) + pem_of(self.one, self.root).encode()
        self.assertEqual((self.one, self.root), read_chain(both, "file"))

    def test_oddNames(self) -> None:
        """Country codes of three letters and long names are no reason not to read."""
        for name in ("DEU", "D", "", "deutschland"):
            data = _with_country(name.encode())
            with catch_warnings():
                simplefilter("ignore")  # the library's own, about the letters
                self.assertEqual(1, len(read_certificates(data, "file")), name)


class ReadKey(SynchronousTestCase):
    """Files with a private key."""

    def test_taken(self) -> None:
        """EC and RSA, in each of their forms, beside certificates or alone."""
        old = PrivateFormat.TraditionalOpenSSL
        certificates = pem_of(good_certificate()).encode()
        for key in (ec_key(), rsa_key(), rsa_key(3072)):
            for form in (PrivateFormat.PKCS8, old):
                pem = key_pem(key, form)
                for data in (
                    pem,
                    key_pem(key, form, encoding=Encoding.DER),
                    certificates + pem,
                    pem.replace(b"\n", b"\r\n") + certificates,
                    b"\xef\xbb\xbf" + pem,
                ):
                    for passphrase in (None, _PASSPHRASE):
                        found = read_key(data, "file", passphrase)
                        self.assertEqual(key.private_numbers(), found.private_numbers())

    def test_locked(self) -> None:
        """With its passphrase it is unlocked, in each of the forms."""
        old = PrivateFormat.TraditionalOpenSSL
        for key in (ec_key(), rsa_key()):
            for data in (
                key_pem(key, passphrase=_PASSPHRASE),
                key_pem(key, passphrase=_PASSPHRASE, encoding=Encoding.DER),
                key_pem(key, old, passphrase=_PASSPHRASE),
                pem_of(key, passphrase=_PASSPHRASE).encode(),
            ):
                found = read_key(data, "file", _PASSPHRASE)
                self.assertEqual(key.private_numbers(), found.private_numbers())
                for wrong, words in (
                    (None, "file: the private key is locked with a passphrase"),
                    (b"", "file: the private key is locked with a passphrase"),
                    (
                        b"other",
                        "file: the passphrase is not that of the private key, or the key is "
                        "damaged",
                    ),
                    (b"x" * 2000, "the passphrase is too long: 1023 bytes are allowed"),
                ):
                    with self.assertRaises(CertificateFault) as raised:
                        read_key(data, "file", wrong)
                    self.assertEqual(words, str(raised.exception))

    def test_effort(self) -> None:
        """A key that asks for billions of rounds to be unlocked is refused at once."""
        data = key_pem(ec_key(), passphrase=_PASSPHRASE, encoding=Encoding.DER)
        for costly in (_costly(data), armoured(_costly(data), "ENCRYPTED PRIVATE KEY")):
            with self.assertRaises(CertificateFault) as raised:
                read_key(costly, "file", _PASSPHRASE)
            self.assertEqual(
                "file: to unlock the private key would take too long", str(raised.exception)
            )

    def test_weak(self) -> None:
        """Short ones and other kinds are refused, with what is needed."""
        for key, words in (
            (rsa_key(1024), "k: the private key has 1024 bits; RSA needs 2048 at least"),
            (
                ec.generate_private_key(ec.SECP192R1()),
                "k: the private key has 192 bits; EC needs 224 at least",
            ),
            (
                ed25519.Ed25519PrivateKey.generate(),
                "k: only private keys of EC and RSA can be used",
            ),
        ):
            with self.assertRaises(CertificateFault) as raised:
                read_key(key_pem(key), "k")
            self.assertEqual(words, str(raised.exception))

    def test_longest(self) -> None:
        """There is an end to how long a key may be."""
        for bits in (0, 1024, 2047, 8193, 10**9):
            self.assertRaises(CertificateFault, new_rsa_key, bits)
        self.assertEqual(2048, new_rsa_key().key_size)


class ReadRequest(SynchronousTestCase):
    """Certificate signing requests."""

    def test_taken(self) -> None:
        """PEM under both of its names, or DER."""
        der = good_request().public_bytes(Encoding.DER)
        for data in (
            der,
            armoured(der, "CERTIFICATE REQUEST"),
            armoured(der, "NEW CERTIFICATE REQUEST"),
            armoured(der, "CERTIFICATE REQUEST").replace(b"\n", b"\r\n"),
        ):
            self.assertEqual(good_request(), read_request(data))

    def test_otherKey(self) -> None:
        """One that is signed with another key than its own proves nothing."""
        der = good_request().public_bytes(Encoding.DER)
        own = ec_key().public_key().public_numbers()
        other = ec_key(1).public_key().public_numbers()
        for number in ("x", "y"):
            before = getattr(own, number).to_bytes(32, "big")
            der = der.replace(before, getattr(other, number).to_bytes(32, "big"))
        with self.assertRaises(CertificateFault) as raised:
            read_request(der)
        self.assertEqual(
            "request: it is not signed with the key that is in it", str(raised.exception)
        )


class PemOf(SynchronousTestCase):
    """Writing."""

    def test_round(self) -> None:
        """What was written is read again."""
        text = pem_of(good_certificate(), authority().certificate, rsa_key()).encode()
        self.assertEqual((good_certificate(), *authority().chain), read_chain(text, "file"))
        numbers = rsa_key().private_numbers()
        self.assertEqual(numbers, read_key(text, "file").private_numbers())

    def test_passphrase(self) -> None:
        """An empty passphrase locks nothing, and is refused."""
        with self.assertRaises(CertificateFault):
            pem_of(ec_key(), passphrase=b"")
        with self.assertRaises(CertificateFault):
            pem_of(ec_key(), passphrase=b"x" * 5000)


def _with_country(text: bytes) -> bytes:
    """A certificate with this as its country; nobody has signed it."""
    made = certificate(named("XXXX")).public_bytes(Encoding.DER)
    # Its common name becomes a country, of as many letters as there is room for.
    return made.replace(
        b"\x55\x04\x03\x0c\x04XXXX", b"\x55\x04\x06\x0c\x04" + (text + b"    ")[:4]
    )


def _costly(der: bytes) -> bytes:
    """A locked key that asks for two billion rounds."""
    asked = der_value(0x02, (2048).to_bytes(2, "big"))
    ((_, whole),) = members(der)
    (_, lock), (tag, locked) = members(whole)
    (_, scheme), (_, parameters) = members(lock)
    (_, derivation), (_, cipher) = members(parameters)
    (_, function), (_, numbers) = members(derivation)
    assert numbers.count(asked) == 1
    numbers = numbers.replace(asked, der_value(0x02, b"\x7f\xff\xff\xff"))
    derivation = der_value(0x06, function) + der_value(0x30, numbers)
    parameters = der_value(0x30, derivation) + der_value(0x30, cipher)
    lock = der_value(0x06, scheme) + der_value(0x30, parameters)
    return der_value(0x30, der_value(0x30, lock) + der_value(tag, locked))
