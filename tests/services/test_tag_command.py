"""C{cfos-cm tag}: the local authorisation list from the console."""

from __future__ import annotations

import contextlib
import io
import sqlite3
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.console import main
from tests.services.consoles import ConsoleCase
from tests.services.sites import BAYS

CONFIG = "[ocpp server]\ntls = off\n[manager]\ndatabase = sqlite:///tags.sqlite\n" + BAYS


#: What is said of the first tag.
FIRST = "it is the first one: from now on only tags on the list may charge"


class TagCase(ConsoleCase):
    """A site's file, and no database yet."""

    def setUp(self) -> None:
        """Write the file."""
        super().setUp()
        self.write(CONFIG)

    def tag(self, *arguments: str, status: int = 0) -> list[str]:
        """Run a command; its lines."""
        ended = self.run_command("tag", *arguments)
        self.assertEqual((status, ""), (ended.status, ended.error), ended)
        return ended.lines


class Commands(TagCase):
    """What the commands do."""

    def test_list_and_remove(self) -> None:
        """A tag is in the list from when it is set until it is removed, whatever its case."""
        self.assertEqual(["the list is empty: everybody may charge"], self.tag("list"))
        self.assertEqual(["04A1B2C3D4: accepted", FIRST], self.tag("set", "04A1B2C3D4"))
        self.assertEqual(["B: accepted"], self.tag("set", "B"))
        self.assertEqual(["b: removed"], self.tag("remove", "b"))
        last = "the list is empty now: everybody may charge"
        self.assertEqual(["04a1b2c3d4: removed", last], self.tag("remove", "04a1b2c3d4"))
        self.assertEqual(["the list is empty: everybody may charge"], self.tag("list"))

    def test_options(self) -> None:
        """A tag has a status, a group and an end; a time without a zone is the computer's."""
        line = "Guest: blocked, of FAMILY, until 2030-12-31T22:59:00+00:00"
        options = ("--status", "blocked", "--parent", "FAMILY", "--expires", "2030-12-31T23:59")
        self.assertEqual([line, FIRST], self.tag("set", "Guest", *options))
        line = "GUEST: accepted, until 2030-12-31T18:59:00+00:00"
        self.assertEqual(
            [line], self.tag("set", "GUEST", "--expires", "2030-12-31T23:59+05:00")
        )
        self.assertEqual([line], self.tag("list"))

    def test_remove_unknown(self) -> None:
        """To remove what is not there is said, and is no success."""
        self.assertEqual(["Nobody: is not in the list"], self.tag("remove", "Nobody", status=1))

    def test_other_file(self) -> None:
        """The configuration can be another file; the database is beside it."""
        folder = self.folder / "site"
        folder.mkdir()
        (self.folder / "tap.cfg").rename(folder / "other.cfg")
        self.assertEqual(["A: accepted", FIRST], self.tag("set", "A", "-c", "site/other.cfg"))
        self.assertTrue((folder / "tags.sqlite").is_file())

    def test_begins_with_a_dash(self) -> None:
        """A tag that looks like an option is one behind two dashes."""
        self.assertEqual(["-x: accepted", FIRST], self.tag("set", "--", "-x"))


class Trouble(TagCase):
    """What cannot be done."""

    def test_no_file(self) -> None:
        """Without a configuration nothing is done, and no database is made."""
        (self.folder / "tap.cfg").unlink()
        lines = self.tag("list", status=1)
        self.assertEqual(["tap.cfg: cannot be read: No such file or directory"], lines)
        self.assertEqual([], list(self.folder.iterdir()))

    def test_mistakes(self) -> None:
        """Nor with mistakes in it; each is a line."""
        self.write("[ocpp server]\ntls = off\nport = x\nfoo = 1\n")
        lines = self.tag("set", "A", status=1)
        self.assertEqual(2, len(lines), lines)
        self.assertEqual(["tap.cfg"], [path.name for path in self.folder.iterdir()])

    def test_no_database(self) -> None:
        """A database that cannot be opened is named, with the reason."""
        (self.folder / "tags.sqlite").mkdir()
        (line,) = self.tag("list", status=1)
        self.assertIn(str(self.folder / "tags.sqlite"), line)
        self.assertIn("a folder", line)

    def test_locked(self) -> None:
        """One that somebody else is writing in all the time is not waited for without end."""
        path = self.folder / "tags.sqlite"
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            (line,) = self.tag("set", "B", status=1)
        self.assertIn("locked", line)


class Arguments(SynchronousTestCase):
    """What is no tag, and no time."""

    def refused(self, *arguments: str) -> str:
        """What is said of a command line that is wrong."""
        error = io.StringIO()
        with contextlib.redirect_stderr(error), self.assertRaises(SystemExit) as caught:
            main(["tag", *arguments])
        self.assertEqual(2, caught.exception.code)
        return error.getvalue()

    def test_tags(self) -> None:
        """A tag has 1 to 20 characters that can be printed."""
        for text in ("", "x" * 21, "a\nb", "\x1b[2J", "\udcff"):
            for arguments in (("set", text), ("remove", text), ("set", "A", "--parent", text)):
                with self.subTest(arguments=arguments):
                    said = self.refused(*arguments)
                    self.assertIn("is not a tag: 1 to 20 printable characters", said)
                    self.assertTrue(said.replace("\n", "").isprintable())

    def test_status(self) -> None:
        """A status is one of three; an end is what makes a tag expire."""
        said = self.refused("set", "A", "--status", "expired")
        for status in ("accepted", "blocked", "invalid"):
            self.assertIn(status, said)

    def test_times(self) -> None:
        """A time is a date of the calendar, near enough to be told in every zone."""
        for text in ("", "tomorrow", "2030-02-30", "31.12.2030", "0001-01-01T00:00+01:00"):
            with self.subTest(text=text):
                said = self.refused("set", "A", "--expires", text)
                self.assertIn("is not a time such as 2030-12-31T23:59", said)
