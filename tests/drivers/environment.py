"""The world around a driver, with no Charge Point in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.drivers.interfaces import DriverEnvironment
from cfos_cm.drivers.modbus import buses
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.state import SiteState

__all__ = ["MIDNIGHT", "environment"]

#: When the clock of a test begins.
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def environment(
    reactor: Any,
    report: Callable[[SiteEvent], None],
    state: Callable[[], SiteState] = SiteState,
    observe_only: bool = False,
) -> DriverEnvironment:
    """
    What a driver is handed.

    @param report: takes what it reports.
    @param state: what is known of the site.
    """
    return DriverEnvironment(
        reactor=reactor,
        now=lambda: MIDNIGHT + timedelta(seconds=reactor.seconds()),
        report=report,
        buses=buses.Buses(reactor),
        state=state,
        central_system=cast(CentralSystem, None),
        observe_only=observe_only,
    )
