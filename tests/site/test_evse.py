"""What an EVSE may be drawing, as far as anybody can know."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

from attrs import evolve, fields
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

RATING_MA = 32_000
METER = Measured(PhaseCurrents(1, 2, 3), 5_000, 4_000)


def evse(
    confirmed_ma: int | None,
    unanswered_ma: int,
    failsafe_ma: int,
    link: Link = Link.ONLINE,
    stale: bool = False,
) -> Evse:
    """An EVSE of 32 A."""
    reason = Reason(ReasonCode.RATING, "")
    return Evse(
        EvseSettings("e", "main", max_current_ma=RATING_MA, failsafe_current_ma=failsafe_ma),
        link=link,
        unsure=stale,
        unanswered_ma=unanswered_ma,
        confirmed=None if confirmed_ma is None else Setpoint(confirmed_ma, reason),
        stale=stale,
    )


class ActiveTransactionTests(SynchronousTestCase):
    """For which transaction a limit can be set."""

    def test_free(self) -> None:
        """Who says that it is free has ended its transaction, whatever else it has to tell."""
        running = Transaction(7, "04A1", Verdict.ACCEPTED, datetime(2026, 1, 1, tzinfo=UTC), 0)
        for occupancy in Occupancy:
            free = occupancy is Occupancy.FREE
            found = evolve(evse(0, 0, 0), transaction=running, occupancy=occupancy)
            self.assertEqual(found.active_transaction_id, None if free else 7, occupancy)
            self.assertIsNone(evolve(found, transaction=None).active_transaction_id)


class MeterTests(SynchronousTestCase):
    """Everything that is known, and something else from the meter."""

    def test_only_the_meter(self) -> None:
        """Whatever is known beside the meter is handed on, each thing in its place."""
        # No two fields have the same value, so that none can be taken for another.
        values = {one.name: object() for one in fields(Evse)}
        before = Evse(**values)  # type: ignore[arg-type]
        after = before.with_meter(METER)
        self.assertEqual(after, evolve(before, meter=METER))

    def test_same(self) -> None:
        """The same reading makes no other EVSE."""
        known = evolve(evse(0, 0, 0), meter=METER)
        self.assertIs(known, known.with_meter(METER))

    def test_seen(self) -> None:
        """What the meter says is what the EVSE shows."""
        known = evolve(evse(0, 0, 0), meter=METER)
        self.assertEqual(
            (METER.currents, METER.energy_wh, METER.power_w),
            (known.measured, known.energy_wh, known.power_w),
        )


class MayDrawTests(SynchronousTestCase):
    """Which current counts."""

    def test_connected(self) -> None:
        """The last order that was accepted counts, and those since that may have arrived."""
        for confirmed_ma, unanswered_ma, expected in (
            (0, 0, 0),
            (6_000, 0, 6_000),
            (6_000, 16_000, 16_000),
            (16_000, 6_000, 16_000),
        ):
            for failsafe_ma in (0, 20_000):
                found = evse(confirmed_ma, unanswered_ma, failsafe_ma)
                self.assertEqual(found.may_draw_ma, expected)
                self.assertEqual(found.granted_ma, expected)

    def test_under_way(self) -> None:
        """An order that is under way counts as long as it is higher than the others."""
        reason = Reason(ReasonCode.RATING, "")
        for ordered_ma, expected in ((0, 8_000), (8_000, 8_000), (16_000, 16_000)):
            found = evolve(evse(6_000, 8_000, 0), ordered=Setpoint(ordered_ma, reason))
            self.assertEqual((found.may_draw_ma, found.granted_ma), (expected, expected))

    def test_may_have_forgotten(self) -> None:
        """One that is there and may have forgotten may draw its rating; no more is granted."""
        for confirmed_ma, unanswered_ma in ((0, 0), (6_000, 0), (6_000, 16_000)):
            found = evse(confirmed_ma, unanswered_ma, 8_000, stale=True)
            self.assertEqual(found.may_draw_ma, RATING_MA)
            self.assertEqual(found.granted_ma, max(confirmed_ma, unanswered_ma))
        # Its rating may have been lowered since.
        self.assertEqual(evse(RATING_MA + 1, 0, 0, stale=True).may_draw_ma, RATING_MA + 1)

    def test_on_its_own(self) -> None:
        """One that is not there may be at its fail-safe current."""
        for link, stale in product((Link.NEVER, Link.LOST), (False, True)):
            for confirmed_ma, unanswered_ma, failsafe_ma, expected in (
                (0, 0, 0, 0),
                (0, 0, 6_000, 6_000),
                (16_000, 0, 6_000, 16_000),
                (6_000, 16_000, 8_000, 16_000),
                (6_000, 8_000, 16_000, 16_000),
            ):
                found = evse(confirmed_ma, unanswered_ma, failsafe_ma, link, stale)
                self.assertEqual(found.may_draw_ma, expected, (link, stale))
                self.assertEqual(found.granted_ma, max(confirmed_ma, unanswered_ma))

    def test_unknown(self) -> None:
        """One that never accepted anything may draw its rating, and was granted nothing."""
        for link, stale, unanswered_ma in product(Link, (False, True), (0, 6_000, RATING_MA)):
            found = evse(None, unanswered_ma, 6_000, link, stale)
            self.assertEqual(found.may_draw_ma, RATING_MA)
            self.assertEqual(found.granted_ma, 0)

    def test_unknown_beyond_the_rating(self) -> None:
        """An order from before its rating was lowered still counts."""
        self.assertEqual(evse(None, RATING_MA + 1, 0).may_draw_ma, RATING_MA + 1)

    def test_new(self) -> None:
        """At the start nothing is known: it was never seen and may draw its rating."""
        found = Evse(EvseSettings("e", "main"))
        self.assertEqual((found.name, found.link, found.stale), ("e", Link.NEVER, True))
        self.assertEqual(found.may_draw_ma, 16_000)

    def test_out_of_use(self) -> None:
        """One that is disabled and was never seen draws nothing, unless it was charging."""
        found = Evse(EvseSettings("e", "main", enabled=False))
        self.assertEqual(found.may_draw_ma, 0)
        running = Transaction(7, "04A1", Verdict.ACCEPTED, datetime(2026, 1, 1, tzinfo=UTC), 0)
        self.assertEqual(evolve(found, transaction=running).may_draw_ma, 16_000)
