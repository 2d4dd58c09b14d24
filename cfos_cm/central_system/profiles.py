"""
The charging profiles that a Charge Point gets from us.

They are as plain as can be, one period from now on, because implementations disagree on
everything else. OCPP 1.6, "Smart Charging".
"""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from cfos_cm.central_system.profile_form import ProfileForm
from cfos_cm.electrical import NOMINAL_VOLTAGE_V
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

__all__ = ["Allowance", "profile_id"]

#: Ours are told apart from others' by these ids; the same id replaces the one before. Each
#: connector has two ids of its own, counted up from here.
_STANDING_PROFILE_ID = 19520
_TRANSACTION_PROFILE_ID = 19521

#: The lowest that a phase has in a sound grid, EN 50160: the lower it is, the more current
#: flows at the same power. [V]
_LOWEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 9 // 10

#: A schedule that starts in the future is not in force yet, and no two clocks agree.
_EARLIER = timedelta(days=1)

_MAXIMUM = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
_TRANSACTION = ChargingProfilePurpose.TX_PROFILE


def profile_id(connector: int, purpose: ChargingProfilePurpose) -> int:
    """The id of our profile with a purpose, for a connector from 1 on."""
    if purpose is _TRANSACTION:
        return _TRANSACTION_PROFILE_ID + 2 * connector
    # No connector is 0, so that its ids are free for the whole Charge Point.
    return _STANDING_PROFILE_ID + (0 if purpose is _MAXIMUM else 2 * connector)


@frozen(kw_only=True)
class Allowance:
    """
    A current that a connector may give, from now on.

    @ivar connector: from 1 on.
    @ivar current_ma: what is finer than the form's steps is rounded down. [mA per phase]
    @ivar phases: on how many of its phases.
    @ivar now: aware.
    @ivar transaction_id: the transaction that it is for; C{None}: for whenever there is none.
    @ivar rating_ma: what no phase of the EVSE carries more than, whatever it is told; C{None}:
        not known. It matters in watts only, see L{_power_w}. [mA per phase]
    @ivar clock_behind: how far the Charge Point's clock is behind ours.
    @ivar fallback_ma: what its default profile gives. [mA per phase]
    @ivar lease_s: the Charge Point falls back to its default profile after so long, if it has
        not been told anything else; C{None}: never. Only an absolute TxProfile is leased:
        nothing is behind any other, and what a relative one counts from is anybody's guess. [s]
    """

    connector: int
    current_ma: int = 0
    phases: int
    now: datetime
    transaction_id: int | None = None
    rating_ma: int | None = None
    clock_behind: timedelta = timedelta()
    fallback_ma: int = 0
    lease_s: int | None = None

    def request(self, form: ProfileForm) -> SetChargingProfileRequest:
        """The request that says it in a form."""
        for_all = form.purpose is _MAXIMUM
        return SetChargingProfileRequest(
            # OCPP 1.6, "Charging profile purposes": it is for the Charge Point as a whole.
            connector_id=0 if for_all else self.connector,
            cs_charging_profiles=ChargingProfile(
                charging_profile_id=profile_id(self.connector, form.purpose),
                transaction_id=self.transaction_id if form.purpose is _TRANSACTION else None,
                stack_level=form.stack_level,
                charging_profile_purpose=form.purpose,
                charging_profile_kind=(
                    ChargingProfileKind.RELATIVE
                    if form.relative
                    else ChargingProfileKind.ABSOLUTE
                ),
                charging_schedule=self._schedule(form),
            ),
        )

    def leased_s(self, form: ProfileForm) -> int | None:
        """How long it holds in a form; C{None}: until the Charge Point is told another. [s]"""
        may_end = form.purpose is _TRANSACTION and not form.relative
        return self.lease_s if may_end else None

    def _schedule(self, form: ProfileForm) -> ChargingSchedule:
        # OCPP 1.6, ChargingSchedule: a relative one has no start of its own.
        start = self.now - self._early
        lease_s = self.leased_s(form)
        return ChargingSchedule(
            start_schedule=None if form.relative else format_timestamp(start),
            duration=None if lease_s is None else int(_EARLIER.total_seconds()) + lease_s,
            charging_rate_unit=ChargingRateUnit.W if form.in_watts else ChargingRateUnit.A,
            charging_schedule_period=(
                ChargingSchedulePeriod(
                    start_period=0,
                    limit=self._limit(form),
                    number_phases=self.phases if form.names_phases else None,
                ),
            ),
        )

    @property
    def _early(self) -> timedelta:
        # By a clock that is behind, our now would be in the future.
        return _EARLIER + max(self.clock_behind, timedelta())

    def _limit(self, form: ProfileForm) -> float:
        current_ma = form.steps.floor_ma(self.current_ma)
        if form.in_watts:
            return float(_power_w(current_ma, self.phases, self.rating_ma))
        return current_ma // 100 / 10


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
