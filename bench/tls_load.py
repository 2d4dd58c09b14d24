"""
The load for encrypted connections, in a process of its own on a core of its own.

    python -m bench.tls_load connect --port 19520 --pid 4711 --material DIR --seconds 5
    python -m bench.tls_load idle    --port 19520 --material DIR --connections 500
    python -m bench.tls_load storm   --port 19520 --pid 4711 --material DIR --connections 1000

connect: so many at a time dial, shake hands, ask for the upgrade, and hang up when they have
it. idle: the connections are there until standard input ends. storm: all dial at once, and say
BootNotification, StatusNotification and Heartbeat.

With --client-certificate each shows one; with --resume each goes on with the session of an
earlier one. What was measured is one line of JSON.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import json
import os
import random
import resource
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from bench import accounting, frames
from bench.crowd import BOOT, PATIENCE_S, WrongAnswer, confirms, status
from bench.station import Refused, Station
from bench.tls_material import CLIENT

#: So many identities a server has to know.
KNOWN = 1000

_IN_FLIGHT = 32
#: A socket that is closed without a goodbye leaves nothing behind in the system.
_ABORT = struct.pack("ii", 1, 0)

_SAID = (
    ("BootNotification", BOOT),
    ("StatusNotification", status("Available")),
    ("Heartbeat", {}),
)


class Visitor:
    """
    One encrypted connection that is not waited for.

    @ivar station: who it is; its socket is the encrypted one.
    @ivar is_open: the upgrade was answered.
    """

    def __init__(self, station: Station, port: int, how: Dialling) -> None:
        raw = station.sock
        raw.setblocking(False)
        if raw.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
            raise Refused(f"{station.identity}: cannot connect")
        self.station = station
        self.is_open = False
        self._how = how
        self._is_shaking_hands = True
        self._secure: ssl.SSLSocket | None = None

    def fileno(self) -> int:
        """Of its socket."""
        return self.station.sock.fileno()

    def go_on(self) -> int:
        """
        Do what can be done now.

        @return: what of its socket is waited for next.
        @raise Refused: when the server does not want it.
        """
        try:
            return self._go_on()
        except ssl.SSLWantReadError:
            return select.EPOLLIN
        except ssl.SSLWantWriteError:
            return select.EPOLLOUT
        except OSError as error:
            raise Refused(f"{self.station.identity}: {error}") from error

    def received(self) -> bytes:
        """What has come; nothing when it has not all come yet."""
        try:
            return self.station.sock.recv(65536)
        except ssl.SSLWantReadError:
            return b""

    def close(self, is_abrupt: bool = False) -> None:
        """Hang up."""
        sock = self.station.sock
        if is_abrupt:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        sock.close()

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection can go on with."""
        return None if self._secure is None else self._secure.session

    @property
    def is_resumed(self) -> bool:
        """Whether it has gone on with an earlier session."""
        return bool(self._secure is not None and self._secure.session_reused)

    def _go_on(self) -> int:
        if self._is_shaking_hands:
            secure = self._secure or self._wrapped()
            secure.do_handshake()
            self._is_shaking_hands = False
            self.station.ask_for_upgrade()
            return select.EPOLLIN
        if not self.is_open:
            self.is_open = self.station.upgraded(self.station.sock.recv(65536))
        return select.EPOLLIN

    def _wrapped(self) -> ssl.SSLSocket:
        how = self._how
        secure = how.context.wrap_socket(
            self.station.sock, do_handshake_on_connect=False, session=how.session
        )
        self.station.sock = self._secure = secure
        return secure


class Dialling:
    """
    How the connections are made.

    @ivar context: the settings of TLS. Who the server is, is not looked at: that would cost the
        load more than the server.
    @ivar session: of an earlier connection; C{None}: each is a new one.
    """

    def __init__(self, material: Path, shows_certificate: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        if shows_certificate:
            self.context.load_cert_chain(material / CLIENT.chain, material / CLIENT.key)
        self.session: ssl.SSLSession | None = None


class _Room(Protocol):
    """Where visitors are told what to do next."""

    def opened(self, visitor: Visitor) -> bool:
        """It is open; whether it is still of interest."""

    def heard(self, visitor: Visitor) -> bool:
        """Something has come on it; whether it is still of interest."""


class Crowd:
    """
    Visitors, as many at a time as are wanted.

    @ivar refusals: why some were turned away.
    """

    def __init__(self, port: int, how: Dialling) -> None:
        self.refusals: list[str] = []
        self.visitors: dict[int, Visitor] = {}
        self._port = port
        self._how = how
        self._poll = select.epoll()
        self._base = random.randrange(frames.NUMBERS)
        self._number = 0

    def dial(self, number: int | None = None) -> None:
        """One more begins to connect."""
        self._number += 1
        try:
            visitor = Visitor(
                Station(number or self._number, self._base), self._port, self._how
            )
        except Refused as refusal:
            self.refusals.append(str(refusal))
            return
        self.visitors[visitor.fileno()] = visitor
        self._poll.register(visitor.fileno(), select.EPOLLOUT)

    def attend(self, room: _Room, timeout_s: float = 1.0) -> None:
        """Let those go on who can."""
        for fd, _ in self._poll.poll(timeout_s):
            visitor = self.visitors.get(fd)
            if visitor is not None:
                self._attend_one(fd, visitor, room)

    def leave(self, visitor: Visitor, is_abrupt: bool = False) -> None:
        """It hangs up."""
        del self.visitors[visitor.fileno()]
        self._poll.unregister(visitor.fileno())
        visitor.close(is_abrupt)

    def _attend_one(self, fd: int, visitor: Visitor, room: _Room) -> None:
        try:
            if visitor.is_open:
                stays = room.heard(visitor)
            else:
                self._poll.modify(fd, visitor.go_on())
                stays = not visitor.is_open or room.opened(visitor)
        except (Refused, WrongAnswer) as error:
            self.refusals.append(str(error))
            stays = False
        if not stays and fd in self.visitors:
            self.leave(visitor, is_abrupt=True)


@dataclass(frozen=True)
class ConnectResult:
    """
    How fast a server takes connections.

    @ivar per_s: connections that were opened. [1/s]
    @ivar cpu_us: of the server, for each. [µs]
    @ivar resumed: how many of them went on with an earlier session.
    @ivar refused: how many were turned away.
    @ivar why: what the first of those was told.
    @ivar own_share: how much of the time the load itself was at work, 0 to 1.
    """

    connections: int
    per_s: float
    cpu_us: float
    resumed: int
    refused: int
    why: str
    own_share: float


class Connecting:
    """Visitors who go as soon as they are there."""

    def __init__(self, crowd: Crowd, how: Dialling, resumes: bool) -> None:
        self._crowd = crowd
        self._how = how
        self._resumes = resumes
        self._numbers = itertools.cycle(range(1, KNOWN + 1))
        self.opens = 0
        self.resumed = 0

    def opened(self, visitor: Visitor) -> bool:
        """Another one has its turn."""
        self.opens += 1
        self.resumed += visitor.is_resumed
        if self._resumes:
            self._how.session = visitor.session
        return False

    def heard(self, _visitor: Visitor) -> bool:
        """Nobody listens."""
        return False

    def run(self, pid: int, warm_up_s: float, seconds: float) -> ConnectResult:
        """Let them come and go."""
        self._until(time.perf_counter() + warm_up_s)
        before, resumed = self.opens, self.resumed
        begin, cpu, own = time.perf_counter(), accounting.cpu_ns(pid), time.process_time()
        self._until(begin + seconds)
        lasted = time.perf_counter() - begin
        opens = self.opens - before
        refusals = self._crowd.refusals
        return ConnectResult(
            connections=opens,
            per_s=opens / lasted,
            cpu_us=(accounting.cpu_ns(pid) - cpu) / 1e3 / max(1, opens),
            resumed=self.resumed - resumed,
            refused=len(refusals),
            why=(refusals or [""])[0],
            own_share=(time.process_time() - own) / lasted,
        )

    def _until(self, end: float) -> None:
        while time.perf_counter() < end:
            while len(self._crowd.visitors) < _IN_FLIGHT:
                # The same come again and again, but none before its last visit is forgotten.
                self._crowd.dial(next(self._numbers))
            self._crowd.attend(self)


@dataclass(frozen=True)
class StormResult:
    """
    How long many took to come back; see L{bench.load.StormResult}.

    @ivar seconds: from the first one's dial to the last one's last answer. [s]
    """

    seconds: float
    served: int
    refused: int
    why: str
    cpu_ms: float
    own_share: float


class Storm:
    """All dial at once, and each says three things."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._steps: dict[str, int] = {}
        self.served = 0

    def opened(self, visitor: Visitor) -> bool:
        """It has something to say."""
        self._say(visitor.station, 0)
        return True

    def heard(self, visitor: Visitor) -> bool:
        """@raise WrongAnswer: when it is not confirmed what was said."""
        station = visitor.station
        data = visitor.received()
        step = self._steps[station.identity]
        for answer in station.answers(data) if data else ():
            if step == len(_SAID) or not confirms(answer, station.number - 1):
                raise WrongAnswer(f"{station.identity}: {answer}")
            step += 1
            self._say(station, step)
        return True

    def run(self, pid: int, connections: int) -> StormResult:
        """Let it loose."""
        crowd = self._crowd
        begin, cpu, own = time.perf_counter(), accounting.cpu_ns(pid), time.process_time()
        for number in range(1, connections + 1):
            crowd.dial(number)
        while self.served + len(crowd.refusals) < connections:
            if time.perf_counter() > begin + PATIENCE_S:
                break
            crowd.attend(self)
        lasted = time.perf_counter() - begin
        missing = connections - self.served
        return StormResult(
            seconds=lasted,
            served=self.served,
            refused=missing,
            why=(crowd.refusals or ["no answer" if missing else ""])[0],
            cpu_ms=(accounting.cpu_ns(pid) - cpu) / 1e6,
            own_share=(time.process_time() - own) / lasted,
        )

    def _say(self, station: Station, step: int) -> None:
        self._steps[station.identity] = step
        if step < len(_SAID):
            station.ask(*_SAID[step])
        else:
            self.served += 1


class _Idle:
    """Visitors who stay and say nothing."""

    def __init__(self) -> None:
        self.opens = 0

    def opened(self, _visitor: Visitor) -> bool:
        """It is there."""
        self.opens += 1
        return True

    def heard(self, visitor: Visitor) -> bool:
        """Pings are answered."""
        data = visitor.received()
        if data:
            visitor.station.answers(data)
        return True


def _idle(crowd: Crowd, connections: int) -> None:
    """Keep the connections until standard input ends."""
    room = _Idle()
    for number in range(1, connections + 1):
        crowd.dial(number)
        # One after the other: nobody is to be turned away for being one of too many.
        while room.opens < number and not crowd.refusals:
            crowd.attend(room)
    print(json.dumps({"connections": room.opens, "why": crowd.refusals[:1]}), flush=True)
    crowd._poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    while not select.select([sys.stdin], [], [], 0)[0]:
        crowd.attend(room)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.tls_load")
    parser.add_argument("mode", choices=["connect", "idle", "storm"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, default=os.getpid(), help="of the server")
    parser.add_argument("--core", type=int)
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--client-certificate", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    return parser.parse_args()


def _do(options: argparse.Namespace) -> None:
    how = Dialling(options.material, options.client_certificate)
    crowd = Crowd(options.port, how)
    results: dict[str, Callable[[], Any]] = {
        "connect": lambda: Connecting(crowd, how, options.resume).run(
            options.pid, options.warm_up, options.seconds
        ),
        "storm": lambda: Storm(crowd).run(options.pid, options.connections),
    }
    if options.mode == "idle":
        _idle(crowd, options.connections)
    else:
        print(json.dumps(asdict(results[options.mode]())))


def main() -> None:
    """Do what the command line says."""
    options = _parse()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _do(options)


if __name__ == "__main__":
    main()
