"""Where a backend may send somebody: each way to name a place that is none of its business."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.wire.location import (
    FILE_SCHEMES,
    UPLOAD_SCHEMES,
    literal_address,
    objection_to_address,
    objection_to_host,
    read_location,
    shown,
)

__all__ = ["FINE", "NEARBY", "NO_LOCATIONS"]

#: URLs that are no place for a file, or that two programs could read in two ways.
NO_LOCATIONS = (
    "",
    "files.example/up",
    "//files.example/up",
    "file:///etc/passwd",
    "gopher://files.example/",
    "dict://files.example:11211/stat",
    "ldap://files.example/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "jar:http://files.example!/",
    "http:/files.example/",
    "http:///up",
    "http://:80/",
    "http://@files.example/",
    "http://a@b@files.example/",
    "http://files.example@/",
    "http://files.example\\@127.0.0.1/",
    "http://127.0.0.1\\.files.example/",
    "http://127.0.0.1#@files.example/",
    "http://files.example#x",
    "http://files.example?@127.0.0.1/#",
    "http://files.example:0/",
    "http://files.example:65536/",
    "http://files.example:8o/",
    "http://files.example:80:81/",
    "http://files..example/",
    "http://.example/",
    "http://files.example../",
    "http://-oProxyCommand=x/",
    "sftp://-oProxyCommand@files.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + ".".join(["a" * 60] * 5) + "/",
    "http://files.example/" + "a" * 500,
    "http://[::1/",
    "http://::1/",
    "http://[fe80::1%25eth0]/",
    "http://[127.0.0.1]/",
    "http://%31%32%37.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://loc\u0430lhost.example/",
    "http://files.example/up\x00",
    "http://files.example/up\r\nHost: x",
    "http://files.example/%0d%0aHost:%20x",
    "http://files.example/%00",
    "http://files.example/%zz",
    "http://files.example/%",
    "http://files.example/../up",
    "http://files.example/a/%2e%2E/up",
    "http://files.example/a/..%2fup",
    "http://files.example/..%5cup",
    " http://files.example/",
    "http://files.example/ ",
    "http://files.example/a b",
    "http://files.example/;reboot",
    "http://files.example/`reboot`",
    "http://files.example/$(reboot)",
    "http://files.example/${IFS}reboot",
    "http://files.example/|reboot",
    "http://files.example/&reboot",
    "http://files.example/?a=b&reboot",
    "http://files.example/?a=b&reboot&c=d",
    "http://files.example/?a=b;reboot",
    "http://files.example/>x",
    "http://files.example/<x",
    "http://files.example/'x'",
    'http://files.example/"x"',
    "http://files.example/*",
    "http://files.example/~{a,b}",
    "http://files.example/!!",
    "ftp://user;reboot@files.example/",
    "ftp://user:`reboot`@files.example/",
    "ftp://us%3Aer:x@files.example/",
)

#: Places that are in somebody's own network, or this computer, in all their disguises.
NEARBY = (
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7F.1/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.01/",
    "http://0/",
    "http://0.0.0.0/",
    "http://4294967295/",
    "http://999.1.1.1/",
    "http://1.2.3.4.5/",
    "http://1.2.3.0x/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:93.184.215.14]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.178.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://192.0.0.192/",
    "http://168.63.129.16/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://255.255.255.255/",
    "http://user:secret@127.0.0.1/",
    "http://files.example@127.0.0.1/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://a.localhost/",
    "http://localhost.localdomain/",
    "http://router/",
    "http://wallbox.local/",
    "http://nas.lan/",
    "http://nas.home.arpa/",
    "http://metadata.google.internal/",
    "http://intranet/",
)

FINE = (
    "http://files.example",
    "https://files.example/",
    "https://files.example:8443/up/load",
    "HTTPS://Files.Example/",
    "https://93.184.215.14/",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/up",
    "https://[64:ff9b::5db8:d70e]/",
    "https://user:pa%24s%3Bw@files.example/up",
    "ftp://user@files.example/logs/",
    "sftp://user:secret@files.example:2222/logs",
    "https://1and1.example/",
    "https://my_bucket.files.example./a~b,c=d+e%20f:@/",
    "https://files.example/a?X-Amz-SignedHeaders=host%3Bdate&X-Amz-Date=2026:01/a@b&sig=a%3D%3D",
)


class Reading(SynchronousTestCase):
    """What is taken for the URL of a file."""

    def test_refused(self) -> None:
        """What could be read in two ways, or is a command to somebody, is refused."""
        for url in NO_LOCATIONS:
            with self.subTest(url=url):
                error = self.assertRaises(RemoteProtocolError, read_location, url)
                self.assertIs(CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION, error.code)
                self.assertNotIn("reboot", str(error))

    def test_taken(self) -> None:
        """A sensible URL is taken, and nobody objects to its host."""
        for url in FINE:
            with self.subTest(url=url):
                place = read_location(url)
                self.assertIsNone(objection_to_host(place.host))
                self.assertEqual(str(urlsplit(url).hostname).rstrip("."), place.host)

    def test_parts(self) -> None:
        """Its parts are what they say; user and password are decoded."""
        place = read_location("HTTPS://us%40er:pa%24s:w@Files.Example:8443/a/b?c=d&e=f")
        self.assertEqual(
            ("https", "files.example", 8443, "/a/b?c=d&e=f", b"us@er:pa$s:w"),
            (place.scheme, place.host, place.port, place.target, place.credentials),
        )
        self.assertEqual("files.example:8443", place.authority)
        plain = read_location("http://[2606:2800::1]")
        self.assertEqual(
            ("[2606:2800::1]", 80, "/", None),
            (plain.authority, plain.port, plain.target, plain.credentials),
        )
        self.assertEqual(b"user:", read_location("ftp://user@files.example/").credentials)

    def test_schemes(self) -> None:
        """Each scheme of OCPP is known; who speaks less of them takes less."""
        for scheme in FILE_SCHEMES:
            url = f"{scheme}://files.example/"
            self.assertEqual(scheme, read_location(url).scheme)
            if scheme not in UPLOAD_SCHEMES:
                error = self.assertRaises(
                    RemoteProtocolError, read_location, url, UPLOAD_SCHEMES
                )
                self.assertIn("allowed: http, https", str(error))

    def test_secrets(self) -> None:
        """Neither what it is for people nor its representation has a secret in it."""
        url = "https://user:s3cret@files.example/s3cret?key=s3cret"
        place = read_location(url)
        for text in (place.shown, repr(place), shown(url)):
            self.assertNotIn("s3cret", text)
            self.assertIn("files.example", text)
        for damaged in ("http://s3cret\n/", "s3cret://files.example/s3", url + ";s3cret"):
            error = self.assertRaises(RemoteProtocolError, read_location, damaged)
            self.assertNotIn("files.example", str(error))

    def test_named(self) -> None:
        """A file's name goes into a directory; what has a query is the place itself."""
        for url, is_directory, expected in (
            ("https://files.example", False, "/a%20b.log"),
            ("https://files.example/up", False, "/up"),
            ("https://files.example/up", True, "/up/a%20b.log"),
            ("https://files.example/up/", False, "/up/a%20b.log"),
            ("https://files.example/up/", True, "/up/a%20b.log"),
            ("https://files.example/up/?sig=x", True, "/up/?sig=x"),
        ):
            found = read_location(url).named("a b.log", is_directory)
            self.assertEqual(expected, found.target, url)

    @given(st.text(max_size=60))
    def test_anything(self, text: str) -> None:
        """Whatever comes, it is refused in words or has a host that means one thing."""
        for url in (text, f"http://{text}", f"http://files.example/{text}"):
            try:
                place = read_location(url)
            except RemoteProtocolError:
                continue
            self.assertTrue(place.target.isascii() and place.target.isprintable())
            self.assertFalse(set(place.target) & set(" ;|<>`$(){}'\"\\*!"), url)


class Hosts(SynchronousTestCase):
    """To whom nobody is sent."""

    def test_nearby(self) -> None:
        """Nothing in somebody's own network, in whatever form it is written."""
        for url in NEARBY:
            with self.subTest(url=url):
                self.assertIsNotNone(objection_to_host(read_location(url).host))

    def test_words(self) -> None:
        """The words say what is wrong."""
        for host, words in (
            ("127.0.0.1", "this computer"),
            ("::1", "this computer"),
            ("10.1.2.3", "private network"),
            ("fd00::1", "private network"),
            ("169.254.1.1", "same network"),
            ("fe80::1", "same network"),
            ("ff02::1", "group"),
            ("224.0.0.1", "group"),
            ("168.63.129.16", "cloud"),
            ("::ffff:1.2.3.4", "nobody's"),
            ("2130706433", "not everybody reads"),
            ("router", "network here"),
        ):
            self.assertIn(words, str(objection_to_host(host)), host)

    def test_edges(self) -> None:
        """What is beside a blocked network is not blocked."""
        for text in ("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"):
            self.assertIsNone(objection_to_address(ip_address(text)), text)
        for text in ("126.255.255.255", "128.0.0.0", "192.167.255.255", "223.255.255.255"):
            self.assertIsNone(objection_to_address(ip_address(text)), text)
        for text in ("2001:200::1", "2003::1", "2a00::1", "3ffe::1"):
            self.assertIsNone(objection_to_address(ip_address(text)), text)

    def test_own(self) -> None:
        """Our own address of the internet, and those of our own network, are nearby too."""
        for other, own, expected in (
            ("93.184.215.14", "93.184.215.14", "this computer"),
            ("93.184.215.15", "93.184.215.14", None),
            ("93.184.215.15", "192.168.1.2", None),
            ("2003:1:2:3::1", "2003:1:2:3::1", "this computer"),
            ("2003:1:2:3::1", "2003:1:2:3:ffff::7", "same network"),
            ("2003:1:2:4::1", "2003:1:2:3::1", None),
            ("127.0.0.1", "127.0.0.2", "this computer"),
        ):
            found = objection_to_address(ip_address(other), ip_address(own))
            if expected is None:
                self.assertIsNone(found, other)
            else:
                self.assertIn(expected, str(found), other)

    @given(st.ip_addresses())
    def test_public(self, address: object) -> None:
        """What the library takes for an address of nobody is never let through."""
        found = literal_address(str(address))
        assert found is not None
        is_public = found.is_global and not found.is_multicast
        # RFC 6052: what is behind it is looked at.
        if not is_public and not str(found).startswith("64:ff9b::"):
            self.assertIsNotNone(objection_to_address(found))
