"""What refusals of an upgrade mean."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.upgrade_answer import read_answer, refusal


def words(status: str, *headers: str) -> str | None:
    """What is said of an answer."""
    answer = read_answer("\r\n".join((f"HTTP/1.1 {status}", *headers)).encode("latin-1"))
    assert answer is not None, status
    return refusal(answer, "ocpp1.6")


class RefusalTests(SynchronousTestCase):
    """Each status in plain words."""

    def test_statuses(self) -> None:
        """The usual ones say what to look at; an unknown one repeats the server's phrase."""
        for status, part in (
            ("400 Bad Request", "400: the backend cannot use the request"),
            ("401 Unauthorized", "401: the backend refuses the password or the client id"),
            ("403", "403: the backend does not let this client id in"),
            ("404 Not Found", "404: the backend knows no such path or client id"),
            ("426 Upgrade", "426: the backend wants another protocol"),
            ("429 Slow", "429: the backend is asked too often"),
            ("502 Bad Gateway", "502: a gateway answers, and does not reach the backend"),
            ("503 x", "503: the backend is not available"),
            ("418 I'm a\x1bteapot", "418: the backend refuses the connection (I'm a teapot)"),
        ):
            self.assertIn(part, words(status) or "")

    def test_pages(self) -> None:
        """A page for people is told as such."""
        html = "Content-Type: text/html; charset=utf-8"
        self.assertIn("(HTML); the path of the URL", words("200 OK", html) or "")
        self.assertIn("as a web server does", words("204 No Content") or "")
        self.assertIn("404: the backend knows no", words("404 x", html) or "")
        self.assertIn("a page for people (HTML)", words("404 x", html) or "")

    def test_redirects(self) -> None:
        """The host that is named is told, without what may be secret in it."""
        for status in (301, 302, 307, 308):
            said = words(f"{status} x", "Location: ws://u:s3cret@other.test/p?key=s3cret") or ""
            self.assertTrue(
                said.startswith(f"{status}: the backend redirects to ws://other.test,")
            )
            self.assertNotIn("s3cret", said)
        self.assertIn("another path of the same host", words("302 x", "Location: /login") or "")
        self.assertIn("nowhere", words("302 x", "Location: ws://[") or "")
        self.assertIn("nowhere", words("302 x") or "")

    def test_subprotocol(self) -> None:
        """A WebSocket of another subprotocol, or of none, is no OCPP."""
        self.assertIsNone(words("101 x", "Sec-WebSocket-Protocol: ocpp1.6"))
        self.assertIn("it has chosen no subprotocol", words("101 x") or "")
        said = words("101 x", "sec-websocket-protocol: ocpp2.0.1") or ""
        self.assertEqual(said, "the backend does not speak ocpp1.6: it has chosen 'ocpp2.0.1'")

    def test_no_answer(self) -> None:
        """What is no head of a response is none."""
        for head in (b"", b"HTTP/2 200", b"HTTP/1.1 2000", b"HTTP/1.1 0 x", b"\xff"):
            self.assertIsNone(read_answer(head))
