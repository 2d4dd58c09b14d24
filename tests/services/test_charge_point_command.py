"""C{cfos-cm charge-point}: on the console, over a real socket, with a Central System behind."""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta
from itertools import count
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.central_system.commands.operator import Archives, Chance, Operator
from cfos_cm.certificates.issuing import make_authority
from cfos_cm.certificates.keys import new_ec_key
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.subject import Subject
from cfos_cm.console import main, parser
from cfos_cm.services.charge_point_orders import MAX_IDENTITIES, charge_point_orders
from cfos_cm.services.config import read_config
from cfos_cm.services.control_client import CommandFailed, ask
from cfos_cm.services.control_socket import ControlSocket
from cfos_cm.services.local_signer import LocalSigner
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage.database import Database
from cfos_cm.storage.security_events import SecurityEvents
from tests.central_system.operators import MemoryReservations, MemorySentLists, Station
from tests.central_system.world import BOOT, NOW, SITE, World

NONE, PASSWORD, TLS, CERTIFICATE = SecurityProfile
KEY = new_ec_key()
AUTHORITY = Pair((make_authority(Subject("Garage"), KEY, NOW - timedelta(days=1), 1000),), KEY)
SINCE = NOW.astimezone().isoformat(" ", "seconds")
ALWAYS = ("ChangeConfiguration", "ExtendedTriggerMessage")


class OfficeCase(TestCase):
    """
    A manager's socket with a Central System in memory behind it.

    @ivar world: it; CP-1 and CP-2 are configured, and have to know a password.
    """

    async def setUp(self) -> None:
        """Open the socket; nobody is connected."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.path = folder / "tap.cfg"
        self.path.write_text("[ocpp server]\ntls = off\n", encoding="utf-8")
        self.config = read_config(str(self.path))
        signer = LocalSigner(lambda: NOW)
        signer.use(AUTHORITY)
        settings = evolve(SITE, password="common", takes_tls=True, observe_only=True)
        self.world = World(settings, signer=signer)
        database = Database(f"sqlite:///{folder}/cfos_cm.sqlite", reactor, lambda: NOW)
        await database.start()
        self.addCleanup(database.stop)
        self.events = SecurityEvents(database)
        orders = charge_point_orders(self.world.system, self.operator(), self.events)
        control = ControlSocket(reactor, self.config.state_directory, orders)
        await control.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(control.close()))

    def operator(self) -> Operator:
        """An operator of the Central System."""
        numbers = count(501)
        archives = Archives(
            lambda: self.world.disk.do(lambda: ()),
            MemorySentLists(self.world.disk),
            MemoryReservations(self.world.disk),
            self.world.system.passwords,
        )
        return Operator(
            self.world.system,
            archives,
            Chance(lambda: next(numbers), lambda length: bytes(range(1, length + 1))),
        )

    def connect(
        self, profile: SecurityProfile, identity: str = "CP-1", status: str = "Accepted"
    ) -> Station:
        """A wallbox that says this to all that it is asked."""
        station = Station(self.world, identity, profile)
        station.acts = {action: {"status": status} for action in ALWAYS}
        return station

    async def command(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command in another thread; its status and its lines."""
        options = parser().parse_args(["charge-point", *arguments, "--config", str(self.path)])
        lines: list[str] = []
        status = await deferToThread(options.run, options, lines.append)
        return status, lines


class Looking(OfficeCase):
    """What is shown."""

    async def test_names(self) -> None:
        """To know what one may be called all are looked at: that is done for one alone."""
        asked: list[str] = []

        def names_of(identity: str) -> tuple[str, ...]:
            asked.append(identity)
            return (identity,)

        self.patch(self.world.system.roster, "certificate_names", names_of)
        await self.command("list")
        self.assertEqual([], asked)
        await self.command("show", "CP-2")
        self.assertEqual(["CP-2"], asked)

    async def test_list(self) -> None:
        """Each wallbox is a line of a table, those that are not configured too."""
        self.connect(CERTIFICATE).lose()
        self.connect(TLS, "CP-2").lose()
        self.connect(PASSWORD, "CP-2")
        self.connect(NONE, "new\x1b[2J")
        self.assertEqual(
            (
                0,
                [
                    "ID       EVSES         PROFILE    FROM       STATE",
                    "CP-1     bay-1, bay-2  (3)                   not connected",
                    "CP-2     bay-3         1 (was 2)  192.0.2.7  connected since " + SINCE,
                    f"new?[2J  none          0          192.0.2.7  connected since {SINCE}, "
                    "waits for approval",
                ],
            ),
            await self.command("list"),
        )

    async def test_nobody(self) -> None:
        """Where there is none, that is said."""
        self.world.system.configure(evolve(self.world.system.settings, charge_points={}))
        status, lines = await self.command("list")
        self.assertEqual((0, 1), (status, len(lines)))
        self.assertIn("no wallbox", lines[0])

    async def test_show(self) -> None:
        """All of one is shown; a wallbox's own words can do nothing."""
        station = self.connect(CERTIFICATE)
        station.ask(
            "BootNotification",
            {**BOOT, "chargePointSerialNumber": "SN\x1b7", "firmwareVersion": "1.2\n3"},
        )
        self.assertEqual(
            (
                0,
                [
                    "id:            CP-1",
                    "EVSEs:         bay-1 (connector 1), bay-2 (connector 2)",
                    f"state:         connected since {SINCE}",
                    "from:          192.0.2.7",
                    "device:        cFos Power Brain",
                    "serial number: SN?7",
                    "firmware:      1.2?3",
                    "comes with:    3 (TLS, certificate)",
                    "must have:     3 (TLS, certificate): it has shown one; "
                    "'charge-point allow' lets it come with less",
                    "certificate:   may name CP-1, SN?7",
                ],
            ),
            await self.command("show", "cp-1"),
        )

    async def test_showOthers(self) -> None:
        """What is not known is said so."""
        _, lines = await self.command("show", "CP-2")
        for line in ("state:         not connected", "from:", "device:        not told yet"):
            self.assertIn(line, lines)
        self.assertIn("must have:     a password", lines)
        self.connect(TLS, "CP-2")
        _, lines = await self.command("show", "CP-2")
        self.assertTrue(any("TLS and a password: it has had TLS" in line for line in lines))

    async def test_unknown(self) -> None:
        """A wallbox that is not there is said, with those that are."""
        for verb in (("show",), ("renew-certificate",), ("upgrade",), ("change-password",)):
            more = ("1",) if verb == ("upgrade",) else ()
            self.assertEqual(
                (1, ["there is no Charge Point CP-9; there are: CP-1, CP-2"]),
                await self.command(*verb, "CP-9", *more),
            )

    async def test_events(self) -> None:
        """What one has told is shown, the newest last."""
        for number in range(3):
            await self.events.add("CP-1", f"Event\x1b{number}", "t", "more\n" * number, NOW)
        self.assertEqual(
            (0, [f"{SINCE}  Event?1: more?", f"{SINCE}  Event?2: more?more?"]),
            await self.command("events", "CP-1", "--limit", "2"),
        )
        self.assertEqual(3, len((await self.command("events", "CP-1"))[1]))
        self.assertEqual(
            (0, ["CP-2 has told nothing about its security"]),
            await self.command("events", "CP-2"),
        )
        status, lines = await self.command("events", "CP-1", "--limit", "201")
        self.assertEqual((1, ["limit: must be a whole number from 1 to 200"]), (status, lines))


class Doing(OfficeCase):
    """What is done."""

    async def test_allow(self) -> None:
        """Some may come with less again; of the others it is said why not."""
        for identity in ("CP-1", "CP-2"):
            self.connect(CERTIFICATE, identity).lose()
        self.assertEqual(
            (0, ["CP-1 may come with security profile 2 (TLS) again"]),
            await self.command("allow", "cp-1", "--profile", "2"),
        )
        status, lines = await self.command("allow", "CP-1", "CP-9", "CP-2")
        self.assertEqual(1, status)
        self.assertEqual(
            [
                "CP-1 may come with security profile 0 (plain, nothing proved) again",
                "CP-2 may come with security profile 0 (plain, nothing proved) again",
                "there is no Charge Point CP-9",
            ],
            lines,
        )
        self.assertEqual({}, self.world.standings.kept)

    async def test_upgrade(self) -> None:
        """One is told to connect more safely."""
        station = self.connect(PASSWORD)
        status, lines = await self.command("upgrade", "CP-1", "2")
        self.assertEqual(0, status)
        self.assertIn("CP-1 has accepted: it will connect again", lines[0])
        self.assertEqual(
            [{"key": "SecurityProfile", "value": "2"}],
            station.payloads("ChangeConfiguration"),
        )
        station.acts["ChangeConfiguration"] = {"status": "RebootRequired"}
        status, lines = await self.command("upgrade", "CP-1", "2")
        self.assertEqual(0, status)
        self.assertIn("for after its next restart", lines[0])
        station.acts["ChangeConfiguration"] = {"status": "Rejected"}
        self.assertEqual(
            (1, ["CP-1 says Rejected: nothing was changed"]),
            await self.command("upgrade", "CP-1", "2"),
        )
        status, lines = await self.command("upgrade", "CP-1", "1")
        self.assertEqual(1, status)
        self.assertIn("never lowered", lines[0])

    async def test_renew(self) -> None:
        """One is asked to ask for a certificate."""
        station = self.connect(PASSWORD)
        status, lines = await self.command("renew-certificate", "CP-1")
        self.assertEqual(0, status)
        self.assertIn("it will ask for a certificate", lines[0])
        self.assertEqual(1, len(station.payloads("ExtendedTriggerMessage")))
        self.assertEqual(
            (1, ["CP-2 is not connected"]), await self.command("renew-certificate", "CP-2")
        )

    async def test_password(self) -> None:
        """One gets another password, which nobody is told who has not asked."""
        station = self.connect(PASSWORD)
        status, lines = await self.command("change-password", "CP-1")
        self.assertEqual((0, 1), (status, len(lines)))
        (sent,) = station.payloads("ChangeConfiguration")
        self.assertEqual("AuthorizationKey", sent["key"])
        self.assertNotIn(sent["value"], lines[0])

    async def test_passwordShown(self) -> None:
        """Who asks is told it, once."""
        station = self.connect(PASSWORD)
        status, lines = await self.command("change-password", "CP-1", "--show")
        (sent,) = station.payloads("ChangeConfiguration")
        self.assertEqual((0, True), (status, lines[1].endswith(f": {sent['value']}")))

    async def test_passwordRefused(self) -> None:
        """What it does not take is not shown."""
        self.connect(PASSWORD, status="Rejected")
        self.assertEqual(
            (1, ["CP-1 says Rejected: nothing was changed"]),
            await self.command("change-password", "CP-1", "--show"),
        )


class OrderTests(OfficeCase):
    """What a console may not say."""

    async def refusal(self, command: str, **said: object) -> str:
        """What is answered to it."""
        try:
            await deferToThread(ask, self.config, command, **said)
        except CommandFailed as error:
            return str(error)
        raise AssertionError("it was carried out")

    async def test_wrong(self) -> None:
        """Each thing has its kind and its bound."""
        self.connect(CERTIFICATE)
        for command, said, words in (
            ("charge-points", {"identity": 1}, "identity: must be a text"),
            ("security-events", {"identity": "CP-1"}, "limit: must be a whole number"),
            ("security-events", {"identity": "CP-1", "limit": True}, "limit: must be"),
            ("security-events", {"limit": 1}, "identity: must be a text"),
            ("allow-profile", {"identities": ["CP-1"]}, "profile: must be"),
            ("allow-profile", {"identities": ["CP-1"], "profile": 3}, "from 0 to 2"),
            ("allow-profile", {"identities": "CP-1", "profile": 0}, "must be a list"),
            ("allow-profile", {"identities": [], "profile": 0}, "must be a list"),
            (
                "allow-profile",
                {"identities": ["a"] * (MAX_IDENTITIES + 1), "profile": 0},
                "at most 100",
            ),
            ("raise-profile", {"identity": "CP-1", "profile": 0}, "from 1 to 3"),
            ("raise-profile", {"identity": "CP-1", "profile": 4}, "from 1 to 3"),
            ("change-password", {}, "identity: must be a text"),
        ):
            self.assertIn(words, await self.refusal(command, **said), command)
        self.assertEqual({"CP-1": CERTIFICATE}, self.world.standings.kept)


class WordTests(SynchronousTestCase):
    """The command line."""

    def test_wrong(self) -> None:
        """A command that says too little says what is missing."""
        for arguments, words in (
            ((), "COMMAND"),
            (("show",), "ID"),
            (("allow",), "ID"),
            (("allow", "CP-1", "--profile", "3"), "--profile"),
            (("upgrade", "CP-1"), "PROFILE"),
            (("upgrade", "CP-1", "0"), "PROFILE"),
        ):
            error = io.StringIO()
            with contextlib.redirect_stderr(error), self.assertRaises(SystemExit) as caught:
                main(["charge-point", *arguments])
            self.assertEqual(2, caught.exception.code)
            self.assertIn(words, error.getvalue())

    def test_not_running(self) -> None:
        """Without a manager it is said how to start one."""
        path = Path(self.mktemp())
        path.write_text("[ocpp server]\ntls = off\n", encoding="utf-8")
        options = parser().parse_args(["charge-point", "list", "--config", str(path)])
        lines: list[str] = []
        self.assertEqual(1, options.run(options, lines.append))
        self.assertIn("no manager runs with", lines[0])
