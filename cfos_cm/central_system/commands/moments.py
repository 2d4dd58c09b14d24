"""Points in time in requests of ours."""

from __future__ import annotations

from collections.abc import Iterator

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.v16.timestamps import parse_timestamp

__all__ = ["objections_to_interval", "objections_to_moment"]


def objections_to_moment(text: str | None, field: str) -> Iterator[str]:
    """
    What is wrong with an optional point in time.

    @param field: its name in the message.
    """
    if text is not None:
        try:
            parse_timestamp(text)
        except RemoteProtocolError as error:
            yield f"{field}: {error}"


def objections_to_interval(
    start: str | None, start_field: str, end: str | None, end_field: str
) -> Iterator[str]:
    """What is wrong with two optional points in time, of which one comes first."""
    wrong = (*objections_to_moment(start, start_field), *objections_to_moment(end, end_field))
    yield from wrong
    if wrong or start is None or end is None:
        return
    if parse_timestamp(start) > parse_timestamp(end):
        yield f"{end_field} is before {start_field}"
