"""The states that cases for a Charge Point begin in, and the steps that many of them share."""

from __future__ import annotations

from typing import Any

from tests.compliance.gateway.backend import Entrance
from tests.compliance.gateway.steps import Call, Comes, Does, Entrances, Hears, asks
from tests.compliance.patterns import POSITIVE, TIME, Kept, Moment, Pattern
from tests.compliance.sites import VALID
from tests.compliance.steps import Step, Waits

__all__ = [
    "AUTHORIZED",
    "AWAY",
    "BOOTED",
    "BOOTED_TWO",
    "CHARGING",
    "ENDS_AND_LEAVES",
    "ITS_NUMBER",
    "PLUGGED",
    "RESERVATION",
    "RETURNS",
    "STARTS",
    "UNAVAILABLE",
    "authorize",
    "boot",
    "change",
    "remote_start",
    "remote_stop",
    "reserve",
    "start",
    "status",
    "stop",
]

#: What the backend has numbered the transaction with that began last.
ITS_NUMBER = Kept("transaction")
RESERVATION = 4711
#: Whoever calls finds nobody.
AWAY = Entrance(is_dead=True)


def boot() -> Call:
    """BootNotification."""
    return Call("BootNotification")


def status(word: Pattern, connector: int = 1, error: str = "NoError", **more: Any) -> Call:
    """StatusNotification."""
    payload = {"connectorId": connector, "status": word, "errorCode": error, **more}
    return Call("StatusNotification", payload)


def authorize(id_tag: str = VALID) -> Call:
    """Authorize."""
    return Call("Authorize", {"idTag": id_tag})


def start(id_tag: str = VALID, **more: Any) -> Call:
    """StartTransaction at connector 1."""
    payload = {"connectorId": 1, "idTag": id_tag, "timestamp": TIME, **more}
    return Call("StartTransaction", payload)


def stop(reason: Pattern = "Local", **more: Any) -> Call:
    """StopTransaction of the transaction that began last, by the backend's number."""
    payload = {"transactionId": POSITIVE, "reason": reason, "timestamp": TIME, **more}
    return Call("StopTransaction", payload)


def change(key: str, value: str, answer: str = "Accepted") -> Step:
    """ChangeConfiguration."""
    return asks("ChangeConfiguration", {"key": key, "value": value}, {"status": answer})


def remote_start(id_tag: str = VALID, answer: str = "Accepted", **more: Any) -> Step:
    """RemoteStartTransaction at connector 1."""
    payload = {"connectorId": 1, "idTag": id_tag, **more}
    return asks("RemoteStartTransaction", payload, {"status": answer})


def remote_stop(number: Pattern = 501, answer: str = "Accepted") -> Step:
    """RemoteStopTransaction; the backend calls its first transaction 501."""
    return asks("RemoteStopTransaction", {"transactionId": number}, {"status": answer})


def reserve(
    connector: int = 1,
    answer: str = "Accepted",
    id_tag: str = VALID,
    for_s: int = 3600,
    **more: Any,
) -> Step:
    """ReserveNow."""
    payload = {
        "connectorId": connector,
        "expiryDate": Moment(for_s),
        "idTag": id_tag,
        "reservationId": RESERVATION,
        **more,
    }
    return asks("ReserveNow", payload, {"status": answer})


#: It has connected, and is free.
BOOTED: tuple[Step, ...] = (
    Comes(),
    Hears(boot()),
    Hears(status("Available", 0), status("Available")),
)
#: The same with two connectors.
BOOTED_TWO: tuple[Step, ...] = (
    Comes(),
    Hears(boot()),
    Hears(status("Available", 0), status("Available"), status("Available", 2)),
)
#: A car is plugged in, and nobody has shown a card.
PLUGGED: tuple[Step, ...] = (*BOOTED, Does("plug_in"), Hears(status("Preparing")))
#: A card was shown at a free Charge Point.
AUTHORIZED: tuple[Step, ...] = (
    *BOOTED,
    Does("show", VALID),
    Hears(authorize()),
    Hears(status("Preparing")),
)
#: What is heard when a charge begins.
STARTS: Step = Hears(start(), status("Charging"))
#: A car charges.
CHARGING: tuple[Step, ...] = (*PLUGGED, Does("show", VALID), Hears(authorize()), STARTS)
#: The card is shown again, and the car leaves.
ENDS_AND_LEAVES: tuple[Step, ...] = (
    Does("show", VALID),
    Hears(stop("Local", idTag=VALID), status("Finishing")),
    Does("unplug"),
    Hears(status("Available")),
)
UNAVAILABLE: tuple[Step, ...] = (
    *BOOTED,
    asks("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
    Hears(status("Unavailable")),
)
#: The backend can be reached again, and the gateway comes back without a restart.
RETURNS: tuple[Step, ...] = (Entrances(), Waits(310), Comes())
