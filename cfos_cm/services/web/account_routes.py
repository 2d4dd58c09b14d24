"""The accounts."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from cfos_cm.services.web.entrance import Entrance
from cfos_cm.services.web.entrance_answers import (
    AccountAnswer,
    AccountBody,
    AccountsAnswer,
    ChangedAccountBody,
)
from cfos_cm.services.web.names_asked import known_name, new_name
from cfos_cm.services.web.roles import name_of, role_of
from cfos_cm.web.answer import Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["account_routes"]

#: Names and passwords, and nothing longer.
_MAX_BODY_BYTES = 16 * 1024


def account_routes(entrance: Entrance) -> tuple[Route, ...]:
    """C{/accounts}."""
    return tuple(_People(entrance).routes())


@frozen
class _People:
    """The accounts."""

    entrance: Entrance

    def routes(self) -> Sequence[Route]:
        """Its routes."""
        path = f"{API}/accounts"
        return (
            Route(
                method="GET",
                path=path,
                role=Role.ADMIN,
                handle=self.show,
                summary="All accounts.",
                tag="accounts",
                answer=AccountsAnswer,
            ),
            Route(
                method="POST",
                path=path,
                role=Role.ADMIN,
                handle=self.add,
                summary="Make an account.",
                tag="accounts",
                body=AccountBody,
                answer=AccountsAnswer,
                done=201,
                max_body_bytes=_MAX_BODY_BYTES,
            ),
            Route(
                method="PUT",
                path=f"{path}/{{name}}",
                role=Role.ADMIN,
                handle=self.change,
                summary="Give an account another role or password, which logs it out.",
                tag="accounts",
                body=ChangedAccountBody,
                answer=AccountsAnswer,
                max_body_bytes=_MAX_BODY_BYTES,
            ),
            Route(
                method="DELETE",
                path=f"{path}/{{name}}",
                role=Role.ADMIN,
                handle=self.remove,
                summary="Remove an account, but one's own.",
                tag="accounts",
            ),
        )

    async def show(self, asked: Asked) -> Json:
        """All of them."""
        return self._all()

    async def add(self, asked: Asked) -> Json:
        """Make one."""
        name, body = new_name(asked.body.name), asked.body
        await self.entrance.people.add(name, body.role, body.password)
        return self._all(201, f"{name}: {body.role}")

    async def change(self, asked: Asked) -> Json:
        """Change one."""
        name, body = known_name(asked), asked.body
        before = self.entrance.people.find(name)
        await self.entrance.people.change(name, body.role, body.password)
        after = self.entrance.people.find(name)
        changed = ["another password"] if body.password is not None else []
        if before is not None and after is not None and before.role != after.role:
            changed.append(f"{before.role} -> {after.role}")
        return self._all(200, f"{name}: {', '.join(changed) or 'nothing'}")

    async def remove(self, asked: Asked) -> Json:
        """Remove one."""
        name = known_name(asked)
        if name == asked.caller.name and asked.caller.session is not None:
            raise Problem(409, "nobody can remove his own account")
        await self.entrance.people.remove(name)
        return Json(None, status=204, note=f"{name}: removed")

    def _all(self, status: int = 200, note: str = "") -> Json:
        found = [
            AccountAnswer(one.name, name_of(role_of(one.role)), one.changed_at)
            for one in self.entrance.people.all()
        ]
        return Json(AccountsAnswer(found), status=status, note=note)
