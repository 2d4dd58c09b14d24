"""The server on real sockets, asked by other programs: curl, Python's own client, OpenSSL's."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.web import server as server_module
from cfos_cm.web.application import Application
from cfos_cm.web.outlets import MAX_WAITING_BYTES
from cfos_cm.web.route import Route
from cfos_cm.web.server import WebServer, mistake_in
from cfos_cm.web.settings import HttpSettings
from tests.net.certificate import self_signed

from .asking import ADMIN, CSRF, SESSION, TOKEN, USUAL_ROUTES, Keeper, Source, request, route

reactor: Any = global_reactor
PLAIN = "tcp:0:interface=127.0.0.1"
COOKIE = {"Cookie": f"cfos_cm={SESSION}"}


class Served(TestCase):
    """An application that is served."""

    timeout = 60

    def setUp(self) -> None:
        """Make one; it is served by a test."""
        self.keeper = Keeper()
        self.source = Source()
        self.counted: list[str] = []
        routes: tuple[Route, ...] = (
            *USUAL_ROUTES,
            route(path="/api/v1/live", handle=self.source.handle),
        )
        self.application = Application(
            routes,
            self.keeper,
            HttpSettings(),
            lambda _: None,
            None,
            reactor,
            self.counted.append,
        )

    async def serve(self, description: str = PLAIN) -> WebServer:
        """Listen."""
        server = WebServer(reactor, description, self.application)
        await server.open()
        self.addCleanup(server.close)
        self.assertTrue(server.is_open)
        return server

    async def secure(self) -> WebServer:
        """Listen with TLS."""
        folder = Path(self.mktemp())
        folder.mkdir()
        key, certificate = self_signed()
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "key.pem").write_bytes(plain)
        (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        files = f"privateKey={folder}/key.pem:certKey={folder}/certificate.pem"
        return await self.serve(f"ssl:0:interface=127.0.0.1:{files}")

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that happens."""
        while not is_so():
            await deferLater(reactor, 0.02)

    async def curl(self, *arguments: str) -> tuple[int, bytes]:
        """What curl says, and its output."""
        usual = ("-s", "-k", "--max-time", "20", "-H", f"Authorization: Bearer {TOKEN}")
        out, _, code = await getProcessOutputAndValue("curl", (*usual, *arguments), env={})
        return code, out


class Asked(Served):
    """Requests of real clients."""

    async def test_curl(self) -> None:
        """Curl asks, orders and uploads, plain and chunked."""
        port = (await self.serve()).port
        base = f"http://127.0.0.1:{port}/api/v1"
        code, out = await self.curl(f"{base}/things?limit=7")
        self.assertEqual((0, 7), (code, json.loads(out)["query"]["limit"]))
        code, out = await self.curl("--json", '{"current_ma":6000}', f"{base}/things")
        self.assertEqual((0, 6000), (code, json.loads(out)["body"]["current_ma"]))
        file = Path(self.mktemp())
        file.write_bytes(b"x" * 2_000_000)
        upload = ("-T", str(file), "-H", "Content-Type: application/octet-stream")
        for more in ((), ("-H", "Transfer-Encoding: chunked")):
            self.assertEqual(
                (0, b"2000000"), await self.curl(*upload, *more, f"{base}/files/a")
            )
        code, out = await self.curl("--compressed", f"{base}/long")
        self.assertEqual((0, 500), (code, len(json.loads(out))))
        code, out = await self.curl("-I", f"{base}/long")
        self.assertIn(b"200 OK", out)

    async def test_too_long(self) -> None:
        """Curl reads why its file is too long, plain, chunked and by TLS."""
        file = Path(self.mktemp())
        file.write_bytes(b"x" * 20_000_000)
        upload = (
            "-T",
            str(file),
            "-H",
            "Content-Type: application/octet-stream",
            "-H",
            "Expect:",
        )
        for serve, scheme in ((self.serve, "http"), (self.secure, "https")):
            port = (await serve()).port
            url = f"{scheme}://127.0.0.1:{port}/api/v1/files/a"
            for more in ((), ("-H", "Transfer-Encoding: chunked")):
                code, out = await self.curl(*upload, *more, "-w", "%{http_code}", url)
                self.assertTrue(out.endswith(b"413"), (code, scheme, more, out))

    async def test_other_site(self) -> None:
        """What a browser sends for a form, an image or a script of another site is refused."""
        port = (await self.serve()).port
        theirs = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        fetch = {"Content-Type": "text/plain"}

        def ask() -> list[int]:
            return [
                status(port, "POST", "/api/v1/things", {**COOKIE, **theirs, **form}, b"a=b"),
                status(
                    port, "GET", "/api/v1/things", {**COOKIE, "Sec-Fetch-Site": "cross-site"}
                ),
                status(port, "POST", "/api/v1/things", {**COOKIE, **theirs, **fetch}, b"{}"),
                status(port, "GET", "/", {"Host": "evil.test"}),
            ]

        self.assertEqual([403, 403, 403, 421], await deferToThread(ask))

    async def test_tls(self) -> None:
        """By TLS the cookie has its other name, and nothing is to come without TLS again."""
        port = (await self.secure()).port

        def ask() -> Any:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with closing(
                http.client.HTTPSConnection("127.0.0.1", port or 0, context=context)
            ) as c:
                own = {"Cookie": f"__Host-cfos_cm={SESSION}", "X-CSRF-Token": CSRF}
                origin = {"Origin": f"https://127.0.0.1:{port}"}
                c.request("POST", "/api/v1/things/a/pause", headers={**own, **origin})
                answer = c.getresponse()
                return answer.status, json.loads(answer.read()), dict(answer.getheaders())

        code, told, fields = await deferToThread(ask)
        self.assertEqual((200, "anna", True), (code, told["who"], told["is_secure"]))
        self.assertIn("Strict-Transport-Security", fields)
        self.assertNotIn("Server", fields)

    async def test_old_tls(self) -> None:
        """TLS 1.1 is not spoken."""
        port = (await self.secure()).port
        codes = {}
        for version in ("1.1", "1.2"):
            weak = ("--ciphers", "ALL:@SECLEVEL=0", "--tls-max", version, "--tlsv1.1")
            codes[version], _ = await self.curl(*weak, f"https://127.0.0.1:{port}/healthz")
        self.assertEqual({"1.1": 35, "1.2": 0}, codes)

    async def test_on_a_socket_file(self) -> None:
        """A proxy on the same computer can come by a socket of the file system."""
        place = f"/tmp/cfos-cm-{id(self)}.sock"
        self.addCleanup(lambda: Path(place).unlink(missing_ok=True))
        await self.serve(f"unix:{place}")
        code, out = await self.curl(
            "--unix-socket", place, "http://localhost/api/v1/things?limit=3"
        )
        self.assertEqual((0, 3), (code, json.loads(out)["query"]["limit"]))


class Listening(Served):
    """Streams on real sockets."""

    async def listen(self, server: WebServer, fields: dict[str, str], is_tls: bool) -> Any:
        """Begin to read a stream, and read no more of it."""

        def connect() -> Any:
            plain = socket.create_connection(("127.0.0.1", server.port or 0), 20)
            reader: Any = plain
            if is_tls:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                reader = context.wrap_socket(plain)
            reader.sendall(request("GET", "/api/v1/live", fields, b""))
            self.assertIn(b"text/event-stream", reader.recv(10_000))
            return reader

        reader = await deferToThread(connect)
        self.addCleanup(reader.close)
        await self.until(lambda: bool(self.source.outlets))
        return reader

    async def check_slow_reader(self, server: WebServer, is_tls: bool) -> None:
        """Who does not read is cut off as soon as too much waits for him."""
        await self.listen(server, ADMIN, is_tls)
        outlet = self.source.outlets.pop()
        # What the system keeps for both ends goes first.
        written = 0
        while outlet.write(b"x" * 50_000):
            written += 50_000
            self.assertLess(written, 30_000_000)
            await deferLater(reactor, 0)
        self.assertGreaterEqual(written, MAX_WAITING_BYTES - 100_000)
        await self.until(lambda: self.source.ended == 1)
        self.assertIn("web_readers_too_slow", self.counted)

    async def test_slow_reader(self) -> None:
        """Without TLS."""
        await self.check_slow_reader(await self.serve(), False)

    async def test_slow_reader_of_tls(self) -> None:
        """With TLS, where what waits is not encrypted yet."""
        await self.check_slow_reader(await self.secure(), True)

    async def test_burst(self) -> None:
        """What is written at once without a turn of the loop counts as well."""
        server = await self.secure()
        await self.listen(server, ADMIN, True)
        outlet = self.source.outlets[0]
        taken = [outlet.write(b"x" * 100_000) for _ in range(200)]
        self.assertFalse(taken[-1])

    async def test_room(self) -> None:
        """Who waits for room sends all to who reads slowly, and is never cut off."""
        for serve, is_tls in ((self.serve, False), (self.secure, True)):
            server = await serve()
            reader = await self.listen(server, ADMIN, is_tls)
            outlet = self.source.outlets.pop()
            sent: Deferred[None] = Deferred()
            left = [100]

            def send(outlet: Any = outlet, left: Any = left, sent: Any = sent) -> None:
                if not left[0]:
                    outlet.end()
                    sent.callback(None)
                    return
                left[0] -= 1
                self.assertTrue(outlet.write(b"x" * 100_000))
                outlet.when_room(send)

            outlet.when_room(send)
            received = await deferToThread(read_all, reader)
            await sent
            self.assertGreater(received, 10_000_000)

    async def test_logged_out(self) -> None:
        """A stream ends for its reader when he is logged out."""
        server = await self.serve()
        reader = await self.listen(server, COOKIE, False)
        self.source.outlets[0].write(b"data: 1\n\n")
        self.keeper.end()
        seen = await deferToThread(until_end_of_chunks, reader)
        self.assertIn(b"data: 1", seen)
        self.assertEqual(1, self.source.ended)

    async def test_reader_leaves(self) -> None:
        """It is seen that a reader has left."""
        server = await self.serve()
        reader = await self.listen(server, ADMIN, False)
        reader.close()
        await self.until(lambda: self.source.ended == 1)

    async def test_server_stops(self) -> None:
        """When the server stops, nothing is left of streams and connections."""
        server = await self.serve()
        reader = await self.listen(server, ADMIN, False)
        idle = http.client.HTTPConnection("127.0.0.1", server.port or 0, timeout=20)
        self.addCleanup(idle.close)

        def ask() -> None:
            idle.request("GET", "/healthz")
            idle.getresponse().read()

        await deferToThread(ask)
        await server.close()
        self.assertFalse(server.is_open)
        self.assertEqual(1, self.source.ended)
        await deferToThread(read_all, reader)
        self.assertEqual(b"", await deferToThread(idle.sock.recv, 100))


class Trying(SynchronousTestCase):
    """A place that cannot be listened at."""

    def setUp(self) -> None:
        """An application that nobody asks."""
        self.clock = MemoryReactorClock()
        self.application = Application(
            (), Keeper(), HttpSettings(), lambda _: None, None, Clock()
        )

    def test_mistake(self) -> None:
        """What is wrong with a description is said, and tried again; nothing fails."""
        for description in ("nonsense:1", "ssl:1:privateKey=/nowhere.pem", "tcp:x"):
            self.assertTrue(mistake_in(self.clock, description), description)
            server = WebServer(self.clock, description, self.application)
            self.successResultOf(server.open())
            self.assertFalse(server.is_open)
            self.assertEqual([10.0], [call.getTime() for call in self.clock.getDelayedCalls()])
            self.successResultOf(server.close())
            self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual("", mistake_in(self.clock, PLAIN))

    def test_said_once(self) -> None:
        """What is wrong is logged once, however often it is tried; what becomes of it, too."""
        server = WebServer(self.clock, "ssl:1:privateKey=/nowhere.pem", self.application)
        with capturedLogs() as events:
            self.successResultOf(server.open())
            self.clock.pump([10.0] * 30)
        (said,) = [formatEvent(event) for event in events]
        self.assertIn("cannot be served at ssl:1: ", said)
        self.patch(server_module, "_why", lambda _: "rain")
        with capturedLogs() as events:
            self.clock.pump([10.0] * 30)
        self.assertEqual(1, len(events))
        self.successResultOf(server.close())

    def test_closed_before_it_was_open(self) -> None:
        """Closing is always possible."""
        server = WebServer(self.clock, PLAIN, self.application)
        self.assertIsNone(self.successResultOf(server.close()))


class Busy(Served):
    """A port that somebody else has."""

    async def test_tried_again(self) -> None:
        """It is listened at as soon as it is free."""
        other = socket.create_server(("127.0.0.1", 0))
        port = other.getsockname()[1]
        patient = _Hurried()
        server = WebServer(patient, f"tcp:{port}:interface=127.0.0.1", self.application)
        self.addCleanup(server.close)
        await server.open()
        self.assertFalse(server.is_open)
        self.assertIsNone(server.port)
        self.assertEqual([10.0], patient.waited_s)
        other.close()
        await self.until(lambda: server.is_open)
        self.assertEqual(port, server.port)


class _Hurried:
    """The reactor, to which ten seconds are a moment."""

    def __init__(self) -> None:
        self.waited_s: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def callLater(self, delay: float, act: Any, *arguments: Any) -> Any:
        """Soon."""
        if delay == 10.0:
            self.waited_s.append(delay)
            delay = 0.1
        return reactor.callLater(delay, act, *arguments)


def status(
    port: int | None, method: str, path: str, fields: dict[str, str], body: bytes = b""
) -> int:
    """What Python's client is answered."""
    with closing(http.client.HTTPConnection("127.0.0.1", port or 0, timeout=20)) as client:
        client.request(method, path, body or None, fields)
        return client.getresponse().status


def read_all(reader: Any) -> int:
    """How much comes until the end of a stream, or of its connection."""
    received, last = 0, b""
    while not last.endswith(b"0\r\n\r\n"):
        piece = reader.recv(65_536)
        if not piece:
            break
        received += len(piece)
        last = (last + piece)[-10:]
    return received


def until_end_of_chunks(reader: Any) -> bytes:
    """What comes until the end of a stream."""
    seen = b""
    while not seen.endswith(b"0\r\n\r\n"):
        piece = reader.recv(65_536)
        if not piece:
            raise ConnectionDone
        seen += piece
    return bytes(seen)
