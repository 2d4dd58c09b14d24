"""Certificate authorities for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Pair"]

_DAY = timedelta(days=1)


@frozen
class Pair:
    """Two files: a certificate, and its key."""

    certificate: str
    key: str


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

    def pair(
        self,
        *names: str,
        common_name: str = "backend",
        begins: timedelta = -_DAY,
        ends: timedelta = _DAY,
        self_signed: bool = False,
        passphrase: bytes | None = None,
    ) -> Pair:
        """
        A certificate for hosts.

        @param names: names or addresses; none: it has its common name only.
        """
        key = generate_private_key(SECP256R1())
        subject = _named(common_name)
        issuer = subject if self_signed else self._name
        builder = _builder(subject, issuer, key, begins, ends)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(one) for one in names]), critical=False
            )
        certificate = builder.sign(key if self_signed else self._key, SHA256())
        self._made += 1
        stem = self._folder / f"{self._certificate.serial_number}-{self._made}"
        lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        pair = Pair(f"{stem}.pem", f"{stem}.key")
        Path(pair.certificate).write_bytes(certificate.public_bytes(Encoding.PEM))
        Path(pair.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
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
    key: EllipticCurvePrivateKey,
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
