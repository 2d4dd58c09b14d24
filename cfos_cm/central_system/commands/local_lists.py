"""
Sending the local authorisation list, so that Charge Points know it without us.

OCPP 1.6, "Local Auth List Management". A list that was sent is known by its digest; when the
list that a Charge Point has is still at hand, only what has changed since is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred

from cfos_cm.central_system.commands.announced import LIST_ENTRIES, LIST_ENTRIES_AT_ONCE
from cfos_cm.central_system.commands.checked_calls import CheckedCalls, cannot
from cfos_cm.central_system.commands.configuration import get_configuration
from cfos_cm.central_system.commands.objections import MAX_ID
from cfos_cm.central_system.commands.one_at_a_time import OneAtATime
from cfos_cm.errors import DeviceRefusal, LocalProtocolError
from cfos_cm.site.sent_list import SentList
from cfos_cm.site.tag import Tag
from cfos_cm.v16.local_auth_list import (
    AuthorizationData,
    GetLocalListVersionConfirmation,
    GetLocalListVersionRequest,
    SendLocalListConfirmation,
    SendLocalListRequest,
    UpdateStatus,
    UpdateType,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = [
    "CAUTIOUS_ENTRIES",
    "MAX_ENTRIES_AT_HAND",
    "MAX_ENTRIES_AT_ONCE",
    "MAX_LISTS_AT_HAND",
    "ListOutcome",
    "ListUpdate",
    "LocalLists",
    "SentLists",
]

#: So many entries are sent at once where a Charge Point does not tell how many it takes.
CAUTIOUS_ENTRIES = 100
#: And never more: a message of so many has some 140 kB.
MAX_ENTRIES_AT_ONCE = 1000
#: Different lists that Charge Points may still have and that are kept to compare with.
MAX_LISTS_AT_HAND = 4
#: Longer ones are not kept: few Charge Points could have them, and each entry costs 300 bytes.
MAX_ENTRIES_AT_HAND = 20_000

_Entries = tuple[AuthorizationData, ...]


class SentLists(Protocol):
    """Where it is written down which list each Charge Point has."""

    def get(self, charge_point: str) -> Deferred[SentList | None]:
        """The list that it was sent last, in whole."""

    def put(self, sent: SentList) -> Deferred[None]:
        """It has this one now."""

    def remove(self, charge_point: str) -> Deferred[None]:
        """Nobody knows which one it has."""


class ListOutcome(StrEnum):
    """What became of sending a list."""

    ACCEPTED = "Accepted"
    UNCHANGED = "Unchanged"
    """The Charge Point has it already: nothing was sent."""
    NOT_SUPPORTED = "NotSupported"
    """It keeps no list."""
    FAILED = "Failed"
    """It has refused the whole list too."""


@frozen
class ListUpdate:
    """
    What became of sending the list.

    @ivar version: of the list that the Charge Point has now; C{None} if it keeps none.
    @ivar entries: how many the whole list has.
    @ivar update: whether the whole list was sent or only its changes; C{None}: neither.
    @ivar messages: how many were sent.
    @ivar remark: why, in words, where that is more than C{outcome} says.
    """

    outcome: ListOutcome
    version: int | None
    entries: int
    update: UpdateType | None = None
    messages: int = 0
    remark: str = ""


@frozen
class _Sending:
    """How far an update has come: the last version taken, and the last answer."""

    version: int
    messages: int
    status: UpdateStatus


class LocalLists:
    """Sends the list to one Charge Point after the other."""

    def __init__(
        self,
        calls: CheckedCalls,
        all_tags: Callable[[], Deferred[tuple[Tag, ...]]],
        sent_lists: SentLists,
    ) -> None:
        """
        @param all_tags: reads the list that everybody shall have.
        """
        self._calls = calls
        self._all_tags = all_tags
        self._sent_lists = sent_lists
        self._at_hand: dict[str, _Entries] = {}
        # Two updates at once would take each other's version numbers.
        self._updates = OneAtATime("is being sent its list")

    async def send(self, identity: str, *, full: bool = False) -> ListUpdate:
        """
        Have a Charge Point know the list as it is now.

        @param full: send all of it, whatever it has.
        @raise LocalProtocolError: if it is being sent its list already, or cannot keep so many.
        @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses.
        @raise cfos_cm.errors.StorageError: if the list cannot be read.
        """
        with self._updates.alone(identity):
            return await self._send(identity, full)

    async def send_by_hand(
        self, identity: str, request: SendLocalListRequest
    ) -> SendLocalListConfirmation:
        """
        Send an update that somebody else has made: the next one of ours is the whole list.

        @raise LocalProtocolError: if it is being sent a list already, or may not get this one.
        @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses.
        """
        with self._updates.alone(identity):
            # A list that may not be sent leaves the one that it has as it is.
            self._calls.check(identity, request)
            await self._sent_lists.remove(identity)
            return await self._calls.ask(identity, request, SendLocalListConfirmation)

    async def _send(self, identity: str, full: bool) -> ListUpdate:
        entries = tuple(_entry(tag) for tag in await self._all_tags())
        digest = _digest(entries)
        try:
            asked = GetLocalListVersionRequest()
            told = await self._calls.ask(identity, asked, GetLocalListVersionConfirmation)
        except DeviceRefusal as refusal:
            if not cannot(refusal):
                raise
            return ListUpdate(
                ListOutcome.NOT_SUPPORTED, None, len(entries), remark=str(refusal)
            )
        if told.list_version < 0:
            return ListUpdate(ListOutcome.NOT_SUPPORTED, None, len(entries))
        sent = await self._sent_lists.get(identity)
        if sent is not None and (full or sent.version != told.list_version):
            sent = None
        if sent is not None and sent.digest == digest:
            return ListUpdate(ListOutcome.UNCHANGED, sent.version, len(entries))
        at_once = await self._room(identity, len(entries))
        before = None if sent is None else self._at_hand.get(sent.digest)
        update = await self._update(identity, entries, before, told.list_version, at_once)
        if update.outcome is ListOutcome.ACCEPTED and update.version is not None:
            now = self._calls.central_system.roster.environment.now()
            await self._sent_lists.put(SentList(identity, update.version, digest, now))
            self._keep_at_hand(digest, entries)
        return update

    async def _update(
        self, identity: str, entries: _Entries, before: _Entries | None, has: int, at_once: int
    ) -> ListUpdate:
        """
        Send what has changed, and all if that is not taken.

        @param before: what the Charge Point has; C{None}: nobody knows.
        @param has: the version of that.
        """
        # Broken off half-way, by whatever it is, the list that it has is none of ours.
        await self._sent_lists.remove(identity)
        messages, version = 0, has
        changes = None if before is None else _changes(before, entries)
        if changes is not None and len(changes) < len(entries) and _has_room(has, len(changes)):
            parts = [(UpdateType.DIFFERENTIAL, part) for part in _parts(changes, at_once)]
            done = await self._send_parts(identity, parts, has)
            messages, version = done.messages, done.version
            if done.status is UpdateStatus.ACCEPTED:
                return _updated(done, len(entries), UpdateType.DIFFERENTIAL, messages)
        first, *others = _parts(entries, at_once) or [()]
        parts = [(UpdateType.FULL, first), *((UpdateType.DIFFERENTIAL, one) for one in others)]
        base = version if _has_room(version, len(parts)) else 0
        done = await self._send_parts(identity, parts, base)
        return _updated(done, len(entries), UpdateType.FULL, messages + done.messages)

    async def _send_parts(
        self, identity: str, parts: Sequence[tuple[UpdateType, _Entries]], has: int
    ) -> _Sending:
        """Send one part after the other, each as a version of its own, until one is refused."""
        done = _Sending(has, 0, UpdateStatus.ACCEPTED)
        for kind, some in parts:
            request = SendLocalListRequest(
                list_version=done.version + 1,
                update_type=kind,
                local_authorization_list=some or None,
            )
            answer = await self._calls.ask(identity, request, SendLocalListConfirmation)
            if answer.status is not UpdateStatus.ACCEPTED:
                return _Sending(done.version, done.messages + 1, answer.status)
            done = _Sending(done.version + 1, done.messages + 1, answer.status)
        return done

    async def _room(self, identity: str, entries: int) -> int:
        """
        How many entries a Charge Point takes at once.

        @raise LocalProtocolError: if it cannot keep all of them.
        """
        try:
            await get_configuration(self._calls, identity, (LIST_ENTRIES_AT_ONCE,))
            await get_configuration(self._calls, identity, (LIST_ENTRIES,))
        except DeviceRefusal as refusal:
            if not cannot(refusal):
                raise
            return CAUTIOUS_ENTRIES
        limits = self._calls.announced.by(identity)
        most = limits.get(LIST_ENTRIES)
        if most is not None and entries > most:
            raise LocalProtocolError(
                f"the list has {entries} tags; {identity} keeps at most {most}"
            )
        return min(limits.get(LIST_ENTRIES_AT_ONCE, CAUTIOUS_ENTRIES), MAX_ENTRIES_AT_ONCE)

    def _keep_at_hand(self, digest: str, entries: _Entries) -> None:
        self._at_hand.pop(digest, None)
        if len(entries) > MAX_ENTRIES_AT_HAND:
            return
        if len(self._at_hand) >= MAX_LISTS_AT_HAND:
            del self._at_hand[next(iter(self._at_hand))]
        self._at_hand[digest] = entries


def _entry(tag: Tag) -> AuthorizationData:
    expires_at = None if tag.expires_at is None else format_timestamp(tag.expires_at)
    return AuthorizationData(
        id_tag=tag.id_tag,
        id_tag_info=IdTagInfo(
            status=AuthorizationStatus(tag.status.value),
            expiry_date=expires_at,
            parent_id_tag=tag.parent_id_tag,
        ),
    )


def _digest(entries: _Entries) -> str:
    ordered = sorted(entries, key=lambda entry: entry.id_tag.casefold())
    return hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()


def _changes(before: _Entries, after: _Entries) -> _Entries:
    """The entries that are new or other ones, and those that are gone, without idTagInfo."""
    old = {entry.id_tag.casefold(): entry for entry in before}
    new = {entry.id_tag.casefold(): entry for entry in after}
    changed = [entry for name, entry in new.items() if old.get(name) != entry]
    gone = [
        AuthorizationData(id_tag=one.id_tag) for name, one in old.items() if name not in new
    ]
    return (*changed, *gone)


def _parts(entries: _Entries, at_once: int) -> list[_Entries]:
    return [entries[at : at + at_once] for at in range(0, len(entries), at_once)]


def _has_room(version: int, messages: int) -> bool:
    """Whether the numbers above C{version} suffice."""
    return version + messages <= MAX_ID


def _updated(done: _Sending, entries: int, update: UpdateType, messages: int) -> ListUpdate:
    outcome = {
        UpdateStatus.ACCEPTED: ListOutcome.ACCEPTED,
        UpdateStatus.NOT_SUPPORTED: ListOutcome.NOT_SUPPORTED,
    }.get(done.status, ListOutcome.FAILED)
    return ListUpdate(
        outcome,
        None if outcome is ListOutcome.NOT_SUPPORTED else done.version,
        entries,
        update,
        messages,
        "" if outcome is ListOutcome.ACCEPTED else f"answered with {done.status.value}",
    )
