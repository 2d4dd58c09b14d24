"""
Taking back all that a Charge Point was ever told, so that it can be used without us.

Some keep their profiles through a restart, some do not clear them, some say they have none.
OCPP 1.6, "Clear Charging Profile".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from attrs import evolve

from cfos_cm.central_system.profile_check import HORIZON_S, composite_schedule, said_ma
from cfos_cm.central_system.profile_setting import LIMIT, STANDING, Recipient, set_profile
from cfos_cm.central_system.profiles import Allowance, profile_id
from cfos_cm.electrical import amps_text
from cfos_cm.errors import DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.v16.smart_charging import (
    ClearChargingProfileConfirmation,
    ClearChargingProfileRequest,
    ClearChargingProfileStatus,
)
from cfos_cm.v16.types import ChargingProfilePurpose, ChargingRateUnit

__all__ = ["release", "take_back"]

_MAXIMUM = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE


class _Cleared(Enum):
    """What became of an attempt to clear."""

    DONE = "done"
    NOTHING_FOUND = "nothing found"
    REFUSED = "refused"


async def release(recipient: Recipient, allowance: Allowance, alone: bool) -> None:
    """
    Have a Charge Point obey no limit of ours at a connector.

    What cannot be cleared is replaced by a profile with all that the EVSE can give.

    @param allowance: of the EVSE's rating, for the transaction that runs, if one does; and
        with what it was given by default.
    @param alone: it has no other EVSE of the site: all its profiles are cleared, whoever set
        them. Otherwise only those of the connector are.
    @raise DeviceRefusal: if it still has them; it says why.
    @raise cfos_cm.errors.DeviceError: if that is not known.
    """
    connector = allowance.connector
    told_ma = recipient.habits.told_ma.get(connector)
    ours_ma = max(told_ma or 0, allowance.fallback_ma)

    async def is_free(cleared: _Cleared) -> bool:
        if await _still_ma(recipient, allowance, ours_ma) is not None:
            return False
        if cleared is _Cleared.DONE:
            return True
        # It may have had none, and may say so of some that it has.
        honest = Quirk.NO_CLEAR not in recipient.quirks
        return cleared is _Cleared.NOTHING_FOUND and honest and told_ma is None

    everything = ClearChargingProfileRequest(connector_id=None if alone else connector)
    if not (
        await is_free(await _clear(recipient, everything))
        or await is_free(await _clear_each(recipient, _one_by_one(connector, alone)))
    ):
        recipient.learn(Quirk.NO_CLEAR)
        await _overwrite(recipient, allowance, alone)
        limit_ma = await _still_ma(recipient, allowance, ours_ma)
        if limit_ma is not None:
            raise DeviceRefusal(
                "its charging profiles cannot be cleared: it still says that it gives "
                f"{amps_text(limit_ma)}"
            )
    recipient.habits.released(connector)


async def take_back(
    recipient: Recipient, connector: int, purpose: ChargingProfilePurpose
) -> bool:
    """
    Have a Charge Point forget our profile with a purpose, if it can.

    @return: whether it has looked for it.
    @raise cfos_cm.errors.DeviceError: if it does not answer.
    """
    request = ClearChargingProfileRequest(id=profile_id(connector, purpose))
    return await _clear(recipient, request) is not _Cleared.REFUSED


async def _still_ma(recipient: Recipient, allowance: Allowance, ours_ma: int) -> int | None:
    """
    The limit of ours that it says it obeys; C{None}: none, or it does not say. [mA]

    @param ours_ma: what is not higher may be ours. [mA]
    """
    schedule = await composite_schedule(
        recipient, allowance.connector, HORIZON_S, ChargingRateUnit.A
    )
    if schedule is None:
        return None
    limit_ma = said_ma(schedule, allowance.phases)
    return limit_ma if limit_ma <= ours_ma and limit_ma < allowance.current_ma else None


async def _clear(recipient: Recipient, request: ClearChargingProfileRequest) -> _Cleared:
    try:
        confirmation = await recipient.call(request)
    except DeviceRefusal:
        return _Cleared.REFUSED
    assert isinstance(confirmation, ClearChargingProfileConfirmation)
    if confirmation.status is ClearChargingProfileStatus.ACCEPTED:
        return _Cleared.DONE
    return _Cleared.NOTHING_FOUND


async def _clear_each(
    recipient: Recipient, requests: Iterable[ClearChargingProfileRequest]
) -> _Cleared:
    """Done where one of them was; refused where none was even looked for."""
    found = [await _clear(recipient, request) for request in requests]
    if _Cleared.DONE in found:
        return _Cleared.DONE
    return _Cleared.NOTHING_FOUND if _Cleared.NOTHING_FOUND in found else _Cleared.REFUSED


def _one_by_one(connector: int, alone: bool) -> Iterator[ClearChargingProfileRequest]:
    """All that can be ours, each by its id, then by its purpose."""
    purposes = _purposes(alone)
    for purpose in purposes:
        yield ClearChargingProfileRequest(id=profile_id(connector, purpose))
    for purpose in purposes:
        yield ClearChargingProfileRequest(
            connector_id=0 if purpose is _MAXIMUM else connector,
            charging_profile_purpose=purpose,
        )


def _purposes(alone: bool) -> Sequence[ChargingProfilePurpose]:
    return (*LIMIT, _MAXIMUM) if alone else LIMIT


async def _overwrite(recipient: Recipient, allowance: Allowance, alone: bool) -> None:
    more = (_MAXIMUM,) if alone else ()
    await set_profile(recipient, evolve(allowance, transaction_id=None), (*STANDING, *more))
    if allowance.transaction_id is not None:
        await set_profile(recipient, allowance, (*LIMIT, *more))
