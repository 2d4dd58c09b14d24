"""
The charging profiles that a Charge Point gets from us.

They are as plain as can be, one period from now on, because implementations disagree on
everything else. OCPP 1.6, "Smart Charging".
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from attrs import frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.quirk import Quirk
from cfos_cm.v16.smart_charging import SetChargingProfileRequest
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
)

__all__ = ["ProfileForm", "standing_profile", "transaction_profile"]

#: Ours are told apart from others' by these ids; the same id replaces the one before. Each
#: connector has two ids of its own, counted up from here.
_STANDING_PROFILE_ID = 19520
_TRANSACTION_PROFILE_ID = 19521

#: The level that every Charge Point has: several refuse what they themselves announce.
_STACK_LEVEL = 0

#: The lowest that a phase has in a sound grid, EN 50160: the lower it is, the more current
#: flows at the same power. [V]
_LOWEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 9 // 10

#: A schedule that starts in the future is not in force yet, and no two clocks agree.
_EARLIER = timedelta(days=1)


@frozen
class ProfileForm:
    """
    What a Charge Point's profiles have to look like.

    @ivar in_watts: the limits are in watts; else in amperes.
    @ivar relative: the kind is Relative; else it is Absolute.
    """

    in_watts: bool = False
    relative: bool = False

    @classmethod
    def of(cls, quirks: Collection[Quirk]) -> ProfileForm:
        """The form for a Charge Point with these quirks."""
        return cls(Quirk.WATTS in quirks, Quirk.RELATIVE_PROFILES in quirks)


_PLAIN = ProfileForm()


def standing_profile(
    connector: int, phases: int, now: datetime, form: ProfileForm = _PLAIN
) -> SetChargingProfileRequest:
    """The default profile of a connector: without a transaction, charging is forbidden."""
    return SetChargingProfileRequest(
        connector_id=connector,
        cs_charging_profiles=ChargingProfile(
            charging_profile_id=_STANDING_PROFILE_ID + 2 * connector,
            stack_level=_STACK_LEVEL,
            charging_profile_purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
            charging_profile_kind=_kind(form),
            charging_schedule=_schedule(0.0, phases, now, form),
        ),
    )


def transaction_profile(
    connector: int,
    transaction_id: int,
    current_ma: int,
    phases: int,
    now: datetime,
    form: ProfileForm = _PLAIN,
    rating_ma: int | None = None,
) -> SetChargingProfileRequest:
    """
    The limit of a running transaction.

    A TxProfile, for only that outranks what another party may have set for the transaction.

    @param current_ma: a multiple of 100 mA; what is finer is rounded down. [mA per phase]
    @param rating_ma: what no phase of the EVSE carries more than, whatever it is told; C{None}:
        not known. It matters in watts only, see L{_power_w}. [mA per phase]
    """
    if form.in_watts:
        limit = float(_power_w(current_ma, phases, rating_ma))
    else:
        limit = current_ma // 100 / 10
    return SetChargingProfileRequest(
        connector_id=connector,
        cs_charging_profiles=ChargingProfile(
            charging_profile_id=_TRANSACTION_PROFILE_ID + 2 * connector,
            transaction_id=transaction_id,
            stack_level=_STACK_LEVEL,
            charging_profile_purpose=ChargingProfilePurpose.TX_PROFILE,
            charging_profile_kind=_kind(form),
            charging_schedule=_schedule(limit, phases, now, form),
        ),
    )


def _power_w(current_ma: int, phases: int, rating_ma: int | None) -> int:
    """
    A total power with which no phase carries more than C{current_ma}. [W]

    A car that uses one phase only draws all of it there, however many phases the limit was
    meant for; so it is the power of one phase, at the lowest voltage. Only with its full rating
    an EVSE gets the power of all: it can carry no more on any of them by itself.
    """
    if rating_ma is not None and current_ma >= rating_ma:
        return current_ma * phases * NOMINAL_VOLTAGE_V // 1000
    return current_ma * _LOWEST_VOLTAGE_V // 1000


def _kind(form: ProfileForm) -> ChargingProfileKind:
    return ChargingProfileKind.RELATIVE if form.relative else ChargingProfileKind.ABSOLUTE


def _schedule(limit: float, phases: int, now: datetime, form: ProfileForm) -> ChargingSchedule:
    # OCPP 1.6, ChargingSchedule: a relative one has no start of its own.
    start = None if form.relative else format_timestamp(now - _EARLIER)
    return ChargingSchedule(
        start_schedule=start,
        charging_rate_unit=ChargingRateUnit.W if form.in_watts else ChargingRateUnit.A,
        charging_schedule_period=(
            ChargingSchedulePeriod(start_period=0, limit=limit, number_phases=phases),
        ),
    )
