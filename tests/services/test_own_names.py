"""Tests of what this computer is called."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services import own_names as module
from cfos_cm.services.own_names import own_addresses, own_names

FIB_TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 169.254.0.0/16 2 0 1
        |-- 169.254.3.4
           /32 host LOCAL
     +-- 192.168.178.0/24 2 0 1
        |-- 192.168.178.0
           /24 link UNICAST
        |-- 192.168.178.5
           /32 host LOCAL
        |-- 192.168.178.255
           /32 link BROADCAST
Local:
        |-- 192.168.178.5
           /32 host LOCAL
        |-- 10.8.0.1
           /32 host LOCAL
"""
IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000021122fffe334455 02 40 20 80     eth0
fd00000000000000021122fffe334455 02 40 00 00     eth0
fd00000000000000abcdabcdabcdabcd 02 40 00 01     eth0
fd000000000000009999999999999999 02 40 00 20     eth0
2a000000000000000000000000000007 02 40 00 80     eth0
"""


class OwnNames(SynchronousTestCase):
    """Names and addresses that others can reach it by."""

    def system(self, ipv4: str, ipv6: str) -> None:
        """What the system says."""
        for name, text in (("_FIB_TRIE", ipv4), ("_IF_INET6", ipv6)):
            path = Path(self.mktemp())
            path.write_text(text)
            self.patch(module, name, path)

    def test_addresses(self) -> None:
        """Those that stay: none of a link, none that is public and of IPv6."""
        self.system(FIB_TRIE, IF_INET6)
        expected = ("192.168.178.5", "10.8.0.1", "fd00::211:22ff:fe33:4455")
        self.assertEqual(("127.0.0.1", "::1", *expected), own_addresses())

    def test_system_says_nothing(self) -> None:
        """Without the system's word there are the two that all have."""
        for name in ("_FIB_TRIE", "_IF_INET6"):
            self.patch(module, name, Path("/nowhere/at/all"))
        self.assertEqual(("127.0.0.1", "::1"), own_addresses())

    def test_bound(self) -> None:
        """There are never too many."""
        lines = (f"|-- 10.0.{one // 250}.{one % 250}\n/32 host LOCAL" for one in range(1000))
        self.system("\n".join(lines), "")
        self.assertEqual(32, len(own_addresses()))

    def test_names(self) -> None:
        """The name with its domain, without, and as others find it in the network."""
        self.system("", "")
        self.patch(socket, "gethostname", lambda: "Garage.Example.com")
        self.assertEqual(
            (
                "garage.example.com",
                "garage",
                "garage.local",
                "localhost",
                *("127.0.0.1", "::1"),
            ),
            own_names(),
        )
        self.patch(socket, "gethostname", lambda: "")
        self.assertEqual(("localhost", "127.0.0.1", "::1"), own_names())

    def test_here(self) -> None:
        """What this computer says of itself are addresses that it can be reached at."""
        for one in own_addresses():
            family = socket.AF_INET if ip_address(one).version == 4 else socket.AF_INET6
            with socket.socket(family, socket.SOCK_STREAM) as listening:
                listening.bind((one, 0))
