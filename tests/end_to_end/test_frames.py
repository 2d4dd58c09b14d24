"""What the Central System answers to frames that no library would send."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from . import cases
from .program import WAIT_S
from .station import SUBPROTOCOL

_HEARTBEAT = '[2,"beat","Heartbeat",{}]'


class Frames(cases.SharedProgramCase):
    """A raw WebSocket."""

    def setUp(self) -> None:
        """Connect."""
        opening: AbstractContextManager[ClientConnection] = connect(
            f"ws://127.0.0.1:{self.manager.port}/CP-0001",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            open_timeout=WAIT_S,
            proxy=None,
        )
        self.socket = opening.__enter__()
        self.addCleanup(self.socket.close)

    def answer(self, text: str | bytes) -> list[Any]:
        """Send a frame, and give the answer to it; calls of the Central System are left out."""
        self.socket.send(text)
        while True:
            frame: list[Any] = json.loads(self.socket.recv(WAIT_S))
            if frame[0] != 2:
                return frame

    def refused(self, text: str, code: str) -> None:
        """A frame is answered with a CALLERROR, and the connection goes on."""
        answer = self.answer(text)
        self.assertEqual(answer[:3], [4, "id", code])
        # OCPP-J 1.6, "CallError": the description is at most 255 characters, details an object.
        self.assertLessEqual(len(answer[3]), 255)
        self.assertEqual(answer[4], {})
        self.assertEqual(self.answer(_HEARTBEAT)[:2], [3, "beat"])

    def test_unknown_action(self) -> None:
        """An action that OCPP 1.6 does not have is NotImplemented."""
        self.refused('[2,"id","MakeCoffee",{}]', "NotImplemented")

    def test_wrong_direction(self) -> None:
        """A request that only a Central System sends is NotSupported."""
        self.refused('[2,"id","RemoteStopTransaction",{"transactionId":1}]', "NotSupported")

    def test_missing_field(self) -> None:
        """A field that is missing is an OccurenceConstraintViolation, written as in OCPP."""
        self.refused(
            '[2,"id","BootNotification",{"chargePointVendor":"x"}]',
            "OccurenceConstraintViolation",
        )

    def test_wrong_type(self) -> None:
        """A value of another type is a TypeConstraintViolation."""
        self.refused('[2,"id","Authorize",{"idTag":7}]', "TypeConstraintViolation")

    def test_extra_field(self) -> None:
        """A field that is not in the schema is overlooked."""
        self.assertEqual([3, "id"], self.answer('[2,"id","Heartbeat",{"extra":1}]')[:2])

    def test_twice_the_same_field(self) -> None:
        """A field that is there twice is a FormationViolation: which of them is meant?"""
        self.refused('[2,"id","Authorize",{"idTag":"a","idTag":"b"}]', "FormationViolation")

    def test_out_of_range(self) -> None:
        """A connector that cannot be is a PropertyConstraintViolation."""
        self.refused(
            '[2,"id","StatusNotification",'
            '{"connectorId":-1,"errorCode":"NoError","status":"Available"}]',
            "PropertyConstraintViolation",
        )

    def test_not_json(self) -> None:
        """What is not JSON, or not a frame, does not end the connection."""
        for text in ("", "not json", "{}", "[]", "[2]", '[9,"id",{}]', "[" * 30_000, "NaN"):
            self.socket.send(text)
        self.assertEqual(self.answer(_HEARTBEAT)[:2], [3, "beat"])

    def test_answers_to_nothing(self) -> None:
        """Answers that nobody waits for do not end the connection."""
        for text in ('[3,"nobody",{}]', '[4,"nobody","GenericError","",{}]'):
            self.socket.send(text)
        self.assertEqual(self.answer(_HEARTBEAT)[:2], [3, "beat"])

    def test_order(self) -> None:
        """Calls that come in one go are answered in their order."""
        for number in range(20):
            self.socket.send(f'[2,"{number}","Heartbeat",{{}}]')
        answers = [self.answer(_HEARTBEAT)[1]]
        while len(answers) < 21:
            frame = json.loads(self.socket.recv(WAIT_S))
            if frame[0] == 3:
                answers.append(frame[1])
        self.assertEqual(answers, [*map(str, range(20)), "beat"])

    def test_as_written(self) -> None:
        """Meter values are kept to the letter: white space, escapes, trailing zeros."""
        payload = (
            '{ "connectorId" : 1,\n "meterValue":[{"timestamp":"2026-01-02T03:04:05.600+01:00",'
            '"sampledValue":[ {"value":"0012.500", "format":"SignedData",'
            '"context":"Transaction.End"},{"value":"\\u00e9\\/=="}]}]\t}'
        )
        answer = self.answer(f' [ 2 , "raw" , "MeterValues" , {payload} ] ')
        self.assertEqual(answer, [3, "raw", {}])
        rows = self.manager.rows("select payload_text from meter_values")
        self.assertEqual(rows, [(payload,)])

    def test_forged_line(self) -> None:
        """What a station calls itself cannot forge a line of the log, nor steer a terminal."""
        names = ("a\nFORGED", "b\r\nFORGED", "c\u2028FORGED", "\x1b[2JFORGED", "\x9b2JFORGED")
        mark = 0
        for name in names:
            boot = {"chargePointVendor": name, "chargePointModel": "m"}
            answer = self.answer(json.dumps([2, "id", "BootNotification", boot]))
            self.assertEqual(answer[2]["status"], "Accepted")
            found = self.manager.wait_for("FORGED", mark)
            mark = self.manager.lines.index(found.string, mark) + 1
        for line in self.manager.lines:
            self.assertTrue(line.isprintable(), line)
            self.assertTrue("FORGED" not in line or "has started" in line, line)

    def test_binary(self) -> None:
        """A binary message ends the connection: OCPP-J is text."""
        self.assertEqual(self.closed_after(_HEARTBEAT.encode()), 1003)

    def test_too_long(self) -> None:
        """A message over 256 KiB ends the connection."""
        self.assertEqual(self.closed_after('[2,"id","' + "x" * 270_000 + '",{}]'), 1009)

    def test_garbage(self) -> None:
        """A peer that sends nothing but garbage is sent away in the end."""
        for _ in range(99):
            self.socket.send("garbage")
        self.assertEqual(self.closed_after("garbage"), 1008)

    def closed_after(self, frame: str | bytes) -> int | None:
        """Send a frame, and give the status that the connection is closed with."""
        self.socket.send(frame)
        try:
            while True:
                self.socket.recv(WAIT_S)
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code
