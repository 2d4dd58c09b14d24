"""An outbox and its queue in a file: nothing is lost, doubled or overtaken."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection
from twisted.internet import reactor
from twisted.internet.defer import gatherResults, succeed
from twisted.internet.task import deferLater

from cfos_cm.calls import OutgoingCalls
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.outbox import Outbox, OutboxHooks
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.charge_point.transactions import Transactions
from cfos_cm.counters import Counters
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.storage.gateway_transactions import note_transaction
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.wire.ocppj import Call, CallResult, Frame
from tests.storage.cases import NOW, SqliteCase

SETTINGS = GatewaySettings(
    "north", "North", "ws://backend", "CP-1", (ConnectorSettings(2, "bay-1", "CP-1"),)
)
START = b'{"connectorId":1,"idTag":"04AABB","meterStart":10,"timestamp":"2026-03-01T11:59:00Z"}'
KEYS = {
    "MessageTimeout": 30,
    "TransactionMessageAttempts": 3,
    "TransactionMessageRetryInterval": 0,
}


class DeduplicatingBackend:
    """
    A backend that answers in the next turn of the loop, if the connection is there still.

    @ivar billed: the payloads of what it heard, the same message id counted once.
    """

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.billed: list[bytes] = []
        self.repeated = 0
        self._answers: dict[str, bytes] = {}
        self._numbers = itertools.count(500)
        self.calls: OutgoingCalls | None = None

    def send(self, frame: Frame) -> None:
        """A message has come."""
        assert isinstance(frame, Call)
        calls = self.calls
        if self.choice.random() < 0.05:
            return
        if frame.unique_id in self._answers:
            self.repeated += 1
        else:
            self.billed.append(frame.payload)
            self._answers[frame.unique_id] = self._answer(frame)
        if self.choice.random() < 0.05:
            return
        answer = CallResult(frame.unique_id, self._answers[frame.unique_id])
        clock: Any = reactor
        clock.callLater(0, lambda: calls is self.calls and calls.answered(answer))

    def _answer(self, frame: Call) -> bytes:
        if frame.action != "StartTransaction":
            return b"{}"
        number = next(self._numbers)
        return b'{"transactionId":%d,"idTagInfo":{"status":"Accepted"}}' % number


def _note(connection: Connection, transaction: Transaction) -> None:
    note_transaction(connection, "north", 2, transaction)


class OnDiskTests(SqliteCase):
    """L{Outbox} with L{Outboxes}."""

    async def test_flapping(self) -> None:
        """
        Connections come and go, answers are lost and the program starts again as cars charge:
        each message is billed once, in its order, with its transaction's number.
        """
        clock: Any = reactor
        choice = random.Random(16)
        backend = DeduplicatingBackend(choice)
        ids = itertools.count()
        database = await self.opened()
        store = Outboxes(database, lambda: f"r{next(ids)}", lambda: datetime.now(UTC))
        wanted = []
        for number in range(1, 41):
            outbox = await self.begun(store, ids)
            backend.calls = OutgoingCalls(clock, backend.send, lambda: f"c{next(ids)}")
            outbox.open(backend.calls)
            begun = Transaction(number, "04AABB", Verdict.ACCEPTED, NOW, 10)
            await database.run(partial(_note, transaction=begun))
            stored = [outbox.put("StartTransaction", 2, number, START)]
            for reading in range(20):
                payload = b'{"connectorId":1,"transactionId":%d,"n":%d}' % (number, reading)
                stored.append(outbox.put("MeterValues", 2, number, payload))
                if choice.random() < 0.1:
                    await deferLater(clock, 0)
            stored.append(outbox.put("StopTransaction", 2, number, b'{"transactionId":0}'))
            for _ in range(choice.randrange(30)):
                await deferLater(clock, 0.001)
            await gatherResults(stored)
            wanted.append(number)
            lost, backend.calls = backend.calls, None
            outbox.lose()
            lost.close("gone")
            outbox.close()
        await self.drain(store, ids, backend)
        self.assertEqual(len(backend.billed), 22 * len(wanted))
        self.assertGreater(backend.repeated, 0)
        for index in range(len(wanted)):
            start, *readings, stop = backend.billed[22 * index : 22 * index + 22]
            self.assertIn(b'"connectorId":2', start)
            name = b'"transactionId":%d' % (500 + index)
            self.assertEqual(
                readings, [b'{"connectorId":2,%b,"n":%d}' % (name, n) for n in range(20)]
            )
            self.assertEqual(stop, b"{%b}" % name)

    async def begun(self, store: Outboxes, ids: Any) -> Outbox:
        """The program starts with what is on disk."""
        clock: Any = reactor
        environment: Any = GatewayEnvironment(
            clock=clock,
            now=lambda: datetime.now(UTC),
            new_unique_id=lambda: f"m{next(ids)}",
            outbox=store,
            memory=None,  # type: ignore[arg-type]
            vault=None,  # type: ignore[arg-type]
            security_log=None,  # type: ignore[arg-type]
            devices=None,  # type: ignore[arg-type]
            site=SiteState,
            report=lambda _event: None,
            counters=Counters(),
        )
        hooks = OutboxHooks(
            number=KEYS.__getitem__,
            is_alive=lambda: succeed(True),
            stalled=lambda _why: None,
            judged=lambda _message, _answer: None,
            refused=lambda _why: None,
            noted=lambda _id_tag, _info: None,
            unwanted=lambda: None,
        )
        outbox = Outbox(SETTINGS, environment, Transactions("North"), hooks)
        await outbox.load()
        return outbox

    async def drain(self, store: Outboxes, ids: Any, backend: DeduplicatingBackend) -> None:
        """Until nothing waits any more."""
        clock: Any = reactor
        waiting = 1
        while waiting:
            outbox = await self.begun(store, ids)
            backend.calls = calls = OutgoingCalls(clock, backend.send, lambda: f"c{next(ids)}")
            outbox.open(calls)
            before = -1
            while before != len(backend.billed) + backend.repeated:
                before = len(backend.billed) + backend.repeated
                await deferLater(clock, 0.005)
            backend.calls = None
            outbox.lose()
            calls.close("gone")
            outbox.close()
            waiting = (await store.depth("north")).waiting
