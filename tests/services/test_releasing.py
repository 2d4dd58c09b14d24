"""Who has his limits cleared, when, and how often."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.services.releases import Releases
from cfos_cm.services.respite import FIRST_RETRY_S
from cfos_cm.site.events import LimitsCancelled
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.services.loops import BrokenEvse, NotingEvse

SETTINGS = EvseSettings("bay", "garage", enabled=False, released_when_disabled=True)
BAY = Evse(SETTINGS, link=Link.ONLINE)
ORDERED = Setpoint(6_000, Reason(ReasonCode.RATING, "all that bay can give"))


class ReleasesTests(SynchronousTestCase):
    """One EVSE, looked at by hand."""

    def setUp(self) -> None:
        """It is not released yet."""
        self.clock = Clock()
        self.ended: list[LimitsCancelled] = []
        self.releases = Releases(self.clock, self.ended.append)
        self.device = NotingEvse("bay")

    def look(self, evse: Evse = BAY) -> int:
        """How often it has been asked after a look at it."""
        self.releases.look([evse], {"bay": self.device})
        return len(self.device.releases)

    def test_asked_once(self) -> None:
        """It is asked once, however often it is looked at before it answers."""
        self.assertEqual([1, 1, 1], [self.look() for _ in range(3)])
        self.assertEqual([], self.ended)

    def test_confirms(self) -> None:
        """What it confirms is told."""
        self.look()
        self.device.releases[0].callback(None)
        self.assertEqual([LimitsCancelled("bay")], self.ended)
        self.assertEqual(1, self.look(evolve(BAY, released=True)))

    def test_others(self) -> None:
        """Nobody is asked who is enabled, or is to keep a limit while he is not."""
        for settings in (
            evolve(SETTINGS, enabled=True),
            evolve(SETTINGS, released_when_disabled=False),
        ):
            self.assertEqual(0, self.look(evolve(BAY, settings=settings)))

    def test_out_of_reach(self) -> None:
        """One that cannot be reached is asked when it can be."""
        for link in (Link.NEVER, Link.LOST):
            self.assertEqual(0, self.look(evolve(BAY, link=link)))
        self.assertEqual(1, self.look())

    def test_order_first(self) -> None:
        """An order under way is heard first, or it would come back afterwards."""
        self.assertEqual(0, self.look(evolve(BAY, ordered=ORDERED)))
        self.assertEqual(1, self.look())

    def test_no_device(self) -> None:
        """One that nobody can talk to is asked when somebody can."""
        self.releases.look([BAY], {})
        self.assertEqual(1, self.look())

    def test_again(self) -> None:
        """It is asked again whenever its limits may have come back."""
        self.look()
        self.device.releases[0].callback(None)
        self.look(evolve(BAY, released=True))
        self.assertEqual(2, self.look(evolve(BAY, released=False)))

    def test_fails(self) -> None:
        """One that does not confirm is told of, and asked again after a while."""
        for error in (DeviceRefusal("Rejected"), DeviceError("not answered within 30 s")):
            self.ended.clear()
            asked = self.look()
            self.device.releases[-1].errback(error)
            self.assertEqual([LimitsCancelled("bay", str(error))], self.ended)
            wait_s = self.releases.next_end_s() - self.clock.seconds()
            self.assertGreaterEqual(wait_s, FIRST_RETRY_S)
            self.clock.advance(wait_s - 0.25)
            self.assertEqual(asked, self.look())
            self.clock.advance(0.25)
        self.assertEqual(asked + 1, self.look())
        self.assertEqual([], self.flushLoggedErrors())

    def test_fails_more_often(self) -> None:
        """Each time it is left alone for longer, until it has confirmed once."""
        waits_s = []
        for _ in range(3):
            self.look()
            self.device.releases[-1].errback(DeviceRefusal("Rejected"))
            waits_s.append(self.releases.next_end_s() - self.clock.seconds())
            self.clock.advance(waits_s[-1])
        self.assertEqual([FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S], waits_s)
        self.look()
        self.device.releases[-1].callback(None)
        self.look()
        self.device.releases[-1].errback(DeviceRefusal("Rejected"))
        self.assertEqual(FIRST_RETRY_S, self.releases.next_end_s() - self.clock.seconds())

    def test_lost_meanwhile(self) -> None:
        """One that has come back is asked at once, whatever failed before."""
        self.look()
        self.device.releases[0].errback(DeviceError("connection lost"))
        self.look(evolve(BAY, link=Link.LOST))
        self.assertEqual(2, self.look())

    def test_nothing_to_wait_for(self) -> None:
        """Where nobody has failed there is no time at which anybody is due."""
        self.assertEqual(float("inf"), self.releases.next_end_s())
        self.look()
        self.assertEqual(float("inf"), self.releases.next_end_s())

    def test_mistake(self) -> None:
        """A mistake in a driver is logged, and counts as not confirmed."""
        self.releases.look([BAY], {"bay": BrokenEvse("bay")})
        self.assertEqual([LimitsCancelled("bay", "a mistake in the driver")], self.ended)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_told_when_it_may_be_asked(self) -> None:
        """Whoever is told of the end may have it asked again in the same moment."""

        def again(event: LimitsCancelled) -> None:
            self.ended.append(event)
            if len(self.ended) == 1:
                self.look()

        self.releases = Releases(self.clock, again)
        self.look()
        self.device.releases[0].callback(None)
        self.assertEqual(2, len(self.device.releases))
