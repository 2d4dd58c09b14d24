"""Every way to write where a backend is."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_url import Endpoint, backend_key, backend_url, endpoint_of, with_tls

#: The backend's URL, the client id, and what is dialled.
FORMS = (
    # The forms of the documentation.
    ("ws://ocpp.backend.com/", "CP-1", "ws://ocpp.backend.com/CP-1"),
    ("wss://ocpp.secure-backend.com/", "CP-1", "wss://ocpp.secure-backend.com/CP-1"),
    (
        "ws://ocpp.backend.com/path/to/resource/",
        "CP-1",
        "ws://ocpp.backend.com/path/to/resource/CP-1",
    ),
    ("ws://xyz123.backend.com/", "free", "ws://xyz123.backend.com/free"),
    ("ws://ocpp.backend.com/xyz123/", "free", "ws://ocpp.backend.com/xyz123/free"),
    # With and without a slash.
    ("ws://host", "CP-1", "ws://host/CP-1"),
    ("wss://host/a", "CP-1", "wss://host/a/CP-1"),
    ("ws://host//", "CP-1", "ws://host/CP-1"),
    ("ws://host/a//", "CP-1", "ws://host/a/CP-1"),
    ("ws://host/a//b", "CP-1", "ws://host/a//b/CP-1"),
    # Ports and addresses.
    ("ws://127.0.0.1:19520", "CP-1", "ws://127.0.0.1:19520/CP-1"),
    ("wss://host:443/a/", "CP-1", "wss://host:443/a/CP-1"),
    ("ws://[::1]:9000/", "CP-1", "ws://[::1]:9000/CP-1"),
    ("wss://[2001:db8::1]", "CP-1", "wss://[2001:db8::1]/CP-1"),
    ("WS://Host/Path", "CP-1", "ws://Host/Path/CP-1"),
    # A query stays behind the client id.
    ("ws://host/?key=abc", "CP-1", "ws://host/CP-1?key=abc"),
    ("ws://host?key=abc", "CP-1", "ws://host/CP-1?key=abc"),
    ("ws://host/a/?key=a/b&x=%20", "CP-1", "ws://host/a/CP-1?key=a/b&x=%20"),
    ("ws://host/a?id=", "CP-1", "ws://host/a/CP-1?id="),
    ("ws://host/a?", "CP-1", "ws://host/a/CP-1"),
    # Client ids with all that there is in them.
    ("ws://host", "RDAM 123", "ws://host/RDAM%20123"),
    ("ws://host", "DE*KLN*E1", "ws://host/DE%2AKLN%2AE1"),
    ("ws://host", "a#1", "ws://host/a%231"),
    ("ws://host", "a/b", "ws://host/a%2Fb"),
    ("ws://host", "Tür ß", "ws://host/T%C3%BCr%20%C3%9F"),
    ("ws://host", "a?b=c&d", "ws://host/a%3Fb%3Dc%26d"),
    ("ws://host", "50%", "ws://host/50%25"),
    ("ws://host", "a:b@c", "ws://host/a%3Ab%40c"),
    ("ws://host", "a.b_c-d~e", "ws://host/a.b_c-d~e"),
    ("ws://host", "充电桩", "ws://host/%E5%85%85%E7%94%B5%E6%A1%A9"),
    # It is there already.
    ("ws://host/CP-1", "CP-1", "ws://host/CP-1"),
    ("ws://host/a/CP-1/", "CP-1", "ws://host/a/CP-1/"),
    ("ws://host/a/CP-1?key=1", "CP-1", "ws://host/a/CP-1?key=1"),
    ("ws://host/DE*KLN*E1", "DE*KLN*E1", "ws://host/DE*KLN*E1"),
    ("ws://host/DE%2AKLN%2aE1", "DE*KLN*E1", "ws://host/DE%2AKLN%2aE1"),
    ("ws://host/RDAM%20123", "RDAM 123", "ws://host/RDAM%20123"),
    ("ws://host/RDAM 123", "RDAM 123", "ws://host/RDAM%20123"),
    ("ws://host/50%25", "50%", "ws://host/50%25"),
    # It only looks like it.
    ("ws://host/CP-1/a", "CP-1", "ws://host/CP-1/a/CP-1"),
    ("ws://host/XCP-1", "CP-1", "ws://host/XCP-1/CP-1"),
    ("ws://host/cp-1", "CP-1", "ws://host/cp-1/CP-1"),
    ("ws://CP-1/", "CP-1", "ws://CP-1/CP-1"),
    ("ws://host/?id=CP-1", "CP-1", "ws://host/CP-1?id=CP-1"),
    # What a path has that is no URL's is encoded, what is encoded stays so.
    ("ws://host/a b/ü/", "CP-1", "ws://host/a%20b/%C3%BC/CP-1"),
    ("ws://host/a%20b/", "CP-1", "ws://host/a%20b/CP-1"),
)  # fmt: skip


class UrlTests(SynchronousTestCase):
    """The URL that is dialled."""

    def test_forms(self) -> None:
        """Every form leads to one URL with the client id in it once."""
        for url, client_id, dialled in FORMS:
            self.assertEqual(backend_url(url, client_id), dialled, url)

    def test_again(self) -> None:
        """What is dialled is a form that leads to itself."""
        for url, client_id, dialled in FORMS:
            self.assertEqual(backend_url(dialled, client_id), dialled, url)

    def test_is_ascii(self) -> None:
        """It can be written into a request, and a socket can be told where to."""
        for url, client_id, _ in FORMS:
            dialled = backend_url(url, client_id)
            self.assertTrue(dialled.isascii())
            self.assertTrue(endpoint_of(dialled).resource.startswith("/"))

    def test_bad_urls(self) -> None:
        """What is no URL of a backend is refused; nothing secret is repeated."""
        for url in (
            *("http://host/", "host", "", "ws://", "ws:///a", "ws:host", "//host/"),
            *("ws://host:0/", "ws://host:65536/", "ws://host:x/", "ws://[::1/", "ws://h/#f"),
            *("ws://user:s3cret@host/", "ws://s3cret@host/", "ws://u:s3cret@@h/?k=s3cret"),
            *("ws://ho st/", "ws://hö/", "ws://h\\e/", "ws://[fe80::1%eth0]/", "s3cret@ws://h"),
        ):
            error = self.assertRaises(LocalProtocolError, backend_url, url, "CP-1")
            self.assertNotIn("s3cret", str(error))

    def test_bad_client_ids(self) -> None:
        """A client id that cannot be a part of a path is refused."""
        for client_id in ("", ".", "..", "a\n", "a\x00b", "x" * 256, "\ud800"):
            self.assertRaises(LocalProtocolError, backend_url, "ws://h/", client_id)
        self.assertTrue(backend_url("ws://h/", "x" * 255))


class KeyTests(SynchronousTestCase):
    """One text for the same backend and the same client id."""

    def test_same(self) -> None:
        """However it is written, it is the same."""
        same = (
            *("wss://host/a", "wss://host/a/", "wss://HOST:443/a", "wss://host/a/DE*1"),
            *("wss://host/a/DE%2A1/", "wss://host/a/?key=1", "wss://host/a/DE%2a1?key=2"),
        )
        keys = {backend_key(url, "DE*1") for url in same}
        self.assertEqual(keys, {"wss://host:443/a/DE%2A1"})

    def test_different(self) -> None:
        """Another scheme, host, port, path or client id is another one."""
        urls = ("ws://h/a", "wss://h/a", "ws://i/a", "ws://h:1/a", "ws://h/b", "ws://h/A")
        keys = {backend_key(url, one) for url in urls for one in ("x", "X")}
        self.assertEqual(len(keys), len(urls) * 2)


class EndpointTests(SynchronousTestCase):
    """What a socket is told."""

    def test_usual_port(self) -> None:
        """The port is the scheme's unless it is written, and then not told."""
        for url, port in (("ws://h/a", 80), ("wss://h/a", 443)):
            self.assertEqual(endpoint_of(url), Endpoint(port == 443, "h", port, "/a"))
            self.assertEqual(endpoint_of(url).host_header, "h")

    def test_other_port(self) -> None:
        """Any other port is told, an address of IPv6 in its brackets."""
        found = endpoint_of("ws://[::1]:443/a?b=c")
        self.assertEqual((found.host, found.port, found.resource), ("::1", 443, "/a?b=c"))
        self.assertEqual(found.host_header, "[::1]:443")

    def test_with_tls(self) -> None:
        """The same with TLS: a port that is written stays, and nothing else changes."""
        for url, secure in (
            ("ws://h/a%2F?b=c", "wss://h/a%2F?b=c"),
            ("ws://h:80/a", "wss://h:80/a"),
            ("ws://[::1]:9000/a", "wss://[::1]:9000/a"),
            ("wss://h/a", "wss://h/a"),
        ):
            self.assertEqual(secure, with_tls(url))
        self.assertEqual(443, endpoint_of(with_tls("ws://h/a")).port)
