"""Reading an Authorization header."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.basic_auth import Credentials, read_authorization


def basic(text: bytes) -> str:
    """The header that carries C{text}."""
    return "Basic " + b64encode(text).decode()


class ReadAuthorizationTests(SynchronousTestCase):
    """Names and passwords out of headers."""

    def test_example(self) -> None:
        """The example of RFC 7617 is understood."""
        self.assertEqual(
            read_authorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            Credentials("Aladdin", b"open sesame"),
        )

    def test_accepted(self) -> None:
        """Any scheme spelling, any password, colons in it included."""
        for header, expected in (
            (basic(b"CP-1:"), Credentials("CP-1", b"")),
            (basic(b":p"), Credentials("", b"p")),
            (basic(b"CP-1:a:b:"), Credentials("CP-1", b"a:b:")),
            (basic(b"CP-1:\x00\xff\xfe"), Credentials("CP-1", b"\x00\xff\xfe")),
            (basic("é:ü".encode()), Credentials("é", "ü".encode())),
            (basic(b"\xff:p"), Credentials("\ufffd", b"p")),
            ("bAsIc YTpi", Credentials("a", b"b")),
            ("  Basic    YTpi  ", Credentials("a", b"b")),
        ):
            self.assertEqual(read_authorization(header), expected, header)

    def test_refused(self) -> None:
        """What is not Basic, not base64, too long or without a colon; it is never repeated."""
        for header in (
            "",
            "Basic",
            "Basic ",
            "Basic:YTpi",
            "Bearer YTpzZWNyZXQ=",
            "Digest username=secret",
            "Basic secret!",
            "Basic YTpzZWNyZX",
            "Basic YTpz ZWNyZXQ=",
            "Basic YTpz\nZWNyZXQ=",
            "Basic YTpz-_==",
            "Basic é",
            "Basic \ud800",
            basic(b"secret"),
            basic(b"a:" + b"secret" * 100),
            "Basic " + "A" * 100_000,
        ):
            error = self.assertRaises(RemoteProtocolError, read_authorization, header)
            for secret in ("secret", "c2VjcmV0", "YTpz"):
                self.assertNotIn(secret, str(error))
                self.assertNotIn(secret, repr(error.__cause__))

    def test_length(self) -> None:
        """A header may have 512 characters."""
        header = basic(b"CP:" + b"p" * 375)
        self.assertEqual(read_authorization(header.ljust(512)).username, "CP")
        error = self.assertRaises(RemoteProtocolError, read_authorization, header.ljust(513))
        self.assertIn("513", str(error))

    def test_password_is_not_shown(self) -> None:
        """Credentials that are printed show the name and not the password."""
        shown = repr(read_authorization(basic(b"CP-1:open sesame")))
        self.assertIn("CP-1", shown)
        self.assertNotIn("open", shown)

    @given(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":"), max_size=48),
        st.binary(max_size=40),
    )
    def test_inverse(self, username: str, password: bytes) -> None:
        """What was encoded is read back, whatever the password's bytes."""
        credentials = read_authorization(basic(username.encode() + b":" + password))
        self.assertEqual(credentials, Credentials(username, password))

    @given(st.text(max_size=60) | st.text(max_size=60).map("Basic ".__add__))
    def test_any_header(self, header: str) -> None:
        """Any header gives credentials or the one error."""
        try:
            read_authorization(header)
        except RemoteProtocolError as error:
            self.assertIsNone(error.unique_id)
