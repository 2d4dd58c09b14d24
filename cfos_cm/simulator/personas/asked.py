"""What a Central System asks a wallbox, and the ways in which wallboxes answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

__all__ = [
    "Answer",
    "Asked",
    "Refusal",
    "Reply",
    "Verbatim",
    "charging_profile",
    "charging_schedule",
    "encode_answer",
    "usual_answer",
    "wanted_keys",
]


@frozen
class Asked:
    """
    A call of the Central System.

    @ivar unique_id: its message id, as JSON has it.
    """

    action: str
    payload: Mapping[str, Any]
    unique_id: Any = ""


def charging_profile(asked: Asked) -> Mapping[str, Any]:
    """The profile in a SetChargingProfile.req; an empty one if there is none."""
    return _object(asked.payload.get("csChargingProfiles"))


def charging_schedule(asked: Asked) -> Mapping[str, Any]:
    """The schedule of that profile; an empty one if there is none."""
    return _object(charging_profile(asked).get("chargingSchedule"))


def wanted_keys(asked: Asked) -> list[str]:
    """The keys in a GetConfiguration.req; none of them: all are wanted."""
    keys = asked.payload.get("key")
    return [str(key) for key in keys] if isinstance(keys, list) else []


def _object(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


@frozen
class Refusal:
    """An answer that is a CALLERROR."""

    code: str
    description: str = ""


@frozen
class Verbatim:
    """An answer that is just this text."""

    text: bytes


#: What is answered: a confirmation's payload, a CALLERROR, some text, or nothing at all.
Answer = Mapping[str, Any] | Refusal | Verbatim | None
#: Makes the answer to a call.
Reply = Callable[[Asked], Answer]


#: What a wallbox that does everything says to everything.
_ACCEPTED = {"status": "Accepted"}
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "ChangeAvailability": _ACCEPTED,
    "ChangeConfiguration": _ACCEPTED,
    "ClearCache": _ACCEPTED,
    "ClearChargingProfile": _ACCEPTED,
    "CancelReservation": _ACCEPTED,
    "DataTransfer": {"status": "UnknownVendorId"},
    "ExtendedTriggerMessage": {"status": "NotImplemented"},
    "GetCompositeSchedule": {"status": "Rejected"},
    "GetDiagnostics": {},
    "GetLocalListVersion": {"listVersion": -1},
    "RemoteStartTransaction": _ACCEPTED,
    "RemoteStopTransaction": _ACCEPTED,
    "ReserveNow": {"status": "Rejected"},
    "Reset": _ACCEPTED,
    "SendLocalList": {"status": "NotSupported"},
    "SetChargingProfile": _ACCEPTED,
    "TriggerMessage": {"status": "Rejected"},
    "UnlockConnector": {"status": "NotSupported"},
    "UpdateFirmware": {},
}


def usual_answer(asked: Asked) -> Answer:
    """What an ordinary wallbox answers."""
    if asked.action == "GetConfiguration":
        return {"configurationKey": [], "unknownKey": wanted_keys(asked)}
    return _USUAL.get(asked.action, Refusal("NotSupported"))


def encode_answer(asked: Asked, answer: Answer) -> bytes | None:
    """The frame with an answer; C{None} if nothing is to be sent."""
    match answer:
        case None:
            return None
        case Verbatim(text):
            return text
        case Refusal(code, description):
            frame: list[Any] = [4, asked.unique_id, code, description, {}]
        case _:
            frame = [3, asked.unique_id, dict(answer)]
    return json.dumps(frame).encode()
