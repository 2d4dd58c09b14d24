"""Putting a file where a backend wants it, and not where nobody wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.charge_point.uploader import NO_UPLOADS, NotUploaded
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.net.http_put import (
    LINGER_S,
    MAX_ANSWER_BYTES,
    Answer,
    PutFactory,
    put_request,
    status_fault,
)
from cfos_cm.net.uploads import (
    LOOKUP_TIMEOUT_S,
    MAX_ADDRESSES,
    MAX_UPLOAD_BYTES,
    UPLOAD_TIMEOUT_S,
    Uploads,
)
from cfos_cm.v16.security import UploadLogStatus
from cfos_cm.wire.location import Address, objection_to_address, read_location
from tests.issuer import Issuer
from tests.net.file_servers import FileServer, Names, anywhere

_PUBLIC = "93.184.215.14"
_PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


def _when_connected(address: Address, own: Address | None) -> str | None:
    """Looks at nothing until it is connected."""
    return None if own is None else objection_to_address(address, own)


class Answers(SynchronousTestCase):
    """What a server's answer means."""

    def test_status(self) -> None:
        """The final status counts; what comes before it is passed over."""
        for said, expected in (
            (b"HTTP/1.1 201 Created\r\nServer: x\r\n\r\nbody", 201),
            (b"HTTP/1.0 200\r\n\r\n", 200),
            (b"HTTP/1.1 204 No Content\n\n", 204),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\nA: b\r\n\r\n", 403),
            (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 3 + b"HTTP/1.1 500 x\r\n\r\n", 500),
            (b"HTTP/1.1 100 Continue\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nServer: x\r\n", None),
            (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MAX_ANSWER_BYTES), 200),
            (b"HT", None),
            (b"", None),
        ):
            self.assertEqual(expected, Answer().received(said), said)
            pieces = Answer()
            found = [pieces.received(said[at : at + 1]) for at in range(len(said))]
            statuses = [one for one in found if one is not None]
            self.assertEqual(expected, statuses[0] if statuses else None, said)

    def test_nonsense(self) -> None:
        """What is no HTTP is not waited for."""
        for said in (
            b"SSH-2.0-OpenSSH",
            b"\x15\x03\x01\x00\x02",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
        ):
            with self.subTest(said=said):
                self.assertRaises(NotUploaded, Answer().received, said)

    def test_endless(self) -> None:
        """A head without an end is given up, in one piece and in many, also before the last."""
        for line in (b"A: b\r\n", b"x" * 100, b"\r\nHTTP/1.1 100 Continue\r\n"):
            answer = Answer()
            answer.received(b"HTTP/1.1 100 Continue\r\n")
            for _ in range(MAX_ANSWER_BYTES // len(line) - 10):
                answer.received(line)
            with self.assertRaises(NotUploaded) as raised:
                for _ in range(100_000):
                    answer.received(line)
            self.assertIn("no end", str(raised.exception))

    @given(st.lists(st.binary(max_size=40), max_size=10))
    def test_anything(self, pieces: list[bytes]) -> None:
        """Whatever comes, it is a status, nothing yet, or refused."""
        answer = Answer()
        for piece in (b"HTTP/1.1 2", *pieces):
            try:
                status = answer.received(piece)
            except NotUploaded:
                return
            self.assertTrue(status is None or 200 <= status <= 599)
            if status is not None:
                return

    def test_faults(self) -> None:
        """What each kind of status is told as, and whether another attempt is of use."""
        for status, told, is_final in (
            (301, UploadLogStatus.UPLOAD_FAILURE, True),
            (307, UploadLogStatus.UPLOAD_FAILURE, True),
            (400, UploadLogStatus.UPLOAD_FAILURE, True),
            (401, UploadLogStatus.PERMISSION_DENIED, True),
            (403, UploadLogStatus.PERMISSION_DENIED, True),
            (405, UploadLogStatus.NOT_SUPPORTED_OPERATION, True),
            (408, UploadLogStatus.UPLOAD_FAILURE, False),
            (429, UploadLogStatus.UPLOAD_FAILURE, False),
            (500, UploadLogStatus.UPLOAD_FAILURE, False),
            (501, UploadLogStatus.NOT_SUPPORTED_OPERATION, True),
            (503, UploadLogStatus.UPLOAD_FAILURE, False),
        ):
            fault = status_fault(status)
            assert fault is not None
            self.assertEqual((told, is_final), (fault.status, fault.is_final), status)
        self.assertEqual([None] * 3, [status_fault(one) for one in (200, 201, 204)])


class Request(SynchronousTestCase):
    """What a server is asked."""

    def test_request(self) -> None:
        """One file, with its length; user and password go into a header of their own."""
        place = read_location("http://us%40er:pa%24s@files.example:8080/a%20b?c=d")
        head, _, body = put_request(place, b"line\n").partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual(b"PUT /a%20b?c=d HTTP/1.1", lines[0])
        self.assertIn(b"Host: files.example:8080", lines)
        self.assertIn(b"Content-Length: 5", lines)
        self.assertIn(b"Connection: close", lines)
        self.assertIn(b"Authorization: Basic dXNAZXI6cGEkcw==", lines)
        self.assertEqual(b"line\n", body)
        self.assertNotIn(b"Authorization", put_request(read_location("http://a.example"), b""))


class Wire(SynchronousTestCase):
    """One connection, in memory."""

    def connected(self, judge: Any = anywhere) -> tuple[Any, Any, list[Any], Clock]:
        """A connection to a server, and what comes of it."""
        clock = Clock()
        ended: list[Any] = []
        place = read_location("http://files.example/up")
        factory = PutFactory(place, b"content", judge, clock)
        factory.done.addBoth(ended.append)
        protocol, transport = factory.buildProtocol(None), _Transport()
        protocol.makeConnection(transport)
        return protocol, transport, ended, clock

    def test_taken(self) -> None:
        """It is over when the connection is; what the server says beside that is dropped."""
        protocol, transport, ended, clock = self.connected()
        self.assertTrue(transport.value().endswith(b"content"))
        protocol.dataReceived(b"HTTP/1.1 201 Created\r\n\r\n")
        self.assertTrue(transport.disconnecting)
        protocol.dataReceived(b"x" * 1_000_000)
        self.assertEqual([], ended)
        protocol.connectionLost()
        self.assertEqual([None], ended)
        self.assertEqual([], clock.getDelayedCalls())

    def test_lingering(self) -> None:
        """A server that has taken it and stays on the line is hung up on."""
        protocol, transport, _, clock = self.connected()
        protocol.dataReceived(b"HTTP/1.1 201 Created\r\n\r\n")
        clock.advance(LINGER_S)
        self.assertTrue(transport.aborted)

    def test_refused(self) -> None:
        """It is over at once, and the connection is dropped."""
        protocol, transport, ended, _ = self.connected()
        protocol.dataReceived(b"HTTP/1.1 403 No\r\n\r\n")
        self.assertEqual("its server does not allow it (403)", str(ended[0].value))
        self.assertTrue(transport.aborted)
        protocol.connectionLost()
        self.assertEqual(1, len(ended))

    def test_closed(self) -> None:
        """A server that closes the connection has taken nothing."""
        protocol, _, ended, _ = self.connected()
        protocol.connectionLost()
        self.assertIn("closed the connection", str(ended[0].value))
        self.assertFalse(ended[0].value.is_final)

    def test_judgedOnceMore(self) -> None:
        """Where it leads to is looked at when it is connected, and before anything is said."""
        _, transport, ended, _ = self.connected(
            lambda address, own: f"is {address}, and we are {own}"
        )
        self.assertEqual(b"", transport.value())
        self.assertTrue(transport.aborted)
        self.assertEqual(f"its server is {_PUBLIC}, and we are 10.0.0.7", str(ended[0].value))

    def test_cancelled(self) -> None:
        """Who does not want it any more has no connection either."""
        clock = Clock()
        factory = PutFactory(read_location("http://files.example/"), b"", anywhere, clock)
        protocol, transport = factory.buildProtocol(None), _Transport()
        protocol.makeConnection(transport)
        factory.done.addErrback(lambda _: None)
        factory.done.cancel()
        self.assertTrue(transport.aborted)
        protocol.connectionLost()


class _End:
    def __init__(self, host: str) -> None:
        self.host = host


class _Transport(StringTransport):
    aborted = False

    def abortConnection(self) -> None:
        """Dropped."""
        self.aborted = True

    def getHost(self) -> Any:
        """Our end."""
        return _End("10.0.0.7")

    def getPeer(self) -> Any:
        """The other end."""
        return _End(_PUBLIC)


class Addresses(SynchronousTestCase):
    """Where it is connected to, in a network that is only noted."""

    def world(self, known: dict[str, list[str]], **more: Any) -> tuple[Uploads, Names]:
        """Uploads with the usual judgement."""
        names = Names(known, MemoryReactorClock(), **more)
        return Uploads(names), names

    def put(self, uploads: Uploads, url: str) -> list[Any]:
        """What comes of putting a file."""
        ended: list[Any] = []
        uploads.put(read_location(url), b"x").addBoth(ended.append)
        return ended

    def fails(self, ended: list[Any]) -> str:
        """The words for why it is over."""
        [failure] = ended
        failure.trap(NotUploaded)
        return str(failure.value)

    def test_once(self) -> None:
        """
        DNS rebinding: a name is looked up once, and what was found then is connected to,
        whatever it means later.
        """
        known = {"files.example": [_PUBLIC]}
        uploads, names = self.world(known)
        ended = self.put(uploads, "http://files.example/up")
        known["files.example"] = ["127.0.0.1"]
        [(host, port, *_)] = names.reactor.tcpClients
        self.assertEqual((_PUBLIC, 80), (host, port))
        self.assertEqual(["files.example"], names.asked)
        self.assertEqual([], ended)

    def test_blocked(self) -> None:
        """A name that leads to a place nearby, alone or among others, is not connected to."""
        for bad in (
            "127.0.0.1",
            "10.1.1.1",
            "169.254.169.254",
            "192.168.178.1",
            "0.0.0.0",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:a00:1",
            "fe80::1",
            "fe80::1%eth0",
            "fd00:ec2::254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ):
            for addresses in ([bad], [_PUBLIC, bad], [bad, _PUBLIC_6]):
                uploads, names = self.world({"files.example": addresses})
                ended = self.put(uploads, "https://files.example/")
                self.assertIn("its host is", self.fails(ended), addresses)
                self.assertTrue(ended[0].value.is_final)
                self.assertEqual([], names.reactor.tcpClients)

    def test_literal(self) -> None:
        """An address is not looked up, and judged all the same."""
        for url, expected in (
            (f"http://{_PUBLIC}:8080/", (_PUBLIC, 8080)),
            (f"http://[{_PUBLIC_6}]/", (_PUBLIC_6, 80)),
        ):
            uploads, names = self.world({})
            self.put(uploads, url)
            self.assertEqual(expected, names.reactor.tcpClients[0][:2])
            self.assertEqual([], names.asked)
        for url in ("http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://nas/"):
            uploads, names = self.world({"nas": [_PUBLIC], "2130706433": [_PUBLIC]})
            self.assertIn("its host is", self.fails(self.put(uploads, url)))
            self.assertEqual(([], []), (names.asked, names.reactor.tcpClients))

    def test_unknown(self) -> None:
        """A name that nobody knows may be known later."""
        uploads, _ = self.world({})
        ended = self.put(uploads, "http://files.example/")
        self.assertIn("no address is known", self.fails(ended))
        self.assertFalse(ended[0].value.is_final)

    def test_slowNames(self) -> None:
        """A name server that does not answer is not waited for."""
        uploads, names = self.world({}, is_deaf=True)
        ended = self.put(uploads, "http://files.example/")
        names.reactor.advance(LOOKUP_TIMEOUT_S)
        self.assertIn("no address is known", self.fails(ended))

    def test_manyAddresses(self) -> None:
        """A name with more addresses than anybody needs is refused."""
        addresses = [f"93.184.215.{number}" for number in range(MAX_ADDRESSES + 5)]
        uploads, names = self.world({"files.example": addresses})
        self.assertIn("more than 16", self.fails(self.put(uploads, "http://files.example/")))
        self.assertEqual([], names.reactor.tcpClients)

    def test_slow(self) -> None:
        """After ten minutes it is over, wherever it is by then."""
        uploads, names = self.world({"files.example": [_PUBLIC]})
        ended = self.put(uploads, "http://files.example/")
        factory = names.reactor.tcpClients[0][2]
        protocol, transport = factory.buildProtocol(None), _Transport()
        protocol.makeConnection(transport)
        names.reactor.advance(UPLOAD_TIMEOUT_S - 1)
        self.assertEqual([], ended)
        names.reactor.advance(1)
        self.assertIn("not over within 600 s", self.fails(ended))
        self.assertTrue(transport.aborted)

    def test_slowToConnect(self) -> None:
        """Being cancelled while it connects, it tries nothing else."""
        uploads, names = self.world({"files.example": [_PUBLIC, _PUBLIC_6]})
        ended: list[Any] = []
        putting = uploads.put(read_location("http://files.example/"), b"x")
        putting.addBoth(ended.append)
        putting.cancel()
        self.assertEqual(1, len(ended))
        self.assertEqual(1, len(names.reactor.tcpClients))

    def test_size(self) -> None:
        """A file that is too large goes nowhere."""
        uploads, names = self.world({"files.example": [_PUBLIC]})
        ended: list[Any] = []
        place = read_location("http://files.example/")
        uploads.put(place, bytes(MAX_UPLOAD_BYTES + 1)).addBoth(ended.append)
        self.assertIn("allowed: 52428800", self.fails(ended))
        self.assertEqual([], names.asked)

    def test_scheme(self) -> None:
        """What is not spoken is not tried."""
        uploads, _ = self.world({"files.example": [_PUBLIC]})
        self.assertIn("ftp is not spoken", self.fails(self.put(uploads, "ftp://files.example")))

    def test_objection(self) -> None:
        """Others who would go there are told, too; nobody knows what is not looked up."""
        uploads, names = self.world({"inside.example": [_PUBLIC, "10.0.0.1"], "a.example": []})
        for host, words in (
            ("inside.example", "private network"),
            ("192.168.1.1", "private network"),
            ("localhost", "network here"),
        ):
            found = self.successResultOf(uploads.objection(read_location(f"http://{host}/")))
            self.assertIn(words, str(found), host)
        for host in ("a.example", "b.example", _PUBLIC):
            place = read_location(f"http://{host}/")
            self.assertIsNone(self.successResultOf(uploads.objection(place)))
        self.assertEqual(["inside.example", "a.example", "b.example"], names.asked)

    def test_none(self) -> None:
        """Where nothing is wired, nothing goes anywhere."""
        place = read_location("http://files.example/")
        self.failureResultOf(NO_UPLOADS.put(place, b""), NotUploaded)
        self.assertIsNone(self.successResultOf(NO_UPLOADS.objection(place)))


class RealServers(TestCase):
    """Python's HTTP server, with and without its TLS."""

    timeout = 60

    def server(self, **options: Any) -> FileServer:
        """One that runs."""
        found = FileServer(folder=Path(self.mktemp()), **options)
        self.addCleanup(found.close)
        return found

    def uploads(self, issuer: Issuer | None = None) -> Uploads:
        """Uploads that go here under any name."""
        names = Names({"files.example": ["127.0.0.1"]})
        material = ClientMaterial(has_system_roots=True)
        if issuer is not None:
            material = ClientMaterial(authorities=(issuer.certificate,))
        return Uploads(names, material, anywhere)

    def put(self, uploads: Uploads, url: str, content: bytes = b"content") -> Deferred[Any]:
        """Put a file."""
        return uploads.put(read_location(url), content)

    async def refused(self, uploads: Uploads, url: str) -> str:
        """Why a file cannot be put."""
        failed = await self.assertFailure(self.put(uploads, url), NotUploaded)
        return str(failed)

    def test_http(self) -> Any:
        """The file comes to where it is wanted, with user and password."""
        return ensureDeferred(self.http())

    async def http(self) -> None:
        """See L{test_http}."""
        server = self.server()
        content = bytes(range(256)) * 8000
        url = f"http://user:pa%24s@files.example:{server.port}/up?a=b"
        await self.put(self.uploads(), url, content)
        [taken] = server.taken
        self.assertEqual(("PUT", "/up?a=b"), (taken.method, taken.path))
        self.assertEqual(content, taken.content)
        self.assertEqual(f"files.example:{server.port}", taken.headers["host"])
        self.assertEqual("Basic dXNlcjpwYSRz", taken.headers["authorization"])

    def test_https(self) -> Any:
        """Over TLS, to whom is known and has the right name; others get nothing."""
        return ensureDeferred(self.https())

    async def https(self) -> None:
        """See L{test_https}."""
        issuer = Issuer("Files CA")
        server = self.server(papers=issuer.issue("files", "files.example"))
        url = f"https://user:s3cret@files.example:{server.port}/up"
        await self.put(self.uploads(issuer), url, b"x" * 100_000)
        self.assertEqual(1, len(server.taken))
        for uploads in (self.uploads(), self.uploads(Issuer("Another CA"))):
            self.assertIn("not trusted: its certificate", await self.refused(uploads, url))
        other = self.server(papers=issuer.issue("files", "other.example"))
        url = f"https://files.example:{other.port}/up"
        words = await self.refused(self.uploads(issuer), url)
        self.assertIn("is for other.example, and not for files.example", words)
        plain = self.server()
        url = f"https://files.example:{plain.port}/up"
        self.assertIn("TLS", await self.refused(self.uploads(issuer), url))
        self.assertEqual([1, 0, 0], [len(one.taken) for one in (server, other, plain)])

    def test_redirect(self) -> Any:
        """A redirection is not followed, wherever it leads to."""
        return ensureDeferred(self.redirect())

    async def redirect(self) -> None:
        """See L{test_redirect}."""
        target = self.server()
        for status in (301, 302, 303, 307, 308):
            where = {"Location": f"http://127.0.0.1:{target.port}/"}
            server = self.server(statuses=[status], headers=where)
            url = f"http://files.example:{server.port}/up"
            self.assertIn("not followed", await self.refused(self.uploads(), url))
        self.assertEqual([], target.taken)

    def test_loopback(self) -> Any:
        """With the usual judgement nobody gets here, by a name or by an address."""
        return ensureDeferred(self.loopback())

    async def loopback(self) -> None:
        """See L{test_loopback}."""
        server = self.server()
        names = Names({"rebound.example": ["127.0.0.1"]})
        for host in ("rebound.example", "127.0.0.1", "localhost", "127.1", "[::1]"):
            words = await self.refused(Uploads(names), f"http://{host}:{server.port}/up")
            self.assertIn("its host is", words)
        # Also where the first look has let it through: this is our own address.
        late = Uploads(names, judge=_when_connected)
        url = f"http://rebound.example:{server.port}/up"
        self.assertEqual("its server is this computer itself", await self.refused(late, url))
        self.assertEqual([], server.taken)

    def test_nobodyThere(self) -> Any:
        """Where nobody listens, it fails, and the next address is tried."""
        return ensureDeferred(self.nobody_there())

    async def nobody_there(self) -> None:
        """See L{test_nobodyThere}."""
        server = self.server()
        names = Names({"files.example": ["127.0.0.2", "127.0.0.3", "127.0.0.1"]})
        uploads = Uploads(names, judge=anywhere)
        await self.put(uploads, f"http://files.example:{server.port}/")
        self.assertEqual(1, len(server.taken))
        server.close()
        words = await self.refused(uploads, f"http://files.example:{server.port}/")
        self.assertIn("nobody listens at files.example", words)

    def test_hostile(self) -> Any:
        """Endless heads, nonsense and silence cost a few bytes and the time that is allowed."""
        return ensureDeferred(self.hostile())

    async def hostile(self) -> None:
        """See L{test_hostile}."""
        for said, words in (
            (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1_000_000, "has no end"),
            (b"x" * 10_000_000, "does not speak HTTP"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, "has no end"),
            (b"220 mail.example ESMTP\r\n", "does not speak HTTP"),
            (None, "closed the connection"),
        ):
            port = self.scripted(said)
            found = await self.refused(self.uploads(), f"http://files.example:{port}/")
            self.assertIn(words, found)

    def scripted(self, said: bytes | None) -> int:
        """A server that says something and nothing else, or closes the connection."""
        reactor: Any = real_reactor
        lines: list[Any] = []

        class Server(Protocol):
            """It says its piece."""

            def connectionMade(self) -> None:
                """Somebody is there."""
                transport: Any = self.transport
                lines.append(transport)
                if said is None:
                    transport.loseConnection()
                else:
                    transport.write(said)

        port = reactor.listenTCP(0, Factory.forProtocol(Server), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: [one.abortConnection() for one in lines])
        return int(port.getHost().port)
