"""Certificates and private keys in files that a person has named."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import (
    MAX_BUNDLE_BYTES,
    MAX_FILE_BYTES,
    PrivateKey,
    read_certificates,
    read_chain,
    read_key,
)
from cfos_cm.regular_file import read_regular_file

__all__ = [
    "certificates_in",
    "chain_in",
    "content_of",
    "key_in",
    "may_be_there",
    "pair_in",
    "shown_in",
]


def may_be_there(path: str | Path) -> bool:
    """Whether there is a file, or a folder is closed to us: who then reads it gets to know."""
    try:
        return Path(path).exists()
    except OSError:
        return True


def content_of(path: str, most_bytes: int = MAX_FILE_BYTES) -> bytes:
    """
    What is in a file.

    @raise CertificateFault: if it cannot be read, or is longer than any certificate.
    """
    try:
        content = read_regular_file(path, most_bytes)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not the name of a file"
        raise CertificateFault(f"{path}: cannot be read: {why}") from error
    if len(content) > most_bytes:
        raise CertificateFault(f"{path}: it has more than {most_bytes} bytes")
    return content


def certificates_in(path: str) -> tuple[x509.Certificate, ...]:
    """
    The certificates in a file, PEM or DER: as many as a whole system believes.

    @raise CertificateFault: if there is none, or a private key beside them.
    """
    return read_certificates(content_of(path, MAX_BUNDLE_BYTES), path)


def shown_in(path: str) -> tuple[x509.Certificate, ...]:
    """
    The certificates in a file, whatever it is for; a private key beside a chain is overlooked.

    @raise CertificateFault: if there is none.
    """
    content = content_of(path, MAX_BUNDLE_BYTES)
    read = read_chain if len(content) <= MAX_FILE_BYTES else read_certificates
    return read(content, path)


def key_in(path: str, passphrase: str | None = None) -> PrivateKey:
    """
    The private key in a file.

    @raise CertificateFault: if there is none, or it is locked and the passphrase is not its.
    """
    secret = None if passphrase is None else passphrase.encode()
    return read_key(content_of(path), path, secret)


def pair_in(certificate: str, private_key: str, passphrase: str | None = None) -> Pair:
    """
    A certificate chain and its private key; both may be in the same file.

    That they fit each other is not checked: see L{cfos_cm.certificates.pair.flaws}.

    @raise CertificateFault: if one of them cannot be read.
    """
    return Pair(chain_in(certificate, private_key), key_in(private_key, passphrase))


def chain_in(certificate: str, private_key: str) -> tuple[x509.Certificate, ...]:
    """
    The certificates of a pair; where its key is in the same file, that is overlooked.

    @raise CertificateFault: if they cannot be read, or another key is beside them.
    """
    read = read_chain if certificate == private_key else read_certificates
    return read(content_of(certificate), certificate)
