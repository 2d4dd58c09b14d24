"""What is said over HTTP about transactions: answers and what can be asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from cfos_cm.storage.transactions import TransactionState

__all__ = [
    "MAX_CURVE_POINTS",
    "MAX_PAGE",
    "USUAL_PAGE",
    "CurveAnswer",
    "SignedAnswer",
    "SignedQuery",
    "SignedRecord",
    "SignedText",
    "Statement",
    "StatementQuery",
    "StatementTag",
    "TransactionPage",
    "TransactionQuery",
    "TransactionRecord",
]

#: Transactions in one answer, at most and unless another number is asked for.
MAX_PAGE = 500
USUAL_PAGE = 100

#: Points of a curve, at most.
MAX_CURVE_POINTS = 2000

_Name = Annotated[str, Meta(max_length=255)]
_Moment = Annotated[datetime, Meta(tz=True)]
_Month = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class TransactionQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Which transactions; all that is said has to be true of each.

    C{from} and C{to}: started at or after the one, and before the other (ISO 8601 with a zone).
    C{evse}, C{charge_point}, C{state}: to the letter. C{id_tag}: whatever capitals it has; not
    for viewers. C{limit}: at most so many; C{before}: older than that one, the C{next} of an
    earlier answer. C{format}: C{json} or C{csv}; CSV holds all of them, at most 100000.
    """

    from_: _Moment | None = msgspec.field(default=None, name="from")
    to: _Moment | None = None
    evse: _Name | None = None
    charge_point: _Name | None = None
    id_tag: _Name | None = None
    state: TransactionState | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = USUAL_PAGE
    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    format: Literal["json", "csv"] | None = None


class TransactionRecord(Struct, frozen=True, kw_only=True):
    """
    A transaction.

    C{verdict}: whether who started it may charge, as OCPP says it. C{state}: C{superseded}:
    nobody has said how it ended, but another one has begun there, or nothing is plugged in.
    Meter readings and C{energy_wh} in Wh; the energy is null while it is not known.
    C{has_signed}: whether there are signed meter values of it; null: nobody has looked.
    Viewers see the ends of idTags only.
    """

    id: int
    charge_point: str
    connector: int
    evse: str | None
    id_tag: str
    verdict: str
    state: TransactionState
    started_at: datetime
    stopped_at: datetime | None
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int | None
    stop_reason: str | None
    stop_id_tag: str | None
    has_signed: bool | None


class TransactionPage(Struct, frozen=True, kw_only=True):
    """
    Some transactions, newest first.

    C{next}: what C{before} is to be for those that follow; null: there are no more. C{count}
    and C{energy_wh}: of all that were asked for, whatever the page holds. [Wh]
    """

    transactions: tuple[TransactionRecord, ...]
    next: int | None
    count: int
    energy_wh: int


class CurveAnswer(Struct, frozen=True, kw_only=True):
    """
    How a charge went on, at most 2000 points, in the order of time.

    C{times}: by the Charge Point's clock [s since 1970]. C{power_w}; C{current_ma}: on the
    phase that has the highest; C{energy_wh}: since the start. null: not said then.
    """

    times: tuple[int, ...]
    power_w: tuple[int | None, ...]
    current_ma: tuple[int | None, ...]
    energy_wh: tuple[int | None, ...]


class SignedText(Struct, frozen=True, kw_only=True):
    """
    A signed meter value, as the meter made it.

    C{format}: C{OCMF} where it begins as one does, else C{SignedData}. C{context}: why it was
    read, such as C{Transaction.Begin}; C{timestamp}: when, by the Charge Point; null: not said.
    """

    value: str
    format: str
    context: str | None
    timestamp: str | None


class SignedRecord(Struct, frozen=True, kw_only=True):
    """
    A message about a transaction, to the letter.

    C{received_at}: by our clock; null where that is not kept. C{payload}: as it came.
    """

    received_at: datetime | None
    what: Literal["start", "values", "stop"]
    payload: str
    signed: tuple[SignedText, ...]


class SignedAnswer(Struct, frozen=True, kw_only=True):
    """The start, the end, and every reading between that a bill may hang on, in their order."""

    records: tuple[SignedRecord, ...]


class SignedQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{format}: C{json}: one object; C{ndjson}: a record in each line."""

    format: Literal["json", "ndjson"] | None = None


class StatementQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    C{month}: such as C{2026-11}; left out, the one that is now. C{id_tag}: only that one,
    whatever capitals it has. C{format}: C{json} or C{csv}.
    """

    month: _Month | None = None
    id_tag: _Name | None = None
    format: Literal["json", "csv"] | None = None


class StatementTag(Struct, frozen=True, kw_only=True):
    """
    What one idTag has charged in a month.

    C{energy_wh}: of the transactions whose energy is known. [Wh] C{open_count}: of how many it
    is not, because they go on, or nobody has said how they ended.
    """

    id_tag: str
    count: int
    open_count: int
    energy_wh: int
    transactions: tuple[TransactionRecord, ...]


class Statement(Struct, frozen=True, kw_only=True):
    """
    What was charged in a month: the transactions that started in it.

    C{from} and C{to}: its first moment, and the first one after it. C{time_zone}: whose month
    it is, that of the computer that the manager runs on, with its offset at the month's start.
    """

    month: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    time_zone: str
    count: int
    energy_wh: int
    tags: tuple[StatementTag, ...]
