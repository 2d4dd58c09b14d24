"""
The garage: bays, boards, a main fuse with its meter, and a house, second by second.

It tells a manager what a driver would tell the control loop, and the manager's orders take
their time. In each second first what was heard is told, then the manager works, then orders
arrive, then cars draw.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Protocol

from attrs import frozen
from twisted.internet.task import Clock

from bench.garage.bay import Bay, Letter
from bench.garage.cars import crowd
from bench.garage.house import loads
from bench.garage.meter import HouseMeter
from bench.garage.scenario import (
    MAIN,
    METER,
    CarsLimited,
    EvsesLimited,
    LinksLost,
    MainLimited,
    Restart,
    Scenario,
    Wiring,
)
from cfos_cm.electrical import ALL_PHASES, PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CircuitLimited,
    CircuitReleased,
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionResumed,
    TransactionStarted,
)
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = ["Garage", "Manager", "Moment", "VirtualClock", "nobody"]

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_OPERATOR, _BACKEND = "grid operator", "backend"


class VirtualClock(Clock):
    """A clock whose time passes before anything that is due is done."""

    def pass_by(self, seconds: float) -> None:
        """Let time pass; what is due meanwhile is done by the next C{advance}."""
        self.rightNow += seconds


class Manager(Protocol):
    """Whoever decides what the bays may offer."""

    def report(self, event: SiteEvent) -> None:
        """Something has happened."""

    def work(self) -> None:
        """All that is known in this second was told; more than once where answers come."""

    def stop(self) -> None:
        """Not needed any more."""


class _Nobody:
    def report(self, event: SiteEvent) -> None:
        """Nobody listens."""

    def work(self) -> None:
        """Nobody does."""

    def stop(self) -> None:
        """Nothing has been started."""


@frozen
class Moment:
    """
    What flowed in one second.

    @ivar house: what the house draws without the cars, on each phase. [mA]
    @ivar main: what the main fuse carries, on each phase. [mA]
    @ivar boards: what each board carries, phase after phase, board after board. [mA]
    @ivar limit_ma: what the main fuse may carry, or what the house may draw. [mA per phase]
    """

    second: int
    house: tuple[float, float, float]
    main: tuple[float, float, float]
    boards: list[float]
    limit_ma: int


class Garage:
    """
    The garage of one scenario and one seed.

    @ivar clock: the only time that there is; [s] since the beginning.
    @ivar now_s: the same, in whole seconds.
    @ivar limit_ma: what the main fuse may carry now, or what the house may draw. [mA per phase]
    @ivar orders: how many were given.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        lasts_s: int,
        managed_by: Callable[[Garage], Manager],
        ideal_cars: bool = False,
    ) -> None:
        """
        @param lasts_s: how long the cars take to come, and the house's load is known. [s]
        @param managed_by: makes a manager; once more when it starts anew.
        @param ideal_cars: they take at once what they are offered.
        """
        self.scenario = scenario
        self.lasts_s = lasts_s
        self.now_s = 0
        self.clock = VirtualClock()
        self.limit_ma = scenario.wires.main_ma
        self.orders = 0
        self.house = loads(scenario.house, scenario.sun, lasts_s, seed)
        self.bays = self._bays(seed)
        self._chance = Random(seed + 5)
        self._managed_by = managed_by
        self._ideal_cars = ideal_cars
        self._manager: Manager = nobody
        self._on_their_way: dict[int, deque[Letter]] = {}
        self._to_be_noticed: dict[int, list[Bay]] = {}
        self._drawn: deque[list[int]] = deque(maxlen=scenario.delays.reading_s)
        self._meter = HouseMeter(scenario)
        self._record = hashlib.sha256()

    @property
    def evses(self) -> dict[str, Bay]:
        """All bays, by name."""
        return {bay.name: bay for bay in self.bays}

    @property
    def fingerprint(self) -> str:
        """The same for two runs in which the same orders were given at the same times."""
        return self._record.hexdigest()

    def seconds(self) -> Iterator[Moment]:
        """Live, and say what flowed."""
        for second in range(self.lasts_s):
            self.now_s = second
            self.clock.pass_by(second - self.clock.seconds())
            if second == 0:
                self._begin(False)
            self._suffer()
            self._speak()
            self._manage()
            yield self._live()
        self._manager.stop()

    def settings(self) -> SettingsChanged:
        """The manager's configuration, with the limit that holds now."""
        wires = self.scenario.wires
        main = CircuitSettings(
            MAIN,
            self.limit_ma,
            reserve_ma=wires.reserve_ma,
            max_imbalance_ma=wires.max_imbalance_ma,
            meter=METER,
            failsafe_load=PhaseCurrents.on(ALL_PHASES, wires.failsafe_load_ma),
        )
        boards = tuple(
            CircuitSettings(
                f"board-{board}",
                wires.board_ma,
                MAIN,
                priority=wires.board_priorities[board % len(wires.board_priorities)],
            )
            for board in range(wires.boards)
        )
        return SettingsChanged(
            self.scenario.title,
            observe_only=False,
            circuits=(main, *boards),
            evses=tuple(bay.settings for bay in self.bays),
            meters=(MeterSettings(METER, MeterRole.GRID, MAIN),),
            policy=self.scenario.policy,
        )

    # ---- the beginning

    def _bays(self, seed: int) -> list[Bay]:
        wires, cars = self.scenario.wires, self.scenario.cars
        bays = []
        for number, (car, bay_ma) in enumerate(crowd(cars, self.lasts_s, seed)):
            turned = number // wires.boards % 3
            order = ALL_PHASES[turned:] + ALL_PHASES[:turned]
            lines = tuple(ALL_PHASES.index(phase) for phase in order[: car.lines])
            if car.lines == 3:
                lines = (0, 1, 2)
            if wires.wiring is Wiring.AS_THE_CAR:
                order = order[:1] if car.lines == 1 else ALL_PHASES
            if wires.wrong_every and number % wires.wrong_every == 0:
                lines = tuple((line + 1) % 3 for line in lines)
            settings = EvseSettings(
                f"bay-{number:03}",
                f"board-{number % wires.boards}",
                max_current_ma=bay_ma,
                phases=order,
                priority=wires.priorities[number % len(wires.priorities)],
                failsafe_current_ma=self.scenario.failsafe_ma,
                mode=cars.mode,
                can_switch_phases=cars.can_switch_phases and len(order) == 3,
            )
            bays.append(Bay(number, number % wires.boards, settings, car, lines, self._post))
        return bays

    def _begin(self, again: bool) -> None:
        """A manager starts; C{again}: it knows from its disk who was charging."""
        self._manager = self._managed_by(self)
        self._manager.report(self.settings())
        if again:
            for bay in self.bays:
                if bay.has_started:
                    self._manager.report(TransactionResumed(bay.name, self._transaction(bay)))
        for bay in self.bays:
            bay.told = None
            bay.is_reachable = True
            self._manager.report(EvseConnected(bay.name, "here"))

    @staticmethod
    def _transaction(bay: Bay) -> Transaction:
        return Transaction(bay.number + 1, "tag", Verdict.ACCEPTED, _BEGIN, 0)

    # ---- what happens

    def _suffer(self) -> None:
        for trouble in self.scenario.troubles:
            if self.now_s == trouble.from_s:
                self._change(trouble, True)
            elif self.now_s == trouble.until_s:
                self._change(trouble, False)
        for bay in self._to_be_noticed.pop(self.now_s, ()):
            if not bay.is_reachable:
                bay.part()
                self._manager.report(EvseLost(bay.name, "the connection was lost"))

    def _change(self, trouble: object, begins: bool) -> None:
        match trouble:
            case LinksLost(first=first, last=last):
                for bay in self.bays[first:last]:
                    self._lose(bay) if begins else self._find(bay)
            case MainLimited(max_ma=max_ma):
                self.limit_ma = max_ma if begins else self.scenario.wires.main_ma
                self._manager.report(self.settings())
            case CarsLimited(max_w=max_w):
                limit = OutsideLimit(MAIN, _OPERATOR, max_w)
                over = CircuitReleased(MAIN, _OPERATOR, "it is over")
                self._manager.report(CircuitLimited(limit) if begins else over)
            case EvsesLimited(first=first, last=last, max_ma=max_ma):
                for bay in self.bays[first:last]:
                    limit_ma = max_ma if begins else None
                    self._manager.report(EvseLimited(bay.name, _BACKEND, limit_ma))
            case Restart():
                self._end() if begins else self._begin(True)
            case _:
                # The meter sees to its own.
                pass

    def _lose(self, bay: Bay) -> None:
        bay.is_reachable = False
        noticed_s = self.now_s + self.scenario.delays.notice_s
        self._to_be_noticed.setdefault(noticed_s, []).append(bay)

    def _find(self, bay: Bay) -> None:
        bay.part()
        bay.is_reachable = True
        bay.told = None
        self._manager.report(EvseConnected(bay.name, "here"))

    def _end(self) -> None:
        self._manager.stop()
        self._manager = nobody
        for bay in self.bays:
            bay.forget()
            bay.is_reachable = False

    # ---- what is heard

    def _speak(self) -> None:
        for bay in self.bays:
            bay.watch(self.now_s)
        for bay in self.bays:
            if bay.is_reachable:
                self._tell_occupancy(bay)
        self._tell_readings()
        for event in self._meter.speak(self.now_s):
            self._manager.report(event)

    def _tell_occupancy(self, bay: Bay) -> None:
        said = bay.occupancy(self.now_s)
        if said != bay.told:
            bay.told = said
            self._manager.report(OccupancyReported(bay.name, *said))
            if not bay.has_started and bay.car.comes_s <= self.now_s:
                bay.has_started = True
                self._manager.report(TransactionStarted(bay.name, self._transaction(bay)))

    def _tell_readings(self) -> None:
        delays = self.scenario.delays
        if len(self._drawn) < delays.reading_s:
            return
        drawn = self._drawn[0]
        every_s = delays.reading_every_s
        report = self._manager.report
        for bay in self.bays:
            number = bay.number
            car = bay.car
            is_due = (self.now_s + number) % every_s == 0
            if is_due and bay.is_reachable and car.comes_s <= self.now_s:
                draw_ma = drawn[number]
                power_w = draw_ma * car.lines * 230 // 1000
                report(EvseMeasured(bay.name, bay.currents(draw_ma), bay.energy_wh, power_w))

    # ---- what is done

    def _post(self, letter: Letter) -> None:
        self.orders += 1
        self._record.update(
            b"%d %d %d\n" % (self.now_s, letter.bay.number, letter.setpoint.current_ma)
        )
        due_s = self.now_s + self._chance.choice(self.scenario.delays.orders_s)
        self._on_their_way.setdefault(due_s, deque()).append(letter)

    def _manage(self) -> None:
        """Orders arrive, and whoever gave them may give others after their answers."""
        self._manager.work()
        arrived = self._on_their_way.setdefault(self.now_s, deque())
        while arrived:
            while arrived:
                letter = arrived.popleft()
                letter.bay.obey(letter)
            self._manager.work()
        del self._on_their_way[self.now_s]

    def _live(self) -> Moment:
        now_s = self.now_s
        house = self.house[now_s]
        boards = [0.0] * (3 * self.scenario.wires.boards)
        drawn = []
        for bay in self.bays:
            car = bay.car
            draw_ma = 0.0
            if car.comes_s <= now_s:
                if self._ideal_cars:
                    car.obey(now_s, bay.offered_ma)
                else:
                    car.live(now_s, bay.offered_ma, self._chance)
                draw_ma = car.draw_ma
                if draw_ma:
                    first = 3 * bay.board
                    for line in bay.lines:
                        boards[first + line] += draw_ma
            drawn.append(int(draw_ma))
        main = (
            house[0] + sum(boards[0::3]),
            house[1] + sum(boards[1::3]),
            house[2] + sum(boards[2::3]),
        )
        self._drawn.append(drawn)
        self._meter.measure(now_s, main)
        return Moment(now_s, house, main, boards, self.limit_ma)


nobody: Manager = _Nobody()
