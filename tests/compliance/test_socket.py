"""Every case over a socket, with the C{websockets} library as the Charge Point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.compliance.case import Case
from tests.compliance.player import play
from tests.compliance.scoreboard import played
from tests.compliance.sockets import SocketBench


class OnSockets(TestCase):
    """The whole program passes the case."""

    timeout = 60
    bench: SocketBench

    @classmethod
    def setUpClass(cls) -> None:
        """Make a place for the databases."""
        cls.bench = SocketBench()

    @classmethod
    def tearDownClass(cls) -> None:
        """Leave nothing on disk."""
        cls.bench.remove()


def _test(case: Case) -> Callable[[OnSockets], Deferred[Any]]:
    def test(self: OnSockets) -> Deferred[Any]:
        return Deferred.fromCoroutine(play(case, self.bench))

    test.__doc__ = f"{case.case_id}: {case.title}."
    return test


for _case in played():
    setattr(OnSockets, f"test_{_case.case_id.replace('-', '_')}", _test(_case))
