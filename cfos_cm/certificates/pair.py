"""A certificate, those of its authorities behind it, and its private key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from attrs import field, frozen
from cryptography import x509

from cfos_cm.certificates.keys import weakness
from cfos_cm.certificates.names import subject_words
from cfos_cm.certificates.pem import (
    MAX_CHAIN,
    PrivateKey,
    read_certificates,
    read_chain,
    read_key,
)
from cfos_cm.certificates.signatures import has_signed, may_sign, weak_signature

__all__ = ["Pair", "flaws", "objections", "read_pair", "time_words"]


@frozen
class Pair:
    """
    What one needs to prove who one is.

    @ivar chain: the certificate, then the one that has signed it, and so on; at least one.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        """Whose key it is."""
        return self.chain[0]


def read_pair(chain: bytes, key: bytes, passphrase: bytes | None = None) -> Pair:
    """
    A pair from two files. That it fits together is not checked: see L{flaws}.

    Both may be the same file; a private key in a file of its own is not allowed among the
    certificates.

    @raise CertificateFault: if one of them cannot be read.
    """
    read = read_chain if chain == key else read_certificates
    return Pair(read(chain, "certificate"), read_key(key, "private_key", passphrase))


def objections(pair: Pair, now: datetime) -> tuple[str, ...]:
    """All reasons not to use a pair now, in plain words: L{flaws}, and those of time."""
    return (*flaws(pair), *_time_objections(pair, now))


def flaws(pair: Pair) -> tuple[str, ...]:
    """
    Why a pair can never be used, in plain words; none: it can.

    The key is not the certificate's, the chain is not in order or too long, a key or a
    signature is weak. The signature of a root below itself does not count.
    """
    if len(pair.chain) > MAX_CHAIN:
        return (f"the chain has {len(pair.chain)} certificates; {MAX_CHAIN} are allowed",)
    return tuple(_flaws(pair))


def time_words(certificate: x509.Certificate, now: datetime) -> str | None:
    """
    Why a certificate is not valid now, as words that follow "the certificate"; C{None}: it is.

    @param now: aware of its time zone.
    """
    if now > certificate.not_valid_after_utc:
        return f"has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        return f"is valid from {begins} on only; is the clock here right?"
    return None


def _flaws(pair: Pair) -> Iterator[str]:
    if pair.certificate.public_key() != pair.key.public_key():
        yield "the private key is not that of the certificate"
    for number, (one, issuer) in enumerate(pairwise(pair.chain), 1):
        if not has_signed(issuer, one):
            yield (
                f"the chain is not in order: certificate {number + 1} in it "
                f"({subject_words(issuer.subject)}) has not signed certificate {number}"
            )
        elif not may_sign(issuer):
            yield f"{_of(issuer)} is not that of an authority, and has signed another"
    for one in pair.chain:
        words = weakness(one.public_key())
        if words is not None:
            yield f"{_of(one)} is weak: its key {words}"
        words = weak_signature(one)
        if words is not None:
            yield f"{_of(one)} is weak: it {words}"


def _time_objections(pair: Pair, now: datetime) -> Iterator[str]:
    for one in pair.chain[:MAX_CHAIN]:
        words = time_words(one, now)
        if words is not None:
            yield f"{_of(one)} {words}"


def _of(certificate: x509.Certificate) -> str:
    return f"the certificate of {subject_words(certificate.subject)}"
