"""What every connection shares: the world around, the settings, and what runs where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from cfos_cm.central_system.acquaintance import Acquaintance
from cfos_cm.central_system.environment import Environment
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.counters import Counters
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.records import OpenTransaction
from cfos_cm.site.transaction import Transaction

__all__ = ["MAX_ACQUAINTANCES", "MAX_OVER", "Roster"]

#: Of each Charge Point: transactions that have ended and whose end may be told once more.
MAX_OVER = 100
#: Charge Points that are not configured and that something is remembered of.
MAX_ACQUAINTANCES = 200


class Roster:
    """
    The Charge Points, whether they are connected or not.

    @ivar environment: the world around it.
    @ivar settings: replaced as a whole when the configuration is another one.
    @ivar counters: what has happened how often.
    @ivar reservation_used: told of each transaction that uses a reservation: by which Charge
        Point, and the reservation's id.
    """

    def __init__(
        self, environment: Environment, settings: CentralSystemSettings, counters: Counters
    ) -> None:
        self.environment = environment
        self.settings = settings
        self.counters = counters
        self.reservation_used: Callable[[str, int], None] = _nobody_cares
        self._acquaintances: dict[str, Acquaintance] = {}
        self._transactions: dict[tuple[str, int], Transaction] = {}
        self._asleep: dict[tuple[str, int], Transaction] = {}
        self._unwritten: set[tuple[str, int]] = set()
        self._over: dict[str, dict[int, None]] = {}

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
        """Whether a Charge Point has begun what it has not ended yet."""
        return any(owner == identity for owner, _ in self._transactions)

    def owes_vacancy(self, place: tuple[str, int]) -> bool:
        """Whether the ledger does not know yet that nothing runs there."""
        return place in self._unwritten

    def vacancy_noted(self, place: tuple[str, int]) -> None:
        """The ledger knows."""
        self._unwritten.discard(place)

    def acquaintance(self, identity: str) -> Acquaintance:
        """What is remembered of a Charge Point, from now on if it was unknown."""
        found = self._acquaintances.get(identity)
        if found is None:
            self._forget_strangers()
            found = self._acquaint(identity, None)
        return found

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
        """A transaction runs at a connector of a Charge Point from now on."""
        self._transactions[place] = transaction
        self._asleep.pop(place, None)
        # The ledger has that with the start of this one.
        self._unwritten.discard(place)

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
        has ended.
        """
        self._unwritten.add(place)
        transaction = self._transactions.get(place)
        if transaction is not None:
            self.ended(place)
            self._asleep[place] = transaction

    def forget_sleeping(self, place: tuple[str, int]) -> None:
        """Another car is there: what slept is over."""
        self._asleep.pop(place, None)

    def woke_up(self, place: tuple[str, int]) -> Transaction | None:
        """The Charge Point charges again without having begun another transaction."""
        transaction = self._asleep.pop(place, None)
        if transaction is not None:
            self.began(place, transaction)
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


def _nobody_cares(identity: str, reservation_id: int) -> None:
    """What is done about a reservation where nobody makes any."""
