"""The short way, beside the long one."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.usual import read_usual
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS
from cfos_cm.v16.actions import Role, read_request
from cfos_cm.v16.reading import Reading
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call
from tests.fuzz.mutation import Mutator

HEARTBEAT = b'[2,"1","Heartbeat",{}]'


class Usual(SynchronousTestCase):
    """Nothing is read otherwise than it would be on the long way."""

    def check(self, text: bytes) -> bool:
        """Whether it was read on the short way; and if so, as on the long one."""
        usual = read_usual(text)
        if usual is None:
            return False
        call, request = usual
        for tolerated in (NO_QUIRKS, EVERY_QUIRK):
            self.assertEqual(call, ocppj.decode(text, tolerated=tolerated))
            reading = read_request(call.action, call.payload, Role.CHARGE_POINT, tolerated)
            self.assertEqual(Reading(request), reading)
        return True

    def test_damaged_frames(self) -> None:
        """Of all kinds of damage."""
        mutator = Mutator(5)
        read = sum(self.check(mutator.frame()) for _ in range(5_000))
        self.assertGreater(read, 100)

    def test_cut_and_joined(self) -> None:
        """No end of a frame is taken for another one."""
        whole = b'[2,"a-1","DataTransfer",{"vendorId":"]}","data":"[2,{}]"}]'
        self.assertTrue(self.check(whole))
        for end in range(len(whole)):
            self.assertFalse(self.check(whole[:end]))
            # Some of these are whole again.
            self.check(whole[:end] + b"}]")
        for text in (
            whole + b" ",
            b" " + whole,
            whole + whole,
            whole[:-1] + b",{}]",
            whole[:-1] + b",[]]",
            whole[:-1] + b"}]",
            whole[:-1] + b"x",
            whole[:-1] + b"}",
            whole[:-1] + b" ",
        ):
            self.assertFalse(self.check(text))

    def test_ids(self) -> None:
        """Message ids that need no second look are read as they are."""
        for unique_id in (b"1", b"x" * 36, b"!#[]{}~", b"with blank"):
            self.assertTrue(self.check(b'[2,"%b","Heartbeat",{}]' % unique_id))
        for unique_id in (b"", b"x" * 37, b'\\"', b"\\u0041", b"\n", b"\x7f", b"\xc3\xa4"):
            self.assertIsNone(read_usual(b'[2,"%b","Heartbeat",{}]' % unique_id))

    def test_not_for_us(self) -> None:
        """What is not a Charge Point's to ask for, or by no name that is known."""
        for action in (b"Reset", b"Heartbeats", b"heartbeat", b"x" * 65):
            self.assertIsNone(read_usual(b'[2,"1","%b",{}]' % action))

    def test_payloads(self) -> None:
        """A payload with anything odd about it takes the long way."""
        begin = b'[2,"1","DataTransfer",'
        self.assertTrue(self.check(begin + b'{"vendorId":"a","data":"\xc3\xa4\\n"}]'))
        for payload in (
            b'{"vendorId":"a","vendorId":"b"}',
            b'{"vendorId":"a","data":"\\u0000"}',
            b'{"vendorId":"a","data":"\xff"}',
            b'{"vendorId":"a","more":1}',
            b'{"vendorId":1}',
            b'{"vendorId":null}',
            b"{}",
            b"{} {}",
        ):
            self.assertIsNone(read_usual(begin + payload + b"]"), payload)
        self.assertTrue(self.check(begin + b'{ "vendorId" : "a" }]'))

    def test_long(self) -> None:
        """What is long takes the long way."""
        text = b'[2,"1","DataTransfer",{"vendorId":"a","data":"%b"}]'
        self.assertTrue(self.check(text % (b"x" * 60_000)))
        self.assertIsInstance(ocppj.decode(text % (b"x" * 70_000)), Call)
        self.assertIsNone(read_usual(text % (b"x" * 70_000)))

    def test_nearly_all(self) -> None:
        """What Charge Points say all day is read on the short way."""
        self.assertTrue(self.check(HEARTBEAT))
        for text in (
            b'[2,"2","StatusNotification",{"connectorId":1,"errorCode":"NoError",'
            b'"status":"Charging","timestamp":"2026-11-22T16:00:00Z"}]',
            b'[2,"3","MeterValues",{"connectorId":1,"transactionId":7,"meterValue":[{'
            b'"timestamp":"2026-11-22T16:00:00Z","sampledValue":[{"value":"1"}]}]}]',
        ):
            self.assertTrue(self.check(text), text)
