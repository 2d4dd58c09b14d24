"""
Composite schedules: what charging profiles come to from one instant to another.

OCPP 1.6, "Get Composite Schedule".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve, frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.limits.schedules.evaluation import Ruling, Stacks
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.profile import Period, RateUnit, Running, Schedule
from cfos_cm.limits.schedules.store import Profiles

__all__ = ["MAX_LOOKS", "Outlook", "Span", "spans"]

#: How often profiles are looked at for one composite schedule: at each change all of them. It
#: bounds the time that one with a period for each second takes to a tenth of a second or so.
MAX_LOOKS = 50_000

#: What else is to be done at a change takes as long as so many looks.
_LOOKS_FOR_A_CHANGE = 10

#: What holds at an instant. [s since 1970]
_Rule = Callable[[int], Ruling]


@frozen
class Span:
    """
    A time in which one limit holds.

    @ivar from_s: its first second. [s since 1970]
    @ivar until_s: the first second after it. [s since 1970]
    @ivar limit: C{None}: nothing says anything.
    """

    from_s: int
    until_s: int
    limit: Limit | None


def spans(
    profiles: Profiles,
    connector: int,
    running: Mapping[int, Running],
    from_s: int,
    until_s: int,
) -> Iterator[Span]:
    """
    What the profiles allow at a connector in a time, as long as nothing happens.

    @param connector: 1 or more.
    @param running: the transactions of the Charge Point, by connector.
    @return: gapless, each after the one before; a neighbour may have the same limit. They end
        before C{until_s} when profiles were looked at L{MAX_LOOKS} times.
    """
    stacks = Stacks.of(profiles, connector)

    return _spans(lambda at_s: stacks.ruling(at_s, running), len(stacks), from_s, until_s)


@frozen
class Outlook:
    """
    All that a Charge Point's composite schedules follow from, as long as nothing happens.

    @ivar running: the transactions, by connector.
    @ivar made_for: what each connector can carry, which is the limit where nothing else is
        said.
    """

    profiles: Profiles
    running: Mapping[int, Running]
    made_for: Mapping[int, Limit]

    def composite_schedule(
        self, connector: int, from_s: int, duration_s: int, unit: RateUnit, most_periods: int
    ) -> Schedule:
        """
        What a connector may draw from C{from_s} on.

        For connector 0 that is what all may draw together: the sum of theirs, clipped by the
        ChargePointMaxProfile.

        @param from_s: [s since 1970]
        @param duration_s: 0 or less: of this instant only. [s]
        @param most_periods: 1 or more; there are no more.
        @return: rounded down to a tenth of the unit, equal neighbours as one period. It is
            shorter than was asked for where it has too many periods, or took L{MAX_LOOKS} to
            find out.
        @raise LocalProtocolError: if there is no such connector.
        """
        rule, looks = self._rule(connector)
        if duration_s <= 0:
            return Schedule(unit, (_period(0, rule(from_s).limit, unit),), from_s, 0)
        periods: list[Period] = []
        told_s = 0
        for span in _spans(rule, looks, from_s, from_s + duration_s):
            period = _period(span.from_s - from_s, span.limit, unit)
            if not periods or evolve(period, start_s=periods[-1].start_s) != periods[-1]:
                if len(periods) == most_periods:
                    break
                periods.append(period)
            told_s = span.until_s - from_s
        return Schedule(unit, tuple(periods), from_s, told_s)

    def _rule(self, connector: int) -> tuple[_Rule, int]:
        """What tells the limit at an instant, and how many profiles it looks at for that."""
        if connector != 0 and connector not in self.made_for:
            allowed = ", ".join(str(each) for each in (0, *sorted(self.made_for)))
            raise LocalProtocolError(f"there is no connector {connector}; allowed: {allowed}")
        asked = tuple(self.made_for) if connector == 0 else (connector,)
        stacks = {each: Stacks.of(self.profiles, each) for each in asked}
        looks = sum(len(each) for each in stacks.values())
        whole = Stacks.of(self.profiles, 0)

        def of_one(at_s: int, each: int) -> Ruling:
            ruling = stacks[each].ruling(at_s, self.running)
            return Ruling(self.made_for[each]).clipped(ruling)

        def of_all(at_s: int) -> Ruling:
            total = _total(tuple(of_one(at_s, each) for each in asked))
            return total.clipped(whole.whole(at_s, self.running))

        if connector == 0:
            return of_all, looks + len(whole.maximum)
        return lambda at_s: of_one(at_s, connector), looks


def _total(rulings: tuple[Ruling, ...]) -> Ruling:
    limits = tuple(each.limit for each in rulings if each.limit is not None)
    untils_s = tuple(each.until_s for each in rulings if each.until_s is not None)
    return Ruling(Limit.sum_of(limits) if limits else Limit(0), min(untils_s, default=None))


def _spans(rule: _Rule, looks: int, from_s: int, until_s: int) -> Iterator[Span]:
    """From when until when C{rule} says what, found by L{MAX_LOOKS} at the utmost."""
    at_s = from_s
    for _ in range(max(1, MAX_LOOKS // (_LOOKS_FOR_A_CHANGE + looks))):
        if at_s >= until_s:
            return
        ruling = rule(at_s)
        ends_s = until_s if ruling.until_s is None else min(until_s, ruling.until_s)
        yield Span(at_s, ends_s, ruling.limit)
        at_s = ends_s


def _period(start_s: int, limit: Limit | None, unit: RateUnit) -> Period:
    assert limit is not None, "a connector is made for something"
    exact_milli = limit.current_ma if unit is RateUnit.A else limit.power_mw
    return Period(start_s, exact_milli // 100 * 100, limit.phases)
