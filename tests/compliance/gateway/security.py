"""Cases for a Charge Point about its security."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.compliance.case import Awaited, Entry, Profile
from tests.compliance.gateway.cases import WALLBOX, awaiting, case
from tests.compliance.gateway.sites import CLIENT, KEY, WITH_PASSWORD
from tests.compliance.gateway.states import BOOTED, change
from tests.compliance.gateway.steps import (
    Call,
    Comes,
    ConnectionFails,
    Dialled,
    Hears,
    IsAsked,
    Quiet,
    WallboxAnswers,
    WallboxSays,
    asks,
)
from tests.compliance.patterns import Moment
from tests.compliance.steps import Step, Waits

__all__ = ["CASES"]

_SECURITY = Profile.SECURITY
_LOGIN = "Basic " + b64encode(f"{CLIENT}:".encode() + bytes.fromhex(KEY)).decode()
_ROOT = "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n"
_HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "aa" * 16,
    "issuerKeyHash": "bb" * 16,
    "serialNumber": "01",
}
_LOG = {
    "logType": "SecurityLog",
    "requestId": 7,
    "log": {"remoteLocation": "https://files.example/"},
}
_FIRMWARE = {
    "requestId": 8,
    "firmware": {
        "location": "https://files.example/firmware.bin",
        "retrieveDateTime": Moment(0),
        "signingCertificate": _ROOT,
        "signature": "c2lnbmF0dXJl",
    },
}


def _installs(kind: str) -> tuple[Step, ...]:
    request = {"certificateType": kind, "certificate": _ROOT}
    return (
        WallboxAnswers("InstallCertificate", {"status": "Accepted"}),
        asks("InstallCertificate", request),
        IsAsked("InstallCertificate", request),
        WallboxAnswers(
            "GetInstalledCertificateIds",
            {"status": "Accepted", "certificateHashData": [_HASHES]},
        ),
        asks(
            "GetInstalledCertificateIds",
            {"certificateType": kind},
            {"status": "Accepted", "certificateHashData": [_HASHES]},
        ),
        Quiet(),
    )


def _tells(action: str, *payloads: dict[str, Any]) -> tuple[Step, ...]:
    told: list[Step] = []
    for payload in payloads:
        told += (WallboxSays(action, payload), Hears(Call(action, payload)))
    return tuple(told)


def _firmware(*words: str) -> tuple[Step, ...]:
    payloads = [{"status": word, "requestId": 8} for word in words]
    return _tells("SignedFirmwareStatusNotification", *payloads)


def _event(kind: str) -> tuple[Step, ...]:
    return _tells("SecurityEventNotification", {"type": kind, "timestamp": Moment(0)})


_UPDATES: tuple[Step, ...] = (
    WallboxAnswers("SignedUpdateFirmware", {"status": "Accepted"}),
    asks("SignedUpdateFirmware", _FIRMWARE),
    IsAsked("SignedUpdateFirmware", {"requestId": 8}),
)

# fmt: off
CASES: tuple[Entry, ...] = (
    awaiting("073", "A new password",
             "AuthorizationKey is taken, and said from the next connection on; the old one "
             "is not said any more", Awaited.TLS),
    awaiting("074", "A new certificate",
             "It is asked for, verified and taken, and shown from the next connection on",
             Awaited.TLS),
    case("075_1", "A root certificate of the maker",
         "Accepted, and its hash is listed. Only behind a wallbox with OCPP whose owner allows "
         "it: it is for its firmware",
         BOOTED, _installs("ManufacturerRootCertificate"), WALLBOX, _SECURITY),
    awaiting("075_2", "A root certificate of the backend",
             "Accepted, and its hash is listed", Awaited.TLS),
    awaiting("076", "A root certificate is deleted",
             "Accepted, and it is not listed any more", Awaited.TLS),
    awaiting("077", "A certificate that is not valid",
             "CertificateSigned is Rejected, and the security event is told", Awaited.TLS),
    awaiting("078", "A root certificate that is not valid",
             "InstallCertificate is Rejected, and the security event is told", Awaited.TLS),
    case("079", "The security log is uploaded",
         "Accepted; Uploading and Uploaded are passed on with the number. Only behind a "
         "wallbox with OCPP whose owner allows it",
         BOOTED,
         (WallboxAnswers("GetLog", {"status": "Accepted", "filename": "log.txt"}),
          asks("GetLog", _LOG, {"status": "Accepted", "filename": "log.txt"}),
          *_tells("LogStatusNotification", {"status": "Uploading", "requestId": 7},
                  {"status": "Uploaded", "requestId": 7}), Quiet()), WALLBOX, _SECURITY),
    case("080", "Signed firmware is installed",
         "All that the wallbox tells and its security event are passed on. Only behind a "
         "wallbox with OCPP whose owner allows it",
         BOOTED,
         (*_UPDATES,
          *_firmware("Downloading", "Downloaded", "SignatureVerified", "Installing",
                     "InstallRebooting", "Installed"),
          *_event("FirmwareUpdated"), Quiet()), WALLBOX, _SECURITY),
    case("081", "Firmware with a wrong signature",
         "InvalidSignature and the security event are passed on",
         BOOTED,
         (*_UPDATES, *_firmware("Downloading", "Downloaded", "InvalidSignature"),
          *_event("InvalidFirmwareSignature"), Quiet()), WALLBOX, _SECURITY),
    awaiting("083", "To a higher security profile",
             "It is taken, and the next connection is of that profile", Awaited.TLS),
    case("084", "To a lower security profile",
         "Rejected, and nothing changes: only the owner decides how his backend is called",
         BOOTED,
         (change("SecurityProfile", "0", "Rejected"), ConnectionFails(), Waits(20), Comes(),
          Dialled(authorization=_LOGIN), Quiet()), profile=_SECURITY, site=WITH_PASSWORD),
    case("085", "A log-in with name and password",
         "Basic authentication with the client id and the bytes that the password's "
         "hexadecimal digits stand for",
         BOOTED, (Dialled(path=f"/ocpp/{CLIENT}", authorization=_LOGIN), Quiet()),
         profile=_SECURITY, site=WITH_PASSWORD),
    awaiting("086", "An encrypted connection",
             "TLS 1.2 or newer with the cipher suites that are allowed; a backend with a wrong "
             "certificate is not talked to", Awaited.TLS),
    awaiting("087", "A log-in with a certificate",
             "The client certificate is shown, with the name and keys that are asked for",
             Awaited.TLS),
)
# fmt: on
