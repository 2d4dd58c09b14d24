"""What was changed by whom."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from cfos_cm.services.web.entrance import Entrance
from cfos_cm.services.web.entrance_answers import AuditAnswer, AuditEntryAnswer, AuditQuery
from cfos_cm.web.answer import Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["audit_routes"]


def audit_routes(entrance: Entrance) -> tuple[Route, ...]:
    """C{/audit}."""
    return tuple(_Diary(entrance).routes())


@frozen
class _Diary:
    """What was done by whom."""

    entrance: Entrance

    def routes(self) -> Sequence[Route]:
        """Its routes."""
        return (
            Route(
                method="GET",
                path=f"{API}/audit",
                role=Role.ADMIN,
                handle=self.show,
                summary="What was changed by whom, the newest first.",
                tag="audit",
                query=AuditQuery,
                answer=AuditAnswer,
            ),
        )

    async def show(self, asked: Asked) -> Json:
        """A page of it."""
        limit = asked.query.limit
        # One more than is shown, to know whether there is another page.
        found = await self.entrance.audit.entries(limit + 1, asked.query.before)
        entries = [
            AuditEntryAnswer(
                number=one.number,
                at=one.at,
                who=one.who,
                role=one.role,
                origin=one.origin,
                method=one.method,
                path=one.path,
                status=one.status,
                note=one.note,
            )
            for one in found[:limit]
        ]
        return Json(AuditAnswer(entries, entries[-1].number if found[limit:] else None))
