"""
Which cards are good. OCPP 1.6, "Authorization Cache" and "Offline Authorization".

With a connection the Central System is always asked; without one the wallbox goes by what it
was told before.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.simulator.configuration import Configuration
from cfos_cm.v16.core import AuthorizeConfirmation, AuthorizeRequest
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo, Message

__all__ = ["MAX_CARDS", "Cards"]

#: A wallbox remembers this many; the one that was judged first is forgotten first.
MAX_CARDS = 16


class Cards:
    """The Authorization Cache, and who is asked besides."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._good: dict[str, bool] = {}

    async def is_good(
        self, id_tag: str, ask: Callable[[Message], Deferred[Message]] | None
    ) -> bool:
        """
        Whether somebody may charge with C{id_tag}.

        @param ask: asks the Central System; C{None}: it cannot be asked.
        """
        if ask is None:
            return self._is_good_offline(id_tag)
        try:
            confirmation = await ask(AuthorizeRequest(id_tag=id_tag))
        except DeviceRefusal:
            return False
        except DeviceError:
            return self._is_good_offline(id_tag)
        assert isinstance(confirmation, AuthorizeConfirmation)
        self.judged(id_tag, confirmation.id_tag_info)
        return self._good[id_tag]

    def judged(self, id_tag: str, info: IdTagInfo) -> None:
        """Remember what the Central System says of C{id_tag}."""
        self._good.pop(id_tag, None)
        while len(self._good) >= MAX_CARDS:
            del self._good[next(iter(self._good))]
        self._good[id_tag] = info.status is AuthorizationStatus.ACCEPTED

    def forget(self) -> None:
        """Remember nothing."""
        self._good.clear()

    def _is_good_offline(self, id_tag: str) -> bool:
        if id_tag in self._good:
            return self._good[id_tag] and self._configuration.is_set("LocalAuthorizeOffline")
        return self._configuration.is_set("AllowOfflineTxForUnknownId")
