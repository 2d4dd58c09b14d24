"""Cases of the feature profile SmartCharging."""

from __future__ import annotations

from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.patterns import ABSENT, Moment
from tests.compliance.sites import OBSERVED, VALID
from tests.compliance.states import (
    BOOTED,
    CHARGING,
    HEARTBEAT,
    ITS_NUMBER,
    NOW,
    OCCUPIED,
    ends,
    starts,
    status,
)
from tests.compliance.steps import Orders

__all__ = ["CASES"]

_SMART = Profile.SMART_CHARGING


def _schedule(unit: str, limit: float, **more: Any) -> dict[str, Any]:
    return {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        **more,
    }


def _profile(
    number: int, purpose: str, kind: str, schedule: Any, **more: Any
) -> dict[str, Any]:
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
        **more,
    }


_DEFAULT_PROFILES = tuple(
    _profile(
        71, "TxDefaultProfile", "Absolute",
        _schedule(unit, limit, startSchedule=NOW, duration=3600),
        validFrom=NOW, validTo=Moment(86_400),
    )
    for unit, limit in (("A", 6), ("W", 6000))
)  # fmt: skip

_CHARGE_PROFILE = _profile(72, "TxProfile", "Relative", _schedule("A", 6))


def _sets(profile: dict[str, Any], connector: int = 1) -> Orders:
    return Orders(
        "SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile}
    )


# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_056_CSMS", _SMART,
         "A limit for every charge",
         "SetChargingProfile can be sent with a whole TxDefaultProfile: from when and until "
         "when it is valid, the begin of its schedule, 6 A or 6000 W",
         start=BOOTED,
         steps=(*(_sets(profile) for profile in _DEFAULT_PROFILES), HEARTBEAT)),
    Case("TC_057_CSMS", _SMART,
         "A limit for the charge that runs",
         "SetChargingProfile can be sent with a TxProfile that names the transaction",
         start=CHARGING,
         steps=(_sets({**_CHARGE_PROFILE, "transactionId": ITS_NUMBER}), HEARTBEAT)),
    Case("TC_066_CSMS", _SMART,
         "What a Charge Point makes of all profiles",
         "GetCompositeSchedule can be sent with connector, duration and unit, and its result "
         "is seen",
         start=BOOTED,
         steps=(Orders(
             "GetCompositeSchedule",
             {"connectorId": 1, "duration": 400, "chargingRateUnit": "A"},
             {"status": "Accepted", "connectorId": 1, "scheduleStart": NOW,
              "chargingSchedule": _schedule("A", 6, duration=400)}),)),
    Case("TC_067_CSMS", _SMART,
         "Limits are taken away",
         "ClearChargingProfile can be sent with a number only; with connector, purpose and "
         "stack level; and with nothing",
         start=BOOTED,
         steps=(
             Orders("ClearChargingProfile", {"id": 71},
                    hears={"id": 71, "connectorId": ABSENT, "stackLevel": ABSENT,
                           "chargingProfilePurpose": ABSENT}),
             Orders("ClearChargingProfile",
                    {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile",
                     "stackLevel": 1}, {"status": "Unknown"}),
             Orders("ClearChargingProfile", {},
                    hears={"id": ABSENT, "connectorId": ABSENT, "stackLevel": ABSENT,
                           "chargingProfilePurpose": ABSENT}),
         )),
    Case("TC_059_CSMS", _SMART,
         "Started from afar with a limit",
         "RemoteStartTransaction carries a relative TxProfile without a transaction, and its "
         "first period begins at 0",
         start=OCCUPIED,
         steps=(
             Orders("RemoteStartTransaction",
                    {"connectorId": 1, "idTag": VALID, "chargingProfile": _CHARGE_PROFILE},
                    hears={"chargingProfile": {
                        "chargingProfilePurpose": "TxProfile",
                        "chargingProfileKind": "Relative",
                        "transactionId": ABSENT,
                        "chargingSchedule": {
                            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]},
                    }}),
             starts(), status("Charging"), ends("Local"),
         ),
         site=OBSERVED),
)
