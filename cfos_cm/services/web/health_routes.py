"""Whether the program works, for whoever watches over it: no login is asked for."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cfos_cm.services.web.health import Health
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import Asked, Handler, Route

__all__ = ["HealthAnswer", "health_routes"]


class HealthAnswer(Struct, frozen=True, kw_only=True):
    """
    Whether it works.

    @ivar status: C{ok}, or C{failing} with status 503.
    @ivar reasons: why not: C{site_not_running}, C{control_loop_stands}, C{ocpp_door_closed} or
        C{database_fails}.
    """

    status: Literal["ok", "failing"]
    reasons: tuple[str, ...]


def health_routes(health: Health) -> tuple[Route, ...]:
    """GET C{/healthz}: it does its work; GET C{/readyz}: it can serve."""

    async def healthz(asked: Asked) -> Answer:
        return _answer(health.faults())

    async def readyz(asked: Asked) -> Answer:
        return _answer(await health.hindrances())

    return (
        _route("/healthz", healthz, "Whether the program does its work."),
        _route("/readyz", readyz, "Whether Charge Points can be served now."),
    )


def _route(path: str, handle: Handler, summary: str) -> Route:
    return Route(
        method="GET",
        path=path,
        role=Role.ANYBODY,
        handle=handle,
        summary=summary,
        tag="health",
        answer=HealthAnswer,
    )


def _answer(reasons: tuple[str, ...]) -> Answer:
    found = HealthAnswer(status="failing" if reasons else "ok", reasons=reasons)
    return Json(found, status=503 if reasons else 200, headers={"Cache-Control": "no-store"})
