"""
What a wallbox that behaves notices of others that do not.

One wallbox says something every 20 ms, Heartbeat and MeterValues in turn. All of it is measured
from the moment at which it was due. Meanwhile the peers of L{bench.attacks} do what they can,
one kind after the other. The server is the whole program, with the bounds that it has when
nobody changes them.
"""

from __future__ import annotations

import gc
import json
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench import accounting, contenders
from bench.attacks import ATTACKS, upgrade
from bench.contenders import Running, Unavailable
from bench.crowd import BOOT, WrongAnswer, confirms, status
from bench.station import Refused, Station

__all__ = ["run"]

MAX_P99_MS = 200.0

#: As many as the usual bounds allow in the long run. [s]
_INTERVAL_S = 0.02
#: Longer than that nobody waits for an answer. [s]
_PATIENCE_S = 10.0
#: How many wallboxes tap.cfg knows.
_CHARGERS = 502
#: Who answers no ping is given up after 40 s; all else shows earlier.
_TIMES = {"silent": 4}

#: What the one that behaves adds to the counters is of no interest.
_USUAL = frozenset({"calls_received", "calls_sent"})


class WellBehaved(Station):
    """The wallbox that nobody must disturb."""

    def ask_for_upgrade(self) -> None:
        """Begin the handshake, with a password."""
        self.sock.sendall(upgrade(self.identity))

    def say(self, action: str, payload: dict[str, object]) -> list[object]:
        """Ask something and wait for the answer."""
        number = self.ask(action, payload)
        while True:
            for answer in self.answers(self.sock.recv(65536)):
                if confirms(answer, number):
                    return list(answer)

    def begin(self, port: int) -> None:
        """Connect, and have a car begin to charge."""
        self.connect(port)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        start = {"connectorId": 1, "idTag": "BENCH", "meterStart": 0, "timestamp": now}
        self.say("BootNotification", dict(BOOT))
        self.say("StatusNotification", dict(status("Charging")))
        self.started(self.say("StartTransaction", start)[2])


@dataclass
class Outcome:
    """
    What one kind of attack has led to.

    @ivar done: what the attackers have done, in their words.
    @ivar counted: what the server has counted.
    @ivar latencies_ms: of all that the one that behaves has said. [ms]
    @ivar late_ms: by how much 99 % of it left too late at most: that is not the server's. [ms]
    @ivar load: how much of its core the server needed, 0 to 1.
    @ivar trouble: why the measurement had to end; empty: it did not.
    """

    done: str
    counted: dict[str, int]
    latencies_ms: list[float]
    late_ms: float
    load: float
    trouble: str

    @property
    def p99_ms(self) -> float:
        """The latency that 99 % of the messages had at most. [ms]"""
        return _part(self.latencies_ms, 0.99)


def run(seconds: float) -> str:
    """
    Measure, and describe the result.

    @param seconds: how long an attack goes on; some take a multiple of it. [s]
    """
    lines = [
        f"a wallbox that says something every {_INTERVAL_S * 1000:g} ms while others do harm",
        f"  {'':16} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'late':>6} {'server':>7}",
    ]
    for kind in ATTACKS:
        # Each begins with a server that has not been attacked yet.
        try:
            with Running(contenders.BOUNDED, _CHARGERS) as running:
                lines += _described(kind, _under(kind, running, seconds * _TIMES.get(kind, 1)))
        except Unavailable as error:
            lines.append(f"  {kind:16} not measured: {error}")
    return "\n".join(lines)


def _described(kind: str, found: Outcome) -> Iterator[str]:
    latencies = found.latencies_ms
    yield (
        f"  {kind:16} {statistics.median(latencies):8.2f} {found.p99_ms:8.2f}"
        f" {max(latencies):8.2f} {found.late_ms:6.2f} {found.load:7.0%}"
        f"  {'pass' if not found.trouble and found.p99_ms <= MAX_P99_MS else 'MISS'}"
    )
    if found.trouble:
        yield f"    it ended: {found.trouble}"
    if found.done:
        yield f"    done: {found.done}"
    counted = ", ".join(f"{what} {times}" for what, times in found.counted.items())
    if counted:
        yield f"    counted: {counted}"


def _under(kind: str, running: Running, seconds: float) -> Outcome:
    """What happens under one kind of attack."""
    station = WellBehaved(1, 1)
    station.begin(running.port)
    with _attack(kind, running, seconds) as attack:
        assert attack.stdout is not None
        attack.stdout.readline()
        before, cpu, begin = _counters(running), accounting.cpu_ns(running.pid), time.time()
        latencies, late, trouble = _measured(station, seconds)
        took_ns = (time.time() - begin) * 1e9
        load = (accounting.cpu_ns(running.pid) - cpu) / took_ns
        counted = {
            what: times - before[what]
            for what, times in _counters(running).items()
            if times > before[what] and what not in _USUAL
        }
        done = attack.stdout.read().strip()
    station.close()
    return Outcome(done, counted, latencies, _part(late, 0.99), load, trouble)


@contextmanager
def _attack(kind: str, running: Running, seconds: float) -> Iterator[subprocess.Popen[str]]:
    words = [
        kind,
        "--port",
        running.port,
        "--seconds",
        seconds,
        "--core",
        accounting.cores()[1],
    ]
    command = [sys.executable, "-m", "bench.attacks", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attack:
        try:
            yield attack
        finally:
            if attack.poll() is None:
                attack.terminate()


def _counters(running: Running) -> dict[str, int]:
    counters: dict[str, int] = json.loads(running.tell("counters"))
    return counters


def _measured(station: WellBehaved, seconds: float) -> tuple[list[float], list[float], str]:
    """The latencies, by how much what was said was late, and why that ended too early. [ms]"""
    latencies: list[float] = []
    late: list[float] = []
    gc.disable()
    try:
        _converse(station, seconds, latencies, late)
    except (Refused, WrongAnswer, OSError) as error:
        return latencies or [_PATIENCE_S * 1000], late or [0.0], str(error)
    finally:
        gc.enable()
    return latencies, late, ""


def _converse(
    station: WellBehaved, seconds: float, latencies: list[float], late: list[float]
) -> None:
    """
    Say something whenever it is due. What became due while an answer was awaited is not said
    any more, or one long wait would become a queue; but its latency counts, up to that answer.
    """
    poll = select.poll()
    poll.register(station.sock.fileno(), select.POLLIN)
    begin, turns, turn = time.perf_counter(), round(seconds / _INTERVAL_S), 0
    while turn < turns:
        due = begin + turn * _INTERVAL_S
        while (early := due - time.perf_counter()) > 0:
            # Pings, and what the server asks of its own.
            if poll.poll(early * 1000):
                station.answers(station.sock.recv(65536))
        late.append((time.perf_counter() - due) * 1000)
        number = station.number
        if turn % 2:
            station.ask("Heartbeat", {})
        else:
            station.number += 1
            station.send(station.values.frame(number))
        _await_answer(station, poll, number)
        answered = time.perf_counter()
        while due < answered:
            latencies.append((answered - due) * 1000)
            turn += 1
            due += _INTERVAL_S


def _await_answer(station: WellBehaved, poll: select.poll, number: int) -> None:
    give_up = time.perf_counter() + _PATIENCE_S
    while time.perf_counter() < give_up:
        if poll.poll(_PATIENCE_S * 1000):
            for answer in station.answers(station.sock.recv(65536)):
                if confirms(answer, number):
                    return
                raise WrongAnswer(f"{answer}")
    raise WrongAnswer(f"no answer within {_PATIENCE_S:g} s")


def _part(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
