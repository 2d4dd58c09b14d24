"""Cases of the feature profile FirmwareManagement."""

from __future__ import annotations

from tests.compliance.case import Case, Profile
from tests.compliance.patterns import Moment
from tests.compliance.states import BOOTED, HEARTBEAT, NOW, RESTARTS
from tests.compliance.steps import Orders, Says

__all__ = ["CASES"]

_FIRMWARE = Profile.FIRMWARE

_UPDATE = Orders(
    "UpdateFirmware",
    {
        "location": "https://firmware.example/wallbox-2.bin",
        "retrieveDate": NOW,
        "retries": 1,
        "retryInterval": 10,
    },
    answer={},
)
_DIAGNOSTICS = Orders(
    "GetDiagnostics",
    {"location": "ftp://files.example/", "startTime": Moment(-3600), "stopTime": NOW},
    answer={"fileName": "diagnostics.zip"},
)


def _update(*words: str) -> tuple[Says, ...]:
    return tuple(Says("FirmwareStatusNotification", {"status": word}) for word in words)


def _diagnostics(*words: str) -> tuple[Says, ...]:
    return tuple(Says("DiagnosticsStatusNotification", {"status": word}) for word in words)


# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_044_1_CSMS", _FIRMWARE,
         "New firmware is installed",
         "UpdateFirmware can be sent with a place and a time; all that is told of it and the "
         "restart are answered",
         start=BOOTED,
         steps=(_UPDATE, *_update("Downloading", "Downloaded", "Installing"), *RESTARTS,
                *_update("Installed", "Idle"), HEARTBEAT)),
    Case("TC_044_2_CSMS", _FIRMWARE,
         "New firmware cannot be fetched",
         "That it failed is answered",
         start=BOOTED,
         steps=(_UPDATE, *_update("Downloading", "DownloadFailed"), HEARTBEAT)),
    Case("TC_044_3_CSMS", _FIRMWARE,
         "New firmware cannot be installed",
         "That it failed is answered",
         start=BOOTED,
         steps=(_UPDATE,
                *_update("Downloading", "Downloaded", "Installing", "InstallationFailed"),
                HEARTBEAT)),
    Case("TC_045_1_CSMS", _FIRMWARE,
         "Diagnostics are uploaded",
         "GetDiagnostics can be sent, the operator sees the file's name, and all that is told "
         "of it is answered",
         start=BOOTED,
         steps=(_DIAGNOSTICS, *_diagnostics("Uploading", "Uploaded", "Idle"), HEARTBEAT)),
    Case("TC_045_2_CSMS", _FIRMWARE,
         "Diagnostics cannot be uploaded",
         "That it failed is answered",
         start=BOOTED,
         steps=(_DIAGNOSTICS, *_diagnostics("Uploading", "UploadFailed"), HEARTBEAT)),
)
