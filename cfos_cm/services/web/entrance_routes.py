"""Who may come in: sessions, accounts, tokens, and what was done by whom."""

from __future__ import annotations

from collections.abc import Callable

from cfos_cm.services.web.account_routes import account_routes
from cfos_cm.services.web.audit_routes import audit_routes
from cfos_cm.services.web.entrance import Entrance
from cfos_cm.services.web.session_routes import session_routes
from cfos_cm.services.web.token_routes import token_routes
from cfos_cm.web.route import Route

__all__ = ["entrance_routes"]


def entrance_routes(
    entrance: Entrance, title: Callable[[], str], version: str
) -> tuple[Route, ...]:
    """
    C{/session}, C{/setup}, C{/password}, C{/accounts}, C{/tokens} and C{/audit}.

    @param title: of the site, as it is called now.
    @param version: of this program.
    """
    return (
        *session_routes(entrance, title, version),
        *account_routes(entrance),
        *token_routes(entrance),
        *audit_routes(entrance),
    )
