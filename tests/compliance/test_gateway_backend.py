"""The scripted backend notices what a gateway should not do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.gateway.backend import Backend, BackendLine, Entrance, Handshake, Reply
from tests.compliance.sites import BLOCKED, VALID

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class _Line(BackendLine):
    """A connection that keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def write(self, text: bytes) -> Deferred[None]:
        self.sent.append(json.loads(text))
        return succeed(None)

    def drop(self) -> Deferred[None]:
        self.gone(None)
        return succeed(None)

    def round_trip(self) -> Deferred[None]:
        return succeed(None)


class Hearing(SynchronousTestCase):
    """L{Backend}."""

    def setUp(self) -> None:
        """A gateway is connected."""
        self.backend = Backend(lambda: NOW)
        self.line = _Line()
        self.backend.connected(self.line)

    def say(self, action: str, payload: Any, unique_id: str = "1") -> Any:
        """What a CALL is answered with; C{None}: nothing."""
        before = len(self.line.sent)
        self.line.came(json.dumps([2, unique_id, action, payload]))
        return self.line.sent[before] if len(self.line.sent) > before else None

    def start(self, id_tag: str, unique_id: str) -> Any:
        """A StartTransaction."""
        payload = {"connectorId": 1, "idTag": id_tag, "meterStart": 0}
        return self.say(
            "StartTransaction", {**payload, "timestamp": "2026-03-01T12:00:00Z"}, unique_id
        )

    def test_usual(self) -> None:
        """It lets in, judges tags, and numbers transactions."""
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        self.assertEqual("Accepted", self.say("BootNotification", boot)[2]["status"])
        found = self.say("Authorize", {"idTag": BLOCKED}, "2")
        self.assertEqual("Blocked", found[2]["idTagInfo"]["status"])
        self.assertEqual(501, self.start(VALID, "3")[2]["transactionId"])
        self.assertEqual(502, self.start(VALID, "4")[2]["transactionId"])
        self.assertEqual([], self.backend.complaints)

    def test_replies(self) -> None:
        """It answers otherwise as often as it was told to."""
        self.backend.reply("Heartbeat", Reply(code="InternalError"), Reply(is_silent=True))
        self.assertEqual("InternalError", self.say("Heartbeat", {})[2])
        self.assertIsNone(self.say("Heartbeat", {}, "2"))
        self.assertEqual(3, self.say("Heartbeat", {}, "3")[0])

    def test_leftOver(self) -> None:
        """What nobody has looked at is left over, but for what may come at any time."""
        self.say("Heartbeat", {})
        event = {"type": "StartupOfTheDevice", "timestamp": "2026-03-01T12:00:00Z"}
        self.say("SecurityEventNotification", event, "3")
        self.assertEqual([], self.backend.left_over())
        self.say("Authorize", {"idTag": VALID}, "2")
        (complaint,) = self.backend.left_over()
        self.assertIn("Authorize", complaint)

    def test_complaints(self) -> None:
        """A message id twice, an unknown transaction, and what does not fit its schema."""
        self.say("Heartbeat", {})
        self.say("Heartbeat", {})
        (complaint,) = self.backend.complaints
        self.assertIn("a message id twice", complaint)
        self.say("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": []}, "3")
        self.assertIn("never given out", self.backend.complaints[1])
        self.say("Authorize", {}, "4")
        self.assertIn("does not fit", " ".join(self.line.complaints))

    def test_twoConnections(self) -> None:
        """A connection beside one that lives is one too many."""
        self.backend.connected(_Line())
        self.assertEqual(1, len(self.backend.complaints))

    def test_entrances(self) -> None:
        """Who calls is answered as it was said, and let in afterwards."""
        self.backend.receive(Entrance(401), Entrance(404))
        found = [self.backend.admit(Handshake("/ocpp/GW-1")) for _ in range(3)]
        self.assertEqual([Entrance(401), Entrance(404), None], found)
        self.assertEqual(3, len(self.backend.requests))
