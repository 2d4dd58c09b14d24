"""The roles of accounts and tokens, as texts on disk, in answers and on the console."""

from __future__ import annotations

from typing import Literal, get_args

from cfos_cm.web.role import Role

__all__ = ["ROLES", "RoleName", "name_of", "role_of"]

#: What an account or a token may be.
RoleName = Literal["viewer", "operator", "admin"]

ROLES: tuple[RoleName, ...] = get_args(RoleName)


def role_of(text: str) -> Role:
    """The role that a text says; the least one for what nobody here has written."""
    return Role[text.upper()] if text in ROLES else Role.VIEWER


def name_of(role: Role) -> RoleName:
    """The text of a role that accounts and tokens may have."""
    return ROLES[role - Role.VIEWER]
