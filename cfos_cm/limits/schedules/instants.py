"""
Points in time as schedules count them: whole seconds since 1970, in UTC.

What is finer is cut off, of everything alike, so that nothing that has begun can seem to be in
the future.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["earliest", "moment", "whole_seconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def whole_seconds(at: datetime) -> int:
    """
    The second that C{at} is in. [s since 1970]

    @param at: aware; in any zone.
    """
    return (at - _EPOCH) // _SECOND


def moment(at_s: int) -> datetime:
    """
    The point in time, aware, in UTC.

    @param at_s: [s since 1970]
    @raise OverflowError: if it is after the year 9999.
    """
    return _EPOCH + timedelta(seconds=at_s)


def earliest(*moments_s: int | None) -> int | None:
    """The first of these points in time; C{None} stands for never."""
    return min((each for each in moments_s if each is not None), default=None)
