"""How long a certificate is still valid."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.expiry import STAGES, days_left, expiry_words, stage
from tests.certificates.made import DAY, NOW

_SECOND = timedelta(seconds=1)


class Expiry(SynchronousTestCase):
    """The end of a certificate, from now on."""

    def test_stages(self) -> None:
        """Each begins so many days before the end, to the second."""
        for left, expected in (
            (3650 * DAY, None),
            (60 * DAY + _SECOND, None),
            (60 * DAY, 60),
            (30 * DAY + _SECOND, 60),
            (30 * DAY, 30),
            (7 * DAY + _SECOND, 30),
            (7 * DAY, 7),
            (DAY + _SECOND, 7),
            (DAY, 1),
            (_SECOND, 1),
            (0 * DAY, 1),
            (-_SECOND, 0),
            (-3650 * DAY, 0),
        ):
            self.assertEqual(expected, stage(NOW + left, NOW), left)

    def test_words(self) -> None:
        """For people, with the day."""
        for left, days, words in (
            (45 * DAY, 45, "expires on 2026-06-18, in 45 days"),
            (DAY + _SECOND, 1, "expires on 2026-05-05, in 1 day"),
            (DAY - _SECOND, 0, "expires on 2026-05-05, in less than a day"),
            (0 * DAY, 0, "expires on 2026-05-04, in less than a day"),
            (-_SECOND, -1, "has expired on 2026-05-04"),
            (-3 * DAY, -3, "has expired on 2026-05-01"),
        ):
            self.assertEqual(days, days_left(NOW + left, NOW))
            self.assertEqual(words, expiry_words(NOW + left, NOW))

    @given(st.lists(st.timedeltas(-100 * DAY, 100 * DAY), min_size=2, max_size=2))
    def test_order(self, both: list[timedelta]) -> None:
        """As time goes by, one stage follows the other, and none comes back."""
        later, earlier = (stage(NOW + left, NOW) for left in sorted(both))
        self.assertIn(later, (None, 0, *STAGES))
        most = max(STAGES) + 1
        order = [most if one is None else one for one in (later, earlier)]
        self.assertEqual(sorted(order), order)
