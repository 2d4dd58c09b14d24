"""
Whether a Charge Point gives what it has accepted, as far as it says so itself.

OCPP 1.6, "Get Composite Schedule". What it says may be less than what it was told: the car, the
cable or somebody else may want less. It must not be more.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from attrs import evolve, frozen

from cfos_cm.central_system.profile_form import ProfileForm, rounder_forms
from cfos_cm.central_system.profile_setting import Recipient, announcement_of, try_form
from cfos_cm.central_system.profiles import Allowance
from cfos_cm.electrical import NOMINAL_VOLTAGE_V, milliamps
from cfos_cm.errors import DeviceError, DeviceRefusal, NotSent
from cfos_cm.quirk import Quirk
from cfos_cm.v16.smart_charging import (
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleRequest,
    GetCompositeScheduleStatus,
)
from cfos_cm.v16.types import ChargingRateUnit, ChargingSchedule, ChargingSchedulePeriod

__all__ = [
    "HORIZON_S",
    "Excess",
    "composite_schedule",
    "excess_of",
    "insist",
    "said_ma",
]

#: So far ahead a Charge Point is asked for its limits; what it was told has no end before. [s]
HORIZON_S = 60
#: How much later than a lease's end it is asked whether it has one. [s]
_AFTER_LEASE_S = 60

#: One decimal is the finest that a limit can be. [mA]
_GRAIN_MA = 100
#: Rounding to whole amperes makes less of a difference than this. [mA]
_WHOLE_MA = 1000

#: A conversion between amperes and watts may be for any voltage of a sound grid, EN 50160. [V]
_LOWEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 9 // 10
_HIGHEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 11 // 10

#: Who does not answer once may have been busy.
_MAX_SILENCES = 2


@frozen
class Excess:
    """
    More than was ordered.

    @ivar ordered: for people.
    @ivar said: what the Charge Point says that it gives; for people.
    @ivar over_ma: how much more that is, on one phase. [mA]
    """

    ordered: str
    said: str
    over_ma: int


async def insist(
    recipient: Recipient, allowance: Allowance, form: ProfileForm
) -> tuple[ProfileForm, Excess | None]:
    """
    See whether a Charge Point gives no more than it has accepted, and tell it once more if so.

    Told again it gets the form that it is likeliest to heed, if it takes it.

    @param form: in which it has accepted it.
    @return: the form that it has accepted last, and what it still gives too much; C{None}:
        nothing, or it does not say.
    @raise DeviceError: if it is not known whether it has accepted it again.
    """
    excess = await excess_of(recipient, allowance, form)
    if excess is None:
        return form, None
    again = await _likelier(recipient, allowance, form, excess)
    if not await _takes(recipient, allowance, again):
        again = form
        await _takes(recipient, allowance, again)
    return again, await excess_of(recipient, allowance, again)


async def _takes(recipient: Recipient, allowance: Allowance, form: ProfileForm) -> bool:
    """
    Whether a Charge Point takes once more what it has accepted.

    However it says no, what it has accepted before stays in force: the order was not refused.
    """
    try:
        return await try_form(recipient, allowance, form, [])
    except DeviceRefusal:
        return False


async def _likelier(
    recipient: Recipient, allowance: Allowance, form: ProfileForm, excess: Excess
) -> ProfileForm:
    rounder = rounder_forms(form, allowance.current_ma)
    if excess.over_ma < _WHOLE_MA and rounder:
        # It seems to round up.
        return rounder[0]
    behind = recipient.clock_behind
    if not form.relative and (behind is None or abs(behind.total_seconds()) > HORIZON_S):
        # By its own clock it may not have begun yet.
        return evolve(form, relative=True)
    highest = (await announcement_of(recipient)).max_level
    if highest is not None and highest > form.stack_level:
        # Somebody else's may be above it.
        return evolve(form, stack_level=highest)
    return form


async def excess_of(
    recipient: Recipient, allowance: Allowance, form: ProfileForm
) -> Excess | None:
    """
    How much more a Charge Point says that it gives than it has accepted.

    @return: C{None}: nothing, or it does not say.
    """
    lease_s = allowance.leased_s(form)
    asked_s = HORIZON_S if lease_s is None else lease_s + _AFTER_LEASE_S
    unit = ChargingRateUnit.W if form.in_watts else ChargingRateUnit.A
    schedule = await composite_schedule(recipient, allowance.connector, asked_s, unit)
    if schedule is None:
        return None
    said = [one for one in schedule.charging_schedule_period if one.start_period < HORIZON_S]
    over = max(_overs(allowance, form, schedule.charging_rate_unit, said), default=None)
    if lease_s is not None and over is None:
        _look_behind(recipient, allowance, schedule, lease_s)
    if over is None:
        return None
    over_ma, limit = over
    told = allowance.request(form).cs_charging_profiles.charging_schedule
    ordered = told.charging_schedule_period[0].limit
    return Excess(
        f"{ordered:g} {told.charging_rate_unit.value}",
        f"{limit:g} {schedule.charging_rate_unit.value}",
        over_ma,
    )


def _look_behind(
    recipient: Recipient, allowance: Allowance, schedule: ChargingSchedule, lease_s: int
) -> None:
    """See whether it heeds a duration: it does not if it says that the same goes on."""
    told_s = schedule.duration
    tells_it = told_s is not None and told_s >= lease_s + _AFTER_LEASE_S
    goes_on = len(schedule.charging_schedule_period) == 1
    falls_ma = said_ma(schedule, allowance.phases) - allowance.fallback_ma
    if tells_it and goes_on and falls_ma > _GRAIN_MA:
        recipient.learn(Quirk.NO_LEASE)


def _overs(
    allowance: Allowance,
    form: ProfileForm,
    unit: ChargingRateUnit,
    periods: list[ChargingSchedulePeriod],
) -> Iterator[tuple[int, float]]:
    """By how much each period is too high, on one phase, and what it says. [mA, unit]"""
    told = allowance.request(form).cs_charging_profiles.charging_schedule
    ordered = Decimal(str(told.charging_schedule_period[0].limit))
    for period in periods:
        phases = period.number_phases or allowance.phases
        limit = Decimal(str(period.limit))
        if not form.in_watts:
            over_ma = _current_ma(limit, unit, phases) - milliamps(ordered)
            grain_ma = _GRAIN_MA
        else:
            lowest_v = _LOWEST_VOLTAGE_V * phases
            power_w = limit if unit is ChargingRateUnit.W else limit * lowest_v
            over_ma = int((power_w - ordered) * 1000 / NOMINAL_VOLTAGE_V)
            grain_ma = _GRAIN_MA * phases
        if over_ma > grain_ma:
            yield over_ma, period.limit


def _current_ma(limit: Decimal, unit: ChargingRateUnit, phases: int) -> int:
    """The least current on each phase that a limit can mean. [mA]"""
    if unit is ChargingRateUnit.A:
        return milliamps(limit)
    return int(limit * 1000 / (_HIGHEST_VOLTAGE_V * phases))


def said_ma(schedule: ChargingSchedule, phases: int) -> int:
    """The most that a Charge Point says that it gives for now, on one phase. [mA]"""
    first, *later = schedule.charging_schedule_period
    return max(
        _current_ma(
            Decimal(str(one.limit)), schedule.charging_rate_unit, one.number_phases or phases
        )
        for one in (first, *(one for one in later if one.start_period < HORIZON_S))
    )


async def composite_schedule(
    recipient: Recipient, connector: int, duration_s: int, unit: ChargingRateUnit
) -> ChargingSchedule | None:
    """
    What all limits of a connector come to, as its Charge Point says.

    One that refuses to say it, or says nothing, is not asked again.

    @param duration_s: from now. [s]
    @return: with at least one period; C{None}: it does not say.
    """
    if Quirk.NO_COMPOSITE in recipient.quirks:
        return None
    request = GetCompositeScheduleRequest(
        connector_id=connector, duration=duration_s, charging_rate_unit=unit
    )
    try:
        confirmation = await recipient.call(request)
    except DeviceRefusal:
        recipient.learn(Quirk.NO_COMPOSITE)
        return None
    except NotSent:
        return None
    except DeviceError:
        # What it has accepted, it has accepted.
        recipient.habits.silences += 1
        if recipient.habits.silences >= _MAX_SILENCES:
            recipient.learn(Quirk.NO_COMPOSITE)
        return None
    assert isinstance(confirmation, GetCompositeScheduleConfirmation)
    recipient.habits.silences = 0
    schedule = confirmation.charging_schedule
    accepted = confirmation.status is GetCompositeScheduleStatus.ACCEPTED
    if not accepted or schedule is None or not schedule.charging_schedule_period:
        recipient.learn(Quirk.NO_COMPOSITE)
        return None
    return schedule
