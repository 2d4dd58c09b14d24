"""
The load of L{bench.gateway_relay}: wallboxes, and the backend that bills them, in one process.

    python -m bench.gateway_load --connections 100 --rates 1,10 --seconds 10

It says on which port the backend listens, as a line of JSON. Then it waits for a line with the
port that the wallboxes are to connect to and the process behind that. What was measured is one
more line.

Each wallbox sends so many MeterValues.req per second, at times that were laid down before and
are the same in each run. What is measured counts from those times: until the frame has arrived
at the backend's socket, and until the wallbox has its answer. Each frame is checked at the
backend: its order, its reading, its transaction by the backend's own number.
"""

from __future__ import annotations

import argparse
import array
import gc
import json
import os
import random
import resource
import select
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import accounting, frames
from bench.crowd import PATIENCE_S, Crowd, WrongAnswer, confirms
from bench.gateway_backend import Backend, Client
from bench.station import Refused, Station
from bench.window import Window

#: How long everything gets warm before it is measured. [s]
_WARM_UP_S = 2.0

#: A wallbox that is to be connected is waited for so long at a time. [s]
_WAIT_S = 1.0


@dataclass(frozen=True)
class Quantiles:
    """How long something took, in one run. [ms]"""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class Result:
    """
    What was measured at one rate.

    @ivar messages: how many were relayed in the measured time.
    @ivar relayed: from the wallbox to the backend's socket.
    @ivar answered: from the wallbox to its answer.
    @ivar cpu_us: of the process in between, for each message.
    @ivar own_share: how much of the time the load itself was at work.
    @ivar late_ms: 99 of 100 messages have left at most so late.
    """

    messages: int
    relayed: Quantiles
    answered: Quantiles
    cpu_us: float
    own_share: float
    late_ms: float


def quantiles(seconds: Sequence[float]) -> Quantiles:
    """
    Where the times of a run lie.

    @raise WrongAnswer: when there are none.
    """
    if not seconds:
        raise WrongAnswer("no message has come through within the measured time")
    ordered = sorted(seconds)
    last = len(ordered) - 1
    p50, p95, p99 = (ordered[round(last * share)] * 1000 for share in (0.5, 0.95, 0.99))
    return Quantiles(p50, p95, p99, ordered[-1] * 1000)


class BothEnds(Crowd):
    """
    The wallboxes, and the backend on the same epoll.

    @ivar backend: that backend.
    @ivar told: how often it was told what.
    @ivar relayed: what was measured at the backend. [s]
    """

    def __init__(self, port: int, connections: int) -> None:
        super().__init__(port, connections)
        self.poll.close()
        self.backend = Backend(self._told)
        self.poll = self.backend.poll
        self.told: Counter[str] = Counter()
        self.relayed = array.array("d")
        self._measured_from = float("inf")
        # What each wallbox has sent and the backend not got yet: when it was due, its reading.
        self._under_way: dict[str, deque[tuple[float, str]]] = {
            station.identity: deque() for station in self.stations
        }

    @property
    def under_way(self) -> int:
        """How many meter values have not arrived yet."""
        return sum(map(len, self._under_way.values()))

    def measure_from(self, begin: float) -> None:
        """Forget what was measured, and measure what is due from C{begin} on. [s]"""
        self.relayed = array.array("d")
        self._measured_from = begin

    def connect(self) -> None:
        """Open all connections, one after the other; the backend lets them in meanwhile."""
        for station in self.stations:
            station.sock.connect(("127.0.0.1", self.port))
            station.ask_for_upgrade()
            self.watch(station)
            self._await_upgrade(station)

    def _await_upgrade(self, station: Station) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for one in self.ready(_WAIT_S):
                data = one.sock.recv(65536)
                if one is not station:
                    one.answers(data)
                elif one.upgraded(data):
                    return
        raise Refused(f"{station.identity}: no answer to the upgrade")

    def attend(self, timeout_s: float) -> None:
        """
        Answer what is asked, at both ends.

        @param timeout_s: how long to wait for it. [s]
        """
        for station in self.ready(timeout_s):
            station.answers(station.sock.recv(65536))

    def ready(self, timeout_s: float) -> list[Station]:
        """The wallboxes that have got something; the backend is served."""
        found = []
        for fd, _ in self.poll.poll(timeout_s):
            station = self.by_fd.get(fd)
            if station is None:
                self.backend.serve(fd)
            else:
                found.append(station)
        return found

    def _ready(self, deadline: float) -> list[Station]:
        if time.monotonic() > deadline:
            raise WrongAnswer(f"no answer within {PATIENCE_S:g} s")
        return self.ready(_WAIT_S)

    def wait_for(self, action: str) -> None:
        """
        Go on until the backend was told something by each wallbox.

        @raise WrongAnswer: when it is not.
        """
        deadline = time.monotonic() + PATIENCE_S
        while self.told[action] < len(self.stations):
            if time.monotonic() > deadline:
                raise WrongAnswer(f"the backend has got {self.told[action]} {action}")
            self.attend(_WAIT_S)

    def send_values(self, station: Station, due: float) -> None:
        """Have a wallbox send its next reading."""
        number = station.number
        self._under_way[station.identity].append((due, _energy(number)))
        station.sent_at = due
        station.number = number + 1
        station.sock.send(station.values.frame(number))

    def _told(self, client: Client, _: str, action: str, payload: Any, at: float) -> None:
        self.told[action] += 1
        if action != "MeterValues":
            return
        waiting = self._under_way[client.identity]
        if not waiting:
            raise WrongAnswer(f"{client.identity}: a reading that nobody has sent")
        due, energy = waiting.popleft()
        found = payload["meterValue"][0]["sampledValue"][0]["value"]
        place = payload["connectorId"], payload["transactionId"]
        if found != energy or place != (1, client.transaction_id):
            raise WrongAnswer(f"{client.identity}: {energy} was due; it is {found} at {place}")
        if due >= self._measured_from:
            self.relayed.append(at - due)


def _energy(number: int) -> str:
    """The reading in the frame that has this number; see L{frames.MeterValuesFrames}."""
    high, low = divmod(number % frames.NUMBERS, 10_000)
    return f"{1000 + high % 9000}{low:04}"


class Loop:
    """One rate, from its beginning to the last answer."""

    def __init__(self, crowd: BothEnds, pid: int, rate: float, seconds: float) -> None:
        """
        @param rate: of each wallbox. [1/s]
        """
        self._crowd = crowd
        self._window = Window(crowd, pid, _WARM_UP_S, seconds)
        self._answered, self._late = array.array("d"), array.array("d")
        self._busy: set[str] = set()
        self._idle_s = 0.0
        # The same in each run, for each contender.
        draw = random.Random(1)
        self._period_s = 1 / rate
        moments = sorted(draw.random() * self._period_s for _ in crowd.stations)
        self._turn = tuple(zip(moments, crowd.stations, strict=True))
        crowd.measure_from(self._window.begin)

    def run(self) -> Result:
        """
        Send, and wait for the end.

        @raise WrongAnswer: when something is answered or arrives as it should not.
        """
        crowd, window, now = self._crowd, self._window, time.perf_counter
        begin, sent = now(), 0
        by_fd, poll, serve, turn = crowd.by_fd, crowd.poll.poll, crowd.backend.serve, self._turn
        due, station = begin + turn[0][0], turn[0][1]
        at = begin
        while due < window.end or not window.closed or self._busy or crowd.under_way:
            events, sent_before, before = poll(0), sent, at
            for fd, _ in events:
                if fd in by_fd:
                    self._received(by_fd[fd])
                else:
                    serve(fd)
            at = now()
            while due <= at and due < window.end:
                self._due(station, due)
                sent += 1
                lap, place = divmod(sent, len(turn))
                moment, station = turn[place]
                due = begin + lap * self._period_s + moment
            if not events and sent == sent_before:
                # It never goes to sleep: who sleeps has to be woken up.
                self._idle_s += at - before
            window.tick(len(crowd.relayed))
            if at > window.end + PATIENCE_S:
                raise WrongAnswer(f"{len(self._busy)} answers, {crowd.under_way} readings lost")
        return self._result(self._idle_s / (at - begin))

    def _due(self, station: Station, due: float) -> None:
        if self._window.opened:
            self._late.append(time.perf_counter() - due)
        if station.identity in self._busy:
            # As every wallbox it has one call in flight; that it has to wait counts.
            station.due.append(due)
        else:
            self._busy.add(station.identity)
            self._crowd.send_values(station, due)

    def _received(self, station: Station) -> None:
        data = station.sock.recv(65536)
        number = station.number - 1
        if data != frames.plain_answer(number) and not _is_answered(station, number, data):
            return
        if station.sent_at >= self._window.begin:
            self._answered.append(time.perf_counter() - station.sent_at)
        if station.due:
            self._crowd.send_values(station, station.due.pop(0))
        else:
            self._busy.discard(station.identity)

    def _result(self, idle_share: float) -> Result:
        window = self._window.result(self._answered, self._late)
        return Result(
            messages=len(self._crowd.relayed),
            relayed=quantiles(self._crowd.relayed),
            answered=quantiles(self._answered),
            cpu_us=window.cpu_us,
            own_share=1 - idle_share,
            late_ms=window.late_ms,
        )


def _is_answered(station: Station, number: int, data: bytes) -> bool:
    for answer in station.answers(data):
        if not confirms(answer, number) or answer[2] != {}:
            raise WrongAnswer(f"{station.identity}: {answer}")
        return True
    return False


def measured(
    crowd: BothEnds, pid: int, rates: Sequence[float], seconds: float
) -> Mapping[float, Result]:
    """Charge at all wallboxes, once for all rates."""
    crowd.connect()
    crowd.register()
    crowd.wait_for("BootNotification")
    crowd.start()
    crowd.wait_for("StartTransaction")
    crowd.calm()
    gc.collect()
    gc.freeze()
    gc.disable()
    found = {rate: Loop(crowd, pid, rate, seconds).run() for rate in rates}
    crowd.stop()
    crowd.wait_for("StopTransaction")
    return found


def _told_where(crowd: BothEnds) -> tuple[int, int]:
    """Where the wallboxes are to connect to; the backend is there for whoever looks for it."""
    asked = sys.stdin.fileno()
    crowd.poll.register(asked, select.EPOLLIN)
    while True:
        for fd, _ in crowd.poll.poll():
            if fd == asked:
                crowd.poll.unregister(asked)
                line = sys.stdin.readline()
                if not line:
                    # What was to be measured could not be started.
                    sys.exit()
                told = json.loads(line)
                return told["port"], told["pid"]
            crowd.backend.serve(fd)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway_load")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--rates", type=_numbers, default=[1.0], help="of each wallbox, 1/s")
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args()


def main() -> None:
    """Do what the command line says."""
    options = _parse()
    os.sched_setaffinity(0, {accounting.cores()[1]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = BothEnds(0, options.connections)
    print(json.dumps({"port": crowd.backend.port}), flush=True)
    crowd.port, pid = _told_where(crowd)
    try:
        found = measured(crowd, pid, options.rates, options.seconds)
    except (Refused, WrongAnswer) as error:
        sys.exit(f"load: {error}")
    print(json.dumps({f"{rate:g}": asdict(one) for rate, one in found.items()}), flush=True)
    crowd.close()
    crowd.backend.close()


if __name__ == "__main__":
    main()
