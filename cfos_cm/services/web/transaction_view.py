"""A transaction, as those see it who ask over HTTP or export it."""

from __future__ import annotations

from cfos_cm.services.comma_separated import Cell
from cfos_cm.services.web.transaction_answers import TransactionRecord
from cfos_cm.site.tag import shortened
from cfos_cm.storage.transaction_search import FoundTransaction

__all__ = ["TRANSACTION_HEAD", "transaction_cells", "transaction_record"]

#: The first line of a table of transactions: energies in Wh, times in UTC.
TRANSACTION_HEAD: tuple[Cell, ...] = (
    "transaction_id",
    "charge_point",
    "connector",
    "evse",
    "id_tag",
    "verdict",
    "state",
    "started_at_utc",
    "stopped_at_utc",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "stop_reason",
    "stop_id_tag",
    "has_signed",
)


def transaction_record(found: FoundTransaction, *, in_full: bool) -> TransactionRecord:
    """
    A transaction, as an answer.

    @param in_full: with whole idTags; else these are shortened.
    """
    stop_id_tag = found.stop_id_tag
    return TransactionRecord(
        id=found.transaction_id,
        charge_point=found.charge_point,
        connector=found.connector,
        evse=found.evse,
        id_tag=found.id_tag if in_full else shortened(found.id_tag),
        verdict=found.verdict,
        state=found.state,
        started_at=found.started_at,
        stopped_at=found.stopped_at,
        meter_start_wh=found.meter_start_wh,
        meter_stop_wh=found.meter_stop_wh,
        energy_wh=found.energy_wh,
        stop_reason=found.stop_reason,
        stop_id_tag=stop_id_tag if in_full or stop_id_tag is None else shortened(stop_id_tag),
        has_signed=found.has_signed,
    )


def transaction_cells(record: TransactionRecord) -> tuple[Cell, ...]:
    """A line of the table, below L{TRANSACTION_HEAD}."""
    return (
        record.id,
        record.charge_point,
        record.connector,
        record.evse,
        record.id_tag,
        record.verdict,
        record.state.value,
        record.started_at,
        record.stopped_at,
        record.meter_start_wh,
        record.meter_stop_wh,
        record.energy_wh,
        record.stop_reason,
        record.stop_id_tag,
        record.has_signed,
    )
