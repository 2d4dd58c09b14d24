"""What a queued StartTransaction says of its transaction."""

from __future__ import annotations

import msgspec

from cfos_cm.charge_point.queued import BoundTransaction, QueuedMessage

__all__ = ["forgotten", "id_tag_in"]


class _Start(msgspec.Struct):
    """What is remembered of a StartTransaction."""

    idTag: str = ""


_start = msgspec.json.Decoder(_Start)


def forgotten(transaction_id: int, start: QueuedMessage) -> BoundTransaction:
    """A transaction that was forgotten among very many others: it is over."""
    return BoundTransaction(
        transaction_id,
        start.connector,
        id_tag_in(start.payload),
        start.queued_at,
        is_over=True,
    )


def id_tag_in(payload: bytes) -> str:
    """The idTag in the JSON text of a start or an end; empty: there is none."""
    try:
        return _start.decode(payload).idTag
    except (ValueError, RecursionError):
        return ""
