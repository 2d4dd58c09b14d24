"""
Slowing down who guesses passwords, and nobody else.

Before its password is looked at, a Charge Point that knows it and a guesser look alike, and a
counter that puts off the one puts off the other. What tells them apart is where they come from.
So there are three queues for each identity, and none of them is of any use to who stands in
another one:

  - at home: where the Charge Point was logged in last;
  - for the first time: a source that has not failed for this identity yet, whatever it has done
    for others. It has L{FIRST_TRIES_OF_SOURCE} such tries at once and
    L{FIRST_TRIES_OF_SOURCE_PER_MIN} in a minute, over all identities;
  - again: all others, each source in one place of the queue, or in two while nobody else waits.

Each has its own bucket of tries. Who finds it empty waits for the next one, with his connection
open, as long as there is a place; a guesser who waits for his answers cannot keep others from
getting theirs.

So much an attacker gets, for one identity, from the start of the program on:

  - with one source: L{BURST} + 1 tries at once, then L{TRIES_PER_MIN} in a minute;
  - with N of them: one more for each, up to L{FIRST_TRIES}, and then no more than
    L{FIRST_TRIES_PER_MIN} in a minute for whatever new sources he has; the tries that come
    again stay what they are, for all sources together;
  - behind the same router as the Charge Point: L{TRIES_PER_MIN} in a minute on top.

And so long he keeps a Charge Point waiting that has the right password:

  - not at all, wherever he is not: at home, or from a source that is new here;
  - where it has failed before, while he guesses from N other sources: N + 2 turns at most, of
    1 / L{TRIES_PER_MIN} min each. With L{MAX_WAITING} sources or more he takes what becomes
    free before the Charge Point can;
  - behind the same router, which he guesses from too: L{MAX_WAIT_AT_HOME_S}, where it was
    logged in last, as long as he has fewer tries on their way at once than
    L{MAX_WAITING_AT_HOME}; where it was not, two turns, as long as he has one, and guesses from
    nowhere else. With more he takes what becomes free;
  - with more than L{FIRST_TRIES} sources: one that was not here since the start of the program.
    It is one of many strangers then, and nothing tells them apart;
  - with waits for other identities: whoever has to wait, when he has L{MAX_HELD_OF_SOURCE} of
    them at the same router, or L{MAX_HELD} elsewhere.

A whole /48 of IPv6 is one source here; anybody can have as many smaller ones as he likes. The
memory is bounded: who says L{MAX_ENTRIES} other identities in between, or fails L{MAX_FAILURES}
times for others, which costs as many handshakes, begins anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from enum import Enum, auto
from ipaddress import IPv6Network
from typing import Generic, TypeVar

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

__all__ = [
    "BURST",
    "FIRST_TRIES",
    "FIRST_TRIES_OF_SOURCE",
    "FIRST_TRIES_OF_SOURCE_PER_MIN",
    "FIRST_TRIES_PER_MIN",
    "MAX_ENTRIES",
    "MAX_FAILURES",
    "MAX_HELD",
    "MAX_HELD_OF_SOURCE",
    "MAX_SOURCES",
    "MAX_WAITING",
    "MAX_WAITING_AT_HOME",
    "MAX_WAITING_OF_SOURCE",
    "MAX_WAIT_AT_HOME_S",
    "MAX_WAIT_S",
    "TRIES_PER_MIN",
    "LoginThrottle",
    "Turn",
]

#: So many at once cost nothing: somebody may have typed it wrong.
BURST = 5
TRIES_PER_MIN = 30.0
#: So many may wait for a try that comes again, of all sources.
MAX_WAITING = 16
#: And so many of one, while nobody else waits; then one.
MAX_WAITING_OF_SOURCE = 2
#: The longest wait: that of the last of them. [s]
MAX_WAIT_S = MAX_WAITING * 60 / TRIES_PER_MIN
#: At home there is one source, and so many of its connections may wait.
MAX_WAITING_AT_HOME = 4
MAX_WAIT_AT_HOME_S = MAX_WAITING_AT_HOME * 60 / TRIES_PER_MIN
#: So many may wait for all identities together, in each of the two kinds of queues: they keep
#: their sockets meanwhile.
MAX_HELD = 400
#: And so many of one source.
MAX_HELD_OF_SOURCE = 20
#: So many sources that are new for an identity are tried whenever they come.
FIRST_TRIES = 1_000
#: And so many more of them.
FIRST_TRIES_PER_MIN = 10.0
#: For so many identities one source is tried at once though others have to wait there.
FIRST_TRIES_OF_SOURCE = 20
#: And for so many more.
FIRST_TRIES_OF_SOURCE_PER_MIN = 10.0
#: Queues that are remembered; the one that is heard of least goes first.
MAX_ENTRIES = 10_000
#: Sources of which it is remembered how many first tries they have left.
MAX_SOURCES = 20_000
#: Who has failed for whom: more than one identity has first tries, or all would be new again.
MAX_FAILURES = 50_000

_IPV6_PREFIX_BITS = 48
_ROUNDED_S = 1e-6

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class _Recent(Generic[_K, _V]):
    """A bounded memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[_K, _V] = {}

    def __contains__(self, key: _K) -> bool:
        return key in self._entries

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
    FIRST_OF_SOURCE = auto()
    AGAIN = auto()

    @property
    def size(self) -> int:
        """How many tries there are at once."""
        if self is _Queue.FIRST_OF_SOURCE:
            return FIRST_TRIES_OF_SOURCE
        return FIRST_TRIES if self is _Queue.FIRST else BURST

    @property
    def per_s(self) -> float:
        """How fast they come back. [1/s]"""
        if self is _Queue.FIRST_OF_SOURCE:
            return FIRST_TRIES_OF_SOURCE_PER_MIN / 60
        return (FIRST_TRIES_PER_MIN if self is _Queue.FIRST else TRIES_PER_MIN) / 60

    @property
    def max_wait_s(self) -> float:
        """How long the last one waits who may. [s]"""
        return MAX_WAIT_AT_HOME_S if self is _Queue.AT_HOME else MAX_WAIT_S


class _Bucket:
    """
    The tries of one queue. Those who wait have theirs in advance.

    @ivar queue: which one.
    @ivar waiting: who waits here: the source, and until when. [s]
    """

    __slots__ = ("_at_s", "_tries", "queue", "waiting")

    def __init__(self, queue: _Queue, now_s: float) -> None:
        self.queue = queue
        self.waiting: list[tuple[str, float]] = []
        self._tries = float(queue.size)
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Until there is a try for one more. [s]"""
        queue = self.queue
        self._tries = min(self._tries + (now_s - self._at_s) * queue.per_s, queue.size)
        self._at_s = now_s
        return max(0.0, (1 - self._tries) / queue.per_s)

    def in_the_way_of(self, network: str) -> float | None:
        """@return: when a source may wait here that may not yet [s]; C{None}: it may."""
        own = [until_s for waiting, until_s in self.waiting if waiting == network]
        is_alone = len(own) == len(self.waiting)
        return min(own) if len(own) >= (MAX_WAITING_OF_SOURCE if is_alone else 1) else None

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

    @ivar wait_s: in how long; or, if it may not, when it is worth to ask again. [s]
    @ivar is_kept: whether it may be tried then.
    """

    wait_s: float
    is_kept: bool
    _identity: str
    _source: str
    _network: str
    _until_s: float
    _buckets: tuple[_Bucket, ...]


class LoginThrottle:
    """The tries of all identities."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._buckets: _Recent[tuple[str, _Queue], _Bucket] = _Recent(MAX_ENTRIES)
        self._of_sources: _Recent[str, _Bucket] = _Recent(MAX_SOURCES)
        self._at_home: _Recent[str, str] = _Recent(MAX_ENTRIES)
        # Which source for whom: hashes, which are small.
        self._failures: _Recent[int, None] = _Recent(MAX_FAILURES)
        self._held: dict[_Queue, Counter[str]] = {
            _Queue.AT_HOME: Counter(),
            _Queue.AGAIN: Counter(),
        }

    def turn(self, identity: str, source: str) -> Turn:
        """
        When somebody may try a password.

        A turn that is kept is taken: L{failed}, L{succeeded} or L{given_back} has to tell what
        became of it, once.

        @param identity: who he says to be; upper and lower case are the same.
        @param source: where he comes from, as L{cfos_cm.source_address.source_of} has it.
        """
        now_s, network = self._clock.seconds(), _network_of(source)
        buckets = self._buckets_of(identity, source, network)
        wait_s = max(bucket.wait_s(now_s) for bucket in buckets)
        is_kept = True
        if wait_s > 0:
            refused_for_s = self._refused_for_s(buckets[0], network, wait_s)
            is_kept = refused_for_s == 0
            wait_s = wait_s if is_kept else refused_for_s
        turn = Turn(wait_s, is_kept, identity, source, network, now_s + wait_s, buckets)
        if is_kept:
            self._take(turn)
        return turn

    def failed(self, turn: Turn) -> None:
        """The password was wrong."""
        self._waits_no_more(turn)
        self._failures.put(_failure(turn._identity, turn._network), None)

    def given_back(self, turn: Turn) -> None:
        """It was not tried after all, or was no guess: right, whatever became of the login."""
        self._waits_no_more(turn)
        for bucket in turn._buckets:
            bucket.give_back()

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

    # Those who wait.

    def _refused_for_s(self, bucket: _Bucket, network: str, wait_s: float) -> float:
        """@return: when it is worth to ask again for a place to wait [s]; 0: there is one."""
        queue = bucket.queue
        until_s = bucket.in_the_way_of(network) if queue is _Queue.AGAIN else None
        if until_s is not None:
            return max(until_s - self._clock.seconds(), _ROUNDED_S)
        # What is rounded must not cost the last of those who wait his place.
        too_long_s = wait_s - queue.max_wait_s
        if too_long_s > _ROUNDED_S:
            return too_long_s
        held = self._held[queue]
        if held[network] >= MAX_HELD_OF_SOURCE or held.total() >= MAX_HELD:
            return 1 / queue.per_s
        return 0.0

    def _take(self, turn: Turn) -> None:
        for bucket in turn._buckets:
            bucket.take()
        if turn.wait_s > 0:
            bucket = turn._buckets[0]
            bucket.waiting.append((turn._network, turn._until_s))
            self._held[bucket.queue][turn._network] += 1

    def _waits_no_more(self, turn: Turn) -> None:
        if turn.wait_s > 0:
            bucket = turn._buckets[0]
            bucket.waiting.remove((turn._network, turn._until_s))
            held = self._held[bucket.queue]
            held[turn._network] -= 1
            if not held[turn._network]:
                del held[turn._network]

    # Where a try belongs.

    def _buckets_of(self, identity: str, source: str, network: str) -> tuple[_Bucket, ...]:
        """@return: those that each have to have a try; only one that is alone may be empty."""
        folded = identity.casefold()
        if self._at_home.get(folded) == source:
            return (self._bucket(folded, _Queue.AT_HOME),)
        if _failure(identity, network) not in self._failures:
            now_s = self._clock.seconds()
            first = self._bucket(folded, _Queue.FIRST), self._bucket_of_source(network)
            if all(bucket.wait_s(now_s) == 0 for bucket in first):
                return first
        return (self._bucket(folded, _Queue.AGAIN),)

    def _bucket(self, folded: str, queue: _Queue) -> _Bucket:
        key = folded, queue
        bucket = self._buckets.get(key) or _Bucket(queue, self._clock.seconds())
        self._buckets.put(key, bucket)
        return bucket

    def _bucket_of_source(self, network: str) -> _Bucket:
        bucket = self._of_sources.get(network) or _Bucket(
            _Queue.FIRST_OF_SOURCE, self._clock.seconds()
        )
        self._of_sources.put(network, bucket)
        return bucket


def _failure(identity: str, network: str) -> int:
    return hash((identity.casefold(), network))


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
