"""A request and a confirmation for every action that a Central System sends."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

__all__ = ["CONFIRMATIONS", "PEM", "REQUESTS", "TX_PROFILE", "changed"]

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

_HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "ab12",
    "issuerKeyHash": "cd34",
    "serialNumber": "01",
}

#: For transaction 7 at connector 1.
TX_PROFILE: dict[str, Any] = {
    "chargingProfileId": 1,
    "transactionId": 7,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 6.1, "numberPhases": 3},
            {"startPeriod": 60, "limit": 16},
        ],
    },
}

_PROFILE_TO_COME = {name: one for name, one in TX_PROFILE.items() if name != "transactionId"}

REQUESTS: Mapping[str, dict[str, Any]] = {
    "CancelReservation": {"reservationId": 5},
    "CertificateSigned": {"certificateChain": PEM},
    "ChangeAvailability": {"connectorId": 0, "type": "Inoperative"},
    "ChangeConfiguration": {"key": "MeterValueSampleInterval", "value": "60"},
    "ClearCache": {},
    "ClearChargingProfile": {"connectorId": 1, "stackLevel": 0},
    "DataTransfer": {"vendorId": "com.example", "messageId": "m", "data": "{}"},
    "DeleteCertificate": {"certificateHashData": _HASH},
    "ExtendedTriggerMessage": {"requestedMessage": "SignChargePointCertificate"},
    "GetCompositeSchedule": {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"},
    "GetConfiguration": {"key": ["SupportedFeatureProfiles"]},
    "GetDiagnostics": {
        "location": "ftp://user:secret@files.example/up/",
        "retries": 1,
        "startTime": "2026-02-01T00:00:00Z",
        "stopTime": "2026-02-02T00:00:00Z",
    },
    "GetInstalledCertificateIds": {"certificateType": "CentralSystemRootCertificate"},
    "GetLocalListVersion": {},
    "GetLog": {
        "logType": "SecurityLog",
        "requestId": 9,
        "log": {"remoteLocation": "https://files.example/up/"},
    },
    "InstallCertificate": {
        "certificateType": "ManufacturerRootCertificate",
        "certificate": PEM,
    },
    "RemoteStartTransaction": {
        "idTag": "04AABB",
        "connectorId": 1,
        "chargingProfile": _PROFILE_TO_COME,
    },
    "RemoteStopTransaction": {"transactionId": 7},
    "ReserveNow": {
        "connectorId": 1,
        "expiryDate": "2026-03-01T13:00:00Z",
        "idTag": "04AABB",
        "reservationId": 5,
    },
    "Reset": {"type": "Soft"},
    "SendLocalList": {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "04AABB", "idTagInfo": {"status": "Accepted"}}],
    },
    "SetChargingProfile": {"connectorId": 1, "csChargingProfiles": TX_PROFILE},
    "SignedUpdateFirmware": {
        "requestId": 9,
        "firmware": {
            "location": "https://files.example/firmware.bin",
            "retrieveDateTime": "2026-03-01T12:00:00Z",
            "signingCertificate": PEM,
            "signature": "c2lnbmF0dXJl",
        },
    },
    "TriggerMessage": {"requestedMessage": "StatusNotification", "connectorId": 1},
    "UnlockConnector": {"connectorId": 1},
    "UpdateFirmware": {
        "location": "https://files.example/firmware.bin",
        "retrieveDate": "2026-03-01T12:00:00Z",
    },
}

_ACCEPTED = {"status": "Accepted"}

CONFIRMATIONS: Mapping[str, dict[str, Any]] = {
    **dict.fromkeys(REQUESTS, _ACCEPTED),
    "DataTransfer": {"status": "Accepted", "data": "[]"},
    "GetCompositeSchedule": {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-03-01T12:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        },
    },
    "GetConfiguration": {
        "configurationKey": [
            {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core"}
        ],
        "unknownKey": ["Nonsense"],
    },
    "GetDiagnostics": {"fileName": "diagnostics.zip"},
    "GetInstalledCertificateIds": {"status": "Accepted", "certificateHashData": [_HASH]},
    "GetLocalListVersion": {"listVersion": 4},
    "GetLog": {"status": "Accepted", "filename": "log.zip"},
    "UnlockConnector": {"status": "Unlocked"},
    "UpdateFirmware": {},
}


def changed(payload: Mapping[str, Any], path: str, found: object = None) -> dict[str, Any]:
    """
    A payload with another value at one place.

    @param path: names and indexes, parted by points.
    @param found: what is there instead; C{None}: nothing.
    """
    made: dict[str, Any] = deepcopy(dict(payload))
    *way, last = path.split(".")
    place: Any = made
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    if found is None:
        place.pop(last)
    else:
        place[int(last) if last.isdigit() else last] = found
    return made
