"""What a console tells a running manager about accounts and tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from cfos_cm.services.control_socket import Command

__all__ = ["LOOK_COMMAND", "entrance_orders"]

#: The name of the command.
LOOK_COMMAND = "look-at-accounts"


def entrance_orders(look: Callable[[], Awaitable[None]]) -> dict[str, Command]:
    """
    The commands, by name: C{look-at-accounts} has what is on disk count at once.

    @param look: L{Entrance.look<cfos_cm.services.web.entrance.Entrance.look>}.
    """

    async def look_at_accounts(said: Mapping[str, object]) -> Mapping[str, object]:
        await look()
        return {}

    return {LOOK_COMMAND: look_at_accounts}
