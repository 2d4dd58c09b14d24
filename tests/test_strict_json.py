"""JSON that is the same to everybody."""

from __future__ import annotations

import contextlib
import gc
import json
import string
import sys
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.strict_json import (
    MAX_DEPTH,
    AmbiguousJson,
    WrittenFloat,
    check,
    read,
    says_no_more,
)

from .json_cases import AMBIGUOUS, LONG, NOT_JSON, NOT_UTF_8, nested

#: Anything that JSON can say and everybody understands.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(string.ascii_letters, max_size=8), inner)
    ),
    max_leaves=12,
)


def with_floats(value: object) -> object:
    """What was read, with floats instead of their texts."""
    if isinstance(value, dict):
        return {name: with_floats(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_floats(inner) for inner in value]
    return float(bytes(value)) if isinstance(value, WrittenFloat) else value


class ReadTests(SynchronousTestCase):
    """What is read."""

    @given(VALUES, st.booleans(), st.sampled_from([None, 0, 3]))
    def test_values(self, value: object, ascii_only: bool, indent: int | None) -> None:
        """Whatever is written in a usual way comes back."""
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
        self.assertEqual(with_floats(read(text.encode())), value)

    def test_spellings(self) -> None:
        """A number with a point keeps its spelling."""
        for text in ("1.50", "1.0", "-0.0", "1e2", "0.10000", "1E-7"):
            number = read(text.encode())
            assert isinstance(number, WrittenFloat)
            self.assertEqual(bytes(number).decode(), text)

    def test_allowed(self) -> None:
        """What only looks like something that is refused is read."""
        for text in (
            nested(MAX_DEPTH),
            b'{"b":"\\\\u0000","c":"\\\\"}',
            b'"\\\\ud800"',
            b'"\\ud83d\\uDE00"',
            b'"' + b'[{\\"' * 1000 + b'"',
            b"[" + b"[]," * 1000 + b"[]]",
            b"1" * 20,
            b"-" + b"1" * 19,
            b'[{"a":1},{"a":1}]',
            b'{"a":1,"A":2}',
            b'{"%b":"%b"}' % (b"1" * 30, b"-" + b"9" * 30),
            b"0." + b"1" * 5_000,
            b"-" + b"1" * 300 + b".0",
            b"1" * 25 + b"e1",
            b"1e-%b" % (b"9" * 30),
            b"[1E+100,1e308]",
            b'["1e999","\\"]",1e1]',
        ):
            check(text)

    def test_refused(self) -> None:
        """Whatever is not the same to everybody is refused, wherever it stands."""
        for name, value in (NOT_JSON | AMBIGUOUS | NOT_UTF_8).items():
            for text in (b'{"x":%b}' % value, b'[1,{"y":[0,%b]}]' % value):
                try:
                    check(text)
                except AmbiguousJson as error:
                    self.assertLess(len(str(error)), 100, name)
                else:
                    self.fail(name)

    def test_refused_numbers(self) -> None:
        """A number is too long or too large whatever stands around it."""
        for number in (
            b"1" * 21,
            b"-" + b"1" * 21,
            b"1" * 5_000,
            b"1E400",
            b"1e+400",
            b"-1e0400",
            b"1" * 400 + b".0",
            b"1" * 250 + b"e99",
            b"0." + b"1" * 5_000 + b"e999",
        ):
            for around in (
                b"%b",
                rb'["\\",%b]',
                b'["\\"",1e1,%b,"]"]',
                b'{"a" : %b\n}',
                b"[1.5,%b]",
            ):
                with self.assertRaises(AmbiguousJson, msg=(number, around)) as caught:
                    check(around % number)
                self.assertLess(len(str(caught.exception)), 100)

    def test_sign(self) -> None:
        """A sign is no digit: twenty of these are as good below zero as above."""
        for number in (10**20 - 1, 1 - 10**20, 10**19, -(10**19)):
            self.assertEqual({"a": number}, read(b'{"a":%d}' % number))
        for number in (10**20, -(10**20)):
            self.assertRaises(AmbiguousJson, read, b'{"a":%d}' % number)

    def test_long_numbers_of_no_json(self) -> None:
        """What is no JSON behind a number of any length is refused as anything is."""
        for text in (b"1" * 5_000 + b".", b"[" + b"1" * 5_000 + b"e]", b"1" * 5_000 + b"x"):
            self.assertRaises(AmbiguousJson, check, text)

    def test_nothing_is_repeated(self) -> None:
        """An error does not repeat what may be secret."""
        for text in (b'{"secret":1,"secret":2}', b"secret", b'{"a":"secret\xff"}', b"[secret]"):
            with self.assertRaises(AmbiguousJson) as caught:
                check(text)
            self.assertNotIn("secret", str(caught.exception))

    @given(st.binary(max_size=60))
    def test_any_bytes(self, text: bytes) -> None:
        """Any bytes are a value or an L{AmbiguousJson}."""
        try:
            check(text)
        except AmbiguousJson:
            pass
        else:
            json.loads(text)


def work(function: Callable[[bytes], object], text: bytes) -> int:
    """How many functions are called, in C and in Python, to work on C{text}."""
    count = 0

    def note(*_: Any) -> None:
        nonlocal count
        count += 1

    # What is left of other tests, and would be collected just now, is no work of this one.
    gc.disable()
    sys.setprofile(note)
    try:
        function(text)
    except AmbiguousJson:
        pass
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


class WorkTests(SynchronousTestCase):
    """How the work grows with the length of a text."""

    def test_linear(self) -> None:
        """Ten times the text takes at most ten times the calls, and a little more."""
        for piece in (
            b"[],",
            b"{}",
            b'"",',
            b'{"a":1},',
            b'"a":',
            b"1,",
            b"\\",
            b"1.5,",
            b"  ",
        ):
            for head, tail in ((b"[", b"1]"), (b'{"x":"', b'"}'), (b"", b"")):
                small = work(check, head + piece * 1_000 + tail)
                large = work(check, head + piece * 10_000 + tail)
                self.assertLess(large, 11 * small + 100, (piece, head))

    def test_only_objects_cost(self) -> None:
        """For a number, a text or a list nothing is called; for an object, its check."""
        for piece, calls in (
            (b"1,", 0),
            (b"1.5,", 0),
            (b'"\\"",', 0),
            (b"[[]],", 0),
            (b"null,", 0),
            (b"{},", 2),
            (b'{"a":1.5,"b":[]},', 6),
        ):
            found = work(check, b"[%b1]" % (piece * 1_000))
            self.assertLess(found, 1_000 * calls + 200, piece)

    def test_long(self) -> None:
        """What would take minutes, if the time grew with the square, comes to an end."""
        for piece in (
            b'"',
            b'\\"',
            b"[",
            b"{",
            b"\\",
            b"9",
            b" ",
            b"\\u0000",
            b'"\\u0000',
            b",",
        ):
            for head in (b"", b"[" * 40, b'"', b"[" * 40 + b'"', b"1."):
                with contextlib.suppress(AmbiguousJson):
                    check(head + piece * (LONG // len(piece)))


class Point(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Something with a list of its own kind in it."""

    name: str = ""
    number: int = 0
    near: tuple[Point, ...] = ()


class NoMoreTests(SynchronousTestCase):
    """Telling from what was read whether there was more."""

    def says_no_more(self, text: str) -> bool:
        """Whether there is no more in C{text} than the L{Point} that it is read as."""
        point = msgspec.json.decode(text, type=Point)
        return says_no_more(text.encode(), msgspec.json.encode(point))

    def test_nothing_more(self) -> None:
        """White space and the order of names make no difference."""
        for text in (
            '{"name":"a","near":[{"number":-7}]}',
            '{"number":7,"name":"é\\n\\"\\\\:"}',
            ' {\n"near" : [ { } , {"name" : ":" } ] }\t',
            '{"name":"\\u0001"}',
        ):
            self.assertTrue(self.says_no_more(text), text)

    def test_doubled_names(self) -> None:
        """A name that stands twice is seen, whatever is done to hide it."""
        for text in (
            '{"name":"a","name":"a"}',
            '{"name":"a","n\\u0061me":"a"}',
            '{"near":[{"number":1}],"near":[{}]}',
            '{"near":[{"number":1,"number":1}]}',
            # The escape is read as a colon, which has a quotation mark before it.
            '{"name":"a","name":"\\u003ab"}',
            '{"name":"a","name":"\\/"}',
            '{"name" :"a", "name":"\\u00e9"}',
            '{"number":1,"number":-0}',
        ):
            self.assertFalse(self.says_no_more(text), text)

    def test_escaped_nul(self) -> None:
        """A NUL that is escaped is seen, and what only looks like one is not."""
        self.assertFalse(self.says_no_more('{"name":"\\u0000"}'))
        self.assertTrue(self.says_no_more('{"name":"\\\\u0000"}'))

    def test_needless(self) -> None:
        """Of needless escapes it is not known what they hide."""
        self.assertFalse(self.says_no_more('{"name":"\\/"}'))

    def test_shortest(self) -> None:
        """
        No character has a shorter form than the one that msgspec writes.

        It is what L{says_no_more} stands on: an escape of two characters where there is one,
        one of six where there is none, and the character itself everywhere else.
        """
        for number in range(0x80):
            char = chr(number)
            written = msgspec.json.encode(char)[1:-1].decode()
            if char in '"\\\b\f\n\r\t':
                self.assertEqual(len(written), 2, written)
            else:
                self.assertEqual(written, f"\\u{number:04x}" if number < 0x20 else char)
        others = "".join(map(chr, (*range(0x80, 0xD800), *range(0xE000, 0x110000))))
        self.assertEqual(msgspec.json.encode(others), f'"{others}"'.encode())

    @given(st.integers(-(2**63), 2**63 - 1))
    def test_integers(self, number: int) -> None:
        """Nor has an integer."""
        self.assertEqual(msgspec.json.encode(number), str(number).encode())
