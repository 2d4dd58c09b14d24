"""Which addresses are one source."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.source_address import source_of


class SourceTests(SynchronousTestCase):
    """Addresses as Twisted has them."""

    def test_ipv4(self) -> None:
        """Every IPv4 address is one of its own."""
        self.assertEqual("192.0.2.7", source_of("192.0.2.7"))
        self.assertNotEqual(source_of("192.0.2.7"), source_of("192.0.2.8"))

    def test_ipv6(self) -> None:
        """All IPv6 addresses of a /64 are one, whatever interface they came in by."""
        same = {
            source_of(host) for host in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::1%3")
        }
        self.assertEqual({"2001:db8::/64"}, same)
        self.assertNotEqual(source_of("2001:db8::1"), source_of("2001:db8:0:1::1"))

    def test_mapped(self) -> None:
        """An IPv4 address is the same one when it comes over an IPv6 socket."""
        self.assertEqual(source_of("192.0.2.7"), source_of("::ffff:192.0.2.7"))

    def test_other(self) -> None:
        """What is no IP address is its own source."""
        for host in ("", "/run/socket", "x.example"):
            self.assertEqual(host, source_of(host))
