"""
The place at a virtual wallbox where one car charges: plug, switch, meter and the car itself.

What happens here is told to the outside by L{Surroundings}; what the Central System has to be
told about transactions goes into the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import count

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.alarm import Alarm, Repeater
from cfos_cm.limits.schedules.composite import Outlook
from cfos_cm.limits.schedules.evaluation import limit_at
from cfos_cm.limits.schedules.instants import whole_seconds
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.profile import Profile, Running
from cfos_cm.limits.schedules.store import ProfileRefused, Profiles
from cfos_cm.simulator.configuration import Configuration
from cfos_cm.simulator.connector import Connector, Effects, Invitation, connector
from cfos_cm.simulator.local_control import UNLIMITED, Ceiling
from cfos_cm.simulator.measurements import Flow
from cfos_cm.simulator.outbox import NO_TRANSACTION_ID, Outbox, TransactionMessage
from cfos_cm.simulator.outlet import Outlet
from cfos_cm.simulator.profiles import BOUNDS
from cfos_cm.simulator.settings import VirtualChargePointSettings
from cfos_cm.simulator.vehicle import MIN_OFFER_MA, Vehicle
from cfos_cm.v16.core import (
    AvailabilityType,
    ChargePointErrorCode,
    ChargePointStatus,
    MeterValuesRequest,
    Reason,
    StartTransactionConfirmation,
    StartTransactionRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import AuthorizationStatus, ReadingContext

__all__ = ["Surroundings", "Transaction", "VirtualEvse"]

#: How often the wallbox looks whether the car draws what it may, while a transaction runs. [s]
CYCLE_S = 1.0

_PHASES = 3


@frozen
class Surroundings:
    """
    Who is told what happens at an EVSE. Of C{began} and C{ended} nothing may act on it.

    @ivar status_changed: the connector's status may be another one.
    @ivar flows: another current flows.
    @ivar is_full: the car is full.
    @ivar began: a transaction has begun.
    @ivar ended: it has ended.
    """

    status_changed: Callable[[], None]
    flows: Callable[[Flow], None]
    is_full: Callable[[], None]
    began: Callable[[], None]
    ended: Callable[[Reason], None]


@frozen
class Transaction:
    """
    A transaction that runs.

    @ivar number: our own number of it.
    @ivar invitation: what it began with.
    @ivar started_at: when.
    """

    number: int
    invitation: Invitation
    started_at: datetime


class VirtualEvse:
    """
    One connector with its meter, and the car that is plugged in.

    @ivar profiles: the charging profiles in force.
    @ivar transaction: the one that runs.
    """

    def __init__(
        self,
        settings: VirtualChargePointSettings,
        clock: IReactorTime,
        now: Callable[[], datetime],
        configuration: Configuration,
        outbox: Outbox,
        surroundings: Surroundings,
        ceiling: Callable[[], Ceiling] = lambda: UNLIMITED,
    ) -> None:
        """
        @param ceiling: what is allowed here besides the charging profiles.
        """
        self._settings = settings
        self._now = now
        self._configuration = configuration
        self._outbox = outbox
        self._surroundings = surroundings
        self._ceiling = ceiling
        self._connector: Connector = connector(Effects(self._begin, self._end))
        self._numbers = count(1)
        self._availability = AvailabilityType.OPERATIVE
        self._outlet = Outlet(clock, settings.time_lapse, settings.first_reading_wh)
        self._cycle = Repeater(clock, self.refresh)
        self._sampling = Repeater(clock, self._sample)
        self._waiting_for_car = Alarm(clock, self._no_car_came)
        self._to_post: list[tuple[int, TransactionMessage]] = []
        self.profiles = Profiles()
        self.transaction: Transaction | None = None

    # What a person does

    def plug_in(self, vehicle: Vehicle) -> None:
        """A car is plugged in."""
        self._waiting_for_car.clear()
        self._outlet.vehicle = vehicle
        self._connector.plug_in()
        if self._is_free:
            self._cycle.start(CYCLE_S)
        self.refresh()

    def unplug(self) -> None:
        """The car leaves."""
        self.end(Reason.EV_DISCONNECTED)
        self._cycle.stop()
        self._outlet.vehicle = None
        self._connector.unplug()
        self.refresh()

    def put_car_to_sleep(self, is_asleep: bool) -> None:
        """The car falls asleep, or wakes up; nothing happens where there is none."""
        self.refresh()
        self._outlet.put_car_to_sleep(is_asleep)
        self.refresh()

    def show_card(self) -> bool:
        """A card is shown. Whether it is to be judged now."""
        return self.is_for_use and not self._outbox.is_full and self._connector.show_card()

    def permit(self, id_tag: str) -> None:
        """The card is good: charging begins."""
        self._connector.permit(Invitation(id_tag))
        self.refresh()

    def turn_away(self) -> None:
        """The card is not good."""
        self._connector.turn_away()
        self.refresh()

    # What the Central System wants

    def invite(self, id_tag: str, profile: Profile | None) -> bool:
        """Begin a transaction, when a car is there or comes soon. Whether that is possible."""
        if not self.is_for_use or self._outbox.is_full:
            return False
        if not self._connector.invite(Invitation(id_tag, profile)):
            return False
        if self.transaction is None:
            self._waiting_for_car.set(self._configuration.number("ConnectionTimeOut"))
        self.refresh()
        return True

    def end(self, reason: Reason) -> None:
        """End the transaction, if there is one."""
        self.refresh()
        self._connector.end(reason)
        self.refresh()

    def put_availability(self, availability: AvailabilityType) -> bool:
        """
        Take the EVSE out of use, or back.

        @return: C{False} when it will be only when the transaction has ended.
        """
        self._availability = availability
        self.refresh()
        return availability is AvailabilityType.OPERATIVE or self.transaction is None

    def put_profiles(self, profiles: Profiles) -> None:
        """Obey other charging profiles from now on."""
        self.refresh()
        self.profiles = profiles
        self.refresh()

    def interval_changed(self) -> None:
        """MeterValueSampleInterval is another one."""
        if self.transaction is not None:
            self._sampling.start(self._configuration.number("MeterValueSampleInterval"))

    def judged(self, number: int, confirmation: StartTransactionConfirmation) -> None:
        """A transaction's start was answered."""
        runs = self.transaction is not None and self.transaction.number == number
        accepted = confirmation.id_tag_info.status is AuthorizationStatus.ACCEPTED
        if runs and not accepted and self._configuration.is_set("StopTransactionOnInvalidId"):
            self.end(Reason.DE_AUTHORIZED)

    def restart(self) -> None:
        """The wallbox has started again; the transaction was ended before."""
        self._waiting_for_car.clear()
        self._connector.restart()
        self.refresh()

    def halt(self) -> None:
        """Power is gone: nothing happens any more, and the car with it."""
        self.end(Reason.POWER_LOSS)
        self._cycle.stop()
        self._waiting_for_car.clear()
        self._outlet.vehicle = None
        self._outlet.offer(None)
        self._connector.restart()
        self._connector.unplug()

    # What can be asked

    @property
    def is_for_use(self) -> bool:
        """Whether ChangeAvailability has not taken it out of use."""
        return self._availability is AvailabilityType.OPERATIVE

    @property
    def is_plugged(self) -> bool:
        """Whether there is a car."""
        return self._outlet.vehicle is not None

    @property
    def flow(self) -> Flow:
        """What flows, since it was looked at last."""
        return self._outlet.flow

    @property
    def register_wh(self) -> int:
        """What the meter has counted until then. [Wh]"""
        return self._outlet.register_wh

    @property
    def error(self) -> ChargePointErrorCode:
        """What is wrong with it."""
        return self._ceiling().error

    @property
    def hardware(self) -> Limit:
        """What the wallbox is made for."""
        return Limit(self._settings.max_current_ma, _PHASES)

    @property
    def outlook(self) -> Outlook:
        """What composite schedules follow from."""
        return Outlook(self.profiles, self.running, {self._settings.connector: self.hardware})

    @property
    def running(self) -> Mapping[int, Running]:
        """The transaction that runs, by connector, as charging profiles see it."""
        if self.transaction is None:
            return {}
        start_s = whole_seconds(self.transaction.started_at)
        return {self._settings.connector: Running(start_s, self.transaction_id)}

    @property
    def transaction_id(self) -> int | None:
        """The id of the transaction that runs, when the Central System has given it one."""
        if self.transaction is None:
            return None
        return self._outbox.transaction_id(self.transaction.number)

    def status(self) -> ChargePointStatus:
        """What a StatusNotification says now."""
        if self.error is not ChargePointErrorCode.NO_ERROR:
            return ChargePointStatus.FAULTED
        status = self._connector.status()
        if status is ChargePointStatus.CHARGING:
            if self._outlet.flow.offered_ma < MIN_OFFER_MA:
                return ChargePointStatus.SUSPENDED_EVSE
            if self._outlet.flow.current_ma == 0:
                return ChargePointStatus.SUSPENDED_EV
            return status
        return status if self.is_for_use else ChargePointStatus.UNAVAILABLE

    def readings(self, context: ReadingContext) -> MeterValuesRequest:
        """What the meter says now, for the transaction that runs."""
        self._outlet.count()
        return MeterValuesRequest(
            connector_id=self._settings.connector,
            transaction_id=self.transaction_id,
            meter_value=(self._outlet.reading(self._now(), context),),
        )

    def refresh(self) -> None:
        """Let flow what may flow from now on, and tell what has changed."""
        has_become_full = self._outlet.count()
        self._post()
        if self._outlet.offer(self._limit()):
            self._surroundings.flows(self._outlet.flow)
        self._surroundings.status_changed()
        if has_become_full:
            self._surroundings.is_full()

    # What follows

    def _begin(self, invitation: Invitation) -> None:
        at = self._now()
        self._waiting_for_car.clear()
        self.transaction = Transaction(next(self._numbers), invitation, at)
        if invitation.profile is not None:
            self._install(invitation.profile)
        self._to_post.append(
            (
                self.transaction.number,
                StartTransactionRequest(
                    connector_id=self._settings.connector,
                    id_tag=invitation.id_tag,
                    meter_start=self._outlet.register_wh,
                    timestamp=format_timestamp(at),
                ),
            )
        )
        self._cycle.start(CYCLE_S)
        self._sampling.start(self._configuration.number("MeterValueSampleInterval"))
        self._surroundings.began()

    def _install(self, profile: Profile) -> None:
        """Take the profile that the transaction came with, if there still is room for it."""
        running = self.running[self._settings.connector]
        with suppress(ProfileRefused):
            self.profiles = self.profiles.with_profile(profile, BOUNDS, running)

    def _end(self, reason: Reason) -> None:
        ended, self.transaction = self.transaction, None
        assert ended is not None
        self._cycle.stop()
        self._sampling.stop()
        self.profiles = self.profiles.after_transaction(self._settings.connector)
        self._to_post.append(
            (
                ended.number,
                StopTransactionRequest(
                    meter_stop=self._outlet.register_wh,
                    timestamp=format_timestamp(self._now()),
                    transaction_id=NO_TRANSACTION_ID,
                    reason=reason,
                ),
            )
        )
        self._surroundings.ended(reason)

    def _sample(self) -> None:
        self.refresh()
        if self.transaction is not None:
            readings = self.readings(ReadingContext.SAMPLE_PERIODIC)
            self._outbox.add(self.transaction.number, readings)

    def _no_car_came(self) -> None:
        self._connector.give_up()
        self.refresh()

    def _post(self) -> None:
        # Not while the connector's state changes: the answer may come at once and change it.
        while self._to_post:
            self._outbox.add(*self._to_post.pop(0))

    def _limit(self) -> Limit | None:
        """What may be drawn now; C{None}: nothing is switched on."""
        local = self.hardware.clipped(self._ceiling().limit)
        if self._is_free:
            return local
        if self.transaction is None:
            return None
        at_s = whole_seconds(self._now())
        ruling = limit_at(self.profiles, at_s, self._settings.connector, self.running)
        return local.clipped(ruling.limit)

    @property
    def _is_free(self) -> bool:
        """Whether there is no Central System to begin a transaction for."""
        return self._settings.url is None
