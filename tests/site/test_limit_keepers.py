"""EVSEs that keep a limit until they are told another one, as those with Modbus do."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, on_each_phase
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CardShown,
    EvseConnected,
    EvseLost,
    EvseMeasured,
    FailsafeAssumed,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    SetpointConfirmed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, EvseSettings, Occupancy
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState, fold, fold_readings
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

KEEPER = EvseSettings("box", "garage", failsafe_current_ma=6000, keeps_limit=True)
TEN = Setpoint(10_000, Reason(ReasonCode.CIRCUIT, "phase L1 of garage"))
TRANSACTION = Transaction(
    7, "04AA", Verdict.ACCEPTED, datetime(2026, 3, 1, 12, tzinfo=UTC), 5000
)


class Case(SynchronousTestCase):
    """One EVSE that has confirmed 10 A."""

    settings = KEEPER

    def setUp(self) -> None:
        """It is there, its car is plugged in, and a transaction runs."""
        self.state = SiteState()
        self.configure(self.settings)
        self.happen(
            EvseConnected("box", "test"),
            OccupancyReported("box", Occupancy.PLUGGED, "B"),
            TransactionStarted("box", TRANSACTION),
            SetpointOrdered("box", TEN),
            SetpointConfirmed("box", TEN),
        )

    def configure(self, settings: EvseSettings, *meters: MeterSettings) -> None:
        """The settings are these."""
        fuse = CircuitSettings("garage", 32_000)
        self.happen(SettingsChanged("site", False, (fuse,), (settings,), meters))

    def happen(self, *events: SiteEvent) -> None:
        """Some events."""
        for event in events:
            self.state = fold(self.state, event)

    @property
    def evse(self) -> Evse:
        """What is known of it."""
        return self.state.evses["box"]


class KeepingTests(Case):
    """What it was told holds on."""

    def test_end(self) -> None:
        """The end of a transaction is not the end of its limit; it is told again."""
        self.happen(TransactionStopped("box", 7, 0, "Local"))
        self.assertEqual((TEN, 10_000), (self.evse.confirmed, self.evse.may_draw_ma))
        self.assertTrue(self.evse.stale)

    def test_beginning(self) -> None:
        """A transaction that begins gives it no more than it was told."""
        zero = evolve(TEN, current_ma=0)
        self.happen(
            TransactionStopped("box", 7, 0, "Local"),
            SetpointOrdered("box", zero),
            SetpointConfirmed("box", zero),
            TransactionStarted("box", evolve(TRANSACTION, transaction_id=8)),
        )
        self.assertEqual(0, self.evse.may_draw_ma)

    def test_resuming(self) -> None:
        """A car that charges again after a pause of its own has not made it forget."""
        self.happen(OccupancyReported("box", Occupancy.CHARGING, "C"))
        self.assertEqual((False, 10_000), (self.evse.unsure, self.evse.may_draw_ma))

    def test_others(self) -> None:
        """All that is different with one that does not keep its limit."""
        self.setUp()
        self.settings = evolve(KEEPER, keeps_limit=False)
        self.setUp()
        self.happen(TransactionStopped("box", 7, 0, "Local"))
        self.assertIsNone(self.evse.confirmed)

    def test_card(self) -> None:
        """A card that is shown changes nothing by itself."""
        before = self.state
        self.happen(CardShown("box", "04AA"))
        self.assertIs(before, self.state)


class RegisterTests(Case):
    """What its meter has counted."""

    def test_lost(self) -> None:
        """While it is away its meter may count on: nobody knows what it shows."""
        self.state = fold_readings(self.state, (EvseMeasured("box", energy_wh=777),), 1.0)
        self.happen(EvseLost("box", "no answer"))
        self.assertIsNone(self.evse.energy_wh)


class AloneTests(Case):
    """It is away, and falls back by itself after a while."""

    def test_before(self) -> None:
        """Until then it gives what it was told; its state is not known."""
        self.happen(EvseLost("box", "no answer"))
        self.assertEqual(10_000, self.evse.may_draw_ma)
        self.assertIs(Occupancy.UNKNOWN, self.evse.occupancy)

    def test_after(self) -> None:
        """Then it gives what it has fallen back to, or what its car drew last."""
        for current_ma in (6000, 8700):
            self.happen(EvseLost("box", "no answer"), FailsafeAssumed("box", current_ma))
            self.assertEqual(current_ma, self.evse.may_draw_ma)
            self.assertIs(Occupancy.UNKNOWN, self.evse.occupancy)

    def test_raised(self) -> None:
        """That can be more than it was told."""
        low = evolve(TEN, current_ma=0)
        self.happen(SetpointOrdered("box", low), SetpointConfirmed("box", low))
        self.happen(EvseLost("box", "no answer"))
        self.assertEqual(6000, self.evse.may_draw_ma)
        self.happen(FailsafeAssumed("box", 6000))
        self.assertEqual(6000, self.evse.may_draw_ma)

    def test_unanswered(self) -> None:
        """Nothing that was on its way to it holds any more."""
        self.happen(
            SetpointOrdered("box", evolve(TEN, current_ma=16_000)),
            EvseLost("box", "no answer"),
        )
        self.assertEqual(16_000, self.evse.may_draw_ma)
        self.happen(FailsafeAssumed("box", 6000))
        self.assertEqual(6000, self.evse.may_draw_ma)

    def test_back(self) -> None:
        """When it is there again it may give its rating until it has confirmed something."""
        self.happen(EvseLost("box", "no answer"), FailsafeAssumed("box", 6000))
        self.happen(EvseConnected("box", "test"))
        self.assertEqual(16_000, self.evse.may_draw_ma)

    def test_there(self) -> None:
        """Who is there has not fallen back, whatever was on its way."""
        before = self.evse
        self.happen(FailsafeAssumed("box", 6000))
        self.assertEqual(before, self.evse)


class MeterApartTests(Case):
    """A meter of its own says what an EVSE draws."""

    settings = evolve(KEEPER, metered_apart=True)
    meter = MeterSettings("submeter", MeterRole.EVSE, evse="box")

    def setUp(self) -> None:
        """The meter is there."""
        super().setUp()
        self.configure(self.settings, self.meter)

    def test_counts(self) -> None:
        """What it says is what the EVSE draws, and when."""
        self.happen(MeterMeasured("submeter", on_each_phase(9500), 6555, 777, at_s=12.0))
        found = self.evse.meter
        self.assertEqual(
            (on_each_phase(9500), 6555, 777, 12.0),
            (found.currents, found.power_w, found.energy_wh, found.at_s),
        )
        self.assertTrue(self.state.meters["submeter"].is_read)

    def test_own(self) -> None:
        """What the EVSE says itself does not."""
        self.happen(MeterMeasured("submeter", on_each_phase(9500), 6555, 777, at_s=12.0))
        before = self.state
        reading = EvseMeasured("box", NO_CURRENT, 5, 0)
        self.assertIs(before, fold_readings(before, (reading,), 13.0))

    def test_lost(self) -> None:
        """When it is away nobody knows what flows; its register only counts up."""
        self.happen(MeterMeasured("submeter", on_each_phase(9500), 6555, 777, at_s=12.0))
        self.happen(MeterLost("submeter", "no answer"))
        found = self.evse.meter
        self.assertEqual((None, None, 777), (found.currents, found.power_w, found.energy_wh))

    def test_another(self) -> None:
        """What one meter has said is nothing that the next one says."""
        self.happen(MeterMeasured("submeter", on_each_phase(9500), 6555, 777, at_s=12.0))
        for meters in ((evolve(self.meter, name="new"),), ()):
            self.configure(self.settings, *meters)
            self.assertEqual((None, None), (self.evse.energy_wh, self.evse.measured))
            self.happen(MeterMeasured("new", on_each_phase(900), 655, 70, at_s=13.0))

    def test_same(self) -> None:
        """One that stays is heard on."""
        self.happen(MeterMeasured("submeter", on_each_phase(9500), 6555, 777, at_s=12.0))
        self.configure(evolve(self.settings, priority=2), self.meter)
        self.assertEqual(777, self.evse.energy_wh)

    def test_no_evse(self) -> None:
        """Where its EVSE is not configured it is a meter all the same."""
        self.configure(self.settings, evolve(self.meter, evse="nobody"))
        self.happen(MeterMeasured("submeter", on_each_phase(9500), at_s=12.0))
        self.assertTrue(self.state.meters["submeter"].is_read)
