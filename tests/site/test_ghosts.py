"""Cars that have left without a word, and EVSEs that do not do as they are told."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, Phase, PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    OccupancyReported,
    SetpointConfirmed,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import STANDING_ORDER, SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

FUSE = CircuitSettings("main", 63_000)
SETTINGS = EvseSettings("left", "main")
TRANSACTION = Transaction(
    4711, "04A1", Verdict.ACCEPTED, datetime(2026, 3, 1, 12, tzinfo=UTC), 100
)
FREE = OccupancyReported("left", Occupancy.FREE, "Available")
STOPPED = TransactionStopped("left", 4711, 10, "Local")


def order(current_ma: int) -> Setpoint:
    """A setpoint; what for does not matter here."""
    return Setpoint(current_ma, Reason(ReasonCode.RATING, "all that left can give"))


LOW, HIGH = order(6_000), order(16_000)

CHARGING = Evse(
    SETTINGS,
    link=Link.ONLINE,
    occupancy=Occupancy.CHARGING,
    transaction=TRANSACTION,
    confirmed=LOW,
    forbids_by_default=True,
    stale=False,
    unsure=False,
    meter=Measured(PhaseCurrents(1, 2, 3), power_w=4_000),
)
#: It has not answered its last order yet.
UNDER_WAY = evolve(CHARGING, ordered=HIGH)


def folded(evse: Evse, *events: SiteEvent) -> Evse:
    """C{evse}, alone behind one fuse, after C{events}."""
    state = SiteState("Site", False, {"main": FUSE}, {evse.name: evse})
    for event in events:
        state = fold(state, event)
    return state.evses[evse.name]


class Free(SynchronousTestCase):
    """An EVSE that says that nobody is there, before it has told the end of a transaction."""

    def test_ends(self) -> None:
        """The transaction has ended, and the order that forbids charging is in force again."""
        after = folded(CHARGING, FREE)
        self.assertIsNone(after.transaction)
        self.assertEqual((STANDING_ORDER, 0), (after.confirmed, after.may_draw_ma))
        self.assertEqual((NO_CURRENT, 0, True), (after.measured, after.power_w, after.stale))

    def test_nothing_was_confirmed(self) -> None:
        """Where it had accepted nothing, no order is in force, and its rating counts."""
        after = folded(evolve(CHARGING, confirmed=None), FREE)
        self.assertIsNone(after.transaction)
        self.assertEqual((None, 16_000), (after.confirmed, after.may_draw_ma))

    def test_under_way(self) -> None:
        """An order that was under way counts until a later one is accepted."""
        after = folded(UNDER_WAY, FREE)
        self.assertEqual((None, True, 16_000), (after.ordered, after.stale, after.may_draw_ma))
        after = folded(after, SetpointConfirmed("left", HIGH))
        self.assertEqual(STANDING_ORDER, after.confirmed)

    def test_told_later(self) -> None:
        """What it has still to tell of the end changes nothing any more."""
        for evse in (CHARGING, UNDER_WAY, evolve(CHARGING, confirmed=None)):
            after = folded(evse, FREE)
            self.assertEqual(after, folded(after, STOPPED))

    def test_told_after_the_next(self) -> None:
        """Nor does it end the transaction of the next car."""
        plugged = OccupancyReported("left", Occupancy.PLUGGED, "Preparing")
        started = TransactionStarted("left", evolve(TRANSACTION, transaction_id=4712))
        after = folded(CHARGING, FREE, plugged, started)
        self.assertEqual(4712, after.active_transaction_id)
        self.assertEqual(after, folded(after, STOPPED))

    def test_next_car(self) -> None:
        """The next car has no transaction that a limit could be set for."""
        after = folded(CHARGING, FREE, OccupancyReported("left", Occupancy.PLUGGED, ""))
        self.assertIsNone(after.active_transaction_id)

    def test_others(self) -> None:
        """Whatever else it says of its car ends no transaction."""
        for occupancy in set(Occupancy) - {Occupancy.FREE}:
            after = folded(CHARGING, OccupancyReported("left", occupancy, ""))
            self.assertEqual((TRANSACTION, LOW), (after.transaction, after.confirmed))


class Phases(SynchronousTestCase):
    """An EVSE that is wired to other phases than before."""

    def rewired(self, evse: Evse, *phases: Phase) -> Evse:
        """C{evse} after its settings have these phases."""
        settings = evolve(SETTINGS, phases=phases)
        return folded(evse, SettingsChanged("", False, (FUSE,), (settings,)))

    def test_number(self) -> None:
        """With another number of them it has to be told again; no order is awaited."""
        for phases in ((Phase.L1,), (Phase.L3, Phase.L1)):
            after = self.rewired(UNDER_WAY, *phases)
            self.assertEqual(phases, after.settings.phases)
            self.assertEqual((True, None), (after.stale, after.ordered))
            self.assertEqual((LOW, 16_000), (after.confirmed, after.unanswered_ma))

    def test_answer_to_the_old_one(self) -> None:
        """That the order with the old number is accepted does not count."""
        after = folded(self.rewired(UNDER_WAY, Phase.L1), SetpointConfirmed("left", HIGH))
        self.assertEqual((True, LOW), (after.stale, after.confirmed))

    def test_order(self) -> None:
        """With as many, in another order, it keeps what it was told."""
        for phases in (ALL_PHASES, (Phase.L2, Phase.L3, Phase.L1)):
            after = self.rewired(UNDER_WAY, *phases)
            self.assertEqual((False, HIGH), (after.stale, after.ordered))


class Disobedient(SynchronousTestCase):
    """An EVSE that does not take what it is ordered."""

    def test_failed(self) -> None:
        """It is noted, whether it has refused the order or not answered it."""
        for refused in (True, False):
            after = folded(UNDER_WAY, SetpointFailed("left", HIGH, refused, ""))
            self.assertTrue(after.disobedient, refused)

    def test_another_order(self) -> None:
        """The failure of an order that is not awaited any more says nothing."""
        for refused in (True, False):
            after = folded(UNDER_WAY, SetpointFailed("left", LOW, refused, ""))
            self.assertFalse(after.disobedient, refused)

    def test_confirmed(self) -> None:
        """It obeys again from when it accepts an order, and not before."""
        after = folded(evolve(CHARGING, disobedient=True), SetpointOrdered("left", LOW))
        self.assertTrue(after.disobedient)
        self.assertTrue(folded(after, SetpointConfirmed("left", HIGH)).disobedient)
        self.assertFalse(folded(after, SetpointConfirmed("left", LOW)).disobedient)


class OutOfUse(SynchronousTestCase):
    """What is kept for an EVSE that is switched off in the settings."""

    @given(st.booleans(), st.sampled_from(Link))
    def test_never_seen(self, enabled: bool, link: Link) -> None:
        """Nothing, as long as it was never seen; its rating otherwise."""
        evse = Evse(evolve(SETTINGS, enabled=enabled), link=link)
        nothing = not enabled and link is Link.NEVER
        self.assertEqual(0 if nothing else 16_000, evse.may_draw_ma)
