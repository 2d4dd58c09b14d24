"""
What C{twistd cfos-cm} starts, and what another program puts into its own service tree.

C{docs/integrate.md} shows both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from cfos_cm.services.config import Config
from cfos_cm.services.configured_options import ConfiguredOptions
from cfos_cm.services.logs import keep_secrets
from cfos_cm.services.long_lived import LongLived
from cfos_cm.services.open_files import raise_limit
from cfos_cm.services.service_manager import ServiceManagerNotes
from cfos_cm.services.steady_time import make_steady
from cfos_cm.services.stop_signal import stop_once

if TYPE_CHECKING:
    from cfos_cm.services.charging_site import ChargingSite

__all__ = ["Options", "WholeSite", "makeService", "site_service"]

#: From what a device answers until what follows from it is on its way to the disk. [s]
_TO_SEE_S = 0.2


class Options(ConfiguredOptions):
    """The options of the command C{twistd cfos-cm}."""

    longdesc = (
        "An open charging manager: an OCPP 1.6J server and charging limits. "
        "Everything else is said in the configuration file; "
        "'cfos-cm check FILE' looks for mistakes in it without starting anything."
    )


def makeService(options: Options) -> MultiService:
    """
    The service for some options; it opens nothing before it is started.

    Secrets are hidden in all that the process logs.
    The reactor's timers do not follow jumps of the clock any more, if it has none yet. If it
    does not run yet, the first SIGINT or SIGTERM stops it, and the next ones change nothing.
    When the site has started, what there is then is not looked at any more by the collection of
    garbage. None of this is done for whoever takes L{site_service} instead.

    @param options: parsed ones.
    """
    from twisted.internet import reactor

    keep_secrets()
    make_steady(reactor)
    stop_once(reactor)
    raise_limit(reactor)
    service = site_service(options["parsed"], reactor)
    service.add_later(LongLived())
    service.add_notes()
    return service


def site_service(config: Config, reactor: Any) -> WholeSite:
    """
    The service for a configuration: the site, and the virtual devices of a sample site.

    @param reactor: the one that will run it.
    """
    from cfos_cm.services.charging_site import ChargingSite

    site = ChargingSite(config, reactor)
    whole = WholeSite(site, reactor)
    if config.simulators:
        from cfos_cm.simulator.power_brain.service import PowerBrainService
        from cfos_cm.virtual_devices import virtual_devices

        devices = virtual_devices(config, reactor)
        for backend in devices.backends:
            whole.add_around(backend, backend.ready)
        for device in devices.asked:
            fade = device.fade if isinstance(device, PowerBrainService) else None
            whole.add_before(device, fade)
        for device in devices.asking:
            whole.add_later(device)
    return whole


class WholeSite(MultiService):
    """
    A site and its virtual devices.

    Those that the site asks are there before it; those that connect to it come later. All of
    them say how their charges have ended before the site closes: else it would find those again
    at the next start, with wallboxes that do not know them any more.
    """

    def __init__(self, site: ChargingSite, reactor: Any) -> None:
        super().__init__()
        self._site = site
        self._reactor = reactor
        self._fades: list[Callable[[], Deferred[None]]] = []
        self._awaited: list[Callable[[], Deferred[None]]] = []
        self._around = _Sooner()
        self._around.setName("around the site")
        self._asked = _Sooner()
        self._asked.setName("before the site")
        self._later = _Later(lambda: site.started)
        self._later.setName("after the site")
        for service in (self._around, self._asked, site, self._later):
            service.setServiceParent(self)

    def add_notes(self) -> None:
        """Have systemd told how it is, if it has asked for that."""
        site = self._site
        self.add_later(
            ServiceManagerNotes(self._reactor, lambda: site.started, lambda: site.trouble)
        )

    def add_around(
        self, service: IService, ready: Callable[[], Deferred[None]] | None = None
    ) -> None:
        """
        Have something more started before the site, and stopped when that has closed.

        @param ready: fires when it is of use, or will not be; all others wait for that.
        """
        service.setServiceParent(self._around)
        if ready is not None:
            self._awaited.append(ready)

    def add_before(
        self, service: IService, fade: Callable[[], Deferred[None]] | None = None
    ) -> None:
        """
        Have something more started before the site, and stopped before it closes.

        @param fade: has the cars leave that charge at it; fires when they have left.
        """
        service.setServiceParent(self._asked)
        if fade is not None:
            self._fades.append(fade)

    def add_later(self, service: IService) -> None:
        """Have something more started when the site has been, and stopped before it."""
        service.setServiceParent(self._later)

    def startService(self) -> None:
        """Start all of it, what is around the site first."""
        Service.startService(self)
        self._around.startService()
        if self._awaited:
            gatherResults([ready() for ready in self._awaited]).addCallback(self._start_site)
        else:
            self._start_site(None)

    def _start_site(self, _: object) -> None:
        if self.running:
            for service in (self._asked, self._site, self._later):
                service.startService()

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
        await gatherResults([self._later.stopService(), Deferred.fromCoroutine(self._fade())])
        await self._site.leave_devices()
        if self._asked.running:
            await self._asked.stopService()
        closed = self._site.stopService()
        if self.running:
            # It was started again meanwhile.
            self._asked.startService()
            self._site.startService()
        await closed
        if not self.running:
            await self._around.stopService()

    async def _fade(self) -> None:
        """Let the cars leave that charge at devices which the site asks, and see that."""
        if self._fades and self._asked.running:
            await gatherResults([fade() for fade in self._fades])
            await deferLater(self._reactor, _TO_SEE_S, lambda: None)


class _Sooner(MultiService):
    """Services that are started at once, and once, however often they are told to."""

    def startService(self) -> None:
        """Start those that do not run."""
        Service.startService(self)
        for service in self:
            if not service.running:
                service.startService()


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
