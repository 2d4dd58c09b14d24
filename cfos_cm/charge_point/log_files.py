"""The logs of a gateway, as files for its backend: UTF-8, a line for each entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from attrs import frozen

from cfos_cm.charge_point.environment import SecurityRecord
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.site.evse import Evse
from cfos_cm.v16.core import KeyValue
from cfos_cm.v16.timestamps import format_timestamp

__all__ = [
    "MAX_LOG_BYTES",
    "Period",
    "diagnostics_log",
    "file_name",
    "security_log",
]

#: More of a log is not made; its oldest entries are left out then.
MAX_LOG_BYTES: Final = 1024 * 1024
_MAX_LINE_CHARS: Final = 1000
_MAX_NAME_CHARS: Final = 100

#: An entry: when it was noted, and its words.
_Entry = tuple[datetime, str]


@frozen
class Period:
    """
    Which entries are wanted: those of both moments and of what is between them.

    @ivar oldest: aware; C{None}: from the first one on.
    @ivar latest: aware; C{None}: to the last one.
    """

    oldest: datetime | None = None
    latest: datetime | None = None

    def has(self, moment: datetime) -> bool:
        """Whether an entry of C{moment} is wanted."""
        is_late = self.oldest is None or moment >= self.oldest
        return is_late and (self.latest is None or moment <= self.latest)


def file_name(kind: str, client_id: str, moment: datetime) -> str:
    """
    A name for a file: letters, digits, dots, dashes and underscores; at most 150 characters.

    @param kind: what is in it.
    """
    whose = "".join(
        one if one.isascii() and (one.isalnum() or one in "-_") else "_"
        for one in client_id[:_MAX_NAME_CHARS]
    )
    return f"{kind}-{whose}-{moment:%Y%m%dT%H%M%SZ}.log"


def security_log(
    title: str, records: Iterable[SecurityRecord], period: Period = Period()
) -> bytes:
    """What has mattered for the security of a gateway, in a period."""
    entries = (
        (one.happened_at, f"{one.kind}: {one.tech_info}" if one.tech_info else one.kind)
        for one in records
    )
    return _file((title,), entries, period)


def diagnostics_log(
    title: str,
    standing: Standing,
    evses: Iterable[tuple[ConnectorSettings, Evse | None]],
    keys: Iterable[KeyValue],
    notes: Iterable[_Entry],
    period: Period = Period(),
) -> bytes:
    """
    How a gateway stands, its configuration keys but for those that are secret, and what was
    noted about its backend in a period.
    """
    head = (
        title,
        "",
        "How it stands",
        *_standing(standing),
        "",
        "EVSEs",
        *(_evse(connector, evse) for connector, evse in evses),
        "",
        "Configuration keys",
        *(f"{one.key} = {'(secret)' if one.value is None else one.value}" for one in keys),
        "",
        "Noted about the backend",
    )
    return _file(head, notes, period)


def _standing(standing: Standing) -> Iterator[str]:
    yield f"{standing.state}, since {format_timestamp(standing.since)}"
    answered = standing.registration
    yield f"BootNotification: {'not answered yet' if answered is None else answered.value}"
    depth = standing.depth
    since = "" if depth.oldest_at is None else f", since {format_timestamp(depth.oldest_at)}"
    yield f"waiting for the backend: {depth.waiting} messages, {depth.size_bytes} bytes{since}"
    yield f"put aside: {depth.dead} messages"
    if standing.last_refusal:
        yield f"refused by the backend: {standing.last_refusal}"


def _evse(connector: ConnectorSettings, evse: Evse | None) -> str:
    words = [f"connector {connector.number}: {connector.evse}"]
    if evse is not None:
        words += [evse.link.value, evse.occupancy.value]
        device = evse.identity
        if device is not None:
            known = (device.vendor, device.model, device.firmware_version)
            words.append(" ".join(one for one in known if one))
    return ", ".join(words)


def _file(head: Iterable[str], entries: Iterable[_Entry], period: Period) -> bytes:
    """The newest of the entries, behind what is true of all of it."""
    lines = [_line(one) for one in head]
    left = MAX_LOG_BYTES - sum(map(len, lines))
    wanted = [one for one in entries if period.has(one[0])]
    newest: list[bytes] = []
    for moment, words in reversed(wanted):
        line = _line(f"{format_timestamp(moment)} {words}")
        left -= len(line)
        if left < 0:
            break
        newest.append(line)
    return b"".join((*lines, *reversed(newest)))


def _line(text: str) -> bytes:
    """One line: nothing in a text begins another one, or means something to a terminal."""
    shown = "".join(one if one.isprintable() else "?" for one in text[:_MAX_LINE_CHARS])
    return shown.encode("utf-8", "replace") + b"\n"
