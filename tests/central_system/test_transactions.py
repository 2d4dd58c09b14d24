"""The start and the end of transactions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.connected import CARD_HOLDS_S
from cfos_cm.site.events import TransactionStarted, TransactionStopped
from cfos_cm.site.records import OpenTransaction, TransactionStop
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.site.transaction import Transaction

from .world import BAY_2, NOW, SITE, START, CallFailed, Disk, Peer, World, stop_of

PREPARING = {"connectorId": 2, "errorCode": "NoError", "status": "Preparing"}
BAY_2_START = {**START, "connectorId": 2, "idTag": "CAR-2"}


class Start(SynchronousTestCase):
    """StartTransaction."""

    def setUp(self) -> None:
        """A Charge Point is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def test_started(self) -> None:
        """It gets an id, is on disk as it was said, and the site is told."""
        answer = self.peer.ask("StartTransaction", {**START, "reservationId": 7})
        self.assertEqual(answer, {"transactionId": 1001, "idTagInfo": {"status": "Accepted"}})
        transaction = Transaction(
            1001, "04AABB", Verdict.ACCEPTED, NOW - timedelta(minutes=1), 1000
        )
        self.assertEqual(
            self.world.happened(TransactionStarted),
            [TransactionStarted("bay-1", transaction)],
        )
        start = self.world.ledger.rows[1001].start
        self.assertEqual(
            (start.charge_point, start.connector, start.evse), ("CP-1", 1, "bay-1")
        )
        self.assertEqual(start.reservation_id, 7)

    def test_textIsKept(self) -> None:
        """The ledger gets the payload to the letter, with the blanks of the Charge Point."""
        payload = (
            '{ "connectorId":1,"idTag":"\\u0041","meterStart":0, '
            '"timestamp":"2026-03-01T12:00:00Z"}'
        )
        self.peer._actions["1"] = "StartTransaction"
        self.peer.say(f'[2, "1", "StartTransaction", {payload}]'.encode())
        self.assertEqual(self.world.ledger.rows[1001].start.request_text, payload)

    def test_repeated(self) -> None:
        """The same again gives the same id, and is told to the site once."""
        first = self.peer.ask("StartTransaction", START)
        self.assertEqual(self.peer.ask("StartTransaction", START), first)
        self.assertEqual(len(self.world.happened(TransactionStarted)), 1)
        self.assertEqual(len(self.world.ledger.rows), 1)

    def test_refusedTags(self) -> None:
        """A tag that may not charge gets an id and its status all the same."""
        for tag in (
            Tag("blocked", Verdict.BLOCKED),
            Tag("invalid", Verdict.INVALID),
            Tag("expired", expires_at=NOW),
        ):
            self.world.tags.put(tag)
        for id_tag, status in (
            ("Blocked", "Blocked"),
            ("invalid", "Invalid"),
            ("EXPIRED", "Expired"),
            ("nobody", "Invalid"),
        ):
            answer = self.peer.ask("StartTransaction", {**START, "idTag": id_tag})
            self.assertEqual(answer["idTagInfo"]["status"], status)
            self.assertIn(answer["transactionId"], self.world.ledger.rows)
            started = self.world.happened(TransactionStarted)[-1]
            self.assertEqual(started.transaction.verdict.value, status)

    def test_anyNumbers(self) -> None:
        """A start is answered whatever connector and reading it names."""
        for connector in (0, -1, 3, 2**31, 2**63 - 1, -(2**63)):
            for meter_start in (-1, 2**63 - 1):
                answer = self.peer.ask(
                    "StartTransaction",
                    {**START, "connectorId": connector, "meterStart": meter_start},
                )
                self.assertEqual(answer["idTagInfo"]["status"], "Invalid")
                self.assertIn(answer["transactionId"], self.world.ledger.rows)
        self.assertEqual(self.world.events[2:], [])

    def test_noTimestamp(self) -> None:
        """A clock that was never set stops nobody: what it says is taken as now, and kept."""
        bad = ("1000000", "", "2026-02-30T00:00:00Z", "1970-01-01T00:00:01Z")
        for number, text in enumerate(bad):
            start = {**START, "timestamp": text, "meterStart": number}
            answer = self.peer.ask("StartTransaction", start)
            row = self.world.ledger.rows[answer["transactionId"]]
            self.assertEqual(row.start.started_at, NOW)
            self.assertIn(f'"{text}"', row.start.request_text)

    def test_notBeforeItIsOnDisk(self) -> None:
        """Nothing is answered, and nothing reported, before the disk has it."""
        self.world.ledger.disk = Disk(held=True)
        unique_id = self.peer.call("StartTransaction", START)
        self.assertIn(1001, self.world.ledger.rows)
        self.assertEqual(self.peer.received, [])
        self.assertEqual(self.world.happened(TransactionStarted), [])
        self.world.ledger.disk.let_go()
        self.assertIsNotNone(self.peer.answer_to(unique_id))

    def test_brokenDisk(self) -> None:
        """What is not on disk is not acknowledged, and the error says nothing of the inside."""
        self.world.disk.broken = True
        for action, payload in (("StartTransaction", START), ("StopTransaction", stop_of(1))):
            error = self.assertRaises(CallFailed, self.peer.ask, action, payload)
            self.assertEqual(error.code, "InternalError")
            for word in ("secret", "/", "Traceback", "Error:", "sqlite"):
                self.assertNotIn(word, error.description)
        self.assertEqual(self.world.happened(TransactionStarted, TransactionStopped), [])
        self.world.disk.broken = False
        self.peer.ask("StartTransaction", START)

    def test_lostBeforeTheAnswer(self) -> None:
        """A start that reaches the disk after the connection was lost has happened."""
        self.world.ledger.disk = Disk(held=True)
        self.peer.call("StartTransaction", START)
        self.peer.lose()
        self.world.ledger.disk.let_go()
        self.assertEqual(self.peer.received, [])
        self.assertEqual(len(self.world.happened(TransactionStarted)), 1)
        again = self.world.connect()
        self.assertEqual(again.ask("StartTransaction", START)["transactionId"], 1001)
        self.assertEqual(len(self.world.happened(TransactionStarted)), 1)
        self.assertEqual(self.world.system.roster.running, {("CP-1", 1): 1001})


class Stop(SynchronousTestCase):
    """StopTransaction."""

    def setUp(self) -> None:
        """A transaction runs."""
        self.world = World()
        self.peer = self.world.connect()
        self.transaction_id = self.peer.ask("StartTransaction", START)["transactionId"]

    def stopped(self) -> list[Any]:
        """What the site was told."""
        return self.world.happened(TransactionStopped)

    def test_stopped(self) -> None:
        """It is on disk, and the site is told how much was charged."""
        self.assertEqual(self.peer.ask("StopTransaction", stop_of(self.transaction_id)), {})
        self.assertEqual(
            self.stopped(), [TransactionStopped("bay-1", self.transaction_id, 2500, "Local")]
        )
        self.assertEqual(self.world.system.roster.running, {})

    def test_reason(self) -> None:
        """The Charge Point's reason is passed on."""
        payload = stop_of(self.transaction_id, reason="EVDisconnected")
        self.peer.ask("StopTransaction", payload)
        self.assertEqual(self.stopped()[0].reason, "EVDisconnected")

    def test_tag(self) -> None:
        """The tag that has stopped it is judged."""
        self.world.tags.put(Tag("other", parent_id_tag="fleet"))
        payload = stop_of(self.transaction_id, idTag="Other")
        self.assertEqual(
            self.peer.ask("StopTransaction", payload),
            {"idTagInfo": {"status": "Accepted", "parentIdTag": "fleet"}},
        )

    def test_unknownTag(self) -> None:
        """A tag that may not charge has stopped it all the same."""
        self.world.tags.put(Tag("other"))
        payload = stop_of(self.transaction_id, idTag="nobody")
        answer = self.peer.ask("StopTransaction", payload)
        self.assertEqual(answer, {"idTagInfo": {"status": "Invalid"}})
        self.assertEqual(len(self.stopped()), 1)

    def test_repeated(self) -> None:
        """A second stop is answered like the first, and told to nobody."""
        for _ in range(2):
            self.assertEqual(self.peer.ask("StopTransaction", stop_of(self.transaction_id)), {})
        self.assertEqual(len(self.stopped()), 1)

    def test_unknown(self) -> None:
        """A stop of what never was is answered, and kept for review."""
        for number in (0, -1, 5, 2**31, 2**63 - 1, -(2**63)):
            self.assertEqual(self.peer.ask("StopTransaction", stop_of(number)), {})
        self.assertEqual(self.stopped(), [])
        self.assertEqual(len(self.world.ledger.stray_stops), 6)
        self.assertEqual(self.world.system.roster.running, {("CP-1", 1): self.transaction_id})

    def test_foreign(self) -> None:
        """Another Charge Point's transaction cannot be stopped; it is answered all the same."""
        foreign = self.world.connect("CP-2")
        self.assertEqual(foreign.ask("StopTransaction", stop_of(self.transaction_id)), {})
        self.assertEqual(self.stopped(), [])
        self.assertEqual(self.world.ledger.rows[self.transaction_id].state, "open")
        self.assertEqual(self.world.system.roster.running, {("CP-1", 1): self.transaction_id})

    def test_transactionData(self) -> None:
        """Values that are sent with the stop are kept to the letter, whatever they are."""
        data = [{"timestamp": "x", "sampledValue": [{"value": "garbage"}]}]
        self.peer.ask("StopTransaction", stop_of(self.transaction_id, transactionData=data))
        stop = self.world.ledger.rows[self.transaction_id].stop
        assert isinstance(stop, TransactionStop)
        self.assertIn('"garbage"', stop.request_text)

    def test_registerThatWentBack(self) -> None:
        """A reading below that of the start means that the energy is not known."""
        self.peer.ask("StopTransaction", stop_of(self.transaction_id, meterStop=999))
        self.assertIsNone(self.stopped()[0].energy_wh)

    def test_notBeforeItIsOnDisk(self) -> None:
        """Nothing is written to the connection before the disk has the stop."""
        del self.peer.received[:]
        self.world.disk.held = True
        unique_id = self.peer.call("StopTransaction", stop_of(self.transaction_id))
        self.assertEqual(self.peer.received, [])
        self.assertEqual(self.stopped(), [])
        self.world.disk.let_go()
        self.assertEqual(self.peer.answer_to(unique_id), [3, unique_id, {}])

    def test_lostBeforeTheAnswer(self) -> None:
        """A stop that reaches the disk after the connection was lost has happened."""
        self.world.disk.held = True
        self.peer.call("StopTransaction", stop_of(self.transaction_id))
        self.peer.lose()
        self.world.disk.let_go()
        self.assertEqual(len(self.stopped()), 1)
        self.world.connect().ask("StopTransaction", stop_of(self.transaction_id))
        self.assertEqual(len(self.stopped()), 1)

    def test_earlierTransaction(self) -> None:
        """A late stop of an earlier transaction does not end the one that runs now."""
        later = {**START, "timestamp": "2026-03-01T12:30:00Z"}
        second = self.peer.ask("StartTransaction", later)["transactionId"]
        self.peer.ask("StopTransaction", stop_of(self.transaction_id))
        self.assertEqual(self.world.system.roster.running, {("CP-1", 1): second})

    def test_stopOfATransactionBeforeTheEvse(self) -> None:
        """The stop of a transaction that began at no EVSE is no news to the site."""
        number = self.peer.ask("StartTransaction", {**START, "connectorId": 9})["transactionId"]
        self.assertEqual(self.peer.ask("StopTransaction", stop_of(number)), {})
        self.assertEqual(self.stopped(), [])


class FixedTag(SynchronousTestCase):
    """An EVSE that charges without a card."""

    def setUp(self) -> None:
        """A Charge Point is connected; somebody else has a card."""
        self.world = World()
        self.world.tags.put(Tag("somebody else"))
        self.peer = self.world.connect()

    def started(self) -> list[Any]:
        """The RemoteStartTransaction.req that the Charge Point got."""
        return [frame[3] for frame in self.peer.requests("RemoteStartTransaction")]

    def prepare(self, peer: Peer | None = None, **changes: Any) -> None:
        """A car is plugged in."""
        (peer or self.peer).ask("StatusNotification", {**PREPARING, **changes})

    def test_preparing(self) -> None:
        """When a car comes, the Charge Point is asked to start, after its own answer."""
        self.prepare()
        self.assertEqual(self.started(), [{"connectorId": 2, "idTag": "Car-2"}])

    def test_otherStates(self) -> None:
        """Nothing else starts a charge, nor a car at an EVSE without a fixed tag."""
        for status in ("Available", "Charging", "SuspendedEV", "Finishing", "Reserved"):
            self.prepare(status=status)
        self.prepare(connectorId=1)
        self.assertEqual(self.started(), [])

    def test_accepted(self) -> None:
        """The fixed tag is accepted at its own EVSE though it is not in the list."""
        for action, payload in (
            ("Authorize", {"idTag": "car-2"}),
            ("StartTransaction", BAY_2_START),
        ):
            answer = self.peer.ask(action, payload)
            self.assertEqual(answer["idTagInfo"], {"status": "Accepted"})

    def test_otherEvse(self) -> None:
        """At another EVSE it is an unknown tag."""
        answer = self.peer.ask("StartTransaction", {**BAY_2_START, "connectorId": 1})
        self.assertEqual(answer["idTagInfo"], {"status": "Invalid"})

    def test_blocked(self) -> None:
        """An entry in the list counts more."""
        self.world.tags.put(Tag("CAR-2", Verdict.BLOCKED))
        answer = self.peer.ask("StartTransaction", BAY_2_START)
        self.assertEqual(answer["idTagInfo"], {"status": "Blocked"})

    def test_notWhileItCharges(self) -> None:
        """While a transaction runs, nothing is started; after it, it is."""
        number = self.peer.ask("StartTransaction", BAY_2_START)["transactionId"]
        self.prepare()
        self.assertEqual(self.started(), [])
        self.peer.ask("StopTransaction", stop_of(number))
        self.prepare()
        self.assertEqual(len(self.started()), 1)

    def test_cardWasShown(self) -> None:
        """Whoever has just shown a card starts with it; later cars start by themselves."""
        self.peer.ask("Authorize", {"idTag": "Somebody Else"})
        self.prepare()
        self.assertEqual(self.started(), [])
        self.world.clock.advance(CARD_HOLDS_S)
        self.prepare()
        self.assertEqual(len(self.started()), 1)

    def test_refusedCardWasShown(self) -> None:
        """A card that may not charge does not count."""
        self.peer.ask("Authorize", {"idTag": "nobody"})
        self.prepare()
        self.assertEqual(len(self.started()), 1)

    def test_notAfterARestart(self) -> None:
        """A transaction that was running before the program started counts too."""
        transaction = Transaction(7, "Car-2", Verdict.ACCEPTED, NOW, 0)
        self.world.system.roster.resume([OpenTransaction("CP-1", 2, "bay-2", transaction)])
        self.prepare()
        self.assertEqual(self.started(), [])

    def test_disabled(self) -> None:
        """An EVSE that is switched off starts nothing."""
        charge_point = evolve(
            SITE.charge_points["CP-1"], evses={2: evolve(BAY_2, enabled=False)}
        )
        self.world.system.configure(evolve(SITE, charge_points={"CP-1": charge_point}))
        self.prepare()
        self.assertEqual(self.started(), [])

    def test_refused(self) -> None:
        """A Charge Point that refuses, or does not answer, disturbs nobody."""
        self.prepare()
        (request,) = self.peer.requests()
        self.peer.say([4, request[1], "NotSupported", "", {}])
        self.prepare()
        self.world.clock.advance(30)
        self.peer.ask("Heartbeat")
        self.assertEqual(self.world.clock.getDelayedCalls(), [])
