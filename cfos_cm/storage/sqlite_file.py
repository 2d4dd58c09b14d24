"""An SQLite database as a file: its folder and its modes, its damage, and moving it aside."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from cfos_cm.errors import StorageError
from cfos_cm.storage.faults import MAX_REASON_CHARS, DamageError, is_nonsense, plain_reason

__all__ = ["SqliteFile", "quick_check"]

#: How long a start may look for damage; a bigger file is used with the rest unchecked. [s]
MAX_CHECK_S = 5.0

#: How many of SQLite's steps pass between two looks at the clock.
_STEPS_BETWEEN_LOOKS = 1000

#: What was committed and is not in the main file yet, and what finds it there.
_LOG = "-wal"
_LOG_INDEX = "-shm"

#: What belongs to a database beside its main file. The main file is moved last: a crash in
#: between must not leave an old log beside a new database, which would take it for its own.
_COMPANIONS = (_LOG, _LOG_INDEX, "-journal")


class SqliteFile:
    """
    The place of an SQLite database.

    @ivar path: absolute, with symbolic links followed, as SQLite does for the log beside it.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)

    def prepare(self, now_s: Callable[[], float], own_tables: Collection[str]) -> None:
        """
        See that the file is there, ours and whole; make it and its folder when they are not.

        @param now_s: a clock that never goes back. [s]
        @param own_tables: a file with tables, and none of these, is another program's.
        @raise StorageError: when the path cannot be used; it names the path and the reason.
        @raise DamageError: when the content is broken.
        """
        try:
            _make_folder(Path(self.path).parent)
            if os.path.lexists(self.path):
                self._check_usable()
                quick_check(self.path, now_s, MAX_CHECK_S)
                self._check_is_ours(own_tables)
                self._close_to_others()
            else:
                self._check_no_log_is_left()
                self._make()
        except OSError as error:
            raise StorageError(f"the database {self.path}: {error.strerror}") from error

    def mark(self) -> tuple[int, int] | None:
        """What tells this file from another one at the same path; C{None}: there is none."""
        return _mark(self.path)

    def log_mark(self) -> tuple[int, int] | None:
        """What tells the log beside this file from another one; C{None}: there is none."""
        return _mark(self.path + _LOG)

    def move_aside(self, now: datetime) -> str:
        """
        Rename the file, and what belongs to it, to a name that says since when it is damaged.

        @param now: aware.
        @return: its new path. Nothing is ever overwritten.
        @raise StorageError: when that is not possible.
        """
        kept = self._free_name("damaged", now)
        try:
            self._rename((*_COMPANIONS, ""), kept)
        except OSError as error:
            raise StorageError(
                f"the database {self.path} is damaged and cannot be moved aside:"
                f" {error.strerror}"
            ) from error
        return kept

    def move_log_aside(self, log_mark: tuple[int, int] | None, now: datetime) -> str | None:
        """
        Rename a log that another file has left, and its index.

        SQLite takes every log that is beside a file for that file's own.

        @param log_mark: of that log.
        @param now: aware.
        @return: its new path. Nothing is ever overwritten. C{None}: it is not there any more,
            or nothing is in it.
        @raise StorageError: when that is not possible.
        """
        log = self.path + _LOG
        if log_mark is None or _mark(log) != log_mark:
            return None
        kept = self._free_name("replaced", now)
        try:
            if os.stat(log).st_size == 0:
                return None
            self._rename((_LOG, _LOG_INDEX), kept)
        except OSError as error:
            raise StorageError(
                f"{log} is another database's than {self.path}, and cannot be moved aside:"
                f" {error.strerror}"
            ) from error
        return kept + _LOG

    def _rename(self, endings: Sequence[str], kept: str) -> None:
        for ending in endings:
            if os.path.lexists(self.path + ending):
                os.rename(self.path + ending, kept + ending)
        _sync_folder(Path(self.path).parent)

    def _free_name(self, why: str, now: datetime) -> str:
        stem = f"{self.path}.{why}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        candidate, count = stem, 1
        while any(os.path.lexists(candidate + ending) for ending in (*_COMPANIONS, "")):
            count += 1
            candidate = f"{stem}-{count}"
        return candidate

    def _make(self) -> None:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _sync_folder(Path(self.path).parent)

    # Nothing in here opens the file except through SQLite: closing any descriptor of it would
    # drop the locks that another connection of this process holds.
    def _check_usable(self) -> None:
        found = os.stat(self.path)
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a file"
            raise StorageError(f"the database {self.path} is {kind}; allowed: a file")
        if not os.access(self.path, os.R_OK | os.W_OK):
            raise StorageError(f"the database {self.path} may not be read and written")
        if found.st_size == 0:
            self._check_no_log_is_left()

    def _close_to_others(self) -> None:
        if os.stat(self.path).st_mode & 0o077:
            os.chmod(self.path, 0o600)

    def _check_is_ours(self, own_tables: Collection[str]) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            # As bytes: in a damaged file a name need not be text.
            connection.text_factory = bytes
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            found = {bytes(name) for (name,) in rows}
        if found and not found & {name.encode() for name in own_tables}:
            raise StorageError(
                f"the database {self.path} is another program's, and was left as it is;"
                " allowed: a file of its own"
            )

    def _check_no_log_is_left(self) -> None:
        # SQLite deletes the log beside an empty file, and all that is in it.
        log = self.path + _LOG
        if os.path.lexists(log) and os.stat(log).st_size > 0:
            raise DamageError("its main file is empty and its log is not")


def _mark(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def quick_check(path: str, now_s: Callable[[], float], limit_s: float) -> bool:
    """
    Read through a database and look for damage, for a limited time.

    @param now_s: a clock that never goes back. [s]
    @param limit_s: when to give up. [s]
    @return: whether it was read to its end.
    @raise DamageError: when it is damaged.
    @raise sqlite3.Error: when SQLite cannot read it for another reason.
    """
    # With a log beside it, a page that is cut off may be whole in there.
    size_bytes = 0 if os.path.lexists(path + _LOG) else os.stat(path).st_size
    until_s = now_s() + limit_s
    with closing(sqlite3.connect(path, timeout=limit_s, isolation_level=None)) as connection:
        connection.set_progress_handler(lambda: now_s() >= until_s, _STEPS_BETWEEN_LOOKS)
        finding = _read_through(connection)
        connection.set_progress_handler(None, 0)
        if finding not in ("ok", None):
            raise DamageError(_one_line(finding))
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        if size_bytes > 1 and size_bytes % page_bytes:
            raise DamageError("its last page is cut off")
        _check_header(connection)
    return finding is not None


def _read_through(connection: sqlite3.Connection) -> str | None:
    """What SQLite finds, C{"ok"} for nothing; C{None} when the time was too short."""
    try:
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        if is_nonsense(error):
            raise DamageError(plain_reason(error)) from error
        raise
    except UnicodeDecodeError as error:
        raise DamageError("what SQLite says about it is not text") from error
    return str(finding)


def _check_header(connection: sqlite3.Connection) -> None:
    """A broken write version in the header makes a file read-only; a write shows it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {int(version)}")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY:
            raise DamageError("its header says that it must not be written") from error
        raise


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON_CHARS]


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    if os.path.lexists(folder):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Have a folder's list of names on disk, not only what is in its files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
