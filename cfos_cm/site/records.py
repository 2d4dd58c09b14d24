"""
What a ledger is asked to write down, and what it says about it.

Charge Points report the start and the end of a transaction; the ledger has them on disk before
anybody is told that they were received.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = [
    "OpenTransaction",
    "StopOutcome",
    "StoredStart",
    "StoredStop",
    "TransactionStart",
    "TransactionStop",
]


@frozen
class TransactionStart:
    """
    A Charge Point says that a transaction has begun.

    @ivar charge_point: its identity.
    @ivar evse: the EVSE at that connector; C{None} when none is configured there.
    @ivar verdict: whether C{id_tag} may charge.
    @ivar started_at: by the Charge Point's clock; aware.
    @ivar request_text: the payload as it came.
    """

    charge_point: str
    connector: int
    evse: str | None
    id_tag: str
    verdict: Verdict
    started_at: datetime
    meter_start_wh: int
    reservation_id: int | None
    request_text: str


@frozen
class StoredStart:
    """
    What became of a start.

    @ivar transaction: as it is on disk.
    @ivar repeated: the Charge Point has said so before, and nothing was written.
    @ivar superseded: transactions of the same connector that had never been stopped.
    @ivar runs: whether it goes on; not when its end is known already, or a later one's start.
    """

    transaction: Transaction
    repeated: bool
    superseded: tuple[int, ...]
    runs: bool = True


@frozen
class TransactionStop:
    """
    A Charge Point says that a transaction has ended.

    @ivar id_tag: who ended it; C{None} when the Charge Point does not say.
    @ivar stopped_at: by the Charge Point's clock; aware.
    """

    charge_point: str
    transaction_id: int
    id_tag: str | None
    stopped_at: datetime
    meter_stop_wh: int
    reason: str
    request_text: str


class StopOutcome(StrEnum):
    """What became of a stop."""

    STOPPED = "stopped"
    REPEATED = "repeated"
    """The Charge Point has said so before."""
    UNKNOWN = "unknown"
    """There is no such transaction; the stop is kept for review."""
    FOREIGN = "foreign"
    """The transaction is another Charge Point's; the stop is kept for review."""


@frozen
class StoredStop:
    """
    What became of a stop, and the transaction that it was about.

    @ivar evse: the EVSE of the transaction; C{None} when it had none or is not known.
    @ivar connector: C{None} when the transaction is not known.
    @ivar energy_wh: between the two readings; C{None} when that is not known. [Wh]
    @ivar id_tag: who started it; C{None} when the transaction is not known.
    """

    outcome: StopOutcome
    evse: str | None = None
    connector: int | None = None
    energy_wh: int | None = None
    id_tag: str | None = None


@frozen
class OpenTransaction:
    """A transaction that has started and not ended, as it is on disk."""

    charge_point: str
    connector: int
    evse: str | None
    transaction: Transaction
