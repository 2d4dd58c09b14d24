"""What consoles say beside the name of a command, checked."""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.services.control_socket import CommandRefused

__all__ = ["Said", "number_said", "text_said"]

Said = Mapping[str, object]


def text_said(said: Said, name: str) -> str:
    """@raise CommandRefused: if there is no text of that name, or an empty one."""
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise CommandRefused(f"{name}: must be a text")
    return value


def number_said(said: Said, name: str, least: int, most: int, usual: int | None = None) -> int:
    """
    @param usual: where nothing is said; C{None}: it has to be.
    @raise CommandRefused: if it is no whole number from C{least} to C{most}.
    """
    value = said.get(name, usual)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise CommandRefused(f"{name}: must be a whole number from {least} to {most}")
    return value
