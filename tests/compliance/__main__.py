"""
The scoreboard: C{python -m tests.compliance}, or C{make compliance}.

Every case is played in memory, on sockets and on TLS; the table says what came of it. The exit
status is 0 when all were passed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from tests.compliance.bench import Bench
from tests.compliance.case import Behind, Case, Subject
from tests.compliance.gateway.memory import GatewayMemoryBench
from tests.compliance.gateway.sockets import GatewaySocketBench
from tests.compliance.memory import MemoryBench
from tests.compliance.run import Run
from tests.compliance.scoreboard import (
    BOX_MEMORY,
    BOX_SOCKET,
    BOX_TLS,
    DOCUMENT,
    ENTRIES,
    MEMORY,
    SOCKET,
    TLS,
    WALLBOX_MEMORY,
    document,
    played,
    printed,
    summary,
)
from tests.compliance.sockets import SocketBench

_CS = Subject.CHARGE_POINT


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.compliance",
        description="Play the compliance cases in memory, on sockets and on TLS.",
    )
    parser.add_argument("ids", nargs="*", help="only these cases, such as TC_001_CSMS")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"write the tables of {DOCUMENT.name} anew"
    )
    found = parser.parse_args()
    unknown = set(found.ids) - {case.case_id for case in ENTRIES}
    if unknown:
        parser.error(f"no such cases: {', '.join(sorted(unknown))}")
    return found


async def _main(reactor: Any, ids: Sequence[str]) -> None:
    run = Run()
    observer: Any = run.note
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    plain, encrypted = SocketBench(), SocketBench(is_encrypted=True)
    box, encrypted_box = GatewaySocketBench(), GatewaySocketBench(is_encrypted=True)
    columns: tuple[tuple[str, Bench, tuple[Case, ...]], ...] = (
        (MEMORY, MemoryBench(), played()),
        (SOCKET, plain, played()),
        (TLS, encrypted, played(is_encrypted=True)),
        (BOX_MEMORY, GatewayMemoryBench(), played(_CS, Behind.BOX)),
        (BOX_SOCKET, box, played(_CS, Behind.BOX)),
        (BOX_TLS, encrypted_box, played(_CS, Behind.BOX, is_encrypted=True)),
        (WALLBOX_MEMORY, GatewayMemoryBench(Behind.WALLBOX), played(_CS, Behind.WALLBOX)),
    )
    try:
        for column, bench, cases in columns:
            wanted = [case for case in cases if not ids or case.case_id in ids]
            await run.play(column, bench, wanted)
    finally:
        for one in (plain, encrypted, box, encrypted_box):
            one.remove()
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
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, arguments.ids)))


if __name__ == "__main__":
    main()
