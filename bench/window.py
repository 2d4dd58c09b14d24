"""The time in which is measured, and what comes out."""

from __future__ import annotations

import array
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import accounting
from bench.crowd import Crowd, WrongAnswer

#: A run in which the load had less of its core left than this says little about the server.
MAX_OWN_SHARE = 0.8


@dataclass(frozen=True)
class Result:
    """
    What one run has measured.

    @ivar cpu_us: of the server, all of its threads, for each message. [µs]
    @ivar p50_ms: the latency that half of the messages had at most. [ms]
    @ivar own_share: how much of the time the load itself was at work, 0 to 1.
    @ivar late_ms: by how much 99 % of the messages of an open loop left too late at most. [ms]
    @ivar server_calls: what the server itself has asked meanwhile.
    """

    messages: int
    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    own_share: float
    late_ms: float
    server_calls: int


_Counters = tuple[int, float, float, int]


class Window:
    """
    The time in which is measured, after the time in which everything gets warm.

    About as many messages are under way when it begins as when it ends, so that the work for
    those that are answered in it is the work that was done in it.

    @ivar begin: when it begins, as C{perf_counter} says. [s]
    @ivar end: when it ends. [s]
    """

    def __init__(
        self,
        crowd: Crowd,
        pid: int,
        warm_up_s: float,
        seconds: float,
        kept_in: Path | None = None,
    ) -> None:
        """
        @param pid: the server's process.
        @param kept_in: all latencies are put at the end of this file, as doubles; C{None}: only
            what becomes of them is told.
        """
        self._kept_in = kept_in
        self._crowd = crowd
        self._pid = pid
        self.begin = time.perf_counter() + warm_up_s
        self.end = self.begin + seconds
        self._at_begin: _Counters | None = None
        self._at_end: _Counters | None = None
        self._answered = 0
        self._idle_s = 0.0

    def busy_poll(
        self, poll: Callable[[float], list[tuple[int, int]]]
    ) -> list[tuple[int, int]]:
        """
        What can be read now, without ever going to sleep.

        Who sleeps has to be woken up, and the server would pay for it: on a virtual machine
        that costs as much as the message itself, and the slower a server is, the more often.
        """
        begin = time.perf_counter()
        events = poll(0)
        if not events:
            self._idle_s += time.perf_counter() - begin
        return events

    @property
    def opened(self) -> bool:
        """Whether it has begun."""
        return self._at_begin is not None

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._at_end is not None

    def tick(self, answered: int) -> None:
        """
        Take down where the counters stand, when it is time.

        @param answered: the messages that were answered since it has begun.
        """
        if self._at_begin is None:
            if time.perf_counter() >= self.begin:
                self._at_begin = self._counters()
        elif self._at_end is None and time.perf_counter() >= self.end:
            self._at_end = self._counters()
            self._answered = answered

    def result(self, latencies: array.array[float], late: array.array[float]) -> Result:
        """
        What was measured.

        @param latencies: of each message, also of those that were answered after the end. [s]
        @param late: by how much each left too late. [s]
        """
        if self._at_begin is None or self._at_end is None or not self._answered:
            raise WrongAnswer("no message was answered within the measured time")
        ns, seconds, idle_s, calls = (
            now - then for now, then in zip(self._at_end, self._at_begin, strict=True)
        )
        ordered = sorted(latencies)
        if self._kept_in is not None:
            with self._kept_in.open("ab") as kept:
                latencies.tofile(kept)
        return Result(
            messages=self._answered,
            rate=self._answered / seconds,
            cpu_us=ns / self._answered / 1000,
            p50_ms=quantile(ordered, 0.5) * 1000,
            p99_ms=quantile(ordered, 0.99) * 1000,
            max_ms=ordered[-1] * 1000,
            own_share=1 - idle_s / seconds,
            late_ms=quantile(sorted(late), 0.99) * 1000 if late else 0.0,
            server_calls=int(calls),
        )

    def _counters(self) -> _Counters:
        return (
            accounting.cpu_ns(self._pid),
            time.perf_counter(),
            self._idle_s,
            self._crowd.server_calls,
        )


def quantile(ordered: list[float], share: float) -> float:
    """What so great a share is at most."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
