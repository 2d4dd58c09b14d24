"""The quick way of a payload into a message, beside the careful one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import strict_json
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS, Quirk
from cfos_cm.v16.actions import ACTIONS, encode
from cfos_cm.v16.core import (
    DataTransferRequest,
    MeterValuesRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.forms import shape_of
from cfos_cm.v16.reading import PayloadReader, Reading
from cfos_cm.v16.smart_charging import GetCompositeScheduleConfirmation

from ..fuzz.spelling import Speller
from ..json_cases import AMBIGUOUS, NOT_JSON, NOT_UTF_8
from ..nasty_strings import NASTY_STRINGS
from ..test_strict_json import work
from .schemas import MESSAGES, PROFILE, SchemaCase, full_example, payloads

#: What makes a reader look at every byte, and changes nothing else.
CAREFULLY = frozenset({"no field has this name"})


def reader_of(case: SchemaCase) -> PayloadReader:
    """The reader of a message."""
    action = case.action
    return PayloadReader(case.name, action.request if case.is_request else action.confirmation)


def outcome(reader: PayloadReader, payload: bytes, **how: Any) -> object:
    """What is read, or what is said about it."""
    try:
        return reader.read(payload, **how)
    except RemoteProtocolError as error:
        return error.description, error.code, error.quirk


class SameReadingTests(SynchronousTestCase):
    """The quick way and the careful one read the same and refuse the same."""

    def assert_same(self, reader: PayloadReader, payload: bytes) -> object:
        """Both outcomes are the same one, which is returned."""
        quick = outcome(reader, payload)
        self.assertEqual(quick, outcome(reader, payload, without=CAREFULLY), payload)
        return quick

    @settings(PROFILE, max_examples=300)
    @given(st.sampled_from(sorted(MESSAGES)), st.data(), st.randoms(use_true_random=False))
    def test_spellings(self, name: str, data: st.DataObject, random: Random) -> None:
        """However a message is spelled: a name that stands twice is refused, and only that."""
        case = MESSAGES[name]
        reader = reader_of(case)
        value = data.draw(payloads(case.schema))
        for blanks, escapes, doubles in ((0, 0, 0), (0.2, 0, 0), (0, 0.2, 0), (0, 0.1, 0.1)):
            speller = Speller(random, blanks, escapes, doubles)
            payload = speller.write(value).encode()
            found = self.assert_same(reader, payload)
            if speller.doubled:
                self.assertIsInstance(found, tuple, payload)
            elif "\\u0000" not in json.dumps(value):
                self.assertEqual(outcome(reader, json.dumps(value).encode()), found)

    @settings(PROFILE, max_examples=300)
    @given(
        st.sampled_from(sorted(MESSAGES)),
        st.lists(
            st.tuples(
                st.integers(0, 400),
                st.integers(0, 12),
                st.sampled_from([b'"', b"\\", b"\\u003a", b'":', b",", b"null", b"1.0", b" "])
                | st.binary(max_size=4),
            ),
            max_size=3,
        ),
    )
    def test_mutants(self, name: str, changes: list[tuple[int, int, bytes]]) -> None:
        """Texts with pieces cut out and put in."""
        case = MESSAGES[name]
        text = json.dumps(full_example(case.schema), separators=(",", ":")).encode()
        for start, length, inserted in changes:
            text = text[:start] + inserted + text[start + length :]
        self.assert_same(reader_of(case), text)

    def test_hidden_doubles(self) -> None:
        """No spelling of what else is there hides a name that stands twice."""
        reader = PayloadReader("DataTransfer.req", DataTransferRequest)
        for payload in (
            rb'{"vendorId":"a","vendorId":"b"}',
            rb'{"vendorId":"a","vendorId":"b","data":"\u003ax"}',
            rb'{"vendorId":"a","vendorId":"b","data":"\":"}',
            rb'{"vendorId":"a","vendor\u0049d":"b"}',
            rb'{"vendorId":"a","vendorId" :"b", "data":"\/\/\/\/\/\/\/\/"}',
            rb'{"data":"","data":"","vendorId":"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"}',
        ):
            found = self.assert_same(reader, payload)
            assert isinstance(found, tuple), payload
            self.assertIn("stands twice", found[0])

    def test_ambiguous(self) -> None:
        """What is not the same to every reader is refused in every field."""
        for name, value in (AMBIGUOUS | NOT_JSON | NOT_UTF_8).items():
            for field in (b"vendorId", b"data", b"x"):
                reader = PayloadReader("DataTransfer.req", DataTransferRequest)
                payload = b'{"vendorId":"V","%b":%b}' % (field, value)
                found = self.assert_same(reader, payload)
                assert isinstance(found, tuple), name
                self.assertIs(found[1], CallErrorCode.FORMATION_VIOLATION, name)

    def test_short_floats(self) -> None:
        """A number that is shorter than we would write it hides no name."""
        reader = PayloadReader("GetCompositeSchedule.conf", GetCompositeScheduleConfirmation)
        good = (
            b'{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"A","duration":0,'
            b'"chargingSchedulePeriod":[{"startPeriod":0,"limit":1e14}]}}'
        )
        message = reader.read(good).message
        doubled = good.replace(b'"duration":0,', b'"duration":0,"duration":0,')
        # What the name needs, the number saves.
        self.assertEqual(len(doubled), len(encode(message)))
        self.assertIsInstance(self.assert_same(reader, doubled), tuple)


class IntegerTests(SynchronousTestCase):
    """An integer may be written with a point."""

    def read(self, number: str) -> object:
        """The connectorId in a MeterValues."""
        payload = (
            f'{{"connectorId":{number},"meterValue":'
            '[{"timestamp":"T","sampledValue":[{"value":"1"}]}]}'
        )
        reader = PayloadReader("MeterValues.req", MeterValuesRequest)
        reading = reader.read(payload.encode())
        assert isinstance(reading.message, MeterValuesRequest)
        self.assertEqual((reading.quirks, reading.remarks), (NO_QUIRKS, ()))
        return reading.message.connector_id

    def test_integers(self) -> None:
        """What has no fraction is the integer, exactly."""
        for text, number in (
            ("1.0", 1),
            ("-0.0", 0),
            ("1e2", 100),
            ("1.50E1", 15),
            ("9223372036854775807.0", 2**63 - 1),
            ("-9223372036854775808.000", -(2**63)),
        ):
            found = self.read(text)
            self.assertEqual(found, number)
            self.assertIsInstance(found, int)

    def test_others(self) -> None:
        """What has one, or is beyond 64 bits, is none."""
        for text in ("1.5", "0.1", "1e-400", "9223372036854775808.0", "1e300", "1e19"):
            self.assertRaises(RemoteProtocolError, self.read, text)


class TextTests(SynchronousTestCase):
    """Any text in any field."""

    def test_count(self) -> None:
        """There are enough of them."""
        self.assertGreaterEqual(len(NASTY_STRINGS), 500)

    def test_nasty_strings(self) -> None:
        """Each is read as it is or refused, in every field, and is written as it was read."""
        for case in MESSAGES.values():
            reader = reader_of(case)
            kind = case.action.request if case.is_request else case.action.confirmation
            example = full_example(case.schema)
            for field in shape_of(kind).fields:
                if isinstance(field.type, msgspec.inspect.StrType):
                    for text in NASTY_STRINGS:
                        self.check(reader, example, field, text)

    def check(
        self, reader: PayloadReader, example: Any, field: msgspec.inspect.Field, text: str
    ) -> None:
        """The text in this field of the example."""
        assert isinstance(field.type, msgspec.inspect.StrType)
        limit = field.type.max_length
        payload = msgspec.json.encode(example | {field.encode_name: text})
        if limit is not None and len(text) > limit:
            self.assertRaises(RemoteProtocolError, reader.read, payload)
            return
        message = reader.read(payload).message
        self.assertEqual(getattr(message, field.name), text)
        self.assertEqual(reader.read(encode(message)).message, message)


class WorkTests(SynchronousTestCase):
    """How the work grows with the length of a payload."""

    def test_linear(self) -> None:
        """Ten times the payload takes at most ten times the calls, and a little more."""
        reader = PayloadReader("MeterValues.req", MeterValuesRequest)

        def read(text: bytes) -> object:
            return outcome(reader, text)

        for piece in (
            b'{"timestamp":"T","sampledValue":[{"value":"1"}]},',
            b'{"timestamp":null,"sampledValue":{"value":1.50,"unit":"Hz","x":[[1]]}},',
            b'{"timestamp":"T","sampledValue":[{"value":"1","value":"1"}]},',
            b'{"timestamp":"T","values":[{"value":"\\u0041","measurand":"Humidity"}]},',
            b"null,",
            b"{},",
            b"1,",
        ):
            head, tail = b'{"connectorId":1,"meterValue":[', b"1]}"
            small = work(read, head + piece * 100 + tail)
            large = work(read, head + piece * 1_000 + tail)
            self.assertLess(large, 11 * small + 200, piece)


STANDARD = frozenset({Quirk.UNKNOWN_FIELDS})

MOMENTS = (
    ("MeterValues.req", MeterValuesRequest, b'{"connectorId":1,"meterValue":['),
    (
        "StopTransaction.req",
        StopTransactionRequest,
        b'{"meterStop":1,"timestamp":"T","transactionId":1,"transactionData":[',
    ),
)
SAMPLED = b'{"timestamp":"T","sampledValue":['
COUNT = 5_000


class RefusalTests(SynchronousTestCase):
    """
    What it costs to refuse a long message.

    Vetting its JSON calls something for each object in it. All else has to be less than that,
    however many places there are that are wrong.
    """

    def assert_cheap(
        self, reader: PayloadReader, payload: bytes, tolerated: frozenset[Quirk]
    ) -> object:
        """Returns what is read, or what is said about it."""
        # What is built once, at the first message of a kind, is not what this is about.
        outcome(reader, payload, tolerated=tolerated)
        found = work(lambda text: outcome(reader, text, tolerated=tolerated), payload)
        self.assertLess(found - work(strict_json.check, payload), COUNT // 2, payload[:100])
        return outcome(reader, payload, tolerated=tolerated)

    def payloads(self, good: bytes, bad: bytes) -> Iterator[tuple[PayloadReader, bytes]]:
        """Many of one, a few of the other, where moments should be and where values should."""
        for name, kind, head in MOMENTS:
            reader = PayloadReader(name, kind)
            yield reader, b"%b%b]}" % (head, b",".join([good] * COUNT + [bad]))
            values = b",".join([b'{"value":"1"}'] * COUNT + [bad])
            yield reader, b"%b%b%b]}]}" % (head, SAMPLED, values)

    def test_all_wrong(self) -> None:
        """After the first place nobody looks at the others."""
        for bad in (b"{}", b"[]", b"1", b"1.5", b'""', b'{"a":{}}', b'{"value":{}}'):
            for tolerated in (NO_QUIRKS, STANDARD, EVERY_QUIRK):
                for reader, payload in self.payloads(bad, bad):
                    found = self.assert_cheap(reader, payload, tolerated)
                    self.assertIsInstance(found, tuple, bad)

    def test_all_deviate(self) -> None:
        """Nor where all of them could be repaired, and are not tolerated."""
        for bad in (
            b"null",
            b'{"timestamp":null,"sampledValue":{"value":1.50}}',
            b'{"timestamp":"T","sampledValue":[{"value":1}]}',
            b'{"timestamp":"T","sampledValue":[{"value":"1","unit":"amp"}]}',
            b'{"timestamp":"T","sampledValue":[{"value":"1","x":1}]}',
        ):
            for reader, payload in self.payloads(bad, bad):
                found = self.assert_cheap(reader, payload, NO_QUIRKS)
                self.assertIsInstance(found, tuple, bad)

    def test_last_one_wrong(self) -> None:
        """Nor is each of those before it looked at that are as they should be."""
        good = SAMPLED + b'{"value":"1"}]}'
        for tolerated in (NO_QUIRKS, STANDARD, EVERY_QUIRK):
            for reader, payload in self.payloads(good, b"{}"):
                found = self.assert_cheap(reader, payload, tolerated)
                self.assertIsInstance(found, tuple)

    def test_accepted(self) -> None:
        """A message in which little deviates costs as little."""
        good = b'{"value":"1"}'
        for name, kind, head in MOMENTS:
            payload = b"%b%b%b]}],%b}" % (
                head,
                SAMPLED,
                b",".join([good] * COUNT + [b'{"value":"1","x":1}']),
                b'"x":1',
            )
            found = self.assert_cheap(PayloadReader(name, kind), payload, STANDARD)
            assert isinstance(found, Reading)
            self.assertEqual(found.quirks, STANDARD)


class ActionTests(SynchronousTestCase):
    """Every class has a reader."""

    def test_empty(self) -> None:
        """A message without fields is an empty object."""
        for action in ACTIONS.values():
            for kind in (action.request, action.confirmation):
                if not kind.__struct_fields__:
                    self.assertEqual(encode(kind()), b"{}")
