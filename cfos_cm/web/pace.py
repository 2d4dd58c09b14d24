"""How fast somebody may ask."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define
from twisted.internet.interfaces import IReactorTime

from cfos_cm.source_address import source_of

__all__ = ["BURST", "PER_S", "Paces"]

#: A page asks for some fifty files at its beginning, and then for little.
BURST = 200.0
PER_S = 50.0
#: Sources that are remembered. Who has been away for 4 s has a full bucket anyway.
_MOST_SOURCES = 10_000


@define
class _Bucket:
    tokens: float
    at_s: float


class Paces:
    """A bucket of tokens for each source: an IPv4 address, or the /64 of an IPv6 address."""

    def __init__(self, clock: IReactorTime, most_sources: int = _MOST_SOURCES) -> None:
        self._clock = clock
        self._most = most_sources
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """
        One more request of C{address}.

        @return: 0: it may be answered; else when the next one may come. [s]
        """
        now_s = self._clock.seconds()
        bucket = self._bucket(source_of(address), now_s)
        bucket.tokens = min(bucket.tokens + (now_s - bucket.at_s) * PER_S, BURST)
        bucket.at_s = now_s
        if bucket.tokens < 1.0:
            return 1
        bucket.tokens -= 1.0
        return 0

    def _bucket(self, source: str, now_s: float) -> _Bucket:
        bucket = self._buckets.setdefault(source, _Bucket(BURST, now_s))
        self._buckets.move_to_end(source)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)
