"""Playing a case on a bench."""

from __future__ import annotations

from tests.compliance.bench import Bench, CaseFailed
from tests.compliance.case import Case
from tests.compliance.patterns import Memory
from tests.compliance.stage import Stage

__all__ = ["play"]


async def play(case: Case, bench: Bench) -> None:
    """
    Play a case from its start state to its end.

    @raise CaseFailed: when the subject does not do what the case wants, with the step in it.
    """
    await bench.open(case.site)
    try:
        await _play(case, bench)
    finally:
        await bench.close()


async def _play(case: Case, bench: Bench) -> None:
    stage = Stage(bench, Memory(bench.now()))
    for number, step in enumerate((*case.start, *case.steps)):
        try:
            await step.does(stage)
            _complain(stage, is_over=False)
        except CaseFailed as error:
            where = f"step {number + 1}, {type(step).__name__}"
            raise CaseFailed(f"{case.case_id}: {where}: {error}") from error
    await _settle(stage)
    try:
        _complain(stage, is_over=True)
    except CaseFailed as error:
        raise CaseFailed(f"{case.case_id}: in the end: {error}") from error


async def _settle(stage: Stage) -> None:
    """Let everything that is under way arrive: it may be what should not have come."""
    for line in stage.all_lines:
        if line.is_open:
            await stage.bench.within(line.round_trip(), "a pong")


def _complain(stage: Stage, *, is_over: bool) -> None:
    """@raise CaseFailed: if something has come that should not have."""
    complaints = [complaint for line in stage.all_lines for complaint in line.complaints]
    complaints += stage.bench.complaints(is_over)
    if complaints:
        raise CaseFailed("; ".join(complaints))
