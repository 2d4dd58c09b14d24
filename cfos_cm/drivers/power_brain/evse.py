"""An EVSE that is a Power Brain: it obeys what stands in its registers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from math import inf
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice, IEvse
from cfos_cm.drivers.modbus.contact import Contact
from cfos_cm.drivers.modbus.line import ModbusRefusal
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.absence import Absence
from cfos_cm.drivers.power_brain.memories import Waking
from cfos_cm.drivers.power_brain.reading import PowerBrainReading, identity_of, read_box
from cfos_cm.drivers.power_brain.steering import (
    LEAST_MA,
    Failsafe,
    Told,
    release,
    steer,
    switch_phases,
    wake,
)
from cfos_cm.drivers.power_brain.watch import DEAD_TIME_S, Watch
from cfos_cm.drivers.power_brain.writing import Box
from cfos_cm.errors import DeviceError, DeviceRefusal, NotSent, OrderIgnored
from cfos_cm.site.events import EvseLost, ProfilesMeddled
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.wire.registers import Snapshot

__all__ = ["PowerBrainEvse"]

T = TypeVar("T")

#: One that does not take how it is to fall back is not told that again before, however often it
#: connects: each time wears its memory out. [s]
_INSISTS_AFTER_S = 3600.0

_log = Logger(namespace="cfos_cm.drivers")


@implementer(IEvse)
class PowerBrainEvse:
    """
    A Power Brain behind Modbus.

    It is asked once in a second, and never while it is being told something. When it hears
    nothing any more it falls back by itself: the registers for that are written once, and only
    where they hold something else. Where the site only observes nothing is written.
    """

    renewal_due_s = inf

    def __init__(self, device: EvseDevice, environment: DriverEnvironment) -> None:
        """
        @raise ValueError: if the device's address is none.
        """
        self.name = device.name
        self._device = device
        self._settings = device.settings
        self._environment = environment
        self._clock = environment.reactor
        after_s = device.failsafe_after_s
        self._failsafe = Failsafe(after_s, self._settings.failsafe_current_ma)
        report = environment.report
        self._turn = DeferredLock()
        self._contact = Contact(
            self.name,
            device,
            environment,
            Box,
            self._round,
            self._came,
            self._went,
            lost="was lost",
        )
        self._watch = Watch(self.name, report)
        self._absence = Absence(self._clock, self._settings, after_s, report)
        self._written_before = 0
        self._waking = Waking()
        self._told: Told | None = None
        self._is_released = self._settings.released_when_disabled and not self._settings.enabled
        self._switched_s = -inf
        self._falls_back_to_more = False
        self._secure_from_s = -inf

    @property
    def flash_writes(self) -> int:
        """How often something was written that wears the box's memory out."""
        box = self._contact.device
        return self._written_before + (0 if box is None else box.flash_writes)

    def start(self) -> None:
        """See L{IEvse.start}."""
        self._contact.start()

    def stop(self) -> Deferred[None]:
        """See L{IEvse.stop}."""
        box = self._contact.device
        left = self._contact.stop()
        self._absence.end()
        self._written_before += 0 if box is None else box.flash_writes
        self._told = None
        return left

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """
        See L{IEvse.apply}.

        A box that holds less than was ordered has taken it, too.

        @return: C{None}: it knows no transactions. Fails with
            L{OrderIgnored<cfos_cm.errors.OrderIgnored>}, which is a L{DeviceRefusal}, if it
            does not keep what was written.
        """
        return self._in_turn(lambda: self._apply(setpoint, from_scratch))

    def release(self) -> Deferred[None]:
        """See L{IEvse.release}; it does not fall back by itself any more, either."""
        return self._in_turn(self._release)

    def _in_turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        """Begin C{work} when all is over that it is being asked and told."""
        done: Deferred[T] = self._turn.run(self._done, work)
        return done

    async def _done(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        hears = self._contact.is_open
        try:
            return await work()
        finally:
            if hears:
                self._absence.asked()

    def _writable(self) -> Box:
        if self._environment.observe_only:
            raise DeviceRefusal("the site is only observed: nothing is written")
        box = self._contact.device
        if box is None:
            raise NotSent(f"{self.name} is not in touch with its device")
        return box

    async def _apply(self, setpoint: Setpoint, from_scratch: bool) -> bool | None:
        box = self._writable()
        told, self._told = self._told, None
        try:
            self._told = await self._obey(box, setpoint, told, from_scratch)
        except OrderIgnored:
            raise
        except DeviceError:
            if told is not None and self._contact.is_there:
                # Whoever allows it more than the higher one of both is somebody else.
                self._told = told.or_perhaps(setpoint.current_ma)
            raise
        return None

    async def _obey(
        self, box: Box, setpoint: Setpoint, told: Told | None, from_scratch: bool
    ) -> Told:
        if from_scratch or on.CHARGING_ENABLE not in box.held:
            await box.look(on.READ_EACH_ROUND)
        if self._is_released:
            self._is_released = False
            await self._secure(box)
        if self._settings.can_switch_phases and setpoint.current_ma and setpoint.phases:
            await self._switch(box, setpoint.phases, setpoint.current_ma)
        return await steer(box, setpoint.current_ma, told)

    async def _switch(self, box: Box, phases: int, current_ma: int) -> None:
        rest_s = self._switched_s + DEAD_TIME_S - self._clock.seconds()
        before = box.held.number(on.RELAY_SELECT)
        interrupts = await switch_phases(box, phases == 1, current_ma, rest_s)
        now_s = self._clock.seconds()
        if box.held.number(on.RELAY_SELECT) != before:
            self._switched_s = now_s
        if interrupts:
            self._watch.interrupted(now_s)

    async def _release(self) -> None:
        box = self._writable()
        self._told, self._waking, self._is_released = None, Waking(), True
        await release(box, self._settings.max_current_ma)

    async def _round(self, box: Box) -> None:
        await self._in_turn(lambda: self._look(box))

    async def _look(self, box: Box) -> None:
        is_new = not self._contact.is_there
        if is_new:
            if self._absence.is_long:
                await self._hold_down(box)
            await self._introduce(box)
        held = await box.look(on.READ_EACH_ROUND)
        if held.number(on.HAS_METER):
            held = await self._look_at_meter(box)
        self._absence.is_secured = self._failsafe.is_secured(held)
        self._falls_back_to_more = self._failsafe.exceeds(held)
        now_s = self._clock.seconds()
        reading = self._watch.saw(read_box(held, self._settings), now_s)
        if is_new:
            return
        self._watch.tell()
        if self._told is not None and self._watch.compare(self._told, now_s):
            self._told = None
        await self._wake(box, reading, now_s)

    async def _look_at_meter(self, box: Box) -> Snapshot:
        try:
            return await box.look(on.READ_FOR_METER)
        except ModbusRefusal as refusal:
            # What it charges with does not depend on the meter beside it.
            _log.debug("the meter of {evse}: {why!s}", evse=self.name, why=refusal)
            box.forget(on.ENERGY)
            return box.held

    async def _hold_down(self, box: Box) -> None:
        """Others may have what it was told to give before it was away."""
        if self._environment.observe_only or self._is_released:
            return
        try:
            await self._failsafe.impose(box)
        except DeviceRefusal as refusal:
            _log.warn("{evse} is back and {why!s}", evse=self.name, why=refusal)

    async def _introduce(self, box: Box) -> None:
        """Learn who it is, and have it fall back by itself."""
        box.held = Snapshot()
        try:
            held = await box.look(on.READ_ON_CONNECTION)
        except ModbusRefusal:
            # Not each of them can say how often it has started.
            held = await box.look(on.READ_ON_CONNECTION[:1])
        restarts = held.number(on.COUNT_RESTART) if on.COUNT_RESTART in held else None
        self._watch.introduced(identity_of(held), restarts)
        await self._secure(box)

    async def _secure(self, box: Box) -> None:
        """Have it fall back by itself, unless its owner has it for himself."""
        now_s = self._clock.seconds()
        if self._environment.observe_only or self._is_released or now_s < self._secure_from_s:
            return
        does_not = "fall back by itself when it hears nothing any more"
        try:
            await self._failsafe.secure(box)
            does_not = "begin with so little when it starts"
            await self._failsafe.secure_start(box)
        except DeviceRefusal as refusal:
            self._secure_from_s = now_s + _INSISTS_AFTER_S
            _log.error(
                "{evse} does not {words}: {why!s}",
                evse=self.name,
                words=does_not,
                why=refusal,
            )

    async def _wake(self, box: Box, reading: PowerBrainReading, now_s: float) -> None:
        """Wake a car that sleeps, once for each pause."""
        told = self._told
        is_allowed = told is not None and told.is_enabled and reading.is_enabled
        pilot = None if self._watch.is_interrupted(now_s) else reading.pilot
        waking = self._waking = self._waking.after(
            pilot,
            is_paused=told is not None and not told.is_enabled,
            is_offered=is_allowed and reading.signalled_ma >= LEAST_MA,
            now_s=now_s,
        )
        if not self._device.wakes or not waking.is_due(pilot, now_s):
            return
        self._waking = waking.done()
        try:
            await wake(box)
        except DeviceRefusal as refusal:
            _log.warn("{evse} does not wake its car: {why!s}", evse=self.name, why=refusal)

    def _came(self) -> None:
        """It is there."""
        self._absence.end()
        self._watch.came(f"{self._contact.place}, unit {self._device.unit}")

    def _went(self, why: str) -> None:
        """It is away."""
        self._told = None
        if self._falls_back_to_more and not self._environment.observe_only:
            by = "whoever has set what it falls back to"
            self._environment.report(ProfilesMeddled(self.name, by))
        self._environment.report(EvseLost(self.name, why))
        self._absence.begin(self._watch.reading)
