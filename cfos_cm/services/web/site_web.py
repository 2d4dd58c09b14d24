"""The page and the API of one site: all routes, put together, and served."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, text
from twisted.internet.defer import Deferred
from twisted.logger import Logger, globalLogPublisher

import cfos_cm.web
from cfos_cm.counters import Counter
from cfos_cm.quirk import Quirk
from cfos_cm.services.config import Config
from cfos_cm.services.log_counts import LogCounts
from cfos_cm.services.own_names import own_addresses
from cfos_cm.services.parts import Parts, now
from cfos_cm.services.web.actions import action_routes
from cfos_cm.services.web.certificate_routes import certificate_routes
from cfos_cm.services.web.charge_point_routes import charge_point_routes
from cfos_cm.services.web.entrance import Entrance
from cfos_cm.services.web.entrance_orders import entrance_orders
from cfos_cm.services.web.entrance_routes import entrance_routes
from cfos_cm.services.web.evse_routes import evse_routes
from cfos_cm.services.web.gateway_routes import gateway_routes
from cfos_cm.services.web.health import Health, HealthSources
from cfos_cm.services.web.health_routes import health_routes
from cfos_cm.services.web.history import History
from cfos_cm.services.web.history_routes import history_routes
from cfos_cm.services.web.limit_routes import limit_routes
from cfos_cm.services.web.live import LiveHub
from cfos_cm.services.web.metrics import Measured, site_registry
from cfos_cm.services.web.metrics_routes import metrics_routes
from cfos_cm.services.web.outlook import Outlook, Sources
from cfos_cm.services.web.security_routes import security_routes
from cfos_cm.services.web.settings_file import SettingsFile
from cfos_cm.services.web.settings_routes import settings_routes
from cfos_cm.services.web.site_routes import site_routes
from cfos_cm.services.web.tag_routes import tag_routes
from cfos_cm.services.web.trace_routes import trace_routes
from cfos_cm.services.web.transaction_routes import transaction_routes
from cfos_cm.services.web.uploaded import Uploaded
from cfos_cm.services.web.wallbox_urls import wallbox_urls
from cfos_cm.storage.security_events import SecurityEvents
from cfos_cm.storage.tags import TagList
from cfos_cm.web.application import Application
from cfos_cm.web.openapi import openapi_route
from cfos_cm.web.route import Route
from cfos_cm.web.server import WebServer
from cfos_cm.web.settings import HttpSettings

__all__ = ["SiteWeb", "WebSite", "page_folder"]

_log = Logger(namespace="cfos_cm.web")


class WebSite(Protocol):
    """The site, as far as its page is concerned with how it runs."""

    @property
    def config(self) -> Config:
        """The settings that are the newest."""

    @property
    def is_listening(self) -> bool:
        """Whether Charge Points can connect."""

    @property
    def unserved(self) -> str:
        """What of the settings is not in force though they are applied; empty: nothing."""

    def reload(self) -> Deferred[None]:
        """Read the file of settings again; fires when it is applied."""


class SiteWeb:
    """
    What is served over HTTP while a site runs.

    @ivar routes: all of them.
    @ivar server: what listens.
    """

    def __init__(self, reactor: Any, site: WebSite, parts: Parts) -> None:
        self._site, self._parts, self._reactor = site, parts, reactor
        config = site.config
        self._entrance = Entrance(reactor, now, parts.database, config.state_directory)
        self._logged = LogCounts()
        outlook = Outlook(self._sources())
        self._hub = LiveHub(reactor, outlook)
        self._history = History(reactor, now, lambda: parts.loop.state, outlook.flow)
        self.health = site_health(reactor, site, parts)
        routes = (
            *self._people(),
            *site_routes(outlook, self._hub),
            *history_routes(self._history),
            *health_routes(self.health),
            *self._metrics(outlook),
            *self._orders(),
            *self._records(),
        )
        about = openapi_route(routes, "cfos_cm", version())
        self.routes: tuple[Route, ...] = (*routes, about)
        application = Application(
            self.routes,
            self._entrance,
            HttpSettings(names=config.web.names, trusted_proxies=config.web.trusted_proxies),
            self._entrance.audit.put,
            page_folder(),
            reactor,
            lambda name: parts.central_system.counters.count(Counter(name)),
        )
        self._application = application
        self.server = WebServer(reactor, config.web.listen, application)

    async def open(self) -> None:
        """
        Serve it. A place that cannot be listened at is tried again; that does not fail.

        @raise cfos_cm.errors.StorageError: if the accounts cannot be read.
        """
        globalLogPublisher.addObserver(self._logged)
        await self._entrance.start()
        self._parts.control.add(entrance_orders(self._entrance.look))
        self._history.start()
        await self.server.open()
        address = self._address()
        if address:
            _log.info("the page is at {address}", address=address)
        self._entrance.announce(address)

    async def close(self) -> None:
        """Serve nothing any more; nothing is left. It may be called in any state."""
        globalLogPublisher.removeObserver(self._logged)
        self._history.stop()
        self._hub.stop()
        self._entrance.stop()
        await self.server.close()

    def _people(self) -> tuple[Route, ...]:
        return entrance_routes(
            self._entrance, lambda: self._site.config.manager.title, version()
        )

    def _orders(self) -> tuple[Route, ...]:
        parts, site, reactor = self._parts, self._site, self._reactor
        settings = SettingsFile(
            lambda: site.config,
            site.reload,
            now,
            reactor,
            lambda: parts.outside_limits.parties,
            lambda: site.unserved,
        )
        uploaded = Uploaded(settings, lambda: site.config, now, reactor)
        events = SecurityEvents(parts.database)
        return (
            *settings_routes(settings),
            *certificate_routes(parts.certificate_watch, uploaded),
            *evse_routes(parts.evse_orders),
            *charge_point_routes(
                parts.central_system, parts.operator, events, settings, self._urls
            ),
            *action_routes(),
            *tag_routes(TagList(parts.database), now),
            *limit_routes(parts.outside_limits, lambda: parts.loop.state),
            *security_routes(parts.central_system, events, self._entrance.failed_logins),
        )

    def _records(self) -> tuple[Route, ...]:
        parts = self._parts
        return (
            *transaction_routes(parts.database, parts.ledger, now, self._says_kwh),
            *gateway_routes(parts.gateways, parts.database),
            *trace_routes(parts.trace, self._reactor),
        )

    def _metrics(self, outlook: Outlook) -> tuple[Route, ...]:
        parts = self._parts
        registry = site_registry(
            Measured(
                site=outlook.site,
                evses=lambda: outlook.evses().values(),
                gateways=outlook.gateways,
                certificates=parts.certificate_watch.report,
                counters=parts.central_system.counters,
                decisions=lambda: parts.loop.times.decisions,
                logged=self._logged.all,
                pages=lambda: self._hub.pages,
                connected=lambda: len(parts.central_system.sessions()),
            )
        )
        return metrics_routes(registry, is_open=self._site.config.web.open_metrics)

    def _says_kwh(self, identity: str) -> bool:
        """Whether a Charge Point says kWh and calls them Wh."""
        known = self._parts.central_system.roster.acquaintance(identity)
        return Quirk.KWH_AS_WH in known.tolerated

    def _sources(self) -> Sources:
        parts, site = self._parts, self._site
        return Sources(
            state=lambda: parts.loop.state,
            memory=lambda: parts.loop.memory,
            config=lambda: site.config,
            gateways=parts.gateways.each,
            words=parts.last_words,
            times=parts.loop.times,
            now=now,
            started_at=now(),
            version=version(),
            urls=self._urls,
            certificates=parts.certificate_watch.report,
            waiting_charge_points=lambda: len(parts.central_system.waiting()),
            is_paused=parts.evse_orders.is_paused,
            unserved=lambda: site.unserved,
        )

    def _urls(self) -> tuple[str, ...]:
        return wallbox_urls(self._site.config.ocpp_server, own_addresses())

    def _address(self) -> str:
        """Of the page, as a browser on this computer takes it; empty: there is none."""
        if self.server.port is None:
            # Behind a proxy it has another one, and at a port that was taken is somebody else.
            return ""
        listen = self._site.config.web.listen
        scheme = "https" if listen.startswith(("ssl:", "tls:")) else "http"
        return f"{scheme}://localhost:{self.server.port}/"


def site_health(reactor: Any, site: WebSite, parts: Parts) -> Health:
    """Whether a site does its work."""
    return Health(
        HealthSources(
            clock=reactor,
            looked_s=lambda: parts.loop.times.looked_s,
            cycle_s=lambda: parts.loop.cycle_s,
            is_listening=lambda: site.is_listening,
            ask_database=lambda: parts.database.run(_ask),
        )
    )


def page_folder() -> Path | None:
    """Where the built page is; C{None}: it was not built."""
    (place,) = cfos_cm.web.__path__
    folder = Path(place) / "page"
    return folder if (folder / "index.html").is_file() else None


def version() -> str:
    """Of this program; empty where it runs from its sources."""
    try:
        return installed_version("cfos_cm")
    except PackageNotFoundError:
        return ""


def _ask(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
