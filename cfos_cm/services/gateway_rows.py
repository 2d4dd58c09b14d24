"""What gateways need of the world around them, and what belongs to each that runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import define, evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from cfos_cm.charge_point.environment import Devices, GatewayEnvironment, Vault
from cfos_cm.charge_point.gateway import Gateway
from cfos_cm.charge_point.queued import BoundTransaction
from cfos_cm.charge_point.settings import (
    ConnectorSettings,
    GatewaySettings,
    Outage,
)
from cfos_cm.charge_point.standing import Standing
from cfos_cm.charge_point.uploader import NO_UPLOADS, Uploader
from cfos_cm.counters import Counters
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_client import BackendClient
from cfos_cm.net.backend_target import BackendTarget
from cfos_cm.services.gateway_security import KeptSecurityLog
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.database import Database
from cfos_cm.storage.gateway_memory import GatewayMemory
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.security_events import SecurityEvents
from cfos_cm.trace import Trace

__all__ = ["GatewayWorld", "Row", "is_at", "place_of"]

_log = Logger(namespace="cfos_cm.gateway")


@frozen
class GatewayWorld:
    """
    What gateways need of the world around them.

    @ivar reactor: runs them; also their clock.
    @ivar now: the time of day; aware, UTC.
    @ivar new_unique_id: makes message ids and keys; never the same twice.
    @ivar random: a number from 0 to 1.
    @ivar report: takes what happened.
    @ivar state: what is known of the site.
    @ivar counters: what has happened how often.
    @ivar judged: writes down what a backend has said later of who charges.
    @ivar vault: where a gateway keeps what is secret, by its key.
    @ivar uploads: puts files where backends want them.
    @ivar trace: keeps the newest messages; C{None}: nobody does.
    """

    reactor: Any
    now: Callable[[], datetime]
    new_unique_id: Callable[[], str]
    random: Callable[[], float]
    database: Database
    outboxes: Outboxes
    report: Callable[[SiteEvent], None]
    state: Callable[[], SiteState]
    counters: Counters
    judged: Callable[[int, Verdict], Deferred[None]]
    vault: Callable[[str], Vault]
    uploads: Uploader = NO_UPLOADS
    trace: Trace | None = None

    def environment(self, key: str, devices: Devices) -> GatewayEnvironment:
        """
        The world around one gateway.

        @param key: names what is kept of it.
        """
        return GatewayEnvironment(
            clock=self.reactor,
            now=self.now,
            new_unique_id=self.new_unique_id,
            outbox=self.outboxes,
            memory=GatewayMemory(self.database, key),
            vault=self.vault(key),
            security_log=KeptSecurityLog(SecurityEvents(self.database), key, self.now),
            devices=devices,
            site=self.state,
            report=self.report,
            counters=self.counters,
            uploads=self.uploads,
        )


@define(eq=False)
class Row:
    """
    A gateway that runs.

    @ivar is_away: it L{is_strict}, and its backend has been away for too long.
    @ivar patience: what says so.
    @ivar is_left: it will have no connection any more.
    """

    settings: GatewaySettings
    target: BackendTarget
    gateway: Gateway
    client: BackendClient
    is_away: bool = True
    patience: IDelayedCall | None = None
    is_left: bool = False

    @property
    def decides(self) -> bool:
        """Whether its backend says who may charge."""
        return self.settings.decides

    @property
    def is_strict(self) -> bool:
        """Whether its EVSEs do not charge while its backend is away."""
        return self.decides and self.settings.outage is Outage.STRICT

    @property
    def standing(self) -> Standing:
        """How it stands; without a connection, why there is none."""
        standing, link = self.gateway.standing, self.client.state
        return standing if link.is_connected else evolve(standing, state=link.words)

    def runs(self, settings: GatewaySettings, target: BackendTarget) -> bool:
        """Whether it is what these settings want."""
        return not self.is_left and (self.settings, self.target) == (settings, target)

    def use_given(self) -> None:
        """Have the next connection made with what the gateway was given."""
        try:
            self.client.use(self.gateway.security.given)
        except LocalProtocolError as error:
            _log.error(
                "{name}: what the backend has given cannot be used: {why!s}",
                name=self.settings.name,
                why=error,
            )

    def stop_patience(self) -> None:
        """Its backend is not waited for any more."""
        if self.patience is not None and self.patience.active():
            self.patience.cancel()
        self.patience = None


def place_of(
    gateway: Gateway, known: BoundTransaction, state: SiteState
) -> ConnectorSettings | None:
    """
    Where a transaction that a gateway knows runs: its EVSE may have had another number when it
    began.

    @return: C{None}: at none of its EVSEs.
    """
    for own in gateway.settings.connectors:
        evse = state.evses.get(own.evse)
        runs = None if evse is None else evse.transaction
        if runs is not None and runs.transaction_id == known.transaction_id:
            return own
    return gateway.settings.connector(known.connector)


def is_at(
    gateway: Gateway, known: BoundTransaction, charge_point: str, state: SiteState
) -> bool:
    """Whether a transaction is one of a Charge Point; each says what numbers it likes."""
    own = gateway.settings.connector(known.connector)
    if own is None or own.charge_point != charge_point:
        own = place_of(gateway, known, state)
    return own is not None and own.charge_point == charge_point
