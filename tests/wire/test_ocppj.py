"""Frames of OCPP-J: what is read out of any bytes, and what is written."""

from __future__ import annotations

import json
import string

from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError
from cfos_cm.wire.ocppj import (
    MAX_ACTION_CHARS,
    MAX_DEPTH,
    MAX_DESCRIPTION_CHARS,
    MAX_FRAME_BYTES,
    MAX_UNIQUE_ID_CHARS,
    Call,
    CallError,
    CallResult,
    Frame,
    UnreadableFrame,
    decode,
    encode,
)

from ..json_cases import AMBIGUOUS, NOT_JSON, NOT_UTF_8, nested

#: Anything that JSON can say, twice as nested as is usual.
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
PRINTABLE = st.characters(
    exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Zs"]
) | st.just(" ")
UNIQUE_IDS = st.text(PRINTABLE, min_size=1, max_size=MAX_UNIQUE_ID_CHARS)
ACTIONS = st.text(PRINTABLE, min_size=1, max_size=MAX_ACTION_CHARS)
NAMES = st.text(st.sampled_from(string.ascii_letters + "é/ "), max_size=6)
#: JSON texts of objects in every spelling that the standard library writes.
PAYLOADS = st.builds(
    lambda value, ascii_only, indent: json.dumps(
        value, ensure_ascii=ascii_only, indent=indent
    ).encode(),
    st.dictionaries(
        NAMES, JSON_VALUES.filter(lambda value: "\\u0000" not in json.dumps(value))
    ),
    st.booleans(),
    st.sampled_from([None, 0, 3]),
)
VALID = (
    b'[2,"19223201","BootNotification",{"chargePointModel":"M","chargePointVendor":"V"}]',
    b'[3,"19223201",{"status":"Accepted","interval":300,"list":[1,[2.5e1,{"a":null}]]}]',
    b'[4,"19223201","NotSupported","no such thing",{"a":"\\u00e9\\/"}]',
)


def bare(frame: Frame | None) -> Frame:
    """C{frame} without the texts that it and its message id came as."""
    assert frame is not None
    return evolve(frame, text=b"", id_text=b"")


class AnyBytesTests(SynchronousTestCase):
    """Whatever comes, there is a frame, nothing to do, or a L{RemoteProtocolError}."""

    def read(self, text: bytes) -> None:
        """Decode C{text}; an error must be one that can be answered where it has an id."""
        try:
            frame = decode(text)
        except RemoteProtocolError as error:
            self.assertLessEqual(len(error.description), 400)
            if error.unique_id is not None:
                answer = CallError(error.unique_id, error.code, error.description)
                self.assertEqual(bare(decode(encode(answer))).unique_id, error.unique_id)
        else:
            if frame is not None:
                self.assertEqual(frame.text, text)
                self.assertEqual(bare(decode(encode(frame))), bare(frame))

    @given(st.binary(max_size=200))
    def test_bytes(self, text: bytes) -> None:
        """Arbitrary bytes."""
        self.read(text)

    @given(st.text(max_size=200))
    @example('[2,"a","B",{"x":"\\ud800abcdefgh"}]')
    @example('[2,"\\ud800\\udc00","B",{}]')
    def test_text(self, text: str) -> None:
        """Arbitrary text."""
        self.read(text.encode("utf-8", "surrogatepass"))

    @given(JSON_VALUES)
    def test_json(self, value: object) -> None:
        """JSON of any shape."""
        self.read(json.dumps(value).encode())

    @given(st.lists(st.sampled_from([2, 3, 4, 5]) | UNIQUE_IDS | JSON_VALUES, max_size=6))
    def test_arrays(self, elements: list[object]) -> None:
        """Arrays of things that are nearly frames."""
        self.read(json.dumps(elements).encode())

    @given(
        st.sampled_from(VALID),
        st.lists(
            st.tuples(
                st.integers(0, 90),
                st.integers(0, 3),
                st.sampled_from(
                    [b"", b'"', b"\\", b"\\u", b"\\ud800", b"{", b"]", b",", b":", b"null"]
                )
                | st.binary(max_size=3),
            ),
            min_size=1,
            max_size=4,
        ),
    )
    def test_mutated_frames(self, text: bytes, changes: list[tuple[int, int, bytes]]) -> None:
        """Frames with pieces cut out and put in."""
        for start, length, inserted in changes:
            text = text[:start] + inserted + text[start + length :]
        self.read(text)


class InverseTests(SynchronousTestCase):
    """What is written is read back."""

    @given(UNIQUE_IDS, ACTIONS, PAYLOADS)
    def test_call(self, unique_id: str, action: str, payload: bytes) -> None:
        """A CALL comes back with its payload byte for byte."""
        frame = Call(unique_id, action, payload)
        self.assertEqual(bare(decode(encode(frame))), frame)

    @given(UNIQUE_IDS, PAYLOADS)
    def test_call_result(self, unique_id: str, payload: bytes) -> None:
        """A CALLRESULT comes back with its payload byte for byte."""
        frame = CallResult(unique_id, payload)
        self.assertEqual(bare(decode(encode(frame))), frame)

    @given(UNIQUE_IDS, ACTIONS, st.text(PRINTABLE, max_size=MAX_DESCRIPTION_CHARS), PAYLOADS)
    def test_call_error(
        self, unique_id: str, code: str, description: str, details: bytes
    ) -> None:
        """A CALLERROR comes back with its details byte for byte."""
        frame = CallError(unique_id, code, description, details)
        self.assertEqual(bare(decode(encode(frame))), frame)

    def test_payload_text(self) -> None:
        """No spelling, order or white space inside a payload is changed."""
        for payload in (
            b'{ "z" : 1 ,\t"a":\r\n2 }',
            rb'{"url":"ws:\/\/h\/","e":"\u00e9","E":"\u00E9","s":"\ud83d\uDE00"}',
            '{"é":"é😀"}'.encode(),
            b'{"n":[1,1.0,1.00,1e0,1E+0,-0,-0.0,0.1000,99999999999999999999]}',
            rb'{"b":"\\u0000","c":"\\\\"}',
            b'{"":{"":{"":[]}}}',
            b'{"del":"\x7f"}',
        ):
            frame = decode(b'[2, "1" , "A",\n' + payload + b"\t]")
            self.assertEqual(bare(frame), Call("1", "A", payload))

    def test_text_is_kept(self) -> None:
        """A frame carries the whole message as it came."""
        for text in (b' [3 , "1", {} ] ', b'\n[4,"1","X"]', b'[2,"1","A",null]'):
            frame = decode(text)
            self.assertEqual(None if frame is None else frame.text, text)


class ReadTests(SynchronousTestCase):
    """What peers send that is not quite what the specification says."""

    def test_null_payload(self) -> None:
        """A payload of null is an empty object."""
        self.assertEqual(bare(decode(b'[2,"1","A",null]')), Call("1", "A", b"{}"))
        self.assertEqual(bare(decode(b'[3,"1",null]')), CallResult("1", b"{}"))

    def test_call_error_lengths(self) -> None:
        """A CALLERROR may lack its details, and its description too."""
        for text, expected in (
            (b'[4,"1","X"]', CallError("1", "X", "")),
            (b'[4,"1","X",null]', CallError("1", "X", "")),
            (b'[4,"1","X",""]', CallError("1", "X", "")),
            (b'[4,"1","X","why"]', CallError("1", "X", "why")),
            (b'[4,"1","X","why",null]', CallError("1", "X", "why")),
            (b'[4,"1","X","why",{"a":1}]', CallError("1", "X", "why", b'{"a":1}')),
        ):
            self.assertEqual(bare(decode(text)), expected)

    def test_description_is_made_fit(self) -> None:
        """A description that is too long is cut; what cannot be printed becomes blanks."""
        text = json.dumps([4, "1", "X", "a\tb\u202e" + "c" * 100_000]).encode()
        frame = decode(text, 256 * 1024)
        assert isinstance(frame, CallError)
        self.assertEqual(frame.description, "a b " + "c" * (MAX_DESCRIPTION_CHARS - 4))

    def test_long_ids_of_answers(self) -> None:
        """The id of an answer is cut: it will match no call of ours."""
        for text in (b'[3,"%b",{}]', b'[4,"%b","X"]'):
            self.assertEqual(bare(decode(text % (b"7" * 99))).unique_id, "7" * 36)

    def test_unknown_message_types(self) -> None:
        """A message type that nobody specified is to be ignored, whatever follows it."""
        for text in (b"[0]", b'[1,"a"]', b"[5,{},[],null]", b"[-2]", b"[99999999999999999999]"):
            self.assertIsNone(decode(text), text)

    def test_largest(self) -> None:
        """A message may be exactly as long as the limit, and as deep."""
        head, tail = b'[2,"1","A",{"x":"', b'"}]'
        text = head + b"x" * (MAX_FRAME_BYTES - len(head) - len(tail)) + tail
        self.assertIsNotNone(decode(text))
        self.assertIsNotNone(decode(text + b" ", MAX_FRAME_BYTES + 1))
        self.assertIsNotNone(decode(b'[2,"1","A",%b]' % nested(MAX_DEPTH - 1)))

    def test_brackets_in_strings(self) -> None:
        """Brackets inside a string, and escaped quotes around them, nest nothing."""
        payload = b'{"x":"%b"}' % (b'[{\\"' * 1000 + b"\\\\")
        self.assertEqual(bare(decode(b'[2,"1","A",%b]' % payload)), Call("1", "A", payload))

    def test_wide(self) -> None:
        """Many arrays beside each other are not deep."""
        payload = b'{"x":[%b[]]}' % (b"[]," * 1000)
        self.assertEqual(bare(decode(b'[3,"1",%b]' % payload)), CallResult("1", payload))


class RefusalTests(SynchronousTestCase):
    """What is refused, and whether it can be answered."""

    def refusal(self, text: bytes) -> UnreadableFrame:
        """The error about C{text}, which must be refused."""
        error: UnreadableFrame = self.assertRaises(UnreadableFrame, decode, text)
        self.assertIs(error.code, CallErrorCode.FORMATION_VIOLATION)
        return error

    def test_bad_values_in_a_call(self) -> None:
        """A CALL with a damaged payload is refused under its own id."""
        for name, value in (NOT_JSON | NOT_UTF_8).items():
            for head in (b' [ 2 , "id 1" , "A",{"x":%b}]', b'[2,"id 1","A",{"x":%b}]'):
                self.assertEqual(self.refusal(head % value).unique_id, "id 1", name)

    def test_bad_values_in_answers(self) -> None:
        """An answer with a damaged payload is refused, and there is nobody to tell."""
        for name, value in (NOT_JSON | NOT_UTF_8).items():
            for head in (b'[3,"1",{"x":%b}]', b'[4,"1","X","",{"x":%b}]'):
                self.assertIsNone(self.refusal(head % value).unique_id, name)

    def test_bad_values_in_error_details(self) -> None:
        """The details of a CALLERROR, which nobody reads, are JSON to everybody."""
        for name, value in AMBIGUOUS.items():
            error = self.refusal(b'[4,"1","X","",{"x":%b}]' % value)
            self.assertIn("details", error.description, name)

    def test_payloads_that_others_vet(self) -> None:
        """What a payload says twice is for those to see who know what it should say."""
        for value in AMBIGUOUS.values():
            payload = b'{"x":%b}' % value
            self.assertEqual(bare(decode(b'[2,"1","A",%b]' % payload)), Call("1", "A", payload))
            self.assertEqual(bare(decode(b'[3,"1",%b]' % payload)), CallResult("1", payload))

    def test_not_utf_8(self) -> None:
        """Who sends what is not UTF-8 is told so with the close of the connection."""
        for value in NOT_UTF_8.values():
            self.assertFalse(self.refusal(b'[2,"1","A",{"x":%b}]' % value).is_utf8)
        for value in NOT_JSON.values():
            self.assertTrue(self.refusal(b'[2,"1","A",{"x":%b}]' % value).is_utf8)

    def test_far_too_deep(self) -> None:
        """What would exhaust a stack is refused."""
        text = b'[2,"1","A",%b]' % nested(100_000)
        self.assertIn("nested deeper than 32 levels", self.refusal(text).description)

    def test_damaged_call_with_long_id(self) -> None:
        """The id of a damaged CALL is cut to what an answer can carry."""
        for length in (36, 37, 64, 65, 5000):
            error = self.refusal(b'[2,"%b","A",{"x":NaN}]' % (b"i" * length))
            self.assertEqual(error.unique_id, "i" * 36)

    def test_damaged_call_with_unusable_id(self) -> None:
        """A damaged CALL whose id cannot be read safely is not answered."""
        for unique_id in (b'""', b'"\xc3\xa9"', b'"\\n"', b'"a\x07"', b"7", b'"a'):
            self.assertIsNone(self.refusal(b'[2,%b,"A",{"x":NaN}]' % unique_id).unique_id)

    def test_not_json(self) -> None:
        """What is no JSON array in UTF-8 is refused without an id."""
        call = '[2,"1","A",{}]'
        for text in (
            b"",
            b" ",
            b"hello",
            b"{}",
            b"null",
            b"2",
            b'"[]"',
            b"[]",
            b"[2",
            b"[2,",
            b'[2,"1"',
            b"\x00" + call.encode(),
            call.encode("utf-16"),
            call.encode("utf-16-le"),
            call.encode("utf-32"),
            b"[" * 10_000,
            b"[" * 10_000 + b"]" * 10_000,
            b'{"a":' * 10_000,
        ):
            self.assertIsNone(self.refusal(text).unique_id, text[:40])

    def test_mark_before_the_frame(self) -> None:
        """Behind a byte order mark a CALL can be answered, as without it."""
        mark = b"\xef\xbb\xbf"
        for call in (b'[2,"1","A",{}]', b' [ 2 , "1","A",{}', b'[2,"1","A",{"a":"\xff"}]'):
            self.assertEqual("1", self.refusal(mark + call).unique_id, call)
        for text in (mark + mark + b'[2,"1","A",{}]', mark + b'[3,"1",{}]', mark):
            self.assertIsNone(self.refusal(text).unique_id, text)

    def test_behind_the_frame(self) -> None:
        """Nothing but white space may follow the array."""
        for rest in (b"x", b"]", b",", b"\x00", b"[2]"):
            self.assertEqual(self.refusal(b'[2,"1","A",{}]' + rest).unique_id, "1", rest)

    def test_message_types(self) -> None:
        """The message type is a whole number."""
        for kind in (b'"2"', b"true", b"null", b"2.5", b"2.0", b"[2]", b"{}"):
            error = self.refusal(b'[%b,"1","A",{}]' % kind)
            self.assertIn("message type", error.description)
            self.assertIsNone(error.unique_id)

    def test_message_ids(self) -> None:
        """A message id is a string that can be printed; without one there is no answer."""
        for kind in (b"2", b"3", b"4"):
            for rest in (b"", b",1", b",null", b",[]", b',""', b',"\\n"', b',"a\\u202eb"'):
                self.assertIsNone(self.refusal(b"[%b%b]" % (kind, rest)).unique_id, rest)
                if rest:
                    self.refusal(b'[%b%b,"A",{}]' % (kind, rest))

    def test_long_message_id(self) -> None:
        """A CALL whose id is too long is refused under what fits of it, non-ASCII too."""
        for unique_id in ("x" * 37, "é" * 40, "x" * 60_000):
            error = self.refusal(json.dumps([2, unique_id, "A", {}]).encode()[:MAX_FRAME_BYTES])
            self.assertEqual(error.unique_id, unique_id[:36])
            self.assertIn(str(len(unique_id)), error.description)

    def test_message_id_longer_than_the_usual_frame(self) -> None:
        """Where longer messages are allowed, a still longer id is treated as any other."""
        text = json.dumps([2, "x" * (MAX_FRAME_BYTES + 1), "A", {}]).encode()
        error = self.assertRaises(RemoteProtocolError, decode, text, 4 * MAX_FRAME_BYTES)
        self.assertEqual(error.unique_id, "x" * 36)

    def test_call_lengths(self) -> None:
        """A CALL has four elements."""
        for rest in (b"", b',"A"', b',"A",{},{}', b',"A",{},null,1'):
            self.assertEqual(self.refusal(b'[2,"1"%b]' % rest).unique_id, "1")

    def test_actions(self) -> None:
        """An action is a string of 1 to 64 characters that can be printed."""
        for action in (b"1", b"null", b"{}", b'""', b'"a\\tb"', b'"%b"' % (b"A" * 65)):
            self.assertEqual(self.refusal(b'[2,"1",%b,{}]' % action).unique_id, "1")

    def test_payloads(self) -> None:
        """A payload is an object."""
        for payload in (b"[]", b"[{}]", b'"{}"', b"1", b"true"):
            self.assertEqual(self.refusal(b'[2,"1","A",%b]' % payload).unique_id, "1")
            self.assertIsNone(self.refusal(b'[3,"1",%b]' % payload).unique_id)
            self.assertIsNone(self.refusal(b'[4,"1","X","",%b]' % payload).unique_id)

    def test_answer_lengths(self) -> None:
        """A CALLRESULT has three elements, a CALLERROR three to five."""
        for text in (b'[3,"1"]', b'[3,"1",{},{}]', b'[4,"1"]', b'[4,"1","X","",{},1]'):
            self.assertIsNone(self.refusal(text).unique_id)

    def test_call_errors(self) -> None:
        """The code and the description of a CALLERROR are strings, the code not empty."""
        for rest in (b"1", b"null", b'""', b'"%b"' % (b"X" * 65), b'"X",1', b'"X",{}'):
            self.refusal(b'[4,"1",%b]' % rest)

    def test_size(self) -> None:
        """The error about a message that is too long says how long it is and may be."""
        error = self.assertRaises(RemoteProtocolError, decode, b"x" * 101, 100)
        self.assertIn("101 bytes; at most 100", error.description)


class EncodeTests(SynchronousTestCase):
    """What is written, and what is never sent."""

    def test_spelling(self) -> None:
        """Frames are written as the specification shows them."""
        for frame, expected in (
            (Call("1", "Reset", b'{"type":"Soft"}'), b'[2,"1","Reset",{"type":"Soft"}]'),
            (CallResult("1", b"{}"), b'[3,"1",{}]'),
            (CallError("1", "GenericError", 'a "b"'), b'[4,"1","GenericError","a \\"b\\"",{}]'),
        ):
            self.assertEqual(encode(frame), expected)

    def test_unusable_ids(self) -> None:
        """A frame is not sent under an id that no peer would accept."""
        for unique_id in ("", "x" * 37, "a\n", "\u202e", "\ud800"):
            for frame in (
                Call(unique_id, "A", b"{}"),
                CallResult(unique_id, b"{}"),
                CallError(unique_id, "X", ""),
            ):
                error = self.assertRaises(LocalProtocolError, encode, frame)
                self.assertIn("message id", str(error))

    def test_unusable_actions(self) -> None:
        """A CALL is not sent with an action that no peer would accept."""
        for action in ("", "A" * 65, "A\0", "\udc00"):
            error = self.assertRaises(LocalProtocolError, encode, Call("1", action, b"{}"))
            self.assertIn("action", str(error))

    def test_long_description(self) -> None:
        """A description is cut to what the specification allows."""
        text = encode(CallError("1", "X", "é" * 300))
        self.assertEqual(json.loads(text)[3], "é" * MAX_DESCRIPTION_CHARS)
