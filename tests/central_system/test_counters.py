"""What is counted, and when."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.session import MAX_UNANSWERED_CALLS
from cfos_cm.counters import Counter
from cfos_cm.errors import DeviceError
from cfos_cm.v16.core import ClearCacheRequest
from cfos_cm.v16.types import Message
from cfos_cm.wire.rpc import MAX_WAITING_CALLS
from tests.central_system.world import START, World, stop_of


class Counted(SynchronousTestCase):
    """Each counter goes up by what has happened, and no other."""

    def setUp(self) -> None:
        """Two Charge Points are connected, and what led to that is counted already."""
        self.world = World()
        self.peer = self.world.connect()
        self.other = self.world.connect("CP-2")
        self.before = self.world.system.counters.all()

    def counted(self) -> dict[Counter, int]:
        """What has gone up, and by how much."""
        after = self.world.system.counters.all()
        return {
            what: after[what] - self.before[what]
            for what in Counter
            if after[what] != self.before[what]
        }

    def call(self) -> Deferred[Message]:
        """Ask CP-1 something; a failure is of no interest."""
        calling = self.world.system.call("CP-1", ClearCacheRequest())
        calling.addErrback(lambda failure: failure.trap(DeviceError))
        return calling

    def asked(self) -> str:
        """The message id of the last call to CP-1."""
        unique_id: str = self.peer.requests()[-1][1]
        return unique_id

    def answer(self, unique_id: str) -> None:
        """CP-1 answers something."""
        self.peer.say([3, unique_id, {"status": "Accepted"}])

    def test_calls(self) -> None:
        """What comes, and what of it is refused."""
        self.peer.ask("Heartbeat")
        self.peer.answer_to(self.peer.call("Dance", {}))
        self.assertEqual({Counter.CALLS_RECEIVED: 2, Counter.CALLS_REFUSED: 1}, self.counted())

    def test_too_deep(self) -> None:
        """What is nested too deeply, for those who read the payload and for those before."""
        for depth, others in (
            (40, {Counter.CALLS_RECEIVED: 1, Counter.CALLS_REFUSED: 1}),
            # How deep that is depends on the version of Python.
            (100_000, {Counter.FRAMES_UNREADABLE: 1, Counter.CALLS_REFUSED: 1}),
        ):
            self.before = self.world.system.counters.all()
            data = b"[" * depth + b"]" * depth
            self.peer.say(b'[2,"1","DataTransfer",{"vendorId":"a","data":%b}]' % data)
            self.assertEqual({Counter.MESSAGES_TOO_DEEP: 1, **others}, self.counted())

    def test_tooMany(self) -> None:
        """A Charge Point that does not wait for its answers."""
        self.world.disk.held = True
        reading = {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [{"value": "1"}]}
        for number in range(MAX_UNANSWERED_CALLS + 1):
            values = {"connectorId": 1, "meterValue": [reading]}
            self.peer.say(json.dumps([2, str(number), "MeterValues", values]).encode())
        self.assertEqual(1, self.counted()[Counter.CALLS_TOO_MANY])
        self.assertEqual([1008], [code for code, _ in self.peer.hang_ups])

    def test_sent(self) -> None:
        """What we ask, and what is not even sent."""
        for _ in range(MAX_WAITING_CALLS + 3):
            self.call()
        self.assertEqual({Counter.CALLS_SENT: 1, Counter.CALLS_NOT_SENT: 2}, self.counted())

    def test_late(self) -> None:
        """An answer after its time."""
        self.call()
        self.world.clock.advance(31)
        self.answer(self.asked())
        self.assertEqual(1, self.counted()[Counter.CALLS_TIMED_OUT])
        self.assertEqual(1, self.counted()[Counter.ANSWERS_LATE])

    def test_doubled(self) -> None:
        """The same answer twice."""
        self.call()
        unique_id = self.asked()
        self.answer(unique_id)
        self.answer(unique_id)
        self.assertEqual({Counter.CALLS_SENT: 1, Counter.ANSWERS_DOUBLED: 1}, self.counted())

    def test_unknown(self) -> None:
        """An answer to nothing."""
        self.answer("nothing")
        self.assertEqual({Counter.ANSWERS_UNKNOWN: 1}, self.counted())

    def test_strayStops(self) -> None:
        """The end of somebody else's transaction, and of nobody's."""
        number = self.peer.ask("StartTransaction", START)["transactionId"]
        self.other.ask("StopTransaction", stop_of(number))
        self.other.ask("StopTransaction", stop_of(-1))
        counted = self.counted()
        self.assertEqual(
            (1, 1), (counted[Counter.FOREIGN_STOPS], counted[Counter.UNKNOWN_STOPS])
        )
