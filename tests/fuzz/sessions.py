"""
Any number of damaged messages in conversations: C{python -m tests.fuzz.sessions --seed 1}.

Charge Points in memory say them to a Central System, between calls that are right, orders and
answers to them, lost connections, a full disk and settings that change. Afterwards, each
time: nothing was raised, nothing is in the log that says of a mistake of ours, every call that
has a message id was answered once with it, every frame of ours fits its official schema, and
the next Heartbeat is answered.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field
from twisted.logger import globalLogBeginner, globalLogPublisher

from .season import Season

__all__ = [
    "INPUTS_PER_SEASON",
    "MAX_S",
    "Tally",
    "attention",
    "fuzz",
    "main",
    "no_garbage_collection",
]

#: Nobody may make all others wait for longer. [s]
MAX_S = 0.1
#: Then another Central System begins, with other settings.
INPUTS_PER_SEASON = 500


@define
class Tally:
    """
    What came out.

    @ivar inputs: how many messages that were not right.
    @ivar confirmed: how many calls, right ones too, were answered with a CALLRESULT.
    @ivar refused: how many with a CALLERROR.
    @ivar hang_ups: how many connections were closed, by reason.
    @ivar slowest_s: the most time of the processor that one input took. [s]
    @ivar slowest: that input.
    @ivar violations: season, input, and which promise was not kept then.
    """

    inputs: int = 0
    confirmed: int = 0
    refused: int = 0
    hang_ups: Counter[str] = field(factory=Counter)
    slowest_s: float = 0.0
    slowest: bytes = b""
    violations: list[tuple[int, bytes, str]] = field(factory=list)

    def add(self, number: int, season: Season) -> None:
        """A season is over."""
        self.inputs += season.inputs
        self.confirmed += season.confirmed
        self.refused += season.refused
        self.hang_ups.update(season.hang_ups)
        if season.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest = season.slowest_s, season.slowest
        self.violations += [(number, text, what) for text, what in season.violations]


def fuzz(count: int, seed: int) -> Tally:
    """
    Say C{count} messages.

    @param seed: of the messages and all that happens; the same comes for the same seed.
    """
    tally = Tally()
    for start in range(0, count, INPUTS_PER_SEASON):
        number = seed * 1_000_000 + start // INPUTS_PER_SEASON
        season = Season(number)
        with attention(season):
            season.live(min(INPUTS_PER_SEASON, count - start))
        tally.add(number, season)
    return tally


@contextmanager
def attention(season: Season) -> Iterator[None]:
    """Have a season notice what is logged, and nothing else take time in it."""
    globalLogPublisher.addObserver(season.noticed)
    try:
        with no_garbage_collection():
            yield
    finally:
        globalLogPublisher.removeObserver(season.noticed)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """It would be counted in the time of some input or other."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def main() -> int:
    """
    Fuzz as the command line says, and print what came out.

    @return: the exit status: 1 if a promise was not kept, or an input took too long.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1, help="which row of them")
    arguments = parser.parse_args()
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    tally = fuzz(arguments.count, arguments.seed)
    sys.stdout.write(
        f"{tally.inputs} inputs of seed {arguments.seed} in conversations:\n"
        f"{tally.confirmed:>9} CALLRESULT\n{tally.refused:>9} CALLERROR\n"
        + "".join(f"{times:>9} hung up: {why}\n" for why, times in tally.hang_ups.items())
        + f"slowest: {tally.slowest_s * 1000:.1f} ms for {len(tally.slowest)} bytes,"
        f" {tally.slowest[:200]!r}\n"
        f"{'TOO SLOW: ' if tally.slowest_s > MAX_S else ''}at most {MAX_S * 1000:g} ms\n"
        f"{len(tally.violations)} violations\n"
        + "".join(
            f"VIOLATION in season {number}: {what}\n  {text!r}\n"
            for number, text, what in tally.violations[:20]
        )
    )
    return 1 if tally.violations or tally.slowest_s > MAX_S else 0


if __name__ == "__main__":
    sys.exit(main())
