"""What anybody can bring about does not fill the log."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net import quiet_log
from cfos_cm.net.quiet_log import MAX_FIRSTS, QUIET_S, QuietLog


class QuietLogTests(SynchronousTestCase):
    """Lines at times that are given."""

    def setUp(self) -> None:
        """Nothing was said yet."""
        self.clock = Clock()
        self.log = QuietLog(self.clock)

    def tell(self, who: str = "a", kind: object = "kind") -> str:
        """What is written when something has happened; nothing: an empty text."""
        with capturedLogs() as logged:
            self.log.warn(kind, who, "{who}: it has happened", who=who)
        return "\n".join(map(formatEvent, logged))

    def test_first(self) -> None:
        """The first is told at once, the next ones are not."""
        self.assertEqual("a: it has happened", self.tell())
        self.assertEqual(["", ""], [self.tell(), self.tell()])

    def test_left_out(self) -> None:
        """After a while there is one more line, with the number of those before it."""
        for _ in range(4):
            self.tell()
        self.clock.advance(QUIET_S - 0.1)
        self.assertEqual("", self.tell())
        self.clock.advance(0.1)
        self.assertEqual("a: it has happened (and 4 like this that were not told)", self.tell())
        self.assertEqual("", self.tell())
        self.clock.advance(QUIET_S)
        self.assertEqual("a: it has happened (and 1 like this that were not told)", self.tell())
        self.clock.advance(QUIET_S)
        self.assertEqual("a: it has happened", self.tell())

    def test_kinds(self) -> None:
        """Kinds are told apart."""
        self.tell()
        self.assertEqual("a: it has happened", self.tell(kind=("another", True)))

    def test_first_of_another(self) -> None:
        """The first about somebody else is told at once, and only the first."""
        self.tell("a")
        self.assertEqual("b: it has happened", self.tell("b"))
        self.assertEqual(["", ""], [self.tell("a"), self.tell("b")])

    def test_one_for_all(self) -> None:
        """Those who were told of share the line that there is after a while."""
        for who in "abab":
            self.tell(who)
        self.clock.advance(QUIET_S)
        lines = [self.tell(who) for who in "ab"]
        self.assertEqual(["a: it has happened (and 2 like this that were not told)", ""], lines)

    def test_many(self) -> None:
        """However many bring it about, there are so many lines in a while."""
        for start in (0, 1000):
            lines = [self.tell(f"source {start + number}") for number in range(1000)]
            self.assertEqual(1 + MAX_FIRSTS, len([line for line in lines if line]))
            self.clock.advance(QUIET_S)

    def test_bounded(self) -> None:
        """So many are remembered; who was told of longest ago is new again."""
        self.patch(quiet_log, "MAX_KNOWN", 10)
        for number in range(12):
            self.tell(f"source {number}")
        self.assertEqual(10, len(self.log._kinds["kind"]._known))
        self.assertEqual("", self.tell("source 2"))
        self.assertNotEqual("", self.tell("source 1"))

    def test_levels(self) -> None:
        """A line has the level that it was given."""
        with capturedLogs() as logged:
            self.log.info("kind", "a", "something")
            self.log.warn("another", "a", "something")
        self.assertEqual(
            [LogLevel.info, LogLevel.warn], [event["log_level"] for event in logged]
        )
