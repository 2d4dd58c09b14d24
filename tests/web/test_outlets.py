"""Streams, in memory."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.answer import Json, Outlet, Stream
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import Asked

from .asking import ADMIN, SESSION, House, Peer, Source, heard, request, route

COOKIE = {"Cookie": f"cfos_cm={SESSION}"}


class Streams(SynchronousTestCase):
    """What is sent as it is made."""

    def setUp(self) -> None:
        """A route that streams."""
        self.source = Source()
        self.house = House((route(handle=self.source.handle), route(path="/api/v1/other")))

    def begin(self, fields: dict[str, str] = ADMIN, address: str = "192.0.2.1") -> Peer:
        """Somebody listens."""
        peer = self.house.peer(address)
        peer.say(request("GET", "/api/v1/things", fields, b""))
        return peer

    def test_sent(self) -> None:
        """What is written is there at once, below the header fields of a stream."""
        peer = self.begin()
        answer, _ = heard(peer.all_heard())
        self.assertEqual(
            (200, "text/event-stream", "no-store"),
            (answer.status, answer.fields["content-type"], answer.fields["cache-control"]),
        )
        (outlet,) = self.source.outlets
        self.assertTrue(outlet.write(b"data: 1\n\n"))
        self.assertEqual(b"9\r\ndata: 1\n\n\r\n", peer.all_heard())

    def test_ended_by_us(self) -> None:
        """After the end nothing is sent, and the connection serves on."""
        peer = self.begin()
        (outlet,) = self.source.outlets
        outlet.end()
        outlet.end()
        self.assertFalse(outlet.write(b"more"))
        self.assertTrue(peer.all_heard().endswith(b"0\r\n\r\n"))
        self.assertEqual((1, 1), (self.source.ended, self.house.keeper.taken_back))
        peer.say(request("GET", "/api/v1/other", ADMIN, b""))
        self.assertEqual(200, heard(peer.all_heard())[0].status)

    def test_reader_leaves(self) -> None:
        """Who leaves is not written to."""
        peer = self.begin()
        peer.leave()
        self.assertFalse(self.source.outlets[0].write(b"more"))
        self.assertEqual((1, 1), (self.source.ended, self.house.keeper.taken_back))

    def test_logged_out(self) -> None:
        """A stream ends with its session."""
        peer = self.begin(COOKIE)
        self.house.keeper.end()
        self.assertFalse(self.source.outlets[0].write(b"secret"))
        self.assertNotIn(b"secret", peer.all_heard())
        self.assertEqual(1, self.source.ended)

    def test_logged_out_before_it_begins(self) -> None:
        """Who logs out while his stream is prepared gets none."""
        self.source.may_answer = Deferred()
        peer = self.begin(COOKIE)
        self.house.keeper.end()
        self.source.may_answer.callback(None)
        self.assertEqual(401, heard(peer.all_heard())[0].status)
        self.assertEqual([], self.source.outlets)

    def test_server_stops(self) -> None:
        """No stream goes on when the server stops."""
        peers = [self.begin(), self.begin()]
        self.house.application.end_streams()
        for peer in peers:
            self.assertTrue(peer.all_heard().endswith(b"0\r\n\r\n"))
        self.assertEqual(2, self.source.ended)

    def test_aborted(self) -> None:
        """What is not complete is cut off, and does not look as if it were."""
        peer = self.begin()
        self.source.outlets[0].abort()
        self.assertTrue(peer.transport.is_cut)
        self.assertFalse(peer.all_heard().endswith(b"0\r\n\r\n"))
        peer.leave()
        self.assertEqual(1, self.source.ended)

    def test_too_many_of_one(self) -> None:
        """One session has no more than eight; a token has its own eight."""
        for _ in range(8):
            self.begin(COOKIE)
        answer, _ = heard(self.begin(COOKIE).all_heard())
        self.assertEqual((429, "30"), (answer.status, answer.fields["retry-after"]))
        self.assertEqual("application/problem+json", answer.fields["content-type"])
        self.begin(ADMIN)
        self.assertEqual(9, len(self.source.outlets))
        self.source.outlets[0].end()
        self.begin(COOKIE)
        self.assertEqual(10, len(self.source.outlets))

    def test_too_many_in_all(self) -> None:
        """There are no more than 64."""
        source = Source()
        house = House((route(handle=source.handle, role=Role.ANYBODY),))
        for number in range(65):
            peer = house.peer(f"198.51.100.{number}")
            peer.say(request("GET", "/api/v1/things", {}, b""))
        self.assertEqual(64, len(source.outlets))
        self.assertEqual(429, heard(peer.all_heard())[0].status)

    def test_says_something(self) -> None:
        """Who says something while he listens is cut off: nothing waits behind a stream."""
        peer = self.begin()
        peer.say(request("GET", "/api/v1/other", ADMIN, b""))
        self.assertTrue(peer.transport.is_cut)

    def test_head(self) -> None:
        """HEAD begins no stream."""
        answer = self.house.ask("/api/v1/things", "HEAD")
        self.assertEqual((200, []), (answer.status, self.source.outlets))

    def test_cannot_begin(self) -> None:
        """A stream that cannot begin is answered with why."""

        def begin(_: Outlet) -> Callable[[], None]:
            raise Problem(409, "Not now.")

        async def handle(_: Asked) -> Stream:
            return Stream(begin)

        answer = House((route(handle=handle),)).ask("/api/v1/things")
        self.assertEqual((409, "Not now."), (answer.status, answer.json["detail"]))

    def test_breaks_down(self) -> None:
        """A stream that fails before it begins is a failure like any other."""

        def begin(_: Outlet) -> Callable[[], None]:
            raise RuntimeError("hunter2")

        async def handle(_: Asked) -> Stream:
            return Stream(begin)

        answer = House((route(handle=handle),)).ask("/api/v1/things")
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(500, answer.status)
        self.assertNotIn(b"hunter2", answer.body)

    def test_ends_at_once(self) -> None:
        """What ends while it begins is a whole answer."""

        async def handle(_: Asked) -> Stream:
            return Stream(_at_once, media_type="text/csv")

        answer = House((route(handle=handle),)).ask("/api/v1/things")
        self.assertEqual((200, b"a;b\n"), (answer.status, answer.body))

    def test_room(self) -> None:
        """Who waits for room is told at once when there is, and when Twisted says so else."""
        peer = self.begin()
        (outlet,) = self.source.outlets
        told: list[str] = []
        outlet.when_room(lambda: told.append("at once"))
        peer.channel.pauseProducing()
        outlet.when_room(lambda: told.append("later"))
        self.assertEqual(["at once"], told)
        peer.channel.resumeProducing()
        self.assertEqual(["at once", "later"], told)
        peer.channel.pauseProducing()
        outlet.when_room(lambda: told.append("never"))
        outlet.end()
        peer.channel.resumeProducing()
        outlet.when_room(lambda: told.append("never"))
        self.assertEqual(["at once", "later"], told)

    def test_no_stream(self) -> None:
        """The next request of the same connection is answered as any other."""

        async def handle(_: Asked) -> Json:
            return Json(1)

        house = House((route(handle=handle),))
        self.assertEqual(b"1", house.ask("/api/v1/things").body)


def _at_once(outlet: Outlet) -> Callable[[], None]:
    outlet.write(b"a;b\n")
    outlet.end()
    return lambda: None
