"""Private keys, taken out of a file; those that are locked with a passphrase, too."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
)

from cfos_cm.certificates.blocks import Block
from cfos_cm.certificates.der import integers
from cfos_cm.certificates.fault import CertificateFault, KeyLocked
from cfos_cm.certificates.keys import MAX_RSA_BITS, PrivateKey
from cfos_cm.certificates.readable import read

__all__ = ["unlocked"]

_PLAIN = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
_LOCKED = "ENCRYPTED PRIVATE KEY"
_LOCK_HEADER = b"Proc-Type:"

#: Rounds, times the memory, times the length, of what makes a key of a passphrase. 600 000
#: rounds are usual, 10 million take ten seconds; a damaged file asks for years.
_MAX_EFFORT = 10_000_000 * 32
_MAX_PASSPHRASE_BYTES = 1023
_PROBE = b"whether a key can sign"


def unlocked(
    block: Block | None, data: bytes, what: str, passphrase: bytes | None
) -> PrivateKey:
    """
    A private key; a passphrase that is not needed is overlooked.

    That the numbers of an RSA key fit each other is checked here. To check that they are
    prime, as the library does unless it is told not to, takes seconds on a small machine.

    @param block: where it is; C{None}: C{data} is DER.
    @raise CertificateFault: if there is none, or it cannot be unlocked or used.
    """
    if block is not None and block.label not in _PLAIN and block.label != _LOCKED:
        raise CertificateFault(f"{what}: a key of the kind {block.label} cannot be used here")
    if _is_locked(block, data):
        key = _with_passphrase(block, data, what, passphrase)
    else:
        words = f"{what}: there is no private key in it (PEM or DER), or it is damaged"
        key = read(lambda: _loaded(block, data, None), words)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificateFault(f"{what}: only private keys of EC and RSA can be used")
    read(lambda: _try(key), f"{what}: the private key is damaged")
    return key


def _is_locked(block: Block | None, data: bytes) -> bool:
    if block is not None:
        has_header = any(one.startswith(_LOCK_HEADER) for one in block.lines)
        return block.label == _LOCKED or has_header
    try:
        _loaded(None, data, None)
    except TypeError:
        return True
    except Exception:  # noqa: BLE001 - it is said when it is read once more
        return False
    return False


def _with_passphrase(
    block: Block | None, data: bytes, what: str, passphrase: bytes | None
) -> object:
    if not passphrase:
        raise KeyLocked(f"{what}: the private key is locked with a passphrase")
    if len(passphrase) > _MAX_PASSPHRASE_BYTES:
        raise CertificateFault(
            f"the passphrase is too long: {_MAX_PASSPHRASE_BYTES} bytes are allowed"
        )
    words = f"{what}: the private key is damaged"
    if not read(lambda: _is_cheap(block, data), words):
        raise CertificateFault(f"{what}: to unlock the private key would take too long")
    wrong = f"{what}: the passphrase is not that of the private key, or the key is damaged"
    return read(lambda: _loaded(block, data, passphrase), wrong)


def _is_cheap(block: Block | None, data: bytes) -> bool:
    """Whether a passphrase can be tried in seconds."""
    if block is not None and block.label != _LOCKED:
        return True  # The old form, with headers: one round of MD5.
    effort = 1
    for one in integers(data if block is None else block.content()):
        effort *= max(one, 1)
    return effort <= _MAX_EFFORT


def _loaded(block: Block | None, data: bytes, passphrase: bytes | None) -> Any:
    load = load_der_private_key if block is None else load_pem_private_key
    text = data if block is None else block.pem
    return load(text, passphrase, unsafe_skip_rsa_key_validation=True)


def _try(key: PrivateKey) -> None:
    """See it sign. @raise Exception: of any kind, if it cannot."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        signed = key.sign(_PROBE, ec.ECDSA(SHA256()))
        key.public_key().verify(signed, _PROBE, ec.ECDSA(SHA256()))
    elif key.key_size <= MAX_RSA_BITS:
        if not _fits(key.private_numbers()):
            raise ValueError("the numbers do not fit each other")
        signed = key.sign(_PROBE, padding.PKCS1v15(), SHA256())
        key.public_key().verify(signed, _PROBE, padding.PKCS1v15(), SHA256())


def _fits(numbers: rsa.RSAPrivateNumbers) -> bool:
    """
    RFC 8017, 3.2.

    OpenSSL would make do with those that are whole, and so hide a damaged file until it has
    more of them.
    """
    p, q, d, public = numbers.p, numbers.q, numbers.d, numbers.public_numbers
    return (
        p * q == public.n
        and public.e * d % (p - 1) == 1
        and public.e * d % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )
