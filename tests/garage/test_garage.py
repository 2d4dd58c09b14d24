"""A garage tells its manager what drivers would, and orders take their time."""

from __future__ import annotations

from itertools import pairwise

from attrs import evolve
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from bench.garage.bay import WATCHDOG_S
from bench.garage.garage import Garage, Moment
from bench.garage.scenario import (
    METER,
    Delays,
    LinksLost,
    MainLimited,
    MeterFault,
    MeterWrong,
    Restart,
    Scenario,
    Wires,
    Wiring,
)
from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.errors import DeviceError
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionResumed,
    TransactionStarted,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.garage.worlds import TINY

WHY = Reason(ReasonCode.CIRCUIT, "its share")


class Scribe:
    """
    A manager that orders what it is told to, and writes all down.

    @ivar heard: all events, with when.
    @ivar answers: of its orders, with when.
    """

    def __init__(self, garage: Garage, plan: dict[int, int]) -> None:
        """
        @param plan: what all bays are ordered at some second. [mA]
        """
        self.garage = garage
        self.heard: list[tuple[int, SiteEvent]] = []
        self.answers: list[tuple[int, object]] = []
        self._plan = dict(plan)

    def report(self, event: SiteEvent) -> None:
        """Write it down."""
        self.heard.append((self.garage.now_s, event))

    def work(self) -> None:
        """Order what is planned."""
        current_ma = self._plan.pop(self.garage.now_s, None)
        if current_ma is not None:
            for bay in self.garage.bays:
                answer = bay.apply(Setpoint(current_ma, WHY), 1, False)
                answer.addBoth(self._answered)

    def stop(self) -> None:
        """Nothing was started."""

    def of(self, kind: type) -> list[tuple[int, SiteEvent]]:
        """All events of one kind."""
        return [one for one in self.heard if isinstance(one[1], kind)]

    def _answered(self, outcome: object) -> None:
        self.answers.append((self.garage.now_s, outcome))


def lived(scenario: Scenario, plan: dict[int, int]) -> tuple[Scribe, list[Moment], Garage]:
    """What came of a garage in which orders are given by a plan."""
    scribes: list[Scribe] = []

    def managed_by(garage: Garage) -> Scribe:
        scribes.append(Scribe(garage, plan))
        return scribes[-1]

    garage = Garage(scenario, 1, round(scenario.hours * 3600), managed_by)
    moments = list(garage.seconds())
    if len(scribes) > 1:
        scribes[0].heard += scribes[1].heard
    return scribes[0], moments, garage


class SpeakingTests(SynchronousTestCase):
    """What is told."""

    def test_first_the_settings_then_all_bays_and_their_cars(self) -> None:
        """As a program that starts would tell it."""
        scribe, _, _ = lived(TINY, {})
        kinds = [type(event) for _, event in scribe.heard[:7]]
        self.assertEqual(
            kinds, [SettingsChanged, *[EvseConnected] * 3, *[OccupancyReported] * 3]
        )
        starts = scribe.of(TransactionStarted)
        self.assertEqual([second for second, _ in starts], [5, 5, 5])

    def test_the_meter_is_heard_late(self) -> None:
        """And says when that was true."""
        scribe, moments, _ = lived(evolve(TINY, delays=Delays(meter_s=2)), {10: 16_000})
        second, event = scribe.of(MeterMeasured)[50]
        assert isinstance(event, MeterMeasured)
        assert event.currents is not None
        self.assertEqual(event.at_s, second - 2)
        self.assertEqual(event.currents.l1_ma, int(moments[second - 2].main[0]))
        self.assertGreater(event.currents.l1_ma, 5_000)

    def test_evses_say_in_their_own_time_what_they_draw(self) -> None:
        """Not all in the same second."""
        scribe, _, _ = lived(evolve(TINY, delays=Delays(reading_every_s=10)), {})
        times = [
            second
            for second, event in scribe.of(EvseMeasured)
            if isinstance(event, EvseMeasured) and event.evse == "bay-001"
        ]
        self.assertEqual({later - earlier for earlier, later in pairwise(times)}, {10})
        self.assertEqual(len({second % 10 for second, _ in scribe.of(EvseMeasured)}), 3)

    def test_what_was_drawn_is_read_on_the_phases_that_are_configured(self) -> None:
        """Where the wires are others than configured the manager cannot know."""
        wrong = evolve(
            TINY,
            cars=evolve(TINY.cars, three_phase=0.0, single_phase_ma=(10_000,)),
            wires=evolve(TINY.wires, wrong_every=1, wiring=Wiring.THREE_PHASES),
        )
        scribe, moments, garage = lived(wrong, {10: 16_000})
        read = [
            event.currents
            for _, event in scribe.of(EvseMeasured)
            if isinstance(event, EvseMeasured) and event.evse == "bay-000"
        ]
        self.assertEqual(read[-1], PhaseCurrents(10_000))
        self.assertEqual(garage.bays[0].lines, (1,))
        self.assertEqual(moments[-1].boards, [10_000.0, 10_000.0, 10_000.0])

    def test_a_silent_meter_is_lost_and_comes_back(self) -> None:
        """After the patience of its driver."""
        silent = evolve(TINY, troubles=(MeterWrong(60, 90),))
        scribe, _, _ = lived(silent, {})
        self.assertEqual(scribe.of(MeterLost), [(65, MeterLost(METER, "it does not answer"))])
        times = [second for second, _ in scribe.of(MeterMeasured)]
        self.assertNotIn(75, times)
        self.assertIn(90, times)

    def test_a_meter_with_its_sign_turned_says_so(self) -> None:
        """It is heard as ever."""
        turned = evolve(TINY, troubles=(MeterWrong(60, 90, MeterFault.REVERSED),))
        scribe, _, _ = lived(turned, {})
        heard = dict(scribe.of(MeterMeasured))
        event = heard[70]
        assert isinstance(event, MeterMeasured)
        assert event.currents is not None
        self.assertEqual(event.currents.l1_ma, -5_000)

    def test_a_lower_limit_changes_the_settings(self) -> None:
        """And it is as before when it is over."""
        limited = evolve(TINY, troubles=(MainLimited(60, 90, 40_000),))
        scribe, moments, _ = lived(limited, {})
        told = [
            (second, event.circuits[0].max_current.l1_ma)
            for second, event in scribe.of(SettingsChanged)
            if isinstance(event, SettingsChanged)
        ]
        self.assertEqual(told, [(0, 63_000), (60, 40_000), (90, 63_000)])
        self.assertEqual([moments[at].limit_ma for at in (59, 60)], [63_000, 40_000])


class ObeyingTests(SynchronousTestCase):
    """What becomes of orders."""

    def test_a_bay_is_an_evse(self) -> None:
        """It is driven as all are."""
        _, _, garage = lived(TINY, {})
        self.assertTrue(verifyObject(IEvse, garage.bays[0]))

    def test_orders_take_their_time_and_are_confirmed_when_they_arrive(self) -> None:
        """Cars draw after that."""
        slow = evolve(TINY, delays=Delays(orders_s=(3,)))
        scribe, moments, _ = lived(slow, {10: 16_000})
        self.assertEqual(scribe.answers, [(13, None)] * 3)
        said = [
            event.detail
            for second, event in scribe.of(OccupancyReported)
            if isinstance(event, OccupancyReported) and second == 14
        ]
        self.assertEqual(said, ["SuspendedEV"] * 3)
        self.assertEqual(moments[16].main[0], 5_000)
        self.assertGreater(moments[60].main[0], 30_000)

    def test_who_is_lost_hears_nothing_and_falls_back(self) -> None:
        """After a minute of its own."""
        lost = evolve(TINY, troubles=(LinksLost(60, 150, 0, 1),), delays=Delays(notice_s=5))
        scribe, _, garage = lived(lost, {10: 16_000, 70: 10_000})
        self.assertEqual([second for second, _ in scribe.of(EvseLost)], [65])
        failures = [one for one in scribe.answers if isinstance(one[1], Failure)]
        self.assertEqual([second for second, _ in failures], [150])
        assert isinstance(failures[0][1], Failure)
        failures[0][1].trap(DeviceError)
        self.assertEqual(garage.bays[0].offered_ma, 6_000)
        self.assertEqual(garage.bays[1].offered_ma, 10_000)

    def test_before_its_time_is_up_it_goes_on_as_before(self) -> None:
        """A short interruption changes nothing."""
        lost = evolve(TINY, troubles=(LinksLost(60, 60 + WATCHDOG_S, 0, 1),))
        _, _, garage = lived(lost, {10: 16_000})
        self.assertEqual(garage.bays[0].offered_ma, 16_000)

    def test_a_manager_that_comes_back_hears_who_was_charging(self) -> None:
        """It knows from its disk; nobody answers the one that is gone."""
        restarted = evolve(TINY, troubles=(Restart(100, 110),))
        scribe, _, _ = lived(restarted, {10: 16_000, 99: 10_000})
        self.assertEqual([second for second, _ in scribe.of(TransactionResumed)], [110] * 3)
        again = [
            event.occupancy
            for second, event in scribe.of(OccupancyReported)
            if isinstance(event, OccupancyReported) and second == 110
        ]
        self.assertEqual(again, [Occupancy.CHARGING] * 3)

    def test_boards_and_the_main_fuse_carry_what_flows(self) -> None:
        """Kirchhoff's law."""
        scenario = evolve(TINY, wires=Wires(main_ma=63_000, boards=2))
        _, moments, _ = lived(scenario, {10: 16_000})
        last = moments[-1]
        for phase in range(3):
            total_ma = last.house[phase] + last.boards[phase] + last.boards[3 + phase]
            self.assertEqual(last.main[phase], total_ma)
