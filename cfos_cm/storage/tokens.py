"""What programs show instead of a password, as hashes on disk."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from attrs import asdict, field, frozen
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import checks
from cfos_cm.storage.accounts import NameTaken
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import accounts, tokens

__all__ = ["MAX_TOKENS", "Token", "TokenStore"]

#: Programs that ask a site.
MAX_TOKENS = 100


@frozen
class Token:
    """
    What is known of a token: not the token itself.

    @ivar role: what it may do: C{viewer}, C{operator} or C{admin}.
    @ivar token_hash: SHA-256 of it, in hexadecimal digits.
    @ivar created_at: UTC.
    @ivar expires_at: from then on it counts no more; C{None}: it counts until it is removed.
    @ivar used_at: when it was shown the last time, to about a minute; C{None}: never.
    """

    name: str
    role: str
    token_hash: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


class TokenStore:
    """All tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[tuple[Token, ...]]:
        """Every token, in the order of their names: to know them from the start on."""
        return self._database.run(_all)

    def find(self, token_hash: str) -> Deferred[Token | None]:
        """The token with a hash, if there is one."""
        return self._database.run(partial(_find, token_hash=token_hash))

    def add(self, token: Token) -> Deferred[None]:
        """
        Keep a new token.

        @return: fails with L{NameTaken} when there is a token or an account of that name; with
            L{LocalProtocolError} when too many are kept already, or a value cannot be; with
            L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_add, token=token))

    def used(self, token_hash: str, at: datetime) -> Deferred[None]:
        """Note that a token was shown, if it is still there."""
        return self._database.run(partial(_used, token_hash=token_hash, at=at))

    def remove(self, name: str) -> Deferred[bool]:
        """
        Forget a token.

        @return: whether there was one.
        """
        return self._database.run(partial(_remove, name=name))


def _all(connection: Connection) -> tuple[Token, ...]:
    rows = connection.execute(select(tokens).order_by(tokens.c.name))
    return tuple(_token(row) for row in rows)


def _find(connection: Connection, token_hash: str) -> Token | None:
    row = connection.execute(select(tokens).where(tokens.c.token_hash == token_hash)).first()
    return None if row is None else _token(row)


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(**row._asdict())


def _add(connection: Connection, token: Token) -> None:
    for text in (token.name, token.role, token.token_hash):
        checks.own_name(text, "a token's text")
    for table, kind in ((tokens, "a token"), (accounts, "an account")):
        if connection.scalar(select(table.c.name).where(table.c.name == token.name)):
            raise NameTaken(f"there is {kind} {token.name!r} already")
    if (connection.scalar(select(func.count()).select_from(tokens)) or 0) >= MAX_TOKENS:
        raise LocalProtocolError(f"there are {MAX_TOKENS} tokens already; remove one first")
    connection.execute(insert(tokens).values(**asdict(token)))


def _used(connection: Connection, token_hash: str, at: datetime) -> None:
    own = tokens.c.token_hash == token_hash
    connection.execute(update(tokens).where(own).values(used_at=at))


def _remove(connection: Connection, name: str) -> bool:
    if not checks.is_text(name):
        return False
    return bool(connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount)
