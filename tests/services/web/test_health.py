"""Whether the program does its work."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import StorageError
from cfos_cm.services.web.health import ASK_S, WAIT_S, Health, HealthSources
from cfos_cm.services.web.health_routes import HealthAnswer, health_routes
from cfos_cm.web.answer import Json
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import Asked

NOBODY = Asked(Caller("", Role.ANYBODY, "192.0.2.9"), {})


class HealthTests(SynchronousTestCase):
    """A site that can be made to fail."""

    def setUp(self) -> None:
        """All is well."""
        self.clock = Clock()
        self.clock.advance(100)
        self.looked_s: float | None = 100.0
        self.cycle_s = 1.0
        self.is_listening = True
        self.asked = 0
        self.database: Deferred[Any] | None = None
        self.health = Health(
            HealthSources(
                clock=self.clock,
                looked_s=lambda: self.looked_s,
                cycle_s=lambda: self.cycle_s,
                is_listening=lambda: self.is_listening,
                ask_database=self.ask,
            )
        )
        self.routes = {route.path: route for route in health_routes(self.health)}

    def ask(self) -> Deferred[Any]:
        """The database is asked."""
        self.asked += 1
        return succeed(None) if self.database is None else self.database

    def begun(self, path: str) -> Deferred[tuple[int, tuple[str, ...]]]:
        """What is answered, when it is."""

        async def answered() -> tuple[int, tuple[str, ...]]:
            found = await self.routes[path].handle(NOBODY)
            assert isinstance(found, Json)
            assert isinstance(found.value, HealthAnswer)
            self.assertEqual("failing" if found.value.reasons else "ok", found.value.status)
            return found.status, found.value.reasons

        return Deferred.fromCoroutine(answered())

    def check(self, path: str, *reasons: str) -> None:
        """It must be answered, at once, that it does not work for these reasons."""
        self.assertEqual(
            (503 if reasons else 200, reasons), self.successResultOf(self.begun(path))
        )

    def test_roles(self) -> None:
        """Whoever watches over it needs no account."""
        self.assertEqual({"/healthz", "/readyz"}, set(self.routes))
        self.assertEqual({Role.ANYBODY}, {one.role for one in self.routes.values()})

    def test_well(self) -> None:
        """It works."""
        self.check("/healthz")
        self.check("/readyz")

    def test_loop(self) -> None:
        """A loop that has not looked for ten seconds, or five of its cycles, stands."""
        for cycle_s, patience_s in ((1.0, 10.0), (0.1, 10.0), (60.0, 300.0)):
            self.cycle_s, self.looked_s = cycle_s, 100.0
            for late_s, reasons in (
                (patience_s, ()),
                (patience_s + 1, ("control_loop_stands",)),
            ):
                self.looked_s = 100.0 - late_s
                self.check("/healthz", *reasons)
                self.check("/readyz", *reasons)

    def test_not_running(self) -> None:
        """A site that has not started does nothing."""
        self.looked_s, self.is_listening = None, False
        self.check("/healthz", "site_not_running")
        self.check("/readyz", "site_not_running", "ocpp_door_closed")

    def test_door(self) -> None:
        """Without a door for Charge Points it is not ready, but healthy."""
        self.is_listening = False
        self.check("/healthz")
        self.check("/readyz", "ocpp_door_closed")

    def test_database(self) -> None:
        """A database that fails is told of until it works again."""
        self.database = fail(StorageError("disk full"))
        self.check("/readyz", "database_fails")
        self.database = None
        self.check("/readyz", "database_fails")
        self.clock.advance(ASK_S)
        self.looked_s = self.clock.seconds()
        self.check("/readyz")

    def test_seldom(self) -> None:
        """However often somebody asks, the database is asked every few seconds."""
        for _ in range(10):
            self.check("/readyz")
        self.assertEqual(1, self.asked)
        self.clock.advance(ASK_S)
        self.check("/readyz")
        self.assertEqual(2, self.asked)

    def test_silent_database(self) -> None:
        """One that does not answer fails after a while, and nobody waits for longer."""
        self.check("/readyz")
        self.clock.advance(ASK_S)
        self.database = Deferred()
        waiting = self.begun("/readyz")
        self.assertNoResult(waiting)
        # Meanwhile it may be as it was.
        self.check("/readyz")
        self.clock.advance(WAIT_S)
        self.assertEqual((503, ("database_fails",)), self.successResultOf(waiting))
        self.assertEqual([], self.clock.getDelayedCalls())
