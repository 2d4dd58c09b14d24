"""A wallbox that forgets to tell the end of a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocpp.v16 import call

from . import cases
from .station import DEFAULT, TRANSACTION, Station, connected

PLACES = ("CP-0001", "CP-0002")


class Ghost(cases.EndToEndCase):
    """
    Two wallboxes share a fuse of 20 A; at one of them the car has left, and it says that it is
    free, and nothing of its transaction.
    """

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started(places=PLACES)

    def test_next_car(self) -> None:
        """The next car gets nothing of the old transaction; the neighbour gets it all."""
        self.run_peers(self.free_and_next())

    def test_killed(self) -> None:
        """So it is when the program is killed in between; the end that is told late counts."""
        self.run_peers(self.killed())
        rows = self.manager.rows(
            "select transaction_id, state, meter_stop_wh from transactions"
        )
        self.assertIn((self.transaction_id, "stopped", 4000), rows)
        self.assertEqual(self.manager.rows("select * from stray_stops"), [])

    @asynccontextmanager
    async def both_connected(self) -> AsyncIterator[tuple[Station, Station]]:
        """The ghost and its neighbour, until the end of the block."""
        async with (
            connected(self.manager, PLACES[0]) as ghost,
            connected(self.manager, PLACES[1]) as neighbour,
        ):
            yield ghost, neighbour

    async def charge_and_forget(self, ghost: Station, neighbour: Station) -> None:
        """Each has half of the fuse; then the ghost is free, and its neighbour has it all."""
        await ghost.boot()
        await neighbour.boot()
        self.transaction_id = await ghost.charge(cases.TAG)
        await neighbour.charge(cases.TAG)
        await ghost.ordered(TRANSACTION, 10)
        await neighbour.ordered(TRANSACTION, 10)
        await ghost.status("Available")
        await neighbour.ordered(TRANSACTION, 16)

    async def next_car(self, ghost: Station, neighbour: Station) -> None:
        """A car is plugged in, and nobody has shown a card: it is offered nothing."""
        mark = len(ghost.orders)
        await ghost.status("Preparing")
        # Whatever the program would order now, it has ordered when these are answered.
        for station in (ghost, neighbour) * 3:
            await station.ask(call.Heartbeat())
        self.assertEqual([], [one for one in ghost.orders[mark:] if one.purpose == TRANSACTION])
        self.assertEqual(16, neighbour.orders[-1].limit_a)

    async def free_and_next(self) -> None:
        """Free, and the next car, which charges with its own card."""
        async with self.both_connected() as (ghost, neighbour):
            await self.charge_and_forget(ghost, neighbour)
            await self.next_car(ghost, neighbour)
            mark = len(ghost.orders)
            number = await ghost.charge(cases.OTHER_TAG, 2000)
            order = await ghost.ordered(TRANSACTION, 10, mark)
            self.assertEqual(number, order.transaction_id)

    async def killed(self) -> None:
        """Free, killed, started again, and then the next car and the end of the old charge."""
        async with self.both_connected() as (ghost, neighbour):
            await self.charge_and_forget(ghost, neighbour)
            await asyncio.to_thread(self.manager.kill)
        self.manager.start()
        async with self.both_connected() as (ghost, neighbour):
            await ghost.ordered(DEFAULT, 0)
            await ghost.status("Preparing")
            await neighbour.ordered(TRANSACTION, 16)
            await self.next_car(ghost, neighbour)
            await ghost.end_transaction(self.transaction_id, 4000)
