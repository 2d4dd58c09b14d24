"""
C{twistd cfos-wallbox}: a Power Brain as a process, with peers that are not of our making.

Modbus comes from pymodbus's own client and from C{mbpoll}, OCPP from mobilityhouse C{ocpp}.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product

from pymodbus.client import AsyncModbusTcpClient
from twisted.trial.unittest import SkipTest

from . import cases
from .backend import Backend, listening
from .ports import ports_in_a_row
from .program import WAIT_S, Program, free_port

COMMAND = ("cfos-wallbox", "--config", "tap.cfg")
READY = r"listens for Modbus"

BOX = """\
[simulator pb]
type = power_brain
modbus_port = {modbus}
arrives_after = 0
car_needs = 1000
meter_interval = 1
"""
BACKED = """\
url = ws://127.0.0.1:{ocpp}/path
address = PB-1
reader = no
fixed_tag = FIXED-1
"""

LIMIT, ENABLE, STATE, SIGNALLED = 8093, 8094, 8092, 8095
#: Vehicle there, and charging.
B, C = 1, 2


class BoxCase(cases.EndToEndCase):
    """A test with one box."""

    def box(self, more: str = "", ocpp: int = 0) -> tuple[Program, int]:
        """The box that runs, and its first Modbus port."""
        modbus = ports_in_a_row(3)
        box = self.program(COMMAND)
        box.configure((BOX + more).format(modbus=modbus, ocpp=ocpp))
        box.start(READY)
        return box, modbus


class Modbus:
    """The EVSE of a box, as pymodbus's client sees it."""

    def __init__(self, client: AsyncModbusTcpClient) -> None:
        self.client = client

    async def get(self, address: int) -> int:
        """What a register holds."""
        answer = await self.client.read_holding_registers(address, count=1, device_id=1)
        assert not answer.isError(), answer
        held: int = answer.registers[0]
        return held

    async def put(self, address: int, *values: int) -> None:
        """Write some registers."""
        answer = await self.client.write_registers(address, [*values], device_id=1)
        assert not answer.isError(), answer


@asynccontextmanager
async def steering(port: int) -> AsyncIterator[Modbus]:
    """Somebody who steers a box."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=WAIT_S, retries=0)
    assert await client.connect()
    try:
        yield Modbus(client)
    finally:
        client.close()


class Parallel(BoxCase):
    """OCPP and Modbus at the same time."""

    def test_truth_table(self) -> None:
        """
        The current is the smaller one of both, and it charges only where both allow it;
        either side pauses and resumes, and it stays one transaction.
        """
        ocpp = free_port()
        _, modbus = self.box(BACKED, ocpp)
        self.run_peers(self.play_truth_table(modbus, ocpp))

    async def play_truth_table(self, modbus: int, ocpp: int) -> None:
        """Both sides, in all that they can say."""
        async with listening(ocpp) as backend, steering(modbus) as box:
            await backend.until_it_is("Charging")
            self.assertEqual(["FIXED-1"], backend.starts)
            sides = product((True, False), (0, 1), (60, 100, 160), (0.0, 5.9, 8.0, 16.0))
            for modbus_first, enable, tenths, amps in sides:
                if modbus_first:
                    await box.put(LIMIT, tenths, enable)
                await backend.limit(amps)
                if not modbus_first:
                    await box.put(LIMIT, tenths, enable)
                await self.check(backend, box, enable, tenths, amps)
            self.assertEqual([], backend.stops)
            self.assertEqual(["FIXED-1"], backend.starts)

    async def check(
        self, backend: Backend, box: Modbus, enable: int, tenths: int, amps: float
    ) -> None:
        """Compare what both are told with the rule."""
        case = (enable, tenths, amps)
        both = min(tenths * enable, int(amps * 10))
        expected = both if both >= 60 else 0
        self.assertEqual(expected, await box.get(SIGNALLED), case)
        self.assertEqual(C if expected else B, await box.get(STATE), case)
        await backend.until_it_is("Charging" if expected else "SuspendedEVSE", case)

    def test_refused_tag(self) -> None:
        """Modbus allows it and the backend does not: nothing flows, and nothing begins."""
        ocpp = free_port()
        box, modbus = self.box(BACKED.replace("FIXED-1", "BAD"), ocpp)
        self.run_peers(self.play_refusal(box, modbus, ocpp))

    async def play_refusal(self, program: Program, modbus: int, ocpp: int) -> None:
        """The tag is not known."""
        async with listening(ocpp, BAD="Invalid") as backend, steering(modbus) as box:
            await program.says("pb's fixed tag is refused")
            await box.put(ENABLE, 1)
            self.assertEqual((0, B), (await box.get(SIGNALLED), await box.get(STATE)))
            self.assertEqual([], backend.starts)

    def test_failsafe(self) -> None:
        """Who has steered it is silent: it falls back, as its backend sees."""
        ocpp = free_port()
        _, modbus = self.box(BACKED, ocpp)
        self.run_peers(self.play_failsafe(modbus, ocpp))

    async def play_failsafe(self, modbus: int, ocpp: int) -> None:
        """Steered to 12 A, and then not any more."""
        async with listening(ocpp) as backend:
            async with steering(modbus) as box:
                await backend.until_it_is("Charging")
                await box.put(8083, 0, 2, 80)
                await box.put(LIMIT, 120)
                await backend.until(
                    lambda: (
                        backend.readings[-1:] != []
                        and backend.readings[-1]["Current.ImportL1"] == 12
                    )
                )
            await backend.until(lambda: backend.readings[-1]["Current.ImportL1"] == 8)
            async with steering(modbus) as box:
                self.assertEqual(120, await box.get(SIGNALLED))
            self.assertEqual([], backend.stops)


class Alone(BoxCase):
    """Without OCPP."""

    def test_modbus_only(self) -> None:
        """A car charges as soon as it is there, and no backend is asked for."""
        box, modbus = self.box()
        box.wait_for("pb's car takes 16 A on 3 phases")
        self.run_peers(self.play_modbus(modbus))
        self.assertNotIn("has no connection", box.tail())

    async def play_modbus(self, modbus: int) -> None:
        """Limit and pause it."""
        async with steering(modbus) as box:
            for values, signalled, state in (((100, 1), 100, C), ((100, 0), 0, B)):
                await box.put(LIMIT, *values)
                seen = await box.get(SIGNALLED), await box.get(STATE)
                self.assertEqual((signalled, state), seen)

    def test_strangers(self) -> None:
        """Who speaks no Modbus is hung up on, which is said, and nobody else minds."""
        box, modbus = self.box()
        with socket.create_connection(("127.0.0.1", modbus), WAIT_S) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\nHost: box\r\n\r\n")
            self.assertEqual(b"", stranger.recv(100))
        box.wait_for("pb hangs up: protocol id 21536; that of Modbus is 0")
        self.run_peers(self.play_modbus(modbus))

    def test_no_box(self) -> None:
        """A file without one is a mistake that is said in a line."""
        box = self.program(COMMAND)
        box.start("tap.cfg: has no section .simulator NAME. with 'type = power_brain'")
        self.assertEqual(1, box.ended())

    def test_help(self) -> None:
        """The command says what it is."""
        box = self.program(("cfos-wallbox", "--help"))
        box.start("Virtual cFos Power Brains")
        self.assertEqual(0, box.ended())


class Mbpoll(BoxCase):
    """C{mbpoll}, a Modbus client on another library."""

    def mbpoll(self, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        Run it once.

        @raise SkipTest: if this machine has none.
        """
        program = shutil.which("mbpoll")
        if program is None:
            raise SkipTest("mbpoll is not installed")
        return subprocess.run(
            [program, "-m", "tcp", "-p", str(port), "-0", "-1", *arguments],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def read(self, port: int, *arguments: str) -> list[int]:
        """The numbers that it has read."""
        done = self.mbpoll(port, *arguments, "127.0.0.1")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return [int(found) for found in re.findall(r"^\[\d+\]:\s+(-?\d+)", done.stdout, re.M)]

    def test_reads_and_writes(self) -> None:
        """It reads what it has written, of all three devices."""
        _, modbus = self.box()
        written = self.mbpoll(modbus, "-a", "1", "-r", "8093", "127.0.0.1", "--", "100", "0")
        self.assertEqual(0, written.returncode, written.stdout + written.stderr)
        self.assertEqual([100, 0], self.read(modbus, "-a", "1", "-r", "8093", "-c", "2"))
        one = self.mbpoll(modbus, "-a", "1", "-r", "8094", "127.0.0.1", "1")
        self.assertEqual(0, one.returncode, one.stdout + one.stderr)
        self.assertEqual(
            [C, 100, 1, 100], self.read(modbus, "-a", "1", "-r", "8092", "-c", "4")
        )
        seconds = self.read(modbus, "-a", "1", "-r", "8083", "-t", "4:int", "-B")
        self.assertEqual([300], seconds)
        for number in (1, 2):
            per_kwh = self.read(
                modbus + number, "-a", str(1 + number), "-r", "8042", "-t", "4:int", "-B"
            )
            self.assertEqual([1000], per_kwh)

    def test_refused(self) -> None:
        """It is told why not."""
        _, modbus = self.box()
        for arguments, words in (
            (("-a", "1", "-r", "8089", "127.0.0.1"), "Illegal data address"),
            (("-a", "1", "-r", "8092", "127.0.0.1", "1"), "Illegal data address"),
            (("-a", "1", "-r", "8093", "127.0.0.1", "59"), "Illegal data value"),
            (("-a", "1", "-t", "3", "-r", "8093", "127.0.0.1"), "Illegal function"),
            (("-a", "2", "-r", "8093", "127.0.0.1"), "Target device failed to respond"),
        ):
            refused = self.mbpoll(modbus, *arguments)
            self.assertIn(words, refused.stdout + refused.stderr)
