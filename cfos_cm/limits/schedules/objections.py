"""Why a Charge Point refuses a charging profile. OCPP 1.6, "Set Charging Profile"."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from cfos_cm.electrical import ALL_PHASES
from cfos_cm.limits.schedules.profile import Kind, Period, Profile, Purpose, Running

__all__ = ["MAX_LIMIT", "Bounds", "objections", "objections_to_start"]

#: Far more than any grid connection has; some say "no limit" with a number. [A, or W]
MAX_LIMIT = 10**9


@frozen
class Bounds:
    """
    What a Charge Point has room for, as its configuration keys announce it.

    @ivar profiles: MaxChargingProfilesInstalled.
    @ivar periods: ChargingScheduleMaxPeriods.
    @ivar stack_level: ChargeProfileMaxStackLevel, which itself is allowed.
    """

    profiles: int
    periods: int
    stack_level: int


def objections(profile: Profile, bounds: Bounds, running: Running | None) -> Iterator[str]:
    """
    What is wrong with a profile that is to be set now.

    @param running: the transaction at its connector; C{None}: there is none.
    @return: each with what was found and what is allowed; none when it can be taken.
    """
    if profile.connector < 0:
        yield f"connectorId is {profile.connector}; it must be 0 or more"
    if profile.purpose is Purpose.CHARGE_POINT_MAX and profile.connector != 0:
        yield f"connectorId is {profile.connector}; a ChargePointMaxProfile is for connector 0"
    if profile.purpose is Purpose.TX:
        yield from _to_transaction(profile, running)
    yield from _to_any(profile, bounds)


def objections_to_start(profile: Profile, bounds: Bounds) -> Iterator[str]:
    """
    What is wrong with a profile that comes with a RemoteStartTransaction.

    @return: as that of L{objections}.
    """
    if profile.purpose is not Purpose.TX:
        yield f"chargingProfilePurpose is {profile.purpose}; it must be TxProfile"
    if profile.transaction_id is not None:
        yield "transactionId is there; the transaction has none before it has started"
    yield from _to_any(profile, bounds)


def _to_transaction(profile: Profile, running: Running | None) -> Iterator[str]:
    if profile.connector == 0:
        yield "connectorId is 0; a TxProfile is for one connector"
    elif running is None:
        yield f"no transaction runs at connector {profile.connector}; a TxProfile needs one"
    elif profile.transaction_id is not None and profile.transaction_id != running.id:
        runs = "one without an id yet" if running.id is None else running.id
        yield (
            f"transactionId is {profile.transaction_id}; "
            f"at connector {profile.connector} runs {runs}"
        )


def _to_any(profile: Profile, bounds: Bounds) -> Iterator[str]:
    if not 0 <= profile.stack_level <= bounds.stack_level:
        yield f"stackLevel is {profile.stack_level}; it must be 0 to {bounds.stack_level}"
    if profile.kind is Kind.RECURRING and profile.recurrency is None:
        yield "recurrencyKind is missing; a Recurring profile has to be Daily or Weekly"
    starts, ends = profile.valid_from_s, profile.valid_to_s
    if starts is not None and ends is not None and ends <= starts:
        yield "validTo is not after validFrom"
    schedule = profile.schedule
    if schedule.duration_s is not None and schedule.duration_s < 1:
        yield f"duration is {schedule.duration_s} s; it must be 1 or more"
    if schedule.min_rate_milli is not None:
        yield from _to_rate("minChargingRate", schedule.min_rate_milli)
    if not 1 <= len(schedule.periods) <= bounds.periods:
        yield f"there are {len(schedule.periods)} periods; allowed are 1 to {bounds.periods}"
    else:
        yield from _to_periods(schedule.periods)


def _to_periods(periods: tuple[Period, ...]) -> Iterator[str]:
    if periods[0].start_s != 0:
        yield f"startPeriod of the first period is {periods[0].start_s}; it must be 0"
    last_s = None
    for index, period in enumerate(periods):
        if last_s is not None and period.start_s <= last_s:
            yield (
                f"startPeriod of period {index} is {period.start_s}; it must be after {last_s}"
            )
        last_s = period.start_s
        yield from _to_rate(f"limit of period {index}", period.limit_milli)
        if period.phases is not None and not 1 <= period.phases <= len(ALL_PHASES):
            yield f"numberPhases of period {index} is {period.phases}; it must be 1 to 3"


def _to_rate(name: str, rate_milli: int) -> Iterator[str]:
    if not 0 <= rate_milli <= MAX_LIMIT * 1000:
        yield f"{name} is {rate_milli / 1000:g}; it must be 0 to {MAX_LIMIT}"
