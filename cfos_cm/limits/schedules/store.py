"""
The charging profiles that a Charge Point has: set, replaced, cleared, gone with their
transaction.
"""

from __future__ import annotations

from attrs import evolve, frozen

from cfos_cm.errors import CfosError
from cfos_cm.limits.schedules.objections import Bounds, objections
from cfos_cm.limits.schedules.profile import Profile, Purpose, Running

__all__ = ["Criteria", "ProfileRefused", "Profiles"]


class ProfileRefused(CfosError):
    """A charging profile cannot be taken; the text says why."""


@frozen
class Criteria:
    """
    Which profiles a ClearChargingProfile means.

    @ivar id: of one profile; if it is there, it alone decides.
    @ivar connector: as the profile was set for; 0 is the whole Charge Point, and not all.
    """

    id: int | None = None
    connector: int | None = None
    purpose: Purpose | None = None
    stack_level: int | None = None

    def fits(self, profile: Profile) -> bool:
        """Whether it is meant: all that is said fits. Where nothing is said, all are."""
        if self.id is not None:
            return profile.id == self.id
        return (
            self.connector in (None, profile.connector)
            and self.purpose in (None, profile.purpose)
            and self.stack_level in (None, profile.stack_level)
        )


def _precedence(profile: Profile) -> tuple[int, bool]:
    # On one level that of the connector itself goes before that of all connectors.
    return -profile.stack_level, profile.connector == 0


@frozen
class Profiles:
    """
    All profiles of a Charge Point.

    @ivar in_order: those with a higher stack level first.
    """

    in_order: tuple[Profile, ...] = ()

    def __len__(self) -> int:
        return len(self.in_order)

    def with_profile(
        self, profile: Profile, bounds: Bounds, running: Running | None
    ) -> Profiles:
        """
        With one more, in the place of those that it replaces: the same id, or the same
        purpose and stack level at the same connector.

        @param running: the transaction at the profile's connector; a TxProfile without a
            transactionId is for it from now on. C{None}: there is none.
        @raise ProfileRefused: if it is not as it has to be, or there is no room for it.
        """
        found = tuple(objections(profile, bounds, running))
        if found:
            raise ProfileRefused("; ".join(found))
        if not self.has_room_for(profile, bounds):
            raise ProfileRefused(f"there are {bounds.profiles} profiles, and no room for more")
        if profile.purpose is Purpose.TX and running is not None:
            profile = evolve(profile, transaction_id=running.id)
        return Profiles(tuple(sorted((*self._beside(profile), profile), key=_precedence)))

    def has_room_for(self, profile: Profile, bounds: Bounds) -> bool:
        """Whether it would be one of no more than C{bounds} allow."""
        return len(self._beside(profile)) < bounds.profiles

    def without(self, criteria: Criteria) -> tuple[Profiles, int]:
        """Without those that are meant, and how many these were."""
        kept = tuple(each for each in self.in_order if not criteria.fits(each))
        return Profiles(kept), len(self) - len(kept)

    def after_transaction(self, connector: int) -> Profiles:
        """Without those that were for the transaction at C{connector}, which has ended."""
        return self.without(Criteria(connector=connector, purpose=Purpose.TX))[0]

    def stack(self, purpose: Purpose, connector: int) -> tuple[Profile, ...]:
        """Those of a purpose that count at a connector, in the order in which they do."""
        return tuple(
            each
            for each in self.in_order
            if each.purpose is purpose and each.connector in (0, connector)
        )

    def _beside(self, profile: Profile) -> tuple[Profile, ...]:
        """Those that C{profile} does not replace."""
        place = profile.connector, profile.purpose, profile.stack_level
        return tuple(
            each
            for each in self.in_order
            if each.id != profile.id
            and (each.connector, each.purpose, each.stack_level) != place
        )
