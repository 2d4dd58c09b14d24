"""
The feature profile SmartCharging: limits that a Central System gives a Charge Point.

The titles in quotation marks are those of the specification's clauses, in its chapter
"Operations Initiated by Central System".
"""

from enum import StrEnum

from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    Integer,
    Maybe,
    Message,
)

__all__ = [
    "ChargingProfileStatus",
    "ClearChargingProfileConfirmation",
    "ClearChargingProfileRequest",
    "ClearChargingProfileStatus",
    "GetCompositeScheduleConfirmation",
    "GetCompositeScheduleRequest",
    "GetCompositeScheduleStatus",
    "SetChargingProfileConfirmation",
    "SetChargingProfileRequest",
]


class ChargingProfileStatus(StrEnum):
    """What became of a SetChargingProfile."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_SUPPORTED = "NotSupported"


class SetChargingProfileRequest(Message, frozen=True, kw_only=True):
    """
    The Central System sets or replaces a charging profile. "Set Charging Profile".

    @ivar connector_id: 0 is the whole Charge Point.
    """

    connector_id: Integer
    cs_charging_profiles: ChargingProfile

    def unfit(self) -> str | None:
        """What is wrong with the schedule."""
        return self.cs_charging_profiles.charging_schedule.unfit()


class SetChargingProfileConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point says whether it will obey. "Set Charging Profile"."""

    status: ChargingProfileStatus


class ClearChargingProfileStatus(StrEnum):
    """Whether there was a charging profile to clear."""

    ACCEPTED = "Accepted"
    UNKNOWN = "Unknown"


class ClearChargingProfileRequest(Message, frozen=True, kw_only=True):
    """
    The Central System takes charging profiles back. "Clear Charging Profile".

    With an id that one; else those that fit every other field; with no field at all, all.

    @ivar id: of the charging profile.
    """

    id: Maybe[Integer] = None
    connector_id: Maybe[Integer] = None
    charging_profile_purpose: Maybe[ChargingProfilePurpose] = None
    stack_level: Maybe[Integer] = None


class ClearChargingProfileConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point has cleared some, or found none. "Clear Charging Profile"."""

    status: ClearChargingProfileStatus


class GetCompositeScheduleStatus(StrEnum):
    """Whether a Charge Point could tell its composite schedule."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class GetCompositeScheduleRequest(Message, frozen=True, kw_only=True):
    """
    The Central System asks what all limits together come to. "Get Composite Schedule".

    @ivar connector_id: 0 is the whole Charge Point.
    @ivar duration: from now. [s]
    @ivar charging_rate_unit: left out, the Charge Point chooses.
    """

    connector_id: Integer
    duration: Integer
    charging_rate_unit: Maybe[ChargingRateUnit] = None


class GetCompositeScheduleConfirmation(Message, frozen=True, kw_only=True):
    """
    The Charge Point tells what it expects to allow. "Get Composite Schedule".

    @ivar schedule_start: the moment that the schedule's periods are counted from.
    """

    status: GetCompositeScheduleStatus
    connector_id: Maybe[Integer] = None
    schedule_start: Maybe[str] = None
    charging_schedule: Maybe[ChargingSchedule] = None

    def unfit(self) -> str | None:
        """What is wrong with the schedule, when there is one."""
        return None if self.charging_schedule is None else self.charging_schedule.unfit()
