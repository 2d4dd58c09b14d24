"""Every case for a Charge Point in memory, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.case import Behind, Case, Subject
from tests.compliance.gateway.memory import GatewayMemoryBench
from tests.compliance.player import play
from tests.compliance.scoreboard import played


class _PlayedInMemory(SynchronousTestCase):
    """A gateway passes the case, and logs no fault of its own."""

    def setUp(self) -> None:
        """Listen to the log."""
        self.faults: list[str] = []
        globalLogPublisher.addObserver(self._note)
        self.addCleanup(globalLogPublisher.removeObserver, self._note)

    def _note(self, event: LogEvent) -> None:
        if event["log_level"] is LogLevel.critical:
            self.faults.append(formatEvent(event))

    def passes(self, case: Case, behind: Behind) -> None:
        """Play it."""
        playing = Deferred.fromCoroutine(play(case, GatewayMemoryBench(behind)))
        self.assertIsNone(self.successResultOf(playing))
        self.assertEqual([], self.faults)


class BoxInMemory(_PlayedInMemory):
    """With an EVSE without OCPP behind it."""


class WallboxInMemory(_PlayedInMemory):
    """With a wallbox with OCPP behind it."""


def _test(case: Case, behind: Behind) -> Callable[[_PlayedInMemory], None]:
    def test(self: _PlayedInMemory) -> None:
        self.passes(case, behind)

    test.__doc__ = f"{case.case_id}: {case.title}."
    return test


def _fill(cases: type[_PlayedInMemory], behind: Behind) -> None:
    for case in played(Subject.CHARGE_POINT, behind):
        setattr(cases, f"test_{case.case_id.replace('-', '_')}", _test(case, behind))


_fill(BoxInMemory, Behind.BOX)
_fill(WallboxInMemory, Behind.WALLBOX)
