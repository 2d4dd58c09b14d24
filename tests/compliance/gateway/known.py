"""What the program knows of its gateways, whichever bench it runs on."""

from __future__ import annotations

from cfos_cm.services.charging_site import ChargingSite
from tests.compliance.gateway.bench import Known

__all__ = ["of"]


def of(site: ChargingSite) -> Known:
    """What it knows now."""
    gateways, loop = site.gateways, site.control_loop
    assert gateways is not None, "the site does not run"
    assert loop is not None, "the site does not run"
    (standing, *_) = gateways.standings().values()
    return Known(
        state=standing.state,
        waiting=standing.depth.waiting,
        dead=standing.depth.dead,
        limits_ma={
            name: 0 if evse.confirmed is None else evse.confirmed.current_ma
            for name, evse in loop.state.evses.items()
        },
    )
