"""SIGHUP: the configuration is read again while cars charge."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack

from . import cases
from .station import DEFAULT, TRANSACTION, connected


class Reload(cases.EndToEndCase):
    """A site that is changed while it runs."""

    def setUp(self) -> None:
        """Start the program with two stations at 20 A."""
        self.places = ["CP-0001", "CP-0002"]
        self.manager = self.started(places=self.places)

    async def reload(self, text: str, words: str) -> None:
        """Write another file, have it read, and wait for a line of the log."""
        mark = self.manager.mark()
        self.manager.configure(text)
        self.manager.send(signal.SIGHUP)
        await self.manager.says(words, mark)

    def test_limit(self) -> None:
        """A higher limit of a circuit takes effect at once, and a lower one too."""
        self.run_peers(self.change_limit())

    async def change_limit(self) -> None:
        """Two cars share 20 A, then 24 A, then 14 A, without a new connection."""
        async with AsyncExitStack() as stack:
            stations = [
                await stack.enter_async_context(connected(self.manager, place))
                for place in self.places
            ]
            for station in stations:
                await station.charge(cases.TAG)
            for station in stations:
                await station.ordered(TRANSACTION, 10)
            for fuse_a, share_a in ((24, 12), (14, 7)):
                text = cases.tap_cfg(self.manager.port, self.places, fuse_a)
                await self.reload(text, r"tap\.cfg has been read again")
                for station in stations:
                    await station.ordered(TRANSACTION, share_a)
            for station in stations:
                await station.meter(1, 5000, share_a)
            self.assertEqual([line for line in self.manager.lines if " lost" in line], [])

    def test_mistakes(self) -> None:
        """A file with mistakes changes nothing; the log says where each of them is."""
        self.run_peers(self.make_mistakes())

    async def make_mistakes(self) -> None:
        """A limit that is no number, and an option that is not there."""
        good = cases.tap_cfg(self.manager.port, self.places)
        bad = good.replace("max_current = 20", "max_current = plenty").replace(
            "title = Test site", "titel = Test site"
        )
        lines = bad.splitlines()
        async with connected(self.manager, "CP-0001") as station:
            await station.ordered(DEFAULT, 0)
            mark = self.manager.mark()
            await self.reload(bad, "nothing was changed")
            for wrong in ("max_current = plenty", "titel = Test site"):
                option, _, value = wrong.partition(" = ")
                number = lines.index(wrong) + 1
                place = rf"tap\.cfg:{number}\b.*{option}"
                found = await self.manager.says(place, mark)
                if option == "max_current":
                    self.assertIn(value, found.string)
            mark = len(station.orders)
            await station.charge(cases.TAG)
            # The other one is not connected and may draw 16 A, as before: 4 A are too few.
            await station.ordered(TRANSACTION, 0, mark)

    def test_new_evse(self) -> None:
        """A station that waited for approval is served as soon as it is configured."""
        self.run_peers(self.add_evse())

    async def add_evse(self) -> None:
        """A station is there before anybody has written it into the file."""
        async with connected(self.manager, "CP-0003") as station:
            self.assertEqual((await station.boot()).status, "Pending")
            text = cases.tap_cfg(self.manager.port, [*self.places, "CP-0003"], 60)
            await self.reload(text, r"tap\.cfg has been read again")
            await station.until(lambda: station.triggers == ["BootNotification"])
            self.assertEqual((await station.boot()).status, "Accepted")
            await station.ordered(DEFAULT, 0)
            await station.charge(cases.TAG)
            await station.ordered(TRANSACTION, 16)

    def test_taken_out(self) -> None:
        """An EVSE that is taken out and put back goes on with its transaction."""
        self.run_peers(self.take_out())

    async def take_out(self) -> None:
        """Two cars share 20 A; the first one's EVSE is taken out of the file, and put back."""
        async with AsyncExitStack() as stack:
            first, second = [
                await stack.enter_async_context(connected(self.manager, place))
                for place in self.places
            ]
            transaction_id = await first.charge(cases.TAG)
            await first.ordered(TRANSACTION, 16)
            await second.charge(cases.OTHER_TAG)
            await second.ordered(TRANSACTION, 10)
            without = cases.tap_cfg(self.manager.port, ["CP-0009", "CP-0002"], 20)
            await self.reload(without, "2 EVSEs on 1 circuit")
            self.assertEqual(0, first.orders[-1].limit_a)
            before, mark = len(first.orders), self.manager.mark()
            text = cases.tap_cfg(self.manager.port, self.places, 20)
            await self.reload(text, "2 EVSEs on 1 circuit")
            # Its profile is still in force, so that it draws whatever the manager thinks.
            said = await self.manager.says(r"bay-1: (transaction|has confirmed|may have)", mark)
            self.assertIn(f"transaction {transaction_id} goes on", said.string)
            order = await first.ordered(TRANSACTION, None, before)
            self.assertEqual(order.transaction_id, transaction_id)
            self.assertLessEqual({one.limit_a for one in second.orders}, {0, 10})

    def test_renamed(self) -> None:
        """An EVSE that gets another name goes on with its transaction, and ends it."""
        self.run_peers(self.rename())

    async def rename(self) -> None:
        """Another name in the middle of a charge."""
        async with connected(self.manager, "CP-0001") as station:
            transaction_id = await station.charge(cases.TAG)
            text = cases.tap_cfg(self.manager.port, ["CP-0001"])
            await self.reload(
                text.replace("evse bay-1", "evse left"),
                rf"left: transaction {transaction_id} goes on",
            )
            await station.ordered(TRANSACTION, 16)
            await station.end_transaction(transaction_id, 2500)
            await self.manager.says(r"left: finished: 1\.50 kWh")
