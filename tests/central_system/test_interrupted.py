"""Transactions whose story is told in pieces: lost answers, wrong words, failing disks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product, zip_longest
from threading import Event
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.roster import MAX_IN_TURN
from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.counters import Counter
from cfos_cm.errors import StorageError
from cfos_cm.limits.decide import decide
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    EvseLost,
    EvseMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, Link, Occupancy
from cfos_cm.site.state import SiteState, fold
from cfos_cm.storage.transactions import TransactionState
from tests.central_system.world import (
    BAY_1,
    BAY_2,
    BOOT,
    NOW,
    SITE,
    START,
    CallFailed,
    Disk,
    World,
    stop_of,
)
from tests.services.sites import SiteCase

NO_CLOCK = {**START, "timestamp": "1970-01-01T00:00:00Z"}
OTHER_START = {**START, "idTag": "OTHER", "meterStart": 4000}


class Case(SynchronousTestCase):
    """CP-1 with its first connector."""

    def setUp(self) -> None:
        """It is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def status(self, status: str) -> None:
        """Tell a state."""
        payload = {"connectorId": 1, "errorCode": "NoError", "status": status}
        self.peer.ask("StatusNotification", payload)

    def start(self, payload: dict[str, Any] = START) -> int:
        """Start; returns the transaction's id."""
        number: int = self.peer.ask("StartTransaction", payload)["transactionId"]
        return number

    def reconnect(self) -> None:
        """Dial again."""
        self.peer.lose()
        self.peer = self.world.connect()

    def runs(self) -> bool:
        """Whether a transaction runs there, as far as we know."""
        return self.world.system.roster.runs_at(("CP-1", 1))

    def state(self, number: int) -> str:
        """What the ledger says of a transaction."""
        return self.world.ledger.rows[number].state


class LostAnswer(Case):
    """An answer to a start is lost, and the connector says to be free before its repetition."""

    def test_repeated(self) -> None:
        """It is the same transaction, and goes on: with a clock and without."""
        for payload in (START, NO_CLOCK):
            self.setUp()
            number = self.start(payload)
            self.reconnect()
            self.status("Available")
            self.status("Preparing")
            self.assertFalse(self.runs())
            self.world.clock.advance(10)
            self.assertEqual(number, self.start(payload))
            self.assertTrue(self.runs())
            self.assertEqual(("open", 1), (self.state(number), len(self.world.ledger.rows)))
            self.assertEqual(1, len(self.world.happened(TransactionResumed)))
            self.assertEqual(1, len(self.world.happened(TransactionStarted)))

    def test_overtaken(self) -> None:
        """Not if another one has begun there since: then it is over."""
        number = self.start()
        self.status("Available")
        other = self.start({**START, "idTag": "OTHER"})
        self.assertEqual(number, self.start())
        self.assertEqual(("superseded", "open"), (self.state(number), self.state(other)))
        self.assertTrue(self.world.system.roster.sleeps_at(("CP-1", 1), number) is False)

    def test_stopped(self) -> None:
        """A start that is repeated after its end starts nothing."""
        number = self.start()
        self.peer.ask("StopTransaction", stop_of(number))
        self.assertEqual(number, self.start())
        self.assertFalse(self.runs())
        self.assertEqual("stopped", self.state(number))


class Mistaken(Case):
    """It says that it is free, and charges on."""

    def values(self, number: int, **value: str) -> None:
        """Say values of a transaction."""
        self.peer.ask("MeterValues", values_of(number, **value))

    def test_draws(self) -> None:
        """Values that show a current wake its transaction up: what flows is counted."""
        for value in (
            {"measurand": "Current.Import", "value": "16", "unit": "A"},
            {"measurand": "Power.Active.Import", "value": "11", "unit": "kW"},
        ):
            self.setUp()
            number = self.start()
            self.status("Available")
            self.assertFalse(self.runs())
            self.values(number, **value)
            self.assertTrue(self.runs())

    def test_drawsNothing(self) -> None:
        """Values of what was do not: a register, or the last milliamps."""
        number = self.start()
        self.status("Available")
        self.values(number, value="1500")
        self.values(number, measurand="Current.Import", value="0.3")
        self.assertFalse(self.runs())

    def test_stopped(self) -> None:
        """Nor do any after its end."""
        number = self.start()
        self.peer.ask("StopTransaction", stop_of(number))
        self.values(number, measurand="Current.Import", value="16")
        self.assertFalse(self.runs())

    def test_onDisk(self) -> None:
        """It is open on disk before the answer: after a restart of ours it still runs."""
        number = self.start()
        self.status("Available")
        self.world.ledger.disk = Disk(held=True)
        status = self.peer.call("StatusNotification", status_of("Charging"))
        self.assertEqual("open", self.state(number))
        self.assertIsNone(self.peer.answer_to(status))
        self.world.ledger.disk.let_go()
        self.assertEqual([3, status, {}], self.peer.answer_to(status))

    def test_drawsOnDisk(self) -> None:
        """Also when it was its values that said so."""
        number = self.start()
        self.status("Available")
        self.assertEqual("superseded", self.state(number))
        self.values(number, measurand="Current.Import", value="16")
        self.assertEqual("open", self.state(number))

    def test_drawsInBetween(self) -> None:
        """
        While something waits for its turn they say only what flows: that may be another car,
        which is behind the word that this one has gone.
        """
        number = self.start()
        self.world.ledger.disk = disk = Disk(held=True)
        self.peer.call("StatusNotification", status_of("Available"))
        self.peer = self.world.connect()
        plugged = self.peer.call("StatusNotification", status_of("Preparing"))
        self.assertIsNone(self.peer.answer_to(plugged))
        self.peer = self.world.connect()
        self.peer.call("MeterValues", values_of(number, measurand="Current.Import", value="16"))
        self.assertEqual(1, len(self.world.happened(EvseMeasured)))
        disk.let_go()
        self.assertFalse(self.runs())
        self.assertEqual("superseded", self.state(number))
        self.assertEqual([], self.world.happened(TransactionResumed))


class Stops(Case):
    """Ends that are told in odd words."""

    def test_forgiven(self) -> None:
        """What need not be known for a bill keeps nobody from being billed."""
        for changes in (
            {"idTag": None},
            {"reason": None},
            {"reason": "BecauseISaySo"},
            {"idTag": "x" * 21},
            {"idTag": 7},
            {"timestamp": None},
            {"meterStop": "3500"},
            {"transactionData": 1, "reason": 2, "idTag": []},
        ):
            self.setUp()
            number = self.start()
            self.peer.ask("StopTransaction", stop_of(number, **changes))
            self.assertEqual("stopped", self.state(number), changes)
            stop = self.world.ledger.rows[number].stop
            assert stop is not None
            self.assertEqual(3500, stop.meter_stop_wh, changes)

    def test_noEnd(self) -> None:
        """Without its transaction or its reading it is none."""
        number = self.start()
        for wrong in (
            stop_of(number, meterStop="a lot"),
            {"transactionId": number, "timestamp": "2026-03-01T12:00:00Z"},
        ):
            with self.assertRaises(CallFailed):
                self.peer.ask("StopTransaction", wrong)


class AfterBoot(Case):
    """What a start of the Charge Point changes."""

    def test_forbidden(self) -> None:
        """A connector that is no EVSE is forbidden anew: it may have forgotten it."""
        self.peer.answers["SetChargingProfile"] = {"status": "Accepted"}
        payload = {"connectorId": 3, "errorCode": "NoError", "status": "Preparing"}
        for _ in range(2):
            self.peer.ask("BootNotification", BOOT)
            self.peer.ask("StatusNotification", payload)
            self.peer.ask("StatusNotification", payload)
        self.assertEqual(2, len(self.peer.requests("SetChargingProfile")))

    def test_brokenDisk(self) -> None:
        """It has started, whether that can be written down or not."""
        self.world.disk.broken = True
        self.assertRaises(CallFailed, self.peer.ask, "BootNotification", BOOT)
        names = [event.evse for event in self.world.happened(DeviceBooted)]
        self.assertEqual(["bay-1", "bay-2"], names)

    def test_faultIsNews(self) -> None:
        """However wrong the clock: a fault, and that it charges, are believed."""
        for seconds, status in ((3600, "Preparing"), (0, "Charging"), (1, "Faulted")):
            told_at = f"2026-03-01T{12 + seconds // 3600}:00:{seconds % 60:02}Z"
            payload = {
                "connectorId": 1,
                "errorCode": "OtherError",
                "status": status,
                "timestamp": told_at,
            }
            self.peer.ask("StatusNotification", payload)
        details = [getattr(event, "detail", None) for event in self.world.events]
        self.assertEqual(
            ["Preparing", "Charging", "Faulted"], [one for one in details if one is not None]
        )
        self.assertEqual(NOW, self.world.now)


def status_of(status: str) -> dict[str, Any]:
    """A StatusNotification.req of connector 1."""
    return {"connectorId": 1, "errorCode": "NoError", "status": status}


def values_of(number: int, **value: str) -> dict[str, Any]:
    """A MeterValues.req of a transaction at connector 1, with one value."""
    reading = {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [value]}
    return {"connectorId": 1, "transactionId": number, "meterValue": [reading]}


#: What a Charge Point may tell while something that it told before is on its way to the disk.
TELLINGS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "start": ("StartTransaction", START),
    "other start": ("StartTransaction", OTHER_START),
    "stop": ("StopTransaction", stop_of(1001)),
    "free": ("StatusNotification", status_of("Available")),
    "plugged": ("StatusNotification", status_of("Preparing")),
    "charging": ("StatusNotification", status_of("Charging")),
}

Step = Callable[["SlowDisk"], None]


class SlowDisk(Disk):
    """A disk whose results are told one by one, in the order that a test likes."""

    def __init__(self) -> None:
        super().__init__(held=True)

    def tell_oldest(self) -> None:
        """Tell the result that has waited longest, if there is one."""
        if self._waiting:
            self._waiting.pop(0)()

    def tell_newest(self) -> None:
        """Tell the result that has waited shortest, if there is one."""
        if self._waiting:
            self._waiting.pop()()

    def tell_nothing(self) -> None:
        """Let everybody wait."""

    def tell_all(self, step: Step) -> None:
        """Go on until nobody waits any more."""
        while self._waiting:
            step(self)


#: What is told after each message, and at the end until nothing is left: the disk never is the
#: one to say in which order things have happened.
SCHEDULES: Sequence[tuple[Step, Step]] = (
    (SlowDisk.tell_nothing, SlowDisk.tell_oldest),
    (SlowDisk.tell_nothing, SlowDisk.tell_newest),
    (SlowDisk.tell_oldest, SlowDisk.tell_newest),
    (SlowDisk.tell_newest, SlowDisk.tell_newest),
)


class Told:
    """
    A story of one connector, each message of it on a connection of its own; at the end the
    Charge Point is connected and has said nothing yet.

    @ivar world: what it was told to.
    """

    def __init__(
        self,
        story: Sequence[str],
        schedule: tuple[Step, Step] | None = None,
        lost: Sequence[bool] = (),
    ) -> None:
        """
        @param schedule: C{None}: everything is on disk at once.
        @param lost: of each connection whether it is lost; the others are open still when the
            Charge Point dials again. Those that are not named are lost.
        """
        self.world = World()
        self._tell(story, schedule, lost)

    def _tell(
        self, story: Sequence[str], schedule: tuple[Step, Step] | None, lost: Sequence[bool]
    ) -> None:
        disk = SlowDisk()
        if schedule is not None:
            self.world.ledger.disk = self.world.tags.disk = disk
        for words, is_lost in zip_longest(story, lost, fillvalue=True):
            peer = self.world.connect()
            peer.call(*TELLINGS[str(words)])
            if schedule is not None:
                schedule[0](disk)
            if is_lost:
                peer.lose()
        self.world.connect()
        if schedule is not None:
            disk.tell_all(schedule[1])

    @property
    def ledger(self) -> list[tuple[int, str, str]]:
        """What is on disk: the number, the card and the state of each transaction."""
        rows = self.world.ledger.rows.items()
        return [(number, row.start.id_tag, row.state) for number, row in rows]

    @property
    def events(self) -> list[SiteEvent]:
        """What the site was told of transactions, and of being free."""
        return [event for event in self.world.events if _is_of_transactions(event)]

    @property
    def site(self) -> SiteState:
        """What the site knows."""
        state = fold(SiteState(), SettingsChanged("", False, (GARAGE,), (BAY_1, BAY_2)))
        for event in self.world.events:
            state = fold(state, event)
        return state

    @property
    def evse(self) -> Evse:
        """What it knows of the connector."""
        return self.site.evses["bay-1"]

    @property
    def running(self) -> int | None:
        """The transaction that it knows."""
        transaction = self.evse.transaction
        return None if transaction is None else transaction.transaction_id

    @property
    def decided(self) -> tuple[object, ...]:
        """What it makes of that: where the EVSE stands, what it may draw, and what it gets."""
        site, evse = self.site, self.evse
        return evse.link, evse.occupancy, evse.may_draw_ma, decide(site)["bay-1"]

    @property
    def outcome(self) -> tuple[object, ...]:
        """All that must not depend on the disk."""
        roster = self.world.system.roster
        sleeping = [number for number, *_ in self.ledger if roster.sleeps_at(PLACE, number)]
        running = roster.running.get(PLACE)
        return self.ledger, self.events, self.running, running, sleeping, self.decided


PLACE = ("CP-1", 1)
GARAGE = CircuitSettings(name="garage", parent=None, max_current=40_000)


def _is_of_transactions(event: SiteEvent) -> bool:
    if isinstance(event, OccupancyReported):
        return event.occupancy is Occupancy.FREE
    return isinstance(event, TransactionStarted | TransactionResumed | TransactionStopped)


def stories() -> Iterator[tuple[str, ...]]:
    """Everything that can follow a start, three messages long."""
    for length in (1, 2, 3):
        for rest in product(TELLINGS, repeat=length):
            yield ("start", *rest)


class Overtaking(SynchronousTestCase):
    """A Charge Point dials again while what it has told is on its way to the disk."""

    def test_everyStory(self) -> None:
        """
        Whatever it tells, it is as if the disk had taken no time: where each connection is
        lost, where none is, and where some are.
        """
        for which, story in enumerate(stories()):
            mixed = [bool((which >> place) & 1) for place in range(len(story))]
            for lost in ([True] * len(story), [False] * len(story), mixed):
                expected = Told(story, None, lost).outcome
                for number, schedule in enumerate(SCHEDULES):
                    outcome = Told(story, schedule, lost).outcome
                    self.assertEqual(expected, outcome, (story, lost, number))

    def test_displaced(self) -> None:
        """What it told on a connection that it has given up is still what it told last."""
        told = Told(("start", "plugged"), SCHEDULES[0], (False, False))
        self.assertEqual((Link.ONLINE, Occupancy.PLUGGED), told.decided[:2])

    def test_displacedAndLost(self) -> None:
        """Not if it was gone since, on whichever connection that was."""
        for lost in ((False, True), (False, False, True)):
            told = Told(("start", "charging", "charging"), SCHEDULES[0], lost)
            self.assertEqual((Link.ONLINE, Occupancy.UNKNOWN), told.decided[:2])

    def test_noGhost(self) -> None:
        """A start that comes back from the disk behind the word Available does not run."""
        told = Told(("start", "free"), SCHEDULES[0])
        self.assertEqual({}, told.world.system.roster.running)
        self.assertIsNone(told.running)
        self.assertEqual([(1001, "04AABB", "superseded")], told.ledger)
        kinds = [type(event) for event in told.events]
        self.assertEqual([TransactionStarted, OccupancyReported], kinds)

    def test_nothingIsLeft(self) -> None:
        """Nobody has the turn when everything is told."""
        for schedule in SCHEDULES:
            told = Told(("start", "free", "other start", "stop"), schedule)
            self.assertFalse(told.world.system.roster.turns.is_taken("CP-1"))
            self.assertEqual({}, told.world.system.roster._beginning)

    def test_others(self) -> None:
        """Another Charge Point does not wait."""
        world = World()
        world.ledger.disk = Disk(held=True)
        world.connect().call("StartTransaction", START)
        world.connect("CP-2").ask("StatusNotification", status_of("Preparing"))
        self.assertEqual(["bay-3"], [event.evse for event in world.happened(OccupancyReported)])


class BehindAStart(SynchronousTestCase):
    """Something happens while a start is on its way to the disk."""

    def setUp(self) -> None:
        """CP-1 has told of one, and nothing comes back from the disk."""
        self.world = World()
        self.disk = Disk(held=True)
        self.world.ledger.disk = self.disk
        self.peer = self.world.connect()
        self.start = self.peer.call("StartTransaction", START)

    def started(self) -> list[str]:
        """The EVSEs at which a transaction has started, as the site knows it."""
        return [event.evse for event in self.world.happened(TransactionStarted)]

    def test_chargingIsBooked(self) -> None:
        """That it charges is told at once, and once more behind what came before it."""
        self.peer.lose()
        again = self.world.connect()
        status = again.call("StatusNotification", status_of("Charging"))
        self.assertEqual(1, len(self.world.happened(OccupancyReported)))
        self.assertIsNone(again.answer_to(status))
        self.disk.let_go()
        self.assertEqual([3, status, {}], again.answer_to(status))
        kinds = [
            type(event) for event in self.world.happened(OccupancyReported, TransactionStarted)
        ]
        self.assertEqual([OccupancyReported, TransactionStarted, OccupancyReported], kinds)

    def test_freeAndLost(self) -> None:
        """That it was free is told even if that connection is gone as well."""
        self.peer.lose()
        again = self.world.connect()
        again.call("StatusNotification", status_of("Available"))
        again.lose()
        self.disk.let_go()
        told = self.world.happened(OccupancyReported, TransactionStarted, EvseLost)
        self.assertIsInstance(told[-3], TransactionStarted)
        self.assertEqual(OccupancyReported("bay-1", Occupancy.FREE, "Available"), told[-2])

    def test_freeAndBack(self) -> None:
        """What it has been since then is not known, also if it is back meanwhile."""
        self.peer.lose()
        self.peer = self.world.connect()
        self.peer.call("StatusNotification", status_of("Available"))
        self.peer.lose()
        self.world.connect()
        self.disk.let_go()
        told = self.world.happened(OccupancyReported, EvseConnected)
        self.assertEqual(Occupancy.UNKNOWN, told[-1].occupancy)

    def test_plugged(self) -> None:
        """The fixed tag starts nothing where a start is being written."""
        self.disk.let_go()
        self.peer.ask("StopTransaction", stop_of(1001))
        self.world.ledger.disk = disk = Disk(held=True)
        self.peer.call("StartTransaction", {**START, "connectorId": 2, "idTag": "CAR-2"})
        self.peer.lose()
        again = self.world.connect()
        again.call("StatusNotification", {**status_of("Preparing"), "connectorId": 2})
        disk.let_go()
        self.assertEqual([], again.requests("RemoteStartTransaction"))

    def test_pluggedAndDisplaced(self) -> None:
        """It starts something over the connection that the Charge Point has now."""
        again = self.world.connect()
        again.call("StatusNotification", {**status_of("Preparing"), "connectorId": 2})
        newest = self.world.connect()
        self.disk.let_go()
        self.assertEqual([], again.requests("RemoteStartTransaction"))
        self.assertEqual(1, len(newest.requests("RemoteStartTransaction")))

    def test_pluggedAndLost(self) -> None:
        """And nothing where it was lost since: the car may have gone."""
        again = self.world.connect()
        again.call("StatusNotification", {**status_of("Preparing"), "connectorId": 2})
        again.lose()
        newest = self.world.connect()
        self.disk.let_go()
        self.assertEqual([], newest.requests("RemoteStartTransaction"))
        self.assertEqual(0, self.world.system.counters[Counter.CALLS_NOT_SENT])

    def test_failed(self) -> None:
        """One that could not be written has not happened, and keeps nobody waiting."""
        self.world = World()
        self.world.tags.disk = tags = Disk(held=True)
        self.peer = self.world.connect()
        start = self.peer.call("StartTransaction", START)
        self.world.ledger.disk.broken = True
        tags.let_go()
        answer = self.peer.answer_to(start)
        assert answer is not None
        self.assertEqual([4, start, "InternalError"], answer[:3])
        self.world.ledger.disk.broken = False
        self.peer.ask("StatusNotification", status_of("Available"))
        self.assertFalse(self.world.system.roster.owes("CP-1"))
        self.assertEqual([], self.started())

    def test_renamed(self) -> None:
        """It runs at the EVSE that is there when it is written, whatever was there before."""
        renamed = evolve(
            SITE.charge_points["CP-1"], evses={1: evolve(BAY_1, name="other"), 2: BAY_2}
        )
        self.world.system.configure(
            evolve(SITE, charge_points={**SITE.charge_points, "CP-1": renamed})
        )
        self.disk.let_go()
        self.assertEqual(["other"], self.started())

    def test_configured(self) -> None:
        """So it does where there was none when it was told."""
        self.disk.let_go()
        self.world.ledger.disk = disk = Disk(held=True)
        self.peer.call("StartTransaction", {**START, "connectorId": 3})
        three = {1: BAY_1, 2: BAY_2, 3: evolve(BAY_1, name="bay-4")}
        charge_point = evolve(SITE.charge_points["CP-1"], evses=three)
        self.world.system.configure(
            evolve(SITE, charge_points={**SITE.charge_points, "CP-1": charge_point})
        )
        disk.let_go()
        self.assertEqual(["bay-1", "bay-4"], self.started())
        self.assertTrue(self.world.system.roster.runs_at(("CP-1", 3)))

    def test_removed(self) -> None:
        """
        One whose Charge Point is taken out keeps it connected, also where others are refused,
        and can be ended.
        """
        others = {"CP-2": SITE.charge_points["CP-2"]}
        refusing = evolve(SITE, charge_points=others, unknown=UnknownChargePoints.REFUSE)
        self.world.system.configure(refusing)
        self.assertEqual([], self.peer.hang_ups)
        self.assertIs(Admission.ADMITTED, self.world.system.admit("CP-1", Approach()))
        self.disk.let_go()
        self.assertEqual([], self.started())
        self.assertIsNotNone(self.peer.answer_to(self.start))
        self.peer.ask("StopTransaction", stop_of(1001))
        self.assertEqual("stopped", self.world.ledger.rows[1001].state)
        self.assertIs(Admission.UNKNOWN, self.world.system.admit("CP-1", Approach()))

    def test_waiting(self) -> None:
        """One that waits for its turn is of where and when it was told."""
        self.peer.lose()
        again = self.world.connect()
        again.call("StartTransaction", {**OTHER_START, "timestamp": "never"})
        again.lose()
        others = {"CP-2": SITE.charge_points["CP-2"]}
        self.world.system.configure(evolve(SITE, charge_points=others))
        self.world.clock.advance(10)
        self.disk.let_go()
        start = self.world.ledger.rows[1002].start
        self.assertEqual(("bay-1", NOW), (start.evse, start.started_at))
        self.assertEqual({PLACE: 1002}, self.world.system.roster.running)

    def test_waitingStop(self) -> None:
        """So is an end."""
        self.peer.lose()
        again = self.world.connect()
        again.call("StopTransaction", stop_of(1001, timestamp="never"))
        self.world.clock.advance(10)
        self.disk.let_go()
        stop = self.world.ledger.rows[1001].stop
        assert stop is not None
        self.assertEqual(NOW, stop.stopped_at)

    def test_bound(self) -> None:
        """Who dials and dials while nothing can be written is told so, and counted."""
        for _ in range(MAX_IN_TURN):
            self.peer = self.world.connect()
            self.peer.call("StatusNotification", status_of("Available"))
        self.peer = self.world.connect()
        refused = self.assertRaises(
            CallFailed, self.peer.ask, "StatusNotification", status_of("Available")
        )
        self.assertEqual("InternalError", refused.code)
        self.assertEqual(1, self.world.system.counters[Counter.CALLS_REFUSED])
        self.disk.let_go()
        self.assertFalse(self.world.system.roster.turns.is_taken("CP-1"))
        self.peer.ask("StatusNotification", status_of("Available"))
        self.assertEqual({}, self.world.system.roster.running)


class OnDisk(SiteCase):
    """The same with a database that takes its time, and a wallbox that does not."""

    async def heard(self, site: ChargingSite, calls: int) -> None:
        """So many calls have arrived."""
        assert site.central_system is not None
        while site.central_system.counters[Counter.CALLS_RECEIVED] < calls:
            await deferLater(reactor, 0)

    def hold(self, site: ChargingSite) -> Event:
        """Have the database write nothing until the event is set."""
        assert site.ledger is not None
        written = Event()
        self.addCleanup(written.set)
        site.ledger._database.run(lambda _: written.wait())
        return written

    async def test_free(self) -> None:
        """It starts, is lost, and says on its next connection that it is free."""
        site, port = await self.started()
        assert site.central_system is not None
        assert site.control_loop is not None
        assert site.ledger is not None
        station = await self.station(port, "CP-1")
        written = self.hold(site)
        station.call("StartTransaction", START)
        await self.heard(site, 1)
        station.sendClose()
        await station.closed
        station = await self.station(port, "CP-1")
        status = station.call("StatusNotification", status_of("Available"))
        await self.heard(site, 2)
        written.set()
        await status
        self.assertEqual({}, site.central_system.roster.running)
        evse = site.control_loop.state.evses["bay-1"]
        self.assertEqual((Occupancy.FREE, None), (evse.occupancy, evse.transaction))
        (stored,) = await site.ledger.transactions()
        self.assertIs(TransactionState.SUPERSEDED, stored.state)

    async def test_atTheEnd(self) -> None:
        """That it is free is written when the site stops, if it could not be before."""
        site, port = await self.started()
        assert site.ledger is not None
        station = await self.station(port, "CP-1")
        await station.call("StartTransaction", START)
        full: Deferred[None] = fail(StorageError("the disk is full"))
        broken = self.patch(site.ledger, "vacated", lambda *_: full)
        await station.call("StatusNotification", status_of("Available"))
        broken.restore()
        (still_open,) = await site.ledger.open_transactions()
        self.assertEqual(1, still_open.connector)
        await site.stopService()
        site.startService()
        await site.started
        assert site.ledger is not None
        self.assertEqual((), await site.ledger.open_transactions())
