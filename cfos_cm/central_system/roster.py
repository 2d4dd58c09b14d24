"""What every connection shares: the world around, the settings, and what runs where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cfos_cm.central_system.environment import Environment
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.site.records import OpenTransaction
from cfos_cm.site.transaction import Transaction

__all__ = ["Roster"]


class Roster:
    """
    The Charge Points, whether they are connected or not.

    @ivar environment: the world around it.
    @ivar settings: replaced as a whole when the configuration is another one.
    """

    def __init__(self, environment: Environment, settings: CentralSystemSettings) -> None:
        self.environment = environment
        self.settings = settings
        self._transactions: dict[tuple[str, int], Transaction] = {}

    @property
    def running(self) -> Mapping[tuple[str, int], int]:
        """The id of the transaction that runs at a connector of a Charge Point."""
        return {place: one.transaction_id for place, one in self._transactions.items()}

    def resume(self, transactions: Iterable[OpenTransaction]) -> None:
        """Note what was running when the program stopped."""
        for open_one in transactions:
            self.began((open_one.charge_point, open_one.connector), open_one.transaction)

    def began(self, place: tuple[str, int], transaction: Transaction) -> None:
        """A transaction runs at a connector of a Charge Point from now on."""
        self._transactions[place] = transaction

    def ended(self, place: tuple[str, int]) -> None:
        """None runs there any more."""
        self._transactions.pop(place, None)

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
