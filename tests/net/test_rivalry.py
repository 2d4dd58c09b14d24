"""Which of two connections counts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.rivalry import Incumbent, Verdict, judge

LET_IN, CHALLENGE, REFUSE = Verdict.LET_IN, Verdict.CHALLENGE, Verdict.REFUSE


class JudgeTests(SynchronousTestCase):
    """Every case there is."""

    def test_table(self) -> None:
        """With and without a password, against each kind of earlier connection."""
        fresh, stale = Incumbent(29.9), Incumbent(30.0)
        for incumbent, with_password, without in (
            (None, LET_IN, LET_IN),
            (Incumbent(None), LET_IN, CHALLENGE),
            (stale, LET_IN, CHALLENGE),
            (fresh, CHALLENGE, CHALLENGE),
            (Incumbent(None, is_alive=True), LET_IN, REFUSE),
            (Incumbent(30.0, is_alive=True), LET_IN, REFUSE),
            (Incumbent(29.9, is_alive=True), REFUSE, REFUSE),
            (Incumbent(None, is_alive=False), LET_IN, LET_IN),
            (Incumbent(29.9, is_alive=False), LET_IN, LET_IN),
        ):
            self.assertIs(with_password, judge(True, incumbent, 30), incumbent)
            self.assertIs(without, judge(False, incumbent, 30), incumbent)

    def test_no_interval(self) -> None:
        """Without an interval, whoever has proved who it is always takes over."""
        self.assertIs(LET_IN, judge(True, Incumbent(0.0), 0))
