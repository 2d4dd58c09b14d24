"""Who may log in at the page, on disk."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from attrs import asdict, field, frozen
from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import accounts, tokens

__all__ = ["ADMIN", "MAX_ACCOUNTS", "Account", "AccountStore", "NameTaken"]

#: People who look after a site.
MAX_ACCOUNTS = 20

#: The role that always somebody has to have.
ADMIN = "admin"


class NameTaken(LocalProtocolError):
    """Somebody has that name already, or something."""


@frozen
class Account:
    """
    Somebody who may log in.

    @ivar role: what he may do: C{viewer}, C{operator} or C{admin}.
    @ivar password_hash: with what it was made with.
    @ivar changed_at: when the password or the role was changed last; UTC.
    """

    name: str
    role: str
    password_hash: str = field(repr=False)
    changed_at: datetime


class AccountStore:
    """All accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[tuple[Account, ...]]:
        """Every account, in the order of their names: to know them from the start on."""
        return self._database.run(_all)

    def add_first(self, account: Account) -> Deferred[None]:
        """
        Keep the first account.

        @return: fails with L{NameTaken} when there is one already; else as L{put}.
        """
        return self._database.run(partial(_add_first, account=account))

    def add(self, account: Account) -> Deferred[None]:
        """
        Keep a new account.

        @return: fails with L{NameTaken} when there is an account or a token of that name;
            else as L{put}.
        """
        return self._database.run(partial(_add, account=account))

    def put(self, account: Account) -> Deferred[None]:
        """
        Keep an account, in the place of the one with its name.

        @return: fails with L{LocalProtocolError} when no admin would be left, too many are
            kept already, or a value cannot be; with L{NameTaken} when a token has its name;
            with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, account=account))

    def rehash(self, before: Account, password_hash: str) -> Deferred[bool]:
        """
        Keep another hash of the same password.

        @return: whether it is kept: not if there is another one than that of C{before}.
        """
        return self._database.run(partial(_rehash, before=before, anew=password_hash))

    def remove(self, name: str) -> Deferred[bool]:
        """
        Forget an account.

        @return: whether there was one; fails with L{LocalProtocolError} when no admin would be
            left.
        """
        return self._database.run(partial(_remove, name=name))


def _all(connection: Connection) -> tuple[Account, ...]:
    rows = connection.execute(select(accounts).order_by(accounts.c.name))
    return tuple(Account(**row._asdict()) for row in rows)


def _add_first(connection: Connection, account: Account) -> None:
    if _count(connection):
        raise NameTaken("there is an account already")
    _put(connection, account)


def _add(connection: Connection, account: Account) -> None:
    checks.own_name(account.name, "the name")
    found = select(accounts.c.name).where(accounts.c.name == account.name)
    if connection.scalar(found) is not None:
        raise NameTaken(f"there is an account {account.name!r} already")
    _put(connection, account)


def _put(connection: Connection, account: Account) -> None:
    values = asdict(account)
    values["changed_at"] = checks.moment(account.changed_at, "the time")
    for text in ("name", "role", "password_hash"):
        checks.own_name(values[text], text)
    if account.role != ADMIN:
        _check_admin_is_left(connection, account.name)
    own = accounts.c.name == account.name
    if connection.execute(update(accounts).where(own).values(**values)).rowcount:
        return
    if _count(connection) >= MAX_ACCOUNTS:
        raise LocalProtocolError(
            f"there are {MAX_ACCOUNTS} accounts already; more are not allowed"
        )
    if connection.scalar(select(tokens.c.name).where(tokens.c.name == account.name)):
        raise NameTaken(f"there is a token {account.name!r} already")
    connection.execute(insert(accounts).values(**values))


def _rehash(connection: Connection, before: Account, anew: str) -> bool:
    same = (accounts.c.name == before.name) & (accounts.c.password_hash == before.password_hash)
    return bool(
        connection.execute(update(accounts).where(same).values(password_hash=anew)).rowcount
    )


def _remove(connection: Connection, name: str) -> bool:
    if not checks.is_text(name):
        return False
    own = accounts.c.name == name
    if connection.scalar(select(accounts.c.name).where(own)) is None:
        return False
    _check_admin_is_left(connection, name)
    connection.execute(delete(accounts).where(own))
    return True


def _check_admin_is_left(connection: Connection, without: str) -> None:
    others = (accounts.c.role == ADMIN) & (accounts.c.name != without)
    if not connection.scalar(select(func.count()).select_from(accounts).where(others)):
        raise LocalProtocolError("no admin would be left: somebody else has to be one first")


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(accounts)) or 0
