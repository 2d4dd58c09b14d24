"""What is noted of somebody who has changed something."""

from __future__ import annotations

from attrs import frozen

from cfos_cm.web.role import Role

__all__ = ["Audited"]


@frozen(kw_only=True)
class Audited:
    """
    Somebody has asked for something that is noted; when, knows who is told.

    @ivar who: the name of the account or the token; empty: he has not said.
    @ivar origin: the address that was asked from.
    @ivar path: as it was asked for, without what stands behind the question mark.
    @ivar status: of HTTP.
    @ivar note: what has changed, without secrets.
    """

    who: str
    role: Role
    origin: str
    method: str
    path: str
    status: int
    note: str
