"""
Slowing down who guesses passwords, and nobody else.

Before its password is looked at, a Charge Point that knows it and a guesser look alike, and a
counter that puts off the one puts off the other. What tells them apart is where they come from.
So there are three queues for each identity, and none of them is of any use to who stands in
another one:

  - at home: where the Charge Point was logged in last;
  - for the first time: a source that has not failed for this identity yet;
  - again: all others.

Each has its own bucket of tries. Who finds it empty waits for the next one, with his connection
open, as long as only a few do; a guesser who waits for his answers cannot keep others from
getting theirs.

So much an attacker gets, for one identity, from the start of the program on:

  - with one source: L{BURST} + 1 tries at once, then L{TRIES_PER_MIN} in a minute;
  - with N of them: one more for each, up to L{FIRST_TRIES}, and then no more than
    L{FIRST_TRIES_PER_MIN} in a minute for whatever new sources he has; the tries that come
    again stay what they are, for all sources together;
  - behind the same router as the Charge Point: L{TRIES_PER_MIN} in a minute on top.

And so long he keeps a Charge Point waiting that has the right password:

  - not at all, wherever he is not: at home, or from a source that is new here;
  - behind the same router, which he guesses from too: L{MAX_WAIT_S}, as long as he has fewer
    tries on their way at once than L{MAX_WAITING}. With more of them he takes what becomes
    free before the Charge Point can;
  - with more than L{FIRST_TRIES} sources: one that was not here since the start of the program.
    It is one of many strangers then, and nothing tells them apart.

A whole /48 of IPv6 is one source here; anybody can have as many smaller ones as he likes. The
memory is bounded: who says L{MAX_ENTRIES} other identities in between, which costs as many
handshakes, begins anew.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto
from ipaddress import IPv6Network
from typing import Generic, TypeVar

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

__all__ = [
    "BURST",
    "FIRST_TRIES",
    "FIRST_TRIES_PER_MIN",
    "MAX_ENTRIES",
    "MAX_SOURCES",
    "MAX_WAITING",
    "MAX_WAIT_S",
    "TRIES_PER_MIN",
    "LoginThrottle",
    "Turn",
]

#: So many at once cost nothing: somebody may have typed it wrong.
BURST = 5
TRIES_PER_MIN = 30.0
#: So many may wait for a try at once, in each queue of an identity.
MAX_WAITING = 4
#: The longest wait: that of the last of them. [s]
MAX_WAIT_S = MAX_WAITING * 60 / TRIES_PER_MIN
#: So many sources that are new for an identity are tried whenever they come.
FIRST_TRIES = 1_000
#: And so many more of them.
FIRST_TRIES_PER_MIN = 10.0
#: Queues that are remembered; the one that is heard of least goes first.
MAX_ENTRIES = 10_000
#: Sources that have failed; more than there are first tries, or they would be new again.
MAX_SOURCES = 20_000
#: A source that has failed for more identities than these is new to nobody.
MAX_IDENTITIES = 8

_IPV6_PREFIX_BITS = 48
_ROUNDED_S = 1e-6

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class _Recent(Generic[_K, _V]):
    """A bounded memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[_K, _V] = {}

    def get(self, key: _K) -> _V | None:
        return self._entries.get(key)

    def put(self, key: _K, value: _V) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]


class _Queue(Enum):
    """Where a try belongs."""

    AT_HOME = auto()
    FIRST = auto()
    AGAIN = auto()

    @property
    def size(self) -> int:
        """How many tries there are at once."""
        return FIRST_TRIES if self is _Queue.FIRST else BURST

    @property
    def per_s(self) -> float:
        """How fast they come back. [1/s]"""
        return (FIRST_TRIES_PER_MIN if self is _Queue.FIRST else TRIES_PER_MIN) / 60


class _Bucket:
    """The tries of one queue. Those who wait have theirs in advance."""

    __slots__ = ("_at_s", "_queue", "_tries")

    def __init__(self, queue: _Queue, now_s: float) -> None:
        self._queue = queue
        self._tries = float(queue.size)
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Until there is a try for one more. [s]"""
        queue = self._queue
        self._tries = min(self._tries + (now_s - self._at_s) * queue.per_s, queue.size)
        self._at_s = now_s
        return max(0.0, (1 - self._tries) / queue.per_s)

    def take(self) -> None:
        """Somebody has a try, or will have it."""
        self._tries -= 1

    def give_back(self) -> None:
        """It was none."""
        self._tries += 1


@frozen
class Turn:
    """
    When a password may be tried.

    @ivar wait_s: in how long; or, if too many wait already, when it is worth to ask again. [s]
    @ivar is_kept: whether it may be tried then.
    """

    wait_s: float
    is_kept: bool
    _identity: str
    _source: str
    _bucket: _Bucket


class LoginThrottle:
    """The tries of all identities."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._buckets: _Recent[tuple[str, _Queue], _Bucket] = _Recent(MAX_ENTRIES)
        self._at_home: _Recent[str, str] = _Recent(MAX_ENTRIES)
        # For how many a source has failed, and for whom: hashes, which are small.
        self._failed_for: _Recent[str, tuple[int, ...]] = _Recent(MAX_SOURCES)

    def turn(self, identity: str, source: str) -> Turn:
        """
        When somebody may try a password.

        A turn that is kept is taken: L{failed}, L{succeeded} or L{given_back} has to tell what
        became of it.

        @param identity: who he says to be; upper and lower case are the same.
        @param source: where he comes from, as L{cfos_cm.net.source_address.source_of} has it.
        """
        bucket = self._bucket_of(identity, source)
        wait_s = bucket.wait_s(self._clock.seconds())
        # What is rounded must not cost the last of those who wait his place.
        too_long_s = wait_s - MAX_WAIT_S
        if too_long_s > _ROUNDED_S:
            return Turn(too_long_s, False, identity, source, bucket)
        bucket.take()
        return Turn(wait_s, True, identity, source, bucket)

    def failed(self, turn: Turn) -> None:
        """The password was wrong."""
        network = _network_of(turn._source)
        before = self._failed_for.get(network) or ()
        whom = _hash(turn._identity)
        if whom not in before and len(before) <= MAX_IDENTITIES:
            before = (*before, whom)
        self._failed_for.put(network, before)

    def given_back(self, turn: Turn) -> None:
        """It was not tried after all, or was no guess: right, whatever became of the login."""
        turn._bucket.give_back()

    def succeeded(self, turn: Turn) -> None:
        """It was right, and the Charge Point is logged in."""
        self.given_back(turn)
        folded = turn._identity.casefold()
        if self._at_home.get(folded) != turn._source:
            # What was tried at its last home is no concern of this one.
            self._buckets.put(
                (folded, _Queue.AT_HOME), _Bucket(_Queue.AT_HOME, self._clock.seconds())
            )
        self._at_home.put(folded, turn._source)

    def _bucket_of(self, identity: str, source: str) -> _Bucket:
        folded = identity.casefold()
        if self._at_home.get(folded) == source:
            return self._bucket(folded, _Queue.AT_HOME)
        if self._is_new(identity, source):
            first = self._bucket(folded, _Queue.FIRST)
            if first.wait_s(self._clock.seconds()) == 0:
                return first
        return self._bucket(folded, _Queue.AGAIN)

    def _bucket(self, folded: str, queue: _Queue) -> _Bucket:
        key = folded, queue
        bucket = self._buckets.get(key) or _Bucket(queue, self._clock.seconds())
        self._buckets.put(key, bucket)
        return bucket

    def _is_new(self, identity: str, source: str) -> bool:
        failed_for = self._failed_for.get(_network_of(source)) or ()
        return len(failed_for) <= MAX_IDENTITIES and _hash(identity) not in failed_for


def _hash(identity: str) -> int:
    return hash(identity.casefold())


def _network_of(source: str) -> str:
    """What of a source nobody has in any number."""
    if ":" not in source:
        return source
    try:
        network = IPv6Network(source, strict=False)
    except ValueError:
        return source
    if network.prefixlen <= _IPV6_PREFIX_BITS:
        return source
    return str(network.supernet(new_prefix=_IPV6_PREFIX_BITS))
