"""What the ledger is told of the transactions of EVSEs without a Charge Point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from cfos_cm.site.evse import Evse
from cfos_cm.site.records import TransactionStart, TransactionStop
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import Reason, StartTransactionRequest, StopTransactionRequest
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import TransactionData

__all__ = ["CONNECTOR", "Ending", "evse_at", "place_of", "start_of", "stop_of"]

#: There is one car at each of these places.
CONNECTOR = 1
_KIND = "evse"


@frozen
class Ending:
    """
    An end that is not on disk yet.

    @ivar meter_wh: what the meter showed; C{None}: it had not said so yet. [Wh]
    """

    reason: Reason
    id_tag: str | None
    at: datetime
    meter_wh: int | None


def place_of(evse: str) -> str:
    """How an EVSE without a Charge Point is named in the ledger; no ChargeBox ID has a C{/}."""
    return f"{_KIND}/{evse}"


def evse_at(place: str) -> str | None:
    """The EVSE that is named so; C{None}: a Charge Point is. See L{place_of}."""
    kind, _, name = place.partition("/")
    return name if kind == _KIND else None


def start_of(
    evse: Evse, id_tag: str, started_at: datetime, reservation_id: int | None = None
) -> TransactionStart:
    """
    A transaction that begins with what the EVSE's meter shows; with 0, if it is silent.

    @param reservation_id: the reservation that ends with it.
    """
    meter_start_wh = 0 if evse.energy_wh is None else evse.energy_wh
    request = StartTransactionRequest(
        connector_id=CONNECTOR,
        id_tag=id_tag,
        meter_start=meter_start_wh,
        timestamp=format_timestamp(started_at),
        reservation_id=reservation_id,
    )
    return TransactionStart(
        charge_point=place_of(evse.name),
        connector=CONNECTOR,
        evse=evse.name,
        id_tag=id_tag,
        verdict=Verdict.ACCEPTED,
        started_at=started_at,
        meter_start_wh=meter_start_wh,
        reservation_id=reservation_id,
        request_text=encode(request).decode(),
    )


def stop_of(
    evse: str,
    transaction: Transaction,
    ending: Ending,
    stop_wh: int,
    data: Sequence[TransactionData] = (),
) -> TransactionStop:
    """
    A transaction that has ended.

    Where its last reading is lower than its first nobody knows what was drawn. The ledger keeps
    that as it is; a backend is told that it was nothing, for it would bill a negative amount.

    @param stop_wh: its last reading. [Wh]
    @param data: what was sampled while it ran.
    """
    request = StopTransactionRequest(
        meter_stop=max(stop_wh, transaction.meter_start_wh),
        timestamp=format_timestamp(ending.at),
        transaction_id=transaction.transaction_id,
        id_tag=ending.id_tag,
        reason=ending.reason,
        transaction_data=tuple(data) or None,
    )
    return TransactionStop(
        charge_point=place_of(evse),
        transaction_id=transaction.transaction_id,
        id_tag=ending.id_tag,
        stopped_at=ending.at,
        meter_stop_wh=stop_wh,
        reason=ending.reason.value,
        request_text=encode(request).decode(),
    )
