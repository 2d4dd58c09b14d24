"""What is typed into a wallbox."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.config.sections import OcppServerSection
from cfos_cm.services.web.wallbox_urls import wallbox_urls

ADDRESSES = ("127.0.0.1", "::1", "192.0.2.1", "fd00::7")


def urls(tls: TlsMode = TlsMode.OFF, interface: str | None = None) -> tuple[str, ...]:
    """Those of a server with these settings."""
    return wallbox_urls(OcppServerSection(tls=tls, interface=interface, port=8000), ADDRESSES)


class Urls(SynchronousTestCase):
    """What they are."""

    def test_schemes(self) -> None:
        """Encrypted ones where they are taken, and first where both are."""
        self.assertEqual(("ws://192.0.2.1:8000/",), urls(TlsMode.OFF))
        self.assertEqual(("wss://192.0.2.1:8000/",), urls(TlsMode.ON))
        both = ("wss://192.0.2.1:8000/", "ws://192.0.2.1:8000/")
        self.assertEqual(both, urls(TlsMode.DETECT))

    def test_interfaces(self) -> None:
        """Only addresses that it listens at are named."""
        for interface, hosts in (
            (None, ["192.0.2.1"]),
            ("0.0.0.0", ["192.0.2.1"]),
            ("::", ["192.0.2.1", "[fd00::7]"]),
            ("192.0.2.9", ["192.0.2.9"]),
            ("fd00::9", ["[fd00::9]"]),
            ("127.0.0.1", ["127.0.0.1"]),
        ):
            expected = tuple(f"ws://{host}:8000/" for host in hosts)
            self.assertEqual(expected, urls(interface=interface))

    def test_nowhere(self) -> None:
        """A computer without a network has no URL."""
        self.assertEqual((), wallbox_urls(OcppServerSection(), ("127.0.0.1", "::1")))
