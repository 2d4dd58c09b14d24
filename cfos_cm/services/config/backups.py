"""The C{tap.cfg}s of before."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen

from cfos_cm.regular_file import read_regular_file
from cfos_cm.services.config.ini import MAX_BYTES
from cfos_cm.storage.private_files import private_folder, put_file, remove_file

__all__ = ["MOST", "Backup", "Backups"]

#: So many different ones are kept.
MOST = 5

_ID = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z")
_FORM = "%Y%m%dT%H%M%S.%fZ"


@frozen
class Backup:
    """One of them; C{id} is the moment when it was replaced, as it is in its name."""

    id: str
    at: datetime
    size_bytes: int


@frozen
class Backups:
    """
    Those in one folder. All of it reads and writes files, and is for a thread.

    @ivar folder: nobody else can look into it.
    @ivar name: of the file that they were.
    """

    folder: Path
    name: str

    def all(self) -> tuple[Backup, ...]:
        """
        Those that are there, the newest first.

        @raise OSError: if the folder cannot be read.
        """
        found = []
        for name in self._ids():
            at = _moment(name)
            if at is not None:
                with suppress(FileNotFoundError):
                    found.append(Backup(name, at, self._path(name).stat().st_size))
        return tuple(sorted(found, key=lambda one: one.id, reverse=True))

    def content(self, backup: str) -> bytes | None:
        """
        What is in one; C{None}: there is none of this C{id}.

        @raise OSError: if it cannot be read.
        """
        if not _ID.fullmatch(backup):
            return None
        try:
            return read_regular_file(str(self._path(backup)), MAX_BYTES)
        except FileNotFoundError:
            return None

    def keep(self, content: bytes, now: datetime) -> Backup:
        """
        Keep one more, on disk when this returns.

        @raise OSError: if it cannot be written.
        """
        private_folder(self.folder)
        taken, at = set(self._ids()), now.astimezone(UTC)
        while f"{at:{_FORM}}" in taken:
            at += timedelta(microseconds=1)
        name = f"{at:{_FORM}}"
        try:
            put_file(self._path(name), content)
        except OSError:
            with suppress(OSError):
                remove_file(self._path(name))
            raise
        return Backup(name, at, len(content))

    def drop(self, backup: Backup) -> None:
        """Keep one no longer. @raise OSError: if it cannot be removed."""
        remove_file(self._path(backup.id))

    def prune(self, newest: Backup) -> None:
        """
        Remove what is too much: what is in C{newest} as well, and all but the last L{MOST}.

        @raise OSError: if something cannot be removed.
        """
        content, left = self.content(newest.id), MOST - 1
        for one in self.all():
            if one.id == newest.id:
                continue
            if not left or self.content(one.id) == content:
                self.drop(one)
            else:
                left -= 1

    def texts(self) -> list[bytes]:
        """
        What is in each of them.

        @raise OSError: if one cannot be read.
        """
        return [self.content(one.id) or b"" for one in self.all()]

    def _path(self, backup: str) -> Path:
        return self.folder / f"{self.name}.{backup}"

    def _ids(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        ids = [one.removeprefix(f"{self.name}.") for one in names]
        return [one for one in ids if _ID.fullmatch(one)]


def _moment(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
