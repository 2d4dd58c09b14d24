"""Points in time as peers write them, and as we do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError
from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp

from .schemas import PROFILE

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

#: Texts that are nearly points in time, so that some of them are.
_NEARLY = st.from_regex(
    r"(19|20|21|99|00)[0-9]{2}-[0-3][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
    r"([.,][0-9]{0,10})?(Z|z|[+-][0-2][0-9](:?[0-6][0-9])?)?",
    fullmatch=True,
)


class ParseTests(SynchronousTestCase):
    """What is taken and what is refused."""

    def refusal(self, text: str) -> RemoteProtocolError:
        """The error about a text that must be refused."""
        error: RemoteProtocolError = self.assertRaises(
            RemoteProtocolError, parse_timestamp, text
        )
        return error

    def test_separators(self) -> None:
        """Date and time are parted by a T, a t or a blank."""
        for text in ("2026-03-01T12:00:00Z", "2026-03-01t12:00:00Z", "2026-03-01 12:00:00Z"):
            self.assertEqual(parse_timestamp(text), NOON)

    def test_padding(self) -> None:
        """Blanks before and behind make no difference."""
        for text in (
            " 2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00Z  ",
            " 2026-03-01 12:00:00 ",
        ):
            self.assertEqual(parse_timestamp(text), NOON)

    def test_zones(self) -> None:
        """Z, z, no zone and an offset in each of its forms are understood."""
        for text in (
            "2026-03-01T12:00:00",
            "2026-03-01T12:00:00z",
            "2026-03-01T12:00:00+00:00",
            "2026-03-01T12:00:00-00:00",
            "2026-03-01T13:00:00+01",
            "2026-03-01T17:30:00+0530",
            "2026-03-01T17:30:00+05:30",
            "2026-03-01T04:15:00-07:45",
            "2026-03-02T11:59:00+23:59",
        ):
            self.assertEqual(parse_timestamp(text), NOON, text)

    def test_result_is_in_utc(self) -> None:
        """The result is aware and in UTC, whatever zone the text had."""
        self.assertEqual(parse_timestamp("2026-03-01T12:00:00-08:00").tzinfo, UTC)

    def test_fractions(self) -> None:
        """Up to nine digits of fraction are read, and cut to microseconds."""
        for fraction, microseconds in (
            ("", 0),
            (".", 0),
            (".5", 500_000),
            (".123", 123_000),
            (".123456", 123_456),
            (".123456789", 123_456),
            (".999999999", 999_999),
        ):
            found = parse_timestamp(f"2026-03-01T12:00:00{fraction}Z")
            self.assertEqual(found, NOON + timedelta(microseconds=microseconds), fraction)

    def test_leap_second(self) -> None:
        """Second 60 counts as second 59."""
        found = parse_timestamp("2016-12-31T23:59:60Z")
        self.assertEqual(found, datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC))

    def test_years(self) -> None:
        """The first and the last moment that are taken, and the ones beside them."""
        parse_timestamp("2000-01-01T00:00:00Z")
        parse_timestamp("2100-12-31T23:59:59.999Z")
        parse_timestamp("1999-12-31T23:00:00-01:00")
        for text in (
            "1999-12-31T23:59:59Z",
            "2101-01-01T00:00:00Z",
            "2000-01-01T00:59:59+01:00",
            "2100-12-31T23:00:00-01:00",
            "1970-01-01T00:00:00Z",
        ):
            self.assertIn("is not in the years 2000 to 2100", self.refusal(text).description)

    def test_calendar(self) -> None:
        """A moment that no calendar and no clock has is refused."""
        for text in (
            "2026-02-29T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "2026-00-01T12:00:00Z",
            "2026-03-00T12:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12:60:00Z",
            "2026-03-01T12:00:61Z",
            "0000-03-01T12:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
        ):
            self.assertIn("is no date and time", self.refusal(text).description, text)

    def test_forms(self) -> None:
        """Any other form is refused, also where ISO 8601 knows it."""
        for text in (
            "",
            "now",
            "2026-03-01",
            "2026-03-01T12:00Z",
            "2026-03-01T12:00:00,5Z",
            "2026-03-01T12:00:00.1234567890Z",
            "2026-W09-7T12:00:00Z",
            "20260301T120000Z",
            "2026-3-1T12:00:00Z",
            "2026-03-01T12:00:00+1",
            "2026-03-01T12:00:00+24:00",
            "2026-03-01T12:00:00+01:60",
            "2026-03-01T12:00:00+01:",
            "2026-03-01T12:00:00 UTC",
            "2026-03-01T12:00:00ZZ",
            "2026-03-01  12:00:00Z",
            "\n2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00 Z",
            "2026-03-01T12:00:00Z\n",
            "2026-03-01T12:00:0\N{ARABIC-INDIC DIGIT FIVE}Z",
            "+2026-03-01T12:00:00Z",
            "1772366400",
        ):
            self.assertIn("is not of the form", self.refusal(text).description, text)

    def test_error(self) -> None:
        """The error is one about a property, and repeats only an excerpt of the text."""
        error = self.refusal("soon" * 20_000)
        self.assertEqual(error.code, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        self.assertLess(len(error.description), 120)

    @PROFILE
    @example("0001-01-01T00:00:00+23:59")
    @given(st.text() | _NEARLY)
    def test_any_text(self, text: str) -> None:
        """Every text is a moment of our years or a L{RemoteProtocolError}."""
        try:
            found = parse_timestamp(text)
        except RemoteProtocolError:
            return
        self.assertEqual(found.tzinfo, UTC)
        self.assertTrue(2000 <= found.year <= 2100)


class FormatTests(SynchronousTestCase):
    """How we write."""

    def test_form(self) -> None:
        """Always milliseconds, always Z."""
        self.assertEqual(format_timestamp(NOON), "2026-03-01T12:00:00.000Z")

    def test_cut(self) -> None:
        """Microseconds are cut off, not rounded."""
        late = NOON + timedelta(microseconds=999_999)
        self.assertEqual(format_timestamp(late), "2026-03-01T12:00:00.999Z")

    def test_other_zone(self) -> None:
        """A moment of another zone is written in UTC."""
        local = datetime(2026, 3, 1, 13, 30, tzinfo=timezone(timedelta(hours=1, minutes=30)))
        self.assertEqual(format_timestamp(local), "2026-03-01T12:00:00.000Z")

    def test_no_zone(self) -> None:
        """A moment without a zone could mean anything, and is refused."""
        with self.assertRaises(LocalProtocolError):
            format_timestamp(datetime(2026, 3, 1, 12))

    @PROFILE
    @given(
        st.datetimes(
            datetime(2000, 1, 2),
            datetime(2100, 12, 30),
            timezones=st.timezones() | st.just(UTC),
        )
    )
    def test_inverse(self, moment: datetime) -> None:
        """What we write is read as the same moment, to the millisecond below."""
        lost = moment - parse_timestamp(format_timestamp(moment))
        self.assertTrue(timedelta(0) <= lost < timedelta(milliseconds=1), lost)
