"""C{cfos-cm token}: what programs show instead of a password, from the console."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta

from cfos_cm.errors import CfosError
from cfos_cm.services.console_database import Write, with_database
from cfos_cm.services.console_verbs import Verbs, add_config, add_verb
from cfos_cm.services.console_words import table
from cfos_cm.services.password_command import account_argument
from cfos_cm.services.web.key_ring import hash_of, new_token
from cfos_cm.services.web.roles import ROLES
from cfos_cm.services.web.telling import note_command, tell_manager
from cfos_cm.storage.database import Database
from cfos_cm.storage.tokens import Token, TokenStore

__all__ = ["MAX_DAYS", "add_token_command"]

#: The longest that a token can be made for.
MAX_DAYS = 3650


class _Unclear(CfosError):
    """A command line that says too little, or too much."""


def add_token_command(commands: Verbs[argparse.ArgumentParser]) -> None:
    """Add C{token} to the command line."""
    parser = add_config(
        add_verb(commands, "token", "make a token for a program that asks the site", _run)
    )
    parser.description = (
        "Make a token, and print it: it is shown this once, and kept nowhere. A program says "
        'it as "Authorization: Bearer TOKEN". It takes effect at once, also while the site '
        "runs."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        type=account_argument,
        help="what the audit log calls it",
    )
    what.add_argument("--list", action="store_true", help="show all tokens")
    what.add_argument(
        "--revoke", metavar="NAME", type=account_argument, help="have a token count no more"
    )
    parser.add_argument("--role", choices=ROLES, help="what it may do; needed for a new one")
    parser.add_argument(
        "--days", metavar="N", type=_days, help="how long it counts; usually until --revoke"
    )


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!a}: must be a number from 1 to {MAX_DAYS}")
    return int(text)


def _run(options: argparse.Namespace, write: Write) -> int:
    if options.name is None and (options.role is not None or options.days is not None):
        raise _Unclear("--role and --days are for a new token")
    if options.list:
        return _list(options, write)
    if options.name is not None and options.role is None:
        raise _Unclear(f"say what it may do: --role {', --role '.join(ROLES)}")
    status = (_make if options.name is not None else _revoke)(options, write)
    if status == 0:
        tell_manager(options.config, write)
    return status


def _make(options: argparse.Namespace, write: Write) -> int:
    async def work(database: Database) -> int:
        token, now = new_token(), datetime.now(UTC)
        until = None if options.days is None else now + timedelta(days=options.days)
        one = Token(options.name, options.role, hash_of(token), now, until)
        await TokenStore(database).add(one)
        # Alone on its line, for who reads it into a variable.
        write(token)
        if sys.stdout.isatty():
            write("it is kept nowhere, and shown only this once")
        note = f"{one.name}: {one.role}, {_end(one)}"
        await note_command(database, f"token {one.name}", note, write)
        return 0

    return with_database(options.config, work, write)


def _revoke(options: argparse.Namespace, write: Write) -> int:
    async def work(database: Database) -> int:
        if not await TokenStore(database).remove(options.revoke):
            write(f"{options.revoke}: there is no such token")
            return 1
        write(f"{options.revoke}: counts no more")
        command, note = f"token --revoke {options.revoke}", f"{options.revoke}: removed"
        await note_command(database, command, note, write)
        return 0

    return with_database(options.config, work, write)


def _list(options: argparse.Namespace, write: Write) -> int:
    async def work(database: Database) -> int:
        rows = [
            (
                one.name,
                one.role,
                _local(one.created_at),
                _end(one),
                "never" if one.used_at is None else _local(one.used_at),
            )
            for one in await TokenStore(database).all()
        ]
        if rows:
            table(("NAME", "ROLE", "MADE", "COUNTS", "USED"), rows, write)
        else:
            write("there is no token")
        return 0

    return with_database(options.config, work, write)


def _end(one: Token) -> str:
    if one.expires_at is None:
        return "until it is revoked"
    if not one.counts(datetime.now(UTC)):
        return f"no more since {_local(one.expires_at)}"
    return f"until {_local(one.expires_at)}"


def _local(at: datetime) -> str:
    return at.astimezone().isoformat(" ", "seconds")
