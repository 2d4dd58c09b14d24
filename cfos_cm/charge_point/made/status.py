"""What OCPP status an EVSE of the site has that speaks no OCPP."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import frozen

from cfos_cm.charge_point.made.faults import error_of
from cfos_cm.charge_point.made.keys import Use
from cfos_cm.site.evse import Evse, Link, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.v16.core import (
    ChargePointErrorCode,
    ChargePointStatus,
    StatusNotificationRequest,
)
from cfos_cm.v16.timestamps import format_timestamp

__all__ = [
    "NOT_KNOWN_YET",
    "UNPLUGGED",
    "MadeStatus",
    "Session",
    "flows",
    "station_status",
    "status_of",
]

#: What the car of a transaction that outlives its plug is said to have done; OCTT, TC_005_3.
UNPLUGGED = "EV side disconnected"

#: OCPP 1.6, StatusNotification.req.
_MAX_INFO_CHARS = 50
#: A car that draws less is not charging: what it needs to stay awake is less. [mA]
_LEAST_MA = 500
#: [W]
_LEAST_W = 100


@frozen
class MadeStatus:
    """
    What a StatusNotification says, besides of what and when.

    @ivar info: for people; at most 50 characters are told.
    @ivar vendor: who made the device that is faulted.
    @ivar own_code: the device's own code for its fault.
    """

    status: ChargePointStatus
    error: ChargePointErrorCode = ChargePointErrorCode.NO_ERROR
    info: str | None = None
    vendor: str | None = None
    own_code: str | None = None

    @property
    def mark(self) -> tuple[object, ...]:
        """What makes it another one; why it is so may change each minute, and is none."""
        is_unplugged = self.info == UNPLUGGED
        return self.status, self.error, self.own_code, is_unplugged

    def request(self, connector: int, since: datetime) -> StatusNotificationRequest:
        """
        The message.

        @param since: when it became so; aware.
        """
        return StatusNotificationRequest(
            connector_id=connector,
            error_code=self.error,
            status=self.status,
            info=_cut(self.info),
            timestamp=format_timestamp(since),
            vendor_id=self.vendor,
            vendor_error_code=_cut(self.own_code),
        )


#: Before an EVSE has said what its car does.
NOT_KNOWN_YET = MadeStatus(ChargePointStatus.UNAVAILABLE, info="not reached yet")


@frozen
class Session:
    """
    What has happened at an EVSE, as far as its state does not say so.

    @ivar transaction_id: the transaction that runs, or whose end is not on disk yet.
    @ivar is_settling: it has just begun, and nothing has flown yet.
    @ivar is_over: one has ended, and its car is still there.
    @ivar is_expected: somebody may charge, and may still bring his car.
    """

    transaction_id: int | None = None
    is_settling: bool = False
    is_over: bool = False
    is_expected: bool = False


def status_of(
    evse: Evse, session: Session, use: Use, keeps: bool = False, is_observed: bool = False
) -> MadeStatus | None:
    """
    The status of one EVSE.

    @param keeps: a transaction goes on when its car leaves.
    @param is_observed: nothing is ordered: what was decided pauses nobody.
    @return: C{None} where it has not said what its car does, and so is as it was.
    """
    if evse.link is Link.NEVER:
        return NOT_KNOWN_YET
    if evse.link is Link.LOST:
        return MadeStatus(
            ChargePointStatus.FAULTED,
            ChargePointErrorCode.INTERNAL_ERROR,
            "cannot be reached",
            own_code="LinkLost",
        )
    match evse.occupancy:
        case Occupancy.UNKNOWN:
            return None
        case Occupancy.FAULTED:
            return _faulted(evse)
        case Occupancy.UNAVAILABLE:
            return MadeStatus(ChargePointStatus.UNAVAILABLE, info="out of service")
    if session.transaction_id is not None:
        return _in_transaction(evse, session, keeps, is_observed)
    return _idle(evse, session, use)


def station_status(evses: Iterable[Evse], use: Use) -> MadeStatus:
    """The status of all of them together: faulted is a station where nothing works."""
    known = tuple(evses)
    faulted = [one for one in known if one.occupancy is Occupancy.FAULTED]
    if known and len(faulted) == len(known):
        return _faulted(faulted[0])
    if not use.is_operative:
        return MadeStatus(ChargePointStatus.UNAVAILABLE)
    return MadeStatus(ChargePointStatus.AVAILABLE)


def flows(evse: Evse) -> bool:
    """Whether a car draws current, as far as can be known."""
    if evse.occupancy is not Occupancy.CHARGING:
        return False
    currents = evse.measured
    if currents is not None and not evse.meter.is_partial:
        return currents.maximum() >= _LEAST_MA
    if evse.power_w is not None:
        return evse.power_w >= _LEAST_W
    return evse.confirmed is None or evse.confirmed.current_ma > 0


def _faulted(evse: Evse) -> MadeStatus:
    fault = evse.fault or "no code given"
    code, own = error_of(fault)
    vendor = None if evse.identity is None else evse.identity.vendor
    return MadeStatus(ChargePointStatus.FAULTED, code, fault, vendor, own)


def _in_transaction(evse: Evse, session: Session, keeps: bool, is_observed: bool) -> MadeStatus:
    if evse.transaction is None and not keeps:
        # Its car has left; that it has ended is not on disk yet.
        return MadeStatus(ChargePointStatus.FINISHING)
    if evse.occupancy is Occupancy.FREE:
        return MadeStatus(ChargePointStatus.SUSPENDED_EV, info=UNPLUGGED)
    if flows(evse):
        return MadeStatus(ChargePointStatus.CHARGING)
    pause = None if is_observed else _pause(evse)
    if pause is not None and pause.code is ReasonCode.NO_CAR:
        # There is one again.
        pause = None
    if session.is_settling and (pause is None or pause.code is ReasonCode.NO_TRANSACTION):
        return MadeStatus(ChargePointStatus.PREPARING)
    if pause is not None:
        return MadeStatus(ChargePointStatus.SUSPENDED_EVSE, info=pause.text)
    return MadeStatus(ChargePointStatus.SUSPENDED_EV)


def _pause(evse: Evse) -> Reason | None:
    """Why it is offered nothing; C{None}: it is offered something, or nobody knows."""
    for setpoint in (evse.target, evse.confirmed):
        if setpoint is not None and setpoint.current_ma == 0:
            return setpoint.reason
    return None


def _idle(evse: Evse, session: Session, use: Use) -> MadeStatus:
    if not use.is_operative:
        return MadeStatus(ChargePointStatus.UNAVAILABLE)
    settings = evse.settings
    if not settings.enabled and not settings.disabled_current_ma:
        return MadeStatus(ChargePointStatus.UNAVAILABLE, info="switched off in the settings")
    if session.is_expected:
        return MadeStatus(ChargePointStatus.PREPARING)
    if evse.occupancy is not Occupancy.FREE:
        is_over = session.is_over
        return MadeStatus(
            ChargePointStatus.FINISHING if is_over else ChargePointStatus.PREPARING
        )
    return MadeStatus(
        ChargePointStatus.RESERVED if use.is_reserved else ChargePointStatus.AVAILABLE
    )


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _MAX_INFO_CHARS:
        return text
    return text[: _MAX_INFO_CHARS - 3] + "..."
