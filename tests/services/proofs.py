"""A place for proofs that a test can break."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.errors import StorageError
from cfos_cm.storage.outside_limits import Proof

__all__ = ["BreakableStore"]


@define
class BreakableStore:
    """
    Keeps proofs as L{cfos_cm.storage.outside_limits.OutsideLimitStore} does, in memory.

    @ivar kept: by their ids.
    @ivar is_broken: nothing can be kept now.
    @ivar is_slow: what is to be kept waits for L{go_on}.
    """

    kept: dict[str, Proof] = field(factory=dict)
    is_broken: bool = False
    is_slow: bool = False
    puts: int = 0
    _waiting: list[tuple[Proof, Deferred[None]]] = field(factory=list)

    def put(self, proof: Proof) -> Deferred[None]:
        """See L{cfos_cm.services.limit_proofs.ProofStore.put}."""
        self.puts += 1
        if self.is_broken:
            return fail(StorageError("the disk is full"))
        if self.is_slow:
            done: Deferred[None] = Deferred()
            self._waiting.append((proof, done))
            return done
        self.kept[proof.proof_id] = proof
        return succeed(None)

    def in_force(self) -> Deferred[tuple[Proof, ...]]:
        """See L{cfos_cm.services.limit_proofs.ProofStore.in_force}."""
        return succeed(tuple(one for one in self.kept.values() if one.ended_at is None))

    def go_on(self) -> None:
        """Keep what waits."""
        while self._waiting:
            proof, done = self._waiting.pop(0)
            self.kept[proof.proof_id] = proof
            done.callback(None)
