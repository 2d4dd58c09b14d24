"""
What is documented of the loop of the product that is to be replaced, as a manager.

Every three seconds all is read, shared and written. From the newest reading of the meter the
newest readings of the EVSEs are taken off; what is left under the limit, without the reserve,
is shared. Where the limit was exceeded, the share is smaller by the excess for five minutes.
Whoever gets less than his minimum pauses for 300 s; where it is not enough for all they take
turns. An EVSE that could not be reached for three minutes counts with what it falls back to,
before with what it drew last. All changes are sent at once.

What is not documented is made as favourable as the rest allows: what is there is shared
max-min fair, and the turns go to whoever got least.
"""

from __future__ import annotations

from attrs import define
from twisted.python.failure import Failure

from bench.garage.cars import LEAST_MA
from bench.garage.garage import Garage
from bench.garage.scenario import MAIN
from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.share import Demand, share
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CircuitLimited,
    CircuitReleased,
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    MeterMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
)
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint

__all__ = ["Incumbent"]

CYCLE_S = 3
OVERDRAFT_S = 300
PAUSE_S = 300
LOST_S = 180

_WHY = Reason(ReasonCode.CIRCUIT, "its share")
_STEP_MAS, _LEAD = 16_000_000, 2
_OPERATOR = Constraint(MAIN, None, ConstraintKind.OUTSIDE)
#: More than any garage draws, summed over the phases. [mA]
_ANYTHING_MA = 10**9


@define
class _Box:
    """What is known of one EVSE."""

    settings: EvseSettings
    wants: bool = False
    currents: PhaseCurrents = NO_CURRENT
    got_mas: float = 0.0
    sent_ma: int = 0
    lost_s: int | None = None
    paused_until_s: int = 0
    backend_ma: int | None = None


class Incumbent:
    """The documented loop."""

    def __init__(self, garage: Garage) -> None:
        self._garage = garage
        self._boxes: dict[str, _Box] = {}
        self._circuits: tuple[CircuitSettings, ...] = ()
        self._grid: PhaseCurrents | None = None
        self._overdrafts: list[tuple[int, PhaseCurrents]] = []
        self._worked_s = -CYCLE_S
        self._allowed_ma = _ANYTHING_MA

    def report(self, event: SiteEvent) -> None:
        """What the devices say; it looks at it in the next cycle."""
        match event:
            case SettingsChanged(circuits=circuits, evses=evses):
                self._circuits = circuits
                for settings in evses:
                    self._boxes.setdefault(settings.name, _Box(settings))
            case MeterMeasured(currents=currents) if currents is not None:
                self._grid = currents
            case EvseMeasured(evse=name, currents=currents) if currents is not None:
                box = self._boxes[name]
                box.currents = currents
                box.got_mas += currents.l1_ma + currents.l2_ma + currents.l3_ma
            case OccupancyReported(evse=name, detail=detail):
                box = self._boxes[name]
                # A car that was offered something and says no is full.
                if detail == "SuspendedEV" and box.currents != NO_CURRENT:
                    box.wants = False
                    box.currents = NO_CURRENT
                elif detail == "Charging":
                    box.wants = True
            case TransactionStarted(evse=name):
                self._boxes[name].wants = True
            case EvseLost(evse=name):
                self._boxes[name].lost_s = self._garage.now_s
            case EvseConnected(evse=name):
                self._boxes[name].lost_s = None
            case CircuitLimited(limit=limit):
                self._allowed_ma = limit.max_power_w * 1000 // NOMINAL_VOLTAGE_V
            case CircuitReleased():
                self._allowed_ma = _ANYTHING_MA
            case EvseLimited(evse=name, current_ma=current_ma):
                self._boxes[name].backend_ma = current_ma
            case _:
                pass

    def work(self) -> None:
        """Once in three seconds: share what is left, and send what has changed."""
        now_s = self._garage.now_s
        if now_s < self._worked_s + CYCLE_S:
            return
        self._worked_s = now_s
        targets = self._share(now_s)
        for name, box in self._boxes.items():
            target_ma = targets.get(name, 0)
            if target_ma == box.sent_ma or box.lost_s is not None:
                continue
            if not target_ma and box.wants:
                box.paused_until_s = now_s + PAUSE_S
            box.sent_ma = target_ma
            sending = self._garage.evses[name].apply(Setpoint(target_ma, _WHY), 1, False)
            sending.addErrback(_ignored)

    def stop(self) -> None:
        """Nothing has been started."""

    def _share(self, now_s: int) -> dict[str, int]:
        free = self._free(now_s)
        waiting = sorted(
            (int(box.got_mas // _STEP_MAS) - (_LEAD if box.sent_ma else 0), name)
            for name, box in self._boxes.items()
            if box.wants and box.lost_s is None and now_s >= box.paused_until_s
        )
        demands = [
            Demand(
                name,
                minimum_ma=LEAST_MA,
                wanted_ma=_most_ma(self._boxes[name]),
                rows=(
                    *((one, 1) for one in _wires(self._boxes[name])),
                    (_OPERATOR, len(self._boxes[name].settings.phases)),
                ),
                priority=(self._boxes[name].settings.priority,),
            )
            for _, name in waiting
        ]
        return {name: found.current_ma for name, found in share(demands, free).items()}

    def _free(self, now_s: int) -> dict[Constraint, int]:
        """What the cars may have, on each phase of each circuit."""
        load, taken_off = self._load(), self._overdraft(now_s)
        free = {_OPERATOR: self._allowed_ma}
        for circuit in self._circuits:
            usable = circuit.usable
            for phase in ALL_PHASES:
                current_ma = usable[phase]
                if circuit.name == MAIN:
                    current_ma -= load[phase] + taken_off[phase]
                free[Constraint(circuit.name, phase)] = current_ma
        for box in self._boxes.values():
            if box.lost_s is not None:
                lost = box.currents
                if now_s - box.lost_s > LOST_S:
                    failsafe_ma = box.settings.failsafe_current_ma
                    lost = PhaseCurrents.on(box.settings.phases, failsafe_ma)
                for one in _wires(box):
                    assert one.phase is not None
                    free[one] -= lost[one.phase]
        return free

    def _load(self) -> PhaseCurrents:
        """What flows besides the cars, as far as it is known."""
        if self._grid is None:
            return self._circuits[0].max_current
        load = self._grid
        for box in self._boxes.values():
            load = load - box.currents
        return load.map(lambda current_ma: max(0, current_ma))

    def _overdraft(self, now_s: int) -> PhaseCurrents:
        """How far the limit was exceeded in the last five minutes."""
        if self._grid is not None:
            limit = self._circuits[0].max_current
            excess = (self._grid - limit).map(lambda current_ma: max(0, current_ma))
            if excess != NO_CURRENT:
                self._overdrafts.append((now_s, excess))
        self._overdrafts = [one for one in self._overdrafts if now_s - one[0] < OVERDRAFT_S]
        found = [one for _, one in self._overdrafts]
        return PhaseCurrents(
            max((one.l1_ma for one in found), default=0),
            max((one.l2_ma for one in found), default=0),
            max((one.l3_ma for one in found), default=0),
        )


def _ignored(failure: Failure) -> None:
    """An order that was not answered is not given again: the next change is."""


def _wires(box: _Box) -> list[Constraint]:
    circuits = (box.settings.circuit, MAIN)
    return [Constraint(circuit, phase) for circuit in circuits for phase in box.settings.phases]


def _most_ma(box: _Box) -> int:
    most_ma = box.settings.max_current_ma
    return most_ma if box.backend_ma is None else min(most_ma, box.backend_ma)
