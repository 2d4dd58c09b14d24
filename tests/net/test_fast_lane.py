"""The short cut through Autobahn, beside the long way."""

from __future__ import annotations

import os
from random import Random
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.fast_lane import FastLane, may_take_fast_lane
from cfos_cm.net.lean_connect import LeanConnect

from .peers import CONTINUATION, PING, TEXT, frame
from .streams import MAX_BYTES, outcome, random_stream, split

#: More by C{FUZZ_STREAMS=1000000}.
STREAMS = int(os.environ.get("FUZZ_STREAMS", "250"))


class FastAndLean(FastLane, LeanConnect):
    """As the server has it."""


class Differential(SynchronousTestCase):
    """Whatever comes, in whatever pieces: the same callbacks, bytes and states."""

    def assertSame(self, pieces: list[bytes], note: object = None) -> Any:
        """Fail unless all kinds of connections make the same of a stream."""
        stock = outcome(WebSocketServerProtocol, pieces)
        for kind in (FastLane, LeanConnect, FastAndLean):
            self.assertEqual(stock, outcome(kind, pieces), (kind, note))
        return stock

    def test_random(self) -> None:
        """Random streams, right and wrong, cut anywhere."""
        for seed in range(STREAMS):
            random = Random(seed)
            self.assertSame(split(random, random_stream(random)), seed)

    def test_every_length(self) -> None:
        """Messages of every length around those where the form of a frame changes."""
        for size in (*range(5), *range(120, 132), *range(MAX_BYTES - 2, MAX_BYTES + 3)):
            stream = frame(TEXT, b"x" * size) + frame(TEXT, b"y")
            for cut in (1, 3, 5, 7, 9, len(stream) - 1):
                told, *_ = self.assertSame([stream[:cut], stream[cut:]], (size, cut))
                self.assertEqual(size <= MAX_BYTES, (b"x" * size, False) in told)

    def test_byte_by_byte(self) -> None:
        """Frames of several kinds that come in single bytes."""
        stream = (
            frame(TEXT, b"one")
            + frame(PING, b"?")
            + frame(TEXT, b"t", fin=False)
            + frame(CONTINUATION, b"wo")
            + frame(TEXT, b"x" * 130)
        )
        told, *_ = self.assertSame([bytes([byte]) for byte in stream])
        self.assertEqual(
            ["open", (b"one", False), ("ping", b"?"), (b"two", False), (b"x" * 130, False)],
            told[:-1],
        )

    def test_goodbye_in_between(self) -> None:
        """What comes after our own goodbye is read only for the peer's."""
        goodbye = (3000).to_bytes(2, "big")
        stream = frame(TEXT, b"quit") + frame(TEXT, b"late") + frame(8, goodbye)
        told, _, state, closed = self.assertSame([stream])
        self.assertEqual(("close", True, 3000, None), told[-1])
        self.assertEqual((WebSocketServerProtocol.STATE_CLOSED, True), (state, closed))

    def test_dropped_in_between(self) -> None:
        """What comes after the connection was dropped is not read."""
        told, *_ = self.assertSame([frame(TEXT, b"drop") + frame(TEXT, b"late")])
        self.assertEqual(("close", False, 1006), told[-1][:3])
        self.assertEqual(3, len(told))

    def test_wasteful_length(self) -> None:
        """A length in more bytes than it needs is against the protocol."""
        for size in (0, 5, 125):
            wasteful = b"\x81\xfe" + size.to_bytes(2, "big") + bytes(4) + b"x" * size
            _, sent, *_ = self.assertSame([wasteful])
            self.assertIn((1002).to_bytes(2, "big"), sent)


class Options(SynchronousTestCase):
    """Options that the lane would leave out."""

    def test_closed(self) -> None:
        """Each of them closes it."""
        for name, value, default in (
            ("utf8validateIncoming", True, False),
            ("requireMaskedClientFrames", False, True),
            ("maskServerFrames", True, False),
            ("applyMask", False, True),
            ("autoFragmentSize", 100, 0),
            ("logFrames", True, False),
            ("logOctets", True, False),
            ("trackTimings", True, False),
        ):
            factory = WebSocketServerFactory(reactor=Clock())
            factory.utf8validateIncoming = False
            setattr(factory, name, default)
            self.assertTrue(may_take_fast_lane(factory), name)
            setattr(factory, name, value)
            self.assertFalse(may_take_fast_lane(factory), name)
