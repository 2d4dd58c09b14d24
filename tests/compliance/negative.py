"""
Cases beyond the official ones: what a Charge Point should not do, and does.

A subject passes when it answers as it must, keeps serving and has no second effect.
"""

from __future__ import annotations

from typing import Any

from tests.compliance.case import Case, Profile
from tests.compliance.patterns import POSITIVE, TIME, AtMost, Kept, Moment
from tests.compliance.sites import SECOND, STRANGER, STRICT, STRICT_SITE, VALID
from tests.compliance.states import (
    BOOTED,
    BOTH_BOOTED,
    BOX,
    CHARGING,
    HEARTBEAT,
    ITS_NUMBER,
    NOW,
    boot_by,
    ends,
    starts,
    status,
)
from tests.compliance.steps import (
    Answers,
    Dials,
    Either,
    Finds,
    IsClosed,
    OrdersUnanswered,
    Refused,
    Says,
    SaysAtOnce,
    SaysText,
    Sees,
    Step,
    Waits,
)

__all__ = ["CASES"]

_NEGATIVE = Profile.NEGATIVE

_INCOMPLETE = Refused("OccurenceConstraintViolation", "ProtocolError", "FormationViolation")
_WRONG_TYPE = Refused("TypeConstraintViolation")
_TOO_LONG = Refused("PropertyConstraintViolation")
_TOO_EARLY = Refused("SecurityError")

_START = {"connectorId": 1, "idTag": VALID, "meterStart": 1000, "timestamp": NOW}
_FREE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def _values(number: Any = None, connector: Any = 1, at: Any = NOW) -> dict[str, Any]:
    sampled = {"value": "1500", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    values = {
        "connectorId": connector,
        "meterValue": [{"timestamp": at, "sampledValue": [sampled]}],
    }
    return values if number is None else {**values, "transactionId": number}


def _with_shade(values: dict[str, Any]) -> dict[str, Any]:
    """The same MeterValues with a field too many in its depth."""
    (reading,) = values["meterValue"]
    sampled = [{**one, "shade": "dark"} for one in reading["sampledValue"]]
    return {**values, "meterValue": [{**reading, "sampledValue": sampled}]}


def _wrong(action: str, payload: Any, answer: Any, by: str = "CP-1") -> Says:
    return Says(action, payload, answer, by=by, odd=True)


def _without(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


def _strange_clock(text: str) -> tuple[Step, ...]:
    """A charge by a clock that nobody believes, and with a meter that runs backwards."""
    return (
        # What is told without a time happens now: at the same moment it would be the same.
        Waits(1),
        Says("StatusNotification", {**_FREE, "timestamp": text}),
        Says("StartTransaction", {**_START, "timestamp": text},
             {"transactionId": POSITIVE, "idTagInfo": {"status": "Accepted"}},
             keep={"transaction": "transactionId"}),
        Says("MeterValues", _values(ITS_NUMBER, at=text)),
        Says("StopTransaction",
             {"transactionId": ITS_NUMBER, "meterStop": 999, "timestamp": text}),
    )  # fmt: skip


#: Nothing of this can be answered: there is no message id in it.
_JUNK = (
    b"", b" ", b"hello", b"{}", b"null", b"42", b"[]", b"[2]", b'["2","x","Heartbeat",{}]',
    b"[2,", b'{"action":"Heartbeat"}', b"[" * 5000, b"[NaN]",
)  # fmt: skip

#: Everything that a Charge Point can say, but BootNotification.
_EVERYTHING_ELSE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Authorize", {"idTag": VALID}),
    ("DataTransfer", {"vendorId": "org.example.nobody"}),
    ("DiagnosticsStatusNotification", {"status": "Idle"}),
    ("FirmwareStatusNotification", {"status": "Idle"}),
    ("Heartbeat", {}),
    ("LogStatusNotification", {"status": "Idle"}),
    ("MeterValues", _values()),
    ("SecurityEventNotification", {"type": "FirmwareUpdated", "timestamp": NOW}),
    ("SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}),
    ("SignedFirmwareStatusNotification", {"status": "Idle"}),
    ("StartTransaction", _START),
    ("StatusNotification", _FREE),
    ("StopTransaction", {"transactionId": 1, "meterStop": 0, "timestamp": NOW}),
)
_TOO_SOON = tuple(
    Says(action, payload, _TOO_EARLY, by=STRANGER) for action, payload in _EVERYTHING_ELSE
)

_STRANGE_STOPS = (-1, 0, 2**31, 2**63)

# fmt: off
CASES: tuple[Case, ...] = (
    Case("NEG-01", _NEGATIVE,
         "A field that must be there is not",
         "CALLERROR OccurenceConstraintViolation, ProtocolError or FormationViolation; the "
         "connection stays, and nothing is kept",
         start=BOOTED,
         steps=(
             _wrong("BootNotification", _without("chargePointVendor", BOX), _INCOMPLETE),
             _wrong("Authorize", {}, _INCOMPLETE),
             _wrong("StatusNotification", _without("errorCode", _FREE), _INCOMPLETE),
             *(_wrong("StartTransaction", _without(name, _START), _INCOMPLETE)
               for name in _START),
             _wrong("MeterValues", {"connectorId": 1}, _INCOMPLETE),
             _wrong("StopTransaction", {"transactionId": 1, "meterStop": 1}, _INCOMPLETE),
             HEARTBEAT, Finds(transactions=[], meter_values=[], review=[]),
         )),
    Case("NEG-02", _NEGATIVE,
         "A field that OCPP 1.6 does not know",
         "It is ignored, and noted once for the device; where nothing is forgiven, CALLERROR "
         "FormationViolation; the connection stays",
         start=(*BOOTED, Dials(STRICT), boot_by(STRICT)),
         steps=(
             Finds(counters={"deviations_tolerated": 0}),
             _wrong("StatusNotification", {**_FREE, "colour": "red"}, {}),
             Finds(counters={"deviations_tolerated": POSITIVE},
                   keep={"deviations": "deviations_tolerated"}),
             _wrong("StatusNotification", {**_FREE, "colour": "blue"}, {}),
             Finds(counters={"deviations_tolerated": Kept("deviations")}),
             _wrong("Heartbeat", {"shade": {"deep": [1]}}, {"currentTime": TIME}),
             _wrong("MeterValues", _with_shade(_values()), {}),
             _wrong("StatusNotification", {**_FREE, "colour": "red"},
                    Refused("FormationViolation"), by=STRICT),
             Says("Heartbeat", {}, {"currentTime": TIME}, by=STRICT),
         ),
         site=STRICT_SITE),
    Case("NEG-03", _NEGATIVE,
         "A value of the wrong type",
         "CALLERROR TypeConstraintViolation for a number in quotes, for true as a number and "
         "for a number as a text; 1.0 is the integer 1",
         start=BOOTED,
         steps=(
             _wrong("StatusNotification", {**_FREE, "connectorId": "1"}, _WRONG_TYPE),
             _wrong("StatusNotification", {**_FREE, "connectorId": True}, _WRONG_TYPE),
             _wrong("StatusNotification", {**_FREE, "connectorId": 1.5}, _WRONG_TYPE),
             _wrong("StatusNotification", {**_FREE, "connectorId": [1]}, _WRONG_TYPE),
             _wrong("Authorize", {"idTag": 123}, _WRONG_TYPE),
             _wrong("MeterValues", {"connectorId": 1, "meterValue": "1500"}, _WRONG_TYPE),
             _wrong("StatusNotification", {**_FREE, "connectorId": 1.0}, {}),
             HEARTBEAT,
         )),
    Case("NEG-04", _NEGATIVE,
         "A text that is too long",
         "CALLERROR PropertyConstraintViolation, or it is cut; it is never passed on as it "
         "came, and an idTag is never cut",
         start=BOOTED,
         steps=(
             _wrong("BootNotification", {**BOX, "chargePointModel": "M" * 21},
                    Either(_TOO_LONG, {"status": "Accepted", "interval": POSITIVE})),
             _wrong("BootNotification", {**BOX, "chargePointVendor": "V" * 5000},
                    Either(_TOO_LONG, {"status": "Accepted", "interval": POSITIVE})),
             Finds(devices={"CP-1": {"vendor": AtMost(20), "model": AtMost(20)}}),
             _wrong("Authorize", {"idTag": VALID + "0" * 13}, _TOO_LONG),
             _wrong("StartTransaction", {**_START, "idTag": "0" * 21}, _TOO_LONG),
             _wrong("StatusNotification", {**_FREE, "info": "i" * 51}, Either(_TOO_LONG, {})),
             HEARTBEAT, Finds(transactions=[]),
         )),
    Case("NEG-05", _NEGATIVE,
         "What is not JSON, not a message, or nothing",
         "Nothing can be answered: it is counted, and the connection stays; a text that is not "
         "UTF-8 closes it with 1007",
         start=BOOTED,
         steps=(
             *(SaysText(junk) for junk in _JUNK),
             HEARTBEAT, Finds(counters={"frames_unreadable": len(_JUNK)}),
             SaysText(b'"\xff\xfe"'), IsClosed(1007),
             Dials(), HEARTBEAT,
         )),
    Case("NEG-06", _NEGATIVE,
         "An action that nobody knows",
         "CALLERROR NotImplemented; upper and lower case matter",
         start=BOOTED,
         steps=(*(_wrong(action, {}, Refused("NotImplemented"))
                  for action in ("Frobnicate", "heartbeat", "NotifyEvent", "Heartbeat ")),
                HEARTBEAT)),
    Case("NEG-07", _NEGATIVE,
         "An action that only the other side may use",
         "CALLERROR NotSupported",
         start=BOOTED,
         steps=(Says("Reset", {"type": "Hard"}, Refused("NotSupported")),
                Says("RemoteStartTransaction", {"idTag": VALID}, Refused("NotSupported")),
                Says("GetConfiguration", {}, Refused("NotSupported")),
                HEARTBEAT)),
    Case("NEG-08", _NEGATIVE,
         "The same message twice",
         "The same answer again, and no second effect",
         start=BOOTED,
         steps=(
             Says("StartTransaction", _START, {"transactionId": POSITIVE}, unique_id="twice-1",
                  keep={"transaction": "transactionId"}),
             Says("StartTransaction", _START, {"transactionId": ITS_NUMBER},
                  unique_id="twice-1"),
             # Who has lost the answer may also say it with a new id.
             Says("StartTransaction", _START, {"transactionId": ITS_NUMBER}),
             *(Says("MeterValues", _values(ITS_NUMBER), unique_id="twice-2")
               for _ in range(3)),
             *(Says("StopTransaction", {"transactionId": ITS_NUMBER,
                                        "meterStop": 3500, "timestamp": NOW},
                    unique_id="twice-3")
               for _ in range(2)),
             ends(),
             Finds(transactions=[{"transaction_id": ITS_NUMBER, "state": "stopped"}],
                   meter_values=[{"transaction_id": ITS_NUMBER}], review=[],
                   counters={"calls_repeated": 6}),
         )),
    Case("NEG-09", _NEGATIVE,
         "Answers that nobody waits for",
         "An answer with an unknown id, a second one and a late one are dropped and counted; "
         "who asked is told that there was none",
         start=BOOTED,
         steps=(
             SaysText(b'[3,"never-asked",{"status":"Accepted"}]'),
             SaysText(b'[4,"never-asked-either","InternalError","",{}]'),
             HEARTBEAT, Finds(counters={"answers_unknown": 2}),
             OrdersUnanswered("doubled", "ClearCache"),
             Answers("doubled"), Sees("doubled", {"status": "Accepted"}),
             Answers("doubled", {"status": "Rejected"}),
             HEARTBEAT, Finds(counters={"answers_doubled": 1}),
             OrdersUnanswered("late", "ClearCache"),
             Waits(31), Sees("late", error="not answered"), Answers("late"),
             HEARTBEAT,
             Finds(counters={"answers_late": 1, "answers_doubled": 1, "answers_unknown": 2,
                             "calls_timed_out": 1}),
         )),
    Case("NEG-10", _NEGATIVE,
         "A question before the last one is answered",
         "Those of the Charge Point are answered in their order; ours wait for each other",
         start=BOOTED,
         steps=(
             SaysAtOnce(tuple(
                 Says("MeterValues", _values()) if number % 2 else HEARTBEAT
                 for number in range(20)
             )),
             Finds(meter_values=[{"connector": 1}] * 10),
             OrdersUnanswered("first", "ClearCache"),
             OrdersUnanswered("second", "GetConfiguration", {"key": ["HeartbeatInterval"]},
                              waits_its_turn=True),
             HEARTBEAT,
             Answers("first"), Sees("first", {"status": "Accepted"}),
             Answers("second", code="NotSupported"), Sees("second", error="NotSupported"),
         )),
    Case("NEG-11", _NEGATIVE,
         "The end of another Charge Point's transaction",
         "Answered, and without effect; it is counted and kept for review",
         start=(*BOTH_BOOTED, status("Preparing"), starts(), status("Charging")),
         steps=(
             ends(by=SECOND),
             Finds(transactions=[{"state": "open", "charge_point": "CP-1"}],
                   review=[{"charge_point": SECOND, "transaction_id": ITS_NUMBER}],
                   counters={"foreign_stops": 1}),
             ends(), Finds(transactions=[{"state": "stopped"}]),
         )),
    Case("NEG-12", _NEGATIVE,
         "The end of a transaction with a number that cannot be",
         "-1, 0, 2 to the power of 31 and of 63 are answered, and kept for review",
         start=BOOTED,
         steps=(
             *(ends(number=number) for number in _STRANGE_STOPS),
             Finds(transactions=[],
                   review=[{"charge_point": "CP-1", "transaction_id": number}
                           for number in _STRANGE_STOPS],
                   counters={"unknown_stops": len(_STRANGE_STOPS)}),
             HEARTBEAT,
         )),
    Case("NEG-13", _NEGATIVE,
         "Anything before the Charge Point is accepted",
         "CALLERROR SecurityError for every message but BootNotification, also while it is "
         "told to wait; nothing is kept",
         start=(Dials(STRANGER),),
         steps=(*_TOO_SOON, boot_by(STRANGER, "Pending"), *_TOO_SOON,
                Finds(transactions=[], meter_values=[], review=[]))),
    Case("NEG-14", _NEGATIVE,
         "An end without a beginning, values after the end",
         "Answered and kept: the end for review, the values with their transaction; the next "
         "charge is not disturbed",
         start=BOOTED,
         steps=(
             ends(number=4321), Finds(review=[{"transaction_id": 4321}], transactions=[],
                                       counters={"unknown_stops": 1}),
             *CHARGING[len(BOOTED):], ends(),
             Says("MeterValues", _values(ITS_NUMBER)),
             Finds(transactions=[{"state": "stopped"}],
                   meter_values=[{"transaction_id": ITS_NUMBER}]),
             status("Preparing"), starts(at=Moment(60)), ends(at=Moment(120)),
             Finds(transactions=[{"state": "stopped"}, {"state": "stopped"}]),
         )),
    Case("NEG-15", _NEGATIVE,
         "A meter that runs backwards, a clock that was never set",
         "Answered and kept, whatever the time: \"1000000\", the years 0 and 9999, nothing",
         start=BOOTED,
         steps=(
             starts(),
             Says("StopTransaction", {"transactionId": ITS_NUMBER, "meterStop": 999,
                                      "timestamp": NOW}),
             *(step
               for text in ("1000000", "0000-00-00T00:00:00Z", "0000-01-01T00:00:00Z",
                            "9999-12-31T23:59:59Z", "1970-01-01T00:00:07Z", "")
               for step in _strange_clock(text)),
             HEARTBEAT,
             Finds(transactions=[{"state": "stopped", "meter_stop_wh": 999}] * 7, review=[]),
         )),
)
