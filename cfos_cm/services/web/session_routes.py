"""Logging in and out, setting up, and one's own password."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from cfos_cm.services.web.entrance import Entrance, LoggedIn
from cfos_cm.services.web.entrance_answers import (
    LoginBody,
    PasswordBody,
    SessionAnswer,
    SetupBody,
    UserAnswer,
)
from cfos_cm.services.web.roles import name_of
from cfos_cm.web.answer import Json
from cfos_cm.web.cookies import clear_cookie, set_cookie
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["session_routes"]

#: Names and passwords, and nothing longer.
_MAX_BODY_BYTES = 16 * 1024


def session_routes(
    entrance: Entrance, title: Callable[[], str], version: str
) -> tuple[Route, ...]:
    """
    C{/session}, C{/setup} and C{/password}.

    @param title: of the site, as it is called now.
    @param version: of this program.
    """
    return tuple(_Sessions(entrance, title, version).routes())


@frozen
class _Sessions:
    """Who is logged in."""

    entrance: Entrance
    title: Callable[[], str]
    version: str

    def routes(self) -> Sequence[Route]:
        """Its routes."""
        return (
            Route(
                method="GET",
                path=f"{API}/session",
                role=Role.ANYBODY,
                handle=self.show,
                summary="Who asks, and whether the site is set up.",
                tag="session",
                answer=SessionAnswer,
                is_audited=False,
            ),
            Route(
                method="POST",
                path=f"{API}/session",
                role=Role.ANYBODY,
                handle=self.log_in,
                summary="Log in.",
                tag="session",
                body=LoginBody,
                answer=SessionAnswer,
                problems=(401,),
                is_audited=False,
                max_body_bytes=_MAX_BODY_BYTES,
            ),
            Route(
                method="DELETE",
                path=f"{API}/session",
                role=Role.ANYBODY,
                handle=self.log_out,
                summary="Log out.",
                tag="session",
                is_audited=False,
            ),
            Route(
                method="POST",
                path=f"{API}/setup",
                role=Role.ANYBODY,
                handle=self.set_up,
                summary='Make the account "admin", with the set-up code of the log.',
                tag="session",
                body=SetupBody,
                answer=SessionAnswer,
                is_audited=False,
                max_body_bytes=_MAX_BODY_BYTES,
            ),
            Route(
                method="PUT",
                path=f"{API}/password",
                role=Role.VIEWER,
                handle=self.change_password,
                summary="Change one's own password; all other sessions of the account end.",
                tag="session",
                body=PasswordBody,
                answer=SessionAnswer,
                max_body_bytes=_MAX_BODY_BYTES,
            ),
        )

    async def show(self, asked: Asked) -> Json:
        """Who asks."""
        return Json(self._about(asked.caller))

    async def log_in(self, asked: Asked) -> Json:
        """Begin a session."""
        body = asked.body
        return self._began(
            await self.entrance.log_in(body.user, body.password, asked.caller), asked
        )

    async def log_out(self, asked: Asked) -> Json:
        """End it."""
        self.entrance.log_out(asked.caller)
        return Json(None, status=204, headers=_cookie(clear_cookie(asked.is_secure)))

    async def set_up(self, asked: Asked) -> Json:
        """Make the first account."""
        body = asked.body
        return self._began(
            await self.entrance.set_up(body.code, body.password, asked.caller), asked
        )

    async def change_password(self, asked: Asked) -> Json:
        """Change one's own."""
        body = asked.body
        logged_in = await self.entrance.change_password(body.old, body.new, asked.caller)
        return self._began(logged_in, asked, "has another password")

    def _began(self, logged_in: LoggedIn, asked: Asked, note: str = "") -> Json:
        cookie = set_cookie(logged_in.secret, asked.is_secure)
        return Json(self._about(logged_in.caller), headers=_cookie(cookie), note=note)

    def _about(self, caller: Caller) -> SessionAnswer:
        is_set_up = self.entrance.is_set_up
        if caller.role is Role.ANYBODY:
            return SessionAnswer(is_set_up)
        user = UserAnswer(caller.name, name_of(caller.role))
        return SessionAnswer(is_set_up, user, caller.csrf, self.title(), self.version)


def _cookie(value: str) -> dict[str, str]:
    return {"Set-Cookie": value}
