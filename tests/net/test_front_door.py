"""What a connection begins as, and all that can happen before it is known whose it is."""

from __future__ import annotations

import socket
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.counters import Counter
from cfos_cm.net import tls_end
from cfos_cm.net.front_door import Begun, begun
from cfos_cm.net.login_throttle import BURST
from cfos_cm.net.pace import Pace, Step
from cfos_cm.net.reception import Guest
from cfos_cm.net.server_tls import ServerMaterial, ServerTls
from cfos_cm.net.sockets import socket_below
from cfos_cm.net.speed import Speed
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.site.security_profile import SecurityProfile
from tests.central_system.world import SITE

from .peers import CLOSE, LIMITS, PING, PONG, TEXT, ServerCase, Wire, basic, frame, upgrade
from .tls_server import TlsCase, authority, client_pair, context_of, server_pair

HEARTBEAT = b'[2,"1","Heartbeat",{}]'
#: The beginning of a TLS record with a ClientHello of which nothing comes.
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
#: What has nothing to do here.
STRANGE = (
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",  # SSL 2.0
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /CP-1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get / HTTP/1.1\r\n\r\n",
    b"GEX",
    b"GET\t/",
    b"\x00",
    b"\x15\x03\x01\x00\x02\x02\x28",
    b"SSH-2.0-x\r\n",
    b"\r\n\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
)


class Beginnings(SynchronousTestCase):
    """What the first bytes tell."""

    def test_known(self) -> None:
        """TLS and HTTP are told from all else, as soon as they can be."""
        for data, what in (
            (b"", None),
            (b"G", None),
            (b"GET", None),
            (b"GET ", Begun.HTTP),
            (upgrade(), Begun.HTTP),
            (b"\x16", Begun.TLS),
            (HALF_A_HELLO, Begun.TLS),
            *((one, Begun.NEITHER) for one in STRANGE),
        ):
            self.assertIs(what, begun(data), data)

    @given(st.binary(max_size=8), st.binary(max_size=8))
    def test_final(self, first: bytes, more: bytes) -> None:
        """What is known once stays so, whatever comes behind, and 4 bytes are enough."""
        what = begun(first)
        if what is None:
            self.assertLess(len(first), 4)
        else:
            self.assertIs(what, begun(first + more))


class Doors(TlsCase):
    """Who is let through in which mode."""

    def counted(self, what: Counter) -> int:
        """How often something has happened."""
        return self.world.system.counters[what]

    async def answer(self, data: bytes) -> bytes:
        """What the server says before it closes."""
        wire = await self.dial(data)
        await wire.closed()
        return wire.heard

    async def told(self, data: bytes) -> str:
        """What the log tells of somebody who is closed."""
        with capturedLogs() as logged:
            await self.answer(data)
        return "\n".join(formatEvent(event) or "" for event in logged)

    async def test_detect(self) -> None:
        """Both are let in at the same port, each with its profile."""
        await self.opened("/CP-1")
        await self.opened_over_tls("/CP-2")
        peer = await self.python(context_of(), "/new")
        self.assertEqual((101, "TLSv1.3"), (peer.status, peer.version))
        found = {
            session.identity: session.charge_point.profile
            for session in self.world.system.sessions()
        }
        self.assertEqual(SecurityProfile.NONE, found["CP-1"])
        self.assertEqual(SecurityProfile.TLS, found["CP-2"])

    async def test_plain_refused(self) -> None:
        """With tls = on nobody plain is, and gets to know why; the log says so, too."""
        self.server.set_mode(TlsMode.ON)
        told = await self.told(upgrade())
        self.assertIn("it comes by ws://, and with tls = on it has to be wss://", told)
        head = await self.answer(upgrade())
        self.assertEqual(
            b"HTTP/1.1 400 This port takes encrypted connections only: wss://\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n",
            head,
        )
        self.assertEqual(2, self.counted(Counter.PLAIN_REFUSED))
        await self.opened_over_tls()

    async def test_encrypted_refused(self) -> None:
        """With tls = off nobody encrypted is."""
        self.server.set_mode(TlsMode.OFF)
        said = await self.openssl()
        self.assertIn("Cipher is (NONE)", said)
        told = await self.told(HALF_A_HELLO)
        self.assertNotIn("wss://", told, "it was told once for the same address")
        self.assertEqual(2, self.counted(Counter.TLS_REFUSED))
        await self.opened()

    async def test_mode_while_running(self) -> None:
        """The mode counts for those who come; who is there stays."""
        plain, encrypted = await self.opened("/CP-1"), await self.opened_over_tls("/CP-2")
        for mode in TlsMode:
            self.server.set_mode(mode)
            for wire in (plain, encrypted):
                wire.say(frame(TEXT, HEARTBEAT))
                self.assertEqual(TEXT, (await wire.frame())[0])

    async def test_strange(self) -> None:
        """What is neither is closed without a word, in each mode; it is told, and counted."""
        for number, data in enumerate(STRANGE):
            self.server.set_mode(list(TlsMode)[number % 3])
            self.assertEqual(b"", await self.answer(data), data)
        self.assertEqual(len(STRANGE), self.counted(Counter.HANDSHAKES_FAILED))
        self.world.clock.advance(60)
        told = await self.told(b"x\x1b[2J")
        self.assertIn("refused, it speaks neither HTTP nor TLS", told)
        self.assertNotIn("\x1b", told)

    async def test_in_pieces(self) -> None:
        """A request and a ClientHello may come byte by byte."""
        wire = await self.dial()
        for at in range(len(upgrade())):
            wire.say(upgrade()[at : at + 1])
            await self.turn()
        self.assertIn(" 101 ", await wire.head())

    async def test_log_names_reason(self) -> None:
        """Who comes encrypted where nobody does is told what to change."""
        self.server.set_mode(TlsMode.OFF)
        self.assertIn("tls = off in [ocpp server]", await self.told(HALF_A_HELLO))

    async def test_not_trusted(self) -> None:
        """A client that does not believe the server says so, and the log repeats it plainly."""
        with capturedLogs() as logged:
            with self.assertRaises(OSError):
                await self.python(context_of(trusted="Stranger"))
            await self.gone()
        lines = "\n".join(formatEvent(event) or "" for event in logged)
        self.assertIn("it does not know who has signed the server's certificate", lines)
        self.assertEqual(1, self.counted(Counter.TLS_FAILED))


class NoCertificate(TlsCase):
    """Where TLS is wanted, and there is nothing to be shown yet."""

    def tls(self) -> ServerTls:
        """Nothing is there."""
        self.server_tls = ServerTls()
        return self.server_tls

    async def test_refused(self) -> None:
        """Who comes encrypted is refused until there is."""
        with capturedLogs() as logged:
            self.assertIn("Cipher is (NONE)", await self.openssl())
        lines = "\n".join(formatEvent(event) or "" for event in logged)
        self.assertIn("the server has no certificate", lines)
        await self.opened("/CP-2")
        self.server_tls.use(ServerMaterial((server_pair(),)))
        await self.opened_over_tls()


class Slow(TlsCase):
    """Nobody waits for ever."""

    async def check(self, wire: Wire, limit_s: float, what: Counter) -> None:
        """A connection is dropped when its time is over, and not before."""
        before = self.world.system.counters[what]
        self.world.clock.advance(limit_s - 0.1)
        self.assertEqual(before, self.world.system.counters[what])
        self.assertFalse(wire.ended)
        self.world.clock.advance(0.2)
        await wire.closed()
        self.assertEqual(before + 1, self.world.system.counters[what])

    async def test_nothing(self) -> None:
        """Who says nothing, or next to nothing."""
        for data in (b"", b"G", b"GET"):
            wire = await self.dial(data)
            while not self.server.door.openings:
                await self.turn()
            await self.check(wire, LIMITS.opening_s, Counter.HANDSHAKES_FAILED)

    async def test_half_a_handshake(self) -> None:
        """Who begins with TLS and does not go on."""
        for data in (b"\x16", HALF_A_HELLO):
            wire = await self.dial(data)
            while not self.ends():
                await self.turn()
            await self.check(wire, LIMITS.tls_s, Counter.TLS_FAILED)

    def ends(self) -> list[Any]:
        """The beginnings of TLS."""
        return list(self.server.door.tls_ends.protocols)

    async def test_byte_by_byte(self) -> None:
        """One byte each second does not help."""
        wire = await self.dial()
        while not self.server.door.openings:
            await self.turn()
        for at in range(20):
            wire.say(HALF_A_HELLO[at % 11 : at % 11 + 1])
            while at == 0 and not self.ends():
                await self.turn()
            await self.turn()
            self.world.clock.advance(1)
        await wire.closed()
        self.assertEqual(1, self.world.system.counters[Counter.TLS_FAILED])

    async def test_slow_request(self) -> None:
        """Who has TLS and sends no request."""
        wire = await self.dial(b"GET /", self.over_tls())
        while not self.server.connections:
            await self.turn()
        await self.check(wire, LIMITS.handshake_s, Counter.HANDSHAKES_FAILED)

    async def test_endless_handshake(self) -> None:
        """Who never ends with what TLS begins with."""
        wire = await self.dial(b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + bytes(0x4000 - 4))
        piece = b"\x16\x03\x01\x40\x00" + bytes(0x4000)
        with capturedLogs():
            for _ in range(20):
                wire.say(piece)
            await wire.closed()
            await self.gone()
        self.assertEqual(1, self.world.system.counters[Counter.TLS_FAILED])

    async def test_too_much(self) -> None:
        """The bound counts what has come, however OpenSSL would take it."""
        self.patch(self.server, "limits", evolve(LIMITS, tls_bytes=100))
        with capturedLogs() as logged:
            self.assertIn("Cipher is (NONE)", await self.openssl())
            await self.gone()
        lines = "\n".join(formatEvent(event) or "" for event in logged)
        self.assertIn("it sends too much before TLS is agreed upon", lines)


class Bounds(TlsCase):
    """The number of sockets is bounded, whatever each of them is at."""

    limits = evolve(LIMITS, sockets=6, handshakes_per_source=4)

    async def dial_each(self) -> list[Wire]:
        """One in each stage: silent, half a request, half a ClientHello, TLS and no request."""
        wires = [
            await self.dial(),
            await self.dial(b"GET /"),
            await self.dial(HALF_A_HELLO),
            await self.dial(b"GET /", self.over_tls()),
        ]
        while len(self.server.door.openings) != 2 or len(self.server.connections) != 2:
            await self.turn()
        return wires

    async def test_oldest_goes(self) -> None:
        """Of one address the oldest has to go for a newcomer, in whatever stage it is."""
        wires = await self.dial_each()
        for number, wire in enumerate(wires):
            self.world.clock.advance(LIMITS.handshake_grace_s + 0.01)
            self.assertFalse(wire.ended)
            await self.dial()
            await wire.closed()
            self.assertEqual(
                number + 1, self.world.system.counters[Counter.CONNECTIONS_REFUSED]
            )

    async def test_full(self) -> None:
        """When all is full of those who are open, newcomers are refused; no place is lost."""
        for _ in range(3):
            wires = [await self.opened_over_tls(f"/new-{number}") for number in range(6)]
            late = await self.dial(upgrade())
            await late.closed()
            with self.assertRaises(OSError):
                await self.python(context_of())
            for wire in wires:
                wire.drop()
            await self.gone()
        await self.dial_each()

    async def test_close_all(self) -> None:
        """Those in every stage are ended, and it is known when the last one is gone."""
        wires = [
            *await self.dial_each(),
            await self.opened_over_tls(),
            await self.opened("/CP-2"),
        ]
        ended = self.server.close_all()
        self.assertNoResult(ended)
        for wire in wires[-2:]:
            self.assertEqual((CLOSE, 1001), (CLOSE, await wire.close_code()))
        self.world.clock.advance(LIMITS.close_timeout_s)
        await ended
        for wire in wires:
            await wire.closed()

    async def test_close_openings(self) -> None:
        """The last one may be one of which nothing is known."""
        wires = [await self.dial() for _ in range(3)]
        while len(self.server.door.openings) < 3:
            await self.turn()
        ended = self.server.close_all()
        ended.addCallback(lambda _: self.assertEqual(set(), self.server.door.openings))
        await ended
        for wire in wires:
            await wire.closed()

    async def test_dropped(self) -> None:
        """Who drops his connection in any stage leaves nothing behind."""
        for wire in await self.dial_each():
            wire.drop()
        await self.gone()
        self.assertEqual(set(), self.server.door.openings)
        self.assertEqual({}, self.server.door.tls_ends.protocols)
        self.assertTrue(
            all(not one for one in vars(self.server._sockets)["_by_source"].values())
        )

    async def test_mistake(self) -> None:
        """One with whom TLS cannot be begun, for whatever reason, leaves nothing behind."""

        def fail(_: object) -> None:
            raise MemoryError

        self.patch(self.server.door.tls_ends, "_creatorCallable", fail)
        wire = await self.dial(HALF_A_HELLO)
        await wire.closed()
        await self.gone()
        self.flushLoggedErrors(MemoryError)
        self.assertTrue(self.server.close_all().called)


class Throughout(TlsCase):
    """An open connection is treated as a plain one is."""

    def connection(self) -> Any:
        """The only one."""
        (connection,) = self.server.connections
        return connection

    async def test_reading(self) -> None:
        """It is read with strangers until it has said who it is, and TLS with it."""
        await self.dial(HALF_A_HELLO)
        while not self.server.door.openings:
            await self.turn()
        (opening,) = self.server.door.openings
        self.assertTrue(self.port.strangers.has(opening.transport))
        await self.opened_over_tls()
        below = socket_below(self.connection().transport)
        self.assertTrue(self.port.guests.has(below))
        self.assertFalse(self.port.strangers.has(below))

    async def test_keep_alive(self) -> None:
        """The system looks after its TCP connection."""
        await self.opened_over_tls()
        handle: socket.socket = socket_below(self.connection().transport).getHandle()
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            found = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            self.assertEqual(40_000, found)

    async def test_messages(self) -> None:
        """Messages and pings are answered, in pieces and many at once."""
        wire = await self.opened_over_tls()
        wire.say(frame(TEXT, HEARTBEAT) * 20 + frame(PING, b"x"))
        for _ in range(20):
            self.assertEqual(TEXT, (await wire.frame())[0])
        self.assertEqual((PONG, b"x"), await wire.frame())
        for byte in frame(TEXT, HEARTBEAT):
            wire.say(bytes([byte]))
        self.assertEqual(TEXT, (await wire.frame())[0])

    async def test_half_open(self) -> None:
        """One that answers no ping is found."""
        wire = await self.opened_over_tls()
        self.world.clock.pump([1] * 44)
        await wire.closed()
        self.assertEqual(1, self.world.system.counters[Counter.PONGS_MISSED])

    async def test_too_fast(self) -> None:
        """One that sends too fast is not read for a while."""
        answers = iter([Step.PAUSE])
        self.patch(Pace, "spend", lambda *_: next(answers, Step.GO_ON))
        wire = await self.opened_over_tls()
        wire.say(frame(TEXT, HEARTBEAT))
        await wire.frame()
        wire.say(frame(TEXT, HEARTBEAT))
        for _ in range(10):
            await self.turn()
        self.assertEqual(b"", wire.heard)
        self.assertTrue(self.connection().held_back)
        self.world.clock.advance(2)
        self.assertEqual(TEXT, (await wire.frame())[0])

    async def test_slow_reader(self) -> None:
        """One that does not read what is sent to it is dropped, before much waits."""
        wire = await self.opened_over_tls()
        socket_below(wire.transport).pauseProducing()
        connection = self.connection()
        for _ in range(400):
            if not self.server.connections:
                break
            connection.onPing(b"")
            connection._send_text(b"x" * 50_000)
            await self.turn()
        self.assertEqual(1, self.world.system.counters[Counter.READERS_TOO_SLOW])
        socket_below(wire.transport).resumeProducing()

    async def test_answers_of_tls(self) -> None:
        """What TLS itself has to say to one that does not read counts as well."""
        wire = await self.opened_over_tls()
        socket_below(wire.transport).pauseProducing()
        socket_below(self.connection().transport).write(bytes(20_000_000))
        wire.say(frame(TEXT, HEARTBEAT)[:1])
        await self.gone()
        self.assertEqual(1, self.world.system.counters[Counter.READERS_TOO_SLOW])
        socket_below(wire.transport).resumeProducing()

    async def test_end(self) -> None:
        """We say goodbye, and do not wait for a peer that does not answer."""
        wire = await self.opened_over_tls()
        self.connection()._hang_up(1008, "enough")
        self.assertEqual(1008, await wire.close_code())
        self.assertFalse(wire.ended)
        self.world.clock.advance(LIMITS.close_timeout_s)
        await wire.closed()

    async def test_refused(self) -> None:
        """A refusal comes whole, and the connection ends though the peer does not close."""
        head = await (await self.dial(upgrade("/.."), self.over_tls())).head()
        self.assertIn(" 404 ", head)
        self.world.clock.advance(LIMITS.close_timeout_s)
        await self.gone()

    async def test_lost(self) -> None:
        """A peer that is gone without a word is gone."""
        wire = await self.opened_over_tls()
        wire.drop()
        await self.gone()
        self.assertEqual((), self.world.system.sessions())
        self.assertEqual({}, self.server.door.tls_ends.protocols)


class Pay(TlsCase):
    """What has to be read costs, whether there is a message in it or not."""

    limits = evolve(LIMITS, message_burst=30, message_unit_bytes=500)

    async def test_next_to_nothing(self) -> None:
        """Who sends little but what is TLS's own is not read for a while."""
        wire = await self.opened_over_tls()
        (connection,) = self.server.connections
        wire.say(frame(TEXT, length=60_000))
        # In each record there is one byte of a message that has no end.
        for _ in range(2000):
            if connection.held_back:
                break
            wire.say(b"x")
            await self.turn()
        self.assertTrue(connection.held_back)
        self.assertEqual(1, self.world.system.counters[Counter.READING_PAUSED])

    async def test_messages(self) -> None:
        """What is in messages of the usual length is not paid for twice."""
        wire = await self.opened_over_tls()
        for _ in range(25):
            wire.say(frame(TEXT, HEARTBEAT))
            await wire.frame()
        self.assertEqual(0, self.world.system.counters[Counter.READING_PAUSED])


class StockThroughout(Throughout):
    """The same without any short cut."""

    speed = Speed(False, False, False, False)

    def setUp(self) -> Any:
        """Twisted's own way to begin TLS, too."""
        self.patch(tls_end, "_IS_KNOWN", False)
        return super().setUp()

    async def test_reading(self) -> None:
        """There are no rounds."""
        await self.opened_over_tls()
        self.assertEqual(SecurityProfile.TLS, self.connection().guest.profile)


class Profiles(TlsCase):
    """What a connection amounts to, and what the Charge Point that comes with less is told."""

    settings = evolve(SITE, password="s3cret", unknown=UnknownChargePoints.REFUSE)
    password = f"Authorization: {basic('CP-1', 's3cret')}"

    def material(self) -> ServerMaterial:
        """Certificates are taken, and not demanded."""
        return ServerMaterial((server_pair(),), authority().chain)

    async def over(self, certificate: str | None, *headers: str) -> int:
        """The status of the response by TLS."""
        context = context_of((certificate and client_pair(certificate)) or None)
        status = (await self.python(context, "/CP-1", headers=headers)).status
        await self.gone()
        return status

    async def plain(self, *headers: str) -> int:
        """The status of the response without it."""
        wire = await self.dial(upgrade("/CP-1", *headers))
        status = int((await wire.head()).split()[1])
        wire.drop()
        await self.gone()
        return status

    async def test_ladder(self) -> None:
        """Up is always allowed, down never: 403 for who has proved to be it, 401 for others."""
        self.assertEqual(101, await self.plain(self.password))
        self.assertEqual(101, await self.over(None, self.password))
        with capturedLogs() as logged:
            self.assertEqual(403, await self.plain(self.password))
        lines = "\n".join(formatEvent(event) or "" for event in logged)
        self.assertIn("CP-1 refused: it has come encrypted (wss://) before", lines)
        self.assertIn("cfos-cm charge-point allow CP-1", lines)
        self.assertEqual(401, await self.plain())
        self.assertEqual(101, await self.over("CP-1"))
        self.assertEqual(403, await self.over(None, self.password))
        self.assertEqual(403, await self.plain(self.password))
        self.assertEqual(401, await self.over(None))
        self.assertEqual(101, await self.over("CP-1"))
        self.assertEqual(3, self.world.system.counters[Counter.LOGINS_TOO_WEAK])

    async def test_guest(self) -> None:
        """A certificate is a proof: its connection takes over at once, as with a password."""
        await self.opened_over_tls("/CP-1", client_pair())
        (connection,) = self.server.connections
        self.assertEqual(
            Guest("CP-1", True, "ocpp1.6", SecurityProfile.CERTIFICATE), connection.guest
        )

    async def test_certificate_counts(self) -> None:
        """Who shows a certificate needs no password, and no password helps a wrong one."""
        self.assertEqual(101, await self.over("CP-1"))
        wrong = f"Authorization: {basic('CP-1', 'wrong')}"
        for _ in range(1 + BURST):
            self.assertEqual(401, await self.plain(wrong))
        self.assertEqual(101, await self.over("CP-1", wrong))
        self.assertEqual(0, self.world.system.counters[Counter.LOGINS_PUT_OFF])
        with capturedLogs() as logged:
            self.assertEqual(401, await self.over("CP-2", self.password))
        lines = "\n".join(formatEvent(event) or "" for event in logged)
        self.assertIn("its certificate is somebody else's", lines)


class Plain(ServerCase):
    """A server that nobody has told anything of TLS."""

    async def test_off(self) -> None:
        """It takes plain connections, and nobody who is encrypted."""
        await self.opened()
        wire = await self.dial(HALF_A_HELLO)
        await wire.closed()
        self.assertEqual(1, self.world.system.counters[Counter.TLS_REFUSED])
