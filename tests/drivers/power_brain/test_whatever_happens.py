"""
Virtual Power Brains, their drivers and the control loop, with all that can go wrong between.

At every moment what a box really gives its car is booked for it, unless it has started again or
somebody else has set it, which takes a moment to be seen. When nothing goes wrong any more
everything works again soon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count, starmap
from math import inf
from typing import cast

from attrs import define, evolve
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.evse import PowerBrainEvse
from cfos_cm.limits.transition import DEAD_BAND_MA
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.simulator.power_brain.box import PowerBrain
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.simulator.vehicle import Vehicle, VehicleSettings
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    EvseLost,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
)
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.policy import Policy
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.wire.modbus import ExceptionCode, Framing, Request, Write
from cfos_cm.wire.modbus_server import Outcome, Responder
from cfos_cm.wire.registers import Register
from tests.drivers.power_brain.box import Wire

_NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
_NEVER_S = 1_000_000
_TICK_S = 0.25
#: An answer takes its time also where nothing is wrong. [s]
_LATE_S = 0.1
#: What a box gives beyond what is booked when somebody else has set it is seen by the round
#: after, and countered at once; a round may have begun just before. [s]
_SEEN_S = 3.0
#: The longest that nobody tries to connect: [s]
_BACK_OFF_S = 41.0
#: and so soon it works again then. [s]
_MINUTE_S = 60.0
#: Who has not obeyed is told again after so long at the latest. [s]
_RESPITE_S = 310.0
_FAILSAFE_S = 60
_POLICY = Policy(min_pause_s=0, min_run_s=0)


class World(Clock):
    """
    Time, and what there is.

    @ivar cables: the ways to the boxes, by their names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cables: dict[str, Cable] = {}


class FaultyWire(Wire):
    """What is wrong with its cable happens to all that is said through it."""

    def __init__(self, clock: Clock, protocol: IProtocol, cable: Cable) -> None:
        super().__init__(
            clock, protocol, Responder(Framing.TCP, cable.is_unit, cable.serve).receive
        )
        self.cable = cable

    def write(self, data: bytes) -> None:
        """See L{Wire.write}."""
        fault = self.cable.fault
        if self.is_closed or fault == "deaf":
            return
        for answer in self._device(data):
            for part in _spoilt(answer, fault):
                self._clock.callLater(self.cable.late_s, self.say, part)


def _spoilt(answer: bytes, fault: str | None) -> Iterable[bytes]:
    if fault == "mute":
        return ()
    if fault == "twice":
        return answer, answer
    if fault == "half":
        return (answer[: len(answer) // 2],)
    if fault == "pieces":
        return answer[:5], answer[5:]
    if fault == "foreign":
        return (bytes([answer[0] ^ 0x80]) + answer[1:],)
    return (answer,)


@implementer(IStreamClientEndpoint)
class Cable:
    """
    The way to a box.

    @ivar fault: what is wrong with it; C{None}: nothing.
    @ivar late_s: how long an answer takes. [s]
    """

    def __init__(self, world: World, box: PowerBrain) -> None:
        self.fault: str | None = None
        self.late_s = _LATE_S
        self._world = world
        self._box = box
        self._wire: FaultyWire | None = None

    def is_unit(self, unit: int) -> bool:
        """Whether the box is meant."""
        return self._box.evse_device.is_unit(unit)

    def serve(self, request: Request) -> Outcome:
        """What the box says to a request."""
        if self.fault == "refuses":
            return ExceptionCode.SERVER_DEVICE_FAILURE
        if self.fault == "busy":
            return ExceptionCode.SERVER_DEVICE_BUSY
        if self.fault == "writes nothing" and isinstance(request, Write):
            return ExceptionCode.ILLEGAL_DATA_VALUE
        return self._box.evse_device.serve(request)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}."""
        if self.fault == "out":
            return fail(ConnectError())
        protocol = protocolFactory.buildProtocol(None)
        assert protocol is not None
        wire = self._wire = FaultyWire(self._world, protocol, self)
        protocol.makeConnection(wire)
        if self.fault == "closes":
            self._world.callLater(0, wire.cut)
        return succeed(protocol)

    def pull(self) -> None:
        """The connection is lost."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.cut()


def _car(most_a: int) -> Vehicle:
    """One that is never full. [A]"""
    return Vehicle(VehicleSettings(most_a * 1000, 3, 1_000_000))


_FAULTS = (
    *("out", "out", "deaf", "mute", "mute", "twice", "half", "pieces", "foreign"),
    *("closes", "refuses", "busy", "writes nothing"),
)


@define
class Place:
    """
    A box, its driver and its car.

    @ivar settled_s: since when nothing is wrong with it; infinite: something is. [s]
    @ivar is_foreign: what it holds is not what it was told, and that was not seen yet.
    """

    box: PowerBrain
    cable: Cable
    device: EvseDevice
    driver: PowerBrainEvse
    settled_s: float = 0.0
    is_foreign: bool = False


class SiteOfPowerBrains(RuleBasedStateMachine):
    """Two boxes at one fuse."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.loop = ControlLoop(self.world, 1.0)
        self.loop.observe(self._note)
        self.places: dict[str, Place] = {}
        self.fuse_ma = 0
        self.numbers = count(1)
        self.story: list[str] = []
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)

    # What the site is like.

    @initialize(
        failsafe_ma=st.sampled_from([0, 6_000]),
        switches=st.booleans(),
        has_meter=st.booleans(),
        starts_with=st.sampled_from([None, 60]),
        most_a=st.sampled_from([6, 16]),
        fuse_a=st.sampled_from([20, 32]),
    )
    def build(
        self,
        fuse_a: int,
        failsafe_ma: int,
        switches: bool,
        has_meter: bool,
        starts_with: int | None,
        most_a: int,
    ) -> None:
        """Two cars that charge."""
        self.fuse_ma = fuse_a * 1000
        self.environment = DriverEnvironment(
            reactor=self.world,
            now=self._now,
            report=self._report,
            buses=buses.Buses(self.world),
            state=lambda: self.loop.state,
            central_system=cast(CentralSystem, None),
        )
        for name in ("a", "b"):
            self._build_place(name, failsafe_ma, switches, has_meter, starts_with)
        self._configure()
        self.loop.evses = {name: place.driver for name, place in self.places.items()}
        self.loop.start()
        for place in self.places.values():
            place.driver.start()
            place.box.plug_in(_car(most_a))
        self._pass(5)

    def _build_place(
        self,
        name: str,
        failsafe_ma: int,
        switches: bool,
        has_meter: bool,
        starts_with: int | None,
    ) -> None:
        ids = count()
        box = PowerBrain(
            name,
            VirtualPowerBrainSettings(
                arrives_after_s=_NEVER_S, modbus_port=0, has_meter=has_meter
            ),
            self.world,
            self._now,
            lambda: f"{name}-{next(ids)}",
            rebooted=lambda: self._rebooted(name),
        )
        if starts_with is not None:
            box.flash.evse.keep(on.DEF_CHARG_CUR_LIMIT, starts_with)
        cable = self.world.cables[name] = Cable(self.world, box)
        device = EvseDevice(
            settings=EvseSettings(
                name,
                "garage",
                failsafe_current_ma=failsafe_ma,
                keeps_limit=True,
                can_switch_phases=switches,
            ),
            address=f"tcp:{name}:4701",
            failsafe_after_s=_FAILSAFE_S,
        )
        driver = PowerBrainEvse(device, self.environment)
        self.places[name] = Place(box, cable, device, driver)
        box.start()

    def _configure(self) -> None:
        self.loop.report(
            SettingsChanged(
                "",
                False,
                (CircuitSettings("garage", self.fuse_ma),),
                tuple(place.device.settings for place in self.places.values()),
                policy=_POLICY,
            )
        )

    def _now(self) -> datetime:
        return _NOON + timedelta(seconds=self.world.seconds())

    def _report(self, event: SiteEvent) -> None:
        self.loop.report(event)

    def _note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        self.story.append(f"{self.world.seconds():g} s: {event}")
        if isinstance(event, OccupancyReported):
            self.world.callLater(0, self._begin, event.evse)

    def _begin(self, name: str) -> None:
        """Whoever plugs in may charge."""
        evse = self.evse(name)
        is_there = evse.occupancy in (Occupancy.PLUGGED, Occupancy.CHARGING)
        if is_there and evse.transaction is None:
            begun = Transaction(next(self.numbers), "04A1", Verdict.ACCEPTED, self._now(), 0)
            self.loop.report(TransactionStarted(name, begun))

    def evse(self, name: str) -> Evse:
        """What is known of a box."""
        return self.loop.state.evses[name]

    # Time.

    @rule(wait_s=st.sampled_from([0.25, 0.5, 1.0, 3.0, 10.0]))
    def wait(self, wait_s: float) -> None:
        """Time passes."""
        self._pass(wait_s)

    @rule(wait_s=st.sampled_from([20, 80]))
    def wait_long(self, wait_s: float) -> None:
        """So much of it that boxes that hear nothing fall back."""
        self._pass(wait_s)

    def _pass(self, wait_s: float) -> None:
        for _ in range(max(1, round(wait_s / _TICK_S))):
            self.world.advance(_TICK_S)
            self.check()

    # What befalls the ways to the boxes.

    @rule(name=st.sampled_from("ab"), fault=st.sampled_from(_FAULTS), is_pulled=st.booleans())
    def break_cable(self, name: str, fault: str, is_pulled: bool) -> None:
        """Something is wrong with a cable from now on."""
        self._tell(f"{name}: {fault}, {is_pulled=}")
        place = self.places[name]
        place.cable.fault, place.settled_s = fault, inf
        if is_pulled:
            place.cable.pull()

    @rule(name=st.sampled_from("ab"), late_s=st.sampled_from([0.4, 0.9, 1.4, 4.0]))
    def slow_down(self, name: str, late_s: float) -> None:
        """Answers take their time."""
        self._tell(f"{name}: {late_s} s late")
        place = self.places[name]
        place.cable.late_s, place.settled_s = late_s, inf

    @rule(name=st.sampled_from("ab"))
    def lose(self, name: str) -> None:
        """A connection is lost, and can be made again."""
        self._tell(f"{name}: lost")
        place = self.places[name]
        place.settled_s = max(place.settled_s, self.world.seconds())
        place.cable.pull()

    @rule(name=st.sampled_from("ab"))
    def mend(self, name: str) -> None:
        """All is well with a cable."""
        self._tell(f"{name}: mended")
        place = self.places[name]
        place.cable.fault, place.cable.late_s = None, _LATE_S
        place.settled_s = self.world.seconds()

    @rule(
        name=st.sampled_from("ab"),
        fault=st.sampled_from(["out", "mute", "mute", "deaf"]),
        away_s=st.sampled_from([5, 70, 130]),
        most_a=st.sampled_from([6, 16]),
    )
    def be_away(self, name: str, fault: str, away_s: float, most_a: int) -> None:
        """A box is away, perhaps for so long that it falls back, and another car comes."""
        self.break_cable(name, fault, is_pulled=True)
        self._pass(away_s)
        self.come(name, most_a)
        self._pass(2)
        self.mend(name)
        self._pass(40)

    # What befalls the boxes.

    @rule(name=st.sampled_from("ab"))
    def reboot(self, name: str) -> None:
        """A box starts again, and may give what it starts with until it is told."""
        self._tell(f"{name}: reboots")
        self.places[name].box.reboot()

    def _rebooted(self, name: str) -> None:
        place = self.places.get(name)
        if place is not None:
            self._disturb(name)
            place.cable.pull()

    @rule(
        name=st.sampled_from("ab"),
        order=st.sampled_from(
            [(on.CHARGING_ENABLE, 1), (on.CHARGING_ENABLE, 0), (on.CHARGING_CUR_LIMIT, 60)]
            + [(on.CHARGING_CUR_LIMIT, 160)] * 2
        ),
    )
    def meddle(self, name: str, order: tuple[Register, int]) -> None:
        """Somebody else sets a box."""
        register, value = order
        self._tell(f"{name}: somebody sets {register.name} to {value}")
        words = register.encode(value)
        self.places[name].box.evse_device.serve(Write(1, register.address, words))
        self._disturb(name)

    def _disturb(self, name: str) -> None:
        place = self.places[name]
        place.is_foreign = True
        place.settled_s = max(place.settled_s, self.world.seconds())

    # What befalls the cars.

    @rule(name=st.sampled_from("ab"), most_a=st.sampled_from([6, 10, 16]))
    def come(self, name: str, most_a: int) -> None:
        """Another car is plugged in."""
        self._tell(f"{name}: a car of {most_a} A")
        box = self.places[name].box
        box.unplug()
        box.plug_in(_car(most_a))

    @rule(name=st.sampled_from("ab"))
    def leave(self, name: str) -> None:
        """A car leaves."""
        self._tell(f"{name}: no car")
        self.places[name].box.unplug()

    @rule(name=st.sampled_from("ab"))
    def sleep(self, name: str) -> None:
        """A car sleeps."""
        self._tell(f"{name}: sleeps")
        self.places[name].box.put_car_to_sleep()

    # What the owner does.

    @rule(amps=st.sampled_from([6, 13, 16, 20, 26, 32]))
    def change_fuse(self, amps: int) -> None:
        """Less, or more, is left for the boxes."""
        self._tell(f"a fuse of {amps} A")
        self.fuse_ma = amps * 1000
        self._configure()

    @rule(
        name=st.sampled_from("ab"),
        failsafe_ma=st.sampled_from([0, 6_000, 10_000]),
        most_ma=st.sampled_from([10_000, 16_000]),
    )
    def reload(self, name: str, failsafe_ma: int, most_ma: int) -> None:
        """The settings of a box are others: another driver takes its place."""
        self._tell(f"{name}: falls back to {failsafe_ma} mA, has {most_ma} mA")
        place = self.places[name]
        settings_ = evolve(
            place.device.settings, failsafe_current_ma=failsafe_ma, max_current_ma=most_ma
        )
        if settings_ == place.device.settings:
            return
        place.device = evolve(place.device, settings=settings_)
        self._configure()
        self.loop.report(EvseLost(name, "its settings have changed"))
        old, place.driver = place.driver, PowerBrainEvse(place.device, self.environment)
        place.driver.start()
        old.stop()
        self.loop.evses = {name: one.driver for name, one in self.places.items()}

    # What must hold.

    def check(self) -> None:
        """Each box gives no more than what is booked for it."""
        now_s = self.world.seconds()
        memory = self.loop.memory.after(self.loop.state, now_s, only_readings=True)
        for name, place in self.places.items():
            evse = self.evse(name)
            booked_ma = memory.settling.booked_ma(evse)
            given_ma = place.box.flow.current_ma
            is_right = given_ma <= booked_ma
            if is_right and evse.link is Link.ONLINE and now_s > place.settled_s + _SEEN_S:
                place.is_foreign = False
            allowed_s = place.settled_s + (_BACK_OFF_S if place.is_foreign else 0.0) + _SEEN_S
            if place.is_foreign and evse.link is Link.ONLINE:
                allowed_s = place.settled_s + _SEEN_S
            excused = place.is_foreign and now_s <= allowed_s
            assert is_right or excused, self._told(f"{name}: {given_ma} mA, not {booked_ma} mA")
        failures = [formatEvent(one) for one in self.logged if "log_failure" in one]
        assert not failures, self._told(str(failures))

    def teardown(self) -> None:
        """When nothing goes wrong any more all of it works again, and stops."""
        try:
            if self.places:
                self._calm()
                self._stop()
        finally:
            globalLogPublisher.removeObserver(self.logged.append)

    def _calm(self) -> None:
        for name in self.places:
            self.mend(name)
        self._wait_for(_MINUTE_S, self._absence)
        self._wait_for(_RESPITE_S, self._difference)

    def _wait_for(self, wait_s: float, objection: Callable[[str, Place], str | None]) -> None:
        end_s = self.world.seconds() + wait_s
        while found := [*filter(None, starmap(objection, self.places.items()))]:
            assert self.world.seconds() < end_s, self._told(str(found))
            self._pass(5)

    def _absence(self, name: str, place: Place) -> str | None:
        """Whether a box cannot be told anything."""
        evse = self.evse(name)
        return None if evse.link is Link.ONLINE else str(evse)

    def _difference(self, name: str, place: Place) -> str | None:
        """Whether a box is not set to what is wanted; somebody else may have set it to less."""
        evse, control = self.evse(name), place.box.control
        set_ma = control.limit_tenths * 100 if control.is_enabled else 0
        wanted_ma = -1 if evse.target is None else evse.target.current_ma
        # A little more is not worth an order.
        is_granted = 0 <= wanted_ma - evse.granted_ma < DEAD_BAND_MA
        is_set = set_ma <= evse.granted_ma and (set_ma > 0) == (wanted_ma > 0)
        return None if is_granted and is_set and not evse.unsure else f"{set_ma} mA: {evse}"

    def _stop(self) -> None:
        self.loop.stop()
        for place in self.places.values():
            place.driver.stop()
            place.box.stop()
        self.world.advance(0)

    def _tell(self, what: str) -> None:
        self.story.append(f"{self.world.seconds():g} s: --- {what}")

    def _told(self, what: str) -> str:
        kept = [one for one in self.story if "EvseMeasured" not in one]
        return "\n".join([*kept[-60:], f"{self.world.seconds():g} s: {what}"])


class WhateverHappensTests(SynchronousTestCase):
    """The site of two boxes."""

    def test_search(self) -> None:
        """Nothing that was tried overloads anything, and it always works again."""
        self.patch(buses, "endpoint_of", lambda world, place: world.cables[place.host])
        run_state_machine_as_test(
            SiteOfPowerBrains,
            settings=settings(
                max_examples=90,
                stateful_step_count=12,
                deadline=None,
                derandomize=True,
                database=None,
                # To shrink a counterexample takes minutes.
                phases=[Stage.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
