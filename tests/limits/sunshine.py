"""A house with a roof that generates, and cars that charge by what is left, by seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from attrs import define, evolve, field

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, Phase, PhaseCurrents
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.phase_choice import PhaseChoice
from cfos_cm.limits.settling import Settling
from cfos_cm.limits.share import Demand, share
from cfos_cm.limits.surplus import Surplus, minimum_ma
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.policy import DEFAULT_POLICY, Policy
from cfos_cm.site.state import SiteState
from tests.limits.sites import charging, setpoint

__all__ = ["Car", "Day", "clouds", "house_w"]

HOUSE = CircuitSettings("house", 35_000, meter="grid")
GRID = MeterSettings("grid", MeterRole.GRID, "house")
_ROW = Constraint("house", None, ConstraintKind.SURPLUS)

#: What a car takes more with each second. [mA]
_RAMP_MA = 2_000
#: So long a car thinks before it follows. [s]
_REACTION_S = 2
#: So late a meter tells what it sees. [s]
_METER_DELAY_S = 2


def clouds(seed: int, peak_w: int = 10_000) -> Callable[[int], int]:
    """
    What a roof gives in each second of a day with clouds: from 0 to C{peak_w} and back in eight
    hours. [W]
    """
    chance = Random(seed)
    shade: list[float] = []
    while len(shade) < 8 * 3600:
        shade += [chance.uniform(0.85, 1.0)] * chance.randint(60, 1500)
        shade += [chance.uniform(0.15, 0.6)] * chance.randint(20, 400)
    # The edge of a cloud takes some seconds.
    edges = [sum(shade[at : at + 8]) / 8 for at in range(8 * 3600)]

    def power_w(at_s: int) -> int:
        height = 1 - ((at_s - 4 * 3600) / (4 * 3600)) ** 2
        return int(peak_w * max(0.0, height) * edges[min(at_s, len(edges) - 1)])

    return power_w


def house_w(at_s: int) -> int:
    """What a household takes: a little always, and a kettle now and then. [W]"""
    return 400 + (2_000 if at_s % 2_800 < 180 else 0) + (at_s * 7919) % 60


@define
class Car:
    """
    A car that charges by surplus.

    @ivar phases: how many it can use.
    @ivar current_ma: what it draws on each phase that it uses. [mA]
    @ivar used: how many it uses, or used last.
    @ivar imported_wh: how much of what it has charged came from the grid. [Wh]
    @ivar starts: how often it has begun to charge.
    @ivar switches: how often with another number of phases than the time before.
    @ivar commands: how often its EVSE was told something.
    @ivar told: its pilots of the last seconds, and with how many phases. [mA]
    @ivar seen: what was to be seen in the last seconds. [mA]
    """

    settings: EvseSettings
    phases: int = 3
    current_ma: int = 0
    used: int = 0
    charged_wh: float = 0.0
    imported_wh: float = 0.0
    starts: int = 0
    switches: int = 0
    commands: int = 0
    told: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=_REACTION_S + 1))
    seen: deque[PhaseCurrents] = field(factory=lambda: deque(maxlen=_METER_DELAY_S + 1))

    @property
    def summed_ma(self) -> int:
        """What it draws, summed over its phases. [mA]"""
        return self.current_ma * self.used

    def tell(self, current_ma: int, phases: int) -> None:
        """Its pilot, in this second."""
        self.told.append((current_ma, phases))
        wanted_ma, phases = self.told[0]
        phases = min(self.phases, phases)
        if wanted_ma and not self.current_ma:
            self.starts += 1
            self.switches += self.used not in (0, phases)
            self.used = phases
        assert not wanted_ma or phases == self.used, "switched under current"
        self.current_ma = min(wanted_ma, self.current_ma + _RAMP_MA)

    def look(self) -> PhaseCurrents:
        """What its meter tells in this second."""
        loaded: tuple[Phase, ...] = self.settings.phases[: self.used]
        self.seen.append(PhaseCurrents.on(loaded, self.current_ma))
        return self.seen[0]


class Day:
    """
    The house, with what decides for it, one second after another.

    @ivar exported_wh: what went into the grid. [Wh]
    @ivar meter_works: whether the meter of the grid speaks.
    """

    def __init__(
        self,
        cars: Sequence[Car],
        roof_w: Callable[[int], int],
        load_w: Callable[[int], int] = house_w,
        interval_s: int = 1,
        begin_s: int = 0,
        policy: Policy = DEFAULT_POLICY,
    ) -> None:
        self.cars = {car.settings.name: car for car in cars}
        self.now_s = begin_s
        self.surplus = Surplus()
        self.choice = PhaseChoice()
        self.settling = Settling()
        self.exported_wh = 0.0
        self.meter_works = True
        self._roof_w = roof_w
        self._load_w = load_w
        self._interval_s = interval_s
        self._grid_w: deque[int] = deque(maxlen=_METER_DELAY_S + 1)
        self.state = SiteState(
            circuits={HOUSE.name: HOUSE},
            evses={name: charging(car.settings) for name, car in self.cars.items()},
            meters={GRID.name: Meter(GRID)},
            policy=policy,
        )

    def run(self, until_s: int) -> None:
        """Until it is C{until_s}."""
        while self.now_s < until_s:
            self._flow()
            self._look()
            self._decide()
            self.now_s += 1

    def _flow(self) -> None:
        """What flows in this second."""
        drawn_w = sum(car.summed_ma for car in self.cars.values()) * NOMINAL_VOLTAGE_V // 1000
        grid_w = self._load_w(self.now_s) + drawn_w - self._roof_w(self.now_s)
        self._grid_w.append(grid_w)
        self.exported_wh += max(0, -grid_w) / 3600
        imported = min(1.0, max(0, grid_w) / max(1, drawn_w))
        for car in self.cars.values():
            charged_wh = car.summed_ma * NOMINAL_VOLTAGE_V / 1000 / 3600
            car.charged_wh += charged_wh
            car.imported_wh += charged_wh * imported

    def _look(self) -> None:
        """What the meters tell in this second, each in its own of every interval."""
        evses = []
        for place, (name, car) in enumerate(self.cars.items(), 1):
            evse = self.state.evses[name]
            assert evse.confirmed is not None
            car.tell(evse.confirmed.current_ma, evse.confirmed.phases or 3)
            currents = car.look()
            if (self.now_s + 4 * place) % self._interval_s == 0:
                meter = evse.meter.updated(currents, None, None, at_s=self.now_s)
                evses.append(evse.with_meter(meter))
        self.state = self.state.with_evses(evses)
        if not self.meter_works:
            self.state = evolve(self.state, meters={GRID.name: Meter(GRID)})
        elif self.now_s % self._interval_s == 0:
            grid = Meter(GRID, is_read=True, power_w=self._grid_w[0], at_s=self.now_s)
            self.state = evolve(self.state, meters={GRID.name: grid})

    def _decide(self) -> None:
        names, phases = tuple(self.cars), {name: self._phases(name) for name in self.cars}
        self.settling = self.settling.after(self.state, self.now_s)
        self.surplus = self.surplus.after(self.state, self.now_s, names, phases)
        self.choice = self.choice.after(
            self.state, self.now_s, self.surplus, self.settling, used=self._used()
        )
        demands = [
            Demand(
                name, minimum_ma(evse), evse.settings.max_current_ma, ((_ROW, phases[name]),)
            )
            for name, evse in self.state.evses.items()
            if self.surplus.allows(evse) and not self.choice.is_switching(evse)
        ]
        shares = share(demands, {_ROW: self.surplus.rows_ma[HOUSE.name]})
        self.state = self.state.with_evses(
            self._told(evse, shares[name].current_ma if name in shares else 0)
            for name, evse in self.state.evses.items()
        )

    def _told(self, evse: Evse, current_ma: int) -> Evse:
        """It obeys at once; at 0 A its phases are what they were."""
        assert evse.confirmed is not None
        phases = self.choice.phases_of(evse) if current_ma else evse.confirmed.phases
        if (current_ma, phases) == (evse.confirmed.current_ma, evse.confirmed.phases):
            return evse
        self.cars[evse.name].commands += 1
        return evolve(evse, confirmed=evolve(setpoint(current_ma), phases=phases))

    def _phases(self, name: str) -> int:
        evse = self.state.evses[name]
        chosen = self.choice.phases_of(evse) or len(evse.settings.phases)
        return min(chosen, self._used().get(name, chosen))

    def _used(self) -> dict[str, int]:
        """What is learnt of how many phases the cars use."""
        return {name: car.used for name, car in self.cars.items() if car.used and car.starts}
