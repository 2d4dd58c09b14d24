"""What is answered about the site as it is now."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.web.history import History
from cfos_cm.services.web.history_routes import HistoryQuery, history_routes
from cfos_cm.services.web.site_routes import site_routes
from cfos_cm.site.events import EvseMeasured
from cfos_cm.web.answer import Json, Stream
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import API, Asked, Route

from .sights import Page, World

VIEWER = Caller("somebody", Role.VIEWER, "192.0.2.9")


class SiteRoutesTests(SynchronousTestCase):
    """A site with two EVSEs."""

    def setUp(self) -> None:
        """Make the routes."""
        self.world = World()
        world = self.world
        history = History(world.clock, world.now, lambda: world.loop.state, world.outlook.flow)
        history.start()
        self.routes: dict[str, Route] = {
            route.path: route
            for route in (
                *site_routes(world.outlook, world.hub),
                *history_routes(history),
            )
        }

    def answer(self, path: str, query: Any = None, **names: str) -> Any:
        """What a route answers, as its own type; a stream as it is."""
        route = self.routes[API + path]
        asked = Asked(VIEWER, names, query=query)
        found = self.successResultOf(Deferred.fromCoroutine(_handled(route, asked)))
        if isinstance(found, Stream):
            return found
        assert isinstance(found, Json)
        self.assertEqual(200, found.status)
        return msgspec.json.decode(msgspec.json.encode(found.value), type=route.answer)

    def test_roles(self) -> None:
        """Who may look at the site may see all of it, and changes nothing."""
        self.assertEqual(
            {
                "/site",
                "/evses",
                "/evses/{name}",
                "/live",
                "/site/history",
                "/evses/{name}/history",
            },
            {path.removeprefix(API) for path in self.routes},
        )
        for route in self.routes.values():
            self.assertEqual(("GET", Role.VIEWER), (route.method, route.role))

    def test_now(self) -> None:
        """The site, its EVSEs and one of them are as the page shows them."""
        outlook = self.world.outlook
        self.assertEqual(outlook.site(), self.answer("/site"))
        self.assertEqual(tuple(outlook.evses().values()), self.answer("/evses").evses)
        self.assertEqual(outlook.evse("bay-2"), self.answer("/evses/{name}", name="bay-2"))

    def test_live(self) -> None:
        """What changes comes as a stream."""
        stream = self.answer("/live")
        self.assertEqual("text/event-stream", stream.media_type)
        page = Page()
        stream.begin(page)
        self.assertEqual(["site", "evses", "gateways"], page.events)

    def test_history(self) -> None:
        """Curves of hours and of days; null where nothing is known."""
        self.world.loop.report(EvseMeasured("bay-1", PhaseCurrents(1, 9, 3), 5, 700))
        self.world.clock.pump([10.0] * 31)
        hours = self.answer("/evses/{name}/history", HistoryQuery(), name="bay-1")
        self.assertEqual((10, 31), (hours.step_s, len(hours.times)))
        self.assertEqual(
            (700, 9, None),
            (hours.series.power_w[0], hours.series.current_ma[0], hours.series.setpoint_ma[0]),
        )
        days = self.answer("/site/history", HistoryQuery(span="days"))
        self.assertEqual((300, 1), (days.step_s, len(days.times)))
        self.assertEqual([700], list(days.series.chargers_w))
        self.assertEqual([None], list(days.series.grid_w))

    def test_stranger(self) -> None:
        """Who asks for an EVSE that there is not is told of the nearest one."""
        for path in ("/evses/{name}", "/evses/{name}/history"):
            for name, text in (
                ("bay1", "there is no EVSE 'bay1' (did you mean 'bay-1'?)"),
                ("\x1b" * 500, f"there is no EVSE {'?' * 60!r}"),
            ):
                route = self.routes[API + path]
                asked = Asked(VIEWER, {"name": name}, query=HistoryQuery())
                failed = self.failureResultOf(
                    Deferred.fromCoroutine(_handled(route, asked)), Problem
                )
                problem = failed.value
                assert isinstance(problem, Problem)
                self.assertEqual((404, text), (problem.status, problem.detail))


async def _handled(route: Route, asked: Asked) -> Any:
    return await route.handle(asked)
