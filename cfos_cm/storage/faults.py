"""What a failure is called in front of people: no SQL, no values, no secrets."""

from __future__ import annotations

import sqlite3

from cfos_cm.errors import CfosError, StorageError

__all__ = [
    "MAX_REASON_CHARS",
    "DamageError",
    "as_cfos_error",
    "blames_database",
    "damage_in",
    "driver_error",
    "is_nonsense",
    "plain_reason",
]

#: A driver's message is for people; what is longer is not one line of plain words.
MAX_REASON_CHARS = 200

#: The low byte of SQLite's result codes that say that the file's content is broken.
_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class DamageError(Exception):
    """The database is there, and its content cannot be what this program once wrote."""


def driver_error(error: BaseException) -> BaseException:
    """The database driver's own exception, without SQLAlchemy's wrapping (that holds SQL)."""
    found = getattr(error, "orig", None)
    return found if isinstance(found, BaseException) else error


def damage_in(error: BaseException) -> str | None:
    """What is broken in an SQLite file, or C{None} when C{error} does not say that it is."""
    found = driver_error(error)
    if isinstance(found, DamageError):
        return str(found)
    code = getattr(found, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in _DAMAGE_CODES:
        return plain_reason(found)
    return None


def is_nonsense(error: BaseException) -> bool:
    """
    Whether SQLite, or whoever reads its answers, understood them and could not use them.

    That is so for a table or a column that is not there, and for text that is none; not for a
    lock, a full disk or an input error.
    """
    found = driver_error(error)
    if not isinstance(found, sqlite3.Error):
        return True
    code = getattr(found, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return bool(code & 0xFF == sqlite3.SQLITE_ERROR)


def blames_database(error: BaseException) -> bool:
    """
    Whether the database is what is wrong, and not what it was given.

    That is so for all that a database says, but for a value or a row that cannot be: a lock, a
    full disk, a server that went away, a right or a table that is missing. The same may be
    taken later on.
    """
    found = driver_error(error)
    if isinstance(found, MemoryError | OSError | CfosError | DamageError):
        return True
    # The names are those of Python's DB-API, which both drivers keep to.
    kinds = {kind.__name__ for kind in type(found).__mro__}
    return _is_of_database(found) and not kinds & {"DataError", "IntegrityError"}


def plain_reason(error: BaseException) -> str:
    """One line for people about an exception of the database, its driver or a piece of work."""
    found = driver_error(error)
    if isinstance(found, CfosError | DamageError):
        return str(found)
    if isinstance(found, ModuleNotFoundError):
        return f"the Python package {found.name} is not installed"
    if isinstance(found, OSError):
        return found.strerror or type(found).__name__
    diagnosis = getattr(getattr(found, "diag", None), "message_primary", None)
    if isinstance(diagnosis, str):
        return diagnosis[:MAX_REASON_CHARS]
    if isinstance(found, sqlite3.Error) or _package(found) == "psycopg":
        first_line = (str(found).splitlines() or [""])[0]
        return first_line[:MAX_REASON_CHARS] or type(found).__name__
    return type(found).__name__


def as_cfos_error(error: BaseException, what: str) -> CfosError:
    """
    What a failure is reported as.

    @param what: what could not be done; stands before the reason.
    @return: C{error} itself when this program raised it on purpose, else a L{StorageError}.
    """
    if isinstance(error, CfosError):
        return error
    stated = StorageError(f"{what}: {plain_reason(error)}")
    if not _is_of_database(error):
        # A mistake in the work is easier to find with its traceback; a database's errors are
        # left out, for their texts hold statements and values.
        stated.__cause__ = error
    return stated


def _is_of_database(error: BaseException) -> bool:
    return _package(error) in ("sqlalchemy", "sqlite3", "psycopg")


def _package(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]
