"""An EVSE without OCPP, as its backend sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.made.keys import Keys, Use
from cfos_cm.charge_point.made.metering import Metering
from cfos_cm.charge_point.made.status import (
    NOT_KNOWN_YET,
    MadeStatus,
    Session,
    flows,
    station_status,
    status_of,
)
from cfos_cm.charge_point.made.teller import StatusTeller
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.site.events import (
    EvseMeasured,
    MeterMeasured,
    OccupancyReported,
    SiteEvent,
    TagJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, Occupancy
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.core import MeterValuesRequest, StatusNotificationRequest
from cfos_cm.v16.types import ReadingContext, TransactionData

__all__ = ["SETTLING_S", "MadeConnector", "MadeStation"]

#: So long a transaction that has begun may take until it is decided how much it gets, and its
#: car draws it: until then it is Preparing. [s]
SETTLING_S = 30.0

_STATUS_KEYS = ("MinimumStatusDuration", "StopTransactionOnEVSideDisconnect")


class MadeConnector:
    """
    Makes the messages of one EVSE from what happens on the site: its StatusNotification and
    its MeterValues.
    """

    def __init__(
        self,
        settings: ConnectorSettings,
        environment: GatewayEnvironment,
        keys: Keys,
        use: Callable[[], Use],
        tell: Callable[[StatusNotificationRequest], None],
        send: Callable[[MeterValuesRequest], None],
    ) -> None:
        """
        @param use: what the backend lets it be used for, now.
        @param tell: takes a status that is another one; where there is no connection it may be
            dropped, because L{status_request} is asked for when there is one again.
        @param send: takes readings. Those with a C{transaction_id}, our own number, belong into
            the queue.
        """
        self.settings = settings
        self._keys = keys
        self._use = use
        # The site as it was when the last event happened, or when this was opened.
        self._state = environment.site()
        self._session = Session()
        clock, now = environment.clock, environment.now
        self._teller = StatusTeller(
            settings.number,
            clock,
            now,
            lambda: float(keys.number("MinimumStatusDuration")),
            tell,
        )
        self._metering = Metering(settings.number, clock, now, keys, self._evse, send)
        self._settling = Alarm(clock, self._settled)
        self._expecting = Alarm(clock, self._nobody_came)
        self._looking = Alarm(clock, self._look)
        self._site = environment.site

    def open(self) -> None:
        """Watch from now on; nothing is sent of what is so already."""
        self._state = self._site()
        evse = self._evse()
        if evse is not None and evse.transaction is not None:
            self._go_on(evse.transaction)
        self._teller.begin(self._status() or NOT_KNOWN_YET)
        self._metering.open()

    def close(self) -> None:
        """No timers are left."""
        self._teller.close()
        self._metering.close()
        self._settling.clear()
        self._expecting.clear()
        self._looking.clear()

    def site_changed(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        known, self._state = self._evse(), after
        name = self.settings.evse
        is_about_it = name in (getattr(event, "evse", None), getattr(event, "place", None))
        if is_about_it:
            self._happened(event)
        # A meter of its own may have said something, or its settings may be others.
        if not is_about_it and self._evse() is known:
            return
        if isinstance(event, EvseMeasured | MeterMeasured):
            # That nothing flows is told before the car that has left: it has not paused.
            self._looking.set(0)
        else:
            self._look()

    def use_changed(self) -> None:
        """Its availability, or who it is reserved for, may be another one."""
        self._look()

    def configured(self, key: str) -> None:
        """A configuration key has another value."""
        self._metering.configured(key)
        if key in _STATUS_KEYS:
            self._look()

    def status_request(self) -> StatusNotificationRequest:
        """Its status as it is now; it counts as told."""
        return self._teller.request()

    def readings(self, context: ReadingContext) -> MeterValuesRequest | None:
        """
        What its meter says now, with our number of the transaction that runs.

        @return: C{None}: nothing.
        """
        return self._metering.readings(context)

    def stop_data(
        self, transaction_id: int, ended_at: datetime, stop_wh: int
    ) -> tuple[TransactionData, ...]:
        """
        What was sampled in a transaction, for its StopTransaction.

        No readings of it are sent any more, so that none comes behind its end: each connector
        that an EVSE is has to be asked, though one answer is taken. It can be asked again.

        @param stop_wh: its last reading. [Wh]
        """
        return self._metering.stop_data(transaction_id, ended_at, stop_wh)

    def _evse(self) -> Evse | None:
        return self._state.evses.get(self.settings.evse)

    def _happened(self, event: SiteEvent) -> None:
        match event:
            case TransactionStarted(transaction=transaction):
                self._go_on(transaction)
                self._session = evolve(self._session, is_settling=True)
                self._settling.set(SETTLING_S)
            case TransactionResumed(transaction=transaction):
                # One that outlives its plug was never away for its backend.
                if self._session.transaction_id != transaction.transaction_id:
                    self._go_on(transaction)
            case TransactionStopped(transaction_id=transaction_id):
                self._stopped(transaction_id)
            case OccupancyReported(occupancy=Occupancy.FREE):
                self._session = evolve(self._session, is_over=False)
            case TagJudged(verdict=Verdict.ACCEPTED) if self._session.transaction_id is None:
                self._session = evolve(self._session, is_expected=True)
                self._expecting.set(self._keys.number("ConnectionTimeOut"))

    def _go_on(self, transaction: Transaction) -> None:
        self._expecting.clear()
        self._settling.clear()
        self._session = Session(transaction.transaction_id)
        self._metering.begun(transaction)

    def _stopped(self, transaction_id: int) -> None:
        self._metering.ended(transaction_id)
        if self._session.transaction_id == transaction_id:
            evse = self._evse()
            is_there = evse is not None and evse.occupancy is not Occupancy.FREE
            self._settling.clear()
            self._session = Session(is_over=is_there)

    def _settled(self) -> None:
        self._session = evolve(self._session, is_settling=False)
        self._look()

    def _nobody_came(self) -> None:
        self._session = evolve(self._session, is_expected=False)
        self._look()

    def _look(self) -> None:
        self._looking.clear()
        evse = self._evse()
        if evse is not None and self._session.is_settling and flows(evse):
            self._settling.clear()
            self._session = evolve(self._session, is_settling=False)
        found = self._status()
        if found is not None:
            self._teller.found(found)

    def _status(self) -> MadeStatus | None:
        evse = self._evse()
        if evse is None:
            return NOT_KNOWN_YET
        keeps = not self._keys.is_set("StopTransactionOnEVSideDisconnect")
        is_observed = self._state.observe_only
        return status_of(evse, self._session, self._use(), keeps, is_observed)


class MadeStation:
    """Connector 0 where no Charge Point says what it is like: all EVSEs together."""

    def __init__(
        self,
        connectors: tuple[ConnectorSettings, ...],
        environment: GatewayEnvironment,
        keys: Keys,
        use: Callable[[], Use],
        tell: Callable[[StatusNotificationRequest], None],
    ) -> None:
        """
        @param use: what the backend lets all of it be used for, now.
        @param tell: see L{MadeConnector}.
        """
        self._names = tuple(one.evse for one in connectors)
        self._site = environment.site
        self._state = environment.site()
        self._use = use
        self._teller = StatusTeller(
            0,
            environment.clock,
            environment.now,
            lambda: float(keys.number("MinimumStatusDuration")),
            tell,
        )

    def open(self) -> None:
        """Watch from now on; nothing is sent of what is so already."""
        self._state = self._site()
        self._teller.begin(self._status())

    def close(self) -> None:
        """No timers are left."""
        self._teller.close()

    def site_changed(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        self._state = after
        if isinstance(event, OccupancyReported) and event.evse in self._names:
            self._teller.found(self._status())

    def use_changed(self) -> None:
        """Its availability may be another one."""
        self._teller.found(self._status())

    def status_request(self) -> StatusNotificationRequest:
        """Its status as it is now; it counts as told."""
        return self._teller.request()

    def _status(self) -> MadeStatus:
        evses = self._state.evses
        return station_status(
            (evses[name] for name in self._names if name in evses), self._use()
        )
