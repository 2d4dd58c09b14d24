"""From one division to the next, against a network that does its worst."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, evolve, field, frozen
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.decide import decide
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.transition import DEAD_BAND_S, orders
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    EvseLost,
    EvseUnproven,
    ProfilesMeddled,
    SetpointConfirmed,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import DeviceIdentity, Evse, EvseSettings, Link
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

from .sites import NOON, WIRINGS, charging, circuits, setpoint, site

IDENTITY = DeviceIdentity("V", "M")


@frozen
class _Order:
    """
    An order as it was sent.

    @ivar number: its answer is recognised by it.
    @ivar in_transaction: it is about a transaction.
    @ivar from_scratch: it says too that charging is forbidden outside a transaction.
    """

    number: int
    setpoint: Setpoint
    in_transaction: bool
    from_scratch: bool


@define
class _Device:
    """
    An EVSE as it really is, which the program can only guess.

    @ivar obeyed_ma: what it obeys now. [mA]
    @ivar forbids: it obeys 0 A outside a transaction.
    @ivar orders: under way to it, in the order in which they were sent.
    @ivar answers: under way from it.
    @ivar awaited: the orders whose answers the program waits for, by number; more than one only
        when a transaction ended while its order was under way.
    """

    obeyed_ma: int
    forbids: bool = False
    orders: deque[_Order] = field(factory=deque)
    answers: deque[tuple[int, SiteEvent]] = field(factory=deque)
    awaited: dict[int, Setpoint] = field(factory=dict)


class _Network(RuleBasedStateMachine):
    """
    A site whose messages are delayed and lost, and whose devices refuse, vanish and forget.

    @cvar failsafes: the fail-safe currents that an EVSE may have. [mA]
    @cvar drops: whether EVSEs do as they like: drop their limits when they connect or start,
        take no default profile, and obey whoever else tells them something.
    """

    failsafes: tuple[int, ...] = (0,)
    drops = False

    def __init__(self) -> None:
        super().__init__()
        self.state = SiteState()
        self.devices: dict[str, _Device] = {}
        self.number = 0

    # What a site is like.

    @initialize(data=st.data())
    def build(self, data: st.DataObject) -> None:
        """A site about whose EVSEs nothing is known, but what they obey fits it."""
        tree = data.draw(circuits(most=3))
        # Fuses of a sensible size for few EVSEs; without a shortage there is nothing to see.
        tree = [evolve(one, max_current=6_000 + one.max_current.l1_ma % 44_000) for one in tree]
        wired = [
            EvseSettings(
                f"e{number}",
                data.draw(st.sampled_from(tree)).name,
                max_current_ma=data.draw(st.sampled_from([16_000, 32_000])),
                phases=data.draw(st.sampled_from(WIRINGS)),
                failsafe_current_ma=data.draw(st.sampled_from(self.failsafes)),
            )
            for number in range(data.draw(st.integers(1, 4)))
        ]
        self.fold(SettingsChanged("", False, tuple(tree), tuple(wired)))
        for one in wired:
            free = Wiring(self.state).free_beside(self.obeyed())
            rows = Wiring(self.state).rows_of(self.state.evses[one.name])
            most_ma = min(one.max_current_ma, *(free[each] for each, _ in rows))
            self.devices[one.name] = _Device(data.draw(st.integers(0, max(0, most_ma))))
            if data.draw(st.integers(0, 3)):
                self.fold(EvseConnected(one.name, ""))
                started = Transaction(self.number, "04A1", Verdict.ACCEPTED, NOON, 0)
                self.fold(TransactionStarted(one.name, started))

    def fold(self, event: SiteEvent) -> None:
        """The program learns of C{event}."""
        self.state = fold(self.state, event)

    def obeyed(self) -> dict[str, int]:
        """What each EVSE really obeys. [mA]"""
        return {name: device.obeyed_ma for name, device in self.devices.items()}

    def pick(self, data: st.DataObject, wanted: Callable[[Evse, _Device], bool]) -> str | None:
        """One of the EVSEs about which C{wanted} holds, if there is any."""
        names = [
            name
            for name, device in self.devices.items()
            if wanted(self.state.evses[name], device)
        ]
        return data.draw(st.sampled_from(names)) if names else None

    # What the program does.

    @rule(is_late=st.booleans())
    def order(self, is_late: bool = True) -> None:
        """The program decides and orders; nothing that it orders is booked beyond what fits."""
        before = Wiring(self.state).free_beside(self.booked())
        # Nothing has changed for long enough, so that the smallest increase is worth it.
        now = Memory().after(self.state, 0.0)
        memory = now.after(self.state, DEAD_BAND_S) if is_late else now
        for name, ordered in orders(self.state, decide(self.state), memory).items():
            device, evse = self.devices[name], self.state.evses[name]
            self.number += 1
            self.fold(SetpointOrdered(name, ordered))
            in_transaction = evse.active_transaction_id is not None
            device.orders.append(_Order(self.number, ordered, in_transaction, evse.stale))
            device.awaited[self.number] = ordered
        for conductor, left_ma in Wiring(self.state).free_beside(self.booked()).items():
            assert left_ma >= min(0, before[conductor]), conductor

    def booked(self) -> dict[str, int]:
        """What the program thinks that each EVSE may be drawing. [mA]"""
        return {name: evse.may_draw_ma for name, evse in self.state.evses.items()}

    def give_up(self, name: str) -> None:
        """The program waits no longer for the oldest answer of C{name}."""
        awaited = self.devices[name].awaited
        ordered = awaited.pop(min(awaited))
        self.fold(SetpointFailed(name, ordered, False, "no answer"))

    def give_all_up(self, name: str) -> None:
        """The program waits for no answer of C{name} any more."""
        while self.devices[name].awaited:
            self.give_up(name)

    @rule(data=st.data())
    def time_out(self, data: st.DataObject) -> None:
        """No answer for too long; the order may still arrive, or have arrived."""
        name = self.pick(data, lambda evse, device: bool(device.awaited))
        if name is not None:
            self.give_up(name)

    # What devices and the network do.

    def receive(self, name: str, refused: bool, takes_default: bool = True) -> None:
        """The oldest order under way arrives and is obeyed, unless it is refused."""
        device = self.devices[name]
        order = device.orders.popleft()
        takes_default = takes_default or not self.drops
        if refused or not (order.in_transaction or takes_default):
            answer: SiteEvent = SetpointFailed(name, order.setpoint, True, "Rejected")
        else:
            device.obeyed_ma = order.setpoint.current_ma
            forbids = None
            if order.from_scratch or not order.in_transaction:
                # One that it took before is in force if it refuses the next.
                device.forbids = device.forbids or takes_default
                forbids = takes_default
            answer = SetpointConfirmed(name, order.setpoint, forbids)
        device.answers.append((order.number, answer))

    def answer(self, name: str) -> None:
        """The oldest answer under way arrives; nobody listens if it is not awaited."""
        device = self.devices[name]
        number, event = device.answers.popleft()
        if device.awaited.pop(number, None) is not None:
            self.fold(event)

    @rule(data=st.data(), refused=st.integers(0, 4), takes_default=st.booleans())
    def deliver(self, data: st.DataObject, refused: int, takes_default: bool) -> None:
        """An order arrives."""
        name = self.pick(data, lambda evse, device: bool(device.orders))
        if name is not None:
            self.receive(name, refused == 0, takes_default)

    @rule(data=st.data())
    def answer_too_late(self, data: st.DataObject) -> None:
        """An order arrives and is obeyed, and nobody waits for the answer any more."""
        name = self.pick(data, lambda evse, device: bool(device.orders))
        if name is not None:
            self.receive(name, False)
            self.give_all_up(name)

    @rule(data=st.data())
    def doubt(self, data: st.DataObject) -> None:
        """The program has waited long enough for one that may have forgotten everything."""
        name = self.pick(data, lambda evse, device: evse.unsure)
        if name is not None:
            self.fold(EvseUnproven(name))

    @rule(data=st.data())
    def deliver_answer(self, data: st.DataObject) -> None:
        """An answer arrives, before or after those of other devices."""
        name = self.pick(data, lambda evse, device: bool(device.answers))
        if name is not None:
            self.answer(name)

    @rule(data=st.data(), told_first=st.booleans())
    def disconnect(self, data: st.DataObject, told_first: bool) -> None:
        """A connection breaks: of what is under way only the first part arrives."""
        name = self.pick(data, lambda evse, device: evse.link is Link.ONLINE)
        if name is None:
            return
        device = self.devices[name]
        for _ in range(data.draw(st.integers(0, len(device.orders)))):
            self.receive(name, False)
        device.orders.clear()
        device.answers.clear()
        if told_first:
            self.fold(EvseLost(name, "closed"))
            self.give_all_up(name)
        else:
            self.give_all_up(name)
            self.fold(EvseLost(name, "closed"))

    def fall_back(self, name: str) -> None:
        """A device that is on its own goes to its fail-safe current."""
        self.devices[name].obeyed_ma = self.state.evses[name].settings.failsafe_current_ma

    @rule(data=st.data())
    def watchdog(self, data: st.DataObject) -> None:
        """A device has noticed that it is on its own."""
        name = self.pick(data, lambda evse, device: evse.link is Link.LOST)
        if name is not None:
            self.fall_back(name)

    def drop(self, name: str, obeyed_ma: int | None = None) -> None:
        """A device forgets its limits, and obeys another one or none."""
        if self.drops:
            rating_ma = self.state.evses[name].settings.max_current_ma
            self.devices[name].forbids = False
            self.devices[name].obeyed_ma = rating_ma if obeyed_ma is None else obeyed_ma

    @rule(
        data=st.data(),
        how=st.sampled_from(["as it was", "fell back", "booted", "forgot", "dropped"]),
    )
    def connect(self, data: st.DataObject, how: str) -> None:
        """A device is there (again), perhaps only because it has started anew."""
        name = self.pick(data, lambda evse, device: evse.link is not Link.ONLINE)
        if name is None:
            return
        if how in ("fell back", "forgot") and self.state.evses[name].link is Link.LOST:
            self.fall_back(name)
        self.fold(EvseConnected(name, ""))
        if how in ("booted", "forgot"):
            self.fold(DeviceBooted(name, IDENTITY))
        if how == "dropped":
            self.drop(name)

    @rule(data=st.data())
    def boot(self, data: st.DataObject) -> None:
        """A device says that it has started, on a connection that it has already."""
        name = self.pick(data, lambda evse, device: evse.link is Link.ONLINE)
        if name is not None:
            self.fold(DeviceBooted(name, IDENTITY))
            self.drop(name)

    @rule(data=st.data(), obeyed_ma=st.integers(0, 16_000))
    def meddle(self, data: st.DataObject, obeyed_ma: int) -> None:
        """An operator has it obey something else."""
        name = self.pick(data, lambda evse, device: evse.link is Link.ONLINE)
        if name is not None:
            self.fold(ProfilesMeddled(name, "an operator"))
            self.drop(name, obeyed_ma)

    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """A transaction starts, perhaps without an end of the one before it."""
        name = self.pick(data, lambda evse, device: evse.link is Link.ONLINE)
        if name is None:
            return
        self.number += 1
        if self.state.evses[name].transaction is not None:
            self.end_limit(name)
        started = Transaction(self.number, "04A1", Verdict.ACCEPTED, NOON, 0)
        self.fold(TransactionStarted(name, started))

    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        """A transaction ends, and the limit that was ordered for it."""
        name = self.pick(
            data,
            lambda evse, device: evse.link is Link.ONLINE and evse.transaction is not None,
        )
        if name is None:
            return
        transaction = self.state.evses[name].transaction
        assert transaction is not None
        self.end_limit(name)
        self.fold(TransactionStopped(name, transaction.transaction_id, 0, "Local"))

    def end_limit(self, name: str) -> None:
        """Without a transaction a device that has a standing order obeys that."""
        if self.devices[name].forbids:
            self.devices[name].obeyed_ma = 0
        else:
            self.drop(name)

    @rule(data=st.data(), priority=st.integers(1, 3))
    def prefer(self, data: st.DataObject, priority: int) -> None:
        """The owner changes his mind about who is served first."""
        changed = data.draw(st.sampled_from(list(self.devices)))
        evses = tuple(
            evolve(evse.settings, priority=priority) if name == changed else evse.settings
            for name, evse in self.state.evses.items()
        )
        fuses = tuple(self.state.circuits.values())
        self.fold(SettingsChanged("", False, fuses, evses))

    @rule()
    def quiet(self) -> None:
        """For a moment everything works, except that what was lost is given up."""
        for name, device in self.devices.items():
            while device.orders:
                self.receive(name, False)
                self.books_are_true()
                self.fuses_hold()
            while device.answers:
                self.answer(name)
            self.give_all_up(name)
        self.order()

    # What must hold.

    @invariant()
    def books_are_true(self) -> None:
        """No EVSE obeys more than the program thinks that it may be drawing."""
        for name, obeyed_ma in self.obeyed().items():
            assert obeyed_ma <= self.state.evses[name].may_draw_ma, name

    @invariant()
    def fuses_hold(self) -> None:
        """What the EVSEs really obey fits every conductor."""
        if self.failsafes == (0,):
            for conductor, left_ma in Wiring(self.state).free_beside(self.obeyed()).items():
                assert left_ma >= 0, conductor

    def teardown(self) -> None:
        """When the network is quiet at last, everybody comes to obey what is decided."""
        for name, evse in self.state.evses.items():
            if evse.link is not Link.ONLINE:
                self.fold(EvseConnected(name, ""))
        for _ in range(2 * len(self.devices) + 3):
            self.quiet()
        targets = decide(self.state)
        for name, evse in self.state.evses.items():
            assert self.devices[name].obeyed_ma == targets[name].current_ma, name
            assert evse.confirmed is not None
            assert evse.confirmed.current_ma == targets[name].current_ma, name
        assert orders(self.state, targets) == {}


class _NetworkWithFailsafes(_Network):
    """Devices that do not pause when they are on their own, and drop what they were told."""

    failsafes = (0, 6_000, 16_000)
    drops = True


class AdversaryTests(SynchronousTestCase):
    """Whatever the network does."""

    def test_fuses_hold(self) -> None:
        """Nothing is ever overloaded, and in the end everybody has what was decided."""
        run_state_machine_as_test(
            _Network, settings=settings(max_examples=200, stateful_step_count=40)
        )

    def test_books_are_true(self) -> None:
        """The books are never below what flows, with fail-safe currents too."""
        run_state_machine_as_test(
            _NetworkWithFailsafes, settings=settings(max_examples=150, stateful_step_count=40)
        )


def evse(name: str, confirmed_ma: int | None, rating_ma: int = 32_000) -> Evse:
    """An EVSE that charges at C{confirmed_ma}."""
    return charging(EvseSettings(name, "main", max_current_ma=rating_ma), confirmed_ma)


def fused(fuse_ma: int, *evses: Evse) -> SiteState:
    """A site of one circuit."""
    return site([CircuitSettings("main", fuse_ma)], list(evses))


class OrdersTests(SynchronousTestCase):
    """What is ordered in one step."""

    def check(
        self, state: SiteState, targets: dict[str, int], expected: dict[str, int]
    ) -> None:
        """On the way to C{targets} the orders must be C{expected}."""
        wanted = {name: setpoint(current_ma) for name, current_ma in targets.items()}
        found = orders(state, wanted)
        self.assertEqual({name: one.current_ma for name, one in found.items()}, expected)

    def test_decrease_first(self) -> None:
        """An increase waits until the decrease that it needs is confirmed."""
        state = fused(32_000, evse("a", 10_000), evse("b", 20_000))
        self.check(state, {"a": 20_000, "b": 10_000}, {"a": 12_000, "b": 10_000})
        state = fold(state, SetpointOrdered("b", setpoint(10_000)))
        self.check(state, {"a": 20_000, "b": 10_000}, {"a": 12_000})
        state = fold(state, SetpointConfirmed("b", setpoint(10_000)))
        self.check(state, {"a": 20_000, "b": 10_000}, {"a": 20_000})

    def test_nothing_to_do(self) -> None:
        """Who obeys already is left alone."""
        self.check(fused(32_000, evse("a", 10_000)), {"a": 10_000}, {})

    def test_room_is_given_once(self) -> None:
        """What is free is granted to the first who can use it, and not again to the next."""
        state = fused(20_000, evse("a", 6_000), evse("b", 6_000))
        self.check(state, {"a": 14_000, "b": 14_000}, {"a": 14_000})
        self.check(state, {"a": 11_000, "b": 14_000}, {"a": 11_000, "b": 9_000})

    def test_room_is_rounded_down(self) -> None:
        """An increase goes to a whole grain."""
        self.check(fused(10_250, evse("a", 6_000)), {"a": 16_000}, {"a": 10_200})

    def test_less_than_the_minimum(self) -> None:
        """Nobody is ordered what is of no use to him; he waits."""
        state = fused(20_000, evse("a", 0), evse("b", 15_000))
        self.check(state, {"a": 6_000, "b": 14_000}, {"b": 14_000})

    def test_may_have_forgotten(self) -> None:
        """Who may have forgotten keeps what he was granted, and others are not raised."""
        a, b = evolve(evse("a", 10_000), unsure=True, stale=True), evse("b", 6_000)
        state = fused(40_000, a, b)
        self.check(state, {"a": 10_000, "b": 20_000}, {"a": 10_000, "b": 8_000})
        state = fused(36_000, a, b)
        self.check(state, {"a": 10_000, "b": 20_000}, {"a": 10_000})

    def test_many_may_have_forgotten(self) -> None:
        """When all come back at once, all are told again what they had: nobody is paused."""
        names = [f"e{number}" for number in range(200)]
        charging_ = [evolve(evse(name, 10_000), unsure=True, stale=True) for name in names]
        wanted = dict.fromkeys(names, 10_000)
        self.check(fused(2_000_000, *charging_), wanted, wanted)

    def test_too_much_is_booked(self) -> None:
        """Where more is booked than fits, who shall have more keeps what it has."""
        state = fused(16_000, evse("a", 10_000), evse("b", 10_000))
        self.check(state, {"a": 12_000, "b": 10_000}, {})

    def test_stale(self) -> None:
        """Who may have forgotten is told again what he obeys, room or not."""
        stale = evolve(evse("a", 10_000), stale=True)
        self.check(fused(10_000, stale), {"a": 10_000}, {"a": 10_000})
        self.check(fused(10_000, stale), {"a": 16_000}, {"a": 10_000})

    def test_unknown(self) -> None:
        """Who never accepted anything gets only what fits beside all that is booked."""
        for fuse_ma, expected in ((64_000, 16_000), (48_000, 16_000), (40_000, 8_000)):
            state = fused(fuse_ma, evse("a", None), evse("b", None))
            self.check(state, {"a": 16_000, "b": 0}, {"a": expected, "b": 0})

    def test_unknown_and_no_room(self) -> None:
        """Where the books do not fit, an order to him could be an increase: he is paused."""
        state = fused(32_000, evse("a", None), evse("b", 32_000))
        self.check(state, {"a": 16_000, "b": 16_000}, {"a": 0, "b": 16_000})

    def test_feared_is_not_granted(self) -> None:
        """A fail-safe current that is only feared is not given as long as it does not fit."""
        settings_ = EvseSettings("a", "main", failsafe_current_ma=16_000)
        back = evolve(charging(settings_, 6_000), stale=True, unsure=True)
        state = fused(32_000, back, evse("b", 26_000))
        self.check(state, {"a": 16_000, "b": 16_000}, {"a": 6_000, "b": 16_000})

    def test_refused_then_unknown(self) -> None:
        """After a refusal that leaves nothing known, neither side is raised too early."""
        forgetful = evolve(evse("a", 8_000), stale=True, unsure=True)
        state = fused(40_000, forgetful, evse("b", 32_000))
        state = fold(state, SetpointOrdered("a", setpoint(8_000)))
        state = fold(state, SetpointFailed("a", setpoint(8_000), True, "Rejected"))
        self.check(state, {"a": 20_000, "b": 20_000}, {"a": 8_000, "b": 20_000})

    def test_one_order_at_a_time(self) -> None:
        """Who still has an order to answer gets no other one."""
        state = fold(fused(32_000, evse("a", 6_000)), SetpointOrdered("a", setpoint(16_000)))
        self.check(state, {"a": 0}, {})

    def test_not_connected(self) -> None:
        """Who is not there is told nothing."""
        for link in (Link.LOST, Link.NEVER):
            self.check(fused(32_000, evolve(evse("a", 6_000), link=link)), {"a": 0}, {})

    def test_observe_only(self) -> None:
        """When load management is off nothing is ordered, not even a decrease."""
        state = evolve(fused(32_000, evse("a", 16_000)), observe_only=True)
        self.check(state, {"a": 0}, {})

    def test_reason(self) -> None:
        """The order carries the reason of its target, at whatever current."""
        state = fused(10_000, evse("a", 6_000))
        wanted = setpoint(16_000)
        self.assertEqual(orders(state, {"a": wanted})["a"].reason, wanted.reason)

    def test_next_transaction(self) -> None:
        """A transaction that follows one without an end is told its limit."""
        state = fused(32_000, evse("a", 16_000))
        started = Transaction(2, "04A1", Verdict.ACCEPTED, NOON, 0)
        state = fold(state, TransactionStarted("a", started))
        self.check(state, {"a": 16_000}, {"a": 16_000})
