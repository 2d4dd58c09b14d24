"""All cases on all benches, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

    cases: Sequence[Case]
    results: dict[str, dict[str, str]] = field(factory=dict)
    reasons: list[str] = field(factory=list)
    _logged: list[str] = field(factory=list)

    async def play(self, benches: Mapping[str, Bench]) -> None:
        """Play every case on every bench, one after the other."""
        for column, bench in benches.items():
            self.results[column] = {}
            for case in self.cases:
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
