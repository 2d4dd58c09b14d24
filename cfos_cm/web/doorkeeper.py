"""Who is let in: what the pipeline of a request asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cfos_cm.web.role import Caller

__all__ = ["Doorkeeper"]


class Doorkeeper(Protocol):
    """Knows sessions and tokens."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is any account; before, nothing is answered but how to make one."""

    async def caller(self, session: str | None, bearer: str | None, origin: str) -> Caller:
        """
        Who asks.

        @param session: what its cookie says.
        @param bearer: what its C{Authorization: Bearer} says.
        @param origin: the address that it comes from.
        @return: one of role ANYBODY if neither is given, or the session has ended.
        @raise cfos_cm.web.problem.Problem: 401 for a token that counts no more; 429 for too
            many wrong ones.
        """

    def when_over(self, caller: Caller, act: Callable[[], None]) -> Callable[[], None]:
        """
        Have C{act} called once when the session or token of C{caller} counts no more: its
        streams end then.

        @return: takes that back.
        """
