"""How long an EVSE that may have forgotten what it was told is left in doubt."""

from __future__ import annotations

from math import inf

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.doubts import PROOF_S, Doubts
from cfos_cm.site.evse import Evse, EvseSettings, Link

IN_DOUBT = Evse(EvseSettings("a", "main"), link=Link.ONLINE)
PROVEN = evolve(IN_DOUBT, unsure=False)


class Growing(SynchronousTestCase):
    """One EVSE, looked at from time to time."""

    def setUp(self) -> None:
        """It is in doubt from now on."""
        self.clock = Clock()
        self.doubts = Doubts(self.clock)
        self.assertEqual((), self.doubts.grown([IN_DOUBT]))

    def test_in_time(self) -> None:
        """Nothing is told of it before its time, and it is known when that is."""
        self.assertEqual(PROOF_S, self.doubts.next_end_s())
        self.clock.advance(PROOF_S - 0.1)
        self.assertEqual((), self.doubts.grown([IN_DOUBT]))
        self.clock.advance(0.1)
        self.assertEqual(("a",), self.doubts.grown([IN_DOUBT]))

    def test_told(self) -> None:
        """Of one that nobody counts on any more there is nothing to tell."""
        self.clock.advance(PROOF_S)
        self.doubts.grown([IN_DOUBT])
        self.assertEqual((), self.doubts.grown([evolve(IN_DOUBT, disobedient=True)]))
        self.assertEqual(inf, self.doubts.next_end_s())

    def test_over(self) -> None:
        """From when it has confirmed something, is gone or is lost, the doubt is over."""
        self.clock.advance(PROOF_S - 1)
        for evses in ([PROVEN], [], [evolve(IN_DOUBT, link=Link.LOST)]):
            self.assertEqual((), self.doubts.grown(evses))
            self.assertEqual(inf, self.doubts.next_end_s())

    def test_again(self) -> None:
        """The next doubt has its own time."""
        self.clock.advance(PROOF_S - 1)
        self.doubts.grown([PROVEN])
        self.doubts.grown([IN_DOUBT])
        self.clock.advance(PROOF_S - 1)
        self.assertEqual((), self.doubts.grown([IN_DOUBT]))

    def test_each(self) -> None:
        """Each EVSE has its own."""
        other = evolve(IN_DOUBT, settings=EvseSettings("b", "main"))
        self.clock.advance(1)
        self.doubts.grown([IN_DOUBT, other])
        self.clock.advance(PROOF_S - 1)
        self.assertEqual(("a",), self.doubts.grown([IN_DOUBT, other]))
        self.assertEqual(PROOF_S + 1, self.doubts.next_end_s())
