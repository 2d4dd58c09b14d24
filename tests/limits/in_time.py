"""
A site on which time passes, with everything that can go wrong on it.

The control loop is the real one, on a clock that is moved by hand. Cars need their time to
follow, meters speak late or not at all, leases end, links break, and messages arrive late or
never. C{python -m tests.limits.in_time} looks for a counterexample for as long as one likes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.limits.constraint import ConstraintKind
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.wiring import Wiring
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CircuitLimited,
    CircuitReleased,
    DeviceBooted,
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    ProfilesMeddled,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import (
    ChargingMode,
    DeviceIdentity,
    Evse,
    EvseSettings,
    Link,
    Occupancy,
)
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.policy import Policy
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

from .boxes import Box, Car
from .sites import NOON, WIRINGS

__all__ = ["SiteInTime", "SiteWithFailsafes", "SunnySite", "main", "search"]

#: After so long nobody waits for an answer any more. [s]
_ANSWER_S = 30.0
#: IEC 61851-1: a car has followed its pilot after so long. [s]
_FOLLOW_S = 5.0
#: A wallbox that hears nothing for so long goes to its fail-safe current, if it does that. [s]
_WATCHDOG_S = 60.0
#: A process that sleeps for longer than this does not notice that a lease has ended. [s]
_LONGEST_SLEEP_S = 100.0
#: What is drawn above the offer and still counts as obeying. [mA]
_TOLERANCE_MA = 600
#: A phase with this much shows itself in a reading. [mA]
_SHOWS_MA = 500
#: When everything works, for so long at most something is ordered. [s]
_CALM_S = 1800.0
#: So long nothing is to be ordered then: longer than whoever did not obey is left alone. [s]
_WATCHED_S = 310.0

_POLICY = Policy(min_pause_s=20, min_run_s=20, surplus_undercut_s=20, phase_switch_s=20)
_IDENTITY = DeviceIdentity("V", "M")


class SiteInTime(RuleBasedStateMachine):
    """
    A site whose fuses have to hold whatever happens, and whatever comes first.

    @cvar failsafes: the fail-safe currents that an EVSE may have. [mA]
    @cvar forgets: whether boxes drop what they were told when they connect or start.
    @cvar is_sunny: the main fuse has a meter, a roof feeds in, and some charge by that only.
    """

    failsafes: tuple[int, ...] = (0,)
    forgets = False
    is_sunny = False

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.loop = ControlLoop(self.clock, 1.0)
        self.loop.observe(self._note)
        self.boxes: dict[str, Box] = {}
        self.number = 0
        self.house: dict[str, PhaseCurrents] = {}
        self.spoken: frozenset[str] = frozenset()
        self.ordered: list[tuple[float, str, Setpoint]] = []
        self._before: dict[str, int] | None = None

    # What a site is like.

    @initialize(data=st.data())
    def build(self, data: st.DataObject) -> None:
        """A site about which nothing is known, where nobody charges yet."""
        draw = data.draw
        main = CircuitSettings(
            "c0",
            draw(st.integers(6, 60)) * 1000,
            reserve_ma=draw(st.sampled_from([0, 2_000])),
            meter="m0" if self.is_sunny or draw(st.booleans()) else None,
            failsafe_load=draw(st.sampled_from([None, NO_CURRENT])),
            max_imbalance_ma=draw(st.sampled_from([0, 0, 20_000])),
        )
        below = CircuitSettings("c1", draw(st.integers(6, 40)) * 1000, "c0")
        settings_ = []
        for number in range(draw(st.integers(1, 4))):
            phases = draw(st.sampled_from(WIRINGS[:4]))
            is_special = self.is_sunny and draw(st.booleans())
            settings_.append(
                EvseSettings(
                    f"e{number}",
                    draw(st.sampled_from(["c0", "c1"])),
                    max_current_ma=draw(st.sampled_from([16_000, 32_000])),
                    phases=phases,
                    failsafe_current_ma=draw(st.sampled_from(self.failsafes)),
                    released_when_disabled=draw(st.booleans()),
                    mode=ChargingMode.SURPLUS if is_special else ChargingMode.NORMAL,
                    can_switch_phases=is_special and len(phases) == len(ALL_PHASES),
                )
            )
        meters = (MeterSettings("m0", MeterRole.GRID),) if main.meter else ()
        self.house = {"c0": NO_CURRENT}
        self.boxes = {one.name: Box(one, self.clock) for one in settings_}
        self.loop.evses = dict(self.boxes)
        self.spoken = frozenset(["m0"])
        self._configure(tuple(settings_), (main, below), meters)
        self.loop.start()
        for box in self.boxes.values():
            box.watches, box.meter = draw(st.booleans()), draw(st.sampled_from(_METERS))
            box.tells = draw(st.sampled_from(_TOLD if main.meter is None else _TOLD[:1]))
            box.late_s = draw(st.sampled_from(_LATE_S))
            if draw(st.integers(0, 5)):
                self.loop.report(EvseConnected(box.name, ""))
                self._plug_in(box, draw)
        self._pass(0.0)

    def _configure(
        self,
        evses: tuple[EvseSettings, ...],
        circuits: tuple[CircuitSettings, ...] | None = None,
        meters: tuple[MeterSettings, ...] | None = None,
    ) -> None:
        state = self.loop.state
        circuits = tuple(state.circuits.values()) if circuits is None else circuits
        if meters is None:
            meters = tuple(meter.settings for meter in state.meters.values())
        self.loop.report(SettingsChanged("", False, circuits, evses, meters, _POLICY))

    def evse(self, box: Box) -> Evse:
        """What is known of a box."""
        return self.loop.state.evses[box.name]

    def pick(self, data: st.DataObject, wanted: Callable[[Box, Evse], bool]) -> Box | None:
        """One of the boxes about which C{wanted} holds, if there is any."""
        found = [box.name for box in self.boxes.values() if wanted(box, self.evse(box))]
        return self.boxes[data.draw(st.sampled_from(found))] if found else None

    # Time.

    @rule(part_s=st.sampled_from([0.2, 0.2, 1.0, 1.0, 3.0, 10.0]), parts=st.integers(1, 8))
    def wait(self, part_s: float, parts: int) -> None:
        """Time passes."""
        for _ in range(parts):
            self._pass(part_s)

    @rule(part_s=st.sampled_from([40.0, _LONGEST_SLEEP_S]), parts=st.integers(1, 4))
    def wait_long(self, part_s: float, parts: int) -> None:
        """Much time passes, in which the program hardly gets to do anything."""
        self.wait(part_s, parts)

    def _pass(self, part_s: float) -> None:
        self.clock.advance(part_s)
        now_s = self.clock.seconds()
        for box in self.boxes.values():
            is_alone = self.evse(box).link is Link.LOST
            if is_alone and box.watches and now_s - box.alone_since_s >= _WATCHDOG_S:
                box.fall_back()
            box.follow()
            if part_s:
                # Whoever sleeps cannot have heard what was said meanwhile.
                box.give_up(now_s - _ANSWER_S)
            if self.evse(box).link is Link.ONLINE and box.meter == "speaks":
                self._speak(box)
        self._meters_speak()
        self._settle()

    def _meters_speak(self) -> None:
        if "m0" not in self.loop.state.meters or "m0" not in self.spoken:
            return
        total = sum((box.car.currents for box in self.boxes.values()), self.house["c0"])
        self.loop.report(MeterMeasured("m0", total, total.total() * NOMINAL_VOLTAGE_V // 1000))

    def _speak(self, box: Box) -> None:
        """An EVSE's meter says what flows, or has flowed."""
        currents = box.reading()
        shown = sum(1 for phase in ALL_PHASES if currents[phase] >= _SHOWS_MA)
        if shown >= min(box.car.uses, len(box.offer()[1])):
            box.car.surprises = False
        if box.tells == "power":
            power_w = currents.total() * NOMINAL_VOLTAGE_V // 1000
            self.loop.report(EvseMeasured(box.name, power_w=power_w))
            return
        sign = -1 if box.tells == "reversed" else 1
        self.loop.report(EvseMeasured(box.name, currents.map(lambda ma: sign * ma)))

    def _settle(self) -> None:
        """The program does what it does at once, and is looked at."""
        for _ in range(3):
            self.clock.advance(0)
        if any(box.meter == "speaks" for box in self.boxes.values()):
            # It looks at its meters in the next cycle; what it knows then is what is checked.
            self.loop.memory = self.loop.memory.after(
                self.loop.state, self.clock.seconds(), only_readings=True
            )
        self.check()

    # What is done with cars.

    def _plug_in(self, box: Box, draw: Callable[..., int]) -> None:
        self.number += 1
        box.car = Car(
            uses=draw(st.sampled_from([1, 3])),
            demand_ma=draw(st.sampled_from([0, 3_000, 10_000, 32_000, 32_000])),
            lag_s=draw(st.sampled_from([0.0, 3.0, _FOLLOW_S, _FOLLOW_S, inf])),
        )
        box.begin()
        started = Transaction(self.number, "04A1", Verdict.ACCEPTED, NOON, 0)
        self.loop.report(TransactionStarted(box.name, started))

    @rule(data=st.data())
    def plug_in(self, data: st.DataObject) -> None:
        """A transaction begins, perhaps without an end of the one before it."""
        box = self.pick(data, lambda box, evse: _is_online(evse))
        if box is not None:
            if box.has_transaction:
                box.end()
            self._plug_in(box, data.draw)
            self._settle()

    @rule(data=st.data())
    def unplug(self, data: st.DataObject) -> None:
        """A transaction ends."""
        box = self.pick(data, lambda box, evse: box.has_transaction and _is_online(evse))
        if box is not None:
            transaction = self.evse(box).transaction
            assert transaction is not None
            box.end()
            self.loop.report(
                TransactionStopped(box.name, transaction.transaction_id, 0, "Local")
            )
            self._settle()

    @rule(data=st.data(), demand_ma=st.sampled_from([0, 3_000, 10_000, 32_000]))
    def want(self, data: st.DataObject, demand_ma: int) -> None:
        """A car wants more or less."""
        box = self.pick(data, lambda box, evse: box.has_transaction)
        if box is not None:
            box.car.demand_ma = demand_ma
            box.follow()
            self._settle()

    @rule(data=st.data())
    def use_phases(self, data: st.DataObject) -> None:
        """A car loads other phases than before, as no car should: nobody can know it."""
        box = self.pick(data, lambda box, evse: box.has_transaction)
        if box is not None:
            box.car.uses = 4 - box.car.uses
            box.car.surprises = box.car.uses == 3
            box.car.on = box.offer()[1][: box.car.uses] if box.car.draw_ma else box.car.on
            self._settle()

    # What is done with messages.

    @rule(data=st.data(), how=st.sampled_from(["accepted"] * 4 + ["refused", "ignored"]))
    def deliver(self, data: st.DataObject, how: str) -> None:
        """A message arrives."""
        box = self.pick(data, lambda box, evse: bool(box.under_way))
        if box is not None:
            box.receive(how)
            self._settle()

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        """An answer arrives."""
        box = self.pick(data, lambda box, evse: bool(box.answers))
        if box is not None:
            box.say()
            self._settle()

    @rule()
    def deliver_all(self) -> None:
        """Everything arrives, and so do the answers."""
        self._deliver_all()
        self._settle()

    def _deliver_all(self) -> None:
        for box in self.boxes.values():
            while box.under_way:
                box.receive()
            while box.answers:
                box.say()

    @rule(data=st.data(), arrived=st.integers(0, 3))
    def lose(self, data: st.DataObject, arrived: int) -> None:
        """A link breaks: of what is under way only the first part arrives."""
        box = self.pick(data, lambda box, evse: _is_online(evse))
        if box is None:
            return
        for _ in range(min(arrived, len(box.under_way))):
            box.receive()
        self.loop.report(EvseLost(box.name, "closed"))
        box.give_up(self.clock.seconds())
        box.under_way.clear()
        box.answers.clear()
        box.alone_since_s = self.clock.seconds()
        self._settle()

    @rule(data=st.data(), has_forgotten=st.booleans(), has_booted=st.booleans())
    def connect(self, data: st.DataObject, has_forgotten: bool, has_booted: bool) -> None:
        """A box is there again."""
        box = self.pick(data, lambda box, evse: evse.link is not Link.ONLINE)
        if box is None:
            return
        self.loop.report(EvseConnected(box.name, ""))
        if has_booted:
            self.loop.report(DeviceBooted(box.name, _IDENTITY))
        if has_forgotten and self.forgets:
            box.forget()
        self._settle()

    @precondition(lambda self: self.forgets)
    @rule(data=st.data(), how=st.sampled_from(["booted", "meddled", "resumed"]))
    def forget(self, data: st.DataObject, how: str) -> None:
        """A box forgets what it was told, or is told something else by somebody else."""
        box = self.pick(data, lambda box, evse: _is_online(evse))
        if box is None:
            return
        if how == "booted":
            self.loop.report(DeviceBooted(box.name, _IDENTITY))
        elif how == "meddled":
            self.loop.report(ProfilesMeddled(box.name, "an operator"))
        else:
            self.loop.report(OccupancyReported(box.name, Occupancy.PLUGGED, "SuspendedEV"))
            self.loop.report(OccupancyReported(box.name, Occupancy.CHARGING, "Charging"))
        box.forget()
        self._settle()

    # What is said by meters and by others.

    @rule(data=st.data(), how=st.sampled_from(["speaks", "silent"]))
    def change_meter(self, data: st.DataObject, how: str) -> None:
        """A meter begins to speak, or falls silent."""
        box = self.pick(data, lambda box, evse: True)
        if box is not None:
            box.meter = how
            self._settle()

    @rule(data=st.data())
    def measure(self, data: st.DataObject) -> None:
        """A meter that is silent mostly says something."""
        box = self.pick(data, lambda box, evse: _is_online(evse))
        if box is not None:
            self._speak(box)
            self._settle()

    @rule(l1_ma=st.integers(0, 30), l2_ma=st.integers(0, 30), l3_ma=st.integers(0, 30))
    def live(self, l1_ma: int, l2_ma: int, l3_ma: int) -> None:
        """The house draws something else."""
        sun_ma = 15_000 if self.is_sunny else 0
        each = (one * 1000 - sun_ma for one in (l1_ma, l2_ma, l3_ma))
        self.house["c0"] = PhaseCurrents(*each)

    @rule(is_lost=st.booleans())
    def main_meter(self, is_lost: bool) -> None:
        """The meter of the main fuse is lost, or is there again."""
        self.spoken = frozenset() if is_lost else frozenset(["m0"])
        if is_lost:
            self.loop.report(MeterLost("m0", "silent"))
        self._settle()

    @rule(circuit=st.sampled_from(["c0", "c1"]), power_w=st.none() | st.integers(0, 30_000))
    def limit_circuit(self, circuit: str, power_w: int | None) -> None:
        """Somebody outside limits a circuit, or does so no more."""
        if power_w is None:
            self.loop.report(CircuitReleased(circuit, "grid", "over"))
        else:
            limit = OutsideLimit(circuit, "grid", power_w, evses_only=True)
            self.loop.report(CircuitLimited(limit))
        self._settle()

    @rule(data=st.data(), current_ma=st.none() | st.integers(0, 32_000))
    def limit_evse(self, data: st.DataObject, current_ma: int | None) -> None:
        """Somebody outside limits an EVSE, or does so no more."""
        box = self.pick(data, lambda box, evse: True)
        if box is not None:
            self.loop.report(EvseLimited(box.name, "backend", current_ma))
            self._settle()

    @rule(data=st.data())
    def enable(self, data: st.DataObject) -> None:
        """The owner disables an EVSE, or enables it again."""
        box = self.pick(data, lambda box, evse: _is_online(evse))
        if box is not None:
            self._change(box, enabled=not self.evse(box).settings.enabled)

    @precondition(lambda self: self.is_sunny)
    @rule(data=st.data())
    def reconfigure(self, data: st.DataObject) -> None:
        """The owner changes what an EVSE charges with, and whether it can be switched."""
        box = self.pick(data, lambda box, evse: len(evse.settings.phases) == len(ALL_PHASES))
        if box is None:
            return
        mode = data.draw(st.sampled_from(ChargingMode))
        self._change(box, mode=mode, can_switch_phases=data.draw(st.booleans()))

    def _change(self, box: Box, **settings: object) -> None:
        """The settings of one EVSE are others from now on."""
        known = [one.settings for one in self.loop.state.evses.values()]
        self._configure(
            tuple(evolve(one, **settings) if one.name == box.name else one for one in known)
        )
        self._settle()

    # What must hold.

    def _note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        if not isinstance(event, SetpointOrdered):
            return
        known = before.evses[event.evse].confirmed
        if known is None or known.current_ma != event.setpoint.current_ma:
            self.ordered.append((self.clock.seconds(), event.evse, event.setpoint))
        self._fits(event, before, after)

    def _fits(self, event: SetpointOrdered, before: SiteState, after: SiteState) -> None:
        """An order books no more than fits, or than was booked already."""
        memory = self.loop.memory
        then = Wiring(before, memory.of(before)).free_beside(_booked(memory, before))
        now = Wiring(after, memory.of(after)).free_beside(_booked(memory, after))
        for constraint, left_ma in now.items():
            assert left_ma >= min(0, then[constraint]), (event, constraint, left_ma)

    def check(self) -> None:
        """What may be drawn of a phase is booked on it."""
        state = self.loop.state
        memory = self.loop.memory.of(state)
        wiring = Wiring(state, memory)
        for name, box in self.boxes.items():
            evse = state.evses[name]
            if evse.link is Link.NEVER and not evse.settings.enabled:
                continue
            booked_ma = memory.settling.booked_ma(evse)
            assert box.may_obey_ma() <= booked_ma, (name, box, booked_ma)
            is_known = box.tells != "power" and box.meter == "speaks" and not box.late_s
            if box.car.lag_s < inf or (is_known and evse.link is Link.ONLINE):
                assert box.car.draw_ma <= booked_ma + _TOLERANCE_MA, (name, box, booked_ma)
            reckoned = {
                one.phase for one, _ in wiring.rows_of(evse) if one.kind is ConstraintKind.PHASE
            }
            assert box.car.surprises or {*box.car.on} <= reckoned, (name, box, reckoned)

    def teardown(self) -> None:
        """When everything works at last, nothing is ordered any more."""
        if not self.boxes:
            return
        self.spoken = frozenset(["m0"])
        for box in self.boxes.values():
            box.meter = "speaks"
            if box.car.lag_s == inf:
                box.car.obey(box.offer()[0])
            if self.evse(box).link is not Link.ONLINE:
                self.loop.report(EvseConnected(box.name, ""))
        self.calm()
        self.loop.stop()

    def calm(self) -> None:
        """Let everything work until nothing was ordered for some time."""
        begin_s = quiet_s = self.clock.seconds()
        while self.clock.seconds() < quiet_s + _WATCHED_S:
            assert self.clock.seconds() < begin_s + _CALM_S, self._story()
            self._deliver_all()
            self._pass(5.0)
            if self.ordered:
                quiet_s = max(quiet_s, self.ordered[-1][0])
        for box in self.boxes.values():
            evse = self.evse(box)
            if evse.is_left_alone:
                assert evse.released, evse
                continue
            said = str(evse.target), str(evse.confirmed), self._story()
            assert evse.target is not None, said
            assert evse.confirmed is not None, said
            assert evse.confirmed.current_ma == evse.target.current_ma, said
            if box.has_transaction:
                assert box.offer()[0] == evse.target.current_ma, said

    def _story(self) -> str:
        """What was ordered last, of whom and why, for whoever looks for the reason."""
        last = [f"{at_s:g} s {name}: {one}, {one.phases}" for at_s, name, one in self.ordered]
        return "\n".join([*last[-12:], *map(repr, self.boxes.values()), repr(self.house)])


class SiteWithFailsafes(SiteInTime):
    """Boxes that do not pause when they are on their own, and forget what they were told."""

    failsafes = (0, 6_000, 16_000)
    forgets = True


class SunnySite(SiteInTime):
    """Some charge by surplus only, and are switched between one phase and three."""

    is_sunny = True


_METERS = ("silent", "speaks")
#: Where a circuit's load is made of the readings of both, only the first says enough.
_TOLD = ("currents", "currents", "power", "reversed")
_LATE_S = (0.0, 0.0, 3.0)


def _is_online(evse: Evse) -> bool:
    return evse.link is Link.ONLINE


def _booked(memory: Memory, state: SiteState) -> dict[str, int]:
    return {name: memory.settling.booked_ma(evse) for name, evse in state.evses.items()}


def search(
    machine: type[SiteInTime],
    examples: int,
    steps: int = 40,
    *,
    derandomize: bool = True,
    shrink: bool = True,
) -> None:
    """
    Look for a counterexample.

    @raise AssertionError: there is one.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=derandomize,
            database=None,
            # Explaining a counterexample takes minutes, and says less than its steps.
            phases=[Stage.generate, Stage.shrink] if shrink else [Stage.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> None:
    """See the module."""
    from argparse import ArgumentParser
    from time import monotonic

    parser = ArgumentParser(description="Look for a site whose fuse does not hold.")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    for machine in (SiteInTime, SiteWithFailsafes, SunnySite):
        begin_s = monotonic()
        search(machine, arguments.examples, arguments.steps, derandomize=False)
        taken_s = monotonic() - begin_s
        print(  # noqa: T201 - whoever runs it wants to read it
            f"{machine.__name__}: {arguments.examples} sites in {taken_s:.0f} s, all hold"
        )


if __name__ == "__main__":
    main()
