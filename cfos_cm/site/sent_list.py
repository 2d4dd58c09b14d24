"""The local authorisation list that a Charge Point was sent."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

__all__ = ["SentList"]


@frozen
class SentList:
    """
    The list that a Charge Point has.

    @ivar version: the number that it was sent with.
    @ivar digest: of its entries. [hexadecimal]
    @ivar sent_at: aware.
    """

    charge_point: str
    version: int
    digest: str
    sent_at: datetime
