"""The forms of a Charge Point's password."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.wire.authorization_key import (
    MAX_KEY_BYTES,
    MIN_KEY_BYTES,
    KeyForm,
    is_hex_key,
    matches,
)

HEX = "00112233445566778899AABBccddeeff"


class MatchesTests(SynchronousTestCase):
    """What is taken for the configured password."""

    def test_bytes(self) -> None:
        """The bytes of a key in hexadecimal digits are the password."""
        self.assertIs(matches(HEX, bytes.fromhex(HEX)), KeyForm.BYTES)

    def test_digits(self) -> None:
        """The digits themselves are taken too, in capitals or not."""
        for given_text in (HEX, HEX.lower(), HEX.upper()):
            self.assertIs(matches(HEX, given_text.encode()), KeyForm.HEX)

    def test_text(self) -> None:
        """What is no key is a password as it was typed."""
        for password in ("secret", "Schlüssel", "0123", HEX + "0", HEX[:-2], "zz" * 16):
            self.assertIs(matches(password, password.encode()), KeyForm.TEXT, password)

    def test_digits_of_a_text(self) -> None:
        """A Charge Point may send the digits in which it was told a text."""
        password = "sixteen letters!"
        self.assertIs(matches(password, password.encode().hex().encode()), KeyForm.HEX)

    def test_digits_of_what_is_no_key(self) -> None:
        """It is never told a text that is too short or too long for a key."""
        for password in ("secret", "x" * 15, "x" * 21):
            self.assertIsNone(matches(password, password.encode().hex().encode()))

    def test_wrong(self) -> None:
        """Nothing else is the password."""
        for given_bytes in (b"", b"\0", HEX[:-1].encode(), bytes.fromhex(HEX)[:-1], b"x" * 500):
            self.assertIsNone(matches(HEX, given_bytes))
        for given_bytes in (b"", b"Secret", b"secret ", b"secre"):
            self.assertIsNone(matches("secret", given_bytes))

    def test_lengths(self) -> None:
        """Sixteen to twenty bytes in hexadecimal digits are a key, fewer or more are text."""
        for length in (MIN_KEY_BYTES - 1, MIN_KEY_BYTES, MAX_KEY_BYTES, MAX_KEY_BYTES + 1):
            is_key = MIN_KEY_BYTES <= length <= MAX_KEY_BYTES
            digits = "a1" * length
            found = matches(digits, bytes.fromhex(digits))
            self.assertIs(found, KeyForm.BYTES if is_key else None)

    @given(st.text(max_size=50), st.binary(max_size=50))
    def test_any(self, configured: str, given_bytes: bytes) -> None:
        """Whatever comes, it is the password in one of its forms or it is not."""
        found = matches(configured, given_bytes)
        self.assertEqual(
            found is not None,
            given_bytes == configured.encode()
            or (
                given_bytes.lower().decode("latin-1") == configured.lower()
                and len(configured) in range(32, 41)
            ),
        )


class IsHexKeyTests(SynchronousTestCase):
    """What is a key in hexadecimal digits."""

    def test_keys(self) -> None:
        """Sixteen to twenty bytes, in capitals or not."""
        for text in (HEX, HEX.upper(), "a1" * MIN_KEY_BYTES, "a1" * MAX_KEY_BYTES):
            self.assertTrue(is_hex_key(text), text)

    def test_others(self) -> None:
        """Nothing shorter, longer, odd or with other characters, of any alphabet."""
        for text in ("", HEX[:-2], HEX + "0", "a1" * 21, "zz" * 16, HEX + "\n", "\u0661" * 32):
            self.assertFalse(is_hex_key(text), text)
