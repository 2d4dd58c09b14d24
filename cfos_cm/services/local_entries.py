"""What the ledger is told of the transactions of EVSEs without a Charge Point."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from cfos_cm.site.evse import Evse
from cfos_cm.site.records import TransactionStart, TransactionStop
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import Reason, StartTransactionRequest, StopTransactionRequest
from cfos_cm.v16.timestamps import format_timestamp

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


def start_of(evse: Evse, id_tag: str, started_at: datetime) -> TransactionStart:
    """A transaction that begins with what the EVSE's meter shows; with 0, if it is silent."""
    meter_start_wh = 0 if evse.energy_wh is None else evse.energy_wh
    request = StartTransactionRequest(
        connector_id=CONNECTOR,
        id_tag=id_tag,
        meter_start=meter_start_wh,
        timestamp=format_timestamp(started_at),
    )
    return TransactionStart(
        charge_point=place_of(evse.name),
        connector=CONNECTOR,
        evse=evse.name,
        id_tag=id_tag,
        verdict=Verdict.ACCEPTED,
        started_at=started_at,
        meter_start_wh=meter_start_wh,
        reservation_id=None,
        request_text=encode(request).decode(),
    )


def stop_of(
    evse: str, transaction: Transaction, ending: Ending, stop_wh: int
) -> TransactionStop:
    """
    A transaction that has ended.

    @param stop_wh: its last reading. [Wh]
    """
    request = StopTransactionRequest(
        meter_stop=stop_wh,
        timestamp=format_timestamp(ending.at),
        transaction_id=transaction.transaction_id,
        reason=ending.reason,
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
