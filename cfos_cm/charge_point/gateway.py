"""
A gateway: EVSEs of a site as one Charge Point of a backend.

It brings together what is remembered, what is queued, what happens on the site and what the
backend wants. It is handed a way to send for each connection that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.charge_point.appearance import Appearance, is_periodic
from cfos_cm.charge_point.availability import Availability
from cfos_cm.charge_point.cards import Cards
from cfos_cm.charge_point.commands.catalogue import carry_out
from cfos_cm.charge_point.configuration import Configuration
from cfos_cm.charge_point.enrolment import Door, Enrolment
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.given import Notice
from cfos_cm.charge_point.heartbeats import Heartbeats
from cfos_cm.charge_point.judging import Judge
from cfos_cm.charge_point.listener import GatewayListener
from cfos_cm.charge_point.made.connector import MadeConnector, MadeStation
from cfos_cm.charge_point.nameplate import Nameplate
from cfos_cm.charge_point.notebook import Notebook
from cfos_cm.charge_point.outbox import Outbox, OutboxHooks
from cfos_cm.charge_point.pace import Pace
from cfos_cm.charge_point.policy import Upward, upward
from cfos_cm.charge_point.profiles import BackendProfiles
from cfos_cm.charge_point.queued import BoundTransaction, QueuedMessage
from cfos_cm.charge_point.remarks import MAX_ORDERS, Remarks
from cfos_cm.charge_point.reservations import Reservations
from cfos_cm.charge_point.security import GatewaySecurity, SecurityHooks
from cfos_cm.charge_point.session import Session, patiently
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.charge_point.standing import Chronicle, Standing
from cfos_cm.charge_point.transactions import Transactions
from cfos_cm.charge_point.transfers import Transfers, Voice
from cfos_cm.counters import Counter
from cfos_cm.errors import (
    CallErrorCode,
    CfosError,
    DeviceError,
    LocalProtocolError,
    NotSent,
    RemoteProtocolError,
)
from cfos_cm.repetition import Repetitions
from cfos_cm.site.events import DeviceBooted, SiteEvent
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.state import SiteState
from cfos_cm.v16.actions import action_of, encode
from cfos_cm.v16.core import (
    HeartbeatRequest,
    MeterValuesRequest,
    RegistrationStatus,
    StartTransactionConfirmation,
    StatusNotificationRequest,
)
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo, Message
from cfos_cm.wire.close_code import CloseCode
from cfos_cm.wire.ocppj import Call
from cfos_cm.wire.splice import replaced

__all__ = ["REPEATED_FOR_S", "Gateway", "GatewayListener"]

#: A call that comes again within this is the same one. [s]
REPEATED_FOR_S: Final = 300.0

#: What only reads, and is answered anew each time.
_READING: Final = frozenset(
    {
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
    }
)
_TRIGGERS: Final = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})

_log = Logger(namespace="cfos_cm.gateway")


class Gateway:
    """
    One identity at one backend.

    @ivar settings: what is configured.
    @ivar environment: the world around it.
    @ivar configuration: its configuration keys.
    @ivar cards: who may charge.
    @ivar availability: which connectors are in service.
    @ivar profiles: what the backend lets the EVSEs draw.
    @ivar reservations: which connectors are kept free.
    @ivar transactions: our numbers and the backend's.
    @ivar security: what it proves itself with, and whom it believes.
    @ivar outbox: what the backend is owed.
    @ivar pace: how often it may have some things done.
    @ivar remark: notes what it asks for in vain.
    @ivar order: notes what it has had done.
    @ivar notebook: what was noted lately.
    @ivar transfers: the file that it has us upload.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        listener: GatewayListener,
    ) -> None:
        self.settings = settings
        self.environment = environment
        self._listener = listener
        self._session: Session | None = None
        self._is_triggered = False
        self._chronicle = Chronicle(environment.now, lambda: listener.changed(self))
        self.pace = Pace(environment.clock)
        self.notebook = Notebook(environment.now)
        remarks = Remarks(settings.name, environment.clock)
        self.remark = self.notebook.noting(remarks.note)
        orders = Remarks(settings.name, environment.clock, MAX_ORDERS)
        self.order = self.notebook.noting(orders.tell)
        self.transfers = Transfers(environment, Voice(self.call, self.order, self.remark))
        name, clock, memory = settings.name, environment.clock, environment.memory
        self.configuration = Configuration(settings, memory)
        self.cards = Cards(
            name, self.configuration, memory, clock, environment.now, self._ask_soon
        )
        self.availability = Availability(settings, memory)
        self.reservations = Reservations(settings, environment, self.availability.is_operative)
        self.transactions = Transactions(name, self._transaction_changed)
        refused = self._chronicle.note_refusal
        self._judge = Judge(settings, self.cards, self.reservations, self.availability, refused)
        self.security = GatewaySecurity(
            settings, environment, self.configuration, self._security_hooks()
        )
        self.profiles = BackendProfiles(settings, environment, self.transactions.running)
        self.outbox = Outbox(settings, environment, self.transactions, self._outbox_hooks())
        self._nameplate = Nameplate(settings, environment)
        self._enrolment = Enrolment(name, clock, self._door())
        self._appearance = Appearance(
            settings,
            environment,
            self.configuration,
            self.availability,
            self.reservations,
            self._may_send,
            self._send_status,
            self._send_readings,
        )
        self._repetitions = Repetitions(
            lambda action: action not in _READING, clock.seconds, REPEATED_FOR_S
        )
        self._heartbeat = Heartbeats(clock, self._may_send, self.call, self._not_told)
        self.configuration.changed = self._configured
        self.availability.changed = self._appearance.use_changed
        self.reservations.changed = self._appearance.use_changed

    def _security_hooks(self) -> SecurityHooks:
        listener = self._listener
        return SecurityHooks(
            queue=lambda action, payload: self._queue(action, 0, None, payload),
            afterwards=self.afterwards,
            call=self.call,
            is_serving=lambda: self.is_serving,
            changed=lambda: listener.secured(self),
            renew=lambda why: listener.renewed(self, why),
        )

    def _outbox_hooks(self) -> OutboxHooks:
        return OutboxHooks(
            number=self.configuration.number,
            is_alive=self._is_alive,
            stalled=self._stalled,
            judged=self._judged,
            refused=self._chronicle.note_refusal,
            noted=self.cards.noted,
            unwanted=self.security.events.unwanted,
        )

    def _door(self) -> Door:
        return Door(
            payload=lambda: self._nameplate.payload,
            ask=self._send_boot,
            accepted=self.configuration.put_heartbeat_interval,
            serve=self._serve,
            pause=self._pause,
            changed=self._look,
        )

    # For people

    @property
    def name(self) -> str:
        """What it is called in logs."""
        return self.settings.name

    @property
    def party(self) -> str:
        """What its backend is called where it limits an EVSE; see L{BackendProfiles}."""
        return f"backend {self.settings.name}"

    @property
    def connectors(self) -> Mapping[int, MadeConnector]:
        """The EVSEs that speak no OCPP, by number."""
        return self._appearance.connectors

    @property
    def station(self) -> MadeStation:
        """All of them together: connector 0."""
        return self._appearance.station

    @property
    def is_serving(self) -> bool:
        """Whether the backend is there, and has let us in."""
        return self._enrolment.may_speak

    @property
    def registration_status(self) -> RegistrationStatus | None:
        """What the backend said to the last BootNotification; C{None}: nothing yet."""
        return self._enrolment.status

    @property
    def standing(self) -> Standing:
        """How it stands."""
        return self._chronicle.standing(
            self.is_serving, self._enrolment.status, self.outbox.depth
        )

    # Its life

    async def open(self) -> None:
        """
        Take up what is remembered; before anything else.

        @raise StorageError: if that cannot be read.
        """
        remembered = await self.environment.memory.load()
        for part in (
            self._nameplate,
            self.configuration,
            self.cards,
            self.availability,
            self.reservations,
        ):
            part.restore(remembered)
        await self.security.open()
        await self.outbox.load()
        self.profiles.restore(remembered)
        self.availability.settle(self._is_busy)
        self._appearance.open()

    def close(self) -> None:
        """Nothing is left that would happen later."""
        self.disconnected("it is closed")
        self._enrolment.close()
        self.security.close()
        self._heartbeat.stop()
        self.outbox.close()
        self.profiles.close()
        self.reservations.close()
        self.transfers.close()
        self._appearance.close()

    def connected(
        self, send: Callable[[bytes], None], hang_up: Callable[[int, str], None]
    ) -> None:
        """
        There is a connection.

        @param send: puts one text message on it.
        @param hang_up: closes it with a WebSocket status and a reason; L{disconnected} is
            called when it is down, whoever has closed it.
        """
        if self._session is not None:
            self.disconnected("there is a newer connection")
        self._session = Session(
            self.name, self.environment, self._carry_out, self._repetitions, send, hang_up
        )
        self.environment.counters.count(Counter.BACKENDS_CONNECTED)
        self._enrolment.connected()
        self._look()

    def received(self, text: bytes) -> None:
        """A text message has come on the connection."""
        if self._session is not None:
            self._session.received(text)

    def noticed(self, notice: Notice) -> None:
        """The connection tells of itself; before L{connected}, where there is one."""
        self.security.noticed(notice)

    def disconnected(self, why: str) -> None:
        """
        The connection is gone, or could not be made.

        @param why: for people.
        """
        session, self._session = self._session, None
        if session is not None:
            self.outbox.lose()
            self._appearance.forget()
            self._enrolment.lost()
            session.closed(why)
            self._heartbeat.lost()
        self._chronicle.put(f"not connected: {why}")

    # From the site

    def booted(self, evse: str, identity: DeviceIdentity, payload: bytes | None) -> None:
        """
        The device of an EVSE has started.

        @param payload: the JSON text of its BootNotification; C{None}: it has no such thing.
        """
        was_placeholder = self._nameplate.is_placeholder
        if self._nameplate.booted(evse, identity, payload):
            # What the backend was told before was about nothing.
            self._enrolment.device_booted(at_once=was_placeholder)

    def status_told(self, evse: str, payload: bytes) -> None:
        """
        An EVSE that speaks OCPP has said how it is.

        @param payload: the JSON text of its StatusNotification.
        """
        self._appearance.told(evse, payload)

    def site_changed(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        self._appearance.site_changed(event, before, after)
        if isinstance(event, DeviceBooted):
            self.booted(event.evse, event.identity, None)

    def queue(
        self,
        action: str,
        connector: int,
        transaction_id: int | None,
        payload: bytes,
        is_periodic: bool = False,
    ) -> Deferred[None]:
        """Tell the backend something that it is owed; see L{Outbox.put}."""
        return self.outbox.put(action, connector, transaction_id, payload, is_periodic)

    def measured_idle(self, connector: int, payload: bytes) -> None:
        """
        An EVSE that speaks OCPP has sent meter values that belong to no transaction.

        @param connector: its number here.
        """
        self._tell_raw("MeterValues", replaced(payload, {"connectorId": connector}))

    def pass_on(self, action: str, payload: bytes) -> None:
        """
        Tell the backend what a Charge Point has said: now or never, or from the queue, as the
        policy has it for C{action}.
        """
        if upward(action) is Upward.QUEUE:
            self._queue(action, 0, None, payload)
        else:
            self._tell_raw(action, payload)

    def ask(self, action: str, payload: bytes) -> Deferred[bytes]:
        """
        Ask the backend, word for word, for somebody who does not wait for ever.

        @return: the JSON text of the answer, as it came; fails with L{DeviceError} where there
            is none, and as its L{DeviceRefusal<cfos_cm.errors.DeviceRefusal>} for a CALLERROR.
        """
        return patiently(self._relayed(action, payload), self.environment.clock)

    def call(self, request: Message, timeout_s: float | None = None) -> Deferred[Message]:
        """
        Ask the backend.

        @param timeout_s: C{None}: as the key MessageTimeout has it. [s]
        @return: its confirmation; fails with L{DeviceError} where there is none.
        """
        if not self._may_send():
            name = action_of(request).name
            return fail(NotSent(f"{name} was not sent: the backend is {self._absence}"))
        return self._calls.call(request, timeout_s or self._timeout_s)

    def tell(self, request: Message) -> None:
        """Tell the backend something, now or never."""
        if isinstance(request, StatusNotificationRequest):
            self._appearance.tell(request)
        else:
            self.call(request).addErrback(self._not_told)

    def judge(
        self, evses: tuple[str, ...], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """
        Whether somebody may charge at one of some EVSEs.

        @param payload: the JSON text of the Authorize, as a Charge Point wrote it.
        @return: what the backend says, or what is known of it; see L{Cards.judge}.
        """
        return Deferred.fromCoroutine(self._judge.judge(evses, id_tag, payload))

    # For commands

    def boot_now(self) -> None:
        """Send BootNotification, unless it was accepted or is on its way."""
        self._enrolment.boot_now()

    def restart(self) -> None:
        """As after a start: BootNotification is said soon, on the same connection."""
        self._enrolment.restart_soon()

    def send_heartbeat(self) -> None:
        """Send a Heartbeat, unless one is on its way."""
        self._heartbeat.send()

    def send_status(self, number: int | None = None) -> None:
        """
        Send how a connector is.

        @param number: 0: the whole; C{None}: the whole and every connector.
        """
        if self._may_send():
            self._appearance.tell_of(number)

    def afterwards(self, act: Callable[[], object]) -> None:
        """Do C{act} when the call that is being carried out is answered; at once if none is."""
        if self._session is None:
            act()
            return
        is_triggered = self._is_triggered

        def act_triggered() -> None:
            before, self._is_triggered = self._is_triggered, is_triggered
            try:
                act()
            finally:
                self._is_triggered = before

        self._session.afterwards(act_triggered)

    # The connection

    def _ask_soon(self, action: str, payload: bytes) -> Deferred[bytes]:
        """As L{ask}; while we are being let in, a moment later."""
        return self._enrolment.settled().addCallback(lambda _: self.ask(action, payload))

    @property
    def _calls(self) -> OutgoingCalls:
        if self._session is None:
            raise LocalProtocolError("there is no connection")
        return self._session.calls

    @property
    def _timeout_s(self) -> float:
        return max(1, self.configuration.number("MessageTimeout"))

    @property
    def _absence(self) -> str:
        return "not connected" if self._session is None else "not ready"

    def _may_send(self) -> bool:
        if self._session is None:
            return False
        # Pending, the backend gets what it asks for, and nothing else.
        is_wanted = self._is_triggered and self._enrolment.status is RegistrationStatus.PENDING
        return self._enrolment.may_speak or is_wanted

    def _carry_out(self, call: Call) -> Deferred[Message | bytes]:
        if self._enrolment.status is RegistrationStatus.REJECTED:
            raise RemoteProtocolError(
                "this Charge Point has been rejected", CallErrorCode.SECURITY_ERROR
            )
        self._is_triggered = call.action in _TRIGGERS
        try:
            return carry_out(self, call)
        finally:
            self._is_triggered = False

    def _relayed(self, action: str, payload: bytes) -> Deferred[bytes]:
        if not self._may_send():
            return fail(NotSent(f"{action} was not sent: the backend is {self._absence}"))
        return self._calls.relay(action, payload, self._timeout_s)

    def _send_boot(self, payload: bytes) -> Deferred[bytes]:
        return self._calls.relay("BootNotification", payload, self._timeout_s)

    def _serve(self, is_new: bool) -> None:
        self._heartbeat.start(self.configuration.number("HeartbeatInterval"))
        if is_new:
            _log.info("{name}: the backend has let us in", name=self.name)
            self._appearance.tell_of(None)
        else:
            self._appearance.tell_changed()
        self.outbox.open(self._calls)
        self.security.serves()
        self.transfers.tell_untold()
        self._look()

    def _pause(self) -> None:
        self._heartbeat.stop()
        self._appearance.forget()
        self.outbox.pause()
        self._look()

    def _look(self) -> None:
        """Put into words how things stand."""
        if self._session is not None:
            self._chronicle.put(self._enrolment.words)

    def _is_alive(self) -> Deferred[bool]:
        """Whether the backend answers anything at all."""
        session = self._session
        if session is None:
            return succeed(False)
        before = session.answers
        asked = session.calls.call(HeartbeatRequest(), self._timeout_s)
        return asked.addBoth(lambda _: session.answers > before)

    def _stalled(self, why: str) -> None:
        if self._session is not None:
            _log.warn("{name}: the backend answers nothing: {why}", name=self.name, why=why)
            self._session.hang_up(CloseCode.GOING_AWAY, "no answer")

    # What follows from what

    def _transaction_changed(self, one: BoundTransaction) -> None:
        self.profiles.transactions_changed()
        if one.is_over and one.connector in self.connectors:
            self.availability.transaction_over(one.connector)

    def _judged(
        self, message: QueuedMessage, confirmation: StartTransactionConfirmation
    ) -> None:
        info = confirmation.id_tag_info
        number = message.transaction_id
        known = None if number is None else self.transactions.get(number)
        if known is not None and known.id_tag:
            self.cards.noted(known.id_tag, info)
        if info.status is not AuthorizationStatus.ACCEPTED:
            self._chronicle.note_refusal(f"the tag of a transaction is {info.status.value}")
        if number is not None:
            self._listener.judged(self, number, info)

    def _configured(self, key: str) -> None:
        if key == "HeartbeatInterval" and self.is_serving:
            self._heartbeat.start(self.configuration.number(key))
        self._appearance.configured(key)
        self._listener.configured(self, key)

    def _is_busy(self, number: int) -> bool:
        return self.transactions.running(number) is not None

    # Statuses and readings

    def _send_status(self, payload: bytes) -> Deferred[bytes]:
        return self._relayed("StatusNotification", payload)

    def _send_readings(self, request: MeterValuesRequest) -> None:
        payload, action = encode(request), action_of(request).name
        if request.transaction_id is None:
            self._tell_raw(action, payload)
            return
        if self.transactions.get(request.transaction_id) is None:
            # Somebody charges whose tag is none of this backend's.
            return
        number, transaction_id = request.connector_id, request.transaction_id
        self._queue(action, number, transaction_id, payload, is_periodic(request))

    def _tell_raw(self, action: str, payload: bytes) -> None:
        if self._may_send():
            self._relayed(action, payload).addErrback(self._not_told)

    def _queue(self, action: str, *what: Any) -> None:
        self.queue(action, *what).addErrback(self._not_queued, action)

    # What goes wrong

    def _not_queued(self, failure: Failure, action: str) -> Failure | None:
        if not isinstance(failure.value, CfosError):
            return failure
        name, why = self.name, failure.value
        _log.error("{name}: {what} could not be stored: {why}", name=name, what=action, why=why)
        return None

    def _not_told(self, failure: Failure) -> Failure | None:
        if not isinstance(failure.value, DeviceError):
            return failure
        # That the connection is gone is told once, and not for all that was on its way.
        _log.debug("{name}: {error!s}", name=self.name, error=failure.value)
        return None
