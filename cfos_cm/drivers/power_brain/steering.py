"""What a Power Brain is told: how much it may give, and with how many phases."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cfos_cm.drivers.modbus.line import ModbusRefusal
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.reading import PilotState, PowerBrainReading
from cfos_cm.drivers.power_brain.writing import Box
from cfos_cm.electrical import amps_text
from cfos_cm.errors import DeviceError, DeviceRefusal, OrderIgnored
from cfos_cm.wire.registers import Register, Snapshot

__all__ = [
    "HINT",
    "LEAST_MA",
    "WAKING_S",
    "Failsafe",
    "Told",
    "release",
    "steer",
    "switch_phases",
    "wake",
]

#: With less no car charges, IEC 61851-1. [mA per phase]
LEAST_MA = 6000
#: How long the control pilot is interrupted to wake a car. [s]
WAKING_S = 5

#: What most often is wrong with a box that does not keep what it was told.
HINT = (
    "its own load management, or another program, may set it too: in its settings load "
    'management has to be on "Observe"'
)

#: The most that can be said. [0.1 A]
_MOST_TENTHS = 630


@frozen
class Told:
    """
    What a box was told last.

    @ivar tenths: the limit; C{None}: none was told with it. [0.1 A]
    @ivar held_tenths: what stood there afterwards: less, where it cannot give so much; C{None}:
        it has not confirmed that it is to charge with it. [0.1 A]
    """

    is_enabled: bool
    tenths: int | None = None
    held_tenths: int | None = None

    def excess(self, reading: PowerBrainReading) -> str | None:
        """Who allows it more than it was told, for people; C{None}: nobody."""
        if reading.is_enabled and not self.is_enabled:
            return "somebody who has told it to charge"
        if self.tenths is not None and reading.limit_ma > self.tenths * on.TENTH_MA:
            return f"somebody who has allowed it {amps_text(reading.limit_ma)}"
        return None

    def is_undone(self, reading: PowerBrainReading) -> bool:
        """Whether it was told to charge, and is not to any more."""
        return self.held_tenths is not None and not reading.is_enabled

    def or_perhaps(self, current_ma: int) -> Told:
        """What it holds at most that was told this, and may or may not have taken it."""
        if not current_ma:
            return Told(self.is_enabled, self.tenths)
        return Told(is_enabled=True, tenths=max(self.tenths or 0, _tenths(current_ma)))


async def steer(box: Box, current_ma: int, told: Told | None) -> Told:
    """
    Have a box give no more than C{current_ma}.

    @param current_ma: 0, or at least L{LEAST_MA}. [mA per phase]
    @param told: what it was told before.
    @return: what it was told now.
    @raise OrderIgnored: if it has taken it, and says itself that it gives more.
    @raise DeviceRefusal: if it says no.
    @raise DeviceError: if it is not known what it gives.
    """
    if 0 < current_ma < LEAST_MA:
        raise DeviceRefusal(
            f"{amps_text(current_ma)} cannot be set; 0 A can, and {amps_text(LEAST_MA)} or more"
        )
    if not current_ma:
        await pause(box)
        return Told(is_enabled=False)
    tenths = _tenths(current_ma)
    found = await limit(box, tenths, told)
    await allow(box)
    return Told(is_enabled=True, tenths=tenths, held_tenths=found)


async def pause(box: Box) -> None:
    """
    Have it not charge.

    @raise OrderIgnored: if it would all the same.
    """
    await _insist(box, on.CHARGING_ENABLE, 0)


async def limit(box: Box, tenths: int, told: Told | None = None) -> int:
    """
    Have it give no more than this.

    A box that cannot give so much holds less: that is as good, and it is not told again.

    @param tenths: 60 to 630. [0.1 A]
    @return: what it gives at most. [0.1 A]
    @raise OrderIgnored: if it gives more.
    """
    register = on.CHARGING_CUR_LIMIT
    held = box.held
    if told is not None and told.tenths == tenths and register in held:
        number = held.number(register)
        if number == told.held_tenths:
            return number
    return await _insist(box, register, tenths, lambda found: found <= tenths)


async def allow(box: Box) -> None:
    """
    Have it charge.

    @raise DeviceRefusal: if it does not.
    """
    try:
        await box.hold(on.CHARGING_ENABLE, 1)
    except ModbusRefusal:
        raise
    except DeviceRefusal as refusal:
        raise DeviceRefusal(f"{refusal}; {HINT}") from refusal


async def _insist(
    box: Box, register: Register, value: int, is_right: Callable[[int], bool] | None = None
) -> int:
    try:
        return await box.hold(register, value, is_right)
    except ModbusRefusal:
        raise
    except DeviceRefusal as refusal:
        raise OrderIgnored(f"{refusal}; {HINT}") from refusal


@frozen
class Failsafe:
    """
    What a box does by itself when it hears nothing any more.

    @ivar after_s: how long it hears nothing; 0: it does nothing then. [s]
    @ivar current_ma: what it gives its car then. [mA per phase]
    """

    after_s: int
    current_ma: int

    @property
    def _tenths(self) -> int:
        return self.current_ma // on.TENTH_MA

    async def secure(self, box: Box) -> None:
        """
        Have it do that.

        Both registers are flash: they are written where they hold something else.

        @raise DeviceRefusal: if it does not take it.
        @raise DeviceError: if it is not known whether it has.
        """
        await box.hold(on.FAIL_SAFE_CURRENT, self._tenths)
        await box.hold(on.FAIL_SAFE_DURATION, self.after_s)

    async def secure_start(self, box: Box) -> None:
        """
        Have it begin with no more than that when it starts, such as after a power cut: all
        boxes of a building do so in the same moment, and before anybody can tell them.

        These are flash, too.

        @raise DeviceRefusal: if it does not take it.
        @raise DeviceError: if it is not known whether it has.
        """
        if self.current_ma < LEAST_MA:
            await box.hold(on.DEF_CHARGING_ENABLE, 0)
        else:
            await box.hold(
                on.DEF_CHARG_CUR_LIMIT, self._tenths, lambda found: found <= self._tenths
            )

    async def impose(self, box: Box) -> None:
        """
        Have it give no more than that, before it hears anything else.

        What it hears ends its silence, and then it gives what it was told before.

        @raise DeviceRefusal: if it does not take it.
        @raise DeviceError: if it is not known whether it has.
        """
        if self.current_ma < LEAST_MA:
            await box.put(on.CHARGING_ENABLE, 0)
        else:
            await box.put(on.CHARGING_CUR_LIMIT, self._tenths)

    def exceeds(self, held: Snapshot) -> bool:
        """Whether it falls back to more."""
        return (
            held.number(on.FAIL_SAFE_DURATION) > 0
            and held.number(on.FAIL_SAFE_CURRENT) > self._tenths
        )

    def is_secured(self, held: Snapshot) -> bool:
        """Whether it does that, or falls back sooner or to less."""
        return (
            0 < held.number(on.FAIL_SAFE_DURATION) <= self.after_s
            and held.number(on.FAIL_SAFE_CURRENT) <= self._tenths
        )


async def release(box: Box, current_ma: int) -> None:
    """
    Have it charge with all that it may, also when it has started, and never fall back: as if
    nobody steered it.

    @raise DeviceRefusal: if it says no.
    """
    await box.look(on.READ_EACH_ROUND)
    await limit(box, _tenths(current_ma))
    await allow(box)
    await box.hold(on.DEF_CHARG_CUR_LIMIT, _tenths(current_ma), lambda found: found > 0)
    await box.hold(on.DEF_CHARGING_ENABLE, 1)
    await box.hold(on.FAIL_SAFE_DURATION, 0)


def _tenths(current_ma: int) -> int:
    return min(current_ma // on.TENTH_MA, _MOST_TENTHS)


async def wake(box: Box) -> None:
    """
    Interrupt the control pilot, as if the car were unplugged and plugged in again.

    The register counts down what was written.

    @raise DeviceRefusal: if it says no, or does not.
    """
    await box.hold(on.DISCONNECT_CP, WAKING_S, lambda found: 0 < found <= WAKING_S)


async def switch_phases(box: Box, to_single: bool, current_ma: int, rest_s: float) -> bool:
    """
    Have it use the contactor of one phase, or that of three; never under current.

    Where that fails it gives no more than it is to give, for now with less.

    @param current_ma: what it is to give afterwards. [mA per phase]
    @param rest_s: so much is left of the dead time after the last switch. [s]
    @return: whether a car that is plugged in is interrupted by that.
    @raise DeviceRefusal: if more phases would carry current than are to.
    @raise DeviceError: if it cannot be switched now.
    """
    if box.held.number(on.RELAY_SELECT) == to_single:
        return False
    to = "one phase" if to_single else "three phases"
    tenths = _tenths(current_ma)
    if to_single or rest_s <= 0:
        await pause(box)
    elif box.held.number(on.CHARGING_CUR_LIMIT) > tenths:
        await limit(box, tenths)
    if rest_s > 0:
        raise DeviceError(
            f"its phases were switched lately: not to {to} before {rest_s:.0f} s are over"
        )
    held = await box.look(on.READ_EACH_ROUND)
    if held.number(on.DISCONNECT_CP):
        raise DeviceError(f"not switched to {to}: its control pilot is interrupted")
    pilot = PilotState.of(held.number(on.CHARGE_PILOT_STATE))
    if pilot.charges:
        raise DeviceError(f"not switched to {to}: its car still charges; it was told to pause")
    acts_now = pilot is PilotState.A or bool(
        held.number(on.S0_INPUTS) & on.PLUGGED_IN_SWITCHING
    )
    if to_single and not acts_now:
        raise DeviceRefusal(
            "a car is plugged in, and its phases are switched only when there is none: to "
            "switch them sooner has to be permitted in its own settings"
        )
    # The other way it goes on with one phase for now, which is less than was ordered.
    await box.hold(on.RELAY_SELECT, int(to_single))
    return acts_now and pilot is not PilotState.A
