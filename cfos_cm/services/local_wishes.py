"""What backends want of the transactions of EVSEs that speak no OCPP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from cfos_cm.charge_point.reservations import Claim
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.services.gateway_rows import Row
from cfos_cm.services.local_places import Card
from cfos_cm.services.local_transactions import CARD_S, LocalTransactions
from cfos_cm.site.events import SiteEvent, TransactionStarted
from cfos_cm.v16.types import TransactionData

__all__ = ["LocalWishes"]


class LocalWishes:
    """Answers what L{LocalTransactions} asks, for the gateways of each EVSE."""

    def __init__(
        self, serving: Callable[[str], Iterable[tuple[Row, ConnectorSettings]]]
    ) -> None:
        """@param serving: the gateways of an EVSE, and which connector it is there."""
        self._serving = serving
        # By EVSE: what ends when the transaction that uses it is on disk.
        self._claimed: dict[str, tuple[Row, int]] = {}

    def tell(self, local: LocalTransactions) -> None:
        """Be asked by these transactions."""
        local.may_begin = self.may_begin
        local.reservation_for = self.reservation_for
        local.stop_data = self.stop_data
        local.keeps_when_unplugged = self.keeps_when_unplugged
        local.card_s = self.card_s

    def note(self, event: SiteEvent) -> None:
        """Something has happened on the site."""
        if isinstance(event, TransactionStarted):
            claimed = self._claimed.pop(event.evse, None)
            if claimed is not None:
                row, reservation_id = claimed
                row.gateway.reservations.used(reservation_id)

    def reservation_for(self, evse: str, card: Card) -> int | None:
        """The reservation that is used up by a start, if there is one."""
        self._claimed.pop(evse, None)
        for row, connector in self._serving(evse):
            claim = _claim(row, connector, card)
            if claim.reservation_id is not None:
                self._claimed[evse] = row, claim.reservation_id
                return claim.reservation_id
        return None

    def may_begin(self, evse: str, card: Card) -> bool:
        """Whether nothing has come between since it was said that somebody may charge."""
        return all(
            row.gateway.availability.is_operative(connector.number)
            and not _claim(row, connector, card).is_refused
            for row, connector in self._serving(evse)
        )

    def stop_data(
        self, evse: str, transaction_id: int, ended_at: datetime, stop_wh: int
    ) -> Sequence[TransactionData]:
        """What was sampled in a transaction that ends, as the backend that decides wants it."""
        found: Sequence[TransactionData] = ()
        for row, connector in self._serving(evse):
            made = row.gateway.connectors.get(connector.number)
            if made is not None:
                # All are asked: whoever is says no more of that transaction.
                told = made.stop_data(transaction_id, ended_at, stop_wh)
                found = told if row.decides or not found else found
        return found

    def keeps_when_unplugged(self, evse: str) -> bool:
        """Whether a transaction goes on when its car leaves."""
        row = self._authority(evse)
        return row is not None and not row.gateway.configuration.is_set(
            "StopTransactionOnEVSideDisconnect"
        )

    def card_s(self, evse: str) -> float:
        """How long a card counts for a car that comes after it. [s]"""
        row = self._authority(evse)
        if row is None:
            return CARD_S
        return float(row.gateway.configuration.number("ConnectionTimeOut"))

    def _authority(self, evse: str) -> Row | None:
        return next((row for row, _ in self._serving(evse) if row.decides), None)


def _claim(row: Row, connector: ConnectorSettings, card: Card) -> Claim:
    """Whether the owner of a card may use a connector, as far as it is kept free."""
    group = card.parent_id_tag
    if group is None:
        # Whoever was invited from afar has shown nothing, but may have been there before.
        group = row.gateway.cards.judge_offline(card.id_tag).info.parent_id_tag
    return row.gateway.reservations.claim(connector.number, card.id_tag, group)
