"""The tokens, known without asking the database."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import evolve
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.storage.tokens import Token, TokenStore
from cfos_cm.web.problem import Problem

__all__ = ["NOTED", "TOKEN_PREFIX", "KeyRing", "hash_of", "new_token"]

#: What tokens begin with: a program that looks for secrets in files can know them.
TOKEN_PREFIX = "cfos_cm_"  # noqa: S105 - no secret

#: That a token was used is written so often at the most.
NOTED = timedelta(minutes=1)

_RANDOM_BYTES = 32

_log = Logger(namespace="cfos_cm.web")


def new_token() -> str:
    """A token of 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(token: str) -> str:
    """What is kept of a token. It cannot be guessed, so that nothing slower is needed."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class KeyRing:
    """
    Which tokens count.

    Another process may change them too: L{look} takes over what is on disk.
    """

    def __init__(
        self, store: TokenStore, now: Callable[[], datetime], gone: Callable[[str], None]
    ) -> None:
        """
        @param now: the time of day, aware.
        @param gone: told the name of a token that counts no more.
        """
        self._store = store
        self._now = now
        self._gone = gone
        self._known: dict[str, Token] = {}

    def all(self) -> Sequence[Token]:
        """Every token, in the order of their names; those that have expired too."""
        return sorted(self._known.values(), key=lambda one: one.name)

    def counts(self, name: str) -> bool:
        """Whether there is a token of that name, which has not expired."""
        now = self._now()
        return any(one.name == name and one.counts(now) for one in self._known.values())

    async def look(self) -> None:
        """
        Take over what is on disk.

        @raise cfos_cm.errors.StorageError: if it cannot be read; all stays as it was.
        """
        found = {one.token_hash: one for one in await self._store.all()}
        before, self._known = self._known, found
        now = self._now()
        for key, one in before.items():
            if key not in found or not found[key].counts(now):
                self._gone(one.name)
            elif one.used_at is not None:
                # What is on its way to the disk is not taken back.
                latest = max(one.used_at, found[key].used_at or one.used_at)
                found[key] = evolve(found[key], used_at=latest)

    def known(self, token: str) -> Token | None:
        """The token, if it counts as far as is known without asking."""
        one = self._known.get(hash_of(token))
        return one if one is not None and one.counts(self._now()) else None

    async def find(self, token: str) -> Token | None:
        """
        The token; asked on disk, because a console may have made it just now. It may have
        expired.

        @raise cfos_cm.errors.StorageError: if that cannot be asked.
        """
        found = await self._store.find(hash_of(token))
        return None if found is None else self._known.setdefault(found.token_hash, found)

    def use(self, token: Token) -> None:
        """A token was shown; that is written now and then."""
        now = self._now()
        noted_at = token.used_at
        if noted_at is not None and noted_at <= now < noted_at + NOTED:
            return
        self._known[token.token_hash] = evolve(token, used_at=now)
        self._store.used(token.token_hash, now).addErrback(_not_noted, token.name)

    async def make(self, name: str, role: str, expires_at: datetime | None) -> str:
        """
        Make a token.

        @return: the token itself, which is kept nowhere.
        @raise cfos_cm.errors.CfosError: if that cannot be; see L{TokenStore.add}.
        """
        token, now = new_token(), self._now()
        if expires_at is not None and expires_at <= now:
            raise Problem(422, "the token would have expired already")
        await self._store.add(Token(name, role, hash_of(token), now, expires_at))
        await self.look()
        return token

    async def remove(self, name: str) -> None:
        """
        Take a token back.

        @raise Problem: 404 if there is none.
        """
        was_there = await self._store.remove(name)
        await self.look()
        if not was_there:
            raise Problem(404, "there is no such token")


def _not_noted(failure: Failure, name: str) -> None:
    _log.warn(
        "it could not be noted that the token {name} was used: {why}",
        name=name,
        why=failure.getErrorMessage(),
    )
