"""Our calls to a peer: each caller learns its end exactly once."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.calls import OutgoingCalls
from cfos_cm.counters import Counter
from cfos_cm.errors import DeviceError, DeviceRefusal, LocalProtocolError, NoAnswer, NotSent
from cfos_cm.v16.core import (
    ClearCacheConfirmation,
    ClearCacheRequest,
    ClearCacheStatus,
    HeartbeatConfirmation,
    RemoteStartTransactionRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call, CallError, CallResult
from cfos_cm.wire.rpc import MAX_WAITING_CALLS

from .central_system.world import SITE, World

CLEARED = {"status": "Accepted"}


class Asked(SynchronousTestCase):
    """Everything that can become of a call."""

    def setUp(self) -> None:
        """A Charge Point is connected."""
        self.world = World()
        self.peer = self.world.connect()
        self.ends: list[int] = []

    def call(self) -> Deferred[Message]:
        """Ask it to clear its cache; L{ends} counts how often the caller is told."""
        calling = self.world.system.call("CP-1", ClearCacheRequest())
        number = len(self.ends)
        self.ends.append(0)

        def told(result: Any) -> Any:
            self.ends[number] += 1
            return result

        return calling.addBoth(told)

    def asked(self) -> list[str]:
        """The ids of the calls that the Charge Point got, oldest first."""
        return [frame[1] for frame in self.peer.requests("ClearCache")]

    def strays(self) -> tuple[int, ...]:
        """How many answers were late, doubled and unknown."""
        return tuple(
            self.world.system.counters[what]
            for what in (
                Counter.ANSWERS_LATE,
                Counter.ANSWERS_DOUBLED,
                Counter.ANSWERS_UNKNOWN,
            )
        )

    def assertOver(self) -> None:
        """Every caller was told once, and no timer is left when the connection is gone."""
        self.peer.lose()
        self.assertEqual(self.ends, [1] * len(self.ends))
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_answered(self) -> None:
        """The confirmation comes back as a message, and the timer ends."""
        calling = self.call()
        self.assertNoResult(calling)
        self.peer.say([3, self.asked()[0], CLEARED])
        self.assertEqual(
            self.successResultOf(calling),
            ClearCacheConfirmation(status=ClearCacheStatus.ACCEPTED),
        )
        self.assertEqual(self.world.clock.getDelayedCalls(), [])
        self.assertOver()

    def test_oneInFlight(self) -> None:
        """The next call is sent when the one before it is answered."""
        first, second = self.call(), self.call()
        self.assertEqual(len(self.asked()), 1)
        self.peer.say([3, self.asked()[0], CLEARED])
        self.successResultOf(first)
        self.assertNoResult(second)
        self.assertEqual(len(set(self.asked())), 2)
        self.peer.say([3, self.asked()[1], CLEARED])
        self.successResultOf(second)
        self.assertOver()

    def test_timeOut(self) -> None:
        """A call that is not answered fails after its time, and the next one is sent."""
        first, second = self.call(), self.call()
        self.world.clock.advance(29.9)
        self.assertNoResult(first)
        self.world.clock.advance(0.2)
        failure = self.failureResultOf(first, NoAnswer)
        self.assertNotIsInstance(failure.value, DeviceRefusal)
        self.assertIn("within 30 s", str(failure.value))
        self.assertEqual(len(self.asked()), 2)
        # Its own time counts from when it was sent.
        self.world.clock.advance(29.8)
        self.assertNoResult(second)
        self.peer.say([3, self.asked()[1], CLEARED])
        self.successResultOf(second)
        self.assertOver()

    def test_otherTime(self) -> None:
        """The settings say how long an answer may take."""
        self.world.system.configure(evolve(SITE, call_timeout_s=2.5))
        calling = self.call()
        self.world.clock.advance(2.5)
        self.assertIn("within 2.5 s", str(self.failureResultOf(calling, DeviceError).value))
        self.assertOver()

    def test_lateAnswer(self) -> None:
        """An answer that comes too late is dropped, and answers no later call."""
        first, second = self.call(), self.call()
        self.world.clock.advance(30)
        self.failureResultOf(first, DeviceError)
        self.peer.say([3, self.asked()[0], CLEARED])
        self.assertNoResult(second)
        self.assertEqual(self.strays(), (1, 0, 0))
        self.peer.say([3, self.asked()[1], CLEARED])
        self.successResultOf(second)
        self.assertOver()

    def test_doubleAnswer(self) -> None:
        """A second answer, or one that nobody asked for, is dropped."""
        calling = self.call()
        for unique_id in (self.asked()[0], self.asked()[0], "invented"):
            self.peer.say([3, unique_id, CLEARED])
            self.peer.say([4, unique_id, "GenericError", "", {}])
        self.successResultOf(calling)
        self.assertEqual(self.strays(), (0, 3, 2))
        self.assertOver()

    def test_callError(self) -> None:
        """A CALLERROR is a refusal with its code, as well as it can be understood."""
        for code, meant in (
            ("NotSupported", "NotSupported"),
            ("OccurrenceConstraintViolation", "OccurenceConstraintViolation"),
            ("Nonsense", "GenericError"),
        ):
            calling = self.call()
            self.peer.say([4, self.asked()[-1], code, "why\nnot", {}])
            failure = self.failureResultOf(calling, DeviceRefusal)
            self.assertEqual(str(failure.value), f"ClearCache was refused: {meant} why not")
        self.assertOver()

    def test_nonsense(self) -> None:
        """After a confirmation that is none nobody knows; the next call goes on."""
        for payload in ({}, {"status": "Maybe"}, {"status": 1}, {"status": None}):
            calling = self.call()
            self.peer.say([3, self.asked()[-1], payload])
            failure = self.failureResultOf(calling, DeviceError)
            self.assertNotIsInstance(failure.value, DeviceRefusal)
            self.assertIn("nonsense", str(failure.value))
        self.assertOver()

    def test_unreadableAnswer(self) -> None:
        """An answer that cannot even be read is none: the time runs."""
        calling = self.call()
        self.peer.say(f'[3,"{self.asked()[0]}",[]]'.encode())
        self.assertNoResult(calling)
        self.world.clock.advance(30)
        self.failureResultOf(calling, DeviceError)
        self.assertOver()

    def test_lost(self) -> None:
        """When the connection is lost, all callers are told why."""
        calls = [self.call() for _ in range(5)]
        self.peer.lose("asleep")
        for calling in calls:
            error = self.failureResultOf(calling, DeviceError).value
            self.assertIn("asleep", str(error))
            self.assertNotIsInstance(error, NoAnswer)
        self.assertOver()

    def test_askedAgainInTheErrback(self) -> None:
        """A caller that asks again at once when the connection is lost is told, too."""
        again: list[Deferred[Message]] = []
        calling = self.call()
        calling.addErrback(
            lambda _: again.append(self.peer.session.charge_point.call(ClearCacheRequest()))
        )
        self.peer.lose()
        self.failureResultOf(again[0], DeviceError)
        self.assertOver()

    def test_askedAgainInTheCallback(self) -> None:
        """A caller may ask again when it is answered."""
        again: list[Deferred[Message]] = []
        calling = self.call().addCallback(lambda _: again.append(self.call()))
        self.peer.say([3, self.asked()[0], CLEARED])
        self.successResultOf(calling)
        self.peer.say([3, self.asked()[1], CLEARED])
        self.successResultOf(again[0])
        self.assertOver()

    def test_answeredAtOnce(self) -> None:
        """An answer may come before the call has returned."""
        self.peer.answers["ClearCache"] = CLEARED
        for _ in range(3):
            self.successResultOf(self.call())
        self.assertOver()

    def test_manyAnsweredAtOnce(self) -> None:
        """A full queue of calls is answered one after the other without a deep stack."""
        calls = [self.call() for _ in range(MAX_WAITING_CALLS + 1)]
        self.peer.answers["ClearCache"] = CLEARED
        self.peer.say([3, self.asked()[0], CLEARED])
        for calling in calls:
            self.successResultOf(calling)
        self.assertOver()

    def test_tooMany(self) -> None:
        """A caller that cannot be served is told at once; nobody else is disturbed."""
        calls = [self.call() for _ in range(MAX_WAITING_CALLS + 1)]
        failure = self.failureResultOf(self.call(), DeviceError)
        self.assertIn("not sent", str(failure.value))
        for calling in calls:
            self.assertNoResult(calling)
        self.peer.lose()
        for calling in calls:
            self.failureResultOf(calling, DeviceError)
        self.assertOver()

    def test_cancelled(self) -> None:
        """A caller that gives up is not told again, whatever comes of its call."""
        answered, refused, nonsense, late, lost = (self.call() for _ in range(5))
        for calling in (answered, refused, nonsense, late, lost):
            calling.cancel()
            self.failureResultOf(calling, CancelledError)
        self.peer.say([3, self.asked()[0], CLEARED])
        self.peer.say([4, self.asked()[1], "GenericError", "", {}])
        self.peer.say([3, self.asked()[2], {}])
        self.world.clock.advance(30)
        self.assertOver()

    def test_notConnected(self) -> None:
        """A Charge Point that is not there cannot be asked."""
        self.failureResultOf(self.world.system.call("CP-2", ClearCacheRequest()), DeviceError)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_impossibleRequest(self) -> None:
        """A request that breaks a limit is not sent."""
        request = RemoteStartTransactionRequest(id_tag="x" * 21)
        failure = self.failureResultOf(self.world.system.call("CP-1", request), DeviceError)
        self.assertIn("not sent", str(failure.value))
        self.assertEqual(self.peer.requests(), [])
        self.assertOver()

    def test_notARequest(self) -> None:
        """Whoever asks with a confirmation has made a mistake, and learns it."""
        self.assertRaises(
            LocalProtocolError,
            self.world.system.call,
            "CP-1",
            HeartbeatConfirmation(current_time=""),
        )
        self.assertEqual(self.world.clock.getDelayedCalls(), [])


class Relayed(SynchronousTestCase):
    """What somebody else asks is asked word for word."""

    def setUp(self) -> None:
        """A peer that has not been asked anything."""
        self.clock = Clock()
        self.asked: list[Call] = []
        self.calls = OutgoingCalls(self.clock, self.asked.append, lambda: "ours")

    def relay(self, payload: bytes = b"{}", unique_id: str | None = None) -> Deferred[bytes]:
        """Ask for a transfer of data."""
        return self.calls.relay("DataTransfer", payload, 30, unique_id)

    def test_bytes(self) -> None:
        """Both ways not a byte is changed, though nobody here would write it like that."""
        relaying = self.relay(b'{ "vendorId" :"x", "more":1.50}')
        self.assertEqual(
            [Call("ours", "DataTransfer", b'{ "vendorId" :"x", "more":1.50}')], self.asked
        )
        self.calls.answered(CallResult("ours", b'{"status": "Perhaps" , "n":1.0}'))
        self.assertEqual(b'{"status": "Perhaps" , "n":1.0}', self.successResultOf(relaying))

    def test_waiting(self) -> None:
        """For how long an answer is awaited is known, of the call that was sent."""
        first, second = self.relay(unique_id="a"), self.relay(unique_id="b")
        self.clock.advance(7)
        self.assertEqual((7, None), (self.calls.waited_s("a"), self.calls.waited_s("b")))
        self.assertFalse(self.calls.has_answered)
        self.calls.answered(CallResult("c", b"{}"))
        self.assertFalse(self.calls.has_answered)
        self.calls.answered(CallResult("a", b"{}"))
        self.assertTrue(self.calls.has_answered)
        self.assertEqual((None, 0), (self.calls.waited_s("a"), self.calls.waited_s("b")))
        self.successResultOf(first)
        self.calls.close("gone")
        self.assertIsNone(self.calls.waited_s("b"))
        self.failureResultOf(second, DeviceError)

    def test_unique_id(self) -> None:
        """It has the id that is given, and an answer to another one is none."""
        relaying = self.relay(unique_id="theirs")
        self.assertEqual(["theirs"], [one.unique_id for one in self.asked])
        self.calls.answered(CallResult("ours", b"{}"))
        self.assertNoResult(relaying)
        self.calls.answered(CallResult("theirs", b"{}"))
        self.assertEqual(b"{}", self.successResultOf(relaying))

    def test_ambiguous(self) -> None:
        """An answer that two readers could understand differently is handed to none."""
        for payload in (b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\\ud800"}'):
            relaying = self.relay()
            self.calls.answered(CallResult("ours", payload))
            failure = self.failureResultOf(relaying, DeviceError)
            self.assertNotIsInstance(failure.value, DeviceRefusal)
            self.assertIn("DataTransfer was answered with nonsense", str(failure.value))

    def test_refused(self) -> None:
        """A CALLERROR is a refusal, as for our own calls."""
        relaying = self.relay()
        self.calls.answered(CallError("ours", "NotSupported", "no", b"{}"))
        self.assertEqual(
            "NotSupported", self.failureResultOf(relaying, DeviceRefusal).value.code
        )

    def test_timeOut(self) -> None:
        """Who does not answer in time is told from who is not connected any more."""
        late, lost = self.relay(), self.relay()
        self.clock.advance(30)
        self.failureResultOf(late, NoAnswer)
        self.calls.close("hung up")
        self.assertNotIsInstance(self.failureResultOf(lost, DeviceError).value, NoAnswer)
        self.failureResultOf(self.relay(), NotSent)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_idle(self) -> None:
        """It is idle until it is asked, and when the last one is answered."""
        self.assertTrue(self.calls.is_idle)
        self.relay(unique_id="a")
        self.relay(unique_id="b")
        self.calls.answered(CallResult("a", b"{}"))
        self.assertFalse(self.calls.is_idle)
        self.calls.answered(CallResult("b", b"{}"))
        self.assertTrue(self.calls.is_idle)
