"""
The file in which a virtual backend keeps what it was told, so that it goes on after a restart.

One JSON object in each line, of which C{what} is C{start}, C{values} or C{stop}. A line is
there before its message is answered. All that is in memory was made of the file, so that the
bound of one is that of the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

from cfos_cm.errors import StorageError
from cfos_cm.simulator.backend.charges import Bill, Charge, Readings

__all__ = ["MAX_BOOK_BYTES", "Book"]

#: How long the file may get.
MAX_BOOK_BYTES = 16 * 1024 * 1024

_Entry = Mapping[str, Any]


class Book:
    """
    What was told, on disk.

    Each thing counts once, by what it says: a Charge Point that does not know whether it was
    heard says it again, with the same message id or with another one. The id alone tells
    nothing, because some begin to count anew when they start.

    @ivar unreadable: how many lines of the file could not be understood.
    """

    def __init__(self, path: str, max_bytes: int = MAX_BOOK_BYTES) -> None:
        """
        @param path: of the file; it and its folder are made when they are missing.
        """
        self.unreadable = 0
        self._path = path
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._file: BinaryIO | None = None
        self._charges: dict[int, Charge] = {}
        self._starts: dict[tuple[object, ...], Charge] = {}

    def open(self) -> None:
        """
        Read what is there.

        @raise StorageError: when the file cannot be used.
        """
        try:
            folder = os.path.dirname(self._path)
            if folder:
                os.makedirs(folder, mode=0o700, exist_ok=True)
            # Cards are in it: it is for its owner alone.
            number = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(number, "a+b", buffering=0)
            self._read()
        except OSError as error:
            self.close()
            raise StorageError(f"{self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def begin(
        self,
        message: tuple[str, str],
        connector: int,
        id_tag: str,
        began_at: str,
        meter_wh: int,
    ) -> tuple[Charge, bool]:
        """
        A transaction has begun.

        @param message: the identity of who says it, and the message id.
        @return: what is known of it, and whether that is news.
        @raise StorageError: when it cannot be written.
        """
        known = self._starts.get((message[0], connector, id_tag, began_at, meter_wh))
        if known is not None:
            return known, False
        number = max(self._charges, default=0) + 1
        self._write(
            what="start",
            message=message,
            number=number,
            connector=connector,
            id_tag=id_tag,
            at=began_at,
            meter_wh=meter_wh,
        )
        return self._charges[number], True

    def charge(self, charge_point: str, number: int | None) -> Charge | None:
        """One of somebody's transactions; C{None}: there is no such one."""
        found = self._charges.get(number or 0)
        return None if found is None or found.charge_point != charge_point else found

    def note(self, message: tuple[str, str], charge: Charge, readings: Readings) -> None:
        """
        Readings of a transaction; those that are known, or come after its end, change nothing.

        @raise StorageError: when they cannot be written.
        """
        news = [one for one in readings.digests if one not in charge.digests]
        if news and not charge.is_over:
            self._write(
                what="values",
                message=message,
                number=charge.number,
                readings=news,
                signed=readings.is_signed,
            )

    def end(
        self,
        message: tuple[str, str],
        charge: Charge,
        ended_at: str,
        meter_wh: int,
        readings: Readings,
    ) -> Bill | None:
        """
        A transaction has ended.

        @return: C{None} when it is known to have.
        @raise StorageError: when it cannot be written.
        """
        if charge.is_over:
            return None
        return self._write(
            what="stop",
            message=message,
            number=charge.number,
            at=ended_at,
            meter_wh=meter_wh,
            readings=readings.digests,
            signed=readings.is_signed,
        )

    @property
    def bills(self) -> int:
        """How many transactions are over."""
        return sum(charge.is_over for charge in self._charges.values())

    def _write(self, **entry: object) -> Bill | None:
        if self._file is None:
            raise StorageError(f"{self._path}: is closed")
        line = json.dumps(entry).encode("ascii") + b"\n"
        if self._size_bytes + len(line) > self._max_bytes:
            raise StorageError(
                f"{self._path}: is full, with {self._max_bytes} bytes: move it away"
            )
        try:
            written = self._file.write(line)
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}") from error
        if written < len(line):
            self._file.truncate(self._size_bytes)
            raise StorageError(f"{self._path}: the disk is full")
        self._size_bytes += written
        return self._take(entry)

    def _read(self) -> None:
        assert self._file is not None
        self._file.seek(0)
        line = b"\n"
        while line_or_end := self._file.readline(self._max_bytes):
            line = line_or_end
            self._size_bytes += len(line)
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                self.unreadable += 1
        if not line.endswith(b"\n"):
            # The program was killed while it wrote: what comes next is another line.
            self._size_bytes += self._file.write(b"\n")

    def _take(self, entry: _Entry) -> Bill | None:
        number = int(entry["number"])
        if entry["what"] == "start":
            self._start(str(entry["message"][0]), number, entry)
        charge = self._charges[number]
        charge.note(Readings(tuple(entry.get("readings", ())), bool(entry.get("signed"))))
        if entry["what"] == "stop":
            return charge.end(str(entry["at"]), int(entry["meter_wh"]))
        return None

    def _start(self, charge_point: str, number: int, entry: _Entry) -> None:
        charge = Charge(
            number=number,
            charge_point=charge_point,
            connector=int(entry["connector"]),
            id_tag=str(entry["id_tag"]),
            began_at=str(entry["at"]),
            meter_wh=int(entry["meter_wh"]),
        )
        self._charges[number] = charge
        key = (charge_point, charge.connector, charge.id_tag, charge.began_at, charge.meter_wh)
        self._starts[key] = charge
