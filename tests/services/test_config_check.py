"""Tests of C{cfos-cm check}."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.check import check

SITE = """\
[ocpp server]
tls = off
[circuit c]
max_current = 16
[evse e]
type = ocpp16
address = CP-1
"""


class Check(SynchronousTestCase):
    """What the command prints, and its exit status."""

    def check(self, text: str) -> tuple[int, str, list[str]]:
        """The status, the file's name and the lines for a text."""
        path = self.mktemp()
        Path(path).write_text(text, encoding="utf-8")
        lines: list[str] = []
        return check(path, lines.append), path, lines

    def test_fine(self) -> None:
        """A file without mistakes is counted."""
        status, path, lines = self.check(SITE)
        self.assertEqual((0, [f"{path}: 1 EVSE on 1 circuit, no mistakes"]), (status, lines))

    def test_plural(self) -> None:
        """Several, or none, are counted in the plural."""
        more = "[circuit d]\nmax_current = 6\n"
        _, path, lines = self.check(SITE.split("[evse")[0] + more)
        self.assertEqual([f"{path}: 0 EVSEs on 2 circuits, no mistakes"], lines)

    def test_warnings(self) -> None:
        """Warnings follow, and leave the status alone."""
        status, path, lines = self.check(SITE + "certificate_name = Box\n")
        self.assertEqual((0, 2), (status, len(lines)))
        start = f"warning: {path}:8: [evse e] certificate_name:"
        self.assertTrue(lines[1].startswith(start), lines)

    def test_mistakes(self) -> None:
        """Each mistake is a line, and nothing else is printed."""
        text = f"{SITE}foo = 1\nenabled = x\ncertificate_name = Box\n"
        status, path, lines = self.check(text)
        self.assertEqual((1, 2), (status, len(lines)))
        self.assertTrue(lines[0].startswith(f"{path}:8: [evse e] foo:"), lines)
        self.assertTrue(lines[1].startswith(f"{path}:9: [evse e] enabled: found 'x';"), lines)

    def test_no_file(self) -> None:
        """A file that is not there is a mistake like any other."""
        lines: list[str] = []
        self.assertEqual(1, check("nowhere.cfg", lines.append))
        self.assertEqual(["nowhere.cfg: cannot be read: No such file or directory"], lines)
