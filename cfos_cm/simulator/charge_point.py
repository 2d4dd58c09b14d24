"""
A virtual wallbox that speaks OCPP 1.6J, without the socket.

It is handed a clock, the time of day and, for each connection, a way to send. It owns the EVSE,
the messages about transactions, the configuration and the driver, and brings them together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Alarm, Repeater
from cfos_cm.charge_point.registration import Effects, Registration, registration
from cfos_cm.errors import (
    CallErrorCode,
    DeviceError,
    RemoteProtocolError,
)
from cfos_cm.simulator.authorisation import Cards
from cfos_cm.simulator.commands import COMMANDS
from cfos_cm.simulator.configuration import Configuration
from cfos_cm.simulator.conversation import Conversation
from cfos_cm.simulator.driver import Driver, Verdict
from cfos_cm.simulator.evse import Surroundings, VirtualEvse
from cfos_cm.simulator.local_control import NO_LOCAL_CONTROL, LocalControl
from cfos_cm.simulator.measurements import Flow
from cfos_cm.simulator.outbox import Outbox
from cfos_cm.simulator.settings import VirtualChargePointSettings
from cfos_cm.simulator.vehicle import Vehicle
from cfos_cm.v16.actions import action_of
from cfos_cm.v16.core import (
    AvailabilityType,
    BootNotificationConfirmation,
    BootNotificationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    HeartbeatRequest,
    Reason,
    RegistrationStatus,
    ResetType,
    StartTransactionConfirmation,
    StatusNotificationRequest,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import Message

__all__ = ["ChargePoint"]

VENDOR = "cfos_cm"
FIRMWARE = "1.0"
_MAX_SERIAL_CHARS = 25

#: How long a wallbox waits that was not told how long, or got no answer. [s]
OWN_BOOT_INTERVAL_S = 60
_MAX_BOOT_INTERVAL_S = 86_400
#: From the order to reset until the connection goes down. [s]
RESET_TAKES_S = 1


_log = Logger(namespace="cfos_cm.simulator")


class ChargePoint:
    """
    A wallbox with one EVSE.

    @ivar name: for people.
    @ivar conversation: what is said to the Central System.
    @ivar configuration: its configuration keys.
    @ivar evse: where the car charges.
    @ivar registration: whether it may speak.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualChargePointSettings,
        clock: IReactorTime,
        now: Callable[[], datetime],
        new_unique_id: Callable[[], str],
        local: LocalControl = NO_LOCAL_CONTROL,
    ) -> None:
        """
        @param now: the time of day; aware.
        @param new_unique_id: makes message ids; at most 36 characters, never the same twice.
        @param local: what it obeys besides OCPP.
        """
        self.name = name
        self.settings = settings
        self.now = now
        self._local = local
        self._told: tuple[ChargePointStatus, ChargePointErrorCode] | None = None
        self._availability = AvailabilityType.OPERATIVE
        self._heartbeat = Repeater(clock, self.send_heartbeat)
        self._next_boot = Alarm(clock, self.boot_now)
        self._restart = Alarm(clock, self._start_again)
        self.conversation = Conversation(name, clock, new_unique_id, self._carry_out)
        self.configuration = Configuration(settings.connector, settings.meter_interval_s)
        self._cards = Cards(self.configuration)
        self._outbox = Outbox(clock, self.configuration, self._start_answered)
        self._driver = Driver(name, settings, clock, self)
        self.evse = VirtualEvse(
            settings,
            clock,
            now,
            self.configuration,
            self._outbox,
            Surroundings(
                status_changed=self._status_changed,
                flows=self._flows,
                is_full=self._driver.car_is_full,
                began=self._driver.began,
                ended=self._driver.ended,
            ),
            local.ceiling,
        )
        self.registration: Registration = registration(
            Effects(boot=self._boot, serve=self._serve, pause=self._pause)
        )

    # Power

    def start(self) -> None:
        """Power comes on, and a driver is on the way."""
        self._driver.start()

    def fade(self) -> Deferred[None]:
        """
        Power fails, and lasts for a few words more: the transaction ends, and that is told.

        @return: fires when it was told, or cannot be told now; not any more after
            L{disconnected}.
        """
        self._driver.stop()
        self.evse.halt()
        return self._outbox.settled()

    def stop(self) -> None:
        """Power goes off. Nothing is left that would happen later; it can be started again."""
        self._driver.stop()
        self.disconnected()
        self.evse.halt()
        self.registration.restarted()
        self._next_boot.clear()
        self._restart.clear()

    # The connection

    def connected(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> None:
        """
        There is a connection.

        @param send: puts one text message on it.
        @param hang_up: ends it; L{disconnected} is called when it is down.
        """
        self.conversation.begin(send, hang_up)
        self.registration.connected()

    def disconnected(self) -> None:
        """The connection is gone."""
        self.registration.lost()
        self.conversation.end()

    def received(self, text: bytes) -> None:
        """A text message has come."""
        self.conversation.received(text)

    # The driver

    def plug_in(self, vehicle: Vehicle) -> None:
        """A car is plugged in."""
        self.evse.plug_in(vehicle)
        self._local.plugged(True)

    def unplug(self) -> None:
        """The car leaves."""
        self.evse.unplug()
        self._local.plugged(False)

    def show_card(self, id_tag: str) -> Deferred[Verdict]:
        """A card is shown; what comes of it."""
        self._local.card_read(id_tag)
        return self.judge(id_tag)

    def judge(self, id_tag: str) -> Deferred[Verdict]:
        """What comes of a card, shown or not."""
        return Deferred.fromCoroutine(self._judge(id_tag))

    # What the Central System can ask for

    def has_connector(self, connector: int) -> bool:
        """Whether there is C{connector}; 0, the whole Charge Point, is there."""
        return connector in (0, self.settings.connector)

    def put_availability(self, connector: int, availability: AvailabilityType) -> bool:
        """
        Take a connector out of use, or back; see L{VirtualEvse.put_availability}.

        @param connector: one that is there.
        """
        if connector == 0 and availability is not self._availability:
            self._availability = availability
            if self.registration.may_speak():
                self.send_status(0)
        return self.evse.put_availability(availability)

    def configuration_changed(self, key: str) -> None:
        """The configuration key C{key} has another value."""
        if key.lower() == "heartbeatinterval" and self.registration.may_speak():
            self._heartbeat.start(self.configuration.number("HeartbeatInterval"))
        if key.lower() == "metervaluesampleinterval":
            self.evse.interval_changed()

    def clear_cache(self) -> None:
        """Forget which cards were good."""
        self._cards.forget()

    def reset(self, kind: ResetType) -> None:
        """End the transaction, then start again in a moment."""
        if kind is ResetType.HARD:
            # It goes off at once: what is to be told is told after the start.
            self.registration.restarted()
            self.evse.end(Reason.HARD_RESET)
        else:
            self.evse.end(Reason.SOFT_RESET)
        self._restart.set(RESET_TAKES_S)

    def boot_now(self) -> None:
        """Send BootNotification, unless it was accepted or is on its way."""
        self._next_boot.clear()
        self.registration.waited()

    def send_heartbeat(self) -> None:
        """Send a Heartbeat."""
        self.conversation.tell(HeartbeatRequest())

    def send_status(self, connector: int | None = None) -> None:
        """
        Send how things stand.

        @param connector: C{None}: for the whole Charge Point and the connector.
        """
        wanted = (0, self.settings.connector) if connector is None else (connector,)
        for number in wanted:
            status, error = self._status_of(number)
            if number != 0:
                self._told = status, error
            self.conversation.tell(
                StatusNotificationRequest(
                    connector_id=number,
                    error_code=error,
                    status=status,
                    timestamp=format_timestamp(self.now()),
                )
            )

    # What follows from the registration

    def _boot(self) -> None:
        booting = self.conversation.call(
            BootNotificationRequest(
                charge_point_vendor=VENDOR,
                charge_point_model=self.settings.model,
                charge_point_serial_number=self.settings.identity[:_MAX_SERIAL_CHARS],
                firmware_version=FIRMWARE,
            )
        )
        booting.addCallbacks(self._boot_answered, self._boot_failed)
        booting.addErrback(self._broken)

    def _boot_answered(self, confirmation: Message) -> None:
        assert isinstance(confirmation, BootNotificationConfirmation)
        if confirmation.status is RegistrationStatus.ACCEPTED:
            self.configuration.put_heartbeat_interval(confirmation.interval)
            self.registration.accepted()
            return
        _log.info(
            "{name} is not let in: {status}", name=self.name, status=confirmation.status.value
        )
        self._boot_later(confirmation.interval)

    def _boot_failed(self, failure: Failure) -> None:
        failure.trap(DeviceError)
        # When the connection is gone, the next one begins with another attempt.
        if self.conversation.is_open:
            self.conversation.complain(str(failure.value))
            self._boot_later(0)

    def _boot_later(self, interval_s: int) -> None:
        self.registration.refused()
        wait_s = interval_s if interval_s > 0 else OWN_BOOT_INTERVAL_S
        self._next_boot.set(min(wait_s, _MAX_BOOT_INTERVAL_S))

    def _serve(self) -> None:
        self._heartbeat.start(self.configuration.number("HeartbeatInterval"))
        self.send_status()
        self._outbox.open(self.conversation.call)
        self._driver.service_is_back()
        self._local.served()

    def _pause(self) -> None:
        self._heartbeat.stop()
        self._outbox.close()

    def _start_again(self) -> None:
        self._next_boot.clear()
        self.registration.restarted()
        self.evse.restart()
        self._local.started()
        self.conversation.hang_up()

    # The rest

    def _carry_out(self, request: Message) -> Message:
        command = COMMANDS.get(type(request))
        if command is None:
            raise RemoteProtocolError(
                f"{action_of(request).name} is not supported here", CallErrorCode.NOT_SUPPORTED
            )
        return command(self, request)

    async def _judge(self, id_tag: str) -> Verdict:
        if self.settings.url is None:
            return Verdict.NOTED
        if not self.evse.show_card():
            return Verdict.NOT_NOW
        ask = self.conversation.call if self.registration.may_speak() else None
        if await self._cards.is_good(id_tag, ask):
            self.evse.permit(id_tag)
            return Verdict.ACCEPTED
        self.evse.turn_away()
        return Verdict.NOT_NOW if ask is None else Verdict.REFUSED

    def _start_answered(self, number: int, confirmation: StartTransactionConfirmation) -> None:
        running = self.evse.transaction
        if running is not None and running.number == number:
            self._cards.judged(running.invitation.id_tag, confirmation.id_tag_info)
        self.evse.judged(number, confirmation)

    def _status_of(self, connector: int) -> tuple[ChargePointStatus, ChargePointErrorCode]:
        if connector != 0:
            return self.evse.status(), self.evse.error
        if self._availability is AvailabilityType.OPERATIVE:
            return ChargePointStatus.AVAILABLE, ChargePointErrorCode.NO_ERROR
        return ChargePointStatus.UNAVAILABLE, ChargePointErrorCode.NO_ERROR

    def _status_changed(self) -> None:
        connector = self.settings.connector
        if self.registration.may_speak() and self._status_of(connector) != self._told:
            self.send_status(connector)

    def _flows(self, flow: Flow) -> None:
        self._driver.flows(flow)
        self._local.flows(flow)

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name} could not go on", failure, name=self.name)
