"""
Certificates for tests: such as this program makes, and such as it would never make.

Keys of RSA take long to make: each is made once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from cfos_cm.certificates.issuing import issue_client, issue_server, make_authority
from cfos_cm.certificates.keys import PrivateKey, new_ec_key
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.subject import Subject

__all__ = [
    "DAY",
    "NOW",
    "authority",
    "certificate",
    "client_pair",
    "der_value",
    "ec_key",
    "key_pem",
    "named",
    "rsa_key",
    "server_pair",
]

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """A key; each number has its own."""
    return new_ec_key()


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key, the same one for each length; too short ones as well."""
    return _rsa_key(bits)


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def authority(name: str = "Root") -> Pair:
    """An authority that is valid for ten years."""
    key = new_ec_key()
    return Pair((make_authority(Subject(name), key, NOW, 3650),), key)


def server_pair(days: int = 365, key: PrivateKey | None = None) -> Pair:
    """A server's, with its authority behind it."""
    root = authority()
    key = key or ec_key()
    found = issue_server(root, Subject("server"), ["server.local"], key.public_key(), NOW, days)
    return Pair((found, *root.chain), key)


def client_pair(name: str = "CP-1", days: int = 365) -> Pair:
    """A client's, with its authority behind it."""
    root = authority()
    found = issue_client(root, Subject(name), (), ec_key().public_key(), NOW, days)
    return Pair((found, *root.chain), ec_key())


def named(name: str) -> x509.Name:
    """A name with a CN only, or an empty one."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def certificate(
    subject: str | x509.Name = "one",
    issuer: str | x509.Name | None = None,
    key: Any = None,
    signed_with: Any = None,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + DAY,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    serial: int = 5,
) -> x509.Certificate:
    """
    Any certificate; signed by itself, unless something else is said.

    @param extensions: each with whether it is critical.
    """
    key = key or ec_key()
    own = named(subject) if isinstance(subject, str) else subject
    by = own if issuer is None else named(issuer) if isinstance(issuer, str) else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(signed_with or key, SHA256())


def key_pem(
    key: Any,
    form: PrivateFormat = PrivateFormat.PKCS8,
    passphrase: bytes | None = None,
    encoding: Encoding = Encoding.PEM,
) -> bytes:
    """A private key as in a file."""
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    found: bytes = key.private_bytes(encoding, form, lock)
    return found


def der_value(tag: int, content: bytes) -> bytes:
    """A value of DER."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
