"""Deviations in a Charge Point's answers to our calls."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.counters import Counter
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS, Quirk
from cfos_cm.v16.core import ClearCacheRequest
from cfos_cm.v16.types import Message
from tests.central_system.world import BAY_1, World


class InAnswers(SynchronousTestCase):
    """They are forgiven, told and counted as those in requests are."""

    def connect(self, tolerated: frozenset[Quirk]) -> None:
        """A Charge Point that is forgiven these is connected."""
        policy = QuirkPolicy(auto=False, strict=True, named=tolerated)
        settings = ChargePointSettings("CP-1", {1: BAY_1}, None, policy)
        self.world = World(CentralSystemSettings({"CP-1": settings}))
        self.peer = self.world.connect()

    def calling(self) -> Deferred[Message]:
        """Ask it something."""
        return self.world.system.call("CP-1", ClearCacheRequest())

    def asked(self) -> Any:
        """The message id of what it was asked last."""
        return self.peer.requests("ClearCache")[-1][1]

    def told(self, answer: list[Any]) -> list[str]:
        """What the log tells of its answer."""
        with capturedLogs() as logged:
            self.peer.say(json.dumps(answer).encode())
        lines = map(formatEvent, logged)
        return [line.partition("forgiven it: ")[2] for line in lines if "forgiven" in line]

    def counted(self) -> int:
        """How many deviations were counted."""
        return self.world.system.counters[Counter.DEVIATIONS_TOLERATED]

    def test_field(self) -> None:
        """A field that nobody knows is told once, and all answers count."""
        self.connect(frozenset({Quirk.UNKNOWN_FIELDS}))
        told = []
        for _ in range(3):
            calling = self.calling()
            told += self.told([3, self.asked(), {"status": "Accepted", "more": 1}])
            self.successResultOf(calling)
        self.assertEqual(told, ["unknown field more at $ (unknown-fields)"])
        self.assertEqual(self.counted(), 1)

    def test_other_id(self) -> None:
        """So is an answer with another message id, and one that refuses, too."""
        self.connect(frozenset({Quirk.OTHER_ANSWER_IDS}))
        calling = self.calling()
        self.assertEqual(self.told([4, "x", "GenericError", "", {}]), ["other-answer-ids"])
        self.failureResultOf(calling, DeviceRefusal)
        calling = self.calling()
        self.assertEqual(self.told([3, "y", {"status": "Accepted"}]), [])
        self.successResultOf(calling)
        self.assertEqual(self.counted(), 1)

    def test_right_id(self) -> None:
        """One with the right id deviates in nothing, whatever is forgiven."""
        self.connect(EVERY_QUIRK)
        calling = self.calling()
        self.assertEqual(self.told([3, self.asked(), {"status": "Accepted"}]), [])
        self.successResultOf(calling)
        self.assertEqual(self.counted(), 0)

    def test_not_forgiven(self) -> None:
        """Where nothing is forgiven, nothing is told to be."""
        self.connect(NO_QUIRKS)
        calling = self.calling()
        self.assertEqual(self.told([3, "x", {"status": "Accepted"}]), [])
        self.assertNoResult(calling)
        self.assertEqual(self.told([3, self.asked(), {"status": "Accepted", "more": 1}]), [])
        self.failureResultOf(calling, DeviceError)
        self.assertEqual(self.counted(), 0)
