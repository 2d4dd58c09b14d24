"""
The scoreboard: C{python -m tests.compliance}, or C{make compliance}.

Every case is played in memory and on sockets; the table says what came of it. The exit status
is 0 when all that can be played was passed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from tests.compliance.case import Case
from tests.compliance.memory import MemoryBench
from tests.compliance.run import Run
from tests.compliance.scoreboard import DOCUMENT, document, played, printed, summary
from tests.compliance.sockets import SocketBench

MEMORY = "plain/memory"
SOCKET = "plain/socket"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.compliance",
        description="Play the compliance cases in memory and on sockets.",
    )
    parser.add_argument("ids", nargs="*", help="only these cases, such as TC_001_CSMS")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"write the tables of {DOCUMENT.name} anew"
    )
    found = parser.parse_args()
    unknown = set(found.ids) - {case.case_id for case in played()}
    if unknown:
        parser.error(f"no such cases, or not played yet: {', '.join(sorted(unknown))}")
    return found


async def _main(reactor: Any, cases: Sequence[Case]) -> None:
    run = Run(cases)
    observer: Any = run.note
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    sockets = SocketBench()
    try:
        await run.play({MEMORY: MemoryBench(), SOCKET: sockets})
    finally:
        sockets.remove()
    lines = [*printed(run.results), "", *summary(run.results)]
    sys.stdout.write("\n".join(lines) + "\n")
    for reason in run.reasons:
        sys.stderr.write(f"\n{reason}\n")
    if run.reasons:
        raise SystemExit(1)


def main() -> None:
    """Play the cases, or write the page."""
    arguments = _arguments()
    if arguments.write_docs:
        page = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(document(page), encoding="utf-8")
        return
    cases = [case for case in played() if not arguments.ids or case.case_id in arguments.ids]
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, cases)))


if __name__ == "__main__":
    main()
