"""What a gateway remembers, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.errors import StorageError

__all__ = ["InMemory"]


class InMemory:
    """
    This is L{cfos_cm.charge_point.environment.Memory}.

    @ivar kept: texts, by kind and name.
    @ivar is_full: nothing can be stored.
    @ivar writes: how often something was.
    """

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, str]] = {}
        self.is_full = False
        self.writes = 0

    def load(self) -> Deferred[Mapping[str, Mapping[str, str]]]:
        """All of it."""
        return succeed({kind: dict(values) for kind, values in self.kept.items() if values})

    def put(self, kind: str, name: str, value: str | None) -> Deferred[None]:
        """Keep one, or forget it."""
        if self.is_full:
            return fail(StorageError("there is no room"))
        self.writes += 1
        values = self.kept.setdefault(kind, {})
        values.pop(name, None)
        if value is not None:
            values[name] = value
        return succeed(None)

    def replace(self, kind: str, values: Mapping[str, str]) -> Deferred[None]:
        """Keep these and no others of the kind."""
        if self.is_full:
            return fail(StorageError("there is no room"))
        self.writes += 1
        self.kept[kind] = dict(values)
        return succeed(None)
