"""The local authorisation list on disk."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.tag import MAX_ID_TAG_CHARS, Tag, Verdict
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import tags

__all__ = ["MAX_TAGS", "TagList", "read_tags"]

#: What a list of people can need; more is a mistake of whoever fills it.
MAX_TAGS = 100_000


class TagList:
    """Who may charge. idTags are the same when only their case differs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, id_tag: str) -> Deferred[tuple[Tag | None, bool]]:
        """The entry for a tag, if it has one, and whether the whole list is empty."""
        return self._database.run(partial(_find, id_tag=id_tag))

    def put(self, tag: Tag) -> Deferred[None]:
        """
        Add an entry, or replace the one that the tag has.

        @return: fails with L{LocalProtocolError} when the list is full or the entry is none,
            with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, tag=tag))

    def remove(self, id_tag: str) -> Deferred[bool]:
        """Take a tag's entry away; fires with whether it had one."""
        return self._database.run(partial(_remove, id_tag=id_tag))

    def all(self) -> Deferred[tuple[Tag, ...]]:
        """Every entry, in the order of the idTags without their case."""
        return self._database.run(read_tags)


def _find(connection: Connection, id_tag: str) -> tuple[Tag | None, bool]:
    if not checks.is_text(id_tag):
        return None, _is_empty(connection)
    row = connection.execute(
        select(tags).where(tags.c.folded_id_tag == id_tag.casefold())
    ).first()
    if row is not None:
        return _tag(row), False
    return None, _is_empty(connection)


def _is_empty(connection: Connection) -> bool:
    return connection.execute(select(tags.c.folded_id_tag).limit(1)).first() is None


def _put(connection: Connection, tag: Tag) -> None:
    _check(tag)
    values = {
        "id_tag": tag.id_tag,
        "status": tag.status.value,
        "parent_id_tag": tag.parent_id_tag,
        "expires_at": tag.expires_at,
    }
    key = tag.id_tag.casefold()
    replaced = connection.execute(
        update(tags).where(tags.c.folded_id_tag == key).values(**values)
    )
    if replaced.rowcount:
        return
    if (connection.scalar(select(func.count()).select_from(tags)) or 0) >= MAX_TAGS:
        raise LocalProtocolError(f"the list has {MAX_TAGS} tags; more are not allowed")
    connection.execute(insert(tags).values(folded_id_tag=key, **values))


def _check(tag: Tag) -> None:
    for value, field in ((tag.id_tag, "idTag"), (tag.parent_id_tag or "-", "parentIdTag")):
        if not 1 <= len(value) <= MAX_ID_TAG_CHARS or not checks.is_text(value):
            raise LocalProtocolError(
                f"{field} {value[:MAX_ID_TAG_CHARS]!a}: allowed are 1 to {MAX_ID_TAG_CHARS}"
                " characters of text"
            )
    if tag.expires_at is not None and tag.expires_at.utcoffset() is None:
        raise LocalProtocolError("the expiry has no zone")


def _remove(connection: Connection, id_tag: str) -> bool:
    if not checks.is_text(id_tag):
        return False
    removed = connection.execute(delete(tags).where(tags.c.folded_id_tag == id_tag.casefold()))
    return removed.rowcount > 0


def read_tags(connection: Connection) -> tuple[Tag, ...]:
    """Every entry, as L{TagList.all} has them."""
    return tuple(
        _tag(row) for row in connection.execute(select(tags).order_by(tags.c.folded_id_tag))
    )


def _tag(row: Row[tuple[object, ...]]) -> Tag:
    return Tag(row.id_tag, Verdict(row.status), row.parent_id_tag, row.expires_at)
