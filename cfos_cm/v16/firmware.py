"""
The feature profile FirmwareManagement: new firmware, and files for finding out what is wrong.

The titles in quotation marks are those of the specification's clauses, in its chapters
"Operations Initiated by Charge Point" and "Operations Initiated by Central System".
"""

from enum import StrEnum
from typing import ClassVar

from cfos_cm.v16.types import CiString255, Integer, Maybe, Message

__all__ = [
    "DiagnosticsStatus",
    "DiagnosticsStatusNotificationConfirmation",
    "DiagnosticsStatusNotificationRequest",
    "FirmwareStatus",
    "FirmwareStatusNotificationConfirmation",
    "FirmwareStatusNotificationRequest",
    "GetDiagnosticsConfirmation",
    "GetDiagnosticsRequest",
    "UpdateFirmwareConfirmation",
    "UpdateFirmwareRequest",
]


class GetDiagnosticsRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks for a file of diagnostics. "Get Diagnostics".

    @ivar location: the URL of the directory to upload to. Never shown, it may hold a password.
    @ivar retry_interval: between attempts to upload. [s]
    @ivar start_time: of the oldest entry that is wanted.
    @ivar stop_time: of the newest entry that is wanted.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"location"})

    location: str
    retries: Maybe[Integer] = None
    retry_interval: Maybe[Integer] = None
    start_time: Maybe[str] = None
    stop_time: Maybe[str] = None


class GetDiagnosticsConfirmation(Message, frozen=True, kw_only=True):
    """
    The Charge Point names the file that it will upload. "Get Diagnostics".

    @ivar file_name: left out, there is nothing to upload.
    """

    file_name: Maybe[CiString255] = None


class DiagnosticsStatus(StrEnum):
    """How far the upload of diagnostics is."""

    IDLE = "Idle"
    UPLOADED = "Uploaded"
    UPLOAD_FAILED = "UploadFailed"
    UPLOADING = "Uploading"


class DiagnosticsStatusNotificationRequest(Message, frozen=True, kw_only=True):
    """The Charge Point tells how far the upload is. "Diagnostics Status Notification"."""

    status: DiagnosticsStatus


class DiagnosticsStatusNotificationConfirmation(Message, frozen=True):
    """The Central System has received that. "Diagnostics Status Notification"."""


class FirmwareStatus(StrEnum):
    """How far an UpdateFirmware is."""

    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"


class FirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    """The Charge Point tells how far the update is. "Firmware Status Notification"."""

    status: FirmwareStatus


class FirmwareStatusNotificationConfirmation(Message, frozen=True):
    """The Central System has received that. "Firmware Status Notification"."""


class UpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    """
    The Central System has new firmware installed. "Update Firmware".

    @ivar location: the URL to download from. Never shown, it may hold a password.
    @ivar retrieve_date: not to be downloaded before this.
    @ivar retry_interval: between attempts to download. [s]
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"location"})

    location: str
    retrieve_date: str
    retries: Maybe[Integer] = None
    retry_interval: Maybe[Integer] = None


class UpdateFirmwareConfirmation(Message, frozen=True):
    """The Charge Point has received the order. "Update Firmware"."""
