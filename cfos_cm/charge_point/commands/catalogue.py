"""The table of what a gateway does when its backend asks: one function for each action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec
from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.availability import (
    change_availability,
    reset,
    unlock_connector,
)
from cfos_cm.charge_point.commands.certificates import (
    certificate_signed,
    delete_certificate,
    get_installed_certificate_ids,
    install_certificate,
)
from cfos_cm.charge_point.commands.configuration import (
    change_configuration,
    get_configuration,
)
from cfos_cm.charge_point.commands.forwarding import refuse_look_alikes, refused
from cfos_cm.charge_point.commands.limits import (
    clear_charging_profile,
    get_composite_schedule,
    set_charging_profile,
)
from cfos_cm.charge_point.commands.lists import (
    clear_cache,
    get_local_list_version,
    send_local_list,
)
from cfos_cm.charge_point.commands.logs import get_diagnostics, get_log
from cfos_cm.charge_point.commands.reservation import cancel_reservation, reserve_now
from cfos_cm.charge_point.commands.starting import remote_start, remote_stop
from cfos_cm.charge_point.commands.trigger import (
    extended_trigger_message,
    trigger_message,
)
from cfos_cm.charge_point.commands.upkeep import (
    data_transfer,
    for_charge_point,
    update_firmware,
)
from cfos_cm.charge_point.policy import CONSENT_ACTIONS, Treatment, treatment
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS
from cfos_cm.v16.actions import Role, read_request
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["COMMANDS", "Command", "carry_out"]

#: Takes the request, and the CALL that it was in. Bytes are the payload of the confirmation, as
#: a Charge Point wrote it.
Command = Callable[["Gateway", Any, Call], Any]

#: What is done for each action that OCPP 1.6 knows.
COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "CancelReservation": cancel_reservation,
        "CertificateSigned": certificate_signed,
        "ChangeAvailability": change_availability,
        "ChangeConfiguration": change_configuration,
        "ClearCache": clear_cache,
        "ClearChargingProfile": clear_charging_profile,
        "DataTransfer": data_transfer,
        "DeleteCertificate": delete_certificate,
        "ExtendedTriggerMessage": extended_trigger_message,
        "GetCompositeSchedule": get_composite_schedule,
        "GetConfiguration": get_configuration,
        "GetDiagnostics": get_diagnostics,
        "GetInstalledCertificateIds": get_installed_certificate_ids,
        "GetLocalListVersion": get_local_list_version,
        "GetLog": get_log,
        "InstallCertificate": install_certificate,
        "RemoteStartTransaction": remote_start,
        "RemoteStopTransaction": remote_stop,
        "ReserveNow": reserve_now,
        "Reset": reset,
        "SendLocalList": send_local_list,
        "SetChargingProfile": set_charging_profile,
        "SignedUpdateFirmware": for_charge_point,
        "TriggerMessage": trigger_message,
        "UnlockConnector": unlock_connector,
        "UpdateFirmware": update_firmware,
    }
)


#: What people want to know of afterwards: who has done that?
_ORDERS: Final = frozenset(
    {
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "DeleteCertificate",
        "GetDiagnostics",
        "GetLog",
        "InstallCertificate",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SignedUpdateFirmware",
        "UnlockConnector",
        "UpdateFirmware",
    }
)


def carry_out(gateway: Gateway, call: Call) -> Deferred[Message | bytes]:
    """
    Do what a backend asks for, as far as the policy lets it.

    @return: the confirmation, or the JSON text of its payload; fails with
        L{RemoteProtocolError<cfos_cm.errors.RemoteProtocolError>} for a CALLERROR.
    """
    return Deferred.fromCoroutine(_carry_out(gateway, call))


async def _carry_out(gateway: Gateway, call: Call) -> Message | bytes:
    kinds = {one.speaks_ocpp for one in gateway.settings.connectors}
    wanted = {treatment(gateway.settings, call.action, kind) for kind in kinds}
    if wanted == {Treatment.REFUSE}:
        needs_consent = call.action in CONSENT_ACTIONS and gateway.settings.decides
        advice = (
            f"; 'allow = {call.action}' in its section would let it" if needs_consent else ""
        )
        gateway.remark(f"the backend asks for {call.action}, and is refused{advice}")
        return refused(call.action, "is not allowed, or nothing that can be done here")
    command = COMMANDS.get(call.action)
    if command is None:
        found = for_charge_point(gateway, None, call)
    else:
        # A Charge Point that is asked itself may forgive more than anybody here.
        is_forwarded = Treatment.FORWARD in wanted
        tolerated = EVERY_QUIRK if is_forwarded else NO_QUIRKS
        reading = read_request(call.action, call.payload, Role.CENTRAL_SYSTEM, tolerated)
        if is_forwarded:
            refuse_look_alikes(call.payload, reading.message)
        found = command(gateway, reading.message, call)
    confirmation: Message | bytes = await found if isinstance(found, Deferred) else found
    if call.action in _ORDERS:
        gateway.order(f"the backend has asked for {call.action}: {_outcome(confirmation)}")
    return confirmation


class _Outcome(msgspec.Struct):
    """What nearly every confirmation says."""

    status: str = "answered"


_outcome_in = msgspec.json.Decoder(_Outcome)


def _outcome(confirmation: Message | bytes) -> str:
    """What came of an order, in the words of its confirmation."""
    if not isinstance(confirmation, bytes):
        return str(getattr(confirmation, "status", "answered"))
    try:
        return excerpt(_outcome_in.decode(confirmation).status)
    except (ValueError, RecursionError):
        return "answered"
