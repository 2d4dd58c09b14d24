"""
The feature profile RemoteTrigger: a Central System asks for a message.

The title in quotation marks is that of the specification's clause, in its chapter "Operations
Initiated by Central System".
"""

from enum import StrEnum

from cfos_cm.v16.types import Integer, Maybe, Message

__all__ = [
    "MessageTrigger",
    "TriggerMessageConfirmation",
    "TriggerMessageRequest",
    "TriggerMessageStatus",
]


class MessageTrigger(StrEnum):
    """The messages that TriggerMessage can ask for."""

    BOOT_NOTIFICATION = "BootNotification"
    DIAGNOSTICS_STATUS_NOTIFICATION = "DiagnosticsStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    STATUS_NOTIFICATION = "StatusNotification"


class TriggerMessageStatus(StrEnum):
    """Whether a Charge Point will send the message that it was asked for."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_IMPLEMENTED = "NotImplemented"


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks the Charge Point to send a message. "Trigger Message".

    @ivar connector_id: left out, all connectors, where the message is about one.
    """

    requested_message: MessageTrigger
    connector_id: Maybe[Integer] = None


class TriggerMessageConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point will send it after this, or will not. "Trigger Message"."""

    status: TriggerMessageStatus
