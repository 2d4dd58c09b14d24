"""A site on which time passes: its fuses hold, and it comes to rest."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.transition import orders
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import TransactionStarted
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.state import STANDING_ORDER, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

from .in_time import SiteInTime, SiteWithFailsafes, SunnySite, search
from .sites import NOON, charging, setpoint, site


class Searches(SynchronousTestCase):
    """
    No counterexample is found, whatever happens in whatever order.

    There are three kinds of them. What may be drawn of a phase is always booked on it. An order
    never books more than fits, or than was booked before. And when everything works at last,
    everybody obeys what was decided and is told nothing more.

    What nobody can know is left out: the phases that a car begins to load in the middle of a
    transaction until a reading shows them, and that a car does not obey its pilot until a
    reading shows it. They count from that reading on.
    """

    def test_plain(self) -> None:
        """Boxes that pause when they are on their own, as they should."""
        search(SiteInTime, 40)

    def test_failsafes(self) -> None:
        """Boxes that go on with something then, and forget what they were told."""
        search(SiteWithFailsafes, 40)

    def test_surplus(self) -> None:
        """Boxes that are switched between one phase and three."""
        search(SunnySite, 40)


class Found(SynchronousTestCase):
    """What was found so, told in a few lines."""

    def test_starts_and_is_to_pause(self) -> None:
        """A transaction gets the fail-safe current until it is told that it gets nothing."""
        settings = EvseSettings("bay", "main", failsafe_current_ma=6_000)
        idle = evolve(charging(settings), transaction=None, confirmed=STANDING_ORDER)
        state = site([CircuitSettings("main", 5_000)], [idle])
        self.assertEqual({}, orders(state, {"bay": setpoint(0)}))
        started = Transaction(1, "04A1", Verdict.BLOCKED, NOON, 0)
        state = fold(state, TransactionStarted("bay", started))
        self.assertEqual({"bay": setpoint(0)}, orders(state, {"bay": setpoint(0)}))
