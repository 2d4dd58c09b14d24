"""
Who may charge. OCPP 1.6, "Authorization Cache", "Local Authorization List" and "Offline
Authorization".

Nobody is let in without somebody who says so: the backend, one of the two lists that it has
filled, or the key AllowOfflineTxForUnknownId that it has set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from attrs import define, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.cache import Cache
from cfos_cm.charge_point.configuration import Configuration
from cfos_cm.charge_point.environment import Memory, MemoryKind
from cfos_cm.charge_point.local_list import LocalList
from cfos_cm.errors import CfosError, DeviceRefusal
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.v16.actions import ACTIONS, encode, read_confirmation
from cfos_cm.v16.core import AuthorizeConfirmation, AuthorizeRequest, ClearCacheStatus
from cfos_cm.v16.local_auth_list import SendLocalListRequest, UpdateStatus
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = ["PATIENCE_S", "RECENT_S", "Cards", "Judged", "Source"]

#: Somebody stands before a reader, and the Charge Point waits itself. [s]
PATIENCE_S: Final = 10.0
#: From the card to the start of the transaction; it is not asked twice. [s]
RECENT_S: Final = 60.0
#: Answers that are remembered so long: nobody shows more cards in that time.
_MAX_RECENT: Final = 100
#: Questions that wait for an answer.
_MAX_OPEN: Final = 50

_INVALID: Final = IdTagInfo(status=AuthorizationStatus.INVALID)
_ACCEPTED: Final = IdTagInfo(status=AuthorizationStatus.ACCEPTED)

_log = Logger(namespace="cfos_cm.gateway")


class Source(StrEnum):
    """Who has judged an idTag."""

    BACKEND = "the backend"
    RECENT = "the backend, a moment ago"
    REMOTE = "the backend, which has started the transaction"
    LIST = "the local list"
    CACHE = "the cache"
    UNKNOWN_ALLOWED = "AllowOfflineTxForUnknownId"
    NOBODY = "nobody"


@frozen
class Judged:
    """
    Whether an idTag is good.

    @ivar source: who says so.
    """

    info: IdTagInfo
    source: Source

    @property
    def is_good(self) -> bool:
        """Whether it is accepted."""
        return self.info.status is AuthorizationStatus.ACCEPTED


@define(eq=False)
class _Question:
    """
    Whom the backend is asked about, and who waits for its answer.

    @ivar patience: what ends the waiting.
    """

    id_tag: str
    patience: IDelayedCall
    waiting: list[Deferred[Judged]]


class Cards:
    """What is known of idTags, and who is asked besides."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        memory: Memory,
        clock: IReactorTime,
        now: Callable[[], datetime],
        ask: Callable[[str, bytes], Deferred[bytes]],
    ) -> None:
        """
        @param name: of the gateway, for people.
        @param now: the time of day; aware, UTC.
        @param ask: takes an action and the JSON text of its payload to the backend, and brings
            that of the answer; fails with L{DeviceError} where there is none.
        """
        self._name = name
        self._configuration = configuration
        self._clock = clock
        self._ask = ask
        self._cache = Cache(name, memory, now)
        self._list = LocalList(name, memory, now)
        # By idTag in lower case, with the time by the clock until when it holds.
        self._recent: dict[str, tuple[float, Judged]] = {}
        self._open: dict[str, _Question] = {}

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take what was known before the restart."""
        self._cache.restore(remembered)
        self._list.restore(remembered)

    def judge(self, id_tag: str, payload: bytes | None = None) -> Deferred[Judged]:
        """
        Whether somebody may charge.

        @param payload: the JSON text of the Authorize, as a Charge Point wrote it; C{None}: it
            is made here.
        @return: fires within L{PATIENCE_S}; never fails.
        """
        known = self._known_here(id_tag)
        if known is not None:
            return succeed(known)
        waiting: Deferred[Judged] = Deferred()
        asked = self._open.get(id_tag.casefold())
        if asked is not None:
            asked.waiting.append(waiting)
            return waiting
        if len(self._open) >= _MAX_OPEN:
            return succeed(self.judge_offline(id_tag))
        question = _Question(
            id_tag,
            self._clock.callLater(PATIENCE_S, self._settle, id_tag, None, "does not answer"),
            [waiting],
        )
        self._open[id_tag.casefold()] = question
        self._put_question(question, payload)
        return waiting

    def close(self) -> None:
        """Nobody is asked any more: who waits is judged by what is known here."""
        for question in tuple(self._open.values()):
            self._settle(question.id_tag, None, "is not asked any more")

    def judge_offline(self, id_tag: str) -> Judged:
        """
        Whether somebody may charge while the backend cannot be asked.

        The list goes before the cache; who is in neither is unknown. Who is refused by either
        stays refused, whatever else is allowed.
        """
        found = self._in_list(id_tag) or self._in_cache(id_tag)
        if found is not None:
            is_trusted = self._configuration.is_set("LocalAuthorizeOffline")
            if is_trusted or not found.is_good:
                return found
        if self._configuration.is_set("AllowOfflineTxForUnknownId"):
            return Judged(_ACCEPTED, Source.UNKNOWN_ALLOWED)
        return Judged(_INVALID, Source.NOBODY)

    def noted(self, id_tag: str, info: IdTagInfo) -> None:
        """
        The backend has said something of an idTag.

        In the confirmation of Authorize, StartTransaction or StopTransaction.
        """
        self._put_recent(id_tag, Judged(info, Source.RECENT), RECENT_S)
        if self._configuration.is_set("AuthorizationCacheEnabled"):
            self._cache.put(id_tag, info)

    def vouch(self, id_tag: str, for_s: float) -> None:
        """
        The backend has started somebody remotely: it is not asked about him.

        @param for_s: so long. [s]
        """
        self._put_recent(id_tag, Judged(_ACCEPTED, Source.REMOTE), for_s)

    def version(self) -> int:
        """What GetLocalListVersion is answered with: 0, it is empty; -1, there is none."""
        return self._list.version if self._has_list else -1

    def update(self, request: SendLocalListRequest) -> Deferred[UpdateStatus]:
        """Put another list in the place of the local one, or change it."""
        if not self._has_list:
            return succeed(UpdateStatus.NOT_SUPPORTED)
        return self._list.update(request)

    def clear(self) -> Deferred[ClearCacheStatus]:
        """Forget what the cache holds; it is rejected where there is none."""
        self._recent.clear()
        if not self._configuration.is_set("AuthorizationCacheEnabled"):
            return succeed(ClearCacheStatus.REJECTED)
        cleared = self._cache.clear()
        return cleared.addCallbacks(
            lambda _: ClearCacheStatus.ACCEPTED, lambda _: ClearCacheStatus.REJECTED
        )

    @property
    def _has_list(self) -> bool:
        return self._configuration.is_set("LocalAuthListEnabled")

    def _known_here(self, id_tag: str) -> Judged | None:
        """What needs no question."""
        recent = self._recent.get(id_tag.casefold())
        if recent is not None and recent[0] > self._clock.seconds():
            return recent[1]
        if self._configuration.is_set("LocalPreAuthorize"):
            found = self._in_list(id_tag) or self._in_cache(id_tag)
            # Whom they refuse may have been let in since.
            return found if found is not None and found.is_good else None
        return None

    def _in_list(self, id_tag: str) -> Judged | None:
        found = self._list.get(id_tag) if self._has_list else None
        return None if found is None else Judged(found, Source.LIST)

    def _in_cache(self, id_tag: str) -> Judged | None:
        has_cache = self._configuration.is_set("AuthorizationCacheEnabled")
        found = self._cache.get(id_tag) if has_cache else None
        return None if found is None else Judged(found, Source.CACHE)

    def _put_recent(self, id_tag: str, judged: Judged, for_s: float) -> None:
        name = id_tag.casefold()
        self._recent.pop(name, None)
        while len(self._recent) >= _MAX_RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[name] = (self._clock.seconds() + for_s, judged)

    def _put_question(self, question: _Question, payload: bytes | None) -> None:
        """Ask the backend. What it says too late is noted all the same."""
        id_tag = question.id_tag

        def answered(text: bytes) -> None:
            info = _info(text)
            self.noted(id_tag, info)
            self._settle(id_tag, Judged(info, Source.BACKEND), "")

        def failed(failure: Failure) -> None:
            error = failure.value
            if not isinstance(error, CfosError):
                _log.failure("an idTag could not be judged", failure)
            refuses = isinstance(error, DeviceRefusal)
            self._settle(id_tag, None, "refuses to say" if refuses else "cannot be asked")

        try:
            asked = self._ask("Authorize", payload or encode(AuthorizeRequest(id_tag=id_tag)))
        except CfosError as error:
            asked = fail(error)
        asked.addCallback(answered).addErrback(failed)

    def _settle(self, id_tag: str, judged: Judged | None, why: str) -> None:
        question = self._open.pop(id_tag.casefold(), None)
        if question is None:
            return
        if question.patience.active():
            question.patience.cancel()
        if judged is None:
            judged = self.judge_offline(id_tag)
            _log.info(
                "{name}: the backend {why}; {source} judges an idTag: {status}",
                name=self._name,
                why=why,
                source=judged.source.value,
                status=judged.info.status.value,
            )
        for one in question.waiting:
            one.callback(judged)


def _info(payload: bytes) -> IdTagInfo:
    """
    What an Authorize was answered with.

    @raise CfosError: if it is no such answer.
    """
    reading = read_confirmation(ACTIONS["Authorize"], payload, EVERY_QUIRK)
    assert isinstance(reading.message, AuthorizeConfirmation)
    return reading.message.id_tag_info
