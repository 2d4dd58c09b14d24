"""C{cfos-cm gateway}: on the console, over a real socket, with made-up gateways behind it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen
from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.charge_point.credentials import KnownServer
from cfos_cm.charge_point.queued import DeadLetter, Depth, QueuedMessage
from cfos_cm.charge_point.security_standing import KeptCertificate, SecurityStanding
from cfos_cm.charge_point.settings import ConnectorSettings, GatewayRole, GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.console import main, parser
from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.services.config import read_config
from cfos_cm.services.control_client import CommandFailed, ask
from cfos_cm.services.control_socket import ControlSocket
from cfos_cm.services.gateway_orders import gateway_orders
from cfos_cm.services.gateway_security import ConnectionSecurity
from cfos_cm.services.gateway_words import MAX_EXCERPT_CHARS, MAX_KEYS
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import RegistrationStatus
from tests.issuer import Issuer

#: A backend that is called with a password and no more.
PLAIN = ConnectionSecurity(SecurityStanding(SecurityProfile.PASSWORD, True, False, None, ()))
NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
THEN = NOW - timedelta(hours=3)


def local(moment: datetime) -> str:
    """A moment, as the console shows it."""
    return moment.astimezone().isoformat(" ", "seconds")


BAY_1 = GatewaySettings(
    key="k1",
    name="bay-1",
    url="wss://user@backend.example/path/?key=s3cret",
    client_id="DE*KLN*E1",
    connectors=(ConnectorSettings(1, "bay-1", "CP-1"), ConnectorSettings(2, "bay-3", "CP-3")),
    password="s3cret",
)
FLEET = GatewaySettings(
    key="k2",
    name="fleet",
    url="ws://192.0.2.1/",
    client_id="E2",
    connectors=(ConnectorSettings(1, "bay-2", "CP-2"),),
    role=GatewayRole.REPORT,
)
LETTER = DeadLetter(
    QueuedMessage(
        key="letter-1",
        gateway="k1",
        action="StartTransaction",
        connector=1,
        transaction_id=77,
        payload=b'{"connectorId": 1, "idTag": "04A1B2C3D4", "note": "\\u009b2J"}',
        queued_at=THEN,
        is_periodic=False,
        message_id="m",
        attempts=3,
    ),
    "FormationViolation: no\x1b[2J",
    NOW,
)


@frozen
class Running:
    """A gateway, as far as anybody asks."""

    settings: GatewaySettings


class Office:
    """
    Two gateways, and a queue that has lost its own.

    @ivar done: what was asked for.
    """

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.letters: tuple[DeadLetter, ...] = (LETTER,)
        self.securities: dict[str, ConnectionSecurity] = {}
        self.rows: dict[str, tuple[GatewaySettings, Standing]] = {
            "bay-1": (
                BAY_1,
                Standing(
                    "not connected: refused\x07",
                    False,
                    THEN,
                    None,
                    "",
                    Depth(waiting=1234, size_bytes=56_789, oldest_at=THEN, dead=1),
                ),
            ),
            "fleet": (
                FLEET,
                Standing("connected", True, NOW, RegistrationStatus.ACCEPTED, "Foo", Depth()),
            ),
        }

    def standings(self) -> Mapping[str, Standing]:
        """How each stands."""
        return {name: standing for name, (_, standing) in self.rows.items()}

    def gateway(self, name: str) -> Running:
        """One of them."""
        if name not in self.rows:
            raise LocalProtocolError(f"there is no gateway {name}; there are: bay-1, fleet")
        return Running(self.rows[name][0])

    def security(self, name: str) -> ConnectionSecurity:
        """How safe each is."""
        self.gateway(name)
        return self.securities.get(name, PLAIN)

    async def trust(self, name: str) -> None:
        """It is believed."""
        self.gateway(name)
        self.done.append(("trust", name))

    def dead_letters(
        self, name: str, limit: int, offset: int = 0
    ) -> Deferred[tuple[DeadLetter, ...]]:
        """Some."""
        self.gateway(name)
        self.done.append(("dead_letters", name, limit, offset))
        return succeed(self.letters[offset : offset + limit])

    def resend(self, name: str, keys: tuple[str, ...] = ()) -> Deferred[int]:
        """All that there are."""
        self.done.append(("resend", name, keys))
        return succeed(len(self.letters))

    def orphans(self) -> Deferred[Mapping[str, Depth]]:
        """One."""
        return succeed({"old": Depth(waiting=1, size_bytes=500, dead=2)})

    def move(self, key: str, name: str) -> Deferred[int]:
        """What it has."""
        self.done.append(("move", key, name))
        return succeed(1 if key == "old" else 0)

    def drop(self, key: str) -> Deferred[int]:
        """What it has."""
        if key == "broken":
            return fail(StorageError("the disk is full"))
        self.done.append(("drop", key))
        return succeed(3 if key == "old" else 0)


class OfficeCase(TestCase):
    """
    A manager's socket with made-up gateways behind it.

    @ivar office: these.
    """

    async def setUp(self) -> None:
        """Open the socket."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.path = folder / "tap.cfg"
        self.path.write_text("[ocpp server]\ntls = off\n", encoding="utf-8")
        self.config = read_config(str(self.path))
        self.office = Office()
        control = ControlSocket(
            reactor, self.config.state_directory, gateway_orders(self.office)
        )
        await control.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(control.close()))

    async def command(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command in another thread; its status and its lines."""
        options = parser().parse_args(["gateway", *arguments, "--config", str(self.path)])
        lines: list[str] = []
        status = await deferToThread(options.run, options, lines.append)
        return status, lines


class CommandTests(OfficeCase):
    """What is shown, and what is done."""

    async def test_list(self) -> None:
        """Each gateway is a line of a table."""
        status, lines = await self.command("list")
        self.assertEqual(0, status)
        self.assertEqual(
            [
                "NAME   CLIENT ID  ROLE       WAITING  DEAD  STATE",
                f"bay-1  DE*KLN*E1  authority  1234     1     not connected: refused?, since "
                f"{local(THEN)}",
                f"fleet  E2         report     0        0     connected, since {local(NOW)}",
            ],
            lines,
        )

    async def test_none(self) -> None:
        """Where there is none, it is said what is missing."""
        self.office.rows = {}
        status, lines = await self.command("list")
        self.assertEqual(0, status)
        self.assertIn("no [gateway NAME] section", lines[0])

    async def test_show(self) -> None:
        """All of one is shown, but for what is secret."""
        status, lines = await self.command("show", "bay-1")
        self.assertEqual(0, status)
        self.assertEqual(
            [
                "name:         bay-1",
                "backend:      wss://***@backend.example/path/?***",
                "client id:    DE*KLN*E1",
                "role:         authority, in an outage shield",
                "EVSEs:        bay-1 (connector 1), bay-3 (connector 2)",
                f"state:        not connected: refused?, since {local(THEN)}",
                "registration: not answered yet",
                "last refusal: none",
                f"waiting:      1234 messages, 56.8 kB, the oldest since {local(THEN)}",
                "dead letters: 1",
                "queue:        k1",
                "profile:      1: a password, not encrypted",
            ],
            lines,
        )
        _, lines = await self.command("show", "fleet")
        self.assertIn("registration: Accepted", lines)
        self.assertIn("last refusal: Foo", lines)
        self.assertIn("waiting:      nothing", lines)

    async def test_show_security(self) -> None:
        """What was given, what it is worth and when it ends; no peer paints in it."""
        papers = Issuer("signer").issue("DE*KLN*E1", ends=NOW + timedelta(days=3650))
        standing = SecurityStanding(
            profile=SecurityProfile.CERTIFICATE,
            is_proven=False,
            has_given_key=True,
            server=KnownServer("0f" * 32, "AA:BB", "CN=backend\x1b[2J", "2026-11-20T10:00:00Z"),
            certificates=(KeptCertificate("own certificate", papers.certificate),),
        )
        self.office.securities["bay-1"] = ConnectionSecurity(
            standing, SecurityProfile.TLS, "it is not checked"
        )
        _, lines = await self.command("show", "bay-1")
        fingerprint = ":".join(f"{one:02X}" for one in papers.certificate.fingerprint(SHA256()))
        seen = local(datetime(2026, 11, 20, 10, tzinfo=UTC))
        found = lines[lines.index("queue:        k1") + 1 :]
        ends, found[-1] = found[-1], ""
        self.assertEqual(
            [
                "profile:      3: encrypted, with a certificate of ours; commanded by the "
                "backend, not reached yet",
                "is now:       2: encrypted, with a password",
                "password:     given by the backend, in the place of that of the settings",
                "warning:      it is not checked",
                f"backend key:  SHA-256 {'0f' * 32}",
                f"              first seen {seen}, in the certificate of",
                "              CN=backend?[2J, SHA-256 AA:BB",
                "certificate:  own certificate: CN=DE*KLN*E1",
                "",
            ],
            found,
        )
        self.assertIn("expires on 2036-11-20", ends)
        self.assertTrue(ends.endswith(f"SHA-256 {fingerprint}"), ends)

    async def test_trust(self) -> None:
        """The next key of a backend is believed."""
        status, lines = await self.command("trust", "bay-1")
        self.assertEqual((0, [("trust", "bay-1")]), (status, self.office.done))
        self.assertIn("bay-1: the next key that its backend shows is believed", lines[0])

    async def test_unknown(self) -> None:
        """A gateway that is not there is said, and the status is 1."""
        for verb in ("show", "dead-letters", "trust"):
            status, lines = await self.command(verb, "bay-9")
            self.assertEqual(
                (1, ["there is no gateway bay-9; there are: bay-1, fleet"]), (status, lines)
            )

    async def test_dead_letters(self) -> None:
        """A dead letter is shown with its reason, without the card, and cannot do anything."""
        status, lines = await self.command("dead-letters", "bay-1")
        self.assertEqual(0, status)
        self.assertEqual(
            [
                "letter-1  StartTransaction, connector 1, transaction 77",
                f"    queued {local(THEN)}, given up {local(NOW)}",
                "    after 3 attempts: FormationViolation: no?[2J",
                '    {"connectorId": 1, "idTag": "…C3D4", "note": "?2J"}',
            ],
            lines,
        )
        self.assertEqual([("dead_letters", "bay-1", 20, 0)], self.office.done)

    async def test_pages(self) -> None:
        """They come in pages, and it is said how to see the next one."""
        self.office.letters = (LETTER,) * 3
        _, lines = await self.command("dead-letters", "bay-1", "--limit", "2")
        self.assertEqual("there may be more: --offset 2", lines[-1])
        _, lines = await self.command("dead-letters", "bay-1", "--limit", "2", "--offset", "2")
        self.assertEqual(4, len(lines))
        _, lines = await self.command("dead-letters", "bay-1", "--offset", "3")
        self.assertEqual(["no more dead letters"], lines)
        status, lines = await self.command("dead-letters", "bay-1", "--limit", "101")
        self.assertEqual((1, ["limit: must be a whole number from 1 to 100"]), (status, lines))

    async def test_resend(self) -> None:
        """Some are sent again, or all."""
        self.assertEqual(
            (0, ["1 message: will be sent again, before what was queued later"]),
            await self.command("resend", "bay-1", "letter-1", "letter-2"),
        )
        await self.command("resend", "bay-1", "--all")
        self.assertEqual(
            [("resend", "bay-1", ("letter-1", "letter-2")), ("resend", "bay-1", ())],
            self.office.done,
        )
        self.office.letters = ()
        self.assertEqual(
            (1, ["no such dead letter: nothing is sent again"]),
            await self.command("resend", "bay-1", "--all"),
        )

    async def test_orphans(self) -> None:
        """A queue without its gateway is shown."""
        status, lines = await self.command("orphans")
        self.assertEqual(0, status)
        self.assertEqual(["KEY  WAITING            DEAD", "old  1 message, 0.5 kB  2"], lines)

    async def test_move(self) -> None:
        """Its messages can be another's to deliver."""
        self.assertEqual(
            (0, ["1 message: fleet will deliver them"]),
            await self.command("move", "old", "fleet"),
        )
        status, lines = await self.command("move", "nothing", "fleet")
        self.assertEqual((1, ["nothing is queued under nothing"]), (status, lines))
        self.assertEqual(("move", "old", "fleet"), self.office.done[0])

    async def test_drop(self) -> None:
        """They can be forgotten, by whoever says twice that he means it."""
        status, lines = await self.command("drop", "old")
        self.assertEqual(1, status)
        self.assertTrue(lines[0].startswith("nothing was done: with --yes "), lines)
        self.assertEqual([], self.office.done)
        self.assertEqual(
            (0, ["3 messages: forgotten"]), await self.command("drop", "old", "--yes")
        )
        status, lines = await self.command("drop", "broken", "--yes")
        self.assertEqual((1, ["the disk is full"]), (status, lines))


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
        for command, said, words in (
            ("gateways", {"name": 1}, "name: must be a text"),
            ("dead-letters", {"name": "bay-1", "limit": True}, "limit: must be a whole number"),
            ("dead-letters", {"name": "bay-1", "offset": -1}, "offset: must be"),
            ("resend", {"name": "bay-1"}, "either keys or all"),
            ("resend", {"name": "bay-1", "keys": ["a"], "all": True}, "either keys or all"),
            ("resend", {"name": "bay-1", "keys": "a"}, "keys: must be a list"),
            ("resend", {"name": "bay-1", "keys": ["a"] * (MAX_KEYS + 1)}, "at most 200"),
            ("move-queue", {"key": "old"}, "name: must be a text"),
            ("drop-queue", {}, "key: must be a text"),
        ):
            self.assertIn(words, await self.refusal(command, **said))
        self.assertEqual([], self.office.done)

    async def test_excerpt(self) -> None:
        """Of a long message the beginning is shown."""
        text = b'{"data": "' + b"x" * 100_000 + b'"}'
        message = QueuedMessage("k", "k1", "A", 1, None, text, THEN, False, "m")
        self.office.letters = (DeadLetter(message, "", NOW),)
        answer = await deferToThread(ask, self.config, "dead-letters", name="bay-1", limit=1)
        self.assertEqual(MAX_EXCERPT_CHARS, len(answer["dead_letters"][0]["payload"]))


class WordTests(SynchronousTestCase):
    """The command line."""

    def test_wrong(self) -> None:
        """A command that says too little says what is missing."""
        for arguments, words in (
            ((), "COMMAND"),
            (("show",), "NAME"),
            (("resend", "bay-1"), "Either KEY"),
            (("resend", "bay-1", "k", "--all"), "Either KEY"),
            (("move", "old"), "TO"),
        ):
            error = io.StringIO()
            with contextlib.redirect_stderr(error), self.assertRaises(SystemExit) as caught:
                main(["gateway", *arguments])
            self.assertEqual(2, caught.exception.code)
            self.assertIn(words, error.getvalue())

    def test_help(self) -> None:
        """Each of them explains itself."""
        for verb in (
            "list",
            "show",
            "trust",
            "dead-letters",
            "resend",
            "orphans",
            "move",
            "drop",
        ):
            said = io.StringIO()
            with contextlib.redirect_stdout(said), self.assertRaises(SystemExit) as caught:
                main(["gateway", verb, "--help"])
            self.assertEqual(0, caught.exception.code)
            self.assertIn("--config", said.getvalue())

    def test_not_running(self) -> None:
        """Without a manager it is said how to start one."""
        path = Path(self.mktemp())
        path.write_text("[ocpp server]\ntls = off\n", encoding="utf-8")
        options = parser().parse_args(["gateway", "list", "--config", str(path)])
        lines: list[str] = []
        self.assertEqual(1, options.run(options, lines.append))
        self.assertIn("no manager runs with", lines[0])
