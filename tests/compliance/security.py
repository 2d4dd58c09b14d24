"""
Cases of the security extension.

Those that are about encryption itself are played where there is some. The others only have
certificates carried back and forth, and play on any line.
"""

from __future__ import annotations

from ssl import TLSVersion
from typing import Any

from tests.compliance.bench import PLAIN, Tls
from tests.compliance.case import Case, Profile
from tests.compliance.encryption_steps import (
    IsEncrypted,
    RaisesProfile,
    RequestsCertificate,
)
from tests.compliance.papers import (
    EXPIRED_PAPERS,
    FORGED_PAPERS,
    OLD_PAPERS,
    OWNER,
    PAPERS_OF_ANOTHER,
)
from tests.compliance.patterns import Kept, Moment
from tests.compliance.sites import (
    DETECTING,
    PASSWORD,
    WITH_CERTIFICATES,
    WITH_PASSWORD,
)
from tests.compliance.states import BOOT, BOOTED, HEARTBEAT, NOW, RESTARTS, boot_by
from tests.compliance.steps import ChangesPassword, Dials, Drops, Orders, Says, Step

__all__ = ["CASES"]

_SECURITY = Profile.SECURITY

#: A key of 20 bytes, as it is configured; the Charge Point logs in with the bytes themselves.
_KEY = "63664F735F6E65775F6B65795F3230325F627974"

#: Carried, and looked at by nobody.
_PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUExample\n-----END CERTIFICATE-----\n"

_HASH = {
    "hashAlgorithm": "SHA384",
    "issuerNameHash": "6e7f1f",
    "issuerKeyHash": "91ab02",
    "serialNumber": "1f2e3d",
}

_REQUEST = 815


def _event(kind: str) -> Says:
    return Says("SecurityEventNotification", {"type": kind, "timestamp": NOW})


def _installs(use: str, result: str = "Accepted") -> Orders:
    payload = {"certificateType": use, "certificate": _PEM}
    return Orders("InstallCertificate", payload, {"status": result})


def _lists(use: str) -> Orders:
    answer = {"status": "Accepted", "certificateHashData": [_HASH]}
    return Orders(
        "GetInstalledCertificateIds",
        {"certificateType": use},
        answer,
        keep={"certificates": "certificateHashData"},
    )


def _installed(case_id: str, title: str, use: str) -> Case:
    return Case(
        case_id, _SECURITY, title,
        f"InstallCertificate {use} and GetInstalledCertificateIds can be sent, and their "
        "results are seen",
        start=BOOTED, steps=(_installs(use), _lists(use)),
    )  # fmt: skip


_UPDATE = Orders(
    "SignedUpdateFirmware",
    {
        "requestId": _REQUEST,
        "firmware": {
            "location": "https://firmware.example/wallbox-2.bin",
            "retrieveDateTime": NOW,
            "signingCertificate": _PEM,
            "signature": "c2lnbmF0dXJl",
        },
    },
)


def _update(*words: str) -> tuple[Says, ...]:
    return tuple(
        Says("SignedFirmwareStatusNotification", {"status": word, "requestId": _REQUEST})
        for word in words
    )


def _log(*words: str) -> tuple[Says, ...]:
    return tuple(
        Says("LogStatusNotification", {"status": word, "requestId": _REQUEST}) for word in words
    )


_LOG: dict[str, Any] = {
    "logType": "SecurityLog",
    "requestId": _REQUEST,
    "log": {"remoteLocation": "https://files.example/upload", "oldestTimestamp": Moment(-3600)},
}
_ROOT = "CentralSystemRootCertificate"
#: What a step before has got.
_NEW_PAPERS = Kept("papers")
#: What TLS 1.1 has; a client has to ask for it on purpose.
_OLD_SUITES = "ALL:@SECLEVEL=0"


def _encrypts(suite: str) -> tuple[Step, ...]:
    return Dials(tls=Tls(suites=suite)), IsEncrypted(suite), BOOT, Drops()


# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_073_CSMS", _SECURITY,
         "A new password",
         "ChangeConfiguration AuthorizationKey carries a key of 16 to 20 bytes in hexadecimal; "
         "afterwards the new one is accepted and the old one is not",
         start=(Dials(WITH_PASSWORD, PASSWORD), boot_by(WITH_PASSWORD)),
         steps=(ChangesPassword(_KEY, by=WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, _KEY, is_key=True), boot_by(WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, PASSWORD, refused=(401,)),
                Dials(WITH_PASSWORD, refused=(401,)))),
    Case("TC_074_CSMS", _SECURITY,
         "A new certificate for the Charge Point",
         "It can be asked to renew its certificate; its request is accepted and answered with "
         "a chain that is valid; it is let in with the new certificate",
         start=(Dials(WITH_PASSWORD, shows=OLD_PAPERS), boot_by(WITH_PASSWORD)),
         steps=(Orders("ExtendedTriggerMessage",
                       {"requestedMessage": "SignChargePointCertificate"}, by=WITH_PASSWORD),
                RequestsCertificate(OWNER.pem, WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, shows=_NEW_PAPERS), boot_by(WITH_PASSWORD)),
         site=WITH_CERTIFICATES, needs_tls=True),
    _installed("TC_075_1_CSMS", "A root certificate of the maker",
               "ManufacturerRootCertificate"),
    _installed("TC_075_2_CSMS", "A root certificate of the Central System", _ROOT),
    Case("TC_076_CSMS", _SECURITY,
         "A root certificate is deleted",
         "DeleteCertificate names the certificate exactly as GetInstalledCertificateIds did",
         start=BOOTED,
         steps=(_lists(_ROOT),
                Orders("DeleteCertificate", {"certificateHashData": Kept("certificates", 0)},
                       hears={"certificateHashData": _HASH}),
                Orders("GetInstalledCertificateIds", {"certificateType": _ROOT},
                       {"status": "NotFound"}))),
    Case("TC_077_CSMS", _SECURITY,
         "A certificate that the Charge Point does not trust",
         "The operator sees Rejected, and the security event is answered",
         start=BOOTED,
         steps=(Orders("CertificateSigned", {"certificateChain": _PEM}, {"status": "Rejected"}),
                _event("InvalidChargePointCertificate"), HEARTBEAT)),
    Case("TC_078_CSMS", _SECURITY,
         "A root certificate that the Charge Point does not trust",
         "The operator sees Rejected, and the security event is answered",
         start=BOOTED,
         steps=(_installs(_ROOT, "Rejected"), _event("InvalidCentralSystemCertificate"),
                HEARTBEAT)),
    Case("TC_079_CSMS", _SECURITY,
         "The security log is uploaded",
         "GetLog SecurityLog can be sent with a number and a place; what is told of it is "
         "answered",
         start=BOOTED,
         steps=(Orders("GetLog", _LOG, {"status": "Accepted", "filename": "security.log"}),
                *_log("Uploading", "Uploaded"), HEARTBEAT)),
    Case("TC_080_CSMS", _SECURITY,
         "Signed firmware is installed",
         "SignedUpdateFirmware carries signature and certificate; all that is told of it, the "
         "restart and the security event are answered",
         start=BOOTED,
         steps=(_UPDATE,
                *_update("Downloading", "Downloaded", "SignatureVerified", "Installing",
                         "InstallRebooting"),
                *RESTARTS, *_update("Installed"), _event("FirmwareUpdated"), HEARTBEAT)),
    Case("TC_081_CSMS", _SECURITY,
         "Firmware with a wrong signature",
         "That it is refused and the security event are answered",
         start=BOOTED,
         steps=(_UPDATE, *_update("Downloading", "Downloaded", "InvalidSignature"),
                _event("InvalidFirmwareSignature"), HEARTBEAT)),
    Case("TC_083_CSMS", _SECURITY,
         "From one security profile to the next",
         "The next higher SecurityProfile is sent; a connection of the new profile is "
         "accepted, and one of the old is refused from then on: from 1 to 2, and from 2 to 3",
         start=(Dials(WITH_PASSWORD, PASSWORD, tls=PLAIN), boot_by(WITH_PASSWORD)),
         steps=(RaisesProfile(2, WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, PASSWORD, tls=Tls()), boot_by(WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, PASSWORD, tls=PLAIN, refused=(403,)),
                Dials(WITH_PASSWORD, PASSWORD, tls=Tls()), boot_by(WITH_PASSWORD),
                RequestsCertificate(OWNER.pem, WITH_PASSWORD),
                RaisesProfile(3, WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, shows=_NEW_PAPERS), boot_by(WITH_PASSWORD),
                Drops(WITH_PASSWORD),
                Dials(WITH_PASSWORD, PASSWORD, tls=Tls(), refused=(403,)),
                Dials(WITH_PASSWORD, PASSWORD, tls=PLAIN, refused=(403,))),
         site=DETECTING, needs_tls=True),
    Case("TC_085_CSMS", _SECURITY,
         "A log-in with name and password",
         "The right password is accepted; a wrong one and none are refused with 401",
         start=(),
         steps=(Dials(WITH_PASSWORD, "wrong horse battery", refused=(401,)),
                Dials(WITH_PASSWORD, refused=(401,)),
                Dials(WITH_PASSWORD, PASSWORD), boot_by(WITH_PASSWORD))),
    Case("TC_086_CSMS", _SECURITY,
         "An encrypted connection",
         "TLS 1.2 or newer, all four cipher suites, the server's name in its certificate, keys "
         "that are long enough; nothing older or weaker",
         start=(),
         steps=(*_encrypts("ECDHE-ECDSA-AES128-GCM-SHA256"),
                *_encrypts("ECDHE-ECDSA-AES256-GCM-SHA384"),
                *_encrypts("AES128-GCM-SHA256"),
                *_encrypts("AES256-GCM-SHA384"),
                Dials(tls=Tls(version=TLSVersion.TLSv1_1, suites=_OLD_SUITES), no_tls=True),
                Dials(tls=Tls(suites="ECDHE-ECDSA-AES128-SHA256"), no_tls=True),
                Dials(tls=Tls(suites="AES128-SHA"), no_tls=True),
                Dials(tls=Tls()), IsEncrypted(), BOOT, HEARTBEAT),
         needs_tls=True),
    Case("TC_087_CSMS", _SECURITY,
         "A log-in with a certificate",
         "A valid client certificate is accepted in the place of a password; one of somebody "
         "else, one that nobody known has signed, one that has expired, and none are refused",
         start=(),
         steps=(Dials(WITH_PASSWORD, PASSWORD, tls=Tls(), no_tls=True),
                Dials(WITH_PASSWORD, shows=FORGED_PAPERS, no_tls=True),
                Dials(WITH_PASSWORD, shows=EXPIRED_PAPERS, no_tls=True),
                Dials(WITH_PASSWORD, shows=PAPERS_OF_ANOTHER, refused=(401,)),
                Dials(WITH_PASSWORD, shows=OLD_PAPERS),
                IsEncrypted(by=WITH_PASSWORD), boot_by(WITH_PASSWORD)),
         site=WITH_CERTIFICATES, needs_tls=True),
)
