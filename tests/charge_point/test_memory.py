"""The memory that tests use does what the one in the database does."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfos_cm.charge_point.environment import Memory
from cfos_cm.storage.gateway_memory import GatewayMemory
from tests.charge_point.memory import InMemory
from tests.storage.cases import SqliteCase

_words = st.sampled_from(("a", "b", "c", ""))
_puts = st.tuples(st.just("put"), _words, _words, st.none() | _words)
_replacements = st.tuples(
    st.just("replace"), _words, st.dictionaries(_words, _words, max_size=3), st.none()
)


async def _carried_out(memory: Memory, steps: list[tuple[object, ...]]) -> object:
    for step in steps:
        match step:
            case ("put", str() as kind, str() as name, str() | None as value):
                await memory.put(f"kind {kind}", name, value)
            case ("replace", str() as kind, dict() as values, None):
                await memory.replace(f"kind {kind}", values)
    loaded: Mapping[str, Mapping[str, str]] = await memory.load()
    return {kind: list(values.items()) for kind, values in loaded.items()}


class TheSame(SqliteCase):
    """Both are asked the same, and have to say the same."""

    async def test_everyStep(self) -> None:
        """Whatever is put, replaced and forgotten, both remember the same in the same order."""
        database = await self.opened()
        runs: list[list[tuple[object, ...]]] = []

        @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(_puts | _replacements, max_size=8))
        def collect(steps: list[tuple[object, ...]]) -> None:
            runs.append(steps)

        collect()
        for number, steps in enumerate(runs):
            real = await _carried_out(GatewayMemory(database, f"gateway {number}"), steps)
            self.assertEqual(real, await _carried_out(InMemory(), steps), steps)
