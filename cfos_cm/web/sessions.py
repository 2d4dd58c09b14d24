"""Sessions of the page: who is logged in, for how long, and what ends with it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from attrs import define, field, frozen
from twisted.logger import Logger

__all__ = [
    "IDLE_S",
    "LONGEST_S",
    "MAX_SESSIONS",
    "MAX_SESSIONS_OF_ACCOUNT",
    "Began",
    "Session",
    "Sessions",
]

#: Who asks nothing for so long has gone. [s]
IDLE_S = 30 * 60.0

#: Then everybody has to log in again. [s]
LONGEST_S = 12 * 3600.0

#: In all, and of one account; the one that was used longest ago goes first.
MAX_SESSIONS = 1000
MAX_SESSIONS_OF_ACCOUNT = 50

_SECRET_BYTES = 32

_log = Logger(namespace="cfos_cm.web")


@frozen
class Session:
    """
    Somebody who is logged in.

    @ivar key: what it is found by here; who knows it cannot make its secret of it.
    @ivar account: the name.
    @ivar csrf: what the page has to say with all that changes something.
    """

    key: str = field(repr=False)
    account: str
    csrf: str = field(repr=False)


@frozen
class Began:
    """
    A session that has begun.

    @ivar secret: for the cookie of its browser, and for nobody else; it is kept nowhere here.
    """

    session: Session
    secret: str = field(repr=False)


@define(eq=False)
class _Open:
    session: Session
    began_s: float
    used_s: float
    acts: dict[object, Callable[[], None]] = field(factory=dict)


class Sessions:
    """All that are logged in. They are in memory only: a restart ends them."""

    def __init__(
        self,
        clock_s: Callable[[], float],
        new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(_SECRET_BYTES),
    ) -> None:
        """
        @param clock_s: one that only goes forward. [s]
        @param new_secret: 256 random bits.
        """
        self._clock_s = clock_s
        self._new_secret = new_secret
        # The one that was used longest ago comes first.
        self._open: dict[str, _Open] = {}

    def begin(self, account: str) -> Began:
        """
        Somebody has logged in.

        Where there are too many, the one that was used longest ago ends.
        """
        self.end_overdue()
        own = [key for key, one in self._open.items() if one.session.account == account]
        if len(own) >= MAX_SESSIONS_OF_ACCOUNT:
            self.end(own[0])
        if len(self._open) >= MAX_SESSIONS:
            self.end(next(iter(self._open)))
        secret, now_s = self._new_secret(), self._clock_s()
        session = Session(_key(secret), account, self._new_secret())
        self._open[session.key] = _Open(session, now_s, now_s)
        return Began(session, secret)

    def used(self, secret: str) -> Session | None:
        """
        The session that a browser shows, which is used by that.

        @param secret: what its cookie says.
        @return: C{None} if there is none, or it has ended.
        """
        one = self._open.get(_key(secret))
        if one is None:
            return None
        if self._is_overdue(one):
            self.end(one.session.key)
            return None
        one.used_s = self._clock_s()
        self._open[one.session.key] = self._open.pop(one.session.key)
        return one.session

    def end(self, key: str) -> None:
        """Somebody has logged out; nothing happens if there is no such session any more."""
        one = self._open.pop(key, None)
        while one is not None and one.acts:
            _call(one.acts.pop(next(iter(one.acts))))

    def end_of(self, account: str) -> None:
        """End all sessions of an account."""
        for key, one in tuple(self._open.items()):
            if one.session.account == account:
                self.end(key)

    def end_overdue(self) -> None:
        """End all sessions whose time is over; to be called now and then."""
        for key, one in tuple(self._open.items()):
            if self._is_overdue(one):
                self.end(key)

    def when_over(self, key: str, act: Callable[[], None]) -> Callable[[], None]:
        """
        Have something called once when a session ends; at once if it has ended.

        @return: takes that back.
        """
        one = self._open.get(key)
        if one is None:
            _call(act)
            return _nothing
        place, acts = object(), one.acts
        acts[place] = act

        def take_back() -> None:
            acts.pop(place, None)

        return take_back

    def _is_overdue(self, one: _Open) -> bool:
        now_s = self._clock_s()
        return now_s - one.used_s >= IDLE_S or now_s - one.began_s >= LONGEST_S

    def __len__(self) -> int:
        return len(self._open)


def _key(secret: str) -> str:
    # A secret of 256 random bits cannot be guessed, so nothing slower is needed.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _call(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:  # noqa: BLE001 - what others do at the end keeps nobody logged in
        _log.failure("what ends with a session has failed")


def _nothing() -> None:
    pass
