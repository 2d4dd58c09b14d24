"""A run notes what came of each case, and why."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.case import Case, Profile
from tests.compliance.run import FAILED, PASSED, Run
from tests.compliance.scripted import ScriptedBench, ScriptedLine, answers, both, refuses
from tests.compliance.steps import Dials, Says

HEARTBEAT = Says("Heartbeat")
GOOD = answers({"currentTime": "2026-03-01T12:00:00.000Z"})


def case(case_id: str, *steps: Says) -> Case:
    """A case of a few steps."""
    return Case(case_id, Profile.CORE, "title", "criterion", (Dials(),), steps)


def logger(run: Run) -> Logger:
    """A log that C{run} hears."""
    hears: Any = run.note
    return Logger(namespace="subject", observer=LogPublisher(hears))


class Runs(SynchronousTestCase):
    """L{Run}."""

    def played(self, run: Run, *cases: Case, **benches: ScriptedBench) -> Run:
        """C{run}, with cases that were played on benches."""
        for column, bench in benches.items():
            playing = Deferred.fromCoroutine(run.play(column, bench, cases))
            self.successResultOf(playing)
        return run

    def test_results(self) -> None:
        """Each case has its result on each bench, and each failure its reason."""
        run = self.played(
            Run(),
            case("X-1", HEARTBEAT),
            case("X-2"),
            good=ScriptedBench(GOOD),
            bad=ScriptedBench(refuses("InternalError")),
        )
        self.assertEqual(
            run.results,
            {"good": {"X-1": PASSED, "X-2": PASSED}, "bad": {"X-1": FAILED, "X-2": PASSED}},
        )
        (reason,) = run.reasons
        self.assertIn("X-1, bad: X-1: step 2, Says: Heartbeat: CALLERROR", reason)

    def test_anyError(self) -> None:
        """What goes wrong in another way than a case can is a failure, too."""

        def breaks(line: ScriptedLine, frame: object) -> None:
            raise ZeroDivisionError

        run = self.played(Run(), case("X-1", HEARTBEAT), only=ScriptedBench(breaks))
        self.assertEqual(run.results, {"only": {"X-1": FAILED}})
        self.assertEqual(run.reasons, ["X-1, only: ZeroDivisionError()"])

    def test_logged(self) -> None:
        """An error that the subject only logs fails the case, and not the one after it."""
        run = Run()
        log = logger(run)

        def logs(line: ScriptedLine, frame: object) -> None:
            log.emit(LogLevel.critical, "{what} went wrong", what="something")

        cases = case("X-1", HEARTBEAT), case("X-2")
        self.played(run, *cases, only=ScriptedBench(both(GOOD, logs)))
        self.assertEqual(run.results, {"only": {"X-1": FAILED, "X-2": PASSED}})
        self.assertEqual(run.reasons, ["X-1, only: logged something went wrong"])

    def test_warned(self) -> None:
        """A warning fails nothing."""
        run = Run()
        log = logger(run)

        def warns(line: ScriptedLine, frame: object) -> None:
            log.warn("mind this")

        self.played(run, case("X-1", HEARTBEAT), only=ScriptedBench(both(GOOD, warns)))
        self.assertEqual(run.reasons, [])
