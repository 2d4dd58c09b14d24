"""Connectors that are kept free for somebody; OCPP 1.6, "Reserve Now"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.central_system.commands.one_at_a_time import OneAtATime
from cfos_cm.errors import DeviceRefusal, LocalProtocolError, NotSent, StorageError
from cfos_cm.site.reservation import MAX_RESERVATIONS, Reservation
from cfos_cm.v16.reservation import (
    CancelReservationConfirmation,
    CancelReservationRequest,
    ReservationStatus,
    ReserveNowConfirmation,
    ReserveNowRequest,
)
from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp

__all__ = ["ReservationMade", "ReservationStore", "Reservations"]

#: Those after which a reservation that was asked for is certainly not in force.
_NOT_MADE = (DeviceRefusal, LocalProtocolError, NotSent, StorageError)

_log = Logger(namespace="cfos_cm.central_system")


@frozen
class ReservationMade:
    """
    What became of a reservation.

    @ivar reservation: C{None} unless the Charge Point has accepted it.
    """

    status: ReservationStatus
    reservation: Reservation | None = None


class ReservationStore(Protocol):
    """Where open reservations are written down."""

    def put(self, reservation: Reservation) -> Deferred[None]:
        """Note one, or replace the one with the same id."""

    def remove(self, reservation_id: int) -> Deferred[None]:
        """It is over."""

    def open(self) -> Deferred[tuple[Reservation, ...]]:
        """All that were not over when they were looked at last."""


class Reservations:
    """
    The open reservations of all Charge Points.

    One ends by its expiry, by a transaction that uses it, and by being cancelled. It is on disk
    before the Charge Point is asked, so that none is forgotten that may be in force.
    """

    def __init__(
        self, calls: CheckedCalls, store: ReservationStore, new_number: Callable[[], int]
    ) -> None:
        """
        @param new_number: makes a random number, 1 to 2^31 - 1.
        """
        self._calls = calls
        self._store = store
        self._new_number = new_number
        self._open: dict[int, Reservation] = {}
        # Of two orders about one reservation, the answer to the first might undo the second.
        self._orders = OneAtATime("is being made or cancelled")

    async def load(self) -> None:
        """
        Read those that were open when the program ended.

        @raise cfos_cm.errors.StorageError: if they cannot be read.
        """
        self._open = {one.reservation_id: one for one in await self._store.open()}

    def open(self) -> tuple[Reservation, ...]:
        """Those that are or may be in force, the one that ends first first."""
        now = self._calls.central_system.roster.environment.now()
        for one in tuple(self._open.values()):
            if one.expires_at <= now:
                self._end_aside(one.reservation_id)
        return tuple(sorted(self._open.values(), key=lambda one: one.expires_at))

    def elsewhere(self, identity: str) -> frozenset[int]:
        """The ids of those at all Charge Points but one."""
        return frozenset(
            one.reservation_id for one in self.open() if one.charge_point != identity
        )

    def used(self, identity: str, reservation_id: int) -> None:
        """A Charge Point has started a transaction with a reservation: that is over."""
        one = self._open.get(reservation_id)
        if one is not None and one.charge_point == identity:
            self._end_aside(reservation_id)

    async def reserve(
        self,
        identity: str,
        connector: int,
        id_tag: str,
        until: datetime,
        parent_id_tag: str | None = None,
    ) -> ReservationMade:
        """
        Have a connector kept free.

        @param connector: 0: any one of the Charge Point.
        @param until: aware, and in the future.
        @raise LocalProtocolError: for anything else, and when there are too many.
        @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses. When it was asked
            and has not answered, the reservation counts as open, for it may be.
        @raise cfos_cm.errors.StorageError: if it could not be written down; nothing was sent.
        """
        request = ReserveNowRequest(
            connector_id=connector,
            expiry_date=format_timestamp(until),
            id_tag=id_tag,
            reservation_id=self._new_id(),
            parent_id_tag=parent_id_tag,
        )
        answer = await self.ask_to_reserve(identity, request)
        return ReservationMade(answer.status, self._open.get(request.reservation_id))

    async def cancel(self, reservation_id: int) -> CancelReservationConfirmation:
        """
        Take a reservation back.

        @return: accepted; or rejected, when the Charge Point knows of none with this id: it is
            over then too.
        @raise LocalProtocolError: if none with this id is open, or its Charge Point has not
            answered yet whether it makes it.
        @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses.
        """
        self.open()
        one = self._open.get(reservation_id)
        if one is None:
            raise LocalProtocolError(f"no reservation {reservation_id} is open")
        request = CancelReservationRequest(reservation_id=reservation_id)
        return await self.ask_to_cancel(one.charge_point, request)

    async def ask_to_reserve(
        self, identity: str, request: ReserveNowRequest
    ) -> ReserveNowConfirmation:
        """L{reserve}, with a request that somebody else has made."""
        with self._orders.alone(_name(request)):
            self._calls.check(identity, request)
            return await self._make(identity, request)

    async def ask_to_cancel(
        self, identity: str, request: CancelReservationRequest
    ) -> CancelReservationConfirmation:
        """L{cancel}, with a request that somebody else has made."""
        with self._orders.alone(_name(request)):
            answer = await self._calls.ask(identity, request, CancelReservationConfirmation)
            one = self._open.get(request.reservation_id)
            if one is not None and one.charge_point == identity:
                await self._end(request.reservation_id)
            return answer

    async def _make(self, identity: str, request: ReserveNowRequest) -> ReserveNowConfirmation:
        wanted = _reservation(identity, request)
        before = self._open.get(wanted.reservation_id)
        if before is None and len(self._open) >= MAX_RESERVATIONS:
            raise LocalProtocolError(f"{MAX_RESERVATIONS} reservations are open already")
        # Before it is on disk, so that nobody takes its number or its room meanwhile.
        self._open[wanted.reservation_id] = wanted
        try:
            await self._store.put(wanted)
            self._check_open(wanted)
            answer = await self._calls.ask(identity, request, ReserveNowConfirmation)
        except _NOT_MADE:
            await self._put_back(wanted, before)
            raise
        if answer.status is not ReservationStatus.ACCEPTED:
            await self._put_back(wanted, before)
        return answer

    def _check_open(self, wanted: Reservation) -> None:
        if self._open.get(wanted.reservation_id) is not wanted:
            raise LocalProtocolError(
                f"reservation {wanted.reservation_id} was over before it was sent"
            )

    def _new_id(self) -> int:
        number = self._new_number()
        while number in self._open:
            number = self._new_number()
        return number

    async def _put_back(self, wanted: Reservation, before: Reservation | None) -> None:
        """
        A reservation did not come about: what was there before goes on, unless a transaction
        has used it meanwhile.
        """
        if self._open.get(wanted.reservation_id) is not wanted:
            return
        try:
            if before is None:
                await self._end(wanted.reservation_id)
            else:
                self._open[before.reservation_id] = before
                await self._store.put(before)
        except StorageError as error:
            # Whoever asked learns why it was not made, not this.
            _log.error(
                "a reservation that was not made stays on disk until it expires: {why!s}",
                why=error,
            )

    async def _end(self, reservation_id: int) -> None:
        self._open.pop(reservation_id, None)
        await self._store.remove(reservation_id)

    def _end_aside(self, reservation_id: int) -> None:
        """End one; left on disk, it would end there by its expiry too."""
        Deferred.fromCoroutine(self._end(reservation_id)).addErrback(_could_not_end)


def _could_not_end(failure: Failure) -> None:
    _log.error("a reservation that is over stays on disk: {why!s}", why=failure.value)


def _name(request: ReserveNowRequest | CancelReservationRequest) -> str:
    return f"reservation {request.reservation_id}"


def _reservation(identity: str, request: ReserveNowRequest) -> Reservation:
    return Reservation(
        request.reservation_id,
        identity,
        request.connector_id,
        request.id_tag,
        parse_timestamp(request.expiry_date),
        request.parent_id_tag,
    )
