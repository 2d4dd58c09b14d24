"""
Peers that mean no good, in a process of their own, one kind at a time.

    python -m bench.attacks flood --port 19520 --seconds 20

It says "ready" when it has begun, and in the end what it has done, in one line.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import select
import socket
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench import frames
from bench.station import identity

__all__ = ["ATTACKS", "PASSWORD", "upgrade"]

#: What the server asks its wallboxes for; some of the attackers are among those that know it.
PASSWORD = "bench-password"

_HEARTBEAT = frames.text_frame(frames.call(1, "Heartbeat", {}))
_PING = bytes([0x89, 0x80 | 125]) + frames.MASK + bytes(125)
_FIRST_PIECE = bytes([0x01, 0x80]) + frames.MASK
_NEXT_PIECE = bytes([0x00, 0x80]) + frames.MASK
_ENORMOUS = bytes([0x81, 0xFF]) + (2**40).to_bytes(8, "big") + frames.MASK

#: As large as a message may be, nearly. [B]
_LARGE = 250_000


def upgrade(name: str, password: str = PASSWORD) -> bytes:
    """The upgrade request of the wallbox with this identity."""
    login = b64encode(f"{name}:{password}".encode()).decode()
    return (
        f"GET /{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
        f"Authorization: Basic {login}\r\n\r\n"
    ).encode()


@dataclass
class Attack:
    """
    What all kinds have in common.

    @ivar port: where the server listens.
    @ivar seconds: how long it goes on. [s]
    @ivar done: what was done how often.
    """

    port: int
    seconds: float
    done: Counter[str] = field(default_factory=Counter)
    end: float = 0.0

    def begin(self) -> None:
        """From now on it counts."""
        self.end = time.perf_counter() + self.seconds
        print("ready", flush=True)

    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.perf_counter() < self.end

    def dialled(self, name: str, receive_bytes: int = 0) -> socket.socket | None:
        """A wallbox that is connected; C{None}: the server did not want it."""
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(2)
        self.done["connections"] += 1
        try:
            sock.connect(("127.0.0.1", self.port))
            sock.sendall(upgrade(name))
            if b" 101 " in sock.recv(4096):
                sock.setblocking(False)
                return sock
        except OSError:
            pass
        sock.close()
        # A wallbox that dials faster than that would be another attack.
        time.sleep(0.01)
        return None

    def sent(self, sock: socket.socket, data: bytes) -> int:
        """How much of C{data} the connection took; -1: it is gone. [B]"""
        try:
            return sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return -1

    def is_gone(self, sock: socket.socket) -> bool:
        """Read what has come; whether the server has hung up."""
        try:
            while data := sock.recv(1 << 20):
                if data[0] == 0x88:
                    return True
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def pour(self, name: str, stream: bytes, messages: int, rate: float | None = None) -> None:
        """
        Send a stream again and again, and dial again whenever the server has had enough.

        @param messages: how many are in it.
        @param rate: so many messages per second, or as many as there is room for. [1/s]
        """
        sock, at, begin, passes = None, 0, time.perf_counter(), 0.0
        while self.goes_on():
            if sock is None:
                sock, at = self.dialled(name), 0
                continue
            wanted = rate is None or passes * messages < (time.perf_counter() - begin) * rate
            taken = self.sent(sock, stream[at:]) if wanted else 0
            if taken < 0 or self.is_gone(sock):
                self.done["hung up on"] += 1
                sock.close()
                sock = None
                continue
            passes += taken / len(stream)
            at = (at + taken) % len(stream)
            select.select([], [sock], [], 0.005)
            time.sleep(0.001)
        self.done["messages"] += round(passes * messages)


def nothing(attack: Attack) -> None:
    """Nobody does any harm."""
    attack.begin()
    time.sleep(attack.seconds)


def flood(attack: Attack) -> None:
    """One wallbox says 100 000 Heartbeats per second, or as many as it can get rid of."""
    attack.begin()
    attack.pour(identity(2), _HEARTBEAT * 1000, 1000, 100_000)


def strangers(attack: Attack) -> None:
    """100 unknown wallboxes that know the password send MeterValues as fast as they can."""
    attack.begin()
    values = frames.MeterValuesFrames(1)
    stream = b"".join(values.frame(number) for number in range(200))
    socks = {name: attack.dialled(name) for name in (f"STRANGER-{n}" for n in range(100))}
    places = dict.fromkeys(socks, 0)
    while attack.goes_on():
        for name, sock in socks.items():
            if sock is None:
                continue
            taken = attack.sent(sock, stream[places[name] :])
            if taken < 0 or attack.is_gone(sock):
                attack.done["hung up on"] += 1
                sock.close()
                socks[name] = None
            attack.done["bytes"] += max(0, taken)
            places[name] = (places[name] + taken) % len(stream)
        time.sleep(0.02)


def slow_readers(attack: Attack) -> None:
    """20 wallboxes ask and ping as fast as they can, and read nothing of what comes back."""
    socks = [attack.dialled(identity(number), 4096) for number in range(2, 22)]
    attack.begin()
    stream = (_PING * 9 + _HEARTBEAT) * 20
    places = [0] * len(socks)
    while attack.goes_on():
        for number, sock in enumerate(socks):
            if sock is not None:
                taken = attack.sent(sock, stream[places[number] :])
                if taken < 0:
                    attack.done["hung up on"] += 1
                    socks[number] = None
                attack.done["bytes"] += max(0, taken)
                places[number] = (places[number] + taken) % len(stream)
        time.sleep(0.01)


def slowloris(attack: Attack) -> None:
    """5 000 sockets whose upgrade requests come byte by byte; who is dropped dials again."""
    attack.begin()
    crowd = _Crowd(attack, 5000, "GET /".encode)
    last = time.perf_counter()
    while attack.goes_on():
        crowd.attend()
        if time.perf_counter() - last > 1:
            last = time.perf_counter()
            crowd.tell_all(b"x")


def wrong_passwords(attack: Attack) -> None:
    """50 at once try passwords, for all wallboxes in turn, and dial again at once."""
    attack.begin()
    names = _round(2, 100)
    crowd = _Crowd(attack, 50, lambda: upgrade(next(names), "wrong"))
    while attack.goes_on():
        crowd.attend()


def nonsense(attack: Attack) -> None:
    """100 at once, each at an address of its own, say what is no request, and dial again."""
    attack.begin()
    hello = b"\x16\x03\x01" + bytes(200) + b"\r\n\r\n"
    requests = itertools.cycle((hello, b"GET / HTTP/1.0\r\n\r\n", upgrade("..", "x")))
    crowd = _Crowd(attack, 100, lambda: next(requests), sources=_elsewhere(100))
    while attack.goes_on():
        crowd.attend()


def dials(attack: Attack) -> None:
    """50 at one address that nobody knows hang up as soon as they are connected."""
    attack.begin()
    crowd = _Crowd(attack, 50, lambda: b"", sources=_elsewhere(1), hangs_up=True)
    while attack.goes_on():
        crowd.attend()


def one_identity(attack: Attack) -> None:
    """50 at once say that they are the same wallbox, know its password, and dial again."""
    attack.begin()
    crowd = _Crowd(attack, 50, lambda: upgrade(identity(2)))
    while attack.goes_on():
        crowd.attend()


def giants(attack: Attack) -> None:
    """Frames that say to have a terabyte, and messages in pieces without end."""
    attack.begin()
    streams = (_ENORMOUS + bytes(_LARGE), _FIRST_PIECE + _NEXT_PIECE * 100_000)
    while attack.goes_on():
        for stream in streams:
            sock = attack.dialled(identity(2))
            at = 0
            while sock is not None and attack.goes_on():
                taken = attack.sent(sock, stream[at:])
                if taken < 0 or attack.is_gone(sock):
                    attack.done["hung up on"] += 1
                    sock.close()
                    sock = None
                at = (at + taken) % len(stream)
                select.select([], [], [], 0.001)


def single_bytes(attack: Attack) -> None:
    """Messages of one byte, which are none, each byte of them in a packet of its own."""
    attack.begin()
    message = frames.text_frame(b"x")
    sock = None
    while attack.goes_on():
        sock = sock or attack.dialled(identity(2))
        if sock is None:
            continue
        for byte in message:
            if attack.sent(sock, bytes([byte])) < 0 or attack.is_gone(sock):
                attack.done["hung up on"] += 1
                sock.close()
                sock = None
                break
        else:
            attack.done["messages"] += 1


def nasty_json(attack: Attack) -> None:
    """Messages of 250 kB: deep, full of digits, of escapes, of names; and one that is right."""
    attack.begin()
    texts = [
        _payload(b"[" * _LARGE),
        _payload(b'{"x":' + b"[" * (_LARGE // 2) + b"]" * (_LARGE // 2) + b"}"),
        _payload(b'{"meterStop":' + b"9" * _LARGE + b"}"),
        _payload(b'{"reason":"' + b"\\u0041" * (_LARGE // 6) + b'"}'),
        _payload(b"{" + b",".join(b'"%05d":1' % n for n in range(_LARGE // 10)) + b"}"),
        _payload(b'{"x":"' + b'\\"' * (_LARGE // 2) + b'"}'),
        _payload(b'{"x":[' + b",," * (_LARGE // 2) + b"]}"),
        _payload(_stop()),
    ]
    stream = b"".join(_long_text_frame(text) for text in texts)
    attack.pour(identity(2), stream, len(texts))


def silent(attack: Attack) -> None:
    """500 wallboxes that answer no ping, and nothing else; they dial again when dropped."""
    socks = {name: attack.dialled(name) for name in map(identity, range(2, 502))}
    attack.begin()
    while attack.goes_on():
        poll = select.poll()
        for sock in filter(None, socks.values()):
            poll.register(sock, select.POLLRDHUP | select.POLLHUP)
        ended = {fd for fd, _ in poll.poll(200)}
        for name, sock in socks.items():
            if sock is None or sock.fileno() in ended:
                attack.done["hung up on"] += 1
                if sock is not None:
                    sock.close()
                socks[name] = attack.dialled(name)


class _Crowd:
    """Many sockets that dial again whenever they have been answered, or dropped."""

    def __init__(
        self,
        attack: Attack,
        size: int,
        request: Callable[[], bytes],
        sources: Iterator[str] | None = None,
        hangs_up: bool = False,
    ) -> None:
        """
        @param sources: the addresses that they dial from; C{None}: that of the wallbox.
        @param hangs_up: they wait for no answer.
        """
        self._attack = attack
        self._request = request
        self._sources = sources
        self._hangs_up = hangs_up
        self._poll = select.epoll()
        self._socks: dict[int, socket.socket] = {}
        self._missing = size

    def attend(self) -> None:
        """Dial those that are missing, and look who has been answered."""
        for _ in range(min(self._missing, 200)):
            self._dial()
        for fd, events in self._poll.poll(0.01):
            if events & select.EPOLLOUT:
                self._ask(fd)
            else:
                self._read(fd)

    def tell_all(self, data: bytes) -> None:
        """All of them send something."""
        for sock in self._socks.values():
            self._attack.sent(sock, data)

    def _dial(self) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        if self._sources is not None:
            sock.bind((next(self._sources), 0))
        sock.connect_ex(("127.0.0.1", self._attack.port))
        self._socks[sock.fileno()] = sock
        self._poll.register(sock.fileno(), select.EPOLLOUT)
        self._missing -= 1
        self._attack.done["connections"] += 1

    def _ask(self, fd: int) -> None:
        if self._hangs_up:
            self._end(fd)
            return
        self._poll.modify(fd, select.EPOLLIN)
        self._attack.sent(self._socks[fd], self._request())

    def _read(self, fd: int) -> None:
        try:
            words = self._socks[fd].recv(4096).split(b" ", 2)
            self._attack.done[words[1].decode() if len(words) > 1 else "dropped"] += 1
        except OSError:
            self._attack.done["dropped"] += 1
        self._end(fd)

    def _end(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._socks.pop(fd).close()
        self._missing += 1


def _round(first: int, last: int) -> Iterator[str]:
    while True:
        yield from map(identity, range(first, last + 1))


def _elsewhere(number: int) -> Iterator[str]:
    """Addresses of this machine that are not the wallbox's, for ever."""
    return itertools.cycle(f"127.0.1.{n}" for n in range(1, number + 1))


def _payload(text: bytes) -> bytes:
    return b'[2,"nasty","StopTransaction",%b]' % text


def _stop() -> bytes:
    value = b'{"value":"16.1","measurand":"Current.Import","phase":"L1","unit":"A"},'
    sampled = (value * (_LARGE // len(value)))[:-1]
    return (
        b'{"transactionId":1,"meterStop":1,"timestamp":"2026-03-01T12:00:00Z",'
        b'"transactionData":[{"timestamp":"2026-03-01T12:00:00Z","sampledValue":[%b]}]}'
    ) % sampled


def _long_text_frame(text: bytes) -> bytes:
    head = bytes([0x81, 0xFF]) + len(text).to_bytes(8, "big") + frames.MASK
    return head + frames.masked(text)


#: Each kind by its name, in the order in which they are tried.
ATTACKS: dict[str, Callable[[Attack], None]] = {
    "nothing": nothing,
    "flood": flood,
    "strangers": strangers,
    "slow readers": slow_readers,
    "slowloris": slowloris,
    "wrong passwords": wrong_passwords,
    "nonsense": nonsense,
    "dials": dials,
    "one identity": one_identity,
    "giants": giants,
    "single bytes": single_bytes,
    "nasty JSON": nasty_json,
    "silent": silent,
}


def main() -> None:
    """Attack as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.attacks")
    parser.add_argument("kind", choices=[*ATTACKS])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--core", type=int)
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    # Whoever measures is on the same core, and must not be late for that.
    os.nice(10)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attack = Attack(options.port, options.seconds)
    ATTACKS[options.kind](attack)
    print("; ".join(f"{times:,} {what}" for what, times in attack.done.items()))


if __name__ == "__main__":
    main()
