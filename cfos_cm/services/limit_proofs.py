"""Proofs on their way to disk, also when it does not take them at once."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.storage.outside_limits import Proof

__all__ = ["MAX_UNSTORED", "RETRY_S", "LimitProofs", "ProofStore"]

#: What could not be stored is stored after so long, if it can be then. [s]
RETRY_S = 5.0

#: Beyond it the oldest are lost.
MAX_UNSTORED = 1000

_BEING_WRITTEN = "it is being written"

_log = Logger(namespace="cfos_cm.services")


class ProofStore(Protocol):
    """Where proofs are kept, such as L{cfos_cm.storage.outside_limits.OutsideLimitStore}."""

    def put(self, proof: Proof) -> Deferred[None]:
        """Keep a proof, or replace the one with the same id; fires when it is on disk."""
        raise NotImplementedError

    def in_force(self) -> Deferred[tuple[Proof, ...]]:
        """Those that are not over."""
        raise NotImplementedError


class LimitProofs:
    """
    Stores proofs, and what could not be stored again and again.

    What is stored of a proof is all of it: whatever was lost before is made up for by the next
    time that it can be.
    """

    def __init__(self, clock: IReactorTime, store: ProofStore) -> None:
        self._clock = clock
        self._store = store
        # By their ids: what is not on disk as it is, and why.
        self._unstored: dict[str, tuple[Proof, str]] = {}
        self._retry_at_s = clock.seconds() + RETRY_S

    def in_force(self) -> Deferred[tuple[Proof, ...]]:
        """Those on disk that are not over."""
        return self._store.in_force()

    def why_not_stored(self, proof_id: str) -> str | None:
        """Why a proof is not on disk as it is, for people; C{None}: it is."""
        _, why = self._unstored.get(proof_id, (None, None))
        return why

    def put(self, proof: Proof) -> Deferred[None]:
        """
        Store a proof as it is now.

        @return: fires when it is on disk, or could not be put there; never fails.
        """
        known = self._unstored.pop(proof.proof_id, None)
        if known is None and len(self._unstored) >= MAX_UNSTORED:
            self._lose(next(iter(self._unstored)))
        why = _BEING_WRITTEN if known is None else known[1]
        self._unstored[proof.proof_id] = proof, why
        return self._write(proof)

    def look(self) -> None:
        """To be called now and then: stores what is not stored, when it is time to."""
        if self._clock.seconds() >= self._retry_at_s:
            self._retry()

    def stop(self) -> Deferred[None]:
        """Try once more; fires when all of that has succeeded or failed."""
        return self._retry()

    def _retry(self) -> Deferred[None]:
        self._retry_at_s = self._clock.seconds() + RETRY_S
        writing = [self._write(proof) for proof, _ in tuple(self._unstored.values())]
        return gatherResults(writing).addCallback(lambda _: None)

    def _write(self, proof: Proof) -> Deferred[None]:
        return self._store.put(proof).addCallbacks(
            self._succeeded, self._failed, callbackArgs=(proof,), errbackArgs=(proof,)
        )

    def _succeeded(self, _: None, proof: Proof) -> None:
        # It may have become another one meanwhile, which is on its way as well.
        if self._unstored.get(proof.proof_id, (None, ""))[0] == proof:
            del self._unstored[proof.proof_id]

    def _failed(self, failure: Failure, proof: Proof) -> None:
        newest, known = self._unstored.get(proof.proof_id, (None, ""))
        if newest is None:
            return
        why = failure.getErrorMessage()
        self._unstored[proof.proof_id] = newest, why
        self._retry_at_s = self._clock.seconds() + RETRY_S
        if known == _BEING_WRITTEN:
            _log.error(
                "the proof of {by}'s limit of {circuit} is not stored, and tried again: {why}",
                by=proof.limit.by,
                circuit=proof.limit.circuit,
                why=why,
            )

    def _lose(self, proof_id: str) -> None:
        proof, why = self._unstored.pop(proof_id)
        _log.critical("{proof} is lost: no disk has taken it: {why}", proof=proof, why=why)
