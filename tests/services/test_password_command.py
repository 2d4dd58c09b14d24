"""C{cfos-cm set-password} and C{cfos-cm token}, as processes, and beside a site that runs."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.console import parser
from cfos_cm.services.config import read_config
from cfos_cm.services.control_socket import ControlSocket
from cfos_cm.services.web.entrance import Entrance
from cfos_cm.services.web.entrance_orders import entrance_orders
from cfos_cm.storage.audit import AuditStore
from cfos_cm.storage.database import Database
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from tests.services.consoles import MAIN, ROOT, Ended
from tests.services.sites import BAYS

CONFIG = (
    "[ocpp server]\ntls = off\n[manager]\ndatabase = sqlite:///site.sqlite\n"
    "state_directory = state\n" + BAYS
)
PASSWORD = "correct horse"
NOBODY = Caller("", Role.ANYBODY, "192.0.2.1")
TOKEN = re.compile(r"cfos_cm_[A-Za-z0-9_-]{43}")


class CommandCase(TestCase):
    """
    A test with a site's file, and no database yet.

    @ivar folder: where commands run.
    """

    def setUp(self) -> None:
        """Write the file."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        (self.folder / "tap.cfg").write_text(CONFIG, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """That of a process."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "Europe/Berlin"}

    def run_command(self, *arguments: str, said: str = "") -> Ended:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            cwd=self.folder,
            env=self.environment(),
            input=said,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout.splitlines(), done.stderr)

    def said(self, *arguments: str, said: str = "", status: int = 0) -> list[str]:
        """The lines of a command."""
        ended = self.run_command(*arguments, said=said)
        self.assertEqual((status, ""), (ended.status, ended.error), ended)
        return ended.lines

    def set_password(self, *arguments: str, said: str = PASSWORD, status: int = 0) -> list[str]:
        """The lines of C{set-password} that is told a password on its standard input."""
        return self.said("set-password", *arguments, said=f"{said}\n", status=status)

    def kept(self) -> bytes:
        """All that is on disk."""
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


class SetPassword(CommandCase):
    """Passwords, while nothing runs."""

    def test_accounts(self) -> None:
        """The first one is an admin; others are made with a role; and all are changed."""
        self.assertEqual(["admin: admin, a new account"], self.set_password())
        (line,) = self.set_password("ana", status=1)
        self.assertIn("say its --role", line)
        lines = self.set_password("ana", "--role", "viewer")
        self.assertEqual(["ana: viewer, a new account"], lines)
        lines = self.set_password("ana", "--role", "operator")
        self.assertEqual(["ana: operator, has another password"], lines)
        self.assertNotIn(PASSWORD.encode(), self.kept())

    def test_no_admin(self) -> None:
        """The first account has to be an admin."""
        (line,) = self.set_password("ana", "--role", "viewer", status=1)
        self.assertIn("no admin would be left", line)

    def typed(self, *texts: str) -> tuple[int, str]:
        """What a terminal shows on which somebody types, and the exit status."""
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, "-c", MAIN, "set-password"],
            cwd=self.folder,
            env=self.environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        try:
            for text in texts:
                # The question comes when nothing is shown of what is typed any more.
                while not shown.endswith(b": "):
                    shown += os.read(ours, 1000)
                os.write(ours, text.encode() + b"\n")
                shown += b"\n"
            while True:
                shown += os.read(ours, 1000)
        except OSError:
            pass  # The other end is closed: it has ended.
        finally:
            os.close(ours)
        return child.wait(60), shown.decode()

    async def test_terminal(self) -> None:
        """On a terminal it is asked for twice, and nothing of it is shown."""
        status, shown = await deferToThread(self.typed, PASSWORD, PASSWORD)
        self.assertEqual(0, status, shown)
        self.assertIn("admin: admin, a new account", shown)
        self.assertNotIn(PASSWORD, shown)
        status, shown = await deferToThread(self.typed, PASSWORD, "another horse")
        self.assertEqual(1, status, shown)
        self.assertIn("two passwords: nothing was changed", shown)


class Tokens(CommandCase):
    """Tokens, while nothing runs."""

    def test_made(self) -> None:
        """A token is all that is printed; it is in no file, and only this once."""
        (token,) = self.said("token", "Grafana", "--role", "viewer", "--days", "30")
        self.assertTrue(TOKEN.fullmatch(token), token)
        self.assertNotIn(token.encode(), self.kept())
        head, line = self.said("token", "--list")
        self.assertEqual(["NAME", "ROLE", "MADE", "COUNTS", "USED"], head.split())
        self.assertTrue(line.startswith("grafana  viewer  "), line)
        self.assertIn("  until ", line)
        self.assertTrue(line.endswith("  never"), line)
        self.assertNotIn(token, line)

    def test_revoked(self) -> None:
        """One that is revoked is gone; to revoke none is no success."""
        self.said("token", "cron", "--role", "operator")
        self.assertIn("  until it is revoked  ", self.said("token", "--list")[1])
        self.assertEqual(["cron: counts no more"], self.said("token", "--revoke", "cron"))
        lines = self.said("token", "--revoke", "cron", status=1)
        self.assertEqual(["cron: there is no such token"], lines)
        self.assertEqual(["there is no token"], self.said("token", "--list"))

    def test_taken(self) -> None:
        """A name is one token's."""
        self.said("token", "cron", "--role", "operator")
        (line,) = self.said("token", "CRON", "--role", "viewer", status=1)
        self.assertIn("there is a token 'cron' already", line)


class Arguments(SynchronousTestCase):
    """What is refused before anything is opened, in this process."""

    def ended(self, *arguments: str, said: str = "") -> tuple[int | str | None, str]:
        """The exit status of a command, and all that it has written."""
        output = io.StringIO()
        self.patch(sys, "stdin", io.StringIO(said))
        written: list[str] = []
        with contextlib.redirect_stderr(output):
            try:
                options = parser().parse_args(arguments)
                return options.run(options, written.append), "\n".join(written)
            except SystemExit as caught:
                return caught.code, output.getvalue()

    def test_passwords(self) -> None:
        """What cannot be a password is refused, and not repeated."""
        for said, words in (
            ("hunter2\n", "8 to 128 characters, and this one has 7"),
            ("\n", "8 to 128 characters"),
            ("hunter2" * 20, "8 to 128 characters"),
            ("", "there was no password to be read: nothing was changed"),
        ):
            status, written = self.ended("set-password", said=said)
            self.assertEqual(1, status)
            self.assertIn(words, written)
            self.assertNotIn("hunter2", written)

    def test_tokens(self) -> None:
        """A role has to be said, and for a new token only."""
        commands: Sequence[tuple[tuple[str, ...], str]] = (
            (("other",), "--role viewer"),
            (("--list", "--role", "viewer"), "for a new token"),
            (("--revoke", "cron", "--days", "3"), "for a new token"),
        )
        for arguments, words in commands:
            status, written = self.ended("token", *arguments)
            self.assertEqual(1, status)
            self.assertIn(words, written)

    def test_wrong(self) -> None:
        """What is no command line is answered with what would be one."""
        commands: Sequence[tuple[str, ...]] = (
            ("token",),
            ("token", "a", "--list"),
            ("token", "a", "--role", "king"),
            ("token", "a/b"),
            ("set-password", "a b"),
            ("set-password", "a", "--role", "king"),
            *(
                ("token", "a", "--role", "viewer", f"--days={days}")
                for days in ("0", "3651", "-1", "x", "1.5", "\u00b2")
            ),
        )
        for arguments in commands:
            status, written = self.ended(*arguments)
            self.assertEqual(2, status, arguments)
            self.assertIn("usage: cfos-cm", written)


class BesideASite(CommandCase):
    """Both commands, while a site runs."""

    async def setUp(self) -> None:  # type: ignore[override]
        """Start what of a site they have to do with."""
        super().setUp()
        config = read_config(str(self.folder / "tap.cfg"))
        threads: Any = reactor
        database = Database(config.database_url, threads, lambda: datetime.now(UTC))
        await database.start()
        self.addCleanup(database.stop)
        self.database = database
        self.entrance = Entrance(
            reactor, lambda: datetime.now(UTC), database, config.state_directory
        )
        await self.entrance.start()
        self.addCleanup(self.entrance.stop)
        control = ControlSocket(
            reactor, config.state_directory, entrance_orders(self.entrance.look)
        )
        await control.open()
        self.addCleanup(control.close)

    async def console(self, *arguments: str, said: str = "") -> list[str]:
        """The lines of a command, while the site goes on."""
        lines: Any = await deferToThread(self.said, *arguments, said=said)
        return list(lines)

    async def test_password(self) -> None:
        """It counts as soon as the command has ended; who is logged in is not any more."""
        await self.console("set-password", said=f"{PASSWORD}\n")
        self.assertTrue(self.entrance.is_set_up)
        self.assertFalse((self.folder / "state" / "setup-code").exists())
        logged_in = await self.entrance.log_in("admin", PASSWORD, NOBODY)
        ended: list[str] = []
        self.entrance.when_over(logged_in.caller, lambda: ended.append("stream"))
        await self.console("set-password", said="another horse\n")
        self.assertEqual(["stream"], ended)
        caller = await self.entrance.caller(logged_in.secret, None, "192.0.2.1")
        self.assertIs(Role.ANYBODY, caller.role)
        await self.entrance.log_in("admin", "another horse", NOBODY)

    async def test_token(self) -> None:
        """A token counts as soon as it is printed, and no more as soon as it is revoked."""
        (token,) = await self.console("token", "cron", "--role", "operator")
        caller = await self.entrance.caller(None, token, "192.0.2.1")
        self.assertEqual(("cron", Role.OPERATOR), (caller.name, caller.role))
        await self.console("token", "--revoke", "cron")
        with self.assertRaises(Problem) as raised:
            await self.entrance.caller(None, token, "192.0.2.1")
        self.assertEqual(401, raised.exception.status)

    async def test_audited(self) -> None:
        """What is done on a console is in the audit log, without any secret."""
        await self.console("set-password", said=f"{PASSWORD}\n")
        (token,) = await self.console("token", "cron", "--role", "operator")
        found = await AuditStore(self.database).entries(10)
        self.assertEqual(
            [
                ("console", "console", "cfos-cm token cron"),
                ("console", "console", "cfos-cm set-password admin"),
            ],
            [(one.who, one.origin, one.path) for one in found],
        )
        for secret in (token, PASSWORD):
            self.assertNotIn(secret, str(found))
