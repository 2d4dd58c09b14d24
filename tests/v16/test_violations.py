"""What a peer is told about a bad payload, and what it is not."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.v16.actions import Role, decode_request
from cfos_cm.v16.violations import MAX_EXCERPT_CHARS, excerpt

from .schemas import PROFILE


def _refusal(payload: bytes) -> RemoteProtocolError:
    """The error about a StatusNotification."""
    try:
        decode_request("StatusNotification", payload, Role.CHARGE_POINT)
    except RemoteProtocolError as error:
        return error
    raise AssertionError("accepted")


class ExcerptTests(SynchronousTestCase):
    """A peer's text in our errors."""

    def test_short(self) -> None:
        """A short text is quoted as a whole."""
        self.assertEqual(excerpt("Reboot"), "'Reboot'")

    def test_longest(self) -> None:
        """A text that just fits is not cut, one that does not is, and shows it."""
        self.assertEqual(excerpt("x" * 38), f"'{'x' * 38}'")
        self.assertEqual(excerpt("x" * 39), f"'{'x' * 36}...")
        self.assertEqual(excerpt("x" * 70_000), f"'{'x' * 36}...")

    @PROFILE
    @given(st.text())
    def test_harmless(self, text: str) -> None:
        """An excerpt is one short line of visible ASCII."""
        found = excerpt(text)
        self.assertLessEqual(len(found), MAX_EXCERPT_CHARS)
        self.assertTrue(found.isascii())
        self.assertTrue(found.isprintable())


class WordingTests(SynchronousTestCase):
    """The words of the errors, which the codes are read from."""

    def test_words(self) -> None:
        """Each kind of error is worded as it was when the codes were written."""
        good = '"connectorId":1,"errorCode":"NoError"'
        for payload, words in (
            ("{}", "Object missing required field `connectorId` at $"),
            ("[]", "Expected `object`, got `array` at $"),
            ("{" + good + ',"status":1}', "Expected `str`, got `int` at $.status"),
            ("{" + good + ',"status":"On"}', "Invalid enum value 'On' at $.status"),
            ('{"status ":1}', "Object contains unknown field 'status ' at $"),
            ('{"info":"' + "x" * 51 + '"}', "Expected `str` of length <= 50 at $.info"),
        ):
            self.assertEqual(
                _refusal(payload.encode()).description, f"StatusNotification.req: {words}"
            )

    def test_not_json(self) -> None:
        """What is no JSON is described by its place, without its text."""
        self.assertEqual(
            _refusal(b"{secret}").description,
            "StatusNotification.req is not JSON (Expecting property name enclosed in double"
            " quotes (character 1))",
        )

    def test_not_utf_8(self) -> None:
        """What is no UTF-8 is not described any further."""
        error = _refusal(b'{"info":"secret\xff"}')
        self.assertEqual(
            error.description, "StatusNotification.req is not JSON (it is not UTF-8)"
        )

    def test_long_enum_value(self) -> None:
        """Of a long value in the place of a name only the start is repeated."""
        payload = {"connectorId": 1, "errorCode": "ä\n" * 10_000, "status": "Available"}
        error = _refusal(json.dumps(payload, ensure_ascii=False).encode())
        self.assertEqual(
            error.description,
            "StatusNotification.req: Invalid enum value"
            r" '\xe4\n\xe4\n\xe4\n\xe4\n\xe4\n\xe4\n... at $.errorCode",
        )

    def test_false_place(self) -> None:
        """A field named like a place in a payload does not lend its length to the error."""
        error = _refusal(json.dumps({f"x` - at `$.{'y' * 5000}": 1}).encode())
        self.assertEqual(error.code, CallErrorCode.FORMATION_VIOLATION)
        self.assertLess(len(error.description), 120)

    @PROFILE
    @given(st.text(min_size=1), st.sampled_from([1, 50, 5000]))
    def test_bounded(self, text: str, times: int) -> None:
        """Whatever a field is called or holds, the error is short, in ASCII and in one line."""
        long = text * times
        for payload in ({long: long}, {"status": long}, {"info": long, "errorCode": long}):
            description = _refusal(json.dumps(payload).encode()).description
            self.assertLessEqual(len(description), 255)
            self.assertTrue(description.isascii())
            self.assertTrue(description.isprintable())
