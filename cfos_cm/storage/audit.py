"""Who has changed what over HTTP, on disk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from attrs import asdict, frozen
from sqlalchemy import Connection, delete, func, insert, select
from twisted.internet.defer import Deferred

from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import audit

__all__ = ["MAX_ENTRIES", "MAX_PAGE", "AuditEntry", "AuditStore"]

#: The oldest are forgotten.
MAX_ENTRIES = 50_000

#: How many are shown at once.
MAX_PAGE = 1000

#: What is longer is cut. [characters]
_MAX_CHARS = {"who": 255, "role": 20, "origin": 255, "method": 20, "path": 500, "note": 4000}


@frozen(kw_only=True)
class AuditEntry:
    """
    Something that was asked.

    @ivar number: its place in the order of noting; 0: it has none yet.
    @ivar at: by our clock; UTC.
    @ivar who: the account or the token.
    @ivar role: of C{who}, then.
    @ivar origin: the address that it came from; C{console} for a command.
    @ivar status: of HTTP.
    @ivar note: what has changed: old and new.
    """

    number: int = 0
    at: datetime
    who: str
    role: str
    origin: str
    method: str
    path: str
    status: int
    note: str


class AuditStore:
    """The newest entries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: AuditEntry) -> Deferred[None]:
        """
        Keep an entry, and forget the oldest above the bound.

        Texts are cut where they are too long, and what no database can keep in them becomes a
        question mark: what was done is noted in any case.

        @param entry: its number is not looked at.
        @return: fails with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run_together(_add, entry, is_patient=True)

    def entries(
        self, limit: int, before: int | None = None
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """
        Entries, the newest first.

        @param limit: so many at the most, and never more than L{MAX_PAGE}.
        @param before: those with lower numbers only.
        """
        return self._database.run(partial(_entries, limit=limit, before=before))


def _add(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    connection.execute(insert(audit), [_values(entry) for entry in entries])
    newest = connection.scalar(select(func.max(audit.c.number))) or 0
    connection.execute(delete(audit).where(audit.c.number <= newest - MAX_ENTRIES))


def _values(entry: AuditEntry) -> dict[str, object]:
    values = asdict(entry)
    del values["number"]
    values.update({name: _kept(values[name], most) for name, most in _MAX_CHARS.items()})
    return values


def _kept(text: str, most: int) -> str:
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return short if checks.is_text(short) else _without_nonsense(short)


def _without_nonsense(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "?")


def _entries(connection: Connection, limit: int, before: int | None) -> tuple[AuditEntry, ...]:
    found = select(audit).order_by(audit.c.number.desc()).limit(max(0, min(limit, MAX_PAGE)))
    if before is not None:
        found = found.where(audit.c.number < min(before, 2**63 - 1))
    rows = connection.execute(found)
    return tuple(AuditEntry(**row._asdict()) for row in rows)
