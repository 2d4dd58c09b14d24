"""Many Charge Points: how they connect, say who they are, and begin and end to charge."""

from __future__ import annotations

import random
import select
import time
from collections.abc import Callable, Mapping
from typing import Any

from bench import frames
from bench.station import Station

#: How long a whole crowd is waited for. [s]
PATIENCE_S = 60.0

#: A server that has said nothing for so long has nothing more to say of its own. [s]
_QUIET_S = 0.5

BOOT: Mapping[str, Any] = {"chargePointVendor": "Bench", "chargePointModel": "Load"}
_TIME = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def status(word: str) -> Mapping[str, Any]:
    """A StatusNotification.req of the only connector."""
    return {"connectorId": 1, "errorCode": "NoError", "status": word}


class WrongAnswer(Exception):
    """The server has not confirmed what it was asked."""


class Crowd:
    """
    Many stations, and who of them has something to say.

    @ivar poll: the sockets.
    """

    def __init__(self, port: int, connections: int) -> None:
        self.port = port
        # A server remembers message ids, perhaps beyond a connection: no run repeats another's.
        base = random.randrange(frames.NUMBERS)
        self.stations = [Station(number, base) for number in range(1, connections + 1)]
        self.poll = select.epoll(connections)
        self.by_fd: dict[int, Station] = {}

    def connect(self) -> None:
        """Open all connections, one after the other; pings are answered meanwhile."""
        for station in self.stations:
            station.connect(self.port)
            self.watch(station)
            self.attend(0)

    def watch(self, station: Station) -> None:
        """From now on, what this station gets is seen."""
        self.by_fd[station.sock.fileno()] = station
        self.poll.register(station.sock.fileno(), select.EPOLLIN)

    def exchange(
        self,
        action: str,
        payload: Callable[[Station], Mapping[str, Any]],
        confirmed: Callable[[Station, Any], None] = lambda *_: None,
    ) -> None:
        """
        Have every station send one call, and wait until all are confirmed.

        @raise WrongAnswer: when one is not.
        """
        expected = {
            station.identity: station.ask(action, payload(station)) for station in self.stations
        }
        deadline = time.monotonic() + PATIENCE_S
        while expected:
            for station in self._ready(deadline):
                for answer in station.answers(station.sock.recv(65536)):
                    number = expected.pop(station.identity, None)
                    if number is None or not confirms(answer, number):
                        raise WrongAnswer(f"{station.identity}: {action}: {answer}")
                    confirmed(station, answer[2])

    def calm(self) -> None:
        """Answer the server's own calls until it has no more."""
        last = time.monotonic()
        give_up = last + PATIENCE_S
        while time.monotonic() - last < _QUIET_S and time.monotonic() < give_up:
            before = self.server_calls
            self.attend(_QUIET_S)
            if self.server_calls > before:
                last = time.monotonic()

    def attend(self, timeout_s: float) -> None:
        """
        Answer what the server asks of its own.

        @param timeout_s: how long to wait for it. [s]
        """
        for fd, _ in self.poll.poll(timeout_s):
            self.by_fd[fd].answers(self.by_fd[fd].sock.recv(65536))

    def register(self) -> None:
        """All of them say who they are, and in which state."""
        self.exchange("BootNotification", lambda _: BOOT)
        self.exchange("StatusNotification", lambda _: status("Available"))
        self.exchange("Heartbeat", lambda _: {})

    def start(self) -> None:
        """At all of them a car begins to charge."""
        self.exchange("StatusNotification", lambda _: status("Preparing"))
        self.exchange(
            "StartTransaction",
            lambda _: {"connectorId": 1, "idTag": "BENCH", "meterStart": 0, "timestamp": _TIME},
            lambda station, confirmation: station.started(confirmation),
        )
        self.exchange("StatusNotification", lambda _: status("Charging"))
        self.calm()

    def stop(self) -> None:
        """The cars have enough."""
        self.exchange(
            "StopTransaction",
            lambda station: {
                "transactionId": station.transaction_id,
                "meterStop": 99_999_999,
                "timestamp": _TIME,
            },
        )
        self.calm()

    def close(self) -> None:
        """Hang up."""
        for station in self.stations:
            station.close()
        self.poll.close()

    def _ready(self, deadline: float) -> list[Station]:
        if time.monotonic() > deadline:
            raise WrongAnswer(f"no answer within {PATIENCE_S:g} s")
        return [self.by_fd[fd] for fd, _ in self.poll.poll(1)]

    @property
    def server_calls(self) -> int:
        """What the server has asked so far."""
        return sum(station.server_calls for station in self.stations)


def confirms(answer: Any, number: int) -> bool:
    """Whether an answer is the CALLRESULT for the message of this number."""
    return bool(answer[:2] == [3, frames.message_id(number).decode()])
