"""The command C{twistd cfos-backend}: which backends it makes of a file."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import backend_tap
from cfos_cm.backend_tap import Options, makeService
from cfos_cm.simulator.backend.process import LeaveTogether
from cfos_cm.simulator.backend.service import BackendService

OTHER = "[simulator other]\ntype = charge_point\naddress = CP-1\n"
BACKEND = "[simulator b-{0}]\ntype = backend\nbackend_port = 92{0}1\n"
TWO = OTHER + BACKEND.format(1) + BACKEND.format(2)


class CommandTests(SynchronousTestCase):
    """The command line, and what is made; nothing of it is started."""

    def setUp(self) -> None:
        """Make a folder, and go there."""
        self.addCleanup(os.chdir, os.getcwd())
        folder = Path(self.mktemp())
        folder.mkdir()
        os.chdir(folder)

    def parsed(self, text: str, *arguments: str) -> Options:
        """The options with a file."""
        Path("tap.cfg").write_text(text, encoding="utf-8")
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def refused(self, text: str, *arguments: str) -> str:
        """What is said to a command that cannot be."""
        with self.assertRaises(usage.UsageError) as caught:
            self.parsed(text, *arguments)
        return str(caught.exception)

    def test_is_there(self) -> None:
        """C{twistd} knows it."""
        makers = {maker.tapname: maker for maker in getPlugins(IServiceMaker)}
        self.assertIs(backend_tap.makeService, makers["cfos-backend"].makeService)

    def test_all(self) -> None:
        """Each backend is a service, and what else there is, is not."""
        service = makeService(self.parsed(TWO))
        self.assertEqual([BackendService] * 2, [type(one) for one in service])

    def test_one(self) -> None:
        """One of them can be chosen."""
        options = self.parsed(TWO, "--only", "b-2")
        self.assertEqual(["b-2"], [one.name for one in options["backends"]])

    def test_together(self) -> None:
        """It can be told to leave with who has started it."""
        service = makeService(self.parsed(TWO, "--only", "b-1", "--leave-together"))
        self.assertEqual([LeaveTogether, BackendService], [type(one) for one in service])

    def test_none(self) -> None:
        """Without one it is said what is missing."""
        self.assertEqual(
            "tap.cfg: has no section [simulator NAME] with 'type = backend'",
            self.refused(OTHER),
        )
        self.assertEqual(
            "tap.cfg: has no section [simulator other] with 'type = backend'",
            self.refused(TWO, "--only", "other"),
        )

    def test_mistakes(self) -> None:
        """A mistake is said with its line, whatever it is about."""
        for line in ("interface = here", "price = -1", "price = free", "tags = " + 30 * "x"):
            found = self.refused(f"{BACKEND.format(1)}{line}\n")
            self.assertIn("tap.cfg:4: [simulator b-1] ", found)
