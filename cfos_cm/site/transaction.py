"""A transaction: what is billed, from the meter's first reading to its last."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from cfos_cm.site.tag import Verdict

__all__ = ["ANONYMOUS", "MAX_TRANSACTION_ID", "Transaction"]

#: The idTag of who charges where nobody was asked who he is.
ANONYMOUS = "anonymous"
#: Our ids are positive and have 31 bits, so that every Charge Point can keep them.
MAX_TRANSACTION_ID = 2**31 - 1


@frozen
class Transaction:
    """
    A running transaction of one EVSE.

    @ivar transaction_id: ours; random, 1 to L{MAX_TRANSACTION_ID}.
    @ivar id_tag: who charges.
    @ivar verdict: whether he may, as it was judged when the transaction started.
    @ivar started_at: the Charge Point's time; aware.
    @ivar meter_start_wh: its meter's reading at the start. [Wh]
    """

    transaction_id: int
    id_tag: str
    verdict: Verdict
    started_at: datetime
    meter_start_wh: int
