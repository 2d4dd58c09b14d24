"""What a store of operators' orders promises, wherever it is."""

from __future__ import annotations

from attrs import evolve

from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import evse_orders
from cfos_cm.storage.evse_orders import EvseOrder, EvseOrderStore

from .cases import NOW, DatabaseCase

__all__ = ["EvseOrderStoreContract"]

LIMITED = EvseOrder("bay 1", 10_000, False, "alice", NOW)
PAUSED = EvseOrder("bay 2", None, True, "garage app", NOW)


class EvseOrderStoreContract(DatabaseCase):
    """Orders for single EVSEs."""

    async def orders(self) -> EvseOrderStore:
        """Nobody has ordered anything."""
        return EvseOrderStore(await self.opened())

    async def test_put(self) -> None:
        """What was put last is what comes back, in the order of the EVSEs."""
        orders = await self.orders()
        self.assertEqual(await orders.all(), ())
        for order in (PAUSED, evolve(LIMITED, is_paused=True), LIMITED):
            await orders.put(order)
        self.assertEqual(await orders.all(), (LIMITED, PAUSED))

    async def test_remove(self) -> None:
        """What is removed is gone, another's is not, and nothing is no mistake."""
        orders = await self.orders()
        await orders.put(LIMITED)
        await orders.put(PAUSED)
        for _ in range(2):
            await orders.remove("bay 1")
        self.assertEqual(await orders.all(), (PAUSED,))

    async def test_bound(self) -> None:
        """A full store takes another order of an EVSE that it has, and no other EVSE."""
        self.patch(evse_orders, "MAX_EVSE_ORDERS", 1)
        orders = await self.orders()
        await orders.put(LIMITED)
        await self.assertFailure(orders.put(PAUSED), LocalProtocolError)
        changed = evolve(LIMITED, current_ma=8000)
        await orders.put(changed)
        self.assertEqual(await orders.all(), (changed,))

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        orders = await self.orders()
        for bad in (evolve(LIMITED, evse="a\0"), evolve(LIMITED, by="x" * 256)):
            await self.assertFailure(orders.put(bad), LocalProtocolError)
        self.assertEqual(await orders.all(), ())
