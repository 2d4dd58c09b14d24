"""All routes of the program: each says who may, and the OpenAPI document lists just them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from unittest.mock import MagicMock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web.site_web import SiteWeb
from cfos_cm.web.openapi import document
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Route

#: What anybody may ask for, who has not said who he is.
OPEN = {
    ("GET", f"{API}/session"), ("POST", f"{API}/session"), ("DELETE", f"{API}/session"),
    ("POST", f"{API}/setup"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
}  # fmt: skip


def all_routes() -> tuple[Route, ...]:
    """Those of the program; nothing of a site is asked while they are put together."""
    site, parts = MagicMock(), MagicMock()
    return SiteWeb(Clock(), site, parts).routes


class Table(SynchronousTestCase):
    """The table of routes."""

    def setUp(self) -> None:
        """Read it."""
        self.routes: tuple[Route, ...] = all_routes()
        self.whole: Any = document(self.routes, "A site", "1")

    def test_roles(self) -> None:
        """Each route says who may; only what tells nothing of the site is for anybody."""
        for route in self.routes:
            self.assertIsInstance(route.role, Role, route.path)
        anybodys = {(one.method, one.path) for one in self.routes if one.role == Role.ANYBODY}
        self.assertLessEqual(anybodys, OPEN)

    def test_orders(self) -> None:
        """Whoever only looks can change nothing but his own password."""
        changing = {
            (one.method, one.path)
            for one in self.routes
            if one.method != "GET" and one.role < Role.OPERATOR
        }
        self.assertLessEqual(changing - OPEN, {("PUT", f"{API}/password")})

    def test_document(self) -> None:
        """The OpenAPI document lists exactly the routes, each under a name of its own."""
        listed = Counter(
            (method.upper(), path)
            for path, operations in self.whole["paths"].items()
            for method in operations
        )
        self.assertEqual(Counter((one.method, one.path) for one in self.routes), listed)
        names = [
            operation["operationId"]
            for operations in self.whole["paths"].values()
            for operation in operations.values()
        ]
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_strict(self) -> None:
        """Bodies and queries take nothing that they do not know, and say so."""
        for route in self.routes:
            for kind in (route.query, route.body):
                if kind is not None and kind is not bytes:
                    name = f"{route.method} {route.path}: {kind.__name__}"
                    self.assertTrue(kind.__struct_config__.forbid_unknown_fields, name)

    def test_queries(self) -> None:
        """Nobody has to say a parameter."""
        for route in self.routes:
            if route.query is not None:
                self.assertFalse(
                    [one for one in route.query.__struct_fields__ if required(route, one)],
                    route.path,
                )

    def test_words(self) -> None:
        """Each route says what it is for, in a sentence; its path is one of the API's."""
        for route in self.routes:
            self.assertTrue(route.summary.endswith("."), route.path)
            self.assertTrue(route.tag, route.path)
            self.assertRegex(route.path, r"^(/api/v1/|/healthz$|/readyz$|/metrics$)")
            self.assertTrue(re.fullmatch(r"[a-z0-9/{}_.-]+", route.path), route.path)


def required(route: Route, name: str) -> bool:
    """Whether a parameter has to be said."""
    assert route.query is not None
    fields = route.query.__struct_fields__
    defaults = len(route.query.__struct_defaults__)
    return fields.index(name) < len(fields) - defaults
