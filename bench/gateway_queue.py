"""
A queue that waits for its backend, made as the program makes it: charges that were written into
the ledger while the backend was away.

    python -m bench.gateway_queue tap.cfg 100000

For the only gateway of that tap.cfg.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from bench.frames import meter_values
from bench.gateway_bills import PER_TRANSACTION, TAG
from cfos_cm.charge_point.queued import QueuedMessage, Route
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.services.config import Config, read_config
from cfos_cm.services.gateway_settings import gateway_settings
from cfos_cm.site.records import TransactionStart, TransactionStop
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.database import Database
from cfos_cm.storage.forwarding import ForwardingLedger
from cfos_cm.storage.outbox import Outboxes

#: So many charges are written at a time.
_AT_ONCE = 50

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_key() -> str:
    return str(uuid4())


class Filling:
    """The making of one queue. What each message says of the meter is its place in it."""

    def __init__(self, database: Database, gateway: str, connector: ConnectorSettings) -> None:
        # What is asked for in an order is done in that order: the numbers are known before.
        ids = itertools.count(1)
        self._ledger = ForwardingLedger(database, lambda: next(ids), _new_key, _now)
        self._outboxes = Outboxes(database, _new_key, _now)
        self._route = Route(gateway, connector.number)
        self._connector = connector

    async def fill(self, transactions: int) -> None:
        """Queue so many charges."""
        for begin in range(0, transactions, _AT_ONCE):
            end = min(transactions, begin + _AT_ONCE)
            waiting = [one for charge in range(begin, end) for one in self._charge(charge)]
            await gatherResults(waiting)

    def _charge(self, charge: int) -> Iterator[Deferred[Any]]:
        first_wh = charge * PER_TRANSACTION
        yield self._ledger.start_and_queue(self._start(charge, first_wh), [self._route])
        for reading in range(1, PER_TRANSACTION - 1):
            yield self._outboxes.add(self._reading(charge + 1, first_wh + reading))
        yield self._ledger.stop_and_queue(self._stop(charge, first_wh + PER_TRANSACTION - 1))

    def _start(self, charge: int, energy_wh: int) -> TransactionStart:
        at = _BEGIN + timedelta(seconds=100 * charge)
        told = {"connectorId": 1, "idTag": TAG, "meterStart": energy_wh}
        return TransactionStart(
            charge_point=self._connector.charge_point,
            connector=self._connector.connector,
            evse=self._connector.evse,
            id_tag=TAG,
            verdict=Verdict.ACCEPTED,
            started_at=at,
            meter_start_wh=energy_wh,
            reservation_id=None,
            request_text=json.dumps({**told, "timestamp": at.isoformat()}),
        )

    def _reading(self, transaction_id: int, energy_wh: int) -> QueuedMessage:
        return QueuedMessage(
            key=_new_key(),
            gateway=self._route.gateway,
            action="MeterValues",
            connector=self._route.connector,
            transaction_id=transaction_id,
            payload=meter_values(transaction_id, energy_wh % 16, f"{energy_wh:08}"),
            queued_at=_now(),
            is_periodic=True,
            message_id=_new_key(),
        )

    def _stop(self, charge: int, energy_wh: int) -> TransactionStop:
        at = _BEGIN + timedelta(seconds=100 * charge + 50)
        told = {"transactionId": charge + 1, "meterStop": energy_wh}
        return TransactionStop(
            charge_point=self._connector.charge_point,
            transaction_id=charge + 1,
            id_tag=None,
            stopped_at=at,
            meter_stop_wh=energy_wh,
            reason="Local",
            request_text=json.dumps({**told, "timestamp": at.isoformat()}),
        )


async def _fill(config: Config, messages: int) -> None:
    (settings,) = gateway_settings(config)
    database = Database(config.database_url, reactor, _now)
    await database.start()
    filling = Filling(database, settings.key, settings.connectors[0])
    await filling.fill(messages // PER_TRANSACTION)
    await database.stop()


def main() -> None:
    """Fill it, or fail."""
    config, messages = read_config(sys.argv[1]), int(sys.argv[2])
    failed: list[Any] = []

    def begin() -> None:
        filling = Deferred.fromCoroutine(_fill(config, messages))
        filling.addErrback(failed.append)
        filling.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    for failure in failed:
        failure.raiseException()


if __name__ == "__main__":
    main()
