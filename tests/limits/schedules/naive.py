"""
Another evaluator, to compare with: slow, plain, and the other way round.

It paints. Each profile goes forward from its start through all of its recurrences and leaves
its limit on every second that it holds for; those of higher levels are painted over those of
lower ones. Currents are fractions until the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor

from cfos_cm.limits.schedules.profile import (
    Kind,
    Profile,
    Purpose,
    RateUnit,
    Recurrency,
    Running,
)

__all__ = ["painted"]

#: What is allowed in each second: amperes per phase, and how many phases.
_Canvas = dict[int, tuple[Fraction, int]]


def painted(
    profiles: Iterable[Profile],
    connector: int,
    running: Mapping[int, Running],
    seconds: range,
) -> list[tuple[int, int] | None]:
    """What is allowed in each second: [mA per phase], and how many phases."""
    first = min([each.start_s for each in running.values()], default=None)
    own = running.get(connector)
    begun = own.start_s if own else None
    everything = sorted(profiles, key=lambda each: (each.stack_level, each.connector))
    session: _Canvas = {}
    ceiling: _Canvas = {}
    for each in everything:
        if each.purpose is Purpose.TX_DEFAULT and each.connector in (0, connector):
            _paint(session, each, begun, seconds)
    for each in everything:
        if each.purpose is Purpose.CHARGE_POINT_MAX:
            _paint(ceiling, each, first, seconds)
        if each.purpose is Purpose.TX and each.connector == connector and _is_for(each, own):
            _paint(session, each, begun, seconds)
    return [_lower(session.get(second), ceiling.get(second)) for second in seconds]


def _is_for(profile: Profile, own: Running | None) -> bool:
    if own is None:
        return False
    return own.id is None or profile.transaction_id in (None, own.id)


def _paint(canvas: _Canvas, profile: Profile, begun: int | None, seconds: range) -> None:
    schedule = profile.schedule
    start = schedule.start_s
    if profile.kind is Kind.RELATIVE or start is None:
        start = begun
    if start is None:
        return
    for origin, end in _times(profile, start, seconds.stop):
        for number, period in enumerate(schedule.periods):
            until = end
            if number + 1 < len(schedule.periods):
                until = min(end, origin + schedule.periods[number + 1].start_s)
            amps = Fraction(period.limit_milli, 1000)
            if schedule.unit is RateUnit.W:
                amps /= 230 * (period.phases or 3)
            lowest = max(seconds.start, origin + period.start_s, profile.valid_from_s or 0)
            highest = min(seconds.stop, until, profile.valid_to_s or until)
            for second in range(lowest, highest):
                canvas[second] = amps, period.phases or 3


def _times(profile: Profile, start: int, stop: int) -> Iterable[tuple[int, int]]:
    """Every time that the schedule runs: from when, and until when."""
    duration = profile.schedule.duration_s
    every = None
    if profile.kind is Kind.RECURRING:
        every = 86_400 * (7 if profile.recurrency is Recurrency.WEEKLY else 1)
    while start < stop:
        end = stop if duration is None else start + duration
        if every is None:
            yield start, end
            return
        yield start, min(end, start + every)
        start += every


def _lower(
    one: tuple[Fraction, int] | None, other: tuple[Fraction, int] | None
) -> tuple[int, int] | None:
    both = [each for each in (one, other) if each is not None]
    if not both:
        return None
    return (
        floor(min(amps for amps, _ in both) * 1000),
        min(phases for _, phases in both),
    )
