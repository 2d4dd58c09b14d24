"""Who is told what becomes of a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cfos_cm.v16.types import IdTagInfo

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["GatewayListener"]


class GatewayListener(Protocol):
    """Is told what becomes of a gateway."""

    def changed(self, gateway: Gateway) -> None:
        """Whether it L{serves<Gateway.is_serving>}, or the words for it, are others."""

    def judged(self, gateway: Gateway, transaction_id: int, info: IdTagInfo) -> None:
        """Its backend has answered the start of a transaction, by our number."""

    def configured(self, gateway: Gateway, key: str) -> None:
        """One of its configuration keys has another value."""

    def secured(self, gateway: Gateway) -> None:
        """
        What its connection is made with is another from the next one on: see
        L{GatewaySecurity.given<cfos_cm.charge_point.security.GatewaySecurity.given>}.
        """

    def renewed(self, gateway: Gateway, why: str) -> None:
        """Its connection is to be made anew; C{why} is for people."""
