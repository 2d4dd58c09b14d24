"""A transaction that begins while its EVSE is told what holds without one."""

from __future__ import annotations

from attrs import evolve

from cfos_cm.site.events import EvseConnected, EvseLimited, OccupancyReported
from cfos_cm.site.evse import Occupancy
from tests.services.loops import LoopCase, settings


class Overtaken(LoopCase):
    """An EVSE that falls back to 6 A, and is to pause."""

    def setUp(self) -> None:
        """Have it being told to pause when its transaction begins."""
        super().setUp()
        usual = settings("a", "b")
        evses = tuple(evolve(one, failsafe_current_ma=6_000) for one in usual.evses)
        self.report(evolve(usual, evses=evses), EvseLimited("a", "backend", 0))
        self.report(EvseConnected("a", "192.0.2.1"))
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()

    def test_booked(self) -> None:
        """What it confirms says nothing of the transaction, which has what it falls back to."""
        self.assertGreaterEqual(self.loop.state.evses["a"].may_draw_ma, 6_000)

    def test_told(self) -> None:
        """It is told at once, and then it pauses for sure."""
        told = [(one.current_ma, one.transaction_id) for one in self.a.given]
        self.assertEqual([(0, None), (0, 1)], told)
        self.a.confirms()
        self.assertEqual(0, self.loop.state.evses["a"].may_draw_ma)


class Untold(LoopCase):
    """A car charges, and its transaction is not known: its start cannot be stored."""

    fuse_ma = 16_000

    def test_others(self) -> None:
        """It is left what it falls back to, which is what it has outside transactions."""
        usual = settings("a", "b", fuse_ma=self.fuse_ma)
        evses = tuple(evolve(one, failsafe_current_ma=6_000) for one in usual.evses)
        self.report(evolve(usual, evses=evses))
        self.connect(self.a)
        self.connect(self.b)
        self.report(OccupancyReported("a", Occupancy.CHARGING, "Charging"))
        self.a.confirms()
        self.charge(self.b, 2)
        self.b.confirms()
        self.follow()
        self.assertEqual(10_000, self.b.currents_ma[-1])
        self.report(OccupancyReported("a", Occupancy.PLUGGED, "SuspendedEV"))
        self.b.confirms()
        self.follow()
        self.assertEqual(16_000, self.b.currents_ma[-1])
