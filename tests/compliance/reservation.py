"""Cases of the feature profile Reservation."""

from __future__ import annotations

from tests.compliance.case import Case, Profile
from tests.compliance.patterns import Moment
from tests.compliance.sites import OTHER_OF_GROUP, PARENT, VALID
from tests.compliance.states import (
    BOOTED,
    FAULTED,
    HEARTBEAT,
    ITS_NUMBER,
    OCCUPIED,
    RESERVATION,
    RESERVED,
    UNAVAILABLE,
    authorizes,
    ends,
    starts,
    status,
)
from tests.compliance.steps import Finds, Orders, Step, Waits

__all__ = ["CASES"]

_RESERVATION = Profile.RESERVATION


def _reserves(
    result: str = "Accepted", connector: int = 1, for_s: int = 3600, parent: str | None = None
) -> Orders:
    payload = {
        "connectorId": connector,
        "expiryDate": Moment(for_s),
        "idTag": VALID,
        "reservationId": RESERVATION,
    }
    if parent is not None:
        payload["parentIdTag"] = parent
    return Orders("ReserveNow", payload, {"status": result})


def _not_reserved(case_id: str, result: str, start: tuple[Step, ...]) -> Case:
    return Case(
        case_id, _RESERVATION,
        f"A reservation that is answered with {result}",
        f"The operator sees {result}, and the Charge Point is served on",
        start=start, steps=(_reserves(result), HEARTBEAT),
    )  # fmt: skip


_CANCELS = {"reservationId": RESERVATION}

# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_046_CSMS", _RESERVATION,
         "A connector is reserved and used",
         "ReserveNow for a connector can be sent; the start that names the reservation is "
         "accepted and kept with it",
         start=RESERVED,
         steps=(authorizes(), starts(reservationId=RESERVATION), status("Charging"),
                Finds(transactions=[{"transaction_id": ITS_NUMBER,
                                     "reservation_id": RESERVATION}]),
                ends("Local"))),
    Case("TC_047_CSMS", _RESERVATION,
         "A reservation runs out",
         "ReserveNow says until when; that the connector is free again then is answered, and "
         "another driver may charge",
         start=BOOTED,
         steps=(_reserves(for_s=60), status("Reserved"), Waits(61), status("Available"),
                authorizes(OTHER_OF_GROUP), starts(OTHER_OF_GROUP), ends("Local"))),
    _not_reserved("TC_048_1_CSMS", "Faulted", FAULTED),
    _not_reserved("TC_048_2_CSMS", "Occupied", OCCUPIED),
    _not_reserved("TC_048_3_CSMS", "Unavailable", UNAVAILABLE),
    _not_reserved("TC_048_4_CSMS", "Rejected", BOOTED),
    Case("TC_049_CSMS", _RESERVATION,
         "Any connector is reserved",
         "ReserveNow for connector 0 can be sent; the start at one of them is accepted",
         start=BOOTED,
         steps=(_reserves(connector=0), authorizes(), starts(reservationId=RESERVATION),
                Finds(transactions=[{"reservation_id": RESERVATION}]), ends("Local"))),
    Case("TC_051_CSMS", _RESERVATION,
         "A reservation is cancelled",
         "CancelReservation is sent with the number of the reservation; that the connector is "
         "free again is answered",
         start=RESERVED,
         steps=(Orders("CancelReservation", _CANCELS), status("Available"), HEARTBEAT)),
    Case("TC_052_CSMS", _RESERVATION,
         "A reservation that cannot be cancelled",
         "The operator sees Rejected",
         start=RESERVED,
         steps=(Orders("CancelReservation", _CANCELS, {"status": "Rejected"}), HEARTBEAT)),
    Case("TC_053_CSMS", _RESERVATION,
         "A reservation for a group is used by another of it",
         "ReserveNow names the group; Authorize for another member is answered with the same "
         "group, and the start is accepted",
         start=BOOTED,
         steps=(_reserves(parent=PARENT), status("Reserved"),
                authorizes(OTHER_OF_GROUP, parentIdTag=PARENT),
                starts(OTHER_OF_GROUP, reservationId=RESERVATION), ends("Local"))),
)
