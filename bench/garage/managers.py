"""Who may decide in a garage: the control loop itself, who knows all, and nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from bench.garage.bay import Bay
from bench.garage.cars import LEAST_MA
from bench.garage.garage import Garage, Manager, VirtualClock
from bench.garage.incumbent import Incumbent
from bench.garage.scenario import MAIN, CarsLimited, EvsesLimited, Trouble
from cfos_cm.electrical import ALL_PHASES, NOMINAL_VOLTAGE_V
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.share import Demand, share
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.site.events import SiteEvent

__all__ = ["MANAGERS", "AllKnowing", "Ours", "Unmanaged"]

CYCLE_S = 1.0

#: What the ones who know all and nothing serve first: whoever got less, in steps of one
#: kilowatt-hour; whoever charges keeps his place for two of them. [mA·s]
_STEP_MAS, _LEAD = 16_000_000, 2


class _TimedClock:
    """A clock that notices how long each piece of work took that was due."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.took_s: list[float] = []

    def seconds(self) -> float:
        return self._clock.seconds()

    def callLater(
        self, delay: float, call: Callable[..., object], *args: Any, **kwargs: Any
    ) -> IDelayedCall:
        def timed() -> None:
            begin_s = time.perf_counter()
            call(*args, **kwargs)
            self.took_s.append(time.perf_counter() - begin_s)

        return self._clock.callLater(delay, timed)

    def getDelayedCalls(self) -> object:
        return self._clock.getDelayedCalls()


class Ours:
    """
    The control loop of this program.

    @ivar loop: itself.
    @ivar ticks_s: how long it worked each time. [s]
    """

    def __init__(self, garage: Garage) -> None:
        self._clock = garage.clock
        timed = _TimedClock(garage.clock)
        self.ticks_s = timed.took_s
        self.loop = ControlLoop(timed, CYCLE_S)  # type: ignore[arg-type]
        self.loop.evses = garage.evses
        self.report = self.loop.report
        self.loop.start()

    def work(self) -> None:
        """Do what is due now."""
        self._clock.advance(0)

    def stop(self) -> None:
        """Decide no more."""
        self.loop.stop()


class AllKnowing:
    """Knows in each second what the house draws and what each car can take, without delay."""

    def __init__(self, garage: Garage) -> None:
        self._garage = garage
        main = tuple((Constraint(MAIN, phase), 1) for phase in ALL_PHASES)
        whole = Constraint(MAIN, None, ConstraintKind.OUTSIDE)
        self._whole = whole
        self._rows = [
            (
                (whole, len(bay.lines)),
                *(main[line] for line in bay.lines),
                *(
                    (Constraint(bay.settings.circuit, ALL_PHASES[line]), 1)
                    for line in bay.lines
                ),
            )
            for bay in garage.bays
        ]

    def report(self, event: SiteEvent) -> None:
        """It knows before."""

    def work(self) -> None:
        """Share what is there."""
        garage = self._garage
        wires = garage.scenario.wires
        free = {
            Constraint(f"board-{board}", phase): wires.board_ma
            for board in range(wires.boards)
            for phase in ALL_PHASES
        }
        for phase, load_ma in zip(ALL_PHASES, garage.house[garage.now_s], strict=True):
            free[Constraint(MAIN, phase)] = max(0, int(garage.limit_ma - load_ma))
        free[self._whole] = self._allowed_ma()
        ranked = []
        for bay in garage.bays:
            car = bay.car
            if car.comes_s <= garage.now_s and not car.is_full:
                lead = _LEAD if bay.offered_ma else 0
                ranked.append((int(car.got_mas // _STEP_MAS) - lead, bay.number))
        demands = [
            Demand(
                str(number),
                minimum_ma=LEAST_MA,
                wanted_ma=self._wanted_ma(garage.bays[number]),
                rows=self._rows[number],
            )
            for _, number in sorted(ranked)
        ]
        shares = share(demands, free)
        for bay in garage.bays:
            found = shares.get(str(bay.number))
            bay.offered_ma = 0 if found is None else found.current_ma

    def stop(self) -> None:
        """Nothing has been started."""

    def _allowed_ma(self) -> int:
        """What all cars together may draw, summed over the phases. [mA]"""
        allowed = [
            trouble.max_w * 1000 // NOMINAL_VOLTAGE_V
            for trouble in self._garage.scenario.troubles
            if isinstance(trouble, CarsLimited) and self._is_now(trouble)
        ]
        return min(allowed, default=3 * self._garage.scenario.wires.main_ma)

    def _wanted_ma(self, bay: Bay) -> int:
        """What a car can take, and may. [mA per phase]"""
        allowed = [
            trouble.max_ma
            for trouble in self._garage.scenario.troubles
            if isinstance(trouble, EvsesLimited)
            and self._is_now(trouble)
            and trouble.first <= bay.number < trouble.last
        ]
        return min(bay.settings.max_current_ma, bay.car.most_ma, *allowed)

    def _is_now(self, trouble: Trouble) -> bool:
        return trouble.from_s <= self._garage.now_s < trouble.until_s


class Unmanaged:
    """Every bay offers all that it can."""

    def __init__(self, garage: Garage) -> None:
        self._garage = garage

    def report(self, event: SiteEvent) -> None:
        """Nobody listens."""

    def work(self) -> None:
        """Nobody decides."""
        for bay in self._garage.bays:
            bay.offered_ma = bay.settings.max_current_ma

    def stop(self) -> None:
        """Nothing has been started."""


MANAGERS: Mapping[str, Callable[[Garage], Manager]] = {
    "ours": Ours,
    "incumbent": Incumbent,
    "oracle": AllKnowing,
    "uncontrolled": Unmanaged,
}
