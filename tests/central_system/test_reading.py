"""What a Charge Point is forgiven, as it sees it on the wire."""

from __future__ import annotations

import json
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.counters import Counter
from cfos_cm.quirk import Quirk
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.v16.core import ClearCacheConfirmation, ClearCacheRequest, ClearCacheStatus
from tests.central_system.world import BAY_1, BOOT, START, World, stop_of

GO_E = {"chargePointVendor": "go-e", "chargePointModel": "V3"}
STRICT = QuirkPolicy(auto=False, strict=True)


def world(policy: QuirkPolicy) -> World:
    """A site with one Charge Point that is treated so."""
    charge_point = ChargePointSettings("CP-1", {1: BAY_1}, None, policy)
    return World(CentralSystemSettings({"CP-1": charge_point}))


class Case(SynchronousTestCase):
    """A Charge Point that deviates."""

    policy = QuirkPolicy()

    def setUp(self) -> None:
        """It is connected."""
        self.world = world(self.policy)
        self.peer = self.world.connect()

    def raw(self, text: str | bytes) -> list[Any]:
        """Send a text as it is; returns what is said to it."""
        mark = len(self.peer.received)
        self.peer.say(text if isinstance(text, bytes) else text.encode())
        return self.peer.received[mark:]

    def frame(self, unique_id: Any, action: str, payload: Any) -> list[Any]:
        """Send a CALL with any message id; returns the answer."""
        self.peer._actions[unique_id] = action
        (answer,) = self.raw(json.dumps([2, unique_id, action, payload]))
        found: list[Any] = answer
        return found


class Ordinary(Case):
    """One that nothing is known of."""

    def test_unknownFields(self) -> None:
        """They are ignored; the log tells of each once, whatever the connection."""
        with capturedLogs() as logged:
            for _ in range(3):
                self.peer.ask("Authorize", {"idTag": "A", "connectorId": 1})
            self.peer = self.world.connect()
            self.peer.ask("Authorize", {"idTag": "A", "connectorId": 1})
        told = [formatEvent(event) for event in logged if "forgiven" in formatEvent(event)]
        self.assertEqual(1, sum("connectorId" in line for line in told), told)
        self.assertGreaterEqual(self.world.system.counters[Counter.DEVIATIONS_TOLERATED], 1)

    def test_unknownFieldInAnswer(self) -> None:
        """So are those in its answers."""
        self.peer.answers["ClearCache"] = {"status": "Accepted", "more": 1}
        calling = self.world.system.call("CP-1", ClearCacheRequest())
        accepted = ClearCacheConfirmation(status=ClearCacheStatus.ACCEPTED)
        self.assertEqual(accepted, self.successResultOf(calling))

    def test_advice(self) -> None:
        """What is refused and could be forgiven is named in the log, word for word."""
        with capturedLogs() as logged:
            self.raw('[2,7,"Heartbeat",{}]')
        lines = [formatEvent(event) for event in logged]
        self.assertTrue(any("quirks = auto numeric-ids" in line for line in lines), lines)

    def test_notUtf8(self) -> None:
        """What is no text at all ends the connection, with the status for that."""
        self.raw(b'[2,"1","Heartbeat",{"a":"\xff"}]')
        self.assertEqual([1007], [code for code, _ in self.peer.hang_ups])
        self.assertEqual(1, self.world.system.counters[Counter.FRAMES_UNREADABLE])

    def test_unknownType(self) -> None:
        """A message of a type that nobody specified is ignored and counted."""
        self.assertEqual([], self.raw('[9,"1",{}]'))
        self.assertEqual(1, self.world.system.counters[Counter.FRAMES_OF_UNKNOWN_TYPE])
        self.peer.ask("Heartbeat")

    def test_stopWithNonsense(self) -> None:
        """A StopTransaction counts, even if what it brings of readings is nonsense."""
        number = self.peer.ask("StartTransaction", START)["transactionId"]
        for data in ("nonsense", [{"timestamp": 1}], {"a": 1}):
            self.peer.ask("StopTransaction", stop_of(number, transactionData=data))
        self.assertEqual("stopped", self.world.ledger.rows[number].state)

    def test_answers(self) -> None:
        """Late, doubled and invented answers are told apart."""
        for unique_id in ("invented", "invented"):
            self.raw(json.dumps([3, unique_id, {}]))
        self.assertEqual(2, self.world.system.counters[Counter.ANSWERS_UNKNOWN])


class Known(Case):
    """One of a make that is known for it."""

    def test_firstWords(self) -> None:
        """Its very first message deviates, and says who it is: it is accepted."""
        answer = self.frame(531531541, "BootNotification", GO_E)
        self.assertEqual([3, 531531541], answer[:2])
        self.assertEqual("Accepted", answer[2]["status"])
        self.assertEqual([3, 531531542], self.frame(531531542, "Heartbeat", {})[:2])

    def test_otherMake(self) -> None:
        """One that says to be another is not forgiven it."""
        self.assertEqual([], self.raw(json.dumps([2, 1, "BootNotification", BOOT])))

    def test_beforeItsWords(self) -> None:
        """Before it has said who it is, nothing is known of it."""
        self.assertEqual([], self.raw('[2,1,"Heartbeat",{}]'))

    def test_nextConnection(self) -> None:
        """It need not say it again after a mere loss of the connection."""
        self.frame(1, "BootNotification", GO_E)
        self.peer = self.world.connect()
        self.assertEqual([3, 2], self.frame(2, "Heartbeat", {})[:2])

    def test_remembered(self) -> None:
        """Nor after a start of this program."""
        self.world.system.roster.remember({"CP-1": DeviceIdentity("go-e", "V3")})
        self.peer = self.world.connect()
        self.assertEqual([3, 2], self.frame(2, "Heartbeat", {})[:2])

    def test_repaired(self) -> None:
        """When it says that it is another make now, it is forgiven no more."""
        self.frame(1, "BootNotification", GO_E)
        self.frame(2, "BootNotification", BOOT)
        self.assertEqual([], self.raw('[2,3,"Heartbeat",{}]'))

    def test_data(self) -> None:
        """Where DataTransfer has to be accepted, it is; elsewhere it is not."""
        data = {"vendorId": "evb", "data": "x"}
        self.assertEqual("UnknownVendorId", self.peer.ask("DataTransfer", data)["status"])
        self.peer.ask(
            "BootNotification", {"chargePointVendor": "EV-BOX", "chargePointModel": "G3"}
        )
        self.assertEqual("Accepted", self.peer.ask("DataTransfer", data)["status"])


class Named(Case):
    """One whose deviations the operator has named."""

    policy = QuirkPolicy(auto=False, named=frozenset({Quirk.NO_CLOCK, Quirk.OTHER_ANSWER_IDS}))

    def test_noClock(self) -> None:
        """What it says of the time is not believed: two equal starts are two transactions."""
        first = self.peer.ask("StartTransaction", START)["transactionId"]
        self.peer.ask("StopTransaction", stop_of(first))
        self.world.clock.advance(60)
        self.assertNotEqual(first, self.peer.ask("StartTransaction", START)["transactionId"])

    def test_otherAnswerIds(self) -> None:
        """An answer with another id is for the only call that waits."""
        calling = self.world.system.call("CP-1", ClearCacheRequest())
        self.raw(json.dumps([3, "something else", {"status": "Accepted"}]))
        self.successResultOf(calling)


class Strict(Case):
    """One that is forgiven nothing."""

    policy = STRICT

    def test_unknownFields(self) -> None:
        """They are refused."""
        answer = self.frame("1", "Authorize", {"idTag": "x", "more": 1})
        self.assertEqual([4, "1", "FormationViolation"], answer[:3])

    def test_stopWithNonsense(self) -> None:
        """So is a StopTransaction with readings that are none."""
        answer = self.frame("1", "StopTransaction", stop_of(1, transactionData="nonsense"))
        self.assertEqual(4, answer[0])

    def test_known(self) -> None:
        """It does not help to say who it is."""
        self.assertEqual([], self.raw(json.dumps([2, 1, "BootNotification", GO_E])))
