"""What is known of an EVSE without transactions of its own, beyond the state of the site."""

from __future__ import annotations

from enum import StrEnum
from math import inf

from attrs import define, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from cfos_cm.services.local_entries import Ending
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = ["Card", "Place", "Stage", "last_reading"]

_log = Logger(namespace="cfos_cm.services")


class Stage(StrEnum):
    """How far a charge is."""

    VACANT = "nobody charges"
    BEGINNING = "a start is being written down"
    RUNNING = "a transaction runs"
    ENDING = "it has ended, and that is not on disk yet"
    OVER = "somebody has ended it, and its car is still there"


@frozen
class Card:
    """
    A card that was shown, or a name that somebody far away has given.

    @ivar until_s: how long it counts, by the clock. [s]
    @ivar parent_id_tag: its group, as far as that is known.
    """

    id_tag: str
    until_s: float
    parent_id_tag: str | None = None

    def counts(self, now_s: float) -> bool:
        """Whether it still does."""
        return now_s < self.until_s


@define(eq=False)
class Place:
    """
    What is known of one EVSE.

    @ivar came_s: when it was there last after it had been away, by the clock. [s]
    @ivar lost_wh: what its meter showed when it was lost; C{None}: not known. [Wh]
    @ivar transaction: what runs, as it is on disk.
    @ivar parent_id_tag: the group of who started it, as far as that is known.
    @ivar has_meter: whether its first reading was one.
    @ivar begins: a start is being written down.
    @ivar ending: how it has ended, until that is on disk.
    @ivar is_over: a transaction was ended by somebody, and its car is still there.
    @ivar outlives_plug: the car has left a transaction that goes on; the site has to be told.
    @ivar shown: the card that was shown last, and has not been looked up yet.
    @ivar accepted: one that may charge, and has not been of use yet.
    @ivar refused: what was said last of a fixed tag that may not charge.
    @ivar gone: how many times a car has left, or the EVSE itself: what was about to begin
        before does not go on.
    @ivar complaint: why it could not be looked after the last time, as the log has it.
    @ivar again: when it is looked at again by itself.
    @ivar turn: it is looked at by one at a time.
    """

    evse: str
    came_s: float = -inf
    lost_wh: int | None = None
    transaction: Transaction | None = None
    parent_id_tag: str | None = None
    has_meter: bool = False
    begins: bool = False
    ending: Ending | None = None
    is_over: bool = False
    outlives_plug: bool = False
    shown: Card | None = None
    accepted: Card | None = None
    refused: Verdict | None = None
    gone: int = 0
    complaint: str | None = None
    again: IDelayedCall | None = None
    turn: DeferredLock = field(factory=DeferredLock)

    @property
    def stage(self) -> Stage:
        """How far the charge there is."""
        if self.ending is not None:
            return Stage.ENDING
        if self.transaction is not None:
            return Stage.RUNNING
        if self.begins:
            return Stage.BEGINNING
        return Stage.OVER if self.is_over else Stage.VACANT

    def content(self) -> None:
        """It could be looked after."""
        self.complaint = None

    def do_not_look(self) -> None:
        """It is not looked at by itself any more."""
        if self.again is not None and self.again.active():
            self.again.cancel()
        self.again = None


def last_reading(place: Place, transaction: Transaction, found_wh: int | None) -> int:
    """
    The last reading of a transaction. [Wh]

    One that is lower than the first says in the ledger that nobody knows what was drawn.

    @param found_wh: what its meter shows; C{None}: it does not say. [Wh]
    """
    start_wh = transaction.meter_start_wh
    if found_wh is None:
        found_wh = place.lost_wh
    if found_wh is None or not place.has_meter:
        return start_wh
    if found_wh < start_wh:
        _log.warn(
            "{evse}: its meter shows {found} Wh, less than at the start ({start} Wh): what was "
            "drawn is not known",
            evse=place.evse,
            found=found_wh,
            start=start_wh,
        )
    return found_wh
