"""
The operator's way to the Charge Points: all that a Central System can send.

Every method that asks a Charge Point is a coroutine. Whoever wants a Deferred of it writes
C{Deferred.fromCoroutine(operator.reset("CP-1"))}; L{Operator.call} gives one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.charging_orders import ChargingOrders
from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.central_system.commands.configuration import (
    Configuration,
    change_configuration,
    get_configuration,
)
from cfos_cm.central_system.commands.local_lists import ListUpdate, LocalLists, SentLists
from cfos_cm.central_system.commands.passwords import KeyBook, PasswordChange, PasswordChanges
from cfos_cm.central_system.commands.requests import as_json, read_request
from cfos_cm.central_system.commands.reservations import (
    ReservationMade,
    Reservations,
    ReservationStore,
)
from cfos_cm.central_system.commands.security_orders import SecurityOrders
from cfos_cm.central_system.commands.upkeep_orders import UpkeepOrders
from cfos_cm.site.tag import Tag
from cfos_cm.v16.actions import action_of
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.v16.local_auth_list import SendLocalListRequest
from cfos_cm.v16.reservation import (
    CancelReservationRequest,
    CancelReservationStatus,
    ReserveNowRequest,
)
from cfos_cm.v16.types import Message

__all__ = ["Archives", "Chance", "Operator"]


@frozen
class Archives:
    """
    What an operator's orders are written down in.

    @ivar all_tags: reads the local authorisation list.
    @ivar sent_lists: which list each Charge Point has.
    @ivar reservations: those that are open.
    @ivar keys: which password counts for whom.
    """

    all_tags: Callable[[], Deferred[tuple[Tag, ...]]]
    sent_lists: SentLists
    reservations: ReservationStore
    keys: KeyBook


@frozen
class Chance:
    """
    Where what must not be guessed comes from.

    @ivar number: a random number, 1 to 2^31 - 1.
    @ivar octets: so many random bytes.
    """

    number: Callable[[], int]
    octets: Callable[[int], bytes]


class Operator(ChargingOrders, UpkeepOrders, SecurityOrders):
    """
    All that can be ordered of Charge Points, one method each, and L{call} for all of them.

    Each order fails with L{cfos_cm.errors.LocalProtocolError} when it may not be given, with
    L{cfos_cm.errors.DeviceRefusal} when the Charge Point answers with a CALLERROR, and with
    L{cfos_cm.errors.DeviceError} when it is not connected or does not answer in time. What is
    wrong is told in a sentence without secrets.

    @ivar reservations: those that are open.
    """

    def __init__(
        self,
        central_system: CentralSystem,
        archives: Archives,
        chance: Chance,
    ) -> None:
        calls = CheckedCalls(central_system, self._reserved_elsewhere)
        ChargingOrders.__init__(self, calls)
        UpkeepOrders.__init__(self, calls, chance.number)
        SecurityOrders.__init__(self, calls)
        self.reservations = Reservations(calls, archives.reservations, chance.number)
        self._lists = LocalLists(calls, archives.all_tags, archives.sent_lists)
        self._password_changes = PasswordChanges(calls, archives.keys, chance.octets)
        #: The requests that are not only sent, but remembered.
        self._ways: Mapping[type[Message], Callable[[str, Any], Awaitable[Message]]] = {
            CancelReservationRequest: self.reservations.ask_to_cancel,
            ReserveNowRequest: self.reservations.ask_to_reserve,
            SendLocalListRequest: self._lists.send_by_hand,
        }

    def call(
        self, identity: str, action: str, payload: Mapping[str, object], *, hurry: bool = False
    ) -> Deferred[dict[str, Any]]:
        """
        Send any action that a Central System can send.

        @param action: its name, as C{Reset}.
        @param payload: of the request, as C{json.loads} gives it.
        @param hurry: do not wait for the pause since the same was asked last.
        @return: the payload of the confirmation; see the class for how it fails.
        """
        return Deferred.fromCoroutine(self._call(identity, action, payload, hurry))

    async def send_local_list(self, identity: str, *, full: bool = False) -> ListUpdate:
        """
        Have a Charge Point know the local authorisation list; see L{LocalLists.send}.

        @param full: send all of it, whatever it has.
        @raise cfos_cm.errors.StorageError: also if the list cannot be read.
        """
        return await self._lists.send(identity, full=full)

    async def get_configuration(self, identity: str, keys: Sequence[str] = ()) -> Configuration:
        """Ask for configuration keys; see L{get_configuration}."""
        return await get_configuration(self._calls, identity, keys)

    async def change_configuration(
        self, identity: str, key: str, value: str
    ) -> ConfigurationStatus:
        """Set a configuration key; see L{change_configuration}."""
        return await change_configuration(self._calls, identity, key, value)

    async def change_password(self, identity: str, key: str | None = None) -> PasswordChange:
        """Give a Charge Point another password; see L{PasswordChanges.change}."""
        return await self._password_changes.change(identity, key)

    async def reserve(
        self,
        identity: str,
        connector: int,
        id_tag: str,
        until: datetime,
        parent_id_tag: str | None = None,
    ) -> ReservationMade:
        """Have a connector kept free; see L{Reservations.reserve}."""
        return await self.reservations.reserve(
            identity, connector, id_tag, until, parent_id_tag
        )

    async def cancel_reservation(self, reservation_id: int) -> CancelReservationStatus:
        """Take a reservation back; see L{Reservations.cancel}."""
        return (await self.reservations.cancel(reservation_id)).status

    async def _call(
        self, identity: str, action: str, payload: Mapping[str, object], hurry: bool
    ) -> dict[str, Any]:
        request = read_request(action, payload)
        way = self._ways.get(type(request))
        if way is not None:
            return as_json(await way(identity, request))
        confirmation = action_of(request).confirmation
        return as_json(await self._calls.ask(identity, request, confirmation, hurry=hurry))

    def _reserved_elsewhere(self, identity: str) -> frozenset[int]:
        return self.reservations.elsewhere(identity)
