"""What has been found out about how a Charge Point takes charging profiles."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import evolve
from twisted.internet.defer import DeferredLock

from cfos_cm.central_system.profile_form import Announcement, ProfileForm
from cfos_cm.quirk import Quirk
from cfos_cm.v16.types import ChargingProfilePurpose

__all__ = ["MAX_STRIKES", "FormMemory", "ProfileHabits"]

#: So many orders are refused in a row in a form that was taken before, until others are tried:
#: a single refusal says more about the moment, such as a transaction that has just ended.
MAX_STRIKES = 3

_MAXIMUM = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
_DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
_TRANSACTION = ChargingProfilePurpose.TX_PROFILE


class FormMemory:
    """
    Which forms of a charging profile one device takes.

    @ivar announcement: what it has said of itself; C{None}: it has not been asked.
    """

    def __init__(self) -> None:
        self.announcement: Announcement | None = None
        self._forms: dict[ChargingProfilePurpose, ProfileForm] = {}
        self._instead: dict[ChargingProfilePurpose, ChargingProfilePurpose] = {}
        self._strikes: dict[ChargingProfilePurpose, int] = {}
        self._refused: dict[ChargingProfilePurpose, int] = {}

    def first_form(
        self, purposes: Sequence[ChargingProfilePurpose], quirks: Collection[Quirk]
    ) -> ProfileForm:
        """
        The form to begin with: the one that was accepted last, else what its quirks say.

        @param purposes: those that will do, the best first.
        """
        purpose = self._purpose(purposes, quirks)
        accepted = self._forms.get(purpose)
        if accepted is not None:
            return accepted
        for known in self._forms.values():
            return evolve(known, purpose=purpose)
        return ProfileForm(purpose, Quirk.WATTS in quirks, Quirk.RELATIVE_PROFILES in quirks)

    def is_proven(self, form: ProfileForm) -> bool:
        """Whether it has accepted this form before."""
        return self._forms.get(form.purpose) == form

    def accepted(self, wanted: ChargingProfilePurpose, form: ProfileForm) -> None:
        """
        It has taken a form.

        @param wanted: the purpose that would have been best.
        """
        self._forms[form.purpose] = form
        self._instead[wanted] = form.purpose
        self._strikes.pop(wanted, None)
        self._refused.pop(wanted, None)

    def refused(self, wanted: ChargingProfilePurpose) -> None:
        """It has refused the form that it took before."""
        strikes = self._strikes[wanted] = self._strikes.get(wanted, 0) + 1
        if strikes >= MAX_STRIKES:
            del self._strikes[wanted]
            self._forms.pop(self._instead.pop(wanted, wanted), None)

    def next_forms(
        self, wanted: ChargingProfilePurpose, forms: Sequence[ProfileForm], count: int
    ) -> Sequence[ProfileForm]:
        """
        The next of C{forms}, those after the ones that it has refused with earlier orders.

        @param count: at most so many.
        """
        begin = self._refused.get(wanted, 0)
        if begin >= len(forms):
            begin = 0
        found = forms[begin : begin + count]
        self._refused[wanted] = begin + len(found)
        return found

    def _purpose(
        self, purposes: Sequence[ChargingProfilePurpose], quirks: Collection[Quirk]
    ) -> ChargingProfilePurpose:
        wanted = purposes[0]
        if _MAXIMUM in purposes and _MAXIMUM in self._instead.values():
            # It clips whatever else there is, so that nothing else could be raised above it.
            return _MAXIMUM
        used = self._instead.get(wanted)
        if used is not None and used in purposes:
            return used
        if wanted is _TRANSACTION and Quirk.DEFAULT_PROFILES in quirks and _DEFAULT in purposes:
            return _DEFAULT
        return wanted


class ProfileHabits:
    """
    How one Charge Point takes charging profiles, and which of ours it has.

    @ivar forms: the forms that it takes. Whoever asks it something notes the answer in the one
        that there was before he asked: it may have become another device meanwhile.
    @ivar told_ma: the last current that it has accepted, in any profile, by connector. [mA]
    @ivar fallbacks: the connectors that have their default profile: without a transaction, or
        when its limit ends, they give no more than that.
    @ivar limited: the transaction that it may have a profile of its own for, by connector.
    @ivar renewals_s: when a lease is half over, by connector and the reactor's clock. [s]
    @ivar checked_s: when a connector's limits were last compared with what it was told, by the
        reactor's clock. [s]
    @ivar silences: how often it has not answered what its limits come to, one after the other.
    """

    def __init__(self) -> None:
        self.forms = FormMemory()
        self.told_ma: dict[int, int] = {}
        self.fallbacks: set[int] = set()
        self.limited: dict[int, int] = {}
        self.renewals_s: dict[int, float] = {}
        self.checked_s: dict[int, float] = {}
        self.silences = 0
        self._turns: dict[int, DeferredLock] = {}

    def turn(self, connector: int) -> DeferredLock:
        """Whoever has it tells a connector something, and nobody else does."""
        return self._turns.setdefault(connector, DeferredLock())

    def forget_forms(self) -> None:
        """It is another device, or has another firmware, or is to be treated in another way."""
        self.forms = FormMemory()
        self.silences = 0

    def released(self, connector: int) -> None:
        """It has none of our profiles at a connector any more."""
        self.told_ma.pop(connector, None)
        self.fallbacks.discard(connector)
        self.limited.pop(connector, None)
        self.renewals_s.pop(connector, None)
        self.checked_s.pop(connector, None)
