"""
A site whose manager and backend are killed again and again while its wallboxes charge.

C{python -m tests.faults.storm}, or C{make faults}: many kills, and what came of them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from attrs import frozen

from tests.end_to_end.billing import Books, billing
from tests.end_to_end.cases import check_log, make_program
from tests.end_to_end.program import Program, free_port

from .accounts import discrepancies
from .charger import Charger

__all__ = ["Outcome", "site", "storm"]

#: All that is queued is told, and nothing comes any more, within this time. [s]
DRAIN_S = 60.0


@frozen
class Outcome:
    """
    What came of it.

    @ivar faults: a sentence for each thing that is wrong.
    @ivar transactions: how many were charged.
    @ivar doubled: messages that the backend was told twice, and knew.
    """

    faults: list[str]
    kills: int
    transactions: int
    messages: int
    doubled: int
    restart_s: float


def site(chargers: int, backend_port: int) -> Program:
    """A manager with so many wallboxes, each of which is billed by the backend."""
    names = [f"CP-{number:04}" for number in range(1, chargers + 1)]
    program = make_program(places=names, fuse_a=1000)
    gateways = "".join(
        f"\n[gateway bay-{number}]\nevse = bay-{number}\n"
        f"url = ws://127.0.0.1:{backend_port}/\nclient_id = {name}\n"
        for number, name in enumerate(names, 1)
    )
    text = (program.folder / "tap.cfg").read_text(encoding="utf-8")
    program.configure(text + gateways)
    return program


async def storm(chargers: int, kills: int, seed: int, pause_s: tuple[float, float]) -> Outcome:
    """
    Kill the manager so many times at random, and now and then the backend.

    @param pause_s: between two kills, from and to. [s]
    """
    draw = random.Random(seed)
    books, port = Books(), free_port()
    program = site(chargers, port)
    boxes = [Charger(f"CP-{number:04}", program.port) for number in range(1, chargers + 1)]
    slowest_s = 0.0
    try:
        await asyncio.to_thread(program.start)
        charging = [asyncio.create_task(box.run()) for box in boxes]
        async with AsyncExitStack() as backend:
            await backend.enter_async_context(billing(port, books))
            for _ in range(kills):
                await asyncio.sleep(draw.uniform(*pause_s))
                if draw.random() < 0.3:
                    await backend.aclose()
                    await asyncio.sleep(draw.uniform(0, 0.5))
                    await backend.enter_async_context(billing(port, books))
                await asyncio.to_thread(program.kill)
                begun_s = time.monotonic()
                await asyncio.to_thread(program.start)
                slowest_s = max(slowest_s, time.monotonic() - begun_s)
            for box in boxes:
                box.stop()
            await asyncio.gather(*charging)
            faults = await _drained(books, boxes)
        check_log(program)
    finally:
        program.clean_up()
        shutil.rmtree(program.folder, ignore_errors=True)
    return Outcome(
        faults,
        kills,
        sum(box.transactions for box in boxes),
        sum(len(box.acknowledged) for box in boxes),
        len(books.doubled),
        slowest_s,
    )


async def _drained(books: Books, boxes: Sequence[Charger]) -> list[str]:
    deadline_s = time.monotonic() + DRAIN_S
    while True:
        faults = discrepancies(books, boxes)
        is_waiting = any(": lost " in one for one in faults)
        if not is_waiting or time.monotonic() > deadline_s:
            return faults
        await asyncio.sleep(0.2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm")
    parser.add_argument("--chargers", type=int, default=20)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Run it, and say what came of it."""
    said = _arguments()
    outcome = asyncio.run(storm(said.chargers, said.kills, said.seed, (0.3, 3.0)))
    for fault in outcome.faults[:50]:
        sys.stderr.write(f"{fault}\n")
    sys.stdout.write(
        f"{outcome.kills} kills, {said.chargers} wallboxes, {outcome.transactions} "
        f"transactions, {outcome.messages} messages acknowledged: {len(outcome.faults)} wrong, "
        f"{outcome.doubled} told twice and known; slowest start {outcome.restart_s:.1f} s\n"
    )
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
