"""How long a certificate is still valid, and when to say so."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["STAGES", "days_left", "expiry_words", "stage"]

#: Days before the end of a certificate at which it is said, each once.
STAGES = (60, 30, 7, 1)

_DAY = timedelta(days=1)


def stage(not_after: datetime, now: datetime) -> int | None:
    """
    The smallest of L{STAGES} that is reached; 0: it is over; C{None}: none is reached.

    @param not_after: the last moment at which it is valid; aware of its time zone, as C{now}.
    """
    if now > not_after:
        return 0
    reached = [days for days in STAGES if not_after - now <= days * _DAY]
    return min(reached, default=None)


def days_left(not_after: datetime, now: datetime) -> int:
    """Whole days until the end, rounded down: negative when it is over."""
    return (not_after - now) // _DAY


def expiry_words(not_after: datetime, now: datetime) -> str:
    """
    When a certificate ends or has ended, as words that follow "the certificate": for logs and
    pages.
    """
    if now > not_after:
        return f"has expired on {not_after:%Y-%m-%d}"
    days = days_left(not_after, now)
    left = "less than a day" if not days else "1 day" if days == 1 else f"{days} days"
    return f"expires on {not_after:%Y-%m-%d}, in {left}"
