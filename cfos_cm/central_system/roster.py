"""What every connection shares: the world around, the settings, and what runs where."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, fail, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.central_system.acquaintance import Acquaintance
from cfos_cm.central_system.environment import Environment, Ledger
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.counters import Counters
from cfos_cm.errors import StorageError
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.records import OpenTransaction
from cfos_cm.site.transaction import Transaction

__all__ = [
    "MAX_ACQUAINTANCES",
    "MAX_CONNECTOR",
    "MAX_IN_TURN",
    "MAX_OVER",
    "Presence",
    "Roster",
    "Turns",
    "Unwritten",
]

T = TypeVar("T")
Work = Callable[[], Coroutine[Deferred[Any], Any, T]]

#: Of each Charge Point: transactions that have ended and whose end may be told once more.
MAX_OVER = 100
#: Charge Points that are not configured and that something is remembered of.
MAX_ACQUAINTANCES = 200
#: Of each Charge Point: messages that wait for an earlier one to be on disk. Each is of another
#: connection, so that more mean that it dials and dials while nothing can be written.
MAX_IN_TURN = 16
#: OCPP 1.6 numbers connectors from 1 on; no Charge Point has anywhere near this many.
MAX_CONNECTOR = 1000

_log = Logger(namespace="cfos_cm.central_system")


class Turns:
    """
    One after the other what a Charge Point tells of its transactions, in the order it told it.

    On one connection that is so anyhow. But one that is lost leaves what was told there on its
    way to the disk, and what is told on the next one must not overtake it: a start that comes
    back from the disk after the word that its connector is free would seem to run. The turn is
    the whole Charge Point's, because an end does not say at which connector it is.
    """

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    def is_taken(self, identity: str) -> bool:
        """Whether something that a Charge Point told is still being carried out."""
        return identity in self._locks

    def take(self, identity: str, work: Work[T]) -> Deferred[T]:
        """
        Carry out what a Charge Point tells as soon as everything is that it told before.

        @param work: is begun when its turn has come.
        @return: what C{work} returns; fails with L{StorageError} when L{MAX_IN_TURN} wait.
        """
        lock = self._locks.get(identity)
        if lock is None:
            lock = self._locks[identity] = DeferredLock()
        elif len(lock.waiting) >= MAX_IN_TURN:
            return fail(
                StorageError(f"{MAX_IN_TURN} messages of {identity} wait for the disk already")
            )
        carried_out: Deferred[T] = lock.run(work)
        return carried_out.addBoth(self._over, identity, lock)

    def _over(self, result: T, identity: str, lock: DeferredLock) -> T:
        # Whoever came next may be through already, and a later one have a lock of its own.
        if not lock.locked and self._locks.get(identity) is lock:
            del self._locks[identity]
        return result


class Unwritten:
    """
    What runs at connectors, as far as the ledger does not know it.

    It is noted and written while nobody else has the turn of its Charge Point. What could not
    be written is tried again with the next message of that Charge Point, and when the program
    stops.
    """

    def __init__(self, ledger: Ledger, turns: Turns) -> None:
        self._ledger = ledger
        self._turns = turns
        self._owed: dict[str, dict[int, Transaction | None]] = {}

    def __contains__(self, identity: str) -> bool:
        """Whether the ledger has something to be told of a Charge Point."""
        return identity in self._owed

    def vacated(self, place: tuple[str, int]) -> None:
        """The ledger does not know that nothing runs there."""
        self._note(place, None)

    def resumed(self, place: tuple[str, int], transaction: Transaction) -> None:
        """The ledger does not know that a transaction goes on there that was thought over."""
        self._note(place, transaction)

    def known(self, place: tuple[str, int]) -> None:
        """The ledger knows what runs there."""
        identity, connector = place
        owed = self._owed.get(identity)
        if owed is not None:
            owed.pop(connector, None)
            if not owed:
                del self._owed[identity]

    async def write(self, identity: str) -> None:
        """
        Tell the ledger what it does not know; whoever calls this has the Charge Point's turn.

        @raise StorageError: when it is not on disk; it stays owed.
        """
        for connector, running in tuple(self._owed.get(identity, {}).items()):
            if running is None:
                await self._ledger.vacated(identity, connector)
            else:
                await self._ledger.resumed(identity, connector, running.transaction_id)
            self.known((identity, connector))

    async def try_to_write(self, identity: str) -> None:
        """As L{write}; what is not on disk then stays owed, and nobody is told but the log."""
        writing = Deferred.fromCoroutine(self.write(identity))
        await writing.addErrback(_still_owed, identity)

    def catch_up(self, identity: str) -> Deferred[None]:
        """
        Try to tell the ledger what it does not know of a Charge Point, if that is anything.

        @return: fires when that has been tried. Where somebody has the turn already, a later
            message will do: those that come while the disk is slow are not to fill the queue.
        """
        if identity not in self._owed or self._turns.is_taken(identity):
            return succeed(None)
        return self._write_in_turn(identity)

    def write_all(self) -> Deferred[None]:
        """
        Try to tell the ledger all that it does not know, behind what is being carried out: the
        program stops.

        @return: fires when that has been tried.
        """
        trying = [self._write_in_turn(identity) for identity in tuple(self._owed)]
        return gatherResults(trying).addCallback(lambda _: None)

    def _write_in_turn(self, identity: str) -> Deferred[None]:
        writing = self._turns.take(identity, partial(self.write, identity))
        return writing.addErrback(_still_owed, identity)

    def _note(self, place: tuple[str, int], running: Transaction | None) -> None:
        identity, connector = place
        self._owed.setdefault(identity, {})[connector] = running


def _still_owed(failure: Failure, identity: str) -> None:
    _log.error(
        "{identity}: what runs there could not be written down, and will be tried again: "
        "{error!s}",
        identity=identity,
        error=failure.value,
    )


class Presence:
    """
    A Charge Point from when it dials until it is gone, however often it dials again meanwhile.

    @ivar calls: those of the connection that counts; C{None}: it is gone.
    """

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls: OutgoingCalls | None = None


class Roster:
    """
    The Charge Points, whether they are connected or not.

    @ivar environment: the world around it.
    @ivar settings: replaced as a whole when the configuration is another one.
    @ivar counters: what has happened how often.
    @ivar certificate_names: what the certificate of a Charge Point may name, its identity
        first.
    @ivar reservation_used: told of each transaction that uses a reservation: by which Charge
        Point, and the reservation's id.
    @ivar turns: of what the Charge Points tell of their transactions.
    @ivar unwritten: what the ledger has still to be told of them.
    """

    def __init__(
        self, environment: Environment, settings: CentralSystemSettings, counters: Counters
    ) -> None:
        self.environment = environment
        self.settings = settings
        self.counters = counters
        self.certificate_names: Callable[[str], tuple[str, ...]] = _identity_alone
        self.reservation_used: Callable[[str, int], None] = _nobody_cares
        self.turns = Turns()
        self.unwritten = Unwritten(environment.ledger, self.turns)
        self._present: dict[str, Presence] = {}
        self._acquaintances: dict[str, Acquaintance] = {}
        self._transactions: dict[tuple[str, int], Transaction] = {}
        self._asleep: dict[tuple[str, int], Transaction] = {}
        self._over: dict[str, dict[int, None]] = {}
        self._beginning: dict[str, int] = {}

    @property
    def running(self) -> Mapping[tuple[str, int], int]:
        """The ids of all transactions that run, by Charge Point and connector."""
        return {place: one.transaction_id for place, one in self._transactions.items()}

    def runs_at(self, place: tuple[str, int], transaction: Transaction | None = None) -> bool:
        """
        Whether a transaction runs at a connector of a Charge Point.

        @param transaction: this one; C{None}: any.
        """
        running = self._transactions.get(place)
        if running is None:
            return False
        return transaction is None or running.transaction_id == transaction.transaction_id

    def sleeps_at(self, place: tuple[str, int], transaction_id: int) -> bool:
        """Whether a transaction sleeps there: see L{fell_asleep}."""
        sleeping = self._asleep.get(place)
        return sleeping is not None and sleeping.transaction_id == transaction_id

    def owes(self, identity: str) -> bool:
        """Whether a Charge Point has begun, or is beginning, what it has not ended yet."""
        if identity in self._beginning:
            return True
        return any(owner == identity for owner, _ in self._transactions)

    def begin_in_turn(self, identity: str, work: Work[T]) -> Deferred[T]:
        """L{Turns.take} for the start of a transaction; the Charge Point L{owes} it already."""
        self._beginning[identity] = self._beginning.get(identity, 0) + 1
        return self.turns.take(identity, work).addBoth(self._begun, identity)

    def _begun(self, result: T, identity: str) -> T:
        self._beginning[identity] -= 1
        if not self._beginning[identity]:
            del self._beginning[identity]
        return result

    def dialled(self, identity: str, calls: OutgoingCalls) -> Presence:
        """A Charge Point has a connection that counts, and no other of it does any more."""
        presence = self._present.setdefault(identity, Presence())
        presence.calls = calls
        return presence

    def gone(self, identity: str) -> None:
        """A Charge Point has no connection any more."""
        presence = self._present.pop(identity, None)
        if presence is not None:
            presence.calls = None

    def acquaintance(self, identity: str) -> Acquaintance:
        """What is remembered of a Charge Point, from now on if it was unknown."""
        found = self._acquaintances.get(identity)
        if found is None:
            self._forget_strangers()
            found = self._acquaint(identity, None)
        return found

    def device_of(self, identity: str) -> DeviceIdentity | None:
        """What a Charge Point has said last of itself; C{None}: nothing, or it is not known."""
        found = self._acquaintances.get(identity)
        return None if found is None else found.device

    def remember(self, devices: Mapping[str, DeviceIdentity]) -> None:
        """Note what configured Charge Points have said of themselves, before this start."""
        for identity, device in devices.items():
            if identity in self.settings.charge_points:
                self._acquaint(identity, device)

    def configured(self, settings: CentralSystemSettings) -> CentralSystemSettings:
        """
        Take other settings.

        @return: those until now.
        """
        before, self.settings = self.settings, settings
        for identity, acquaintance in self._acquaintances.items():
            acquaintance.treat(settings.policy_for(identity))
        return before

    def resume(self, transactions: Iterable[OpenTransaction]) -> None:
        """Note what was running when the program stopped."""
        for open_one in transactions:
            self.began((open_one.charge_point, open_one.connector), open_one.transaction)

    def began(self, place: tuple[str, int], transaction: Transaction) -> None:
        """A transaction runs at a connector of a Charge Point from now on, and no other."""
        if not self.runs_at(place, transaction):
            # What ran there is over, though its end has not been told, and it still may be.
            self.ended(place)
        self._transactions[place] = transaction
        self._asleep.pop(place, None)

    def ended(self, place: tuple[str, int]) -> None:
        """None runs there any more."""
        self._asleep.pop(place, None)
        ended = self._transactions.pop(place, None)
        if ended is not None:
            over = self._over.setdefault(place[0], {})
            over[ended.transaction_id] = None
            if len(over) > MAX_OVER:
                del over[next(iter(over))]

    def stopped(self, identity: str, transaction_id: int) -> int | None:
        """
        A Charge Point says that a transaction has ended.

        @return: where it was running until now; C{None} if it was not.
        """
        for place, sleeping in tuple(self._asleep.items()):
            if place[0] == identity and sleeping.transaction_id == transaction_id:
                del self._asleep[place]
        connector = self.connector_of(identity, transaction_id)
        if connector is not None:
            self.ended((identity, connector))
        return connector

    def fell_asleep(self, place: tuple[str, int]) -> None:
        """
        The Charge Point says that its connector is free, and has not said that its transaction
        has ended. The ledger does not know that yet.
        """
        transaction = self._transactions.get(place)
        if transaction is not None:
            self.ended(place)
            self._asleep[place] = transaction
            self.unwritten.vacated(place)

    def forget_sleeping(self, place: tuple[str, int]) -> None:
        """Another car is there: what slept is over."""
        self._asleep.pop(place, None)

    def woke_up(self, place: tuple[str, int]) -> Transaction | None:
        """
        The Charge Point charges again without having begun another transaction. The ledger does
        not know that yet.
        """
        transaction = self._asleep.pop(place, None)
        if transaction is not None:
            self.began(place, transaction)
            self.unwritten.resumed(place, transaction)
        return transaction

    def was_here(self, identity: str, transaction_id: int) -> bool:
        """Whether a transaction of a Charge Point runs, or has ended not long ago."""
        running = self.connector_of(identity, transaction_id) is not None
        return running or self.is_over(identity, transaction_id)

    def is_over(self, identity: str, transaction_id: int) -> bool:
        """Whether a transaction of a Charge Point has ended, not long ago."""
        return transaction_id in self._over.get(identity, ())

    def connector_of(self, identity: str, transaction_id: int) -> int | None:
        """Where a transaction of a Charge Point runs; C{None} if it does not."""
        for (owner, connector), transaction in self._transactions.items():
            if owner == identity and transaction.transaction_id == transaction_id:
                return connector
        return None

    def taken_up(self, before: CentralSystemSettings) -> Iterator[tuple[str, Transaction]]:
        """
        The transactions at connectors that are an EVSE now, and were none or another one.

        @param before: the settings until now.
        @return: each with the name of its EVSE.
        """
        for place, transaction in self._transactions.items():
            was, now = before.evse_at(*place), self.settings.evse_at(*place)
            if now is not None and (was is None or was.name != now.name):
                yield now.name, transaction

    def serves(self, identity: str) -> bool:
        """Whether a Charge Point gets more than BootNotification.conf Pending."""
        return (
            identity in self.settings.charge_points
            or self.settings.unknown is UnknownChargePoints.ACCEPT
        )

    def _acquaint(self, identity: str, device: DeviceIdentity | None) -> Acquaintance:
        policy = self.settings.policy_for(identity)
        found = Acquaintance(identity, policy, device, self.counters)
        self._acquaintances[identity] = found
        return found

    def _forget_strangers(self) -> None:
        if len(self._acquaintances) < len(self.settings.charge_points) + MAX_ACQUAINTANCES:
            return
        for identity, acquaintance in self._acquaintances.items():
            if identity not in self.settings.charge_points and not acquaintance.connections:
                del self._acquaintances[identity]
                return


def _identity_alone(identity: str) -> tuple[str, ...]:
    """What a certificate may name where nobody knows any better."""
    return (identity,)


def _nobody_cares(identity: str, reservation_id: int) -> None:
    """What is done about a reservation where nobody makes any."""
