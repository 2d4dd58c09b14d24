"""
The control loop: events are folded, the site is decided, setpoints are ordered.

It is the only place that orders a current.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import inf

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.errors import DeviceRefusal, OrderIgnored
from cfos_cm.limits.decide import decide, forbid_all
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.outside import met
from cfos_cm.limits.transition import orders, pauses
from cfos_cm.limits.trust import Doubt
from cfos_cm.limits.urgency import Urgency, urgency
from cfos_cm.limits.wiring import Wiring
from cfos_cm.services.cycle_times import CycleTimes
from cfos_cm.services.dismissal import Dismissal
from cfos_cm.services.dispatch import Dispatch, Order, Outcome
from cfos_cm.services.doubts import Doubts
from cfos_cm.services.newest_readings import NewestReadings
from cfos_cm.services.pace import Pace
from cfos_cm.services.releases import Releases
from cfos_cm.services.respite import Respites
from cfos_cm.site.events import (
    CircuitLimitMet,
    CircuitOverdrawn,
    CircuitReleased,
    DeviceBooted,
    EvseConnected,
    EvseMeasured,
    EvseUnproven,
    LimitsCancelled,
    MeterMeasured,
    ProfilesMeddled,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState, fold, fold_readings

__all__ = ["ORDERS_AT_ONCE", "ControlLoop", "Observer"]

#: So many orders follow one decision; all others wait for the next one, which comes as soon as
#: those have been heard who wait for an answer meanwhile.
ORDERS_AT_ONCE = 100

#: What so many meters say is folded before there is more of it, so that it never takes long.
READINGS_AT_ONCE = 50

#: Told of each event, with the state before and after it; the same one if nothing has changed.
#: What meters say comes once in a cycle, of each the newest.
Observer = Callable[[SiteEvent, SiteState, SiteState], None]

#: After these an EVSE that did not take its last order may well take the next one.
_FRESH_STARTS = (
    EvseConnected,
    DeviceBooted,
    ProfilesMeddled,
    TransactionStarted,
    TransactionStopped,
)

_log = Logger(namespace="cfos_cm.services")


class ControlLoop:
    """
    Keeps the state of the site and acts on it.

    @ivar cycle_s: what may wait is decided after so long at the latest, what L{urgency} says
        may not is decided at once. Where nothing has changed nothing is decided. [s]
    @ivar times: how long its decisions take.
    """

    def __init__(self, clock: IReactorTime, cycle_s: float) -> None:
        self._state = SiteState()
        self._memory = Memory()
        self._wiring: Wiring | None = None
        self._readings = NewestReadings()
        self.cycle_s = cycle_s
        self._clock = clock
        self._observers: list[Observer] = []
        self._running = False
        self._pace = Pace(clock, self._tick)
        self._dispatch = Dispatch(self._ended)
        self._respites = Respites(clock)
        self._doubts = Doubts(clock)
        self._dismissal = Dismissal(clock)
        self._releases = Releases(clock, self._released)
        self._met: frozenset[OutsideLimit] = frozenset()
        # Whether anything that a decision looks at has changed since the last one, and when
        # the next one is due even if nothing does.
        self._changed = False
        self._due_s = clock.seconds()
        self.times = CycleTimes(clock.seconds())

    @property
    def state(self) -> SiteState:
        """What is known now."""
        if self._readings:
            self._fold_readings()
        return self._state

    @property
    def memory(self) -> Memory:
        """What was remembered for the last decision."""
        return self._memory

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def evses(self) -> Mapping[str, IEvse]:
        """Who carries setpoints out, by name."""
        return self._dispatch.devices

    @evses.setter
    def evses(self, evses: Mapping[str, IEvse]) -> None:
        self._dispatch.devices = evses
        self._decide_after(Urgency.AT_ONCE)

    def observe(self, observer: Observer) -> None:
        """Tell C{observer} of every event from now on."""
        self._observers.append(observer)

    def report(self, event: SiteEvent) -> None:
        """Something has happened."""
        if isinstance(event, EvseMeasured):
            # Most of all that ever happens, and nothing waits for it.
            self._readings.add(event)
            if len(self._readings) >= READINGS_AT_ONCE:
                self._fold_readings()
            return
        if isinstance(event, MeterMeasured) and event.at_s is None:
            event = evolve(event, at_s=self._clock.seconds())
        before = self.state
        is_news = self._fold(event)
        if isinstance(event, _FRESH_STARTS):
            is_news = self._respites.forgive(event.evse) or is_news
        elif isinstance(event, CircuitReleased):
            # If the same is asked once more, it is to be told once more that it is met.
            place = event.circuit, event.by
            self._met = frozenset(one for one in self._met if (one.circuit, one.by) != place)
        elif isinstance(event, SettingsChanged):
            # No answer in the name of an EVSE that is gone counts any more.
            self._dispatch.keep(self.state.evses)
            self._respites.keep(self.state.evses)
            self._releases.keep(self.state.evses)
            self._take_back(before)
        if is_news:
            self._decide_after(urgency(event, self._state))

    def dismiss(self, names: Collection[str]) -> Deferred[None]:
        """
        Pause EVSEs that will not be part of the site any more, or not as the devices they are.

        Nobody counts what they draw from then on.

        @return: fires when they have confirmed it, or were given enough time to.
        """
        orders_are_given = self._running and not self.state.observe_only
        known = [evse for name, evse in self.state.evses.items() if name in names]
        left = self._dismissal.begin(known if orders_are_given else ())
        if self._dismissal.leaving:
            self._decide_after(Urgency.AT_ONCE)
            # Who is still there when it is over is decided like anybody else.
            left.addCallback(lambda _: self._decide_after(Urgency.AT_ONCE))
        return left

    def dismiss_now(self) -> None:
        """Wait no longer for EVSEs that are being dismissed."""
        self._dismissal.end()

    def start(self) -> None:
        """Decide from now on."""
        self._running = True
        self.times.looked_s = self._clock.seconds()
        self._decide_after(Urgency.AT_ONCE)

    def stop(self) -> None:
        """Decide no more; what the EVSEs obey stays as it is."""
        self._running = False
        self._fold_readings()
        self._dismissal.end()
        self._pace.stop()

    def _take_back(self, before: SiteState) -> None:
        """Whoever was to be released and is not any more may have dropped what he was told."""
        for was in before.evses.values():
            evse = self.state.evses.get(was.name)
            if evse is None or not was.is_left_alone or evse.is_left_alone:
                continue
            if evse.confirmed is not None:
                self.report(ProfilesMeddled(evse.name, "its release"))

    def _fold(self, event: SiteEvent) -> bool:
        """Whether C{event} has changed the state; all observers are told in any case."""
        before = self.state
        after = self._state = fold(before, event)
        self._tell(event, before, after)
        return after is not before

    def _fold_readings(self) -> None:
        readings = self._readings.take()
        before = self._state
        after = self._state = fold_readings(before, readings, self._clock.seconds())
        for reading in readings:
            self._tell(reading, before, after)

    def _tell(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        for observer in self._observers:
            try:
                observer(event, before, after)
            except Exception:  # noqa: BLE001
                # Whoever watches must not be able to stop what keeps the fuse safe.
                _log.failure("an observer failed on {event}", event=event)

    def _decide_after(self, how_soon: Urgency) -> None:
        if how_soon is Urgency.NEVER:
            return
        self._changed = True
        if how_soon is Urgency.AT_ONCE:
            self._tick_by(self._clock.seconds())

    def _tick_by(self, due_s: float) -> None:
        if self._running:
            self._pace.work_by(due_s)

    def _tick(self) -> None:
        now_s = self._clock.seconds()
        try:
            # Whoever observes hears of the meters in each cycle, also when nothing is decided.
            self._dismissal.look(self.state.evses)
            self._remember(now_s)
            if self._changed or now_s >= self._due_s:
                # Whatever goes wrong below: then it is due again in the next cycle.
                self._changed, self._due_s = False, now_s + self.cycle_s
                self._act()
                self.times.decided(self._clock.seconds() - now_s)
                self._due_s = min(
                    self._respites.next_end_s(),
                    self._doubts.next_end_s(),
                    self._releases.next_end_s(),
                    # Who cannot be told now is looked at again in each cycle.
                    max(now_s + self.cycle_s, min(self._renewals_s().values(), default=inf)),
                )
            # Only now: whoever asks whether it works is not told so of one that fails.
            self.times.looked_s = now_s
        finally:
            self._tick_by(min(now_s + self.cycle_s, self._due_s))

    def _remember(self, now_s: float) -> None:
        """Remember what is known now; what follows from it is decided if it is any other."""
        before = self._memory
        try:
            self._memory = before.after(self.state, now_s, only_readings=not self._changed)
        except Exception:  # noqa: BLE001
            _log.failure("what has happened could not be remembered")
            # What fuses have to cool from is no part of what is wrong here.
            self._memory, self._changed = Memory(overdrafts=before.overdrafts), True
            return
        for one in self._memory.overdrafts.news(before.overdrafts):
            self.report(CircuitOverdrawn(one.circuit, one.phase, one.by_ma, one.highest_ma))
        self._tell_doubts(before.loads.doubts, self._memory.loads.doubts)
        if self._memory.tells_other_than(before):
            self._changed = True

    @staticmethod
    def _tell_doubts(before: Mapping[str, Doubt], now: Mapping[str, Doubt]) -> None:
        """Tell people of meters that are not believed any more, or again."""
        for circuit, doubt in now.items():
            if before.get(circuit) is not doubt:
                _log.warn(
                    "the meter of {circuit} is not believed, as if it were silent: {doubt}",
                    circuit=circuit,
                    doubt=doubt.value,
                )
        for circuit in before.keys() - now.keys():
            _log.info("the meter of {circuit} is believed again", circuit=circuit)

    def _act(self) -> None:
        # Who is only observed is told nothing, and so has nothing to confirm.
        told = () if self.state.observe_only else self.state.evses.values()
        for name in self._doubts.grown(told):
            self.report(EvseUnproven(name))
        targets, steps = self._decide()
        for name, target in targets.items():
            if self.state.evses[name].target != target:
                self.report(SetpointDecided(name, target))
        given = 0
        for name, setpoint in self._decreases_first(steps):
            if given == ORDERS_AT_ONCE:
                self._decide_after(Urgency.AT_ONCE)
                break
            given += self._order(name, setpoint)
        if not self.state.observe_only:
            # What an order still tells, whether it counts or not, would come back afterwards.
            evses = self.state.evses.values()
            free = (evse for evse in evses if not self._dispatch.is_busy(evse.name))
            self._releases.look(free, self._dispatch.devices)
        self._tell_what_is_met()

    def _tell_what_is_met(self) -> None:
        """Report each limit from outside once that all that may be drawn keeps to."""
        limits = frozenset(self.state.outside_limits.values())
        self._met &= limits
        unmet = sorted(limits - self._met, key=lambda one: (one.circuit, one.by))
        memory = self._memory
        if not unmet or memory.state.circuits is not self.state.circuits:
            # Where nothing could be remembered nobody knows what may be drawn.
            return
        evses = self.state.evses
        booked_ma = {name: memory.settling.booked_ma(evse) for name, evse in evses.items()}
        phases = {name: len(memory.may_load(evse)) for name, evse in evses.items()}
        for limit in unmet:
            load = memory.loads.of(limit.circuit)
            if load is None and not limit.evses_only:
                continue
            load_w = 0 if load is None else load.total() * NOMINAL_VOLTAGE_V // 1000
            booked_w = met(self.state, booked_ma, limit, load_w=load_w, phases=phases)
            if booked_w is not None:
                self._met |= {limit}
                self.report(CircuitLimitMet(limit.circuit, limit.by, booked_w))

    def _decreases_first(self, steps: Mapping[str, Setpoint]) -> list[tuple[str, Setpoint]]:
        evses = self.state.evses
        return sorted(
            steps.items(), key=lambda step: step[1].current_ma > evses[step[0]].granted_ma
        )

    def _decide(self) -> tuple[Mapping[str, Setpoint], Mapping[str, Setpoint]]:
        """What each EVSE should have, and what to order now."""
        try:
            memory = self._memory.of(self.state)
            wiring = self._wiring = Wiring(self.state, memory, self._wiring)
            targets = decide(self.state, memory, wiring) | self._dismissal.targets
            steps = orders(self.state, targets, memory, wiring)
            return targets, self._renewals() | steps
        except Exception:  # noqa: BLE001
            # A loop that stops leaves the cars at whatever they had: for a fuse that is a fire.
            _log.failure("the limits could not be decided: every EVSE is paused")
            self._decide_after(Urgency.NEXT_CYCLE)
            targets = forbid_all(self.state, "the limits could not be decided; see the log")
            return targets, pauses(self.state, targets)

    def _renewals(self) -> dict[str, Setpoint]:
        """What those obey already that have to hear it once more."""
        now_s, evses = self._clock.seconds(), self.state.evses
        due = (name for name, due_s in self._renewals_s().items() if due_s <= now_s)
        return {
            name: confirmed for name in due if (confirmed := evses[name].confirmed) is not None
        }

    def _renewals_s(self) -> dict[str, float]:
        """When those are due who can be told once more what they obey. [s]"""
        state = self.state
        if state.observe_only:
            return {}
        return {
            name: due_s
            for name, due_s in self._dispatch.renewals_s().items()
            if (evse := state.evses.get(name)) is not None and self._is_renewed(evse)
        }

    def _is_renewed(self, evse: Evse) -> bool:
        return (
            evse.link is Link.ONLINE
            and evse.confirmed is not None
            and evse.active_transaction_id is not None
            and not evse.is_left_alone
            and not self._respites.holds(evse.name, evse.confirmed)
        )

    def _order(self, name: str, setpoint: Setpoint) -> bool:
        """Order an EVSE to obey, unless it is busy or left alone. Whether it was ordered."""
        if not self._dispatch.is_ready(name) or self._respites.holds(name, setpoint):
            return False
        if self._releases.is_under_way(name):
            # It would be cleared with all that is there already.
            return False
        evse = self.state.evses[name]
        self.report(SetpointOrdered(name, setpoint))
        self._dispatch.give(evse, setpoint)
        return True

    def _released(self, event: LimitsCancelled) -> None:
        """An EVSE has dropped its limits, or has not and is asked again."""
        self.report(event)
        # A failure changes nothing that is known, but when it is due again.
        self._decide_after(Urgency.AT_ONCE)

    def _ended(self, order: Order, outcome: Outcome) -> None:
        """An order has been confirmed, or has failed, and its EVSE can take the next one."""
        self._decide_after(Urgency.AT_ONCE)
        if self.state.evses[order.evse].ordered is not order.setpoint:
            # Something else has ended it before, such as the end of its transaction.
            return
        if isinstance(outcome, Failure):
            self._respites.failed(order.evse, order.setpoint)
            refused = isinstance(outcome.value, DeviceRefusal)
            why = outcome.getErrorMessage()
            ignored = isinstance(outcome.value, OrderIgnored)
            self.report(SetpointFailed(order.evse, order.setpoint, refused, why, ignored))
        elif self._is_overtaken(order):
            why = "a transaction has begun, and this order was not about it"
            self.report(SetpointFailed(order.evse, order.setpoint, False, why))
        else:
            self._respites.forgive(order.evse)
            self.report(SetpointConfirmed(order.evse, order.setpoint, outcome))

    def _is_overtaken(self, order: Order) -> bool:
        """Whether it is about no transaction, and one has begun in which more is given."""
        evse = self.state.evses[order.evse]
        if order.transaction_id is not None or evse.transaction is None:
            return False
        return evse.unanswered_ma > order.setpoint.current_ma
