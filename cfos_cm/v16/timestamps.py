"""
Points in time as OCPP 1.6 writes them.

A parser of our own, because C{datetime.fromisoformat} takes week dates, leaves a missing zone
open, takes any year, and refuses second 60, which a clock may show.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError
from cfos_cm.v16.violations import excerpt

__all__ = ["FIRST_YEAR", "LAST_YEAR", "format_timestamp", "parse_timestamp"]

#: No transaction was before this year: a clock that says so was never set.
FIRST_YEAR = 2000
#: And none will be after this one while this program runs.
LAST_YEAR = 2100

_TIMESTAMP = re.compile(
    r"""
    (?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})
    [Tt\ ]
    (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})
    (?:\.(?P<fraction>[0-9]{0,9}))?
    (?:[Zz]|(?P<sign>[+-])(?P<zone_hours>[01][0-9]|2[0-3])(?::?(?P<zone_minutes>[0-5][0-9]))?)?
    """,
    re.VERBOSE,
)


def parse_timestamp(text: str) -> datetime:
    """
    Read a peer's point in time.

    Taken are C{2026-03-01T12:00:00}, with a C{t} or a blank in the place of C{T}, with a
    fraction of up to nine digits (those after the sixth are cut off), and with the zone C{Z},
    C{z}, C{+01:00}, C{+0100}, C{+01} or none, which means UTC; blanks around it are left out
    of account. A leap second counts as the second before it.

    @return: aware, in UTC.
    @raise RemoteProtocolError: for any other text, and for years out of 2000 to 2100 (UTC).
    """
    match = _TIMESTAMP.fullmatch(text.strip(" "))
    if match is None:
        raise _refusal(text, "is not of the form YYYY-MM-DDTHH:MM:SS.mmmZ")
    try:
        moment = _moment(match)
    except (ValueError, OverflowError) as error:
        raise _refusal(text, "is no date and time of the calendar") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _refusal(text, f"is not in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def format_timestamp(moment: datetime) -> str:
    """
    Write a point in time as we send it: C{YYYY-MM-DDTHH:MM:SS.mmmZ}, in UTC.

    Microseconds are cut off, so that a written moment is never later than the real one.

    @raise LocalProtocolError: if C{moment} has no zone.
    """
    if moment.utcoffset() is None:
        raise LocalProtocolError("a point in time without a zone cannot be sent")
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def _moment(match: re.Match[str]) -> datetime:
    """
    The moment that a well-formed text names, in UTC.

    @raise ValueError: if the calendar or the clock has no such moment.
    @raise OverflowError: if it is in UTC before the year 1 or after the year 9999.
    """
    second = int(match["second"])
    local = datetime(
        int(match["year"]),
        int(match["month"]),
        int(match["day"]),
        int(match["hour"]),
        int(match["minute"]),
        # datetime knows no leap seconds.
        59 if second == 60 else second,
        int((match["fraction"] or "")[:6].ljust(6, "0")),
        tzinfo=_zone(match),
    )
    return local.astimezone(UTC)


def _zone(match: re.Match[str]) -> timezone:
    """The zone that a well-formed text names; without one, UTC."""
    if match["sign"] is None:
        return UTC
    offset = timedelta(
        hours=int(match["zone_hours"]), minutes=int(match["zone_minutes"] or "0")
    )
    return timezone(-offset if match["sign"] == "-" else offset)


def _refusal(text: str, reason: str) -> RemoteProtocolError:
    """The error about a text that cannot be taken."""
    return RemoteProtocolError(
        f"timestamp {excerpt(text)} {reason}", CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    )
