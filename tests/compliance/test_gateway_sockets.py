"""A few cases for a Charge Point on sockets, against the library C{websockets}."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.compliance.case import Behind, Case, Subject
from tests.compliance.gateway.sockets import GatewaySocketBench
from tests.compliance.player import play
from tests.compliance.scoreboard import played

#: The others are played by C{make compliance}.
_ALSO_HERE = ("TC_001_CS", "TC_003_CS", "TC_012_CS", "TC_039_CS", "TC_085_CS", "NEG-05_CS")


class OnSockets(TestCase):
    """The whole program passes the case."""

    timeout = 60

    def setUp(self) -> None:
        """There is a folder for it."""
        self.bench = GatewaySocketBench()
        self.addCleanup(self.bench.remove)


def _test(case: Case) -> Callable[[OnSockets], Deferred[None]]:
    def test(self: OnSockets) -> Deferred[None]:
        return Deferred.fromCoroutine(play(case, self.bench))

    test.__doc__ = f"{case.case_id}: {case.title}."
    return test


for _case in played(Subject.CHARGE_POINT, Behind.BOX):
    if _case.case_id in _ALSO_HERE:
        setattr(OnSockets, f"test_{_case.case_id.replace('-', '_')}", _test(_case))
