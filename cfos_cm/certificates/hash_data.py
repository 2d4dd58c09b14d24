"""How OCPP names a certificate: by hashes of whoever has signed it, and its serial number."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509.ocsp import OCSPRequest, OCSPRequestBuilder

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.readable import read

__all__ = ["HashAlgorithm", "HashData", "hash_data", "is_same"]


class HashAlgorithm(StrEnum):
    """How hashes are made; "Improved security for OCPP 1.6-J", HashAlgorithmEnumType."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


_HASHES: dict[HashAlgorithm, SHA256 | SHA384 | SHA512] = {
    HashAlgorithm.SHA256: SHA256(),
    HashAlgorithm.SHA384: SHA384(),
    HashAlgorithm.SHA512: SHA512(),
}


@frozen
class HashData:
    """
    What names a certificate without showing it.

    "Improved security for OCPP 1.6-J", CertificateHashDataType; RFC 6960, 4.1.1, CertID.

    @ivar issuer_name_hash: of the issuer's name as DER; hex, lower case.
    @ivar issuer_key_hash: of the issuer's public key, without tag and length; hex, lower case.
    @ivar serial_number: hex, lower case, without leading zeros.
    """

    algorithm: HashAlgorithm
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


def hash_data(
    certificate: x509.Certificate,
    issuer: x509.Certificate | None,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
) -> HashData:
    """
    How a certificate is named.

    @param issuer: who has signed it; C{None}: itself, as a root does. Of another certificate,
        whose issuer is not at hand, its own key stands for that of the issuer.
    @raise CertificateFault: if C{issuer} has another name than that which has signed.
    """
    if issuer is not None and issuer.subject != certificate.issuer:
        raise CertificateFault(
            "the issuer's name is not the one that stands in the certificate"
        )
    named = read(
        lambda: _certificate_id(certificate, issuer or certificate, algorithm),
        "the certificate cannot be named by hashes",
    )
    return HashData(
        algorithm,
        named.issuer_name_hash.hex(),
        named.issuer_key_hash.hex(),
        f"{named.serial_number:x}",
    )


def is_same(one: HashData, other: HashData) -> bool:
    """
    Whether both name the same certificate.

    Upper case and leading zeros do not matter: peers differ in them. Hashes of different
    algorithms cannot be compared: they are never the same.
    """
    return _normal(one) == _normal(other)


def _certificate_id(
    certificate: x509.Certificate, issuer: x509.Certificate, algorithm: HashAlgorithm
) -> OCSPRequest:
    # The very hashes that a question by OCSP has in it.
    builder = OCSPRequestBuilder().add_certificate(certificate, issuer, _HASHES[algorithm])
    return builder.build()


def _normal(one: HashData) -> tuple[str, ...]:
    serial = one.serial_number.strip().lower().removeprefix("0x").lstrip("0")
    hashes = (one.issuer_name_hash.strip().lower(), one.issuer_key_hash.strip().lower())
    return (one.algorithm, *hashes, serial)
