"""
What charging profiles allow at one instant. OCPP 1.6, "Smart Charging".

Of the profiles with one purpose the one with the highest stack level counts that says anything
about the instant. A TxProfile goes before a TxDefaultProfile, and a ChargePointMaxProfile clips
both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from cfos_cm.limits.schedules.instants import earliest
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.profile import Kind, Profile, Purpose, Running
from cfos_cm.limits.schedules.store import Profiles

__all__ = ["Ruling", "Stacks", "limit_at", "said_by"]


@frozen
class Ruling:
    """
    What holds at an instant.

    @ivar limit: C{None}: nothing says anything.
    @ivar until_s: the first second after the instant in which it may be another one, as long
        as neither profiles nor transactions change; C{None}: never. [s since 1970]
    @ivar profile: the one whose current it is; C{None}: that of none.
    """

    limit: Limit | None = None
    until_s: int | None = None
    profile: Profile | None = None

    def clipped(self, other: Ruling) -> Ruling:
        """The lower of both, until either changes."""
        until_s = earliest(self.until_s, other.until_s)
        if self.limit is None:
            return Ruling(other.limit, until_s, other.profile)
        if other.limit is None:
            return Ruling(self.limit, until_s, self.profile)
        lower = self if self.limit.current_ma <= other.limit.current_ma else other
        return Ruling(self.limit.clipped(other.limit), until_s, lower.profile)


@frozen
class Stacks:
    """
    The profiles that count at one connector, of each purpose in the order in which they do.

    @ivar connector: 0: only what holds for the whole Charge Point.
    @ivar transaction: TxProfiles.
    @ivar default: TxDefaultProfiles.
    @ivar maximum: ChargePointMaxProfiles.
    """

    connector: int
    transaction: tuple[Profile, ...]
    default: tuple[Profile, ...]
    maximum: tuple[Profile, ...]

    @classmethod
    def of(cls, profiles: Profiles, connector: int) -> Stacks:
        """Those at C{connector}."""
        return cls(
            connector,
            profiles.stack(Purpose.TX, connector),
            profiles.stack(Purpose.TX_DEFAULT, connector),
            profiles.stack(Purpose.CHARGE_POINT_MAX, 0),
        )

    def __len__(self) -> int:
        return len(self.transaction) + len(self.default) + len(self.maximum)

    def ruling(self, at_s: int, running: Mapping[int, Running]) -> Ruling:
        """What holds at the connector, as L{limit_at}."""
        own = self._of_transaction(at_s, running.get(self.connector))
        return own.clipped(self.whole(at_s, running))

    def whole(self, at_s: int, running: Mapping[int, Running]) -> Ruling:
        """What holds for the whole Charge Point: it charges since its first transaction."""
        start_s = min((each.start_s for each in running.values()), default=None)
        return _prevailing(self.maximum, at_s, start_s)

    def _of_transaction(self, at_s: int, running: Running | None) -> Ruling:
        if running is None:
            return _prevailing(self.default, at_s, None)
        own = (each for each in self.transaction if _is_for(each, running))
        ruling = _prevailing(own, at_s, running.start_s)
        if ruling.limit is not None:
            return ruling
        default = _prevailing(self.default, at_s, running.start_s)
        until_s = earliest(ruling.until_s, default.until_s)
        return Ruling(default.limit, until_s, default.profile)


def limit_at(
    profiles: Profiles, at_s: int, connector: int, running: Mapping[int, Running]
) -> Ruling:
    """
    What the profiles allow at a connector.

    Where no transaction runs it is what one could begin with: the default profiles hold, those
    that are counted from its start do not.

    @param at_s: the instant. [s since 1970]
    @param connector: 1 or more.
    @param running: the transactions of the Charge Point, by connector.
    """
    return Stacks.of(profiles, connector).ruling(at_s, running)


def said_by(profile: Profile, at_s: int, transaction_start_s: int | None) -> Ruling:
    """
    What one profile says by itself.

    @param at_s: the instant. [s since 1970]
    @param transaction_start_s: C{None}: no transaction runs. [s since 1970]
    """
    if profile.valid_from_s is not None and at_s < profile.valid_from_s:
        return Ruling(until_s=profile.valid_from_s)
    if profile.valid_to_s is not None and at_s >= profile.valid_to_s:
        return Ruling()
    start_s = None if profile.kind is Kind.RELATIVE else profile.schedule.start_s
    if start_s is None and transaction_start_s is not None:
        # It has begun, also when the clock was put back since.
        start_s = min(transaction_start_s, at_s)
    if start_s is None or at_s < start_s:
        return Ruling(until_s=start_s)
    ends_s = profile.valid_to_s
    if profile.kind is Kind.RECURRING and profile.recurrency is not None:
        cycle_s = profile.recurrency.cycle_s
        start_s += (at_s - start_s) // cycle_s * cycle_s
        ends_s = earliest(ends_s, start_s + cycle_s)
    limit, elapsed_s = profile.schedule.at(at_s - start_s)
    until_s = None if elapsed_s is None else start_s + elapsed_s
    return Ruling(limit, earliest(ends_s, until_s), None if limit is None else profile)


def _prevailing(stack: Iterable[Profile], at_s: int, transaction_start_s: int | None) -> Ruling:
    """What the first says that says anything; until it or one before it changes."""
    until_s = None
    for profile in stack:
        ruling = said_by(profile, at_s, transaction_start_s)
        until_s = earliest(until_s, ruling.until_s)
        if ruling.limit is not None:
            return Ruling(ruling.limit, until_s, ruling.profile)
    return Ruling(until_s=until_s)


def _is_for(profile: Profile, running: Running) -> bool:
    return (
        profile.transaction_id is None
        or running.id is None
        or profile.transaction_id == running.id
    )
