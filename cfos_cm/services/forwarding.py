"""The ledger, as those see it who report transactions: what it keeps, backends are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults

from cfos_cm.charge_point.queued import QueuedMessage, Route
from cfos_cm.site.records import StoredStart, StoredStop, TransactionStart, TransactionStop
from cfos_cm.storage.forwarding import ForwardingLedger

__all__ = ["Forwards", "TellingLedger"]


class Forwards(Protocol):
    """Who brings what happens to the backends."""

    def routes(self, evse: str | None, id_tag: str) -> Sequence[Route]:
        """Who is told of a transaction of C{id_tag} that begins at an EVSE."""

    def last_wh(self, evse: str | None) -> int | None:
        """What the meter of an EVSE was last heard to show; C{None}: not known. [Wh]"""

    def began(self, start: StoredStart, queued: Sequence[QueuedMessage]) -> None:
        """A transaction has begun, and these messages about it are on disk."""

    def ended(self, transaction_id: int, queued: Sequence[QueuedMessage]) -> None:
        """A transaction has ended, and these messages about it are on disk."""

    def measured(
        self, charge_point: str, connector: int, transaction_id: int | None, payload: bytes
    ) -> Deferred[Any] | None:
        """
        A Charge Point has sent meter values.

        @return: fires when they are on disk for those who are to have them; C{None}: there is
            nothing to wait for.
        """


class TellingLedger:
    """
    A ledger whose every transaction is on its way to the backends when it is on disk.

    Whoever is told that something is kept knows that it will be delivered: both are one commit.
    See L{cfos_cm.central_system.environment.Ledger}.
    """

    def __init__(self, ledger: ForwardingLedger, forwards: Forwards) -> None:
        self._ledger = ledger
        self._forwards = forwards

    def start(self, start: TransactionStart) -> Deferred[StoredStart]:
        """Note the start of a transaction."""
        routes = self._forwards.routes(start.evse, start.id_tag)
        last_wh = self._forwards.last_wh(start.evse)
        starting = self._ledger.start_and_queue(start, routes, last_wh)
        return starting.addCallback(self._started)

    def stop(self, stop: TransactionStop) -> Deferred[StoredStop]:
        """Note the end of a transaction."""
        stopping = self._ledger.stop_and_queue(stop)
        return stopping.addCallback(self._stopped, stop.transaction_id)

    def vacated(self, charge_point: str, connector: int) -> Deferred[None]:
        """Note that nothing runs at a connector."""
        return self._ledger.vacated(charge_point, connector)

    def resumed(self, charge_point: str, connector: int, transaction_id: int) -> Deferred[None]:
        """Note that a transaction goes on."""
        return self._ledger.resumed(charge_point, connector, transaction_id)

    def add_meter_values(
        self,
        charge_point: str,
        connector: int,
        transaction_id: int | None,
        received_at: datetime,
        payload_text: str,
    ) -> Deferred[None] | None:
        """Keep what a meter said, to the letter."""
        kept = self._ledger.add_meter_values(
            charge_point, connector, transaction_id, received_at, payload_text
        )
        owed = self._forwards.measured(
            charge_point, connector, transaction_id, payload_text.encode()
        )
        waiting = [one for one in (kept, owed) if one is not None]
        if not waiting:
            return None
        # The first that fails is what the Charge Point is told of; all of them are heard.
        together = gatherResults(waiting, consumeErrors=True)
        return together.addCallbacks(_nothing, _first_failure)

    def _started(self, result: tuple[StoredStart, Sequence[QueuedMessage]]) -> StoredStart:
        stored, queued = result
        self._forwards.began(stored, queued)
        return stored

    def _stopped(
        self, result: tuple[StoredStop, Sequence[QueuedMessage]], transaction_id: int
    ) -> StoredStop:
        stored, queued = result
        self._forwards.ended(transaction_id, queued)
        return stored


def _nothing(_: object) -> None:
    return None


def _first_failure(failure: Any) -> Any:
    return failure.value.subFailure
