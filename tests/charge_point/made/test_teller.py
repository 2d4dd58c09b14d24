"""When a status is told."""

from __future__ import annotations

from datetime import timedelta

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.status import MadeStatus
from cfos_cm.charge_point.made.teller import StatusTeller
from cfos_cm.v16.core import ChargePointStatus, StatusNotificationRequest
from tests.charge_point.made.bay import NOON

_FREE = MadeStatus(ChargePointStatus.AVAILABLE)
_PLUGGED = MadeStatus(ChargePointStatus.PREPARING)
_CHARGES = MadeStatus(ChargePointStatus.CHARGING)


class TellerTests(SynchronousTestCase):
    """MinimumStatusDuration, and what is told when."""

    def setUp(self) -> None:
        """Nothing has been told but that it is free."""
        self.clock = Clock()
        self.wait_s = 0.0
        self.told: list[StatusNotificationRequest] = []
        self.teller = StatusTeller(
            1,
            self.clock,
            lambda: NOON + timedelta(seconds=self.clock.seconds()),
            lambda: self.wait_s,
            self.told.append,
        )
        self.teller.begin(_FREE)

    def said(self) -> list[tuple[str, str | None]]:
        """The statuses that were told, and the seconds of their times."""
        return [(one.status.value, one.timestamp and one.timestamp[17:19]) for one in self.told]

    def test_at_once(self) -> None:
        """Where nothing has to last it is told at once, and once."""
        self.clock.advance(3)
        self.teller.found(_PLUGGED)
        self.teller.found(_PLUGGED)
        self.assertEqual([("Preparing", "03")], self.said())

    def test_must_last(self) -> None:
        """It is told when it has lasted, with the time at which it began."""
        self.wait_s = 5.0
        self.teller.found(_PLUGGED)
        self.clock.advance(4.9)
        self.assertEqual([], self.said())
        self.teller.found(_CHARGES)
        self.clock.advance(5)
        self.assertEqual([("Charging", "04")], self.said())

    def test_over(self) -> None:
        """What was over before is never told."""
        self.wait_s = 5.0
        self.teller.found(_PLUGGED)
        self.clock.advance(3)
        self.teller.found(_FREE)
        self.clock.advance(60)
        self.assertEqual([], self.said())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_between(self) -> None:
        """What has no step of its own is told with the status between."""
        self.teller.found(_CHARGES)
        self.teller.found(_PLUGGED)
        self.assertEqual(
            ["Charging", "Finishing", "Preparing"], [status for status, _ in self.said()]
        )

    def test_asked(self) -> None:
        """Whoever asks is told what is so, also what has not lasted; it is not told again."""
        self.wait_s = 5.0
        self.clock.advance(2)
        self.teller.found(_PLUGGED)
        self.clock.advance(1)
        asked = self.teller.request()
        self.assertEqual("Preparing", asked.status.value)
        self.assertEqual("2026-03-01T12:00:02.000Z", asked.timestamp)
        self.clock.advance(60)
        self.assertEqual([], self.said())

    def test_closed(self) -> None:
        """Nothing is told after the end."""
        self.wait_s = 5.0
        self.teller.found(_PLUGGED)
        self.teller.close()
        self.clock.advance(60)
        self.assertEqual([], self.said())
