"""What runs while a charging site runs, made and put together."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from attrs import evolve, frozen

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Archives, Chance, Operator
from cfos_cm.central_system.environment import Environment
from cfos_cm.counters import Counters
from cfos_cm.drivers.interfaces import DriverEnvironment
from cfos_cm.drivers.modbus.buses import Buses
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.net.speed import Speed
from cfos_cm.net.uploads import Uploads
from cfos_cm.services.assembly import central_system_settings
from cfos_cm.services.certificate_orders import certificate_orders
from cfos_cm.services.certificate_watch import CertificateWatch
from cfos_cm.services.charge_point_orders import charge_point_orders
from cfos_cm.services.config import Config
from cfos_cm.services.configured_certificates import Watched
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.control_socket import ControlSocket
from cfos_cm.services.devices import Devices
from cfos_cm.services.forwarding import TellingLedger
from cfos_cm.services.gateway_devices import GatewayDevices
from cfos_cm.services.gateway_orders import gateway_orders
from cfos_cm.services.gateways import Gateways, GatewayWorld
from cfos_cm.services.journal import Journal
from cfos_cm.services.limit_orders import limit_orders
from cfos_cm.services.local_metering import LocalMetering
from cfos_cm.services.local_transactions import LocalTransactions
from cfos_cm.services.outside_limits import OutsideLimits
from cfos_cm.services.server_certificates import ServerCertificates
from cfos_cm.services.trace_orders import trace_orders
from cfos_cm.services.web.evse_orders import EvseOrders
from cfos_cm.services.web.last_words import LastWords
from cfos_cm.site.transaction import MAX_TRANSACTION_ID
from cfos_cm.storage.charge_points import ChargePointRegister
from cfos_cm.storage.database import Database
from cfos_cm.storage.evse_orders import EvseOrderStore
from cfos_cm.storage.forwarding import ForwardingLedger
from cfos_cm.storage.intake import ReadingsIntake
from cfos_cm.storage.keys import KeyStore
from cfos_cm.storage.local_lists import SentLists
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.outside_limits import OutsideLimitStore
from cfos_cm.storage.readings_log import ReadingsLog
from cfos_cm.storage.reservations import ReservationStore
from cfos_cm.storage.security_events import SecurityEvents
from cfos_cm.storage.security_standings import SecurityStandingStore
from cfos_cm.storage.tags import TagList
from cfos_cm.storage.transactions import Ledger
from cfos_cm.storage.vault import Vaults
from cfos_cm.trace import Trace

__all__ = ["Parts", "PartsMaker", "now"]


def now() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)


def _new_key() -> str:
    return str(uuid4())


def _new_number() -> int:
    # Whoever can guess the id of a transaction can try to stop it.
    return secrets.randbelow(MAX_TRANSACTION_ID) + 1


@frozen
class Parts:
    """What runs while the site runs."""

    database: Database
    ledger: Ledger
    loop: ControlLoop
    central_system: CentralSystem
    server: ChargePointServer
    operator: Operator
    outside_limits: OutsideLimits
    control: ControlSocket
    devices: Devices
    local_transactions: LocalTransactions
    local_metering: LocalMetering
    gateways: Gateways
    certificates: ServerCertificates
    certificate_watch: CertificateWatch
    trace: Trace
    last_words: LastWords
    evse_orders: EvseOrders


class PartsMaker:
    """Makes the parts of one site."""

    def __init__(self, reactor: Any, limits: ServerLimits, speed: Speed) -> None:
        """
        @param limits: how much of everything a Charge Point may have.
        @param speed: which short cuts are taken.
        """
        self._reactor = reactor
        self._limits = limits
        self._speed = speed

    def make(self, config: Config, database: Database) -> Parts:
        """
        All parts, none of which does anything yet.

        @param database: one that runs.
        """
        loop = ControlLoop(self._reactor, config.manager.cycle_s)
        loop.observe(Journal().note)
        words = LastWords()
        loop.observe(words.note)
        log = ReadingsLog(str(Path(config.state_directory) / "readings"))
        intake = ReadingsIntake(database, log, self._reactor)
        ledger = ForwardingLedger(database, _new_number, _new_key, now, intake)
        counters = Counters()
        trace = Trace(time)
        world = self._gateway_world(loop, database, ledger, counters, config)
        gateways = Gateways(evolve(world, trace=trace))
        tls = ServerTls(now)
        certificates = ServerCertificates(self._reactor, now, tls)
        environment = evolve(
            self._environment(loop, database, TellingLedger(ledger, gateways)),
            backends=gateways,
            signer=certificates.signer,
            trace=trace,
        )
        settings = central_system_settings(config)
        central_system = CentralSystem(environment, settings, counters=counters)
        local = LocalTransactions(environment)
        gateways.wishes.tell(local)
        metering = LocalMetering(environment, local.runs)
        gateways.attach(GatewayDevices(central_system, local), central_system.shut_out)
        for observer in (local.note, metering.note, gateways.note):
            loop.observe(observer)
        operator = _operator(central_system, database)
        central_system.roster.reservation_used = operator.reservations.used
        limits = self._outside_limits(loop, database)
        orders_of_evses = self._evse_orders(loop, central_system, operator, local, database)
        watch = CertificateWatch(
            self._reactor,
            now,
            renew=certificates.renew,
            given=lambda: [
                Watched(f"[gateway {name}], {one.what}", "", one.certificate)
                for name, one in gateways.certificates()
            ],
        )
        orders = {
            **limit_orders(limits, lambda: loop.state),
            **gateway_orders(gateways),
            **charge_point_orders(central_system, operator, SecurityEvents(database)),
            **certificate_orders(watch),
            **trace_orders(trace),
        }
        server = ChargePointServer(
            central_system,
            self._reactor,
            self._limits,
            self._speed,
            tls,
            config.ocpp_server.tls,
        )
        return Parts(
            database=database,
            ledger=ledger,
            loop=loop,
            central_system=central_system,
            server=server,
            operator=operator,
            outside_limits=limits,
            control=ControlSocket(self._reactor, config.state_directory, orders),
            devices=self._devices(loop, central_system),
            local_transactions=local,
            local_metering=metering,
            gateways=gateways,
            certificates=certificates,
            certificate_watch=watch,
            trace=trace,
            last_words=words,
            evse_orders=orders_of_evses,
        )

    def _gateway_world(
        self,
        loop: ControlLoop,
        database: Database,
        ledger: ForwardingLedger,
        counters: Counters,
        config: Config,
    ) -> GatewayWorld:
        return GatewayWorld(
            reactor=self._reactor,
            now=now,
            new_unique_id=_new_key,
            random=secrets.SystemRandom().random,
            database=database,
            outboxes=Outboxes(database, _new_key, now),
            report=loop.report,
            state=lambda: loop.state,
            counters=counters,
            judged=ledger.judged,
            vault=Vaults(self._reactor, config.state_directory).of,
            uploads=Uploads(self._reactor),
        )

    def _environment(
        self, loop: ControlLoop, database: Database, ledger: TellingLedger
    ) -> Environment:
        return Environment(
            clock=self._reactor,
            now=now,
            report=loop.report,
            ledger=ledger,
            tags=TagList(database),
            register=ChargePointRegister(database),
            security_events=SecurityEvents(database),
            keys=KeyStore(database),
            standings=SecurityStandingStore(database),
            new_unique_id=lambda: str(uuid4()),
            random_bytes=secrets.token_bytes,
        )

    def _devices(self, loop: ControlLoop, central_system: CentralSystem) -> Devices:
        return Devices(
            DriverEnvironment(
                reactor=self._reactor,
                now=now,
                report=loop.report,
                buses=Buses(self._reactor, central_system.roster.counters),
                state=lambda: loop.state,
                central_system=central_system,
            )
        )

    def _evse_orders(
        self,
        loop: ControlLoop,
        central_system: CentralSystem,
        operator: Operator,
        local: LocalTransactions,
        database: Database,
    ) -> EvseOrders:
        orders = EvseOrders(
            clock=self._reactor,
            now=now,
            central_system=central_system,
            operator=operator,
            local=local,
            store=EvseOrderStore(database),
            report=loop.report,
            state=lambda: loop.state,
        )
        loop.observe(orders.note)
        return orders

    def _outside_limits(self, loop: ControlLoop, database: Database) -> OutsideLimits:
        limits = OutsideLimits(
            clock=self._reactor,
            now=now,
            new_id=lambda: str(uuid4()),
            store=OutsideLimitStore(database),
            report=loop.report,
            state=lambda: loop.state,
        )
        loop.observe(limits.note)
        return limits


def _operator(central_system: CentralSystem, database: Database) -> Operator:
    return Operator(
        central_system,
        Archives(
            all_tags=TagList(database).all,
            sent_lists=SentLists(database),
            reservations=ReservationStore(database),
            keys=central_system.passwords,
        ),
        Chance(number=_new_number, octets=secrets.token_bytes),
    )
