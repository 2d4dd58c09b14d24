"""Points in time in whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.schedules.instants import earliest, moment, whole_seconds


class InstantTests(SynchronousTestCase):
    """From and to a C{datetime}."""

    def test_zone(self) -> None:
        """The same instant in two zones is the same second."""
        berlin = datetime(1970, 1, 2, 1, tzinfo=timezone(timedelta(hours=1)))
        self.assertEqual(86_400, whole_seconds(berlin))

    def test_cut_off(self) -> None:
        """Parts of a second are cut off, before 1970 too."""
        self.assertEqual(0, whole_seconds(datetime(1970, 1, 1, 0, 0, 0, 999_999, UTC)))
        self.assertEqual(-1, whole_seconds(datetime(1969, 12, 31, 23, 59, 59, 1, UTC)))

    def test_back(self) -> None:
        """A second is a point in time in UTC."""
        self.assertEqual(datetime(2028, 2, 29, tzinfo=UTC), moment(1_835_395_200))

    def test_earliest(self) -> None:
        """The first, where C{None} is never."""
        self.assertEqual(3, earliest(None, 5, 3))
        self.assertIsNone(earliest(None))
        self.assertIsNone(earliest())
