"""What consoles can ask of a running manager about what is said on both legs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from cfos_cm.services.console_words import printable
from cfos_cm.services.control_socket import Command, CommandRefused
from cfos_cm.services.said import Said, number_said
from cfos_cm.services.web.trace_view import Reader, Wanted
from cfos_cm.trace import Leg, Trace

__all__ = ["MAX_FRAMES_TOLD", "MAX_TEXT_CHARS", "trace_orders"]

#: How many messages are told at once.
MAX_FRAMES_TOLD = 200

#: How much of a message is told; with all of them an answer is less than 4 MiB.
MAX_TEXT_CHARS = 4000


def trace_orders(trace: Trace) -> dict[str, Command]:
    """
    The commands, by name: C{trace} (limit; after, leg, who, action) answers with C{frames},
    the newest, or the first ones after a number, and with the number to go on C{after}.
    """
    return {"trace": partial(_frames, trace)}


async def _frames(trace: Trace, said: Said) -> Mapping[str, object]:
    limit = number_said(said, "limit", 1, MAX_FRAMES_TOLD, 50)
    reader = Reader(trace, _wanted(said))
    if said.get("after") is None:
        frames = reader.newest(limit)
    else:
        frames = reader.next(limit, number_said(said, "after", 0, 2**62))
    told = [_told(msgspec.to_builtins(one)) for one in frames]
    return {"frames": told, "after": reader.read}


def _wanted(said: Said) -> Wanted:
    words = {name: said.get(name) for name in ("leg", "who", "action")}
    for name, value in words.items():
        if value is not None and (not isinstance(value, str) or len(value) > 100):
            raise CommandRefused(f"{name}: must be a text of at most 100 characters")
    leg, who, action = (None if value is None else str(value) for value in words.values())
    if leg is not None and leg not in list(Leg):
        raise CommandRefused(f"leg: must be {' or '.join(Leg)}")
    return Wanted(None if leg is None else Leg(leg), who and who.casefold(), action)


def _told(frame: dict[str, object]) -> dict[str, object]:
    text = printable(str(frame["text"]))
    if len(text) > MAX_TEXT_CHARS:
        text = text[: MAX_TEXT_CHARS - 1] + "…"
    return {**frame, "text": text, "who": printable(str(frame["who"]))}
