"""What a virtual backend answers to a Charge Point. OCPP 1.6, chapter 4."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from cfos_cm.errors import (
    CallErrorCode,
    LocalProtocolError,
    RemoteProtocolError,
    StorageError,
)
from cfos_cm.simulator.backend.book import Book
from cfos_cm.simulator.backend.charges import readings_of
from cfos_cm.simulator.backend.settings import VirtualBackendSettings
from cfos_cm.site.tag import shortened
from cfos_cm.v16 import core
from cfos_cm.v16.actions import ACTIONS, Role, decode_request, encode
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo, Message
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call, CallError, CallResult

__all__ = ["HEARTBEAT_INTERVAL_S", "Answers"]

#: What it asks Charge Points for. [s]
HEARTBEAT_INTERVAL_S = 60

#: The confirmations without a field: nothing but the receipt is confirmed.
_RECEIPTS: Final[Mapping[type[Message], Message]] = {
    action.request: action.confirmation()
    for action in ACTIONS.values()
    if Role.CHARGE_POINT in action.sent_by and not action.confirmation.__struct_fields__
}


class Answers:
    """The one who answers, whoever asks."""

    def __init__(
        self,
        settings: VirtualBackendSettings,
        book: Book,
        now: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        """
        @param book: an open one.
        @param say: takes a line for people.
        """
        self._settings = settings
        self._book = book
        self._now = now
        self._say = say
        self._carried_out: dict[type[Message], Callable[[str, str, Any], Message]] = {
            core.BootNotificationRequest: self._boot,
            core.HeartbeatRequest: self._heartbeat,
            core.AuthorizeRequest: self._authorize,
            core.StartTransactionRequest: self._start,
            core.MeterValuesRequest: self._meter_values,
            core.StopTransactionRequest: self._stop,
            core.DataTransferRequest: self._data_transfer,
        }

    def received(self, identity: str, text: bytes) -> bytes | None:
        """
        A message has come.

        @return: the message that answers it; C{None}: it asks for nothing.
        """
        try:
            frame = ocppj.decode(text)
        except RemoteProtocolError as error:
            self._say(f"{identity} says what is not OCPP-J: {error}")
            if error.unique_id is None:
                return None
            return ocppj.encode(CallError(error.unique_id, error.code.value, error.description))
        return ocppj.encode(self._answer(identity, frame)) if isinstance(frame, Call) else None

    def _answer(self, identity: str, call: Call) -> CallResult | CallError:
        try:
            request = decode_request(call.action, call.payload, Role.CHARGE_POINT)
            answer = encode(self._carry_out(identity, call.unique_id, request))
        except RemoteProtocolError as error:
            self._say(f"{identity} is refused: {error}")
            return CallError(call.unique_id, error.code.value, error.description)
        except (StorageError, LocalProtocolError) as error:
            self._say(f"{identity} is not answered: {error}")
            code = CallErrorCode.INTERNAL_ERROR.value
            return CallError(call.unique_id, code, "what it says cannot be kept now")
        return CallResult(call.unique_id, answer)

    def _carry_out(self, identity: str, message_id: str, request: Message) -> Message:
        kind = type(request)
        if kind in self._carried_out:
            return self._carried_out[kind](identity, message_id, request)
        if kind in _RECEIPTS:
            return _RECEIPTS[kind]
        raise RemoteProtocolError(
            "a virtual backend does not do that", CallErrorCode.NOT_SUPPORTED
        )

    def _boot(self, _identity: str, _id: str, _request: object) -> Message:
        return core.BootNotificationConfirmation(
            status=core.RegistrationStatus.ACCEPTED,
            current_time=self._time(),
            interval=HEARTBEAT_INTERVAL_S,
        )

    def _heartbeat(self, _identity: str, _id: str, _request: object) -> Message:
        return core.HeartbeatConfirmation(current_time=self._time())

    def _authorize(self, identity: str, _id: str, request: core.AuthorizeRequest) -> Message:
        return core.AuthorizeConfirmation(id_tag_info=self._judged(identity, request.id_tag))

    def _start(
        self, identity: str, message_id: str, request: core.StartTransactionRequest
    ) -> Message:
        charge, is_news = self._book.begin(
            (identity, message_id),
            request.connector_id,
            request.id_tag,
            request.timestamp,
            request.meter_start,
        )
        if is_news:
            self._say(
                f"transaction {charge.number} begins: {identity} connector "
                f"{charge.connector}, card {shortened(charge.id_tag)}"
            )
        return core.StartTransactionConfirmation(
            transaction_id=charge.number, id_tag_info=self._judged(identity, request.id_tag)
        )

    def _meter_values(
        self, identity: str, message_id: str, request: core.MeterValuesRequest
    ) -> Message:
        if request.transaction_id is not None:
            charge = self._book.charge(identity, request.transaction_id)
            if charge is None:
                self._say(
                    f"{identity} reads a meter for transaction {request.transaction_id}, "
                    "which is not known here"
                )
            else:
                readings = readings_of(request.meter_value)
                self._book.note((identity, message_id), charge, readings)
        return core.MeterValuesConfirmation()

    def _stop(
        self, identity: str, message_id: str, request: core.StopTransactionRequest
    ) -> Message:
        charge = self._book.charge(identity, request.transaction_id)
        if charge is None:
            # OCPP 1.6, 4.10: nothing that a Central System answers keeps it from ending.
            self._say(
                f"{identity} ends transaction {request.transaction_id}, which is not known here"
            )
            return core.StopTransactionConfirmation()
        bill = self._book.end(
            (identity, message_id),
            charge,
            request.timestamp,
            request.meter_stop,
            readings_of(request.transaction_data or ()),
        )
        if bill is not None:
            self._say(bill.text(self._settings.price))
        return core.StopTransactionConfirmation()

    def _data_transfer(self, _identity: str, _id: str, _request: object) -> Message:
        return core.DataTransferConfirmation(status=core.DataTransferStatus.UNKNOWN_VENDOR_ID)

    def _judged(self, identity: str, id_tag: str) -> IdTagInfo:
        if self._settings.knows(id_tag):
            return IdTagInfo(status=AuthorizationStatus.ACCEPTED)
        self._say(f"{identity}: card {shortened(id_tag)} is not known")
        return IdTagInfo(status=AuthorizationStatus.INVALID)

    def _time(self) -> str:
        return self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
