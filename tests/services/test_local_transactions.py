"""Transactions of EVSEs that know none."""

from __future__ import annotations

import json

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.local_transactions import (
    CARD_S,
    RETRY_S,
    LocalTransactions,
    place_of,
)
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CardShown,
    EvseConnected,
    EvseLost,
    EvseMeasured,
    MeterMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.records import OpenTransaction
from cfos_cm.site.state import SiteState, fold, fold_readings
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.site.transaction import ANONYMOUS
from tests.central_system.world import Disk, World

BOX = EvseSettings("box", "garage", keeps_limit=True)
OCPP = EvseSettings("bay", "garage")
FUSE = CircuitSettings("garage", 32_000)


class Case(SynchronousTestCase):
    """A box without transactions of its own, beside one with OCPP."""

    settings = BOX

    def setUp(self) -> None:
        """It is connected, its meter speaks, and no car is there."""
        self.world = World()
        self.events: list[SiteEvent] = []
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.report(EvseMeasured("box", energy_wh=5000))
        self.says(Occupancy.FREE)

    def begin(self) -> None:
        """The program starts."""
        self.state = SiteState()
        environment = evolve(self.world.system.roster.environment, report=self.report)
        self.local = LocalTransactions(environment)
        self.configure(self.settings, OCPP)

    def configure(self, *evses: EvseSettings) -> None:
        """The settings are these."""
        self.report(SettingsChanged("site", False, (FUSE,), evses))
        self.world.clock.advance(0)

    def report(self, event: SiteEvent) -> None:
        """As the control loop takes it."""
        self.events.append(event)
        before, now_s = self.state, self.world.clock.seconds()
        if isinstance(event, EvseMeasured):
            self.state = fold_readings(before, (event,), now_s)
        else:
            self.state = fold(before, event)
        self.local.note(event, before, self.state)

    def says(self, occupancy: Occupancy, evse: str = "box") -> None:
        """What its car does."""
        self.report(OccupancyReported(evse, occupancy, occupancy.value))
        self.world.clock.advance(0)

    def show(self, id_tag: str) -> None:
        """A card is held before its reader."""
        self.report(CardShown("box", id_tag))
        self.world.clock.advance(0)

    def draws(self, energy_wh: int) -> None:
        """What its meter shows. [Wh]"""
        self.report(EvseMeasured("box", energy_wh=energy_wh))

    def allow(self, *id_tags: str, group: str | None = None) -> None:
        """These tags are on the list."""
        for id_tag in id_tags:
            self.successResultOf(self.world.tags.put(Tag(id_tag, parent_id_tag=group)))

    def told(self, *kinds: type) -> list[SiteEvent]:
        """The events of some kinds, oldest first."""
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def tag(self) -> str | None:
        """Who charges there; C{None}: no transaction runs."""
        running = self.state.evses["box"].transaction
        return None if running is None else running.id_tag


class BeginningTests(Case):
    """Who may charge, and from when on."""

    def test_open_house(self) -> None:
        """With an empty list everybody may, without a card."""
        self.assertIsNone(self.tag)
        self.says(Occupancy.PLUGGED)
        self.assertEqual(ANONYMOUS, self.tag)

    def test_on_disk(self) -> None:
        """It is on disk before the site hears of it, in the words of OCPP."""
        self.world.disk.held = True
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.world.disk.let_go()
        self.assertEqual(ANONYMOUS, self.tag)
        (row,) = self.world.ledger.rows.values()
        self.assertEqual(
            (place_of("box"), 1, "box"),
            (row.start.charge_point, row.start.connector, row.start.evse),
        )
        self.assertEqual(5000, row.start.meter_start_wh)
        self.assertEqual(
            {
                "connectorId": 1,
                "idTag": ANONYMOUS,
                "meterStart": 5000,
                "timestamp": "2026-03-01T12:00:00.000Z",
            },
            json.loads(row.start.request_text),
        )

    def test_card_needed(self) -> None:
        """With a list a card is needed that is on it."""
        self.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.show("04BB")
        self.assertIsNone(self.tag)
        self.show("04AA")
        self.assertEqual("04AA", self.tag)
        self.assertEqual(
            [
                TagJudged("box", "04BB", Verdict.INVALID),
                TagJudged("box", "04AA", Verdict.ACCEPTED),
            ],
            self.told(TagJudged),
        )

    def test_card_first(self) -> None:
        """A card that was shown before counts for a while."""
        self.allow("04AA")
        self.show("04AA")
        self.world.clock.advance(CARD_S - 1)
        self.says(Occupancy.PLUGGED)
        self.assertEqual("04AA", self.tag)

    def test_card_forgotten(self) -> None:
        """After that time somebody else may be standing there."""
        self.allow("04AA")
        self.show("04AA")
        self.world.clock.advance(CARD_S)
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)

    def test_card_used(self) -> None:
        """A card is good for one car."""
        self.allow("04AA")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)

    def test_charging_at_once(self) -> None:
        """A car that charges already is one that is plugged in."""
        self.says(Occupancy.CHARGING)
        self.assertEqual(ANONYMOUS, self.tag)

    def test_once(self) -> None:
        """However often it is said that a car is there, it is one transaction."""
        for occupancy in (Occupancy.PLUGGED, Occupancy.CHARGING, Occupancy.PLUGGED):
            self.says(occupancy)
        self.assertEqual(1, len(self.world.ledger.rows))

    def test_ocpp(self) -> None:
        """An EVSE with OCPP tells of its transactions itself."""
        self.says(Occupancy.PLUGGED, "bay")
        self.assertEqual({}, self.world.ledger.rows)

    def test_without_meter(self) -> None:
        """Where no meter speaks it begins all the same, a little later, and has no energy."""
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        for _ in range(20):
            self.world.clock.advance(1)
        self.assertEqual(ANONYMOUS, self.tag)
        self.draws(900_000)
        self.says(Occupancy.FREE)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(0, stopped.energy_wh)

    def test_late_meter(self) -> None:
        """What its meter says first is what the transaction begins with."""
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.PLUGGED)
        self.world.clock.advance(1)
        self.draws(7000)
        self.world.clock.advance(1)
        self.assertEqual(7000, self.state.evses["box"].transaction.meter_start_wh)

    def test_late_register(self) -> None:
        """A meter that speaks, and does not know its register yet, is waited for longer."""
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.report(EvseMeasured("box", power_w=3))
        self.says(Occupancy.PLUGGED)
        for _ in range(60):
            self.world.clock.advance(1)
        self.assertIsNone(self.tag)
        self.draws(0)
        self.world.clock.advance(1)
        self.assertEqual(ANONYMOUS, self.tag)
        self.draws(800)
        self.says(Occupancy.FREE)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(800, stopped.energy_wh)

    def test_silent_register(self) -> None:
        """But not for ever."""
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.report(EvseMeasured("box", power_w=3))
        self.says(Occupancy.PLUGGED)
        for _ in range(92):
            self.world.clock.advance(1)
        self.assertEqual(ANONYMOUS, self.tag)

    def test_disabled(self) -> None:
        """Who is left with his minimum while he is disabled charges with that."""
        left = evolve(BOX, enabled=False, disabled_current_ma=6000)
        self.configure(left, OCPP)
        self.says(Occupancy.PLUGGED)
        self.assertEqual(ANONYMOUS, self.tag)

    def test_new_list(self) -> None:
        """Settings that change are looked at without a card or a car that moves."""
        self.configure(evolve(BOX, enabled=False), OCPP)
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.configure(BOX, OCPP)
        self.assertEqual(ANONYMOUS, self.tag)


class FixedTagTests(Case):
    """A box without a reader."""

    settings = evolve(BOX, fixed_tag="FLEET")

    def test_begins(self) -> None:
        """Its fixed tag needs no entry in the list."""
        self.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.assertEqual("FLEET", self.tag)

    def test_card_wins(self) -> None:
        """Who has shown a card charges with that."""
        self.allow("04AA")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.assertEqual("04AA", self.tag)

    def test_blocked(self) -> None:
        """An entry in the list counts for a fixed tag, too."""
        self.successResultOf(self.world.tags.put(Tag("FLEET", Verdict.BLOCKED)))
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)


class OpenTests(Case):
    """A box that asks for itself, such as a backend of its own."""

    settings = evolve(BOX, open_to_all=True)

    def test_begins(self) -> None:
        """Nobody is asked here."""
        self.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.assertEqual(ANONYMOUS, self.tag)

    def test_card(self) -> None:
        """A card says whose charge it is, and neither begins nor ends it: its device does."""
        for allowed in ((), ("04AA",)):
            self.setUp()
            self.allow(*allowed)
            self.show("04BB")
            self.says(Occupancy.PLUGGED)
            self.assertEqual("04BB", self.tag)
            self.show("04BB")
            self.assertEqual("04BB", self.tag)
            self.assertEqual([], self.told(TagJudged, TransactionStopped))


class EndingTests(Case):
    """When it is over."""

    def setUp(self) -> None:
        """A car charges with a card of a group."""
        super().setUp()
        self.allow("04AA", "04BB", group="family")
        self.allow("04CC")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.assertEqual("04AA", self.tag)

    def ended(self) -> TransactionStopped | None:
        """What was told of the end."""
        stopped = self.told(TransactionStopped)
        assert len(stopped) < 2
        return stopped[0] if stopped else None

    def test_leaves(self) -> None:
        """The car leaves: what its meter shows then is what it has taken."""
        self.draws(8500)
        self.says(Occupancy.FREE)
        ended = self.ended()
        self.assertEqual((3500, "EVDisconnected"), (ended.energy_wh, ended.reason))
        (row,) = self.world.ledger.rows.values()
        self.assertEqual("stopped", row.state)
        said = json.loads(row.stop.request_text)
        self.assertEqual((8500, "EVDisconnected"), (said["meterStop"], said["reason"]))

    def test_same_card(self) -> None:
        """The same card ends it; another one is needed to begin again, or the same."""
        self.show("04aa")
        self.assertEqual("Local", self.ended().reason)
        self.says(Occupancy.CHARGING)
        self.assertIsNone(self.tag)
        self.show("04CC")
        self.assertEqual("04CC", self.tag)

    def test_same_group(self) -> None:
        """So does one of its group."""
        self.show("04BB")
        self.assertEqual("Local", self.ended().reason)

    def test_other_card(self) -> None:
        """Another one does not, and is told that it is good, for it is."""
        self.show("04CC")
        self.assertIsNone(self.ended())
        self.assertEqual("04AA", self.tag)

    def test_blocked_of_group(self) -> None:
        """A card of the group that may not charge may not end a charge either."""
        self.successResultOf(
            self.world.tags.put(Tag("04BB", Verdict.BLOCKED, parent_id_tag="family"))
        )
        self.show("04BB")
        self.assertIsNone(self.ended())

    def test_lost(self) -> None:
        """Who is away has not left: it is over when it is seen that the car has."""
        self.report(EvseLost("box", "no answer"))
        self.world.clock.advance(1000)
        self.assertIsNone(self.ended())
        self.report(EvseConnected("box", "test"))
        self.draws(9000)
        self.says(Occupancy.FREE)
        self.assertEqual(4000, self.ended().energy_wh)

    def test_backwards(self) -> None:
        """Where a meter shows less than at the start nobody knows what was drawn."""
        self.draws(100)
        self.says(Occupancy.FREE)
        self.assertIsNone(self.ended().energy_wh)

    def test_taken_out(self) -> None:
        """Who is taken out of the settings has charged until then."""
        self.draws(6000)
        self.configure(OCPP)
        self.assertEqual((1000, "Other"), (self.ended().energy_wh, self.ended().reason))

    def test_taken_out_on_full_disk(self) -> None:
        """What he has charged is written when it can be."""
        self.world.disk.broken = True
        self.draws(6000)
        self.configure(OCPP)
        self.world.clock.advance(RETRY_S)
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        self.assertEqual(1000, self.ended().energy_wh)
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_moved(self) -> None:
        """A card counts for the device that it was shown at, and for no other."""
        self.configure(OCPP)
        self.configure(BOX, OCPP)
        self.report(EvseConnected("box", "elsewhere"))
        self.draws(99_000)
        self.says(Occupancy.PLUGGED)
        self.assertEqual((0, None), (self.ended().energy_wh, self.tag))

    def test_disk_full(self) -> None:
        """An end that cannot be written down is written later, as it was then."""
        self.world.disk.broken = True
        self.draws(6000)
        self.says(Occupancy.FREE)
        self.draws(7777)
        self.world.clock.advance(RETRY_S)
        self.assertIsNone(self.ended())
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        self.assertEqual(1000, self.ended().energy_wh)
        (row,) = self.world.ledger.rows.values()
        self.assertEqual(0, (row.stop.stopped_at - row.start.started_at).total_seconds())

    def test_next_car(self) -> None:
        """What was not written down of one car is not mixed with the next."""
        self.world.disk.broken = True
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.world.disk.broken = False
        self.show("04CC")
        states = [row.state for row in self.world.ledger.rows.values()]
        self.assertEqual((["stopped", "open"], "04CC"), (states, self.tag))


class FullDiskTests(Case):
    """Nothing begins that is not on disk."""

    def test_later(self) -> None:
        """It is tried again, and begins when it can."""
        self.world.disk.broken = True
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        self.assertEqual(ANONYMOUS, self.tag)


class RestartTests(Case):
    """What was open when the program ended."""

    def restart(self, meter_start_wh: int = 5000) -> None:
        """Begin a charge, end the program and begin again."""
        self.draws(meter_start_wh)
        self.says(Occupancy.PLUGGED)
        running = self.state.evses["box"].transaction
        assert running is not None
        self.successResultOf(Deferred.fromCoroutine(self.local.close()))
        self.events.clear()
        self.begin()
        self.local.resume(
            (
                OpenTransaction(place_of("box"), 1, "box", running),
                OpenTransaction("CP-1", 1, "bay", evolve(running, transaction_id=1)),
            )
        )
        self.world.clock.advance(0)

    def test_goes_on(self) -> None:
        """It goes on, and ends with the car."""
        self.restart()
        self.assertEqual(ANONYMOUS, self.tag)
        self.assertEqual(1, len(self.told(TransactionResumed)))
        self.report(EvseConnected("box", "test"))
        self.draws(6500)
        self.says(Occupancy.FREE)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(1500, stopped.energy_wh)

    def test_left_meanwhile(self) -> None:
        """The car that is there now is taken for the same: no second one begins."""
        self.restart()
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.PLUGGED)
        self.assertEqual([], self.told(TransactionStarted))

    def test_left_while_down(self) -> None:
        """A car that left while the program was not there has taken what its meter shows."""
        self.restart()
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.FREE)
        self.draws(6500)
        self.world.clock.advance(1)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(1500, stopped.energy_wh)

    def test_no_meter(self) -> None:
        """One that began without a reading is not billed for all that its meter ever saw."""
        self.restart(meter_start_wh=0)
        self.draws(4_000_000)
        self.says(Occupancy.FREE)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(0, stopped.energy_wh)

    def test_gone(self) -> None:
        """One whose EVSE is not there any more is over."""
        self.says(Occupancy.PLUGGED)
        running = self.state.evses["box"].transaction
        assert running is not None
        self.begin()
        self.configure(OCPP)
        self.local.resume((OpenTransaction(place_of("box"), 1, "box", running),))
        (row,) = self.world.ledger.rows.values()
        self.assertEqual("superseded", row.state)

    def test_closed(self) -> None:
        """After it was closed nothing happens any more."""
        self.successResultOf(Deferred.fromCoroutine(self.local.close()))
        self.says(Occupancy.PLUGGED)
        self.world.clock.advance(100)
        self.assertEqual({}, self.world.ledger.rows)


class CardsTests(Case):
    """Cards that are shown while the program is busy with something else."""

    def test_while_ending(self) -> None:
        """A card is looked up before it begins anything, also while an end is written down."""
        self.allow("04AA")
        self.successResultOf(self.world.tags.put(Tag("04BB", Verdict.BLOCKED)))
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.world.ledger.disk = Disk(held=True)
        self.show("04AA")
        self.show("04BB")
        self.world.ledger.disk.let_go()
        self.world.clock.advance(0)
        self.assertIsNone(self.tag)
        self.assertEqual([Verdict.BLOCKED], [one.verdict for one in self.told(TagJudged)][1:])

    def test_after_the_card(self) -> None:
        """Who has ended his charge by his card has done so for his own car only."""
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        self.says(Occupancy.FREE)
        self.world.clock.advance(1)
        self.says(Occupancy.PLUGGED)
        self.assertEqual(ANONYMOUS, self.tag)

    def test_two_at_once(self) -> None:
        """Each of two that are shown one after the other is looked up."""
        self.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk = Disk(held=True)
        self.show("04BB")
        self.show("04AA")
        self.world.tags.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual("04AA", self.tag)
        self.assertEqual(["04BB", "04AA"], [one.id_tag for one in self.told(TagJudged)])

    def test_accepted_first(self) -> None:
        """One that may not charge takes nothing from who was there before."""
        self.allow("04AA")
        self.world.tags.disk = Disk(held=True)
        self.show("04AA")
        self.show("04BB")
        self.world.tags.disk.let_go()
        self.world.clock.advance(0)
        self.says(Occupancy.PLUGGED)
        self.assertEqual("04AA", self.tag)

    def test_old(self) -> None:
        """What could not be looked up in time ends nothing an hour later."""
        self.says(Occupancy.PLUGGED)
        self.world.disk.broken = True
        self.show(ANONYMOUS)
        self.world.clock.pump([RETRY_S] * 30)
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        self.assertEqual(ANONYMOUS, self.tag)


class SlowDiskTests(Case):
    """What happens at an EVSE while something is being written down."""

    def test_left_while_beginning(self) -> None:
        """Who has left before his start was on disk has taken nothing, and is gone."""
        self.allow("04AA")
        self.show("04AA")
        self.world.ledger.disk = Disk(held=True)
        self.says(Occupancy.PLUGGED)
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.world.ledger.disk.let_go()
        self.world.clock.advance(0)
        self.assertIsNone(self.tag)
        self.assertEqual(["stopped"], [row.state for row in self.world.ledger.rows.values()])
        self.assertEqual([], self.told(TransactionStarted))

    def test_left_while_looking(self) -> None:
        """A car that comes while the end of another one's charge waits is another one."""
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk = Disk(held=True)
        self.show("04BB")
        self.says(Occupancy.FREE)
        self.world.clock.advance(1)
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk.let_go()
        self.world.clock.advance(0)
        states = [row.state for row in self.world.ledger.rows.values()]
        self.assertEqual((["stopped", "open"], ANONYMOUS), (states, self.tag))

    def test_left_before_beginning(self) -> None:
        """Nothing is written of a car that has left before it was known who may charge."""
        self.world.tags.disk = Disk(held=True)
        self.says(Occupancy.PLUGGED)
        self.says(Occupancy.FREE)
        self.world.tags.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual({}, self.world.ledger.rows)

    def test_left_while_ended_by_card(self) -> None:
        """Who has left is gone: his card keeps no other car from charging."""
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk = Disk(held=True)
        self.show(ANONYMOUS)
        self.says(Occupancy.FREE)
        self.world.clock.advance(1)
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk.let_go()
        self.world.clock.advance(0)
        (ended,) = self.told(TransactionStopped)
        self.assertEqual(("EVDisconnected", ANONYMOUS), (ended.reason, self.tag))

    def test_taken_out_while_beginning(self) -> None:
        """What began at one that was taken out meanwhile does not go on at its successor."""
        self.allow("04AA")
        self.show("04AA")
        self.world.ledger.disk = Disk(held=True)
        self.says(Occupancy.PLUGGED)
        self.configure(OCPP)
        self.configure(BOX, OCPP)
        self.world.ledger.disk.let_go()
        self.world.clock.advance(0)
        self.assertIsNone(self.tag)
        self.assertEqual(["stopped"], [row.state for row in self.world.ledger.rows.values()])

    def test_closed_while_beginning(self) -> None:
        """No timer is left of a start that was being written when the program stopped."""
        self.world.ledger.disk = Disk(held=True)
        self.says(Occupancy.PLUGGED)
        closed = Deferred.fromCoroutine(self.local.close())
        self.world.ledger.disk.let_go()
        self.successResultOf(closed)
        self.assertEqual([], self.world.clock.getDelayedCalls())
        self.assertEqual(["open"], [row.state for row in self.world.ledger.rows.values()])

    def test_told_once(self) -> None:
        """A disk that is full is complained of once, and not with each attempt."""
        self.world.disk.broken = True
        with capturedLogs() as logged:
            self.says(Occupancy.PLUGGED)
            self.world.clock.pump([RETRY_S] * 10)
        self.assertEqual(1, len([one for one in logged if one["evse"] == "box"]))
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        self.world.disk.broken = True
        with capturedLogs() as logged:
            self.says(Occupancy.FREE)
        self.assertEqual(1, len([one for one in logged if one["evse"] == "box"]))


class MeterTests(Case):
    """What its meter says, and when."""

    def comes(self, occupancy: Occupancy, energy_wh: int) -> None:
        """It is there again, and its meter speaks a little later."""
        self.report(EvseConnected("box", "test"))
        self.says(occupancy)
        self.draws(energy_wh)
        self.world.clock.pump([1.0] * 3)

    def test_charged_while_away(self) -> None:
        """What was charged while it was away is part of what is billed."""
        self.says(Occupancy.PLUGGED)
        self.report(EvseLost("box", "no answer"))
        self.comes(Occupancy.FREE, 15_000)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(10_000, stopped.energy_wh)

    def test_away_for_ever(self) -> None:
        """Where its meter says nothing any more the last that it said counts."""
        self.says(Occupancy.PLUGGED)
        self.draws(6000)
        self.report(EvseLost("box", "no answer"))
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.FREE)
        self.world.clock.pump([1.0] * 12)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(1000, stopped.energy_wh)

    def test_others_while_away(self) -> None:
        """Nobody is billed for what was charged before he came."""
        self.report(EvseLost("box", "no answer"))
        self.comes(Occupancy.PLUGGED, 15_000)
        self.assertEqual(15_000, self.state.evses["box"].transaction.meter_start_wh)

    def test_patience_anew(self) -> None:
        """After each connection its register is waited for again."""
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.PLUGGED)
        self.world.clock.advance(1)
        self.report(EvseLost("box", "no answer"))
        self.world.clock.advance(600)
        self.report(EvseConnected("box", "test"))
        self.says(Occupancy.PLUGGED)
        self.world.clock.advance(1)
        self.assertIsNone(self.tag)
        self.draws(7000)
        self.world.clock.advance(1)
        self.assertEqual(7000, self.state.evses["box"].transaction.meter_start_wh)

    def test_other_meter_while_away(self) -> None:
        """What it had taken when it was lost is what is known of it."""
        self.says(Occupancy.PLUGGED)
        self.draws(6000)
        self.report(EvseLost("box", "no answer"))
        meter = MeterSettings("submeter", MeterRole.EVSE, evse="box")
        apart = evolve(BOX, metered_apart=True)
        self.report(SettingsChanged("site", False, (FUSE,), (apart, OCPP), (meter,)))
        self.report(MeterMeasured("submeter", energy_wh=90_000, at_s=0.0))
        self.world.clock.advance(0)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual(1000, stopped.energy_wh)

    def test_other_meter(self) -> None:
        """What two meters show is not subtracted: a charge ends with one of them."""
        self.allow("04AA")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.draws(6000)
        meter = MeterSettings("submeter", MeterRole.EVSE, evse="box")
        apart = evolve(BOX, metered_apart=True)
        self.report(SettingsChanged("site", False, (FUSE,), (apart, OCPP), (meter,)))
        self.world.clock.advance(0)
        self.report(MeterMeasured("submeter", energy_wh=90_000, at_s=0.0))
        self.world.clock.advance(1)
        (first,) = self.told(TransactionStopped)
        self.assertEqual((1000, "04AA"), (first.energy_wh, self.tag))
        self.report(MeterMeasured("submeter", energy_wh=90_700, at_s=0.0))
        self.says(Occupancy.FREE)
        self.assertEqual(700, self.told(TransactionStopped)[1].energy_wh)
