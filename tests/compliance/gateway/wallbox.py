"""A scripted wallbox with OCPP 1.6: it does what wallboxes do, and says it as they do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from twisted.internet.interfaces import IProtocolFactory, IReactorTime

from cfos_cm.v16.timestamps import format_timestamp
from tests.compliance.bench import Door
from tests.compliance.line import Answer, Heard
from tests.compliance.memory_line import MemoryLine

__all__ = ["IDENTITY", "Wallbox", "WallboxLine"]

#: Its ChargeBox ID.
IDENTITY = "WB-1"

_BOOT = {
    "chargePointVendor": "Example",
    "chargePointModel": "Wallbox",
    "chargePointSerialNumber": "0007",
    "firmwareVersion": "4.5.6",
}
#: How long it takes to start. [s]
_REBOOT_S = 2.0
_START_WH = 1000
_STOP_WH = 3500

_KEYS = [
    {"key": "MeterValueSampleInterval", "readonly": False, "value": "60"},
    {"key": "VendorKey", "readonly": False, "value": "7"},
]

#: What it says to what it is asked; what is not here it answers in its own way.
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "SetChargingProfile": {"status": "Accepted"},
    "GetCompositeSchedule": {"status": "Rejected"},
    "ClearChargingProfile": {"status": "Unknown"},
    "TriggerMessage": {"status": "Accepted"},
    "GetConfiguration": {"configurationKey": _KEYS},
    "ChangeConfiguration": {"status": "Accepted"},
    "ClearCache": {"status": "Accepted"},
    "UnlockConnector": {"status": "Unlocked"},
    "DataTransfer": {"status": "UnknownVendorId"},
    "UpdateFirmware": {},
    "GetDiagnostics": {"fileName": "diagnostics.zip"},
    "CancelReservation": {"status": "Rejected"},
    "ReserveNow": {"status": "Accepted"},
}


class WallboxLine(MemoryLine):
    """One connection of the wallbox to this program."""

    def __init__(self, door: IProtocolFactory, wallbox: Wallbox) -> None:
        super().__init__(door)
        self._wallbox = wallbox
        self.shake_hands(Door(IDENTITY))

    def called(self, heard: Heard) -> None:
        """A CALL has come."""
        self.note(heard)
        self._wallbox.called(self, heard)


class Wallbox:
    """
    A wallbox with one connector; see L{tests.compliance.gateway.bench.Device}.

    @ivar replies: what it says instead of the usual, by action.
    @ivar asked: what it was asked, oldest first.
    @ivar is_there: a car is plugged in.
    @ivar id_tag: who may charge; C{None}: nobody.
    @ivar number: of the transaction that runs; C{None}: none.
    """

    def __init__(
        self,
        dial: Callable[[Wallbox], WallboxLine],
        clock: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        self._dial = dial
        self._clock = clock
        self._now = now
        self.replies: dict[str, Mapping[str, Any]] = {}
        self.asked: list[Heard] = []
        self.is_there = False
        self.is_operative = True
        self.id_tag: str | None = None
        self.number: int | None = None
        self.reservation_id: int | None = None
        self._told = ("", "")
        self.line = dial(self)
        self._boot()

    # What a driver does

    def plug_in(self) -> None:
        """A car comes."""
        self.is_there = True
        self.tell("Preparing")
        self._look()

    def unplug(self) -> None:
        """The car is gone."""
        self.is_there = False
        if self.number is not None:
            self.stop("EVDisconnected")
            self.tell("Finishing")
        self.tell("Available")

    def show(self, id_tag: str) -> None:
        """A card is shown."""
        if self.number is not None and id_tag == self.id_tag:
            self.stop("Local", id_tag)
            self.tell("Finishing")
            return
        self.line.ask("Authorize", {"idTag": id_tag}).answer.addCallback(self._judged, id_tag)

    def fail(self, code: str) -> None:
        """It has a fault."""
        self.tell("Faulted", code)

    def recover(self) -> None:
        """The fault is gone."""
        self.tell("Preparing" if self.is_there else "Available")

    def fill(self) -> None:
        """The car is full."""
        self.tell("SuspendedEV")

    def reboot(self) -> None:
        """It starts anew."""
        self._reboot()

    def lose_power(self) -> None:
        """It is dark."""
        self.line.drop()

    # What it says

    def tell(self, status: str, error: str = "NoError") -> None:
        """How it is, if it has not said so."""
        if (status, error) == self._told:
            return
        self._told = (status, error)
        self._say(
            "StatusNotification",
            {
                "connectorId": 1,
                "errorCode": error,
                "status": status,
                "timestamp": self._time,
            },
        )

    def stop(self, reason: str, id_tag: str | None = None) -> None:
        """The transaction has ended."""
        payload: dict[str, Any] = {
            "transactionId": self.number,
            "meterStop": _STOP_WH,
            "timestamp": self._time,
            "reason": reason,
        }
        if id_tag is not None:
            payload["idTag"] = id_tag
        self.number = self.id_tag = None
        self._say("StopTransaction", payload)

    def say(self, action: str, payload: Mapping[str, Any]) -> None:
        """Anything else."""
        self._say(action, payload)

    def _say(self, action: str, payload: Any) -> None:
        self.line.ask(action, payload)

    def _boot(self) -> None:
        self._say("BootNotification", _BOOT)
        self._told = ("", "")
        self.tell("Available" if self.is_operative else "Unavailable")

    def _reboot(self) -> None:
        self.line.drop()
        self.line = self._dial(self)
        self._boot()

    def _look(self) -> None:
        if not self.is_there or self.id_tag is None or self.number is not None:
            return
        payload: dict[str, Any] = {
            "connectorId": 1,
            "idTag": self.id_tag,
            "meterStart": _START_WH,
            "timestamp": self._time,
        }
        if self.reservation_id is not None:
            payload["reservationId"] = self.reservation_id
            self.reservation_id = None
        self.line.ask("StartTransaction", payload).answer.addCallback(self._started)

    def _judged(self, answer: Answer, id_tag: str) -> None:
        if answer.payload is None or answer.payload["idTagInfo"]["status"] != "Accepted":
            return
        if self.number is not None:
            self.stop("Local", id_tag)
            self.tell("Finishing")
            return
        self._expect(id_tag)

    def _expect(self, id_tag: str) -> None:
        self.id_tag = id_tag
        if not self.is_there:
            self.tell("Preparing")
        self._look()

    def _started(self, answer: Answer) -> None:
        if answer.payload is None:
            return
        self.number = answer.payload["transactionId"]
        self.tell("Charging")

    # What it is asked

    def called(self, line: WallboxLine, heard: Heard) -> None:
        """It is asked something."""
        self.asked.append(heard)
        own = getattr(self, f"_on_{heard.action}", None)
        after: Callable[[], None] = _nothing
        if heard.action in self.replies:
            answer = self.replies[heard.action]
        elif own is not None:
            answer, after = own(heard.payload)
        elif heard.action in _USUAL:
            answer = _USUAL[heard.action]
        else:
            line.refuse(heard, "NotImplemented")
            return
        line.write(json.dumps([3, heard.unique_id, answer]).encode())
        after()

    def _on_RemoteStartTransaction(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        if self.number is not None:
            return {"status": "Rejected"}, _nothing
        return {"status": "Accepted"}, lambda: self._expect(payload["idTag"])

    def _on_RemoteStopTransaction(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        if payload["transactionId"] != self.number:
            return {"status": "Rejected"}, _nothing

        def end() -> None:
            self.stop("Remote")
            self.tell("Finishing")

        return {"status": "Accepted"}, end

    def _on_Reset(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        def restart() -> None:
            if self.number is not None:
                self.stop(f"{payload['type']}Reset")
            self._clock.callLater(_REBOOT_S, self._reboot)

        return {"status": "Accepted"}, restart

    def _on_ChangeAvailability(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        self.is_operative = payload["type"] == "Operative"
        word = "Available" if self.is_operative else "Unavailable"
        return {"status": "Accepted"}, lambda: self.tell(word)

    def _on_UnlockConnector(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        if self.number is None:
            return {"status": "Unlocked"}, _nothing

        def end() -> None:
            self.stop("UnlockCommand")
            self.tell("Finishing")

        return {"status": "Unlocked"}, end

    def _on_ReserveNow(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        self.reservation_id = payload["reservationId"]
        return {"status": "Accepted"}, lambda: self.tell("Reserved")

    def _on_CancelReservation(self, payload: Any) -> tuple[Any, Callable[[], None]]:
        if payload["reservationId"] != self.reservation_id:
            return {"status": "Rejected"}, _nothing
        self.reservation_id = None
        return {"status": "Accepted"}, lambda: self.tell("Available")

    @property
    def _time(self) -> str:
        return format_timestamp(self._now())


def _nothing() -> None:
    """There is nothing to do after the answer."""
