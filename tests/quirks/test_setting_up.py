"""What is not the Central System's fault is not held against it; it is said what to do."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from cfos_cm.net import login_throttle
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Performance, Verdict
from cfos_cm.simulator.personas.play import play
from cfos_cm.simulator.personas.setting_up import why_not_let_in
from cfos_cm.simulator.personas.stage import Stage
from cfos_cm.site.tag import Tag
from cfos_cm.site.tag import Verdict as TagVerdict
from cfos_cm.storage.tags import TagList
from tests.net.tls_server import client_pair

from .stages import IDENTITY, TAG, PersonaCase

KEY = "00112233445566778899aabbccddeeff"
WRONG_KEY = KEY[::-1].encode()
#: Some of each group, and all that are let in in an odd way.
SOME = ("Q1", "Q2", "Q3", "Q4", "Q5", "Q8", "Q13", "Q14", "Q24", "Q31", "X2")
#: These come to their oddity only where they are given a limit.
LIMITED = ("Q11", "Q18", "Q22", "Q31", "Q32", "Q33", "Q34", "Q35", "Q43")
#: Everything that has to be forgiven by hand.
QUIRKS = " ".join(["auto", *sorted({word for one in PERSONAS.values() for word in one.needs})])


class SettingUp(PersonaCase):
    """Sites where a new user has not done, or not done right, what a play needs."""

    async def site_with(
        self, evse: str = "", *, identity: str = IDENTITY, server: str = "", more: str = ""
    ) -> tuple[ChargingSite, int]:
        """A site with one EVSE, and its port."""
        return await self.started(
            "[circuit garage]\nmax_current = 40\n"
            f"[evse bay]\ntype = ocpp16\naddress = {identity}\nquirks = {QUIRKS}\n{evse}",
            server=server,
            more=more,
        )

    async def assertNotShown(self, numbers: Iterable[str], stage: Stage, said: str) -> None:
        """Personas are not shown, for a reason that says what to do."""
        for number in numbers:
            performance = await play(PERSONAS[number], stage)
            self.assertIs(Verdict.NOT_SHOWN, performance.verdict, _told(performance))
            self.assertEqual(said, performance.not_shown, _told(performance))

    async def test_pending(self) -> None:
        """Who waits for approval is said to."""
        _, port = await self.site_with(identity="WALL-7")
        await self.assertNotShown(
            # Q9 comes by TLS only.
            [number for number in PERSONAS if number not in ("Q9", "Q44")],
            self.stage(port, timeout_s=6.0),
            "the Central System keeps FAKE-1 waiting (Pending): approve it first",
        )

    async def test_unknown(self) -> None:
        """So is who is not known."""
        _, port = await self.site_with(
            identity="WALL-7", server="unknown_charge_points = refuse"
        )
        await self.assertNotShown(
            SOME,
            self.stage(port, timeout_s=6.0),
            "the Central System does not know FAKE-1 (HTTP 404): add it there first, or "
            "correct the URL",
        )

    async def test_no_password(self) -> None:
        """So is who has shown no password."""
        _, port = await self.site_with(f"password = {KEY}")
        await self.assertNotShown(
            SOME,
            self.stage(port, timeout_s=6.0),
            "the Central System asks FAKE-1 for a password (HTTP 401): give it with --password",
        )

    async def test_wrong_password(self) -> None:
        """So is who has shown a wrong one, at last that he has to wait."""
        self.patch(login_throttle, "BURST", 4)
        self.patch(login_throttle, "MAX_WAIT_S", 0.0)
        _, port = await self.site_with(f"password = {KEY}")
        stage = self.stage(port, timeout_s=6.0, password=WRONG_KEY)
        said = (
            "the Central System does not take the password of FAKE-1 (HTTP 401): see "
            "--password, --password-form"
        )
        await self.assertNotShown(("Q44", "Q4"), stage, said)
        said = "the Central System puts FAKE-1 off (HTTP 429): wait, then play again"
        await self.assertNotShown(("Q24",), stage, said)

    def test_less_safe(self) -> None:
        """Who is refused for what he does not show is told what else that may be."""
        without, plain = self.stage(1), self.stage(1, password=WRONG_KEY)
        shown = evolve(without, material=ClientMaterial(pair=client_pair(IDENTITY)))
        for stage in (without, plain, shown):
            self.assertIn("may also want wss://", why_not_let_in(403, stage) or "")
        self.assertIn("--certificate, which has to name it", why_not_let_in(401, shown) or "")
        self.assertNotIn("--certificate", why_not_let_in(401, plain) or "")

    async def test_needless_password(self) -> None:
        """Where no password is asked for there is nothing to show about its forms."""
        _, port = await self.site_with()
        stage = self.stage(port, timeout_s=6.0, password=KEY.encode())
        said = "the Central System asks FAKE-1 for no password"
        await self.assertNotShown(("Q44",), stage, said)

    async def test_in_use(self) -> None:
        """It is said that somebody else has this ID."""
        _, port = await self.site_with()
        await self.station(port, IDENTITY)
        await self.assertNotShown(
            SOME,
            self.stage(port, timeout_s=6.0),
            "the Central System has no room for FAKE-1 (HTTP 503): another wallbox may be "
            "connected with this ID; give one of its own with --id, or wait, then play again",
        )

    async def test_refused_tag(self) -> None:
        """Who may not charge shows nothing of what needs a charge; his start is ended."""
        site, port = await self.site_with()
        assert site.central_system is not None
        assert site.ledger is not None
        tags = site.central_system.roster.environment.tags
        assert isinstance(tags, TagList)
        await tags.put(Tag(TAG, TagVerdict.BLOCKED))
        await self.assertNotShown(
            (*LIMITED, "Q7", "Q12", "Q13", "Q19", "Q26", "Q45", "X1", "X4"),
            self.stage(port, timeout_s=6.0),
            f"the Central System does not let {TAG} charge at connector 1 (Blocked): allow it "
            "there, or give others with --id-tag and --connector",
        )
        stopped = {one.stop_reason for one in await site.ledger.transactions()}
        self.assertEqual({"Other"}, stopped)

    async def test_other_connector(self) -> None:
        """Nor does who charges where there is no EVSE."""
        _, port = await self.site_with()
        await self.assertNotShown(
            LIMITED,
            self.stage(port, timeout_s=6.0, connector=2),
            f"the Central System does not let {TAG} charge at connector 2 (Invalid): allow it "
            "there, or give others with --id-tag and --connector",
        )

    async def test_observe(self) -> None:
        """Where no limit is ever set there is nothing to show about limits."""
        _, port = await self.site_with(more="[manager]\nload_management = observe")
        await self.assertNotShown(
            ("Q11", "Q22", "Q31"),
            self.stage(port, timeout_s=1.0),
            "no SetChargingProfile came within 0.5 s",
        )

    async def test_disabled(self) -> None:
        """Where no current is given nothing is held against anybody."""
        _, port = await self.site_with("enabled = no")
        stage = self.stage(port, timeout_s=6.0)
        for number in LIMITED:
            performance = await play(PERSONAS[number], stage)
            self.assertIsNot(Verdict.FAILED, performance.verdict, _told(performance))


def _told(performance: Performance) -> str:
    persona = performance.persona.number
    findings = [*map(str, performance.findings), *performance.transcript[-8:]]
    return "\n".join([persona, performance.not_shown, *findings])
