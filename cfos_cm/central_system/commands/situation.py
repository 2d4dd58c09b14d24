"""What the rules look at besides the request itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import RegistrationStatus

__all__ = ["Situation"]


@frozen
class Situation:
    """
    A Charge Point at the moment when something is to be sent to it.

    @ivar now: aware.
    @ivar registration: C{None} when it is not connected.
    @ivar running: the transaction at each of its connectors that has one.
    @ivar reserved_elsewhere: the ids of reservations at other Charge Points.
    @ivar quirks: its deviations.
    @ivar announced: what it has told, by configuration key; what it has not told is missing.
    @ivar managed: whether load management orders its currents.
    @ivar shown_profile: the highest security profile that it has come with.
    @ivar has_password: whether it has to know a password.
    @ivar has_certificate: whether it has shown a certificate, or taken one of ours.
    @ivar takes_tls: whether it can come encrypted.
    """

    now: datetime
    registration: RegistrationStatus | None = RegistrationStatus.ACCEPTED
    running: Mapping[int, int] = field(factory=dict)
    reserved_elsewhere: frozenset[int] = frozenset()
    quirks: frozenset[Quirk] = NO_QUIRKS
    announced: Mapping[str, int] = field(factory=dict)
    managed: bool = False
    shown_profile: SecurityProfile = SecurityProfile.NONE
    has_password: bool = False
    has_certificate: bool = False
    takes_tls: bool = False
