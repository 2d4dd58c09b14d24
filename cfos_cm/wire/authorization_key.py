"""
The key of HTTP Basic authentication, and the forms in which wallboxes send it.

"Improved security for OCPP 1.6-J", the configuration key AuthorizationKey: 16 to 20 bytes, told
to the Charge Point as hexadecimal digits, sent by it as these bytes. There is firmware that
sends the digits instead, and there are people who type the digits in where a password goes.
"""

from __future__ import annotations

import re
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

__all__ = ["MAX_KEY_BYTES", "MIN_KEY_BYTES", "KeyForm", "is_hex_key", "matches"]

MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 20

_HEX_KEY = re.compile(rf"(?:[0-9A-Fa-f]{{2}}){{{MIN_KEY_BYTES},{MAX_KEY_BYTES}}}")


class KeyForm(StrEnum):
    """How a Charge Point sent its key."""

    BYTES = "bytes"
    """As the specification wants it."""
    HEX = "hex"
    """The hexadecimal digits of the bytes, as text."""
    TEXT = "text"
    """The configured text, which is no key of 16 to 20 bytes in hexadecimal digits."""


def is_hex_key(text: str) -> bool:
    """Whether a text is a key in hexadecimal digits, two for each of its 16 to 20 bytes."""
    return _HEX_KEY.fullmatch(text) is not None


def matches(configured: str, given: bytes) -> KeyForm | None:
    """
    Whether a password is the configured one, and in which of its forms.

    It takes the same time whatever is wrong: each form is compared, and none byte by byte.

    @param configured: as the user wrote it; 32 to 40 hexadecimal digits mean their bytes.
    @param given: what came in the C{Authorization} header.
    @return: the first form that fits; C{None} if none does.
    """
    is_hex = is_hex_key(configured)
    key = bytes.fromhex(configured) if is_hex else configured.encode()
    has_hex_form = MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES
    as_given = _is_equal(given, key)
    as_digits = _is_equal(given.lower(), key.hex().encode()) and has_hex_form
    if as_given:
        return KeyForm.BYTES if is_hex else KeyForm.TEXT
    return KeyForm.HEX if as_digits else None


def _is_equal(given: bytes, expected: bytes) -> bool:
    # Of equal lengths, so that not even the length of the right one shows in the time.
    return compare_digest(sha256(given).digest(), sha256(expected).digest())
