"""
A Central System in memory, which answers by a script and checks every frame that it gets.

The schemas are the Open Charge Alliance's, as the C{ocpp} package carries them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
from twisted.internet.task import Clock

from cfos_cm.simulator.charge_point import ChargePoint
from cfos_cm.simulator.settings import VirtualChargePointSettings

from ..charging_profiles import tx_profile

__all__ = ["START", "InvalidFrame", "Rig", "ScriptedCentralSystem", "settings"]

#: When every test begins.
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

Payload = dict[str, Any]


class InvalidFrame(Exception):
    """A frame that the schemas do not allow."""


@cache
def _validator(name: str) -> Any:
    path = resources.files("ocpp") / "v16" / "schemas" / f"{name}.json"
    return jsonschema_rs.validator_for(json.loads(path.read_text(encoding="utf-8-sig")))


def check(name: str, payload: Payload) -> None:
    """
    Compare C{payload} with the schema C{name}.

    @raise InvalidFrame: if it does not fit.
    """
    for error in _validator(name).iter_errors(payload):
        # 0.1 has no exact binary form, so that validators disagree about multiples of it.
        if "multiple of" not in error.message:
            raise InvalidFrame(f"{name}: {error.message}")


def settings(**changed: Any) -> VirtualChargePointSettings:
    """A wallbox that meters every 10 s, with a car that comes after 2 s and needs 10 kWh."""
    given: dict[str, Any] = {
        "url": "ws://127.0.0.1:1/",
        "identity": "CP-0001",
        "id_tag": "04A1B2C3",
        "leaves_after_s": 30,
    }
    return VirtualChargePointSettings(**{**given, **changed})


class ScriptedCentralSystem:
    """
    Answers what a wallbox asks, and asks itself.

    @ivar requests: what came, oldest first: the action and its payload.
    @ivar answers: what came to our own questions: payloads, or codes of a CALLERROR.
    @ivar script: what an action is answered with: a payload, the code of a CALLERROR, or
        C{None} for no answer at all.
    @ivar connections: how often the wallbox was told that it is connected.
    """

    def __init__(self, wallbox: ChargePoint, now: Callable[[], datetime]) -> None:
        self.wallbox = wallbox
        self.now = now
        self.requests: list[tuple[str, Payload]] = []
        self.answers: list[Payload | str] = []
        self.is_up = False
        self._asked: dict[str, str] = {}
        self._transactions = 0
        self._sent: list[list[Any]] = []
        accepted = {"idTagInfo": {"status": "Accepted"}}
        self.script: dict[str, Callable[[Payload], Payload | str | None]] = {
            "BootNotification": lambda _: self.boot("Accepted", 300),
            "Authorize": lambda _: accepted,
            "StartTransaction": lambda _: {**accepted, "transactionId": self._next_id()},
            "StopTransaction": lambda _: accepted,
            "Heartbeat": lambda _: {"currentTime": self.now().isoformat()},
            "MeterValues": lambda _: {},
            "StatusNotification": lambda _: {},
        }

    def boot(self, status: str, interval_s: int) -> Payload:
        """The answer to a BootNotification."""
        return {
            "status": status,
            "currentTime": self.now().isoformat(),
            "interval": interval_s,
        }

    def connect(self) -> None:
        """Let the wallbox be connected."""
        self.is_up = True
        self.wallbox.connected(self._receive, self.disconnect)

    def disconnect(self) -> None:
        """Let the connection be lost."""
        self.is_up = False
        self.wallbox.disconnected()

    def ask(self, action: str, payload: Payload) -> Payload | str:
        """Ask the wallbox, and get its payload or the code of its CALLERROR."""
        check(action, payload)
        return self.ask_anything(action, payload)

    def ask_anything(self, action: str, payload: Payload) -> Payload | str:
        """The same, with what no schema knows."""
        unique_id = f"cs-{len(self.answers)}"
        self._asked[unique_id] = action
        text = json.dumps([2, unique_id, action, payload]).encode()
        self.wallbox.received(text)
        return self.answers[-1]

    def of(self, action: str) -> list[Payload]:
        """The payloads of all requests for C{action}."""
        return [payload for name, payload in self.requests if name == action]

    def actions(self) -> list[str]:
        """The names of all requests."""
        return [name for name, _ in self.requests]

    def statuses(self, connector: int = 1) -> list[str]:
        """What StatusNotification has said of a connector."""
        return [
            payload["status"]
            for payload in self.of("StatusNotification")
            if payload["connectorId"] == connector
        ]

    def _receive(self, text: bytes) -> None:
        assert self.is_up, "sent without a connection"
        frame = json.loads(text)
        if frame[0] == 2:
            self._take_call(frame)
            return
        action = self._asked[frame[1]]
        if frame[0] == 3:
            check(f"{action}Response", frame[2])
        self.answers.append(frame[2])

    def _take_call(self, frame: list[Any]) -> None:
        _, unique_id, action, payload = frame
        check(action, payload)
        self.requests.append((action, payload))
        answer = self.script[action](payload)
        if isinstance(answer, dict):
            check(f"{action}Response", answer)
            self._answer([3, unique_id, answer])
        elif answer is not None:
            self._answer([4, unique_id, answer, "", {}])

    def _answer(self, frame: list[Any]) -> None:
        # One after the other, as on a socket: an answer does not overtake another.
        self._sent.append(frame)
        if len(self._sent) > 1:
            return
        while self._sent:
            self.wallbox.received(json.dumps(self._sent[0]).encode())
            del self._sent[0]

    def _next_id(self) -> int:
        self._transactions += 1
        return 1000 + self._transactions


class Rig:
    """
    A wallbox, a Central System and a clock, none of them real time.

    @ivar clock: the clock.
    @ivar wallbox: what is tested.
    @ivar central_system: its peer.
    """

    def __init__(self, connect: bool = True, **changed: Any) -> None:
        """
        @param connect: whether they are connected from the start.
        @param changed: settings that differ.
        """
        self.clock = Clock()
        ids = iter(range(1_000_000))
        self.wallbox = ChargePoint(
            "bay-1", settings(**changed), self.clock, self.now, lambda: f"cp-{next(ids)}"
        )
        self.central_system = ScriptedCentralSystem(self.wallbox, self.now)
        self.wallbox.start()
        if connect:
            self.central_system.connect()

    def now(self) -> datetime:
        """The time of day."""
        return START + timedelta(seconds=self.clock.seconds())

    def run(self, duration_s: float) -> None:
        """Let time pass in quarters of a second."""
        for _ in range(round(duration_s * 4)):
            self.clock.advance(0.25)

    def limit(self, amps: float, **changed: Any) -> Payload | str:
        """Set a TxProfile for the transaction that runs."""
        return self.central_system.ask(
            "SetChargingProfile",
            {"connectorId": 1, "csChargingProfiles": tx_profile(amps, **changed)},
        )
