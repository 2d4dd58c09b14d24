"""A site with a Power Brain: two programs that speak Modbus, and others who look at both."""

from __future__ import annotations

import asyncio
import signal
import subprocess

from . import cases
from .backend import listening
from .ports import ports_in_a_row
from .program import WAIT_S, Program, free_port
from .test_power_brain import COMMAND, READY

#: The box, on its own: the manager steers it as it would a real one.
BOX = """\
[simulator box-1]
type = power_brain
modbus_port = {modbus}
arrives_after = {arrives_after}
car_needs = 1000
"""

SITE = """\
[manager]
title = Test site
load_management = {mode}

[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off

[circuit garage]
max_current = {fuse}

[evse bay-1]
type = cfos_power_brain
address = tcp:127.0.0.1:{modbus}
failsafe_current = 6
failsafe_after = 10
{more}
"""

LIMIT, ENABLE, FAILSAFE_S, FAILSAFE_CURRENT = 8093, 8094, 8083, 8085


class SiteCase(cases.EndToEndCase):
    """A manager and a box."""

    def box(self, more: str = "", arrives_after: int = 0) -> Program:
        """A box that runs, with a car."""
        self.modbus = ports_in_a_row(3)
        box = self.program(COMMAND)
        box.configure(BOX.format(modbus=self.modbus, arrives_after=arrives_after) + more)
        box.start(READY)
        return box

    def manager(self, fuse: int = 32, mode: str = "on", more: str = "") -> Program:
        """A manager that steers it."""
        manager = self.program()
        manager.configure(
            SITE.format(port=manager.port, modbus=self.modbus, fuse=fuse, mode=mode, more=more)
        )
        manager.start()
        return manager

    def register(self, address: int, count: int = 1) -> list[int]:
        """What registers hold, as C{mbpoll} reads them."""
        done = subprocess.run(
            [
                *("mbpoll", "-m", "tcp", "-p", str(self.modbus), "-a", "1", "-0", "-1", "-q"),
                *("-t", "4", "-r", str(address), "-c", str(count), "127.0.0.1"),
            ],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=True,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
        return [int(line.split("]:")[1].split()[0]) for line in lines]


class Steered(SiteCase):
    """Charging with Modbus alone."""

    def test_charge(self) -> None:
        """A car comes, gets what the fuse leaves, is metered, and its transaction is kept."""
        # Not before the box has been read for the first time, on the slowest of machines.
        box = self.box(arrives_after=6)
        manager = self.manager(fuse=10)
        manager.wait_for("bay-1: is free")
        manager.wait_for("bay-1: transaction .* has begun, nobody was asked")
        manager.wait_for("bay-1: may have 10 A: phase L1 of garage")
        manager.wait_for("bay-1: has confirmed 10 A")
        box.wait_for("box-1's car takes 10 A on 3 phases")
        manager.wait_for("bay-1: the car charges")
        self.assertEqual([100, 1], self.register(LIMIT, 2))
        self.assertEqual([0, 10, 60], self.register(FAILSAFE_S, 3))
        row = manager.rows("select charge_point, evse, id_tag, state from transactions")
        self.assertEqual([("evse/bay-1", "bay-1", "anonymous", "open")], row)

    def test_killed(self) -> None:
        """
        After a kill -9 of the manager the box hears nothing any more, and falls back by itself
        to its fail-safe current; when the manager is back the same transaction goes on.
        """
        box = self.box()
        manager = self.manager()
        manager.wait_for("bay-1: has confirmed 16 A")
        box.wait_for("box-1's car takes 16 A")
        mark = box.mark()
        manager.kill()
        box.wait_for("box-1's car takes 6 A", mark)
        mark = box.mark()
        manager.start("bay-1: transaction .* goes on")
        box.wait_for("box-1's car takes 16 A", mark)
        manager.wait_for("bay-1: .* kWh so far|bay-1: the car charges")
        rows = manager.rows("select state from transactions")
        self.assertEqual([("open",)], rows)

    def test_box_killed(self) -> None:
        """
        When the box is gone its state is not known; after its fail-safe time it is counted
        with its fail-safe current, or what it drew last where that was more; it comes back.
        """
        box = self.box()
        manager = self.manager()
        manager.wait_for("bay-1: the car charges")
        mark = manager.mark()
        box.kill()
        manager.wait_for("bay-1: connection lost", mark)
        manager.wait_for("bay-1: away for so long that it is taken to give 16 A", mark)
        mark = manager.mark()
        box.start(READY)
        manager.wait_for("bay-1: connected", mark)

    def test_observed(self) -> None:
        """Where it only observes nothing at all is written, and all is seen."""
        box = self.box()
        before = [self.register(address, 1) for address in (FAILSAFE_S, LIMIT, ENABLE)]
        failsafe = self.register(FAILSAFE_S, 3)
        manager = self.manager(fuse=6, mode="observe")
        manager.wait_for("load management observes only and sets nothing")
        manager.wait_for("bay-1: the car charges")
        manager.wait_for("bay-1: may have 6 A")
        box.wait_for("box-1's car takes 16 A")
        self.assertEqual(failsafe, self.register(FAILSAFE_S, 3))
        after = [self.register(address, 1) for address in (FAILSAFE_S, LIMIT, ENABLE)]
        self.assertEqual(before, after)
        self.assertNotIn("has confirmed", "\n".join(manager.lines))

    def test_reload(self) -> None:
        """A smaller fuse counts at once, and the connection to the box stays."""
        box = self.box()
        manager = self.manager(fuse=32)
        box.wait_for("box-1's car takes 16 A")
        text = (manager.folder / "tap.cfg").read_text(encoding="utf-8")
        manager.configure(text.replace("max_current = 32", "max_current = 8"))
        mark = manager.mark()
        manager.send(signal.SIGHUP)
        box.wait_for("box-1's car takes 8 A")
        self.assertEqual(1, sum("bay-1: connected" in line for line in manager.lines))
        self.assertNotIn("connection lost", "\n".join(manager.lines[mark:]))


class Parallel(SiteCase):
    """A backend authorises and bills by OCPP, the manager limits by Modbus."""

    def test_both(self) -> None:
        """
        The backend begins the charge with the box's fixed tag. The current is the smaller one
        of what the fuse and the backend's profile leave; either can be raised again.
        """
        ocpp = free_port()
        self.run_peers(self.play(ocpp))

    async def play(self, ocpp: int) -> None:
        """A backend, a box, and a manager that asks nobody who may charge."""
        async with listening(ocpp) as backend:
            box = await asyncio.to_thread(
                self.box,
                f"url = ws://127.0.0.1:{ocpp}/path\naddress = PB-1\n"
                "reader = no\nfixed_tag = FIXED-1\n",
            )
            manager = await asyncio.to_thread(self.manager, 10, "on", "authorisation = device")
            await box.says("box-1's car takes 10 A")
            await backend.until_it_is("Charging")
            self.assertEqual(["FIXED-1"], backend.starts)
            mark = box.mark()
            await backend.limit(8.0)
            await box.says("box-1's car takes 8 A", mark)
            mark = box.mark()
            await backend.limit(0.0)
            await box.says("box-1's car takes nothing", mark)
            await backend.until_it_is("SuspendedEVSE")
            mark = box.mark()
            await backend.limit(16.0)
            await box.says("box-1's car takes 10 A", mark)
            mark = box.mark()
            text = (manager.folder / "tap.cfg").read_text(encoding="utf-8")
            manager.configure(text.replace("max_current = 10", "max_current = 7"))
            manager.send(signal.SIGHUP)
            await box.says("box-1's car takes 7 A", mark)
            self.assertEqual([], backend.stops)
