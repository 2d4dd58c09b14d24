"""A limit from outside, from the console to a station that we did not write, and on disk."""

from __future__ import annotations

import asyncio

from . import cases
from .station import TRANSACTION, Station, connected

#: What a station may be told with a limit of 4.2 kW: 4200 W / 3 / 230 V, rounded down. [A]
ON_THREE_PHASES_A = 6.0

PROOF = (
    "select max_power_w, party, asked_at, met_at, booked_w, measured_w, ended_at, why_ended"
    " from outside_limits"
)


class Limited(cases.EndToEndCase):
    """A car charges when its circuit is limited."""

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started()

    async def console(self, *arguments: str) -> list[str]:
        """Run C{cfos-cm limit} beside the program; its lines."""
        done = await asyncio.to_thread(self.manager.console, "limit", *arguments)
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)
        return done.stdout.splitlines()

    async def charging(self, station: Station) -> None:
        """Have a car charge with all that it can."""
        await station.boot()
        self.transaction_id = await station.charge(cases.TAG)
        await station.ordered(TRANSACTION, 16)

    def test_met(self) -> None:
        """It is told less, and that is on disk when it draws less; lifted, it gets all."""
        self.run_peers(self.limit_and_lift())
        ((power_w, party, asked_at, met_at, booked_w, measured_w, ended_at, why_ended),) = (
            self.manager.rows(PROOF)
        )
        self.assertEqual((4200, "Stadtwerke", 4140), (power_w, party, booked_w))
        # 6 A on each of three phases, as the station's meter says.
        self.assertEqual((4140, "it was lifted"), (measured_w, why_ended))
        # As SQLite has them, moments are in the order of their texts.
        self.assertTrue(str(asked_at) <= str(met_at) <= str(ended_at), (asked_at, met_at))

    async def limit_and_lift(self) -> None:
        """The grid operator limits, and lifts."""
        async with connected(self.manager, "CP-0001") as station:
            await self.charging(station)
            mark = len(station.orders)
            (said,) = await self.console(
                "garage", "--power", "minimum", "--for", "2h", "--by", "Stadtwerke"
            )
            self.assertTrue(said.startswith("garage: 4.2 kW for its EVSEs together, until "))
            await station.ordered(TRANSACTION, ON_THREE_PHASES_A, mark)
            await station.meter(self.transaction_id, 1100, ON_THREE_PHASES_A)
            await self.manager.says("the limit of Stadtwerke is kept, with 4.1 kW at most")
            (shown,) = await self.console()
            self.assertRegex(shown, r"by Stadtwerke, asked for .*, met after \d+\.\d{3} s")
            mark = len(station.orders)
            await self.console("--lift", "garage", "--by", "Stadtwerke")
            await station.ordered(TRANSACTION, 16, mark)

    def test_killed(self) -> None:
        """After kill -9 it is in force again, before the car gets anything."""
        self.run_peers(self.restart())

    async def restart(self) -> None:
        """The program is killed as soon as the limit is acknowledged, and starts again."""
        async with connected(self.manager, "CP-0001") as station:
            await self.charging(station)
            await self.console("garage", "--power", "4.2kW")
            await asyncio.to_thread(self.manager.kill)
        mark = self.manager.mark()
        await asyncio.to_thread(self.manager.start)
        await self.manager.says("garage: console limits its EVSEs to 4.2 kW", mark)
        async with connected(self.manager, "CP-0001") as station:
            await station.ordered(TRANSACTION, ON_THREE_PHASES_A)
            await station.end_transaction(self.transaction_id, 2000)
            self.assertLessEqual(
                max(order.limit_a for order in station.orders), ON_THREE_PHASES_A
            )
        (proof,) = await self.console("--proof")
        self.assertTrue(proof.endswith("; in force"), proof)
