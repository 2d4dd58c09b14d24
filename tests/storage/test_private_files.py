"""Files that are replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.storage import private_files
from cfos_cm.storage.private_files import PUBLIC, put_file, remove_file, tidy

_BYTES = 200_000

#: Puts a file again and again; who is overtaken tries the next time.
_WRITER = f"""
import sys
from contextlib import suppress
from pathlib import Path
from cfos_cm.storage.private_files import put_file

for _ in range(200):
    with suppress(FileNotFoundError):
        put_file(Path(sys.argv[1]), sys.argv[2].encode() * {_BYTES})
"""


class PrivateFiles(SynchronousTestCase):
    """One folder."""

    def setUp(self) -> None:
        """It is empty."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "key"

    def test_replaced(self) -> None:
        """What is put is there, for those who may read it, and nothing else is."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        for content, mode in ((b"old", PUBLIC), (b"new", 0o600)):
            put_file(self.path, content, mode)
            self.assertEqual(content, self.path.read_bytes())
            self.assertEqual(mode, self.path.stat().st_mode & 0o7777)
        self.assertEqual(["key"], os.listdir(self.folder))
        remove_file(self.path)
        remove_file(self.path)
        self.assertEqual([], os.listdir(self.folder))

    def test_power_cut(self) -> None:
        """It is on disk before it takes the place of the one before, and then that is, too."""
        steps: list[str] = []

        def noted(name: str, step: Callable[..., None], *arguments: Any) -> None:
            steps.append(name)
            step(*arguments)

        for name in ("fsync", "rename"):
            self.patch(os, name, partial(noted, name, getattr(os, name)))
        put_file(self.path, b"whole")
        self.assertEqual(["fsync", "rename", "fsync"], steps)

    def test_two_processes(self) -> None:
        """Of two that write at once, nothing half written is ever in the file."""
        writers = [
            subprocess.Popen([sys.executable, "-c", _WRITER, str(self.path), letter])
            for letter in "ab"
        ]
        found = set()
        while any(one.poll() is None for one in writers):
            with contextlib.suppress(FileNotFoundError):
                found.add(self.path.read_bytes())
        self.assertEqual([0, 0], [one.returncode for one in writers])
        self.assertLessEqual(found, {b"a" * _BYTES, b"b" * _BYTES})
        self.assertEqual(["key"], os.listdir(self.folder))

    def test_overtaken(self) -> None:
        """Who is overtaken by another process fails, and the other's file is there."""
        rename, other = os.rename, os.getpid() + 1

        def overtaken(source: Any, target: Any) -> None:
            self.patch(os, "rename", rename)
            self.patch(private_files.os, "getpid", lambda: other)
            put_file(self.path, b"the other's")
            rename(source, target)

        self.patch(os, "rename", overtaken)
        self.assertRaises(FileNotFoundError, put_file, self.path, b"ours")
        self.assertEqual(b"the other's", self.path.read_bytes())
        self.assertEqual(["key"], os.listdir(self.folder))

    def test_left_over(self) -> None:
        """What a fall has left is removed, of the files that are named, and of no others."""
        names = ("key.12.new", "key.new", "key.old.new", "other.12.new", "key.12.news")
        for name in names:
            (self.folder / name).write_text("ha")
        put_file(self.path, b"whole")
        self.assertEqual({"key", *names[1:]}, set(os.listdir(self.folder)))
        tidy(self.folder, "key", "other")
        self.assertEqual(
            {"key", "key.new", "key.old.new", names[4]}, {*os.listdir(self.folder)}
        )
        tidy(self.folder / "none", "key")

    def test_link(self) -> None:
        """A link is replaced, and not followed."""
        outside = self.folder / "outside"
        outside.write_text("outside")
        for name in ("key", f"key.{os.getpid()}.new"):
            (self.folder / name).symlink_to(outside.absolute())
        put_file(self.path, b"secret")
        self.assertEqual("outside", outside.read_text())
        self.assertFalse(self.path.is_symlink())
