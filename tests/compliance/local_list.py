"""Cases of the feature profile LocalAuthListManagement."""

from __future__ import annotations

from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.sites import BLOCKED, INVALID, VALID
from tests.compliance.states import BOOTED, HEARTBEAT
from tests.compliance.steps import Orders

__all__ = ["CASES"]

_LIST = Profile.LOCAL_LIST


def _sends(kind: str, version: int, result: str, *entries: dict[str, Any]) -> Orders:
    payload: dict[str, Any] = {"listVersion": version, "updateType": kind}
    if entries:
        payload["localAuthorizationList"] = list(entries)
    return Orders("SendLocalList", payload, {"status": result})


def _entry(id_tag: str, verdict: str = "Accepted") -> dict[str, Any]:
    return {"idTag": id_tag, "idTagInfo": {"status": verdict}}


def _version(number: int) -> Orders:
    return Orders("GetLocalListVersion", {}, {"listVersion": number})


_FULL = _sends("Full", 1, "Accepted", _entry(VALID), _entry(BLOCKED, "Blocked"))

# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_042_1_CSMS", _LIST,
         "A Charge Point without a local list",
         "GetLocalListVersion can be sent, and the operator sees version -1",
         start=BOOTED, steps=(_version(-1), HEARTBEAT)),
    Case("TC_042_2_CSMS", _LIST,
         "A Charge Point with an empty local list",
         "GetLocalListVersion can be sent, and the operator sees version 0",
         start=BOOTED, steps=(_version(0), HEARTBEAT)),
    Case("TC_043_1_CSMS", _LIST,
         "A list for a Charge Point that keeps none",
         "The operator sees NotSupported",
         start=BOOTED,
         steps=(_version(-1), _sends("Full", 1, "NotSupported", _entry(VALID)), HEARTBEAT)),
    Case("TC_043_3_CSMS", _LIST,
         "A list that the Charge Point cannot store",
         "The operator sees Failed, and can send the whole list",
         start=BOOTED,
         steps=(_version(1), _sends("Differential", 2, "Failed", _entry(VALID)), _FULL)),
    Case("TC_043_4_CSMS", _LIST,
         "The whole list",
         "SendLocalList Full with a version above zero, and idTagInfo in every entry",
         start=BOOTED, steps=(_FULL, _version(1))),
    Case("TC_043_5_CSMS", _LIST,
         "Changes of the list",
         "SendLocalList Differential with a higher version than before; who is taken out has "
         "no idTagInfo",
         start=(*BOOTED, _FULL),
         steps=(_version(1),
                _sends("Differential", 2, "Accepted", _entry(INVALID, "Invalid"),
                       {"idTag": BLOCKED}),
                _version(2))),
)
