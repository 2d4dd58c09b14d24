"""The messages of a transaction to the letter, with what is signed pointed out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec

from cfos_cm.services.web.transaction_answers import SignedRecord, SignedText
from cfos_cm.storage.database import Database
from cfos_cm.storage.reading_pages import read_page
from cfos_cm.storage.readings import is_evidence
from cfos_cm.storage.transaction_search import Texts

__all__ = ["as_json", "as_ndjson", "records", "signed_in"]

What = Literal["start", "values", "stop"]

_SIGNED = "signeddata"
_OCMF = "OCMF"

#: Values in each other, at most; OCPP has six.
_MAX_DEPTH = 30


async def records(
    database: Database, charge_point: str, transaction_id: int, texts: Texts
) -> AsyncIterator[SignedRecord]:
    """
    The start, every reading that a bill may hang on, and the stop, in the order of storing.

    @param texts: those of the start and the stop.
    """
    yield _record("start", texts.start_text)
    after: int | None = 0
    while after is not None:
        page = await database.run(
            partial(
                read_page, charge_point=charge_point, transaction_id=transaction_id, after=after
            )
        )
        for reading in page.readings:
            if is_evidence(reading.payload_text):
                yield _record("values", reading.payload_text, reading.received_at)
        after = page.next
    if texts.stop_text is not None:
        yield _record("stop", texts.stop_text)


def _record(what: What, payload: str, received_at: datetime | None = None) -> SignedRecord:
    return SignedRecord(
        received_at=received_at, what=what, payload=payload, signed=signed_in(payload)
    )


def signed_in(payload: str) -> tuple[SignedText, ...]:
    """
    The signed values in a message: OCPP 1.6, SampledValue with the format SignedData.

    What is no JSON is looked at by nobody: then there are none.
    """
    if _SIGNED not in payload.casefold() and "\\" not in payload:
        return ()
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return ()
    return tuple(_signed(told, None, _MAX_DEPTH))


def _signed(told: object, timestamp: str | None, depth: int) -> Iterator[SignedText]:
    if depth == 0:
        return
    if isinstance(told, list):
        for inner in told:
            yield from _signed(inner, timestamp, depth - 1)
    elif isinstance(told, dict):
        timestamp = _text(told.get("timestamp")) or timestamp
        value = _text(told.get("value"))
        if value is not None and (_text(told.get("format")) or "").casefold() == _SIGNED:
            yield SignedText(
                value=value,
                format=_OCMF if value.startswith(f"{_OCMF}|") else "SignedData",
                context=_text(told.get("context")),
                timestamp=timestamp,
            )
        for inner in told.values():
            yield from _signed(inner, timestamp, depth - 1)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


async def as_json(found: AsyncIterator[SignedRecord]) -> AsyncIterator[bytes]:
    """Records as one object, L{cfos_cm.services.web.transaction_answers.SignedAnswer}."""
    yield b'{"records":['
    separator = b""
    async for record in found:
        yield separator + msgspec.json.encode(record)
        separator = b","
    yield b"]}"


async def as_ndjson(found: AsyncIterator[SignedRecord]) -> AsyncIterator[bytes]:
    """Records, one in each line."""
    async for record in found:
        yield msgspec.json.encode(record) + b"\n"
