"""
What a backend may ask, and who answers it; what an EVSE says, and how it is passed on.

All of it is one table. OCPP 1.6 knows 39 actions; each has a row here, and those that it does
not know have one together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import frozen

from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.errors import CallErrorCode
from cfos_cm.v16.core import (
    AvailabilityStatus,
    ChangeAvailabilityConfirmation,
    ChangeConfigurationConfirmation,
    ClearCacheConfirmation,
    ClearCacheStatus,
    ConfigurationStatus,
    DataTransferConfirmation,
    DataTransferStatus,
    RemoteStartStopStatus,
    RemoteStartTransactionConfirmation,
    RemoteStopTransactionConfirmation,
    ResetConfirmation,
    ResetStatus,
    UnlockConnectorConfirmation,
    UnlockStatus,
)
from cfos_cm.v16.firmware import GetDiagnosticsConfirmation
from cfos_cm.v16.local_auth_list import SendLocalListConfirmation, UpdateStatus
from cfos_cm.v16.remote_trigger import TriggerMessageConfirmation, TriggerMessageStatus
from cfos_cm.v16.reservation import (
    CancelReservationConfirmation,
    CancelReservationStatus,
    ReservationStatus,
    ReserveNowConfirmation,
)
from cfos_cm.v16.security import (
    CertificateSignedConfirmation,
    CertificateSignedStatus,
    DeleteCertificateConfirmation,
    DeleteCertificateStatus,
    ExtendedTriggerMessageConfirmation,
    GetInstalledCertificateIdsConfirmation,
    GetInstalledCertificateStatus,
    InstallCertificateConfirmation,
    InstallCertificateStatus,
)
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfileConfirmation,
    ClearChargingProfileStatus,
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleStatus,
    SetChargingProfileConfirmation,
)
from cfos_cm.v16.types import Message

__all__ = [
    "CONSENT_ACTIONS",
    "MAKERS_ACTIONS",
    "ROWS",
    "Refusal",
    "Row",
    "Treatment",
    "Upward",
    "makers_charge_point",
    "plain",
    "refusal",
    "sole_charge_point",
    "treatment",
    "upward",
]


class Treatment(StrEnum):
    """Who answers what a backend asks."""

    HERE = "here"
    """The gateway does, from what it keeps, or by what it has an EVSE do."""
    FORWARD = "forward"
    """The Charge Point does; ids and connectors are put into its numbers, and back."""
    CONSENT = "consent"
    """The Charge Point does, if the owner allows it by the action's name; where no OCPP is
    spoken, the gateway."""
    REFUSE = "refuse"
    """Nobody: it is answered with its refusal."""


class Upward(StrEnum):
    """How what an EVSE says is passed on."""

    QUEUE = "queue"
    """It is kept on disk until the backend has answered, and told in its order."""
    ASK = "ask"
    """At once; the EVSE gets the backend's answer."""
    TELL = "tell"
    """At once or never; the EVSE is answered here."""
    LAST = "last"
    """Only how it is now: what is not told yet is replaced by what is newer."""
    HERE = "here"
    """Not at all: the gateway says such things for itself."""


#: How an action is refused: by a confirmation, or by the code of a CALLERROR.
Refusal = Message | CallErrorCode


@frozen
class Row:
    """
    What is done with an action that a backend asks for.

    @ivar spoken: of an EVSE that speaks OCPP.
    @ivar other: of another one.
    @ivar refusal: how it is refused.
    @ivar is_reading: it changes nothing, so that one may ask it who is only told.
    @ivar is_own: it is about the connection to the backend and nothing else, so that one may
        ask it who is only told.
    """

    spoken: Treatment
    other: Treatment
    refusal: Refusal
    is_reading: bool = False
    is_own: bool = False


_HERE: Final = Treatment.HERE
_FORWARD: Final = Treatment.FORWARD
_CONSENT: Final = Treatment.CONSENT
_REFUSE: Final = Treatment.REFUSE

_NOT_SUPPORTED: Final = CallErrorCode.NOT_SUPPORTED
_NOT_IMPLEMENTED: Final = CallErrorCode.NOT_IMPLEMENTED
_NOT_ALLOWED: Final = CallErrorCode.SECURITY_ERROR

# fmt: off
#: What comes down, by action. The refusal of one that has no word for it is a CALLERROR.
ROWS: Final[Mapping[str, Row]] = MappingProxyType({
    "CancelReservation": Row(
        _FORWARD, _HERE,
        CancelReservationConfirmation(status=CancelReservationStatus.REJECTED)),
    "ChangeAvailability": Row(
        _FORWARD, _HERE,
        ChangeAvailabilityConfirmation(status=AvailabilityStatus.REJECTED)),
    "ChangeConfiguration": Row(
        _HERE, _HERE,
        ChangeConfigurationConfirmation(status=ConfigurationStatus.REJECTED)),
    "ClearCache": Row(
        _HERE, _HERE,
        ClearCacheConfirmation(status=ClearCacheStatus.REJECTED)),
    "ClearChargingProfile": Row(
        _HERE, _HERE,
        ClearChargingProfileConfirmation(status=ClearChargingProfileStatus.UNKNOWN)),
    "DataTransfer": Row(
        _FORWARD, _HERE,
        DataTransferConfirmation(status=DataTransferStatus.REJECTED)),
    "GetCompositeSchedule": Row(
        _HERE, _HERE,
        GetCompositeScheduleConfirmation(status=GetCompositeScheduleStatus.REJECTED),
        is_reading=True),
    "GetConfiguration": Row(_HERE, _HERE, _NOT_ALLOWED, is_reading=True),
    # Without a file's name there is nothing to upload.
    "GetDiagnostics": Row(_CONSENT, _CONSENT, GetDiagnosticsConfirmation()),
    "GetLocalListVersion": Row(_HERE, _HERE, _NOT_ALLOWED, is_reading=True),
    "RemoteStartTransaction": Row(
        _FORWARD, _HERE,
        RemoteStartTransactionConfirmation(status=RemoteStartStopStatus.REJECTED)),
    "RemoteStopTransaction": Row(
        _FORWARD, _HERE,
        RemoteStopTransactionConfirmation(status=RemoteStartStopStatus.REJECTED)),
    "ReserveNow": Row(
        _FORWARD, _HERE,
        ReserveNowConfirmation(status=ReservationStatus.REJECTED)),
    "Reset": Row(
        _FORWARD, _HERE,
        ResetConfirmation(status=ResetStatus.REJECTED)),
    "SendLocalList": Row(
        _HERE, _HERE,
        SendLocalListConfirmation(status=UpdateStatus.NOT_SUPPORTED)),
    "SetChargingProfile": Row(
        _HERE, _HERE,
        SetChargingProfileConfirmation(status=ChargingProfileStatus.REJECTED)),
    "TriggerMessage": Row(
        _HERE, _HERE,
        TriggerMessageConfirmation(status=TriggerMessageStatus.REJECTED),
        is_reading=True),
    "UnlockConnector": Row(
        _FORWARD, _HERE,
        UnlockConnectorConfirmation(status=UnlockStatus.NOT_SUPPORTED)),
    "UpdateFirmware": Row(_CONSENT, _HERE, _NOT_ALLOWED),

    "CertificateSigned": Row(
        _HERE, _HERE,
        CertificateSignedConfirmation(status=CertificateSignedStatus.REJECTED),
        is_own=True),
    "DeleteCertificate": Row(
        _HERE, _HERE,
        DeleteCertificateConfirmation(status=DeleteCertificateStatus.FAILED),
        is_own=True),
    "ExtendedTriggerMessage": Row(
        _HERE, _HERE,
        ExtendedTriggerMessageConfirmation(status=TriggerMessageStatus.REJECTED),
        is_reading=True),
    "GetInstalledCertificateIds": Row(
        _HERE, _HERE,
        GetInstalledCertificateIdsConfirmation(status=GetInstalledCertificateStatus.NOT_FOUND),
        is_reading=True),
    "GetLog": Row(_CONSENT, _CONSENT, _NOT_SUPPORTED),
    "InstallCertificate": Row(
        _HERE, _HERE,
        InstallCertificateConfirmation(status=InstallCertificateStatus.REJECTED),
        is_own=True),
    "SignedUpdateFirmware": Row(_CONSENT, _REFUSE, _NOT_SUPPORTED),
})
# fmt: on

#: What OCPP 1.6 does not know: a vendor's own, which his Charge Point may know.
_UNKNOWN: Final = Row(_FORWARD, _REFUSE, _NOT_IMPLEMENTED)

#: Known, but for a Charge Point to say.
_NOT_FOR_BACKENDS: Final = Row(_REFUSE, _REFUSE, _NOT_SUPPORTED)

#: One of ours to a Charge Point that does not look at upper and lower case.
_ALIKE: Final = Row(_REFUSE, _REFUSE, _NOT_IMPLEMENTED)

_UPWARD: Final[Mapping[str, Upward]] = MappingProxyType(
    {
        "Authorize": Upward.ASK,
        "BootNotification": Upward.HERE,
        "DataTransfer": Upward.ASK,
        "DiagnosticsStatusNotification": Upward.TELL,
        "FirmwareStatusNotification": Upward.TELL,
        "Heartbeat": Upward.HERE,
        "LogStatusNotification": Upward.TELL,
        "MeterValues": Upward.QUEUE,
        "SecurityEventNotification": Upward.QUEUE,
        "SignCertificate": Upward.ASK,
        "SignedFirmwareStatusNotification": Upward.TELL,
        "StartTransaction": Upward.QUEUE,
        "StatusNotification": Upward.LAST,
        "StopTransaction": Upward.QUEUE,
    }
)

#: About roots, those of the maker of a Charge Point too: these it is handed with consent.
MAKERS_ACTIONS: Final = frozenset(
    {"DeleteCertificate", "GetInstalledCertificateIds", "InstallCertificate"}
)

#: What the owner has to allow a backend by name.
CONSENT_ACTIONS: Final = frozenset(
    action for action, row in ROWS.items() if row.spoken is Treatment.CONSENT
)


def _row(action: str) -> Row:
    found = ROWS.get(action)
    if found is not None:
        return found
    if action in _UPWARD:
        return _NOT_FOR_BACKENDS
    return _ALIKE if plain(action) in _PLAIN else _UNKNOWN


def plain(name: str) -> str:
    """A name as the most careless reader compares it: its letters and digits, in lower case."""
    return re.sub("[^a-z0-9]", "", name.lower())


_PLAIN: Final = frozenset(plain(action) for action in (*ROWS, *_UPWARD))


def treatment(settings: GatewaySettings, action: str, speaks_ocpp: bool) -> Treatment:
    """
    What is done when a backend asks for C{action}.

    @param speaks_ocpp: of an EVSE that does so, or of another one.
    @return: never L{Treatment.CONSENT}: whether there is any has been looked up.
    """
    row = _row(action)
    is_only_told = not settings.decides
    is_for_all = row.is_reading or row.is_own
    if action in settings.refused or (is_only_told and not is_for_all):
        return Treatment.REFUSE
    wanted = row.spoken if speaks_ocpp else row.other
    if wanted is Treatment.CONSENT:
        if action not in settings.allowed:
            return Treatment.REFUSE
        return Treatment.FORWARD if speaks_ocpp else Treatment.HERE
    return wanted


def refusal(action: str) -> Refusal:
    """How C{action} is refused."""
    return _row(action).refusal


def upward(action: str) -> Upward:
    """How it is passed on when an EVSE says C{action}; a vendor's own is asked."""
    return _UPWARD.get(action, Upward.ASK)


def sole_charge_point(settings: GatewaySettings) -> ConnectorSettings | None:
    """
    A connector of the one Charge Point that is all that the backend sees.

    @return: C{None}: there are several, or an EVSE that speaks no OCPP.
    """
    first = settings.connectors[0]
    is_one = all(
        one.speaks_ocpp and one.charge_point == first.charge_point
        for one in settings.connectors
    )
    return first if is_one else None


def makers_charge_point(settings: GatewaySettings, action: str) -> ConnectorSettings | None:
    """
    A connector of the Charge Point that is asked where C{action} is about a root of its maker.

    Such a root is for its firmware. It is asked where the owner allows the action by its name,
    and the backend sees nothing but it.

    @param action: one of L{MAKERS_ACTIONS}.
    @return: C{None}: there is none; this program keeps such roots, and has no use for them.
    """
    is_allowed = settings.decides and action in settings.allowed
    return sole_charge_point(settings) if is_allowed else None
