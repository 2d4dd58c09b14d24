"""Charging profiles, transactions and points in time for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cfos_cm.limits.schedules.instants import whole_seconds
from cfos_cm.limits.schedules.objections import Bounds
from cfos_cm.limits.schedules.profile import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Recurrency,
    Running,
    Schedule,
)
from cfos_cm.limits.schedules.store import Profiles

__all__ = [
    "BOUNDS",
    "DAY_S",
    "HOUR_S",
    "at",
    "daily",
    "maximum",
    "profile",
    "relative",
    "running",
    "stored",
    "tx",
    "weekly",
]

HOUR_S = 3600
DAY_S = 24 * HOUR_S

#: Room for everything that a test sets.
BOUNDS = Bounds(profiles=100, periods=2_000, stack_level=100)


def at(text: str) -> int:
    """A point in time in UTC, as C{2026-03-02 22:00}. [s since 1970]"""
    return whole_seconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def profile(
    *periods: tuple[int, float],
    unit: RateUnit = RateUnit.A,
    phases: int | None = None,
    start: str | None = "2026-03-01 00:00",
    duration: int | None = None,
    valid_from: str | None = None,
    valid_to: str | None = None,
    min_rate: int | None = None,
    **changed: Any,
) -> Profile:
    """
    A default of connector 1, absolute from 1 March 2026 on unless changed.

    @param periods: from when on [s], and how much [A or W].
    @param min_rate: [A or W]
    """
    given: dict[str, Any] = {
        "id": 1,
        "connector": 1,
        "purpose": Purpose.TX_DEFAULT,
        "kind": Kind.ABSOLUTE,
        "valid_from_s": None if valid_from is None else at(valid_from),
        "valid_to_s": None if valid_to is None else at(valid_to),
    }
    return Profile(
        **{**given, **changed},
        schedule=Schedule(
            unit,
            tuple(Period(begin, round(limit * 1000), phases) for begin, limit in periods),
            None if start is None else at(start),
            duration,
            None if min_rate is None else min_rate * 1000,
        ),
    )


def daily(*periods: tuple[int, float], **changed: Any) -> Profile:
    """A default that begins every day, from 1 March 2026 at 22:00 on."""
    given = {
        "kind": Kind.RECURRING,
        "recurrency": Recurrency.DAILY,
        "start": "2026-03-01 22:00",
    }
    return profile(*periods, **{**given, **changed})


def weekly(*periods: tuple[int, float], **changed: Any) -> Profile:
    """A default that begins every week, from Monday, 2 February 2026 on."""
    given = {"recurrency": Recurrency.WEEKLY, "start": "2026-02-02 00:00"}
    return daily(*periods, **{**given, **changed})


def relative(*periods: tuple[int, float], **changed: Any) -> Profile:
    """A default that begins with the transaction."""
    return profile(*periods, **{"kind": Kind.RELATIVE, "start": None, **changed})


def tx(*periods: tuple[int, float], **changed: Any) -> Profile:
    """A TxProfile with the id 2."""
    return profile(*periods, **{"purpose": Purpose.TX, "id": 2, **changed})


def maximum(*periods: tuple[int, float], **changed: Any) -> Profile:
    """A ChargePointMaxProfile with the id 3."""
    given = {"purpose": Purpose.CHARGE_POINT_MAX, "connector": 0, "id": 3}
    return profile(*periods, **{**given, **changed})


def running(**started: str) -> dict[int, Running]:
    """Transactions: C{c1="2026-03-02 12:00"} has the id 1001 and runs at connector 1."""
    numbers = {int(name[1:]): text for name, text in started.items()}
    return {number: Running(at(text), 1000 + number) for number, text in numbers.items()}


def stored(*profiles: Profile) -> Profiles:
    """What a Charge Point has that was given these, one after the other, in transactions."""
    result = Profiles()
    for each in profiles:
        transaction = Running(0, each.transaction_id)
        result = result.with_profile(each, BOUNDS, transaction)
    return result
