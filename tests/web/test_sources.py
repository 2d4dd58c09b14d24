"""Where a request comes from: proxies, names and paces."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.cookies import clear_cookie, session_of, set_cookie
from cfos_cm.web.forwarded import UNIX, Asker, Proxies
from cfos_cm.web.host_names import HostNames, same_origin, split_host
from cfos_cm.web.pace import BURST, Paces

SOME_TEXT = st.text(alphabet=st.characters(codec="latin-1"), max_size=40)


class Forwarded(SynchronousTestCase):
    """Whom a proxy is believed to have been asked by."""

    def asker(self, peer: str, *hops: str, proto: tuple[str, ...] = ()) -> Asker:
        """Who asks, with two proxies that are believed."""
        return Proxies(("10.0.0.0/8", "2001:db8::1")).asker(peer, False, hops, proto)

    def test_stranger(self) -> None:
        """A stranger is himself, whatever he says of others."""
        for said in ("198.51.100.7", "10.0.0.1", "garbage"):
            found = self.asker("192.0.2.1", said, proto=("https",))
            self.assertEqual(Asker("192.0.2.1", False), found)

    def test_last_stranger(self) -> None:
        """Of a row of proxies the last one that is not believed has asked."""
        for said, address in (
            (("198.51.100.7",), "198.51.100.7"),
            (("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
            (("203.0.113.9", "198.51.100.7, 10.9.9.9"), "198.51.100.7"),
            (("198.51.100.7:1234",), "198.51.100.7"),
            (("[2001:db8::7]:1234",), "2001:db8::7"),
            (("::ffff:198.51.100.7",), "198.51.100.7"),
            (("garbage",), "10.0.0.1"),
            (("garbage, 10.0.0.5",), "10.0.0.5"),
            ((), "10.0.0.1"),
        ):
            self.assertEqual(address, self.asker("10.0.0.1", *said).address, said)
        self.assertEqual("198.51.100.7", self.asker("2001:db8:0::1", "198.51.100.7").address)
        self.assertEqual("198.51.100.7", self.asker("::ffff:10.0.0.1", "198.51.100.7").address)

    def test_protocol(self) -> None:
        """The nearest proxy says whether it was asked by TLS."""
        self.assertTrue(self.asker("10.0.0.1", proto=("https",)).is_secure)
        self.assertFalse(self.asker("10.0.0.1", proto=("https, http",)).is_secure)
        self.assertFalse(
            Proxies(("10.0.0.1",)).asker("10.0.0.1", True, (), ("http",)).is_secure
        )
        self.assertTrue(Proxies(()).asker("10.0.0.1", True, (), ("http",)).is_secure)

    def test_unix(self) -> None:
        """Who comes by a socket of the file system is believed if that is said."""
        found = Proxies((UNIX,)).asker(UNIX, False, ("198.51.100.7",), ("https",))
        self.assertEqual(Asker("198.51.100.7", True), found)
        self.assertEqual(UNIX, Proxies(()).asker(UNIX, False, ("198.51.100.7",)).address)

    @settings(max_examples=200, deadline=None)
    @given(peer=SOME_TEXT, hops=st.lists(SOME_TEXT, max_size=4))
    def test_anything(self, peer: str, hops: list[str]) -> None:
        """Whatever is said, somebody has asked."""
        self.assertIsInstance(self.asker(peer, *hops).address, str)


class Names(SynchronousTestCase):
    """Which names are ours."""

    def test_own(self) -> None:
        """This computer's own name, with and without its domain, and below .local."""
        names = HostNames(("Cm.Example.",), "Box.lan")
        for name in ("box", "box.lan", "BOX.local", "box.local.", "localhost", "cm.example:1"):
            self.assertTrue(names.knows(name), name)
        for name in ("lan", "other.lan", "", ":80", "box:port", "box:1:2", "box:999999"):
            self.assertFalse(names.knows(name), name)

    def test_addresses(self) -> None:
        """An address of any kind; what only looks like one is none."""
        names = HostNames((), "box")
        for host in ("1.2.3.4", "1.2.3.4:80", "[2001:db8::1]", "[fe80::1%25eth0]:80"):
            self.assertTrue(names.knows(host), host)
        for host in ("1.2.3.4.evil.test", "[::1]evil", "[evil.test]", "::1", "0x7f.1", "[::1"):
            self.assertFalse(names.knows(host), host)

    def test_same_origin(self) -> None:
        """Scheme, name and port are the same; the usual port need not be said."""
        self.assertTrue(same_origin("http://box", False, "BOX:80"))
        self.assertTrue(same_origin("https://box:443", True, "box"))
        self.assertTrue(same_origin("http://[::1]:8090", False, "[::1]:8090"))
        for origin in ("null", "", "http://", "https://box", "http://box:81", "http://box.evil",
                       "box", "http://box@evil", "ftp://box"):  # fmt: skip
            self.assertFalse(same_origin(origin, False, "box"), origin)

    @settings(max_examples=300, deadline=None)
    @given(SOME_TEXT, SOME_TEXT)
    def test_anything(self, one: str, other: str) -> None:
        """Whatever is said, it is one of ours or not."""
        names = HostNames((), "box")
        self.assertIsInstance(names.knows(one), bool)
        self.assertIsInstance(same_origin(f"http://{one}", False, other), bool)
        parts = split_host(one)
        if parts is not None:
            self.assertTrue(parts[0])


class Pace(SynchronousTestCase):
    """How much somebody may ask, over time."""

    def test_one_network(self) -> None:
        """Whoever has a /64 of IPv6 addresses has one bucket."""
        paces = Paces(Clock())
        for number in range(int(BURST)):
            self.assertEqual(0, paces.wait_s(f"2001:db8::{number:x}"))
        self.assertEqual(1, paces.wait_s("2001:db8::ffff"))
        self.assertEqual(0, paces.wait_s("2001:db8:0:1::1"))

    def test_bounded(self) -> None:
        """No more sources are remembered than there is room for."""
        paces = Paces(Clock(), most_sources=10)
        for number in range(100):
            paces.wait_s(f"192.0.2.{number}")
        self.assertEqual(10, len(paces))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(0, 2), max_size=60), st.integers(1, 50))
    def test_rate(self, pauses_s: list[float], each: int) -> None:
        """In any time nobody is answered more than a burst, and what was earned since."""
        clock = Clock()
        paces = Paces(clock)
        answered = 0
        for pause_s in pauses_s:
            clock.advance(pause_s)
            answered += sum(not paces.wait_s("192.0.2.1") for _ in range(each))
        self.assertLessEqual(answered, BURST + 50 * clock.seconds() + 1)


class Cookies(SynchronousTestCase):
    """The cookie of a session."""

    def test_flags(self) -> None:
        """No script reads it, no other page sends it; by TLS it never leaves TLS."""
        plain, secure = set_cookie("abc", False), set_cookie("abc", True)
        self.assertEqual("cfos_cm=abc; Path=/; HttpOnly; SameSite=Strict", plain)
        self.assertEqual(
            "__Host-cfos_cm=abc; Path=/; HttpOnly; SameSite=Strict; Secure", secure
        )
        self.assertIn("Max-Age=0", clear_cookie(True))

    def test_read(self) -> None:
        """It is found among others, and not where there are two of it."""
        self.assertEqual("abc", session_of(["a=b; cfos_cm=abc", "c=d"], False))
        self.assertIsNone(session_of(["cfos_cm=abc", "cfos_cm=abd"], False))
        self.assertIsNone(session_of(["cfos_cm="], False))
        self.assertIsNone(session_of(["xcfos_cm=abc; __Host-cfos_cm=abc"], False))
