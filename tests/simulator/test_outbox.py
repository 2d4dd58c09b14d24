"""The messages about transactions are kept, repeated and bounded."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.simulator.configuration import Configuration
from cfos_cm.simulator.outbox import MAX_ENTRIES, Outbox
from cfos_cm.v16.core import (
    MeterValuesRequest,
    StartTransactionConfirmation,
    StartTransactionRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo, Message, MeterValue, SampledValue

STAMP = "2026-03-02T12:00:00.000Z"
START = StartTransactionRequest(connector_id=1, id_tag="x", meter_start=0, timestamp=STAMP)
STOP = StopTransactionRequest(meter_stop=1, timestamp=STAMP, transaction_id=-1)
STARTED = StartTransactionConfirmation(
    id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED), transaction_id=7
)


def reading(number: int) -> MeterValuesRequest:
    """A reading that can be told from others."""
    values = (SampledValue(value=str(number)),)
    return MeterValuesRequest(
        connector_id=1, meter_value=(MeterValue(timestamp=STAMP, sampled_value=values),)
    )


class OutboxTests(SynchronousTestCase):
    """An outbox on its own."""

    def setUp(self) -> None:
        """An outbox, and what it sends."""
        self.clock = Clock()
        self.sent: list[Message] = []
        self.answers: list[Deferred[Message]] = []
        self.started: list[int] = []
        self.outbox = Outbox(
            self.clock,
            Configuration(1, 10),
            lambda number, _confirmation: self.started.append(number),
        )

    def call(self, request: Message) -> Deferred[Message]:
        """Take a request."""
        self.sent.append(request)
        self.answers.append(Deferred())
        return self.answers[-1]

    def test_one_at_a_time(self) -> None:
        """The second message goes when the first is answered, with the id that it has got."""
        self.outbox.open(self.call)
        self.outbox.add(1, START)
        self.outbox.add(1, STOP)
        self.assertEqual(self.sent, [START])
        self.answers[0].callback(STARTED)
        self.assertEqual(self.started, [1])
        stop = self.sent[1]
        assert isinstance(stop, StopTransactionRequest)
        self.assertEqual(stop.transaction_id, 7)

    def test_growing_pauses(self) -> None:
        """What is not answered is sent again after 30 s, then after 60 s."""
        self.outbox.open(self.call)
        self.outbox.add(1, START)
        for pause_s, times in ((30, 2), (60, 3)):
            self.answers[-1].errback(DeviceError("no answer"))
            self.clock.advance(pause_s - 1)
            self.assertEqual(len(self.sent), times - 1)
            self.clock.advance(1)
            self.assertEqual(len(self.sent), times)

    def test_refused_three_times(self) -> None:
        """What is refused three times is given up."""
        self.outbox.open(self.call)
        self.outbox.add(1, START)
        for _ in range(3):
            self.answers[-1].errback(DeviceRefusal("no"))
            self.clock.advance(100)
        self.assertEqual((len(self.sent), len(self.outbox)), (3, 0))

    def test_lost_connection(self) -> None:
        """What was under way when the connection was lost is sent again on the next one."""
        self.outbox.open(self.call)
        self.outbox.add(1, START)
        self.outbox.close()
        self.answers[0].errback(DeviceError("the connection is gone"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outbox.open(self.call)
        self.assertEqual(self.sent, [START, START])

    def test_bound(self) -> None:
        """When it is full the oldest readings go, and no start or stop."""
        self.outbox.add(1, START)
        for number in range(MAX_ENTRIES):
            self.outbox.add(1, reading(number))
        self.outbox.add(1, STOP)
        self.assertEqual(len(self.outbox), MAX_ENTRIES)
        self.assertTrue(self.outbox.is_full)
        self.outbox.open(self.call)
        self.answers[0].callback(STARTED)
        oldest = self.sent[1]
        assert isinstance(oldest, MeterValuesRequest)
        self.assertEqual(oldest.meter_value[0].sampled_value[0].value, "2")

    def test_bound_spares_what_is_under_way(self) -> None:
        """A reading that is under way stays, for its answer is still to come."""
        self.outbox.open(self.call)
        for number in range(MAX_ENTRIES + 1):
            self.outbox.add(1, reading(number))
        self.answers[0].errback(DeviceError("no answer"))
        self.clock.advance(30)
        self.assertEqual(self.sent, [reading(0), reading(0)])
