"""Who was not let in: remembered for people to look at, and whom an operator has refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

__all__ = [
    "BY_OPERATOR",
    "MAX_FAILED_LOGINS",
    "MAX_REFUSED",
    "MAX_REFUSED_BY_HAND",
    "Refusals",
    "TurnedAway",
]

#: Kinds of failed logins that are remembered: of whom, from where and why.
MAX_FAILED_LOGINS = 500
#: Charge Points that are not configured and were refused.
MAX_REFUSED = 100
#: Charge Points that an operator has refused; with one more the oldest may wait again.
MAX_REFUSED_BY_HAND = 100
#: Of what is remembered of a reason.
MAX_WHY_CHARS = 300

BY_OPERATOR: Final = "an operator has refused it"


@frozen
class TurnedAway:
    """
    Who was not let in.

    @ivar identity: who it said to be; nobody knows whether that is true.
    @ivar origin: where it came from: an address, or the network of an IPv6 address.
    @ivar why: in words.
    @ivar first_at: when it came first.
    @ivar last_at: when it came last.
    @ivar count: how often it came.
    """

    identity: str
    origin: str
    why: str
    first_at: datetime
    last_at: datetime
    count: int = 1


class _Memory:
    """Those that are alike are one, whichever came last is the newest; the oldest go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: dict[tuple[str, ...], TurnedAway] = {}

    def note(self, key: tuple[str, ...], one: TurnedAway) -> None:
        known = self._found.pop(key, None)
        if known is not None:
            one = evolve(one, first_at=known.first_at, count=known.count + 1)
        self._found[key] = one
        if len(self._found) > self._size:
            del self._found[next(iter(self._found))]

    def forget(self, key: tuple[str, ...]) -> None:
        self._found.pop(key, None)

    def newest_first(self) -> tuple[TurnedAway, ...]:
        return tuple(reversed(self._found.values()))


class Refusals:
    """
    Who was not let in, as long as the program runs.

    What an operator has refused is not written down: nobody who is not configured gets any
    current, so that after a restart one of them waits again, and does no harm.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        """@param now: the time of day; aware."""
        self._now = now
        self._logins = _Memory(MAX_FAILED_LOGINS)
        self._strangers = _Memory(MAX_REFUSED)
        # Without their case: who is refused does not come in by writing himself otherwise.
        self._by_hand: dict[str, None] = {}

    def login_failed(self, identity: str, origin: str, why: str) -> None:
        """Somebody could not prove to be a Charge Point, or not as well as before."""
        self._logins.note((identity, origin, why), self._turned_away(identity, origin, why))

    def note(self, identity: str, origin: str, why: str) -> None:
        """A Charge Point was refused for what it is, not for what it has shown."""
        self._strangers.note((identity.casefold(),), self._turned_away(identity, origin, why))

    def refuse(self, identity: str) -> None:
        """An operator does not want a Charge Point that is not configured."""
        self._by_hand.pop(identity.casefold(), None)
        self._by_hand[identity.casefold()] = None
        if len(self._by_hand) > MAX_REFUSED_BY_HAND:
            del self._by_hand[next(iter(self._by_hand))]

    def is_refused(self, identity: str) -> bool:
        """Whether an operator has refused a Charge Point."""
        return identity.casefold() in self._by_hand

    def forget(self, identities: Iterable[str]) -> None:
        """These are configured now, and nobody who is refused."""
        for identity in identities:
            self._by_hand.pop(identity.casefold(), None)
            self._strangers.forget((identity.casefold(),))

    @property
    def failed_logins(self) -> tuple[TurnedAway, ...]:
        """Those who could not prove who they are, the newest first."""
        return self._logins.newest_first()

    @property
    def refused(self) -> tuple[TurnedAway, ...]:
        """Those who were refused, the newest first."""
        return self._strangers.newest_first()

    def _turned_away(self, identity: str, origin: str, why: str) -> TurnedAway:
        now = self._now()
        return TurnedAway(identity, origin, why[:MAX_WHY_CHARS], now, now)
