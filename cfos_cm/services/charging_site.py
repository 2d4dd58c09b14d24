"""The service: one charging site, from the start of the program to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.errors import ConfigError
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.listening import listening_endpoint
from cfos_cm.net.speed import Speed
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.assembly import (
    abandoned_evses,
    central_system_settings,
    moved_evses,
    renamed_evses,
    server_endpoint,
)
from cfos_cm.services.config import Config, changes, differences, read_config
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.gateways import Gateways
from cfos_cm.services.open_files import allowed_sockets
from cfos_cm.services.outside_limits import OutsideLimits
from cfos_cm.services.overdraft_record import OverdraftRecord
from cfos_cm.services.parts import Parts, PartsMaker, now
from cfos_cm.services.reload_signal import ReloadSignal
from cfos_cm.services.web.health import patience_s
from cfos_cm.site.events import SettingsChanged, TransactionResumed
from cfos_cm.storage.charge_points import ChargePointRegister
from cfos_cm.storage.database import Database
from cfos_cm.storage.keys import KeyStore
from cfos_cm.storage.overdrafts import OverdraftStore
from cfos_cm.storage.security_standings import SecurityStandingStore
from cfos_cm.storage.transactions import Ledger

if TYPE_CHECKING:
    from cfos_cm.services.web.site_web import SiteWeb

__all__ = ["RETRY_S", "ChargingSite"]

#: When a start has failed, because a port is taken or a disk is full, it is tried again.
RETRY_S = 10.0

_log = Logger(namespace="cfos_cm.services")


def _usual_limits() -> ServerLimits:
    usual = ServerLimits()
    return evolve(usual, sockets=allowed_sockets(usual.sockets))


@frozen
class _Door:
    """Where Charge Points can connect; C{endpoint} is Twisted's description of it."""

    endpoint: str
    port: IListeningPort


class ChargingSite(Service):
    """
    Everything that C{tap.cfg} describes.

    It can be a child of any MultiService, be stopped and be started again; when it has stopped,
    no timer, socket or thread of it is left.

    @ivar config: what it runs with.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        limits: ServerLimits | None = None,
        speed: Speed | None = None,
    ) -> None:
        """
        @param limits: how much of everything a Charge Point may have; C{None}: the usual.
        @param speed: which short cuts are taken; C{None}: all.
        """
        self.setName("cfos-cm")
        self._limits = _usual_limits() if limits is None else limits
        self._speed = Speed() if speed is None else speed
        self._maker = PartsMaker(reactor, self._limits, self._speed)
        self.config = config
        self._applied = config
        self._reactor = reactor
        self._parts: Parts | None = None
        self._door: _Door | None = None
        self._web: SiteWeb | None = None
        # Opening, moving and closing wait for each other, whatever is asked for meanwhile.
        self._turn = DeferredLock()
        self._starting: Deferred[None] = succeed(None)
        self._retry: IDelayedCall | None = None
        self._signal = ReloadSignal(reactor, self.reload)

    def startService(self) -> None:
        """Open the database, then the doors."""
        super().startService()
        self._signal.install()
        self._start()

    def stopService(self) -> Deferred[None]:
        """
        Say goodbye to every Charge Point and close the database.

        @return: fires when nothing is left.
        """
        super().stopService()
        self._signal.remove()
        if self._parts is not None:
            self._parts.loop.dismiss_now()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        closed: Deferred[None] = self._turn.run(self._close)
        return closed

    async def leave_devices(self) -> None:
        """Ask the devices nothing any more; they are left as they are."""
        if self._parts is not None:
            await self._parts.devices.stop()

    def reload(self) -> Deferred[None]:
        """
        Read the file again and apply what has changed.

        Connections stay as they are. A file with mistakes changes nothing.

        @return: fires when it is applied.
        """
        try:
            config = read_config(self.config.absolute_path)
        except ConfigError as error:
            for mistake in error.mistakes:
                _log.error("{mistake!s}", mistake=mistake)
            _log.error("{path} has mistakes: nothing was changed", path=self.config.path)
            return succeed(None)
        for sentence in differences(self.config, config):
            _log.warn("{sentence}", sentence=sentence)
        before, self.config = self.config, config
        self._warn()
        changed = ", ".join(changes(before, config)) or "nothing has changed"
        _log.info("{path} has been read again: {changed}", path=config.path, changed=changed)
        applied: Deferred[None] = self._turn.run(self._apply)
        return applied

    @property
    def central_system(self) -> CentralSystem | None:
        """The Central System, while it runs."""
        return None if self._parts is None else self._parts.central_system

    @property
    def ledger(self) -> Ledger | None:
        """The transactions and readings, while it runs."""
        return None if self._parts is None else self._parts.ledger

    @property
    def operator(self) -> Operator | None:
        """What can be ordered of Charge Points, while it runs."""
        return None if self._parts is None else self._parts.operator

    @property
    def control_loop(self) -> ControlLoop | None:
        """The control loop, while it runs."""
        return None if self._parts is None else self._parts.loop

    @property
    def outside_limits(self) -> OutsideLimits | None:
        """The limits from outside, while it runs."""
        return None if self._parts is None else self._parts.outside_limits

    @property
    def gateways(self) -> Gateways | None:
        """The gateways, while they run."""
        return None if self._parts is None else self._parts.gateways

    @property
    def listening(self) -> IListeningPort | None:
        """Where Charge Points can connect, while they can."""
        return None if self._door is None else self._door.port

    @property
    def is_listening(self) -> bool:
        """Whether Charge Points can connect."""
        return self._door is not None

    @property
    def unserved(self) -> str:
        """What of the settings is not in force though they are applied; empty: nothing."""
        door, server = self._door, self.config.ocpp_server
        if door is None or door.endpoint == server_endpoint(self.config):
            return ""
        return (
            f"wallboxes still connect where they did: it cannot listen at port {server.port}; "
            "the log says why"
        )

    @property
    def web(self) -> SiteWeb | None:
        """What is served over HTTP, while anything is."""
        return self._web

    @property
    def trouble(self) -> str:
        """Why it does not do its work, in words; empty: it does."""
        parts = self._parts
        if parts is None or not self.is_listening:
            return "the site has not started; the log says why"
        late_s = self._reactor.seconds() - parts.loop.times.looked_s
        if late_s > patience_s(parts.loop.cycle_s):
            return f"nothing was decided for {late_s:.0f} s"
        return ""

    @property
    def started(self) -> Deferred[None]:
        """Fires when the attempt to start that is under way has succeeded or failed."""
        done: Deferred[None] = Deferred()

        def pass_on(_: None) -> None:
            done.callback(None)

        self._starting.addCallback(pass_on)
        return done

    def _start(self) -> None:
        self._retry = None
        self._starting = self._turn.run(self._try_to_open)

    async def _try_to_open(self) -> None:
        # It may have been stopped, or started once more, while this waited for its turn.
        if self.running and self._parts is None:
            opening = Deferred.fromCoroutine(self._open())
            await opening.addErrback(self._could_not_start)

    def _could_not_start(self, failure: Failure) -> Deferred[None]:
        _log.critical(
            "could not start: {why}; trying again in {seconds:g} s",
            why=failure.getErrorMessage().rstrip("."),
            seconds=RETRY_S,
        )
        if self.running:
            self._retry = self._reactor.callLater(RETRY_S, self._start)
        return Deferred.fromCoroutine(self._close())

    async def _open(self) -> None:
        self._warn()
        database = Database(self.config.database_url, self._reactor, now)
        await database.start()
        self._applied = self.config
        parts = self._parts = self._maker.make(self.config, database)
        await self._remember(parts)
        parts.devices.configure(self.config)
        parts.loop.evses = parts.devices.evses
        await parts.certificates.open(self.config)
        self._door = await self._listen(server_endpoint(self.config), parts.server)
        overdrafts = OverdraftRecord(OverdraftStore(database), now)
        parts.loop.memory = evolve(parts.loop.memory, overdrafts=await overdrafts.load())
        parts.loop.observe(overdrafts.watch)
        parts.loop.start()
        await parts.control.open()
        await parts.certificate_watch.look(self.config)
        if self.config.web.is_served:
            await self._serve(parts)

    async def _serve(self, parts: Parts) -> None:
        """Have a page; whoever wants none need not load what it takes."""
        from cfos_cm.services.web.site_web import SiteWeb

        self._web = SiteWeb(self._reactor, self, parts)
        await self._web.open()

    async def _remember(self, parts: Parts) -> None:
        """Go on where the program ended the last time."""
        central_system, loop = parts.central_system, parts.loop
        await parts.ledger.open()
        known = await ChargePointRegister(parts.database).all()
        central_system.roster.remember(
            {one.identity: one.device for one in known if one.device}
        )
        central_system.passwords.remember(await KeyStore(parts.database).all())
        central_system.standings.remember(await SecurityStandingStore(parts.database).all())
        await parts.operator.reservations.load()
        loop.report(self.config.settings_changed())
        await parts.outside_limits.open()
        await parts.evse_orders.open()
        await parts.gateways.configure(self.config)
        open_transactions = await parts.ledger.open_transactions()
        parts.local_transactions.resume(open_transactions)
        central_system.roster.resume(open_transactions)
        for one in open_transactions:
            evse = central_system.settings.evse_at(one.charge_point, one.connector)
            if evse is not None:
                loop.report(TransactionResumed(evse.name, one.transaction))

    async def _listen(self, endpoint: str, server: ChargePointServer) -> _Door:
        port = await listening_endpoint(self._reactor, endpoint, self._speed).listen(
            server.door
        )
        where = port.getHost()
        mode = self.config.ocpp_server.tls
        _log.info(
            "wallboxes connect to {scheme}://{host}:{port}/ with their ChargeBox ID as the "
            "last part{also}",
            scheme="wss" if mode is TlsMode.ON else "ws",
            also=", or encrypted with wss://" if mode is TlsMode.DETECT else "",
            host=self.config.ocpp_server.interface or "ADDRESS-OF-THIS-COMPUTER",
            port=getattr(where, "port", self.config.ocpp_server.port),
        )
        return _Door(endpoint, port)

    async def _close(self) -> None:
        door, self._door = self._door, None
        web, self._web = self._web, None
        parts, self._parts = self._parts, None
        if web is not None:
            await web.close()
        if door is not None:
            await maybeDeferred(door.port.stopListening)
        if parts is not None:
            await parts.control.close()
            await parts.server.close_all()
            await parts.central_system.roster.unwritten.write_all()
            parts.loop.stop()
            await parts.certificate_watch.stop()
            await parts.devices.stop()
            parts.local_metering.close()
            # Whoever waits for a backend's word waits no longer.
            await parts.gateways.close()
            await parts.local_transactions.close()
            await parts.outside_limits.stop()
            parts.evse_orders.stop()
            await parts.ledger.close()
            await parts.database.stop()

    def _warn(self) -> None:
        for warning in self.config.warnings():
            _log.warn("{warning}", warning=warning)

    async def _apply(self) -> None:
        """Have the parts run with the settings that are the newest now."""
        parts, before, after = self._parts, self._applied, self.config
        if parts is None or not self.running or after is before:
            return
        settings = after.settings_changed()
        moved = moved_evses(before, after)
        await parts.loop.dismiss(abandoned_evses(before, after))
        self._applied = after
        if moved:
            parts.loop.report(_without(settings, moved))
        parts.loop.report(settings)
        parts.evse_orders.rename(renamed_evses(before, after))
        parts.loop.cycle_s = after.manager.cycle_s
        parts.devices.configure(after)
        parts.loop.evses = parts.devices.evses
        parts.central_system.configure(central_system_settings(after))
        await parts.certificates.configure(after)
        parts.server.set_mode(after.ocpp_server.tls)
        await parts.gateways.configure(after)
        parts.server.reconsider()
        moving = Deferred.fromCoroutine(self._move(parts.server))
        await moving.addErrback(self._could_not_start)
        if self._parts is parts:
            await parts.certificate_watch.look(after)

    async def _move(self, server: ChargePointServer) -> None:
        """Listen where the settings say, and no longer where we did; connections stay."""
        old, wanted = self._door, server_endpoint(self.config)
        if old is None or old.endpoint == wanted:
            return
        try:
            self._door = await self._listen(wanted, server)
        except CannotListenError:
            # The old one may be what is in the way: the same port, at another address.
            await self._replace(old, wanted, server)
        else:
            await maybeDeferred(old.port.stopListening)

    async def _replace(self, old: _Door, wanted: str, server: ChargePointServer) -> None:
        self._door = None
        await maybeDeferred(old.port.stopListening)
        try:
            self._door = await self._listen(wanted, server)
        except CannotListenError as error:
            _log.critical(
                "could not listen at the new address: {why}; the old one is still served",
                why=str(error),
            )
            self._door = await self._listen(old.endpoint, server)


def _without(settings: SettingsChanged, names: frozenset[str]) -> SettingsChanged:
    """The settings as if some EVSEs were not there: what is known of them is forgotten."""
    evses = tuple(evse for evse in settings.evses if evse.name not in names)
    return evolve(settings, evses=evses)
