"""Certificate authorities for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtensionOID, NameOID

__all__ = ["Authority", "Pair"]

_DAY = timedelta(days=1)
_Key = EllipticCurvePrivateKey | RSAPrivateKey


@frozen
class Pair:
    """Two files: a certificate, and its key."""

    certificate: str
    key: str

    @property
    def pem(self) -> str:
        """The certificate."""
        return Path(self.certificate).read_text()

    @property
    def key_pem(self) -> str:
        """The key."""
        return Path(self.key).read_text()

    @property
    def private(self) -> _Key:
        """The key as a value."""
        key = load_pem_private_key(self.key_pem.encode(), None)
        assert isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey)
        return key

    @property
    def pin(self) -> str:
        """Of its public key: SHA-256 in hexadecimal."""
        public = self.private.public_key()
        return sha256(
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).hexdigest()


class Authority:
    """
    Somebody who signs certificates.

    @ivar file: its own certificate.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = generate_private_key(SECP256R1())
        self._name = _named(name)
        self._made = 0
        builder = _builder(self._name, self._name, self._key, -_DAY, _DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self._certificate = builder.sign(self._key, SHA256())
        self.file = str(folder / f"{name}.pem")
        Path(self.file).write_bytes(self._certificate.public_bytes(Encoding.PEM))

    @property
    def fingerprint(self) -> str:
        """Of its own certificate: SHA-256, as C{openssl x509 -fingerprint} writes it."""
        return self._certificate.fingerprint(SHA256()).hex(":").upper()

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return Path(self.file).read_text()

    def pair(
        self,
        *names: str,
        common_name: str = "backend",
        begins: timedelta = -_DAY,
        ends: timedelta = _DAY,
        self_signed: bool = False,
        passphrase: bytes | None = None,
        same_key_as: Pair | None = None,
        damaged: bool = False,
        key: RSAPrivateKey | None = None,
        use: x509.ObjectIdentifier | None = None,
    ) -> Pair:
        """
        A certificate for hosts.

        @param names: names or addresses; none: it has its common name only.
        @param key: what it is for; C{None}: see C{same_key_as}.
        @param use: the only one that it is made for; C{None}: any.
        @param damaged: it has an alternative name that is no text.
        @param same_key_as: whose key it is for; C{None}: a new one.
        """
        if same_key_as is not None:
            private: _Key = same_key_as.private
        else:
            private = generate_private_key(SECP256R1()) if key is None else key
        subject = _named(common_name)
        issuer = subject if self_signed else self._name
        builder = _builder(subject, issuer, private, begins, ends)
        if use is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(one) for one in names]), critical=False
            )
        if damaged:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(
                    ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x03\x82\x01\xff"
                ),
                critical=False,
            )
        certificate = builder.sign(private if self_signed else self._key, SHA256())
        self._made += 1
        stem = self._folder / f"{self._certificate.serial_number}-{self._made}"
        lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        pair = Pair(f"{stem}.pem", f"{stem}.key")
        Path(pair.certificate).write_bytes(certificate.public_bytes(Encoding.PEM))
        Path(pair.key).write_bytes(
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        )
        return pair


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: _Key,
    begins: timedelta,
    ends: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
