"""Cases for a Charge Point of the feature profile LocalAuthListManagement."""

from __future__ import annotations

from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.gateway.cases import BOTH, case
from tests.compliance.gateway.states import BOOTED, STARTS, change, status
from tests.compliance.gateway.steps import Does, Hears, Quiet, asks
from tests.compliance.sites import INVALID, OTHER_OF_GROUP, VALID
from tests.compliance.steps import Step

__all__ = ["CASES"]

_LIST = Profile.LOCAL_LIST
_GOOD = {"status": "Accepted"}
_OFF = change("LocalAuthListEnabled", "false")


def _sends(version: int, kind: str, answer: str, *entries: Any) -> Step:
    payload = {"listVersion": version, "updateType": kind}
    if entries:
        payload["localAuthorizationList"] = list(entries)
    return asks("SendLocalList", payload, {"status": answer})


def _entry(id_tag: str) -> dict[str, Any]:
    return {"idTag": id_tag, "idTagInfo": _GOOD}


def _version(number: int) -> Step:
    return asks("GetLocalListVersion", {}, {"listVersion": number})


_FIVE = _sends(5, "Full", "Accepted", _entry(VALID))

# fmt: off
CASES: tuple[Case, ...] = (
    case("042_1", "The version of a list that is switched off",
         "-1",
         BOOTED, (_OFF, _version(-1)), BOTH, _LIST),
    case("042_2", "The version of an empty list",
         "0",
         BOOTED, (_version(0),), BOTH, _LIST),
    case("043", "A list, and changes of it",
         "Full and Differential are Accepted, and the version is read back; that of an empty "
         "list is 0",
         BOOTED,
         (_FIVE, _version(5),
          _sends(6, "Differential", "Accepted", _entry(OTHER_OF_GROUP), {"idTag": VALID}),
          _version(6), _sends(7, "Full", "Accepted"), _version(0)), BOTH, _LIST),
    case("043_1", "A list where that is switched off",
         "NotSupported",
         BOOTED, (_OFF, _sends(5, "Full", "NotSupported", _entry(VALID))), BOTH, _LIST),
    case("043_2", "Changes of an older list",
         "VersionMismatch, and the list and its version stay",
         BOOTED,
         (_FIVE, _sends(4, "Differential", "VersionMismatch", _entry(INVALID)), _version(5),
          _sends(5, "Differential", "VersionMismatch", _entry(INVALID)), _version(5)),
         BOTH, _LIST),
    case("043_3", "A list that cannot be kept",
         "Failed, and the list and its version stay",
         BOOTED,
         (_FIVE, _sends(6, "Full", "Failed", _entry(VALID), _entry(VALID)), _version(5),
          _sends(6, "Full", "Failed", {"idTag": INVALID}), _version(5)), BOTH, _LIST),
    case("008", "A start with a card that is in the list",
         "With LocalPreAuthorize StartTransaction comes without Authorize",
         (*BOOTED, change("LocalPreAuthorize", "true"), _FIVE),
         (Does("plug_in"), Hears(status("Preparing")), Does("show", VALID), STARTS, Quiet()),
         BOTH, _LIST),
)
# fmt: on
