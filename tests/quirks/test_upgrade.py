"""Upgrade requests, complete and not."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.simulator.personas.upgrade import Address, Upgrade, address_of, read_response


class AddressOf(SynchronousTestCase):
    """URLs."""

    def test_forms(self) -> None:
        """The port has a default, the path no slash at its end."""
        for url, address in (
            ("ws://127.0.0.1:19520/", Address("127.0.0.1", 19520)),
            ("ws://host", Address("host", 80)),
            ("ws://host/ocpp/", Address("host", 80, "/ocpp")),
            ("ws://[::1]:19520", Address("::1", 19520)),
            ("wss://host/ocpp", Address("host", 443, "/ocpp", is_secure=True)),
            ("wss://host:80", Address("host", 80, is_secure=True)),
        ):
            self.assertEqual(address, address_of(url))

    def test_refused(self) -> None:
        """What is not one is repeated, and what is allowed said."""
        for url in (
            "",
            "http://host/",
            "ws://",
            "ws://host/?x=1",
            "ws://host/#x",
            "ws://host:0x10/",
            "ws://host:99999/",
            "ws://host:0/",
            "ws://ho st/",
            "ws://host/\r\nX: 1",
        ):
            with (
                self.subTest(url=url),
                self.assertRaisesRegex(LocalProtocolError, "allowed: ws"),
            ):
                address_of(url)

    def test_password(self) -> None:
        """A password in a URL is refused, and not repeated."""
        with self.assertRaises(LocalProtocolError) as caught:
            address_of("ws://user:s3cret@host/")
        self.assertNotIn("s3cret", str(caught.exception))

    def test_text(self) -> None:
        """For people it is a URL again."""
        self.assertEqual("ws://[::1]:1/x/", str(Address("::1", 1, "/x")))
        self.assertEqual("wss://h:1/", str(Address("h", 1, is_secure=True)))

    def test_authority(self) -> None:
        """An address of IPv6 stands in brackets, so that its port can be told from it."""
        self.assertEqual("[::1]:1", Address("::1", 1, "/x").authority)
        self.assertEqual("h:1", Address("h", 1).authority)

    def test_target(self) -> None:
        """The identity is percent-encoded, and no slash doubled."""
        self.assertEqual("/x/RDAM%20123", Address("h", 1, "/x").target("RDAM 123"))


class Request(SynchronousTestCase):
    """What is asked for."""

    def lines(self, upgrade: Upgrade) -> list[str]:
        """The lines of a request, without the two empty ones at its end."""
        *lines, empty, end = upgrade.encode(b"0123456789abcdef").decode().split("\r\n")
        self.assertEqual(("", ""), (empty, end))
        return lines

    def test_complete(self) -> None:
        """One with all that RFC 6455 asks for."""
        self.assertEqual(
            [
                "GET /CP-1 HTTP/1.1",
                "Host: h:1",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Protocol: ocpp1.6",
            ],
            self.lines(Upgrade("/CP-1", "h:1")),
        )

    def test_incomplete(self) -> None:
        """What a wallbox leaves out is left out."""
        lines = self.lines(Upgrade("/CP-1", "h:1", subprotocols=None, connection=False))
        self.assertFalse(
            [one for one in lines if one.startswith(("Connection", "Sec-WebSocket-P"))]
        )

    def test_password(self) -> None:
        """A password goes out as bytes, and is shown to nobody."""
        upgrade = Upgrade("/CP-1", "h:1", user="CP-1", password=b"s3cret\xff")
        self.assertIn("Authorization: Basic Q1AtMTpzM2NyZXT/", self.lines(upgrade))
        for shown in (str(upgrade), repr(upgrade)):
            self.assertNotIn("s3cret", shown)
            self.assertNotIn("Q1AtMTp", shown)


class ReadResponse(SynchronousTestCase):
    """What is answered."""

    def test_switches(self) -> None:
        """An upgrade, with the subprotocol that was chosen."""
        response = read_response(
            b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-PROTOCOL:  ocpp1.6 "
        )
        self.assertTrue(response.switches)
        self.assertEqual("ocpp1.6", response.subprotocol)

    def test_refuses(self) -> None:
        """Anything else is a refusal, with or without a reason that can be printed."""
        for head, status, reason in (
            (b"HTTP/1.1 404 Not Found", 404, "Not Found"),
            (b"HTTP/1.0 429", 429, ""),
            (b"HTTP/1.1 400 a\x1bb", 400, "ab"),
        ):
            response = read_response(head)
            self.assertEqual((status, reason), (response.status, response.reason))
            self.assertFalse(response.switches)
            self.assertIsNone(response.subprotocol)

    def test_nonsense(self) -> None:
        """What is not HTTP is said to be none."""
        for head in (b"", b"SSH-2.0-OpenSSH", b"HTTP/1.1", b"HTTP/1.1 abc x", b"HTTP/2 101 x"):
            with self.assertRaisesRegex(RemoteProtocolError, "not HTTP"):
                read_response(head)
