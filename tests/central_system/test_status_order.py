"""Which state of a connector is news."""

from __future__ import annotations

from datetime import datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.status_order import WINDOW, StatusOrder
from cfos_cm.site.events import OccupancyReported
from cfos_cm.v16.timestamps import format_timestamp
from tests.central_system.world import BOOT, NOW, START, World

DAYS = timedelta(days=2)


class Order(SynchronousTestCase):
    """Told times against the times of hearing."""

    def setUp(self) -> None:
        """It is noon, and nothing was heard yet."""
        self.order = StatusOrder()
        self.heard_at = NOW

    def hear(self, told_at: datetime | None, connector: int = 1) -> bool:
        """A second later a state comes; returns whether it is news."""
        self.heard_at += timedelta(seconds=1)
        return self.order.is_news(connector, told_at, self.heard_at)

    def test_old(self) -> None:
        """A state of two days ago does not override one of now."""
        self.assertTrue(self.hear(NOW))
        self.assertFalse(self.hear(NOW - DAYS))
        self.assertTrue(self.hear(NOW + timedelta(seconds=3)))

    def test_oldOfAnother(self) -> None:
        """The first state of a connector is news, however old."""
        self.assertTrue(self.hear(NOW, 1))
        self.assertTrue(self.hear(NOW - DAYS, 2))

    def test_slightly(self) -> None:
        """Two states that overtook each other by seconds are both believed, as they came."""
        self.assertTrue(self.hear(NOW))
        self.assertTrue(self.hear(NOW - timedelta(seconds=20)))

    def test_wrongClock(self) -> None:
        """A clock that is years off is as good as any other."""
        for years in (-20, 30):
            self.setUp()
            shift = timedelta(days=365 * years)
            for second in range(20):
                self.assertTrue(self.hear(NOW + shift + timedelta(seconds=second)))

    def test_setBack(self) -> None:
        """A clock that is set back freezes nothing out for longer than a few messages."""
        self.assertTrue(self.hear(NOW + DAYS))
        believed = [self.hear(NOW + timedelta(seconds=second)) for second in range(WINDOW + 1)]
        self.assertTrue(believed[-1])

    def test_restarted(self) -> None:
        """After a start the clock may be another one."""
        self.assertTrue(self.hear(NOW + DAYS))
        self.order.restarted()
        self.assertTrue(self.hear(NOW))

    def test_noTime(self) -> None:
        """A state without a time is of now."""
        self.assertTrue(self.hear(NOW))
        self.assertTrue(self.hear(None))


class OnTheWire(SynchronousTestCase):
    """A Charge Point that sends states of days ago."""

    def setUp(self) -> None:
        """A transaction runs."""
        self.world = World()
        self.peer = self.world.connect()
        self.peer.ask("BootNotification", BOOT)
        self.status("Charging", NOW)
        self.peer.ask("StartTransaction", START)

    def status(self, status: str, told_at: datetime | str) -> None:
        """Tell a state of connector 1."""
        text = told_at if isinstance(told_at, str) else format_timestamp(told_at)
        self.peer.ask(
            "StatusNotification",
            {"connectorId": 1, "status": status, "errorCode": "NoError", "timestamp": text},
        )

    def occupancies(self) -> list[str]:
        """What the site was told."""
        return [one.detail for one in self.world.happened(OccupancyReported)]

    def test_runsOn(self) -> None:
        """An Available of the day before yesterday ends no transaction of today."""
        self.status("Available", NOW - DAYS)
        self.assertEqual(["Charging"], self.occupancies())
        self.assertTrue(self.world.system.roster.runs_at(("CP-1", 1)))

    def test_unreadable(self) -> None:
        """A time that is none is no reason not to believe the state."""
        self.status("SuspendedEV", "yesterday")
        self.assertEqual(["Charging", "SuspendedEV"], self.occupancies())
