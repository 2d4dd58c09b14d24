"""
What C{twistd cfos-cm} starts, and what another program puts into its own service tree.

C{docs/integrate.md} shows both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.python import usage

from cfos_cm.errors import ConfigError
from cfos_cm.services.config import Config, read_config
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.services.config.words import SimulatorType
from cfos_cm.services.long_lived import LongLived
from cfos_cm.services.open_files import raise_limit
from cfos_cm.services.steady_time import make_steady
from cfos_cm.services.stop_signal import stop_once

if TYPE_CHECKING:
    from cfos_cm.services.charging_site import ChargingSite

__all__ = ["Options", "WholeSite", "makeService", "site_service"]


class Options(usage.Options):
    """The options of the command C{twistd cfos-cm}."""

    synopsis = "[--config FILE]"
    longdesc = (
        "An open charging manager: an OCPP 1.6J server and charging limits. "
        "Everything else is said in the configuration file; "
        "'cfos-cm check FILE' looks for mistakes in it without starting anything."
    )
    optParameters = [["config", "c", "tap.cfg", "The configuration file."]]

    def postOptions(self) -> None:
        """
        Read the configuration.

        @raise usage.UsageError: with every mistake in it.
        """
        try:
            self["parsed"] = read_config(self["config"])
        except ConfigError as error:
            raise usage.UsageError(str(error)) from error


def makeService(options: Options) -> MultiService:
    """
    The service for some options; it opens nothing before it is started.

    The reactor's timers do not follow jumps of the clock any more, if it has none yet. If it
    does not run yet, the first SIGINT or SIGTERM stops it, and the next ones change nothing.
    When the site has started, what there is then is not looked at any more by the collection of
    garbage. None of this is done for whoever takes L{site_service} instead.

    @param options: parsed ones.
    """
    from twisted.internet import reactor

    make_steady(reactor)
    stop_once(reactor)
    raise_limit(reactor)
    service = site_service(options["parsed"], reactor)
    service.add_later(LongLived())
    return service


def site_service(config: Config, reactor: Any) -> WholeSite:
    """
    The service for a configuration: the site, and the virtual wallboxes of a sample site.

    @param reactor: the one that will run it.
    """
    from cfos_cm.services.charging_site import ChargingSite

    site = ChargingSite(config, reactor)
    virtual = _Later(lambda: site.started)
    for section in config.simulators:
        if section.type is SimulatorType.CHARGE_POINT:
            _virtual_wallbox(section, reactor).setServiceParent(virtual)
    return WholeSite(site, virtual)


class WholeSite(MultiService):
    """
    A site and its virtual wallboxes, which leave before it closes.

    Else it would close while they tell how their transactions have ended, and find those again
    at the next start, with wallboxes that do not know them any more.
    """

    def __init__(self, site: ChargingSite, virtual: MultiService) -> None:
        super().__init__()
        self._site = site
        self._virtual = virtual
        site.setServiceParent(self)
        virtual.setServiceParent(self)

    def add_later(self, service: IService) -> None:
        """Have something more started when the site has been, and stopped before it."""
        service.setServiceParent(self._virtual)

    def stopService(self) -> Deferred[None]:
        """
        Stop all of it.

        @return: fires when nothing is left.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._site.control_loop is not None:
            # Whoever leaves makes room, and those who leave too are not ordered to use it.
            self._site.control_loop.stop()
        await self._virtual.stopService()
        closed = self._site.stopService()
        if self.running:
            # It was started again meanwhile.
            self._site.startService()
        await closed


class _Later(MultiService):
    """
    Services that are started a moment later, when something they connect to is there.

    @ivar _ready: gives a Deferred that fires then.
    """

    def __init__(self, ready: Callable[[], Deferred[None]]) -> None:
        super().__init__()
        self._ready = ready

    def startService(self) -> None:
        """Start when it is time, unless this was stopped meanwhile."""
        Service.startService(self)
        self._ready().addCallback(self._start_children)

    def _start_children(self, _: None) -> None:
        for service in self if self.running else ():
            if not service.running:
                service.startService()


def _virtual_wallbox(section: SimulatorSection, reactor: Any) -> IService:
    from cfos_cm.simulator.charge_point_service import (
        VirtualChargePointSettings,
        make_charge_point,
    )

    settings = VirtualChargePointSettings(
        url=section.url,
        identity=section.address or section.name,
        connector=section.connector,
        password=section.password,
        id_tag=section.id_tag,
        arrives_after_s=section.arrives_after_s,
        car_max_current_ma=section.car_max_current_ma,
        car_phases=section.car_phases,
        car_needs_wh=section.car_needs_wh,
        leaves_after_s=section.leaves_after_s,
        returns_after_s=section.returns_after_s,
        meter_interval_s=section.meter_interval_s,
        time_lapse=section.time_lapse,
    )
    service: IService = make_charge_point(section.name, settings, reactor)
    return service
