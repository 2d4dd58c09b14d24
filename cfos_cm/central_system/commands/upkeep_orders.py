"""What an operator orders about the device: restart, messages, firmware, logs, certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen
from twisted.logger import Logger

from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.central_system.commands.locations import shown
from cfos_cm.v16.core import (
    DataTransferConfirmation,
    DataTransferRequest,
    ResetConfirmation,
    ResetRequest,
    ResetStatus,
    ResetType,
)
from cfos_cm.v16.firmware import (
    GetDiagnosticsConfirmation,
    GetDiagnosticsRequest,
    UpdateFirmwareConfirmation,
    UpdateFirmwareRequest,
)
from cfos_cm.v16.remote_trigger import (
    MessageTrigger,
    TriggerMessageConfirmation,
    TriggerMessageRequest,
    TriggerMessageStatus,
)
from cfos_cm.v16.security import (
    CertificateSignedConfirmation,
    CertificateSignedRequest,
    CertificateSignedStatus,
    CertificateUse,
    DeleteCertificateConfirmation,
    DeleteCertificateRequest,
    DeleteCertificateStatus,
    ExtendedMessageTrigger,
    ExtendedTriggerMessageConfirmation,
    ExtendedTriggerMessageRequest,
    Firmware,
    GetInstalledCertificateIdsConfirmation,
    GetInstalledCertificateIdsRequest,
    GetLogConfirmation,
    GetLogRequest,
    InstallCertificateConfirmation,
    InstallCertificateRequest,
    InstallCertificateStatus,
    Log,
    LogParameters,
    LogStatus,
    SignedUpdateFirmwareConfirmation,
    SignedUpdateFirmwareRequest,
    UpdateFirmwareStatus,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import CertificateHashData

__all__ = ["LogUpload", "SignedUpdate", "UpkeepOrders"]

_log = Logger(namespace="cfos_cm.central_system")


@frozen
class LogUpload:
    """
    What became of a GetLog.

    @ivar request_id: that every LogStatusNotification about this upload names.
    @ivar file_name: C{None}: it was not told.
    """

    status: LogStatus
    request_id: int
    file_name: str | None


@frozen
class SignedUpdate:
    """
    What became of a SignedUpdateFirmware.

    @ivar request_id: that every SignedFirmwareStatusNotification about this update names.
    """

    status: UpdateFirmwareStatus
    request_id: int


class UpkeepOrders:
    """
    Orders about the device.

    Each fails with L{cfos_cm.errors.LocalProtocolError} when it may not be given, with
    L{cfos_cm.errors.DeviceRefusal} when the Charge Point answers with a CALLERROR, and with
    L{cfos_cm.errors.DeviceError} when it is not connected or does not answer in time.
    """

    def __init__(self, calls: CheckedCalls, new_number: Callable[[], int]) -> None:
        """
        @param new_number: makes a random number, 1 to 2^31 - 1.
        """
        self._calls = calls
        self._new_number = new_number

    async def reset(
        self, identity: str, *, hard: bool = False, hurry: bool = False
    ) -> ResetStatus:
        """
        Restart a Charge Point, at most once a minute. "Reset".

        @param hard: at once; else its transactions end in good order first.
        @param hurry: although it was restarted a moment ago.
        """
        request = ResetRequest(type=ResetType.HARD if hard else ResetType.SOFT)
        answer = await self._calls.ask(identity, request, ResetConfirmation, hurry=hurry)
        return answer.status

    async def trigger(
        self, identity: str, message: MessageTrigger, connector: int | None = None
    ) -> TriggerMessageStatus:
        """
        Have a Charge Point send a message, at most each 5 s. "Trigger Message".

        @param message: not BootNotification, when it is accepted already.
        @param connector: from 1 on; C{None}: all, where the message is about one.
        """
        request = TriggerMessageRequest(requested_message=message, connector_id=connector)
        answer = await self._calls.ask(identity, request, TriggerMessageConfirmation)
        return answer.status

    async def trigger_extended(
        self, identity: str, message: ExtendedMessageTrigger, connector: int | None = None
    ) -> TriggerMessageStatus:
        """
        L{trigger} for Charge Points with the security extension, which can be asked for more.
        "ExtendedTriggerMessage".
        """
        request = ExtendedTriggerMessageRequest(
            requested_message=message, connector_id=connector
        )
        answer = await self._calls.ask(identity, request, ExtendedTriggerMessageConfirmation)
        return answer.status

    async def send_data(
        self,
        identity: str,
        vendor_id: str,
        message_id: str | None = None,
        data: str | None = None,
    ) -> DataTransferConfirmation:
        """
        Send what the standard has no message for. "Data Transfer".

        @return: whether it was understood, and maybe data in return.
        """
        request = DataTransferRequest(vendor_id=vendor_id, message_id=message_id, data=data)
        return await self._calls.ask(identity, request, DataTransferConfirmation)

    async def update_firmware(
        self,
        identity: str,
        location: str,
        retrieve_at: datetime,
        retries: int | None = None,
        retry_interval_s: int | None = None,
    ) -> None:
        """
        Have new firmware installed. "Update Firmware".

        How far it is comes by FirmwareStatusNotification; the confirmation says nothing.

        @param location: where to download it from: a URL of http, https, ftp, ftps or sftp.
        @param retrieve_at: not before this; aware.
        @param retry_interval_s: between attempts. [s]
        """
        request = UpdateFirmwareRequest(
            location=location,
            retrieve_date=format_timestamp(retrieve_at),
            retries=retries,
            retry_interval=retry_interval_s,
        )
        await self._calls.ask(identity, request, UpdateFirmwareConfirmation)
        _tell(identity, "gets firmware from", location)

    async def update_signed_firmware(
        self,
        identity: str,
        firmware: Firmware,
        retries: int | None = None,
        retry_interval_s: int | None = None,
    ) -> SignedUpdate:
        """
        Have new firmware installed, if its maker's signature is good. "SignedUpdateFirmware".

        @param retry_interval_s: between attempts. [s]
        """
        request = SignedUpdateFirmwareRequest(
            request_id=self._new_number(),
            firmware=firmware,
            retries=retries,
            retry_interval=retry_interval_s,
        )
        answer = await self._calls.ask(identity, request, SignedUpdateFirmwareConfirmation)
        _tell(identity, "gets signed firmware from", firmware.location)
        return SignedUpdate(answer.status, request.request_id)

    async def get_diagnostics(
        self,
        identity: str,
        location: str,
        since: datetime | None = None,
        until: datetime | None = None,
        retries: int | None = None,
        retry_interval_s: int | None = None,
    ) -> str | None:
        """
        Have a file of diagnostics uploaded. "Get Diagnostics".

        @param location: the directory to upload to: a URL of http, https, ftp, ftps or sftp.
        @param since: of the oldest entry that is wanted; aware.
        @param until: of the newest entry that is wanted; aware.
        @param retry_interval_s: between attempts. [s]
        @return: the name of the file; C{None}: there is nothing to upload.
        """
        request = GetDiagnosticsRequest(
            location=location,
            retries=retries,
            retry_interval=retry_interval_s,
            start_time=_written(since),
            stop_time=_written(until),
        )
        answer = await self._calls.ask(identity, request, GetDiagnosticsConfirmation)
        _tell(identity, "uploads diagnostics to", location)
        return answer.file_name

    async def get_log(
        self,
        identity: str,
        log: Log,
        location: str,
        since: datetime | None = None,
        until: datetime | None = None,
        retries: int | None = None,
        retry_interval_s: int | None = None,
    ) -> LogUpload:
        """
        Have a log uploaded. "GetLog".

        @param location: see L{get_diagnostics}, as for all else.
        """
        request = GetLogRequest(
            log=LogParameters(
                remote_location=location,
                oldest_timestamp=_written(since),
                latest_timestamp=_written(until),
            ),
            log_type=log,
            request_id=self._new_number(),
            retries=retries,
            retry_interval=retry_interval_s,
        )
        answer = await self._calls.ask(identity, request, GetLogConfirmation)
        _tell(identity, "uploads a log to", location)
        return LogUpload(answer.status, request.request_id, answer.filename)

    async def installed_certificates(
        self, identity: str, use: CertificateUse
    ) -> tuple[CertificateHashData, ...]:
        """Ask which root certificates are there; maybe none. "GetInstalledCertificateIds"."""
        request = GetInstalledCertificateIdsRequest(certificate_type=use)
        answer = await self._calls.ask(
            identity, request, GetInstalledCertificateIdsConfirmation
        )
        return answer.certificate_hash_data or ()

    async def install_certificate(
        self, identity: str, use: CertificateUse, certificate: str
    ) -> InstallCertificateStatus:
        """
        Have a root certificate installed. "InstallCertificate".

        @param certificate: a PEM text of at most 5500 characters.
        """
        request = InstallCertificateRequest(certificate_type=use, certificate=certificate)
        answer = await self._calls.ask(identity, request, InstallCertificateConfirmation)
        return answer.status

    async def delete_certificate(
        self, identity: str, certificate: CertificateHashData
    ) -> DeleteCertificateStatus:
        """
        Have an installed certificate deleted. "DeleteCertificate".

        @param certificate: as L{installed_certificates} gave it, with the same algorithm.
        """
        request = DeleteCertificateRequest(certificate_hash_data=certificate)
        answer = await self._calls.ask(identity, request, DeleteCertificateConfirmation)
        return answer.status

    async def send_certificate(self, identity: str, chain: str) -> CertificateSignedStatus:
        """
        Deliver the certificate that SignCertificate has asked for. "CertificateSigned".

        @param chain: PEM texts, the Charge Point's own first; at most 10000 characters, or what
            the Charge Point has announced.
        """
        request = CertificateSignedRequest(certificate_chain=chain)
        answer = await self._calls.ask(identity, request, CertificateSignedConfirmation)
        return answer.status


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)


def _tell(identity: str, what: str, location: str) -> None:
    _log.info(
        "{identity} {what} {location}",
        identity=identity,
        what=what,
        location=shown(location),
    )
