"""
Readings on their way into the database.

Wallboxes repeat a start or an end until it is on disk, and that is waited for. A reading comes
every few seconds from each of hundreds: to wait for the disk for each would cost more than all
the rest that is done for it. So it is first written behind the others into a file, which takes
a few microseconds and outlives the program, and from there it goes into the database together
with others.

What the power takes is what came in the last second or so, as long as the operating system had
not written it either.

What no database takes, and what of a file cannot be read, is set aside in files whose names end
in C{.refused}: for people to look at, the program does not.

A log has an id, and its files have numbers that only ever count up, whatever database they go
into: so a database can tell what it has of which log.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from sys import getsizeof
from uuid import uuid4

from attrs import frozen

from cfos_cm.errors import StorageError
from cfos_cm.storage.reading_records import parsed, record_of
from cfos_cm.storage.readings import Reading

__all__ = ["MAX_REFUSED_BYTES", "MAX_REFUSED_FILES", "ReadingsLog", "Segment"]

#: All files that were set aside, together; what was set aside longest ago is removed beyond it.
MAX_REFUSED_BYTES = 64 * 1024 * 1024
#: The same, for files that hold next to nothing: they take a block of the disk each.
MAX_REFUSED_FILES = 10_000

_SUFFIX = ".readings"
_REFUSED_SUFFIX = ".refused"

#: Where the log's id is, and how often it was opened.
_NAME_FILE = "id"
_NAME = re.compile(rb"([0-9a-f]{32}) ([0-9]{1,9})\n")

#: The numbers that the files of one start of the program can have, before those of the next:
#: a segment each second for thirty years. Files that are older than the log's id have less.
_NUMBERS_OF_A_START = 10**9

#: A number with more digits is none of ours, nor one that a database could keep.
_MAX_DIGITS = 18


@frozen
class Segment:
    """
    Readings that go into the database together, and the files that they are in.

    @ivar number: of the last file; counts up, also over starts of the program.
    @ivar paths: more than one after a file that could not be written any more.
    @ivar held: how much memory the readings take. [bytes]
    @ivar unread: what could not be read of it is kept there; C{None}: all could be.
    """

    number: int
    paths: Sequence[str]
    readings: Sequence[Reading]
    held: int
    unread: str | None = None


class ReadingsLog:
    """The files, of which one is written at a time. Belongs to one thread."""

    def __init__(self, folder: str) -> None:
        """
        @param folder: for these files alone; it is made.
        """
        self._folder = Path(folder)
        self._next_number = 1
        self._lock: int | None = None
        self._file: int | None = None
        self._end = 0
        self._paths: list[str] = []
        self._readings: list[Reading] = []
        self._held = 0

    @property
    def waiting(self) -> int:
        """How many readings were not taken yet."""
        return len(self._readings)

    @property
    def held(self) -> int:
        """How much memory those take. [bytes]"""
        return self._held

    def open(self) -> str:
        """
        Take hold of the folder.

        @return: the log's id, which it keeps for ever.
        @raise StorageError: if the folder cannot be used, or somebody else uses it.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_hold()
            log_id, start = self._started()
        except OSError as error:
            self.close()
            raise self._stated(error) from error
        self._next_number = max(self._next_number, start * _NUMBERS_OF_A_START + 1)
        return log_id

    def left(self, done: int) -> tuple[Segment, ...]:
        """
        See what an earlier run of the program has left.

        @param done: the number of the last segment that is in the database; files up to it
            are removed.
        @return: the others, in their order.
        @raise StorageError: if they cannot be read.
        """
        found: list[Segment] = []
        number = done
        try:
            for number, path in self._files_there():
                if number <= done:
                    path.unlink()
                else:
                    found.append(self._segment(number, path))
        except OSError as error:
            raise self._stated(error) from error
        self._next_number = max(self._next_number, done + 1, number + 1)
        return tuple(found)

    def close(self) -> None:
        """Let go of the folder; what is in it stays there."""
        for file in (self._file, self._lock):
            if file is not None:
                os.close(file)
        self._file = self._lock = None

    def append(self, reading: Reading) -> None:
        """
        Write a reading behind the others; it outlives the program then.

        @raise StorageError: if it cannot be written; nothing of it is left.
        """
        record = record_of(reading)
        try:
            if self._file is None:
                self._file = self._new_file()
            written = os.write(self._file, record)
        except OSError as error:
            self._cut_off()
            raise self._stated(error) from error
        if written != len(record):
            self._cut_off()
            raise StorageError(f"no space is left for {self._folder}")
        self._end += written
        text = reading[-1]
        # One letter of four bytes makes all of them as long.
        self._held += written if text.isascii() else getsizeof(text)
        self._readings.append(reading)

    def take(self) -> Segment | None:
        """What was written since the last time; what comes now goes into another file."""
        if not self._readings:
            return None
        if self._file is not None:
            os.close(self._file)
        number = self._next_number - 1
        segment = Segment(number, self._paths, self._readings, self._held)
        self._file, self._end = None, 0
        self._paths, self._readings, self._held = [], [], 0
        return segment

    def forget(self, segment: Segment) -> None:
        """
        Remove a segment that is in the database.

        @raise StorageError: if it cannot be; the next start will do it.
        """
        try:
            for path in segment.paths:
                Path(path).unlink(missing_ok=True)
        except OSError as error:
            raise self._stated(error) from error

    def set_aside(self, number: int, readings: Iterable[Reading]) -> str:
        """
        Keep what no database takes in a file of its own, on disk; may be called in any thread.

        @param number: of the segment that they are of.
        @return: where they are. Nothing that is there already is written over.
        @raise StorageError: if they cannot be kept there.
        """
        try:
            return self._keep_aside(number, b"".join(map(record_of, readings)))
        except OSError as error:
            raise self._stated(error) from error

    def withdraw(self, path: str) -> None:
        """Remove what was set aside, because it is in the database after all."""
        with suppress(OSError):
            os.unlink(path)

    def forget_refused(self, newest: str) -> tuple[str, ...]:
        """
        Remove what was set aside longest ago, as far as it is more than may stay.

        @param newest: stays.
        @return: the files that are gone.
        @raise StorageError: if one cannot be removed.
        """
        gone: list[str] = []
        try:
            there = {path: path.stat() for path in self._folder.glob(f"*{_REFUSED_SUFFIX}")}
            octets = sum(found.st_size for found in there.values())
            # A clock that was set back may make the newest one look like the oldest.
            there.pop(Path(newest), None)
            for path, found in sorted(there.items(), key=lambda one: one[1].st_mtime_ns):
                files = 1 + len(there) - len(gone)
                if octets <= MAX_REFUSED_BYTES and files <= MAX_REFUSED_FILES:
                    break
                path.unlink(missing_ok=True)
                octets -= found.st_size
                gone.append(str(path))
        except OSError as error:
            raise self._stated(error) from error
        return tuple(gone)

    def _take_hold(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self._folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            # It goes with the program, however that ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise StorageError(f"{self._folder} is used by another charging manager") from error
        self._lock = lock

    def _started(self) -> tuple[str, int]:
        """
        The log's id, and how many times it was opened with this one.

        Counting it is what makes the numbers of this start greater than all before, also those
        that only a database knows which is away now.
        """
        path = self._folder / _NAME_FILE
        try:
            found = _NAME.fullmatch(path.read_bytes())
        except FileNotFoundError:
            found = None
        log_id, start = (found[1].decode(), int(found[2])) if found else (uuid4().hex, 0)
        new = path.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)
            _write_new(new, f"{log_id} {start + 1}\n".encode())
            new.replace(path)
            _flush(self._folder)
        except OSError:
            if found is None:
                raise
            # A full disk keeps nobody from a start: numbers go on behind those in the database.
        return log_id, start + 1

    def _files_there(self) -> list[tuple[int, Path]]:
        return sorted(
            (int(path.stem), path)
            for path in self._folder.glob(f"*{_SUFFIX}")
            if path.stem.isascii() and path.stem.isdecimal() and len(path.stem) <= _MAX_DIGITS
        )

    def _segment(self, number: int, path: Path) -> Segment:
        readings, unread = parsed(path.read_bytes())
        # What a file was made longer by, and the power took, is nothing.
        kept = self._keep_aside(number, unread) if unread.strip(b"\0") else None
        held = sum(getsizeof(reading[-1]) for reading in readings)
        return Segment(number, (str(path),), tuple(readings), held, kept)

    def _new_file(self) -> int:
        path = self._path(self._next_number)
        self._next_number += 1
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._paths.append(path)
        return file

    def _cut_off(self) -> None:
        """Nothing is left of what was written in part, or behind it nothing is written."""
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, self._end)
        except OSError:
            with suppress(OSError):
                os.close(self._file)
            self._file, self._end = None, 0

    def _keep_aside(self, number: int, content: bytes) -> str:
        attempt = 0
        while True:
            more = f"-{attempt}" if attempt else ""
            path = self._folder / f"{number:012}{more}{_REFUSED_SUFFIX}"
            try:
                _write_new(path, content)
            except FileExistsError:
                if path.read_bytes() != content:
                    attempt += 1
                    continue
                # The same was set aside before, and that could not be noted.
                _flush(path)
            _flush(self._folder)
            return str(path)

    def _path(self, number: int) -> str:
        return str(self._folder / f"{number:012}{_SUFFIX}")

    def _stated(self, error: OSError) -> StorageError:
        return StorageError(f"readings cannot be kept in {self._folder}: {error.strerror}")


def _write_new(path: Path, content: bytes) -> None:
    """All of it, on disk, or nothing."""
    with open(path, "xb", opener=_for_us_alone) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            path.unlink()
            raise


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _flush(path: Path) -> None:
    """Have on disk what was written there, or which files are in a folder."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        # Some file systems keep no folder back, and say so.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(file)
