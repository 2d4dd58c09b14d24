"""The Local Authorization List. OCPP 1.6, 3.5.2 and "Send Local List"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from cfos_cm.charge_point.cache import is_expired, read_info
from cfos_cm.charge_point.environment import Memory, MemoryKind
from cfos_cm.charge_point.keys import MAX_LIST_CARDS, MAX_LIST_UPDATE
from cfos_cm.v16.local_auth_list import (
    AuthorizationData,
    SendLocalListRequest,
    UpdateStatus,
    UpdateType,
)
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = ["LocalList"]

_KIND: Final = "list"
#: The list's number is kept among its entries, so that no half of an update is ever there: it
#: has the name that no idTag has.
_VERSION: Final = ""

_log = Logger(namespace="cfos_cm.gateway")


class _Objection(Exception):
    """An update cannot be taken; the text says why."""


class LocalList:
    """The idTags that the backend has sent beforehand."""

    def __init__(self, name: str, memory: Memory, now: Callable[[], datetime]) -> None:
        """
        @param name: of the gateway, for people.
        @param now: the time of day; aware.
        """
        self._name = name
        self._memory = memory
        self._now = now
        self._entries: dict[str, IdTagInfo] = {}
        self._version = 0
        self._is_writing = False

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def version(self) -> int:
        """The list's number; 0, it is empty."""
        return self._version if self._entries else 0

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take what was remembered; a list of which a part cannot be read is none."""
        kept = dict(remembered.get(_KIND, {}))
        version = kept.pop(_VERSION, "0")
        found = {id_tag: read_info(text) for id_tag, text in kept.items()}
        entries = {id_tag: info for id_tag, info in found.items() if info is not None}
        if len(entries) < len(found) or not version.isdecimal():
            _log.warn("{name}: the local list cannot be read and is empty", name=self._name)
            return
        self._entries, self._version = entries, int(version)

    def get(self, id_tag: str) -> IdTagInfo | None:
        """What the list says of an idTag; C{None}: nothing."""
        found = self._entries.get(id_tag.casefold())
        is_good = found is not None and found.status is AuthorizationStatus.ACCEPTED
        if found is None or not is_good or not is_expired(found, self._now()):
            return found
        return IdTagInfo(
            status=AuthorizationStatus.EXPIRED,
            expiry_date=found.expiry_date,
            parent_id_tag=found.parent_id_tag,
        )

    def update(self, request: SendLocalListRequest) -> Deferred[UpdateStatus]:
        """
        Take a list, or changes to the one that is there: all of it or nothing.

        @return: when it is on disk; then it holds.
        """
        if self._is_writing:
            # It would be made of the list before.
            return succeed(UpdateStatus.FAILED)
        is_whole = request.update_type is UpdateType.FULL
        version = request.list_version
        if not is_whole and version <= self.version:
            return succeed(UpdateStatus.VERSION_MISMATCH)
        try:
            entries = self._updated(request.local_authorization_list or (), is_whole)
            if not 0 < version < 2**31:
                raise _Objection(f"listVersion is {version}; it must be 1 to {2**31 - 1}")
        except _Objection as error:
            _log.warn("{name}: a local list was refused: {why}", name=self._name, why=error)
            return succeed(UpdateStatus.FAILED)
        texts = {name: msgspec.json.encode(info).decode() for name, info in entries.items()}
        self._is_writing = True
        written = self._memory.replace(_KIND, {_VERSION: str(version), **texts})
        return written.addCallbacks(
            lambda _: self._take(entries, version), lambda _: self._keep()
        )

    def _take(self, entries: dict[str, IdTagInfo], version: int) -> UpdateStatus:
        self._is_writing = False
        self._entries, self._version = entries, version
        return UpdateStatus.ACCEPTED

    def _keep(self) -> UpdateStatus:
        self._is_writing = False
        _log.warn("{name}: a local list could not be stored", name=self._name)
        return UpdateStatus.FAILED

    def _updated(
        self, changes: tuple[AuthorizationData, ...], is_whole: bool
    ) -> dict[str, IdTagInfo]:
        """
        The list as it would be.

        @raise _Objection: if it cannot be.
        """
        if len(changes) > MAX_LIST_UPDATE:
            raise _Objection(f"{len(changes)} entries; allowed: {MAX_LIST_UPDATE} at a time")
        _check_each_is_one(one.id_tag for one in changes)
        entries = {} if is_whole else dict(self._entries)
        for one in changes:
            if one.id_tag_info is not None:
                entries[one.id_tag.casefold()] = one.id_tag_info
            elif is_whole:
                raise _Objection("an entry of a whole list has no idTagInfo")
            else:
                entries.pop(one.id_tag.casefold(), None)
        if len(entries) > MAX_LIST_CARDS:
            raise _Objection(f"{len(entries)} entries; allowed: {MAX_LIST_CARDS}")
        return entries


def _check_each_is_one(id_tags: Iterable[str]) -> None:
    seen = set()
    for id_tag in id_tags:
        if not id_tag:
            raise _Objection("an idTag is empty")
        if id_tag.casefold() in seen:
            raise _Objection("an idTag is there twice")
        seen.add(id_tag.casefold())
