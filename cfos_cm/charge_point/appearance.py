"""
What the EVSEs of a gateway look like to its backend: the state of each, and what their meters
say.

Of an EVSE that speaks OCPP it is what that says itself, word for word; of another one it is
made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred

from cfos_cm.charge_point.availability import Availability
from cfos_cm.charge_point.configuration import Configuration
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.made.connector import MadeConnector, MadeStation
from cfos_cm.charge_point.made.keys import Use
from cfos_cm.charge_point.made.status import NOT_KNOWN_YET, Session, status_of
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.charge_point.reservations import Reservations
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.charge_point.statuses import Statuses
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.state import SiteState
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import MeterValuesRequest, StatusNotificationRequest
from cfos_cm.v16.types import ReadingContext, ValueFormat
from cfos_cm.wire.splice import replaced

__all__ = ["Appearance", "is_periodic"]

#: Readings that others stand for, too.
_PERIODIC: Final = (ReadingContext.SAMPLE_PERIODIC, ReadingContext.SAMPLE_CLOCK, None)


class Appearance:
    """
    The connectors, as the backend sees them.

    @ivar connectors: the EVSEs that speak no OCPP, by number.
    @ivar station: all of them together: connector 0.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        configuration: Configuration,
        availability: Availability,
        reservations: Reservations,
        may_send: Callable[[], bool],
        send: Callable[[bytes], Deferred[bytes]],
        send_readings: Callable[[MeterValuesRequest], None],
    ) -> None:
        """
        @param may_send: whether the backend may be told of anything, now.
        @param send: sends the JSON text of a StatusNotification.
        @param send_readings: takes what a meter says.
        """
        self._settings = settings
        self._environment = environment
        self._availability = availability
        self._reservations = reservations
        self._statuses = Statuses(settings.name, may_send, send)
        self.connectors: Mapping[int, MadeConnector] = {
            one.number: MadeConnector(
                one,
                environment,
                configuration,
                self._use_of(one.number),
                self.tell,
                send_readings,
            )
            for one in settings.connectors
            if not one.speaks_ocpp
        }
        self.station = MadeStation(
            settings.connectors, environment, configuration, self._use_of(0), self.tell
        )

    def open(self) -> None:
        """Watch from now on."""
        for connector in self.connectors.values():
            connector.open()
        self.station.open()

    def close(self) -> None:
        """Nothing is left that would happen later."""
        for connector in self.connectors.values():
            connector.close()
        self.station.close()

    def site_changed(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        for connector in self.connectors.values():
            connector.site_changed(event, before, after)
        if self.connectors:
            self.station.site_changed(event, before, after)

    def configured(self, key: str) -> None:
        """A configuration key has another value."""
        for connector in self.connectors.values():
            connector.configured(key)

    def use_changed(self, number: int) -> None:
        """
        The backend lets a connector be used for something else.

        @param number: 0: maybe each of them.
        """
        for own, connector in self.connectors.items():
            if number in (0, own):
                connector.use_changed()
        self.station.use_changed()

    def told(self, evse: str, payload: bytes) -> None:
        """
        An EVSE that speaks OCPP has said how it is.

        @param payload: the JSON text of its StatusNotification.
        """
        number = self._place_of(evse, payload)
        if number is None:
            return
        text = replaced(payload, {"connectorId": number})
        if self._statuses.get(number) != text:
            self._statuses.put(number, text)

    def tell(self, request: StatusNotificationRequest) -> None:
        """A connector that is made here is in another state."""
        self._statuses.put(request.connector_id, encode(request))

    def tell_of(self, number: int | None) -> None:
        """
        Tell the backend how a connector is, now.

        @param number: 0: the whole; C{None}: the whole and every connector.
        """
        self._refresh()
        every = (0, *(one.number for one in self._settings.connectors))
        self._statuses.tell(every if number is None else (number,))

    def tell_changed(self) -> None:
        """Tell the backend of each connector that is not as it knows it."""
        self._refresh()
        self._statuses.tell_changed()

    def forget(self) -> None:
        """Nothing may be told any more: the connection is gone, or may not be used."""
        self._statuses.forget()

    def _use_of(self, number: int) -> Callable[[], Use]:
        return lambda: Use(
            self._availability.is_operative(number), self._reservations.is_reserved(number)
        )

    def _place_of(self, evse: str, payload: bytes) -> int | None:
        """The connector here that a StatusNotification of an EVSE's Charge Point is about."""
        connector = self._settings.connector_of(evse)
        if connector is None or not connector.speaks_ocpp:
            return None
        if _is_about_all(payload):
            return None if sole_charge_point(self._settings) is None else 0
        return connector.number

    def _refresh(self) -> None:
        """Those that are made here, as they are now."""
        for number, connector in self.connectors.items():
            self._statuses.put_silently(number, encode(connector.status_request()))
        for one in self._settings.connectors:
            if one.speaks_ocpp and self._statuses.get(one.number) is None:
                self._statuses.put_silently(one.number, self._guess(one))
        is_said = sole_charge_point(self._settings) and self._statuses.get(0) is not None
        if not is_said:
            self._statuses.put_silently(0, encode(self.station.status_request()))

    def _guess(self, one: ConnectorSettings) -> bytes:
        """For a Charge Point that has not said how it is since the program has started."""
        evse = self._environment.site().evses.get(one.evse)
        status = None
        if evse is not None:
            number = None if evse.transaction is None else evse.transaction.transaction_id
            status = status_of(evse, Session(number), Use())
        now = self._environment.now()
        return encode((status or NOT_KNOWN_YET).request(one.number, now))


def is_periodic(request: MeterValuesRequest) -> bool:
    """Whether all of it is sampled again and again, and none of it signed."""
    return all(
        value.context in _PERIODIC and value.format is not ValueFormat.SIGNED_DATA
        for reading in request.meter_value
        for value in reading.sampled_value
    )


class _Place(msgspec.Struct):
    """As much of a StatusNotification as says what it is about."""

    connectorId: Any = None


_place = msgspec.json.Decoder(_Place)


def _is_about_all(payload: bytes) -> bool:
    try:
        return _place.decode(payload).connectorId in (0, "0")
    except (ValueError, RecursionError):
        return False
