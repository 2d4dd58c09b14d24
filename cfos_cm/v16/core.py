"""
The feature profile Core: what every Charge Point and every Central System speaks.

The titles in quotation marks are those of the specification's clauses, in its chapters
"Operations Initiated by Charge Point" and "Operations Initiated by Central System".
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta

from cfos_cm.v16.types import (
    ChargingProfile,
    CiString20,
    CiString25,
    CiString50,
    CiString255,
    CiString500,
    IdTagInfo,
    IdToken,
    Integer,
    Maybe,
    Message,
    MeterValue,
    NamedTransaction,
    Part,
    TransactionData,
    refuse_endless,
)

__all__ = [
    "AuthorizeConfirmation",
    "AuthorizeRequest",
    "AvailabilityStatus",
    "AvailabilityType",
    "BootNotificationConfirmation",
    "BootNotificationRequest",
    "ChangeAvailabilityConfirmation",
    "ChangeAvailabilityRequest",
    "ChangeConfigurationConfirmation",
    "ChangeConfigurationRequest",
    "ChargePointErrorCode",
    "ChargePointStatus",
    "ClearCacheConfirmation",
    "ClearCacheRequest",
    "ClearCacheStatus",
    "ConfigurationStatus",
    "DataTransferConfirmation",
    "DataTransferRequest",
    "DataTransferStatus",
    "GetConfigurationConfirmation",
    "GetConfigurationRequest",
    "HeartbeatConfirmation",
    "HeartbeatRequest",
    "KeyValue",
    "MeterValuesConfirmation",
    "MeterValuesRequest",
    "Reason",
    "RegistrationStatus",
    "RemoteStartStopStatus",
    "RemoteStartTransactionConfirmation",
    "RemoteStartTransactionRequest",
    "RemoteStopTransactionConfirmation",
    "RemoteStopTransactionRequest",
    "ResetConfirmation",
    "ResetRequest",
    "ResetStatus",
    "ResetType",
    "StartTransactionConfirmation",
    "StartTransactionRequest",
    "StatusNotificationConfirmation",
    "StatusNotificationRequest",
    "StopTransactionConfirmation",
    "StopTransactionRequest",
    "UnlockConnectorConfirmation",
    "UnlockConnectorRequest",
    "UnlockStatus",
]


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    """The Charge Point asks whether an idTag may start or stop charging. "Authorize"."""

    id_tag: IdToken


class AuthorizeConfirmation(Message, frozen=True, kw_only=True):
    """The Central System says what it thinks of the idTag. "Authorize"."""

    id_tag_info: IdTagInfo


class RegistrationStatus(StrEnum):
    """Whether a Charge Point was let in."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point has started, says what it is and asks to be let in. "Boot Notification".

    @ivar iccid: of the modem's SIM card.
    @ivar imsi: of the modem's SIM card.
    """

    charge_point_vendor: CiString20
    charge_point_model: CiString20
    charge_point_serial_number: Maybe[CiString25] = None
    charge_box_serial_number: Maybe[CiString25] = None
    firmware_version: Maybe[CiString50] = None
    iccid: Maybe[CiString20] = None
    imsi: Maybe[CiString20] = None
    meter_type: Maybe[CiString25] = None
    meter_serial_number: Maybe[CiString25] = None


class BootNotificationConfirmation(Message, frozen=True, kw_only=True):
    """
    The Central System lets it in, or not, and tells the time. "Boot Notification".

    @ivar interval: accepted, between heartbeats; else, before the next attempt. [s]
    """

    status: RegistrationStatus
    current_time: str
    interval: Integer


class AvailabilityType(StrEnum):
    """Whether a connector shall be for use."""

    INOPERATIVE = "Inoperative"
    OPERATIVE = "Operative"


class AvailabilityStatus(StrEnum):
    """What became of a ChangeAvailability; scheduled means: when the transaction has ended."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    """
    The Central System takes a connector out of use, or back. "Change Availability".

    @ivar connector_id: 0 is the Charge Point with all its connectors.
    """

    connector_id: Integer
    type: AvailabilityType


class ChangeAvailabilityConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point says whether and when it will. "Change Availability"."""

    status: AvailabilityStatus


class ConfigurationStatus(StrEnum):
    """What became of a ChangeConfiguration."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    REBOOT_REQUIRED = "RebootRequired"
    NOT_SUPPORTED = "NotSupported"


class ChangeConfigurationRequest(Message, frozen=True, kw_only=True):
    """
    The Central System sets a configuration key. "Change Configuration".

    @ivar value: never shown, because the key may be the AuthorizationKey.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"value"})

    key: CiString50
    value: CiString500


class ChangeConfigurationConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point says whether the new value holds. "Change Configuration"."""

    status: ConfigurationStatus


class ClearCacheStatus(StrEnum):
    """What became of a ClearCache."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ClearCacheRequest(Message, frozen=True):
    """The Central System has the Authorization Cache emptied. "Clear Cache"."""


class ClearCacheConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point says whether its Authorization Cache is empty. "Clear Cache"."""

    status: ClearCacheStatus


class DataTransferStatus(StrEnum):
    """What became of a DataTransfer."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    UNKNOWN_MESSAGE_ID = "UnknownMessageId"
    UNKNOWN_VENDOR_ID = "UnknownVendorId"


class DataTransferRequest(Message, frozen=True, kw_only=True):
    """
    Either side sends what the standard has no message for. "Data Transfer".

    @ivar data: of any length and form; vendor and message id say which.
    """

    vendor_id: CiString255
    message_id: Maybe[CiString50] = None
    data: Maybe[str] = None


class DataTransferConfirmation(Message, frozen=True, kw_only=True):
    """The other side says whether it understood, and may answer with data. "Data Transfer"."""

    status: DataTransferStatus
    data: Maybe[str] = None


class KeyValue(Part, frozen=True, kw_only=True):
    """
    A configuration key and its value.

    @ivar readonly: whether ChangeConfiguration would refuse the key.
    @ivar value: left out, the key is known and not set. Never shown, it may be a secret.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"value"})

    key: CiString50
    readonly: bool
    value: Maybe[CiString500] = None


class GetConfigurationRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks for configuration keys. "Get Configuration".

    @ivar key: left out or empty, all.
    """

    key: Maybe[tuple[CiString50, ...]] = None


class GetConfigurationConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point tells the keys it knows, and those it does not. "Get Configuration"."""

    configuration_key: Maybe[tuple[KeyValue, ...]] = None
    unknown_key: Maybe[tuple[CiString50, ...]] = None


class HeartbeatRequest(Message, frozen=True):
    """The Charge Point is still there, and asks for the time. "Heartbeat"."""


class HeartbeatConfirmation(Message, frozen=True, kw_only=True):
    """The Central System tells the time. "Heartbeat"."""

    current_time: str


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point reports what its meters show. "Meter Values".

    @ivar connector_id: 0 is the main meter of the Charge Point.
    @ivar transaction_id: left out, the values belong to no transaction.
    """

    connector_id: Integer
    meter_value: Annotated[tuple[MeterValue, ...], Meta(min_length=1)]
    transaction_id: Maybe[NamedTransaction] = None

    def __post_init__(self) -> None:
        """@raise ValueError: see L{refuse_endless}."""
        refuse_endless(self.transaction_id)


class MeterValuesConfirmation(Message, frozen=True):
    """The Central System has received the values. "Meter Values"."""


class RemoteStartStopStatus(StrEnum):
    """Whether a Charge Point will try to start or stop a transaction."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class RemoteStartTransactionRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks for a transaction to be started. "Remote Start Transaction".

    @ivar connector_id: left out, the Charge Point chooses.
    @ivar charging_profile: a TxProfile for the transaction to come.
    """

    id_tag: IdToken
    connector_id: Maybe[Integer] = None
    charging_profile: Maybe[ChargingProfile] = None

    def unfit(self) -> str | None:
        """What is wrong with the schedule, when there is one."""
        if self.charging_profile is None:
            return None
        return self.charging_profile.charging_schedule.unfit()


class RemoteStartTransactionConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will try, or will not. "Remote Start Transaction"."""

    status: RemoteStartStopStatus


class RemoteStopTransactionRequest(Message, frozen=True, kw_only=True):
    """The Central System asks for a transaction to be stopped. "Remote Stop Transaction"."""

    transaction_id: Integer


class RemoteStopTransactionConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will try, or knows no such transaction. "Remote Stop Transaction"."""

    status: RemoteStartStopStatus


class ResetType(StrEnum):
    """How a Charge Point shall restart: transactions ended in good order first, or not."""

    HARD = "Hard"
    SOFT = "Soft"


class ResetStatus(StrEnum):
    """Whether a Charge Point will restart."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ResetRequest(Message, frozen=True, kw_only=True):
    """The Central System has the Charge Point restart. "Reset"."""

    type: ResetType


class ResetConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will restart, or will not. "Reset"."""

    status: ResetStatus


class StartTransactionRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point has started a transaction, maybe long ago. "Start Transaction".

    @ivar meter_start: what the meter showed. [Wh]
    @ivar reservation_id: the reservation that ended with this transaction.
    @ivar timestamp: when it started.
    """

    connector_id: Integer
    id_tag: IdToken
    meter_start: Integer
    timestamp: str
    reservation_id: Maybe[Integer] = None


class StartTransactionConfirmation(Message, frozen=True, kw_only=True):
    """The Central System names the transaction and judges its idTag. "Start Transaction"."""

    id_tag_info: IdTagInfo
    transaction_id: Integer


class ChargePointErrorCode(StrEnum):
    """What is wrong with a connector or with the Charge Point."""

    CONNECTOR_LOCK_FAILURE = "ConnectorLockFailure"
    EV_COMMUNICATION_ERROR = "EVCommunicationError"
    GROUND_FAILURE = "GroundFailure"
    HIGH_TEMPERATURE = "HighTemperature"
    INTERNAL_ERROR = "InternalError"
    LOCAL_LIST_CONFLICT = "LocalListConflict"
    NO_ERROR = "NoError"
    OTHER_ERROR = "OtherError"
    OVER_CURRENT_FAILURE = "OverCurrentFailure"
    OVER_VOLTAGE = "OverVoltage"
    POWER_METER_FAILURE = "PowerMeterFailure"
    POWER_SWITCH_FAILURE = "PowerSwitchFailure"
    READER_FAILURE = "ReaderFailure"
    RESET_FAILURE = "ResetFailure"
    UNDER_VOLTAGE = "UnderVoltage"
    WEAK_SIGNAL = "WeakSignal"


class ChargePointStatus(StrEnum):
    """The state of a connector; of connector 0 only Available, Unavailable and Faulted."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point reports the state of a connector. "Status Notification".

    @ivar connector_id: 0 is the Charge Point itself.
    @ivar info: in words, for a person.
    @ivar timestamp: left out, the moment of receipt.
    """

    connector_id: Integer
    error_code: ChargePointErrorCode
    status: ChargePointStatus
    info: Maybe[CiString50] = None
    timestamp: Maybe[str] = None
    vendor_id: Maybe[CiString255] = None
    vendor_error_code: Maybe[CiString50] = None


class StatusNotificationConfirmation(Message, frozen=True):
    """The Central System has received the state. "Status Notification"."""


class Reason(StrEnum):
    """Why a transaction was stopped."""

    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"


class StopTransactionRequest(Message, frozen=True, kw_only=True):
    """
    The Charge Point has stopped a transaction, maybe long ago. "Stop Transaction".

    @ivar id_tag: who stopped it; left out, nobody showed a card.
    @ivar meter_stop: what the meter showed. [Wh]
    @ivar timestamp: when it stopped.
    @ivar reason: left out, Local.
    @ivar transaction_data: values sampled during the transaction.
    """

    meter_stop: Integer
    timestamp: str
    transaction_id: NamedTransaction
    id_tag: Maybe[IdToken] = None
    reason: Maybe[Reason] = None
    transaction_data: Maybe[tuple[TransactionData, ...]] = None

    def __post_init__(self) -> None:
        """@raise ValueError: see L{refuse_endless}."""
        refuse_endless(self.transaction_id)


class StopTransactionConfirmation(Message, frozen=True, kw_only=True):
    """The Central System has received it, and may judge the idTag. "Stop Transaction"."""

    id_tag_info: Maybe[IdTagInfo] = None


class UnlockStatus(StrEnum):
    """What became of an UnlockConnector."""

    UNLOCKED = "Unlocked"
    UNLOCK_FAILED = "UnlockFailed"
    NOT_SUPPORTED = "NotSupported"


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    """The Central System has a connector's lock opened. "Unlock Connector"."""

    connector_id: Integer


class UnlockConnectorConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point says whether the lock is open. "Unlock Connector"."""

    status: UnlockStatus
