"""
What stands around a Central System in a test: a clock, an archive in memory, Charge Points.

L{MemoryLedger}, L{MemoryTags} and L{MemoryRegister} keep the promises of the real ones;
C{test_world.py} tries the same tests on both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from cfos_cm.central_system.backends import NO_BACKENDS, Backends
from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.environment import (
    Environment,
    Keys,
    Ledger,
    Register,
    SecurityEvents,
    Signer,
    Standings,
    Tags,
)
from cfos_cm.central_system.session import Session
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.electrical import Phase
from cfos_cm.errors import StorageError
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.evse import DeviceIdentity, EvseSettings
from cfos_cm.site.given_key import GivenKey
from cfos_cm.site.records import (
    StopOutcome,
    StoredStart,
    StoredStop,
    TransactionStart,
    TransactionStop,
)
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.site.tag import Tag
from cfos_cm.site.transaction import Transaction
from tests.v16.schemas import MESSAGES

__all__ = [
    "BAY_1",
    "BAY_2",
    "BOOT",
    "NOW",
    "SITE",
    "START",
    "CallFailed",
    "Disk",
    "MemoryKeys",
    "MemoryLedger",
    "MemoryRegister",
    "MemorySecurityEvents",
    "MemoryStandings",
    "MemoryTags",
    "Peer",
    "World",
    "stop_of",
]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

BAY_1 = EvseSettings("bay-1", "garage")
#: Wired with its phases turned, and started by a fixed tag.
BAY_2 = EvseSettings(
    "bay-2", "garage", phases=(Phase.L2, Phase.L3, Phase.L1), fixed_tag="Car-2"
)
SITE = CentralSystemSettings(
    charge_points={
        "CP-1": ChargePointSettings("CP-1", {1: BAY_1, 2: BAY_2}),
        "CP-2": ChargePointSettings("CP-2", {1: EvseSettings("bay-3", "garage")}),
    }
)

BOOT = {"chargePointVendor": "cFos", "chargePointModel": "Power Brain"}
START = {
    "connectorId": 1,
    "idTag": "04AABB",
    "meterStart": 1000,
    "timestamp": "2026-03-01T11:59:00Z",
}

T = TypeVar("T")


def stop_of(transaction_id: int, **changes: Any) -> dict[str, Any]:
    """A StopTransaction.req half an hour and 2.5 kWh after L{START}."""
    return {
        "transactionId": transaction_id,
        "meterStop": 3500,
        "timestamp": "2026-03-01T12:29:00Z",
        **changes,
    }


@define
class Disk:
    """
    When something is on disk.

    @ivar held: results wait until L{let_go}.
    @ivar broken: everything fails.
    """

    held: bool = False
    broken: bool = False
    _waiting: list[Callable[[], None]] = field(factory=list)

    def do(self, work: Callable[[], T]) -> Deferred[T]:
        """Do C{work} now, and say so when it is on disk."""
        if self.broken:
            return fail(StorageError("cannot write /var/lib/secret/place.sqlite"))
        result = work()
        if not self.held:
            return succeed(result)
        done: Deferred[T] = Deferred()
        self._waiting.append(lambda: done.callback(result))
        return done

    def let_go(self) -> None:
        """Everything is on disk now."""
        self.held = False
        waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell()


@frozen
class _Row:
    """A transaction in memory."""

    start: TransactionStart
    transaction: Transaction
    state: str = "open"
    stop: TransactionStop | None = None


class MemoryLedger:
    """
    A ledger without a disk.

    @ivar meter_values: what was kept, as it came.
    @ivar stray_stops: the stops that belong to no transaction.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = Disk() if disk is None else disk
        self.rows: dict[int, _Row] = {}
        self.meter_values: list[tuple[str, int, int | None, str]] = []
        self.stray_stops: list[TransactionStop] = []
        self._ids = count(1001)

    def start(self, start: TransactionStart) -> Deferred[StoredStart]:
        """See L{Ledger.start}."""
        return self.disk.do(lambda: self._start(start))

    def stop(self, stop: TransactionStop) -> Deferred[StoredStop]:
        """See L{Ledger.stop}."""
        return self.disk.do(lambda: self._stop(stop))

    def vacated(self, charge_point: str, connector: int) -> Deferred[None]:
        """See L{Ledger.vacated}."""
        return self.disk.do(lambda: self._vacated(charge_point, connector))

    def resumed(self, charge_point: str, connector: int, transaction_id: int) -> Deferred[None]:
        """See L{Ledger.resumed}."""
        return self.disk.do(lambda: self._resumed((charge_point, connector), transaction_id))

    def add_meter_values(
        self,
        charge_point: str,
        connector: int,
        transaction_id: int | None,
        received_at: datetime,
        payload_text: str,
    ) -> Deferred[None] | None:
        """See L{Ledger.add_meter_values}."""
        values = (charge_point, connector, transaction_id, payload_text)
        return self.disk.do(lambda: self.meter_values.append(values))

    def _start(self, start: TransactionStart) -> StoredStart:
        for row in self.rows.values():
            same_words = _words(row.start) == _words(start) and (
                row.state == "open" or (row.state == "superseded" and self._is_newest(row))
            )
            if same_words or _key(row.start) == _key(start):
                return self._repeated(row)
        made = Transaction(
            next(self._ids), start.id_tag, start.verdict, start.started_at, start.meter_start_wh
        )
        superseded = tuple(
            number
            for number, row in self.rows.items()
            if row.state == "open" and _key(row.start)[:2] == _key(start)[:2]
        )
        for number in superseded:
            self.rows[number] = evolve(self.rows[number], state="superseded")
        self.rows[made.transaction_id] = _Row(start, made)
        return StoredStart(made, False, superseded)

    def _is_newest(self, row: _Row) -> bool:
        here = (one for one, other in self.rows.items() if _place(other) == _place(row))
        return row.transaction.transaction_id == max(here)

    def _repeated(self, row: _Row) -> StoredStart:
        number = row.transaction.transaction_id
        if row.state == "superseded" and self._is_newest(row):
            self.rows[number] = evolve(row, state="open")
        runs = self.rows[number].state == "open"
        return StoredStart(row.transaction, True, (), runs)

    def _vacated(self, charge_point: str, connector: int) -> None:
        for number, row in self.rows.items():
            if row.state == "open" and _key(row.start)[:2] == (charge_point, connector):
                self.rows[number] = evolve(row, state="superseded")

    def _resumed(self, place: tuple[str, int], transaction_id: int) -> None:
        row = self.rows.get(transaction_id)
        if row is not None and _place(row) == place:
            self._repeated(row)

    def _stop(self, stop: TransactionStop) -> StoredStop:
        row = self.rows.get(stop.transaction_id)
        if row is None or row.start.charge_point != stop.charge_point:
            self.stray_stops.append(stop)
            return StoredStop(StopOutcome.UNKNOWN if row is None else StopOutcome.FOREIGN)
        outcome = StopOutcome.STOPPED if row.stop is None else StopOutcome.REPEATED
        first = row.stop or stop
        self.rows[stop.transaction_id] = evolve(row, state="stopped", stop=first)
        taken_wh = first.meter_stop_wh - row.start.meter_start_wh
        return StoredStop(
            outcome,
            row.start.evse,
            row.start.connector,
            taken_wh if taken_wh >= 0 else None,
            row.start.id_tag,
        )


def _place(row: _Row) -> tuple[object, ...]:
    return _key(row.start)[:2]


def _words(start: TransactionStart) -> tuple[object, ...]:
    return (start.charge_point, start.connector, start.request_text)


def _key(start: TransactionStart) -> tuple[object, ...]:
    return (
        start.charge_point,
        start.connector,
        start.id_tag,
        start.started_at,
        start.meter_start_wh,
    )


class MemoryTags:
    """A local authorisation list without a disk."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = Disk() if disk is None else disk
        self._tags: dict[str, Tag] = {}

    def put(self, tag: Tag) -> Deferred[None]:
        """Add an entry, or replace it."""
        return self.disk.do(lambda: self._tags.update({tag.id_tag.casefold(): tag}))

    def find(self, id_tag: str) -> Deferred[tuple[Tag | None, bool]]:
        """See L{Tags.find}."""
        return self.disk.do(lambda: (self._tags.get(id_tag.casefold()), not self._tags))


class MemoryRegister:
    """
    Who was there, without a disk.

    @ivar devices: what each said last of itself.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = Disk() if disk is None else disk
        self.devices: dict[str, DeviceIdentity | None] = {}

    def seen(
        self, identity: str, device: DeviceIdentity | None, at: datetime
    ) -> Deferred[None]:
        """See L{Register.seen}."""
        known = device or self.devices.get(identity)
        return self.disk.do(lambda: self.devices.update({identity: known}))


class MemorySecurityEvents:
    """
    What was said about security, without a disk.

    @ivar kept: Charge Point, kind, its own time and words.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = Disk() if disk is None else disk
        self.kept: list[tuple[str, str, str, str | None]] = []

    def add(
        self,
        charge_point: str,
        kind: str,
        told_at: str,
        tech_info: str | None,
        received_at: datetime,
    ) -> Deferred[None]:
        """See L{SecurityEvents.add}."""
        return self.disk.do(lambda: self.kept.append((charge_point, kind, told_at, tech_info)))


class MemoryKeys:
    """
    The passwords that were given over OCPP, without a disk.

    @ivar kept: by Charge Point.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = Disk() if disk is None else disk
        self.kept: dict[str, GivenKey] = {}

    def put(self, key: GivenKey) -> Deferred[None]:
        """See L{Keys.put}."""
        return self.disk.do(lambda: self.kept.update({key.charge_point: key}))

    def remove(self, charge_point: str) -> Deferred[None]:
        """See L{Keys.remove}."""

        def remove() -> None:
            self.kept.pop(charge_point, None)

        return self.disk.do(remove)


class MemoryStandings:
    """
    The security profiles that were shown, without a disk.

    @ivar kept: by Charge Point.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = Disk() if disk is None else disk
        self.kept: dict[str, SecurityProfile] = {}

    def put(self, charge_point: str, profile: SecurityProfile | None) -> Deferred[None]:
        """See L{Standings.put}."""

        def put() -> None:
            if profile is None:
                self.kept.pop(charge_point, None)
            else:
                self.kept[charge_point] = profile

        return self.disk.do(put)


class CallFailed(Exception):
    """A CALLERROR came back: its code and its description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class World:
    """
    A Central System and everything that it was handed.

    @ivar disk: of the three archives; nothing is written while it is held or broken.
    @ivar events: what was reported, oldest first.
    @ivar now: what the wall clock says at second 0 of L{clock}.
    """

    def __init__(
        self,
        settings: CentralSystemSettings = SITE,
        backends: Backends = NO_BACKENDS,
        signer: Signer | None = None,
    ) -> None:
        self.clock = Clock()
        self.now = NOW
        self.events: list[SiteEvent] = []
        self.disk = Disk()
        self.ledger = MemoryLedger(self.disk)
        self.tags = MemoryTags(self.disk)
        self.register = MemoryRegister(self.disk)
        # The annotations are the check of the type checker that the fakes fit.
        ledger: Ledger = self.ledger
        tags: Tags = self.tags
        register: Register = self.register
        self.security_events = MemorySecurityEvents(self.disk)
        security_events: SecurityEvents = self.security_events
        self.keys = MemoryKeys(self.disk)
        keys: Keys = self.keys
        self.standings = MemoryStandings(self.disk)
        standings: Standings = self.standings
        numbers = count(1)
        self.system = CentralSystem(
            Environment(
                clock=self.clock,
                now=lambda: self.now + timedelta(seconds=self.clock.seconds()),
                report=self.events.append,
                ledger=ledger,
                tags=tags,
                register=register,
                security_events=security_events,
                keys=keys,
                random_bytes=bytes,
                new_unique_id=lambda: f"ours-{next(numbers)}",
                backends=backends,
                standings=standings,
                signer=signer,
            ),
            settings,
        )

    def connect(
        self, identity: str = "CP-1", profile: SecurityProfile = SecurityProfile.NONE
    ) -> Peer:
        """A Charge Point dials in, and is admitted."""
        return Peer(self, identity, profile)

    def happened(self, *kinds: type[Any]) -> list[Any]:
        """The events of some kinds."""
        return [event for event in self.events if isinstance(event, kinds)]


class Peer:
    """
    The Charge Point's end of a connection in memory.

    @ivar received: the frames that came, decoded, oldest first.
    @ivar hang_ups: the closings that were asked for: status and reason.
    @ivar refuses: actions that it answers with a CALLERROR.
    @ivar answers: the payloads that it answers our calls with, by action; others wait.
    """

    def __init__(
        self, world: World, identity: str, profile: SecurityProfile = SecurityProfile.NONE
    ) -> None:
        self.world = world
        self.received: list[list[Any]] = []
        self.hang_ups: list[tuple[int, str]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.session: Session = world.system.open(
            identity, "192.0.2.7", self._receive, self._hung_up, profile
        )
        self._numbers = count(1)
        self._actions: dict[str, str] = {}

    def _receive(self, text: bytes) -> None:
        frame = json.loads(text)
        self.received.append(frame)
        if frame[0] == 3:
            check_confirmation(self._actions[frame[1]], frame[2])
        if frame[0] == 2:
            check_request(frame[2], frame[3])
            if frame[2] in self.answers:
                self.say([3, frame[1], self.answers[frame[2]]])

    def _hung_up(self, code: int, why: str) -> None:
        self.hang_ups.append((code, why))

    def say(self, frame: object) -> None:
        """Send something, whatever it is."""
        text = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        self.session.received(text)

    def call(self, action: str, payload: object) -> str:
        """Send a CALL and do not wait; returns its message id."""
        unique_id = f"theirs-{next(self._numbers)}"
        self._actions[unique_id] = action
        self.say([2, unique_id, action, payload])
        return unique_id

    def answer_to(self, unique_id: str) -> list[Any] | None:
        """The CALLRESULT or CALLERROR with that id, if it has come."""
        found = [
            frame for frame in self.received if frame[0] in (3, 4) and frame[1] == unique_id
        ]
        assert len(found) <= 1, f"answered {len(found)} times"
        return found[0] if found else None

    def ask(self, action: str, payload: object = None) -> dict[str, Any]:
        """
        Send a CALL; returns the confirmation, which fits its official schema.

        @raise CallFailed: if it was a CALLERROR.
        """
        answer = self.answer_to(self.call(action, {} if payload is None else payload))
        assert answer is not None, f"{action} was not answered"
        if answer[0] == 4:
            raise CallFailed(answer[2], answer[3])
        confirmation: dict[str, Any] = answer[2]
        return confirmation

    def requests(self, action: str | None = None) -> list[list[Any]]:
        """The CALLs that came, of one action or of all."""
        return [
            frame
            for frame in self.received
            if frame[0] == 2 and (action is None or frame[2] == action)
        ]

    def lose(self, why: str = "connection lost") -> None:
        """The connection is gone."""
        self.world.system.closed(self.session, why)


def check_confirmation(action: str, payload: object) -> None:
    """@raise AssertionError: if the official schema refuses a CALLRESULT's payload."""
    assert MESSAGES[f"{action}Response"].is_official(payload), (action, payload)


def check_request(action: str, payload: object) -> None:
    """@raise AssertionError: if the official schema refuses a CALL's payload."""
    assert MESSAGES[action].is_official(payload), (action, payload)
