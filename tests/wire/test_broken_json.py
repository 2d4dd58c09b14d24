"""JSON that somebody put together by hand."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.wire.broken_json import MAX_MENDED_BYTES, mended

from ..json_cases import LONG
from ..test_strict_json import VALUES


class MendedTests(SynchronousTestCase):
    """What can be mended, and what cannot."""

    def test_mended(self) -> None:
        """Needless commas go, and names without a value with them."""
        for broken, better in (
            ("[,1]", [1]),
            ("[ , 1]", [1]),
            ("[,,1]", [1]),
            ("[1,]", [1]),
            ("[1 , ]", [1]),
            ("[1,,2]", [1, 2]),
            ("[1, ,\n, 2]", [1, 2]),
            ("[,]", []),
            ("{,}", {}),
            ('{,"a":1}', {"a": 1}),
            ('{"a":1,}', {"a": 1}),
            ('{"a":1,,"b":2}', {"a": 1, "b": 2}),
            ('{"a":,"b":1}', {"b": 1}),
            ('{"a" : , "b":1}', {"b": 1}),
            ('{"a":1,"b":}', {"a": 1}),
            ('{"a":1,"b":,"c":2}', {"a": 1, "c": 2}),
            ('{"a":}', {}),
            ('{"a":,"b":,}', {}),
            ('[[,{"a":[1,],},],]', [[{"a": [1]}]]),
        ):
            found = mended(broken.encode())
            assert found is not None, broken
            self.assertEqual(json.loads(found), better, broken)

    def test_strings_are_left_alone(self) -> None:
        """Whatever stands in a string stays there."""
        for text in (',,[,]{"a":,}', 'a",]\\', '\\",,', "\n,\t,"):
            broken = json.dumps([text])[:-1] + ",]"
            self.assertEqual(json.loads(mended(broken.encode()) or b""), [text])

    def test_nothing_to_mend(self) -> None:
        """Other mistakes are not known here."""
        for text in (b"", b"[1 2]", b'{"a" 1}', b"[1", b'"a', b"[1]", b'{"a":1}', b'[","]'):
            self.assertIsNone(mended(text), text)

    @given(VALUES)
    def test_json_is_left_alone(self, value: object) -> None:
        """What is JSON already has nothing that could be mended."""
        self.assertIsNone(mended(json.dumps(value, separators=(",", ":")).encode()))

    @given(st.binary(max_size=100))
    def test_any_bytes(self, text: bytes) -> None:
        """Any bytes are taken, and what was mended once has no more to mend than commas."""
        found = mended(text)
        if found is not None:
            self.assertLess(len(found), len(text))

    def test_long(self) -> None:
        """A text that is too long is not even looked at; one that is not takes no time."""
        self.assertIsNone(mended(b"[," + b"1" * MAX_MENDED_BYTES))
        for piece in (b" ", b",", b", ", b'"', b'\\"', b'"":', b'"" : ', b"[ ", b"[,", b"\\"):
            for head in (b"", b"[", b'"', b'"a":'):
                length = min(LONG, MAX_MENDED_BYTES - len(head)) // len(piece)
                mended(head + piece * length)
