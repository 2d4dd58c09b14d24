"""
What a backend lets EVSEs draw: its charging profiles, which end here.

They come to one more ceiling for each EVSE, never to more than it is rated for. What is
decided where OCPP 1.6 leaves it open:

 - A ChargePointMaxProfile is for all connectors together. Those that charge get equal parts of
   it, in sum what it says; one that does not charge gets what it would if it began to.
 - A limit in watts for fewer phases than an EVSE has is one for all of its phases, because
   nothing says on how many its car charges.
 - A limit of L{MAX_LIMIT} or more is no limit that anybody means, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred, succeed

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.environment import GatewayEnvironment, MemoryKind
from cfos_cm.charge_point.kept_profiles import (
    Awaited,
    read_awaited,
    read_profile,
    written_awaited,
    written_profile,
)
from cfos_cm.charge_point.keys import MAX_PERIODS, MAX_PROFILES, MAX_STACK_LEVEL
from cfos_cm.charge_point.queued import BoundTransaction
from cfos_cm.charge_point.remarks import Remarks
from cfos_cm.charge_point.remembering import by_the_way, once_stored
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.limits.schedules.composite import Outlook
from cfos_cm.limits.schedules.evaluation import Ruling, Stacks
from cfos_cm.limits.schedules.instants import earliest, moment, whole_seconds
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.objections import MAX_LIMIT, Bounds, objections_to_start
from cfos_cm.limits.schedules.ocpp16 import criteria_of, profile_of, to_charging_schedule
from cfos_cm.limits.schedules.profile import Profile, Purpose, RateUnit, Running
from cfos_cm.limits.schedules.store import ProfileRefused, Profiles
from cfos_cm.site.events import EvseLimited
from cfos_cm.site.tag import same_tag
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfileConfirmation,
    ClearChargingProfileRequest,
    ClearChargingProfileStatus,
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleRequest,
    GetCompositeScheduleStatus,
    SetChargingProfileConfirmation,
    SetChargingProfileRequest,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import ChargingProfile, ChargingRateUnit

__all__ = ["BOUNDS", "MAX_PERIODS_IN_ALL", "BackendProfiles"]

BOUNDS: Final = Bounds(MAX_PROFILES, MAX_PERIODS, MAX_STACK_LEVEL)

#: Of all profiles together: a few megabytes.
MAX_PERIODS_IN_ALL: Final = 20_000

#: What is kept of one profile.
_MAX_TEXT_CHARS: Final = 60_000

#: Nobody plans further. [s]
_MAX_COMPOSITE_S: Final = 7 * 86_400
#: What is told fits into one message.
_MAX_COMPOSITE_PERIODS: Final = 500
#: So often it is looked again what holds, because a clock may be set. [s]
_LOOK_AGAIN_S: Final = 60.0

_PROFILE: Final = "profile"
_AWAITED: Final = "start_profile"


class BackendProfiles:
    """
    The charging profiles that a backend has set, and what they come to.

    A TxProfile is kept with our number of its transaction, which it has from its start on.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        running: Callable[[int], BoundTransaction | None],
    ) -> None:
        """
        @param running: the transaction at a connector that is not over.
        """
        self._settings = settings
        self._environment = environment
        self._transaction_at = running
        self._profiles = Profiles()
        # By connector; 0 stands for any.
        self._awaited: dict[int, Awaited] = {}
        self._reported: dict[int, int | None] = {}
        self._alarm = Alarm(environment.clock, self._look)
        self._remarks = Remarks(settings.name, environment.clock)

    def __len__(self) -> int:
        return len(self._profiles)

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """
        Take what was set before the restart; the transactions that still run are known.

        What it comes to is reported.
        """
        for name, text in remembered.get(_PROFILE, {}).items():
            profile = read_profile(text)
            if profile is None or not self._has_connector(profile.connector):
                self._log_refusal(f"profile {name} is not what it was")
                continue
            # Whether its transaction is over is found out below.
            running = Running(self._now_s(), profile.transaction_id)
            try:
                self._profiles = self._profiles.with_profile(profile, BOUNDS, running)
            except ProfileRefused as refusal:
                self._log_refusal(str(refusal))
        for name, text in remembered.get(_AWAITED, {}).items():
            awaited = read_awaited(text)
            if awaited is not None and name.isdecimal() and self._has_connector(int(name)):
                self._awaited[int(name)] = awaited
        self.transactions_changed()

    def close(self) -> None:
        """No timer is left."""
        self._alarm.clear()

    def withdraw(self) -> None:
        """Limit nothing any more, but remember all: there is no such gateway now."""
        self._alarm.clear()
        for connector in self._settings.connectors:
            self._report(connector, None)

    def transactions_changed(self) -> None:
        """A transaction has begun, or is over."""
        for connector in self._settings.connectors:
            running = self._transaction_at(connector.number)
            self._forget_others(connector.number, running)
            if running is not None:
                self._arrived(connector.number, running)
        self._look()

    def set(
        self, request: SetChargingProfileRequest
    ) -> Deferred[SetChargingProfileConfirmation]:
        """
        Take a profile, in the place of those that it replaces.

        It holds at once, and the Deferred fires when it is on disk.

        @raise RemoteProtocolError: if there is no such connector, or a number is none.
        """
        connector = request.connector_id
        if not self._has_connector(connector):
            raise RemoteProtocolError(
                f"there is no connector {connector}; allowed: {self._numbers}",
                CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
            )
        try:
            profile = self._meant(profile_of(connector, request.cs_charging_profiles))
            running = self._running().get(connector)
            profiles = self._profiles.with_profile(profile, BOUNDS, running)
            _check_text(profile)
            _check_size(profiles.in_order)
        except ProfileRefused as refusal:
            self._log_refusal(str(refusal))
            return succeed(
                SetChargingProfileConfirmation(status=ChargingProfileStatus.REJECTED)
            )
        accepted = SetChargingProfileConfirmation(status=ChargingProfileStatus.ACCEPTED)
        return once_stored(accepted, *self._put(profiles))

    def clear(
        self, request: ClearChargingProfileRequest
    ) -> Deferred[ClearChargingProfileConfirmation]:
        """Forget the profiles that are meant; the Deferred fires when that is on disk."""
        profiles, found = self._profiles.without(criteria_of(request))
        status = (
            ClearChargingProfileStatus.ACCEPTED if found else ClearChargingProfileStatus.UNKNOWN
        )
        return once_stored(
            ClearChargingProfileConfirmation(status=status), *self._put(profiles)
        )

    def composite(
        self, request: GetCompositeScheduleRequest
    ) -> GetCompositeScheduleConfirmation:
        """What the profiles and the ratings come to from now on."""
        if not self._has_connector(request.connector_id):
            return GetCompositeScheduleConfirmation(status=GetCompositeScheduleStatus.REJECTED)
        at_s = self._now_s()
        unit = RateUnit((request.charging_rate_unit or ChargingRateUnit.A).value)
        outlook = Outlook(self._profiles, self._running(), self._made_for())
        schedule = outlook.composite_schedule(
            request.connector_id,
            at_s,
            min(request.duration, _MAX_COMPOSITE_S),
            unit,
            _MAX_COMPOSITE_PERIODS,
        )
        return GetCompositeScheduleConfirmation(
            status=GetCompositeScheduleStatus.ACCEPTED,
            connector_id=request.connector_id,
            schedule_start=format_timestamp(moment(at_s)),
            charging_schedule=to_charging_schedule(schedule),
        )

    def objection_to_start(self, profile: ChargingProfile) -> str | None:
        """
        Why a profile may not come with a RemoteStartTransaction; C{None}: it may.

        @raise RemoteProtocolError: if one of its times or numbers is none.
        """
        found = profile_of(1, profile)
        objection = next(objections_to_start(found, BOUNDS), None)
        if objection is not None:
            return objection
        if not self._profiles.has_room_for(found, BOUNDS):
            return f"there are {len(self._profiles)} profiles, and no room for more"
        try:
            _check_text(found)
            _check_size((*self._profiles.in_order, found))
        except ProfileRefused as refusal:
            return str(refusal)
        return None

    def expect(
        self,
        connector: int | None,
        id_tag: str,
        profile: ChargingProfile | None,
        for_s: float,
    ) -> Deferred[None]:
        """
        Keep the profile of a RemoteStartTransaction until its transaction begins.

        @param connector: C{None}: any.
        @param profile: C{None}: there is none, nor one of a start before this one.
        @param for_s: so long. [s]
        @return: fires when that is on disk.
        """
        place = connector or 0
        if profile is None:
            if place in self._awaited:
                self._forget_awaited(place)
            return succeed(None)
        running = [self._transaction_at(one.number) for one in self._settings.connectors]
        besides = tuple(one.transaction_id for one in running if one is not None)
        awaited = Awaited(id_tag, self._now_s() + int(for_s), profile, besides)
        self._awaited[place] = awaited
        text = written_awaited(awaited)
        return once_stored(None, self._environment.memory.put(_AWAITED, str(place), text))

    # What is kept

    def _meant(self, profile: Profile) -> Profile:
        """A TxProfile with our number of its transaction in the place of the backend's."""
        if profile.purpose is not Purpose.TX or profile.transaction_id is None:
            return profile
        running = self._transaction_at(profile.connector)
        if running is None or running.backend_id != profile.transaction_id:
            raise ProfileRefused(
                f"transactionId is {profile.transaction_id}, "
                f"which does not run at connector {profile.connector}"
            )
        return evolve(profile, transaction_id=running.transaction_id)

    def _arrived(self, connector: int, running: BoundTransaction) -> None:
        """Whether a transaction is one that a profile waits for."""
        for place in (connector, 0):
            awaited = self._awaited.get(place)
            if awaited is None or running.transaction_id in awaited.besides:
                continue
            if not same_tag(awaited.id_tag, running.id_tag):
                continue
            self._forget_awaited(place)
            # It may have begun while nobody looked, and its own clock may be fast.
            begun_s = min(whole_seconds(running.started_at), self._now_s())
            if begun_s > awaited.until_s:
                continue
            profile = profile_of(connector, awaited.profile)
            try:
                profiles = self._profiles.with_profile(
                    profile, BOUNDS, self._running().get(connector)
                )
                _check_size(profiles.in_order)
            except ProfileRefused as refusal:
                self._log_refusal(str(refusal))
            else:
                for write in self._put(profiles):
                    by_the_way(self._settings.name, write)
            return

    def _forget_others(self, connector: int, running: BoundTransaction | None) -> None:
        """Forget the TxProfiles of transactions that are over."""
        kept = tuple(
            each
            for each in self._profiles.in_order
            if each.purpose is not Purpose.TX
            or each.connector != connector
            or (running is not None and each.transaction_id == running.transaction_id)
        )
        if len(kept) < len(self._profiles):
            for write in self._put(Profiles(kept)):
                by_the_way(self._settings.name, write)

    def _forget_awaited(self, place: int) -> None:
        del self._awaited[place]
        by_the_way(
            self._settings.name, self._environment.memory.put(_AWAITED, str(place), None)
        )

    def _put(self, profiles: Profiles) -> list[Deferred[None]]:
        """Let other profiles hold; what is written for that."""
        before = {each.id: each for each in self._profiles.in_order}
        after = {each.id: each for each in profiles.in_order}
        put = self._environment.memory.put
        self._profiles = profiles
        writes = [put(_PROFILE, str(gone), None) for gone in before.keys() - after.keys()]
        writes += [
            put(_PROFILE, str(number), written_profile(profile))
            for number, profile in after.items()
            if before.get(number) != profile
        ]
        self._look()
        return writes

    # What it comes to

    def _look(self) -> None:
        """Report what holds now, and look again when that may be something else."""
        if not self._settings.decides:
            return
        at_s, running = self._now_s(), self._running()
        whole = Stacks.of(self._profiles, 0).whole(at_s, running)
        untils_s = [whole.until_s]
        for connector in self._settings.connectors:
            own = self._own(connector.number, at_s, running)
            untils_s.append(own.until_s)
            share = _share(_on_all_phases(whole, connector), connector.number, running)
            lowest_ma = _lowest_ma(connector, _on_all_phases(own, connector), share)
            self._report(connector, lowest_ma)
        until_s = earliest(*untils_s)
        if not len(self._profiles):
            self._alarm.clear()
        else:
            wait_s = _LOOK_AGAIN_S if until_s is None else max(1.0, float(until_s - at_s))
            self._alarm.set(min(_LOOK_AGAIN_S, wait_s))

    def _own(self, connector: int, at_s: int, running: Mapping[int, Running]) -> Ruling:
        """What holds for a connector, but for what holds for all together."""
        stacks = evolve(Stacks.of(self._profiles, connector), maximum=())
        return stacks.ruling(at_s, running)

    def _report(self, connector: ConnectorSettings, current_ma: int | None) -> None:
        if self._reported.get(connector.number) != current_ma:
            self._reported[connector.number] = current_ma
            by = f"backend {self._settings.name}"
            self._environment.report(EvseLimited(connector.evse, by, current_ma))

    def _running(self) -> dict[int, Running]:
        found = {}
        for connector in self._settings.connectors:
            one = self._transaction_at(connector.number)
            if one is not None:
                start_s = whole_seconds(one.started_at)
                found[connector.number] = Running(start_s, one.transaction_id)
        return found

    def _made_for(self) -> dict[int, Limit]:
        return {
            one.number: Limit(one.max_current_ma, one.phases)
            for one in self._settings.connectors
        }

    def _has_connector(self, number: int) -> bool:
        return number == 0 or self._settings.connector(number) is not None

    @property
    def _numbers(self) -> str:
        numbers = (0, *(one.number for one in self._settings.connectors))
        return ", ".join(str(number) for number in numbers)

    def _now_s(self) -> int:
        return whole_seconds(self._environment.now())

    def _log_refusal(self, why: str) -> None:
        self._remarks.note(f"charging profile refused: {why}")


def _check_text(profile: Profile) -> None:
    """
    @raise ProfileRefused: if it is too long to be kept.
    """
    if len(written_profile(profile)) > _MAX_TEXT_CHARS:
        raise ProfileRefused(f"its text is longer than {_MAX_TEXT_CHARS} characters")


def _check_size(profiles: Iterable[Profile]) -> None:
    """
    @raise ProfileRefused: if the last is far from any current, or all are too much to keep.
    """
    in_all = 0
    for profile in profiles:
        in_all += len(profile.schedule.periods)
        for period in profile.schedule.periods:
            if period.limit_milli >= MAX_LIMIT * 1000:
                raise ProfileRefused(
                    f"a limit is {period.limit_milli / 1000:g}; it must be below {MAX_LIMIT}"
                )
    if in_all > MAX_PERIODS_IN_ALL:
        raise ProfileRefused(
            f"there would be {in_all} periods in all; allowed: {MAX_PERIODS_IN_ALL}"
        )


def _on_all_phases(ruling: Ruling, connector: ConnectorSettings) -> Limit | None:
    """The limit for all phases of a connector, if it is one in watts for fewer of them."""
    limit, profile = ruling.limit, ruling.profile
    if limit is None or profile is None or profile.schedule.unit is not RateUnit.W:
        return limit
    if limit.phases >= connector.phases:
        return limit
    return Limit.of_power(limit.power_mw, connector.phases)


def _share(whole: Limit | None, connector: int, running: Mapping[int, Running]) -> Limit | None:
    """A connector's part of what all together may draw."""
    if whole is None:
        return None
    parts = len(running.keys() | {connector})
    return evolve(whole, current_ma=whole.current_ma // parts)


def _lowest_ma(
    connector: ConnectorSettings, own: Limit | None, share: Limit | None
) -> int | None:
    currents_ma = [limit.current_ma for limit in (own, share) if limit is not None]
    return min(*currents_ma, connector.max_current_ma) if currents_ma else None
