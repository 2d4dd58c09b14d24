"""EVSEs that are released, while the loop has other things to do with them."""

from __future__ import annotations

from attrs import evolve

from cfos_cm.limits.memory import Memory
from cfos_cm.limits.wiring import Wiring
from cfos_cm.services import control_loop
from cfos_cm.site.events import (
    EvseConnected,
    EvseLimited,
    EvseLost,
    LimitsCancelled,
    OccupancyReported,
    SettingsChanged,
    TransactionStarted,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState
from tests.services.loops import CYCLE_S, LoopCase, NotingEvse, settings, transaction


def disabled(*names: str, among: tuple[str, ...] = ("a", "b")) -> SettingsChanged:
    """The usual site, where C{names} are disabled and to be released."""
    usual = settings(*among)
    return evolve(
        usual,
        evses=tuple(
            evolve(one, enabled=one.name not in names, released_when_disabled=True)
            for one in usual.evses
        ),
    )


class Released(LoopCase):
    """One that charges, and is disabled."""

    def setUp(self) -> None:
        """Have it charge; then it is being released."""
        super().setUp()
        self.connect(self.a)
        self.report(EvseLimited("a", "backend", 8_000))
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.a.renewal_due_s = self.clock.seconds() + 300
        self.report(disabled("a"))
        self.assertEqual(1, len(self.a.releases))
        self.given = len(self.a.given)

    def orders(self) -> list[int]:
        """What it was ordered since."""
        return self.a.currents_ma[self.given :]

    def is_released(self) -> bool:
        """Whether it counts as released."""
        return self.loop.state.evses["a"].released

    def test_not_renewed(self) -> None:
        """Its limit is not renewed: it would be there again after it was cleared."""
        self.clock.pump([100] * 10)
        self.assertEqual([], self.orders())
        self.a.releases[-1].callback(None)
        self.clock.pump([100] * 10)
        self.assertEqual([], self.orders())
        self.assertTrue(self.is_released())

    def test_enabled_meanwhile(self) -> None:
        """Who is enabled again is told nothing before that is over, and counts in full."""
        self.report(disabled())
        self.clock.pump([CYCLE_S] * 5)
        self.assertEqual([], self.orders())
        evse = self.loop.state.evses["a"]
        self.assertEqual(evse.settings.max_current_ma, evse.may_draw_ma)
        self.a.releases[-1].callback(None)
        self.settle()
        self.assertEqual([8_000], self.orders())
        self.assertTrue(self.a.given[-1].from_scratch)

    def test_enabled_after_a_refusal(self) -> None:
        """Who did not confirm may have dropped what he was told all the same."""
        self.a.releases[-1].errback(ZeroDivisionError("a mistake in the driver"))
        self.flushLoggedErrors(ZeroDivisionError)
        self.report(disabled())
        evse = self.loop.state.evses["a"]
        self.assertEqual(evse.settings.max_current_ma, evse.may_draw_ma)
        self.assertTrue(self.a.given[-1].from_scratch)

    def test_removed_meanwhile(self) -> None:
        """What the device that it was confirms says nothing of the one that it has become."""
        old, self.a = self.a, NotingEvse("a")
        self.report(disabled(among=("b",)), disabled("a"))
        self.loop.evses = {"a": self.a, "b": self.b}
        self.report(EvseConnected("a", "192.0.2.7"))
        self.assertEqual(1, len(self.a.releases))
        old.releases[-1].callback(None)
        self.settle()
        self.assertFalse(self.is_released())
        self.a.releases[-1].callback(None)
        self.assertTrue(self.is_released())
        self.assertEqual(1, len(self.events_of(LimitsCancelled)))

    def test_failed_decision(self) -> None:
        """When nothing can be decided it is not paused: nobody would clear that again."""
        self.a.releases[-1].callback(None)
        self.settle()

        def raises(state: SiteState, memory: Memory, wiring: Wiring) -> dict[str, Setpoint]:
            raise LookupError("a mistake in a rule")

        self.patch(control_loop, "decide", raises)
        self.report(OccupancyReported("a", Occupancy.PLUGGED, ""))
        self.flushLoggedErrors(LookupError)
        self.assertEqual([], self.orders())

    def test_connected_again(self) -> None:
        """Some keep their limits: it is released in each connection anew."""
        self.a.releases[-1].callback(None)
        self.report(EvseLost("a", "gone"), EvseConnected("a", "192.0.2.1"))
        self.assertEqual(2, len(self.a.releases))

    def keep_a_limit(self) -> None:
        """Have it keep a limit while it is disabled; it is told, and confirms that."""
        kept = disabled("a")
        evses = tuple(evolve(one, released_when_disabled=False) for one in kept.evses)
        self.report(evolve(kept, evses=evses))
        for release in self.a.releases:
            if not release.called:
                release.callback(None)
        self.settle()
        self.assertEqual([0], self.orders())
        self.a.confirms()
        self.settle()

    def test_kept_meanwhile(self) -> None:
        """Who has had a limit since is released once more."""
        self.a.releases[-1].callback(None)
        self.keep_a_limit()
        self.report(disabled("a"))
        self.assertEqual(2, len(self.a.releases))

    def test_kept_before_it_confirms(self) -> None:
        """So is who had to keep a limit before he has confirmed that he dropped all."""
        self.keep_a_limit()
        self.report(disabled("a"))
        self.assertEqual(2, len(self.a.releases))

    def test_observed(self) -> None:
        """A site that is only observed releases nobody."""
        self.report(EvseLost("a", "gone"))
        self.report(evolve(disabled("a"), observe_only=True))
        self.report(EvseConnected("a", "192.0.2.1"))
        self.clock.pump([CYCLE_S] * 10)
        self.assertEqual(1, len(self.a.releases))


class Ordered(LoopCase):
    """One that is disabled while it is being told a limit."""

    def test_order_that_does_not_count(self) -> None:
        """The order is heard to its end first, also where its transaction has ended before."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.stop_charging(self.a, 1)
        self.report(disabled("a"))
        self.assertEqual([], self.a.releases)
        self.a.confirms()
        self.settle()
        self.assertEqual(1, len(self.a.releases))


class Observed(LoopCase):
    """A site with a fuse of 16 A that is only observed for a while."""

    fuse_ma = 16_000

    def test_limits_have_ended(self) -> None:
        """Nobody counts on a limit that was not renewed until it is confirmed once more."""
        usual = settings("a", "b", fuse_ma=self.fuse_ma)
        evses = tuple(evolve(one, failsafe_current_ma=6_000) for one in usual.evses)
        usual = evolve(usual, evses=evses)
        self.report(usual)
        self.connect(self.a)
        self.connect(self.b)
        self.report(EvseLimited("a", "backend", 0))
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.assertEqual((0, 1), (self.a.currents_ma[-1], self.a.given[-1].transaction_id))
        self.a.renewal_due_s = self.clock.seconds() + 300
        self.report(evolve(usual, observe_only=True))
        self.clock.advance(600)
        self.charge(self.b, 2)
        self.report(usual)
        self.assertEqual([0, 10_000], [self.a.currents_ma[-1], self.b.currents_ma[-1]])
        self.a.confirms()
        self.b.confirms()
        self.follow()
        self.assertEqual(16_000, self.b.currents_ma[-1])


class Renewed(LoopCase):
    """Limits that end by themselves."""

    def setUp(self) -> None:
        """Have C{a} charge with a limit that is to be renewed."""
        super().setUp()
        self.connect(self.a)
        self.charge(self.a, 1)
        self.a.confirms()
        self.settle()
        self.follow()
        self.a.renewal_due_s = self.clock.seconds() + 300

    def count_decisions(self) -> list[SiteState]:
        """The state that each decision from now on is made about."""
        found: list[SiteState] = []
        decide = control_loop.decide

        def counting(state: SiteState, memory: Memory, wiring: Wiring) -> dict[str, Setpoint]:
            found.append(state)
            return decide(state, memory, wiring)

        self.patch(control_loop, "decide", counting)
        return found

    def test_lost(self) -> None:
        """One that is due and cannot be told is no reason to decide again and again."""
        self.report(EvseLost("a", "gone"))
        self.clock.advance(400)
        decisions = self.count_decisions()
        self.clock.pump([CYCLE_S] * 50)
        self.assertEqual([], decisions)

    def test_observed(self) -> None:
        """Nor is one on a site that is only observed."""
        self.report(settings("a", "b", observe_only=True))
        self.clock.advance(400)
        decisions = self.count_decisions()
        self.clock.pump([CYCLE_S] * 50)
        self.assertEqual([], decisions)

    def test_back(self) -> None:
        """When it is there again it is told at once."""
        self.report(EvseLost("a", "gone"))
        self.clock.advance(400)
        given = len(self.a.given)
        self.report(EvseConnected("a", "192.0.2.1"))
        self.assertEqual(given + 1, len(self.a.given))

    def test_without_transaction(self) -> None:
        """Where no transaction runs there is nothing to renew, nor to decide."""
        self.stop_charging(self.a, 1)
        self.a.confirms()
        self.settle()
        self.clock.advance(400)
        decisions = self.count_decisions()
        self.clock.pump([CYCLE_S] * 50)
        self.assertEqual([], decisions)
        self.report(TransactionStarted("a", transaction(2)))
        self.assertEqual(2, self.a.given[-1].transaction_id)
