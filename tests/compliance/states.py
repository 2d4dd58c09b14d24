"""The states that cases begin in, and the steps that many of them share."""

from __future__ import annotations

from typing import Any

from tests.compliance.patterns import POSITIVE, TIME, Kept, Moment, Pattern
from tests.compliance.sites import FIRST, SECOND, VALID
from tests.compliance.steps import Dials, Drops, Orders, Says, Step

__all__ = [
    "AUTHORIZED",
    "BOOT",
    "BOOTED",
    "BOTH_BOOTED",
    "BOX",
    "CHARGING",
    "COMES_BACK",
    "FAULTED",
    "HEARTBEAT",
    "ITS_NUMBER",
    "NOW",
    "OCCUPIED",
    "RESERVATION",
    "RESERVED",
    "RESTARTS",
    "UNAVAILABLE",
    "authorizes",
    "boot_by",
    "ends",
    "starts",
    "status",
]

BOX = {
    "chargePointVendor": "Example",
    "chargePointModel": "Wallbox",
    "chargePointSerialNumber": "0001",
    "firmwareVersion": "1.2.3",
}

#: When the case began.
NOW = Moment(0)
#: The number of the transaction that was started last.
ITS_NUMBER = Kept("transaction")
#: What the reservation of these cases is called.
RESERVATION = 4711


def boot_by(identity: str = FIRST, answer: str = "Accepted") -> Says:
    """BootNotification, and what it must be answered with."""
    expected = {"status": answer, "currentTime": TIME, "interval": POSITIVE}
    return Says("BootNotification", BOX, expected, by=identity)


def status(
    word: str, connector: int = 1, by: str = FIRST, error: str = "NoError", **more: Any
) -> Says:
    """StatusNotification; anything else than an empty confirmation is wrong."""
    payload = {"connectorId": connector, "errorCode": error, "status": word, **more}
    return Says("StatusNotification", payload, {}, by=by)


def authorizes(id_tag: str = VALID, answer: str = "Accepted", **info: Pattern) -> Says:
    """Authorize, and what the idTagInfo must be."""
    return Says("Authorize", {"idTag": id_tag}, {"idTagInfo": {"status": answer, **info}})


def starts(
    id_tag: str = VALID,
    answer: str = "Accepted",
    at: Pattern = NOW,
    by: str = FIRST,
    **more: Any,
) -> Says:
    """StartTransaction at connector 1; its number is kept as C{transaction}."""
    payload = {"connectorId": 1, "idTag": id_tag, "meterStart": 1000, "timestamp": at, **more}
    expected = {"transactionId": POSITIVE, "idTagInfo": {"status": answer}}
    keep = {"transaction": "transactionId"}
    return Says("StartTransaction", payload, expected, by=by, keep=keep)


def ends(
    reason: str | None = None,
    number: Pattern = ITS_NUMBER,
    at: Pattern = NOW,
    by: str = FIRST,
    **more: Any,
) -> Says:
    """StopTransaction; where it says who ended it, that must be a tag that may."""
    payload = {"transactionId": number, "meterStop": 3500, "timestamp": at, **more}
    if reason is not None:
        payload["reason"] = reason
    expected = {"idTagInfo": {"status": "Accepted"}} if "idTag" in more else {}
    return Says("StopTransaction", payload, expected, by=by)


HEARTBEAT = Says("Heartbeat", {}, {"currentTime": TIME})
BOOT = boot_by()

_IDLE: tuple[Step, ...] = (
    status("Available", 0),
    status("Available", 1),
    status("Available", 2),
)

#: It has started and is free.
BOOTED: tuple[Step, ...] = (Dials(), BOOT, *_IDLE)
#: A driver has shown a card at a free Charge Point.
AUTHORIZED: tuple[Step, ...] = (*BOOTED, authorizes())
#: A car charges at connector 1; its transaction is kept as C{transaction}.
CHARGING: tuple[Step, ...] = (
    *BOOTED,
    status("Preparing"),
    authorizes(),
    starts(),
    status("Charging"),
)
#: A car is plugged in and nobody has shown a card.
OCCUPIED: tuple[Step, ...] = (*BOOTED, status("Preparing"))
FAULTED: tuple[Step, ...] = (*BOOTED, status("Faulted", error="GroundFailure"))
UNAVAILABLE: tuple[Step, ...] = (
    *BOOTED,
    Orders("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
    status("Unavailable"),
)
#: Connector 1 is kept for the holder of a card, for an hour.
RESERVED: tuple[Step, ...] = (
    *BOOTED,
    Orders(
        "ReserveNow",
        {
            "connectorId": 1,
            "expiryDate": Moment(3600),
            "idTag": VALID,
            "reservationId": RESERVATION,
        },
    ),
    status("Reserved"),
)
#: Two Charge Points are there.
BOTH_BOOTED: tuple[Step, ...] = (*BOOTED, Dials(SECOND), boot_by(SECOND))

#: The connection is lost, and made again without a restart.
COMES_BACK: tuple[Step, ...] = (Drops(), Dials())
#: It starts again, and says so.
RESTARTS: tuple[Step, ...] = (Drops(), *BOOTED)
