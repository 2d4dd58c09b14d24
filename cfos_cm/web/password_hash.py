"""
Passwords of people, as what can be kept of them.

scrypt with the parameters that OWASP gives for machines with little memory ("Password Storage
Cheat Sheet": N=2^15, r=8, p=3, which takes 32 MiB). They stand in the text of each hash, so
that they can be raised later.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata
from base64 import b64decode, b64encode

from attrs import frozen

from cfos_cm.errors import CfosError

__all__ = [
    "MAX_PASSWORD_CHARS",
    "MIN_PASSWORD_CHARS",
    "WORK",
    "BadPassword",
    "Work",
    "checked_password",
    "hash_password",
    "is_password",
    "nobodys_hash",
    "work_of",
]

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 128

_SALT_BYTES = 16
_HASH_BYTES = 32

#: No more memory than this is taken to check a password, whatever a hash says. [bytes]
_MOST_MEMORY_BYTES = 256 * 1024 * 1024

_FORM = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/=]{1,88})\$([A-Za-z0-9+/=]{44})"
)


class BadPassword(CfosError):
    """A text that cannot become a password; the error's text says what is allowed."""


@frozen
class Work:
    """
    How much work one guess is.

    @ivar log2_n: the binary logarithm of scrypt's N.
    """

    log2_n: int
    r: int
    p: int

    @property
    def memory_bytes(self) -> int:
        """What scrypt takes: its blocks, and some more beside them."""
        return 128 * self.r * ((1 << self.log2_n) + self.p + 2)


#: What new hashes are made with.
WORK = Work(15, 8, 3)


def checked_password(text: str) -> str:
    """
    A new password in the form that is hashed: NFC (RFC 8265, 4.2.2), so that it is the same on
    every keyboard.

    Which characters it has is left to whose it is.

    @raise BadPassword: if it is too short or too long.
    """
    password = unicodedata.normalize("NFC", text)
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise BadPassword(
            f"a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters, and this "
            f"one has {len(password)}"
        )
    if _octets(password) is None:
        raise BadPassword("a password is a text: this one has half a character in it")
    return password


def hash_password(password: str, work: Work = WORK, salt: bytes | None = None) -> str:
    """
    What is kept of a password. It takes long, and lets other threads run meanwhile.

    @param password: as L{checked_password} gives it.
    @param salt: random octets; C{None}: new ones.
    """
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    return _text(work, salt, _digest(password.encode(), salt, work))


def is_password(text: str, password_hash: str) -> bool:
    """
    Whether a text is the password that a hash was made of.

    It takes as long as L{hash_password} whether it is or not, and nothing for a hash that is
    none: nobody's password has such a one.
    """
    octets = _octets(unicodedata.normalize("NFC", text[: 4 * MAX_PASSWORD_CHARS]))
    parts = _parts(password_hash)
    if parts is None:
        return False
    work, salt, digest = parts
    # Also for what cannot be it, so that the time tells nothing.
    found = _digest(b"" if octets is None else octets, salt, work)
    return hmac.compare_digest(found, digest) and octets is not None


def work_of(password_hash: str) -> Work | None:
    """What a hash was made with; C{None}: it is none."""
    parts = _parts(password_hash)
    return None if parts is None else parts[0]


def nobodys_hash(work: Work = WORK) -> str:
    """A hash of no password, that takes as long to look at as another one."""
    return _text(work, os.urandom(_SALT_BYTES), os.urandom(_HASH_BYTES))


def _octets(password: str) -> bytes | None:
    try:
        return password.encode()
    except UnicodeEncodeError:
        return None


def _digest(octets: bytes, salt: bytes, work: Work) -> bytes:
    return hashlib.scrypt(
        octets,
        salt=salt,
        n=2**work.log2_n,
        r=work.r,
        p=work.p,
        maxmem=work.memory_bytes,
        dklen=_HASH_BYTES,
    )


def _text(work: Work, salt: bytes, digest: bytes) -> str:
    parameters = f"ln={work.log2_n},r={work.r},p={work.p}"
    return f"$scrypt${parameters}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def _parts(password_hash: str) -> tuple[Work, bytes, bytes] | None:
    found = _FORM.fullmatch(password_hash)
    if found is None:
        return None
    work = Work(int(found[1]), int(found[2]), int(found[3]))
    if min(work.log2_n, work.r, work.p) < 1 or work.memory_bytes > _MOST_MEMORY_BYTES:
        return None
    try:
        salt, digest = b64decode(found[4], validate=True), b64decode(found[5], validate=True)
    except ValueError:
        return None
    return (work, salt, digest) if len(digest) == _HASH_BYTES else None
