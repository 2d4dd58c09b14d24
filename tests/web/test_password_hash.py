"""Passwords of people, as what can be kept of them."""

from __future__ import annotations

import unicodedata
from base64 import b64decode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.password_hash import (
    WORK,
    BadPassword,
    Work,
    checked_password,
    hash_password,
    is_password,
    nobodys_hash,
    work_of,
)

#: So little that a test does not take long.
LITTLE = Work(4, 8, 1)

PASSWORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40).map(
    lambda text: unicodedata.normalize("NFC", text)[:128]
)


class Hashes(SynchronousTestCase):
    """What is kept of a password."""

    def test_parameters(self) -> None:
        """New ones are made with OWASP's parameters, which stand in their text."""
        text = hash_password("correct horse")
        self.assertTrue(text.startswith("$scrypt$ln=15,r=8,p=3$"), text)
        self.assertEqual(WORK, work_of(text))
        self.assertTrue(is_password("correct horse", text))
        self.assertFalse(is_password("correct horsf", text))

    def test_known_answer(self) -> None:
        """It is scrypt as RFC 7914 has it: the third vector of its section 12, cut to 32."""
        text = hash_password("pleaseletmein", Work(14, 8, 1), b"SodiumChloride")
        digest = b64decode(text.rpartition("$")[2])
        self.assertEqual(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2", digest.hex()
        )

    def test_salted(self) -> None:
        """The same password is another text each time, and none of it is the password."""
        one, other = (hash_password("correct horse", LITTLE) for _ in range(2))
        self.assertNotEqual(one, other)
        self.assertNotIn("correct", one)

    @settings(max_examples=50, deadline=None)
    @given(PASSWORDS, PASSWORDS)
    def test_right_and_wrong(self, one: str, other: str) -> None:
        """A password is right for its own hash, in whatever form it is typed."""
        text = hash_password(checked_password(one), LITTLE)
        for form in ("NFC", "NFD"):
            self.assertTrue(is_password(unicodedata.normalize(form, one), text))
        self.assertEqual(one == other, is_password(other, text))

    def test_no_hash(self) -> None:
        """What is no hash of ours is nobody's password, and takes no memory."""
        good = hash_password("correct horse", LITTLE)
        for text in (
            "",
            "correct horse",
            good[:-1],
            good.replace("ln=4", "ln=30"),
            good.replace("r=8", "r=0"),
            good.replace("p=1", "p=99999"),
            good.replace("$scrypt", "$argon2id"),
            "$scrypt$ln=4,r=8,p=1$=$" + "A" * 44,
        ):
            with self.subTest(text=text):
                self.assertIsNone(work_of(text))
                self.assertFalse(is_password("correct horse", text))

    def test_half_a_character(self) -> None:
        """What is no text is wrong, and not an error."""
        self.assertFalse(is_password("\ud800" * 9, hash_password("?" * 9, LITTLE)))

    def test_nobodys(self) -> None:
        """Nobody's hash is as much work as another one, and of no password."""
        text = nobodys_hash(LITTLE)
        self.assertEqual(LITTLE, work_of(text))
        self.assertFalse(is_password("", text))


class NewPasswords(SynchronousTestCase):
    """What can become a password."""

    def test_length(self) -> None:
        """It has 8 to 128 characters, whichever they are."""
        for text in ("x" * 8, "x" * 128, " " * 8, "пароль от гаража"):
            self.assertEqual(text, checked_password(text))
        for text in ("", "x" * 7, "x" * 129, "\ud800" * 9):
            with self.subTest(text=text):
                error = self.assertRaises(BadPassword, checked_password, text)
                self.assertNotIn(text or "nothing", str(error))

    def test_counted_as_kept(self) -> None:
        """Letters are counted in the form that is kept."""
        error = self.assertRaises(BadPassword, checked_password, "é" * 7)
        self.assertIn("this one has 7", str(error))
        self.assertEqual("é" * 8, checked_password("é" * 8))
