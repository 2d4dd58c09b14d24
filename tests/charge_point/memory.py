"""What a gateway remembers, kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.charge_point.environment import SecurityRecord, VaultName
from cfos_cm.errors import StorageError

__all__ = ["InMemory", "InMemorySecurityLog", "InMemoryVault"]


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


class InMemoryVault:
    """
    This is L{cfos_cm.charge_point.environment.Vault}.

    @ivar kept: texts, by name.
    @ivar is_full: nothing can be stored.
    @ivar waiting: C{None}: it is stored at once; else those that are told later.
    """

    def __init__(self) -> None:
        self.kept: dict[VaultName, str] = {}
        self.is_full = False
        self.waiting: list[Deferred[None]] | None = None

    def load(self) -> Deferred[Mapping[VaultName, str]]:
        """All of it."""
        return succeed(dict(self.kept))

    def put(self, name: VaultName, text: str | None) -> Deferred[None]:
        """Keep one, or forget it."""
        if self.is_full:
            return fail(StorageError("there is no room"))
        self.kept.pop(name, None)
        if text is not None:
            self.kept[name] = text
        if self.waiting is None:
            return succeed(None)
        stored: Deferred[None] = Deferred()
        self.waiting.append(stored)
        return stored


class InMemorySecurityLog:
    """
    This is L{cfos_cm.charge_point.environment.SecurityLog}.

    @ivar noted: kinds, and what was said of each.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.noted: list[tuple[str, str | None]] = []
        self._records: list[SecurityRecord] = []

    def add(self, kind: str, tech_info: str | None) -> Deferred[None]:
        """Note one, now."""
        self.noted.append((kind, tech_info))
        self._records.append(SecurityRecord(kind, self._now(), tech_info))
        return succeed(None)

    def all(self) -> Deferred[tuple[SecurityRecord, ...]]:
        """What is kept, oldest first."""
        return succeed(tuple(self._records))
