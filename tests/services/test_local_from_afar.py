"""Transactions of EVSEs that know none, as backends begin, judge and end them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from cfos_cm.central_system.backends import NoBackends
from cfos_cm.services.local_transactions import CARD_S
from cfos_cm.site.events import (
    BackendSpoke,
    EvseLost,
    TagJudged,
    TransactionJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Link, Occupancy
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.v16.core import Reason
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo, SampledValue, TransactionData
from tests.central_system.world import Disk
from tests.services.local_site import BOX, OCPP, Case

_BILLED = evolve(BOX, needs_backend=True)


class Backend(NoBackends):
    """
    A backend in memory, asked about all EVSEs but that with OCPP.

    @ivar known: what it says of each idTag.
    @ivar asked: the idTags, in the order in which they were asked for.
    @ivar disk: when it answers.
    """

    def __init__(self) -> None:
        self.known: dict[str, IdTagInfo] = {}
        self.asked: list[str] = []
        self.disk = Disk()

    def allow(self, *id_tags: str, group: str | None = None) -> None:
        """These may charge."""
        accepted = IdTagInfo(status=AuthorizationStatus.ACCEPTED, parent_id_tag=group)
        self.known.update(dict.fromkeys(id_tags, accepted))

    def judges(self, evses: Iterable[str], id_tag: str) -> bool:
        """See L{NoBackends.judges}."""
        return "box" in evses

    def judge(
        self, evses: Iterable[str], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """See L{NoBackends.judge}."""
        self.asked.append(id_tag)
        refused = IdTagInfo(status=AuthorizationStatus.INVALID)
        return self.disk.do(lambda: self.known.get(id_tag, refused))


class BilledCase(Case):
    """A box whose backend has to allow each charge."""

    settings = _BILLED

    def setUp(self) -> None:
        """There is a backend."""
        self.backend = self.backends = Backend()
        super().setUp()

    def ended(self) -> list[tuple[int | None, str]]:
        """What was taken, and why it ended, of each transaction. [Wh]"""
        return [(one.energy_wh, one.reason) for one in self.stops()]

    def stops(self) -> list[TransactionStopped]:
        """The ends."""
        return [one for one in self.events if isinstance(one, TransactionStopped)]

    def judged(self) -> list[tuple[str, str]]:
        """Each idTag that was judged, and how."""
        return [
            (one.id_tag, one.verdict.value) for one in self.events if isinstance(one, TagJudged)
        ]

    def row(self) -> Any:
        """The only transaction in the ledger."""
        (row,) = self.world.ledger.rows.values()
        return row

    def number(self) -> int:
        """The transaction that runs."""
        running = self.state.evses["box"].transaction
        assert running is not None
        return running.transaction_id

    def end(self, number: int, reason: Reason = Reason.REMOTE) -> bool:
        """Somebody ends a transaction from afar."""
        is_ended = self.successResultOf(self.local.end("box", number, reason))
        self.world.clock.advance(0)
        return bool(is_ended)

    def invite(self, id_tag: str = "REMOTE", timeout_s: float = 60.0) -> bool:
        """Somebody is invited."""
        is_invited = self.local.invite("box", id_tag, timeout_s)
        self.world.clock.advance(0)
        return is_invited


class BeginningTests(BilledCase):
    """Who may charge where somebody is billed."""

    def test_nobody(self) -> None:
        """A car that comes without a card charges for nobody."""
        self.says(Occupancy.PLUGGED)
        self.world.clock.advance(1000)
        self.assertEqual((None, []), (self.tag, self.backend.asked))

    def test_open_to_all(self) -> None:
        """That its device asks for itself does not help: the backend has to be asked."""
        self.configure(evolve(_BILLED, open_to_all=True), OCPP)
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.show("04AA")
        self.assertEqual((None, ["04AA"]), (self.tag, self.backend.asked))

    def test_card(self) -> None:
        """The backend is asked, and what it says holds."""
        self.backend.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.show("04BB")
        self.assertIsNone(self.tag)
        self.show("04AA")
        self.assertEqual("04AA", self.tag)
        self.assertEqual([("04BB", "Invalid"), ("04AA", "Accepted")], self.judged())

    def test_card_counts(self) -> None:
        """A card counts for as long as the backend wants."""
        self.local.card_s = lambda _: 30.0
        self.backend.allow("04AA")
        self.show("04AA")
        self.world.clock.advance(30)
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.assertLess(30.0, CARD_S)

    def test_reservation(self) -> None:
        """The start says which reservation has ended with it."""
        numbers = {("box", "04AA"): 55}
        self.local.reservation_for = lambda evse, card: numbers.get((evse, card.id_tag))
        self.backend.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        start = self.row().start
        said = json.loads(start.request_text)
        self.assertEqual((55, 55), (start.reservation_id, said["reservationId"]))


class FixedTagTests(BilledCase):
    """A box without a reader whose backend has to allow each charge."""

    settings = evolve(_BILLED, fixed_tag="FLEET")

    def test_allowed(self) -> None:
        """The backend is asked for the fixed tag as for each other."""
        self.backend.allow("FLEET")
        self.says(Occupancy.PLUGGED)
        self.assertEqual(("FLEET", ["FLEET"]), (self.tag, self.backend.asked))

    def test_refused(self) -> None:
        """Who is refused does not charge, and his owner is told why, once."""
        self.says(Occupancy.PLUGGED)
        self.world.clock.pump([100.0] * 10)
        self.assertEqual((None, [("FLEET", "Invalid")]), (self.tag, self.judged()))
        self.assertLess(len(self.backend.asked), 6)

    def test_allowed_later(self) -> None:
        """A car that waits is asked for again now and then."""
        self.says(Occupancy.PLUGGED)
        self.backend.allow("FLEET")
        self.world.clock.pump([100.0] * 4)
        self.assertEqual("FLEET", self.tag)

    def test_back(self) -> None:
        """And as soon as its backend is there."""
        self.says(Occupancy.PLUGGED)
        self.backend.allow("FLEET")
        self.report(BackendSpoke("box", None))
        self.world.clock.advance(0)
        self.assertEqual("FLEET", self.tag)

    def test_left_meanwhile(self) -> None:
        """Who has left before the backend has answered charges nothing."""
        self.backend.allow("FLEET")
        self.backend.disk.held = True
        self.says(Occupancy.PLUGGED)
        self.says(Occupancy.FREE)
        self.backend.disk.let_go()
        self.world.clock.advance(1000)
        self.assertEqual({}, self.world.ledger.rows)


class InvitationTests(BilledCase):
    """Who is let in from afar."""

    def test_plugged_first(self) -> None:
        """TC_010: a car that is there begins at once, and nobody is asked any more."""
        self.says(Occupancy.PLUGGED)
        self.assertTrue(self.invite())
        self.assertEqual(("REMOTE", []), (self.tag, self.backend.asked))

    def test_invited_first(self) -> None:
        """TC_011_1: or when it comes."""
        self.assertTrue(self.invite())
        self.assertEqual([("REMOTE", "Accepted")], self.judged())
        self.world.clock.advance(59)
        self.says(Occupancy.PLUGGED)
        self.assertEqual("REMOTE", self.tag)

    def test_too_late(self) -> None:
        """TC_011_2: not when that is too late."""
        self.assertTrue(self.invite())
        self.world.clock.advance(60)
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)

    def test_taken_out_of_use(self) -> None:
        """Nor where it was taken out of use, or reserved for somebody else, in between."""
        self.assertTrue(self.invite())
        self.local.may_begin = lambda evse, card: (evse, card.id_tag) != ("box", "REMOTE")
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.tag)
        self.assertEqual(("REMOTE", "Invalid"), self.judged()[-1])

    def test_again(self) -> None:
        """The same one can be invited again, and has the time anew; nobody else can."""
        self.assertTrue(self.invite())
        self.world.clock.advance(50)
        self.assertFalse(self.invite("OTHER"))
        self.assertTrue(self.invite("remote"))
        self.world.clock.advance(50)
        self.assertFalse(self.invite("OTHER"))
        self.says(Occupancy.PLUGGED)
        self.assertEqual("remote", self.tag)

    def test_busy(self) -> None:
        """TC_026: not where somebody charges."""
        self.says(Occupancy.PLUGGED)
        self.assertTrue(self.invite())
        self.assertFalse(self.invite())

    def test_being_begun(self) -> None:
        """Nor where a start is being written down."""
        self.says(Occupancy.PLUGGED)
        self.world.ledger.disk = Disk(held=True)
        self.assertTrue(self.invite())
        self.assertFalse(self.invite())
        self.world.ledger.disk.let_go()
        self.assertFalse(self.invite())

    def test_cannot(self) -> None:
        """Nor where no car can charge."""
        for occupancy in (Occupancy.FAULTED, Occupancy.UNAVAILABLE):
            self.says(occupancy)
            self.assertFalse(self.invite(), occupancy)
        self.says(Occupancy.FREE)
        self.configure(evolve(_BILLED, enabled=False), OCPP)
        self.assertFalse(self.invite())
        self.configure(_BILLED, OCPP)
        self.report(EvseLost("box", "no answer"))
        self.assertIs(Link.LOST, self.state.evses["box"].link)
        self.assertFalse(self.invite())

    def test_not_ours(self) -> None:
        """Nor at an EVSE that tells of its transactions itself, or at none."""
        for name in ("bay", "nowhere"):
            self.assertFalse(self.local.invite(name, "REMOTE", 60.0))

    def test_after_an_end(self) -> None:
        """A car whose charge was ended can charge again."""
        self.says(Occupancy.PLUGGED)
        self.invite()
        self.end(self.number())
        self.assertIsNone(self.tag)
        self.assertTrue(self.invite("OTHER"))
        self.assertEqual("OTHER", self.tag)


class EndTests(BilledCase):
    """How it is ended from afar, and by cards."""

    def setUp(self) -> None:
        """Somebody charges."""
        super().setUp()
        self.backend.allow("04AA", "04BB", group="family")
        self.backend.allow("04CC")
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        self.draws(6000)
        self.backend.asked.clear()

    def test_reasons(self) -> None:
        """With the reason that it is ended for, and by what the meter shows."""
        for reason in (Reason.REMOTE, Reason.UNLOCK_COMMAND, Reason.DE_AUTHORIZED):
            self.setUp()
            self.assertTrue(self.end(self.number(), reason))
            self.draws(9000)
            self.assertEqual([(1000, reason.value)], self.ended())
            said = json.loads(self.row().stop.request_text)
            self.assertEqual((reason.value, None), (said["reason"], said.get("idTag")))

    def test_unknown(self) -> None:
        """TC_028: what does not run is not ended, and what runs goes on."""
        self.assertFalse(self.end(self.number() + 1))
        for evse in ("bay", "nowhere"):
            ended = self.local.end(evse, self.number(), Reason.REMOTE)
            self.assertFalse(self.successResultOf(ended))
        self.assertEqual("04AA", self.tag)

    def test_once(self) -> None:
        """It is ended once, also while that is being written down."""
        number = self.number()
        self.world.ledger.disk = Disk(held=True)
        self.assertTrue(self.local.runs("box", number))
        self.assertTrue(self.end(number))
        self.assertFalse(self.local.runs("box", number))
        self.assertFalse(self.end(number))
        self.world.ledger.disk.let_go()
        self.assertEqual([(1000, "Remote")], self.ended())

    def test_stays_ended(self) -> None:
        """The car that is still there does not begin again by itself."""
        self.configure(evolve(_BILLED, fixed_tag="04CC"), OCPP)
        self.end(self.number())
        self.says(Occupancy.CHARGING)
        self.world.clock.pump([100.0] * 10)
        self.assertIsNone(self.tag)
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.assertEqual("04CC", self.tag)

    def test_reset(self) -> None:
        """TC_015, TC_016: whatever runs there ends, and there may be nothing."""
        for _ in range(2):
            is_ours = self.local.end_any("box", Reason.SOFT_RESET)
            self.assertTrue(self.successResultOf(is_ours))
            self.world.clock.advance(0)
        self.assertEqual([(1000, "SoftReset")], self.ended())
        self.assertFalse(self.successResultOf(self.local.end_any("bay", Reason.HARD_RESET)))

    def test_same_card(self) -> None:
        """TC_068: the same card ends it, nobody has to be asked; the stop names it."""
        self.show("04aa")
        self.assertEqual(([(1000, "Local")], []), (self.ended(), self.backend.asked))
        self.assertEqual("04aa", json.loads(self.row().stop.request_text)["idTag"])

    def test_same_group(self) -> None:
        """TC_069: so does one of the same group, as the backend says; it is asked once."""
        self.show("04CC")
        self.assertEqual([], self.ended())
        self.backend.asked.clear()
        self.show("04BB")
        self.assertEqual(([(1000, "Local")], ["04BB"]), (self.ended(), self.backend.asked))
        self.assertEqual("04BB", json.loads(self.row().stop.request_text)["idTag"])

    def test_group_of_invited(self) -> None:
        """The group of somebody who was invited is asked for when it is needed."""
        self.end(self.number())
        self.invite("04AA")
        self.show("04BB")
        self.assertEqual(2, len(self.ended()))
        self.assertEqual(["04BB", "04AA"], self.backend.asked)

    def test_judged_while_asked(self) -> None:
        """A card counts although another verdict comes while the backend is asked for it."""
        self.backend.disk.held = True
        self.show("04BB")
        self.report(TransactionJudged("box", self.number(), Verdict.INVALID))
        self.backend.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual([(1000, "Local")], self.ended())

    def test_blocked_here(self) -> None:
        """Whom our own list forbids it does not charge, whatever a backend says."""
        self.successResultOf(self.world.tags.put(Tag("04CC", Verdict.BLOCKED)))
        self.end(self.number())
        self.show("04CC")
        self.assertIsNone(self.tag)


class DataTests(BilledCase):
    """What goes with an end."""

    def begin_charge(self) -> int:
        """Somebody charges."""
        self.says(Occupancy.PLUGGED)
        self.invite()
        self.draws(6000)
        return self.number()

    def test_added(self) -> None:
        """What was sampled goes with the end, which says when and with what it ended."""
        sampled = SampledValue(value="5500")
        value = TransactionData(timestamp="2026-03-01T12:00:00Z", sampled_value=(sampled,))
        asked: list[tuple[str, int, datetime, int]] = []

        def stop_data(
            evse: str, number: int, ended_at: datetime, stop_wh: int
        ) -> list[TransactionData]:
            asked.append((evse, number, ended_at, stop_wh))
            return [value]

        self.local.stop_data = stop_data
        number = self.begin_charge()
        self.end(number)
        self.assertEqual([("box", number, self.row().stop.stopped_at, 6000)], asked)
        said = json.loads(self.row().stop.request_text)
        self.assertEqual("5500", said["transactionData"][0]["sampledValue"][0]["value"])

    def test_none(self) -> None:
        """Where nothing was sampled nothing is said of it."""
        self.end(self.begin_charge())
        self.assertNotIn("transactionData", json.loads(self.row().stop.request_text))

    def test_fails(self) -> None:
        """Whoever cannot say what was sampled keeps no end from being written down."""

        def stop_data(*_: object) -> list[TransactionData]:
            raise ValueError("no")

        self.local.stop_data = stop_data
        number = self.begin_charge()
        with capturedLogs() as logged:
            self.end(number)
        self.assertEqual([(1000, "Remote")], self.ended())
        self.assertEqual(1, len(logged))
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))


class UnpluggedTests(BilledCase):
    """TC_005_3: a transaction that outlives its plug."""

    def setUp(self) -> None:
        """Somebody charges, and leaves."""
        super().setUp()
        self.local.keeps_when_unplugged = lambda evse: evse == "box"
        self.backend.allow("04AA")
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        self.draws(6000)
        self.started = self.number()
        self.says(Occupancy.FREE)

    def test_goes_on(self) -> None:
        """The site knows that it goes on, and so it does when the car is back."""
        self.assertEqual(("04AA", []), (self.tag, self.ended()))
        self.assertEqual(1, len(self.told(TransactionResumed)))
        self.says(Occupancy.PLUGGED)
        self.draws(7000)
        self.assertEqual(1, len(self.told(TransactionStarted)))
        self.assertTrue(self.end(self.started))
        self.assertEqual([(2000, "Remote")], self.ended())

    def test_ended_without_car(self) -> None:
        """It can be ended while nobody is there, and the next car is another one."""
        self.assertTrue(self.end(self.started))
        self.assertEqual([(1000, "Remote")], self.ended())
        self.configure(evolve(_BILLED, fixed_tag="04AA"), OCPP)
        self.says(Occupancy.PLUGGED)
        self.assertEqual("04AA", self.tag)

    def test_verdict(self) -> None:
        """Who was refused meanwhile is not let in by his coming back."""
        self.says(Occupancy.PLUGGED)
        self.report(TransactionJudged("box", self.started, Verdict.INVALID))
        self.says(Occupancy.FREE)
        running = self.state.evses["box"].transaction
        assert running is not None
        self.assertIs(Verdict.INVALID, running.verdict)

    def test_while_ending(self) -> None:
        """One that was being ended when its car left has ended."""
        self.says(Occupancy.PLUGGED)
        self.world.ledger.disk = Disk(held=True)
        self.end(self.started)
        self.says(Occupancy.FREE)
        self.world.ledger.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual((None, [(1000, "Remote")]), (self.tag, self.ended()))


class SilentBackendTests(BilledCase):
    """A backend that takes its time."""

    def test_card_while_asked(self) -> None:
        """A car that leaves while the backend is asked has left; nothing begins."""
        self.backend.allow("04AA")
        self.backend.disk.held = True
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        self.says(Occupancy.FREE)
        self.backend.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual({}, self.world.ledger.rows)

    def test_closed_while_asked(self) -> None:
        """No timer is left of somebody who was being asked for."""
        self.backend.disk.held = True
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        closed = Deferred.fromCoroutine(self.local.close())
        self.backend.disk.let_go()
        self.successResultOf(closed)
        self.assertEqual([], self.world.clock.getDelayedCalls())
        self.assertFalse(self.invite())
