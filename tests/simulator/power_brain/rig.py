"""A virtual Power Brain in memory, and who asks it: by Modbus frames, and by OCPP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from twisted.internet.task import Clock

from cfos_cm.simulator.power_brain.box import PowerBrain
from cfos_cm.simulator.power_brain.device import Device
from cfos_cm.simulator.power_brain.memory import PowerBrainFlash
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.simulator.vehicle import Vehicle, VehicleSettings
from cfos_cm.wire.modbus import Answer, Codec, Framing, Read, Request, Write
from cfos_cm.wire.modbus_server import Responder
from cfos_cm.wire.registers import Register, Value

from ...charging_profiles import tx_profile
from ..central_system import START, Payload, ScriptedCentralSystem

__all__ = ["CAR", "NEVER_S", "Asker", "BackedRig", "Rig", "settings"]

#: A car that takes 16 A on three phases for as long as any test lasts.
CAR = VehicleSettings(max_current_ma=16_000, phases=3, needs_wh=1_000_000)

#: Later than any test ends. [s]
NEVER_S = 1_000_000


def settings(**changed: Any) -> VirtualPowerBrainSettings:
    """A box without OCPP, and new; no driver comes by himself."""
    given: dict[str, Any] = {
        "arrives_after_s": NEVER_S,
        "modbus_port": 0,
        "register_wh": 0,
    }
    return VirtualPowerBrainSettings(**{**given, **changed})


class Asker:
    """Asks one device, frame by frame."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._codec = Codec(Framing.TCP)
        self._responder = Responder(Framing.TCP, device.is_unit, device.serve)

    def ask(self, request: Request) -> Answer:
        """Its answer."""
        frame = self._codec.encode(request, 1)
        (answer,) = self._codec.receive(b"".join(self._responder.receive(frame)))
        return answer

    def read(self, address: int, count: int = 1) -> Answer:
        """The answer to a read."""
        return self.ask(Read(self.device.unit, address, count))

    def write(self, address: int, *values: int) -> Answer:
        """The answer to a write."""
        return self.ask(Write(self.device.unit, address, values))

    def get(self, register: Register) -> Value:
        """What a register says; it must say something."""
        answer = self.read(register.address, register.count)
        assert answer.exception_code is None, (register.name, answer.exception_code)
        return register.decode(answer.registers)

    def put(self, register: Register, value: int) -> int | None:
        """Write a register; the exception that it is refused with, if it is."""
        return self.write(register.address, *register.encode(value)).exception_code


class Rig:
    """
    A box and a clock.

    @ivar box: the box.
    @ivar evse: asks its EVSE.
    @ivar meters: ask its meters.
    @ivar reboots: how often its connections were ended.
    """

    def __init__(self, flash: PowerBrainFlash | None = None, **changed: Any) -> None:
        self.clock = Clock()
        self.reboots = 0
        ids = iter(range(1_000_000))
        self.box = PowerBrain(
            "box",
            settings(**changed),
            self.clock,
            self.now,
            lambda: f"cp-{next(ids)}",
            flash,
            self._rebooted,
        )
        self.evse = Asker(self.box.evse_device)
        self.meters = tuple(Asker(device) for device in self.box.meter_devices)
        self.box.start()
        self.box.charge_point.start()

    def now(self) -> datetime:
        """The time of day."""
        return START + timedelta(seconds=self.clock.seconds())

    def run(self, duration_s: float) -> None:
        """Let time pass in quarters of a second."""
        for _ in range(round(duration_s * 4)):
            self.clock.advance(0.25)

    def plug_in(self, car: VehicleSettings = CAR) -> None:
        """A car is plugged in."""
        self.box.plug_in(Vehicle(car))

    def takes_ma(self) -> int:
        """What the car takes, looked at without Modbus: that would be a contact. [mA]"""
        self.box.charge_point.evse.refresh()
        return self.box.flow.current_ma

    def stop(self) -> None:
        """Power goes off."""
        self.box.stop()
        self.box.charge_point.stop()

    def _rebooted(self) -> None:
        self.reboots += 1


class BackedRig(Rig):
    """
    The same, with a Central System that it is connected to.

    @ivar central_system: the Central System.
    """

    def __init__(self, connect: bool = True, **changed: Any) -> None:
        given: dict[str, Any] = {"url": "ws://127.0.0.1:1/", "identity": "PB-1"}
        super().__init__(**{**given, **changed})
        self.central_system = ScriptedCentralSystem(self.box.charge_point, self.now)
        if connect:
            self.central_system.connect()

    def limit(self, amps: float) -> Payload | str:
        """Set a TxProfile."""
        return self.central_system.ask(
            "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": tx_profile(amps)}
        )
