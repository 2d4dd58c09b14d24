"""Values as texts of a vault, and back: whatever is there is looked at before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from twisted.logger import Logger

from cfos_cm.charge_point.environment import VaultName

__all__ = ["read_kept", "text_of"]

_Value = TypeVar("_Value")

_log = Logger(namespace="cfos_cm.gateway")


def text_of(value: object) -> str:
    """The text of a frozen value of plain fields."""
    return msgspec.json.encode(value).decode()


def read_kept(
    gateway: str, kept: Mapping[VaultName, str], name: VaultName, kind: type[_Value]
) -> _Value | None:
    """
    What L{text_of} has made a text of.

    @param gateway: its name, for people.
    @param kept: all that is kept.
    @return: C{None}: there is nothing, or nothing that can be read; the log says which.
    """
    text = kept.get(name)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError):
        # Not why: a secret may be in that.
        _log.error(
            "{gateway}: what the backend has given cannot be read ({what}), and is left out",
            gateway=gateway,
            what=name.value,
        )
        return None
