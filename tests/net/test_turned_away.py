"""Who does not get a WebSocket is remembered, with where he came from and why."""

from __future__ import annotations

from attrs import evolve

from cfos_cm.central_system.refusals import BY_OPERATOR, TurnedAway
from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.net.login_throttle import BURST
from tests.central_system.world import SITE

from .peers import ServerCase, basic, upgrade

PASSWORD = "s3cret-of-the-garage"


def _told(entries: tuple[TurnedAway, ...]) -> list[tuple[str, str, str]]:
    return [(one.identity, one.origin, one.why) for one in entries]


class Logins(ServerCase):
    """Charge Points that cannot prove who they are."""

    settings = evolve(SITE, password=PASSWORD)

    async def test_wrong(self) -> None:
        """A wrong password and none are two entries; the password is in neither."""
        header = f"Authorization: {basic('CP-1', 'guessed')}"
        for request in (upgrade(), upgrade("/CP-1", header), upgrade("/CP-1", header)):
            self.assertEqual(401, await self.status(request))
        found = self.world.system.refusals.failed_logins
        self.assertEqual(
            [
                (
                    "CP-1",
                    "127.0.0.1",
                    "wrong password, or its user name is not its ChargeBox ID",
                ),
                ("CP-1", "127.0.0.1", "it has sent no password"),
            ],
            _told(found),
        )
        self.assertEqual([2, 1], [one.count for one in found])
        self.assertNotIn("guessed", repr(found))
        self.assertEqual((), self.world.system.refusals.refused)

    async def test_put_off(self) -> None:
        """Who has to wait, for too many have guessed, is remembered too."""
        header = f"Authorization: {basic('CP-1', 'guessed')}"
        for _ in range(BURST + 1):
            await self.status(upgrade("/CP-1", header))
        wire = await self.dial(upgrade("/CP-1", header))
        while len(self.world.system.refusals.failed_logins) < 2:
            await self.turn()
        newest = self.world.system.refusals.failed_logins[0]
        self.assertEqual("too many wrong passwords were tried for it", newest.why)
        wire.drop()
        await wire.closed()


class Strangers(ServerCase):
    """Charge Points that are not configured."""

    settings = evolve(SITE, unknown=UnknownChargePoints.REFUSE)

    async def test_refused(self) -> None:
        """They are listed, and are no failed logins."""
        self.assertEqual(404, await self.status(upgrade("/new")))
        refusals = self.world.system.refusals
        why = "no [evse ...] section has it as its address"
        self.assertEqual([("new", "127.0.0.1", why)], _told(refusals.refused))
        self.assertEqual((), refusals.failed_logins)


class ByHand(ServerCase):
    """Charge Points that an operator has refused."""

    async def test_refused(self) -> None:
        """It is hung up on, and told 403 from then on."""
        wire = await self.opened("/new")
        self.world.system.refuse("new")
        self.assertEqual(1008, await wire.close_code())
        wire.drop()
        self.assertEqual(403, await self.status(upgrade("/new")))
        (one,) = self.world.system.refusals.refused
        self.assertEqual(("new", BY_OPERATOR, 2), (one.identity, one.why, one.count))
        self.assertEqual(101, await self.status(upgrade("/other")))
