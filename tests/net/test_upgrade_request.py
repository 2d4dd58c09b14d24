"""Upgrade requests, and putting right what some wallboxes make of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.upgrade_request import (
    is_connection_upgrade,
    is_of_foreign_page,
    path_of,
    target_of,
    with_connection_upgrade,
    with_encoded_blanks,
    without_origin,
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


class OriginTests(SynchronousTestCase):
    """The header C{Origin}: who has written the program that asks."""

    def test_foreign(self) -> None:
        """A page of another web site, or one that is said to be nobody's."""
        for origin in (
            "http://evil.test",
            "HTTPS://EVIL.TEST:19520",
            "https://manager.evil.test",
            "http://manager@evil.test",
            "http://",
            "http://[",
            "http://manager:4712",
            "http://manager:port",
            "null",
            "Null ",
        ):
            self.assertTrue(is_of_foreign_page(self.head("manager:19520", origin)), origin)

    def test_own(self) -> None:
        """Who names what he connects to, with the port or without; also by its address."""
        for host, origin in (
            ("manager", "http://manager"),
            ("Manager:19520", "https://MANAGER"),
            ("manager:19520", "http://manager:19520/"),
            ("[::1]:19520", "http://[::1]"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ):
            self.assertFalse(is_of_foreign_page(self.head(host, origin)), origin)

    def test_firmware(self) -> None:
        """What no browser says of a page."""
        for origin in ("file://", "manager", "", "ws://elsewhere", "origin"):
            self.assertFalse(is_of_foreign_page(self.head("manager", origin)), origin)
        self.assertFalse(is_of_foreign_page(LINE + b"Host: x\r\nX-Origin: http://evil.test"))

    def test_twice(self) -> None:
        """One that is foreign is enough, and of two hosts none is meant."""
        head = self.head("x", "http://x")
        self.assertTrue(is_of_foreign_page(head + b"\r\nsec-websocket-ORIGIN : http://evil"))
        self.assertTrue(is_of_foreign_page(head.replace(b"Host: x", b"Host: x\r\nHost: x")))
        self.assertTrue(is_of_foreign_page(head.replace(b"Host", b"Toast")))

    def test_without(self) -> None:
        """All else stays as it is."""
        self.assertEqual(
            LINE + b"Host: x\r\nX: y",
            without_origin(LINE + b"origin:z\r\nHost: x\r\nSec-WebSocket-Origin: z\r\nX: y"),
        )

    @given(st.binary(max_size=50), st.binary(max_size=50))
    def test_any(self, host: bytes, origin: bytes) -> None:
        """Nothing breaks it, and without there is nothing foreign."""
        head = LINE + b"Host: " + host + b"\r\nOrigin: " + origin
        is_of_foreign_page(head)
        self.assertFalse(is_of_foreign_page(without_origin(LINE + b"Origin: " + origin)))

    def head(self, host: str, origin: str) -> bytes:
        """Of a request."""
        return LINE + f"Host: {host}\r\nOrigin: {origin}\r\nX: y".encode()
