"""A station that may have forgotten its profile is sent it again; one that refuses, too."""

from __future__ import annotations

from contextlib import AsyncExitStack

from . import cases
from .station import DEFAULT, TRANSACTION, Order, Station, connected


class Reassertion(cases.EndToEndCase):
    """One station with a car that charges."""

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started(server=f"password = {cases.PASSWORD}")

    async def charging(self, station: Station) -> int:
        """Start; gives the number of orders until its car charges in peace."""
        await station.status("Preparing")
        self.transaction_id = (await station.begin_transaction(cases.TAG)).transaction_id
        await station.ordered(TRANSACTION, 16)
        await station.status("Charging")
        # The status Charging makes its profile doubtful, so it comes once more.
        await station.until(lambda: len(transaction_orders(station)) >= 2)
        return len(station.orders)

    async def told_again(self, station: Station, mark: int) -> None:
        """Both profiles come once more, the default one first."""
        order = await station.ordered(TRANSACTION, 16, mark)
        self.assertEqual(order.transaction_id, self.transaction_id)
        standing = await station.ordered(DEFAULT, 0, mark)
        self.assertLess(standing.at_s, order.at_s)

    def test_boot(self) -> None:
        """After a BootNotification in the middle of a transaction."""

        async def peers() -> None:
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                mark = await self.charging(station)
                await station.boot()
                await self.told_again(station, mark)

        self.run_peers(peers())

    def test_resume(self) -> None:
        """When the car goes on after a pause."""

        async def peers() -> None:
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                mark = await self.charging(station)
                await station.status("SuspendedEVSE")
                await station.status("Charging")
                await self.told_again(station, mark)

        self.run_peers(peers())

    def test_reconnect(self) -> None:
        """After the connection was lost."""

        async def peers() -> None:
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                await self.charging(station)
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                await self.told_again(station, 0)

        self.run_peers(peers())

    def test_displaced(self) -> None:
        """After the station has dialled again although its old connection is still there."""

        async def peers() -> None:
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as old:
                await self.charging(old)
                async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                    await self.told_again(station, 0)
                    await old.connection.wait_closed()
                    await station.meter(self.transaction_id, 2000, 16)

        self.run_peers(peers())


class Refusal(cases.EndToEndCase):
    """A station that answers Rejected is not counted as obeying, and is told again."""

    def setUp(self) -> None:
        """Start the program with two stations at 20 A."""
        self.manager = self.started(places=("CP-0001", "CP-0002"))

    def test_lowering(self) -> None:
        """
        One that does not give way keeps what it had: its neighbour gets nothing until it does.
        """
        self.run_peers(self.lower())

    async def lower(self) -> None:
        """The first one refuses to give way, once."""
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(connected(self.manager, "CP-0001"))
            second = await stack.enter_async_context(connected(self.manager, "CP-0002"))
            await second.ordered(DEFAULT, 0)
            await first.charge(cases.TAG)
            await first.ordered(TRANSACTION, 16)
            await first.until(lambda: len(transaction_orders(first)) >= 2)
            first.refuses.add(TRANSACTION)
            mark = len(first.orders)
            await second.charge(cases.OTHER_TAG)
            refused = await first.ordered(TRANSACTION, 10, mark)
            self.assertEqual(refused.answer, "Rejected")
            await self.manager.says(r"bay-1: did NOT take 10 A: .*Rejected")
            first.refuses.clear()
            accepted = await first.ordered(TRANSACTION, 10, len(first.orders))
            raised = await second.ordered(TRANSACTION, 10)
            self.assertLess(accepted.at_s, raised.at_s)

    def test_default(self) -> None:
        """
        One that does not even take the profile that forbids charging may draw all that it is
        made for: its neighbour gets what is left beside that, here nothing.
        """
        self.run_peers(self.forbid())

    async def forbid(self) -> None:
        """The first one refuses everything."""
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(connected(self.manager, "CP-0001"))
            first.refuses.update((DEFAULT, TRANSACTION, "ChargePointMaxProfile"))
            await first.ordered(DEFAULT, 0)
            await self.manager.says(r"bay-1: did NOT take 0 A")
            second = await stack.enter_async_context(connected(self.manager, "CP-0002"))
            await second.charge(cases.TAG)
            await second.ordered(TRANSACTION)
            mark = len(first.orders)
            first.refuses.clear()
            accepted = await first.ordered(DEFAULT, 0, mark)
            raised = await second.ordered(TRANSACTION, 16)
            self.assertLess(accepted.at_s, raised.at_s)
            earlier = [order for order in second.orders if order.at_s < accepted.at_s]
            self.assertEqual({order.limit_a for order in earlier}, {0})


def transaction_orders(station: Station) -> list[Order]:
    """What a station was ordered for its transactions."""
    return [order for order in station.orders if order.purpose == TRANSACTION]
