"""What every test with the whole program shares."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from .program import Program, free_port

__all__ = [
    "OTHER_TAG",
    "PASSWORD",
    "TAG",
    "TEST_TIMEOUT_S",
    "EndToEndCase",
    "PeersCase",
    "SharedProgramCase",
    "check_log",
    "discard",
    "free_port",
    "make_program",
    "tap_cfg",
]

#: What must not be found in any log.
TAG = "04A1B2C3D4E5F6"
OTHER_TAG = "TAG-of-somebody-8"
PASSWORD = "pass-word-19520"
SECRETS = (
    TAG,
    TAG.lower(),
    OTHER_TAG,
    PASSWORD,
    # As HTTP Basic authentication writes it.
    b64encode(f"CP-0001:{PASSWORD}".encode()).decode(),
)

#: The longest of these tests takes less than half of it. [s]
TEST_TIMEOUT_S = 90


def tap_cfg(
    port: int,
    places: Sequence[str] = ("CP-0001",),
    fuse_a: int = 20,
    server: str = "",
    evse: str = "",
) -> str:
    """
    A configuration.

    @param places: the ChargeBox IDs of C{bay-1}, C{bay-2} and so on.
    @param fuse_a: what they all share. [A]
    @param server: more lines for C{[ocpp server]}.
    @param evse: more lines for each EVSE.
    """
    sections = [
        "[manager]\ntitle = Test site",
        f"[ocpp server]\nport = {port}\ninterface = 127.0.0.1\ntls = off\n{server}",
        f"[circuit garage]\nmax_current = {fuse_a}",
        *(
            f"[evse bay-{number}]\ntype = ocpp16\naddress = {place}\n{evse}"
            for number, place in enumerate(places, 1)
        ),
    ]
    return "\n\n".join(sections) + "\n"


def check_log(program: Program) -> None:
    """
    Look for what must never be in a log.

    @raise AssertionError: if it is there: an exception that nobody has caught, or a secret.
    """
    for line in program.lines:
        for trouble in ("Traceback", "Unhandled", "cfos_cm.errors.", *SECRETS):
            if trouble in line:
                raise AssertionError(f"{trouble!r} is in the log:\n{program.tail()}")


def make_program(command: Sequence[str] = (), **options: Any) -> Program:
    """
    The program in a temporary folder of its own; it is not started.

    @param command: see L{Program}.
    @param options: those of L{tap_cfg}.
    """
    folder = Path(tempfile.mkdtemp(prefix="cfos-cm-"))
    program = Program(folder, free_port(), command)
    program.configure(tap_cfg(program.port, **options))
    return program


def discard(program: Program) -> None:
    """
    End the program, remove its folder and check its log.

    @raise AssertionError: see L{check_log}.
    """
    program.clean_up()
    shutil.rmtree(program.folder, ignore_errors=True)
    check_log(program)


class PeersCase(SynchronousTestCase):
    """
    A test whose peers run in asyncio, each test in a loop of its own.

    It needs no reactor here: the program is another process.
    """

    def run_peers(
        self, peers: Coroutine[Any, Any, None], within_s: float = TEST_TIMEOUT_S
    ) -> None:
        """Run the other side of the conversation to its end."""

        async def bounded() -> None:
            async with asyncio.timeout(within_s):
                await peers

        asyncio.run(bounded())


class EndToEndCase(PeersCase):
    """A test with a program of its own."""

    def program(self, command: Sequence[str] = (), **options: Any) -> Program:
        """L{make_program}, for this test; its log is checked at the end."""
        program = make_program(command, **options)
        self.addCleanup(discard, program)
        return program

    def started(self, **options: Any) -> Program:
        """L{program}, started."""
        program = self.program(**options)
        program.start()
        return program


class SharedProgramCase(PeersCase):
    """
    Tests that one program is enough for, because each leaves it as it was.

    @ivar manager: that program.
    @cvar options: those of L{tap_cfg}.
    """

    manager: ClassVar[Program]
    options: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def setUpClass(cls) -> None:
        """Start the program."""
        super().setUpClass()
        cls.manager = make_program(**cls.options)
        cls.addClassCleanup(discard, cls.manager)
        cls.manager.start()
