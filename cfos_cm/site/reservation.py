"""A connector that is kept free for somebody."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

__all__ = ["MAX_RESERVATIONS", "Reservation"]

#: That can be open at once, and that are kept in all: far more than a site has connectors.
MAX_RESERVATIONS = 1000


@frozen
class Reservation:
    """
    A connector that is kept free, or may be: the Charge Point was asked to.

    @ivar reservation_id: ours; 1 to 2^31 - 1.
    @ivar connector: 0: any one of the Charge Point.
    @ivar expires_at: aware; from then on it is over.
    @ivar parent_id_tag: the group whose members may use it too.
    """

    reservation_id: int
    charge_point: str
    connector: int
    id_tag: str = field(repr=False)
    expires_at: datetime
    parent_id_tag: str | None = field(default=None, repr=False)
