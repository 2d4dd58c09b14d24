"""The site and its EVSEs as they are now, and what changes."""

from __future__ import annotations

from cfos_cm.services.web import site_answers as answers
from cfos_cm.services.web.live import LiveHub
from cfos_cm.services.web.nearest import no_evse
from cfos_cm.services.web.outlook import Outlook
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Handler, Route

__all__ = ["site_routes"]

#: What was so a moment ago is of no use to anybody later.
_FRESH = {"Cache-Control": "no-store"}


def site_routes(outlook: Outlook, hub: LiveHub) -> tuple[Route, ...]:
    """
    GET C{/site}, C{/evses}, C{/evses/{name}} and C{/live}.

    None of them has an ETag: hardly a second passes in which none of it changes, and that of an
    EVSE would be taken for that of its settings.
    """
    office = _Office(outlook, hub)
    return (
        _get("/site", office.site, "The site as it is now.", "site", answers.Site),
        _get("/evses", office.evses, "All EVSEs as they are now.", "evses", answers.Evses),
        _get("/evses/{name}", office.evse, "An EVSE as it is now.", "evses", answers.Evse),
        Route(
            method="GET",
            path=f"{API}/live",
            role=Role.VIEWER,
            handle=office.live,
            summary=(
                "What changes, as server-sent events: first site, evses and gateways with "
                "everything, then those of site, evses, evse_changes, gone and gateways that "
                "have changed, once a second at most."
            ),
            tag="site",
            media=("text/event-stream",),
        ),
    )


def _get(path: str, handle: Handler, summary: str, tag: str, answer: type[object]) -> Route:
    return Route(
        method="GET",
        path=f"{API}{path}",
        role=Role.VIEWER,
        handle=handle,
        summary=summary,
        tag=tag,
        answer=answer,
    )


class _Office:
    def __init__(self, outlook: Outlook, hub: LiveHub) -> None:
        self._outlook = outlook
        self._hub = hub

    async def site(self, asked: Asked) -> Answer:
        """The site as it is now."""
        return Json(self._outlook.site(), headers=_FRESH)

    async def evses(self, asked: Asked) -> Answer:
        """All EVSEs as they are now."""
        found = tuple(self._outlook.evses().values())
        return Json(answers.Evses(evses=found), headers=_FRESH)

    async def evse(self, asked: Asked) -> Answer:
        """An EVSE as it is now."""
        name = asked.path["name"]
        found = self._outlook.evse(name)
        if found is None:
            raise no_evse(name, self._outlook.names())
        return Json(found, headers=_FRESH)

    async def live(self, asked: Asked) -> Answer:
        """What changes."""
        return self._hub.stream()
