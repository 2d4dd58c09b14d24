"""Starting, stopping and limiting charges over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from cfos_cm.services.web.done import Done
from cfos_cm.services.web.evse_orders import EvseOrders
from cfos_cm.site.tag import MAX_ID_TAG_CHARS, shortened
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["LimitBody", "NoBody", "StartBody", "evse_routes"]

#: What the pilot of a charging cable can offer at most; IEC 61851-1. [mA per phase]
_MAX_CURRENT_MA = 80_000

_Order = Callable[[Asked], Awaitable[Done]]


class NoBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Nothing has to be said."""


class StartBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """
    Who is to charge.

    @ivar id_tag: his card; it is judged as if it were shown.
    """

    id_tag: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_TAG_CHARS)]


class LimitBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """
    How much an EVSE may have.

    @ivar current_ma: no more than this on each phase; below the EVSE's minimum it pauses;
        null: no limit. [mA]
    """

    current_ma: Annotated[int, msgspec.Meta(ge=0, le=_MAX_CURRENT_MA)] | None


def evse_routes(orders: EvseOrders) -> tuple[Route, ...]:
    """C{POST /evses/{name}/start}, stop, pause, resume, limit, clear-profiles."""

    async def start(asked: Asked) -> Done:
        return await orders.start(asked.path["name"], asked.body.id_tag)

    async def stop(asked: Asked) -> Done:
        return await orders.stop_charge(asked.path["name"])

    async def pause(asked: Asked) -> Done:
        return await orders.pause(asked.path["name"], asked.caller.name)

    async def resume(asked: Asked) -> Done:
        return await orders.resume(asked.path["name"], asked.caller.name)

    async def limit(asked: Asked) -> Done:
        return await orders.limit(asked.path["name"], asked.body.current_ma, asked.caller.name)

    async def clear(asked: Asked) -> Done:
        return await orders.clear_profiles(asked.path["name"])

    return (
        _route("start", start, "Have a charge begin, as if a card were shown.", StartBody),
        _route("stop", stop, "End the charge that runs."),
        _route("pause", pause, "Give an EVSE nothing until it is resumed."),
        _route("resume", resume, "Give an EVSE that was paused something again."),
        _route("limit", limit, "Allow an EVSE no more than a current.", LimitBody),
        _route("clear-profiles", clear, "Have the charging profiles of an EVSE cleared."),
    )


def _route(verb: str, order: _Order, summary: str, body: type[Any] = NoBody) -> Route:
    async def handle(asked: Asked) -> Answer:
        done = await order(asked)
        return Json(done, note=_note(asked.body, done))

    return Route(
        method="POST",
        path=f"{API}/evses/{{name}}/{verb}",
        role=Role.OPERATOR,
        handle=handle,
        summary=summary,
        tag="evses",
        body=body,
        answer=Done,
    )


def _note(body: object, done: Done) -> str:
    """For the audit log: what was said, and what came of it."""
    who = f"{shortened(body.id_tag)}: " if isinstance(body, StartBody) else ""
    return f"{who}{done.status}: {done.text}"
