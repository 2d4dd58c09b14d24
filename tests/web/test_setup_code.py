"""The set-up code."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.setup_code import is_setup_code, new_setup_code, setup_code_in

CODE = "H7KM-2QRS-XZ4B-9WTN"


class SetupCode(SynchronousTestCase):
    """What somebody types who has read it."""

    def test_form(self) -> None:
        """It has four groups of four letters and digits that look like no others."""
        found = {new_setup_code() for _ in range(50)}
        self.assertEqual(50, len(found))
        for code in found:
            self.assertEqual(code, setup_code_in(f"{code}\n"))
            self.assertEqual(set(), set(code) & set("IO01"))

    def test_typed(self) -> None:
        """Case, and what stands between its groups, make no difference."""
        for text in (CODE, CODE.lower(), CODE.replace("-", ""), f" {CODE.replace('-', ' ')}\n"):
            self.assertTrue(is_setup_code(text, CODE), text)

    @given(st.text(max_size=30))
    def test_others(self, text: str) -> None:
        """Nothing else is it."""
        if text.upper().replace("-", "") != CODE.replace("-", ""):
            self.assertFalse(is_setup_code(text, CODE))

    def test_wrong(self) -> None:
        """Not one that is near, nor none, nor one without end."""
        for text in ("", CODE[:-1], CODE[:-1] + "M", CODE + "N", "x" * 10**6, "\ud800" * 16):
            self.assertFalse(is_setup_code(text, CODE))

    def test_no_code(self) -> None:
        """What is in a file may be none."""
        for text in ("", "hello", CODE.lower(), CODE[:-1], CODE + CODE, CODE.replace("H", "I")):
            self.assertIsNone(setup_code_in(text))
