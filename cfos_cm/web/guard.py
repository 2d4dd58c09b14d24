"""Whether who asks may have what he asks for."""

from __future__ import annotations

from hmac import compare_digest

from attrs import frozen
from twisted.web.http_headers import Headers

from cfos_cm.web.cookies import session_of
from cfos_cm.web.doorkeeper import Doorkeeper
from cfos_cm.web.forwarded import Asker
from cfos_cm.web.headers import lines, single
from cfos_cm.web.host_names import same_origin
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role

__all__ = ["CSRF_HEADER", "Credentials", "Guard", "Own", "credentials"]

CSRF_HEADER = "X-CSRF-Token"
_SAFE = ("GET", "HEAD")


@frozen
class Credentials:
    """What a request says about who makes it."""

    session: str | None
    bearer: str | None

    def __repr__(self) -> str:
        """Nothing of them."""
        return "Credentials(...)"


def credentials(headers: Headers, is_secure: bool) -> Credentials:
    """
    What a request says about who makes it.

    @raise Problem: 400, if it says two things.
    """
    session = session_of(lines(headers, "Cookie"), is_secure)
    # Other kinds than Bearer are somebody else's, such as a proxy's.
    scheme, _, rest = (single(headers, "Authorization") or "").partition(" ")
    bearer = rest.strip() or None if scheme.lower() == "bearer" else None
    if session is not None and bearer is not None:
        raise Problem(400, "A request has a session's cookie or a token, not both.")
    return Credentials(session, bearer)


@frozen
class Own:
    """
    Where a request was sent to.

    @ivar host: what its C{Host} says.
    """

    host: str
    is_secure: bool


class Guard:
    """Lets those in who may, and no page of somebody else."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper

    async def caller(self, headers: Headers, asker: Asker) -> Caller:
        """
        Who asks.

        @raise Problem: 400, 401 or 429.
        """
        said = credentials(headers, asker.is_secure)
        return await self._doorkeeper.caller(said.session, said.bearer, asker.address)

    def check(
        self, method: str, role: Role, headers: Headers, caller: Caller, own: Own
    ) -> None:
        """
        Whether he may.

        @param role: that he needs.
        @raise Problem: 401 or 403.
        """
        self._check_set_up(role)
        _check_role(role, caller)
        if method in _SAFE:
            _check_reader(headers, caller)
        else:
            _check_origin(headers, caller, own)

    def _check_set_up(self, role: Role) -> None:
        if role > Role.ANYBODY and not self._doorkeeper.is_set_up:
            detail = "Nobody has set a password yet: open the page, which asks for one."
            raise Problem(403, detail, {"is_set_up": False})


def _check_role(role: Role, caller: Caller) -> None:
    if caller.role >= role:
        return
    if caller.role == Role.ANYBODY:
        raise Problem(401, "Log in, or give a token.", headers={"WWW-Authenticate": "Bearer"})
    detail = f"Whoever does this has to be {_word(role)}; you are {_word(caller.role)}."
    raise Problem(403, detail, {"role": _word(role)})


def _word(role: Role) -> str:
    return role.name.lower()


def _check_reader(headers: Headers, caller: Caller) -> None:
    """What is read changes nothing; a page of somebody else is not shown it all the same."""
    site = single(headers, "Sec-Fetch-Site")
    if caller.session is not None and site in ("cross-site", "same-site"):
        raise Problem(403, "A page of somebody else asks.")


def _check_origin(headers: Headers, caller: Caller, own: Own) -> None:
    origin, site = single(headers, "Origin"), single(headers, "Sec-Fetch-Site")
    if origin is not None and not same_origin(origin, own.is_secure, own.host):
        raise Problem(403, "A page of somebody else asks, or a proxy that is not configured.")
    if site is not None and site != "same-origin":
        raise Problem(403, "A page of somebody else asks.")
    if caller.session is None:
        return
    if origin is None and site is None:
        raise Problem(403, "A page says its Origin with what changes something.")
    said = single(headers, CSRF_HEADER) or ""
    if not caller.csrf or not compare_digest(said.encode(), caller.csrf.encode()):
        raise Problem(403, f"The page has to send {CSRF_HEADER} as it was told to.")
