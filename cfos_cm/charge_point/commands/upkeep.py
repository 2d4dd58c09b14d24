"""
DataTransfer, UpdateFirmware and what is not known here: for Charge Points.

They are about a Charge Point as a whole; where there are several, or none, nobody can be meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm import strict_json
from cfos_cm.charge_point.commands.forwarding import forwarded, misled, refused
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.strict_json import AmbiguousJson
from cfos_cm.v16.core import (
    DataTransferConfirmation,
    DataTransferRequest,
    DataTransferStatus,
)
from cfos_cm.v16.firmware import (
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
    UpdateFirmwareConfirmation,
    UpdateFirmwareRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["data_transfer", "for_charge_point", "update_firmware"]


def for_charge_point(
    gateway: Gateway, request: object, call: Call
) -> Deferred[Message | bytes]:
    """
    Have the Charge Point answer that is all there is, word for word; it is sent to no place
    that is in the network here.

    @raise RemoteProtocolError: if there is none, or the payload means nothing.
    """
    return Deferred.fromCoroutine(_for_charge_point(gateway, request, call))


async def _for_charge_point(gateway: Gateway, request: object, call: Call) -> Message | bytes:
    charge_point = sole_charge_point(gateway.settings)
    if charge_point is None:
        return refused(call.action, "is nothing that can be done here")
    try:
        strict_json.check(call.payload)
    except AmbiguousJson as error:
        raise RemoteProtocolError(
            "the payload is not the same to everybody who reads it",
            CallErrorCode.FORMATION_VIOLATION,
        ) from error
    answer = await misled(gateway, call.action, request)
    if answer is not None:
        return answer
    return await forwarded(gateway, charge_point, call.action, call.payload)


def data_transfer(
    gateway: Gateway, request: DataTransferRequest, call: Call
) -> Message | Deferred[Message | bytes]:
    """Hand a vendor's message to his Charge Point; nobody else knows what it means."""
    if sole_charge_point(gateway.settings) is None:
        return DataTransferConfirmation(status=DataTransferStatus.UNKNOWN_VENDOR_ID)
    return for_charge_point(gateway, request, call)


def update_firmware(
    gateway: Gateway, request: UpdateFirmwareRequest, call: Call
) -> Message | Deferred[Message | bytes]:
    """Have the Charge Point fetch its firmware; without one, that has failed already."""
    if sole_charge_point(gateway.settings) is not None:
        return for_charge_point(gateway, request, call)
    # The confirmation has no word for a refusal.
    failed = FirmwareStatusNotificationRequest(status=FirmwareStatus.DOWNLOAD_FAILED)
    gateway.afterwards(lambda: gateway.tell(failed))
    return UpdateFirmwareConfirmation()
