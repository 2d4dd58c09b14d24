"""A bay: a wallbox that obeys orders when they arrive, and the car that is plugged into it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from bench.garage.cars import LEAST_MA, Car
from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.drivers.passive import Passive
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.errors import DeviceError
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.setpoint import Setpoint

__all__ = ["WATCHDOG_S", "Bay", "Letter"]

#: When it has heard nothing for so long a wallbox falls back. [s]
WATCHDOG_S = 60

_WH_PER_MAS = 230 / 3600e3


@frozen(eq=False)
class Letter:
    """An order on its way to a wallbox."""

    bay: Bay
    setpoint: Setpoint
    forbids_by_default: bool | None
    answer: Deferred[bool | None]


@implementer(IEvse)
class Bay(Passive):
    """
    One wallbox with its car.

    @ivar settings: what the manager believes of it.
    @ivar lines: the phases, as 0 to 2, that the car really loads; fewer where it is switched.
    @ivar offered_ma: what it offers its car. [mA per phase]
    @ivar is_reachable: whether anything gets to it or from it.
    @ivar heard_s: when it last heard from its manager. [s]
    @ivar told: what it said last of its car.
    @ivar has_started: whether its manager was told of a transaction.
    """

    __slots__ = (
        "_awaited",
        "_post",
        "_wired",
        "board",
        "car",
        "has_started",
        "heard_s",
        "is_reachable",
        "lines",
        "name",
        "number",
        "offered_ma",
        "settings",
        "told",
    )

    #: What it was told holds until it is told otherwise.
    renewal_due_s = inf

    def __init__(
        self,
        number: int,
        board: int,
        settings: EvseSettings,
        car: Car,
        lines: tuple[int, ...],
        post: Callable[[Letter], None],
    ) -> None:
        """
        @param post: takes an order to it, in its own time.
        """
        self.name = settings.name
        self.number = number
        self.board = board
        self.settings = settings
        self.car = car
        self.lines = self._wired = lines
        self.offered_ma = 0
        self.is_reachable = True
        self.heard_s = 0
        self.has_started = False
        self.told: tuple[Occupancy, str] | None = None
        self._post = post
        self._awaited: Deferred[bool | None] | None = None

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """Obey C{setpoint} when it has arrived."""
        answer: Deferred[bool | None] = Deferred()
        forbids = True if from_scratch or transaction_id is None else None
        self._awaited = answer
        if self.is_reachable:
            self._post(Letter(self, setpoint, forbids, answer))
        return answer

    def release(self) -> Deferred[None]:
        """Obey nothing any more; nobody asks for that here."""
        self.offered_ma = self.settings.max_current_ma
        return succeed(None)

    def obey(self, letter: Letter) -> None:
        """An order has arrived; it is confirmed unless the link was lost meanwhile."""
        self.offered_ma = letter.setpoint.current_ma
        if self.settings.can_switch_phases:
            self.lines = self._wired[: letter.setpoint.phases]
            self.car.lines = len(self.lines)
        if self._awaited is letter.answer and self.is_reachable:
            self._awaited = None
            letter.answer.callback(letter.forbids_by_default)

    def part(self) -> None:
        """Its manager notices that it cannot be reached: no order will be answered any more."""
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.errback(DeviceError(f"the connection of {self.name} was lost"))

    def forget(self) -> None:
        """Its manager is gone: nobody waits for an answer any more."""
        self._awaited = None

    def watch(self, now_s: int) -> None:
        """Fall back when nothing was heard for too long."""
        if self.is_reachable:
            self.heard_s = now_s
        elif now_s - self.heard_s > WATCHDOG_S:
            self.offered_ma = min(self.offered_ma, self.settings.failsafe_current_ma)

    def occupancy(self, now_s: int) -> tuple[Occupancy, str]:
        """What it says about its car, and OCPP's word for it."""
        if self.car.comes_s > now_s:
            return Occupancy.FREE, "Available"
        if self.car.draw_ma > 0:
            return Occupancy.CHARGING, "Charging"
        paused = self.offered_ma < LEAST_MA
        return Occupancy.PLUGGED, "SuspendedEVSE" if paused else "SuspendedEV"

    def currents(self, draw_ma: int) -> PhaseCurrents:
        """A reading of its meter, on the phases that the manager believes in."""
        return PhaseCurrents.on(self.settings.phases[: self.car.lines], draw_ma)

    @property
    def energy_wh(self) -> int:
        """Its register."""
        return int(self.car.got_mas * _WH_PER_MAS)
