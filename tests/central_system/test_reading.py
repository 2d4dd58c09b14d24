"""What a Charge Point is forgiven, as it sees it on the wire."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import strict_json
from cfos_cm.central_system.acquaintance import Acquaintance
from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.reading import read_request
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.counters import Counter, Counters
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.v16.core import (
    ClearCacheConfirmation,
    ClearCacheRequest,
    ClearCacheStatus,
    Reason,
    StopTransactionRequest,
)
from cfos_cm.wire.ocppj import Call
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

    def test_longModel(self) -> None:
        """A model with two characters too many is cut where it is known; elsewhere refused."""
        boot = {"chargePointVendor": "Nobody", "chargePointModel": "Grizzl-E Smart Connect"}
        self.assertEqual(4, self.frame("1", "BootNotification", boot)[0])
        boot["chargePointVendor"] = "UnitedChargers"
        self.assertEqual("Accepted", self.frame("2", "BootNotification", boot)[2]["status"])
        device = self.peer.session.charge_point.acquaintance.device
        self.assertEqual(DeviceIdentity("UnitedChargers", "Grizzl-E Smart Conne"), device)

    def test_longSerialNumbers(self) -> None:
        """So are serial numbers of 26 and of 34 characters."""
        boot = {
            "chargePointVendor": "Schneider Electric",
            "chargePointModel": "EVlink Smart Wallbox",
            "chargePointSerialNumber": "3N" + "1" * 24,
            "chargeBoxSerialNumber": "EVB1" + "1" * 30,
        }
        self.assertEqual("Accepted", self.frame("1", "BootNotification", boot)[2]["status"])
        device = self.peer.session.charge_point.acquaintance.device
        assert device is not None
        self.assertEqual("3N" + "1" * 23, device.serial_number)

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


#: What a hostile StopTransaction has so much of that reading it takes long.
MANY = 5000
HOSTILE: Mapping[str, dict[str, Any]] = {
    "readings": {"transactionData": [{"a": {}}] * MANY},
    "unknown fields": {f"x{number}": {} for number in range(MANY)},
    "lists for a tag": {"idTag": [[]] * MANY},
    "objects for a reason": {"reason": {f"x{number}": {} for number in range(MANY)}},
    "a long tag": {"idTag": "x" * MANY},
    "lists for a time": {"timestamp": [[]] * MANY},
    "no reading at the end": {"meterStop": None, "transactionData": [{"a": {}}] * MANY},
}


class HostileStops(SynchronousTestCase):
    """StopTransactions that are made to take long."""

    def setUp(self) -> None:
        """Count how often a payload is read with care, all of it."""
        self.payload = b""
        self.careful = 0
        read = strict_json.read

        def counted(text: bytes) -> object:
            # One long text costs next to nothing: what takes its time is many places.
            self.careful += text == self.payload
            return read(text)

        self.patch(strict_json, "read", counted)
        self.known = Acquaintance("CP-1", QuirkPolicy(), None, Counters())

    def read(self, payload: bytes) -> StopTransactionRequest:
        """What is read of a payload."""
        self.payload, self.careful = payload, 0
        message = read_request(self.known, Call("1", "StopTransaction", payload))
        assert isinstance(message, StopTransactionRequest)
        return message

    def test_twice(self) -> None:
        """Each is read with care at most once more than another request would be."""
        for what, changes in HOSTILE.items():
            payload = json.dumps(stop_of(7, **{"reason": "Local"} | changes)).encode()
            with contextlib.suppress(RemoteProtocolError):
                self.read(payload)
            self.assertLessEqual(self.careful, 2, what)

    def test_ambiguous(self) -> None:
        """What is JSON to nobody is not read again: that does not depend on what is read."""
        payload = json.dumps(stop_of(7, transactionData=["x"] * MANY)).encode()
        twice = payload.replace(
            b'{"transactionId"', b'{"idTag": "A", "idTag": "B", "transactionId"'
        )
        error = self.assertRaises(RemoteProtocolError, self.read, twice)
        self.assertIn("is not JSON", error.description)
        self.assertEqual(1, self.careful)

    def test_whatIsLeft(self) -> None:
        """The tag and the reason are kept as long as both of them can be read."""
        for changes, tag, reason in (
            ({"idTag": "A", "reason": "Remote"}, "A", Reason.REMOTE),
            ({"idTag": "A"}, "A", None),
            ({"idTag": "A" * 21, "reason": "Remote"}, None, None),
            ({"idTag": ["A"], "reason": "Remote"}, None, None),
            ({"idTag": "A", "reason": "Because"}, None, None),
            ({"idTag": "A", "reason": "Remote", "meterStop": "3500"}, None, None),
            ({"idTag": "A", "reason": "Remote", "unknown": [1]}, "A", Reason.REMOTE),
        ):
            stop = stop_of(7, transactionData="nonsense", **changes)
            message = self.read(json.dumps(stop).encode())
            self.assertEqual(
                (7, 3500, tag, reason),
                (message.transaction_id, message.meter_stop, message.id_tag, message.reason),
                changes,
            )
            self.assertFalse(message.transaction_data)
