"""What the log, and the peer, are told of an upgrade that is refused."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure

from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.net.charge_point_server import ChargePointConnection
from cfos_cm.net.quiet_log import QUIET_S
from tests.central_system.world import SITE

from .peers import CLOSE, ServerCase, basic, frame, upgrade

PASSWORD = "s3cret-pässword"

#: What a peer has planted; nobody may repeat it.
SECRET = "t0p-s3cret"


def lines(logged: list[LogEvent]) -> list[str]:
    """What the log says, at all levels."""
    return [formatEvent(event) for event in logged]


class Why(ServerCase):
    """The log says what to do about it."""

    settings = evolve(SITE, password=PASSWORD, unknown=UnknownChargePoints.REFUSE)

    async def refused(self, request: bytes) -> str:
        """The one warning that a request gets, if there was none like it for a while."""
        self.world.clock.advance(QUIET_S)
        with capturedLogs() as logged:
            head = await self.asked(request)
        self.assertNotIn(" 101 ", head)
        (event,) = [one for one in logged if one["log_level"] >= LogLevel.warn]
        self.assertNotIn(PASSWORD, "\n".join(lines(logged)))
        return formatEvent(event)

    async def test_no_password(self) -> None:
        """A wallbox that sends none, or nothing that is one, is told apart from the next."""
        for headers in ((), ("Authorization: Bearer abc",), ("Authorization: Basic ???",)):
            line = await self.refused(upgrade("/CP-1", *headers))
            self.assertIn("CP-1 refused: it has sent no password", line)

    async def test_wrong_password(self) -> None:
        """So is one that sends a wrong one, or says another name."""
        for name, password in (("CP-1", "wrong"), ("CP-2", PASSWORD), ("", PASSWORD)):
            header = f"Authorization: {basic(name, password)}"
            line = await self.refused(upgrade("/CP-1", header))
            why = "wrong password, or its user name is not its ChargeBox ID"
            self.assertIn(f"CP-1 refused: {why}", line)

    async def test_not_repeated(self) -> None:
        """Whatever it has sent to prove who it is, nothing of it is repeated."""
        encoded = basic("CP-1", SECRET).partition(" ")[2]
        for value in (
            SECRET,
            f"Bearer {SECRET}",
            f"Basic {SECRET}",
            f"Basic {encoded}",
            f"Basic {encoded[:-4]}!!!!",
            basic(SECRET, PASSWORD),
            basic("CP-1", SECRET * 100),
        ):
            with capturedLogs() as logged:
                head = await self.asked(upgrade("/CP-1", f"Authorization: {value}"))
            told = "\n".join([head, *lines(logged), *(repr(one) for one in logged)])
            self.assertIn(" 401 ", head)
            for forbidden in (SECRET, encoded[:-4], PASSWORD):
                self.assertNotIn(forbidden, told)

    async def test_foreign_page(self) -> None:
        """A page of another web site is called one, and so is what a wallbox could do."""
        header = f"Authorization: {basic('CP-1', PASSWORD)}"
        for origin in ("http://evil.test", "null"):
            line = await self.refused(upgrade("/CP-1", header, f"Origin: {origin}"))
            self.assertIn("refused, a page of another web site asks, in a browser there", line)
            self.assertIn("add foreign-origin to the quirks of its EVSE", line)

    async def test_own_origin(self) -> None:
        """Firmware that names an Origin of its own is let in."""
        header = f"Authorization: {basic('CP-1', PASSWORD)}"
        for origin in ("file://", "http://127.0.0.1", "CP-1"):
            wire = await self.opened("/CP-1", header, f"Origin: {origin}")
            wire.say(frame(CLOSE, (1000).to_bytes(2, "big")))
            self.assertEqual(1000, await wire.close_code())

    async def test_unknown(self) -> None:
        """One that is not configured is named as the file would have to name it."""
        header = f"Authorization: {basic('new', PASSWORD)}"
        line = await self.refused(upgrade("/new", header))
        self.assertIn("new refused: no [evse ...] section has it as its address", line)

    async def test_subprotocol(self) -> None:
        """One that speaks something else is said what it offers, in few words."""
        offered = ", ".join(["ocpp2.0.1", "x" * 100, *(f"p{n}" for n in range(10))])
        line = await self.refused(upgrade(subprotocol=offered))
        self.assertIn("offers no subprotocol ocpp1.6, only ['ocpp2.0.1', ", line)
        self.assertIn("must be set to OCPP 1.6J", line)
        self.assertNotIn("x" * 41, line)
        self.assertNotIn("p3", line)
        self.assertNotIn("no-subprotocol", line)

    async def test_no_subprotocol(self) -> None:
        """One that says nothing of what it speaks is told of the quirk, when it is let in."""
        header = f"Authorization: {basic('CP-1', PASSWORD)}"
        line = await self.refused(upgrade("/CP-1", header, subprotocol=None))
        self.assertIn("only []", line)
        self.assertIn("add no-subprotocol to the quirks of its EVSE", line)


class Often(ServerCase):
    """What anybody can bring about is told once."""

    settings = evolve(SITE, password=PASSWORD, unknown=UnknownChargePoints.REFUSE)

    async def test_often(self) -> None:
        """Each kind of refusal has one line, however often it happens."""
        header = f"Authorization: {basic('new', PASSWORD)}"
        kinds = (
            upgrade("/CP-1"),
            upgrade("/CP-1", f"Authorization: {basic('CP-1', 'wrong')}"),
            upgrade("/CP-1", "Authorization: Basic ???"),
            upgrade("/new", header),
            upgrade("/.."),
            upgrade("/CP-1", subprotocol="ocpp2.0.1"),
            upgrade("/CP-1").replace(b"Connection: Upgrade\r\n", b""),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        for request in kinds:
            self.world.clock.advance(QUIET_S)
            with capturedLogs() as logged:
                await self.asked(request)
            self.assertNotEqual([], logged, request)
            with capturedLogs() as logged:
                for _ in range(3):
                    await self.asked(request)
            self.assertEqual([], lines(logged), request)

    async def test_left_out(self) -> None:
        """After a while there is one more, which says how many there were meanwhile."""
        for _ in range(4):
            await self.asked(upgrade("/CP-1"))
        self.world.clock.advance(QUIET_S)
        with capturedLogs() as logged:
            await self.asked(upgrade("/CP-1"))
        (line,) = lines(logged)
        self.assertIn("CP-1 refused: it has sent no password (and 3 like this", line)

    async def test_others(self) -> None:
        """Another wallbox is named at once, for it has to be looked after, too."""
        await self.asked(upgrade("/CP-1"))
        with capturedLogs() as logged:
            await self.asked(upgrade("/CP-2"))
        self.assertIn("CP-2 refused", "".join(lines(logged)))


class Secrets(ServerCase):
    """What a peer has written is in no line of the log, and in no answer."""

    settings = evolve(SITE, unknown=UnknownChargePoints.REFUSE)

    async def check(self, *requests: bytes) -> None:
        """None of these is upgraded, and none is repeated."""
        for request in requests:
            self.assertIn(SECRET.encode(), request)
            self.world.clock.advance(QUIET_S)
            with capturedLogs() as logged:
                wire = await self.dial(request)
                head = await wire.head()
                if request.startswith(b"GET "):
                    self.assertRegex(head, r"^HTTP/1\.1 [45]\d\d [A-Z]", ascii(request))
                else:
                    self.assertEqual("", head, ascii(request))
                await wire.closed()
            told = "\n".join(
                [head, wire.heard.decode(), *lines(logged), *(repr(one) for one in logged)]
            )
            self.assertNotIn(SECRET, told, ascii(request))
            ours = [line for line in lines(logged) if line.startswith("tcp4:127.0.0.1:")]
            self.assertEqual(1, len(ours), ascii(request))

    async def test_request_line(self) -> None:
        """Of a request line that is none."""
        rest = b"\r\nHost: x\r\n\r\n"
        await self.check(
            f"{SECRET} /CP-1 HTTP/1.1".encode() + rest,
            f"GET {SECRET}".encode() + rest,
            f"GET /{SECRET} HTTP/1.1 more".encode() + rest,
            f"GET /{SECRET} HTTP/9.{SECRET}".encode() + rest,
            f"GET /{SECRET} {SECRET}".encode() + rest,
            f"POST /{SECRET} HTTP/1.1".encode() + rest,
            f"GET /{SECRET}".encode() + rest,
            f"GET /{SECRET}\xff HTTP/1.1".encode("latin-1") + rest,
            f"GET /{SECRET} HTTP/1.0".encode() + rest,
            SECRET.encode() + b"\r\n\r\n",
        )

    async def test_identity(self) -> None:
        """Of a path that ends with no identity, or is none."""
        await self.check(
            upgrade(f"/CP 1 {SECRET}"),
            upgrade(f"/{SECRET}/" + "x" * 49),
            upgrade(f"/{SECRET}%00"),
            upgrade(f"/{SECRET}%2fCP-1"),
            upgrade(f"/CP-1#{SECRET}"),
            upgrade(f"/?password={SECRET}"),
            upgrade(f"ws://[{SECRET}/CP-1%00"),
        )

    async def test_userinfo(self) -> None:
        """Of a user's name and password in a URI, as some wallboxes write it."""
        await self.check(
            upgrade(f"http://CP-1:{SECRET}@127.0.0.1/"),
            upgrade(f"ws://CP-1:{SECRET}@127.0.0.1/new"),
            upgrade(f"ws://{SECRET}:x@127.0.0.1/new?{SECRET}"),
            upgrade(f"/CP-1:{SECRET}@127.0.0.1/.."),
        )

    async def test_query(self) -> None:
        """Of what is behind the identity, also of a Charge Point that is not configured."""
        await self.check(upgrade(f"/new?token={SECRET}"), upgrade(f"/{SECRET}/new"))

    async def test_headers(self) -> None:
        """Of headers that are wrong."""
        await self.check(
            upgrade("/CP-1", f"Host: {SECRET}"),
            upgrade("/CP-1").replace(b"127.0.0.1", f"x:{SECRET}".encode()),
            upgrade("/CP-1", f"Sec-WebSocket-Version: {SECRET}"),
            upgrade("/CP-1").replace(b"-Version: 13", f"-Version: {SECRET}".encode()),
            upgrade("/CP-1").replace(b"-Version: 13", f"-Version: 99\r\nX: {SECRET}".encode()),
            upgrade("/CP-1", f"Sec-WebSocket-Key: {SECRET}"),
            upgrade("/CP-1").replace(b"dGhlIHNhbXBsZSBub25jZQ==", SECRET.encode()),
            upgrade("/new", f"Sec-WebSocket-Extensions: {SECRET}; x={SECRET}, =;"),
            upgrade("/CP-1", f"Sec-WebSocket-Protocol: {SECRET}, {SECRET}"),
            upgrade("/CP-1", f"Origin: http://{SECRET}"),
            upgrade("/CP-1", f"Origin: http://{SECRET}:port"),
            upgrade("/CP-1", f"Upgrade: {SECRET}").replace(b"Upgrade: websocket\r\n", b""),
            upgrade("/CP-1").replace(b"Connection: Upgrade", f"Connection: {SECRET}".encode()),
        )

    async def test_accepted(self) -> None:
        """Of a whole URI only the path counts, also where the upgrade is made."""
        with capturedLogs() as logged:
            for uri in (f"ws://CP-1:{SECRET}@127.0.0.1/ocpp/CP-1?{SECRET}", "//CP-2"):
                self.assertIn(" 101 ", await self.asked(upgrade(uri)))
        self.assertIsNotNone(self.world.system.session("CP-1"))
        self.assertIsNotNone(self.world.system.session("CP-2"))
        self.assertNotIn(SECRET, "\n".join(lines(logged)))


class Autobahn(ServerCase):
    """What the library itself has to say."""

    async def test_remarks(self) -> None:
        """Its remarks about a connection are not told, for they repeat the peer."""
        with capturedLogs() as logged:
            wire = await self.opened(f"/CP-1?{SECRET}", f"Origin: {SECRET}")
            wire.say(frame(CLOSE, (1000).to_bytes(2, "big") + SECRET.encode()))
            self.assertEqual(1000, await wire.close_code())
            log = ChargePointConnection.log
            for remark in (log.trace, log.debug, log.info, log.warn):
                remark("{words}", words=SECRET)
        self.assertNotIn(SECRET, "\n".join(repr(event) for event in logged))

    async def test_errors(self) -> None:
        """Its mistakes are, as ours."""
        log = ChargePointConnection.log
        with capturedLogs() as logged:
            log.error("{what} failed", what="it")
            log.critical("{what} failed", what="it")
            log.failure("{what} failed", Failure(ZeroDivisionError()), what="it")
        self.assertEqual(["it failed"] * 3, [formatEvent(event) for event in logged])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
