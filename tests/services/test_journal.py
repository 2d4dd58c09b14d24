"""What the journal says of each event."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, Phase, PhaseCurrents
from cfos_cm.services.journal import Journal, describe
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
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

RATING = Reason(ReasonCode.RATING, "all that bay can give")
CIRCUIT = Reason(ReasonCode.CIRCUIT, "phase L2 of garage")
NO_CAR = Reason(ReasonCode.NO_CAR, "no car is plugged in")
TRANSACTION = Transaction(
    4711, "04A1B2C3D4", Verdict.ACCEPTED, datetime(2026, 3, 1, tzinfo=UTC), 1_000_000
)
CIRCUITS = (CircuitSettings("garage", 20_000),)
BAY = EvseSettings("bay", "garage")

NEW = Evse(BAY)
ONLINE = evolve(NEW, link=Link.ONLINE)
CHARGING = evolve(ONLINE, occupancy=Occupancy.CHARGING, transaction=TRANSACTION)


def site(evse: Evse) -> SiteState:
    """A site with one EVSE."""
    return SiteState("Garage", False, {one.name: one for one in CIRCUITS}, {"bay": evse})


def said(evse: Evse, *events: SiteEvent) -> str | None:
    """What is said of the last of some events."""
    before = after = site(evse)
    for event in events:
        before, after = after, fold(after, event)
    return describe(events[-1], before, after)


class TableCase(SynchronousTestCase):
    """Rows of an EVSE, an event and what is said."""

    def check(self, *rows: tuple[Evse, SiteEvent, str | None]) -> None:
        """Compare each row."""
        for evse, event, line in rows:
            with self.subTest(event=event):
                self.assertEqual(line, said(evse, event))


class Devices(TableCase):
    """What an EVSE's device does."""

    def test_connection(self) -> None:
        """It comes and goes; it goes once."""
        self.check(
            (NEW, EvseConnected("bay", "192.0.2.1"), "bay: connected, from 192.0.2.1"),
            (ONLINE, EvseLost("bay", "no pong"), "bay: connection lost: no pong"),
            (evolve(ONLINE, link=Link.LOST), EvseLost("bay", "no pong"), None),
            (NEW, EvseLost("bay", "no pong"), None),
        )

    def test_boot(self) -> None:
        """It says what it is, with its firmware where it says that."""
        self.check(
            (
                ONLINE,
                DeviceBooted("bay", DeviceIdentity("Vendor", "Model", "1", "2.3")),
                "bay: has started: Vendor Model, firmware 2.3",
            ),
            (
                ONLINE,
                DeviceBooted("bay", DeviceIdentity("Vendor", "Model")),
                "bay: has started: Vendor Model",
            ),
        )

    def test_meddled(self) -> None:
        """Who has changed what it was told is named."""
        line = "bay: what it was told has been changed by the operator: it is told again"
        self.check((ONLINE, ProfilesMeddled("bay", "the operator"), line))

    def test_occupancy(self) -> None:
        """Each thing that its car can do has its words."""
        for occupancy, words in (
            (Occupancy.FREE, "is free"),
            (Occupancy.PLUGGED, "a car is plugged in"),
            (Occupancy.CHARGING, "the car charges"),
            (Occupancy.UNAVAILABLE, "is out of service"),
            (Occupancy.UNKNOWN, None),
        ):
            event = OccupancyReported("bay", occupancy, "Word")
            self.check((ONLINE, event, words and f"bay: {words} (Word)"))

    def test_pauses(self) -> None:
        """Why a car pauses is told where the device says more than that it is there."""
        for detail, words in (
            ("SuspendedEV", "the car takes no current"),
            ("SuspendedEVSE", "the car waits for current"),
            ("Finishing", "has finished; the car is still plugged in"),
        ):
            event = OccupancyReported("bay", Occupancy.PLUGGED, detail)
            self.check((CHARGING, event, f"bay: {words} ({detail})"))

    def test_fault(self) -> None:
        """A fault is told with its code, also when another one follows."""
        event = OccupancyReported("bay", Occupancy.FAULTED, "Faulted", "GroundFailure")
        faulted = evolve(ONLINE, occupancy=Occupancy.FAULTED, fault="OverVoltage")
        line = "bay: is faulted (GroundFailure)"
        self.check((ONLINE, event, line), (faulted, event, line))

    def test_same_occupancy(self) -> None:
        """What was known before is not told again."""
        event = OccupancyReported("bay", Occupancy.CHARGING, "Charging")
        self.check((CHARGING, event, None))


class Charging(TableCase):
    """What a charge is told by."""

    def test_transaction(self) -> None:
        """Its beginning, its continuation after a restart, and its end."""
        self.check(
            (
                ONLINE,
                TransactionStarted("bay", TRANSACTION),
                "bay: transaction 4711 has begun, card …C3D4",
            ),
            (ONLINE, TransactionResumed("bay", TRANSACTION), "bay: transaction 4711 goes on"),
            (
                CHARGING,
                TransactionStopped("bay", 4711, 12_345, "Local"),
                "bay: finished: 12.35 kWh, transaction 4711 (Local)",
            ),
            (
                CHARGING,
                TransactionStopped("bay", 4711, None, "PowerLoss"),
                "bay: finished: energy unknown, transaction 4711 (PowerLoss)",
            ),
        )

    def test_judged(self) -> None:
        """What somebody says of its card later is told, if it is another verdict."""
        blocked = evolve(CHARGING, transaction=evolve(TRANSACTION, verdict=Verdict.BLOCKED))
        refused = TransactionJudged("bay", 4711, Verdict.BLOCKED)
        accepted = TransactionJudged("bay", 4711, Verdict.ACCEPTED)
        self.check(
            (CHARGING, refused, "bay: the card of transaction 4711 is refused (blocked)"),
            (blocked, accepted, "bay: the card of transaction 4711 is accepted"),
            (blocked, refused, None),
            (CHARGING, accepted, None),
            (CHARGING, TransactionJudged("bay", 4712, Verdict.BLOCKED), None),
        )

    def test_backend(self) -> None:
        """Whether its backend lets it charge is told whenever that has changed."""
        shut = evolve(ONLINE, backend_objection="cannot be reached")
        may, may_not = BackendSpoke("bay", None), BackendSpoke("bay", "cannot be reached")
        self.check(
            (ONLINE, may, None),
            (shut, may, "bay: its billing backend lets it charge again"),
            (ONLINE, may_not, "bay: its billing backend cannot be reached"),
            (shut, may_not, None),
            (evolve(ONLINE, backend_objection=None), may, None),
        )

    def test_energy(self) -> None:
        """A charge is mentioned whenever it has taken half a kWh more."""
        for energy_wh, line in (
            (1_000_499, None),
            (1_000_500, "bay: 0.50 kWh so far"),
            (1_001_700, "bay: 1.70 kWh so far"),
        ):
            self.check((CHARGING, EvseMeasured("bay", energy_wh=energy_wh), line))

    def test_energy_with_current(self) -> None:
        """The current is told where it is measured."""
        event = EvseMeasured("bay", PhaseCurrents.on(ALL_PHASES, 9_876), 1_000_600)
        self.check((CHARGING, event, "bay: 0.60 kWh so far, draws 9.8 A"))

    def test_no_new_step(self) -> None:
        """Inside the same half kWh nothing is told again."""
        first = EvseMeasured("bay", energy_wh=1_000_600)
        self.assertIsNone(said(CHARGING, first, EvseMeasured("bay", energy_wh=1_000_900)))
        self.assertIsNone(said(CHARGING, first, first))

    def test_reading_from_before(self) -> None:
        """A reading from before the charge is no step of it."""
        before = evolve(CHARGING, meter=Measured(energy_wh=999_000))
        self.check((before, EvseMeasured("bay", energy_wh=1_000_001), None))

    def test_no_energy(self) -> None:
        """Without a charge, and without a register, nothing is told."""
        self.check(
            (ONLINE, EvseMeasured("bay", energy_wh=1_002_000), None),
            (CHARGING, EvseMeasured("bay", power_w=11_000), None),
            (CHARGING, EvseMeasured("bay", energy_wh=900_000), None),
        )


class Setpoints(TableCase):
    """What an EVSE may have, and what it does about it."""

    def test_decided(self) -> None:
        """A decision is told with its reason while somebody charges."""
        event = SetpointDecided("bay", Setpoint(7_500, CIRCUIT))
        self.check((CHARGING, event, "bay: may have 7.5 A: phase L2 of garage"))

    def test_decided_while_idle(self) -> None:
        """Where nobody charges only another current is worth a line."""
        idle = evolve(ONLINE, target=Setpoint(0, RATING))
        self.check(
            (ONLINE, SetpointDecided("bay", Setpoint(0, NO_CAR)), None),
            (idle, SetpointDecided("bay", Setpoint(0, NO_CAR)), None),
            (
                evolve(ONLINE, target=Setpoint(16_000, RATING)),
                SetpointDecided("bay", Setpoint(0, NO_CAR)),
                "bay: may have 0 A: no car is plugged in",
            ),
        )

    def test_other_reason(self) -> None:
        """While somebody charges another reason is, too."""
        charging = evolve(CHARGING, target=Setpoint(7_500, RATING))
        event = SetpointDecided("bay", Setpoint(7_500, CIRCUIT))
        self.check((charging, event, "bay: may have 7.5 A: phase L2 of garage"))

    def test_decided_while_lost(self) -> None:
        """Of an EVSE that cannot be reached it was said that it is gone; that is enough."""
        lost = evolve(CHARGING, link=Link.LOST, target=Setpoint(7_500, RATING))
        self.check((lost, SetpointDecided("bay", Setpoint(0, NO_CAR)), None))

    def test_ordered(self) -> None:
        """An order is not told: the answer to it is."""
        self.check((ONLINE, SetpointOrdered("bay", Setpoint(7_500, CIRCUIT)), None))

    def test_confirmed(self) -> None:
        """A confirmation is told when the current is another one."""
        order = SetpointOrdered("bay", Setpoint(7_500, CIRCUIT))
        event = SetpointConfirmed("bay", Setpoint(7_500, CIRCUIT))
        line = "bay: has confirmed 7.5 A"
        for confirmed, expected in (
            (None, line),
            (Setpoint(6_000, CIRCUIT), line),
            (Setpoint(7_500, RATING), None),
        ):
            self.assertEqual(expected, said(evolve(ONLINE, confirmed=confirmed), order, event))

    def test_failed(self) -> None:
        """An order that is not obeyed is told with the reason, whenever that happens."""
        order = SetpointOrdered("bay", Setpoint(7_500, CIRCUIT))
        event = SetpointFailed("bay", Setpoint(7_500, CIRCUIT), True, "Rejected")
        self.assertEqual("bay: did NOT take 7.5 A: Rejected", said(ONLINE, order, event))


class Limits(TableCase):
    """What others allow, and what becomes of it."""

    def test_circuit(self) -> None:
        """Who limits what, to how much and until when."""
        limit = OutsideLimit("garage", "grid operator", 4_200)
        until = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
        self.check(
            (
                ONLINE,
                CircuitLimited(limit),
                "garage: grid operator limits its EVSEs to 4.2 kW",
            ),
            (
                ONLINE,
                CircuitLimited(evolve(limit, evses_only=False, until=until)),
                "garage: grid operator limits all that it draws to 4.2 kW "
                "until 2026-03-01 18:30 UTC",
            ),
            (
                ONLINE,
                CircuitReleased("garage", "grid operator", "its time is over"),
                "garage: the limit of grid operator has ended: its time is over",
            ),
            (
                ONLINE,
                CircuitLimitMet("garage", "grid operator", 4_140),
                "garage: the limit of grid operator is kept, with 4.1 kW at most",
            ),
        )

    def test_evse(self) -> None:
        """Who allows one EVSE how much, and that he does not limit it any more."""
        self.check(
            (ONLINE, EvseLimited("bay", "backend", 7_500), "bay: backend allows it 7.5 A"),
            (ONLINE, EvseLimited("bay", "backend", 0), "bay: backend allows it 0 A"),
            (ONLINE, EvseLimited("bay", "backend", None), "bay: backend limits it no more"),
        )

    def test_cancelled(self) -> None:
        """Whether one that is to be used alone has confirmed that it can be."""
        self.check(
            (
                ONLINE,
                LimitsCancelled("bay"),
                "bay: has confirmed that it obeys no limit any more",
            ),
            (
                ONLINE,
                LimitsCancelled("bay", "Rejected"),
                "bay: has NOT confirmed that it obeys no limit any more: Rejected",
            ),
        )

    def test_unproven(self) -> None:
        """Why others have to live with less."""
        line = (
            "bay: has not confirmed anything since it may have forgotten its limit: all that "
            "it can draw is kept for it"
        )
        self.check((ONLINE, EvseUnproven("bay"), line))

    def test_overdrawn(self) -> None:
        """How far a phase is above its fuse, and was at most."""
        line = (
            "garage: phase L2 carries 4 A more than its fuse is made for; the most ever: 5.5 A"
        )
        self.check((ONLINE, CircuitOverdrawn("garage", Phase.L2, 4_000, 5_500), line))

    def test_ignored(self) -> None:
        """One that gives more than it has accepted is told of like any that does not obey."""
        order = SetpointOrdered("bay", Setpoint(7_500, CIRCUIT))
        event = SetpointFailed("bay", Setpoint(7_500, CIRCUIT), True, "gives 16 A", True)
        self.assertEqual("bay: did NOT take 7.5 A: gives 16 A", said(ONLINE, order, event))


class Meters(SynchronousTestCase):
    """Meters that are no EVSE's own."""

    def said(self, event: SiteEvent, *, is_read: bool) -> str | None:
        """What is said of one that was read before, or was not."""
        meter = Meter(MeterSettings("grid", MeterRole.GRID), is_read, NO_CURRENT)
        before = evolve(site(ONLINE), meters={"grid": meter})
        return describe(event, before, fold(before, event))

    def test_read(self) -> None:
        """It is told once that it is read, not each time that it speaks."""
        event = MeterMeasured("grid", NO_CURRENT, at_s=9.0)
        self.assertEqual("meter grid is read", self.said(event, is_read=False))
        self.assertIsNone(self.said(event, is_read=True))

    def test_lost(self) -> None:
        """It is told once that it is silent."""
        event = MeterLost("grid", "no answer for 15 s")
        self.assertEqual(
            "meter grid is silent: no answer for 15 s", self.said(event, is_read=True)
        )
        self.assertIsNone(self.said(event, is_read=False))

    def test_unknown(self) -> None:
        """Nothing is said of one that is not configured."""
        for event in (MeterMeasured("other", NO_CURRENT), MeterLost("other", "gone")):
            self.assertIsNone(self.said(event, is_read=True))


class Others(TableCase):
    """What is not about one EVSE."""

    def test_settings(self) -> None:
        """The size of the site, and whether it is steered."""
        evses = (BAY, EvseSettings("bay-2", "garage"))
        self.check(
            (
                NEW,
                SettingsChanged("Garage", False, CIRCUITS, evses),
                "Garage: 2 EVSEs on 1 circuit; load management is on",
            ),
            (
                NEW,
                SettingsChanged("", True, (), (BAY,)),
                "site: 1 EVSE on 0 circuits; load management observes only and sets nothing",
            ),
        )

    def test_tag(self) -> None:
        """Who shows a card, and what became of it; by the end of its number."""
        for verdict, words in (
            (Verdict.ACCEPTED, "accepted"),
            (Verdict.BLOCKED, "refused (blocked)"),
            (Verdict.EXPIRED, "refused (expired)"),
            (Verdict.INVALID, "refused (invalid: not on the list, or marked so)"),
        ):
            event = TagJudged("CP-1", "04A1B2C3D4", verdict)
            self.check((NEW, event, f"CP-1: card …C3D4 is {words}"))

    def test_unknown_evse(self) -> None:
        """Nothing is said of an EVSE that is not configured."""
        self.check(
            (ONLINE, EvseConnected("other", "192.0.2.1"), None),
            (ONLINE, TransactionStopped("other", 1, 1, "Local"), None),
            (CHARGING, EvseMeasured("other", energy_wh=1_002_000), None),
        )


class Secrets(SynchronousTestCase):
    """What no line may contain."""

    @given(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=5, max_size=20)
    )
    def test_id_tag(self, tag: str) -> None:
        """No line has a whole idTag of more than four characters."""
        id_tag = f"#{tag}"
        begun = evolve(TRANSACTION, id_tag=id_tag)
        charging = evolve(CHARGING, transaction=begun, target=Setpoint(16_000, RATING))
        fixed = evolve(BAY, fixed_tag=id_tag)
        for evse, event in (
            (ONLINE, TransactionStarted("bay", begun)),
            (ONLINE, TransactionResumed("bay", begun)),
            (charging, TransactionStopped("bay", 4711, 5, "Local")),
            (charging, SetpointDecided("bay", Setpoint(0, CIRCUIT))),
            (charging, EvseMeasured("bay", energy_wh=1_002_000)),
            (ONLINE, TagJudged("bay", id_tag, Verdict.INVALID)),
            (ONLINE, SettingsChanged("Garage", False, CIRCUITS, (fixed,))),
        ):
            line = said(evse, event)
            assert line is not None
            self.assertNotIn(id_tag, line)


class Writing(SynchronousTestCase):
    """The lines in the log."""

    def lines(self, event: SiteEvent, evse: Evse = ONLINE) -> list[tuple[LogLevel, str]]:
        """What is logged for an event."""
        before = site(evse)
        with capturedLogs() as captured:
            Journal().note(event, before, fold(before, event))
        return [(one["log_level"], formatEvent(one)) for one in captured]

    def test_line(self) -> None:
        """A line is for information."""
        found = self.lines(EvseConnected("bay", "192.0.2.1"))
        self.assertEqual([(LogLevel.info, "bay: connected, from 192.0.2.1")], found)

    def test_warning(self) -> None:
        """An EVSE that does not obey is a warning."""
        found = self.lines(SetpointFailed("bay", Setpoint(0, CIRCUIT), False, "silence"))
        self.assertEqual([(LogLevel.warn, "bay: did NOT take 0 A: silence")], found)

    def test_nothing(self) -> None:
        """What is not worth a line makes none."""
        self.assertEqual([], self.lines(SetpointOrdered("bay", Setpoint(0, CIRCUIT))))

    def test_braces(self) -> None:
        """What looks like a format is none."""
        found = self.lines(EvseConnected("bay", "{line!r} {0} {"))
        self.assertEqual([(LogLevel.info, "bay: connected, from {line!r} {0} {")], found)

    def test_one_line(self) -> None:
        """A wallbox's own words end no line and move no cursor."""
        device = DeviceIdentity("Evil\nbay: is free", "\x1b[2JModel", None, "1\r\u2028")
        ((_, line),) = self.lines(DeviceBooted("bay", device))
        self.assertTrue(line.isprintable(), ascii(line))
