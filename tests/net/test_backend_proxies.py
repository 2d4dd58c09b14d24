"""What is said to proxies, byte by byte."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.net.proxies import Conversation, HttpConnect, Socks5
from cfos_cm.net.proxy_url import Proxy, ProxyKind, read_proxy

SOCKS = Proxy(ProxyKind.SOCKS5, "p", 1080)
NAMED_SOCKS = Proxy(ProxyKind.SOCKS5, "p", 1080, "me", "s3cret")
HTTP = Proxy(ProxyKind.HTTP, "p", 3128)
FREE = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def said(conversation: Conversation, data: bytes, step: int) -> tuple[bytes, bytes | None]:
    """What is said to a proxy that says C{data} in pieces of so many bytes."""
    words, rest = b"", None
    for start in range(0, len(data), step):
        more, rest = conversation.received(data[start : start + step])
        words += more
        if rest is not None:
            return words, rest + data[start + step :]
    return words, rest


class UrlTests(SynchronousTestCase):
    """How a proxy is written."""

    def test_forms(self) -> None:
        """Both kinds, with and without a user, with an address or a name."""
        for url, proxy in (
            ("socks5://p:1080", SOCKS),
            ("socks5://p:1080/", SOCKS),
            ("socks5://me:s3cret@p:1080", NAMED_SOCKS),
            ("http://p:3128", HTTP),
            ("http://a%40b:%3A@[::1]:1", Proxy(ProxyKind.HTTP, "::1", 1, "a@b", ":")),
        ):
            self.assertEqual(read_proxy(url), proxy)

    def test_bad(self) -> None:
        """Anything else is refused, and not repeated."""
        for url in (
            *("", "p:1080", "socks4://p:1", "https://p:1", "socks5://p", "socks5://:1"),
            *("http://p:0", "http://p:x", "http://p:65536", "http://p:1/a", "http://p:1?a"),
            *("http://p :1", "http://ö:1", "http://:s3cret@p:1", "http://a%3Ab:s3cret@p:1"),
            *("socks5://" + "u" * 256 + ":s3cret@p:1", "http://u:s3cret@p"),
        ):
            error = self.assertRaises(ValueError, read_proxy, url)
            self.assertNotIn("s3cret", str(error))

    def test_shown(self) -> None:
        """People are not shown who we are there."""
        self.assertEqual(read_proxy("socks5://me:s3cret@[::1]:9").shown, "socks5://[::1]:9")
        self.assertNotIn("s3cret", repr(NAMED_SOCKS))


class Socks5Tests(SynchronousTestCase):
    """RFC 1928 and RFC 1929."""

    def test_without_user(self) -> None:
        """A proxy that asks for nothing is told the name, not an address."""
        for step in (1, 3, 100):
            conversation = Socks5(SOCKS, "host", 443)
            self.assertEqual(conversation.begin(), b"\x05\x01\x00")
            words, rest = said(conversation, b"\x05\x00" + FREE + b"HTTP", step)
            self.assertEqual(words, b"\x05\x01\x00\x03\x04host\x01\xbb")
            self.assertEqual(rest, b"HTTP")

    def test_with_user(self) -> None:
        """A proxy that wants to know who we are is told."""
        for step in (1, 100):
            conversation = Socks5(NAMED_SOCKS, "host", 443)
            self.assertEqual(conversation.begin(), b"\x05\x02\x00\x02")
            words, rest = said(conversation, b"\x05\x02\x01\x00" + FREE, step)
            self.assertTrue(words.startswith(b"\x01\x02me\x06s3cret\x05\x01\x00\x03"))
            self.assertEqual(rest, b"")

    def test_addresses(self) -> None:
        """An address is told as such, and a proxy may answer with any kind."""
        for host, told in (
            ("1.2.3.4", b"\x01\x01\x02\x03\x04"),
            ("::1", b"\x04" + bytes(15) + b"\x01"),
        ):
            conversation = Socks5(SOCKS, host, 1)
            answer = b"\x05\x00\x05\x00\x00\x03\x02ab\x00\x01X"
            words, rest = said(conversation, answer, 1)
            self.assertEqual(words, b"\x05\x01\x00" + told + b"\x00\x01")
            self.assertEqual(rest, b"X")

    def test_refused(self) -> None:
        """What it refuses is told in words."""
        for proxy, answer, words in (
            (SOCKS, b"\x05\xff", "wants a user"),
            (SOCKS, b"\x05\x02", "wants a user"),
            (SOCKS, b"HT", "does not speak SOCKS5"),
            (NAMED_SOCKS, b"\x05\x02\x01\x01", "refuses its user or password"),
            (SOCKS, b"\x05\x00\x05\x02", "rules"),
            (SOCKS, b"\x05\x00\x05\x05", "nobody listens"),
            (SOCKS, b"\x05\x00\x05\x77", "refuses with 119"),
            (SOCKS, b"\x05\x00\x05\x00\x00\x09\x00", "does not speak SOCKS5"),
        ):
            error = self.assertRaises(
                RemoteProtocolError, said, Socks5(proxy, "host", 1), answer, 1
            )
            self.assertIn(words, str(error))


class HttpTests(SynchronousTestCase):
    """RFC 9110, 9.3.6."""

    def test_request(self) -> None:
        """It is asked for the host and its port; with credentials if there are any."""
        request = HttpConnect(HTTP, "::1", 443).begin()
        self.assertEqual(request, b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n")
        named = HttpConnect(Proxy(ProxyKind.HTTP, "p", 1, "me", "s3cret"), "h", 80).begin()
        self.assertIn(b"\r\nProxy-Authorization: Basic bWU6czNjcmV0\r\n", named)

    def test_free(self) -> None:
        """Any 2xx makes the way free; what comes behind is the backend's."""
        for step in (1, 7, 100):
            answer = b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nHTTP"
            self.assertEqual(said(HttpConnect(HTTP, "h", 1), answer, step), (b"", b"HTTP"))

    def test_refused(self) -> None:
        """What it refuses is told in words."""
        for answer, words in (
            (b"HTTP/1.1 407 Who?\r\n\r\n", "refuses its user or password (407)"),
            (b"HTTP/1.0 502 x\r\n\r\n", "does not reach the backend (502)"),
            (b"HTTP/1.1 418\r\n\r\n", "refuses (418)"),
            (b"HTTP/1.1 2x0 \r\n\r\n", "does not speak HTTP"),
            (b"SSH-2.0", "does not speak HTTP"),
        ):
            error = self.assertRaises(
                RemoteProtocolError, said, HttpConnect(HTTP, "h", 1), answer, 1
            )
            self.assertIn(words, str(error))
