"""What gateways remember, whatever database it is in."""

from __future__ import annotations

from cfos_cm.charge_point.environment import Memory
from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import gateway_memory
from cfos_cm.storage.gateway_memory import MAX_VALUE_CHARS, GatewayMemory

from .cases import DatabaseCase


class GatewayMemoryContract(DatabaseCase):
    """Texts by kind and name."""

    async def memory(self) -> GatewayMemory:
        """Nothing is remembered."""
        self.db = await self.opened()
        return GatewayMemory(self.db, "north")

    async def test_isAMemory(self) -> None:
        """It is what gateways are handed."""
        memory: Memory = await self.memory()
        self.assertEqual({}, await memory.load())

    async def test_put(self) -> None:
        """What is put is there after a restart, for each gateway by itself."""
        memory = await self.memory()
        await memory.put("key", "HeartbeatInterval", "300")
        await memory.put("profile", "1", '{"ä": "🚗"}')
        await memory.put("key", "HeartbeatInterval", "")
        await GatewayMemory(self.db, "south").put("key", "HeartbeatInterval", "7")
        await self.db.stop()
        await self.db.start()
        self.assertEqual(
            {"profile": {"1": '{"ä": "🚗"}'}, "key": {"HeartbeatInterval": ""}},
            await memory.load(),
        )

    async def test_order(self) -> None:
        """All comes in the order in which it was put; what is put again comes last."""
        memory = await self.memory()
        for name in ("c", "a", "b", "c"):
            await memory.put("cache", name, name)
        self.assertEqual(["a", "b", "c"], list((await memory.load())["cache"]))

    async def test_forget(self) -> None:
        """One thing can be forgotten; what is not there is no mistake."""
        memory = await self.memory()
        await memory.put("cache", "a", "1")
        await memory.put("cache", "b", "2")
        for name in ("a", "a", "c", "a\0"):
            await memory.put("cache", name, None)
        self.assertEqual({"cache": {"b": "2"}}, await memory.load())

    async def test_replace(self) -> None:
        """All of a kind gives way to others, in their order; other kinds stay."""
        memory = await self.memory()
        await memory.put("list", "a", "1")
        await memory.put("cache", "a", "2")
        values = {"z": "3", "b": "4"}
        replacing = memory.replace("list", values)
        values["c"] = "not of it"
        await replacing
        loaded = await memory.load()
        self.assertEqual({"cache": {"a": "2"}, "list": {"z": "3", "b": "4"}}, loaded)
        self.assertEqual(["z", "b"], list(loaded["list"]))
        await memory.replace("list", {})
        self.assertEqual({"cache": {"a": "2"}}, await memory.load())

    async def test_allOrNothing(self) -> None:
        """Where one of many cannot be kept, all stays as it was."""
        memory = await self.memory()
        await memory.put("list", "a", "1")
        for bad in ({"b": "2", "c": "\ud800"}, {"b": "2", "c\0": "3"}, {"x" * 256: ""}):
            await self.assertFailure(memory.replace("list", bad), LocalProtocolError)
        self.assertEqual({"list": {"a": "1"}}, await memory.load())

    async def test_bound(self) -> None:
        """A gateway remembers so much and no more; what is there can be changed."""
        self.patch(gateway_memory, "MAX_REMEMBERED", 3)
        memory = await self.memory()
        for name in "abc":
            await memory.put("cache", name, "1")
        error = await self.assertFailure(memory.put("list", "d", "1"), LocalProtocolError)
        self.assertIn("allowed: 3", str(error))
        await self.assertFailure(memory.replace("list", {"d": "1"}), LocalProtocolError)
        await memory.put("cache", "a", "2")
        await memory.replace("cache", {"x": "1", "y": "2", "z": "3"})
        await GatewayMemory(self.db, "south").put("cache", "a", "1")
        self.assertEqual({"cache": {"x": "1", "y": "2", "z": "3"}}, await memory.load())

    async def test_longValues(self) -> None:
        """A value may be so long, and no longer."""
        memory = await self.memory()
        await memory.put("profile", "a", "x" * MAX_VALUE_CHARS)
        failing = memory.put("profile", "a", "y" * (MAX_VALUE_CHARS + 1))
        error = await self.assertFailure(failing, LocalProtocolError)
        self.assertNotIn("yy", str(error))
        self.assertEqual({"profile": {"a": "x" * MAX_VALUE_CHARS}}, await memory.load())
