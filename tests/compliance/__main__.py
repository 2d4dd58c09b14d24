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

from tests.compliance.case import Behind, Case, Subject
from tests.compliance.gateway.memory import GatewayMemoryBench
from tests.compliance.gateway.sockets import GatewaySocketBench
from tests.compliance.memory import MemoryBench
from tests.compliance.run import Run
from tests.compliance.scoreboard import (
    BOX_MEMORY,
    BOX_SOCKET,
    DOCUMENT,
    MEMORY,
    SOCKET,
    WALLBOX_MEMORY,
    document,
    played,
    printed,
    summary,
)
from tests.compliance.sockets import SocketBench


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
    every = (*played(), *played(Subject.CHARGE_POINT))
    unknown = set(found.ids) - {case.case_id for case in every}
    if unknown:
        parser.error(f"no such cases, or not played yet: {', '.join(sorted(unknown))}")
    return found


async def _main(reactor: Any, ids: Sequence[str]) -> None:
    run = Run()
    observer: Any = run.note
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    sockets, gateway_sockets = SocketBench(), GatewaySocketBench()
    central_system = _wanted(ids)
    box = _wanted(ids, Subject.CHARGE_POINT, Behind.BOX)
    wallbox = _wanted(ids, Subject.CHARGE_POINT, Behind.WALLBOX)
    try:
        await run.play(MEMORY, MemoryBench(), central_system)
        await run.play(SOCKET, sockets, central_system)
        await run.play(BOX_MEMORY, GatewayMemoryBench(), box)
        await run.play(BOX_SOCKET, gateway_sockets, box)
        await run.play(WALLBOX_MEMORY, GatewayMemoryBench(Behind.WALLBOX), wallbox)
    finally:
        sockets.remove()
        gateway_sockets.remove()
    lines = [*printed(run.results), "", *summary(run.results)]
    sys.stdout.write("\n".join(lines) + "\n")
    for reason in run.reasons:
        sys.stderr.write(f"\n{reason}\n")
    if run.reasons:
        raise SystemExit(1)


def _wanted(
    ids: Sequence[str],
    subject: Subject = Subject.CENTRAL_SYSTEM,
    behind: Behind | None = None,
) -> tuple[Case, ...]:
    cases = played(subject, behind)
    return tuple(case for case in cases if not ids or case.case_id in ids)


def main() -> None:
    """Play the cases, or write the page."""
    arguments = _arguments()
    if arguments.write_docs:
        page = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(document(page), encoding="utf-8")
        return
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, arguments.ids)))


if __name__ == "__main__":
    main()
