"""Proofs on their way to a disk that does not always take them."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services import limit_proofs
from cfos_cm.services.limit_proofs import RETRY_S, LimitProofs
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.storage.outside_limits import Proof

from .proofs import BreakableStore

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ASKED = Proof("one", OutsideLimit("garage", "grid", 4200), NOW)
MET = evolve(ASKED, met_at=NOW, booked_w=4140)


class Proofs(SynchronousTestCase):
    """A store that can be broken, and what is put into it."""

    def setUp(self) -> None:
        """Nothing was put."""
        self.clock = Clock()
        self.store = BreakableStore()
        self.proofs = LimitProofs(self.clock, self.store)

    def broken(self) -> None:
        """Break the store, and put a proof."""
        self.store.is_broken = True
        with capturedLogs() as self.logged:
            self.successResultOf(self.proofs.put(ASKED))

    def retry(self) -> None:
        """Let the time pass after which it is tried again."""
        self.clock.advance(RETRY_S)
        self.proofs.look()

    def test_stored(self) -> None:
        """What was stored is stored, and not written again."""
        self.successResultOf(self.proofs.put(ASKED))
        self.assertIsNone(self.proofs.why_not_stored("one"))
        self.retry()
        self.assertEqual((1, {"one": ASKED}), (self.store.puts, self.store.kept))

    def test_being_written(self) -> None:
        """As long as it is not on disk it is not said to be, and nobody is answered."""
        self.store.is_slow = True
        done = self.proofs.put(ASKED)
        self.assertNoResult(done)
        self.assertEqual("it is being written", self.proofs.why_not_stored("one"))
        self.store.go_on()
        self.successResultOf(done)
        self.assertIsNone(self.proofs.why_not_stored("one"))

    def test_changed_meanwhile(self) -> None:
        """A proof that has changed while it was written is not stored before it is so."""
        self.store.is_slow = True
        self.proofs.put(ASKED)
        self.store.is_slow, self.store.is_broken = False, True
        with capturedLogs():
            self.proofs.put(MET)
        self.store.go_on()
        self.assertEqual("the disk is full", self.proofs.why_not_stored("one"))
        self.store.is_broken = False
        self.retry()
        self.assertEqual({"one": MET}, self.store.kept)

    def test_later(self) -> None:
        """What could not be stored is stored later, as it is then; the log tells once."""
        self.broken()
        self.assertEqual("the disk is full", self.proofs.why_not_stored("one"))
        self.assertEqual(["error"], [event["log_level"].name for event in self.logged])
        with capturedLogs() as logged:
            self.proofs.put(MET)
            self.retry()
        self.assertEqual([], logged)
        self.store.is_broken = False
        self.proofs.look()
        self.assertEqual({}, self.store.kept)
        self.retry()
        self.assertEqual({"one": MET}, self.store.kept)
        self.assertIsNone(self.proofs.why_not_stored("one"))

    def test_stop(self) -> None:
        """At the end it is tried once more."""
        self.broken()
        self.store.is_broken = False
        self.successResultOf(self.proofs.stop())
        self.assertEqual({"one": ASKED}, self.store.kept)

    def test_bound(self) -> None:
        """Beyond the bound the oldest is lost, and the log says which."""
        self.patch(limit_proofs, "MAX_UNSTORED", 2)
        self.broken()
        with capturedLogs() as logged:
            for name in ("two", "three"):
                self.proofs.put(evolve(ASKED, proof_id=name))
        lost = [event["proof"] for event in logged if event["log_level"].name == "critical"]
        self.assertEqual([ASKED], lost)
        self.store.is_broken = False
        self.retry()
        self.assertEqual(["two", "three"], list(self.store.kept))
