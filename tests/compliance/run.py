"""All cases on all benches, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, formatEvent

from tests.compliance.bench import Bench
from tests.compliance.case import Case
from tests.compliance.player import play

__all__ = ["FAILED", "PASSED", "Run"]

PASSED = "passed"
FAILED = "FAILED"


@define
class Run:
    """
    All cases on all benches.

    @ivar results: L{PASSED} or L{FAILED}, by column and by case id.
    @ivar reasons: why those failed that did.
    """

    results: dict[str, dict[str, str]] = field(factory=dict)
    reasons: list[str] = field(factory=list)
    _logged: list[str] = field(factory=list)

    async def play(self, column: str, bench: Bench, cases: Iterable[Case]) -> None:
        """Play cases on a bench, one after the other."""
        self.results[column] = {}
        for case in cases:
            self.results[column][case.case_id] = await self._play(case, bench, column)

    def note(self, event: LogEvent) -> None:
        """An observer of the log: what goes wrong in the subject fails the case."""
        if event["log_level"] is LogLevel.critical:
            self._logged.append(formatEvent(event))

    async def _play(self, case: Case, bench: Bench, column: str) -> str:
        self._logged.clear()
        try:
            await Deferred.fromCoroutine(play(case, bench))
        except Exception as error:
            self.reasons.append(f"{case.case_id}, {column}: {str(error) or repr(error)}")
            return FAILED
        if self._logged:
            self.reasons.append(f"{case.case_id}, {column}: logged {self._logged[0]}")
            return FAILED
        return PASSED
