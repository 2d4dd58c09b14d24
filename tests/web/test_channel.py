"""The bounds of one connection, in memory."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.answer import Json
from cfos_cm.web.route import Asked

from .asking import ADMIN, HOST, Heard, House, Peer, heard, request, route

FILE = {**ADMIN, "Content-Type": "application/octet-stream"}
CHUNKED = {**FILE, "Transfer-Encoding": "chunked"}
PATH = "/api/v1/files/a"


def head(method: str, path: str, fields: dict[str, str]) -> bytes:
    """A request without its body."""
    return request(method, path, fields, b"")


def chunk(octets: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(octets), octets)


class Bounds(SynchronousTestCase):
    """What is too long or too slow is refused before it is there."""

    def setUp(self) -> None:
        """Somebody is connected."""
        self.house = House()
        self.peer = self.house.peer()

    def refused(self, peer: Peer | None = None) -> Heard:
        """The answer of a connection that has no future."""
        peer = peer or self.peer
        answer, rest = heard(peer.all_heard())
        self.assertEqual(b"", rest)
        self.assertEqual("close", answer.fields["connection"])
        self.assertIn("content-security-policy", answer.fields)
        self.assertNotIn("server", answer.fields)
        self.assertEqual("application/problem+json", answer.fields["content-type"])
        self.assertEqual(answer.status, answer.json["status"])
        return answer

    def test_announced(self) -> None:
        """10 GB are refused when they are announced; nothing of them is kept."""
        fields = {**FILE, "Content-Length": str(10 * 1024**3), "Expect": "100-continue"}
        self.peer.say(head("PUT", PATH, fields))
        self.assertEqual(413, self.refused().status)
        self.peer.say(b"x" * 900_000)
        self.assertEqual("producing", self.peer.transport.producerState)
        self.peer.say(b"x" * 900_000)
        self.assertEqual("paused", self.peer.transport.producerState)
        self.assertEqual(b"", self.peer.all_heard())

    def test_chunked(self) -> None:
        """What comes without an end is refused where it becomes too long, and not before."""
        self.peer.say(head("PUT", PATH, CHUNKED))
        for _ in range(3):
            self.peer.say(chunk(b"x" * 1_000_000))
        self.assertEqual(b"", self.peer.all_heard())
        self.peer.say(chunk(b"x"))
        self.assertEqual(413, self.refused().status)
        self.assertEqual(["web_requests_cut_short"], self.house.counted)

    def test_length_that_is_allowed(self) -> None:
        """A body of just as much as there may be is taken, announced or not."""
        octets = b"x" * 3_000_000
        self.assertEqual(b"3000000", self.house.ask(PATH, "PUT", FILE, octets).body)
        self.peer.say(head("PUT", PATH, CHUNKED) + chunk(octets) + b"0\r\n\r\n")
        self.assertEqual(b"3000000", heard(self.peer.all_heard())[0].body)

    def test_length_of_each_route(self) -> None:
        """Each route has a bound of its own; where nothing is, there is little room."""
        for path, size, status in (("/api/v1/login", 1_048_577, 413), ("/api/x", 65_537, 413)):
            answer = self.house.ask(path, "POST", {"Content-Length": str(size)}, b"x")
            self.assertEqual(status, answer.status)
        fields = {"Content-Type": "application/json"}
        self.assertEqual(404, self.house.ask("/api/x", "POST", fields, b"x" * 65_536).status)

    def test_memory_of_all(self) -> None:
        """Many long bodies at once find an end of what they share; short ones need none."""
        peers = [self.house.peer(f"198.51.100.{number}") for number in range(12)]
        for peer in peers:
            peer.say(head("PUT", PATH, CHUNKED) + chunk(b"x" * 2_999_000))
        answers = [
            heard(peer.all_heard())[0].status for peer in peers if peer.transport.value()
        ]
        self.assertEqual([503], answers)
        fields = {"Content-Type": "application/json"}
        self.assertEqual(
            200, self.house.ask("/api/v1/login", "POST", fields, b'{"current_ma":1}').status
        )
        peers[0].leave()
        self.assertEqual(200, self.house.ask(PATH, "PUT", FILE, b"x" * 2_000_000).status)

    def test_header_fields(self) -> None:
        """There may be 100 header fields, and 16 KiB of them."""
        self.peer.say(request("GET", "/healthz", [(f"X-{n}", "1") for n in range(120)], b""))
        self.assertEqual(431, self.refused().status)
        other = self.house.peer()
        other.say(request("GET", "/healthz", [(f"X-{n}", "1" * 900) for n in range(30)], b""))
        self.assertEqual(431, self.refused(other).status)
        fine = [(f"X-{n}", "1" * 100) for n in range(90)]
        self.assertEqual(204, self.house.ask("/healthz", fields=fine).status)

    def test_line_without_end(self) -> None:
        """A line that does not end is not waited for."""
        self.peer.say(b"GET /" + b"a" * 20_000)
        self.assertEqual(431, self.refused().status)

    def test_slow_header_fields(self) -> None:
        """A request of which something comes now and then has to be complete all the same."""
        self.peer.say(b"GET / HTTP/1.1\r\n")
        for _ in range(9):
            self.house.clock.advance(2)
            self.peer.say(b"X-A: b\r\n")
        self.assertEqual(b"", self.peer.all_heard())
        self.house.clock.advance(2.5)
        self.assertEqual(408, self.refused().status)
        self.house.clock.advance(2.5)
        self.assertTrue(self.peer.transport.is_cut)

    def test_slow_body(self) -> None:
        """The same holds for a body."""
        self.peer.say(head("PUT", PATH, {**FILE, "Content-Length": "100"}))
        self.house.clock.advance(21)
        self.assertEqual(408, self.refused().status)

    def test_slow_second_request(self) -> None:
        """The time of each request begins with its first byte."""
        self.peer.say(head("GET", "/healthz", {}))
        self.assertEqual(204, heard(self.peer.all_heard())[0].status)
        self.house.clock.advance(30)
        self.peer.say(b"GET / HTTP/1.1\r\n")
        self.house.clock.advance(19)
        self.assertEqual(b"", self.peer.all_heard())
        self.house.clock.advance(2)
        self.assertEqual(408, self.refused().status)

    def test_idle(self) -> None:
        """A connection on which nothing is asked is closed, at its beginning and later."""
        later = self.house.peer()
        self.house.clock.advance(30)
        later.say(head("GET", "/healthz", {}))
        self.house.clock.advance(31)
        self.assertEqual((True, False), (self.peer.is_over, later.is_over))
        self.house.clock.advance(30)
        self.assertTrue(later.is_over)
        self.house.clock.advance(3)
        self.assertTrue(later.transport.is_cut)

    def test_no_http(self) -> None:
        """What is no HTTP is told so, with everything that an answer has."""
        for octets in (
            b"\x16\x03\x01\r\n\r\n",
            b"GET /\r\n",
            b"GET / HTTP/1.1\r\nno field\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\nA: b\r\n\r\n",
            b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            head("PUT", PATH, CHUNKED) + b"zz\r\n",
        ):
            peer = self.house.peer()
            peer.say(octets)
            self.assertEqual(400, self.refused(peer).status, octets)

    def test_refused_before_the_body(self) -> None:
        """Who asks for a stranger's name need not send his body first."""
        fields = {**FILE, "Host": "evil.test", "Content-Length": "2000000"}
        self.peer.say(head("PUT", PATH, fields))
        self.assertEqual(421, self.refused().status)

    def test_ended_gently(self) -> None:
        """Who is refused may read the answer before the connection is gone."""
        self.peer.say(head("PUT", PATH, {**FILE, "Content-Length": "99999999"}))
        self.assertEqual(413, self.refused().status)
        self.assertFalse(self.peer.transport.is_cut)
        self.house.clock.advance(2.1)
        self.assertTrue(self.peer.transport.is_cut)


class Behind(SynchronousTestCase):
    """Requests that come before the first one is answered."""

    def test_one_after_the_other(self) -> None:
        """One connection serves many requests."""
        peer = House().peer()
        for _ in range(5):
            peer.say(head("GET", "/healthz", {}))
            self.assertEqual(204, heard(peer.all_heard())[0].status)
        self.assertFalse(peer.is_over)

    def test_in_one_go(self) -> None:
        """Of many that come in one go the first is answered, however long the answers were."""
        peer = House().peer()
        peer.say(head("GET", "/api/v1/long", ADMIN) * 30)
        answer, rest = heard(peer.all_heard())
        self.assertEqual((200, b""), (answer.status, rest))
        self.assertTrue(peer.is_over)

    def test_much_before_the_answer(self) -> None:
        """Who goes on talking while his answer is made is cut off, and none of it is kept."""
        waited: Deferred[None] = Deferred()

        async def handle(_: Asked) -> Json:
            await waited
            return Json(1)

        peer = House((route(handle=handle),)).peer()
        peer.say(head("GET", "/api/v1/things", ADMIN))
        peer.say(b"x" * 60_000)
        self.assertFalse(peer.transport.is_cut)
        peer.say(b"x" * 6_000)
        self.assertTrue(peer.transport.is_cut)

    def test_line_ends(self) -> None:
        """A line that ends once too often is no request."""
        peer = House().peer()
        peer.say(head("GET", "/healthz", {}) + b"\r\n")
        peer.say(head("GET", "/healthz", {}))
        self.assertEqual(b"", heard(heard(peer.all_heard())[1])[1])
        self.assertFalse(peer.is_over)

    def test_smuggled(self) -> None:
        """What stands behind a body is never a request of somebody else's."""
        house = House()
        peer = house.peer()
        behind = head("DELETE", "/api/v1/things/a", ADMIN)
        peer.say(request("PUT", PATH, FILE, b"x") + behind)
        self.assertEqual(200, heard(peer.all_heard())[0].status)
        self.assertEqual(["PUT"], [one.method for one in house.audited])


class Many(SynchronousTestCase):
    """How many connections there may be."""

    def test_of_one_source(self) -> None:
        """One address has no more than 40, one /64 neither; who leaves makes room."""
        house = House()
        peers = [house.peer(f"2001:db8::{number}") for number in range(41)]
        self.assertEqual([False] * 40 + [True], [peer.transport.is_cut for peer in peers])
        self.assertFalse(house.peer("2001:db8:0:1::1").transport.is_cut)
        peers[0].leave()
        peers[40].leave()
        self.assertFalse(house.peer("2001:db8::ffff").transport.is_cut)

    def test_in_all(self) -> None:
        """There are no more than 200."""
        house = House()
        peers = [house.peer(f"198.51.{n // 20}.1") for n in range(201)]
        self.assertEqual([200], [n for n, peer in enumerate(peers) if peer.transport.is_cut])
        self.assertEqual(["web_connections_refused"], house.counted)

    def test_closing(self) -> None:
        """Closing ends all, and waits for those that do not end by themselves."""
        house = House()
        peer = house.peer()
        closed = house.doors.close()
        self.assertTrue(peer.is_over)
        self.assertNoResult(closed)
        self.assertTrue(house.peer().transport.is_cut)
        house.clock.advance(1.6)
        self.assertTrue(peer.transport.is_cut)
        for channel in tuple(house.doors.connections):
            channel.connectionLost()
        self.assertIsNone(self.successResultOf(closed))
        self.assertEqual([], house.clock.getDelayedCalls())

    def test_nothing_is_left(self) -> None:
        """Of a connection that is gone nothing is left, whatever it was doing."""
        house = House()
        for octets in (b"", b"GET /", head("PUT", PATH, {**FILE, "Content-Length": "9"}),
                       head("PUT", PATH, {**FILE, "Content-Length": "99999999"}),
                       head("GET", "/healthz", {"Host": HOST})):  # fmt: skip
            peer = house.peer()
            peer.say(octets)
            peer.leave()
        self.assertEqual([], house.clock.getDelayedCalls())
        self.assertEqual(set(), house.doors.connections)
