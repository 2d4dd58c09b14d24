"""Whatever is sent, an answer of ours comes back."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.body import read_body, read_query
from cfos_cm.web.problem import Problem

from .asking import ADMIN, HOST, USUAL_ROUTES, House, Search, Wish, heard

ASKING, ORDERING = USUAL_ROUTES[0], USUAL_ROUTES[2]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "current_ma": st.integers(-5, 100_000) | ANY_JSON,
        "colour": st.sampled_from(["red", "blue", "pink"]) | ANY_JSON,
        "names": st.lists(st.text(max_size=8)) | ANY_JSON,
        "x": ANY_JSON,
    },
)

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X")
PATHS = ("/", "/api/v1/things", "/api/v1/things/", "/assets/", "*", "//")
FIELDS = (
    b"Cookie", b"Origin", b"Authorization", b"Content-Type", b"If-Match", b"If-None-Match",
    b"Accept-Encoding", b"Host", b"X-Forwarded-For", b"Content-Length", b"Transfer-Encoding",
    b"Sec-Fetch-Site",
)  # fmt: skip


class Reading(SynchronousTestCase):
    """What is read is what a route wants, or a problem."""

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300) | ANY_JSON.map(msgspec.json.encode))
    def test_body(self, octets: bytes) -> None:
        """Anything."""
        self.read_body(octets)

    @settings(max_examples=300, deadline=None)
    @given(NEARLY.map(msgspec.json.encode))
    def test_nearly_right_body(self, octets: bytes) -> None:
        """What is nearly right."""
        self.read_body(octets)

    def read_body(self, octets: bytes) -> None:
        """Read it."""
        try:
            body: Any = read_body(ORDERING, "application/json", octets)
        except Problem as problem:
            self.assertIn(problem.status, (400, 422))
            self.assertTrue(problem.detail)
        else:
            self.assertIsInstance(body, Wish)
            self.assertTrue(0 <= body.current_ma <= 80_000)

    @settings(max_examples=300, deadline=None)
    @given(
        st.binary(max_size=200)
        | st.from_regex(rb"((limit|evse|colour|x)=[ -~]{0,5}&?){0,5}", fullmatch=True)
    )
    def test_query(self, query: bytes) -> None:
        """Anything behind a question mark."""
        try:
            found: Any = read_query(ASKING, query)
        except Problem as problem:
            self.assertEqual(400, problem.status)
        else:
            self.assertIsInstance(found, Search)
            self.assertTrue(1 <= found.limit <= 100)

    @settings(max_examples=200, deadline=None)
    @given(st.text(max_size=60))
    def test_media_type(self, media_type: str) -> None:
        """Anything as the kind of a body."""
        try:
            read_body(ORDERING, media_type, b"{}")
        except Problem as problem:
            self.assertIn(problem.status, (415, 422))


class Asking(SynchronousTestCase):
    """What comes on a connection is answered, or the connection is ended."""

    def setUp(self) -> None:
        """An application."""
        self.house = House()

    def check(self, octets: bytes, pieces: int) -> None:
        """Send it in pieces; all that is answered is whole, and no failure of ours."""
        self.house.clock.advance(5)
        peer = self.house.peer()
        size = max(1, len(octets) // pieces)
        for start in range(0, len(octets), size):
            peer.say(octets[start : start + size])
        rest = peer.all_heard()
        while rest:
            answer, rest = heard(rest, octets.startswith(b"HEAD"))
            if rest.startswith(b"{"):
                # What cannot be read at all is not known to be a HEAD.
                self.assertEqual((400, "close"), (answer.status, answer.fields["connection"]))
                rest = b""
            self.assertIn("content-security-policy", answer.fields)
            self.assertNotEqual(500, answer.status)
        peer.leave()

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=400), st.integers(1, 5))
    def test_anything(self, octets: bytes, pieces: int) -> None:
        """Any bytes."""
        self.check(octets, pieces)

    @settings(max_examples=300, deadline=None)
    @given(
        method=st.sampled_from(METHODS),
        path=st.sampled_from(PATHS),
        more=st.binary(max_size=30),
        fields=st.lists(st.tuples(st.sampled_from(FIELDS), st.binary(max_size=20)), max_size=3),
        body=st.binary(max_size=30),
    )
    def test_requests(
        self,
        method: str,
        path: str,
        more: bytes,
        fields: list[tuple[bytes, bytes]],
        body: bytes,
    ) -> None:
        """What nearly is a request."""
        named = dict(fields)
        usual = {"Host": HOST, **ADMIN}
        lines = [f"{k}: {v}".encode() for k, v in usual.items() if k.encode() not in named]
        lines += [name + b": " + value for name, value in fields]
        head = [f"{method} {path}".encode() + more + b" HTTP/1.1", *lines, b"", body]
        self.check(b"\r\n".join(head), 1)
