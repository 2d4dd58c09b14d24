"""What is said over HTTP about who was not let in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from cfos_cm.services.console_words import printable
from cfos_cm.services.web.charge_point_answers import ChargePointEvent
from cfos_cm.storage.security_events import SecurityEvent

__all__ = ["FailedLoginShown", "Security", "event_shown"]


class FailedLoginShown(msgspec.Struct, frozen=True, kw_only=True):
    """
    Somebody who was not let in.

    C{at}: when he tried last. C{who}: who he said to be, which nobody knows to be true.
    C{origin}: the address that he came from. C{count}: how often he did just that.
    """

    at: datetime
    who: str
    origin: str
    what: Literal["charge point", "page", "token", "set-up code"]
    why: str
    count: int = 1


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """
    What speaks of attacks, or of wallboxes that are set up wrongly.

    C{failed_logins} and C{events}: the newest first. C{counters}: how often each has happened
    since the program started.
    """

    failed_logins: tuple[FailedLoginShown, ...]
    events: tuple[ChargePointEvent, ...]
    counters: dict[str, int]


def event_shown(event: SecurityEvent) -> ChargePointEvent:
    """What a Charge Point has told about its security."""
    return ChargePointEvent(
        charge_point=printable(event.charge_point),
        kind=printable(event.kind),
        told_at=printable(event.told_at),
        tech_info=event.tech_info and printable(event.tech_info),
        received_at=event.received_at,
    )
