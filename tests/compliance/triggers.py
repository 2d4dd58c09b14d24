"""Cases of the feature profile RemoteTrigger."""

from __future__ import annotations

from tests.compliance.case import Case, Profile
from tests.compliance.states import BOOTED, HEARTBEAT, NOW, status
from tests.compliance.steps import Orders, Says

__all__ = ["CASES"]

_TRIGGERS = Profile.TRIGGERS

_METER_VALUES = Says(
    "MeterValues",
    {
        "connectorId": 1,
        "meterValue": [
            {
                "timestamp": NOW,
                "sampledValue": [{"value": "1000", "context": "Trigger", "unit": "Wh"}],
            }
        ],
    },
)


def _triggers(message: str, connector: int | None = None, result: str = "Accepted") -> Orders:
    payload: dict[str, object] = {"requestedMessage": message}
    if connector is not None:
        payload["connectorId"] = connector
    return Orders("TriggerMessage", payload, {"status": result})


# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_054_CSMS", _TRIGGERS,
         "A message is asked for",
         "TriggerMessage can be sent for every message that a Charge Point can be asked for "
         "after its start; what follows is answered",
         start=BOOTED,
         steps=(
             _triggers("MeterValues", 1), _METER_VALUES,
             _triggers("Heartbeat"), HEARTBEAT,
             _triggers("StatusNotification", 1), status("Available"),
             _triggers("DiagnosticsStatusNotification"),
             Says("DiagnosticsStatusNotification", {"status": "Idle"}),
             _triggers("FirmwareStatusNotification"),
             Says("FirmwareStatusNotification", {"status": "Idle"}),
         )),
    Case("TC_055_CSMS", _TRIGGERS,
         "A message that is not given",
         "The operator sees Rejected and NotImplemented",
         start=BOOTED,
         steps=(_triggers("MeterValues", 3, "Rejected"),
                _triggers("FirmwareStatusNotification", None, "NotImplemented"), HEARTBEAT)),
)
