"""Certificates, keys and requests as they stand in files and in messages: PEM, or DER."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from cfos_cm.certificates.blocks import Block, blocks_of
from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.keys import PrivateKey, PublicKey, weakness
from cfos_cm.certificates.readable import checked_certificate, checked_request, read
from cfos_cm.certificates.unlocking import unlocked

__all__ = [
    "MAX_BUNDLE_BYTES",
    "MAX_CERTIFICATES",
    "MAX_CHAIN",
    "MAX_FILE_BYTES",
    "PrivateKey",
    "PublicKey",
    "pem_of",
    "read_certificates",
    "read_chain",
    "read_key",
    "read_request",
]

#: A chain, a key, a request, and each certificate.
MAX_FILE_BYTES = 64 * 1024
#: A file of authorities: those that a whole system believes have 250 KiB.
MAX_BUNDLE_BYTES = 512 * 1024
#: In a file of authorities.
MAX_CERTIFICATES = 200
#: In a chain, with the one at its beginning and that of the authority.
MAX_CHAIN = 5

_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_REQUESTS = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})
_SHOWN_LABELS = 3
#: RFC 7292, 4: behind the length stands version 3, and then another sequence.
_PKCS12, _PKCS12_BEGINS = b"\x02\x01\x03\x30", 12


def read_certificates(data: bytes, what: str) -> tuple[x509.Certificate, ...]:
    """
    The certificates in a file: PEM, one or more, in their order; or a single one as DER.

    Everything that can be asked of them later has been read once: a certificate that comes
    from here can be used without fear.

    @param what: what the file is, at the beginning of an error: an option, a file's name.
    @raise CertificateFault: if there is none, too many, or one that cannot be read; or if
        there is a private key in it.
    """
    blocks = _bounded_blocks(data, what, MAX_BUNDLE_BYTES)
    if any(one.is_private_key for one in blocks):
        raise CertificateFault(
            f"{what}: there is a private key in it; it does not belong there"
        )
    return _certificates(blocks, data, what)


def read_chain(data: bytes, what: str) -> tuple[x509.Certificate, ...]:
    """
    As L{read_certificates}, from a file that may have a private key in it as well; it is as
    short as one with a single chain.

    @raise CertificateFault: as L{read_certificates} does.
    """
    return _certificates(_bounded_blocks(data, what), data, what)


def read_key(data: bytes, what: str, passphrase: bytes | None = None) -> PrivateKey:
    """
    The private key in a file: PKCS #8, PKCS #1 or SEC 1, as PEM or as DER; EC or RSA.

    Certificates beside it are overlooked. A passphrase that is not needed is, too.

    @raise CertificateFault: if there is none or more than one, it is locked and the passphrase
        is missing or wrong, or it is weak.
    """
    blocks = [one for one in _bounded_blocks(data, what) if one.is_private_key]
    if len(blocks) > 1:
        raise CertificateFault(f"{what}: there are {len(blocks)} private keys in it")
    key = unlocked(blocks[0] if blocks else None, data, what, passphrase)
    words = weakness(key.public_key())
    if words is not None:
        raise CertificateFault(f"{what}: the private key {words}")
    return key


def read_request(data: bytes) -> x509.CertificateSigningRequest:
    """
    A certificate signing request (PKCS #10), as PEM or DER.

    Its signature has been checked: whoever made it has the private key. The key is strong.

    @raise CertificateFault: if it is none, or cannot be used.
    """
    what = "request"
    blocks = _bounded_blocks(data, what)
    found = [one for one in blocks if one.label in _REQUESTS]
    if blocks and len(found) != 1:
        raise CertificateFault(f"{what}: one CERTIFICATE REQUEST is needed, {_inside(blocks)}")
    words = f"{what}: it is no certificate request (PEM or DER), or is damaged"
    request = read(
        lambda: checked_request(x509.load_der_x509_csr(found[0].content() if found else data)),
        words,
    )
    if not read(lambda: request.is_signature_valid, words):
        raise CertificateFault(f"{what}: it is not signed with the key that is in it")
    return request


def pem_of(
    *parts: x509.Certificate | x509.CertificateSigningRequest | PrivateKey,
    passphrase: bytes | None = None,
) -> str:
    """
    Certificates, requests and keys (PKCS #8) as PEM, one after the other.

    @param passphrase: locks the keys among them; not empty.
    @raise CertificateFault: if the passphrase cannot be used.
    """
    return "".join(_pem(one, passphrase).decode("ascii") for one in parts)


def _bounded_blocks(data: bytes, what: str, most: int = MAX_FILE_BYTES) -> list[Block]:
    if len(data) > most:
        raise CertificateFault(f"{what}: it has {len(data)} bytes; {most} are allowed")
    if not data.strip():
        raise CertificateFault(f"{what}: it is empty")
    if data.startswith(b"\x30") and _PKCS12 in data[:_PKCS12_BEGINS]:
        raise CertificateFault(
            f"{what}: it is PKCS #12 (.p12, .pfx); PEM files are needed, one of the "
            "certificate and one of the key: docs/certificates.md says how"
        )
    return blocks_of(data, what)


def _certificates(
    blocks: Sequence[Block], data: bytes, what: str
) -> tuple[x509.Certificate, ...]:
    found = [one for one in blocks if one.label in _CERTIFICATES]
    if len(found) > MAX_CERTIFICATES:
        raise CertificateFault(
            f"{what}: there are {len(found)} certificates in it; {MAX_CERTIFICATES} are allowed"
        )
    if blocks and not found:
        raise CertificateFault(f"{what}: there is no CERTIFICATE in it, {_inside(blocks)}")
    if not blocks:
        words = f"{what}: there is no certificate in it (PEM or DER), or it is damaged"
        return (_certificate(lambda: data, words),)
    return tuple(
        _certificate(one.content, f"{what}: certificate {number} of {len(found)} is damaged")
        for number, one in enumerate(found, 1)
    )


def _certificate(content: Callable[[], bytes], words: str) -> x509.Certificate:
    """@param words: of the fault, if it cannot be read."""

    def load() -> x509.Certificate:
        der = content()
        if len(der) > MAX_FILE_BYTES:
            raise ValueError("too long")
        return checked_certificate(x509.load_der_x509_certificate(der))

    return read(load, words)


def _inside(blocks: Sequence[Block]) -> str:
    """What else there is in a text."""
    labels = list(dict.fromkeys(one.label for one in blocks))[:_SHOWN_LABELS]
    return f"and there is: {', '.join(labels)}"


def _pem(
    part: x509.Certificate | x509.CertificateSigningRequest | PrivateKey,
    passphrase: bytes | None,
) -> bytes:
    if isinstance(part, x509.Certificate | x509.CertificateSigningRequest):
        return part.public_bytes(Encoding.PEM)
    return read(
        lambda: part.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _lock(passphrase)),
        "the passphrase is empty or too long",
    )


def _lock(passphrase: bytes | None) -> KeySerializationEncryption:
    return NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
