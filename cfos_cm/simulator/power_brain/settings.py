"""What a virtual Power Brain is told before it starts."""

from __future__ import annotations

from zlib import crc32

from attrs import field, frozen
from attrs.validators import and_, ge, le, matches_re, optional

from cfos_cm.drivers.power_brain.registers import EVSE_TCP_PORT
from cfos_cm.simulator.settings import VirtualChargePointSettings

__all__ = ["VirtualPowerBrainSettings"]

#: What a box that is not new has counted: one to ten megawatt-hours. [Wh]
_LEAST_USED_WH, _USED_RANGE_WH = 1_000_000, 9_000_000


@frozen(kw_only=True)
class VirtualPowerBrainSettings(VirtualChargePointSettings):
    """
    A wallbox that is steered by Modbus, with or without OCPP, and the car that comes to it.

    @ivar url: the OCPP server, as there. C{None}: no transaction is needed, and a car charges
        when it is plugged in and Modbus allows it.
    @ivar identity: the charge box identity; not needed without a C{url}.
    @ivar interface: the address of this machine where its Modbus ports are.
    @ivar modbus_port: that of the EVSE; those of its S0 meters follow. 0: free ones are taken.
    @ivar serial: its serial number; 1 to 16 characters of ASCII, none of them a space.
    @ivar has_reader: whether a card can be shown.
    @ivar fixed_tag: where there is no reader, the idTag of every car that plugs in.
    @ivar has_phase_switching: whether phases may be switched while a car is plugged in.
    @ivar has_meter: whether a meter is attached.
    @ivar has_relay2: whether there is a second relay.
    @ivar clamps_limit: a limit above C{max_current_ma} reads back as that; it is never obeyed.
    @ivar cable_ma: what the car's cable bears. [mA per phase]
    @ivar overheats_at_c: from here on it does not charge. [°C]
    @ivar register_wh: what its attached meter has counted before it starts. C{None}: what one
        may have that is in use, another number for each serial number. [Wh]
    @ivar s0_power_w: what flows through the meters at its S0 inputs. [W]
    """

    url: str | None = None
    identity: str = ""
    max_current_ma: int = field(default=16_000, validator=and_(ge(6_000), le(63_000)))
    model: str = "virtual Power Brain"
    interface: str = "127.0.0.1"
    modbus_port: int = field(default=EVSE_TCP_PORT, validator=and_(ge(0), le(0xFFFF - 2)))
    serial: str = field(default="W00-0001", validator=matches_re("[!-~]{1,16}"))
    has_reader: bool = True
    fixed_tag: str | None = field(default=None, repr=False)
    has_phase_switching: bool = True
    has_meter: bool = True
    has_relay2: bool = False
    clamps_limit: bool = False
    cable_ma: int = 32_000
    overheats_at_c: float = 70.0
    register_wh: int | None = field(default=None, validator=optional(and_(ge(0), le(10**15))))
    s0_power_w: tuple[float, float] = (0.0, 0.0)

    @property
    def first_reading_wh(self) -> int:
        """See L{VirtualChargePointSettings.first_reading_wh}."""
        if self.register_wh is not None:
            return self.register_wh
        return _LEAST_USED_WH + crc32(self.serial.encode()) % _USED_RANGE_WH
