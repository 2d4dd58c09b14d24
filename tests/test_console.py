"""The command C{cfos-cm}, in this process and as one of its own."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.console import main, parser
from tests.services.consoles import MAIN, ROOT, ConsoleCase
from tests.services.sites import BAYS

GOOD = "[ocpp server]\ntls = off\n" + BAYS


class Check(ConsoleCase):
    """C{cfos-cm check}."""

    def test_good(self) -> None:
        """A file without mistakes is praised, and nothing is started or written."""
        self.write(GOOD)
        ended = self.run_command("check", "tap.cfg")
        self.assertEqual((0, ""), (ended.status, ended.error))
        self.assertEqual(["tap.cfg: 2 EVSEs on 1 circuit, no mistakes"], ended.lines)
        self.assertEqual(["tap.cfg"], [path.name for path in self.folder.iterdir()])

    def test_default(self) -> None:
        """Without a name it is C{tap.cfg} of the current folder."""
        self.write(GOOD)
        ended = self.run_command("check")
        self.assertEqual((0, True), (ended.status, ended.lines[0].startswith("tap.cfg: ")))

    def test_bad(self) -> None:
        """Each mistake is a line of the output, and the status says that there are some."""
        self.write("[ocpp server]\ntls = off\nport = none\nfoo = 1\n", "bad.cfg")
        ended = self.run_command("check", "bad.cfg")
        self.assertEqual((1, 2, ""), (ended.status, len(ended.lines), ended.error))
        self.assertTrue(
            ended.lines[0].startswith("bad.cfg:3: [ocpp server] port: found 'none';")
        )
        self.assertTrue(ended.lines[1].startswith("bad.cfg:4: [ocpp server] foo: "))

    def test_missing(self) -> None:
        """So it is with a file that is not there."""
        ended = self.run_command("check", "nowhere.cfg")
        expected = ["nowhere.cfg: cannot be read: No such file or directory"]
        self.assertEqual((1, expected, ""), (ended.status, ended.lines, ended.error))

    def test_warnings(self) -> None:
        """What is not acted on follows, and is no mistake."""
        self.write(f"{GOOD}certificate_name = Box\n")
        ended = self.run_command("check")
        self.assertEqual((0, 2), (ended.status, len(ended.lines)))
        self.assertIn("certificate_name: found 'Box'; is not used", ended.lines[1])


class Output(ConsoleCase):
    """Who reads what a command says."""

    def run_shell(self, command: str) -> tuple[str, str]:
        """The output of a pipe that begins with the command, and the errors of all of it."""
        program = shlex.join([sys.executable, "-c", MAIN])
        ended = subprocess.run(
            ["/bin/sh", "-c", command.format(program)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        return ended.stdout, ended.stderr

    def test_only_the_beginning(self) -> None:
        """Who stops to read is not told of it as of an error."""
        output, errors = self.run_shell("{} fake-charger --list | head -n 1")
        self.assertEqual((1, ""), (output.count("\n"), errors))

    def test_other_letters(self) -> None:
        """A console that has not all letters shows the others by their numbers."""
        output, errors = self.run_shell("PYTHONIOENCODING=ascii {} check tür.cfg")
        self.assertEqual("t\\xfcr.cfg: cannot be read: No such file or directory\n", output)
        self.assertEqual("", errors)


class WrongCommandLine(SynchronousTestCase):
    """What is no command."""

    def test_usage(self) -> None:
        """The status is 2, and the usage is said."""
        for arguments in (
            [],
            ["frobnicate"],
            ["check", "a", "b"],
            ["check", "--frobnicate"],
            ["tag"],
            ["tag", "frobnicate"],
            ["tag", "set"],
            ["tag", "remove"],
            ["tag", "list", "surplus"],
            ["limit", "garage"],
            ["limits", "surplus"],
        ):
            with self.subTest(arguments=arguments):
                error = io.StringIO()
                with contextlib.redirect_stderr(error), self.assertRaises(SystemExit) as caught:
                    main(arguments)
                self.assertEqual(2, caught.exception.code)
                self.assertIn("usage: cfos-cm", error.getvalue())


class Help(SynchronousTestCase):
    """What every command says of itself."""

    def commands(
        self, one: argparse.ArgumentParser, words: tuple[str, ...] = ()
    ) -> list[tuple[str, ...]]:
        """A command, and all that are below it."""
        found = [words]
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, below in action.choices.items():
                    found += self.commands(below, (*words, name))
        return found

    def test_all(self) -> None:
        """Each of them has a help, with all of its options."""
        commands = self.commands(parser())
        self.assertEqual(
            [
                (),
                ("check",),
                ("tag",),
                ("tag", "list"),
                ("tag", "set"),
                ("tag", "remove"),
                ("limit",),
                ("limits",),
                ("charge-point",),
                ("charge-point", "list"),
                ("charge-point", "show"),
                ("charge-point", "events"),
                ("charge-point", "allow"),
                ("charge-point", "upgrade"),
                ("charge-point", "renew-certificate"),
                ("charge-point", "change-password"),
                ("gateway",),
                ("gateway", "list"),
                ("gateway", "show"),
                ("gateway", "trust"),
                ("gateway", "dead-letters"),
                ("gateway", "resend"),
                ("gateway", "orphans"),
                ("gateway", "move"),
                ("gateway", "drop"),
                ("export",),
                ("export", "transactions"),
                ("export", "statement"),
                ("export", "tags"),
                ("export", "gateway-queues"),
                ("certs",),
                ("certs", "init-ca"),
                ("certs", "issue-server"),
                ("certs", "issue-client"),
                ("certs", "sign"),
                ("certs", "show"),
                ("certs", "check"),
                ("set-password",),
                ("token",),
                ("trace",),
                ("fake-charger",),
            ],
            commands,
        )
        for words in commands:
            with self.subTest(words=words):
                output = io.StringIO()
                with (
                    contextlib.redirect_stdout(output),
                    self.assertRaises(SystemExit) as caught,
                ):
                    main([*words, "--help"])
                self.assertEqual(0, caught.exception.code)
                self.assertIn(f"usage: {' '.join(('cfos-cm', *words))}", output.getvalue())

    def test_says_how_to_start(self) -> None:
        """The first help says what starts the program itself."""
        self.assertIn("twistd cfos-cm", " ".join(parser().format_help().split()))
