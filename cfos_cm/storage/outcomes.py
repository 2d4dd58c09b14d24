"""What becomes of a piece of work."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from cfos_cm.errors import CfosError

__all__ = ["Done", "Failed", "Outcome"]


@frozen
class Done:
    """It is committed. C{value} is what it returned."""

    value: Any


@frozen
class Failed:
    """It has left nothing in the database."""

    error: CfosError


Outcome = Done | Failed
