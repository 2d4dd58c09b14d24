"""A virtual Power Brain, without its sockets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.drivers.power_brain.registers import (
    COUNT_RESTART,
    EVSE_UNIT,
    LAST_RFID,
    METER_UNITS,
    PLUGGED_IN_SWITCHING,
)
from cfos_cm.simulator.charge_point import ChargePoint
from cfos_cm.simulator.driver import Verdict
from cfos_cm.simulator.local_control import LocalControl
from cfos_cm.simulator.measurements import Flow
from cfos_cm.simulator.power_brain.control import Control
from cfos_cm.simulator.power_brain.device import Device
from cfos_cm.simulator.power_brain.evse_device import evse_cells
from cfos_cm.simulator.power_brain.farewell import Farewell
from cfos_cm.simulator.power_brain.fixed_tag import FixedTag
from cfos_cm.simulator.power_brain.identification import (
    EVSE_DEVICE_ID,
    METER_DEVICE_ID,
    identification,
)
from cfos_cm.simulator.power_brain.memory import PowerBrainFlash
from cfos_cm.simulator.power_brain.meter_device import meter_cells
from cfos_cm.simulator.power_brain.pilot import Pilot
from cfos_cm.simulator.power_brain.s0_meter import S0Meter
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.simulator.vehicle import MIN_OFFER_MA, Vehicle
from cfos_cm.v16.core import ResetType

__all__ = ["ENERGY_AFTER_S", "PilotState", "PowerBrain"]

#: So long after a start the energy still reads 0. [s]
ENERGY_AFTER_S = 5

_MAX_RFID_CHARS = 2 * LAST_RFID.count
_COUNTERS = 1 << 16
_RELAY2_IS_KNOWN = 1 << 9
_RELAY2_IS_THERE = 1 << 10

_log = Logger(namespace="cfos_cm.simulator")


class PilotState(IntEnum):
    """What register 8092 says, as far as a virtual car brings it about."""

    NO_CAR = 0
    PLUGGED = 1
    CHARGING = 2
    TOO_HOT = 5
    """State F by the documentation; in the field it is this that brings it about."""
    DC_FAULT = 9


class PowerBrain:
    """
    A wallbox that obeys Modbus and a Central System at once: the current is the smaller one of
    both, and it charges only where both allow it.

    @ivar name: for people.
    @ivar flash: what it keeps without power.
    @ivar control: all that decides about the current besides the Central System.
    @ivar charge_point: its side of OCPP, with the EVSE and the car.
    @ivar s0_meters: what is at its S0 inputs.
    @ivar evse_device: the EVSE as Modbus sees it.
    @ivar meter_devices: the meters as Modbus sees them.
    @ivar last_rfid: the card that was shown last.
    @ivar detected_rfids: how many cards were shown.
    @ivar relay2: whether the second relay is on.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualPowerBrainSettings,
        clock: IReactorTime,
        now: Callable[[], datetime],
        new_unique_id: Callable[[], str],
        flash: PowerBrainFlash | None = None,
        rebooted: Callable[[], None] = lambda: None,
    ) -> None:
        """
        @param now: the time of day; aware.
        @param new_unique_id: makes message ids; at most 36 characters, never the same twice.
        @param flash: what another one has left behind; C{None}: it is new.
        @param rebooted: is told when it starts anew, and so ends all its connections.
        """
        self.name = name
        self._settings = settings
        self._rebooted = rebooted
        self.flash = flash or PowerBrainFlash()
        self._energy_is_late = Alarm(clock, lambda: None)
        pilot = Pilot(clock, self._pilot_goes, self._pilot_is_back)
        self.control = Control(settings, clock, self.flash.evse, self._changed, pilot)
        self.charge_point = ChargePoint(
            name,
            # Without a reader no driver can show a card.
            settings if settings.has_reader else evolve(settings, id_tag=None),
            clock,
            now,
            new_unique_id,
            LocalControl(
                ceiling=self.control.ceiling,
                flows=self._flows,
                plugged=self._plugged,
                card_read=self._card_read,
                started=self._boot,
                served=self._served,
            ),
        )
        self._fixed_tag = FixedTag(name, clock, self._judge_fixed_tag, self._needs_fixed_tag)
        self.last_rfid = ""
        self.detected_rfids = 0
        self.relay2 = False
        self._shown = PilotState.NO_CAR
        self._farewell = Farewell(clock)
        self.s0_meters = tuple(
            S0Meter(clock, kept, power_w, settings.time_lapse)
            for kept, power_w in zip(self.flash.meters, settings.s0_power_w, strict=True)
        )
        self.evse_device = self._make_evse_device()
        self.meter_devices = tuple(self._make_meter_device(index) for index in range(2))

    # Power

    def start(self) -> None:
        """Power comes on, before it does at its L{charge_point}."""
        self._boot()

    def fade(self, longest_s: float) -> Deferred[None]:
        """
        Power is about to go off: the car leaves, and with it the driver.

        @param longest_s: for so long it is waited for somebody who looks. [s]
        @return: fires when whoever reads the state has seen that, or nobody reads it.
        """
        self.charge_point.fade()
        self.control.pilot.end()
        self._plugged(False)
        return self._farewell.seen(longest_s)

    def stop(self) -> None:
        """Power goes off. Nothing is left that would happen later; it can be started again."""
        for meter in self.s0_meters:
            meter.store()
        self._fixed_tag.withdraw()
        self._energy_is_late.clear()
        self._farewell.end()
        self.control.failsafe.stop()
        self.control.pilot.restart()

    # What a person does

    def plug_in(self, vehicle: Vehicle) -> None:
        """A car is plugged in."""
        self.charge_point.plug_in(vehicle)

    def unplug(self) -> None:
        """The car leaves."""
        self.charge_point.unplug()

    def show_card(self, id_tag: str) -> Deferred[Verdict]:
        """A card is shown; what comes of it."""
        if not self._settings.has_reader:
            return succeed(Verdict.NOT_NOW)
        return self.charge_point.show_card(id_tag)

    # What befalls it

    def put_car_to_sleep(self) -> None:
        """The car takes nothing any more until the control pilot was interrupted."""
        self.charge_point.evse.put_car_to_sleep(True)

    def find_dc_fault(self) -> None:
        """Its sensor finds direct current: it does not charge until the car has left."""
        self.control.has_dc_fault = True
        self._changed()

    def put_temperature(self, celsius: float) -> None:
        """It is so hot inside."""
        self.control.put_temperature(celsius)
        self._changed()

    def reboot(self) -> None:
        """It starts again, in a moment."""
        self.charge_point.reset(ResetType.HARD)

    # What its registers show

    @property
    def flow(self) -> Flow:
        """What flows."""
        return self.charge_point.evse.flow

    @property
    def energy_wh(self) -> int:
        """What the attached meter shows. [Wh]"""
        return 0 if self._energy_is_late.is_set else self.charge_point.evse.register_wh

    @property
    def cable_ma(self) -> int:
        """What the cable says that it bears; 0: there is none. [mA]"""
        return self._settings.cable_ma if self.charge_point.evse.is_plugged else 0

    @property
    def signalled_ma(self) -> int:
        """What the car is told that it may draw; 0: nothing. [mA]"""
        return self.flow.offered_ma if self.flow.offered_ma >= MIN_OFFER_MA else 0

    def show_state(self) -> int:
        """
        The state of register 8092, to somebody who reads it; it stays as it is while the pilot
        is interrupted.
        """
        if not self.control.pilot.is_off:
            self._shown = self._state()
        self._farewell.looked(self._shown is not PilotState.NO_CAR)
        return self._shown

    @property
    def s0_inputs(self) -> int:
        """The bits of register 8113."""
        bits = sum(meter.is_on << index for index, meter in enumerate(self.s0_meters))
        if self._settings.has_phase_switching:
            bits |= PLUGGED_IN_SWITCHING
        if self._settings.has_relay2:
            bits |= _RELAY2_IS_KNOWN | _RELAY2_IS_THERE
        return bits

    def put_relay2(self, is_on: bool) -> None:
        """Switch the second relay; it stays off where there is none, or the first one is on."""
        self.relay2 = is_on and self._settings.has_relay2 and not self.flow.current_ma

    def put_contactor(self, contactor: int) -> None:
        """Use another contactor."""
        evse = self.charge_point.evse
        self.control.pilot.select(
            contactor, evse.is_plugged, self._settings.has_phase_switching
        )

    # What follows

    def _make_evse_device(self) -> Device:
        flash = self.flash.evse
        cells = evse_cells(self, self.control, flash, self._settings.has_meter)
        named = identification(EVSE_DEVICE_ID, self._settings.serial, EVSE_UNIT, flash, flash)
        return Device((*named, *cells), flash, EVSE_UNIT, self._contact, self._changed)

    def _make_meter_device(self, index: int) -> Device:
        flash, unit = self.flash.meters[index], METER_UNITS[index]
        cells = meter_cells(self.s0_meters[index], flash)
        named = identification(
            METER_DEVICE_ID, self._settings.serial, unit, flash, self.flash.evse
        )
        return Device((*named, *cells), flash, unit)

    def _boot(self) -> None:
        flash = self.flash.evse
        flash.keep(COUNT_RESTART, (flash.number(COUNT_RESTART, 0) + 1) & 0xFFFF_FFFF)
        self.last_rfid, self.detected_rfids, self.relay2 = "", 0, False
        self.control.pilot.restart()
        self.control.has_dc_fault = False
        self.control.load_defaults()
        self.control.failsafe.contact()
        self._energy_is_late.set(ENERGY_AFTER_S)
        for device in (self.evse_device, *self.meter_devices):
            device.restart()
        self._pilot_is_back()
        self._fixed_tag.offer()
        self._rebooted()

    def _contact(self) -> None:
        self.control.failsafe.contact()
        self._changed()

    def _changed(self) -> None:
        self.charge_point.evse.refresh()

    def _pilot_goes(self) -> None:
        self._shown = self._state()

    def _pilot_is_back(self) -> None:
        # A car that sleeps is woken by that.
        self.charge_point.evse.put_car_to_sleep(False)

    def _state(self) -> PilotState:
        if self.control.has_dc_fault:
            return PilotState.DC_FAULT
        if self.control.is_too_hot:
            return PilotState.TOO_HOT
        if not self.charge_point.evse.is_plugged:
            return PilotState.NO_CAR
        return PilotState.CHARGING if self.flow.current_ma else PilotState.PLUGGED

    def _flows(self, flow: Flow) -> None:
        if flow.current_ma:
            self.relay2 = False

    def _plugged(self, is_plugged: bool) -> None:
        if is_plugged:
            self._fixed_tag.offer()
            return
        self.control.has_dc_fault = False
        self.control.pilot.unplugged()
        self._changed()

    def _card_read(self, id_tag: str) -> None:
        # A register has room for nothing but ASCII; what is no hexadecimal number is no card's.
        shown = id_tag[:_MAX_RFID_CHARS].encode("ascii", "replace").decode("ascii")
        self.last_rfid = shown.replace("\0", "?").rstrip()
        self.detected_rfids = (self.detected_rfids + 1) % _COUNTERS

    def _served(self) -> None:
        self._fixed_tag.served()

    def _needs_fixed_tag(self) -> bool:
        settings, evse = self._settings, self.charge_point.evse
        return (
            settings.url is not None
            and settings.fixed_tag is not None
            and not settings.has_reader
            and evse.is_plugged
            and evse.transaction is None
        )

    def _judge_fixed_tag(self) -> Deferred[Verdict]:
        assert self._settings.fixed_tag is not None
        return self.charge_point.judge(self._settings.fixed_tag)
