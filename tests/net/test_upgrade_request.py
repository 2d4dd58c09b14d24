"""Upgrade requests, and putting right what some wallboxes make of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.upgrade_request import (
    is_connection_upgrade,
    path_of,
    target_of,
    with_connection_upgrade,
    with_encoded_blanks,
)

LINE = b"GET /CP-1 HTTP/1.1\r\n"


class PathTests(SynchronousTestCase):
    """The path in what is asked for."""

    def test_forms(self) -> None:
        """Neither a host, nor a password, nor a query belongs to it."""
        for uri, path in (
            ("/CP-1", "/CP-1"),
            ("//CP-1", "//CP-1"),
            ("/a/CP-1?x=/y", "/a/CP-1"),
            ("ws://user:secret@host:1/a/CP-1?x", "a/CP-1"),
            ("http://host", ""),
            ("/a/http://x/CP-1", "/a/http://x/CP-1"),
        ):
            self.assertEqual(path, path_of(uri), uri)


class BlankTests(SynchronousTestCase):
    """Blanks in what is asked for."""

    def test_encoded(self) -> None:
        """They are encoded, and the rest stays."""
        request = b"GET /ocpp/RDAM 12 3 HTTP/1.1\r\nHost: x y\r\n"
        self.assertEqual("/ocpp/RDAM 12 3", target_of(request))
        self.assertEqual(
            b"GET /ocpp/RDAM%2012%203 HTTP/1.1\r\nHost: x y\r\n", with_encoded_blanks(request)
        )

    def test_left_alone(self) -> None:
        """What is no request line, or has none, stays as it is."""
        for request in (
            b"GET /CP-1 HTTP/1.1\r\n",
            b"POST /a b HTTP/1.1\r\n",
            b"GET /a b HTTP/1.0\r\n",
            b"GET /a \x00 HTTP/1.1\r\n",
            b"GET  HTTP/1.1\r\n",
            b"",
        ):
            self.assertEqual(request, with_encoded_blanks(request))


class ConnectionTests(SynchronousTestCase):
    """The header C{Connection}."""

    def test_there(self) -> None:
        """It is found in every form that RFC 9110 allows."""
        for header in (b"Connection: Upgrade", b"CONNECTION:keep-alive , upgrade"):
            self.assertTrue(is_connection_upgrade(LINE + b"Host: x\r\n" + header), header)

    def test_missing(self) -> None:
        """Nothing else is taken for it."""
        for header in (
            b"Host: x",
            b"Connection: keep-alive",
            b"X-Connection: Upgrade",
            b"Upgrade: connection: upgrade",
            b"Connection: not-upgrade",
        ):
            self.assertFalse(is_connection_upgrade(LINE + header), header)

    def test_put_right(self) -> None:
        """It is added in place of others, and the other headers stay as they are."""
        head = LINE + b"Host: x\r\nconnection: keep-alive\r\nUpgrade: websocket"
        self.assertEqual(
            LINE + b"Connection: Upgrade\r\nHost: x\r\nUpgrade: websocket",
            with_connection_upgrade(head),
        )

    @given(st.binary(max_size=200))
    def test_any(self, head: bytes) -> None:
        """Whatever came, the result has it."""
        self.assertTrue(is_connection_upgrade(with_connection_upgrade(head)))
