"""Reading a file that a person has named."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.regular_file import read_regular_file


class ReadTests(SynchronousTestCase):
    """A file of at most four bytes."""

    def read(self, path: str) -> bytes:
        """What is in it."""
        return read_regular_file(path, 4)

    def test_bounded(self) -> None:
        """Of one that is too long one byte more is read, so that it is known."""
        path = self.mktemp()
        for content, read in ((b"", b""), (b"abcd", b"abcd"), (b"abcdefg", b"abcde")):
            with open(path, "wb") as file:
                file.write(content)
            self.assertEqual(read, self.read(path))

    def test_pipe(self) -> None:
        """A pipe, to which nobody writes, is not waited for; nor is a folder read."""
        pipe, folder = self.mktemp(), self.mktemp()
        os.mkfifo(pipe)
        os.mkdir(folder)
        for path in (pipe, folder):
            error = self.assertRaises(OSError, self.read, path)
            self.assertEqual("it is not a regular file", error.strerror)

    def test_pipe_meanwhile(self) -> None:
        """Nor is one waited for that was a file until a moment ago."""
        pipe = self.mktemp()
        os.mkfifo(pipe)
        # Should it wait all the same, its other end is there.
        other_end = os.open(pipe, os.O_RDWR)
        self.addCleanup(os.close, other_end)
        self.patch(os.path, "isfile", lambda path: True)
        os.write(other_end, b"abcdef")
        error = self.assertRaises(OSError, self.read, pipe)
        self.assertEqual("it is not a regular file", error.strerror)

    def test_none(self) -> None:
        """One that is not there, and what is no name."""
        self.assertRaises(FileNotFoundError, self.read, self.mktemp())
        self.assertRaises(ValueError, self.read, "a\0b")
