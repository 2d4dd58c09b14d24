"""
Any number of damaged frames, read: C{python -m tests.fuzz.frames --count 1000000 --seed 1}.

Each is read by one who forgives nothing, by one who forgives all and by one who forgives some.
It becomes a message, or nothing to do, or a L{RemoteProtocolError}; whatever else gets out of a
decoder is a mistake of ours, and is shown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from random import Random

from attrs import define, field

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS, Quirk
from cfos_cm.v16.actions import ACTIONS, Action, Role, encode, read_confirmation, read_request
from cfos_cm.v16.reading import Reading
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call, CallError, CallResult, UnreadableFrame

from .mutation import Mutator

__all__ = ["Tally", "fuzz", "main"]


@define
class Tally:
    """
    What came out.

    @ivar outcomes: how many readings ended in which way.
    @ivar slowest_s: the most time of the processor that one reading took. [s]
    @ivar slowest: the input that took it.
    @ivar mistakes: inputs that something else than a L{RemoteProtocolError} came out of.
    """

    outcomes: Counter[str] = field(factory=Counter)
    slowest_s: float = 0.0
    slowest: bytes = b""
    mistakes: list[tuple[bytes, str]] = field(factory=list)


def fuzz(count: int, seed: int) -> Tally:
    """
    Read C{count} inputs.

    @param seed: of the inputs; the same ones come for the same seed.
    """
    tally = Tally()
    mutator, random = Mutator(seed), Random(seed)
    for _ in range(count):
        text = mutator.frame()
        some = frozenset(quirk for quirk in Quirk if random.random() < 0.5)
        for tolerated in (NO_QUIRKS, some, EVERY_QUIRK):
            _note(tally, text, tolerated, ACTIONS[mutator.action])
    return tally


def _note(tally: Tally, text: bytes, tolerated: frozenset[Quirk], action: Action) -> None:
    try:
        took_s, outcome = _timed(text, tolerated, action)
        if took_s > tally.slowest_s:
            # Again, because it may have been the garbage collection that took it.
            took_s = min(took_s, *(_timed(text, tolerated, action)[0] for _ in range(2)))
    except Exception as error:
        took_s, outcome = 0.0, "mistake"
        tally.mistakes.append((text, repr(error)))
    tally.outcomes[outcome] += 1
    if took_s > tally.slowest_s:
        tally.slowest_s, tally.slowest = took_s, text


def _timed(text: bytes, tolerated: frozenset[Quirk], action: Action) -> tuple[float, str]:
    """How long the processor worked on it, and how it ended."""
    start_s = time.process_time()
    outcome = _read(text, tolerated, action)
    return time.process_time() - start_s, outcome


def _read(text: bytes, tolerated: frozenset[Quirk], action: Action) -> str:
    """How the reading of C{text} ended; a broken promise is an L{AssertionError}."""
    try:
        frame = ocppj.decode(text, tolerated=tolerated)
    except UnreadableFrame as error:
        _check_error(error, tolerated)
        return "unreadable frame"
    if frame is None:
        return "unknown message type"
    assert frame.text == text
    assert frame.quirks <= tolerated
    if isinstance(frame, CallError):
        return "CALLERROR"
    try:
        if isinstance(frame, Call):
            reading = read_request(frame.action, frame.payload, Role.CHARGE_POINT, tolerated)
        else:
            reading = read_confirmation(action, frame.payload, tolerated)
    except RemoteProtocolError as error:
        _check_error(error, tolerated)
        return f"refused {'CALL' if isinstance(frame, Call) else 'CALLRESULT'}"
    return _check_reading(frame, reading, tolerated)


def _check_error(error: RemoteProtocolError, tolerated: frozenset[Quirk]) -> None:
    """The error can be told to the peer."""
    assert error.quirk not in tolerated
    assert len(error.description) <= 400
    if error.unique_id is not None:
        answer = CallError(error.unique_id, error.code.value, error.description)
        assert isinstance(ocppj.decode(ocppj.encode(answer)), CallError)


def _check_reading(
    frame: Call | CallResult, reading: Reading, tolerated: frozenset[Quirk]
) -> str:
    """The reading says what it should, and nothing that was hidden."""
    assert reading.quirks <= tolerated
    assert bool(reading.quirks) == bool(reading.remarks)
    # Nobody reads another name or value out of a payload that was vetted.
    frame.payload.decode("utf-8")
    if reading.quirks:
        return "forgiven message"
    # A peer's limits may have more decimals than ours.
    assert reading.message.unfit() or encode(reading.message)
    return "message"


def main() -> int:
    """
    Fuzz as the command line says, and print what came out.

    @return: the exit status: 1 if there was a mistake.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1, help="which row of them")
    arguments = parser.parse_args()
    tally = fuzz(arguments.count, arguments.seed)
    sys.stdout.write(
        f"{arguments.count} inputs of seed {arguments.seed}, each read by three:\n"
        + "".join(f"{times:>9} {outcome}\n" for outcome, times in tally.outcomes.most_common())
        + f"slowest: {tally.slowest_s * 1000:.1f} ms for {len(tally.slowest)} bytes,"
        f" {tally.slowest[:200]!r}\n"
        + "".join(f"MISTAKE {error}\n  {text!r}\n" for text, error in tally.mistakes[:10])
    )
    return 1 if tally.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
