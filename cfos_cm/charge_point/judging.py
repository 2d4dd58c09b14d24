"""Whether somebody may charge, by all that a gateway knows."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cfos_cm.charge_point.availability import Availability
from cfos_cm.charge_point.cards import Cards
from cfos_cm.charge_point.reservations import Reservations
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = ["Judge"]


@frozen
class Judge:
    """
    Judges who may charge at the EVSEs of one gateway.

    @ivar cards: who may charge at all.
    @ivar reservations: for whom connectors are kept free.
    @ivar availability: which connectors are in service.
    @ivar refused: is told of a refusal, for people.
    """

    settings: GatewaySettings
    cards: Cards
    reservations: Reservations
    availability: Availability
    refused: Callable[[str], None]

    async def judge(
        self, evses: tuple[str, ...], id_tag: str, payload: bytes | None
    ) -> IdTagInfo:
        """
        Whether somebody may charge at one of some EVSEs.

        @param payload: the JSON text of the Authorize, as a Charge Point wrote it.
        """
        judged = await self.cards.judge(id_tag, payload)
        if not judged.is_good:
            self.refused(f"a tag is {judged.info.status.value} for {judged.source.value}")
            return judged.info
        numbers = self._numbers(evses)
        parent = judged.info.parent_id_tag
        claims = [self.reservations.claim(number, id_tag, parent) for number in numbers]
        if claims and all(claim.is_refused for claim in claims):
            return IdTagInfo(status=AuthorizationStatus.BLOCKED)
        if numbers and not any(self.availability.is_operative(number) for number in numbers):
            return IdTagInfo(status=AuthorizationStatus.INVALID)
        return judged.info

    def _numbers(self, evses: tuple[str, ...]) -> list[int]:
        """The connectors that are judged here; a Charge Point looks after its own."""
        places = [self.settings.connector_of(evse) for evse in evses]
        return [one.number for one in places if one is not None and not one.speaks_ocpp]
