"""Cases for a Charge Point of the feature profile Reservation."""

from __future__ import annotations

from tests.compliance.case import Case, Profile
from tests.compliance.gateway.cases import BOTH, case
from tests.compliance.gateway.sites import MIXED, NO_RESERVATIONS, TWO_BOXES
from tests.compliance.gateway.states import (
    BOOTED,
    BOOTED_TWO,
    CHARGING,
    PLUGGED,
    RESERVATION,
    UNAVAILABLE,
    authorize,
    boot,
    remote_start,
    reserve,
    start,
    status,
)
from tests.compliance.gateway.steps import Comes, Does, Hears, Quiet, asks
from tests.compliance.patterns import ABSENT
from tests.compliance.sites import INVALID, OTHER_OF_GROUP, PARENT, VALID
from tests.compliance.steps import Step, Waits

__all__ = ["CASES"]

_RES = Profile.RESERVATION
_USES_IT = Hears(start(reservationId=RESERVATION), status("Charging"))
#: Connector 1 is kept for the holder of a card.
_RESERVED: tuple[Step, ...] = (*BOOTED, reserve(), Hears(status("Reserved")))
_FAULTY: tuple[Step, ...] = (
    *BOOTED,
    Does("fail", "GroundFailure"),
    Hears(status("Faulted", 0, "GroundFailure"), status("Faulted", 1, "GroundFailure")),
)
_CANCEL = {"reservationId": RESERVATION}


def _refused(
    number: str,
    title: str,
    begin: tuple[Step, ...],
    answer: str,
    connector: int = 1,
    **more: object,
) -> Case:
    steps = (reserve(connector, answer), Waits(10), Quiet())
    return case(number, title, answer, begin, steps, profile=_RES, **more)  # type: ignore[arg-type]


# fmt: off
CASES: tuple[Case, ...] = (
    case("046_1", "A connector is reserved and used",
         "Accepted and Reserved; another card does not charge, and StartTransaction of the "
         "right one names the reservation",
         _RESERVED,
         (Does("plug_in"), Hears(status("Preparing")),
          Does("show", OTHER_OF_GROUP), Hears(authorize(OTHER_OF_GROUP)), Waits(5), Quiet(),
          Does("show", VALID), Hears(authorize()), _USES_IT), profile=_RES),
    case("046_2", "A connector is reserved and used from afar",
         "Accepted and Reserved; StartTransaction after RemoteStartTransaction names the "
         "reservation",
         _RESERVED,
         (remote_start(), Hears(status("Preparing")), Does("plug_in"), _USES_IT),
         BOTH, _RES),
    case("047", "A reservation runs out",
         "When it does the connector is Available, and another card may charge",
         (*BOOTED, reserve(for_s=60), Hears(status("Reserved"))),
         (Waits(70), Hears(status("Available")), Does("plug_in"), Hears(status("Preparing")),
          Does("show", OTHER_OF_GROUP), Hears(authorize(OTHER_OF_GROUP)),
          Hears(start(OTHER_OF_GROUP, reservationId=ABSENT), status("Charging"))),
         profile=_RES),
    _refused("048_1", "A reservation of a connector with a fault", _FAULTY, "Faulted"),
    _refused("048_2", "A reservation where a car stands", PLUGGED, "Occupied"),
    _refused("048_3", "A reservation of a connector out of service", UNAVAILABLE,
             "Unavailable"),
    _refused("048_4", "A reservation where the owner allows none", BOOTED, "Rejected",
             site=NO_RESERVATIONS),
    case("049", "Any connector is reserved",
         "ReserveNow for connector 0 is Accepted; its owner may use any of them, and as many "
         "are kept free",
         (*BOOTED_TWO, reserve(0)),
         (Does("plug_in"), Hears(status("Preparing"), status("Reserved", 2)),
          Does("show", VALID), Hears(authorize()),
          Hears(start(reservationId=RESERVATION), status("Charging"), status("Available", 2)),
          Quiet()), profile=_RES, site=TWO_BOXES),
    _refused("050_1", "A reservation of a whole with a fault", _FAULTY, "Faulted", 0),
    _refused("050_2", "A reservation of a whole that is occupied", CHARGING, "Occupied", 0),
    _refused("050_3", "A reservation of a whole out of service",
             (*BOOTED, asks("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
              Hears(status("Unavailable", 0), status("Unavailable"))), "Unavailable", 0),
    _refused("050_4", "A reservation of a whole where that cannot be",
             (Comes(), Hears(boot()),
              Hears(status("Available", 0), status("Available"),
                    status("Unavailable", 2))), "Rejected", 0, site=MIXED),
    case("051", "A reservation is cancelled",
         "Accepted, and the connector is Available",
         _RESERVED,
         (asks("CancelReservation", _CANCEL), Hears(status("Available")), Quiet()),
         BOTH, _RES),
    case("052", "An unknown reservation is cancelled",
         "Rejected, and the one that there is stays",
         _RESERVED,
         (asks("CancelReservation", {"reservationId": 99}, {"status": "Rejected"}), Waits(5),
          Quiet()), BOTH, _RES),
    case("053", "A reservation for a group is used by another of it",
         "A card of the same group may charge, and StartTransaction names the reservation; "
         "one of nobody may not",
         (*BOOTED, reserve(parentIdTag=PARENT), Hears(status("Reserved")),
          Does("plug_in"), Hears(status("Preparing"))),
         (Does("show", INVALID), Hears(authorize(INVALID)), Quiet(),
          Does("show", OTHER_OF_GROUP), Hears(authorize(OTHER_OF_GROUP)),
          Hears(start(OTHER_OF_GROUP, reservationId=RESERVATION), status("Charging"))),
         profile=_RES),
)
# fmt: on
