"""What a backend is owed reaches it: once, in order, whatever happens between."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.outbox import (
    HANG_UP_S,
    MAX_EVENT_HANG_UPS,
    MAX_HANG_UPS,
    MAX_PAUSE_S,
    Outbox,
    OutboxHooks,
)
from cfos_cm.charge_point.queued import BoundTransaction, QueuedMessage
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.charge_point.transactions import MAX_TRANSACTIONS, Transactions
from cfos_cm.charge_point.window import AGAIN_S, MAX_BYTES, MAX_MESSAGES, MAX_UNFORGOTTEN
from cfos_cm.counters import Counters
from cfos_cm.errors import StorageError
from cfos_cm.site.state import SiteState
from cfos_cm.v16.core import StartTransactionConfirmation
from tests.charge_point import samples
from tests.charge_point.backend import Backend, Heard, Line, refuse
from tests.charge_point.memory_outbox import NOW, MemoryOutbox

SETTINGS = GatewaySettings(
    "north", "North", "ws://backend", "CP-1", (ConnectorSettings(2, "bay-1", "CP-1"),)
)
START = b'{"connectorId":1,"idTag":"04AABB","meterStart":10,"timestamp":"2026-03-01T11:59:00Z"}'


class OutboxCase(SynchronousTestCase):
    """An outbox, its queue in memory and a backend."""

    def setUp(self) -> None:
        """Nothing is queued, and there is no connection."""
        self.clock = Clock()
        self.store = MemoryOutbox()
        self.backend = Backend(self.clock)
        self.keys = {
            "MessageTimeout": 30,
            "TransactionMessageAttempts": 3,
            "TransactionMessageRetryInterval": 30,
        }
        self.settings = SETTINGS
        self.ids = itertools.count()
        self.queued = itertools.count()
        self.judged: list[tuple[QueuedMessage, StartTransactionConfirmation]] = []
        self.refusals: list[str] = []
        self.stalls: list[str] = []
        self.noted: list[tuple[str, str]] = []
        self.unwanted: list[bool] = []
        self.start_program()

    def start_program(self) -> None:
        """The program starts, or starts again, with what is on disk."""
        environment: Any = GatewayEnvironment(
            clock=self.clock,
            now=lambda: NOW,
            new_unique_id=lambda: f"new-{next(self.ids)}",
            outbox=self.store,
            memory=None,  # type: ignore[arg-type]
            vault=None,  # type: ignore[arg-type]
            security_log=None,  # type: ignore[arg-type]
            devices=None,  # type: ignore[arg-type]
            site=SiteState,
            report=lambda _event: None,
            counters=Counters(),
        )
        self.transactions = Transactions("North")
        hooks = OutboxHooks(
            number=self.keys.__getitem__,
            is_alive=self.is_alive,
            stalled=self.stalls.append,
            judged=lambda message, answer: self.judged.append((message, answer)),
            refused=self.refusals.append,
            noted=lambda id_tag, info: self.noted.append((id_tag, info.status.value)),
            unwanted=lambda: self.unwanted.append(True),
        )
        self.outbox = Outbox(self.settings, environment, self.transactions, hooks)
        self.successResultOf(Deferred.fromCoroutine(self.outbox.load()))
        self.addCleanup(self.outbox.close)

    def is_alive(self) -> Deferred[bool]:
        """Whether the backend answers a Heartbeat."""
        line, before = self.line, self.line.answers
        asked = line.calls.relay("Heartbeat", b"{}", 30)
        return asked.addBoth(lambda _: line.answers > before)

    def connect(self) -> None:
        """There is a connection, and all may be sent."""
        self.line = Line(self.backend)
        self.outbox.open(self.line.calls)

    def disconnect(self) -> None:
        """The connection is gone."""
        self.outbox.lose()
        self.line.calls.close("gone")

    def message(
        self, action: str, transaction: int | None = 7, **changes: Any
    ) -> QueuedMessage:
        """A message that was not queued yet."""
        number = next(self.queued)
        payload = b'{"connectorId":1,"transactionId":7,"n":%d}' % number
        made = QueuedMessage(
            f"k{number}",
            "north",
            action,
            2,
            transaction,
            START if action == "StartTransaction" else payload,
            NOW + timedelta(seconds=number),
            False,
            f"m{number}",
        )
        return evolve(made, **changes)

    def put(self, action: str, transaction: int | None = 7, **changes: Any) -> QueuedMessage:
        """A message that is queued."""
        message = self.message(action, transaction, **changes)
        stored = self.store.add(message)
        self.outbox.offer(message)
        stored.addErrback(lambda _: self.outbox.withdraw(message))
        return message

    def ids_heard(self) -> list[str]:
        """The message ids of what the backend has heard, without Heartbeats."""
        return [one.unique_id for one in self.backend.heard if one.action != "Heartbeat"]


class OrderTests(OutboxCase):
    """What is sent, and in which order."""

    def test_a_transaction(self) -> None:
        """Start, readings and stop are sent in their order with the backend's number."""
        self.connect()
        self.put("StartTransaction")
        self.put("MeterValues")
        self.put("StopTransaction")
        start, reading, stop = self.backend.heard
        self.assertEqual(start.payload, START.replace(b'"connectorId":1', b'"connectorId":2'))
        self.assertEqual(reading.data, {"connectorId": 2, "transactionId": 9000, "n": 1})
        self.assertEqual(stop.data["transactionId"], 9000)
        self.assertEqual(self.store.alive, {})

    def test_during_an_outage(self) -> None:
        """What happened without a connection gets the number that is known only later."""
        for action in ("StartTransaction", "MeterValues", "StopTransaction"):
            self.put(action)
        self.connect()
        self.assertEqual(
            [one.data.get("transactionId") for one in self.backend.heard], [None, 9000, 9000]
        )
        self.assertNotIn(-1, [one.data.get("transactionId") for one in self.backend.heard])

    def test_one_at_a_time(self) -> None:
        """The next is sent when the one before was answered."""
        self.backend.answers["MeterValues"] = None
        self.transactions.begun(7, 2, "04AABB", NOW)
        self.transactions.bound(7, 5)
        self.connect()
        self.put("MeterValues")
        self.put("MeterValues")
        self.assertEqual(len(self.backend.heard), 1)
        self.backend.answer(self.backend.heard[0])
        self.assertEqual(self.ids_heard(), ["m0", "m1"])

    def test_byte_for_byte(self) -> None:
        """Signed values reach the backend as they came."""
        self.transactions.begun(7, 2, "04AABB", NOW)
        self.transactions.bound(7, -3)
        self.connect()
        for payload in samples.SIGNED.values():
            self.put("MeterValues", payload=payload)
        wanted = [
            samples.ocmf_stop("-3"),
            samples.mennekes_meter_values("2", "-3"),
            samples.sml_meter_values("2", "-3"),
            samples.innogy_meter_values("2", "-3"),
        ]
        self.assertEqual([one.payload for one in self.backend.heard], wanted)

    def test_ten_thousand(self) -> None:
        """A long queue is replayed in its order, and little of it is in memory."""
        self.put("StartTransaction")
        for _ in range(9_998):
            self.put("MeterValues")
        self.put("StopTransaction")
        self.assertLessEqual(len(self.outbox._window), MAX_MESSAGES)
        self.start_program()
        self.connect()
        self.assertEqual(self.ids_heard(), [f"m{number}" for number in range(10_000)])
        self.assertEqual(self.store.alive, {})
        self.assertEqual(self.outbox.depth.waiting, 0)
        self.assertLess(self.store.reads, 10_000 // (MAX_MESSAGES - 30))

    def test_what_comes_meanwhile(self) -> None:
        """What is queued while a long queue is replayed comes behind it."""
        for _ in range(500):
            self.put("SecurityEventNotification", None)
        added: list[str] = []

        def one_more(_heard: Heard) -> object:
            if len(added) < 300:
                added.append(self.put("SecurityEventNotification", None).message_id)
            return {}

        self.backend.answers["SecurityEventNotification"] = one_more
        self.connect()
        self.assertEqual(self.ids_heard(), [f"m{number}" for number in range(800)])

    def test_no_transaction(self) -> None:
        """Readings of no transaction are sent as they are, for their connector."""
        self.connect()
        self.put("MeterValues", None, payload=b'{"connectorId":1,"transactionId":4}')
        self.assertEqual(self.backend.heard[0].data, {"connectorId": 2, "transactionId": 4})

    def test_numbers_like_others(self) -> None:
        """0 and numbers below are what the backend calls a transaction, as any other."""
        for number in (0, -1, -(2**63)):
            self.backend.answers["StartTransaction"] = {
                "transactionId": number,
                "idTagInfo": {"status": "Invalid"},
            }
            self.backend.heard.clear()
            self.connect()
            self.put("StartTransaction", number % 100)
            self.put("StopTransaction", number % 100)
            self.assertEqual(self.backend.heard[-1].data["transactionId"], number)

    def test_judged(self) -> None:
        """The answer to a start is told, with its transaction."""
        self.connect()
        message = self.put("StartTransaction")
        (told, answer), *_ = self.judged
        self.assertEqual((told, answer.transaction_id), (message, 9000))

    def test_lenient_start(self) -> None:
        """A start whose answer has a vendor's fields was answered all the same."""
        self.backend.answers["StartTransaction"] = {
            "transactionId": "12",
            "idTagInfo": {"status": "Accepted", "expiryDate": None},
            "vendor": 1,
        }
        self.connect()
        self.put("StartTransaction")
        self.assertEqual(self.transactions.backend_id(7), 12)

    def test_tag_of_a_stop(self) -> None:
        """What the answer to an end says of its idTag is noted; of no idTag, nothing is."""
        self.transactions.begun(7, 2, "04AABB", NOW)
        self.transactions.bound(7, 5)
        self.connect()
        for answer in ({"idTagInfo": {"status": "Blocked"}}, {}, {"idTagInfo": {}}):
            self.backend.answers["StopTransaction"] = answer
            self.put("StopTransaction", payload=b'{"transactionId":7,"idTag":"04CC"}')
            self.put("StopTransaction")
        self.assertEqual(self.noted, [("04CC", "Blocked")])
        self.assertEqual(self.store.alive, {})

    def test_depth(self) -> None:
        """How much waits is known at each moment."""
        first = self.put("MeterValues")
        self.put("MeterValues")
        self.assertEqual(
            (self.outbox.depth.waiting, self.outbox.depth.oldest_at), (2, first.queued_at)
        )
        self.assertEqual(self.outbox.depth, self.successResultOf(self.store.depth("north")))


class ConnectionTests(OutboxCase):
    """Connections that come and go."""

    def test_same_id_after_a_reconnect(self) -> None:
        """What was on its way is sent again with the same message id, and no attempt counts."""
        self.backend.answers["StartTransaction"] = None
        self.connect()
        self.put("StartTransaction")
        for _ in range(10):
            self.disconnect()
            self.connect()
        self.assertEqual(self.ids_heard(), ["m0"] * 11)
        self.assertEqual(self.store.alive["k0"].attempts, 0)

    def test_same_id_after_a_restart(self) -> None:
        """So it is when the program has fallen meanwhile."""
        self.backend.answers["StartTransaction"] = None
        self.connect()
        self.put("StartTransaction")
        self.disconnect()
        self.start_program()
        self.connect()
        self.assertEqual(self.ids_heard(), ["m0", "m0"])

    def test_answer_of_an_old_connection(self) -> None:
        """What is answered on a connection that is gone was not answered."""
        self.backend.answers["StartTransaction"] = None
        self.connect()
        self.put("StartTransaction")
        old = self.line
        self.disconnect()
        old.received(b'[3,"m0",{"transactionId":1,"idTagInfo":{"status":"Accepted"}}]')
        self.assertIn("k0", self.store.alive)

    def test_paused(self) -> None:
        """While the gateway may not speak nothing is sent; what was is not sent twice."""
        self.backend.answers["StartTransaction"] = None
        self.connect()
        self.put("StartTransaction")
        self.outbox.pause()
        self.outbox.open(self.line.calls)
        self.assertEqual(self.ids_heard(), ["m0"])
        self.backend.answer(
            self.backend.heard[0], {"transactionId": 3, "idTagInfo": {"status": "Accepted"}}
        )
        self.assertEqual(self.transactions.backend_id(7), 3)

    def test_stalled(self) -> None:
        """Where nothing at all is answered the connection ends, and no attempt counts."""
        self.backend.answers = {"MeterValues": None, "Heartbeat": None}
        self.connect()
        self.put("MeterValues", None)
        self.clock.advance(30)
        self.clock.advance(29)
        self.assertEqual(self.stalls, [])
        self.clock.advance(1)
        self.assertEqual(len(self.stalls), 1)
        self.assertEqual(self.store.alive["k0"].attempts, 0)
        self.disconnect()
        self.backend.answers.clear()
        self.connect()
        self.assertEqual(self.ids_heard(), ["m0", "m0"])

    def test_no_answer_to_one(self) -> None:
        """Where something else is answered, no answer is an attempt."""
        self.backend.answers = {"MeterValues": None}
        self.connect()
        self.put("MeterValues", None)
        self.clock.advance(30)
        self.assertEqual((self.stalls, self.store.alive["k0"].attempts), ([], 1))
        self.clock.advance(29)
        self.assertEqual(self.ids_heard(), ["m0"])
        self.clock.advance(1)
        self.assertEqual(len(self.ids_heard()), 2)
        self.assertNotEqual(self.ids_heard()[1], "m0")

    def test_late_answer(self) -> None:
        """An answer that comes too late does not end the message that is sent again."""
        self.backend.answers = {"MeterValues": None}
        self.connect()
        self.put("MeterValues", None)
        self.clock.advance(30)
        self.backend.answer(self.backend.heard[0])
        self.assertIn("k0", self.store.alive)


class HangUpTests(OutboxCase):
    """A message that its backend hangs up on."""

    def hang_ups(self, count: int, after_s: float = 1, answers: object = None) -> None:
        """The backend hangs up so often, so long after the message has come."""
        self.backend.answers["MeterValues"] = None
        self.backend.answers["Heartbeat"] = {} if answers is None else None
        for _ in range(count):
            self.connect()
            self.clock.advance(after_s)
            self.disconnect()

    def hello(self) -> None:
        """The backend answers something of the connection that is there."""
        self.line.calls.relay("Heartbeat", b"{}", 30)

    def test_given_up(self) -> None:
        """After ten times in a row it is put aside, with words, and the next one is sent."""
        self.put("MeterValues", None)
        self.put("SecurityEventNotification", None)
        # On the first connection nothing was answered: that one does not count.
        self.hang_ups(MAX_HANG_UPS)
        self.assertEqual(self.store.dead_letters, {})
        self.hang_ups(1)
        (letter,) = self.store.dead_letters.values()
        self.assertEqual(letter.message.key, "k0")
        self.assertIn("hung up on it 10 times", letter.why)
        self.assertEqual(self.refusals, [letter.why])
        self.assertEqual(self.ids_heard(), ["m0"] * (MAX_HANG_UPS + 1))
        self.connect()
        self.assertEqual(self.ids_heard()[-1], "m1")
        self.assertEqual((self.outbox.depth.waiting, self.outbox.depth.dead), (0, 1))

    def test_security_event(self) -> None:
        """A security event is given up sooner: what is to be paid for waits behind it."""
        self.backend.answers["SecurityEventNotification"] = None
        self.put("SecurityEventNotification", None)
        self.put("MeterValues", None)
        self.hang_ups(MAX_EVENT_HANG_UPS + 1)
        self.assertEqual(["k0"], list(self.store.dead_letters))
        self.connect()
        self.assertEqual("m1", self.ids_heard()[-1])

    def test_start(self) -> None:
        """A start takes its transaction along."""
        self.backend.answers["StartTransaction"] = None
        for action in ("StartTransaction", "MeterValues", "StopTransaction"):
            self.put(action)
        self.hang_ups(MAX_HANG_UPS + 1)
        self.assertEqual(sorted(self.store.dead_letters), ["k0", "k1", "k2"])
        self.assertEqual(self.store.alive, {})

    def test_no_answer_at_all(self) -> None:
        """Where nothing else is answered, nothing is ever given up."""
        self.put("MeterValues", None)
        self.hang_ups(20 * MAX_HANG_UPS, answers="none")
        self.assertEqual((list(self.store.alive), self.store.dead_letters), (["k0"], {}))

    def test_after_a_while(self) -> None:
        """A connection that is lost much later was not ended by it; all begins anew."""
        self.put("MeterValues", None)
        for _ in range(5):
            self.hang_ups(MAX_HANG_UPS - 1)
            self.hang_ups(1, HANG_UP_S + 1)
        self.assertEqual(self.store.dead_letters, {})

    def test_behind_another(self) -> None:
        """What was not even sent is not suspected."""
        self.backend.answers["StatusNotification"] = None
        self.put("MeterValues", None)
        for _ in range(3 * MAX_HANG_UPS):
            self.line = Line(self.backend)
            self.hello()
            told = self.line.calls.relay("StatusNotification", b"{}", 30)
            told.addErrback(lambda _: None)
            self.outbox.open(self.line.calls)
            self.disconnect()
        self.assertEqual((self.ids_heard().count("m0"), self.store.dead_letters), (0, {}))

    def test_another_one(self) -> None:
        """Ten in a row are ten with the same message."""
        self.keys["TransactionMessageAttempts"] = 99
        self.put("MeterValues", None)
        for _ in range(4):
            self.hang_ups(MAX_HANG_UPS - 1)
            self.backend.answers["MeterValues"] = refuse()
            self.connect()
            self.disconnect()
        self.assertEqual(self.store.dead_letters, {})

    def test_another_comes_first(self) -> None:
        """One that is sent again by hand, before it, is not given up for it."""
        self.put("MeterValues", None)
        self.hang_ups(1)
        self.successResultOf(self.store.bury(self.store.alive["k0"], "no"))
        self.outbox.revived()
        self.put("MeterValues", None)
        self.hang_ups(MAX_HANG_UPS)
        self.successResultOf(self.store.revive("north"))
        self.outbox.revived()
        self.hang_ups(2)
        self.assertEqual(
            (sorted(self.store.alive), self.store.dead_letters), (["k0", "k1"], {})
        )

    def test_asked_first(self) -> None:
        """A message that may be one is not sent before something was answered."""
        self.put("MeterValues", None)
        self.hang_ups(1)
        self.backend.heard.clear()
        self.backend.answers["Heartbeat"] = None
        self.connect()
        self.assertEqual(self.backend.actions(), ["Heartbeat"])
        self.clock.advance(30)
        self.assertEqual((self.backend.actions(), len(self.stalls)), (["Heartbeat"], 1))
        self.disconnect()
        self.backend.answers.clear()
        self.connect()
        self.assertEqual(self.backend.actions()[1:], ["Heartbeat", "MeterValues"])
        self.assertEqual(self.store.alive, {})


class RetryTests(OutboxCase):
    """What is refused."""

    def test_times(self) -> None:
        """It is tried again after the interval, then twice that, with new ids; then no more."""
        self.keys["TransactionMessageAttempts"] = 4
        self.backend.answers["MeterValues"] = refuse()
        self.connect()
        self.put("MeterValues", None)
        self.clock.pump([1] * 600)
        self.assertEqual([one.at_s for one in self.backend.heard], [0, 30, 90, 180])
        self.assertEqual(len(set(self.ids_heard())), 4)
        self.assertEqual([one.message.key for one in self.store.dead_letters.values()], ["k0"])
        self.assertEqual(self.outbox.depth.dead, 1)
        self.assertEqual(self.outbox.depth.waiting, 0)

    def test_others_wait(self) -> None:
        """Meanwhile nothing overtakes it; afterwards the others go on."""
        self.backend.answers["MeterValues"] = refuse()
        self.connect()
        self.put("MeterValues", None)
        self.put("SecurityEventNotification", None)
        self.clock.pump([1] * 89)
        self.assertEqual(self.backend.told("SecurityEventNotification"), [])
        self.clock.advance(1)
        self.assertEqual(len(self.backend.told("SecurityEventNotification")), 1)

    def test_longest_pause(self) -> None:
        """No pause is longer than an hour."""
        self.keys["TransactionMessageRetryInterval"] = 10**9
        self.backend.answers["MeterValues"] = refuse()
        self.connect()
        self.put("MeterValues", None)
        self.clock.advance(MAX_PAUSE_S)
        self.assertEqual(len(self.backend.heard), 2)

    def test_attempts_survive(self) -> None:
        """Attempts are counted over a restart of the program, and the id is the last one."""
        self.backend.answers["MeterValues"] = refuse()
        self.connect()
        self.put("MeterValues", None)
        noted = self.store.alive["k0"]
        self.disconnect()
        self.start_program()
        self.connect()
        self.assertEqual(self.ids_heard(), ["m0", noted.message_id])
        self.assertEqual(self.store.alive["k0"].attempts, 2)

    def test_attempts_that_could_not_be_noted(self) -> None:
        """An attempt counts also when the disk was full; the message has its new id."""
        self.put("MeterValues", None)
        self.backend.answers["MeterValues"] = refuse()
        self.store.is_broken = True
        self.connect()
        self.store.is_broken = False
        self.outbox.revived()
        self.clock.pump([30, 60, 90])
        self.assertEqual(len(self.ids_heard()), 3)
        self.assertEqual(len(set(self.ids_heard())), 3)
        self.assertEqual(list(self.store.dead_letters), ["k0"])

    def test_start_takes_its_own_along(self) -> None:
        """A start that is given up takes what waits of its transaction with it, no more."""
        self.keys["TransactionMessageAttempts"] = 1
        self.backend.answers["StartTransaction"] = lambda heard: (
            "!GenericError"
            if heard.unique_id == "m0"
            else {"transactionId": 8, "idTagInfo": {"status": "Accepted"}}
        )
        self.put("StartTransaction", 1)
        self.put("MeterValues", 1)
        self.put("StartTransaction", 2)
        self.put("StopTransaction", 1)
        self.put("StopTransaction", 2)
        self.connect()
        self.assertEqual(sorted(self.store.dead_letters), ["k0", "k1", "k3"])
        self.assertEqual(self.store.burials, 1)
        self.assertEqual(self.ids_heard(), ["m0", "m2", "m4"])
        self.assertEqual(self.outbox.depth, self.successResultOf(self.store.depth("north")))

    def test_behind_a_dead_start(self) -> None:
        """What is said later of a transaction whose start was given up follows it."""
        self.keys["TransactionMessageAttempts"] = 1
        self.backend.answers["StartTransaction"] = refuse()
        self.connect()
        self.put("StartTransaction")
        self.put("MeterValues")
        self.assertEqual(self.ids_heard(), ["m0"])
        self.assertIn("StartTransaction", self.store.dead_letters["k1"].why)

    def test_sent_again_by_hand(self) -> None:
        """Dead letters that are revived are sent before what was queued after them."""
        self.keys["TransactionMessageAttempts"] = 1
        self.backend.answers["StartTransaction"] = refuse()
        self.put("StartTransaction")
        self.put("StopTransaction")
        self.connect()
        self.disconnect()
        self.put("SecurityEventNotification", None)
        del self.backend.answers["StartTransaction"]
        self.successResultOf(self.store.revive("north"))
        self.outbox.revived()
        self.connect()
        self.assertEqual(
            self.backend.actions()[1:],
            ["StartTransaction", "StopTransaction", "SecurityEventNotification"],
        )
        self.assertEqual(self.outbox.depth.dead, 0)

    def test_unreadable_start(self) -> None:
        """A start whose answer makes no sense counts as refused."""
        self.backend.answers["StartTransaction"] = {"idTagInfo": {"status": "Accepted"}}
        self.connect()
        self.put("StartTransaction")
        self.assertEqual(self.store.alive["k0"].attempts, 1)
        self.assertEqual(len(self.refusals), 1)

    def test_ambiguous_answer(self) -> None:
        """A stop that was answered with nonsense was answered."""
        self.backend.answers["SecurityEventNotification"] = None
        self.connect()
        self.put("SecurityEventNotification", None)
        self.backend.say('[3,"m0",{"a":1,"a":2}]')
        self.assertEqual(self.store.alive, {})


class DiskTests(OutboxCase):
    """Writes that take their time, and disks that are full."""

    def test_sent_before_it_is_written(self) -> None:
        """Sending does not wait for the disk."""
        self.store.is_held = True
        self.connect()
        self.put("MeterValues", None)
        self.assertEqual(len(self.backend.heard), 1)
        self.store.let_go()
        self.assertEqual(self.store.alive, {})

    def test_withdrawn(self) -> None:
        """What could not be stored is not sent when it was not yet."""
        self.store.is_broken = True
        self.put("MeterValues", None)
        self.store.is_broken = False
        self.connect()
        self.assertEqual(self.backend.heard, [])
        self.assertEqual(self.outbox.depth.waiting, 0)

    def test_withdrawn_on_its_way(self) -> None:
        """What could not be stored and was refused is not tried again."""
        self.backend.answers["MeterValues"] = refuse()
        self.store.is_broken = True
        self.connect()
        self.put("MeterValues", None)
        self.store.is_broken = False
        self.clock.pump([10] * 20)
        self.assertEqual((len(self.backend.heard), self.outbox.depth.waiting), (1, 0))

    def test_full_disk(self) -> None:
        """What was answered and cannot be forgotten is not sent twice, and forgotten later."""
        self.put("MeterValues", None)
        self.put("MeterValues", None)
        self.store.is_broken = True
        self.connect()
        self.disconnect()
        self.connect()
        self.outbox.revived()
        self.assertEqual(self.ids_heard(), ["m0", "m1"])
        self.store.is_broken = False
        self.clock.advance(AGAIN_S)
        self.assertEqual(self.store.alive, {})
        self.assertEqual(self.ids_heard(), ["m0", "m1"])

    def test_full_disk_for_long(self) -> None:
        """Not more is sent than can be remembered, and all that is not sent is sent later."""
        total = MAX_UNFORGOTTEN * 2
        for _ in range(total):
            self.put("MeterValues", None)
        self.connect()
        self.disconnect()
        self.assertEqual(len(self.ids_heard()), total)
        self.backend.heard.clear()
        for _ in range(total):
            self.put("MeterValues", None)
        forgetting = self.store.delivered
        self.store.delivered = lambda _message: fail(StorageError("the disk is full"))  # type: ignore[method-assign]
        self.connect()
        for _ in range(5):
            self.clock.advance(AGAIN_S)
        self.assertEqual(len(self.ids_heard()), MAX_UNFORGOTTEN)
        self.store.delivered = forgetting  # type: ignore[method-assign]
        for _ in range(5):
            self.clock.advance(AGAIN_S)
        self.assertEqual(self.ids_heard(), [f"m{number}" for number in range(total, 2 * total)])
        self.assertEqual(self.store.alive, {})

    def test_unreadable_queue(self) -> None:
        """A queue that cannot be read is read again later."""
        for _ in range(3):
            self.put("MeterValues", None)
        self.store.is_held = True
        self.outbox.revived()
        self.store.is_broken = True
        self.store.let_go()
        self.connect()
        self.assertEqual(self.backend.heard, [])
        self.store.is_broken = False
        self.clock.advance(AGAIN_S)
        self.assertEqual(self.ids_heard(), ["m0", "m1", "m2"])

    def test_offered_while_reading(self) -> None:
        """What comes while the queue is read is sent once, behind what was there."""
        self.put("MeterValues", None)
        self.store.is_held = True
        self.outbox.revived()
        self.put("MeterValues", None)
        self.connect()
        self.put("MeterValues", None)
        self.store.let_go()
        self.assertEqual(self.ids_heard(), ["m0", "m1", "m2"])
        self.assertEqual(self.store.alive, {})

    def test_more_than_a_window_while_reading(self) -> None:
        """However much comes while the queue is read, all of it is sent, once."""
        self.store.is_held = True
        self.outbox.revived()
        for _ in range(3 * MAX_MESSAGES):
            self.put("MeterValues", None)
        self.connect()
        self.assertLessEqual(self.outbox._window.size_bytes, MAX_BYTES)
        self.store.let_go()
        self.assertEqual(self.ids_heard(), [f"m{number}" for number in range(3 * MAX_MESSAGES)])

    def test_withdrawn_while_reading(self) -> None:
        """So it is when one of them could not be stored after all."""
        self.store.is_held = True
        self.outbox.revived()
        first = self.message("MeterValues", None)
        self.outbox.offer(first)
        for _ in range(MAX_MESSAGES + 20):
            self.put("MeterValues", None)
        self.outbox.withdraw(first)
        self.connect()
        self.store.let_go()
        wanted = [f"m{number}" for number in range(1, MAX_MESSAGES + 21)]
        self.assertEqual(self.ids_heard(), wanted)

    def test_every_interleaving(self) -> None:
        """Whenever writes and reads are done, each message is sent once, in its order."""
        for seed in range(15):
            self._interleave(seed)

    def _interleave(self, seed: int) -> None:
        self.setUp()
        choice = random.Random(seed)
        self.store.is_held = True
        count = 0
        self.outbox.revived()
        for _ in range(150):
            what = choice.randrange(10)
            if what < 5:
                for _ in range(choice.choice((1, 1, 60))):
                    self.put("MeterValues", None, payload=b'{"x":"%b"}' % (b"y" * 20_000))
                    count += 1
            elif what < 8:
                self.store.let_go(choice.randrange(4))
            elif what == 8:
                self.connect()
            elif getattr(self, "line", None) is not None:
                self.disconnect()
            self.assertLessEqual(self.outbox._window.size_bytes, 2 * MAX_BYTES + 20_010)
        self.connect()
        self.store.let_go()
        self.clock.advance(AGAIN_S)
        self.assertEqual(self.ids_heard(), [f"m{number}" for number in range(count)], seed)
        self.assertEqual(self.store.alive, {})

    def test_long_messages(self) -> None:
        """Long messages fill the memory no more than to its bound."""
        for _ in range(40):
            self.put("MeterValues", None, payload=b'{"x":"%b"}' % (b"y" * 100_000))
        self.assertLessEqual(self.outbox._window.size_bytes, MAX_BYTES)
        self.connect()
        self.assertEqual(self.ids_heard(), [f"m{number}" for number in range(40)])


class ThinningTests(OutboxCase):
    """Queues that are too long."""

    def test_thinned(self) -> None:
        """Above the limit periodic readings are forgotten, but not again and again."""
        self.settings = evolve(SETTINGS, queue_limit=10)
        self.start_program()
        for _ in range(11):
            self.put("MeterValues", None, is_periodic=True)
        self.assertEqual(len(self.store.alive), 9)
        for _ in range(5):
            self.put("MeterValues", None)
        self.assertEqual(len(self.store.alive), 14)
        self.clock.advance(60)
        self.put("MeterValues", None)
        self.assertEqual(len(self.store.alive), 9)

    def test_never_what_counts(self) -> None:
        """What is not periodic is kept, however much it is."""
        self.settings = evolve(SETTINGS, queue_limit=3)
        self.start_program()
        for _ in range(10):
            self.put("StopTransaction", None)
        self.assertEqual(len(self.store.alive), 10)


class TransactionsTests(OutboxCase):
    """What is remembered of transactions."""

    def test_more_than_are_remembered(self) -> None:
        """However many happen in an outage, the end of one from before finds its number."""
        self.connect()
        self.put("StartTransaction", 1)
        self.disconnect()
        for number in range(2, 2 * MAX_TRANSACTIONS):
            self.put("StartTransaction", number)
            self.put("StopTransaction", number)
            if number == MAX_TRANSACTIONS:
                self.put("StopTransaction", 1)
        self.connect()
        self.assertEqual((self.store.alive, self.store.dead_letters), ({}, {}))
        told = [one.data["transactionId"] for one in self.backend.told("StopTransaction")]
        self.assertEqual(sorted(told), list(range(9000, 9000 + 2 * MAX_TRANSACTIONS - 1)))
        self.assertIsNone(self.transactions.running(2))

    def test_remembered(self) -> None:
        """A number that was said before the program fell is put in after it."""
        self.store.known[7] = BoundTransaction(7, 2, "04AABB", NOW, 77)
        self.put("StopTransaction")
        self.start_program()
        self.connect()
        self.assertEqual(self.backend.heard[0].data["transactionId"], 77)

    def test_noted(self) -> None:
        """A start makes a transaction that runs, a stop ends it."""
        self.put("StartTransaction")
        running = self.transactions.running(2)
        assert running is not None
        self.assertEqual((running.transaction_id, running.id_tag), (7, "04AABB"))
        self.put("StopTransaction")
        self.assertIsNone(self.transactions.running(2))


class StormTests(OutboxCase):
    """Disks that fail now and then, connections that break, programs that fall."""

    def test_storm(self) -> None:
        """
        What was acknowledged is billed once by a backend that knows message ids, in its order,
        with its own transaction's number; nothing is put aside.
        """
        for seed in range(25):
            self._storm(seed)

    def _storm(self, seed: int) -> None:
        self.setUp()
        self.choice = random.Random(seed)
        self.answers: dict[str, object] = {}
        self.billed: list[str] = []
        self.drops = 0.1
        for action in ("StartTransaction", "MeterValues", "StopTransaction"):
            self.backend.answers[action] = self._deduplicated
        # Whatever is not answered is so because the connection breaks.
        self.keys["MessageTimeout"] = 10**6
        self._reconnect()
        self._fail_now_and_then()
        kept: list[str] = []
        for number in range(1, 25):
            for action in ("StartTransaction", *["MeterValues"] * 3, "StopTransaction"):
                message = self.message(action, number)
                while not self._is_stored(message):
                    pass
                kept.append(message.message_id)
                self._shake()
        self.fails = self.drops = 0.0
        for _ in range(4):
            self._reconnect()
            self.clock.advance(AGAIN_S)
        self.assertEqual(self.billed, kept, seed)
        self.assertEqual((self.store.alive, self.store.dead_letters), ({}, {}), seed)

    def _is_stored(self, message: QueuedMessage) -> bool:
        """A start or an end is offered when it is on disk, and a reading before."""
        stored: list[bool] = []
        adding = self.store.add(message)
        adding.addCallbacks(lambda _: stored.append(True), lambda _: stored.append(False))
        if stored[0]:
            if message.action == "StartTransaction":
                assert message.transaction_id is not None
                begun = BoundTransaction(message.transaction_id, 2, "04AABB", NOW)
                self.store.known[message.transaction_id] = begun
            self.outbox.offer(message)
        return stored[0]

    def _shake(self) -> None:
        what = self.choice.randrange(12)
        if what < 2:
            self.disconnect()
        elif what < 5:
            self._reconnect()
        elif what == 5:
            # It falls: what was in memory is gone.
            self.disconnect()
            self.outbox.close()
            fails, self.fails = self.fails, 0.0
            self.start_program()
            self.fails = fails
        elif what == 6:
            self.clock.advance(AGAIN_S)
        elif what == 7:
            self.outbox.revived()

    def _reconnect(self) -> None:
        if hasattr(self, "line"):
            self.disconnect()
        self.connect()

    def _fail_now_and_then(self) -> None:
        self.fails = 0.2
        doing = self.store._done

        def done(work: Any) -> Any:
            if self.choice.random() < self.fails:
                return fail(StorageError("the disk is full"))
            return doing(work)

        self.store._done = done  # type: ignore[method-assign]

    def _deduplicated(self, heard: Heard) -> object:
        if self.choice.random() < self.drops:
            # It was not even heard.
            return None
        if heard.unique_id not in self.answers:
            self.billed.append(heard.unique_id)
            number = 9000 + sum(one["transactionId"] > 0 for one in self.answers.values())  # type: ignore[index]
            is_start = heard.action == "StartTransaction"
            self.answers[heard.unique_id] = {
                "transactionId": number if is_start else 0,
                "idTagInfo": {"status": "Accepted"},
            }
            if not is_start:
                self.assertEqual(heard.data["transactionId"], number - 1)
        is_lost = self.choice.random() < self.drops
        return None if is_lost else self.answers[heard.unique_id]
