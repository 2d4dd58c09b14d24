"""Whom a certificate is for, as texts. Those of version 1, without extensions, work as well."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from cfos_cm.certificates.readable import read
from cfos_cm.certificates.signatures import is_self_signed

__all__ = [
    "MAX_NAMES",
    "MAX_WORDS",
    "alternative_names",
    "common_names",
    "fingerprint",
    "identities",
    "is_self_signed",
    "public_key_pin",
    "subject_words",
]

#: Of each kind: nobody looks for a name behind them.
MAX_NAMES = 100
MAX_WORDS = 200

_SHORT = {
    NameOID.COMMON_NAME: "CN",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DOMAIN_COMPONENT: "DC",
}

_Named: TypeAlias = x509.Certificate | x509.CertificateSigningRequest


def common_names(certificate: _Named) -> tuple[str, ...]:
    """
    The common names (CN) of a certificate's or of a request's subject; at most L{MAX_NAMES}.

    @raise CertificateFault: if the subject cannot be read; never for one that
        C{read_certificates} or C{read_request} has given.
    """
    name = read(lambda: certificate.subject, "a certificate's subject is damaged")
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(one.value for one in found[:MAX_NAMES] if isinstance(one.value, str))


def alternative_names(certificate: _Named) -> tuple[str, ...]:
    """
    The alternative names (SAN): host names, addresses, URIs and mail addresses, as texts; at
    most L{MAX_NAMES}.

    @raise CertificateFault: if the extensions cannot be read; never for one that
        C{read_certificates} or C{read_request} has given.
    """
    found = read(lambda: certificate.extensions, "a certificate's extensions are damaged")
    try:
        names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    texts = [text for text in map(_text, names) if text is not None]
    return tuple(texts[:MAX_NAMES])


def identities(certificate: _Named) -> tuple[str, ...]:
    """
    All that a client says it is: its common names, then its alternative names, each once.

    @raise CertificateFault: as L{alternative_names} does.
    """
    return tuple(dict.fromkeys((*common_names(certificate), *alternative_names(certificate))))


def subject_words(name: x509.Name) -> str:
    """A subject or an issuer for people: printable, at most L{MAX_WORDS} characters."""
    said = ", ".join(
        f"{_SHORT.get(one.oid, one.oid.dotted_string)}={_printable(one.value)}" for one in name
    )
    return _cut(said) if said else "nobody by name"


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, as browsers and C{openssl} show it: C{AA:BB:…}."""
    return certificate.fingerprint(SHA256()).hex(":").upper()


def public_key_pin(certificate: x509.Certificate) -> str:
    """
    SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER), hex, lower case.

    @raise CertificateFault: if the key cannot be read; never for a certificate that
        C{read_certificates} has given, or that TLS has used.
    """
    key = read(certificate.public_key, "a certificate's key cannot be read")
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _text(name: x509.GeneralName) -> str | None:
    if isinstance(name, x509.DNSName | x509.UniformResourceIdentifier | x509.RFC822Name):
        return name.value
    return str(name.value) if isinstance(name, x509.IPAddress) else None


def _printable(value: str | bytes) -> str:
    text = value if isinstance(value, str) else value.hex()
    return "".join(one if one.isprintable() else "?" for one in text[:MAX_WORDS])


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS else f"{text[: MAX_WORDS - 1]}…"
