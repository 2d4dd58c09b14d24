"""The upload that a backend has ordered of its gateway, and what it is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.uploader import NotUploaded
from cfos_cm.errors import CfosError, DeviceRefusal
from cfos_cm.v16.firmware import DiagnosticsStatus, DiagnosticsStatusNotificationRequest
from cfos_cm.v16.security import LogStatusNotificationRequest, UploadLogStatus
from cfos_cm.v16.types import Message
from cfos_cm.wire.location import Location

__all__ = ["Transfer", "Transfers", "Voice"]

_DIAGNOSTICS: Final = {
    UploadLogStatus.IDLE: DiagnosticsStatus.IDLE,
    UploadLogStatus.UPLOADED: DiagnosticsStatus.UPLOADED,
    UploadLogStatus.UPLOADING: DiagnosticsStatus.UPLOADING,
}

_log = Logger(namespace="cfos_cm.gateway")


@frozen
class Transfer:
    """
    A file that a backend wants.

    @ivar action: what it has asked with: GetLog or GetDiagnostics.
    @ivar request_id: that of a GetLog.
    @ivar location: where the file is to be put.
    @ivar content: makes the file.
    @ivar attempts: how often it is tried, at least once.
    @ivar interval_s: between two attempts. [s]
    """

    action: str
    request_id: int | None
    location: Location
    content: Callable[[], Deferred[bytes]]
    attempts: int = 1
    interval_s: float = 60.0

    def status(self, status: UploadLogStatus) -> Message:
        """The message that tells how far it is."""
        if self.action == "GetLog":
            return LogStatusNotificationRequest(status=status, request_id=self.request_id)
        found = _DIAGNOSTICS.get(status, DiagnosticsStatus.UPLOAD_FAILED)
        return DiagnosticsStatusNotificationRequest(status=found)


@frozen
class Voice:
    """
    How a transfer makes itself heard.

    @ivar call: asks the backend; fails with L{DeviceError<cfos_cm.errors.DeviceError>} where
        there is no answer.
    @ivar order: notes what was done for the backend.
    @ivar remark: notes what it has asked for in vain.
    """

    call: Callable[[Message], Deferred[Message]]
    order: Callable[[str], None]
    remark: Callable[[str], None]


class Transfers:
    """
    The one upload of a gateway that is under way, if there is one.

    The backend is told that it begins and how it ends; if it is not there at the end, it is
    told when it is back.
    """

    def __init__(self, environment: GatewayEnvironment, voice: Voice) -> None:
        self._environment = environment
        self._voice = voice
        self._transfer: Transfer | None = None
        self._running: Deferred[None] | None = None
        self._last: Message | None = None
        self._untold: Message | None = None

    @property
    def log_status(self) -> Message:
        """How far the upload of a log is: the answer to an ExtendedTriggerMessage."""
        return self._status("GetLog")

    @property
    def diagnostics_status(self) -> Message:
        """How far the upload of diagnostics is: the answer to a TriggerMessage."""
        return self._status("GetDiagnostics")

    def start(self, transfer: Transfer) -> None:
        """Begin; what was under way is given up."""
        self.cancel()
        self._transfer = transfer
        running = Deferred.fromCoroutine(self._carry_out(transfer))
        if not running.called:
            self._running = running
        running.addErrback(self._broken, transfer)

    def cancel(self, action: str = "") -> bool:
        """
        Give up what is under way.

        @param action: what comes in its place: of an upload that was asked for with another
            action the backend is told that it has failed.
        @return: whether there was something.
        """
        transfer, running = self._transfer, self._running
        self._transfer = self._running = None
        if transfer is None or running is None:
            return False
        running.cancel()
        if action and transfer.action != action:
            self._tell(transfer, UploadLogStatus.UPLOAD_FAILURE)
        return True

    def tell_untold(self) -> None:
        """The backend is back."""
        untold, self._untold = self._untold, None
        if untold is not None:
            self._say(untold)

    def close(self) -> None:
        """Nothing is left that would happen later."""
        self.cancel()
        self._untold = None

    async def _carry_out(self, transfer: Transfer) -> None:
        self._tell(transfer, UploadLogStatus.UPLOADING)
        place = transfer.location.shown
        try:
            await self._put(transfer)
        except NotUploaded as error:
            if self._is_given_up(transfer):
                return
            self._voice.remark(f"{transfer.action}: nothing was put at {place}: {error}")
            status = error.status
        else:
            self._voice.order(f"{transfer.action}: the file was put at {place}")
            status = UploadLogStatus.UPLOADED
        self._transfer = self._running = None
        self._tell(transfer, status)

    def _is_given_up(self, transfer: Transfer) -> bool:
        return self._transfer is not transfer

    async def _put(self, transfer: Transfer) -> None:
        """@raise NotUploaded: if the last attempt has failed, or another one is of no use."""
        try:
            content = await transfer.content()
        except CfosError as error:
            raise NotUploaded(f"it could not be made: {error}") from error
        for left in reversed(range(transfer.attempts)):
            try:
                await self._environment.uploads.put(transfer.location, content)
            except NotUploaded as error:
                if error.is_final or not left or self._is_given_up(transfer):
                    raise
                await self._wait(transfer.interval_s)
            else:
                return

    def _wait(self, interval_s: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._environment.clock.callLater(interval_s, waited.callback, None)
        return waited

    def _status(self, action: str) -> Message:
        transfer = self._transfer
        if transfer is not None and transfer.action == action:
            return transfer.status(UploadLogStatus.UPLOADING)
        if action == "GetLog":
            return LogStatusNotificationRequest(status=UploadLogStatus.IDLE)
        return DiagnosticsStatusNotificationRequest(status=DiagnosticsStatus.IDLE)

    def _tell(self, transfer: Transfer, status: UploadLogStatus) -> None:
        self._untold = None
        self._say(transfer.status(status))

    def _say(self, message: Message) -> None:
        self._last = message
        self._voice.call(message).addErrback(self._not_said, message)

    def _not_said(self, failure: Failure, message: Message) -> None:
        if not isinstance(failure.value, CfosError):
            _log.failure("the state of an upload was not told", failure)
        elif message is self._last and not isinstance(failure.value, DeviceRefusal):
            self._untold = message

    def _broken(self, failure: Failure, transfer: Transfer) -> None:
        """It was given up, or there is a mistake in it."""
        if not self._is_given_up(transfer):
            _log.failure("{action} has failed", failure, action=transfer.action)
            self._transfer = self._running = None
            self._tell(transfer, UploadLogStatus.UPLOAD_FAILURE)
