"""Cases for a Charge Point of the feature profiles FirmwareManagement and RemoteTrigger."""

from __future__ import annotations

from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.gateway.cases import BOTH, WALLBOX, case
from tests.compliance.gateway.states import BOOTED, boot, status
from tests.compliance.gateway.steps import Call, Does, Hears, IsAsked, Quiet, WallboxSays, asks
from tests.compliance.patterns import Moment
from tests.compliance.steps import Says, Step, Waits

__all__ = ["CASES"]

_FIRMWARE = Profile.FIRMWARE
_TRIGGERS = Profile.TRIGGERS
_PLACE = "https://files.example/firmware.bin"
_UPDATE = asks("UpdateFirmware", {"location": _PLACE, "retrieveDate": Moment(0)}, {})
_DIAGNOSTICS = asks(
    "GetDiagnostics", {"location": "https://files.example/"}, {"fileName": "diagnostics.zip"}
)


def _tells(action: str, *words: str) -> tuple[Step, ...]:
    """The wallbox tells how far it is, and the backend hears it."""
    told: list[Step] = []
    for word in words:
        payload = {"status": word}
        told += (WallboxSays(action, payload), Hears(Call(action, payload)))
    return tuple(told)


def _installs(*words: str) -> tuple[Step, ...]:
    return _tells("FirmwareStatusNotification", *words)


def _uploads(*words: str) -> tuple[Step, ...]:
    return _tells("DiagnosticsStatusNotification", *words)


def _triggers(message: str, connector: int | None = None, answer: Any = "Accepted") -> Says:
    payload: dict[str, object] = {"requestedMessage": message}
    if connector is not None:
        payload["connectorId"] = connector
    return asks("TriggerMessage", payload, {"status": answer})


def _idle(action: str) -> Step:
    return Hears(Call(action, {"status": "Idle"}))


_TRIGGERED = {"context": "Trigger", "measurand": "Energy.Active.Import.Register"}

# fmt: off
CASES: tuple[Case, ...] = (
    case("044_1", "New firmware is installed",
         "UpdateFirmware is answered, and all that the wallbox tells is passed on: "
         "Downloading, Downloaded, Installing, its restart, Installed. Only behind a wallbox "
         "with OCPP whose owner allows it: a gateway has no firmware that a backend may change",
         BOOTED,
         (_UPDATE, IsAsked("UpdateFirmware", {"location": _PLACE}),
          *_installs("Downloading", "Downloaded", "Installing"),
          Waits(70), Does("reboot"), Waits(5),
          Hears(boot()), Hears(status("Available", 0), status("Available")),
          *_installs("Installed"), Quiet()), WALLBOX, _FIRMWARE),
    case("044_2", "New firmware cannot be fetched",
         "Downloading and DownloadFailed are passed on",
         BOOTED, (_UPDATE, *_installs("Downloading", "DownloadFailed"), Quiet()),
         WALLBOX, _FIRMWARE),
    case("044_3", "New firmware cannot be installed",
         "Downloading, Downloaded, Installing and InstallationFailed are passed on",
         BOOTED,
         (_UPDATE, *_installs("Downloading", "Downloaded", "Installing", "InstallationFailed"),
          Quiet()), WALLBOX, _FIRMWARE),
    case("045_1", "Diagnostics are uploaded",
         "GetDiagnostics is answered with a file name; Uploading and Uploaded are passed on. "
         "Only behind a wallbox with OCPP whose owner allows it",
         BOOTED, (_DIAGNOSTICS, *_uploads("Uploading", "Uploaded"), Quiet()),
         WALLBOX, _FIRMWARE),
    case("045_2", "Diagnostics cannot be uploaded",
         "Uploading and UploadFailed are passed on",
         BOOTED, (_DIAGNOSTICS, *_uploads("Uploading", "UploadFailed"), Quiet()),
         WALLBOX, _FIRMWARE),
    case("054", "A message is asked for",
         "Accepted, and then the message: readings, Heartbeat, the state of a connector, and "
         "Idle for firmware and diagnostics",
         BOOTED,
         (_triggers("MeterValues", 1),
          Hears(Call("MeterValues", {"connectorId": 1, "meterValue": [
              {"sampledValue": [_TRIGGERED]}]})),
          _triggers("Heartbeat"), Hears(Call("Heartbeat")),
          _triggers("StatusNotification", 1), Hears(status("Available")),
          _triggers("DiagnosticsStatusNotification"), _idle("DiagnosticsStatusNotification"),
          _triggers("FirmwareStatusNotification"), _idle("FirmwareStatusNotification"),
          Quiet(())), profile=_TRIGGERS),
    case("055", "A message of a connector that does not exist",
         "Rejected",
         BOOTED,
         (_triggers("MeterValues", 2, "Rejected"),
          _triggers("StatusNotification", 2, "Rejected"), Quiet(())), BOTH, _TRIGGERS),
)
# fmt: on
