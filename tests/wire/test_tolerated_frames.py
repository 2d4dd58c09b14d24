"""Frames that are not quite as they should be, from peers that are forgiven it."""

from __future__ import annotations

from attrs import evolve, frozen
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS, Quirk
from cfos_cm.wire.ocppj import (
    Call,
    CallError,
    CallResult,
    Frame,
    UnreadableFrame,
    decode,
    encode,
)


@frozen
class Case:
    """
    A deviation.

    @ivar text: the message.
    @ivar meant: what it means to those who forgive it.
    @ivar answerable: the message id of the refusal.
    """

    quirk: Quirk
    text: bytes
    meant: Frame
    answerable: str | None = None


CASES = (
    Case(Quirk.NUMERIC_IDS, b'[2,17,"A",{}]', Call("17", "A", b"{}", id_text=b"17")),
    Case(Quirk.NUMERIC_IDS, b'[2,-1,"A",{}]', Call("-1", "A", b"{}", id_text=b"-1")),
    Case(
        Quirk.NUMERIC_IDS,
        b'[2, 9999999999999999999, "A", {}]',
        Call("9999999999999999999", "A", b"{}", id_text=b"9999999999999999999"),
    ),
    Case(Quirk.NUMERIC_IDS, b"[3,17,{}]", CallResult("17", b"{}", id_text=b"17")),
    Case(Quirk.NUMERIC_IDS, b'[4,17,"X"]', CallError("17", "X", "", id_text=b"17")),
    Case(
        Quirk.PADDED_FRAMES,
        b'\xef\xbb\xbf[2,"1","A",{}]',
        Call("1", "A", b"{}", id_text=b'"1"'),
        "1",
    ),
    Case(Quirk.PADDED_FRAMES, b'[2,"1","A",{}]\0', Call("1", "A", b"{}", id_text=b'"1"'), "1"),
    Case(
        Quirk.PADDED_FRAMES,
        b'[2,"1","A",{}] \r\n\0\0',
        Call("1", "A", b"{}", id_text=b'"1"'),
        "1",
    ),
    Case(
        Quirk.BROKEN_JSON,
        b'[2,"1","A",{"a":[,1],"b":,}]',
        Call("1", "A", b'{"a":[1]}', id_text=b'"1"'),
        "1",
    ),
    Case(Quirk.BROKEN_JSON, b'[3,"1",{},]', CallResult("1", b"{}", id_text=b'"1"')),
    Case(
        Quirk.ANSWERS_WITH_ACTION,
        b'[3,"1","Reset",{"status":"Accepted"}]',
        CallResult("1", b'{"status":"Accepted"}', id_text=b'"1"'),
    ),
)


class ToleranceTests(SynchronousTestCase):
    """Each deviation, forgiven and not."""

    def test_refused(self) -> None:
        """Where it is not forgiven, the error names what could be."""
        for case in CASES:
            for tolerated in (NO_QUIRKS, EVERY_QUIRK - {case.quirk}):
                error = self.assertRaises(
                    UnreadableFrame, decode, case.text, tolerated=tolerated
                )
                self.assertIs(error.quirk, case.quirk, case.text)
                self.assertEqual(error.unique_id, case.answerable, case.text)

    def test_forgiven(self) -> None:
        """Where it is forgiven, the frame says so and keeps the text that came."""
        for case in CASES:
            for tolerated in (frozenset({case.quirk}), EVERY_QUIRK):
                frame = decode(case.text, tolerated=tolerated)
                expected = evolve(case.meant, text=case.text, quirks=frozenset({case.quirk}))
                self.assertEqual(frame, expected)

    def test_several(self) -> None:
        """Who deviates in several ways is forgiven one after the other."""
        text = b'\xef\xbb\xbf[2,17,"A",{"a":1,}]\0'
        tolerated: frozenset[Quirk] = NO_QUIRKS
        for quirk in (Quirk.PADDED_FRAMES, Quirk.BROKEN_JSON, Quirk.NUMERIC_IDS):
            error = self.assertRaises(UnreadableFrame, decode, text, tolerated=tolerated)
            self.assertIs(error.quirk, quirk)
            tolerated |= {quirk}
        frame = decode(text, tolerated=tolerated)
        self.assertEqual(
            frame, Call("17", "A", b'{"a":1}', text, quirks=tolerated, id_text=b"17")
        )

    def test_not_met(self) -> None:
        """A frame that is as it should be has no quirks, whatever is tolerated."""
        for text in (b'[2,"1","A",{}]', b'[3,"1",{}]', b' [4,"1","X"]'):
            frame = decode(text, tolerated=EVERY_QUIRK)
            assert frame is not None
            self.assertEqual(frame.quirks, NO_QUIRKS)

    def test_never_forgiven(self) -> None:
        """What can be understood in several ways is refused, and nothing is offered for it."""
        for text in (
            b'[2,1.5,"A",{}]',
            b'[2,1e3,"A",{}]',
            b'[2,true,"A",{}]',
            b'[2,99999999999999999999,"A",{}]',
            b'[2,"1",{}]',
            b'[2,"1","A",[]]',
            b'[3,"1",1,{}]',
            b'[3,"1","A",{},{}]',
            b'[3,"1","A",1]',
            b'[2,"1","A",{"a" 1}]',
            b'[2,"1","A",{,"a" 1}]',
            b'\0[2,"1","A",{}]',
            b'[2,"1","A",{}]\0x',
            b"\0",
            b",",
            "[2]".encode("utf-16-le"),
        ):
            error = self.assertRaises(UnreadableFrame, decode, text, tolerated=EVERY_QUIRK)
            self.assertIsNone(error.quirk, text)

    def test_too_deep_to_mend(self) -> None:
        """What is broken and far too deep is refused."""
        text = b'[2,"1","A",{,"a":' + b"[" * 30_000
        error = self.assertRaises(UnreadableFrame, decode, text, tolerated=EVERY_QUIRK)
        self.assertEqual(error.unique_id, "1")


class AnswerTests(SynchronousTestCase):
    """The message id of an answer is written as that of the call was."""

    def test_number(self) -> None:
        """Who asks with a number is answered with it."""
        call = decode(b'[2,17,"A",{}]', tolerated=EVERY_QUIRK)
        assert call is not None
        for answer, expected in (
            (CallResult(call.unique_id, b"{}", id_text=call.id_text), b"[3,17,{}]"),
            (CallError(call.unique_id, "X", "", id_text=call.id_text), b'[4,17,"X","",{}]'),
        ):
            self.assertEqual(encode(answer), expected)

    def test_spelling(self) -> None:
        """An id with escapes comes back with them."""
        call = decode(b'[2,"\\u0041\\/","A",{}]')
        assert call is not None
        self.assertEqual(call.unique_id, "A/")
        answer = CallResult(call.unique_id, b"{}", id_text=call.id_text)
        self.assertEqual(encode(answer), b'[3,"\\u0041\\/",{}]')

    def test_refusal(self) -> None:
        """A refusal can be sent with the id as it came."""
        error = self.assertRaises(
            UnreadableFrame, decode, b'[2,17,"A",[]]', tolerated=EVERY_QUIRK
        )
        self.assertEqual((error.unique_id, error.id_text), ("17", b"17"))

    def test_refusal_of_a_long_id(self) -> None:
        """One that is too long cannot: what fits of it is sent."""
        error = self.assertRaises(UnreadableFrame, decode, b'[2,"%b","A",{}]' % (b"x" * 37))
        self.assertEqual((error.unique_id, error.id_text), ("x" * 36, b""))


class SameFrameTests(SynchronousTestCase):
    """The quick way and the careful one read the same."""

    def test_same(self) -> None:
        """A blank before a frame changes its text and nothing else."""
        for text in (
            b'[2,"1","A",{"a":1}]',
            b'[2,"\\u00e9","A",{}]',
            '[2,"é","A",{"é":"é"}]'.encode(),
            b'[2,"1","A",null]',
            b'[3,"1",{"a":{}}]',
            b'[3,"1",null]',
            b'[3,"%b",{}]' % (b"x" * 40),
            b'[2 ,"1","A",{}]',
            b"[2]",
            b'[2,"1"]',
            b'[2,"","A",{}]',
            b'[2,"1","",{}]',
            b'[2,"1","A",[]]',
            b'[2,"%b","A",{}]' % (b"x" * 37),
            b'[2,"1","%b",{}]' % (b"A" * 65),
            b'[3,"1",[]]',
            b'[2,"1",1,{}]',
            b'[2.0,"1","A",{}]',
        ):
            self.assertEqual(self.outcome(text), self.outcome(b" " + text), text)

    def outcome(self, text: bytes) -> object:
        """What is read from C{text}, or the error about it."""
        try:
            frame = decode(text)
        except UnreadableFrame as error:
            return str(error), error.unique_id, error.id_text, error.quirk
        assert frame is not None
        return evolve(frame, text=b"")
