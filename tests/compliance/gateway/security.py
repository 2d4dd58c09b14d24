"""Cases for a Charge Point about its security."""

from __future__ import annotations

from base64 import b64encode
from ssl import TLSVersion
from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.gateway.bench import Showing
from tests.compliance.gateway.cases import WALLBOX, case
from tests.compliance.gateway.encryption_steps import (
    Counts,
    DialledEncrypted,
    IsShunned,
    Presents,
    Signs,
)
from tests.compliance.gateway.sites import (
    BEFORE_TLS,
    CLIENT,
    ENCRYPTED,
    KEY,
    WITH_CERTIFICATE,
    WITH_PASSWORD,
)
from tests.compliance.gateway.states import BOOTED, RETURNS, change
from tests.compliance.gateway.steps import (
    Call,
    Comes,
    ConnectionFails,
    Dialled,
    Forgets,
    Hears,
    IsAsked,
    PowerFails,
    Quiet,
    WallboxAnswers,
    WallboxSays,
    asks,
)
from tests.compliance.papers import (
    ANOTHER_BACKENDS_PAPERS,
    BACKEND_AUTHORITY,
    BACKEND_PAPERS,
    EXPIRED_BACKEND_PAPERS,
    EXPIRED_ROOT,
    FORGED_BACKEND_PAPERS,
    NOT_A_ROOT,
    OTHER_ROOT,
    ROOT,
    RSA_BACKEND_PAPERS,
)
from tests.compliance.patterns import TIME, AtMost, Moment
from tests.compliance.steps import Step, Waits
from tests.issuer import Issuer, Papers, ocsp_hashes

__all__ = ["CASES"]

_SECURITY = Profile.SECURITY


def _login(key: str) -> str:
    return "Basic " + b64encode(f"{CLIENT}:".encode() + bytes.fromhex(key)).decode()


_LOGIN = _login(KEY)
#: The one that the backend gives it.
_NEW_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334"
_NEW_LOGIN = _login(_NEW_KEY)
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


def _said(kind: str) -> Call:
    return Call("SecurityEventNotification", {"type": kind, "timestamp": TIME})


def _installs_root(root: Issuer, answer: str = "Accepted") -> Step:
    payload = {"certificateType": _BACKENDS_ROOT, "certificate": root.pem}
    return asks("InstallCertificate", payload, {"status": answer})


def _hashes(root: Issuer) -> dict[str, str]:
    return ocsp_hashes(root.certificate, root.certificate)


def _lists(*roots: Issuer) -> Step:
    found = [_hashes(root) for root in roots]
    answer = {"status": "Accepted", "certificateHashData": found}
    return asks(
        "GetInstalledCertificateIds",
        {"certificateType": _BACKENDS_ROOT},
        answer if found else {"status": "NotFound"},
    )


def _deletes(root: Issuer, answer: str = "Accepted") -> Step:
    return asks("DeleteCertificate", {"certificateHashData": _hashes(root)}, {"status": answer})


#: What TLS 1.1 has; a server has to have it on purpose.
_OLD_SUITES = "ALL:@SECLEVEL=0"
_WANTS_CERTIFICATE = Showing(BACKEND_PAPERS, wants=BACKEND_AUTHORITY.pem)
#: What is told of a backend that was not believed, and of one whose TLS is too old.
_UNTRUSTED = _said("InvalidCentralSystemCertificate")
_TOO_OLD = _said("InvalidTLSVersion")
_BACKENDS_ROOT = "CentralSystemRootCertificate"
#: It is asked to ask for a certificate, and does; what it asks with is kept.
_ASKS_FOR_CERTIFICATE: tuple[Step, ...] = (
    asks("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
    Hears(Call("SignCertificate", {"csr": AtMost(5500)}, keep={"csr": "csr"})),
)
#: The connection is lost, and made again.
_COMES_AGAIN: tuple[Step, ...] = (ConnectionFails(), Waits(20), Comes())


def _presents(*suites: str, papers: Papers = BACKEND_PAPERS) -> tuple[Step, ...]:
    """The backend has one cipher suite, and after that another."""
    return tuple(
        step
        for suite in suites
        for step in (
            Presents(Showing(papers, suites=suite)),
            *_COMES_AGAIN,
            DialledEncrypted(suite, "localhost"),
        )
    )


def _is_shunned(showing: Showing) -> tuple[Step, ...]:
    return (
        Counts("before"),
        Presents(showing),
        ConnectionFails(),
        Waits(310),
        IsShunned("before"),
    )


# fmt: off
CASES: tuple[Case, ...] = (
    case("073", "A new password",
         "AuthorizationKey is taken, and said from the next connection on, also after a power "
         "failure; the old one is not said any more",
         BOOTED,
         (change("AuthorizationKey", _NEW_KEY), Comes(), Dialled(authorization=_NEW_LOGIN),
          *_COMES_AGAIN, Dialled(authorization=_NEW_LOGIN),
          PowerFails(), *BOOTED, Dialled(authorization=_NEW_LOGIN), Quiet()),
         profile=_SECURITY, site=WITH_PASSWORD),
    case("074", "A new certificate",
         "It is asked for, verified and taken, and shown from the next connection on",
         (Presents(_WANTS_CERTIFICATE), *BOOTED),
         (DialledEncrypted(shows=CLIENT), *_ASKS_FOR_CERTIFICATE,
          Signs(BACKEND_AUTHORITY), Comes(), DialledEncrypted(shows=CLIENT, is_new=True),
          PowerFails(), *BOOTED, DialledEncrypted(shows=CLIENT, is_new=True), Quiet()),
         profile=_SECURITY, site=WITH_CERTIFICATE, needs_tls=True),
    case("075_1", "A root certificate of the maker",
         "Accepted, and its hash is listed. Only behind a wallbox with OCPP whose owner allows "
         "it: it is for its firmware",
         BOOTED, _installs("ManufacturerRootCertificate"), WALLBOX, _SECURITY),
    case("075_2", "A root certificate of the backend",
         "Accepted, and its hash is listed",
         BOOTED, (_lists(), _installs_root(ROOT), _lists(ROOT), Quiet()), profile=_SECURITY),
    case("076", "A root certificate is deleted",
         "Accepted, and it is not listed any more; one that is not there is NotFound",
         BOOTED,
         (_installs_root(ROOT), _installs_root(OTHER_ROOT), _lists(ROOT, OTHER_ROOT),
          _deletes(ROOT), _lists(OTHER_ROOT), _deletes(ROOT, "NotFound"),
          _deletes(OTHER_ROOT), _lists(), Quiet()), profile=_SECURITY),
    case("077", "A certificate that is not valid",
         "CertificateSigned is Rejected, and the security event is told",
         BOOTED,
         (*_ASKS_FOR_CERTIFICATE, Signs(BACKEND_AUTHORITY, "Rejected", for_another_key=True),
          Hears(_said("InvalidChargePointCertificate")), Quiet()), profile=_SECURITY),
    case("078", "A root certificate that is not valid",
         "InstallCertificate is Rejected, and the security event is told: of one that has "
         "expired, and of one that is none",
         BOOTED,
         (_installs_root(EXPIRED_ROOT, "Rejected"),
          Hears(_said("InvalidCentralSystemCertificate")),
          Waits(120), _installs_root(NOT_A_ROOT, "Rejected"),
          Hears(_said("InvalidCentralSystemCertificate")), _lists(), Quiet()),
         profile=_SECURITY),
    case("079", "The security log is uploaded",
         "Accepted; Uploading and Uploaded are passed on with the number, behind a wallbox "
         "with OCPP whose owner allows it",
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
    case("083", "To a higher security profile",
         "It is taken when there is a root to check the backend by, and the next connection is "
         "of that profile, and so are all after it, also after a power failure; there is no "
         "way back",
         BOOTED,
         (Dialled(authorization=_LOGIN), change("SecurityProfile", "2", "Rejected"),
          _installs_root(BACKEND_AUTHORITY), change("SecurityProfile", "2"), Comes(),
          DialledEncrypted(), Dialled(authorization=_LOGIN),
          change("SecurityProfile", "1", "Rejected"), *_COMES_AGAIN, DialledEncrypted(),
          PowerFails(), *BOOTED, DialledEncrypted(), Quiet()),
         profile=_SECURITY, site=BEFORE_TLS, needs_tls=True),
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
    case("086", "An encrypted connection",
         "TLS 1.2 or newer with the cipher suites that are allowed, and for the host that is "
         "called; a backend with a wrong certificate is not talked to: one that has expired, "
         "of another host, or that nobody known has signed; and none with older or weaker "
         "TLS; the security events are told",
         BOOTED,
         (DialledEncrypted(server_name="localhost"),
          *_presents("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
          *_presents("AES128-GCM-SHA256", "AES256-GCM-SHA384", papers=RSA_BACKEND_PAPERS),
          *_is_shunned(Showing(EXPIRED_BACKEND_PAPERS)),
          *_is_shunned(Showing(ANOTHER_BACKENDS_PAPERS)),
          *_is_shunned(Showing(FORGED_BACKEND_PAPERS)),
          *_is_shunned(Showing(BACKEND_PAPERS, version=TLSVersion.TLSv1_1, suites=_OLD_SUITES)),
          *_is_shunned(Showing(BACKEND_PAPERS, suites="ECDHE-ECDSA-AES128-SHA256")),
          Presents(Showing(BACKEND_PAPERS)), *RETURNS, DialledEncrypted(),
          Hears(_UNTRUSTED), Hears(_TOO_OLD, maybe=(_UNTRUSTED,)), Forgets()),
         profile=_SECURITY, site=ENCRYPTED, needs_tls=True),
    case("087", "A log-in with a certificate",
         "The client certificate is shown, with the name and keys that are asked for",
         (Presents(_WANTS_CERTIFICATE), *BOOTED),
         (DialledEncrypted(shows=CLIENT), *_COMES_AGAIN, DialledEncrypted(shows=CLIENT),
          Quiet()),
         profile=_SECURITY, site=WITH_CERTIFICATE, needs_tls=True),
)
# fmt: on
