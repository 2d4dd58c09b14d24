"""What is said over HTTP about Charge Points: the answers and the bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from cfos_cm.services.web.settings_answers import Options
from cfos_cm.services.web.site_answers import Device

__all__ = [
    "AllowBody",
    "ApproveBody",
    "CallBody",
    "Called",
    "ChargePointEvent",
    "ChargePointEvents",
    "ChargePoints",
    "ConfigurationKeys",
    "ConfigurationQuery",
    "ConfigurationValue",
    "EventsQuery",
    "ListedChargePoint",
    "RaiseBody",
    "ValueBody",
]

State = Literal["connected", "away", "waiting", "refused"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class ListedChargePoint(msgspec.Struct, frozen=True, kw_only=True):
    """
    A Charge Point that is configured, is connected or was refused.

    C{state}: waiting: it is connected and not configured, so that somebody has to approve it;
    refused: it may not connect, C{why} says the reason and C{count} how often it tried.
    C{evses}: the EVSEs of the site that it has. C{since}: when it connected, or tried last.
    C{profile}: the security profile that it came with, 0 to 3. C{highest_profile}: the highest
    one that it ever came with. C{asks_password}: whether it has to know one.
    """

    identity: str
    state: State
    evses: tuple[str, ...]
    origin: str | None
    since: datetime | None
    profile: int | None
    is_accepted: bool
    device: Device | None
    highest_profile: int
    asks_password: bool
    why: str | None = None
    count: int | None = None


class ChargePoints(msgspec.Struct, frozen=True, kw_only=True):
    """
    All Charge Points; those that wait come first.

    C{urls}: what has to be typed into a wallbox, encrypted ones first; its ChargeBox ID comes
    behind.
    """

    charge_points: tuple[ListedChargePoint, ...]
    urls: tuple[str, ...]


class ApproveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The EVSE that a connector of a Charge Point is to be.

    C{name}: of the new EVSE. C{circuit}: that feeds it; empty: the only one that there is.
    C{connector}: its number at the Charge Point. C{options}: further ones of its section.
    """

    name: Name
    circuit: Annotated[str, msgspec.Meta(max_length=80)] = ""
    connector: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    options: Options = {}


class CallBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action of OCPP 1.6 and the payload of its request."""

    action: Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
    payload: dict[str, Any] = {}


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a Charge Point's confirmation; what is a secret in it is C{***}."""

    confirmation: dict[str, Any]


class ConfigurationQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{keys}: those that are wanted, with commas between; left out: all."""

    keys: Annotated[str, msgspec.Meta(max_length=10_000)] = ""


class ConfigurationValue(msgspec.Struct, frozen=True, kw_only=True):
    """
    A configuration key.

    C{value}: always a text; null: it is not set; C{***}: it is a secret.
    """

    key: str
    value: str | None
    readonly: bool
    is_secret: bool


class ConfigurationKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a Charge Point tells of its configuration, and which keys it does not know."""

    keys: tuple[ConfigurationValue, ...]
    unknown: tuple[str, ...]


class ValueBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new value of a configuration key."""

    value: Annotated[str, msgspec.Meta(max_length=500)]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{limit}: how many at most."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class ChargePointEvent(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a Charge Point has told about its security.

    C{told_at}: its own time, as it wrote it. C{received_at}: ours.
    """

    charge_point: str
    kind: str
    told_at: str
    tech_info: str | None
    received_at: datetime


class ChargePointEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Those that are kept, the newest first."""

    events: tuple[ChargePointEvent, ...]


class AllowBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{profile}: the security profile that a Charge Point may come with again."""

    profile: Annotated[int, msgspec.Meta(ge=0, le=2)]


class RaiseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{profile}: the security profile that a Charge Point is to come with."""

    profile: Annotated[int, msgspec.Meta(ge=1, le=3)]
