"""
The eleven actions of "Improved security for OCPP 1.6-J": certificates, logs, signed firmware.

Each class carries the action's name in that paper's chapter of messages, where the clauses are
titled by the actions.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta

from cfos_cm.v16.remote_trigger import TriggerMessageStatus
from cfos_cm.v16.types import (
    CertificateHashData,
    CiString50,
    CiString255,
    Integer,
    Maybe,
    Message,
    Part,
)

__all__ = [
    "CertificateSignedConfirmation",
    "CertificateSignedRequest",
    "CertificateSignedStatus",
    "CertificateUse",
    "DeleteCertificateConfirmation",
    "DeleteCertificateRequest",
    "DeleteCertificateStatus",
    "ExtendedMessageTrigger",
    "ExtendedTriggerMessageConfirmation",
    "ExtendedTriggerMessageRequest",
    "Firmware",
    "GenericStatus",
    "GetInstalledCertificateIdsConfirmation",
    "GetInstalledCertificateIdsRequest",
    "GetInstalledCertificateStatus",
    "GetLogConfirmation",
    "GetLogRequest",
    "InstallCertificateConfirmation",
    "InstallCertificateRequest",
    "InstallCertificateStatus",
    "Log",
    "LogParameters",
    "LogStatus",
    "LogStatusNotificationConfirmation",
    "LogStatusNotificationRequest",
    "SecurityEventNotificationConfirmation",
    "SecurityEventNotificationRequest",
    "SignCertificateConfirmation",
    "SignCertificateRequest",
    "SignedFirmwareStatus",
    "SignedFirmwareStatusNotificationConfirmation",
    "SignedFirmwareStatusNotificationRequest",
    "SignedUpdateFirmwareConfirmation",
    "SignedUpdateFirmwareRequest",
    "UpdateFirmwareStatus",
    "UploadLogStatus",
]

#: A certificate or a request for one, as PEM text.
_Pem = Annotated[str, Meta(max_length=5500)]
_Url = Annotated[str, Meta(max_length=512)]


class CertificateSignedStatus(StrEnum):
    """Whether a Charge Point took its new certificate."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class CertificateSignedRequest(Message, frozen=True, kw_only=True):
    """
    The Central System delivers the certificate that SignCertificate asked for.

    @ivar certificate_chain: PEM texts, one after the other, the Charge Point's own first.
    """

    certificate_chain: Annotated[str, Meta(max_length=10000)]


class CertificateSignedConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point has checked the certificate, and uses it or not."""

    status: CertificateSignedStatus


class CertificateUse(StrEnum):
    """What an installed root certificate vouches for."""

    CENTRAL_SYSTEM_ROOT_CERTIFICATE = "CentralSystemRootCertificate"
    MANUFACTURER_ROOT_CERTIFICATE = "ManufacturerRootCertificate"


class DeleteCertificateStatus(StrEnum):
    """What became of a DeleteCertificate."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_FOUND = "NotFound"


class DeleteCertificateRequest(Message, frozen=True, kw_only=True):
    """The Central System has an installed certificate deleted."""

    certificate_hash_data: CertificateHashData


class DeleteCertificateConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point has deleted it, could not, or had none like it."""

    status: DeleteCertificateStatus


class ExtendedMessageTrigger(StrEnum):
    """The messages that ExtendedTriggerMessage can ask for."""

    BOOT_NOTIFICATION = "BootNotification"
    LOG_STATUS_NOTIFICATION = "LogStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    SIGN_CHARGE_POINT_CERTIFICATE = "SignChargePointCertificate"
    STATUS_NOTIFICATION = "StatusNotification"


class ExtendedTriggerMessageRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks for a message, also for one of this extension.

    @ivar connector_id: left out, all connectors, where the message is about one.
    """

    requested_message: ExtendedMessageTrigger
    connector_id: Maybe[Integer] = None


class ExtendedTriggerMessageConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will send the message after this, or will not."""

    status: TriggerMessageStatus


class GetInstalledCertificateStatus(StrEnum):
    """Whether a Charge Point has certificates of the kind that was asked for."""

    ACCEPTED = "Accepted"
    NOT_FOUND = "NotFound"


class GetInstalledCertificateIdsRequest(Message, frozen=True, kw_only=True):
    """The Central System asks which root certificates are installed."""

    certificate_type: CertificateUse


class GetInstalledCertificateIdsConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point names them by their hashes."""

    status: GetInstalledCertificateStatus
    certificate_hash_data: Maybe[
        Annotated[tuple[CertificateHashData, ...], Meta(min_length=1)]
    ] = None


class Log(StrEnum):
    """The logs that a Charge Point keeps."""

    DIAGNOSTICS_LOG = "DiagnosticsLog"
    SECURITY_LOG = "SecurityLog"


class LogStatus(StrEnum):
    """What became of a GetLog; canceled means: an upload before it was given up."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"


class LogParameters(Part, frozen=True, kw_only=True):
    """
    Where a log is wanted, and which part of it.

    @ivar remote_location: the URL to upload to. Never shown, it may hold a password.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"remote_location"})

    remote_location: _Url
    oldest_timestamp: Maybe[str] = None
    latest_timestamp: Maybe[str] = None


class GetLogRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks for a log to be uploaded.

    @ivar request_id: names this upload in every LogStatusNotification about it.
    @ivar retry_interval: between attempts to upload. [s]
    """

    log: LogParameters
    log_type: Log
    request_id: Integer
    retries: Maybe[Integer] = None
    retry_interval: Maybe[Integer] = None


class GetLogConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will upload the log, or will not, and names the file."""

    status: LogStatus
    filename: Maybe[CiString255] = None


class InstallCertificateStatus(StrEnum):
    """What became of an InstallCertificate: failed means that it was good and not kept."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    REJECTED = "Rejected"


class InstallCertificateRequest(Message, frozen=True, kw_only=True):
    """
    The Central System has a root certificate installed.

    @ivar certificate: one PEM text.
    """

    certificate_type: CertificateUse
    certificate: _Pem


class InstallCertificateConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point trusts the certificate from now on, or does not."""

    status: InstallCertificateStatus


class UploadLogStatus(StrEnum):
    """How far the upload of a log is."""

    BAD_MESSAGE = "BadMessage"
    IDLE = "Idle"
    NOT_SUPPORTED_OPERATION = "NotSupportedOperation"
    PERMISSION_DENIED = "PermissionDenied"
    UPLOADED = "Uploaded"
    UPLOAD_FAILURE = "UploadFailure"
    UPLOADING = "Uploading"


class LogStatusNotificationRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point tells how far the upload of a log is.

    @ivar request_id: that of the GetLog; left out, none is under way.
    """

    status: UploadLogStatus
    request_id: Maybe[Integer] = None


class LogStatusNotificationConfirmation(Message, frozen=True):
    """The Central System has received that."""


class SecurityEventNotificationRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point reports something that matters for its security.

    @ivar type: one of the paper's security events, or the maker's own.
    @ivar timestamp: when it happened.
    @ivar tech_info: in words, for a person.
    """

    type: CiString50
    timestamp: str
    tech_info: Maybe[CiString255] = None


class SecurityEventNotificationConfirmation(Message, frozen=True):
    """The Central System has received the event."""


class GenericStatus(StrEnum):
    """Whether a SignCertificate will be worked on."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class SignCertificateRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point asks for a new certificate.

    @ivar csr: the certificate signing request, a PEM text.
    """

    csr: _Pem


class SignCertificateConfirmation(Message, frozen=True, kw_only=True):
    """The Central System will have it signed; the certificate comes by CertificateSigned."""

    status: GenericStatus


class SignedFirmwareStatus(StrEnum):
    """How far a SignedUpdateFirmware is."""

    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    DOWNLOAD_SCHEDULED = "DownloadScheduled"
    DOWNLOAD_PAUSED = "DownloadPaused"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"
    INSTALL_REBOOTING = "InstallRebooting"
    INSTALL_SCHEDULED = "InstallScheduled"
    INSTALL_VERIFICATION_FAILED = "InstallVerificationFailed"
    INVALID_SIGNATURE = "InvalidSignature"
    SIGNATURE_VERIFIED = "SignatureVerified"


class SignedFirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point tells how far the update is.

    @ivar request_id: that of the SignedUpdateFirmware; left out, none is under way.
    """

    status: SignedFirmwareStatus
    request_id: Maybe[Integer] = None


class SignedFirmwareStatusNotificationConfirmation(Message, frozen=True):
    """The Central System has received that."""


class UpdateFirmwareStatus(StrEnum):
    """What became of a SignedUpdateFirmware; canceled: an update before it was given up."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"
    INVALID_CERTIFICATE = "InvalidCertificate"
    REVOKED_CERTIFICATE = "RevokedCertificate"


class Firmware(Part, frozen=True, kw_only=True):
    """
    Where new firmware is, and what proves that the maker made it.

    @ivar location: the URL to download from. Never shown, it may hold a password.
    @ivar retrieve_date_time: not to be downloaded before this.
    @ivar install_date_time: not to be installed before this; left out, at once.
    @ivar signing_certificate: the maker's, a PEM text.
    @ivar signature: over the whole file. [base64]
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"location"})

    location: _Url
    retrieve_date_time: str
    signing_certificate: _Pem
    signature: Annotated[str, Meta(max_length=800)]
    install_date_time: Maybe[str] = None


class SignedUpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    """
    The Central System has new firmware installed, if its signature is good.

    @ivar request_id: names this update in every SignedFirmwareStatusNotification about it.
    @ivar retry_interval: between attempts to download. [s]
    """

    request_id: Integer
    firmware: Firmware
    retries: Maybe[Integer] = None
    retry_interval: Maybe[Integer] = None


class SignedUpdateFirmwareConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will update itself, or says why not."""

    status: UpdateFirmwareStatus
