"""Cases for a Charge Point of the feature profile SmartCharging."""

from __future__ import annotations

from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.gateway.cases import BOTH, case
from tests.compliance.gateway.states import BOOTED, CHARGING, PLUGGED, STARTS, remote_start
from tests.compliance.gateway.steps import Knows, Quiet, asks
from tests.compliance.patterns import Moment, Near
from tests.compliance.sites import VALID
from tests.compliance.steps import Either, Refused, Step, Waits

__all__ = ["CASES"]

_SMART = Profile.SMART_CHARGING
#: A composite schedule begins when it is asked for, which may be so much later. [s]
_LATER_S = 45


def _profile(
    number: int,
    purpose: str,
    *steps: tuple[int, float],
    level: int = 0,
    duration: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "chargingRateUnit": "A",
        "startSchedule": Moment(0),
        "chargingSchedulePeriod": [
            {"startPeriod": at_s, "limit": limit} for at_s, limit in steps
        ],
    }
    if duration is not None:
        schedule["duration"] = duration
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
        **more,
    }


def _sets(profile: dict[str, Any], answer: str = "Accepted", connector: int = 1) -> Step:
    refused = Refused("PropertyConstraintViolation")
    is_refused = answer == "Rejected"
    wanted: Any = {"status": answer}
    return asks(
        "SetChargingProfile",
        {"connectorId": connector, "csChargingProfiles": profile},
        Either(wanted, refused) if is_refused else wanted,
    )


def _composes(*steps: tuple[int, float], duration: int = 600) -> Step:
    """GetCompositeSchedule; the first step begins at once."""
    (_, first), *others = steps
    periods = [{"startPeriod": 0, "limit": first}]
    periods += [
        {"startPeriod": Near(at_s - _LATER_S / 2, _LATER_S / 2), "limit": limit}
        for at_s, limit in others
    ]
    return asks(
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": duration, "chargingRateUnit": "A"},
        {
            "status": "Accepted",
            "connectorId": 1,
            "chargingSchedule": {"chargingSchedulePeriod": periods},
        },
    )


def _clears(answer: str = "Accepted", **criteria: Any) -> Step:
    return asks("ClearChargingProfile", criteria, {"status": answer})


_DEFAULT = _profile(1, "TxDefaultProfile", (0, 8), (300, 10))
_CHARGE = _profile(2, "TxProfile", (0, 9), (300, 11), transactionId=501)

# fmt: off
CASES: tuple[Case, ...] = (
    case("056", "A limit for every charge",
         "A TxDefaultProfile is Accepted, and the composite schedule is the same",
         BOOTED, (_sets(_DEFAULT), _composes((0, 8), (300, 10)), Quiet()), BOTH, _SMART),
    case("057", "A limit for the charge that runs",
         "A TxProfile with the backend's number is Accepted, the composite schedule is the "
         "same, and the car gets no more",
         CHARGING,
         (_sets(_CHARGE), _composes((0, 9), (300, 11)), Waits(5),
          Knows(limits_ma={"bay": 9000})), BOTH, _SMART),
    case("058_1", "A limit for a charge where none runs",
         "Rejected",
         BOOTED, (_sets(_CHARGE, "Rejected"), Quiet()), BOTH, _SMART),
    case("058_2", "A limit for another charge",
         "Rejected, and the car gets what it got",
         CHARGING,
         (_sets({**_CHARGE, "transactionId": 999}, "Rejected"), Waits(5),
          Knows(limits_ma={"bay": 16_000})), BOTH, _SMART),
    case("082", "A limit for every charge while one runs",
         "A TxDefaultProfile is Accepted and holds at once",
         CHARGING, (_sets(_DEFAULT), Waits(5), Knows(limits_ma={"bay": 8000})), BOTH, _SMART),
    case("066", "What comes of all profiles",
         "Of one for the whole, a default and one for the charge that runs, the composite "
         "schedule has the steps 8, 10, 6 and 10 A",
         CHARGING,
         (_sets(_profile(1, "ChargePointMaxProfile", (0, 10), (300, 6), (400, 10)),
                connector=0),
          _sets(_profile(2, "TxDefaultProfile", (0, 7))),
          _sets(_profile(3, "TxProfile", (0, 8), (200, 16), transactionId=501)),
          _composes((0, 8), (200, 10), (300, 6), (400, 10))), BOTH, _SMART),
    case("067", "Limits are taken away",
         "By number, by purpose and level, and all of them: Accepted, and the composite "
         "schedule follows; what is not there is Unknown",
         CHARGING,
         (_sets(_profile(1, "TxDefaultProfile", (0, 6))),
          _sets(_profile(2, "TxDefaultProfile", (0, 7), level=1)),
          _sets(_profile(3, "TxDefaultProfile", (0, 8), level=2)),
          _composes((0, 8)),
          _clears(id=3), _composes((0, 7)),
          _clears(connectorId=1, chargingProfilePurpose="TxDefaultProfile", stackLevel=1),
          _composes((0, 6)), _clears(), _composes((0, 16)),
          _clears("Unknown", id=3)), BOTH, _SMART),
    case("072", "A higher level goes first",
         "As long as it is valid: the steps are 7, 9, 8 and 10 A",
         BOOTED,
         (_sets(_profile(1, "TxDefaultProfile", (0, 10), level=0)),
          _sets(_profile(2, "TxDefaultProfile", (0, 8), level=1, duration=400)),
          _sets(_profile(3, "TxDefaultProfile", (0, 7), (200, 9), level=2, duration=300)),
          _composes((0, 7), (200, 9), (300, 8), (400, 10))), BOTH, _SMART),
    case("059", "Started from afar with a limit",
         "Its TxProfile holds for the new transaction; a wallbox with OCPP never sees it",
         PLUGGED,
         (remote_start(chargingProfile=_profile(1, "TxProfile", (0, 7))), STARTS, Waits(5),
          Knows(limits_ma={"bay": 7000}), _composes((0, 7))), BOTH, _SMART),
    case("060", "Started from afar with a wrong limit",
         "A profile that is no TxProfile: Rejected, and nothing is started",
         PLUGGED,
         (asks("RemoteStartTransaction",
               {"connectorId": 1, "idTag": VALID,
                "chargingProfile": _profile(1, "TxDefaultProfile", (0, 7))},
               Either({"status": "Rejected"}, Refused("PropertyConstraintViolation"))),
          Waits(10), Quiet()), BOTH, _SMART),
)
# fmt: on
