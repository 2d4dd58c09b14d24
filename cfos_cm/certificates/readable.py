"""Whether everything of a certificate or of a request can be read: the library is lazy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.keys import MAX_RSA_BITS, usable_key

__all__ = ["checked_certificate", "checked_request", "read"]

_T = TypeVar("_T")


def read(load: Callable[[], _T], words: str) -> _T:
    """
    What C{load} returns.

    @param words: for people, if it raises anything. What it says itself is not repeated:
        there may be some of what it was reading in that.
    @raise CertificateFault: if C{load} raises.
    """
    try:
        return load()
    except CertificateFault:
        raise
    except Exception:  # noqa: BLE001 - the library has many, and promises none
        raise CertificateFault(words) from None


def checked_certificate(certificate: x509.Certificate) -> x509.Certificate:
    """
    A certificate, of which everything has been read once.

    @raise Exception: of any kind, if something cannot be read.
    """
    _ = certificate.subject, certificate.issuer, certificate.version, certificate.serial_number
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    _ = certificate.signature_hash_algorithm, certificate.signature_algorithm_parameters
    _ = certificate.extensions
    _check_key(certificate.public_key())
    if certificate.serial_number < 0:
        raise ValueError("a serial number that nobody else reads")
    return certificate


def checked_request(
    request: x509.CertificateSigningRequest,
) -> x509.CertificateSigningRequest:
    """
    A request, of which everything has been read once.

    @raise CertificateFault: if its key is weak, or neither EC nor RSA.
    @raise Exception: of any kind, if something cannot be read.
    """
    _ = request.subject, request.extensions, request.signature_hash_algorithm
    _check_key(usable_key(request.public_key()))
    return request


def _check_key(key: object) -> None:
    if isinstance(key, rsa.RSAPublicKey) and key.key_size > MAX_RSA_BITS:
        raise ValueError("a key that takes long to work with")
    key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
