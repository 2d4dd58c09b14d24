"""Making and checking hashes of passwords in threads, a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from cfos_cm.web.password_hash import (
    WORK,
    BadPassword,
    Work,
    checked_password,
    hash_password,
    is_password,
    nobodys_hash,
    work_of,
)
from cfos_cm.web.problem import Problem

__all__ = ["AT_ONCE", "MAX_WAITING", "Passwords"]

#: Each takes a processor and 32 MiB while it is worked on.
AT_ONCE = 2

#: Those that wait for their turn, and those that have it; for more there is no time.
MAX_WAITING = 16

#: When to come again if there are too many. [s]
_AGAIN_S = 5

T = TypeVar("T")


class Passwords:
    """The place where passwords are worked on; everybody else goes on meanwhile."""

    def __init__(self, reactor: Any, work: Work = WORK) -> None:
        """
        @param reactor: whose threads do it.
        @param work: what new hashes are made with.
        """
        self._reactor = reactor
        self._work = work
        self._turns = DeferredSemaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys = nobodys_hash(work)

    async def hashed(self, text: str) -> str:
        """
        What is kept of a new password.

        @raise Problem: 422 if it cannot be one; 429 if too many others are worked on.
        """
        try:
            password = checked_password(text)
        except BadPassword as error:
            raise Problem(422, str(error)) from error
        return await self._in_turn(lambda: hash_password(password, self._work))

    async def is_right(self, text: str, password_hash: str | None) -> bool:
        """
        Whether a text is the password of a hash.

        @param password_hash: C{None}: there is nobody of that name; it takes the same time.
        @raise Problem: 429 if too many others are worked on.
        """
        is_one = password_hash is not None and work_of(password_hash) is not None
        compared = password_hash if password_hash is not None and is_one else self._nobodys
        return await self._in_turn(lambda: is_password(text, compared)) and is_one

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than new ones are."""
        return work_of(password_hash) != self._work

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Problem(
                429,
                "too many others log in at this moment",
                headers={"Retry-After": str(_AGAIN_S)},
            )
        self._waiting += 1
        try:
            pool = self._reactor.getThreadPool()
            return await self._turns.run(deferToThreadPool, self._reactor, pool, work)
        finally:
            self._waiting -= 1
