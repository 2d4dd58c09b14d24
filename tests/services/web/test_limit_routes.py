"""Limits from outside over HTTP."""

from __future__ import annotations

from itertools import count
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.outside_limits import OutsideLimits
from cfos_cm.services.web.limit_routes import limit_routes
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import CircuitLimited, CircuitReleased, SiteEvent
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.evse_table import EvseTable
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.central_system.world import NOW
from tests.services.proofs import BreakableStore

from .asking import Desk

STATE = SiteState(
    circuits={
        "garage": CircuitSettings("garage", 63_000),
        "empty": CircuitSettings("empty", 63_000, "garage"),
    },
    evses=EvseTable(Evse(EvseSettings(name, "garage")) for name in ("bay-1", "bay-2")),
)


class Limits(SynchronousTestCase):
    """What somebody asks for."""

    def setUp(self) -> None:
        """Nothing is limited."""
        clock = Clock()
        self.reported: list[SiteEvent] = []
        self.state = STATE
        numbers = count(1)
        limits = OutsideLimits(
            clock,
            lambda: NOW,
            lambda: str(next(numbers)),
            BreakableStore(),
            self.reported.append,
            lambda: self.state,
        )
        self.desk = Desk(limit_routes(limits, lambda: self.state), Role.OPERATOR)

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """What is answered."""
        asking = self.desk.ask(method, path, body)
        return self.successResultOf(Deferred.fromCoroutine(asking))

    def problem(self, status: int, method: str, path: str, **body: Any) -> str:
        """What is wrong with it."""
        asking = Deferred.fromCoroutine(self.desk.ask(method, path, body))
        problem = self.failureResultOf(asking, Problem).value
        assert isinstance(problem, Problem)
        self.assertEqual(status, problem.status)
        return problem.detail

    def test_life(self) -> None:
        """A limit is set, listed and lifted; the site hears of it."""
        answer = self.ask(
            "POST",
            "/limits",
            circuit="garage",
            power_w=7000,
            by="grid operator",
            all_loads=True,
            until="2026-03-01T15:00:00+02:00",
        )
        limit = answer["limit"]
        self.assertEqual(
            ("garage", 7000, True, "2026-03-01T13:00:00Z", "2026-03-01T12:00:00Z"),
            (
                limit["circuit"],
                limit["max_power_w"],
                limit["all_loads"],
                limit["until"],
                limit["asked_at"],
            ),
        )
        self.assertIs(False, answer["observe_only"])
        self.assertIsInstance(self.reported[0], CircuitLimited)
        self.assertEqual([limit], self.ask("GET", "/limits")["limits"])
        answer = self.ask("DELETE", "/limits/garage/grid%20operator")
        self.assertIsNotNone(answer["limit"]["ended_at"])
        self.assertIsInstance(self.reported[-1], CircuitReleased)
        self.assertEqual([], self.ask("GET", "/limits")["limits"])
        self.assertIn("garage: grid operator allows 7 kW until", self.desk.notes[0])

    def test_minimum(self) -> None:
        """The least that the operator of the grid may leave is counted from the EVSEs."""
        answer = self.ask("POST", "/limits", circuit="garage", power_w="minimum", by="grid")
        self.assertEqual(7560, answer["limit"]["max_power_w"])
        words = self.problem(
            409, "POST", "/limits", circuit="empty", power_w="minimum", by="grid"
        )
        self.assertIn("feeds no EVSE that is enabled", words)

    def test_evses(self) -> None:
        """Without a word it is about the EVSEs alone."""
        self.ask("POST", "/limits", circuit="garage", power_w=0, by="grid")
        event = self.reported[0]
        assert isinstance(event, CircuitLimited)
        self.assertEqual(OutsideLimit("garage", "grid", 0), event.limit)

    def test_unfit(self) -> None:
        """What cannot be is refused, with what can."""
        good = {"circuit": "garage", "power_w": 7000, "by": "grid"}
        for status, wrong in (
            (409, {"circuit": "garrage"}),
            (409, {"by": "a\n"}),
            (409, {"until": "2026-03-01T11:00:00Z"}),
            (422, {"until": "2026-03-01T13:00:00"}),
            (422, {"until": "9999-12-31T23:59:59-12:00"}),
            (422, {"power_w": -1}),
            (422, {"power_w": True}),
            (422, {"power_w": "maximum"}),
            (422, {"power_w": 10_000_001}),
            (422, {"more": 1}),
        ):
            self.problem(status, "POST", "/limits", **{**good, **wrong})
        self.assertIn(
            "did you mean 'garage'",
            self.problem(409, "POST", "/limits", **{**good, "circuit": "garrage"}),
        )
        self.assertEqual([], self.reported)
        self.assertIn("no limit is in force", self.problem(404, "DELETE", "/limits/garage/me"))

    def test_observed(self) -> None:
        """That nothing is done about it is said."""
        self.state = evolve(STATE, observe_only=True)
        answer = self.ask("POST", "/limits", circuit="garage", power_w=7000, by="grid")
        self.assertIs(True, answer["observe_only"])

    def test_viewer(self) -> None:
        """Who may only look limits nothing."""
        self.desk.role = Role.VIEWER
        self.ask("GET", "/limits")
        self.problem(403, "POST", "/limits", circuit="garage", power_w=7000, by="grid")
        self.problem(403, "DELETE", "/limits/garage/grid")
