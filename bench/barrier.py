"""The load of a burst: all stations speak at one signal, and again when all are answered."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from bench import accounting, frames
from bench.crowd import PATIENCE_S, Crowd, WrongAnswer, status
from bench.station import Station


@dataclass(frozen=True)
class BurstResult:
    """
    What some bursts have led to.

    @ivar messages: what the stations have said in all bursts.
    @ivar call_errors: how much of it was answered with a CALLERROR.
    @ivar why: the first of those; empty: there was none.
    @ivar p50_ms: from the signal to the answer, for half of the messages at most. [ms]
    @ivar cpu_us: of the server, from the first signal to the last answer, by message. [µs]
    @ivar own_share: how much of the time the load itself was at work, 0 to 1.
    """

    bursts: int
    messages: int
    call_errors: int
    why: str
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: float
    own_share: float


class Barrier:
    """
    Stations that wait for each other.

    What a burst is made of is ready before its signal, and what follows from its answers is
    done when all have come: in between the load does nothing but send and read.
    """

    def __init__(self, crowd: Crowd, pid: int) -> None:
        """
        @param pid: the server's process.
        """
        self._crowd = crowd
        self._pid = pid
        self._latencies_s: list[float] = []
        self._call_errors: list[Any] = []
        self._seconds = 0.0
        self._idle_s = 0.0

    def run(self, bursts: int) -> BurstResult:
        """
        Let them speak so many times.

        @raise WrongAnswer: when an answer is neither a confirmation nor a CALLERROR, or does
            not come.
        """
        cpu_ns = accounting.cpu_ns(self._pid)
        for number in range(bursts):
            self._burst(number)
        cpu_ns = accounting.cpu_ns(self._pid) - cpu_ns
        latencies_s = self._latencies_s
        return BurstResult(
            bursts=bursts,
            messages=len(latencies_s),
            call_errors=len(self._call_errors),
            why=str(self._call_errors[0]) if self._call_errors else "",
            p50_ms=statistics.median(latencies_s) * 1000,
            p99_ms=statistics.quantiles(latencies_s, n=100)[98] * 1000,
            max_ms=max(latencies_s) * 1000,
            cpu_us=cpu_ns / len(latencies_s) / 1000,
            own_share=1 - self._idle_s / self._seconds,
        )

    def _burst(self, number: int) -> None:
        said = [(station, *_words(station, number)) for station in self._crowd.stations]
        unanswered = {station.identity: ids for station, ids, _ in said}
        signal = time.perf_counter()
        for station, _, data in said:
            station.send(data)
        confirmed = self._await_answers(unanswered, signal)
        self._seconds += time.perf_counter() - signal
        for station, payload in confirmed:
            if "transactionId" in payload:
                station.started(payload)

    def _await_answers(
        self, unanswered: dict[str, set[str]], signal: float
    ) -> list[tuple[Station, Any]]:
        """Who got which confirmation, when there is an answer to all."""
        found = []
        left = sum(map(len, unanswered.values()))
        while left:
            asked = time.perf_counter()
            # Without going to sleep: see L{Window.busy_poll}.
            events = self._crowd.poll.poll(0)
            at = time.perf_counter()
            if not events:
                self._idle_s += at - asked
                if at > signal + PATIENCE_S:
                    raise WrongAnswer(f"{left} messages were not answered")
            for fd, _ in events:
                station = self._crowd.by_fd[fd]
                for answer in station.answers(station.sock.recv(65536)):
                    self._check(station, answer, unanswered[station.identity])
                    self._latencies_s.append(at - signal)
                    left -= 1
                    if answer[0] == 3:
                        found.append((station, answer[2]))
        return found

    def _check(self, station: Station, answer: Any, unanswered: set[str]) -> None:
        if answer[0] not in (3, 4) or answer[1] not in unanswered:
            raise WrongAnswer(f"{station.identity}: {answer}")
        unanswered.remove(answer[1])
        if answer[0] == 4:
            self._call_errors.append(answer)


def _words(station: Station, number: int) -> tuple[set[str], bytes]:
    """What a station says in a burst: the ids of its messages, and the bytes for the socket."""
    first = station.number
    station.number += 3
    start = {
        "connectorId": 1,
        "idTag": "BENCH",
        "meterStart": 1000 * number,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    data = (
        frames.text_frame(frames.call(first, "StatusNotification", status("Preparing"))),
        station.values.frame(first + 1),
        frames.text_frame(frames.call(first + 2, "StartTransaction", start)),
    )
    ids = {frames.message_id(first + place).decode() for place in range(3)}
    return ids, b"".join(data)
