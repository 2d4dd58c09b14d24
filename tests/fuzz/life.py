"""What Charge Points and a Central System say to each other when nothing is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.v16.actions import ACTIONS, Role, decode_request, encode
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import Message

from ..central_system.world import NOW
from ..v16.schemas import MESSAGES, full_example, least_example

__all__ = ["Life", "confirmation_of", "orders"]

#: Some of them are known for their deviations.
_VENDORS = (
    "cFos", "United Chargers", "go-e", "ZJ Beny", "AEFA", "Huawei", "Charge Amps", "EN+",
    "EVBox", "Growatt", "Ocular", "OpenEVSE", "Anker", "Wallbox",
)  # fmt: skip
_STATES = ("Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Faulted")
_TAGS = ("04AABB", "Car-2", "x" * 20)


class Life:
    """
    A Charge Point at which cars charge, in the words of OCPP 1.6.

    @ivar transactions: the ids of its transactions, as it was told.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._at_s = 0
        self.transactions: list[int] = []

    def call(self) -> tuple[str, dict[str, Any]]:
        """The next thing that it says: action and payload."""
        action = self._random.choice(tuple(_WORDS))
        self._at_s += self._random.randrange(60)
        return action, _WORDS[action](self)

    def _boot(self) -> dict[str, Any]:
        return {
            "chargePointVendor": self._random.choice(_VENDORS),
            "chargePointModel": "Power Brain",
            "firmwareVersion": "1.2.3",
        }

    def _nothing(self) -> dict[str, Any]:
        return {}

    def _tag(self) -> dict[str, Any]:
        return {"idTag": self._random.choice(_TAGS)}

    def _status(self) -> dict[str, Any]:
        said = {
            "connectorId": self._random.randrange(4),
            "errorCode": "NoError",
            "status": self._random.choice(_STATES),
        }
        return said if self._random.random() < 0.5 else {**said, "timestamp": self._now()}

    def _start(self) -> dict[str, Any]:
        return {
            "connectorId": self._random.choice((1, 1, 2, 3)),
            "idTag": self._random.choice(_TAGS),
            "meterStart": self._random.randrange(10_000),
            "timestamp": self._now(),
        }

    def _stop(self) -> dict[str, Any]:
        return {
            "transactionId": self._transaction(),
            "meterStop": self._random.randrange(20_000),
            "timestamp": self._now(),
            "transactionData": self._readings(),
        }

    def _values(self) -> dict[str, Any]:
        return {
            "connectorId": self._random.choice((1, 1, 2, 0, 3)),
            "transactionId": self._transaction(),
            "meterValue": self._readings(),
        }

    def _readings(self) -> list[dict[str, Any]]:
        energy = {"value": str(self._random.randrange(10**6)), "unit": "Wh"}
        current = {
            "value": self._random.choice(("16.1", "-0.5", "1e3", "x", "9" * 40, "1e999999")),
            "measurand": "Current.Import",
            "phase": self._random.choice(("L1", "L2", "L3")),
        }
        power = {"value": "11.04", "measurand": "Power.Active.Import", "unit": "kW"}
        return [{"timestamp": self._now(), "sampledValue": [energy, current, power]}]

    def _data(self) -> dict[str, Any]:
        return {"vendorId": "de.cfos", "messageId": "x", "data": "text"}

    def _transaction(self) -> int:
        own = self.transactions[-5:]
        return self._random.choice([*own, *own, 0, -1, 1001, 2**31 - 1])

    def _now(self) -> str:
        return format_timestamp(NOW + timedelta(seconds=self._at_s))


_WORDS = {
    "Authorize": Life._tag,
    "BootNotification": Life._boot,
    "DataTransfer": Life._data,
    "Heartbeat": Life._nothing,
    "MeterValues": Life._values,
    "StartTransaction": Life._start,
    "StatusNotification": Life._status,
    "StopTransaction": Life._stop,
}


@cache
def orders() -> tuple[Message, ...]:
    """Whatever a Central System may ask."""
    found = []
    for action in ACTIONS.values():
        if Role.CENTRAL_SYSTEM not in action.sent_by:
            continue
        for example in (full_example, least_example):
            payload = json.dumps(example(MESSAGES[action.name].schema)).encode()
            try:
                request = decode_request(action.name, payload, Role.CENTRAL_SYSTEM)
                encode(request)
            except (LocalProtocolError, RemoteProtocolError):
                # The schema allows any text where there has to be a time.
                continue
            found.append(request)
    return tuple(found)


def confirmation_of(action: str) -> dict[str, Any]:
    """What a Charge Point says to an order."""
    confirmation: dict[str, Any] = least_example(MESSAGES[f"{action}Response"].schema)
    return confirmation
