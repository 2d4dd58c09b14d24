"""What is said over an open WebSocket, and how it ends."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from cfos_cm.central_system.session import MAX_UNANSWERED_CALLS
from cfos_cm.errors import DeviceError
from cfos_cm.net.speed import Speed
from cfos_cm.site.events import EvseConnected, EvseLost, OccupancyReported
from cfos_cm.v16.core import ClearCacheConfirmation, ClearCacheRequest, ClearCacheStatus
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES
from tests.central_system.world import BOOT, START

from .peers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    LIMITS,
    PING,
    PONG,
    TEXT,
    ServerCase,
    Wire,
    frame,
)

HEARTBEAT = b'[2,"1","Heartbeat",{}]'
ANSWER = [3, "1", {"currentTime": "2026-03-01T12:00:00.000Z"}]
CHARGING = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}


def close_code(client: ClientConnection) -> int | None:
    """The status with which the server closes the connection."""
    try:
        while True:
            client.recv(timeout=20)
    except ConnectionClosed as error:
        return None if error.rcvd is None else error.rcvd.code


class Conversation(ServerCase):
    """With the C{websockets} library as the Charge Point."""

    async def test_calls(self) -> None:
        """Requests are answered, one after the other."""

        def work(client: ClientConnection) -> list[Any]:
            for number, call in enumerate(
                [["BootNotification", BOOT], ["StartTransaction", START], ["Heartbeat", {}]]
            ):
                client.send(json.dumps([2, str(number), *call]))
            return [json.loads(client.recv(timeout=20)) for _ in range(3)]

        answers = await self.in_thread(work)
        self.assertEqual([answer[:2] for answer in answers], [[3, "0"], [3, "1"], [3, "2"]])
        self.assertEqual(answers[1][2]["transactionId"], 1001)

    async def test_ourCall(self) -> None:
        """A request of ours reaches the Charge Point, and its answer us."""
        asked: Deferred[Any] = Deferred()

        def work(client: ClientConnection) -> list[Any]:
            reactor.callFromThread(
                lambda: self.world.system.call("CP-1", ClearCacheRequest()).chainDeferred(asked)
            )
            call: list[Any] = json.loads(client.recv(timeout=20))
            client.send(json.dumps([3, call[1], {"status": "Rejected"}]))
            # What comes next shows that the answer before it was read.
            client.send(HEARTBEAT.decode())
            client.recv(timeout=20)
            return call

        call = await self.in_thread(work)
        self.assertEqual(call[2:], ["ClearCache", {}])
        self.assertEqual(await asked, ClearCacheConfirmation(status=ClearCacheStatus.REJECTED))

    async def test_fragments(self) -> None:
        """A message in pieces is one message."""

        def work(client: ClientConnection) -> Any:
            client.send([HEARTBEAT.decode()[:9], "", HEARTBEAT.decode()[9:]])
            return json.loads(client.recv(timeout=20))

        self.assertEqual(await self.in_thread(work), ANSWER)

    async def test_ping(self) -> None:
        """A ping is answered."""

        def work(client: ClientConnection) -> bool:
            return client.ping().wait(20)

        self.assertTrue(await self.in_thread(work))

    async def test_binary(self) -> None:
        """A binary message ends the connection with 1003."""

        def work(client: ClientConnection) -> int | None:
            client.send(HEARTBEAT)
            return close_code(client)

        self.assertEqual(await self.in_thread(work), 1003)

    async def test_tooLong(self) -> None:
        """A message of one byte too much ends the connection with 1009, also in pieces."""
        text = "x" * (MAX_FRAME_BYTES + 1)

        def whole(client: ClientConnection) -> int | None:
            # The answer may be here before all of it is sent.
            with contextlib.suppress(ConnectionClosed):
                client.send(text)
            return close_code(client)

        def pieces(client: ClientConnection) -> int | None:
            with contextlib.suppress(ConnectionClosed):
                client.send([text[:40_000], text[40_000:]])
            return close_code(client)

        self.assertEqual(await self.in_thread(whole), 1009)
        self.assertEqual(await self.in_thread(pieces), 1009)

    async def test_longest(self) -> None:
        """A message of exactly the bound is read."""
        head, tail = '[2,"1","DataTransfer",{"vendorId":"x","data":"', '"}]'
        text = head + "x" * (MAX_FRAME_BYTES - len(head) - len(tail)) + tail

        def work(client: ClientConnection) -> Any:
            client.send(text)
            return json.loads(client.recv(timeout=20))

        self.assertEqual(await self.in_thread(work), [3, "1", {"status": "UnknownVendorId"}])

    async def test_goingAway(self) -> None:
        """When we stop, Charge Points are told so."""
        code = self.in_thread(close_code)
        while self.world.system.session("CP-1") is None:
            await deferLater(reactor, 0, lambda: None)
        ended = self.server.close_all()
        self.assertEqual(await code, 1001)
        await ended


class Hostile(ServerCase):
    """Frames that no library would send."""

    async def assertCloses(self, data: bytes, code: int) -> None:
        """Fail unless C{data} ends a connection with a status."""
        wire = await self.opened()
        wire.say(data)
        self.assertEqual(await wire.close_code(), code, data[:40])
        self.world.clock.advance(LIMITS.close_timeout_s)
        await wire.closed()

    async def test_againstTheProtocol(self) -> None:
        """What RFC 6455 forbids ends the connection with 1002."""
        for data in (
            frame(TEXT, HEARTBEAT, masked=False),
            frame(TEXT, HEARTBEAT, rsv=4),
            frame(TEXT, HEARTBEAT, rsv=1),
            frame(3, b"x"),
            frame(11, b"x"),
            frame(CONTINUATION, b"x"),
            frame(TEXT, b"[", fin=False) + frame(TEXT, b"]"),
            frame(PING, b"x", fin=False),
            frame(PING, b"x" * 126),
        ):
            await self.assertCloses(data, 1002)

    async def test_wrongGoodbye(self) -> None:
        """A close frame that is none ends the connection all the same."""
        for payload in (b"x", (1005).to_bytes(2, "big"), (1000).to_bytes(2, "big") + b"\xff"):
            wire = await self.opened()
            wire.say(frame(CLOSE, payload))
            await wire.closed()

    async def test_announcedLength(self) -> None:
        """A frame that announces too much is refused before it comes."""
        for length in (MAX_FRAME_BYTES + 1, 10**9, 2**62):
            await self.assertCloses(frame(TEXT, b"[", length=length), 1009)

    async def test_endlessPieces(self) -> None:
        """A message in too many pieces is refused, also if they are empty."""
        for piece in (b"", b" "):
            pieces = frame(CONTINUATION, piece, fin=False) * LIMITS.fragments
            await self.assertCloses(frame(TEXT, piece, fin=False) + pieces, 1009)

    async def test_manyPieces(self) -> None:
        """As many pieces as are allowed make a message, and the next one counts anew."""
        pieces = frame(CONTINUATION, b"", fin=False) * (LIMITS.fragments - 2)
        message = frame(TEXT, HEARTBEAT, fin=False) + pieces + frame(CONTINUATION)
        wire = await self.opened()
        wire.say(message + message)
        for _ in range(2):
            self.assertEqual(json.loads((await wire.frame())[1]), ANSWER)

    async def test_notUtf8(self) -> None:
        """A text that is none is answered where that is possible, and ends the connection."""
        wire = await self.opened()
        wire.say(frame(TEXT, b'[2,"1","Heartbeat",{"\xff":1}]'))
        opcode, payload = await wire.frame()
        self.assertEqual(opcode, TEXT)
        self.assertEqual(json.loads(payload)[:3], [4, "1", "FormationViolation"])
        self.assertEqual(await wire.close_code(), 1007)

    async def test_byteByByte(self) -> None:
        """A message may come in any number of packets."""
        wire = await self.opened()
        for byte in frame(TEXT, HEARTBEAT):
            wire.say(bytes([byte]))
            await deferLater(reactor, 0, lambda: None)
        self.assertEqual(json.loads((await wire.frame())[1]), ANSWER)

    async def test_tooManyCalls(self) -> None:
        """Whoever does not wait for answers is hung up on with 1008."""
        self.world.disk.held = True
        call = frame(TEXT, b'[2,"1","Authorize",{"idTag":"A"}]')
        await self.assertCloses(call * (MAX_UNANSWERED_CALLS + 1), 1008)
        self.world.disk.let_go()

    async def test_afterOurGoodbye(self) -> None:
        """What comes after our close frame is not read, and there is no second one."""
        wire = await self.opened()
        late = [2, "2", "StatusNotification", CHARGING]
        wire.say(frame(BINARY, b"x") + frame(TEXT, json.dumps(late).encode()))
        self.assertEqual(await wire.close_code(), 1003)
        session = self.world.system.session("CP-1")
        assert session is not None
        session.hang_up(1008, "once more")
        wire.say(frame(CLOSE, (1003).to_bytes(2, "big")))
        await wire.closed()
        self.assertEqual(wire.heard, b"")
        self.assertEqual(self.world.happened(OccupancyReported), [])


class End(ServerCase):
    """How a connection ends, and what the site is told of it."""

    async def lost(self, wire: Wire) -> list[str]:
        """The reasons that the site is told when the server sees the end of C{wire}."""
        await wire.closed()
        while self.world.system.session("CP-1") is not None:
            await deferLater(reactor, 0, lambda: None)
        return [event.why for event in self.world.happened(EvseLost)]

    async def test_origin(self) -> None:
        """The site is told where a Charge Point connects from."""
        await self.opened()
        self.assertEqual(
            self.world.happened(EvseConnected)[0], EvseConnected("bay-1", "127.0.0.1")
        )

    async def test_closed(self) -> None:
        """A close frame is answered, and the Charge Point's reason is told."""
        wire = await self.opened()
        wire.say(frame(CLOSE, (1000).to_bytes(2, "big") + b"power saving"))
        self.assertEqual(await wire.close_code(), 1000)
        self.assertEqual(await self.lost(wire), ["power saving"] * 2)

    async def test_closedWithoutReason(self) -> None:
        """A close frame may be empty."""
        wire = await self.opened()
        wire.say(frame(CLOSE))
        self.assertEqual(await self.lost(wire), ["closed"] * 2)

    async def test_forgedReason(self) -> None:
        """A reason cannot forge a line of the log."""
        wire = await self.opened()
        reason = "x\n2026-01-01 ERROR \x1b[2J\u2028\u202e".encode()
        wire.say(frame(CLOSE, (1000).to_bytes(2, "big") + reason))
        for why in await self.lost(wire):
            self.assertTrue(why.isprintable(), ascii(why))

    async def test_dropped(self) -> None:
        """A connection that breaks ends what was asked over it."""
        wire = await self.opened()
        calling = self.world.system.call("CP-1", ClearCacheRequest())
        wire.drop()
        await self.assertFailure(calling, DeviceError)
        for why in await self.lost(wire):
            self.assertIn("connection was closed uncleanly", why)

    async def test_silent(self) -> None:
        """A connection that does not answer a ping is given up."""
        wire = await self.opened()
        self.world.clock.advance(LIMITS.ping_interval_s)
        opcode, _ = await wire.frame()
        self.assertEqual(opcode, PING)
        self.world.clock.advance(LIMITS.pong_timeout_s)
        for why in await self.lost(wire):
            self.assertIn("ping timeout", why)

    async def test_pong(self) -> None:
        """A connection that answers its pings stays."""
        wire = await self.opened()
        for _ in range(3):
            self.world.clock.advance(LIMITS.ping_interval_s)
            _, payload = await wire.frame()
            # The heartbeat's answer shows that the pong before it was read.
            wire.say(frame(PONG, payload) + frame(TEXT, HEARTBEAT))
            await wire.frame()
            self.world.clock.advance(LIMITS.pong_timeout_s)
        self.assertIsNotNone(self.world.system.session("CP-1"))
        self.assertFalse(wire.ended)

    async def test_traffic(self) -> None:
        """A Charge Point that never answers a ping, but talks, stays."""
        wire = await self.opened()
        for _ in range(3):
            self.world.clock.advance(LIMITS.ping_interval_s)
            self.assertEqual((await wire.frame())[0], PING)
            wire.say(frame(TEXT, HEARTBEAT))
            await wire.frame()
            self.world.clock.advance(LIMITS.pong_timeout_s)
        self.assertFalse(wire.ended)

    async def test_noAnswerToOurGoodbye(self) -> None:
        """A peer that does not agree to the end is dropped after a moment."""
        for data in (frame(BINARY, b"x"), frame(TEXT, b"x", masked=False)):
            wire = await self.opened()
            wire.say(data)
            await wire.close_code()
            self.world.clock.advance(LIMITS.close_timeout_s)
            await self.lost(wire)

    async def test_goneAfterOurGoodbye(self) -> None:
        """A peer that goes without a word instead of agreeing leaves no timer."""
        for data in (frame(BINARY, b"x"), frame(TEXT, b"x", masked=False)):
            wire = await self.opened()
            wire.say(data)
            await wire.close_code()
            wire.drop()
            await self.lost(wire)
            self.assertEqual(self.world.clock.getDelayedCalls(), [])


class CloseAll(ServerCase):
    """Stopping."""

    async def test_nobody(self) -> None:
        """Without connections it is done at once."""
        self.successResultOf(self.server.close_all())

    async def test_allAreTold(self) -> None:
        """Every Charge Point gets 1001, and it is done when all have gone."""
        wires = [await self.opened(f"/new-{number}") for number in range(3)]
        ended = self.server.close_all()
        for wire in wires:
            self.assertEqual(await wire.close_code(), 1001)
            self.assertFalse(ended.called)
            wire.say(frame(CLOSE, (1001).to_bytes(2, "big")))
        await ended
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    async def test_deafPeer(self) -> None:
        """A peer that never answers holds nobody up for longer than the bound."""
        wire = await self.opened()
        ended = self.server.close_all()
        self.assertEqual(await wire.close_code(), 1001)
        self.assertNoResult(ended)
        self.world.clock.advance(LIMITS.close_timeout_s)
        await ended
        await wire.closed()

    async def test_deafPeerWithFullBuffers(self) -> None:
        """Nor does one that has stopped reading long ago."""
        wire = await self.opened()
        assert wire.transport is not None
        wire.transport.pauseProducing()  # type: ignore[attr-defined]
        (connection,) = self.server.connections
        connection.transport.write(bytes(20_000_000))
        ended = self.server.close_all()
        self.world.clock.advance(LIMITS.close_timeout_s)
        await ended
        wire.drop()

    async def test_handshake(self) -> None:
        """A peer that is still shaking hands is dropped at once."""
        wire = await self.dial(b"GET / HTTP/1.1\r\n")
        while not self.server.connections:
            await deferLater(reactor, 0, lambda: None)
        await self.server.close_all()
        await wire.closed()
        self.assertEqual(wire.heard, b"")

    async def test_twice(self) -> None:
        """Whoever else asks to stop is told of the end, too."""
        wire = await self.opened()
        ends = [self.server.close_all(), self.server.close_all()]
        self.world.clock.advance(LIMITS.close_timeout_s)
        for end in ends:
            await end
        await wire.closed()


STOCK = Speed(fast_lane=False, lean=False)
LEAN = Speed(fast_lane=False)
FAST = Speed(lean=False)


class StockConversation(Conversation):
    """Without any short cut."""

    speed = STOCK


class StockHostile(Hostile):
    """Without any short cut."""

    speed = STOCK


class StockEnd(End):
    """Without any short cut."""

    speed = STOCK


class LeanHostile(Hostile):
    """Lean, and without the fast lane."""

    speed = LEAN


class LeanEnd(End):
    """Lean, and without the fast lane."""

    speed = LEAN


class FastHostile(Hostile):
    """With the fast lane, and not lean."""

    speed = FAST


class FastEnd(End):
    """With the fast lane, and not lean."""

    speed = FAST
