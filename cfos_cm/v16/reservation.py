"""
The feature profile Reservation: a connector is kept free for an idTag.

The titles in quotation marks are those of the specification's clauses, in its chapter
"Operations Initiated by Central System".
"""

from enum import StrEnum

from cfos_cm.v16.types import IdToken, Integer, Maybe, Message

__all__ = [
    "CancelReservationConfirmation",
    "CancelReservationRequest",
    "CancelReservationStatus",
    "ReservationStatus",
    "ReserveNowConfirmation",
    "ReserveNowRequest",
]


class ReservationStatus(StrEnum):
    """What became of a ReserveNow."""

    ACCEPTED = "Accepted"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"
    REJECTED = "Rejected"
    UNAVAILABLE = "Unavailable"


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    """
    The Central System reserves a connector. "Reserve Now".

    @ivar connector_id: 0 is any connector of the Charge Point.
    @ivar expiry_date: when the reservation ends by itself.
    @ivar parent_id_tag: the group whose other members may use the reservation too.
    @ivar reservation_id: of a reservation that is there already: this one replaces it.
    """

    connector_id: Integer
    expiry_date: str
    id_tag: IdToken
    reservation_id: Integer
    parent_id_tag: Maybe[IdToken] = None


class ReserveNowConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point keeps the connector free, or says why not. "Reserve Now"."""

    status: ReservationStatus


class CancelReservationStatus(StrEnum):
    """Whether there was a reservation to cancel."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    """The Central System takes a reservation back. "Cancel Reservation"."""

    reservation_id: Integer


class CancelReservationConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point has cancelled it, or knew of none. "Cancel Reservation"."""

    status: CancelReservationStatus
