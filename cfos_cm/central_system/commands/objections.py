"""
Why a request is not sent: one function and one row for each action.

OCPP 1.6, chapter 5, "Operations Initiated by Central System", says much that no schema says:
what goes together, what has to be running, what may be sent to whom. A Charge Point would
refuse the rest, or misunderstand it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from cfos_cm.central_system.commands.announced import (
    CERTIFICATE_CHAIN_CHARS,
    CONNECTOR_0_RESERVABLE,
    LIST_ENTRIES_AT_ONCE,
    SECURITY_PROFILE,
)
from cfos_cm.central_system.commands.charging_rules import (
    profile_to_come,
    profile_to_set,
)
from cfos_cm.central_system.commands.locations import objections_to_location
from cfos_cm.central_system.commands.moments import objections_to_interval, objections_to_moment
from cfos_cm.central_system.commands.secret_keys import AUTHORIZATION_KEY, is_password
from cfos_cm.central_system.commands.security_rules import objections_to_security_profile
from cfos_cm.central_system.commands.situation import Situation
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.v16.core import (
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    ClearCacheRequest,
    DataTransferRequest,
    GetConfigurationRequest,
    RegistrationStatus,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    UnlockConnectorRequest,
)
from cfos_cm.v16.firmware import GetDiagnosticsRequest, UpdateFirmwareRequest
from cfos_cm.v16.local_auth_list import (
    GetLocalListVersionRequest,
    SendLocalListRequest,
    UpdateType,
)
from cfos_cm.v16.remote_trigger import TriggerMessageRequest
from cfos_cm.v16.reservation import CancelReservationRequest, ReserveNowRequest
from cfos_cm.v16.security import (
    CertificateSignedRequest,
    DeleteCertificateRequest,
    ExtendedTriggerMessageRequest,
    GetInstalledCertificateIdsRequest,
    GetLogRequest,
    InstallCertificateRequest,
    SignedUpdateFirmwareRequest,
)
from cfos_cm.v16.smart_charging import (
    ClearChargingProfileRequest,
    GetCompositeScheduleRequest,
    SetChargingProfileRequest,
)
from cfos_cm.v16.timestamps import parse_timestamp
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt

__all__ = ["MAX_ID", "RULES", "objection"]

#: Ids that are ours to choose: many a Charge Point keeps them in 32 bits, with a sign.
MAX_ID = 2**31 - 1

#: How many mistakes of one request are told at once.
_TOLD = 5

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
_PEM = "-----BEGIN CERTIFICATE-----"

Rule = Callable[[Any, Situation], Iterator[str]]


def objection(request: Message, situation: Situation) -> str | None:
    """
    Why C{request} is not to be sent to a Charge Point in this situation.

    @return: what was found and what is allowed, without any secret; C{None}: it may be sent.
    """
    if situation.registration is RegistrationStatus.REJECTED:
        return "the Charge Point has been rejected; until it is accepted nothing is sent to it"
    found = tuple(islice(RULES[type(request)](request, situation), _TOLD))
    return "; ".join(found) if found else None


def _any(_request: Message, _situation: Situation) -> Iterator[str]:
    yield from ()


# Core


def _change_availability(
    request: ChangeAvailabilityRequest, situation: Situation
) -> Iterator[str]:
    yield from _at_least(0, request.connector_id, "connectorId")
    if request.connector_id == 0 and Quirk.NO_CONNECTOR_0 in situation.quirks:
        yield "connectorId is 0, which this Charge Point does not bear; ask its connectors"


def _change_configuration(
    request: ChangeConfigurationRequest, situation: Situation
) -> Iterator[str]:
    yield from _text(request.key, "key")
    if request.key.strip().casefold() == SECURITY_PROFILE.casefold():
        yield from objections_to_security_profile(request.value, situation)
    if is_password(request.key):
        yield (
            f"key is {AUTHORIZATION_KEY}, the Charge Point's password; it is changed by "
            "change_password, so that both sides know the new one"
        )


def _data_transfer(request: DataTransferRequest, _situation: Situation) -> Iterator[str]:
    yield from _text(request.vendor_id, "vendorId")


def _get_configuration(
    request: GetConfigurationRequest, _situation: Situation
) -> Iterator[str]:
    for index, key in enumerate(request.key or ()):
        yield from _text(key, f"key[{index}]")


def _remote_start(
    request: RemoteStartTransactionRequest, situation: Situation
) -> Iterator[str]:
    yield from _accepted(situation)
    yield from _text(request.id_tag, "idTag", hidden=True)
    yield from _at_least(1, request.connector_id, "connectorId", "it may be left out")
    if request.charging_profile is not None:
        yield from profile_to_come(request.charging_profile, situation)


def _remote_stop(_request: RemoteStopTransactionRequest, situation: Situation) -> Iterator[str]:
    yield from _accepted(situation)


def _unlock_connector(request: UnlockConnectorRequest, _situation: Situation) -> Iterator[str]:
    yield from _at_least(1, request.connector_id, "connectorId")


# FirmwareManagement


def _get_diagnostics(request: GetDiagnosticsRequest, _situation: Situation) -> Iterator[str]:
    yield from objections_to_location(request.location, "location")
    yield from _attempts(request.retries, request.retry_interval)
    yield from objections_to_interval(
        request.start_time, "startTime", request.stop_time, "stopTime"
    )


def _update_firmware(request: UpdateFirmwareRequest, _situation: Situation) -> Iterator[str]:
    yield from objections_to_location(request.location, "location")
    yield from objections_to_moment(request.retrieve_date, "retrieveDate")
    yield from _attempts(request.retries, request.retry_interval)


# LocalAuthListManagement


def _send_local_list(request: SendLocalListRequest, situation: Situation) -> Iterator[str]:
    yield from _between(1, MAX_ID, request.list_version, "listVersion")
    entries = request.local_authorization_list or ()
    most = situation.announced.get(LIST_ENTRIES_AT_ONCE)
    if most is not None and len(entries) > most:
        yield (
            f"localAuthorizationList has {len(entries)} entries; this Charge Point takes "
            f"{most} at once"
        )
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        place = f"localAuthorizationList[{index}]"
        yield from _text(entry.id_tag, f"idTag of {place}", hidden=True)
        if entry.id_tag.casefold() in seen:
            yield f"idTag of {place} stands in the list twice"
        seen.add(entry.id_tag.casefold())
        if entry.id_tag_info is not None:
            yield from objections_to_moment(
                entry.id_tag_info.expiry_date, f"expiryDate of {place}"
            )
        elif request.update_type is UpdateType.FULL:
            yield f"idTagInfo of {place} is missing; a Full update needs it"


# Reservation


def _cancel_reservation(
    request: CancelReservationRequest, _situation: Situation
) -> Iterator[str]:
    yield from _between(-MAX_ID - 1, MAX_ID, request.reservation_id, "reservationId")


def _reserve_now(request: ReserveNowRequest, situation: Situation) -> Iterator[str]:
    yield from _at_least(0, request.connector_id, "connectorId")
    if request.connector_id == 0 and not situation.announced.get(CONNECTOR_0_RESERVABLE, 1):
        yield "connectorId is 0; this Charge Point reserves a connector from 1 on"
    yield from _text(request.id_tag, "idTag", hidden=True)
    yield from _between(1, MAX_ID, request.reservation_id, "reservationId")
    if request.reservation_id in situation.reserved_elsewhere:
        yield f"reservationId {request.reservation_id} is that of another Charge Point"
    try:
        expires_at = parse_timestamp(request.expiry_date)
    except RemoteProtocolError as error:
        yield f"expiryDate: {error}"
    else:
        if expires_at <= situation.now:
            yield f"expiryDate is {request.expiry_date}; it must be in the future"


# SmartCharging


def _clear_charging_profile(
    request: ClearChargingProfileRequest, _situation: Situation
) -> Iterator[str]:
    yield from _at_least(0, request.connector_id, "connectorId")
    yield from _at_least(0, request.stack_level, "stackLevel")


def _get_composite_schedule(
    request: GetCompositeScheduleRequest, _situation: Situation
) -> Iterator[str]:
    yield from _at_least(0, request.connector_id, "connectorId")
    yield from _between(1, MAX_ID, request.duration, "duration")


def _set_charging_profile(
    request: SetChargingProfileRequest, situation: Situation
) -> Iterator[str]:
    yield from _at_least(0, request.connector_id, "connectorId")
    yield from profile_to_set(request.cs_charging_profiles, request.connector_id, situation)


# RemoteTrigger, and its form in Security


def _trigger(
    request: TriggerMessageRequest | ExtendedTriggerMessageRequest, situation: Situation
) -> Iterator[str]:
    yield from _at_least(1, request.connector_id, "connectorId", "it may be left out")
    boot = request.requested_message.value == "BootNotification"
    if boot and situation.registration is RegistrationStatus.ACCEPTED:
        yield "requestedMessage is BootNotification; the Charge Point is accepted already"


# Security


def _certificate_signed(
    request: CertificateSignedRequest, situation: Situation
) -> Iterator[str]:
    yield from _pem(request.certificate_chain, "certificateChain")
    most = situation.announced.get(CERTIFICATE_CHAIN_CHARS)
    found = len(request.certificate_chain)
    if most is not None and found > most:
        yield f"certificateChain has {found} characters; this Charge Point takes {most}"


def _delete_certificate(
    request: DeleteCertificateRequest, _situation: Situation
) -> Iterator[str]:
    named = request.certificate_hash_data
    for field, digits in (
        ("issuerNameHash", named.issuer_name_hash),
        ("issuerKeyHash", named.issuer_key_hash),
        ("serialNumber", named.serial_number),
    ):
        if _HEXADECIMAL.fullmatch(digits) is None:
            yield f"{field} is {excerpt(digits)}; it must be hexadecimal"


def _get_log(request: GetLogRequest, _situation: Situation) -> Iterator[str]:
    log = request.log
    yield from _between(1, MAX_ID, request.request_id, "requestId")
    yield from objections_to_location(log.remote_location, "remoteLocation")
    yield from _attempts(request.retries, request.retry_interval)
    yield from objections_to_interval(
        log.oldest_timestamp, "oldestTimestamp", log.latest_timestamp, "latestTimestamp"
    )


def _install_certificate(
    request: InstallCertificateRequest, _situation: Situation
) -> Iterator[str]:
    yield from _pem(request.certificate, "certificate")


def _signed_update_firmware(
    request: SignedUpdateFirmwareRequest, _situation: Situation
) -> Iterator[str]:
    firmware = request.firmware
    yield from _between(1, MAX_ID, request.request_id, "requestId")
    yield from objections_to_location(firmware.location, "location")
    yield from objections_to_moment(firmware.retrieve_date_time, "retrieveDateTime")
    yield from objections_to_moment(firmware.install_date_time, "installDateTime")
    yield from _attempts(request.retries, request.retry_interval)
    yield from _pem(firmware.signing_certificate, "signingCertificate")
    if not firmware.signature:
        yield "signature is empty"


# What many have in common


def _accepted(situation: Situation) -> Iterator[str]:
    if situation.registration is RegistrationStatus.PENDING:
        yield "the Charge Point waits for approval; until then nothing is started or stopped"


def _at_least(least: int, found: int | None, field: str, more: str = "") -> Iterator[str]:
    if found is not None and found < least:
        yield f"{field} is {found}; it must be {least} or more" + (more and f", {more}")


def _between(least: int, most: int, found: int, field: str) -> Iterator[str]:
    if not least <= found <= most:
        yield f"{field} is {found}; it must be {least} to {most}"


def _text(found: str, field: str, *, hidden: bool = False) -> Iterator[str]:
    if not found.strip():
        yield f"{field} is empty"
    elif not found.isprintable():
        shown = "" if hidden else f": {excerpt(found)}"
        yield f"{field} holds a character that cannot be printed{shown}"


def _attempts(retries: int | None, interval_s: int | None) -> Iterator[str]:
    yield from _at_least(0, retries, "retries")
    yield from _at_least(0, interval_s, "retryInterval")


def _pem(text: str, field: str) -> Iterator[str]:
    if not text.lstrip().startswith(_PEM):
        yield f"{field} does not begin with {_PEM}"


#: The rules of every request that a Central System sends.
RULES: Mapping[type[Message], Rule] = {
    CancelReservationRequest: _cancel_reservation,
    CertificateSignedRequest: _certificate_signed,
    ChangeAvailabilityRequest: _change_availability,
    ChangeConfigurationRequest: _change_configuration,
    ClearCacheRequest: _any,
    ClearChargingProfileRequest: _clear_charging_profile,
    DataTransferRequest: _data_transfer,
    DeleteCertificateRequest: _delete_certificate,
    ExtendedTriggerMessageRequest: _trigger,
    GetCompositeScheduleRequest: _get_composite_schedule,
    GetConfigurationRequest: _get_configuration,
    GetDiagnosticsRequest: _get_diagnostics,
    GetInstalledCertificateIdsRequest: _any,
    GetLocalListVersionRequest: _any,
    GetLogRequest: _get_log,
    InstallCertificateRequest: _install_certificate,
    RemoteStartTransactionRequest: _remote_start,
    RemoteStopTransactionRequest: _remote_stop,
    ReserveNowRequest: _reserve_now,
    ResetRequest: _any,
    SendLocalListRequest: _send_local_list,
    SetChargingProfileRequest: _set_charging_profile,
    SignedUpdateFirmwareRequest: _signed_update_firmware,
    TriggerMessageRequest: _trigger,
    UnlockConnectorRequest: _unlock_connector,
    UpdateFirmwareRequest: _update_firmware,
}
