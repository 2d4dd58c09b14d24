"""The Authorization Cache: what a backend has said of idTags. OCPP 1.6, 3.5.1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from twisted.internet.defer import Deferred

from cfos_cm.charge_point.environment import Memory, MemoryKind
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.v16.timestamps import parse_timestamp
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = ["MAX_CARDS", "Cache", "is_expired", "read_info"]

#: The cards of a large company; in memory 3 MB.
MAX_CARDS: Final = 10_000

_KIND: Final = "cache"

_DECODER: Final = msgspec.json.Decoder(IdTagInfo)


def read_info(text: str) -> IdTagInfo | None:
    """What was remembered of an idTag; C{None} if that is nothing."""
    try:
        return _DECODER.decode(text)
    except ValueError:
        return None


def is_expired(info: IdTagInfo, now: datetime) -> bool:
    """
    Whether the expiry date of an idTag is over, or cannot be read.

    @param now: aware.
    """
    if info.expiry_date is None:
        return False
    try:
        return parse_timestamp(info.expiry_date) <= now
    except RemoteProtocolError:
        return True


class Cache:
    """
    The idTags that the backend has judged, the one that it judged last at the end.

    When there is no more room, one that is refused has to go before one that is accepted.
    """

    def __init__(self, name: str, memory: Memory, now: Callable[[], datetime]) -> None:
        """
        @param name: of the gateway, for people.
        @param now: the time of day; aware.
        """
        self._name = name
        self._memory = memory
        self._now = now
        self._known: dict[str, IdTagInfo] = {}

    def __len__(self) -> int:
        return len(self._known)

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take what was remembered."""
        for id_tag, text in remembered.get(_KIND, {}).items():
            info = read_info(text)
            if info is not None and len(self._known) < MAX_CARDS:
                self._known[id_tag] = info

    def get(self, id_tag: str) -> IdTagInfo | None:
        """What the backend has said of an idTag, if that still holds; C{None}: nothing."""
        found = self._known.get(id_tag.casefold())
        is_good = found is not None and found.status is AuthorizationStatus.ACCEPTED
        if found is None or not is_good or not is_expired(found, self._now()):
            return found
        return IdTagInfo(
            status=AuthorizationStatus.EXPIRED,
            expiry_date=found.expiry_date,
            parent_id_tag=found.parent_id_tag,
        )

    def put(self, id_tag: str, info: IdTagInfo) -> None:
        """Remember what the backend says of an idTag."""
        if info.status is AuthorizationStatus.CONCURRENT_TX:
            # That is about this moment, and not about the card.
            return
        name = id_tag.casefold()
        before = self._known.pop(name, None)
        if before is None and len(self._known) >= MAX_CARDS:
            self._forget_one()
        self._known[name] = info
        if before != info:
            text = msgspec.json.encode(info).decode()
            by_the_way(self._name, self._memory.put(_KIND, name, text))

    def clear(self) -> Deferred[None]:
        """Forget all; the Deferred fires when that is on disk."""
        self._known.clear()
        return self._memory.replace(_KIND, {})

    def _forget_one(self) -> None:
        refused = (
            name
            for name, info in self._known.items()
            if info.status is not AuthorizationStatus.ACCEPTED
        )
        name = next(refused, None) or next(iter(self._known))
        del self._known[name]
        by_the_way(self._name, self._memory.put(_KIND, name, None))
