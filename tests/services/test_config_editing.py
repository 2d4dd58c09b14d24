"""Tests of L{cfos_cm.services.config.editing}."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import ConfigError
from cfos_cm.services.config import parse_config
from cfos_cm.services.config.editing import (
    AddSection,
    Change,
    RemoveSection,
    RenameSection,
    SetOptions,
    edited,
)
from cfos_cm.services.config.ini import read_ini

SAMPLE = (Path(__file__).parents[2] / "tap.cfg").read_text(encoding="utf-8")

#: Values by section and option.
Values = dict[str, dict[str, str | None]]


_QUOTED = re.compile(r'^[ \t]*".*?"(?=[ \t]+;|[ \t\r]*$)')
_BEHIND = re.compile(r"[ \t];.*")


def values(text: str) -> Values:
    """All that a text says, which has no mistakes."""
    ini = read_ini(text, "tap.cfg")
    assert not ini.mistakes, ini.mistakes
    return {
        one.heading: {option.name: option.value for option in one.options.values()}
        for one in ini.sections
    }


def changed(text: str, *changes: Change) -> str:
    """The text with changes."""
    return edited(text, "tap.cfg", changes)


def refused(text: str, *changes: Change) -> str:
    """Why a change cannot be made."""
    try:
        edited(text, "tap.cfg", changes)
    except ConfigError as error:
        return str(error)
    raise AssertionError("it was made")


def comments(text: str) -> list[str]:
    """The lines that say nothing, and what stands behind values as a comment."""
    found = []
    for line in text.removeprefix("\ufeff").split("\n"):
        stripped = line.strip(" \t\r")
        if not stripped or stripped[0] in ";#":
            found.append(line)
        elif "=" in line:
            found += _BEHIND.findall(_QUOTED.sub("", line.partition("=")[2]))[:1]
    return [one.rstrip("\r") for one in found if one.strip(" \t\r")]


class Options(SynchronousTestCase):
    """Options that are set, and taken back."""

    def test_forms(self) -> None:
        """Only the value is another one: what is around it on its line stays."""
        for before, value, after in (
            ("x = 1", "2", "x = 2"),
            ("x=1", "2", "x=2"),
            ("  x\t=\t1  ", "2", "  x\t=\t2  "),
            ("x = 1 ; one", "2", "x = 2 ; one"),
            ("x = 1\t;one", "2", "x = 2\t;one"),
            ('x = "1" ; one', "2", 'x = "2" ; one'),
            ('x = "a ; b"', "c", 'x = "c"'),
            ("x =", "2", "x = 2"),
            ("x=", "2", "x=2"),
            ("x = ; one", "2", "x = 2 ; one"),
            ("x =;b", "c", "x =c"),
            ("x = a;b ; c", "d;e", "x = d;e ; c"),
            ("x = 1", "", "x ="),
            ("x = 1 ; one", "", "x =  ; one"),
            ("x = 1", "a ; b", 'x = "a ; b"'),
            ("x = 1", " a", 'x = " a"'),
            ("x = 1", '"a"', 'x = ""a""'),
            ("x = 1", ";a", 'x = ";a"'),
            ("x = 1", 'a"b', 'x = a"b'),
            ("x = 1", "1", "x = 1"),
            ('x = "1"', "1", 'x = "1"'),
        ):
            text = changed(f"[a]\n{before}\n", SetOptions("a", {"x": value}))
            self.assertEqual(f"[a]\n{after}\n", text, before)
            self.assertEqual({"a": {"x": value}}, values(text), before)

    def test_refused(self) -> None:
        """What no line can hold is refused, and is not repeated."""
        for value in ("a\nb", "a\rb", "\x00", "\x1b[2J", "\u2028", "\ud800", 'a" ; b', '"\t;'):
            for there in ("x = 1\n", ""):
                words = refused(f"[a]\n{there}", SetOptions("a", {"x": value}))
                self.assertIn("[a] x:", words)
                self.assertIn("must not contain", words)
                self.assertNotIn(value, words)
        words = refused("[a]\n", SetOptions("a", {"x = 1\ny": "2"}))
        self.assertIn("name that none can have", words)
        self.assertIn("no such section", refused("[a]\n", SetOptions("b", {"x": "1"})))

    def test_text_with_mistakes(self) -> None:
        """A text that cannot be read is left alone, and all that is wrong with it is said."""
        words = refused("[a]\njunk\nx = 1\nx = 2\n", SetOptions("a", {"x": "3"}))
        self.assertEqual(2, len(words.splitlines()))

    def test_behind_its_comment(self) -> None:
        """A default that stands there as a comment stays, and the option comes behind it."""
        text = "[a]\n; What it is.\n;x = 1\n; Another.\n;y = 2\n\n[b]\n;x = 3\n"
        self.assertEqual(
            text.replace(";x = 1\n", ";x = 1\nx = 5\n"),
            changed(text, SetOptions("a", {"x": "5"})),
        )

    def test_not_in_a_section_that_is_a_comment(self) -> None:
        """The defaults of a section that is commented out are no place for another's."""
        text = "[a]\ny = 1\n\n;[b]\n;x = 1\n"
        self.assertEqual(
            text.replace("y = 1\n", "y = 1\nx = 5\n"),
            changed(text, SetOptions("a", {"x": "5"})),
        )

    def test_behind_the_last(self) -> None:
        """Any other one comes behind the last option, before what belongs to the next."""
        for before, after in (
            ("[a]\ny = 1\n\n; b\n[b]\n", "[a]\ny = 1\nx = 5\n\n; b\n[b]\n"),
            ("[a]\n; b\n[b]\n", "[a]\nx = 5\n; b\n[b]\n"),
            ("[a]\n  y = 1", "[a]\n  y = 1\n  x = 5"),
            ("[a]", "[a]\nx = 5"),
            ("[a]\r\ny = 1", "[a]\r\ny = 1\r\nx = 5"),
            ("[a]\r\ny = 1\r\n", "[a]\r\ny = 1\r\nx = 5\r\n"),
            ("\ufeff[a]\n", "\ufeff[a]\nx = 5\n"),
        ):
            text = changed(before, SetOptions("a", {"x": "5"}))
            self.assertEqual(after, text)
            self.assertEqual(before, changed(text, SetOptions("a", {"x": None})))

    def test_taken_back(self) -> None:
        """It is gone with its line; one that is not there is no mistake."""
        text = "[a]\nx = 1 ; one\ny = 2\n"
        self.assertEqual("[a]\ny = 2\n", changed(text, SetOptions("a", {"x": None, "z": None})))


class Sections(SynchronousTestCase):
    """Sections that come, go and get other names."""

    def test_sample(self) -> None:
        """In the sample a section that was added and removed leaves nothing."""
        for heading in ("evse bay-3", "circuit c", "meter m", "gateway g", "simulator s"):
            text = changed(SAMPLE, AddSection(heading, {"type": "x", "y": None}))
            self.assertEqual({**values(SAMPLE), heading: {"type": "x"}}, values(text))
            self.assertEqual(SAMPLE, changed(text, RemoveSection(heading)))

    def test_behind_its_kind(self) -> None:
        """A new one comes behind the last of its kind, or of those that come before."""
        text = "[circuit a]\nx = 1\n;y = 2\n; z\n\n; Of b.\n[gateway b]\nx = 1\n"
        self.assertEqual(
            text.replace("; z\n", "; z\n\n[circuit c]\n"),
            changed(text, AddSection("circuit c")),
        )
        self.assertEqual(
            text.replace("; z\n", "; z\n\n[evse c]\n"), changed(text, AddSection("evse c"))
        )
        self.assertEqual(text + "\n[gateway c]\n", changed(text, AddSection("gateway c")))
        self.assertEqual(text + "\n[manager]\n", changed(text, AddSection("manager")))
        self.assertEqual("[manager]\n", changed("", AddSection("manager")))

    def test_dense(self) -> None:
        """Where no empty lines are between sections, none are put there."""
        text = "[evse a]\nx = 1\n; Of b.\n[gateway b]\n"
        added = changed(text, AddSection("evse c", {"x": "2"}))
        self.assertEqual(text.replace("x = 1\n", "x = 1\n[evse c]\nx = 2\n"), added)
        self.assertEqual(text, changed(added, RemoveSection("evse c")))

    def test_behind_its_comment(self) -> None:
        """One whose heading is a comment comes behind that, and goes without the comments."""
        text = "[a]\nx = 1\n\n; The page.\n;[web]\n; Where.\n;listen = tcp:1\n\n[b]\n"
        for change in (
            AddSection("web", {"listen": "tcp:2"}),
            SetOptions("web", {"listen": "tcp:2"}),
        ):
            added = changed(text, change)
            expected = text.replace(";[web]\n", ";[web]\n[web]\n").replace(
                "tcp:1\n", "tcp:1\nlisten = tcp:2\n"
            )
            self.assertEqual(expected, added)
            self.assertEqual(text, changed(added, RemoveSection("web")))

    def test_not_before_options_of_another(self) -> None:
        """Where options of the section above come behind that, it comes elsewhere."""
        text = "[manager]\n;[web]\ntitle = X\n"
        added = changed(text, AddSection("web"))
        self.assertEqual({"manager": {"title": "X"}, "web": {}}, values(added))

    def test_only_one(self) -> None:
        """One of which there is one only is there when it is needed."""
        text = changed("[evse a]\n", SetOptions("manager", {"title": "X", "cycle": None}))
        self.assertEqual({"evse a": {}, "manager": {"title": "X"}}, values(text))
        self.assertEqual("[evse a]\n", changed("[evse a]\n", SetOptions("web", {"x": None})))

    def test_refused(self) -> None:
        """What cannot be is refused with words."""
        text = "[evse a]\n[evse b]\n[manager]\n"
        for change, words in (
            (AddSection("evse a"), "there already, in line 1"),
            (AddSection("evse c]\nx = 1\n["), "is no heading"),
            (AddSection("evse c ; d"), "is no heading"),
            (RemoveSection("evse c"), "no such section"),
            (RenameSection("evse c", "evse d"), "no such section"),
            (RenameSection("evse a", "evse b"), "there is a [evse b] already"),
            (RenameSection("evse a", "meter a"), "[evse NAME] only"),
            (RenameSection("evse a", "evse a]\n"), "[evse NAME] only"),
            (RenameSection("manager", "manager a"), "only"),
        ):
            self.assertIn(words, refused(text, change), change)

    def test_renamed(self) -> None:
        """Who refers to it does so by its new name, and nobody else does."""
        text = changed(
            SAMPLE,
            RenameSection("circuit house", "circuit main"),
            RenameSection("evse bay-1", "evse left"),
            RenameSection("meter grid", "meter bay-2"),
            RenameSection("gateway bay-2", "gateway right"),
        )
        config = parse_config(text, "tap.cfg")
        self.assertEqual(["main", "garage"], [one.name for one in config.circuits])
        self.assertEqual("main", config.circuits[1].parent)
        self.assertEqual("bay-2", config.circuits[0].meter)
        self.assertEqual(["left", "bay-2"], [one.evse for one in config.gateways])
        self.assertEqual(["bay-1", "right"], [one.name for one in config.gateways])
        self.assertEqual(comments(SAMPLE), comments(text))

    def test_renamed_line(self) -> None:
        """Only the name is another one: what is around it on its line stays."""
        text = changed(
            "  [ evse  a ] ; one\r\n[gateway g]\r\nevse = \"a\" ; 'a'\r\n",
            RenameSection("evse a", "evse b"),
        )
        self.assertEqual("  [evse b] ; one\r\n[gateway g]\r\nevse = \"b\" ; 'a'\r\n", text)

    def test_together(self) -> None:
        """Changes are made one after the other; with one that cannot be made none is."""
        text = changed(
            "[evse a]\nx = 1\n",
            RenameSection("evse a", "evse b"),
            SetOptions("evse b", {"x": "2"}),
            AddSection("evse a", {"x": "3"}),
        )
        self.assertEqual({"evse b": {"x": "2"}, "evse a": {"x": "3"}}, values(text))


NAMES = st.sampled_from(["x", "y", "max_current", "circuit"])
PLAIN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12)
SPICY = st.lists(st.sampled_from([*"\"; \t=#[]ab'", "\u00a0"]), max_size=8).map("".join)
VALUES = st.one_of(PLAIN, SPICY).filter(lambda one: not re.search(r'"[ \t]+;', one))
GAPS = st.sampled_from(["", " ", "\t", "  "])


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """The lines of a section."""
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    found = []
    for name in names:
        value = draw(st.sampled_from(["", "1", "a b", '"q"', '" ; "', '"a"b"', "a;b", "a=b"]))
        comment = draw(st.sampled_from(["", " ; c", "\t;c", " ;", "   "]))
        found.append(f"{draw(GAPS)}{name}{draw(GAPS)}={draw(GAPS)}{value}{comment}")
    extra = st.sampled_from(["", "; prose", ";x = 7", "#y=8", "  ", ";[evse z]", "; [web]"])
    for _ in range(draw(st.integers(0, 4))):
        found.insert(draw(st.integers(0, len(found))), draw(extra))
    return found


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A text without mistakes."""
    headings = draw(
        st.lists(
            st.sampled_from(["manager", "web", "evse a", "evse b", "circuit a", "gateway a"]),
            unique=True,
            max_size=4,
        )
    )
    found = list(draw(st.sampled_from([[], ["; top", ""], [";[web]"]])))
    for heading in headings:
        found += [f"[{heading}]{draw(st.sampled_from(['', ' ; h', ' ']))}", *draw(lines())]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + end.join(found) + draw(st.sampled_from(["", end]))


class Anything(SynchronousTestCase):
    """Whatever stands in a text."""

    @given(texts(), NAMES, VALUES)
    @settings(max_examples=400, deadline=None)
    def test_set(self, text: str, name: str, value: str) -> None:
        """It reads as it was set; all else, comments too, is as it was, and so it goes back."""
        before = values(text)
        for heading, options in before.items():
            new = changed(text, SetOptions(heading, {name: value}))
            self.assertEqual({**before, heading: {**options, name: value}}, values(new))
            self.assertEqual(comments(text), comments(new))
            back = changed(new, SetOptions(heading, {name: options.get(name)}))
            self.assertEqual(before, values(back))
            if name not in options:
                self.assertEqual(text, back)
            self.assertEqual(text.endswith("\n"), new.endswith("\n"))

    @given(texts(), st.sampled_from(["web", "evse n", "circuit n", "simulator n"]), VALUES)
    @settings(max_examples=300, deadline=None)
    def test_added(self, text: str, heading: str, value: str) -> None:
        """A section that is added is there, and what was there is."""
        before = values(text)
        if heading not in before:
            new = changed(text, AddSection(heading, {"x": value}))
            self.assertEqual({**before, heading: {"x": value}}, values(new))
            # What stands behind its place was a comment and is one, in the same order.
            self.assertEqual(comments(text), comments(new))
            self.assertEqual(before, values(changed(new, RemoveSection(heading))))

    @given(texts())
    @settings(max_examples=200, deadline=None)
    def test_removed(self, text: str) -> None:
        """A section that is removed is gone, and nothing else that says something."""
        before = values(text)
        for heading in before:
            rest = {name: one for name, one in before.items() if name != heading}
            self.assertEqual(rest, values(changed(text, RemoveSection(heading))))

    @given(texts())
    @settings(max_examples=200, deadline=None)
    def test_renamed_and_back(self, text: str) -> None:
        """A section that gets its old name again leaves the text as it was, but for spaces."""
        for heading in values(text):
            kind, _, name = heading.partition(" ")
            if name and "zz" not in text:
                new = changed(text, RenameSection(heading, f"{kind} zz"))
                self.assertEqual(
                    values(text), values(changed(new, RenameSection(f"{kind} zz", heading)))
                )
                self.assertEqual(comments(text), comments(new))
