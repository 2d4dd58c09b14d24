"""The set-up code in its file."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web.setup_file import SetupFile
from cfos_cm.web.setup_code import setup_code_in

OTHER = "AAAA-BBBB-CCCC-DDDD"


class Kept(SynchronousTestCase):
    """Which code counts."""

    def setUp(self) -> None:
        """There is no folder yet."""
        self.folder = Path(self.mktemp()).absolute()
        self.path = self.folder / "setup-code"
        self.file = SetupFile(str(self.folder))

    def test_made(self) -> None:
        """A code is made, in a file and a folder that nobody else can look into."""
        code = self.file.code()
        self.assertEqual(code, setup_code_in(self.path.read_text()))
        modes = [path.stat().st_mode & 0o777 for path in (self.path, self.folder)]
        self.assertEqual([0o600, 0o700], modes)

    def test_kept(self) -> None:
        """The next start has the same one."""
        self.assertEqual(self.file.code(), SetupFile(str(self.folder)).code())

    def test_not_ours_alone(self) -> None:
        """One that others could have read or written is replaced, and closed to them."""
        for mode in (0o640, 0o604, 0o622):
            self.folder.mkdir(exist_ok=True)
            self.path.write_text(OTHER)
            self.path.chmod(mode)
            self.assertNotEqual(OTHER, self.file.code())
            self.assertEqual(0o600, self.path.stat().st_mode & 0o777)

    def test_no_file(self) -> None:
        """What is a link is not followed, neither to be read nor to be written."""
        self.folder.mkdir()
        target = self.folder / "elsewhere"
        target.write_text(OTHER)
        target.chmod(0o600)
        self.path.symlink_to(target)
        self.assertNotEqual(OTHER, self.file.code())
        self.assertEqual(OTHER, target.read_text())
        self.assertFalse(self.path.is_symlink())

    def test_damaged(self) -> None:
        """What is no code is replaced by one."""
        self.folder.mkdir()
        for content in (b"", b"\xff\xfe", b"x" * 10**6, OTHER[:-1].encode()):
            self.path.write_bytes(content)
            self.path.chmod(0o600)
            self.assertEqual(self.file.code(), setup_code_in(self.path.read_text()))

    def test_cannot_be_kept(self) -> None:
        """Where there is no room for the file there is a code all the same, and a line."""
        self.folder.write_text("a file")
        with capturedLogs() as events:
            code = self.file.code()
        self.assertEqual(code, setup_code_in(code))
        (line,) = [formatEvent(event) for event in events]
        self.assertIn("another one after a restart", line)
        self.assertNotIn(code, line)

    def test_removed(self) -> None:
        """It is gone when it is not needed; to remove it twice is no mistake."""
        self.file.code()
        self.file.remove()
        self.assertFalse(os.path.lexists(self.path))
        self.file.remove()

    def test_cannot_be_removed(self) -> None:
        """What cannot be removed is told of."""
        self.folder.mkdir()
        self.path.mkdir()
        with capturedLogs() as events:
            self.file.remove()
        (line,) = [formatEvent(event) for event in events]
        self.assertIn("cannot be removed", line)
