"""How gateways are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.services.config.values import shown_url
from cfos_cm.services.console_words import printable
from cfos_cm.services.web.site_answers import EvseGateway, Gateway

__all__ = ["by_evse", "gateway_view"]


def gateway_view(settings: GatewaySettings, standing: Standing) -> Gateway:
    """A gateway, without what may be secret."""
    depth = standing.depth
    return Gateway(
        name=settings.name,
        key=settings.key,
        client_id=settings.client_id,
        url=shown_url(settings.url),
        role=settings.role.value,
        outage=settings.outage.value,
        connectors={str(one.number): one.evse for one in settings.connectors},
        state=printable(standing.state),
        is_serving=standing.is_serving,
        since=standing.since,
        registration=standing.registration and standing.registration.value,
        last_refusal=printable(standing.last_refusal),
        waiting=depth.waiting,
        size_bytes=depth.size_bytes,
        oldest_at=depth.oldest_at,
        dead=depth.dead,
    )


def by_evse(gateways: Iterable[Gateway]) -> Mapping[str, tuple[EvseGateway, ...]]:
    """What each EVSE shows of the gateways that it is shown by."""
    found: dict[str, tuple[EvseGateway, ...]] = {}
    for one in gateways:
        shown = EvseGateway(
            name=one.name,
            state=one.state,
            is_serving=one.is_serving,
            waiting=one.waiting,
            dead=one.dead,
        )
        for evse in one.connectors.values():
            found[evse] = (*found.get(evse, ()), shown)
    return found
