"""Connectors that are kept free. OCPP 1.6, "Reserve Now" and "Cancel Reservation"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.environment import GatewayEnvironment, MemoryKind
from cfos_cm.charge_point.remembering import by_the_way, once_stored
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.site.evse import Link, Occupancy
from cfos_cm.site.tag import same_tag
from cfos_cm.v16.reservation import (
    CancelReservationStatus,
    ReservationStatus,
    ReserveNowRequest,
)
from cfos_cm.v16.timestamps import parse_timestamp

__all__ = ["Claim", "Reservations"]

_KIND: Final = "reservation"
#: So often it is looked again what has expired, because a clock may be set. [s]
_LOOK_AGAIN_S: Final = 60.0

_IN_THE_WAY: Final = {
    Occupancy.FAULTED: ReservationStatus.FAULTED,
    Occupancy.UNAVAILABLE: ReservationStatus.UNAVAILABLE,
    Occupancy.UNKNOWN: ReservationStatus.UNAVAILABLE,
}

_DECODER: Final = msgspec.json.Decoder(ReserveNowRequest)

_log = Logger(namespace="cfos_cm.gateway")


@frozen
class Claim:
    """
    Whether somebody may use a connector.

    @ivar reservation_id: the reservation that he uses up; C{None}: none.
    @ivar is_refused: it is kept free for somebody else.
    """

    reservation_id: int | None = None
    is_refused: bool = False


@frozen
class _Reservation:
    request: ReserveNowRequest
    expires_at: datetime

    @property
    def connector(self) -> int:
        return self.request.connector_id

    def is_for(self, id_tag: str, parent_id_tag: str | None) -> bool:
        if same_tag(self.request.id_tag, id_tag):
            return True
        group = self.request.parent_id_tag
        return (
            group is not None and parent_id_tag is not None and same_tag(group, parent_id_tag)
        )


class Reservations:
    """
    The reservations of connectors whose EVSE speaks no OCPP; a Charge Point has its own.

    One for connector 0 is for any of them: as many stay free for those as there are such
    reservations.

    @ivar changed: called with a connector that is reserved now, or is not any more; 0: what is
        for any of them is there, or is not.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        is_operative: Callable[[int], bool],
    ) -> None:
        """
        @param is_operative: whether a connector is in service; 0: the whole.
        """
        self._name = settings.name
        self._settings = settings
        self._environment = environment
        self._is_operative = is_operative
        self._connectors = tuple(
            one.number for one in settings.connectors if not one.speaks_ocpp
        )
        self._has_zero = len(self._connectors) == len(settings.connectors)
        self._known: dict[int, _Reservation] = {}
        self._alarm = Alarm(environment.clock, self._look)
        self.changed: Callable[[int], None] = lambda _connector: None

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take what was reserved before the restart and has not expired since."""
        for name, text in remembered.get(_KIND, {}).items():
            try:
                request = _DECODER.decode(text)
                found = _Reservation(request, parse_timestamp(request.expiry_date))
            except (ValueError, RemoteProtocolError):
                _log.warn("{name}: a reservation cannot be read", name=self._name)
                self._forget_text(name)
                continue
            if found.connector in (0, *self._connectors):
                self._known[request.reservation_id] = found
        self._look()

    def close(self) -> None:
        """No timer is left."""
        self._alarm.clear()

    def reserve(self, request: ReserveNowRequest) -> Deferred[ReservationStatus]:
        """
        Keep a connector free, in the place of what the same reservation was for before.

        It holds at once, and the Deferred fires when it is on disk.

        @raise RemoteProtocolError: if its expiry date is no time.
        """
        expires_at = parse_timestamp(request.expiry_date)
        status = self._status(request, expires_at)
        if status is not ReservationStatus.ACCEPTED:
            return succeed(status)
        replaced = self._known.pop(request.reservation_id, None)
        self._known[request.reservation_id] = _Reservation(request, expires_at)
        text = msgspec.json.encode(request).decode()
        written = self._environment.memory.put(_KIND, str(request.reservation_id), text)
        if replaced is not None and replaced.connector != request.connector_id:
            self.changed(replaced.connector)
        self.changed(request.connector_id)
        self._look()
        return once_stored(status, written)

    def cancel(self, reservation_id: int) -> Deferred[CancelReservationStatus]:
        """Take a reservation back; the Deferred fires when that is on disk."""
        if reservation_id not in self._known:
            return succeed(CancelReservationStatus.REJECTED)
        return once_stored(CancelReservationStatus.ACCEPTED, self._forget(reservation_id))

    def is_reserved(self, connector: int) -> bool:
        """
        Whether a connector is kept free for somebody.

        @param connector: 0: whether one of them is, whichever.
        """
        if connector == 0 or self._at(connector) is not None:
            return any(one.connector == connector for one in self._known.values())
        return len(self._free(without=(connector,))) < len(self._for_any())

    def claim(self, connector: int, id_tag: str, parent_id_tag: str | None) -> Claim:
        """
        Whether somebody may begin at a connector, now.

        @param parent_id_tag: his group; C{None}: none.
        """
        own = self._at(connector)
        if own is not None:
            is_his = own.is_for(id_tag, parent_id_tag)
            return Claim(own.request.reservation_id) if is_his else Claim(is_refused=True)
        for one in self._for_any():
            if one.is_for(id_tag, parent_id_tag):
                return Claim(one.request.reservation_id)
        return Claim(is_refused=self.is_reserved(connector))

    def used(self, reservation_id: int) -> None:
        """The transaction that it was made for has begun."""
        if reservation_id in self._known:
            by_the_way(self._name, self._forget(reservation_id))

    def _status(self, request: ReserveNowRequest, expires_at: datetime) -> ReservationStatus:
        connector = request.connector_id
        is_over = expires_at <= self._environment.now()
        if is_over or connector not in (0, *self._connectors):
            return ReservationStatus.REJECTED
        if connector == 0:
            return self._status_of_any(request.reservation_id)
        if self._at(connector, request.reservation_id) is not None:
            return ReservationStatus.OCCUPIED
        status = self._standing(connector)
        without = (connector,)
        if status is ReservationStatus.ACCEPTED and len(
            self._free(request.reservation_id, without)
        ) < len(self._for_any(request.reservation_id)):
            return ReservationStatus.OCCUPIED
        return status

    def _status_of_any(self, reservation_id: int) -> ReservationStatus:
        if not self._has_zero:
            return ReservationStatus.REJECTED
        if len(self._free(reservation_id)) > len(self._for_any(reservation_id)):
            return ReservationStatus.ACCEPTED
        standing = {self._standing(number) for number in self._connectors}
        for status in (ReservationStatus.FAULTED, ReservationStatus.UNAVAILABLE):
            if standing == {status}:
                return status
        return ReservationStatus.OCCUPIED

    def _standing(self, connector: int) -> ReservationStatus:
        """What stands in the way at a connector, whoever it is reserved for."""
        settings = self._settings.connector(connector)
        evse = settings and self._environment.site().evses.get(settings.evse)
        if not evse or evse.link is not Link.ONLINE or not self._is_operative(connector):
            return ReservationStatus.UNAVAILABLE
        if evse.occupancy is Occupancy.FREE and evse.transaction is None:
            return ReservationStatus.ACCEPTED
        return _IN_THE_WAY.get(evse.occupancy, ReservationStatus.OCCUPIED)

    def _at(self, connector: int, besides: int | None = None) -> _Reservation | None:
        """The reservation of a connector by itself, if it is another than C{besides}."""
        for number, one in self._known.items():
            if one.connector == connector and number != besides:
                return one
        return None

    def _for_any(self, besides: int | None = None) -> list[_Reservation]:
        return [
            one
            for number, one in self._known.items()
            if one.connector == 0 and number != besides
        ]

    def _free(self, besides: int | None = None, without: tuple[int, ...] = ()) -> list[int]:
        """The connectors that could be used by anybody."""
        return [
            number
            for number in self._connectors
            if number not in without
            and self._at(number, besides) is None
            and self._standing(number) is ReservationStatus.ACCEPTED
        ]

    def _forget(self, reservation_id: int) -> Deferred[None]:
        gone = self._known.pop(reservation_id)
        written = self._environment.memory.put(_KIND, str(reservation_id), None)
        self.changed(gone.connector)
        return written

    def _forget_text(self, name: str) -> None:
        by_the_way(self._name, self._environment.memory.put(_KIND, name, None))

    def _look(self) -> None:
        """Forget what has expired, and look again when the next one does."""
        now = self._environment.now()
        for number, one in tuple(self._known.items()):
            if one.expires_at <= now:
                by_the_way(self._name, self._forget(number))
        self._alarm.clear()
        if self._known:
            first = min(one.expires_at for one in self._known.values())
            wait_s = max(0.001, (first - now).total_seconds())
            self._alarm.set(min(_LOOK_AGAIN_S, wait_s))
