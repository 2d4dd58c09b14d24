"""What may still be drawn after what was only feared, and what a meter proves."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents
from cfos_cm.limits.settling import SETTLE_S, Settling, drawn_ma
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.measured import Measured
from tests.limits.meters import drawing, obeying
from tests.limits.sites import charging, site

MAIN = CircuitSettings("main", 63_000)
BAY = charging(EvseSettings("bay", "main"), 6_000)
#: When something is confirmed. [s]
TOLD_S = 100.0


def seen(settling: Settling, evse: Evse, now_s: float) -> Settling:
    """What is known after a look at the EVSE."""
    return settling.after(site([MAIN], [evse]), now_s)


def tells(evse: Evse, meter: Measured, at_s: float) -> Evse:
    """The EVSE when its meter has said so."""
    return evse.with_meter(evolve(meter, at_s=at_s))


class Feared(SynchronousTestCase):
    """One that might obey more than it was granted, and then confirms."""

    def check(self, feared: Evse) -> None:
        """Its car has to have its time to come down from what was feared."""
        settling = seen(seen(Settling(), feared, 50.0), BAY, TOLD_S)
        self.assertEqual(16_000, settling.booked_ma(BAY))
        settling = seen(settling, BAY, TOLD_S + SETTLE_S)
        self.assertEqual(6_000, settling.booked_ma(BAY))

    def test_unknown(self) -> None:
        """Nothing was known of it."""
        self.check(evolve(BAY, confirmed=None))

    def test_unsure(self) -> None:
        """It may have forgotten what it was told."""
        self.check(evolve(BAY, unsure=True))

    def test_failsafe(self) -> None:
        """It may have gone to its fail-safe current."""
        settings = evolve(BAY.settings, failsafe_current_ma=16_000)
        self.check(evolve(BAY, settings=settings, disobedient=True))


class Proofs(SynchronousTestCase):
    """What a reading says of a decrease from 16 A to 6 A."""

    def booked_ma(self, meter: Measured, raised_s: float = 0.0, heard_s: float = 1.0) -> int:
        """What is booked after a reading."""
        high = obeying(BAY, 16_000)
        settling = seen(seen(Settling(), BAY, raised_s - 1), high, raised_s)
        settling = seen(settling, BAY, TOLD_S)
        heard = tells(BAY, meter, TOLD_S + heard_s)
        return seen(settling, heard, TOLD_S + heard_s).booked_ma(heard)

    def test_wrong_way_round(self) -> None:
        """A transformer that is mounted the wrong way round proves as little as another."""
        self.assertEqual(16_000, self.booked_ma(Measured(PhaseCurrents(-16_000, 0, 0))))
        self.assertEqual(6_000, self.booked_ma(Measured(PhaseCurrents(-6_000, 0, 0))))

    def test_power(self) -> None:
        """A power may all be on one phase."""
        self.assertEqual(16_000, self.booked_ma(Measured(power_w=3_680)))
        self.assertEqual(6_000, self.booked_ma(Measured(power_w=1_380)))

    def test_power_accuses_nobody(self) -> None:
        """Nor does it say that it is all on one."""
        self.assertEqual(6_000, self.booked_ma(Measured(power_w=3_680), heard_s=SETTLE_S))

    def test_stood_still(self) -> None:
        """That no current flowed once says nothing where only a power is told."""
        meter = Measured(NO_CURRENT, power_w=11_000)
        self.assertEqual(15_942, drawn_ma(tells(BAY, meter, TOLD_S)))
        self.assertEqual(16_000, self.booked_ma(meter))

    def test_just_raised(self) -> None:
        """A meter that is late may show what was drawn before an increase."""
        low = Measured(PhaseCurrents(6_000, 0, 0))
        self.assertEqual(16_000, self.booked_ma(low, raised_s=TOLD_S - 2))
        self.assertEqual(6_000, self.booked_ma(low, raised_s=TOLD_S - 10))

    def test_seen_above(self) -> None:
        """One that was seen above has made use of the increase: then it came down."""
        settling = seen(Settling(), obeying(BAY, 16_000), TOLD_S - 2)
        settling = seen(settling, BAY, TOLD_S)
        for later_s, drawn, booked_ma in ((1.0, 12_000, 16_000), (2.0, 6_000, 6_000)):
            evse = drawing(BAY, drawn, TOLD_S + later_s)
            settling = seen(settling, evse, TOLD_S + later_s)
            self.assertEqual(booked_ma, settling.booked_ma(evse))


class Exceeds(SynchronousTestCase):
    """One whose meter speaks seldom, and says that it never followed."""

    def test_seen_late(self) -> None:
        """It is booked with what it draws, however late that is heard."""
        settling = seen(seen(Settling(), obeying(BAY, 16_000), 0.0), BAY, TOLD_S)
        settling = seen(settling, BAY, TOLD_S + 30)
        self.assertEqual(6_000, settling.booked_ma(BAY))
        self.assertFalse(settling.exceeds(BAY))
        evse = drawing(BAY, 14_000, TOLD_S + 60)
        settling = seen(settling, evse, TOLD_S + 60)
        self.assertEqual(14_000, settling.booked_ma(evse))
        self.assertTrue(settling.exceeds(evse))
        evse = drawing(BAY, 6_200, TOLD_S + 120)
        self.assertEqual(6_000, seen(settling, evse, TOLD_S + 120).booked_ma(evse))

    def test_told_again(self) -> None:
        """Another order is no reason to believe that it follows; a reading is."""
        settling = seen(seen(Settling(), obeying(BAY, 16_000), 0.0), BAY, TOLD_S)
        evse = drawing(BAY, 14_000, TOLD_S + 60)
        settling = seen(settling, evse, TOLD_S + 60)
        evse = obeying(evse, 8_000)
        for later_s in (70, 100):
            settling = seen(settling, evse, TOLD_S + later_s)
            self.assertEqual(14_000, settling.booked_ma(evse))
            self.assertTrue(settling.exceeds(evse))
        evse = drawing(evse, 8_000, TOLD_S + 120)
        settling = seen(settling, evse, TOLD_S + 120)
        self.assertEqual(8_000, settling.booked_ma(evse))
        self.assertFalse(settling.exceeds(evse))
