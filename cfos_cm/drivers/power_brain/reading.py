"""What the registers of a Power Brain say, in the units of the site."""

from __future__ import annotations

from enum import IntEnum

from attrs import frozen

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.electrical import PhaseCurrents, watts_to_milliamps
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.site.evse import DeviceIdentity, EvseSettings, Occupancy
from cfos_cm.site.measured import NOTHING_MEASURED, Measured
from cfos_cm.site.tag import MAX_ID_TAG_CHARS
from cfos_cm.wire.registers import Snapshot

__all__ = [
    "PilotState",
    "PowerBrainReading",
    "identity_of",
    "read_box",
]

#: Who makes it; it says so once more before the name of the model.
_NAME = "cFos"
#: In the high word of the vendor's id.
_CFOS = 0xCF05

#: No EVSE has more; what is beyond is a broken value, not a large one. [mA]
_MOST_MA = 1_000_000
#: [W]
_MOST_W = 1_000_000
#: [Wh]
_MOST_WH = 10**12


class PilotState(IntEnum):
    """
    What the control pilot says, IEC 61851-1, as Modbus counts it.

    By HTTP the same box counts from 1, and other states.
    """

    A = 0
    B = 1
    C = 2
    D = 3
    E = 4
    F = 5
    DC_FAULT = 9
    UNKNOWN = -1
    """A number that nobody has documented."""

    @classmethod
    def of(cls, number: int) -> PilotState:
        """The state that a number stands for."""
        try:
            return cls(number)
        except ValueError:
            return cls.UNKNOWN

    @property
    def charges(self) -> bool:
        """Whether the contactor may be closed."""
        return self in (PilotState.C, PilotState.D)

    @property
    def is_plugged(self) -> bool:
        """Whether a car is there and well."""
        return self in (PilotState.B, PilotState.C, PilotState.D)


_DETAILS = {
    PilotState.A: "A: no car",
    PilotState.B: "B: a car is plugged in",
    PilotState.C: "C: charging",
    PilotState.D: "D: charging, with ventilation",
}
_FAULTS = {
    PilotState.E: "E: no power",
    # Its documentation knows the first, its users have met the second.
    PilotState.F: "F: an error, or too hot inside; then it charges again when it is 5 K cooler",
    PilotState.DC_FAULT: "9: the sensor of residual direct current",
}


@frozen
class PowerBrainReading:
    """
    What a box said in one round.

    @ivar pilot: C{None}: it says nothing now, because its control pilot is interrupted and the
        register keeps what it held before.
    @ivar occupancy: C{None}: as C{pilot}.
    @ivar detail: its own word for that.
    @ivar fault: what is wrong, for people.
    @ivar limit_ma: what it may give. [mA per phase]
    @ivar signalled_ma: what it tells the car that this may draw. [mA per phase]
    @ivar is_enabled: whether it may charge at all.
    @ivar measured: what the meter that is attached to it says.
    @ivar taps: how many cards it has seen, from 0 again after 65535.
    @ivar tag: the last one; C{None}: there was none.
    """

    pilot: PilotState | None
    occupancy: Occupancy | None
    detail: str
    fault: str | None
    limit_ma: int
    signalled_ma: int
    is_enabled: bool
    measured: Measured
    taps: int
    tag: str | None

    @property
    def is_plugged(self) -> bool:
        """Whether a car may be there."""
        return self.pilot is not PilotState.A

    @property
    def draw_ma(self) -> int:
        """
        The most that its car may be drawing on any phase, as far as it says. [mA]

        A meter that knows only the sum does not say on how many phases it flows.
        """
        if self.measured.currents is not None:
            return max(0, self.measured.currents.maximum())
        if self.measured.power_w is not None:
            on_one_ma = max(0, watts_to_milliamps(self.measured.power_w, 1))
            return min(on_one_ma, self.signalled_ma or on_one_ma)
        return self.signalled_ma if self.pilot is None or self.pilot.charges else 0


def read_box(snapshot: Snapshot, settings: EvseSettings) -> PowerBrainReading:
    """
    What C{snapshot} says.

    @param snapshot: of the registers that are read in each round.
    @param settings: of the EVSE, for the phases that it is wired to.
    """
    number = snapshot.number(on.CHARGE_PILOT_STATE)
    is_interrupted = snapshot.number(on.DISCONNECT_CP) != 0
    pilot = None if is_interrupted else PilotState.of(number)
    detail, fault = _words(pilot, number)
    return PowerBrainReading(
        pilot=pilot,
        occupancy=None if pilot is None else _occupancy(pilot),
        detail=detail,
        fault=fault,
        limit_ma=snapshot.number(on.CHARGING_CUR_LIMIT) * on.TENTH_MA,
        signalled_ma=snapshot.number(on.CHARGING_CURRENT) * on.TENTH_MA,
        is_enabled=snapshot.number(on.CHARGING_ENABLE) != 0,
        measured=_measured(snapshot, settings),
        taps=snapshot.number(on.DETECTED_RFIDS),
        tag=_tag(snapshot.text(on.LAST_RFID)),
    )


def identity_of(snapshot: Snapshot) -> DeviceIdentity:
    """
    What a box says of itself.

    @param snapshot: of the registers that are read once of each connection.
    @raise RemoteProtocolError: if it is none.
    """
    vendor = snapshot.number(on.VENDOR_ID)
    if vendor >> 16 != _CFOS:
        raise RemoteProtocolError(
            f"no Power Brain: its vendor id is 0x{vendor:08X}, and not 0x{_CFOS:04X}0000"
        )
    major, minor = divmod(snapshot.number(on.PRODUCT_VERSION), 1 << 8)
    return DeviceIdentity(
        vendor=_NAME,
        model=_printable(snapshot.text(on.NAME)).removeprefix(f"{_NAME} ") or "Power Brain",
        serial_number=_printable(snapshot.text(on.SERIAL_NO)) or None,
        firmware_version=f"{major}.{minor}.{snapshot.number(on.PRODUCT_BUILD)}",
    )


def _occupancy(pilot: PilotState) -> Occupancy:
    if pilot is PilotState.A:
        return Occupancy.FREE
    if pilot is PilotState.B:
        return Occupancy.PLUGGED
    return Occupancy.CHARGING if pilot.charges else Occupancy.FAULTED


def _words(pilot: PilotState | None, number: int) -> tuple[str, str | None]:
    """The detail and the fault."""
    if pilot is None:
        return "its control pilot is interrupted", None
    detail = _DETAILS.get(pilot)
    if detail is not None:
        return detail, None
    fault = _FAULTS.get(pilot, f"{number}: a state that is not documented")
    return fault, fault


def _measured(snapshot: Snapshot, settings: EvseSettings) -> Measured:
    if not snapshot.number(on.HAS_METER) or on.ENERGY not in snapshot:
        return NOTHING_MEASURED
    energy_wh = snapshot.number(on.ENERGY)
    power_w = snapshot.number(on.POWER)
    return Measured(
        currents=_currents(snapshot, settings),
        energy_wh=energy_wh if energy_wh <= _MOST_WH else None,
        power_w=power_w if abs(power_w) <= _MOST_W else None,
    )


def _currents(snapshot: Snapshot, settings: EvseSettings) -> PhaseCurrents | None:
    """
    On the phases of the supply; its own need not be wired to them in that order.

    C{None} where it does not know those of each phase, but only the sum.
    """
    if not snapshot.number(on.METER_FLAGS) & on.PHASES_ARE_TOLD:
        return None
    found = PhaseCurrents()
    for phase, register in zip(settings.phases, on.CURRENTS, strict=False):
        current_ma = snapshot.number(register) * on.TENTH_MA
        if current_ma > _MOST_MA:
            return None
        found += PhaseCurrents.on((phase,), current_ma)
    return found


def _tag(text: str) -> str | None:
    """As the site knows it: what the reader sees has up to 30 digits."""
    digits = _printable(text).upper()[:MAX_ID_TAG_CHARS]
    return digits or None


def _printable(text: str) -> str:
    """A text of a device; empty where it is none, as after a write that was cut off."""
    stripped = text.strip()
    return stripped if stripped.isascii() and stripped.isprintable() else ""
