"""
The load of L{bench.limit_change}: wallboxes that obey, and a program that limits their circuit.

    python -m bench.limited --port 19520 --pid 4711 --connections 100 --changes 20

A change is over when all that the wallboxes may give together is within the limit. Each
wallbox's time is from the moment in which the request is written until it has got its lower
current and answered that it obeys. What was measured is one line of JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import select
import socket
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from bench import accounting
from bench.crowd import PATIENCE_S, Crowd, WrongAnswer
from bench.obedient import VOLTAGE_V, Obedient, full_a
from bench.station import Refused

#: How often a wallbox says what its car draws. [s]
_METER_S = 10.0

#: How long a limit stays after all obey it. [s]
_HOLD_S = 1.0

#: What each wallbox is left at least. [mA per phase]
_LEAST_MA = 6100

#: What is shared is never more off than this, on an average. [mA per wallbox and phase]
_GRAIN_MA = 100


@dataclass(frozen=True)
class Quantiles:
    """How long something took, in one run. [ms]"""

    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class Result:
    """
    What some changes have led to.

    @ivar less: of each wallbox at each change to less.
    @ivar more: of each wallbox at each change to more.
    @ivar answered: until the control socket had answered, the proof being on disk.
    @ivar cpu_ms: of the server, from a request for less until all obey it. [ms]
    @ivar own_share: how much of the time until all obey less the load itself was at work.
    """

    less: Quantiles
    more: Quantiles
    answered: Quantiles
    cpu_ms: float
    own_share: float


def _quantiles(seconds: Sequence[float]) -> Quantiles:
    parts = statistics.quantiles(seconds, n=100, method="inclusive")
    return Quantiles(parts[49] * 1000, parts[98] * 1000, max(seconds) * 1000)


class Garage(Crowd):
    """
    Wallboxes that obey, and say what their cars draw.

    @ivar obedient: all of them.
    """

    def __init__(self, port: int, connections: int) -> None:
        super().__init__(port, connections)
        first = self.stations[0].number
        for ordinary in self.stations:
            ordinary.close()
        self.obedient = [Obedient(number, first) for number in range(1, connections + 1)]
        self.stations = list(self.obedient)
        self._to_measure: deque[tuple[float, Obedient]] = deque()

    def begin_to_measure(self) -> None:
        """Have them say what is drawn from now on, one after the other."""
        now, apart_s = time.perf_counter(), _METER_S / len(self.obedient)
        self._to_measure = deque(
            (now + number * apart_s, station) for number, station in enumerate(self.obedient)
        )

    def live(self, control: Control | None = None) -> float:
        """
        Do what is due, wait for something to happen, a moment at most, and see to it.

        @return: how long it has waited. [s]
        """
        while self._to_measure[0][0] <= (now := time.perf_counter()):
            due, measuring = self._to_measure.popleft()
            self._to_measure.append((due + _METER_S, measuring))
            measuring.ask("MeterValues", measuring.measured())
        events = self.poll.poll(min(0.1, self._to_measure[0][0] - now))
        waited_s = time.perf_counter() - now
        for fd, _ in events:
            if control is not None and fd == control.fileno():
                control.hear()
                continue
            station = self.by_fd[fd]
            for answer in station.answers(station.sock.recv(65536)):
                if answer[0] != 3 or answer[2] != {}:
                    raise WrongAnswer(f"{station.identity}: {answer}")
        return waited_s

    def drawn_w(self) -> float:
        """The most that they may draw together. [W]"""
        return sum(one.limit_ma for one in self.obedient) * 3 * VOLTAGE_V / 1000


class Control:
    """
    A program's connection to the control socket, for one request.

    @ivar asked_at: when the request was written; by C{time.perf_counter}. [s]
    @ivar answered_at: when it was answered; 0: it was not yet. [s]
    """

    def __init__(self, garage: Garage, path: str) -> None:
        self._poll = garage.poll
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._poll.register(self.fileno(), select.EPOLLIN)
        self._heard = b""
        self.asked_at = 0.0
        self.answered_at = 0.0

    def fileno(self) -> int:
        """Of its socket."""
        return self._socket.fileno()

    def ask(self, power_w: int) -> float:
        """Limit the circuit; returns when the request was written. [s]"""
        said = {"command": "limit", "circuit": "garage", "power_w": power_w, "by": "bench"}
        line = json.dumps(said).encode() + b"\n"
        self.asked_at = time.perf_counter()
        self._socket.sendall(line)
        return self.asked_at

    def hear(self) -> None:
        """
        Take what has come of the answer.

        @raise WrongAnswer: when it is no.
        """
        self._heard += self._socket.recv(65536)
        if not self._heard.endswith(b"\n"):
            raise WrongAnswer(f"half an answer from the control socket: {self._heard!r}")
        if not json.loads(self._heard)["ok"]:
            raise WrongAnswer(f"the control socket: {self._heard!r}")
        self.answered_at = time.perf_counter()

    def close(self) -> None:
        """Hang up."""
        self._poll.unregister(self.fileno())
        self._socket.close()


class Changes:
    """Limits the garage, and sees how soon it obeys."""

    def __init__(self, garage: Garage, pid: int) -> None:
        """
        @param pid: the server's process.
        """
        self._garage = garage
        self._pid = pid
        self._less_s: list[float] = []
        self._more_s: list[float] = []
        self._answered_s: list[float] = []
        self._cpu_ns: list[int] = []
        self._waited_s = 0.0
        self._whole_s = 0.0

    def run(self, changes: int) -> Result:
        """
        Change the limit so many times: to less, to more, and so on.

        @raise WrongAnswer: when a change is not obeyed.
        """
        full_ma = full_a(len(self._garage.obedient)) * 1000
        self._until(lambda: all(one.limit_ma == full_ma for one in self._garage.obedient))
        for current_ma in _currents(full_ma, changes):
            self._hold()
            self._change(current_ma)
        return Result(
            less=_quantiles(self._less_s),
            more=_quantiles(self._more_s),
            answered=_quantiles(self._answered_s),
            cpu_ms=statistics.median(self._cpu_ns) / 1e6,
            own_share=1 - self._waited_s / self._whole_s,
        )

    def _change(self, current_ma: int) -> None:
        """Limit the garage to so much for each wallbox, and wait until it obeys."""
        garage = self._garage
        power_w = current_ma * 3 * VOLTAGE_V * len(garage.obedient) // 1000
        control = Control(garage, f"/proc/{self._pid}/cwd/state/control")
        if power_w < garage.drawn_w():
            self._lower(control, power_w)
        else:
            self._raise(control, power_w)
        self._until(lambda: control.answered_at > 0, control)
        self._answered_s.append(control.answered_at - control.asked_at)
        control.close()
        if garage.drawn_w() > power_w:
            raise WrongAnswer(f"{garage.drawn_w():.0f} W may be drawn, of {power_w} W")

    def _lower(self, control: Control, power_w: int) -> None:
        garage, cpu_ns = self._garage, accounting.cpu_ns(self._pid)
        asked_at = control.ask(power_w)
        self._waited_s += self._until(
            lambda: (
                all(one.lowered_at > asked_at for one in garage.obedient)
                and garage.drawn_w() <= power_w
            ),
            control,
        )
        self._cpu_ns.append(accounting.cpu_ns(self._pid) - cpu_ns)
        taken_s = [one.lowered_at - asked_at for one in garage.obedient]
        self._less_s += taken_s
        self._whole_s += max(taken_s)

    def _raise(self, control: Control, power_w: int) -> None:
        garage = self._garage
        grain_w = _GRAIN_MA * 3 * VOLTAGE_V * len(garage.obedient) / 1000
        asked_at = control.ask(power_w)
        self._until(
            lambda: (
                all(one.raised_at > asked_at for one in garage.obedient)
                and garage.drawn_w() >= power_w - grain_w
            ),
            control,
        )
        self._more_s += (one.raised_at - asked_at for one in garage.obedient)

    def _hold(self) -> None:
        end = time.perf_counter() + _HOLD_S
        self._until(lambda: time.perf_counter() >= end)

    def _until(self, is_done: Callable[[], bool], control: Control | None = None) -> float:
        """Live until something is so; returns for how long there was nothing to do. [s]"""
        deadline = time.perf_counter() + PATIENCE_S
        waited_s = 0.0
        while not is_done():
            waited_s += self._garage.live(control)
            if time.perf_counter() > deadline:
                raise WrongAnswer(f"not obeyed: {self._garage.drawn_w():.0f} W may be drawn")
        return waited_s


def _currents(full_ma: int, changes: int) -> Iterator[int]:
    """What each wallbox is to have: less, more, and so on, each time another. [mA]"""
    chance = random.Random(changes)
    for number in range(changes):
        # With less than their minimum some would have to pause.
        bounds_ma = (0.8 * full_ma, full_ma) if number % 2 else (_LEAST_MA, 0.7 * full_ma)
        yield round(chance.uniform(*bounds_ma) / _GRAIN_MA) * _GRAIN_MA


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.limited")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="of the server")
    parser.add_argument("--core", type=int)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--changes", type=int, default=20)
    return parser.parse_args()


def main() -> None:
    """Be the load that the command line says, and print what was measured as JSON."""
    options = _parse()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        garage = Garage(options.port, options.connections)
        garage.connect()
        garage.register()
        garage.start()
        garage.begin_to_measure()
        gc.freeze()
        gc.disable()
        print(json.dumps(asdict(Changes(garage, options.pid).run(options.changes))))
    except (Refused, WrongAnswer) as error:
        sys.exit(f"load: {error}")
    garage.close()


if __name__ == "__main__":
    main()
