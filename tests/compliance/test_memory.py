"""Every case in memory, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.case import Case
from tests.compliance.memory import MemoryBench
from tests.compliance.player import play
from tests.compliance.scoreboard import played


class InMemory(SynchronousTestCase):
    """The Central System passes the case."""


def _test(case: Case) -> Callable[[InMemory], None]:
    def test(self: InMemory) -> None:
        self.assertIsNone(
            self.successResultOf(Deferred.fromCoroutine(play(case, MemoryBench())))
        )

    test.__doc__ = f"{case.case_id}: {case.title}."
    return test


for _case in played():
    setattr(InMemory, f"test_{_case.case_id.replace('-', '_')}", _test(_case))
