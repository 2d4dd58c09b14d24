"""A Central System's environment in which nothing is, for what is measured without it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attrs import NOTHING, fields

from cfos_cm.central_system.environment import Environment


def empty_world(**known: Any) -> Environment:
    """An environment of which only C{known} and the time of day may be asked for."""
    world: dict[str, Any] = {
        field.name: None for field in fields(Environment) if field.default is NOTHING
    }
    return Environment(**(world | {"now": lambda: datetime.now(UTC)} | known))
