"""Who is to blame for what a database says."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, PendingRollbackError, StatementError
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import StorageError
from cfos_cm.storage.faults import DamageError, blames_database


class Blame(SynchronousTestCase):
    """A failure is the database's, but where a value or a row cannot be."""

    def test_row(self) -> None:
        """What the database says about a row, or the driver about a value, blames the row."""
        for error in (
            sqlite3.IntegrityError("NOT NULL constraint failed"),
            sqlite3.DataError("string or blob too big"),
            DBAPIError("INSERT", {}, sqlite3.IntegrityError("CHECK constraint failed")),
            StatementError("a datetime without a zone", "INSERT", {}, ValueError()),
            OverflowError("Python int too large to convert to SQLite INTEGER"),
            UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        ):
            self.assertFalse(blames_database(error), error)

    def test_database(self) -> None:
        """All else blames the database."""
        for error in (
            sqlite3.OperationalError("no such table: meter_values"),
            sqlite3.OperationalError("database is locked"),
            sqlite3.ProgrammingError("Cannot operate on a closed database."),
            sqlite3.InternalError("no"),
            sqlite3.DatabaseError("file is not a database"),
            DBAPIError("INSERT", {}, sqlite3.OperationalError("disk I/O error")),
            PendingRollbackError("Can't reconnect until invalid transaction is rolled back"),
            DamageError("it has tables and no schema version"),
            StorageError("no space is left"),
            OSError(28, "No space left on device"),
            MemoryError(),
        ):
            self.assertTrue(blames_database(error), error)
