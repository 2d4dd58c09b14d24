"""
One charge, and the end of the manager at each step of it.

C{python -m tests.faults.steps}, or C{make faults}: all steps.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.end_to_end.billing import Books, billing
from tests.end_to_end.cases import check_log
from tests.end_to_end.program import Program, free_port

from .charger import Charger
from .fail_points import FAIL_POINTS, FailPoint, arm
from .storm import _drained, site

__all__ = ["charge_and_die"]


async def charge_and_die(point: FailPoint, count: int) -> tuple[bool, list[str]]:
    """
    A charge in which the manager ends at one step, and is started again.

    @return: whether it came to that step at all, and what is wrong afterwards.
    """
    books, port = Books(), free_port()
    program = site(1, port)
    packages = program.packages = Path(tempfile.mkdtemp(prefix="cfos-cm-faults-"))
    box = Charger("CP-0001", program.port, readings=2)
    arm(packages, point, count)
    try:
        async with billing(port, books):
            with suppress(AssertionError):
                # The step may be one of its start.
                await asyncio.to_thread(program.start)
            charging = asyncio.create_task(box.run())
            box.stop_after(1)
            died = await _died(program, charging)
            if died:
                arm(packages, None)
                await asyncio.to_thread(program.start)
            await charging
            faults = await _drained(books, [box])
        check_log(program)
    finally:
        program.clean_up()
        shutil.rmtree(program.folder, ignore_errors=True)
        shutil.rmtree(packages, ignore_errors=True)
    return died, faults


async def _died(program: Program, charging: asyncio.Task[None]) -> bool:
    """Wait for the end of the program, or of the charge."""
    while not charging.done():
        if not program.is_running:
            return True
        await asyncio.sleep(0.02)
    # What the backend still has to be told comes a moment later.
    for _ in range(25):
        if not program.is_running:
            return True
        await asyncio.sleep(0.02)
    return False


async def _all() -> int:
    wrong = 0
    for point in FAIL_POINTS:
        count = 0
        while True:
            count += 1
            died, faults = await charge_and_die(point, count)
            for fault in faults:
                wrong += 1
                sys.stderr.write(f"{point.words} {count}: {fault}\n")
            if not died:
                break
        sys.stdout.write(f"{point.words}: killed at each of {count - 1} steps\n")
        sys.stdout.flush()
    return wrong


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(_all()) else 0)
