"""
The registers of the cFos Power Brain.

It is three devices: the EVSE, and a meter for each of its two S0 inputs. All have the
registers of L{IDENTIFICATION}. The names are those of its documentation, and a documented
number is the address on the wire.

It writes what it is told into a flash memory, which wears out, but for the registers that are
marked as volatile here.
"""

from __future__ import annotations

from functools import partial

from cfos_cm.wire.registers import Access, Register, RegisterType, read_plan

__all__ = [
    "CURRENTS",
    "EVSE",
    "EVSE_TCP_PORT",
    "EVSE_UNIT",
    "IDENTIFICATION",
    "METER_TCP_PORTS",
    "METER_UNITS",
    "PHASES_ARE_TOLD",
    "PLUGGED_IN_SWITCHING",
    "READ_EACH_ROUND",
    "READ_FOR_METER",
    "READ_FOR_SETTINGS",
    "READ_FOR_STATE",
    "READ_ON_CONNECTION",
    "READ_S0_METER",
    "S0_METER",
    "TENTH_MA",
]

#: Where the EVSE is, unless it was set otherwise,
EVSE_UNIT, EVSE_TCP_PORT = 1, 4701
#: and the meters of S0 input 1 and 2.
METER_UNITS, METER_TCP_PORTS = (2, 3), (4702, 4703)

#: A current is said in tenths of an ampere. [mA]
TENTH_MA = 100

_READ_WRITE = Access.READ_WRITE
_TENTHS = "0.1 A"

_u32 = partial(Register, type=RegisterType.U32)
_i32 = partial(Register, type=RegisterType.I32)
_u64 = partial(Register, type=RegisterType.U64)
_text = partial(Register, type=RegisterType.TEXT)
_flash = partial(Register, access=_READ_WRITE)
_flash_u32 = partial(_u32, access=_READ_WRITE)
_flash_u64 = partial(_u64, access=_READ_WRITE)
_volatile = partial(Register, access=_READ_WRITE, is_volatile=True)

#: 0xCF05 in the high word.
VENDOR_ID = _u32("vendor_id", 8000)
PRODUCT_ID = Register("product_id", 8002)
DEVICE_ID = Register("device_id", 8003)
#: The major version in the high byte, the minor one in the low byte. It is said to have two
#: registers; the second one is that of the build.
PRODUCT_VERSION = Register("product_version", 8004)
PRODUCT_BUILD = Register("product_build", 8005)
#: As C{product_version}.
MAPPING_VERSION = Register("mapping_version", 8006)
PADDING_1 = Register("padding_1", 8007)
SERIAL_NO = _text("serial_no", 8008, length=8)
NAME = _text("name", 8016, length=16)
SLAVE_ID = _flash("slave_id", 8040)
#: How often the hardware has started.
COUNT_RESTART = _flash_u32("count_restart", 8120)

#: What all three devices have.
IDENTIFICATION = (
    VENDOR_ID,
    PRODUCT_ID,
    DEVICE_ID,
    PRODUCT_VERSION,
    PRODUCT_BUILD,
    MAPPING_VERSION,
    PADDING_1,
    SERIAL_NO,
    NAME,
    SLAVE_ID,
    COUNT_RESTART,
)

METER_FLAGS = Register("meter_flags", 8057)
#: Of C{meter_flags}: the meter has values of each phase.
PHASES_ARE_TOLD = 1 << 0
ENERGY = _u64("energy", 8058, unit="Wh")
POWER = _i32("power", 8062, unit="W")
CURRENT_L1 = _u32("current_l1", 8064, unit=_TENTHS)
CURRENT_L2 = _u32("current_l2", 8066, unit=_TENTHS)
CURRENT_L3 = _u32("current_l3", 8068, unit=_TENTHS)
#: Those of all phases.
CURRENTS = (CURRENT_L1, CURRENT_L2, CURRENT_L3)

#: What it starts with in C{fixed_current}, C{charging_cur_limit} and C{charging_enable}.
DEF_FIXED_CURRENT = _flash("def_fixed_current", 8080, unit=_TENTHS)
DEF_CHARG_CUR_LIMIT = _flash("def_charg_cur_limit", 8081, unit=_TENTHS)
DEF_CHARGING_ENABLE = _flash("def_charging_enable", 8082)
#: How long nobody has to ask it anything until it falls back; 0: it never does.
FAIL_SAFE_DURATION = _flash_u32("fail_safe_duration", 8083, unit="s")
#: What it falls back to; 0: it does not charge.
FAIL_SAFE_CURRENT = _flash("fail_safe_current", 8085, unit=_TENTHS)
#: Written: for how long it interrupts the control pilot; read: for how long it still does.
DISCONNECT_CP = _volatile("disconnect_cp", 8086, unit="s")
#: 0: the contactor of three phases; 1: that of one.
RELAY_SELECT = _volatile("relay_select", 8087)
RELAY2 = _volatile("relay2", 8088)

#: What the cable bears; 0: there is none.
CABLE_CURRENT = Register("cable_current", 8090, unit=_TENTHS)
#: What is taken for that instead; 0: nothing is.
FIXED_CURRENT = _volatile("fixed_current", 8091, unit=_TENTHS)
#: 0 to 5 are A to F; 9 is an error of the sensor of residual direct current.
CHARGE_PILOT_STATE = Register("charge_pilot_state", 8092)
CHARGING_CUR_LIMIT = _volatile("charging_cur_limit", 8093, unit=_TENTHS)
CHARGING_ENABLE = _volatile("charging_enable", 8094)
#: What the car is told that it may draw.
CHARGING_CURRENT = Register("charging_current", 8095, unit=_TENTHS)
#: In hexadecimal digits.
LAST_RFID = _text("last_rfid", 8096, length=15)
#: How many cards were shown.
DETECTED_RFIDS = Register("detected_rfids", 8111)
#: 1: a meter is attached, and 8057 to 8069 can be read.
HAS_METER = Register("has_meter", 8112)
#: Bit 0 and 1: the S0 inputs. Bit 9: bit 10 counts, which says that there is a second relay.
#: Bit 11: that one is not its own.
S0_INPUTS = Register("s0_inputs", 8113)
#: Of C{s0_inputs}: its phases may be switched while a car is plugged in.
PLUGGED_IN_SWITCHING = 1 << 8

_ATTACHED_METER = (METER_FLAGS, ENERGY, POWER, *CURRENTS)
_SETTINGS = (
    DEF_FIXED_CURRENT,
    DEF_CHARG_CUR_LIMIT,
    DEF_CHARGING_ENABLE,
    FAIL_SAFE_DURATION,
    FAIL_SAFE_CURRENT,
    DISCONNECT_CP,
    RELAY_SELECT,
    RELAY2,
)
_STATE = (
    CABLE_CURRENT,
    FIXED_CURRENT,
    CHARGE_PILOT_STATE,
    CHARGING_CUR_LIMIT,
    CHARGING_ENABLE,
    CHARGING_CURRENT,
    LAST_RFID,
    DETECTED_RFIDS,
    HAS_METER,
    S0_INPUTS,
)

#: What the EVSE has besides.
EVSE = (*_ATTACHED_METER, *_SETTINGS, *_STATE)

INPUT = Register("input", 8041)
PULSES_PER_KWH = _flash_u32("pulsesperkwh", 8042, unit="1/kWh")
#: The phases that it is taken to be on: bit 0 for L1, 1 for L2, 2 for L3.
PHASES = _flash("phases", 8044)
VOLTAGE_L1 = _flash("voltage_l1", 8045, unit="V")
VOLTAGE_L2 = _flash("voltage_l2", 8046, unit="V")
VOLTAGE_L3 = _flash("voltage_l3", 8047, unit="V")
PULSES = _flash_u64("pulses", 8050)
TIME_PER_PULSE = _u32("timeperpulse", 8054, unit="ms")
#: 0: current flows; 1: none does.
LEVEL = Register("level", 8056)
#: As L{ENERGY}; here it can be set.
S0_ENERGY = _flash_u64("energy", 8058, unit="Wh")
RESET_PULSES = Register("reset_pulses", 8070, access=Access.WRITE)
RESET_ENERGY = Register("reset_energy", 8071, access=Access.WRITE)

#: What a meter at an S0 input has besides.
S0_METER = (
    INPUT,
    PULSES_PER_KWH,
    PHASES,
    VOLTAGE_L1,
    VOLTAGE_L2,
    VOLTAGE_L3,
    PULSES,
    TIME_PER_PULSE,
    LEVEL,
    METER_FLAGS,
    S0_ENERGY,
    POWER,
    *CURRENTS,
    RESET_PULSES,
    RESET_ENERGY,
)

#: What is read once of each connection to any of the three.
READ_ON_CONNECTION = read_plan(
    (*(one for one in IDENTIFICATION if one.address < SLAVE_ID.address), COUNT_RESTART)
)
#: What is read of the EVSE in each round,
READ_FOR_STATE = read_plan(_STATE)
READ_FOR_SETTINGS = read_plan(_SETTINGS)
READ_EACH_ROUND = (*READ_FOR_SETTINGS, *READ_FOR_STATE)
#: only where C{has_meter} says that there is one,
READ_FOR_METER = read_plan(_ATTACHED_METER)
#: and of a meter at an S0 input.
READ_S0_METER = read_plan((METER_FLAGS, S0_ENERGY, POWER, *CURRENTS))
