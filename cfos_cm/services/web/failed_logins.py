"""Who has tried to get in, and could not: the newest, for people to look at."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from attrs import frozen

__all__ = ["MAX_FAILED_LOGINS", "FailedLogin", "FailedLogins"]

#: The oldest are forgotten.
MAX_FAILED_LOGINS = 500


@frozen
class FailedLogin:
    """
    One who was not let in.

    @ivar at: UTC.
    @ivar who: the account or the token; empty when there is none of the name that was said,
        because people type a password there.
    @ivar origin: the address that it came from.
    @ivar what: C{page}, C{token} or C{set-up code}.
    @ivar why: a sentence, without secrets.
    """

    at: datetime
    who: str
    origin: str
    what: str
    why: str


class FailedLogins:
    """The newest of them."""

    def __init__(self) -> None:
        self._newest: deque[FailedLogin] = deque(maxlen=MAX_FAILED_LOGINS)

    def add(self, one: FailedLogin) -> None:
        """Note one."""
        self._newest.append(one)

    def all(self) -> tuple[FailedLogin, ...]:
        """What is known of them, the oldest first."""
        return tuple(self._newest)
