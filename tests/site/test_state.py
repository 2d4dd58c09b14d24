"""How each event changes the state of the site."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

from attrs import asdict, evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, Phase, PhaseCurrents, on_each_phase
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    BackendSpoke,
    CircuitLimited,
    CircuitLimitMet,
    CircuitOverdrawn,
    CircuitReleased,
    DeviceBooted,
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    EvseUnproven,
    LimitsCancelled,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    ProfilesMeddled,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import DeviceIdentity, Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.evse_table import EvseTable
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.policy import DEFAULT_POLICY, Policy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import STANDING_ORDER, SiteState, fold, fold_readings
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SETTINGS = EvseSettings("left", "main")
TRANSACTION = Transaction(4711, "04A1", Verdict.ACCEPTED, NOON, 100)
LATER_TRANSACTION = evolve(TRANSACTION, transaction_id=4712)
IDENTITY = DeviceIdentity("V", "M", "S", "1.0")
FUSE = CircuitSettings("main", 63_000)


def order(current_ma: int) -> Setpoint:
    """A setpoint; what for does not matter here."""
    return Setpoint(current_ma, Reason(ReasonCode.RATING, "all that left can give"))


LOW, HIGH = order(6_000), order(16_000)

#: Known in every respect, so that whatever is lost is seen.
FULL = Evse(
    SETTINGS,
    link=Link.ONLINE,
    identity=IDENTITY,
    occupancy=Occupancy.CHARGING,
    fault=None,
    transaction=TRANSACTION,
    target=HIGH,
    ordered=HIGH,
    unanswered_ma=8_000,
    confirmed=LOW,
    forbids_by_default=True,
    stale=False,
    unsure=False,
    meter=Measured(PhaseCurrents(1, 2, 3), 5_000, 4_000),
)
IDLE = evolve(FULL, ordered=None, unanswered_ma=0)


def site(*evses: Evse) -> SiteState:
    """A site with C{evses} behind one fuse."""
    return SiteState("Site", False, {"main": FUSE}, {evse.name: evse for evse in evses})


def folded(evse: Evse, *events: SiteEvent) -> Evse:
    """C{evse} after C{events}."""
    state = site(evse)
    for event in events:
        state = fold(state, event)
    return state.evses[evse.name]


#: One of each kind of event about an EVSE.
EVENTS: tuple[SiteEvent, ...] = (
    EvseConnected("left", "192.0.2.1"),
    EvseLost("left", "closed"),
    DeviceBooted("left", IDENTITY),
    OccupancyReported("left", Occupancy.PLUGGED, "SuspendedEV"),
    TransactionStarted("left", LATER_TRANSACTION),
    TransactionResumed("left", LATER_TRANSACTION),
    TransactionStopped("left", 4711, 10, "Local"),
    EvseMeasured("left", PhaseCurrents(7, 8, 9), 1, 2),
    ProfilesMeddled("left", "the operator"),
    SetpointDecided("left", LOW),
    SetpointOrdered("left", LOW),
    SetpointConfirmed("left", HIGH),
    SetpointFailed("left", HIGH, True, "Rejected"),
    SetpointFailed("left", HIGH, False, "no answer"),
    EvseUnproven("left"),
    EvseLimited("left", "backend", 7_000),
    LimitsCancelled("left"),
    LimitsCancelled("left", "Rejected"),
    SetpointFailed("left", HIGH, True, "gives more", ignored=True),
    TransactionJudged("left", 4711, Verdict.BLOCKED),
    BackendSpoke("left", None),
    BackendSpoke("left", "cannot be reached"),
)


class FoldTests(SynchronousTestCase):
    """What every event has in common."""

    def test_table(self) -> None:
        """Each event changes the fields that it is about, and no others."""
        given_up = {"ordered": None, "unanswered_ma": 16_000, "stale": True}
        forgotten = {**given_up, "unsure": True, "forbids_by_default": False}
        gone = {
            "link": Link.LOST,
            "occupancy": Occupancy.UNKNOWN,
            "meter": Measured(energy_wh=5_000),
        }
        still = {"meter": Measured(NO_CURRENT, 5_000, 0)}
        ended = {"confirmed": STANDING_ORDER, **given_up, **still}
        changes: tuple[dict[str, object], ...] = (
            forgotten,
            {**forgotten, **gone},
            forgotten,
            {"occupancy": Occupancy.PLUGGED, **still},
            {"transaction": LATER_TRANSACTION, **ended},
            {"transaction": LATER_TRANSACTION, "confirmed": None, **forgotten},
            {"transaction": None, **ended},
            {"meter": Measured(PhaseCurrents(7, 8, 9), 1, 2)},
            {"confirmed": None, **forgotten},
            {"target": LOW},
            {"ordered": LOW, "unanswered_ma": 16_000},
            {"ordered": None, "unanswered_ma": 0, "confirmed": HIGH},
            {"ordered": None, "stale": True, "disobedient": True},
            {**given_up, "disobedient": True},
            {},
            {"outside_ma": {"backend": 7_000}},
            {**forgotten, "confirmed": None, "unanswered_ma": 0},
            {},
            {**given_up, "unsure": True, "confirmed": None, "disobedient": True},
            {"transaction": evolve(TRANSACTION, verdict=Verdict.BLOCKED)},
            {"backend_objection": None},
            {"backend_objection": "cannot be reached"},
        )
        for event, change in zip(EVENTS, changes, strict=True):
            self.assertEqual(folded(FULL, event), evolve(FULL, **change), event)

    def test_input_is_not_changed(self) -> None:
        """Folding makes a new state and leaves the old one as it was."""
        before = site(FULL, evolve(IDLE, settings=EvseSettings("right", "main")))
        settings = SettingsChanged("New", True, (FUSE,), (EvseSettings("new", "main"),))
        for event in (*EVENTS, settings, TagJudged("left", "04A1", Verdict.ACCEPTED)):
            kept = deepcopy(asdict(before))
            fold(before, event)
            self.assertEqual(asdict(before), kept)

    def test_others_are_untouched(self) -> None:
        """An event about one EVSE leaves the others the same objects, in the same order."""
        right = evolve(IDLE, settings=EvseSettings("right", "main"))
        for event in EVENTS:
            after = fold(site(FULL, right), event)
            self.assertIs(after.evses["right"], right)
            self.assertEqual(list(after.evses), ["left", "right"])

    def test_nothing_new(self) -> None:
        """An event that says what is known already leads to the very same state."""
        for event in EVENTS:
            if isinstance(event, SetpointOrdered | SetpointFailed):
                # It is told something again, or has failed again.
                continue
            once = fold(site(FULL), event)
            self.assertIs(fold(once, event), once, event)

    def test_unknown_evse(self) -> None:
        """An event about an EVSE that is not configured changes nothing."""
        for event in EVENTS:
            before = site(FULL)
            self.assertIs(fold(before, evolve(event, evse="cellar")), before)

    def test_tag(self) -> None:
        """A tag that is shown changes nothing: only a transaction does."""
        before = site(FULL)
        for place in ("left", "cellar"):
            self.assertIs(fold(before, TagJudged(place, "04A1", Verdict.ACCEPTED)), before)

    def test_frozen(self) -> None:
        """A state cannot be changed in place."""
        with self.assertRaises(FrozenInstanceError):
            site(FULL).title = "x"  # type: ignore[misc]
        with self.assertRaises(FrozenInstanceError):
            FULL.stale = True  # type: ignore[misc]

    @given(st.lists(st.sampled_from(EVENTS), max_size=20))
    def test_confirmed_is_what_is_known(self, events: list[SiteEvent]) -> None:
        """After any history the books hold at least what was accepted last."""
        evse = folded(Evse(SETTINGS), *events)
        accepted_ma = 0 if evse.confirmed is None else evse.confirmed.current_ma
        ordered_ma = 0 if evse.ordered is None else evse.ordered.current_ma
        self.assertGreaterEqual(evse.may_draw_ma, max(accepted_ma, ordered_ma))


class SettingsTests(SynchronousTestCase):
    """The configuration is read, at the start or again."""

    def test_start(self) -> None:
        """At the start nothing is known of any EVSE."""
        other = EvseSettings("right", "main")
        after = fold(SiteState(), SettingsChanged("Site", True, (FUSE,), (other, SETTINGS)))
        self.assertEqual((after.title, after.observe_only), ("Site", True))
        self.assertEqual(after.circuits, {"main": FUSE})
        self.assertEqual(
            list(after.evses.items()), [("right", Evse(other)), ("left", Evse(SETTINGS))]
        )

    def test_known_is_kept(self) -> None:
        """Of an EVSE that stays, everything but its settings stays."""
        settings = evolve(SETTINGS, max_current_ma=32_000, priority=9)
        after = fold(site(FULL), SettingsChanged("", False, (FUSE,), (settings,)))
        self.assertEqual(after.evses["left"], evolve(FULL, settings=settings))

    def test_removed(self) -> None:
        """What is not configured any more is forgotten."""
        after = fold(site(FULL), SettingsChanged("", False, (), ()))
        self.assertEqual((after.circuits, after.evses), ({}, {}))

    def test_mapping(self) -> None:
        """Whatever mapping the EVSEs are given in, they are kept in a table."""
        self.assertIsInstance(site(FULL).evses, EvseTable)
        self.assertIsInstance(SiteState().evses, EvseTable)
        self.assertEqual(site(FULL).evses, {"left": FULL})

    def test_path(self) -> None:
        """The path of a circuit leads from itself to the main fuse."""
        floor = CircuitSettings("floor", 40_000, "main")
        garage = CircuitSettings("garage", 32_000, "floor")
        circuits = {circuit.name: circuit for circuit in (FUSE, floor, garage)}
        state = SiteState(circuits=circuits)
        self.assertEqual(state.path("garage"), (garage, floor, FUSE))
        self.assertEqual(state.path("main"), (FUSE,))
        self.assertRaises(KeyError, state.path, "cellar")

    def test_usable(self) -> None:
        """What may flow is the rating without the reserve, never less than nothing."""
        for reserve_ma, expected in ((0, 63_000), (3_000, 60_000), (63_000, 0), (64_000, 0)):
            self.assertEqual(evolve(FUSE, reserve_ma=reserve_ma).usable.l1_ma, expected)


GRID = MeterSettings("grid", MeterRole.GRID)


def metered(*meters: Meter) -> SiteState:
    """A site with these meters."""
    return evolve(site(FULL), meters={meter.name: meter for meter in meters})


class MeterTests(SynchronousTestCase):
    """Meters that are no EVSE's own."""

    def test_measured(self) -> None:
        """What it says counts from when it was true, and all that it does not say is gone."""
        before = metered(Meter(GRID, False, NO_CURRENT, 5, 1_000, 1.0))
        said = MeterMeasured("grid", on_each_phase(7_000), at_s=9.0)
        after = fold(before, said).meters["grid"]
        self.assertEqual(Meter(GRID, True, on_each_phase(7_000), None, 1_000, 9.0), after)

    def test_register(self) -> None:
        """The register is kept until it tells another one; zero is another one."""
        before = metered(Meter(GRID, True, None, 5, 1_000, 1.0))
        for energy_wh, expected_wh in ((None, 1_000), (0, 0), (1_001, 1_001)):
            after = fold(before, MeterMeasured("grid", None, 7, energy_wh, 2.0)).meters["grid"]
            self.assertEqual((7, expected_wh), (after.power_w, after.energy_wh))

    def test_undated(self) -> None:
        """What is not dated makes nothing newer."""
        before = metered(Meter(GRID, True, at_s=4.0))
        after = fold(before, MeterMeasured("grid", NO_CURRENT)).meters["grid"]
        self.assertEqual((NO_CURRENT, 4.0), (after.currents, after.at_s))

    def test_same_again(self) -> None:
        """The very same reading changes nothing; a later one that says the same does."""
        said = MeterMeasured("grid", NO_CURRENT, at_s=4.0)
        once = fold(metered(Meter(GRID)), said)
        self.assertIs(once, fold(once, said))
        self.assertIsNot(once, fold(once, evolve(said, at_s=5.0)))

    def test_lost(self) -> None:
        """What is lost is not relied on; what it said last stays known until it is back."""
        before = metered(Meter(GRID, True, NO_CURRENT, None, None, 4.0))
        lost = fold(before, MeterLost("grid", "no answer"))
        self.assertEqual(Meter(GRID, False, NO_CURRENT, at_s=4.0), lost.meters["grid"])
        self.assertIs(lost, fold(lost, MeterLost("grid", "no answer")))
        back = fold(lost, MeterMeasured("grid", NO_CURRENT, at_s=5.0))
        self.assertTrue(back.meters["grid"].is_read)

    def test_unknown(self) -> None:
        """A meter that is not configured is no meter."""
        before = metered(Meter(GRID))
        for event in (MeterMeasured("other", NO_CURRENT), MeterLost("other", "gone")):
            self.assertIs(before, fold(before, event))

    def test_others(self) -> None:
        """Nothing else is changed by what a meter says."""
        other = Meter(MeterSettings("oven", MeterRole.CONSUMPTION, "main"), True, NO_CURRENT)
        before = metered(Meter(GRID), other)
        after = fold(before, MeterMeasured("grid", NO_CURRENT, at_s=4.0))
        self.assertIs(other, after.meters["oven"])
        self.assertEqual(before, evolve(after, meters=before.meters))

    def test_configured_again(self) -> None:
        """What is known of a meter that stays is kept, and of one that goes is not."""
        known = Meter(GRID, True, NO_CURRENT, None, 7, 4.0)
        before = metered(known, Meter(MeterSettings("oven", MeterRole.CONSUMPTION, "main")))
        moved = MeterSettings("grid", MeterRole.DISPLAY)
        new = MeterSettings("roof", MeterRole.GENERATION, "main")
        after = fold(before, SettingsChanged("", False, (FUSE,), (SETTINGS,), (moved, new)))
        self.assertEqual(
            {"grid": evolve(known, settings=moved), "roof": Meter(new)}, after.meters
        )


LIMIT = OutsideLimit("main", "grid operator", 4_200)


class OutsideLimitTests(SynchronousTestCase):
    """What others allow."""

    def test_circuit(self) -> None:
        """Each party has one limit for each circuit; the last one counts."""
        state = site(FULL)
        other = evolve(LIMIT, by="backend")
        lower = evolve(LIMIT, max_power_w=2_000)
        for limit in (LIMIT, other, lower):
            state = fold(state, CircuitLimited(limit))
        self.assertEqual(
            {("main", "grid operator"): lower, ("main", "backend"): other},
            state.outside_limits,
        )
        self.assertIs(state, fold(state, CircuitLimited(lower)))

    def test_released(self) -> None:
        """It ends for the party that has set it."""
        state = site(FULL)
        for limit in (LIMIT, evolve(LIMIT, by="backend")):
            state = fold(state, CircuitLimited(limit))
        state = fold(state, CircuitReleased("main", "backend", "lifted"))
        self.assertEqual({("main", "grid operator"): LIMIT}, state.outside_limits)
        for place in (("main", "backend"), ("yard", "grid operator")):
            self.assertIs(state, fold(state, CircuitReleased(*place, "lifted")))

    def test_unknown_circuit(self) -> None:
        """A limit for a circuit that is not there limits nothing."""
        before = site(FULL)
        self.assertIs(before, fold(before, CircuitLimited(evolve(LIMIT, circuit="yard"))))

    def test_configured_again(self) -> None:
        """It outlives a new configuration, as long as its circuit does."""
        limited = fold(site(FULL), CircuitLimited(LIMIT))
        same = fold(limited, SettingsChanged("", False, (FUSE,), (SETTINGS,)))
        self.assertEqual(limited.outside_limits, same.outside_limits)
        self.assertEqual({}, fold(limited, SettingsChanged("", False, (), ())).outside_limits)

    def test_told(self) -> None:
        """That a limit is met, or a fuse was overdrawn, is told and changes nothing."""
        before = site(FULL)
        for event in (
            CircuitLimitMet("main", "grid operator", 4_140),
            CircuitOverdrawn("main", Phase.L1, 1_000, 2_000),
        ):
            self.assertIs(before, fold(before, event))

    def test_evse(self) -> None:
        """Each party has one limit for an EVSE, until it has none."""
        evse = folded(
            FULL,
            EvseLimited("left", "backend", 7_000),
            EvseLimited("left", "modbus", 0),
            EvseLimited("left", "backend", 8_000),
        )
        self.assertEqual({"backend": 8_000, "modbus": 0}, evse.outside_ma)
        evse = folded(evse, EvseLimited("left", "modbus", None))
        self.assertEqual({"backend": 8_000}, evse.outside_ma)
        self.assertEqual(evse, folded(evse, EvseLimited("left", "modbus", None)))

    def test_evse_lost(self) -> None:
        """What others allow an EVSE holds whether it can be reached or not."""
        for event in EVENTS[:3]:
            evse = folded(FULL, EvseLimited("left", "backend", 7_000), event)
            self.assertEqual({"backend": 7_000}, evse.outside_ma, event)


class PolicyTests(SynchronousTestCase):
    """How a site shares."""

    def test_policy(self) -> None:
        """It is that of the last configuration."""
        policy = Policy(min_pause_s=1.0)
        state = fold(site(FULL), SettingsChanged("", False, (FUSE,), (SETTINGS,), (), policy))
        self.assertEqual(policy, state.policy)
        state = fold(state, EvseConnected("left", ""))
        self.assertEqual(policy, state.policy)
        state = fold(state, SettingsChanged("", False, (FUSE,), (SETTINGS,)))
        self.assertEqual(DEFAULT_POLICY, state.policy)


#: To be used alone while it is disabled.
ALONE = evolve(SETTINGS, enabled=False, released_when_disabled=True)


class ReleaseTests(SynchronousTestCase):
    """An EVSE that obeys no limit of ours any more."""

    def released(self) -> Evse:
        """One that has confirmed it."""
        return folded(evolve(FULL, settings=ALONE), LimitsCancelled("left"))

    def test_confirmed(self) -> None:
        """Nothing that it was ever told is in force, and its rating counts."""
        evse = self.released()
        self.assertTrue(evse.released)
        self.assertEqual((None, None, 0), (evse.confirmed, evse.ordered, evse.unanswered_ma))
        self.assertEqual((16_000, True), (evse.may_draw_ma, evse.stale))

    def test_not_confirmed(self) -> None:
        """One that has not confirmed it has changed in nothing."""
        before = evolve(FULL, settings=ALONE)
        self.assertEqual(before, folded(before, LimitsCancelled("left", "Rejected")))

    def test_may_be_back(self) -> None:
        """Whenever its limits may have come back it has to be released again."""
        for event in (*EVENTS[:3], ProfilesMeddled("left", "the operator")):
            self.assertFalse(folded(self.released(), event).released, event)

    def test_enabled_meanwhile(self) -> None:
        """One that is enabled again is not released, whenever the answer comes."""
        enabled = SettingsChanged("", False, (FUSE,), (evolve(ALONE, enabled=True),))
        after = fold(site(self.released()), enabled).evses["left"]
        self.assertFalse(after.released)
        late = folded(
            evolve(FULL, settings=evolve(ALONE, enabled=True)), LimitsCancelled("left")
        )
        self.assertEqual((False, None, True), (late.released, late.confirmed, late.stale))


class FailsafeTests(SynchronousTestCase):
    """What an EVSE falls back to by itself."""

    def changed(self, settings: EvseSettings, evse: Evse = IDLE) -> Evse:
        """The EVSE after its settings have changed."""
        return fold(site(evse), SettingsChanged("", False, (FUSE,), (settings,))).evses["left"]

    def test_changed(self) -> None:
        """When that is another current it is told again, all of it."""
        evse = self.changed(evolve(SETTINGS, failsafe_current_ma=6_000))
        self.assertEqual(
            (True, True, False), (evse.stale, evse.unsure, evse.forbids_by_default)
        )
        self.assertEqual(LOW, evse.confirmed)

    def test_lowered(self) -> None:
        """Until it has taken a lower one it still falls back to the higher."""
        high = evolve(IDLE, settings=evolve(SETTINGS, failsafe_current_ma=10_000))
        evse = self.changed(SETTINGS, evolve(high, link=Link.LOST))
        self.assertEqual(10_000, evse.may_draw_ma)
        told = folded(
            evse,
            EvseConnected("left", ""),
            SetpointOrdered("left", LOW),
            SetpointConfirmed("left", LOW),
        )
        self.assertEqual(6_000, told.may_draw_ma)

    def test_dropped(self) -> None:
        """Who was lost before it was told anew may have dropped its fail-safe current too."""
        told = evolve(IDLE, confirmed=LOW, unsure=False, link=Link.ONLINE)
        lost = EvseLost("left", "closed")
        self.assertEqual(LOW.current_ma, folded(told, lost).may_draw_ma)
        forgot = folded(told, DeviceBooted("left", IDENTITY), lost)
        self.assertEqual(SETTINGS.max_current_ma, forgot.may_draw_ma)
        again = folded(forgot, lost, EvseConnected("left", ""), SetpointOrdered("left", LOW))
        self.assertEqual(
            LOW.current_ma, folded(again, SetpointConfirmed("left", LOW)).may_draw_ma
        )

    def test_phases_changed(self) -> None:
        """So it is when the number of its phases is another one."""
        self.assertTrue(self.changed(evolve(SETTINGS, phases=(Phase.L1,))).stale)
        turned = evolve(SETTINGS, phases=(Phase.L2, Phase.L3, Phase.L1))
        self.assertFalse(self.changed(turned).stale)

    def test_rating_raised(self) -> None:
        """What was all that it could give is told again when it can give more."""
        for rating_ma, confirmed, expected in (
            (8_000, HIGH, True),
            (HIGH.current_ma, HIGH, True),
            (HIGH.current_ma, LOW, False),
            (40_000, HIGH, False),
        ):
            before = evolve(
                IDLE, settings=evolve(SETTINGS, max_current_ma=rating_ma), confirmed=confirmed
            )
            after = self.changed(evolve(SETTINGS, max_current_ma=32_000), before)
            self.assertEqual((expected, confirmed), (after.stale, after.confirmed), rating_ma)

    def test_others_changed(self) -> None:
        """Nothing else in its settings makes it forget anything."""
        for settings in (
            evolve(SETTINGS, priority=7),
            evolve(SETTINGS, max_current_ma=32_000),
            evolve(SETTINGS, enabled=False),
        ):
            self.assertEqual(evolve(IDLE, settings=settings), self.changed(settings))

    def test_transaction(self) -> None:
        """A transaction begins with it: so much is kept until it has taken another limit."""
        waiting = evolve(
            IDLE,
            settings=evolve(SETTINGS, failsafe_current_ma=9_000),
            transaction=None,
            confirmed=STANDING_ORDER,
        )
        started = folded(waiting, TransactionStarted("left", TRANSACTION))
        self.assertEqual((9_000, 9_000), (started.unanswered_ma, started.may_draw_ma))
        told = folded(started, SetpointOrdered("left", LOW), SetpointConfirmed("left", LOW))
        self.assertEqual(6_000, told.may_draw_ma)

    def test_more_is_kept(self) -> None:
        """What may be in force beside it is kept where it is more."""
        settings = evolve(SETTINGS, failsafe_current_ma=6_000)
        before = evolve(IDLE, settings=settings, transaction=None, unanswered_ma=11_000)
        after = folded(before, TransactionStarted("left", TRANSACTION))
        self.assertEqual(11_000, after.unanswered_ma)


class LinkTests(SynchronousTestCase):
    """EVSEs come and go."""

    def test_connected(self) -> None:
        """Whoever connects has to be told again, and what it obeys stays in the books."""
        for link in Link:
            evse = folded(evolve(IDLE, link=link), EvseConnected("left", ""))
            self.assertEqual((evse.link, evse.stale, evse.confirmed), (Link.ONLINE, True, LOW))

    def test_forgetsWhatIsUnderWay(self) -> None:
        """An order that was under way when it started anew has to be given again."""
        booted = DeviceBooted("left", DeviceIdentity("V", "M"))
        resumed = OccupancyReported("left", Occupancy.CHARGING, "Charging")
        for event in (EvseConnected("left", ""), booted, resumed):
            under_way = evolve(FULL, occupancy=Occupancy.PLUGGED, stale=False)
            evse = folded(folded(under_way, event), SetpointConfirmed("left", HIGH))
            self.assertTrue(evse.stale, event)
            self.assertEqual((evse.confirmed, evse.unanswered_ma), (LOW, 16_000))

    def test_lost(self) -> None:
        """Whoever is lost goes on obeying; what its car does is not known any more."""
        evse = folded(FULL, EvseLost("left", ""))
        self.assertEqual((evse.transaction, evse.confirmed), (TRANSACTION, LOW))
        self.assertEqual((evse.ordered, evse.unanswered_ma), (None, 16_000))
        self.assertEqual(evse.energy_wh, 5_000)

    def test_answerAfterReconnect(self) -> None:
        """The answer to an order from before it connected again proves nothing."""
        for event in (EvseConnected("left", ""), DeviceBooted("left", IDENTITY)):
            after = folded(FULL, event, SetpointConfirmed("left", HIGH, True))
            self.assertEqual(after, folded(FULL, event), event)

    def test_rating_until_proven(self) -> None:
        """Its rating counts from when it connects or starts until it confirms something."""
        for event in (EvseConnected("left", ""), DeviceBooted("left", IDENTITY)):
            evse = folded(IDLE, event)
            self.assertEqual((evse.may_draw_ma, evse.granted_ma), (16_000, 6_000), event)
            for answer, expected in (
                (SetpointConfirmed("left", LOW, True), 6_000),
                (SetpointFailed("left", LOW, True, "Rejected"), 16_000),
                (SetpointFailed("left", LOW, False, "no answer"), 16_000),
            ):
                answered = folded(evse, SetpointOrdered("left", LOW), answer)
                self.assertEqual(answered.may_draw_ma, expected, (event, answer))

    def test_unproven(self) -> None:
        """Nobody counts on one that takes its time, until it confirms something."""
        evse = folded(IDLE, EvseConnected("left", ""), SetpointOrdered("left", LOW))
        unproven = folded(evse, EvseUnproven("left"))
        self.assertEqual(unproven, evolve(evse, disobedient=True))
        self.assertFalse(folded(unproven, SetpointConfirmed("left", LOW)).disobedient)

    def test_unproven_and_gone(self) -> None:
        """Of one that is gone nothing was expected."""
        lost = folded(IDLE, EvseLost("left", ""))
        self.assertEqual(lost, folded(lost, EvseUnproven("left")))


class MeddlingTests(SynchronousTestCase):
    """Somebody else has changed what an EVSE obeys."""

    def test_told_again(self) -> None:
        """Its rating counts until it is told again; who it is stays known."""
        evse = folded(IDLE, ProfilesMeddled("left", "the operator"))
        self.assertEqual((evse.stale, evse.unsure, evse.may_draw_ma), (True, True, 16_000))
        self.assertEqual((evse.identity, evse.confirmed), (IDENTITY, None))
        told = folded(evse, SetpointOrdered("left", LOW), SetpointConfirmed("left", LOW))
        self.assertEqual(told.may_draw_ma, 6_000)


class OccupancyTests(SynchronousTestCase):
    """What an EVSE says about its car."""

    def test_resumed(self) -> None:
        """Who begins to charge has to be told again; who goes on has not."""
        for before in Occupancy:
            evse = evolve(IDLE, occupancy=before)
            after = folded(evse, OccupancyReported("left", Occupancy.CHARGING, "Charging"))
            self.assertIs(after.stale, before is not Occupancy.CHARGING, before)
            self.assertEqual(after.measured, IDLE.measured)

    def test_stale_stays(self) -> None:
        """Going on to charge is no proof that anything was accepted."""
        event = OccupancyReported("left", Occupancy.CHARGING, "Charging")
        self.assertTrue(folded(evolve(IDLE, stale=True), event).stale)

    def test_not_charging(self) -> None:
        """Without charging no current flows."""
        for occupancy in set(Occupancy) - {Occupancy.CHARGING}:
            after = folded(IDLE, OccupancyReported("left", occupancy, ""))
            self.assertEqual((after.measured, after.power_w), (NO_CURRENT, 0))
            self.assertIs(after.stale, occupancy is Occupancy.FREE)

    def test_fault(self) -> None:
        """The error code is kept while there is a fault, and no longer."""
        faulted = folded(
            IDLE, OccupancyReported("left", Occupancy.FAULTED, "", "GroundFailure")
        )
        self.assertEqual(faulted.fault, "GroundFailure")
        for occupancy in (Occupancy.FREE, Occupancy.CHARGING):
            self.assertIsNone(folded(faulted, OccupancyReported("left", occupancy, "")).fault)


def evolved(number: int) -> Evse:
    """An EVSE of a large site."""
    return evolve(IDLE, settings=evolve(IDLE.settings, name=f"bay-{number}"))


class MeasurementTests(SynchronousTestCase):
    """What the meter says."""

    def test_silence_keeps(self) -> None:
        """What the meter does not say stays as it was; a zero is not silence."""
        self.assertEqual(folded(IDLE, EvseMeasured("left")), IDLE)
        after = folded(IDLE, EvseMeasured("left", NO_CURRENT, 0, 0))
        self.assertEqual((after.measured, after.energy_wh, after.power_w), (NO_CURRENT, 0, 0))

    def test_many(self) -> None:
        """What many meters say is folded at once as it would be one after the other."""
        state = SiteState(evses=EvseTable(evolved(number) for number in range(70)))
        readings = [
            EvseMeasured(f"bay-{number}", energy_wh=number % 3 or None, power_w=5)
            for number in (3, 69, 0, 35, 70, 34)
        ]
        one_by_one = state
        for reading in readings:
            one_by_one = fold(one_by_one, reading)
        together = fold_readings(state, readings)
        self.assertEqual(one_by_one, together)
        self.assertNotEqual(state, together)
        self.assertIs(together, fold_readings(together, readings))


class TransactionTests(SynchronousTestCase):
    """Transactions begin and end."""

    def test_started(self) -> None:
        """A transaction starts under the order that is in force."""
        waiting = evolve(IDLE, transaction=None, confirmed=STANDING_ORDER)
        after = folded(waiting, TransactionStarted("left", TRANSACTION))
        self.assertEqual(after, evolve(waiting, transaction=TRANSACTION))

    def test_started_twice(self) -> None:
        """The same start again changes nothing."""
        self.assertEqual(folded(FULL, TransactionStarted("left", TRANSACTION)), FULL)

    def test_superseded(self) -> None:
        """A start ends what was never stopped, and the new transaction has no current yet."""
        after = folded(IDLE, TransactionStarted("left", LATER_TRANSACTION))
        self.assertEqual(after.transaction, LATER_TRANSACTION)
        self.assertEqual(after.confirmed, STANDING_ORDER)

    def test_stopped(self) -> None:
        """With the transaction its limit ends, and the standing order is in force again."""
        after = folded(IDLE, TransactionStopped("left", 4711, 10, "Local"))
        self.assertIsNone(after.transaction)
        self.assertEqual((after.confirmed, after.may_draw_ma), (STANDING_ORDER, 0))
        self.assertTrue(after.stale, "the default profile is given once more")

    def test_stopped_unknown(self) -> None:
        """If nothing was ever accepted, no standing order is in force either."""
        after = folded(evolve(IDLE, confirmed=None), TransactionStopped("left", 4711, 0, ""))
        self.assertIsNone(after.confirmed)
        self.assertEqual(after.may_draw_ma, SETTINGS.max_current_ma)

    def test_stopped_without_default(self) -> None:
        """If it did not take the default profile, nothing is in force after the transaction."""
        ordered = evolve(IDLE, ordered=LOW, stale=True)
        stopped = TransactionStopped("left", 4711, 0, "")
        after = folded(ordered, SetpointConfirmed("left", LOW, False), stopped)
        self.assertEqual((after.confirmed, after.may_draw_ma), (None, 16_000))
        self.assertTrue(after.stale, "it is told to forbid charging again")
        forbidden = SetpointConfirmed("left", STANDING_ORDER, True)
        after = folded(after, SetpointOrdered("left", STANDING_ORDER), forbidden)
        self.assertEqual((after.confirmed, after.may_draw_ma), (STANDING_ORDER, 0))

    def test_default_is_kept(self) -> None:
        """What it took of the default profile holds until it may have forgotten it."""
        stopped = TransactionStopped("left", 4711, 0, "")
        ordered = evolve(IDLE, ordered=LOW)
        for forbids in (True, None):
            after = folded(ordered, SetpointConfirmed("left", LOW, forbids), stopped)
            self.assertEqual(after.confirmed, STANDING_ORDER, forbids)
        for event in EVENTS[:3]:
            self.assertIsNone(folded(IDLE, event, stopped).confirmed, event)

    def test_stopped_under_way(self) -> None:
        """An order that was under way stays in the books until a later one is accepted."""
        after = folded(FULL, TransactionStopped("left", 4711, 10, "Local"))
        self.assertEqual((after.ordered, after.may_draw_ma, after.stale), (None, 16_000, True))
        after = folded(
            after,
            SetpointOrdered("left", STANDING_ORDER),
            SetpointConfirmed("left", STANDING_ORDER),
        )
        self.assertEqual((after.may_draw_ma, after.stale), (0, False))

    def test_stopped_another(self) -> None:
        """The end of another transaction, or of none, changes nothing."""
        event = TransactionStopped("left", 4712, 10, "Local")
        self.assertEqual(folded(FULL, event), FULL)
        without = evolve(IDLE, transaction=None)
        self.assertEqual(folded(without, event), without)

    def test_judged_another(self) -> None:
        """What is said of the tag of another transaction, or of none, changes nothing."""
        without = evolve(IDLE, transaction=None)
        for evse, number in ((FULL, 4712), (without, 4711)):
            event = TransactionJudged("left", number, Verdict.BLOCKED)
            self.assertEqual(folded(evse, event), evse)

    def test_judged_again(self) -> None:
        """The last verdict about a transaction counts, and the next one has its own."""
        refused = folded(FULL, TransactionJudged("left", 4711, Verdict.EXPIRED))
        accepted = TransactionJudged("left", 4711, Verdict.ACCEPTED)
        self.assertEqual(folded(refused, accepted), FULL)
        after = folded(refused, TransactionStarted("left", LATER_TRANSACTION))
        self.assertEqual(after.transaction, LATER_TRANSACTION)


class SetpointTests(SynchronousTestCase):
    """Orders, and what becomes of them."""

    def test_ordered(self) -> None:
        """The highest of all orders that were not answered counts."""
        evse = IDLE
        for current_ma, expected in ((8_000, 8_000), (16_000, 16_000), (7_000, 16_000)):
            evse = folded(
                evse,
                SetpointOrdered("left", order(current_ma)),
                SetpointFailed("left", order(current_ma), False, "no answer"),
            )
            self.assertEqual(evse.unanswered_ma, expected)
            self.assertEqual(evse.may_draw_ma, expected)
        self.assertEqual((evse.confirmed, evse.ordered, evse.stale), (LOW, None, True))

    def test_confirmed(self) -> None:
        """What is accepted is in force, and nothing else is any more."""
        evse = folded(evolve(FULL, stale=True), SetpointConfirmed("left", HIGH))
        self.assertEqual(evse, evolve(IDLE, confirmed=HIGH))

    def test_refused(self) -> None:
        """Who refuses goes on obeying what he accepted before, and is told again."""
        ordered = evolve(IDLE, ordered=HIGH)
        evse = folded(ordered, SetpointFailed("left", HIGH, True, "Rejected"))
        self.assertEqual((evse.confirmed, evse.may_draw_ma, evse.stale), (LOW, 6_000, True))

    def test_refused_after_silence(self) -> None:
        """A refusal says nothing about an earlier order, which may have arrived."""
        silent = SetpointFailed("left", HIGH, False, "no answer")
        refused = SetpointFailed("left", LOW, True, "Rejected")
        evse = folded(
            IDLE, SetpointOrdered("left", HIGH), silent, SetpointOrdered("left", LOW), refused
        )
        self.assertEqual((evse.unanswered_ma, evse.may_draw_ma), (16_000, 16_000))
        evse = folded(evse, SetpointOrdered("left", LOW), SetpointConfirmed("left", LOW))
        self.assertEqual((evse.unanswered_ma, evse.may_draw_ma), (0, 6_000))

    def test_ignored(self) -> None:
        """Of one that accepts a limit and gives more nothing that it accepted counts."""
        ordered = folded(IDLE, SetpointOrdered("left", HIGH))
        ignored = SetpointFailed("left", HIGH, True, "gives 32 A", ignored=True)
        evse = folded(ordered, ignored)
        self.assertEqual((None, None, True), (evse.confirmed, evse.ordered, evse.disobedient))
        self.assertEqual(SETTINGS.max_current_ma, evse.may_draw_ma)
        late = folded(IDLE, SetpointOrdered("left", LOW), ignored)
        self.assertEqual((LOW, False), (late.confirmed, late.disobedient))

    def test_failed_and_forgotten(self) -> None:
        """Of somebody who takes no order and may have forgotten the last nothing is known."""
        unsure = evolve(FULL, stale=True, unsure=True)
        for refused in (True, False):
            evse = folded(unsure, SetpointFailed("left", HIGH, refused, ""))
            self.assertIsNone(evse.confirmed, refused)
            self.assertEqual(evse.may_draw_ma, SETTINGS.max_current_ma)

    def test_late_answers(self) -> None:
        """The answer to an order that is not awaited says nothing about the one that is."""
        for evse in (evolve(IDLE, ordered=HIGH), IDLE):
            self.assertEqual(folded(evse, SetpointConfirmed("left", LOW)), evse)
            for refused in (True, False):
                event = SetpointFailed("left", LOW, refused, "")
                self.assertEqual(folded(evse, event), evolve(evse, stale=True))
