"""Limits from outside: who has asked for them, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import inf

from attrs import evolve, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from cfos_cm.electrical import power_text
from cfos_cm.errors import CfosError
from cfos_cm.limits.outside import measured_w
from cfos_cm.services.config.options import did_you_mean
from cfos_cm.services.limit_proofs import LimitProofs, ProofStore
from cfos_cm.site.events import (
    CircuitLimited,
    CircuitLimitMet,
    CircuitReleased,
    SettingsChanged,
    SiteEvent,
)
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState
from cfos_cm.storage.outside_limits import Proof

__all__ = [
    "LOOK_S",
    "MAX_IN_FORCE",
    "MAX_PARTY_CHARS",
    "MAX_POWER_W",
    "LimitRefused",
    "OutsideLimits",
    "Standing",
]

#: So often the time of day is looked at: it may be set, forward or back. [s]
LOOK_S = 1.0

#: At the same time, of all circuits and parties.
MAX_IN_FORCE = 100

#: The name of who asks.
MAX_PARTY_CHARS = 80

#: More is a mistake: no fuse of a building carries it. [W]
MAX_POWER_W = 10_000_000

_log = Logger(namespace="cfos_cm")

_TIME_IS_OVER = "its time is over"
_REPLACED = "another limit of the same party has taken its place"

_Key = tuple[str, str]


class LimitRefused(CfosError):
    """A limit cannot be set or lifted; the text is for whoever has asked for that."""


@frozen
class Standing:
    """
    What has become of a limit so far.

    @ivar why_not_stored: for people, why the newest of it is not on disk; C{None}: it is.
    """

    proof: Proof
    why_not_stored: str | None = None


class OutsideLimits:
    """
    Keeps the limits from outside that are in force, and their proof on disk.

    A limit is in force from the moment in which it is asked for, whatever the disk does. Those
    in force when the program ends, in whatever way, are in force again when it starts.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        store: ProofStore,
        report: Callable[[SiteEvent], None],
        state: Callable[[], SiteState],
    ) -> None:
        """
        @param now: the time of day, aware; it may be set while the program runs.
        @param new_id: gives another text each time, also in the next start of the program.
        @param report: is told what the limits are.
        @param state: the site as it is now.
        """
        self._clock = clock
        self._now = now
        self._new_id = new_id
        self._proofs = LimitProofs(clock, store)
        self._report = report
        self._state = state
        # By circuit and party, in the order in which they were asked for.
        self._in_force: dict[_Key, Proof] = {}
        # When they were, by the clock that is never set; not of those from before the start.
        self._asked_s: dict[_Key, float] = {}
        self._timer: IDelayedCall | None = None

    @property
    def in_force(self) -> tuple[Standing, ...]:
        """All that are in force, in the order in which they were asked for."""
        return tuple(self._standing(proof) for proof in self._in_force.values())

    @property
    def parties(self) -> Mapping[str, str]:
        """Who limits circuits now, by their names; of several one."""
        return dict(self._in_force.keys())

    async def open(self) -> None:
        """
        Put in force again what was in force when the program ended, and watch the time.

        @raise cfos_cm.errors.StorageError: when that cannot be read.
        """
        for proof in await self._proofs.in_force():
            key = proof.limit.circuit, proof.limit.by
            if key in self._in_force:
                # The program ended while one took the place of the other.
                self._end(key, _REPLACED)
            self._in_force[key] = proof
        self._look()

    async def stop(self) -> None:
        """Watch the time no longer. What is not on disk is tried once more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._proofs.stop()

    def limit(self, limit: OutsideLimit) -> Deferred[Standing]:
        """
        Limit a circuit, or change the limit that the same party has set for it.

        The same again, perhaps with another end, is no other limit: it goes on.

        @return: fires when it is in force and its proof is on disk, or could not be put there.
        @raise LimitRefused: when there can be no such limit.
        """
        self._check(limit)
        key = limit.circuit, limit.by
        known = self._in_force.get(key)
        if known is not None and _is_same(known.limit, limit):
            proof = evolve(known, limit=limit)
            if proof == known:
                # Some say it each second.
                return succeed(self._standing(known))
        else:
            if known is not None:
                self._end(key, _REPLACED)
            proof = Proof(self._new_id(), limit, self._moment())
            self._asked_s[key] = self._clock.seconds()
        self._in_force[key] = proof
        # Before anything else is done, for it may take its time.
        self._report(CircuitLimited(limit))
        return self._stored(proof)

    def lift(self, circuit: str, by: str, why: str) -> Deferred[Standing]:
        """
        End a limit before its time.

        @param why: for people.
        @return: fires when it is over and that is on disk, or could not be put there.
        @raise LimitRefused: when that party has set no limit for that circuit.
        """
        if (circuit, by) not in self._in_force:
            raise LimitRefused(self._no_such_limit(circuit, by))
        self._report(CircuitReleased(circuit, by, why))
        return self._stored(self._over((circuit, by), why))

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        if isinstance(event, SettingsChanged) and self._timer is not None:
            # A circuit that is there again is limited as before; not from inside the loop.
            self._timer.reset(0)
            self._warn_of_gone(before, after)
        elif isinstance(event, CircuitLimitMet):
            self._met(event, after)

    def _warn_of_gone(self, before: SiteState, after: SiteState) -> None:
        for (circuit, by), proof in self._in_force.items():
            if circuit in before.circuits and circuit not in after.circuits:
                _log.error(
                    "there is no circuit {circuit} any more: the limit of {by}, {power}, is "
                    "for nothing until there is one, or until it is lifted",
                    circuit=circuit,
                    by=by,
                    power=power_text(proof.limit.max_power_w),
                )

    def _met(self, event: CircuitLimitMet, state: SiteState) -> None:
        key = event.circuit, event.by
        proof = self._in_force.get(key)
        if proof is not None and proof.met_at is None:
            self._in_force[key] = evolve(
                proof,
                met_at=self._moment(),
                booked_w=event.booked_w,
                measured_w=measured_w(state, proof.limit, self._asked_s.get(key, -inf)),
            )
            self._proofs.put(self._in_force[key])

    def _look(self) -> None:
        """End what is over, have the site know the rest, and store what is not stored."""
        self._timer = self._clock.callLater(LOOK_S, self._look)
        now = self._now()
        for key, proof in tuple(self._in_force.items()):
            until = proof.limit.until
            if until is not None and until <= now:
                self._end(key, _TIME_IS_OVER)
                self._report(CircuitReleased(*key, _TIME_IS_OVER))
        state = self._state()
        for key, proof in self._in_force.items():
            if key[0] in state.circuits and state.outside_limits.get(key) != proof.limit:
                self._report(CircuitLimited(proof.limit))
        self._proofs.look()

    def _end(self, key: _Key, why: str) -> None:
        self._proofs.put(self._over(key, why))

    def _over(self, key: _Key, why: str) -> Proof:
        """It is in force no longer; what there is to say of it."""
        proof = self._in_force.pop(key)
        self._asked_s.pop(key, None)
        moment, until = self._moment(), proof.limit.until
        # It has ended when it was to, though nobody may have looked then.
        ended_at = moment if until is None else min(moment, until)
        return evolve(proof, ended_at=ended_at, why_ended=why)

    def _stored(self, proof: Proof) -> Deferred[Standing]:
        return self._proofs.put(proof).addCallback(lambda _: self._standing(proof))

    def _standing(self, proof: Proof) -> Standing:
        return Standing(proof, self._proofs.why_not_stored(proof.proof_id))

    def _moment(self) -> datetime:
        """The time of day, to the millisecond."""
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _check(self, limit: OutsideLimit) -> None:
        self._check_circuit(limit.circuit)
        if not 0 <= limit.max_power_w <= MAX_POWER_W:
            raise LimitRefused(
                f"{limit.max_power_w} W is no limit: must be 0 to {MAX_POWER_W} W"
            )
        if not 1 <= len(limit.by) <= MAX_PARTY_CHARS or not limit.by.isprintable():
            raise LimitRefused(
                f"{limit.by[:MAX_PARTY_CHARS]!a} is no name of who asks: must be 1 to "
                f"{MAX_PARTY_CHARS} printable characters"
            )
        if limit.until is not None and limit.until <= self._now():
            raise LimitRefused(f"its end, {limit.until:%Y-%m-%d %H:%M:%S %Z}, has passed")
        is_new = (limit.circuit, limit.by) not in self._in_force
        if is_new and len(self._in_force) >= MAX_IN_FORCE:
            raise LimitRefused(f"{MAX_IN_FORCE} limits are in force; that is the bound")

    def _check_circuit(self, name: str) -> None:
        circuits = list(self._state().circuits)
        if name not in circuits:
            names = ", ".join(circuits[:10]) or "none"
            near = did_you_mean(name, circuits)
            raise LimitRefused(f"there is no circuit {name[:80]!a}{near}; there are: {names}")

    def _no_such_limit(self, circuit: str, by: str) -> str:
        others = [other for name, other in self._in_force if name == circuit]
        if not others:
            return f"no limit is in force for {circuit[:80]!a}"
        names = ", ".join(others[:10])
        return f"{by[:80]!a} has set no limit for {circuit}; in force: that of {names}"


def _is_same(one: OutsideLimit, other: OutsideLimit) -> bool:
    """Whether they differ in nothing but their ends."""
    return evolve(one, until=None) == evolve(other, until=None)
