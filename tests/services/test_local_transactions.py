"""Transactions of EVSEs that know none."""

from __future__ import annotations

import json

from attrs import evolve

from cfos_cm.services.local_entries import place_of
from cfos_cm.services.local_transactions import (
    CARD_S,
    RETRY_S,
)
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    TagJudged,
    TransactionStopped,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.site.transaction import ANONYMOUS
from tests.services.local_site import BOX, OCPP, Case


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
