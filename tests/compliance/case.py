"""
A compliance case: an id, what it is about, and what happens in it.

The ids are those of the Open Charge Alliance's test cases, C{TC_…_CSMS} for the Central System
and C{TC_…_CS} for the Charge Point, and C{NEG-…} for what goes beyond them. Titles and criteria
are in our own words.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from tests.compliance.sites import GARAGE, Site
from tests.compliance.steps import Step

__all__ = [
    "Behind",
    "Case",
    "Profile",
    "Subject",
]


class Subject(StrEnum):
    """Who is tried; the other role is scripted."""

    CENTRAL_SYSTEM = "Central System"
    CHARGE_POINT = "Charge Point"


class Behind(StrEnum):
    """What a gateway shows to its backend where the Charge Point is tried."""

    BOX = "box"
    """An EVSE without OCPP: all that the backend hears is made here."""
    WALLBOX = "wallbox"
    """A scripted wallbox with OCPP: what it says is relayed."""


class Profile(StrEnum):
    """The part of OCPP 1.6 that a case is about."""

    CORE = "Core"
    LOCAL_LIST = "Local list"
    FIRMWARE = "Firmware"
    RESERVATION = "Reservation"
    TRIGGERS = "Triggers"
    SMART_CHARGING = "Smart charging"
    SECURITY = "Security"
    TRANSPORT = "OCPP-J"
    NEGATIVE = "Negative"


@frozen
class Case:
    """
    A case: a row of the scoreboard.

    @ivar case_id: unique.
    @ivar title: what happens.
    @ivar criterion: what the subject has to do.
    @ivar start: the state that it begins in; see L{tests.compliance.states}.
    @ivar steps: what happens then.
    @ivar behind: what it is played with where the Charge Point is tried; there, once for each.
    @ivar needs_tls: it is about encryption itself, and played only where there is any.
    """

    case_id: str
    profile: Profile
    title: str
    criterion: str
    start: tuple[Step, ...]
    steps: tuple[Step, ...]
    site: Site = GARAGE
    subject: Subject = field(default=Subject.CENTRAL_SYSTEM, kw_only=True)
    behind: tuple[Behind, ...] = field(default=(), kw_only=True)
    needs_tls: bool = field(default=False, kw_only=True)
