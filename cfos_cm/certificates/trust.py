"""
Whether a chain of certificates leads to somebody who is believed.

For certificates that are handed over, CertificateSigned and InstallCertificate of OCPP; those
of TLS are checked by OpenSSL, and this says yes to no more than it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from cfos_cm.certificates.keys import weakness
from cfos_cm.certificates.names import subject_words
from cfos_cm.certificates.pair import time_words
from cfos_cm.certificates.pem import MAX_CHAIN
from cfos_cm.certificates.signatures import (
    has_signed,
    is_self_signed,
    may_sign,
    weak_signature,
)

__all__ = ["Purpose", "authority_words", "may_sign", "verify_chain"]

Purpose: TypeAlias = Literal["server", "client"]

_USES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}

#: Those whose meaning is taken into account here, or that allow nothing: RFC 5280, 4.2, wants
#: a certificate refused that has another one which is critical.
_KNOWN = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.ISSUER_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    }
)


def verify_chain(
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    now: datetime,
    purpose: Purpose,
) -> str | None:
    """
    Why a chain is not to be believed, in plain words; C{None}: it is.

    @param chain: the certificate itself first; those of its authorities in any order.
    @param authorities: who is believed; the certificate itself may be among them.
    @param now: aware of its time zone.
    """
    if not 1 <= len(chain) <= MAX_CHAIN:
        return f"the chain has {len(chain)} certificates; 1 to {MAX_CHAIN} are allowed"
    words = _leaf_words(chain[0], now, purpose)
    if words is not None:
        return words
    objection = f"{_of(chain[0])} is signed by none of those who are believed"
    for path in _paths((chain[0],), chain[1:], authorities):
        words = _path_words(path, now, purpose)
        if words is None:
            return None
        objection = words
    return objection


def authority_words(certificate: x509.Certificate, now: datetime) -> str | None:
    """
    Why a certificate cannot be taken as that of an authority now; C{None}: it can.

    It may sign others, is valid now, and its key is strong. For InstallCertificate.
    """
    if not may_sign(certificate):
        return f"{_of(certificate)} is not that of an authority (CA)"
    return _words(certificate, now)


def _paths(
    path: tuple[x509.Certificate, ...],
    others: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
) -> Iterator[tuple[x509.Certificate, ...]]:
    """All ways from a certificate to somebody who is believed."""
    last = path[-1]
    if last in authorities:
        yield path
        return
    if is_self_signed(last):
        return
    for one in authorities:
        if has_signed(one, last):
            yield (*path, one)
    if len(path) == MAX_CHAIN:
        return
    for one in others:
        if one not in path and one not in authorities and has_signed(one, last):
            yield from _paths((*path, one), others, authorities)


def _leaf_words(leaf: x509.Certificate, now: datetime, purpose: Purpose) -> str | None:
    words = _words(leaf, now) or _purpose_words(leaf, purpose)
    if words is not None:
        return words
    usage = _usage(leaf)
    # What TLS 1.3 and ECDHE sign, or what else TLS 1.2 does with it.
    is_usable = usage is None or (
        usage.digital_signature
        or usage.key_agreement
        or (usage.key_encipherment and purpose == "server")
    )
    return None if is_usable else f"{_of(leaf)} is not for TLS: its key usage says so"


def _path_words(
    path: Sequence[x509.Certificate], now: datetime, purpose: Purpose
) -> str | None:
    """What is wrong above the certificate itself."""
    if len(path) > MAX_CHAIN:
        return f"the chain has {len(path)} certificates; {MAX_CHAIN} are allowed"
    if not _is_told_apart(path):
        return f"{_of(path[0])} has the name of its authority, and is not signed by itself"
    below = 0
    for one, issuer in pairwise(path):
        words = _issuer_words(issuer, below, now, purpose) or _signature_words(one)
        if words is not None:
            return words
        below += issuer.subject != issuer.issuer
    return None


def _issuer_words(
    issuer: x509.Certificate, below: int, now: datetime, purpose: Purpose
) -> str | None:
    """@param below: how many authorities there are between it and the certificate itself."""
    words = authority_words(issuer, now) or _purpose_words(issuer, purpose)
    if words is not None:
        return words
    most = _path_length(issuer)
    if most is not None and below > most:
        return f"{_of(issuer)} allows {most} more authorities below it, and there are {below}"
    return None


def _signature_words(certificate: x509.Certificate) -> str | None:
    words = weak_signature(certificate)
    return None if words is None else f"{_of(certificate)} {words}"


def _words(certificate: x509.Certificate, now: datetime) -> str | None:
    """What is wrong with any certificate."""
    words = time_words(certificate, now)
    if words is not None:
        return f"{_of(certificate)} {words}"
    words = weakness(certificate.public_key())
    if words is not None:
        return f"{_of(certificate)} is weak: its key {words}"
    for one in certificate.extensions:
        # Those that limit which names may be signed are not checked here, and so not believed.
        if one.oid == ExtensionOID.NAME_CONSTRAINTS or (one.critical and one.oid not in _KNOWN):
            number = one.oid.dotted_string
            return f"{_of(certificate)} has a limit in it that is not known here ({number})"
    return None


def _purpose_words(certificate: x509.Certificate, purpose: Purpose) -> str | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    if _USES[purpose] in found or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in found:
        return None
    return f"{_of(certificate)} is not for a {purpose}: its extended key usage says so"


def _is_told_apart(path: Sequence[x509.Certificate]) -> bool:
    """
    Whether OpenSSL can see that the certificate has not been signed by itself.

    It looks for the same name twice and no other key's number, and no further.
    """
    leaf = path[0]
    if len(path) == 1 or leaf.subject != leaf.issuer:
        return True
    try:
        leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    return True


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _path_length(certificate: x509.Certificate) -> int | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None
    return found.path_length


def _of(certificate: x509.Certificate) -> str:
    return f"the certificate of {subject_words(certificate.subject)}"
