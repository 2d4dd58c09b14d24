"""Slowing down who guesses passwords."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

__all__ = [
    "FREE_FAILURES",
    "MAX_DELAY_AT_HOME_S",
    "MAX_DELAY_S",
    "MAX_ENTRIES",
    "LoginThrottle",
]

#: So many failures cost nothing: somebody may have typed it wrong.
FREE_FAILURES = 5
#: What the one after them costs; every further one costs double.
FIRST_DELAY_S = 1.0
MAX_DELAY_S = 300.0
#: The most at home, where a guesser and the Charge Point itself may have one address.
MAX_DELAY_AT_HOME_S = 3.0
#: Who has not failed for so long begins anew.
FORGET_S = 2 * MAX_DELAY_S
#: Of each kind that is remembered; the one that is heard of least goes first.
MAX_ENTRIES = 10_000

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class _Recent(Generic[_K, _V]):
    """A bounded memory."""

    def __init__(self) -> None:
        self._entries: dict[_K, _V] = {}

    def get(self, key: _K) -> _V | None:
        return self._entries.get(key)

    def put(self, key: _K, value: _V) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > MAX_ENTRIES:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: _K) -> None:
        self._entries.pop(key, None)


@frozen
class _Failures:
    """How often, and when last. [s]"""

    times: int
    last_s: float

    def wait_s(self, now_s: float, longest_s: float) -> float:
        """
        How long the next try has to wait yet. [s]

        @param longest_s: from the last failure on. [s]
        """
        if self.times < FREE_FAILURES:
            return 0.0
        # More doublings than these would only overflow.
        doublings = min(self.times - FREE_FAILURES, 32)
        delay_s = min(FIRST_DELAY_S * 2.0**doublings, longest_s)
        return max(self.last_s + delay_s - now_s, 0.0)


class LoginThrottle:
    """
    Puts off logins after failures.

    Failures count for an identity at one source, and for an identity at all of them, so that
    neither one guesser nor many get far. From where a Charge Point was logged in last, what
    has failed elsewhere does not count, and the delay is short: nobody can lock it out by
    guessing elsewhere, nor for long by guessing from behind the same router.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._failures: _Recent[tuple[str, str], _Failures] = _Recent()
        self._at_home: _Recent[str, str] = _Recent()

    def wait_s(self, identity: str, source: str) -> float:
        """How long a login has to wait; 0: it may be tried now. [s]"""
        now_s = self._clock.seconds()
        here = self._recent(identity, source)
        if self._at_home.get(identity) == source:
            return here.wait_s(now_s, MAX_DELAY_AT_HOME_S)
        everywhere = self._recent(identity, _EVERYWHERE)
        return max(one.wait_s(now_s, MAX_DELAY_S) for one in (here, everywhere))

    def failed(self, identity: str, source: str) -> None:
        """A login has failed."""
        now_s = self._clock.seconds()
        for where in (source, _EVERYWHERE):
            times = self._recent(identity, where).times + 1
            self._failures.put((identity.casefold(), where), _Failures(times, now_s))

    def succeeded(self, identity: str, source: str) -> None:
        """A login has succeeded. What others have tried elsewhere stays counted."""
        self._at_home.put(identity, source)
        self._failures.drop((identity.casefold(), source))

    def _recent(self, identity: str, where: str) -> _Failures:
        # An unknown identity in another case is no new one, as a known one is none.
        found = self._failures.get((identity.casefold(), where))
        if found is None or self._clock.seconds() - found.last_s > FORGET_S:
            return _NONE
        return found


_NONE = _Failures(0, 0.0)
#: No source is called so.
_EVERYWHERE = ""
