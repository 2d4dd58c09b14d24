"""What decides how an EVSE's messages are made."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

__all__ = ["Keys", "Use"]


class Keys(Protocol):
    """Configuration keys of OCPP 1.6, as a backend has set them."""

    def number(self, name: str) -> int:
        """A key whose value is a number."""

    def is_set(self, name: str) -> bool:
        """A key whose value is C{true} or C{false}."""

    def words(self, name: str) -> tuple[str, ...]:
        """A key whose value is a list."""


@frozen
class Use:
    """
    What a backend lets a connector be used for.

    @ivar is_operative: ChangeAvailability has not taken it out of use.
    @ivar is_reserved: it is kept free for somebody.
    """

    is_operative: bool = True
    is_reserved: bool = False
