"""What stands around an operator in a test: archives in memory, a Charge Point that acts."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.commands.local_lists import SentLists
from cfos_cm.central_system.commands.operator import Archives, Chance, Operator
from cfos_cm.central_system.commands.passwords import KeyBook
from cfos_cm.central_system.commands.reservations import ReservationStore
from cfos_cm.central_system.settings import CentralSystemSettings
from cfos_cm.errors import CfosError
from cfos_cm.site.reservation import Reservation
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.site.sent_list import SentList
from cfos_cm.site.tag import Tag

from .world import SITE, Disk, Peer, World

__all__ = [
    "MemoryKeyBook",
    "MemoryReservations",
    "MemorySentLists",
    "OperatorCase",
    "Refuse",
    "Station",
]

T = TypeVar("T")

#: What a Charge Point answers to a request.
Answer = Callable[[dict[str, Any]], Any]


class Refuse(Exception):
    """The Charge Point answers with a CALLERROR."""

    def __init__(self, code: str = "NotSupported", description: str = "not here") -> None:
        super().__init__(code)
        self.code = code
        self.description = description


class Station(Peer):
    """
    A Charge Point that acts.

    @ivar acts: what it answers each action with: a payload, or a function of the request's;
        what is not there is not answered.
    """

    def __init__(
        self,
        world: World,
        identity: str = "CP-1",
        profile: SecurityProfile = SecurityProfile.NONE,
    ) -> None:
        self.acts: dict[str, Mapping[str, Any] | Answer] = {}
        super().__init__(world, identity, profile)

    def _receive(self, text: bytes) -> None:
        super()._receive(text)
        frame = json.loads(text)
        if frame[0] != 2 or frame[2] not in self.acts:
            return
        act = self.acts[frame[2]]
        try:
            answer = act(frame[3]) if callable(act) else act
        except Refuse as refusal:
            self.say([4, frame[1], refusal.code, refusal.description, {}])
        else:
            self.say([3, frame[1], answer])

    def payloads(self, action: str) -> list[Any]:
        """The payloads of the requests of one action, oldest first."""
        return [frame[3] for frame in self.requests(action)]


class MemorySentLists:
    """Which list each Charge Point has, without a disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.lists: dict[str, SentList] = {}

    def get(self, charge_point: str) -> Deferred[SentList | None]:
        """See L{SentLists.get}."""
        return self.disk.do(lambda: self.lists.get(charge_point))

    def put(self, sent: SentList) -> Deferred[None]:
        """See L{SentLists.put}."""
        return self.disk.do(lambda: self.lists.update({sent.charge_point: sent}))

    def remove(self, charge_point: str) -> Deferred[None]:
        """See L{SentLists.remove}."""

        def forget() -> None:
            self.lists.pop(charge_point, None)

        return self.disk.do(forget)


class MemoryReservations:
    """Open reservations, without a disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.rows: dict[int, Reservation] = {}

    def put(self, reservation: Reservation) -> Deferred[None]:
        """See L{ReservationStore.put}."""
        return self.disk.do(lambda: self.rows.update({reservation.reservation_id: reservation}))

    def remove(self, reservation_id: int) -> Deferred[None]:
        """See L{ReservationStore.remove}."""

        def forget() -> None:
            self.rows.pop(reservation_id, None)

        return self.disk.do(forget)

    def open(self) -> Deferred[tuple[Reservation, ...]]:
        """See L{ReservationStore.open}."""
        return self.disk.do(lambda: tuple(self.rows.values()))


class MemoryKeyBook:
    """
    Which password counts, without a disk.

    @ivar told: what it was told, oldest first; a key by its bytes.
    """

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.told: list[tuple[str, str, bytes]] = []

    def offered(self, charge_point: str, key: bytes) -> Deferred[None]:
        """See L{KeyBook.offered}."""
        return self.disk.do(lambda: self.told.append(("offered", charge_point, key)))

    def taken(self, charge_point: str) -> Deferred[None]:
        """See L{KeyBook.taken}."""
        return self.disk.do(lambda: self.told.append(("taken", charge_point, b"")))

    def kept(self, charge_point: str) -> Deferred[None]:
        """See L{KeyBook.kept}."""
        return self.disk.do(lambda: self.told.append(("kept", charge_point, b"")))


class OperatorCase(SynchronousTestCase):
    """
    A Central System with an operator, and Charge Point CP-1.

    @ivar tags: the local authorisation list.
    @cvar settings: those of the Central System.
    """

    settings: CentralSystemSettings = evolve(SITE, observe_only=True)

    def setUp(self) -> None:
        """CP-1 is connected, and waits with its answers."""
        self.world = World(self.settings)
        self.tags: list[Tag] = []
        self.sent_lists = MemorySentLists(self.world.disk)
        self.stored_reservations = MemoryReservations(self.world.disk)
        self.keys = MemoryKeyBook(self.world.disk)
        self.operator = self.new_operator()
        self.station = Station(self.world)

    def new_operator(self) -> Operator:
        """An operator who knows nothing but what is on disk."""
        # The annotations are the check of the type checker that the fakes fit.
        sent_lists: SentLists = self.sent_lists
        reservations: ReservationStore = self.stored_reservations
        keys: KeyBook = self.keys
        numbers = count(501)
        return Operator(
            self.world.system,
            Archives(
                lambda: self.world.disk.do(lambda: tuple(self.tags)),
                sent_lists,
                reservations,
                keys,
            ),
            Chance(lambda: next(numbers), lambda length: bytes(range(1, length + 1))),
        )

    def begin(self, asking: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Ask something that is not answered at once."""
        return Deferred.fromCoroutine(asking)

    def get(self, asking: Coroutine[Any, Any, T]) -> T:
        """What an order comes to, which it does at once."""
        return self.successResultOf(self.begin(asking))

    def error_of(self, asking: Coroutine[Any, Any, Any], kind: type[CfosError]) -> str:
        """What an order that fails at once says."""
        return str(self.failureResultOf(self.begin(asking), kind).value)

    def call(self, action: str, payload: Mapping[str, object], **options: Any) -> Any:
        """The confirmation of L{Operator.call}."""
        return self.successResultOf(self.operator.call("CP-1", action, payload, **options))

    def call_error(
        self, action: str, payload: Mapping[str, object], kind: type[CfosError]
    ) -> str:
        """What L{Operator.call} says when it fails."""
        failing = self.operator.call("CP-1", action, payload)
        return str(self.failureResultOf(failing, kind).value)
