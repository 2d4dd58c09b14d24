"""Setting a charging profile in a form that the Charge Point takes, whichever that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from twisted.internet.defer import Deferred

from cfos_cm.central_system.profile_form import (
    ANNOUNCEMENTS,
    SILENCE,
    Announcement,
    ProfileForm,
    other_forms,
    rounder_forms,
)
from cfos_cm.central_system.profile_habits import FormMemory, ProfileHabits
from cfos_cm.central_system.profiles import Allowance
from cfos_cm.errors import DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.v16.core import GetConfigurationConfirmation, GetConfigurationRequest
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    SetChargingProfileConfirmation,
)
from cfos_cm.v16.types import ChargingProfilePurpose, Message
from cfos_cm.wire.error_codes import cannot_do

__all__ = [
    "LIMIT",
    "MAX_TRIALS",
    "STANDING",
    "Recipient",
    "announcement_of",
    "set_profile",
    "try_form",
]

#: So many forms are tried with one order; the next order goes on where it has ended.
MAX_TRIALS = 6

#: What can forbid charging where there is no transaction, and what can limit one.
STANDING = (ChargingProfilePurpose.TX_DEFAULT_PROFILE,)
LIMIT = (ChargingProfilePurpose.TX_PROFILE, ChargingProfilePurpose.TX_DEFAULT_PROFILE)


class Recipient(Protocol):
    """The Charge Point that gets the profile."""

    def call(self, request: Message) -> Deferred[Message]:
        """Ask it."""

    @property
    def quirks(self) -> frozenset[Quirk]:
        """What is known of its deviations now."""

    @property
    def habits(self) -> ProfileHabits:
        """What has been found out about how it takes profiles."""

    @property
    def clock_behind(self) -> timedelta | None:
        """How far its clock is behind ours; C{None}: not known."""

    def is_over(self, transaction_id: int) -> bool:
        """Whether a transaction of it has ended."""

    def learn(self, quirk: Quirk) -> None:
        """It has shown one."""


async def set_profile(
    recipient: Recipient, allowance: Allowance, purposes: Sequence[ChargingProfilePurpose]
) -> ProfileForm:
    """
    Have a Charge Point obey a profile.

    It begins with the form that was accepted last. Others are tried after a refusal, at most
    L{MAX_TRIALS} in all; where it has accepted that one before, only rounder currents and what
    it announces are.

    @param purposes: those that will do, the best first.
    @return: the form that was accepted.
    @raise DeviceRefusal: if it says no; it says which forms were refused.
    @raise DeviceError: if it is not known whether it obeys.
    """
    known, wanted = recipient.habits.forms, purposes[0]
    first = known.first_form(purposes, recipient.quirks)
    refusals: list[str] = []
    if await try_form(recipient, allowance, first, refusals):
        known.accepted(wanted, first)
        return first
    is_proven = known.is_proven(first)
    for form in await _others(recipient, known, allowance, first, purposes):
        if allowance.transaction_id is not None and recipient.is_over(allowance.transaction_id):
            # What it takes instead of a TxProfile now would be in force in the next one.
            break
        if await try_form(recipient, allowance, form, refusals):
            known.accepted(wanted, form)
            return form
    if is_proven:
        known.refused(wanted)
    raise DeviceRefusal(f"refused as {'; '.join(refusals)}")


async def try_form(
    recipient: Recipient, allowance: Allowance, form: ProfileForm, refusals: list[str]
) -> bool:
    """
    Whether a Charge Point takes a profile in one form.

    @param refusals: gets the form and the word for it, if it is refused.
    @raise DeviceRefusal: if it takes none at all.
    @raise DeviceError: if it is not known.
    """
    try:
        confirmation = await recipient.call(allowance.request(form))
    except DeviceRefusal as refusal:
        if refusal.code is None or cannot_do(refusal.code):
            raise
        refusals.append(f"{form} ({refusal.code.value})")
        return False
    assert isinstance(confirmation, SetChargingProfileConfirmation)
    if confirmation.status is ChargingProfileStatus.ACCEPTED:
        recipient.habits.told_ma[allowance.connector] = allowance.current_ma
        return True
    refusals.append(f"{form} ({confirmation.status.value})")
    return False


async def announcement_of(recipient: Recipient) -> Announcement:
    """
    What a Charge Point says of its smart charging; it is asked once, and not before it matters.

    @raise DeviceError: if it does not answer.
    """
    forms = recipient.habits.forms
    if forms.announcement is not None:
        return forms.announcement
    try:
        confirmation = await recipient.call(GetConfigurationRequest(key=ANNOUNCEMENTS))
    except DeviceRefusal:
        found = SILENCE
    else:
        assert isinstance(confirmation, GetConfigurationConfirmation)
        found = Announcement.read(confirmation)
    forms.announcement = found
    return found


async def _others(
    recipient: Recipient,
    known: FormMemory,
    allowance: Allowance,
    first: ProfileForm,
    purposes: Sequence[ChargingProfilePurpose],
) -> Sequence[ProfileForm]:
    """The forms to be tried now after the first one was refused."""
    announcement = await announcement_of(recipient)
    if known.is_proven(first):
        fitted = announcement.fitted(first)
        rounder = rounder_forms(first, allowance.current_ma)
        return (fitted, *rounder) if fitted != first else rounder
    forms = other_forms(first, purposes, announcement, allowance.current_ma)
    return known.next_forms(purposes[0], forms, MAX_TRIALS - 1)
