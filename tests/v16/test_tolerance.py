"""Payloads that are not quite as they should be, from peers that are forgiven it."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.python.monkey import MonkeyPatcher
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS, Quirk
from cfos_cm.v16 import tolerance
from cfos_cm.v16.actions import (
    ACTIONS,
    Reading,
    Role,
    decode_request,
    read_confirmation,
    read_request,
)
from cfos_cm.v16.core import MeterValuesRequest, StopTransactionRequest
from cfos_cm.v16.forms import Form
from cfos_cm.v16.reading import MAX_ADVISED_BYTES
from cfos_cm.v16.tolerance import MAX_REMARK_CHARS, MAX_REMARKS, MAX_REPAIRS
from cfos_cm.v16.types import Message

from .schemas import MESSAGES, PROFILE, SchemaCase, full_example, mutants

#: Messages that are as they should be, to be changed at one place.
GOOD: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": "04A2"},
    "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M"},
    "DataTransfer": {"vendorId": "V"},
    "MeterValues": {
        "connectorId": 1,
        "meterValue": [{"timestamp": "T", "sampledValue": [{"value": "1", "unit": "A"}]}],
    },
    "StartTransaction": {
        "connectorId": 1,
        "idTag": "04A2",
        "meterStart": 7,
        "timestamp": "T",
    },
    "StatusNotification": {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Available",
    },
    "StopTransaction": {"meterStop": 1, "timestamp": "T", "transactionId": 1},
}


def changed(name: str, **fields: Any) -> dict[str, Any]:
    """The good message with some fields set."""
    return GOOD[name] | fields


def values(*sampled: Any, **moment: Any) -> dict[str, Any]:
    """A MeterValues with these sampled values of one moment."""
    return changed(
        "MeterValues", meterValue=[{"timestamp": "T", "sampledValue": list(sampled)} | moment]
    )


def renamed(value: Any, old: str, new: str) -> Any:
    """C{value} with a field under another name, at every depth."""
    if isinstance(value, list):
        return [renamed(inner, old, new) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        new if name == old else name: renamed(inner, old, new) for name, inner in value.items()
    }


@frozen
class Case:
    """
    A deviation.

    @ivar payload: what is sent, a value or a JSON text.
    @ivar meant: what it is read as, to be read again by those who forgive nothing.
    @ivar remark: what the reading says about it.
    """

    quirk: Quirk
    name: str
    payload: Any
    meant: Any
    remark: str

    @property
    def text(self) -> bytes:
        """The payload."""
        is_text = isinstance(self.payload, bytes)
        return self.payload if is_text else json.dumps(self.payload).encode()


SAMPLED = {"value": "1", "unit": "A"}

CASES = (
    Case(
        Quirk.UNKNOWN_FIELDS,
        "Authorize",
        changed("Authorize", connectorId=1),
        GOOD["Authorize"],
        "unknown field connectorId at $",
    ),
    Case(
        Quirk.UNKNOWN_FIELDS,
        "MeterValues",
        values(SAMPLED | {"x y": {"deep": [1.5, {}]}}),
        values(SAMPLED),
        "unknown field 'x y' at $.meterValue[...].sampledValue[...]",
    ),
    Case(
        Quirk.NULL_FIELDS,
        "StatusNotification",
        changed("StatusNotification", info=None),
        GOOD["StatusNotification"],
        "null at $.info",
    ),
    Case(
        Quirk.NULL_FIELDS,
        "StopTransaction",
        changed("StopTransaction", transactionData=None),
        GOOD["StopTransaction"],
        "null at $.transactionData",
    ),
    Case(
        Quirk.NULL_FIELDS,
        "MeterValues",
        values(SAMPLED, None),
        values(SAMPLED),
        "null at $.meterValue[...].sampledValue[...]",
    ),
    Case(
        Quirk.NULL_FIELDS,
        "MeterValues",
        values(SAMPLED, timestamp=None),
        values(SAMPLED, timestamp=""),
        "null at $.meterValue[...].timestamp",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "StartTransaction",
        changed("StartTransaction", connectorId="1", meterStart=" 7.0 "),
        GOOD["StartTransaction"],
        "a text at $.connectorId",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "StartTransaction",
        changed("StartTransaction", connectorId=True),
        GOOD["StartTransaction"],
        "true or false at $.connectorId",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "StartTransaction",
        changed("StartTransaction", reservationId="9223372036854775807"),
        changed("StartTransaction", reservationId=2**63 - 1),
        "a text at $.reservationId",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "StartTransaction",
        changed("StartTransaction", meterStart=1234.5),
        changed("StartTransaction", meterStart=1234),
        "a number at $.meterStart",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "StopTransaction",
        changed("StopTransaction", meterStop="1234.75"),
        changed("StopTransaction", meterStop=1235),
        "a text at $.meterStop",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "MeterValues",
        b'{"connectorId":1,"meterValue":[{"timestamp":"T","sampledValue":[{"value":1.50}]}]}',
        values({"value": "1.50"}),
        "a number at $.meterValue[...].sampledValue[...].value",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "Authorize",
        {"idTag": 123456},
        {"idTag": "123456"},
        "a number at $.idTag",
    ),
    Case(
        Quirk.LOOSE_TYPES,
        "DataTransfer",
        changed("DataTransfer", data=False),
        changed("DataTransfer", data="false"),
        "true or false at $.data",
    ),
    Case(
        Quirk.LONG_TEXTS,
        "BootNotification",
        changed("BootNotification", chargePointModel="M" * 21),
        changed("BootNotification", chargePointModel="M" * 20),
        "21 characters cut to 20 at $.chargePointModel",
    ),
    Case(
        Quirk.OTHER_WORDS,
        "MeterValues",
        values(SAMPLED | {"unit": "Hz", "measurand": "Frequency"}),
        values(SAMPLED | {"unit": "Hertz", "measurand": "Frequency"}),
        "'Hz' read as Hertz at $.meterValue[...].sampledValue[...].unit",
    ),
    Case(
        Quirk.OTHER_WORDS,
        "MeterValues",
        values(SAMPLED, SAMPLED | {"measurand": "Humidity"}),
        values(SAMPLED),
        "'Humidity' left out with the object that it is in"
        " at $.meterValue[...].sampledValue[...].measurand",
    ),
    Case(
        Quirk.OTHER_WORDS,
        "MeterValues",
        values(SAMPLED | {"context": "Now"}),
        values(SAMPLED),
        "'Now' left out at $.meterValue[...].sampledValue[...].context",
    ),
    Case(
        Quirk.OTHER_WORDS,
        "StatusNotification",
        changed("StatusNotification", errorCode="Tripped"),
        changed("StatusNotification", errorCode="OtherError"),
        "'Tripped' read as OtherError at $.errorCode",
    ),
    Case(
        Quirk.OTHER_WORDS,
        "StopTransaction",
        changed("StopTransaction", reason="Button"),
        changed("StopTransaction", reason="Other"),
        "'Button' read as Other at $.reason",
    ),
    Case(
        Quirk.OTHER_WORDS,
        "StopTransaction",
        changed(
            "StopTransaction",
            transactionData=[{"timestamp": "T", "sampledValue": [SAMPLED | {"phase": "R"}]}],
        ),
        changed("StopTransaction", transactionData=[{"timestamp": "T", "sampledValue": []}]),
        "'R' left out with the object that it is in"
        " at $.transactionData[...].sampledValue[...].phase",
    ),
    Case(
        Quirk.SINGLE_METER_VALUE,
        "MeterValues",
        changed("MeterValues", meterValue=values(SAMPLED)["meterValue"][0]),
        values(SAMPLED),
        "an object, not a list at $.meterValue",
    ),
    Case(
        Quirk.SINGLE_METER_VALUE,
        "MeterValues",
        values(sampledValue=SAMPLED),
        values(SAMPLED),
        "an object, not a list at $.meterValue[...].sampledValue",
    ),
    Case(
        Quirk.OCPP15_VALUES,
        "MeterValues",
        renamed(renamed(values(SAMPLED), "sampledValue", "values"), "meterValue", "values"),
        values(SAMPLED),
        "values instead of meterValue at $",
    ),
    Case(
        Quirk.OCPP15_VALUES,
        "MeterValues",
        renamed(values(SAMPLED), "sampledValue", "value"),
        values(SAMPLED),
        "value instead of sampledValue at $.meterValue[...]",
    ),
    Case(
        Quirk.OCPP15_VALUES,
        "StopTransaction",
        changed(
            "StopTransaction",
            transactionData=[
                {"values": [{"timestamp": "T", "values": [SAMPLED]}] * 2},
                {"values": {"timestamp": "U", "value": [SAMPLED]}},
            ],
        ),
        changed(
            "StopTransaction",
            transactionData=[
                {"timestamp": moment, "sampledValue": [SAMPLED]} for moment in "TTU"
            ],
        ),
        "values of several moments at $.transactionData[...]",
    ),
    Case(
        Quirk.DATA_AS_OBJECT,
        "DataTransfer",
        b'{"vendorId":"V","data": {"b" : 1.50,"a":"\\u00e9"} }',
        changed("DataTransfer", data='{"b" : 1.50,"a":"\\u00e9"}'),
        "JSON instead of a text at $.data",
    ),
    Case(
        Quirk.DATA_AS_OBJECT,
        "DataTransfer",
        changed("DataTransfer", data=[1, 2]),
        changed("DataTransfer", data="[1, 2]"),
        "JSON instead of a text at $.data",
    ),
)


def read(
    name: str, payload: Any, tolerated: frozenset[Quirk], without: frozenset[str] = frozenset()
) -> Reading:
    """What a request of a Charge Point says."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return read_request(name, text, Role.CHARGE_POINT, tolerated, without)


class QuirkTests(SynchronousTestCase):
    """Each deviation, forgiven and not."""

    def expected(self, case: Case) -> Message:
        """What the deviation means."""
        return decode_request(case.name, json.dumps(case.meant).encode(), Role.CHARGE_POINT)

    def test_every_quirk_of_a_payload(self) -> None:
        """There is a case for each."""
        self.assertEqual(
            {case.quirk for case in CASES},
            {
                Quirk.UNKNOWN_FIELDS,
                Quirk.NULL_FIELDS,
                Quirk.LOOSE_TYPES,
                Quirk.LONG_TEXTS,
                Quirk.OTHER_WORDS,
                Quirk.SINGLE_METER_VALUE,
                Quirk.OCPP15_VALUES,
                Quirk.DATA_AS_OBJECT,
            },
        )

    def test_refused(self) -> None:
        """Where it is not forgiven, the error names what could be."""
        for case in CASES:
            for tolerated in (NO_QUIRKS, EVERY_QUIRK - {case.quirk}):
                if case.quirk is Quirk.OCPP15_VALUES and tolerated:
                    # Its names are as unknown as any.
                    tolerated -= {Quirk.UNKNOWN_FIELDS, Quirk.LOOSE_TYPES}
                error = self.assertRaises(
                    RemoteProtocolError, read, case.name, case.text, tolerated
                )
                self.assertIs(error.quirk, case.quirk, case)

    def test_forgiven(self) -> None:
        """Where it is forgiven, the message says what was meant, the reading what was not."""
        for case in CASES:
            for tolerated in (frozenset({case.quirk}), EVERY_QUIRK):
                reading = read(case.name, case.text, tolerated)
                self.assertEqual(reading.message, self.expected(case), case)
                self.assertEqual(reading.quirks, {case.quirk}, case)
                self.assertIn(case.remark, reading.remarks)

    def test_not_met(self) -> None:
        """A message that is as it should be has no quirks, whatever is tolerated."""
        for name, payload in GOOD.items():
            reading = read(name, payload, EVERY_QUIRK)
            self.assertEqual((reading.quirks, reading.remarks), (NO_QUIRKS, ()))

    def test_several(self) -> None:
        """All deviations of a message are noted."""
        payload = changed(
            "StatusNotification", errorCode="X", info=5, vendorId=None, mine=1, connectorId="1"
        )
        reading = read("StatusNotification", payload, EVERY_QUIRK)
        self.assertEqual(
            reading.quirks,
            {
                Quirk.OTHER_WORDS,
                Quirk.LOOSE_TYPES,
                Quirk.NULL_FIELDS,
                Quirk.UNKNOWN_FIELDS,
            },
        )
        self.assertEqual(len(reading.remarks), 5)

    def test_one_after_the_other(self) -> None:
        """Who is forgiven what each error names gets in."""
        payload = changed("StartTransaction", connectorId="1", mine=1, reservationId=None)
        tolerated: frozenset[Quirk] = NO_QUIRKS
        for _ in range(3):
            error = self.assertRaises(
                RemoteProtocolError, read, "StartTransaction", payload, tolerated
            )
            assert error.quirk is not None
            tolerated |= {error.quirk}
        self.assertEqual(read("StartTransaction", payload, tolerated).quirks, tolerated)

    def test_confirmation(self) -> None:
        """Confirmations are forgiven as requests are."""
        text = b'{"configurationKey":[{"key":"K","readonly":"False","value":60}],"x":1}'
        reading = read_confirmation(ACTIONS["GetConfiguration"], text, EVERY_QUIRK)
        self.assertEqual(reading.quirks, {Quirk.LOOSE_TYPES, Quirk.UNKNOWN_FIELDS})
        self.assertIn("value=<hidden>", repr(reading.message))

    def test_schedule(self) -> None:
        """A limit may be in quotes, and a truth value a number."""
        text = (
            b'{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"A",'
            b'"chargingSchedulePeriod":[{"startPeriod":0.0,"limit":"16.5"}],'
            b'"minChargingRate":6.5}}'
        )
        reading = read_confirmation(ACTIONS["GetCompositeSchedule"], text, EVERY_QUIRK)
        self.assertIn("limit=16.5", repr(reading.message))
        self.assertEqual(reading.remarks[0].split(" at ")[0], "a text")
        text = b'{"configurationKey":[{"key":"K","readonly":1}]}'
        reading = read_confirmation(ACTIONS["GetConfiguration"], text, EVERY_QUIRK)
        self.assertIn("readonly=True", repr(reading.message))


class NeverForgivenTests(SynchronousTestCase):
    """What could mean two things is refused, whatever is tolerated."""

    def test_refused(self) -> None:
        """Nothing is offered to forgive it with."""
        for name, payload in (
            ("Authorize", {"idTag": "x" * 21}),
            ("Authorize", {"idTag": None}),
            ("Authorize", {"idTag": []}),
            ("Authorize", {"idtag": "1"}),
            ("Authorize", []),
            ("Authorize", None),
            ("StatusNotification", changed("StatusNotification", status="Sleeping")),
            ("StatusNotification", changed("StatusNotification", status=1)),
            ("StatusNotification", changed("StatusNotification", connectorId=1.5)),
            ("StatusNotification", changed("StatusNotification", connectorId="one")),
            ("StatusNotification", changed("StatusNotification", connectorId="1e3")),
            ("StatusNotification", changed("StatusNotification", connectorId=1e300)),
            ("StatusNotification", changed("StatusNotification", connectorId=None)),
            ("StopTransaction", changed("StopTransaction", meterStop=1e300)),
            ("StopTransaction", changed("StopTransaction", meterStop=2**63)),
            ("StopTransaction", changed("StopTransaction", meterStop="x")),
            ("StopTransaction", changed("StopTransaction", transactionData="x")),
            ("StopTransaction", changed("StopTransaction", transactionData=[{"values": 1}])),
            ("StopTransaction", changed("StopTransaction", transactionData=[{"values": [1]}])),
            ("MeterValues", changed("MeterValues", meterValue=[])),
            ("MeterValues", values()),
            ("MeterValues", values(None)),
            ("MeterValues", values({"value": {}})),
            ("DataTransfer", changed("DataTransfer", messageId={})),
            ("SignCertificate", {"csr": "x" * 5501}),
        ):
            error = self.assertRaises(RemoteProtocolError, read, name, payload, EVERY_QUIRK)
            self.assertIsNone(error.quirk, (name, payload))
            error = self.assertRaises(RemoteProtocolError, read, name, payload, NO_QUIRKS)
            self.assertIsNone(error.quirk, (name, payload))

    def test_doubled_names(self) -> None:
        """A name that stands twice is refused where all is forgiven, too."""
        text = b'{"idTag":"A","x":1,"idTag":"B"}'
        error = self.assertRaises(RemoteProtocolError, read, "Authorize", text, EVERY_QUIRK)
        self.assertIn("stands twice", error.description)

    def test_truth_values(self) -> None:
        """What is neither yes nor no is refused."""
        for value in (b'"maybe"', b"2", b"[]", b"1.5"):
            text = b'{"configurationKey":[{"key":"K","readonly":%b}]}' % value
            self.assertRaises(
                RemoteProtocolError,
                read_confirmation,
                ACTIONS["GetConfiguration"],
                text,
                EVERY_QUIRK,
            )

    def test_limits(self) -> None:
        """What is no number is no limit."""
        for value in (b'"much"', b"true", b"null"):
            text = (
                b'{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"A",'
                b'"chargingSchedulePeriod":[{"startPeriod":0,"limit":%b}]}}' % value
            )
            self.assertRaises(
                RemoteProtocolError,
                read_confirmation,
                ACTIONS["GetCompositeSchedule"],
                text,
                EVERY_QUIRK,
            )


class NothingLeftTests(SynchronousTestCase):
    """Values of which none can be used."""

    def test_all_values(self) -> None:
        """A MeterValues of which nothing can be used is received, and holds nothing."""
        strange = {"value": "1", "measurand": "Humidity"}
        payload = changed(
            "MeterValues", transactionId=7, meterValue=values(strange)["meterValue"] * 2
        )
        reading = read("MeterValues", payload, EVERY_QUIRK)
        expected = MeterValuesRequest(connector_id=1, transaction_id=7, meter_value=())
        self.assertEqual(reading.message, expected)

    def test_all_values_of_a_moment(self) -> None:
        """The moment is left out, and the others stay."""
        strange = values({"value": "1", "measurand": "Humidity"})["meterValue"]
        good = values(SAMPLED)["meterValue"]
        reading = read(
            "MeterValues", changed("MeterValues", meterValue=strange + good), EVERY_QUIRK
        )
        assert isinstance(reading.message, MeterValuesRequest)
        self.assertEqual(len(reading.message.meter_value), 1)

    def test_still_refused(self) -> None:
        """What else is wrong is refused all the same."""
        payload = values({"value": "1", "measurand": "Humidity"}) | {"connectorId": []}
        self.assertRaises(RemoteProtocolError, read, "MeterValues", payload, EVERY_QUIRK)


class WithoutTests(SynchronousTestCase):
    """A StopTransaction whose data cannot be read."""

    DATA = frozenset({"transactionData"})

    def test_without(self) -> None:
        """What is billed is read, and what was not looked at is told."""
        payload = changed("StopTransaction", idTag="04A2", transactionData=[{"nonsense": 1}])
        for tolerated in (NO_QUIRKS, EVERY_QUIRK):
            self.assertRaises(RemoteProtocolError, read, "StopTransaction", payload, tolerated)
            reading = read("StopTransaction", payload, tolerated, self.DATA)
            self.assertEqual(
                reading,
                Reading(
                    StopTransactionRequest(
                        meter_stop=1, timestamp="T", transaction_id=1, id_tag="04A2"
                    ),
                    NO_QUIRKS,
                    ("transactionData not looked at",),
                ),
            )

    def test_nothing_to_leave_out(self) -> None:
        """Where it is not there, there is nothing to tell."""
        reading = read("StopTransaction", GOOD["StopTransaction"], NO_QUIRKS, self.DATA)
        self.assertEqual(reading.remarks, ())

    def test_the_rest_is_read_as_always(self) -> None:
        """What else is wrong is refused or forgiven as it would be."""
        payload = changed("StopTransaction", meterStop="1", transactionData=1)
        error = self.assertRaises(
            RemoteProtocolError, read, "StopTransaction", payload, NO_QUIRKS, self.DATA
        )
        self.assertIs(error.quirk, Quirk.LOOSE_TYPES)
        reading = read("StopTransaction", payload, EVERY_QUIRK, self.DATA)
        self.assertEqual(reading.quirks, {Quirk.LOOSE_TYPES})

    def test_all_of_it_is_vetted(self) -> None:
        """What is not looked at is still JSON that is the same to everybody."""
        text = (
            b'{"meterStop":1,"timestamp":"T","transactionId":1,'
            b'"transactionData":[{"a":1,"a":2}]}'
        )
        self.assertRaises(
            RemoteProtocolError, read, "StopTransaction", text, EVERY_QUIRK, self.DATA
        )

    def test_no_object(self) -> None:
        """What is no object has no fields to leave out."""
        self.assertRaises(
            RemoteProtocolError, read, "StopTransaction", b"[]", EVERY_QUIRK, self.DATA
        )


class ManyTests(SynchronousTestCase):
    """Messages with hundreds of values."""

    #: Sampled values that are not as they should be, and what they mean.
    DEVIATIONS: tuple[tuple[dict[str, Any] | None, tuple[dict[str, Any], ...]], ...] = (
        (SAMPLED | {"x": [1.5, {}]}, (SAMPLED,)),
        (SAMPLED | {"unit": "a"}, (SAMPLED,)),
        (SAMPLED | {"context": None, "location": ""}, (SAMPLED,)),
        (SAMPLED | {"context": "now and then"}, (SAMPLED,)),
        (SAMPLED | {"value": 1}, (SAMPLED,)),
        (SAMPLED | {"measurand": "Humidity"}, ()),
        ({"x": 1, "value": {}, "measurand": "Humidity"}, ()),
        (None, ()),
    )

    def test_each_is_repaired(self) -> None:
        """Wherever in a long list it stands, and however many there are."""
        for strange, meant in self.DEVIATIONS:
            for before, after in ((0, 300), (63, 1), (64, 0), (150, 150), (299, 1)):
                good = [SAMPLED | {"value": str(number)} for number in range(before + after)]
                found = [*good[:before], *[strange] * 3, *good[before:]]
                expected = [*good[:before], *meant * 3, *good[before:]]
                self.assertEqual(
                    read("MeterValues", values(*found), EVERY_QUIRK).message,
                    read("MeterValues", values(*expected), NO_QUIRKS).message,
                )

    def test_all_are_repaired(self) -> None:
        """All of a long list, of each kind."""
        for strange, meant in self.DEVIATIONS:
            found = [SAMPLED, *[strange] * 200]
            reading = read("MeterValues", values(*found), EVERY_QUIRK)
            expected = read("MeterValues", values(SAMPLED, *meant * 200), NO_QUIRKS)
            self.assertEqual(reading.message, expected.message)

    def test_moments(self) -> None:
        """Moments of OCPP 1.5 may be many, too, and stand among others."""
        moment = {"timestamp": "T", "sampledValue": [SAMPLED]}
        older = {"values": [{"timestamp": "T", "value": [SAMPLED]}] * 100}
        payload = changed("StopTransaction", transactionData=[moment, older, moment] * 50)
        reading = read("StopTransaction", payload, EVERY_QUIRK)
        expected = changed("StopTransaction", transactionData=[moment] * (102 * 50))
        self.assertEqual(reading.message, read("StopTransaction", expected, NO_QUIRKS).message)

    def test_one_is_refused(self) -> None:
        """The first of many that cannot be repaired is named."""
        for before in (0, 1, 63, 64, 200):
            found = [SAMPLED | {"x": 1}] * before + [{"x": 1}] + [SAMPLED | {"value": []}] * 99
            error = self.assertRaises(
                RemoteProtocolError, read, "MeterValues", values(*found), EVERY_QUIRK
            )
            self.assertIs(error.code, CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION)
            self.assertIn(
                f"field `value` at $.meterValue[0].sampledValue[{before}]", error.description
            )

    def test_long_ones_are_not_advised(self) -> None:
        """What would have to be forgiven is found out for messages of up to 16 KiB."""
        for length, quirk in (
            (MAX_ADVISED_BYTES, Quirk.UNKNOWN_FIELDS),
            (MAX_ADVISED_BYTES + 1, None),
        ):
            text = json.dumps(changed("Authorize", x=1)).encode().ljust(length)
            error = self.assertRaises(RemoteProtocolError, read, "Authorize", text, NO_QUIRKS)
            self.assertIs(error.quirk, quirk)
            self.assertIs(error.code, CallErrorCode.FORMATION_VIOLATION)


def mutated(case: SchemaCase, random: Any) -> Any:
    """A full message that was changed at up to three places."""
    payload = full_example(case.schema)
    for _ in range(3):
        try:
            payload = random.choice(mutants(case.schema, payload))()
        except (TypeError, AttributeError, KeyError, IndexError):
            break
    return payload


class _Thorough(tolerance._Mending):
    """One that never gives up."""

    _stuck = property(lambda _: False, lambda *_: None)  # type: ignore[assignment]


class ShortCutTests(SynchronousTestCase):
    """Giving up early changes nothing but the time that it takes."""

    @PROFILE
    @given(st.sampled_from(sorted(MESSAGES)), st.randoms(use_true_random=False))
    def test_same(self, name: str, random: Any) -> None:
        """What is read, or said, is the same as if every place had been looked at."""
        case = MESSAGES[name]
        payload = mutated(case, random)
        tolerated = frozenset(quirk for quirk in EVERY_QUIRK if random.random() < 0.5)
        self.assert_same(case, payload, tolerated)

    def test_deviations(self) -> None:
        """So it is for each two deviations in one message, whatever is forgiven."""
        for one, other in product(CASES, CASES):
            if one.name == other.name:
                case = MESSAGES[one.name]
                payload = json.loads(other.text) | json.loads(one.text)
                for tolerated in (NO_QUIRKS, EVERY_QUIRK, frozenset({one.quirk})):
                    self.assert_same(case, payload, tolerated)
                    self.assert_same(case, payload, EVERY_QUIRK - tolerated)

    def assert_same(self, case: SchemaCase, payload: Any, tolerated: frozenset[Quirk]) -> None:
        """With the short cuts and without them."""
        thorough = MonkeyPatcher(
            (tolerance, "_Mending", _Thorough),
            (Form, "is_that_of_all", lambda *_: False),
        )
        expected = thorough.runWithPatches(self.outcome, case, payload, tolerated)
        self.assertEqual(self.outcome(case, payload, tolerated), expected, payload)

    def outcome(self, case: SchemaCase, payload: Any, tolerated: frozenset[Quirk]) -> object:
        """What is read, or what is said about it."""
        action, text = case.action, json.dumps(payload).encode()
        try:
            if case.is_request:
                return read_request(action.name, text, min(action.sent_by), tolerated)
            return read_confirmation(action, text, tolerated)
        except RemoteProtocolError as error:
            return error.code, error.description, error.quirk


class BoundTests(SynchronousTestCase):
    """How much is repaired."""

    def test_repairs(self) -> None:
        """A message with more deviations than any has is refused, with no advice to forgive."""
        loose = SAMPLED | {"value": 1}
        few = values(*[loose] * MAX_REPAIRS)
        self.assertEqual(
            frozenset({Quirk.LOOSE_TYPES}), read("MeterValues", few, EVERY_QUIRK).quirks
        )
        many = values(*[loose] * (MAX_REPAIRS + 1))
        error = self.assertRaises(RemoteProtocolError, read, "MeterValues", many, EVERY_QUIRK)
        self.assertIsNone(error.quirk)


class RemarkTests(SynchronousTestCase):
    """What is told of the repairs."""

    def test_once(self) -> None:
        """What is wrong with each of many values is told once."""
        reading = read("MeterValues", values(*[SAMPLED | {"x": 1}] * 100), EVERY_QUIRK)
        expected = ("unknown field x at $.meterValue[...].sampledValue[...]",)
        self.assertEqual(reading.remarks, expected)

    def test_each_kind(self) -> None:
        """However often one thing is wrong, the others are told, too."""
        found = [SAMPLED | {"x": 1}] * (2 * MAX_REMARKS) + [SAMPLED | {"y": 1}]
        reading = read("MeterValues", values(*found), EVERY_QUIRK)
        self.assertEqual(len(reading.remarks), 2)

    def test_bounded(self) -> None:
        """However much is wrong, the remarks are few, short and harmless."""
        fields = {f"\n\x1b{number}" + "x" * 500: number for number in range(100)}
        reading = read("Authorize", changed("Authorize", **fields), EVERY_QUIRK)
        self.assertEqual(len(reading.remarks), MAX_REMARKS)
        for remark in reading.remarks:
            self.assertLessEqual(len(remark), MAX_REMARK_CHARS)
            self.assertTrue(remark.isprintable() and remark.isascii(), remark)

    def test_no_secrets(self) -> None:
        """The number of a card is not told."""
        reading = read("Authorize", {"idTag": 4711}, EVERY_QUIRK)
        self.assertNotIn("4711", str(reading))


class AnyPayloadTests(SynchronousTestCase):
    """Whatever comes is a message or one kind of error."""

    @PROFILE
    @given(st.sampled_from(sorted(MESSAGES)), st.randoms(use_true_random=False))
    def test_mutants(self, name: str, random: Any) -> None:
        """Messages that were changed at a few places."""
        case = MESSAGES[name]
        payload = mutated(case, random)
        text = json.dumps(payload).encode()
        tolerated = frozenset(quirk for quirk in EVERY_QUIRK if random.random() < 0.5)
        self.outcome(case.action.name, case.is_request, text, tolerated)

    @PROFILE
    @given(st.sampled_from(sorted(ACTIONS)), st.booleans(), st.binary(max_size=80))
    def test_any_bytes(self, name: str, is_request: bool, text: bytes) -> None:
        """Any bytes."""
        self.outcome(name, is_request, text, EVERY_QUIRK)

    def outcome(
        self, name: str, is_request: bool, text: bytes, tolerated: frozenset[Quirk]
    ) -> None:
        """Read C{text}."""
        action = ACTIONS[name]
        try:
            if is_request:
                reading = read_request(name, text, min(action.sent_by), tolerated)
            else:
                reading = read_confirmation(action, text, tolerated)
        except RemoteProtocolError as error:
            self.assertLessEqual(len(error.description), 255)
            self.assertNotIn(error.quirk, tolerated)
        else:
            self.assertLessEqual(reading.quirks, tolerated)
            self.assertEqual(bool(reading.quirks), bool(reading.remarks))
