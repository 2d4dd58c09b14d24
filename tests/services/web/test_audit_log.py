"""Noting who has changed what."""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import StorageError
from cfos_cm.services.web import audit_log
from cfos_cm.services.web.audit_log import REFUSAL_EVERY, REFUSALS, AuditLog
from cfos_cm.services.web.endings import Endings
from cfos_cm.storage.audit import AuditEntry
from cfos_cm.web.role import Caller, Role
from tests.storage.cases import NOW

ANA = Caller("ana", Role.OPERATOR, "192.0.2.1", "a session", "a token")


class HeldStore:
    """
    A store whose disk does nothing until it is let.

    @ivar waiting: what waits for it.
    """

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.waiting: list[Deferred[None]] = []

    def add(self, entry: AuditEntry) -> Deferred[None]:
        """See C{AuditStore}."""
        self.entries.append(entry)
        self.waiting.append(Deferred())
        return self.waiting[-1]


class Notes(SynchronousTestCase):
    """What is noted, and what happens to what is not."""

    def setUp(self) -> None:
        """Nothing is noted."""
        store: Any = HeldStore()
        self.store: HeldStore = store
        self.log = AuditLog(store, lambda: NOW)

    def note(self, caller: Caller = ANA) -> None:
        """Note something."""
        self.log.note(caller, "PATCH", "/api/v1/settings", 200, "title: a -> b")

    def test_noted(self) -> None:
        """Who, when, from where, what, and how it ended; nothing that is secret."""
        self.note()
        (entry,) = self.store.entries
        self.assertEqual(
            AuditEntry(
                at=NOW,
                who="ana",
                role="operator",
                origin="192.0.2.1",
                method="PATCH",
                path="/api/v1/settings",
                status=200,
                note="title: a -> b",
            ),
            entry,
        )

    def test_nobody(self) -> None:
        """Of whom nobody knows, nothing is noted."""
        self.note(Caller("", Role.ANYBODY, "192.0.2.1"))
        self.assertEqual([], self.store.entries)

    def test_refused_again_and_again(self) -> None:
        """Who is refused all that he asks for cannot fill the log; others are noted as ever."""
        now = [NOW]
        store: Any = self.store
        self.log = AuditLog(store, lambda: now[0])
        for _ in range(REFUSALS + 70):
            self.log.note(ANA, "POST", "/api/v1/evses/a/stop", 403, "")
        self.assertEqual(REFUSALS, len(self.store.entries))
        self.note()
        self.log.note(evolve(ANA, name="bob"), "POST", "/api/v1/evses/a/stop", 403, "")
        self.assertEqual(REFUSALS + 2, len(self.store.entries))
        now[0] += REFUSAL_EVERY
        for _ in range(2):
            self.log.note(ANA, "POST", "/api/v1/evses/a/stop", 403, "")
        self.assertEqual(REFUSALS + 3, len(self.store.entries))
        self.assertEqual("(and 70 others)", self.store.entries[-1].note)
        now[0] -= 10 * REFUSAL_EVERY
        self.log.note(ANA, "POST", "/api/v1/evses/a/stop", 403, "")
        self.assertEqual(REFUSALS + 3, len(self.store.entries))
        now[0] += REFUSAL_EVERY
        self.log.note(ANA, "POST", "/api/v1/evses/a/stop", 403, "")
        self.assertEqual(REFUSALS + 4, len(self.store.entries))

    def test_names_are_forgotten(self) -> None:
        """However many names there have been, so many are remembered."""
        self.patch(audit_log, "_MAX_REFUSED", 3)
        for number in range(10):
            self.log.note(evolve(ANA, name=f"t{number}"), "POST", "/api/v1/x", 403, "")
        self.assertEqual(3, len(self.log._refused))

    def test_fails(self) -> None:
        """What is not on disk is in the log."""
        with capturedLogs() as events:
            self.note()
            self.store.waiting[0].errback(StorageError("the disk is full"))
        (line,) = [formatEvent(event) for event in events]
        for word in ("ana", "192.0.2.1", "PATCH /api/v1/settings", "the disk is full"):
            self.assertIn(word, line)

    def test_bound(self) -> None:
        """So many wait for the disk; what is more is in the log only."""
        self.patch(audit_log, "MAX_WAITING", 2)
        with capturedLogs() as events:
            for _ in range(3):
                self.note()
        self.assertEqual((2, 1), (len(self.store.entries), len(events)))
        self.store.waiting[0].callback(None)
        self.store.waiting[1].errback(StorageError("the disk is full"))
        for _ in range(2):
            self.note()
        self.assertEqual(4, len(self.store.entries))


class EndsOfNames(SynchronousTestCase):
    """What is done when something counts no more."""

    def setUp(self) -> None:
        """Nothing has ended."""
        self.clock = Clock()
        self.endings = Endings()
        self.ended: list[str] = []

    def test_each_its_own(self) -> None:
        """What belongs to a name is done once, and what was taken back is not."""
        for name in ("a", "a", "b"):
            self.endings.add(name, partial(self.ended.append, name))
        self.endings.add("a", lambda: self.ended.append("taken back"))()
        self.endings.end("a")
        self.endings.end("a")
        self.assertEqual((["a", "a"], 1), (self.ended, len(self.endings)))
        self.endings.end_all()
        self.assertEqual(["a", "a", "b"], self.ended)

    def test_taken_back(self) -> None:
        """What was taken back leaves nothing behind, at whatever time that is."""
        take_back = self.endings.add("a", lambda: None)
        take_back()
        take_back()
        self.assertEqual(0, len(self.endings))
        again = self.endings.add("a", lambda: self.ended.append("a"))
        take_back()
        self.endings.end("a")
        again()
        self.assertEqual(["a"], self.ended)

    def test_mistake(self) -> None:
        """A mistake in one keeps the others from nothing."""
        self.endings.add("a", lambda: [].pop())
        self.endings.add("a", lambda: self.ended.append("a"))
        self.endings.end("a")
        self.assertEqual(1, len(self.flushLoggedErrors(IndexError)))
        self.assertEqual(["a"], self.ended)
