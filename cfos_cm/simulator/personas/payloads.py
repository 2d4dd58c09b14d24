"""What a wallbox says when there is nothing odd about it; a persona changes some of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = [
    "Payload",
    "energy",
    "meter_values",
    "sampled",
    "start_transaction",
    "status_notification",
    "stop_transaction",
    "timestamp",
]

#: What a message says.
Payload = dict[str, Any]


def timestamp(at: datetime) -> str:
    """A time as OCPP 1.6 recommends to write it: in UTC, with milliseconds and a Z."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def status_notification(
    connector: int, status: str, at: str | None = None, error_code: str = "NoError"
) -> Payload:
    """
    StatusNotification.req.

    @param at: when; C{None}: it does not say.
    """
    payload: Payload = {"connectorId": connector, "errorCode": error_code, "status": status}
    return payload if at is None else {**payload, "timestamp": at}


def start_transaction(connector: int, id_tag: str, meter_start_wh: int, at: str) -> Payload:
    """StartTransaction.req."""
    return {
        "connectorId": connector,
        "idTag": id_tag,
        "meterStart": meter_start_wh,
        "timestamp": at,
    }


def stop_transaction(transaction_id: int, meter_stop_wh: int, at: str) -> Payload:
    """StopTransaction.req, without the optional idTag."""
    return {"transactionId": transaction_id, "meterStop": meter_stop_wh, "timestamp": at}


def sampled(value: str, measurand: str, unit: str, **more: str) -> Payload:
    """
    One sampled value.

    @param more: C{phase}, C{context}, C{location} or C{format}.
    """
    return {"value": value, "measurand": measurand, "unit": unit, **more}


def energy(wh: int) -> Payload:
    """The register of imported energy. [Wh]"""
    return sampled(str(wh), "Energy.Active.Import.Register", "Wh")


def meter_values(
    connector: int, transaction_id: int | None, at: str, *values: Payload
) -> Payload:
    """MeterValues.req with one reading."""
    payload: Payload = {
        "connectorId": connector,
        "meterValue": [{"timestamp": at, "sampledValue": list(values)}],
    }
    return payload if transaction_id is None else {**payload, "transactionId": transaction_id}
