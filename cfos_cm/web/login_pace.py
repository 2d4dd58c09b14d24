"""
How fast passwords, tokens and codes may be guessed.

Each address and each account has L{FREE} tries; then each further one has to wait 1, 2, 4 and
at last L{LONGEST_S} seconds for the one before. What was wrong is forgotten after an hour in
which nothing was; nobody is kept out for good.

Who is kept away from an account because others guess its password is promised a try: at the
time that he was told, whatever the others do until then. And an address from which somebody has
logged in to an account does not wait for those who guess from elsewhere at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, field

from cfos_cm.source_address import source_of
from cfos_cm.web.problem import Problem

__all__ = ["FREE", "LONGEST_S", "MAX_ENTRIES", "MAX_PROMISES", "QUIET_S", "LoginPace", "Try"]

#: So many wrong ones cost nothing.
FREE = 5

#: Nobody waits longer for one try. [s]
LONGEST_S = 300.0

#: After so long without a wrong one all is forgotten. [s]
QUIET_S = 3600.0

#: Addresses, and accounts; the one that was seen longest ago is forgotten.
MAX_ENTRIES = 10_000

#: Of each account, at the same time; so many guesses in L{LONGEST_S} seconds at the most come
#: from however many addresses somebody has.
MAX_PROMISES = 20

#: How many addresses of an account are remembered.
_MAX_KNOWN = 20

V = TypeVar("V")


class _Recent(Generic[V]):
    """A mapping that forgets what was put longest ago."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[str, V] = {}

    def get(self, key: str) -> V | None:
        """What was put, if it is not forgotten."""
        return self._values.get(key)

    def put(self, key: str, value: V) -> None:
        """Remember it, as the newest."""
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def __len__(self) -> int:
        return len(self._values)


@define
class _Tries:
    """
    Those that were wrong, or are not known to be right yet.

    @ivar latest: the last one; another object each time.
    """

    wrong: int = 0
    last_s: float = -math.inf
    latest: object = None

    def wait_s(self, now_s: float) -> float:
        """Until there may be another one. [s]"""
        if now_s - self.last_s >= QUIET_S:
            self.wrong = 0
        if self.wrong < FREE:
            return 0.0
        # Above ten, a power of two would be longer than the longest.
        delay_s = min(2.0 ** min(self.wrong - FREE, 10), LONGEST_S)
        return max(0.0, self.last_s + delay_s - now_s)

    def take(self, now_s: float) -> Callable[[], None]:
        """
        Count one.

        @return: takes that back.
        """
        own = object()
        before_s, self.last_s, self.latest = self.last_s, now_s, own
        self.wrong += 1

        def give_back() -> None:
            self.wrong = max(0, self.wrong - 1)
            if self.latest is own:
                self.last_s = before_s

        return give_back


@define
class _Account:
    """
    What is known of one account.

    @ivar promises: from when on there is a try, by address.
    @ivar known: where somebody has logged in from; the newest last.
    """

    tries: _Tries = field(factory=_Tries)
    promises: dict[str, float] = field(factory=dict)
    known: dict[str, None] = field(factory=dict)

    def wait_s(self, network: str, now_s: float) -> float:
        """Until there may be a try from an address; it is promised then. [s]"""
        wait_s = self.tries.wait_s(now_s)
        if network in self.known or wait_s == 0:
            return 0.0
        self._forget_promises(now_s)
        promised_s = self.promises.get(network)
        if promised_s is not None:
            return min(wait_s, max(0.0, promised_s - now_s))
        if len(self.promises) < MAX_PROMISES:
            self.promises[network] = now_s + wait_s
        return wait_s

    def take(self, network: str, now_s: float) -> Callable[[], None]:
        """Count a try; see L{_Tries.take}."""
        self.promises.pop(network, None)
        return _nothing if network in self.known else self.tries.take(now_s)

    def succeeded(self, network: str) -> None:
        """Somebody has logged in from an address."""
        self.known.pop(network, None)
        self.known[network] = None
        if len(self.known) > _MAX_KNOWN:
            del self.known[next(iter(self.known))]

    def _forget_promises(self, now_s: float) -> None:
        """Who does not come when he may has no place any more."""
        self.promises = {
            network: promised_s
            for network, promised_s in self.promises.items()
            if now_s - promised_s < LONGEST_S
        }


class Try:
    """One guess that is allowed. It counts as wrong as long as nobody says otherwise."""

    def __init__(
        self, give_back: Callable[[], None], succeeded: Callable[[], None] | None
    ) -> None:
        self._give_back = give_back
        self._succeeded = succeeded

    def succeeded(self) -> None:
        """It was right. Only the first word about a try counts."""
        succeeded = self._succeeded
        self.not_made()
        if succeeded is not None:
            succeeded()

    def not_made(self) -> None:
        """It was not looked at after all."""
        give_back, self._give_back, self._succeeded = self._give_back, _nothing, None
        give_back()


class LoginPace:
    """Knows who has guessed how often."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        """
        @param clock_s: one that only goes forward. [s]
        """
        self._clock_s = clock_s
        self._addresses: _Recent[_Tries] = _Recent(MAX_ENTRIES)
        self._accounts: _Recent[_Account] = _Recent(MAX_ENTRIES)

    def begin(self, origin: str, account: str | None = None) -> Try:
        """
        Somebody guesses.

        @param origin: the address that it comes from.
        @param account: whose password it is, as one text in whatever form it is typed; C{None}:
            it is of no account.
        @raise Problem: 429 if he may not yet; it says when.
        """
        now_s, network = self._clock_s(), source_of(origin)
        address = self._addresses.get(network) or _Tries()
        found = None if account is None else self._accounts.get(account) or _Account()
        wait_s = address.wait_s(now_s)
        if found is not None:
            wait_s = max(wait_s, found.wait_s(network, now_s))
        if wait_s > 0:
            # What he was promised is in what is known already. Nothing is remembered for him
            # else: with names that nobody has he would have all others forgotten.
            raise _too_soon(wait_s)
        self._addresses.put(network, address)
        if found is not None and account is not None:
            self._accounts.put(account, found)
        return _taken(address, found, network, now_s)

    def know(self, origin: str, account: str) -> None:
        """Somebody at an address has shown otherwise that an account is his."""
        found = self._accounts.get(account) or _Account()
        found.succeeded(source_of(origin))
        self._accounts.put(account, found)

    def __len__(self) -> int:
        return len(self._addresses) + len(self._accounts)


def _taken(address: _Tries, account: _Account | None, network: str, now_s: float) -> Try:
    back = [address.take(now_s)]
    if account is None:
        return Try(back[0], None)
    back.append(account.take(network, now_s))

    def give_back() -> None:
        for one in back:
            one()

    return Try(give_back, lambda: account.succeeded(network))


def _too_soon(wait_s: float) -> Problem:
    seconds = math.ceil(wait_s)
    return Problem(
        429,
        f"too many wrong ones: try again in {seconds} s",
        {"retry_after_s": seconds},
        {"Retry-After": str(seconds)},
    )


def _nothing() -> None:
    pass
