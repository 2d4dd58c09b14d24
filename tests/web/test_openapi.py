"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.openapi import document, openapi_route
from cfos_cm.web.role import Role
from cfos_cm.web.route import Route

from .asking import ADMIN, USUAL_ROUTES, House, route


class Problem(msgspec.Struct):
    """Called as one of the document's own schemas."""


class Alone(msgspec.Struct, forbid_unknown_fields=True):
    """A query that stands nowhere else."""

    limit: int = 1


class Document(SynchronousTestCase):
    """What it says of each route."""

    def setUp(self) -> None:
        """Make it, by asking for it."""
        self.routes: tuple[Route, ...] = (
            *USUAL_ROUTES,
            openapi_route(USUAL_ROUTES, "A site", "1.2"),
        )
        self.whole: Any = House(self.routes).ask("/api/v1/openapi.json", fields=ADMIN).json

    def test_exactly_the_routes(self) -> None:
        """It lists all routes, itself among them, and nothing else."""
        listed = {
            (method.upper(), path)
            for path, operations in self.whole["paths"].items()
            for method in operations
        }
        self.assertEqual({(one.method, one.path) for one in self.routes}, listed)

    def test_names_and_roles(self) -> None:
        """Each operation has a name of its own, and the role that it needs."""
        operations = [one for path in self.whole["paths"].values() for one in path.values()]
        names = [one["operationId"] for one in operations]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(
            {role.name.lower() for role in Role}, {one["x-role"] for one in operations}
        )

    def test_references(self) -> None:
        """Every schema that is referred to is there."""
        schemas = self.whole["components"]["schemas"]
        for reference in references(self.whole):
            self.assertIn(reference.removeprefix("#/components/schemas/"), schemas)
        self.assertEqual({"Told", "Wish", "Search", "Colour", "Problem"}, set(schemas))
        alone = document((route(query=Alone),), "A site", "1")
        self.assertEqual({"Problem"}, set(alone["components"]["schemas"]))

    def test_parameters(self) -> None:
        """Names in the path and parameters of the query are there with their bounds."""
        (name,) = self.whole["paths"]["/api/v1/things/{name}"]["get"]["parameters"]
        self.assertEqual(("name", "path", True), (name["name"], name["in"], name["required"]))
        found = self.whole["paths"]["/api/v1/things"]["get"]["parameters"]
        self.assertEqual(["limit", "evse", "colour"], [one["name"] for one in found])
        self.assertEqual(
            (1, 100), (found[0]["schema"]["minimum"], found[0]["schema"]["maximum"])
        )

    def test_bodies_and_answers(self) -> None:
        """What is told and answered has its media type and its schema."""
        post = self.whole["paths"]["/api/v1/things"]["post"]
        told = post["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual({"$ref": "#/components/schemas/Wish"}, told)
        self.assertIn("application/problem+json", post["responses"]["422"]["content"])
        self.assertEqual([{"cookie": [], "csrf": []}, {"bearer": []}], post["security"])
        pause = self.whole["paths"]["/api/v1/things/{name}/pause"]["post"]
        self.assertIn("204", pause["responses"])
        table = self.whole["paths"]["/api/v1/table"]["get"]["responses"]["200"]["content"]
        self.assertEqual({"text/csv": {}}, table)
        self.assertEqual([], self.whole["paths"]["/healthz"]["get"]["security"])

    def test_name_of_our_own(self) -> None:
        """A Struct cannot take the name of what says what is wrong."""
        with self.assertRaises(ValueError):
            document((route(answer=Problem),), "A site", "1")

    def test_needs_a_role(self) -> None:
        """Not everybody is told what there is."""
        self.assertEqual(401, House(self.routes).ask("/api/v1/openapi.json", fields={}).status)


def references(value: Any) -> set[str]:
    """Every C{$ref} in a value."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(references(one) for one in value))
    return set()
