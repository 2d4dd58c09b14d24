"""What bills hang on, kept, and noted with its transaction when it is signed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, true, update

from cfos_cm.storage.readings import Reading, is_evidence
from cfos_cm.storage.series import keep_meter_values
from cfos_cm.storage.tables import transactions

__all__ = ["keep_evidence", "says_signed"]

_SIGNED = "signeddata"

_NOTE = (
    update(transactions)
    .where(
        transactions.c.transaction_id == bindparam("transaction"),
        transactions.c.charge_point == bindparam("said_by"),
        transactions.c.has_signed.is_not(true()),
    )
    .values(has_signed=True)
)


def says_signed(payload_text: str) -> bool:
    """
    Whether a message holds a signed meter value: OCPP 1.6, SampledValue, format SignedData;
    with whatever capitals.

    Who spells letters as numbers, and so that nobody can read it, is believed to.
    """
    if _SIGNED in payload_text.casefold():
        return True
    if "\\" not in payload_text or not is_evidence(payload_text):
        return False
    try:
        spelt = json.dumps(json.loads(payload_text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return True
    return _SIGNED in spelt.casefold()


def keep_evidence(connection: Connection, readings: Sequence[Reading]) -> None:
    """
    Keep readings as L{keep_meter_values} does, and note which transactions have signed ones.

    A transaction that is unknown, or another Charge Point's, is left out.
    """
    keep_meter_values(connection, readings)
    signed = {
        (charge_point, transaction_id)
        for charge_point, _, transaction_id, _, text in readings
        if transaction_id is not None and says_signed(text)
    }
    if signed:
        connection.execute(
            _NOTE,
            [
                {"said_by": charge_point, "transaction": number}
                for charge_point, number in signed
            ],
        )
