"""The answer about something that there is not."""

from __future__ import annotations

from collections.abc import Collection

from cfos_cm.services.config.options import did_you_mean
from cfos_cm.services.console_words import printable
from cfos_cm.web.problem import Problem

__all__ = ["no_evse"]

_SHOWN_CHARACTERS = 60


def no_evse(name: str, names: Collection[str]) -> Problem:
    """404, with the nearest of C{names} if one is near."""
    shown = printable(name[:_SHOWN_CHARACTERS])
    return Problem(404, f"there is no EVSE {shown!r}{did_you_mean(shown, names)}")
