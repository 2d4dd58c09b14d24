"""The tokens."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from cfos_cm.services.web.entrance import Entrance
from cfos_cm.services.web.entrance_answers import (
    MadeTokenAnswer,
    TokenAnswer,
    TokenBody,
    TokensAnswer,
)
from cfos_cm.services.web.names_asked import known_name, new_name
from cfos_cm.services.web.roles import name_of, role_of
from cfos_cm.web.answer import Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["token_routes"]

#: A name, a role and a time, and nothing longer.
_MAX_BODY_BYTES = 16 * 1024


def token_routes(entrance: Entrance) -> tuple[Route, ...]:
    """C{/tokens}."""
    return tuple(_Keys(entrance).routes())


@frozen
class _Keys:
    """The tokens."""

    entrance: Entrance

    def routes(self) -> Sequence[Route]:
        """Its routes."""
        path = f"{API}/tokens"
        return (
            Route(
                method="GET",
                path=path,
                role=Role.ADMIN,
                handle=self.show,
                summary="All tokens, without what they are.",
                tag="tokens",
                answer=TokensAnswer,
            ),
            Route(
                method="POST",
                path=path,
                role=Role.ADMIN,
                handle=self.make,
                summary="Make a token, which is told this once.",
                tag="tokens",
                body=TokenBody,
                answer=MadeTokenAnswer,
                done=201,
                max_body_bytes=_MAX_BODY_BYTES,
            ),
            Route(
                method="DELETE",
                path=f"{path}/{{name}}",
                role=Role.ADMIN,
                handle=self.remove,
                summary="Have a token count no more.",
                tag="tokens",
            ),
        )

    async def show(self, asked: Asked) -> Json:
        """All of them."""
        found = [
            TokenAnswer(
                one.name,
                name_of(role_of(one.role)),
                one.created_at,
                one.expires_at,
                one.used_at,
            )
            for one in self.entrance.keys.all()
        ]
        return Json(TokensAnswer(found))

    async def make(self, asked: Asked) -> Json:
        """Make one."""
        name, body = new_name(asked.body.name), asked.body
        token = await self.entrance.keys.make(name, body.role, body.expires_at)
        until = "" if body.expires_at is None else f", until {body.expires_at.isoformat()}"
        return Json(
            MadeTokenAnswer(name, body.role, token, body.expires_at),
            status=201,
            note=f"{name}: {body.role}{until}",
        )

    async def remove(self, asked: Asked) -> Json:
        """Take one back."""
        name = known_name(asked)
        await self.entrance.keys.remove(name)
        return Json(None, status=204, note=f"{name}: removed")
