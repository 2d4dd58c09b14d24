"""C{cfos-cm set-password}: a password of the page, from the console."""

from __future__ import annotations

import argparse
import getpass
import sys
from datetime import UTC, datetime

from attrs import evolve

from cfos_cm.errors import CfosError
from cfos_cm.services.console_database import Write, with_database
from cfos_cm.services.console_verbs import Verbs, add_config, add_verb
from cfos_cm.services.web.roles import ROLES
from cfos_cm.services.web.telling import note_command, tell_manager
from cfos_cm.storage.accounts import ADMIN, Account, AccountStore
from cfos_cm.storage.database import Database
from cfos_cm.web.account_name import BadName, account_name
from cfos_cm.web.password_hash import checked_password, hash_password

__all__ = ["account_argument", "add_password_command"]

#: A line that is longer holds no password.
_MOST_LINE_CHARS = 4096


class _NoPassword(CfosError):
    """Nobody has said one; the text says why."""


def add_password_command(commands: Verbs[argparse.ArgumentParser]) -> None:
    """Add C{set-password} to the command line."""
    parser = add_config(
        add_verb(
            commands,
            "set-password",
            "set the password of an account of the page, or make an account",
            _run,
        )
    )
    parser.description = (
        "Set the password of an account of the page; make the account if there is none of that "
        "name. It asks for the password, or reads one line from its standard input. It takes "
        "effect at once, also while the site runs: whoever is logged in to the account has to "
        "log in again."
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        default=ADMIN,
        type=account_argument,
        help=f"the account; usually {ADMIN}",
    )
    parser.add_argument(
        "--role",
        choices=ROLES,
        help=f"what it may do from now on; the first account has to be {ADMIN}",
    )


def account_argument(text: str) -> str:
    """What the command line calls an account or a token."""
    try:
        return account_name(text)
    except BadName as error:
        raise argparse.ArgumentTypeError(f"{text!a}: {error}") from error


def _run(options: argparse.Namespace, write: Write) -> int:
    hashed = hash_password(checked_password(_said()))

    async def work(database: Database) -> int:
        note = await _set(AccountStore(database), options.name, options.role, hashed)
        write(note)
        await note_command(database, f"set-password {options.name}", note, write)
        return 0

    status = with_database(options.config, work, write)
    if status == 0:
        tell_manager(options.config, write)
    return status


async def _set(store: AccountStore, name: str, role: str | None, hashed: str) -> str:
    """
    Keep it.

    @return: what was done.
    @raise CfosError: if that cannot be.
    """
    known = {one.name: one for one in await store.all()}
    now, before = datetime.now(UTC), known.get(name)
    if before is not None:
        after = evolve(before, role=role or before.role, password_hash=hashed, changed_at=now)
        await store.put(after)
        return f"{name}: {after.role}, has another password"
    if known and role is None:
        raise _NoPassword(f"{name}: there is no such account; to make it, say its --role")
    await store.add(Account(name, role or ADMIN, hashed, now))
    return f"{name}: {role or ADMIN}, a new account"


def _said() -> str:
    """@raise CfosError: if nobody says a password."""
    if not sys.stdin.isatty():
        return _line()
    try:
        first = getpass.getpass("new password: ")
        if first != getpass.getpass("once more: "):
            raise _NoPassword("these were two passwords: nothing was changed")
    except (EOFError, KeyboardInterrupt):
        raise _NoPassword("nothing was changed") from None
    return first


def _line() -> str:
    try:
        line = sys.stdin.readline(_MOST_LINE_CHARS)
    except UnicodeDecodeError as error:
        raise _NoPassword("what was read is not a text: nothing was changed") from error
    if not line:
        raise _NoPassword("there was no password to be read: nothing was changed")
    return line.rstrip("\r\n")
