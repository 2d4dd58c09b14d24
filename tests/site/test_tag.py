"""Who may charge by the local list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.tag import Tag, Verdict, judge, same_tag, shortened

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class JudgeTests(SynchronousTestCase):
    """Verdicts about tags."""

    def test_not_listed(self) -> None:
        """Without any list everybody may charge; with one, only who is on it."""
        self.assertIs(judge(None, True, NOW), Verdict.ACCEPTED)
        self.assertIs(judge(None, False, NOW), Verdict.INVALID)

    def test_listed(self) -> None:
        """The entry decides, and an entry that is accepted only until it expires."""
        for status, expires_at, expected in (
            (Verdict.ACCEPTED, None, Verdict.ACCEPTED),
            (Verdict.ACCEPTED, NOW + SECOND, Verdict.ACCEPTED),
            (Verdict.ACCEPTED, NOW, Verdict.EXPIRED),
            (Verdict.ACCEPTED, NOW - SECOND, Verdict.EXPIRED),
            (Verdict.BLOCKED, None, Verdict.BLOCKED),
            (Verdict.BLOCKED, NOW - SECOND, Verdict.BLOCKED),
            (Verdict.INVALID, NOW + SECOND, Verdict.INVALID),
            (Verdict.EXPIRED, None, Verdict.EXPIRED),
        ):
            for list_is_empty in (False, True):
                tag = Tag("04A1", status, None, expires_at)
                self.assertIs(judge(tag, list_is_empty, NOW), expected)

    def test_zones(self) -> None:
        """Points in time are compared, not clocks' faces."""
        east = timezone(timedelta(hours=8))
        tag = Tag("04A1", expires_at=datetime(2026, 3, 1, 19, 0, 0, tzinfo=east))
        self.assertIs(judge(tag, False, NOW), Verdict.EXPIRED)

    def test_same(self) -> None:
        """Tags are the same in any case, and in nothing else."""
        for one, other, expected in (
            ("04a1", "04A1", True),
            ("Key", "kEY", True),
            ("04A1", "04A1 ", False),
            ("04A1", "4A1", False),
            ("", "", True),
        ):
            self.assertIs(same_tag(one, other), expected)


class Shortened(SynchronousTestCase):
    """An idTag in the log."""

    def test_never_whole(self) -> None:
        """At most four of its characters, and never more than half of them, are shown."""
        for length in range(21):
            id_tag = "ABCDEFGHIJKLMNOPQRST"[:length]
            shown = shortened(id_tag)
            self.assertTrue(shown.startswith("…"), id_tag)
            self.assertTrue(id_tag.endswith(shown[1:]), shown)
            self.assertLessEqual(len(shown) - 1, min(4, length // 2))

    def test_shortened(self) -> None:
        """Only the last four characters of an idTag are shown, or its second half."""
        for id_tag, shown in (
            ("12345678", "…5678"),
            ("12345", "…45"),
            ("1234", "…34"),
            ("1", "…"),
            ("", "…"),
            ("A" * 20, "…AAAA"),
        ):
            self.assertEqual(shown, shortened(id_tag))
