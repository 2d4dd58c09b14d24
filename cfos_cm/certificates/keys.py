"""Private keys: made, and how strong they are."""

from __future__ import annotations

from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from cfos_cm.certificates.fault import CertificateFault

__all__ = [
    "MAX_RSA_BITS",
    "MIN_EC_BITS",
    "MIN_RSA_BITS",
    "PrivateKey",
    "PublicKey",
    "new_ec_key",
    "new_rsa_key",
    "usable_key",
    "weakness",
]

#: "Improved security for OCPP 1.6-J": RSA or DSA keys of 2048 bits, elliptic curves of 224.
MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
#: More takes seconds to check, and nobody has it.
MAX_RSA_BITS = 8192

_EXPONENT = 65537

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def new_ec_key() -> ec.EllipticCurvePrivateKey:
    """A new private key on the curve P-256; a matter of microseconds."""
    return ec.generate_private_key(ec.SECP256R1())


def new_rsa_key(bits: int = MIN_RSA_BITS) -> rsa.RSAPrivateKey:
    """
    A new private key of RSA; it may take seconds on a small machine.

    @raise CertificateFault: if it would be too short or too long.
    """
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise CertificateFault(
            f"a key of RSA has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, and not {bits}"
        )
    return rsa.generate_private_key(_EXPONENT, bits)


def weakness(key: object) -> str | None:
    """
    Why a public key must not be used, as words that follow "its key"; C{None}: it is strong.

    @param key: what C{public_key()} of a certificate or of a private key has given.
    """
    if isinstance(key, rsa.RSAPublicKey):
        return _rsa_weakness(key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _too_short("EC", key.key_size, MIN_EC_BITS)
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return None
    return "is of a kind that is not used here: RSA and EC are"


def usable_key(key: object) -> PublicKey:
    """
    A public key, if certificates are made for such a one: EC or RSA, and strong.

    @raise CertificateFault: if not.
    """
    words = weakness(key)
    if words is not None:
        raise CertificateFault(f"the key {words}")
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise CertificateFault("the key is of a kind that is not used here: RSA and EC are")
    return key


def _rsa_weakness(bits: int) -> str | None:
    if bits > MAX_RSA_BITS:
        return f"has {bits} bits; {MAX_RSA_BITS} are allowed"
    return _too_short("RSA", bits, MIN_RSA_BITS)


def _too_short(kind: str, bits: int, least: int) -> str | None:
    return f"has {bits} bits; {kind} needs {least} at least" if bits < least else None
