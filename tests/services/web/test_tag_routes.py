"""The local authorisation list over HTTP, on a real disk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from cfos_cm.services.web.tag_routes import tag_routes
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.storage.database import Database
from cfos_cm.storage.tags import TagList
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.storage.cases import NOW

from .asking import Desk


class Tags(TestCase):
    """What somebody makes of the list."""

    async def setUp(self) -> None:
        """The list is empty."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        database = Database(f"sqlite:///{folder}/cfos_cm.sqlite", reactor, lambda: NOW)
        await database.start()
        self.addCleanup(database.stop)
        self.tags = TagList(database)
        self.desk = Desk(tag_routes(self.tags, lambda: NOW), Role.OPERATOR)

    async def problem(self, status: int, method: str, path: str, **said: Any) -> str:
        """What is wrong with something that was asked."""
        with self.assertRaises(Problem) as caught:
            await self.desk.ask(method, path, **said)
        self.assertEqual(status, caught.exception.status)
        return str(caught.exception)

    async def test_life(self) -> None:
        """A tag is put, changed and removed; what that means for others is said."""
        self.assertIn("everybody may charge", (await self.desk.ask("GET", "/tags"))["text"])
        answer = await self.desk.ask("PUT", "/tags/04%20AA", {"status": "Accepted"})
        self.assertEqual("04 AA", answer["tag"]["id_tag"])
        self.assertIn("it is the first one", answer["text"])
        answer = await self.desk.ask(
            "PUT",
            "/tags/04%20aa",
            {"status": "Blocked", "parent_id_tag": "group"},
        )
        self.assertEqual("", answer["text"])
        self.assertEqual((Tag("04 aa", Verdict.BLOCKED, "group"),), await self.tags.all())
        answer = await self.desk.ask("DELETE", "/tags/04%20AA")
        self.assertIn("the list is empty now", answer["text"])
        self.assertEqual((), await self.tags.all())
        self.assertEqual(
            [
                "not in the list -> Accepted",
                "Accepted -> Blocked, of …up",
                "Blocked, of …up -> not in the list",
            ],
            self.desk.notes[1:],
        )

    async def test_removeNothing(self) -> None:
        """What is not there cannot be removed."""
        self.assertIn("not in the list", await self.problem(404, "DELETE", "/tags/04AA"))

    async def test_expiry(self) -> None:
        """A tag has a verdict of its own when its time is over; times have zones."""
        until = {"expires_at": (NOW - timedelta(hours=1)).isoformat()}
        answer = await self.desk.ask("PUT", "/tags/04AA", until)
        self.assertEqual("Accepted", answer["tag"]["status"])
        self.assertEqual("Expired", answer["tag"]["verdict"])
        await self.problem(422, "PUT", "/tags/04AA", body={"expires_at": "2026-01-01T00:00:00"})
        await self.problem(
            422, "PUT", "/tags/04AA", body={"expires_at": "9999-12-31T23:59:59-12:00"}
        )

    async def test_unfit(self) -> None:
        """What is no tag, and no state of one, is refused."""
        for path, body in (
            ("/tags/" + "x" * 21, {}),
            ("/tags/a%0A", {}),
            ("/tags/04AA", {"status": "Expired"}),
            ("/tags/04AA", {"parent_id_tag": "x" * 21}),
            ("/tags/04AA", {"parent_id_tag": "04aa"}),
            ("/tags/04AA", {"parent_id_tag": "a\n"}),
            ("/tags/04AA", {"verdict": "Accepted"}),
        ):
            await self.problem(422, "PUT", path, body=body)
        self.assertEqual((), await self.tags.all())

    async def test_viewer(self) -> None:
        """Who may only look sees the ends of tags, searches for none and changes none."""
        await self.tags.put(Tag("04AABBCCDD", parent_id_tag="family-1"))
        self.desk.role = Role.VIEWER
        found = await self.desk.ask("GET", "/tags")
        self.assertEqual("…CCDD", found["tags"][0]["id_tag"])
        self.assertEqual("…ly-1", found["tags"][0]["parent_id_tag"])
        await self.problem(403, "GET", "/tags", query={"search": "04AA"})
        await self.problem(403, "PUT", "/tags/04AA")
        await self.problem(403, "DELETE", "/tags/04AABBCCDD")
        self.assertEqual(1, len(await self.tags.all()))

    async def test_pages(self) -> None:
        """Many tags come in pages; a search looks at groups as well, whatever the case."""
        for number in range(5):
            await self.tags.put(
                Tag(f"tag-{number}", parent_id_tag="Odd" if number % 2 else None)
            )
        found = await self.desk.ask("GET", "/tags", query={"limit": "2", "offset": "1"})
        self.assertEqual(["tag-1", "tag-2"], [one["id_tag"] for one in found["tags"]])
        self.assertEqual((5, 3), (found["count"], found["next"]))
        found = await self.desk.ask("GET", "/tags", query={"search": "ODD"})
        self.assertEqual(["tag-1", "tag-3"], [one["id_tag"] for one in found["tags"]])
        self.assertEqual((2, None), (found["count"], found["next"]))
        await self.problem(422, "GET", "/tags", query={"limit": "5001"})
