"""Messages that come twice have one effect."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.repetition import MAX_REMEMBERED, Repetitions
from cfos_cm.counters import Counter
from cfos_cm.wire.ocppj import Call, decode
from tests.central_system.world import START, World, stop_of

VALUES = {
    "connectorId": 1,
    "meterValue": [
        {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [{"value": "1500"}]},
    ],
}


def call(unique_id: str, action: str, payload: bytes) -> Call:
    """As it comes from a Charge Point."""
    frame = decode(b'[2,"%b","%b",%b]' % (unique_id.encode(), action.encode(), payload))
    assert isinstance(frame, Call)
    return frame


class Memory(SynchronousTestCase):
    """What is remembered."""

    def test_same(self) -> None:
        """The whole message has to be the same."""
        memory = Repetitions()
        memory.note(call("1", "MeterValues", b'{"a":1}'), b"{}")
        self.assertEqual(b"{}", memory.answer_to(call("1", "MeterValues", b'{"a":1}')))
        for other in (
            call("2", "MeterValues", b'{"a":1}'),
            call("1", "MeterValues", b'{"a":2}'),
            call("1", "DataTransfer", b'{"a":1}'),
        ):
            self.assertIsNone(memory.answer_to(other), other)

    def test_noEffect(self) -> None:
        """What may be carried out twice is: a Heartbeat's answer has the time in it."""
        memory = Repetitions()
        memory.note(call("1", "Heartbeat", b"{}"), b"{}")
        self.assertIsNone(memory.answer_to(call("1", "Heartbeat", b"{}")))

    def test_bound(self) -> None:
        """The oldest is forgotten."""
        memory = Repetitions()
        for number in range(MAX_REMEMBERED + 1):
            memory.note(call(str(number), "MeterValues", b"{}"), b"{}")
        self.assertIsNone(memory.answer_to(call("0", "MeterValues", b"{}")))
        self.assertIsNotNone(memory.answer_to(call("1", "MeterValues", b"{}")))


class OnTheWire(SynchronousTestCase):
    """A Charge Point that has lost an answer says the same again."""

    def setUp(self) -> None:
        """It is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def twice(self, action: str, payload: object) -> list[list[object]]:
        """Say the same message twice; returns both answers."""
        before = len(self.peer.received)
        frame = [2, "same-id", action, payload]
        self.peer._actions["same-id"] = action
        self.peer.say(frame)
        self.peer.say(frame)
        return [one for one in self.peer.received[before:] if one[0] != 2]

    def test_meterValues(self) -> None:
        """They are kept once, and answered twice."""
        self.assertEqual([[3, "same-id", {}]] * 2, self.twice("MeterValues", VALUES))
        self.assertEqual(1, len(self.world.ledger.meter_values))
        self.assertEqual(1, self.world.system.counters[Counter.CALLS_REPEATED])

    def test_transaction(self) -> None:
        """One transaction, with the same answers; over another connection as well."""
        first, second = self.twice("StartTransaction", START)
        self.assertEqual(first, second)
        number = first[2]["transactionId"]  # type: ignore[call-overload]
        again = self.world.connect()
        again._actions["same-id"] = "StartTransaction"
        again.say([2, "same-id", "StartTransaction", START])
        self.assertEqual(first, again.received[-1])
        self.peer = again
        first, second = self.twice("StopTransaction", stop_of(number))
        self.assertEqual(first, second)
        self.assertEqual(1, len(self.world.ledger.rows))
        self.assertEqual([], self.world.ledger.stray_stops)

    def test_sameStartLater(self) -> None:
        """
        Some begin with the same ids after each restart, and have no clock: what they say once
        more, after the end of the first, is another transaction.
        """
        start = {**START, "timestamp": "1970-01-01T00:00:00Z"}
        first, _ = self.twice("StartTransaction", start)
        self.peer.ask("StopTransaction", stop_of(first[2]["transactionId"]))  # type: ignore[call-overload]
        self.world.clock.advance(60)
        second, third = self.twice("StartTransaction", start)
        self.assertNotEqual(first, second)
        self.assertEqual(second, third)

    def test_restartedIds(self) -> None:
        """The same id with other words is another message."""
        other = {**VALUES, "connectorId": 2}
        self.peer._actions["1"] = "MeterValues"
        self.peer.say([2, "1", "MeterValues", VALUES])
        self.peer.say([2, "1", "MeterValues", other])
        self.assertEqual(2, len(self.world.ledger.meter_values))

    def test_notStored(self) -> None:
        """What could not be stored is not remembered either: the next attempt counts."""
        self.world.disk.broken = True
        self.peer._actions["1"] = "MeterValues"
        self.peer.say([2, "1", "MeterValues", VALUES])
        self.assertEqual("InternalError", self.peer.received[-1][2])
        self.world.disk.broken = False
        self.peer.say([2, "1", "MeterValues", VALUES])
        self.assertEqual([3, "1", {}], self.peer.received[-1])
        self.assertEqual(1, len(self.world.ledger.meter_values))
