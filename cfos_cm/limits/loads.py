"""
What each circuit carries besides our EVSEs.

A circuit's meter sees both. What EVSEs draw is known from their own meters, which may speak
seldom and later, so it is known as a range: a meter that has just spoken is exact, one that
spoke before the last order is not. Of all loads that explain the circuit's meter the one is
taken that differs least from the one before; so no current moves because an old reading and a
new one were subtracted. The load rises at once and falls slowly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve, field, frozen

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents, on_each_phase
from cfos_cm.limits.settling import SETTLE_S, Settling, drawn_ma
from cfos_cm.limits.trust import Doubt, Trust
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, Link, Occupancy
from cfos_cm.site.meter import Meter, MeterRole
from cfos_cm.site.state import SiteState

__all__ = ["HOLD_S", "METER_PATIENCE_S", "PATIENCE_S", "STEADY_S", "Draw", "Loads", "Passing"]

#: A load that has fallen is believed after so long. [s]
HOLD_S = 5.0
#: For so long a shortage is borne, as far as the reserve goes, before somebody is paused. [s]
PATIENCE_S = 25.0
#: For so long there has to be enough for a car before it is started. [s]
STEADY_S = 300.0
#: Of the loads in that time the highest of each of these times is remembered. [s]
_SPAN_S = 15.0
#: A meter that has said nothing for so long is silent, whatever its driver says. [s]
METER_PATIENCE_S = 15.0
#: What is measured at one place is not measured in the same moment at another. [s]
_SKEW_S = 0.75
#: By so much EVSEs may be heard later than a circuit's meter of the same moment. How late they
#: are is not said: it is taken to be what makes the load move least. [s]
_LATENESS_S = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
#: Of how the load has moved so much is forgotten with each reading.
_FADING = 0.98
#: A reading is taken for the present for so long, unless something else was ordered since. [s]
_FRESH_S = 1.5
#: With less on each phase nobody charges. [mA]
_CHARGES_MA = 1000
#: How far back it is remembered what EVSEs drew; no meter is later than that. [s]
_HISTORY_S = 12.0


@frozen
class Draw:
    """What EVSEs draw together, at least and at most. [mA on each phase of the supply]"""

    least: PhaseCurrents = NO_CURRENT
    most: PhaseCurrents = NO_CURRENT


@frozen
class Passing:
    """
    What a circuit carried in the last seconds besides EVSEs, never negative. [mA]

    @ivar lowest: the least, in the time for which a shortage is borne.
    @ivar newest: now.
    @ivar highest: the most, in the time for which it is held to be as high.
    @ivar peak: the most, in the time that a start waits for.
    """

    lowest: PhaseCurrents
    newest: PhaseCurrents
    highest: PhaseCurrents
    peak: PhaseCurrents


@frozen
class _Estimate:
    """
    What one circuit carries besides EVSEs, as its meter tells.

    @ivar meter: which one that is.
    @ivar at_s: when the reading that it was made of was true. [s]
    @ivar load: what explains that reading. [mA]
    @ivar recent: what it was lately, with when, oldest first. [s, mA]
    @ivar remains: for each lateness, what the meter saw beyond what EVSEs then drew. [mA]
    @ivar unrest: for each lateness, how much that has moved. [mA]
    @ivar peaks: the highest of each span of time, with when it began, oldest first. [s, mA]
    @ivar trust: whether its meter can be right.
    """

    meter: str
    at_s: float
    load: PhaseCurrents
    recent: tuple[tuple[float, PhaseCurrents], ...]
    remains: tuple[PhaseCurrents, ...]
    unrest: tuple[float, ...]
    peaks: tuple[tuple[float, PhaseCurrents], ...]
    trust: Trust

    @property
    def lateness_s(self) -> float:
        """How late EVSEs seem to be. [s]"""
        return _LATENESS_S[self.unrest.index(min(self.unrest))]

    def highest(self, now_s: float) -> PhaseCurrents:
        """The highest of what it was lately. [mA]"""
        since_s = now_s - HOLD_S
        return _highest((self.load, *(load for at_s, load in self.recent if at_s > since_s)))

    def rise(self, within_s: float) -> PhaseCurrents:
        """How far it is above its lowest of that time, or of the reading before. [mA]"""
        since_s = self.recent[-1][0] - within_s
        others = self.recent[:-1]
        near = [load for at_s, load in others if at_s >= since_s] or [
            load for _, load in others[-1:]
        ]
        return _drawn(self.load) - _drawn(_lowest((self.load, *near)))

    def passing(self, now_s: float) -> Passing:
        """What it was in the times that matter."""
        since_s = now_s - PATIENCE_S
        lately = (load for at_s, load in self.recent if at_s > since_s)
        return Passing(
            _drawn(_lowest((self.load, *lately))),
            _drawn(self.load),
            _drawn(self.highest(now_s)),
            _drawn(_highest(load for _, load in self.peaks)),
        )


@frozen
class Loads:
    """
    The loads of all circuits.

    @ivar draws: for each circuit with a meter, what its EVSEs drew lately, with when.
    @ivar estimates: by circuit.
    @ivar doubts: what is wrong with the meters that are not believed, by circuit.
    """

    draws: Mapping[str, tuple[tuple[float, Draw], ...]] = field(factory=dict)
    estimates: Mapping[str, _Estimate] = field(factory=dict)
    _totals: Mapping[str, PhaseCurrents | None] = field(factory=dict)
    _passing: Mapping[str, Passing] = field(factory=dict)
    _compared: Mapping[str, PhaseCurrents | None] = field(factory=dict)
    doubts: Mapping[str, Doubt] = field(factory=dict)

    def after(self, state: SiteState, settling: Settling, now_s: float) -> Loads:
        """What is known a moment later."""
        metered = {
            circuit.name: meter
            for circuit in state.circuits.values()
            if (meter := _grid_meter(state, circuit, now_s)) is not None
        }
        draws = self._draws(state, metered, settling, now_s)
        estimates = {
            name: self._estimate(state.circuits[name], meter, draws[name], now_s)
            for name, meter in metered.items()
        }
        doubts = {
            name: doubt
            for name, one in estimates.items()
            if (doubt := one.trust.doubt) is not None
        }
        believed = {name: one for name, one in estimates.items() if name not in doubts}
        net = _net_totals(state, believed, now_s)
        totals = {name: None if one is None else _drawn(one) for name, one in net.items()}
        compared = {
            name: one for name, one in net.items() if state.circuits[name].imbalance_counts_load
        }
        passing = {name: one.passing(now_s) for name, one in believed.items()}
        return Loads(draws, estimates, totals, passing, compared, doubts)

    def tell_other_than(self, before: Loads) -> bool:
        """Whether some circuit carries anything else than it did."""
        return (
            self._totals != before._totals
            or self._passing != before._passing
            or self._compared != before._compared
        )

    def of(self, circuit: str) -> PhaseCurrents | None:
        """
        What a circuit carries besides EVSEs. [mA]

        @return: C{None}: nobody knows, and nothing is left of it.
        @raise KeyError: if the circuit is not there.
        """
        return self._totals[circuit]

    def compared(self, circuit: str) -> PhaseCurrents | None:
        """
        What its phases carry besides EVSEs, negative where one feeds in. [mA]

        @return: C{None}: nobody knows, or its settings do not ask for it.
        """
        return self._compared.get(circuit)

    def passing(self, circuit: str) -> Passing | None:
        """What it carried in the last seconds; C{None} where no meter tells."""
        return self._passing.get(circuit)

    def rises(self, within_s: float) -> dict[str, tuple[float, PhaseCurrents]]:
        """
        How far each load is above its lowest of the last C{within_s}, or of the reading before.

        @return: by circuit that is measured, with when its newest reading was true. [s, mA]
        """
        return {
            name: (one.at_s, one.rise(within_s))
            for name, one in self.estimates.items()
            if name not in self.doubts
        }

    def _draws(
        self,
        state: SiteState,
        metered: Mapping[str, Meter],
        settling: Settling,
        now_s: float,
    ) -> dict[str, tuple[tuple[float, Draw], ...]]:
        if not metered:
            return {}
        sums = _summed(state, metered, settling, now_s)
        return {
            name: (
                *(one for one in self.draws.get(name, ()) if one[0] > now_s - _HISTORY_S),
                (now_s, sums[name]),
            )
            for name in metered
        }

    def _estimate(
        self,
        circuit: CircuitSettings,
        meter: Meter,
        draws: tuple[tuple[float, Draw], ...],
        now_s: float,
    ) -> _Estimate:
        before = self.estimates.get(circuit.name)
        if before is not None and before.meter != meter.name:
            # How the one moved that it had until now says nothing of this one.
            before = None
        if before is not None and before.at_s == meter.at_s:
            # It has not spoken again.
            return evolve(before, recent=_recent(before.recent, now_s))
        lateness_s = 0.0 if before is None else before.lateness_s
        draw = _drawn_at(draws, meter.at_s + lateness_s)
        lowest, highest = _beside(meter, draw.most), _beside(meter, draw.least)
        known = highest if before is None else before.load
        load = _highest((lowest, _lowest((known, highest))))
        recent = () if before is None else before.recent
        remains = tuple(
            _beside(meter, _drawn_at(draws, meter.at_s + late_s).least)
            for late_s in _LATENESS_S
        )
        return _Estimate(
            meter.name,
            meter.at_s,
            load,
            (*_recent(recent, now_s), (now_s, load)),
            remains,
            _NO_UNREST if before is None else _unrest(before, remains),
            _peaks(() if before is None else before.peaks, load, now_s),
            (Trust() if before is None else before.trust).after(
                meter,
                highest,
                circuit.max_current,
                is_used=draw.most.maximum() >= _CHARGES_MA,
            ),
        )


def _grid_meter(state: SiteState, circuit: CircuitSettings, now_s: float) -> Meter | None:
    """The meter of a circuit, while it can be relied on."""
    meter = None if circuit.meter is None else state.meters.get(circuit.meter)
    return meter if meter is not None and _is_read(meter, now_s) else None


def _is_read(meter: Meter, now_s: float) -> bool:
    # One that tells its register only tells nothing of what flows.
    tells_flow = meter.currents is not None or meter.power_w is not None
    return meter.is_read and tells_flow and now_s - meter.at_s <= METER_PATIENCE_S


def _beside(meter: Meter, drawn: PhaseCurrents) -> PhaseCurrents:
    """What a circuit's meter sees beyond what EVSEs draw, or the most that it may be."""
    if meter.currents is not None:
        return meter.currents - drawn
    # All that remains of a power may be on any one phase.
    return on_each_phase(meter.power_ma - drawn.total())


_NO_UNREST = (0.0,) * len(_LATENESS_S)


def _unrest(before: _Estimate, remains: tuple[PhaseCurrents, ...]) -> tuple[float, ...]:
    """How much the load has moved, by how late EVSEs are taken to be."""
    return tuple(
        _FADING * unrest + _distance(was, now)
        for unrest, was, now in zip(before.unrest, before.remains, remains, strict=True)
    )


def _peaks(
    before: tuple[tuple[float, PhaseCurrents], ...], load: PhaseCurrents, now_s: float
) -> tuple[tuple[float, PhaseCurrents], ...]:
    kept = tuple(one for one in before if one[0] > now_s - STEADY_S)
    if kept and now_s < kept[-1][0] + _SPAN_S:
        begun_s, highest = kept[-1]
        return (*kept[:-1], (begun_s, _highest((highest, load))))
    return (*kept, (now_s, load))


def _distance(one: PhaseCurrents, other: PhaseCurrents) -> int:
    apart = one - other
    return abs(apart.l1_ma) + abs(apart.l2_ma) + abs(apart.l3_ma)


def _recent(
    recent: tuple[tuple[float, PhaseCurrents], ...], now_s: float
) -> tuple[tuple[float, PhaseCurrents], ...]:
    """Those that still count; the last one always does."""
    return tuple(one for one in recent[:-1] if one[0] > now_s - PATIENCE_S) + recent[-1:]


def _drawn_at(draws: tuple[tuple[float, Draw], ...], at_s: float) -> Draw:
    """What was drawn when a meter looked, give or take what nobody measures at once."""
    near = [draw for when_s, draw in draws if abs(when_s - at_s) <= _SKEW_S]
    if not near:
        near = [min(draws, key=lambda one: abs(one[0] - at_s))[1]]
    return Draw(_lowest(draw.least for draw in near), _highest(draw.most for draw in near))


def _summed(
    state: SiteState, metered: Mapping[str, Meter], settling: Settling, now_s: float
) -> dict[str, Draw]:
    """What the EVSEs in each metered circuit draw now."""
    paths: dict[str, tuple[str, ...]] = {}
    least = {name: [0, 0, 0] for name in metered}
    most = {name: [0, 0, 0] for name in metered}
    for evse in state.evses.values():
        circuit = evse.settings.circuit
        names = paths.get(circuit)
        if names is None:
            names = tuple(one.name for one in state.path(circuit) if one.name in metered)
            paths[circuit] = names
        if not names:
            continue
        low, high = _range(evse, settling, now_s)
        for name in names:
            for sums, currents in ((least[name], low), (most[name], high)):
                sums[0] += currents.l1_ma
                sums[1] += currents.l2_ma
                sums[2] += currents.l3_ma
    return {
        name: Draw(PhaseCurrents(*least[name]), PhaseCurrents(*most[name])) for name in metered
    }


_NOTHING = (NO_CURRENT, NO_CURRENT)


def _range(evse: Evse, settling: Settling, now_s: float) -> tuple[PhaseCurrents, PhaseCurrents]:
    """What one EVSE draws now, at least and at most. [mA on each phase of the supply]"""
    phases = evse.settings.phases
    if evse.link is not Link.ONLINE:
        booked_ma = settling.booked_ma(evse)
        return (NO_CURRENT, PhaseCurrents.on(phases, booked_ma)) if booked_ma else _NOTHING
    change = settling.of(evse)
    if evse.occupancy is not Occupancy.CHARGING and (
        change is None or evse.transaction is None
    ):
        # It is known to draw nothing, or its contactor is open.
        return _NOTHING
    measured = evse.meter.currents
    drawn = drawn_ma(evse)
    if drawn is None:
        most_ma = settling.booked_ma(evse)
        return NO_CURRENT, PhaseCurrents.on(phases, most_ma)
    # The sign only says which way round a transformer is mounted.
    seen = PhaseCurrents.on(phases, drawn) if measured is None else measured.map(abs)
    most_seen = seen
    if evse.meter.is_partial:
        # What it does not tell may be as much as what it tells, or nothing.
        most_seen = _highest((seen, PhaseCurrents.on(phases, drawn)))
    heard_s = evse.meter.at_s
    if change is None or heard_s >= change.since_s + SETTLE_S:
        return seen, most_seen
    if now_s - heard_s <= _FRESH_S and heard_s >= change.since_s:
        return seen, most_seen
    # Its meter has not spoken since it should have followed its last order.
    lowest_ma = min(drawn, change.granted_ma, change.before_ma)
    highest_ma = settling.booked_ma(evse)
    if now_s < change.since_s + SETTLE_S:
        highest_ma = max(drawn, highest_ma, change.before_ma)
        most_seen = _highest((most_seen, PhaseCurrents.on(phases, highest_ma)))
    else:
        # It has had its time: what it drew before explains nothing any more.
        most_seen = PhaseCurrents.on(phases, highest_ma)
    least_seen = seen.map(lambda current_ma: min(current_ma, lowest_ma))
    return least_seen, most_seen


def _net_totals(
    state: SiteState, estimates: Mapping[str, _Estimate], now_s: float
) -> dict[str, PhaseCurrents | None]:
    """The load of each circuit, negative where more is generated there."""
    below: dict[str, list[PhaseCurrents]] = {}
    totals: dict[str, PhaseCurrents | None] = {}
    # Children stand behind their parents.
    for circuit in reversed(tuple(state.circuits.values())):
        total = _total(state, circuit, estimates, below.get(circuit.name, []), now_s)
        totals[circuit.name] = total
        if circuit.parent is not None:
            # Whatever it is, its fuse carries no more.
            load = circuit.max_current if total is None else _drawn(total)
            below.setdefault(circuit.parent, []).append(load)
    return totals


def _total(
    state: SiteState,
    circuit: CircuitSettings,
    estimates: Mapping[str, _Estimate],
    below: list[PhaseCurrents],
    now_s: float,
) -> PhaseCurrents | None:
    if circuit.meter is not None:
        estimate = estimates.get(circuit.name)
        # Its fail-safe load is of all that it feeds, as its meter is.
        return circuit.failsafe_load if estimate is None else estimate.highest(now_s)
    own = _own_load(state, circuit, now_s)
    return None if own is None else sum(below, own)


def _own_load(state: SiteState, circuit: CircuitSettings, now_s: float) -> PhaseCurrents | None:
    """What the consumption meters in it say, or what is assumed where there are none."""
    meters = [
        meter
        for meter in state.meters.values()
        if meter.settings.circuit == circuit.name
        and meter.settings.role in (MeterRole.CONSUMPTION, MeterRole.GENERATION)
    ]
    if not any(meter.settings.role is MeterRole.CONSUMPTION for meter in meters):
        return circuit.assumed_load
    load = NO_CURRENT
    for meter in meters:
        consumes = meter.settings.role is MeterRole.CONSUMPTION
        if not _is_read(meter, now_s):
            if consumes:
                return circuit.failsafe_load
            continue
        load = load + _added(meter)
    return load


def _added(meter: Meter) -> PhaseCurrents:
    """What something in a circuit adds to its load, or the most that it may be."""
    sign = 1 if meter.settings.role is MeterRole.CONSUMPTION else -1
    if meter.currents is not None:
        return meter.currents.map(lambda current_ma: sign * current_ma)
    # A power may load any one phase with all of it, and which one it relieves nobody knows.
    return on_each_phase(max(0, sign * meter.power_ma))


def _drawn(load: PhaseCurrents) -> PhaseCurrents:
    """What of a load is drawn: what is fed in makes no fuse stronger. [mA]"""
    return load.map(lambda current_ma: max(0, current_ma))


def _each(currents: PhaseCurrents) -> tuple[int, int, int]:
    return currents.l1_ma, currents.l2_ma, currents.l3_ma


def _highest(currents: Iterable[PhaseCurrents]) -> PhaseCurrents:
    return PhaseCurrents(*map(max, zip(*map(_each, currents), strict=True)))


def _lowest(currents: Iterable[PhaseCurrents]) -> PhaseCurrents:
    return PhaseCurrents(*map(min, zip(*map(_each, currents), strict=True)))
