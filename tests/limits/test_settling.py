"""What may still be drawn after an EVSE has confirmed less."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.limits.settling import SETTLE_S, Settling, drawn_ma
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from tests.limits.meters import drawing, obeying
from tests.limits.sites import charging, site

MAIN = CircuitSettings("main", 63_000)
BAY = charging(EvseSettings("bay", "main"), 16_000)
#: When it is told to take less. [s]
TOLD_S = 100.0
#: A moment. [s]
MOMENT_S = 0.25


def seen(settling: Settling, evse: Evse, now_s: float) -> Settling:
    """What is known after a look at the EVSE."""
    return settling.after(site([MAIN], [evse]), now_s)


def decreased(evse: Evse = BAY, to_ma: int = 6_000) -> tuple[Settling, Evse]:
    """What is known of an EVSE that has just confirmed less, and the EVSE."""
    lower = obeying(evse, to_ma)
    return seen(seen(Settling(), evse, 0.0), lower, TOLD_S), lower


class Drawn(SynchronousTestCase):
    """What an EVSE's meter says of its current."""

    def check(self, expected_ma: int | None, meter: Measured, *phases: Phase) -> None:
        """Compare what is made of a reading."""
        evse = charging(EvseSettings("bay", "main", phases=phases)).with_meter(meter)
        self.assertEqual(expected_ma, drawn_ma(evse))

    def test_currents(self) -> None:
        """It is the one of the phase with most, whatever the power says."""
        self.check(7_000, Measured(PhaseCurrents(5_000, 7_000, 6_000), power_w=1), *Phase)

    def test_power(self) -> None:
        """A power is spread over all phases of the EVSE."""
        self.check(10_000, Measured(power_w=6_900), *Phase)
        self.check(10_000, Measured(power_w=2_300), Phase.L2)

    def test_nothing(self) -> None:
        """A register alone says nothing of it."""
        self.check(None, Measured(energy_wh=7), *Phase)


class Decrease(SynchronousTestCase):
    """Until its car has followed, an EVSE is booked with what it had."""

    def test_by_time(self) -> None:
        """Without a meter it counts as followed when every car would have."""
        settling, evse = decreased()
        for later_s, booked_ma in (
            (0.0, 16_000),
            (SETTLE_S - MOMENT_S, 16_000),
            (SETTLE_S, 6_000),
        ):
            settling = seen(settling, evse, TOLD_S + later_s)
            self.assertEqual(booked_ma, settling.booked_ma(evse), later_s)

    def test_by_meter(self) -> None:
        """A meter that sees it says so sooner; that it is a little above does not matter."""
        settling, evse = decreased()
        followed = drawing(evse, 6_300, TOLD_S + 1)
        settling = seen(settling, followed, TOLD_S + 1)
        self.assertEqual(6_000, settling.booked_ma(followed))

    def test_on_the_way(self) -> None:
        """A car that is still above it may yet draw all that it had."""
        settling, evse = decreased()
        slow = drawing(evse, 9_000, TOLD_S + 1)
        self.assertEqual(16_000, seen(settling, slow, TOLD_S + 1).booked_ma(slow))

    def test_reading_from_before(self) -> None:
        """That it drew little when it was told proves nothing: it may have gone up since."""
        idle = drawing(BAY, 0, TOLD_S)
        settling, evse = decreased(idle)
        self.assertEqual(16_000, seen(settling, evse, TOLD_S + 1).booked_ma(evse))

    def test_never_follows(self) -> None:
        """One whose meter says that it does not follow is booked with what it draws."""
        settling, evse = decreased()
        for second in range(1, 600):
            evse = drawing(evse, 14_500, TOLD_S + second)
            settling = seen(settling, evse, TOLD_S + second)
            expected_ma = 16_000 if second < SETTLE_S else 14_500
            self.assertEqual(expected_ma, settling.booked_ma(evse), second)
        evse = drawing(evse, 6_000, TOLD_S + 600)
        self.assertEqual(6_000, seen(settling, evse, TOLD_S + 600).booked_ma(evse))

    def test_one_after_the_other(self) -> None:
        """Of several decreases the highest current counts that there was before them."""
        settling, evse = decreased(to_ma=10_000)
        settling = seen(settling, obeying(evse, 6_000), TOLD_S + 2)
        self.assertEqual(16_000, settling.booked_ma(obeying(evse, 6_000)))

    def test_a_little_more_meanwhile(self) -> None:
        """An increase to less than it had does not say that it has followed."""
        settling, evse = decreased()
        settling = seen(settling, obeying(evse, 8_000), TOLD_S + 2)
        self.assertEqual(16_000, settling.booked_ma(obeying(evse, 8_000)))

    def test_to_nothing(self) -> None:
        """A pause is a decrease like any other."""
        settling, evse = decreased(to_ma=0)
        self.assertEqual(16_000, settling.booked_ma(evse))
        settling = seen(settling, evse, TOLD_S + SETTLE_S)
        self.assertEqual(0, settling.booked_ma(evse))

    def test_open_contactor(self) -> None:
        """Where no car can draw anything there is nothing to wait for."""
        settling, evse = decreased(to_ma=0)
        gone = evolve(evse, transaction=None, occupancy=Occupancy.PLUGGED)
        self.assertEqual(0, seen(settling, gone, TOLD_S + 1).booked_ma(gone))
        at_once = seen(seen(Settling(), BAY, 0.0), gone, TOLD_S)
        self.assertEqual(0, at_once.booked_ma(gone))

    def test_suspended(self) -> None:
        """A car that pauses by itself may go on at any moment, with what it had."""
        settling, evse = decreased()
        pausing = evolve(evse, occupancy=Occupancy.PLUGGED)
        self.assertEqual(16_000, seen(settling, pausing, TOLD_S + 1).booked_ma(pausing))

    def test_still_charging(self) -> None:
        """The end of a transaction alone opens no contactor."""
        settling, evse = decreased(to_ma=0)
        odd = evolve(evse, transaction=None)
        self.assertEqual(16_000, seen(settling, odd, TOLD_S + 1).booked_ma(odd))


class Doubts(SynchronousTestCase):
    """What is booked where it is not certain that an EVSE obeys."""

    def test_feared(self) -> None:
        """One that confirms after it may have forgotten its limit may have drawn its rating."""
        doubtful = evolve(obeying(BAY, 6_000), unsure=True)
        settling = seen(Settling(), doubtful, 0.0)
        self.assertEqual(16_000, settling.booked_ma(doubtful))
        sure = obeying(doubtful, 6_000)
        for later_s, booked_ma in ((0.0, 16_000), (SETTLE_S, 6_000)):
            settling = seen(settling, sure, TOLD_S + later_s)
            self.assertEqual(booked_ma, settling.booked_ma(sure), later_s)

    def test_power_only(self) -> None:
        """A power may all be on one phase: what is enough on three proves nothing."""
        settling, evse = decreased()
        unclear = evse.with_meter(Measured(power_w=3 * 230 * 5, at_s=TOLD_S + 1))
        self.assertEqual(16_000, seen(settling, unclear, TOLD_S + 1).booked_ma(unclear))
        little = evse.with_meter(Measured(power_w=230 * 6, at_s=TOLD_S + 1))
        self.assertEqual(6_000, seen(settling, little, TOLD_S + 1).booked_ma(little))
        # By then every car has followed, and nothing says that this one has not.
        later_s = TOLD_S + SETTLE_S
        self.assertEqual(6_000, seen(settling, unclear, later_s).booked_ma(unclear))

    def test_again(self) -> None:
        """One that has followed, and later draws more than it may, is booked with that."""
        settling, evse = decreased()
        settling = seen(settling, evse, TOLD_S + SETTLE_S)
        self.assertEqual(6_000, settling.booked_ma(evse))
        wild = drawing(evse, 12_000, TOLD_S + 60)
        self.assertEqual(12_000, seen(settling, wild, TOLD_S + 60).booked_ma(wild))

    def test_sign(self) -> None:
        """A transformer that is mounted the other way round hides nothing."""
        settling, evse = decreased()
        wild = drawing(evse, -12_000, TOLD_S + SETTLE_S)
        self.assertEqual(12_000, seen(settling, wild, TOLD_S + SETTLE_S).booked_ma(wild))


class Books(SynchronousTestCase):
    """What is booked otherwise."""

    def test_increase(self) -> None:
        """After an increase nothing else is booked than what was ordered."""
        low = obeying(BAY, 6_000)
        settling = seen(seen(Settling(), low, 0.0), BAY, TOLD_S)
        self.assertEqual(16_000, settling.booked_ma(BAY))
        change = settling.of(BAY)
        assert change is not None
        self.assertEqual((16_000, 6_000, 0), (
            change.granted_ma, change.before_ma, change.lingering_ma,
        ))  # fmt: skip

    def test_unknown(self) -> None:
        """Nobody needs to have been looked at before."""
        self.assertEqual(16_000, Settling().booked_ma(BAY))
        self.assertIsNone(Settling().of(BAY))

    def test_orders_count(self) -> None:
        """What may be drawn by the orders counts where it is more."""
        settling, evse = decreased()
        lost = evolve(evse, link=Link.LOST, unanswered_ma=20_000)
        self.assertEqual(20_000, seen(settling, lost, TOLD_S + 1).booked_ma(lost))

    def test_had_lately(self) -> None:
        """What it had before the last change but one counts while that is not long ago."""
        settling, evse = decreased()
        for later_s, before_ma in ((1.0, 16_000), (SETTLE_S, 6_000)):
            followed = drawing(evse, 6_000, TOLD_S + 0.5)
            changed = seen(seen(settling, followed, TOLD_S + 0.5), obeying(followed, 7_000),
                           TOLD_S + later_s).of(evse)  # fmt: skip
            assert changed is not None
            self.assertEqual(before_ma, changed.before_ma, later_s)

    def test_the_same(self) -> None:
        """Where nothing is new it is the same object, so that nothing follows from it."""
        settling, evse = decreased()
        self.assertIs(settling, seen(settling, evse, TOLD_S + 1))
        self.assertIsNot(settling, seen(settling, evse, TOLD_S + SETTLE_S))

    def test_forgotten(self) -> None:
        """One that has had nothing for long is forgotten, one that has something never is."""
        settling, evse = decreased(to_ma=0)
        for second in range(0, 300, 10):
            settling = seen(settling, evse, TOLD_S + second)
        self.assertEqual({}, settling.changes)
        self.assertIsNotNone(seen(decreased()[0], obeying(BAY, 6_000), 9_999.0).of(BAY))

    def test_gone(self) -> None:
        """What is not configured any more is forgotten."""
        self.assertEqual({}, decreased()[0].after(site([MAIN], []), TOLD_S).changes)
