"""
The load: Charge Points on raw sockets, in a process of its own on a core of its own.

    python -m bench.load closed --port 19520 --pid 4711 --connections 100 --seconds 5
    python -m bench.load open   --port 19520 --pid 4711 --connections 1000 --rate 1500
    python -m bench.load idle   --port 19520 --connections 1000
    python -m bench.load storm  --port 19520 --connections 1000
    python -m bench.load burst  --port 19520 --connections 100 --bursts 10

closed: each connection sends its next MeterValues.req when the last one is answered. open: so
many messages per second leave at times that were laid down before, whatever the server does,
and their latencies count from those times. idle: the connections are there. storm: all connect
at once, and say BootNotification, StatusNotification and Heartbeat. burst: at a signal each
says StatusNotification, MeterValues and StartTransaction, and again when all are answered.

Every answer is checked: a CALLRESULT with the id that was asked; only in a burst a CALLERROR is
one too, and is counted. What was measured is one line of JSON.
"""

from __future__ import annotations

import argparse
import array
import errno
import gc
import json
import os
import random
import resource
import select
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import accounting, frames
from bench.barrier import Barrier
from bench.crowd import BOOT, PATIENCE_S, Crowd, WrongAnswer, confirms, status
from bench.station import Refused, Station
from bench.window import Result, Window


def _check(station: Station, data: bytes) -> bool:
    """
    Whether the station's call is confirmed now, in any form that is allowed.

    @raise WrongAnswer: when the answer is another one.
    """
    for answer in station.answers(data):
        if not confirms(answer, station.number - 1) or answer[2] != {}:
            raise WrongAnswer(f"{station.identity}: {answer}")
        return True
    return False


def _send_values(station: Station, due: float) -> None:
    station.sent_at = due
    number = station.number
    station.number = number + 1
    station.sock.send(station.values.frame(number))


def closed_loop(crowd: Crowd, window: Window) -> Result:
    """Each connection sends its next message when the last one is answered."""
    latencies = array.array("d")
    now = time.perf_counter
    plain, by_fd, poll = frames.plain_answer, crowd.by_fd, crowd.poll.poll
    for station in crowd.stations:
        _send_values(station, now())
    waiting = len(crowd.stations)
    while waiting:
        events = window.busy_poll(poll)
        for fd, _ in events:
            station = by_fd[fd]
            data = station.sock.recv(65536)
            if data != plain(station.number - 1) and not _check(station, data):
                continue
            at = now()
            if window.opened:
                latencies.append(at - station.sent_at)
            if at < window.end:
                _send_values(station, at)
            else:
                waiting -= 1
        window.tick(len(latencies))
        if now() > window.end + PATIENCE_S:
            raise WrongAnswer(f"{waiting} messages were not answered")
    return window.result(latencies, array.array("d"))


def open_loop(crowd: Crowd, window: Window, rate: float) -> Result:
    """
    So many messages per second, at their times, from all connections in turn.

    A station whose last call is not answered yet sends its next one right after the answer; the
    time that it had to wait counts.
    """
    latencies, late = array.array("d"), array.array("d")
    now = time.perf_counter
    plain, by_fd, poll = frames.plain_answer, crowd.by_fd, crowd.poll
    turn = list(crowd.stations)
    random.shuffle(turn)
    busy: set[str] = set()
    begin, sent = now(), 0
    while True:
        if begin + sent / rate >= window.end and window.closed and not busy:
            break
        for fd, _ in window.busy_poll(poll.poll):
            station = by_fd[fd]
            data = station.sock.recv(65536)
            if data != plain(station.number - 1) and not _check(station, data):
                continue
            if window.opened:
                latencies.append(now() - station.sent_at)
            if station.due:
                _send_values(station, station.due.pop(0))
            else:
                busy.discard(station.identity)
        at = now()
        while (due := begin + sent / rate) <= at and due < window.end:
            station = turn[sent % len(turn)]
            sent += 1
            if window.opened:
                late.append(now() - due)
            if station.identity in busy:
                station.due.append(due)
            else:
                busy.add(station.identity)
                _send_values(station, due)
        window.tick(len(latencies))
        if at > window.end + PATIENCE_S:
            raise WrongAnswer(f"{len(busy)} stations were not answered")
    return window.result(latencies, late)


@dataclass(frozen=True)
class StormResult:
    """
    How long a thousand took to come back.

    @ivar seconds: from the first one's connection to the last one's last answer. [s]
    @ivar connected_s: until the last one was connected. [s]
    @ivar refused: how many were turned away.
    @ivar why: what the first of them was told.
    """

    seconds: float
    connected_s: float
    served: int
    refused: int
    why: str
    cpu_ms: float
    own_share: float


_Said = tuple[str, Mapping[str, Any]]

_STORM: tuple[_Said, ...] = (
    ("BootNotification", BOOT),
    ("StatusNotification", status("Available")),
    ("Heartbeat", {}),
)


class Storm:
    """All stations connect at once, and each says three things."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._steps: dict[str, int] = {}
        self._refusals: list[str] = []
        self._connected_at = 0.0
        self._served = 0

    def run(self, pid: int) -> StormResult:
        """Let it loose."""
        begin, cpu, own = time.perf_counter(), accounting.cpu_ns(pid), time.process_time()
        crowd = self._crowd
        for station in crowd.stations:
            station.sock.setblocking(False)
            if station.sock.connect_ex(("127.0.0.1", crowd.port)) not in (0, errno.EINPROGRESS):
                self._refusals.append(f"{station.identity}: cannot connect")
                continue
            crowd.by_fd[station.sock.fileno()] = station
            crowd.poll.register(station.sock.fileno(), select.EPOLLOUT)
        deadline = begin + PATIENCE_S
        while self._served + len(self._refusals) < len(crowd.stations):
            if time.perf_counter() > deadline:
                break
            for fd, events in crowd.poll.poll(1):
                self._go_on(fd, events)
        end = time.perf_counter()
        missing = len(crowd.stations) - self._served - len(self._refusals)
        return StormResult(
            seconds=end - begin,
            connected_s=self._connected_at - begin,
            served=self._served,
            refused=len(self._refusals) + missing,
            why=(self._refusals or ["no answer" if missing else ""])[0],
            cpu_ms=(accounting.cpu_ns(pid) - cpu) / 1e6,
            own_share=(time.process_time() - own) / (end - begin),
        )

    def _go_on(self, fd: int, events: int) -> None:
        station = self._crowd.by_fd[fd]
        try:
            if events & select.EPOLLOUT:
                station.ask_for_upgrade()
                self._crowd.poll.modify(fd, select.EPOLLIN)
            else:
                self._read(station, station.sock.recv(65536))
        except (Refused, WrongAnswer, OSError) as error:
            self._refusals.append(str(error))
            self._crowd.poll.unregister(fd)

    def _read(self, station: Station, data: bytes) -> None:
        step = self._steps.get(station.identity)
        if step is None:
            if station.upgraded(data):
                self._connected_at = time.perf_counter()
                self._say(station, 0)
            return
        for answer in station.answers(data):
            if step == len(_STORM) or not confirms(answer, station.number - 1):
                raise WrongAnswer(f"{station.identity}: {answer}")
            step += 1
            self._say(station, step)

    def _say(self, station: Station, step: int) -> None:
        self._steps[station.identity] = step
        if step < len(_STORM):
            station.ask(*_STORM[step])
        else:
            self._served += 1


def _idle(crowd: Crowd) -> None:
    """Keep the connections until standard input ends; pings are answered."""
    print(json.dumps({"connections": len(crowd.stations)}), flush=True)
    crowd.poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    while True:
        for fd, _ in crowd.poll.poll():
            if fd == sys.stdin.fileno():
                return
            crowd.by_fd[fd].answers(crowd.by_fd[fd].sock.recv(65536))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("mode", choices=["closed", "open", "idle", "storm", "burst"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, default=os.getpid(), help="of the server")
    parser.add_argument("--core", type=int)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=1500.0)
    parser.add_argument("--bursts", type=int, default=10)
    parser.add_argument("--latencies", type=Path, help="closed, open: a file to put them in")
    parser.add_argument("--silent", action="store_true", help="idle: nobody says anything")
    return parser.parse_args()


def _measure(crowd: Crowd, options: argparse.Namespace) -> Result:
    crowd.connect()
    crowd.register()
    crowd.start()
    _collect_no_garbage()
    window = Window(crowd, options.pid, options.warm_up, options.seconds, options.latencies)
    if options.mode == "closed":
        result = closed_loop(crowd, window)
    else:
        result = open_loop(crowd, window, options.rate)
    crowd.stop()
    return result


def _collect_no_garbage() -> None:
    """From now on: the server would pay for the pauses."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _do(options: argparse.Namespace) -> None:
    crowd = Crowd(options.port, options.connections)
    if options.mode == "idle":
        crowd.connect()
        if not options.silent:
            crowd.register()
            crowd.calm()
        _idle(crowd)
    elif options.mode == "storm":
        # They were all here before: this is the moment after the power cut.
        crowd.connect()
        crowd.register()
        crowd.calm()
        crowd.close()
        again = Crowd(options.port, options.connections)
        print(json.dumps(asdict(Storm(again).run(options.pid))))
        again.close()
    elif options.mode == "burst":
        crowd.connect()
        crowd.register()
        crowd.calm()
        _collect_no_garbage()
        print(json.dumps(asdict(Barrier(crowd, options.pid).run(options.bursts))))
    else:
        print(json.dumps(asdict(_measure(crowd, options))))
    crowd.close()


def main() -> None:
    """Do what the command line says."""
    options = _parse()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        _do(options)
    except (Refused, WrongAnswer) as error:
        sys.exit(f"load: {error}")


if __name__ == "__main__":
    main()
