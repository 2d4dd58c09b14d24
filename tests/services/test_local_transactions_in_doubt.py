"""Transactions of EVSEs that know none: restarts, disks, cards and meters that are late."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from cfos_cm.services.local_entries import place_of
from cfos_cm.services.local_transactions import (
    RETRY_S,
)
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    MeterMeasured,
    SettingsChanged,
    TagJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.records import OpenTransaction
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.site.transaction import ANONYMOUS
from tests.central_system.world import Disk
from tests.services.local_site import BOX, FUSE, OCPP, Case


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
        self.allow("04AA", "04BB", group="family")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.world.disk.broken = True
        self.show("04BB")
        self.world.clock.pump([RETRY_S] * 30)
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        self.assertEqual("04AA", self.tag)

    def test_own_card_on_full_disk(self) -> None:
        """Whoever has begun ends it with his card, whoever can be asked about that."""
        self.says(Occupancy.PLUGGED)
        self.world.disk.broken = True
        self.draws(6000)
        self.show(ANONYMOUS)
        self.draws(7000)
        self.world.clock.pump([RETRY_S] * 30)
        self.world.disk.broken = False
        self.world.clock.advance(RETRY_S)
        (stopped,) = self.told(TransactionStopped)
        self.assertEqual((1000, "Local"), (stopped.energy_wh, stopped.reason))


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
        """Who has left is gone: a card of his group keeps no other car from charging."""
        self.allow("04AA", "04BB", group="family")
        self.show("04AA")
        self.configure(evolve(BOX, fixed_tag="FLEET"), OCPP)
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk = Disk(held=True)
        self.show("04BB")
        self.says(Occupancy.FREE)
        self.world.clock.advance(1)
        self.says(Occupancy.PLUGGED)
        self.world.tags.disk.let_go()
        self.world.clock.advance(0)
        (ended,) = self.told(TransactionStopped)
        self.assertEqual(("EVDisconnected", "FLEET"), (ended.reason, self.tag))

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
