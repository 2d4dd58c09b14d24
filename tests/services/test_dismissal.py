"""EVSEs that are taken out while they charge."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import DeviceError
from cfos_cm.services.dismissal import DISMISSAL_S, Dismissal
from cfos_cm.site.events import EvseConnected, EvseLost
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.setpoint import ReasonCode
from tests.services.loops import LoopCase, settings


class Dismiss(LoopCase):
    """When the loop says that an EVSE that is taken out is paused."""

    def setUp(self) -> None:
        """One charges."""
        super().setUp()
        self.connect(self.a)
        self.charge(self.a, 7)
        self.a.confirms()
        self.done: list[Any] = []

    def dismiss(self, *names: str) -> None:
        """Take some out."""
        self.loop.dismiss(names).addCallback(self.done.append)
        self.settle()

    def test_confirmed(self) -> None:
        """When it has confirmed that it pauses, and not before."""
        self.dismiss("a")
        self.assertEqual(0, self.a.currents_ma[-1])
        self.assertEqual([], self.done)
        self.a.confirms()
        self.settle()
        self.assertEqual(1, len(self.done))
        self.assertNotIn("may go on charging", "\n".join(self.flushed()))

    def test_refused(self) -> None:
        """One that refuses is waited for as long as one that says nothing."""
        self.dismiss("a")
        self.a.refuses()
        self.settle()
        self.assertEqual([], self.done)
        self.clock.advance(DISMISSAL_S)
        self.assertEqual(1, len(self.done))
        self.assertEqual(1, len([line for line in self.flushed() if "a is taken out" in line]))

    def test_lost(self) -> None:
        """One that is lost is not waited for."""
        self.dismiss("a")
        self.report(EvseLost("a", "closed"))
        self.a.is_silent()
        self.settle()
        self.assertEqual(1, len(self.done))
        self.assertEqual(1, len([line for line in self.flushed() if "a is taken out" in line]))

    def test_orderUnderWay(self) -> None:
        """An order that is under way is answered first, and its answer starts no other."""
        self.report(settings("a", fuse_ma=9_000))
        self.dismiss("a")
        given = len(self.a.given)
        self.a.confirms()
        self.settle()
        self.assertEqual((given + 1, 0), (len(self.a.given), self.a.currents_ma[-1]))
        self.assertEqual([], self.done)
        self.a.confirms()
        self.settle()
        self.assertEqual(1, len(self.done))

    def test_silent(self) -> None:
        """When it had enough time to; its answer is of no interest afterwards."""
        self.dismiss("a")
        self.clock.advance(DISMISSAL_S - 0.1)
        self.assertEqual([], self.done)
        self.clock.advance(0.1)
        self.assertEqual(1, len(self.done))
        (line,) = [line for line in self.flushed() if "may go on charging" in line]
        self.assertIn("a is taken out of the settings", line)
        self.a.given[-1].answer.errback(DeviceError("too late"))
        self.assertEqual(1, len(self.done))

    def test_all(self) -> None:
        """When the last one of them is paused."""
        self.connect(self.b)
        self.charge(self.b, 8)
        self.b.confirms()
        self.dismiss("a", "b")
        self.b.confirms()
        self.settle()
        self.assertEqual([], self.done)
        self.a.confirms()
        self.settle()
        self.assertEqual(1, len(self.done))

    def test_in_doubt(self) -> None:
        """One that may have forgotten that a car pauses is waited for until it confirms it."""
        self.report(settings("a", fuse_ma=5_000))
        self.a.confirms()
        self.settle()
        self.report(EvseConnected("a", "192.0.2.1"))
        self.dismiss("a")
        self.assertEqual([], self.done)
        self.a.confirms()
        self.settle()
        self.assertEqual(1, len(self.done))

    def test_removed_meanwhile(self) -> None:
        """One that is gone from the settings is not waited for."""
        self.dismiss("a")
        self.report(settings("b"))
        self.assertEqual(1, len(self.done))

    def test_still_there(self) -> None:
        """One that is still in the settings when it is over charges again."""
        self.dismiss("a")
        self.a.confirms()
        self.settle()
        self.a.confirms()
        self.settle()
        self.assertEqual([0, 16_000, 0, 16_000], self.a.currents_ma)

    def test_still_there_after_patience(self) -> None:
        """So does one that has not confirmed in time, when it answers at last."""
        self.dismiss("a")
        self.clock.advance(DISMISSAL_S)
        self.assertEqual([0, 16_000, 0], self.a.currents_ma)
        self.a.confirms()
        self.settle()
        self.assertEqual([0, 16_000, 0, 16_000], self.a.currents_ma)

    def test_words_after_patience(self) -> None:
        """From when nobody waits for it any more it is decided like anybody else."""
        self.dismiss("a")
        self.a.refuses()
        self.settle()
        self.assertEqual(ReasonCode.DISABLED, self.reason())
        self.clock.advance(DISMISSAL_S)
        self.settle()
        self.assertEqual(ReasonCode.RATING, self.reason())

    def reason(self) -> ReasonCode:
        """Why C{a} should have what it should."""
        target = self.loop.state.evses["a"].target
        assert target is not None
        return target.reason.code

    def test_nobody(self) -> None:
        """At once, where there is nothing to pause."""
        self.dismiss("b", "cellar")
        self.dismiss()
        self.assertEqual(2, len(self.done))


class NotDismissed(LoopCase):
    """Those who are told nothing."""

    def test_others(self) -> None:
        """One that does not charge, is not there or is not known is told nothing."""
        self.connect(self.a)
        given = len(self.a.given)
        self.successResultOf(self.loop.dismiss({"a", "b", "c"}))
        self.settle()
        self.assertEqual((given, 0), (len(self.a.given), len(self.b.given)))

    def test_in_doubt(self) -> None:
        """Nor is one where nobody has started to charge, though it may have forgotten all."""
        self.connect(self.a)
        self.report(EvseConnected("a", "192.0.2.1"))
        self.successResultOf(self.loop.dismiss({"a"}))

    def test_observing(self) -> None:
        """Who only observes orders nothing."""
        self.connect(self.a)
        self.charge(self.a, 7)
        self.report(settings("a", "b", observe_only=True))
        given = len(self.a.given)
        self.successResultOf(self.loop.dismiss({"a"}))
        self.settle()
        self.assertEqual(given, len(self.a.given))


class Overlap(SynchronousTestCase):
    """One dismissal after the other."""

    def test_second(self) -> None:
        """A second one ends the first: whoever waits for that goes on."""
        clock = Clock()
        dismissal = Dismissal(clock)
        first, second = (
            dismissal.begin([Evse(EvseSettings(name, "main"), link=Link.ONLINE)])
            for name in ("a", "b")
        )
        self.successResultOf(first)
        self.assertNoResult(second)
        self.assertEqual({"b"}, dismissal.leaving)
        dismissal.end()
        self.successResultOf(second)
        self.assertEqual([], clock.getDelayedCalls())

    def test_end_of_nothing(self) -> None:
        """Where nobody leaves there is nothing to end, and nothing to look at."""
        dismissal = Dismissal(Clock())
        dismissal.end()
        dismissal.look({})
        self.assertEqual((frozenset(), {}), (dismissal.leaving, dismissal.targets))
