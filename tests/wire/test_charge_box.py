"""The identity at the end of the URL that a Charge Point connects to."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.charge_box import (
    MAX_IDENTITY_CHARS,
    MAX_SEGMENTS,
    identities_in_path,
    is_identity,
)

ALLOWED = "ABCXYZabcxyz0189*-_=:+|@.# "
IDENTITIES = st.text(ALLOWED, min_size=1, max_size=MAX_IDENTITY_CHARS).filter(
    lambda text: text.strip(".")
)

#: What looks like an identity to somebody, and must not to us.
NO_IDENTITY = (
    "",
    ".",
    "..",
    "." * 48,
    "a/b",
    "../x",
    "a\\b",
    "a\0",
    "a\n",
    "\n",
    "a\r\nSet-Cookie: b",
    "a\tb",
    "a?b",
    "a&b",
    "a;b",
    "a'b",
    'a"b',
    "a<b>",
    "a%b",
    "%2e",
    "é",
    "\u0660",
    "\u202eabc",
    "\u0645\u062d\u0637\u0629",
    "😀",
    "ａ",
    "a\u0301",
    "x" * (MAX_IDENTITY_CHARS + 1),
    "x" * 10_240,
)


class IdentityTests(SynchronousTestCase):
    """Which texts may be identities."""

    def test_allowed(self) -> None:
        """Letters, digits and a few signs, up to 48 of them."""
        for text in ("a", "CP-1", "RDAM 123", "a.b", "..a", "*-_=:+|@.# ", "9" * 48):
            self.assertTrue(is_identity(text), text)

    def test_refused(self) -> None:
        """Nothing that could mean something in a path, a log or an address."""
        for text in NO_IDENTITY:
            self.assertFalse(is_identity(text), text)

    @given(st.text(max_size=60))
    def test_any_text(self, text: str) -> None:
        """An identity is made of allowed characters only."""
        if is_identity(text):
            self.assertTrue(re.fullmatch(r"[A-Za-z0-9*=:+|@.# _-]{1,48}", text))
            self.assertTrue(text.strip("."))

    @given(IDENTITIES)
    def test_any_identity(self, text: str) -> None:
        """Every text of the allowed characters is one, except dots alone."""
        self.assertTrue(is_identity(text))


class PathTests(SynchronousTestCase):
    """What is taken from a path."""

    def test_found(self) -> None:
        """The last segment counts, decoded once, whatever stands before it."""
        for path, identity in (
            ("/CP-1", "CP-1"),
            ("/ocpp/CP-1", "CP-1"),
            ("/ocpp/1.6/CP-1/", "CP-1"),
            ("//ocpp///CP-1//", "CP-1"),
            ("CP-1", "CP-1"),
            ("/ocpp/RDAM%20123", "RDAM 123"),
            ("/ocpp/a%23b", "a#b"),
            ("/ocpp/%43P%2D1", "CP-1"),
            ("/ocpp/a+b", "a+b"),
            ("/a/b", "b"),
            ("/ocpp/../x", "x"),
            ("/ocpp/" + "x" * 48, "x" * 48),
        ):
            self.assertEqual(identities_in_path(path)[0], identity, path)

    def test_hostile(self) -> None:
        """What is no identity, or hides what it is, is refused and not repeated."""
        for path in (
            "",
            "/",
            "////",
            "/ocpp/..",
            "/ocpp/.",
            "/%2e%2e%2f",
            "/%2e%2e",
            "/%252e",
            "/%252e%252e%252f",
            "/..%2fx",
            "/a%2Fb",
            "/a%5Cb",
            "/a\\b",
            "/%00",
            "/CP-1%00",
            "/CP-1%0d%0aX:y",
            "/%",
            "/%zz",
            "/%ff",
            "/%c0%af",
            "/%ed%a0%80",
            "/CP-1?token=secret",
            "/CP-1;v=1",
            "/%E2%80%AEabc",
            "/%F0%9F%98%80",
            "/😀",
            "/" + "x" * 49,
            "/" + "x" * 10_240,
            "/" + "%41" * 10_240,
        ):
            error = self.assertRaises(RemoteProtocolError, identities_in_path, path)
            self.assertLess(len(error.description), 100)
            self.assertNotIn("secret", error.description)

    def test_last_segment_is_refused_not_skipped(self) -> None:
        """A bad last segment does not make the one before it the identity."""
        for last in ("..", "%2e", "a%2Fb", "%00"):
            self.assertRaises(RemoteProtocolError, identities_in_path, f"/CP-1/{last}")

    @given(IDENTITIES, st.sampled_from(["/", "/ocpp/", "/a//b/"]), st.sampled_from(["", "/"]))
    def test_encoded(self, identity: str, before: str, after: str) -> None:
        """Every identity is found behind every endpoint when it is encoded once."""
        found = identities_in_path(before + quote(identity, safe="") + after)
        self.assertEqual(found[0], identity)

    @given(st.text(max_size=80))
    def test_any_path(self, path: str) -> None:
        """Any path has an identity or is refused."""
        try:
            found = identities_in_path(path)
        except RemoteProtocolError:
            return
        self.assertTrue(all(map(is_identity, found)))


class CandidateTests(SynchronousTestCase):
    """What else of a path could be the identity."""

    def test_order(self) -> None:
        """The last segment comes first, each once, and what could not be one is left out."""
        for path, candidates in (
            ("/CP-1", ("CP-1",)),
            ("/CP-1/CP-1", ("CP-1",)),
            ("/CP-1/SN%2F1/SN-2", ("SN-2", "CP-1")),
            ("/ocpp//CP-1/", ("CP-1", "ocpp")),
            ("/CP-1%20", ("CP-1 ", "CP-1")),
            ("/%20", (" ",)),
            ("/<x>/../CP-1", ("CP-1",)),
        ):
            self.assertEqual(candidates, identities_in_path(path), path)

    def test_bounded(self) -> None:
        """However long a path is, so many segments count."""
        path = "".join(f"/{number}" for number in range(1000))
        self.assertEqual(MAX_SEGMENTS, len(identities_in_path(path)))
        self.assertEqual("999", identities_in_path(path)[0])

    @given(st.text("ab/% 20.", max_size=40))
    def test_any(self, path: str) -> None:
        """All of them may be identities, each once, and the first is the last segment."""
        try:
            found = identities_in_path(path)
        except RemoteProtocolError:
            return
        self.assertTrue(all(map(is_identity, found)))
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(found[0], unquote(path.rstrip("/").rpartition("/")[2]))
