"""
Who may charge by surplus: when a car begins, goes on without enough, and pauses.

A car needs its minimum, and its contactor needs rest. So one begins when there has been enough
for some time, goes on with its minimum for some time when there is less, and then pauses.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import inf

from attrs import evolve, frozen

from cfos_cm.site.policy import Policy

__all__ = ["START_DELAY_S", "Stage", "Standing", "judged"]

#: For so long there has to be enough before a car begins, and before one that was short of it
#: counts as supplied: a gap between clouds is no reason to start, nor to forget the time that
#: it had to import. [s]
START_DELAY_S = 30.0


class Stage(StrEnum):
    """How a car that charges by surplus is doing."""

    WAITING = "waiting"
    """It may not charge."""
    SUPPLIED = "supplied"
    """It may charge, and there is enough for it."""
    SHORT = "short"
    """It goes on with its minimum for a while, though there is not enough for it."""


@frozen
class Standing:
    """
    How one EVSE stands to the surplus.

    @ivar circuit: the main fuse behind which it is.
    @ivar transaction_id: of the charge that this is about.
    @ivar need_ma: the least that is of use to it, summed over its phases; 0 while something
        else forbids it to charge. [mA]
    @ivar is_idle: its car is offered something and takes nothing, so that nothing is kept for
        it.
    @ivar enough_since_s: since when there is enough for it; C{None}: there is not. [s]
    @ivar changed_s: when it began or was paused last. [s]
    @ivar short_since_s: since when it is short. [s]
    """

    circuit: str
    transaction_id: int
    need_ma: int = 0
    is_idle: bool = False
    stage: Stage = Stage.WAITING
    enough_since_s: float | None = None
    changed_s: float = -inf
    short_since_s: float = inf

    @property
    def charges(self) -> bool:
        """Whether the surplus allows it to."""
        return self.stage is not Stage.WAITING

    @property
    def claim_ma(self) -> int:
        """What it takes of the surplus at least, while it charges. [mA]"""
        return self.need_ma if self.charges and not self.is_idle else 0

    def asking(self, circuit: str, need_ma: int, is_idle: bool) -> Standing:
        """The same, when nothing else forbids it to charge."""
        if (circuit, need_ma, is_idle) == (self.circuit, self.need_ma, self.is_idle):
            return self
        return evolve(self, circuit=circuit, need_ma=need_ma, is_idle=is_idle)

    def absent(self, circuit: str) -> Standing:
        """The same, while something else forbids it to charge."""
        if circuit == self.circuit and not self.need_ma and self.enough_since_s is None:
            return self
        return evolve(self, circuit=circuit, need_ma=0, is_idle=False, enough_since_s=None)

    def is_spared(self, now_s: float, policy: Policy) -> bool:
        """Whether it has begun so shortly ago that it is not paused for others."""
        return self.charges and now_s < self.changed_s + policy.min_run_s

    def is_resting(self, now_s: float, policy: Policy) -> bool:
        """Whether it was paused so shortly ago that it may not begin."""
        return not self.charges and now_s < self.changed_s + policy.min_pause_s

    def is_ripe(self, now_s: float, policy: Policy) -> bool:
        """Whether it has waited for long enough, with enough for it."""
        return (
            not self.charges
            and self.enough_since_s is not None
            and now_s >= self.enough_since_s + START_DELAY_S
            and not self.is_resting(now_s, policy)
        )

    def begun(self, now_s: float) -> Standing:
        """It may charge from now on."""
        return evolve(self, stage=Stage.SUPPLIED, changed_s=now_s)

    def paused(self, now_s: float) -> Standing:
        """It may not any more."""
        return evolve(
            self,
            stage=Stage.WAITING,
            changed_s=now_s,
            enough_since_s=None,
            short_since_s=inf,
        )

    def noticed(self, enough: bool, now_s: float) -> Standing:
        """The same, after a look at whether there is enough for it."""
        if enough is (self.enough_since_s is not None):
            return self
        return evolve(self, enough_since_s=now_s if enough else None)

    def carried_on(self, enough: bool, now_s: float, policy: Policy) -> Standing:
        """What becomes of one that charges, after a look at whether there is enough for it."""
        after = self.noticed(enough, now_s)
        if after.stage is Stage.SUPPLIED and not enough:
            after = evolve(after, stage=Stage.SHORT, short_since_s=now_s)
        if after.stage is not Stage.SHORT:
            return after
        if after.enough_since_s is None:
            over = now_s >= after.short_since_s + policy.surplus_undercut_s
            return after.paused(now_s) if over else after
        if now_s < after.enough_since_s + START_DELAY_S:
            return after
        return evolve(after, stage=Stage.SUPPLIED, short_since_s=inf)


def judged(
    standings: Mapping[str, Standing], free_ma: int, now_s: float, policy: Policy
) -> dict[str, Standing]:
    """
    What becomes of those who stand before the same surplus.

    Who comes first is served first: he takes the place of one behind him who charges, if there
    is not enough for both. What one draws who is short of it is not there for those behind him.

    @param standings: in the order in which they are served.
    @param free_ma: the surplus, summed over phases. [mA]
    """
    order = sorted(standings, key=lambda name: not standings[name].is_spared(now_s, policy))
    after, beginners = _waited(standings, order, free_ma, now_s, policy)
    left_ma = free_ma
    for name in order:
        if not after[name].charges:
            continue
        enough = after[name].need_ma <= left_ma
        if not enough and beginners and name not in beginners:
            after[name] = after[name].paused(now_s)
            continue
        if enough:
            left_ma -= after[name].claim_ma
        after[name] = after[name].carried_on(enough, now_s, policy)
    return after


def _waited(
    standings: Mapping[str, Standing],
    order: list[str],
    free_ma: int,
    now_s: float,
    policy: Policy,
) -> tuple[dict[str, Standing], set[str]]:
    """The same with those who begin now, and their names."""
    after: dict[str, Standing] = {}
    beginners = set()
    left_ma = free_ma
    for name in order:
        one = standings[name]
        if one.charges:
            # Also what it draws without there being enough for it is gone.
            left_ma -= one.claim_ma
        else:
            enough = one.need_ma <= left_ma
            one = one.noticed(enough, now_s)
            if enough and not one.is_resting(now_s, policy):
                left_ma -= one.need_ma
            if one.is_ripe(now_s, policy):
                one = one.begun(now_s)
                beginners.add(name)
        after[name] = one
    return after, beginners
