"""Who was not let in, and what Charge Points have told about their security."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.refusals import TurnedAway
from cfos_cm.counters import Counter
from cfos_cm.services.console_words import printable
from cfos_cm.services.web.failed_logins import FailedLogin
from cfos_cm.services.web.security_answers import FailedLoginShown, Security, event_shown
from cfos_cm.storage.security_events import SecurityEvent
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["MAX_EVENTS", "MAX_FAILED_LOGINS", "security_routes"]

#: So many of each are shown.
MAX_EVENTS = 500
MAX_FAILED_LOGINS = 500

#: Those that a person looks at when something is wrong.
COUNTERS = (
    Counter.CONNECTIONS_REFUSED,
    Counter.HANDSHAKES_FAILED,
    Counter.TLS_FAILED,
    Counter.TLS_REFUSED,
    Counter.PLAIN_REFUSED,
    Counter.LOGINS_TOO_WEAK,
    Counter.LOGINS_FAILED,
    Counter.LOGINS_PUT_OFF,
    Counter.IDENTITIES_REFUSED,
    Counter.CONNECTIONS_REPLACED,
    Counter.REPLACEMENTS_REFUSED,
    Counter.MESSAGES_TOO_BIG,
    Counter.MESSAGES_TOO_DEEP,
    Counter.FRAMES_UNREADABLE,
    Counter.SENDERS_TOO_FAST,
    Counter.READERS_TOO_SLOW,
    Counter.CALLS_TOO_MANY,
    Counter.FOREIGN_STOPS,
    Counter.UNKNOWN_STOPS,
)


class NewestEvents(Protocol):
    """What Charge Points have told; L{cfos_cm.storage.security_events.SecurityEvents}."""

    def newest(self, limit: int) -> Deferred[tuple[SecurityEvent, ...]]:
        """What all of them have told last, newest first."""


def security_routes(
    central_system: CentralSystem,
    events: NewestEvents,
    page_logins: Callable[[], Iterable[FailedLogin]],
) -> tuple[Route, ...]:
    """
    C{GET /security}.

    @param page_logins: failed logins of the page and with tokens, in any order.
    """

    async def security(asked: Asked) -> Answer:
        counts = central_system.counters.all()
        return Json(
            Security(
                failed_logins=_failed(central_system, page_logins()),
                events=tuple(map(event_shown, await events.newest(MAX_EVENTS))),
                counters={one.value: counts[one] for one in COUNTERS},
            )
        )

    return (
        Route(
            method="GET",
            path=f"{API}/security",
            role=Role.ADMIN,
            handle=security,
            summary="Failed logins, security events and counters of what was refused.",
            tag="security",
            answer=Security,
        ),
    )


def _failed(
    central_system: CentralSystem, page_logins: Iterable[FailedLogin]
) -> tuple[FailedLoginShown, ...]:
    found = [
        *map(_of_charge_point, central_system.refusals.failed_logins),
        *map(_of_page, page_logins),
    ]
    found.sort(key=lambda one: one.at, reverse=True)
    return tuple(found[:MAX_FAILED_LOGINS])


def _of_charge_point(one: TurnedAway) -> FailedLoginShown:
    return FailedLoginShown(
        at=one.last_at,
        who=printable(one.identity),
        origin=printable(one.origin),
        what="charge point",
        why=printable(one.why),
        count=one.count,
    )


def _of_page(one: FailedLogin) -> FailedLoginShown:
    what: Any = one.what
    return FailedLoginShown(
        at=one.at, who=printable(one.who), origin=one.origin, what=what, why=one.why
    )
