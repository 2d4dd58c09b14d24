"""Charging profiles as texts, as they are kept over a restart."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import frozen

from cfos_cm.errors import CfosError
from cfos_cm.limits.schedules.ocpp16 import profile_of, to_request
from cfos_cm.limits.schedules.profile import Profile
from cfos_cm.v16.actions import encode
from cfos_cm.v16.smart_charging import SetChargingProfileRequest
from cfos_cm.v16.types import ChargingProfile

__all__ = ["Awaited", "read_awaited", "read_profile", "written_awaited", "written_profile"]


@frozen
class Awaited:
    """
    A profile that came with a RemoteStartTransaction, whose transaction has not begun.

    @ivar until_s: later it will not. [s since 1970]
    @ivar besides: the transactions that ran before: none of them is it.
    """

    id_tag: str
    until_s: int
    profile: ChargingProfile
    besides: tuple[int, ...] = ()


def written_profile(profile: Profile) -> str:
    """
    The text of a profile, its limits rounded down to one decimal.

    @raise LocalProtocolError: if OCPP 1.6 has no words for it.
    """
    return encode(to_request(profile)).decode()


def read_profile(text: str) -> Profile | None:
    """What was written; C{None}: it was not that."""
    try:
        request = msgspec.json.decode(text, type=SetChargingProfileRequest)
        return profile_of(request.connector_id, request.cs_charging_profiles)
    except (ValueError, CfosError):
        return None


def written_awaited(awaited: Awaited) -> str:
    """The text of a profile that waits."""
    found = {
        "id_tag": awaited.id_tag,
        "until_s": awaited.until_s,
        "profile": awaited.profile,
        "besides": awaited.besides,
    }
    return msgspec.json.encode(found).decode()


def read_awaited(text: str) -> Awaited | None:
    """What was written; C{None}: it was not that."""
    try:
        found: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        return Awaited(
            msgspec.convert(found["id_tag"], str),
            msgspec.convert(found["until_s"], int),
            msgspec.convert(found["profile"], ChargingProfile),
            msgspec.convert(found["besides"], tuple[int, ...]),
        )
    except (KeyError, ValueError):
        return None
