"""
Readings on their way into the database.

Wallboxes repeat a start or an end until it is on disk, and that is waited for. A reading comes
every few seconds from each of hundreds: to wait for the disk for each would cost more than all
the rest that is done for it. So it is first written behind the others into a file, which takes
a few microseconds and outlives the program, and from there it goes into the database together
with others.

What the power takes is what came in the last second or so, as long as the operating system had
not written it either.

What no database takes is set aside, in files of the same form whose names end in C{.refused}:
for people to look at, the program does not.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from zlib import crc32

import msgspec
from attrs import frozen

from cfos_cm.errors import StorageError
from cfos_cm.storage.readings import Reading

__all__ = ["MAX_REFUSED_FILES", "ReadingsLog", "Segment", "read"]

#: What was set aside longest ago is removed beyond it. One file is a segment at most, of some
#: MiB, and it takes a mistake to make one.
MAX_REFUSED_FILES = 16

_SUFFIX = ".readings"
_REFUSED_SUFFIX = ".refused"

#: The length of a record and its checksum; a record that was written in part has another one.
_HEAD = struct.Struct("<II")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reading).decode


@frozen
class Segment:
    """
    One file, and what is in it.

    @ivar number: counts up from file to file, also over starts of the program.
    @ivar length: of the file. [bytes]
    """

    number: int
    path: str
    readings: Sequence[Reading]
    length: int


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
        self._length = 0
        self._readings: list[Reading] = []

    @property
    def waiting(self) -> int:
        """How many readings are in the file that is being written."""
        return len(self._readings)

    @property
    def length(self) -> int:
        """How long the file is that is being written. [bytes]"""
        return self._length

    def open(self, done: int) -> tuple[Segment, ...]:
        """
        See what an earlier run of the program has left.

        @param done: the number of the last segment that is in the database; files up to it
            are removed.
        @return: the others, in their order.
        @raise StorageError: if the folder cannot be used, or somebody else uses it.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_hold()
            left = sorted(
                (int(path.stem), path)
                for path in self._folder.glob(f"*{_SUFFIX}")
                if path.stem.isdigit()
            )
            for number, path in left:
                if number <= done:
                    path.unlink()
            found = tuple(_segment(number, path) for number, path in left if number > done)
        except OSError as error:
            raise self._stated(error) from error
        self._next_number = max([done, *(number for number, _ in left)]) + 1
        return found

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
        record = _record(reading)
        try:
            if self._file is None:
                self._file = self._new_file()
            written = os.write(self._file, record)
            if written != len(record):
                os.ftruncate(self._file, self._length)
                raise StorageError(f"no space is left for {self._folder}")
        except OSError as error:
            raise self._stated(error) from error
        self._length += written
        self._readings.append(reading)

    def take(self) -> Segment | None:
        """What was written since the last time; what comes now goes into another file."""
        if self._file is None:
            return None
        os.close(self._file)
        number = self._next_number - 1
        segment = Segment(number, self._path(number), self._readings, self._length)
        self._file, self._length, self._readings = None, 0, []
        return segment

    def forget(self, segment: Segment) -> None:
        """
        Remove a segment that is in the database.

        @raise StorageError: if it cannot be; the next start will do it.
        """
        try:
            os.unlink(segment.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._stated(error) from error

    def set_aside(self, segment: Segment, readings: Iterable[Reading]) -> str:
        """
        Keep what no database takes in a file of its own, on disk; may be called in any thread.

        @param readings: those of the segment that are kept; what was set aside of it before is
            replaced.
        @return: where they are.
        @raise StorageError: if they cannot be kept there.
        """
        path = self._folder / f"{segment.number:012}{_REFUSED_SUFFIX}"
        try:
            with open(path, "wb", opener=_for_us_alone) as file:
                file.writelines(map(_record, readings))
                file.flush()
                os.fsync(file.fileno())
            for old in sorted(self._folder.glob(f"*{_REFUSED_SUFFIX}"))[:-MAX_REFUSED_FILES]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise self._stated(error) from error
        return str(path)

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

    def _new_file(self) -> int:
        path = self._path(self._next_number)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._next_number += 1
        return file

    def _path(self, number: int) -> str:
        return str(self._folder / f"{number:012}{_SUFFIX}")

    def _stated(self, error: OSError) -> StorageError:
        return StorageError(f"readings cannot be kept in {self._folder}: {error.strerror}")


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _record(reading: Reading) -> bytes:
    body = _encode(reading)
    return _HEAD.pack(len(body), crc32(body)) + body


def _segment(number: int, path: Path) -> Segment:
    data = path.read_bytes()
    return Segment(number, str(path), tuple(read(data)), len(data))


def read(data: bytes) -> Iterator[Reading]:
    """The readings at the beginning of a file's content, as far as it is whole."""
    place = 0
    while place + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if len(body) != length or crc32(body) != checksum:
            return
        try:
            yield _decode(body)
        except msgspec.MsgspecError:
            return
        place += _HEAD.size + length
