"""Noting who has changed what: beside what is done, and never in its way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.storage.audit import AuditEntry, AuditStore
from cfos_cm.web.audited import Audited
from cfos_cm.web.role import Caller

__all__ = ["MAX_WAITING", "REFUSALS", "REFUSAL_EVERY", "AuditLog"]

#: Entries that wait for the disk; more are only logged.
MAX_WAITING = 1000

#: What somebody was refused is noted so often, and then once in so long, with how many others
#: there were: who may do nothing must not be able to push all else out of the log.
REFUSALS = 30
REFUSAL_EVERY = timedelta(minutes=1)
_MAX_REFUSED = 1000

_log = Logger(namespace="cfos_cm.web")


@define
class _Refused:
    """
    One who was refused something.

    @ivar left: so often that may be noted now.
    @ivar untold: so often it was not.
    """

    at: datetime
    left: float = REFUSALS
    untold: int = 0


class AuditLog:
    """What people and programs have done over HTTP."""

    def __init__(self, store: AuditStore, now: Callable[[], datetime]) -> None:
        """
        @param now: the time of day, aware.
        """
        self._store = store
        self._now = now
        self._waiting = 0
        self._refused: dict[str, _Refused] = {}

    def note(self, caller: Caller, method: str, path: str, status: int, note: str) -> None:
        """
        Note one thing that was asked. It waits for nothing; what fails is logged.

        Nothing is noted of a caller without a name: anybody could fill the log with it. Of what
        somebody is refused again and again a part is noted.

        @param path: of the request, without what follows a question mark.
        @param status: that it was answered with.
        @param note: what has changed, without secrets.
        """
        self.put(
            Audited(
                who=caller.name,
                role=caller.role,
                origin=caller.origin,
                method=method,
                path=path,
                status=status,
                note=note,
            )
        )

    def put(self, audited: Audited) -> None:
        """As L{note}, for what a request's pipeline has put together."""
        if not audited.who:
            return
        untold = self._untold(audited)
        if untold is None:
            return
        more = f"{audited.note} (and {untold} others)".strip() if untold else audited.note
        entry = AuditEntry(
            at=self._now(),
            who=audited.who,
            role=audited.role.name.lower(),
            origin=audited.origin,
            method=audited.method,
            path=audited.path,
            status=audited.status,
            note=more,
        )
        if self._waiting >= MAX_WAITING:
            self._lost(entry, f"{MAX_WAITING} others wait for the disk already")
            return
        self._waiting += 1
        self._store.add(entry).addErrback(self._failed, entry).addBoth(self._done)

    def _untold(self, audited: Audited) -> int | None:
        """How many refusals are not noted until this one; C{None}: it is not, either."""
        if audited.status < 400:
            return 0
        now = self._now()
        one = self._refused.setdefault(audited.who, _Refused(now))
        if len(self._refused) > _MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
        gained = max(0.0, (now - one.at) / REFUSAL_EVERY)
        one.at, one.left = now, min(REFUSALS, one.left + gained)
        if one.left < 1:
            one.untold += 1
            return None
        one.left -= 1
        untold, one.untold = one.untold, 0
        return untold

    def _failed(self, failure: Failure, entry: AuditEntry) -> None:
        self._lost(entry, failure.getErrorMessage())

    def _lost(self, entry: AuditEntry, why: str) -> None:
        _log.error(
            "not in the audit log: {who} at {origin}: {method} {path}: {status}: {why}",
            who=entry.who,
            origin=entry.origin,
            method=entry.method,
            path=entry.path,
            status=entry.status,
            why=why,
        )

    def _done(self, _: object) -> None:
        self._waiting -= 1

    def entries(
        self, limit: int, before: int | None = None
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """See L{AuditStore.entries}."""
        return self._store.entries(limit, before)
