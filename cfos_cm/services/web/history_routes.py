"""What flowed in the last hours and days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from cfos_cm.services.web.history import DAYS, HOURS, Curves, History, Span
from cfos_cm.services.web.nearest import no_evse
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = [
    "EvseHistory",
    "EvseSeries",
    "HistoryQuery",
    "SiteHistory",
    "SiteSeries",
    "history_routes",
]

Values = Sequence[int | None]


class HistoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How far back.

    @ivar span: C{hours}: six, every 10 s; C{days}: fourteen, every 5 min.
    """

    span: Literal["hours", "days"] = "hours"


class EvseSeries(Struct, frozen=True, kw_only=True):
    """
    Values of an EVSE, one for each time; null: not known.

    @ivar power_w: what its car drew. [W]
    @ivar current_ma: on the phase with most of it. [mA]
    @ivar setpoint_ma: what it could have drawn. [mA per phase]
    """

    power_w: Values
    current_ma: Values
    setpoint_ma: Values


class EvseHistory(Struct, frozen=True, kw_only=True):
    """
    What an EVSE drew, since the program began at most.

    @ivar step_s: from one time to the next. [s]
    @ivar times: in seconds since 1970 (UTC). [s]
    """

    step_s: int
    times: Sequence[int]
    series: EvseSeries


class SiteSeries(Struct, frozen=True, kw_only=True):
    """
    Values of the site, one for each time; null: not known.

    @ivar grid_w: drawn from the grid, negative where it was fed in. [W]
    @ivar house_w: drawn besides EVSEs. [W]
    @ivar generation_w: generated. [W]
    @ivar chargers_w: drawn by EVSEs. [W]
    """

    grid_w: Values
    house_w: Values
    generation_w: Values
    chargers_w: Values


class SiteHistory(Struct, frozen=True, kw_only=True):
    """
    Where power flowed, since the program began at most.

    @ivar step_s: from one time to the next. [s]
    @ivar times: in seconds since 1970 (UTC). [s]
    """

    step_s: int
    times: Sequence[int]
    series: SiteSeries


_SPANS: dict[str, Span] = {"hours": HOURS, "days": DAYS}


def history_routes(history: History) -> tuple[Route, ...]:
    """GET C{/site/history} and C{/evses/{name}/history}."""
    office = _Office(history)
    return (
        Route(
            method="GET",
            path=f"{API}/site/history",
            role=Role.VIEWER,
            handle=office.site,
            summary="Where power flowed in the last hours or days.",
            tag="site",
            query=HistoryQuery,
            answer=SiteHistory,
        ),
        Route(
            method="GET",
            path=f"{API}/evses/{{name}}/history",
            role=Role.VIEWER,
            handle=office.evse,
            summary="What an EVSE drew in the last hours or days.",
            tag="evses",
            query=HistoryQuery,
            answer=EvseHistory,
        ),
    )


class _Office:
    def __init__(self, history: History) -> None:
        self._history = history

    async def site(self, asked: Asked) -> Answer:
        """Where power flowed."""
        curves = self._history.site(_span(asked))
        return Json(_shown(curves))

    async def evse(self, asked: Asked) -> Answer:
        """What an EVSE drew."""
        name = asked.path["name"]
        curves = self._history.evse(name, _span(asked))
        if curves is None:
            raise no_evse(name, self._history.names())
        return Json(_shown(curves))


def _span(asked: Asked) -> Span:
    query = asked.query
    return _SPANS[query.span] if isinstance(query, HistoryQuery) else HOURS


def _shown(curves: Curves) -> dict[str, object]:
    return {"step_s": curves.span.step_s, "times": curves.times, "series": curves.series}
