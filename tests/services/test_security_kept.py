"""What a site remembers of how safely its wallboxes came, from one start to the next."""

from __future__ import annotations

from twisted.internet.threads import deferToThread

from cfos_cm.console import parser
from cfos_cm.site.security_profile import SecurityProfile

from .sites import SiteCase


class Kept(SiteCase):
    """A wallbox has come encrypted, the site is started anew, and it comes in plain."""

    async def test_refused_until_allowed(self) -> None:
        """It is refused, the log says what to do, and that is what lets it in."""
        first, _ = await self.started()
        system = first.central_system
        assert system is not None
        session = system.open(
            "CP-1", "192.0.2.7", lambda _: None, lambda *_: None, SecurityProfile.TLS
        )
        system.closed(session, "test")
        await first.stopService()
        _, port = await self.started()
        said = self.said("cfos-cm charge-point allow CP-1")
        with self.assertRaises(ConnectionRefusedError):
            await self.station(port, "CP-1")
        await said
        await self.station(port, "CP-2")
        options = parser().parse_args(
            ["charge-point", "allow", "CP-1", "--config", str(self.path)]
        )
        lines: list[str] = []
        self.assertEqual(0, await deferToThread(options.run, options, lines.append), lines)
        await self.station(port, "CP-1")
