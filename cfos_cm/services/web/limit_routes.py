"""Limits from outside over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

import msgspec

from cfos_cm.electrical import power_text
from cfos_cm.services.limit_orders import MINIMUM, least_power_w
from cfos_cm.services.outside_limits import (
    MAX_PARTY_CHARS,
    MAX_POWER_W,
    LimitRefused,
    OutsideLimits,
    Standing,
)
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["CircuitLimit", "CircuitLimits", "LimitAnswer", "NewLimit", "limit_routes"]

_ROUTE = partial(Route, tag="limits")


class NewLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A limit for a circuit. Each party has one for each circuit; it may change it.

    C{power_w}: the most that may be drawn [W]; minimum: the least that the operator of the grid
    may leave the circuit. C{by}: who asks for it, such as grid. C{all_loads}: it is about all
    that the circuit carries, not about its EVSEs alone. C{until}: with its zone; null: until it
    is lifted.
    """

    circuit: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    power_w: Annotated[int, msgspec.Meta(ge=0, le=MAX_POWER_W)] | Literal["minimum"]
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PARTY_CHARS)]
    all_loads: bool = False
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class CircuitLimit(msgspec.Struct, frozen=True, kw_only=True):
    """
    A limit and its proof.

    C{met_at}: when all that could be drawn was within it for the first time; C{booked_w} is
    what could be drawn at most then, C{measured_w} what was drawn. C{why_not_stored}: why its
    proof is not on disk; null: it is.
    """

    circuit: str
    by: str
    max_power_w: int
    all_loads: bool
    until: datetime | None
    asked_at: datetime
    met_at: datetime | None
    booked_w: int | None
    measured_w: int | None
    ended_at: datetime | None
    why_not_stored: str | None


class CircuitLimits(msgspec.Struct, frozen=True, kw_only=True):
    """All limits in force. C{observe_only}: nothing is done about them."""

    limits: tuple[CircuitLimit, ...]
    observe_only: bool


class LimitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that was set or lifted. C{observe_only}: nothing is done about it."""

    limit: CircuitLimit
    observe_only: bool


def limit_routes(limits: OutsideLimits, state: Callable[[], SiteState]) -> tuple[Route, ...]:
    """
    C{GET /limits}, C{POST /limits}, C{DELETE /limits/{circuit}/{by}}.

    @param state: the site as it is now.
    """

    def answer(standing: Standing) -> LimitAnswer:
        return LimitAnswer(limit=_shown(standing), observe_only=state().observe_only)

    async def all_of_them(asked: Asked) -> Answer:
        shown = tuple(map(_shown, limits.in_force))
        return Json(CircuitLimits(limits=shown, observe_only=state().observe_only))

    async def limit(asked: Asked) -> Answer:
        wanted = _limit(state(), asked.body)
        try:
            standing = await limits.limit(wanted)
        except LimitRefused as error:
            raise Problem(409, str(error)) from error
        return Json(answer(standing), note=_note(wanted))

    async def lift(asked: Asked) -> Answer:
        circuit, by = asked.path["circuit"], asked.path["by"]
        try:
            standing = await limits.lift(circuit, by, f"{asked.caller.name} has lifted it")
        except LimitRefused as error:
            raise Problem(404, str(error)) from error
        return Json(answer(standing), note=f"{circuit}: {by} limits it no more")

    return (
        _ROUTE(
            method="GET",
            path=f"{API}/limits",
            role=Role.VIEWER,
            handle=all_of_them,
            summary="The limits from outside that are in force.",
            answer=CircuitLimits,
        ),
        _ROUTE(
            method="POST",
            path=f"{API}/limits",
            role=Role.OPERATOR,
            handle=limit,
            summary="Limit what a circuit may draw, or change such a limit.",
            body=NewLimit,
            answer=LimitAnswer,
        ),
        _ROUTE(
            method="DELETE",
            path=f"{API}/limits/{{circuit}}/{{by}}",
            role=Role.OPERATOR,
            handle=lift,
            summary="End a limit from outside.",
            answer=LimitAnswer,
        ),
    )


def _limit(state: SiteState, body: NewLimit) -> OutsideLimit:
    power_w = body.power_w
    try:
        if power_w == MINIMUM:
            power_w = least_power_w(state, body.circuit)
        until = None if body.until is None else body.until.astimezone(UTC)
    except LimitRefused as error:
        raise Problem(409, str(error)) from error
    except OverflowError as error:
        raise Problem(422, "until: is outside of the calendar") from error
    assert isinstance(power_w, int)
    return OutsideLimit(body.circuit, body.by, power_w, not body.all_loads, until)


def _note(limit: OutsideLimit) -> str:
    until = "" if limit.until is None else f" until {limit.until.isoformat()}"
    return f"{limit.circuit}: {limit.by} allows {power_text(limit.max_power_w)}{until}"


def _shown(standing: Standing) -> CircuitLimit:
    proof, limit = standing.proof, standing.proof.limit
    return CircuitLimit(
        circuit=limit.circuit,
        by=limit.by,
        max_power_w=limit.max_power_w,
        all_loads=not limit.evses_only,
        until=limit.until,
        asked_at=proof.asked_at,
        met_at=proof.met_at,
        booked_w=proof.booked_w,
        measured_w=proof.measured_w,
        ended_at=proof.ended_at,
        why_not_stored=standing.why_not_stored,
    )
