"""All gateways of a site: what happens there on its way to the backends, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, gatherResults
from twisted.logger import Logger

from cfos_cm.central_system.authorisation import verdict_of
from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.environment import Devices
from cfos_cm.charge_point.gateway import Gateway
from cfos_cm.charge_point.queued import (
    DeadLetter,
    Depth,
    QueuedMessage,
    Route,
)
from cfos_cm.charge_point.security_standing import KeptCertificate
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.net.backend_client import BackendClient
from cfos_cm.net.backend_target import BackendTarget
from cfos_cm.services.config import Config
from cfos_cm.services.gateway_failures import (
    could_not_end,
    could_not_note,
    first_failure,
    none_known,
    warn_of_orphans,
)
from cfos_cm.services.gateway_rows import GatewayWorld, Row, is_at, place_of
from cfos_cm.services.gateway_security import ConnectionSecurity
from cfos_cm.services.gateway_settings import backend_target, gateway_settings
from cfos_cm.services.gateway_trace import traced
from cfos_cm.services.local_wishes import LocalWishes
from cfos_cm.site.events import (
    BackendSpoke,
    EvseLimited,
    SiteEvent,
    TransactionJudged,
)
from cfos_cm.site.records import StoredStart
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.readings import is_evidence
from cfos_cm.v16.core import Reason
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo
from cfos_cm.wire.ocppj import Call

__all__ = ["RETRY_S", "STRICT_GRACE_S", "GatewayWorld", "Gateways"]

#: A backend that is away for less is no reason to stop a car: it costs a contactor's life. [s]
STRICT_GRACE_S = 5.0

#: A gateway whose memory cannot be read is tried again after so long. [s]
RETRY_S = 10.0

_PING = "WebSocketPingInterval"

_log = Logger(namespace="cfos_cm.gateway")


class Gateways:
    """
    The gateways that the settings want.

    It is an observer of the control loop, the C{Forwards} of the ledger, the C{Backends} of the
    Central System and the listener of each gateway.

    @ivar wishes: what backends want of transactions at EVSEs without OCPP.
    """

    def __init__(self, world: GatewayWorld) -> None:
        self._world = world
        self._devices: Devices | None = None
        self._shut: Callable[[str, str], None] = _nobody
        self._rows: dict[str, Row] = {}
        self._of_evse: dict[str, list[Row]] = {}
        self._of_charge_point: dict[str, list[tuple[Row, ConnectorSettings]]] = {}
        # What the settings want, by key; each may not run as they want it yet.
        self._wanted: dict[str, tuple[GatewaySettings, BackendTarget]] = {}
        self._has_begun = False
        self._turn = DeferredLock()
        self._again = Alarm(world.reactor, self._try_again)
        self.wishes = LocalWishes(self._serving)
        self._leaving: list[Deferred[Any]] = []

    def attach(self, devices: Devices, shut_out: Callable[[str, str], None]) -> None:
        """
        What they act on; before the first L{configure}.

        @param shut_out: closes the connection of a Charge Point, and says why.
        """
        self._devices = devices
        self._shut = shut_out

    async def configure(self, config: Config) -> None:
        """
        Have these gateways and no others; those whose settings are the same are not touched.

        What begins from this moment on is owed to these, whether they run yet or not.

        @raise StorageError: if none runs yet, and what one remembers cannot be read. Later
            that is tried again by itself.
        """
        self._wanted = {
            one.key: (one, backend_target(config, one)) for one in gateway_settings(config)
        }
        for key in self._rows.keys() - self._wanted.keys():
            self._leave(self._rows.pop(key))
        self._index()
        error = await self._turn.run(self._begin_wanted)
        if error is not None and not self._has_begun:
            raise error
        self._has_begun = True
        self.orphans().addCallbacks(warn_of_orphans, none_known)

    async def close(self) -> None:
        """Leave all backends; nothing is left that would happen later."""
        self._wanted = {}
        await self._turn.run(self._close)

    async def _close(self) -> None:
        self._again.clear()
        rows, self._rows = self._rows, {}
        for row in rows.values():
            self._disconnect(row)
            row.gateway.close()
        leaving, self._leaving = self._leaving, []
        await gatherResults(leaving)

    # An observer of the control loop

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """Something has happened on the site."""
        evse = getattr(event, "evse", None)
        rows = self._rows.values() if evse is None else self._of_evse.get(evse, ())
        for row in rows:
            row.gateway.site_changed(event, before, after)
        self.wishes.note(event)

    # Forwards

    def routes(self, evse: str | None, id_tag: str) -> Sequence[Route]:
        """Who is told of a transaction of C{id_tag} that begins at an EVSE."""
        if evse is None:
            return ()
        return tuple(
            Route(settings.key, connector.number)
            for settings, _ in self._wanted.values()
            for connector in settings.connectors
            if connector.evse == evse and settings.is_for(id_tag)
        )

    def last_wh(self, evse: str | None) -> int | None:
        """What the meter of an EVSE was last heard to show; C{None}: not known. [Wh]"""
        known = None if evse is None else self._world.state().evses.get(evse)
        return None if known is None else known.energy_wh

    def began(self, start: StoredStart, queued: Sequence[QueuedMessage]) -> None:
        """
        A transaction has begun, and these messages are on disk: about it, and about those that
        were open at its connector.
        """
        one = start.transaction
        for message in queued:
            row = self._rows.get(message.gateway)
            if row is None:
                continue
            if message.transaction_id == one.transaction_id:
                row.gateway.transactions.begun(
                    one.transaction_id, message.connector, one.id_tag, one.started_at
                )
            else:
                _log.warn(
                    "{name}: transaction {number} was never ended by its wallbox: now that "
                    "another one begins, the backend is told that it has",
                    name=row.settings.name,
                    number=message.transaction_id,
                )
            row.gateway.outbox.offer(message)

    def ended(self, transaction_id: int, queued: Sequence[QueuedMessage]) -> None:
        """A transaction has ended, and these messages about it are on disk."""
        for message in queued:
            row = self._rows.get(message.gateway)
            if row is not None:
                row.gateway.outbox.offer(message)

    def measured(
        self, charge_point: str, connector: int, transaction_id: int | None, payload: bytes
    ) -> Deferred[Any] | None:
        """A Charge Point has sent meter values."""
        if transaction_id is None:
            for row, own in self._seeing(charge_point, connector):
                row.gateway.measured_idle(own.number, payload)
            return None
        waiting = []
        is_periodic: bool | None = None
        # Whatever connector it names: the transaction is at one only.
        for row in self._once_each(self._seeing(charge_point)):
            known = row.gateway.transactions.get(transaction_id)
            if known is None or not is_at(
                row.gateway, known, charge_point, self._world.state()
            ):
                continue
            if is_periodic is None:
                is_periodic = not is_evidence(payload.decode())
            waiting.append(
                row.gateway.queue(
                    "MeterValues", known.connector, transaction_id, payload, is_periodic
                )
            )
        if len(waiting) < 2:
            return waiting[0] if waiting else None
        return gatherResults(waiting, consumeErrors=True).addErrback(first_failure)

    # Backends

    def judges(self, evses: Iterable[str], id_tag: str) -> bool:
        """Whether a backend says who may charge with an idTag at one of these EVSEs."""
        return any(True for _ in self._judging(evses, id_tag))

    def judge(
        self, evses: Iterable[str], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """What the backend says of an idTag, or what is known of it."""
        return Deferred.fromCoroutine(self._judge(tuple(evses), id_tag, payload))

    def bills(self, identity: str) -> bool:
        """Whether a backend is told what a Charge Point says."""
        return any(row.decides for row, _ in self._seeing(identity))

    def told(self, identity: str, connector: int | None, call: Call) -> None:
        """A Charge Point has told something that a backend may want to know."""
        for row, own in tuple(self._seeing(identity, connector)):
            if call.action == "StatusNotification":
                row.gateway.status_told(own.evse, call.payload)
            elif call.action == "BootNotification":
                device = self._world.state().evses[own.evse].identity
                if device is not None:
                    row.gateway.booted(own.evse, device, call.payload)
        if call.action not in ("StatusNotification", "BootNotification"):
            for row in self._once_each(self._seeing(identity)):
                row.gateway.pass_on(call.action, call.payload)

    def ask(self, identity: str, call: Call) -> Deferred[bytes]:
        """Have a backend answer what a Charge Point asks."""
        asked: Deferred[bytes] | None = None
        for row in self._once_each(self._seeing(identity)):
            if row.decides and asked is None:
                asked = row.gateway.ask(call.action, call.payload)
            else:
                row.gateway.pass_on(call.action, call.payload)
        assert asked is not None, "nobody asks who is not billed"
        return asked

    def shuts_out(self, identity: str) -> bool:
        """Whether a Charge Point may not connect as long as its backend is away."""
        return any(row.is_away for row, _ in self._seeing(identity) if row.is_strict)

    # The listener of each gateway

    def changed(self, gateway: Gateway) -> None:
        """It serves, or does not any more."""
        row = self._row_of(gateway)
        if row is None:
            return
        if gateway.is_serving:
            row.client.of_use()
            row.stop_patience()
            row.is_away = False
            # Also where that is nothing new: whoever could not be asked about is asked now.
            self._speak_for(row)
        elif row.is_strict and not row.is_away and row.patience is None:
            row.patience = self._world.reactor.callLater(STRICT_GRACE_S, self._give_up, row)

    def judged(self, gateway: Gateway, transaction_id: int, info: IdTagInfo) -> None:
        """Its backend has answered the start of a transaction, by our number."""
        known = gateway.transactions.get(transaction_id)
        if not gateway.settings.decides or known is None:
            return
        own = place_of(gateway, known, self._world.state())
        if own is None or known.is_over:
            return
        verdict = verdict_of(info)
        self._world.report(TransactionJudged(own.evse, transaction_id, verdict))
        noting = self._world.judged(transaction_id, verdict)
        noting.addErrback(could_not_note, gateway.name)
        if verdict is Verdict.ACCEPTED:
            return
        stops = gateway.configuration.is_set("StopTransactionOnInvalidId")
        _log.warn(
            "{name}: the backend does not accept who charges at {evse} ({status}): {then}",
            name=gateway.name,
            evse=own.evse,
            status=info.status.value,
            then="the transaction is ended" if stops else "it gets no current",
        )
        if stops and self._devices is not None:
            ending = self._devices.end(own, transaction_id, Reason.DE_AUTHORIZED)
            ending.addErrback(could_not_end, gateway.name)

    def configured(self, gateway: Gateway, key: str) -> None:
        """One of its configuration keys has another value."""
        row = self._row_of(gateway)
        if row is not None and key == _PING:
            row.client.set_ping_interval(gateway.configuration.number(key))

    def secured(self, gateway: Gateway) -> None:
        """Its next connection is made with something else."""
        row = self._row_of(gateway)
        if row is not None:
            row.use_given()

    def renewed(self, gateway: Gateway, why: str) -> None:
        """Its connection is to be made anew."""
        row = self._row_of(gateway)
        if row is not None:
            row.client.redial(why)

    # What people ask

    def standings(self) -> Mapping[str, Standing]:
        """How each gateway stands, by its name."""
        return {row.settings.name: row.standing for row in self._rows.values()}

    def each(self) -> Iterator[tuple[GatewaySettings, Standing]]:
        """All gateways that run: what each was told, and how it stands."""
        for row in self._rows.values():
            yield row.settings, row.standing

    def gateway(self, name: str) -> Gateway:
        """
        A gateway, by its name.

        @raise LocalProtocolError: if there is none.
        """
        return self._named(name).gateway

    def security(self, name: str) -> ConnectionSecurity:
        """
        How the security of a gateway's connection is.

        @raise LocalProtocolError: if there is no such gateway.
        """
        row = self._named(name)
        return ConnectionSecurity.of(row.gateway.security.standing, row.client.state)

    async def trust(self, name: str) -> None:
        """
        Forget the key that a backend is known by, believe the next one, and call it now.

        @raise LocalProtocolError: if there is no such gateway, or no key is looked at there.
        @raise StorageError: if that cannot be written down.
        """
        row = self._named(name)
        if row.settings.has_authorities:
            raise LocalProtocolError(
                f"{name} believes its backend by ca_certificates, and not by its key: "
                "if its certificate is not taken, see there"
            )
        await row.gateway.security.trust_next()
        row.client.redial("the operator believes the next key of the backend")

    def certificates(self) -> Iterator[tuple[str, KeptCertificate]]:
        """All that backends have given: whose gateway, and the certificate."""
        for row in self._rows.values():
            for one in row.gateway.security.certificates:
                yield row.settings.name, one

    def dead_letters(
        self, name: str, limit: int, offset: int = 0
    ) -> Deferred[tuple[DeadLetter, ...]]:
        """What a backend does not take, oldest first."""
        return self._world.outboxes.dead(self._named(name).settings.key, limit, offset)

    def resend(self, name: str, keys: tuple[str, ...] = ()) -> Deferred[int]:
        """
        Have dead letters sent again; all, where none are named.

        @return: how many these are.
        """
        row = self._named(name)
        reviving = self._world.outboxes.revive(row.settings.key, keys)
        return reviving.addCallback(self._came_back, row)

    def orphans(self) -> Deferred[Mapping[str, Depth]]:
        """The queues that no gateway empties, by their keys."""
        depths = self._world.outboxes.gateways()
        return depths.addCallback(
            lambda found: {key: one for key, one in found.items() if key not in self._wanted}
        )

    def move(self, key: str, name: str) -> Deferred[int]:
        """
        Have a gateway deliver what is queued for one that is no more.

        @return: how many messages these are.
        """
        self._refuse_running(key)
        row = self._named(name)
        moving = self._world.outboxes.move(key, row.settings.key)
        return moving.addCallback(self._came_back, row)

    def drop(self, key: str) -> Deferred[int]:
        """
        Forget what is queued for a gateway that is no more.

        @return: how many messages these were.
        """
        self._refuse_running(key)
        return self._world.outboxes.drop(key)

    # The rest

    async def _begin_wanted(self) -> StorageError | None:
        """Have those run that do not yet, or not as they are wanted."""
        self._again.clear()
        failed: StorageError | None = None
        for key, (settings, target) in self._wanted.items():
            row = self._rows.get(key)
            if row is not None and row.runs(settings, target):
                continue
            try:
                await self._begin(key, settings, target)
            except StorageError as error:
                failed = error
                self._again.set(RETRY_S)
                _log.error(
                    "{name}: what it remembers cannot be read, and it is tried again in "
                    "{again_s:g} s: {error!s}",
                    name=settings.name,
                    again_s=RETRY_S,
                    error=error,
                )
        self._speak_for_all()
        return failed

    def _try_again(self) -> None:
        trying = self._turn.run(self._begin_wanted)
        trying.addErrback(lambda failure: _log.failure("a gateway cannot begin", failure))

    async def _begin(self, key: str, settings: GatewaySettings, target: BackendTarget) -> None:
        """
        Have a gateway run, in the place of one with the same key.

        That one notes what happens until then, in the same queue, but sends nothing any more.
        """
        world, old = self._world, self._rows.get(key)
        was_there = old is not None and (old.gateway.is_serving or not old.is_away)
        if old is not None:
            self._disconnect(old)
        assert self._devices is not None
        gateway = Gateway(settings, world.environment(key, self._devices), self)
        try:
            await gateway.open()
        except StorageError:
            gateway.close()
            raise
        listener = traced(gateway, settings.name, world.trace)
        client = BackendClient(target, listener, world.reactor, world.random)
        row = self._rows[key] = Row(settings, target, gateway, client, not was_there)
        if old is not None:
            old.gateway.close()
            self._release(old, row)
        self._index()
        if was_there and row.is_strict:
            row.patience = world.reactor.callLater(STRICT_GRACE_S, self._give_up, row)
        client.set_ping_interval(gateway.configuration.number(_PING))
        row.use_given()
        if old is None:
            gateway.security.started()
        client.start()

    def _disconnect(self, row: Row) -> None:
        row.is_left = True
        stopped = row.client.stop()
        # By now, it has been told that there is no connection.
        row.stop_patience()
        self._leaving = [one for one in (*self._leaving, stopped) if not one.called]

    def _leave(self, row: Row) -> None:
        self._disconnect(row)
        row.gateway.close()
        self._release(row, None)

    def _release(self, old: Row, new: Row | None) -> None:
        """What a gateway was the limit of it is not any more, unless the new one may be."""
        for connector in old.settings.connectors:
            is_there = (
                new is not None
                and new.gateway.party == old.gateway.party
                and new.settings.connector_of(connector.evse) is not None
            )
            evse = self._world.state().evses.get(connector.evse)
            if not is_there and evse is not None and old.gateway.party in evse.outside_ma:
                self._world.report(EvseLimited(connector.evse, old.gateway.party, None))

    def _index(self) -> None:
        self._of_evse, self._of_charge_point = {}, {}
        for row in self._rows.values():
            for own in row.settings.connectors:
                self._of_evse.setdefault(own.evse, []).append(row)
                if own.speaks_ocpp:
                    places = self._of_charge_point.setdefault(own.charge_point, [])
                    places.append((row, own))

    def _serving(self, evse: str) -> Iterator[tuple[Row, ConnectorSettings]]:
        for row in self._of_evse.get(evse, ()):
            connector = row.settings.connector_of(evse)
            if connector is not None:
                yield row, connector

    def _seeing(
        self, charge_point: str, connector: int | None = None
    ) -> Iterator[tuple[Row, ConnectorSettings]]:
        """The gateways of a Charge Point, or of one connector of it."""
        for row, own in self._of_charge_point.get(charge_point, ()):
            if connector in (None, own.connector):
                yield row, own

    def _once_each(self, found: Iterable[tuple[Row, ConnectorSettings]]) -> Iterable[Row]:
        return {id(row): row for row, _ in found}.values()

    def _judging(self, evses: Iterable[str], id_tag: str) -> Iterable[Row]:
        found = (pair for evse in evses for pair in self._serving(evse))
        rows = self._once_each(found)
        return [row for row in rows if row.decides and row.settings.is_for(id_tag)]

    async def _judge(
        self, evses: tuple[str, ...], id_tag: str, payload: bytes | None
    ) -> IdTagInfo:
        info = IdTagInfo(status=AuthorizationStatus.INVALID)
        for row in self._judging(evses, id_tag):
            info = await row.gateway.judge(evses, id_tag, payload)
            if info.status is AuthorizationStatus.ACCEPTED:
                break
        return info

    def _row_of(self, gateway: Gateway) -> Row | None:
        """Where a gateway runs; C{None}: it does not run any more, or not yet."""
        row = self._rows.get(gateway.settings.key)
        return row if row is not None and row.gateway is gateway else None

    def _speak_for_all(self) -> None:
        for row in self._rows.values():
            self._speak_for(row)

    def _speak_for(self, row: Row) -> None:
        """Whether the EVSEs of a gateway may charge, as far as its backend is concerned."""
        if not row.decides:
            return
        is_shut = row.is_strict and row.is_away
        for connector in row.settings.connectors:
            objection = "cannot be reached" if is_shut else None
            self._world.report(BackendSpoke(connector.evse, objection))

    def _give_up(self, row: Row) -> None:
        row.patience = None
        row.is_away = True
        self._speak_for(row)
        for identity in {
            one.charge_point for one in row.settings.connectors if one.speaks_ocpp
        }:
            self._shut(identity, "its backend cannot be reached")

    def _named(self, name: str) -> Row:
        for row in self._rows.values():
            if row.settings.name == name:
                return row
        names = ", ".join(row.settings.name for row in self._rows.values()) or "none"
        raise LocalProtocolError(f"there is no gateway {name}; there are: {names}")

    def _refuse_running(self, key: str) -> None:
        if key in self._wanted:
            raise LocalProtocolError(f"{key} is a gateway that runs")

    async def _reload(self, count: int, row: Row) -> int:
        row.gateway.transactions.restore(
            await self._world.outboxes.transactions(row.settings.key)
        )
        row.gateway.outbox.revived()
        return count

    def _came_back(self, count: int, row: Row) -> Deferred[int]:
        """There are messages in a queue that were not there before, and not in memory."""
        return Deferred.fromCoroutine(self._reload(count, row))


def _nobody(identity: str, why: str) -> None:
    """Nobody is connected yet."""
