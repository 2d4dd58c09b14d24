"""Connectors and Charge Points that are no part of the site, and transactions that are over."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.session import MAX_REFUSALS_LOGGED
from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.errors import CallErrorCode
from cfos_cm.site.events import TransactionStarted, TransactionStopped
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.records import OpenTransaction, TransactionStop
from cfos_cm.site.tag import Tag, Verdict

from .world import NOW, SITE, START, CallFailed, Peer, World, stop_of

ACCEPTING = evolve(SITE, unknown=UnknownChargePoints.ACCEPT)
STRANGE = {**START, "connectorId": 3}


def warnings(logged: list[dict[str, Any]]) -> list[str]:
    """The lines of a log that are warnings."""
    return [formatEvent(event) for event in logged if event["log_level"] is LogLevel.warn]


def says(peer: Peer, connector: int, status: str) -> None:
    """A Charge Point says StatusNotification."""
    peer.ask(
        "StatusNotification",
        {"connectorId": connector, "errorCode": "NoError", "status": status},
    )


class Start(SynchronousTestCase):
    """A transaction where nobody counts what is drawn."""

    def refused(self, world: World, peer: Peer, payload: dict[str, Any]) -> list[str]:
        """Start; check that it gets an id of its own and no current. The warnings."""
        with capturedLogs() as logged:
            answer = peer.ask("StartTransaction", payload)
        self.assertEqual("Invalid", answer["idTagInfo"]["status"])
        row = world.ledger.rows[answer["transactionId"]]
        self.assertEqual((None, Verdict.INVALID), (row.start.evse, row.transaction.verdict))
        self.assertEqual(world.happened(TransactionStarted), [])
        self.assertEqual({}, dict(world.system.roster.running))
        return warnings(logged)

    def test_connector(self) -> None:
        """At a connector without [evse] it is stored, refused and warned of."""
        world = World()
        peer = world.connect()
        warning, _ = self.refused(world, peer, STRANGE)
        self.assertEqual(1, len(peer.requests("SetChargingProfile")))
        self.assertIn("CP-1: connector 3 is no EVSE of the site", warning)

    def test_tag(self) -> None:
        """Also with a tag that may charge elsewhere."""
        world = World()
        world.tags.put(Tag(START["idTag"], Verdict.ACCEPTED))
        self.refused(world, world.connect(), STRANGE)

    def test_station(self) -> None:
        """A Charge Point that is accepted without being configured has no EVSE either."""
        world = World(ACCEPTING)
        warning, _ = self.refused(world, world.connect("new"), START)
        self.assertIn("new: connector 1 is no EVSE of the site", warning)


class Standing(SynchronousTestCase):
    """The order that forbids charging at such a connector."""

    def forbidden(self, peer: Peer) -> list[int]:
        """The connectors that were forbidden, in order; each by a default profile of 0 A."""
        connectors = []
        for *_, payload in peer.requests("SetChargingProfile"):
            profile = payload["csChargingProfiles"]
            self.assertEqual("TxDefaultProfile", profile["chargingProfilePurpose"])
            (period,) = profile["chargingSchedule"]["chargingSchedulePeriod"]
            self.assertEqual(0, period["limit"])
            connectors.append(payload["connectorId"])
        return connectors

    def peer(self, world: World, identity: str = "CP-1") -> Peer:
        """A Charge Point that accepts every profile."""
        peer = world.connect(identity)
        peer.answers["SetChargingProfile"] = {"status": "Accepted"}
        return peer

    def test_once(self) -> None:
        """It is given when the connector is first heard of, once for each connection."""
        world = World()
        peer = self.peer(world)
        with capturedLogs() as logged:
            for connector in (3, 4, 3, 3):
                says(peer, connector, "Preparing")
        self.assertEqual([3, 4], self.forbidden(peer))
        self.assertEqual(
            [f"CP-1: connector {n} is no EVSE of the site and gets no current" for n in (3, 4)],
            warnings(logged),
        )
        peer.lose()
        again = self.peer(world)
        says(again, 3, "Charging")
        self.assertEqual([3], self.forbidden(again))

    def test_was_an_evse_meanwhile(self) -> None:
        """It is given once more to one that was an EVSE meanwhile: it has had other orders."""
        world = World()
        peer = self.peer(world)
        says(peer, 3, "Preparing")
        known = SITE.charge_points["CP-1"]
        more = evolve(known, evses={**known.evses, 3: EvseSettings("bay-4", "garage")})
        for one in (more, known):
            world.system.configure(
                evolve(SITE, charge_points={**SITE.charge_points, "CP-1": one})
            )
        says(peer, 3, "Preparing")
        self.assertEqual([3, 3], self.forbidden(peer))

    def test_cleared(self) -> None:
        """So it is when somebody has had its profiles cleared."""
        for connector, expected in ((None, [3, 3]), (0, [3, 3]), (3, [3, 3]), (1, [3])):
            world = World()
            peer = self.peer(world)
            says(peer, 3, "Preparing")
            world.system.meddled("CP-1", connector)
            says(peer, 3, "Preparing")
            self.assertEqual(expected, self.forbidden(peer), connector)

    def test_unknown_station(self) -> None:
        """So it is with a Charge Point that is accepted without being configured."""
        peer = self.peer(World(ACCEPTING), "new")
        says(peer, 1, "Available")
        self.assertEqual([1], self.forbidden(peer))

    def test_waiting_station(self) -> None:
        """One that waits for approval is not served, and is told nothing."""
        peer = self.peer(World(), "new")
        self.assertRaises(CallFailed, says, peer, 1, "Available")
        self.assertEqual([], peer.requests())

    def test_whole_station(self) -> None:
        """Connector 0 is the Charge Point itself, and no place where a car charges."""
        peer = self.peer(World())
        says(peer, 0, "Available")
        self.assertEqual([], peer.requests())

    def test_evse(self) -> None:
        """A connector that is an EVSE gets its orders from the site alone."""
        peer = self.peer(World())
        says(peer, 1, "Available")
        self.assertEqual([], peer.requests())

    def test_observe_only(self) -> None:
        """While the site is only observed, nothing is ordered."""
        peer = self.peer(World(evolve(SITE, observe_only=True)))
        says(peer, 3, "Preparing")
        self.assertEqual([], peer.requests())

    def test_refused(self) -> None:
        """A Charge Point that does not take it is warned of, and served as before."""
        peer = World().connect()
        says(peer, 3, "Preparing")
        ((_, unique_id, *_),) = peer.requests("SetChargingProfile")
        peer.answers["GetConfiguration"] = {}
        with capturedLogs() as logged:
            peer.say([4, unique_id, "NotSupported", "", {}])
        (warning,) = warnings(logged)
        self.assertIn("CP-1: ", warning)
        peer.ask("Heartbeat")

    def test_toldAgain(self) -> None:
        """It is told again with its next state, until it takes it, and then no more."""
        peer = World().connect()
        peer.answers["GetConfiguration"] = {}
        says(peer, 3, "Preparing")
        peer.say([3, peer.requests("SetChargingProfile")[-1][1], {"status": "Rejected"}])
        says(peer, 3, "Preparing")
        peer.say([3, peer.requests("SetChargingProfile")[-1][1], {"status": "Accepted"}])
        says(peer, 3, "Preparing")
        self.assertEqual(2, len(peer.requests("SetChargingProfile")))

    def test_watts(self) -> None:
        """One that takes watts only gets no watts."""
        peer = World().connect()
        key = {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True}
        peer.answers["GetConfiguration"] = {"configurationKey": [key | {"value": "Power"}]}
        says(peer, 3, "Preparing")
        peer.say([3, peer.requests("SetChargingProfile")[-1][1], {"status": "Rejected"}])
        schedule = peer.requests("SetChargingProfile")[-1][3]["csChargingProfiles"]
        self.assertEqual("W", schedule["chargingSchedule"]["chargingRateUnit"])


class End(SynchronousTestCase):
    """What ends a transaction."""

    def setUp(self) -> None:
        """One runs."""
        self.world = World()
        self.peer = self.world.connect()
        self.number: int = self.peer.ask("StartTransaction", START)["transactionId"]
        self.assertEqual({("CP-1", 1): self.number}, self.running())

    def running(self) -> dict[tuple[str, int], int]:
        """What runs where."""
        return dict(self.world.system.roster.running)

    def stopped(self) -> list[tuple[str, int, int | None]]:
        """The ends that were reported: EVSE, number, energy."""
        return [
            (one.evse, one.transaction_id, one.energy_wh)
            for one in self.world.happened(TransactionStopped)
        ]

    def test_ledger_knows_nothing(self) -> None:
        """A stop of the running one ends it, even if the ledger has never heard of it."""
        self.world.ledger.rows.clear()
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual(1, len(self.world.ledger.stray_stops))
        self.assertEqual({}, self.running())
        self.assertEqual([("bay-1", self.number, None)], self.stopped())

    def test_ledger_knows_it_already(self) -> None:
        """So it does if the ledger has the end already."""
        end = TransactionStop("CP-1", self.number, None, NOW, 3500, "Local", "{}")
        self.successResultOf(self.world.ledger.stop(end))
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual({}, self.running())
        self.assertEqual([("bay-1", self.number, 2500)], self.stopped())

    def test_stranger(self) -> None:
        """The stop of a transaction that runs nowhere ends nothing."""
        self.peer.ask("StopTransaction", stop_of(self.number + 1))
        self.world.connect("CP-2").ask("StopTransaction", stop_of(self.number))
        self.assertEqual({("CP-1", 1): self.number}, self.running())
        self.assertEqual([], self.stopped())

    def test_available(self) -> None:
        """A connector that is available has no transaction; whatever else it is, it may."""
        for status in ("SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted", "Preparing"):
            says(self.peer, 1, status)
            self.assertEqual({("CP-1", 1): self.number}, self.running(), status)
        says(self.peer, 2, "Available")
        self.assertEqual({("CP-1", 1): self.number}, self.running())
        says(self.peer, 1, "Available")
        self.assertEqual({}, self.running())

    def test_available_on_disk(self) -> None:
        """That it is free is on disk before it is answered; no other transaction is touched."""
        other = self.peer.ask("StartTransaction", {**START, "connectorId": 2})
        self.world.disk.held = True
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        asked = self.peer.call("StatusNotification", status)
        self.assertIsNone(self.peer.answer_to(asked))
        self.world.disk.let_go()
        self.assertEqual([3, asked, {}], self.peer.answer_to(asked))
        states = {number: row.state for number, row in self.world.ledger.rows.items()}
        self.assertEqual({self.number: "superseded", other["transactionId"]: "open"}, states)

    def test_resumed(self) -> None:
        """So it is with one that ran when the program was started."""
        transaction = self.world.ledger.rows[self.number].transaction
        world = World()
        world.system.roster.resume([OpenTransaction("CP-1", 1, "bay-1", transaction)])
        says(world.connect(), 1, "Available")
        self.assertEqual({}, dict(world.system.roster.running))

    def test_available_again(self) -> None:
        """Where nothing ran, nothing is written."""
        says(self.peer, 1, "Available")
        self.world.disk.broken = True
        says(self.peer, 1, "Available")
        says(self.peer, 2, "Available")

    def test_told_after_available(self) -> None:
        """The stop that comes afterwards is stored and reported all the same."""
        says(self.peer, 1, "Available")
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual("stopped", self.world.ledger.rows[self.number].state)
        self.assertEqual([("bay-1", self.number, 2500)], self.stopped())


class Log(SynchronousTestCase):
    """What the log tells of peers that behave oddly, and how much of it."""

    def test_refusals(self) -> None:
        """So many refusals of a connection are noted, and the last one says so."""
        world = World()
        peer = world.connect()
        with capturedLogs() as logged:
            for _ in range(MAX_REFUSALS_LOGGED + 10):
                error = self.assertRaises(CallFailed, peer.ask, "NoSuchAction")
                self.assertEqual(CallErrorCode.NOT_IMPLEMENTED.value, error.code)
        lines = [formatEvent(event) for event in logged if "refused" in formatEvent(event)]
        self.assertEqual((50, 50), (MAX_REFUSALS_LOGGED, len(lines)))
        last = "; more of this connection are not noted"
        self.assertEqual([lines[-1]], [line for line in lines if line.endswith(last)])
        peer.lose()
        with capturedLogs() as logged:
            self.assertRaises(CallFailed, world.connect().ask, "NoSuchAction")
        self.assertTrue(any("refused" in formatEvent(event) for event in logged))

    def test_second_connection(self) -> None:
        """Two connections with one identity are warned of, with where both come from."""
        world = World()
        world.connect()
        with capturedLogs() as logged:
            world.system.open("CP-1", "192.0.2.8", lambda _: None, lambda *_: None)
        (warning,) = warnings(logged)
        self.assertIn("CP-1 has connected from 192.0.2.8", warning)
        self.assertIn("its connection from 192.0.2.7 was still open", warning)

    def test_connected_again(self) -> None:
        """One that has lost its connection before is not warned of."""
        world = World()
        world.connect().lose()
        with capturedLogs() as logged:
            world.connect()
            world.connect("CP-2")
        self.assertEqual([], warnings(logged))
