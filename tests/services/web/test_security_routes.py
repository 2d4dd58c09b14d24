"""Who was not let in, and what speaks of attacks, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.counters import Counter
from cfos_cm.services.web.failed_logins import FailedLogin
from cfos_cm.services.web.security_routes import (
    COUNTERS,
    MAX_EVENTS,
    MAX_FAILED_LOGINS,
    security_routes,
)
from cfos_cm.storage.security_events import SecurityEvent
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.central_system.world import NOW, World

from .asking import Desk


class MemoryEvents:
    """What Charge Points have told; C{asked}: how much of it was wanted."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def newest(self, limit: int) -> Deferred[tuple[SecurityEvent, ...]]:
        """See L{cfos_cm.storage.security_events.SecurityEvents.newest}."""
        self.asked.append(limit)
        return succeed((SecurityEvent("CP-1", "kind\n", "then", None, NOW),))


class Security(SynchronousTestCase):
    """What an administrator sees."""

    def setUp(self) -> None:
        """Nobody has tried anything."""
        self.world = World()
        self.page: list[FailedLogin] = []
        self.events = MemoryEvents()
        self.desk = Desk(security_routes(self.world.system, self.events, lambda: self.page))

    def look(self) -> Any:
        """What is shown."""
        return self.successResultOf(Deferred.fromCoroutine(self.desk.ask("GET", "/security")))

    def test_logins(self) -> None:
        """Those of wallboxes and of the page come together, the newest first."""
        for minute, origin in ((0, "192.0.2.1"), (2, "192.0.2.3")):
            at = NOW + timedelta(minutes=minute)
            self.page.append(FailedLogin(at, "alice", origin, "page", "wrong password"))
        self.world.clock.advance(60)
        for _ in range(2):
            self.world.system.refusals.login_failed("CP-1", "192.0.2.2", "wrong password")
        found = self.look()["failed_logins"]
        self.assertEqual(
            [
                ("192.0.2.3", "page", 1),
                ("192.0.2.2", "charge point", 2),
                ("192.0.2.1", "page", 1),
            ],
            [(one["origin"], one["what"], one["count"]) for one in found],
        )

    def test_bound(self) -> None:
        """However many tried, so many are shown."""
        for number in range(MAX_FAILED_LOGINS + 9):
            self.page.append(FailedLogin(NOW, str(number), "", "token", "unknown"))
        self.assertEqual(MAX_FAILED_LOGINS, len(self.look()["failed_logins"]))

    def test_events(self) -> None:
        """What wallboxes have told is shown, fit to be printed."""
        self.assertEqual("kind?", self.look()["events"][0]["kind"])
        self.assertEqual([MAX_EVENTS], self.events.asked)

    def test_counters(self) -> None:
        """What was refused is counted."""
        self.world.system.counters.count(Counter.LOGINS_FAILED, 3)
        counters = self.look()["counters"]
        self.assertEqual(3, counters["logins_failed"])
        self.assertEqual([one.value for one in COUNTERS], list(counters))

    def test_role(self) -> None:
        """It is for administrators alone."""
        self.desk.role = Role.OPERATOR
        asking = Deferred.fromCoroutine(self.desk.ask("GET", "/security"))
        self.failureResultOf(asking, Problem)
