"""Authorize: whether an idTag may charge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.events import TagJudged
from cfos_cm.site.tag import Tag, Verdict

from .world import NOW, CallFailed, World


class Authorize(SynchronousTestCase):
    """The request, with different lists."""

    def setUp(self) -> None:
        """A Charge Point is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def judged(self, id_tag: str) -> Any:
        """What the Charge Point is told about a tag."""
        return self.peer.ask("Authorize", {"idTag": id_tag})["idTagInfo"]

    def test_noList(self) -> None:
        """As long as there is no list at all, everybody may charge."""
        self.assertEqual(self.judged("anybody"), {"status": "Accepted"})

    def test_inTheList(self) -> None:
        """An entry is found without regard to case, and told with its group and its end."""
        self.world.tags.put(Tag("04aabb", Verdict.ACCEPTED, "fleet", NOW + timedelta(days=1)))
        self.assertEqual(
            self.judged("04AABB"),
            {
                "status": "Accepted",
                "parentIdTag": "fleet",
                "expiryDate": "2026-03-02T12:00:00.000Z",
            },
        )

    def test_notInTheList(self) -> None:
        """Whoever is not in a list that has others may not charge."""
        self.world.tags.put(Tag("A"))
        self.assertEqual(self.judged("B"), {"status": "Invalid"})

    def test_statuses(self) -> None:
        """What the owner of the list has decided is told."""
        for verdict in (Verdict.BLOCKED, Verdict.INVALID):
            self.world.tags.put(Tag("A", verdict))
            self.assertEqual(self.judged("A"), {"status": verdict.value})

    def test_expired(self) -> None:
        """A tag is good until the moment at which it expires, not longer."""
        self.world.tags.put(Tag("A", expires_at=NOW + timedelta(seconds=1)))
        self.assertEqual(self.judged("A")["status"], "Accepted")
        self.world.clock.advance(1)
        self.assertEqual(self.judged("A")["status"], "Expired")

    def test_reported(self) -> None:
        """The site is told; with several EVSEs it is not known at which one."""
        self.judged("A")
        other = self.world.connect("CP-2")
        other.ask("Authorize", {"idTag": "B"})
        self.assertEqual(
            self.world.happened(TagJudged),
            [
                TagJudged("CP-1", "A", Verdict.ACCEPTED),
                TagJudged("bay-3", "B", Verdict.ACCEPTED),
            ],
        )

    def test_brokenDisk(self) -> None:
        """Without the list nobody is let in, and the Charge Point is told that we failed."""
        self.world.disk.broken = True
        error = self.assertRaises(CallFailed, self.judged, "A")
        self.assertEqual(error.code, "InternalError")
        self.assertEqual(self.world.happened(TagJudged), [])

    def test_oddTags(self) -> None:
        """A tag may be empty, or of any alphabet."""
        for id_tag in ("", "ß" * 20, "'; DROP TABLE tags", "\u202e\n\x1b[2J"):
            self.assertEqual(self.judged(id_tag), {"status": "Accepted"})
