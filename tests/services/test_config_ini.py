"""Tests of L{cfos_cm.services.config.ini}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.config.ini import MAX_BYTES, MAX_LINES, IniFile, read_ini


def values(text: str) -> dict[str, str | None]:
    """The options of the only section of a text that has no mistakes."""
    ini = read_ini("[a]\n" + text, "t.cfg")
    assert not ini.mistakes, ini.mistakes
    (section,) = ini.sections
    return {name: option.value for name, option in section.options.items()}


def complaints(ini: IniFile) -> list[tuple[int, str, str]]:
    """The line, the section and the option of each mistake."""
    return [(one.line, one.section, one.option) for one in ini.mistakes]


class Values(SynchronousTestCase):
    """What stands behind an equals sign."""

    def test_forms(self) -> None:
        """A value is what is left without spaces, comments and the quotes around it."""
        for written, value in (
            ("x = 1", "1"),
            ("x=1", "1"),
            ("  x\t=\t1  ", "1"),
            ("x = 1 ; one", "1"),
            ("x = 1\t; one", "1"),
            ("x = a;b", "a;b"),
            ("x =;b", ";b"),
            ("x = ; b", ""),
            ("x =", ""),
            ("x = a = b", "a = b"),
            ("x = # 1", "# 1"),
            ('x = "a ; b"', "a ; b"),
            ('x = " a "', " a "),
            ('x = "a" ; b', "a"),
            ('x = "a" ; say "b"', "a"),
            ('x = "a"b"', 'a"b'),
            ('x = "a";b"', 'a";b'),
            ('x = ""', ""),
            ('x = a "b"', 'a "b"'),
            ("x = %(y)s ${y} \\n", "%(y)s ${y} \\n"),
            ("x = Köln", "Köln"),
        ):
            self.assertEqual({"x": value}, values(written), written)

    def test_comments(self) -> None:
        """Lines that begin with a semicolon or a hash, and empty ones, say nothing."""
        self.assertEqual({"x": "1"}, values("; a\n  ;b = 2\n# c\n \t\n;[d]\nx = 1"))

    def test_line_ends(self) -> None:
        """Lines end as on any system; a byte order mark is no text."""
        ini = read_ini("\ufeff[a]\r\nx = 1\r\n[b]\ny = 2", "t.cfg")
        self.assertEqual((), ini.mistakes)
        self.assertEqual(["a", "b"], [one.heading for one in ini.sections])
        self.assertEqual("1", ini.sections[0].options["x"].value)
        self.assertEqual(4, ini.sections[1].options["y"].line)

    def test_heading(self) -> None:
        """Spaces in a heading do not matter, and a comment may follow it."""
        (section,) = read_ini("  [ ocpp \t server ] ; here\n", "t.cfg").sections
        self.assertEqual("ocpp server", section.heading)


class Mistakes(SynchronousTestCase):
    """What is not of the form."""

    def test_repeated(self) -> None:
        """A section or option that is there already is reported; the first one stays."""
        ini = read_ini("[a]\nx = 1\nx = 2\n[b]\n[a]\ny = 3", "t.cfg")
        self.assertEqual([(3, "a", "x"), (5, "a", "")], complaints(ini))
        self.assertEqual("1", ini.sections[0].options["x"].value)
        self.assertIn("line 1", ini.mistakes[1].allowed)
        self.assertEqual([False, False, True], [one.repeated for one in ini.sections])

    def test_outside(self) -> None:
        """An option before any section is reported."""
        self.assertEqual([(1, "", "x")], complaints(read_ini("x = 1\n[a]", "t.cfg")))

    def test_neither(self) -> None:
        """A line that is none of the forms is reported, and reading goes on."""
        ini = read_ini("[a]\njunk\n= 1\n1x = 2\nx y = 3\ny = 4", "t.cfg")
        self.assertEqual([(line, "a", "") for line in (2, 3, 4, 5)], complaints(ini))
        self.assertEqual(["y"], list(ini.sections[0].options))

    def test_bad_heading(self) -> None:
        """What follows a heading that cannot be read counts for no other section."""
        for heading in ("[b", "[]", "[ ]", "[b] c", "["):
            ini = read_ini(f"[a]\n{heading}\nx = 1\n[c]\ny = 2", "t.cfg")
            self.assertEqual([(2, "", "")], complaints(ini), heading)
            self.assertEqual(
                [{}, {"y"}], [one.options and set(one.options) for one in ini.sections]
            )

    def test_quotes(self) -> None:
        """A quote that is not closed, or has text behind it, is reported; there is no value."""
        for written in ('"abc', '"', '"a" b', '"a" "b" c'):
            ini = read_ini(f"[a]\nx = {written}", "t.cfg")
            self.assertEqual([(2, "a", "x")], complaints(ini), written)
            self.assertIsNone(ini.sections[0].options["x"].value)

    def test_control_characters(self) -> None:
        """A control character, a lone surrogate or a foreign line end is reported by itself."""
        for character in ("\x00", "\x1b", "\x7f", "\x85", "\r", "\ud800", "\u2028", "\f"):
            ini = read_ini(f"[a]\nx = 1{character}2\ny = 3", "t.cfg")
            self.assertEqual([(2, "a", "x")], complaints(ini), repr(character))
            self.assertEqual(character, ini.mistakes[0].found)
            self.assertIsNone(ini.sections[0].options["x"].value)
            self.assertEqual("3", ini.sections[0].options["y"].value)

    def test_found_is_open(self) -> None:
        """What was found is repeated for the options that may be shown, and only for them."""
        text = '[a]\nx 1\nx: 1\nx = "1\ny 2\ny: 2\ny = "2\nz 2'
        ini = read_ini(text, "t.cfg", {"x"})
        found = [one.found for one in ini.mistakes]
        self.assertEqual(["x 1", "x: 1", '"1', "***", "***", "***", "***"], found)

    def test_found_is_bounded(self) -> None:
        """A long line is not repeated as a whole."""
        ini = read_ini("[a]\nx " + "1" * 10_000, "t.cfg", {"x"})
        self.assertLess(len(ini.mistakes[0].found), 100)

    def test_no_terminal_codes(self) -> None:
        """A heading that would turn a terminal's text around is shown without that."""
        (section,) = read_ini("[evse \u202eabc]", "t.cfg").sections
        self.assertEqual("evse ?abc", section.heading)


class Bounds(SynchronousTestCase):
    """How much is read."""

    def test_lines(self) -> None:
        """So many lines are read, and not one more."""
        most = "[a]\n" + ";\n" * (MAX_LINES - 1)
        self.assertEqual((), read_ini(most, "t.cfg").mistakes)
        self.assertEqual((), read_ini(most.removesuffix("\n"), "t.cfg").mistakes)
        ini = read_ini(most + ";", "t.cfg")
        self.assertEqual([(0, "", "")], complaints(ini))
        self.assertEqual((), ini.sections)

    def test_characters(self) -> None:
        """So many characters are read, and not one more."""
        self.assertEqual((), read_ini(";" * MAX_BYTES, "t.cfg").mistakes)
        self.assertEqual([(0, "", "")], complaints(read_ini(";" * (MAX_BYTES + 1), "t.cfg")))

    def test_costly_lines(self) -> None:
        """
        A line made to be costly is read all the same. Time that grows with the square of its
        length would run into the time limit of the tests.
        """
        for pattern in ('"', '" ', '"\t \t', "[", " ;", " "):
            repeated = pattern * ((MAX_BYTES - 20) // len(pattern))
            read_ini(f'[a]\nx = "{repeated}1', "t.cfg", {"x"})
            read_ini(f"[a]\n{repeated}1", "t.cfg", {"x"})


class Anything(SynchronousTestCase):
    """Texts that nobody would write."""

    @given(st.text())
    def test_never_raises(self, text: str) -> None:
        """Any text is read, and every mistake names a line that is there."""
        ini = read_ini(text, "t.cfg")
        lines = text.count("\n") + 1
        for one in ini.mistakes:
            self.assertTrue(1 <= one.line <= lines, one)

    @given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"])))
    def test_quoted(self, value: str) -> None:
        """Any value without control characters stands between quotes as it is."""
        # Behind a quote, white space and a semicolon are a comment: that is the one exception.
        value = value.replace('" ', "").replace('"\t', "")
        self.assertEqual({"x": value}, values(f'x = "{value}"'))
