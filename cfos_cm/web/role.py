"""What somebody who asks over HTTP may do."""

from __future__ import annotations

from enum import IntEnum

from attrs import field, frozen

__all__ = ["Caller", "Role"]


class Role(IntEnum):
    """A higher one may do all that a lower one may."""

    ANYBODY = 0
    """Nobody has to say who he is: for what tells nothing of the site."""
    VIEWER = 1
    """Sees the site."""
    OPERATOR = 2
    """Starts, stops and limits charges, and speaks with Charge Points."""
    ADMIN = 3
    """Changes settings, passwords and certificates."""


@frozen
class Caller:
    """
    Who asks.

    @ivar name: of the account or the token, for the audit log; empty: nobody has said.
    @ivar origin: the address that is asked from.
    @ivar session: what the session of a page is found by; C{None}: a program, or nobody.
    @ivar csrf: what a page has to say with all that changes something.
    """

    name: str
    role: Role
    origin: str
    session: str | None = field(default=None, repr=False)
    csrf: str | None = field(default=None, repr=False)
