"""A conversation: its order, its bounds, and what happens when something goes wrong."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import fail
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.session import MAX_UNANSWERED_CALLS, MAX_UNREADABLE_FRAMES
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.site.events import EvseConnected, EvseLost, OccupancyReported
from cfos_cm.v16.remote_trigger import (
    MessageTrigger,
    TriggerMessageConfirmation,
    TriggerMessageRequest,
    TriggerMessageStatus,
)
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

from .world import BOOT, START, CallFailed, World, stop_of

AVAILABLE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


class Order(SynchronousTestCase):
    """One answer after the other."""

    def setUp(self) -> None:
        """A Charge Point is connected, and the disk takes its time."""
        self.world = World()
        self.peer = self.world.connect()
        self.world.disk.held = True

    def test_inTheOrderOfTheCalls(self) -> None:
        """A call that needs no disk is not answered before an earlier one that does."""
        ids = [
            self.peer.call("StartTransaction", START),
            self.peer.call("Heartbeat", {}),
            self.peer.call("Unknown", {}),
            self.peer.call("StopTransaction", stop_of(1001)),
            self.peer.call("Heartbeat", {}),
        ]
        self.assertEqual(self.peer.received, [])
        self.world.disk.let_go()
        self.assertEqual([frame[1] for frame in self.peer.received], ids)
        self.assertEqual([frame[0] for frame in self.peer.received], [3, 3, 4, 3, 3])

    def test_nothingIsDoneTooEarly(self) -> None:
        """What comes later is not acted upon before what came earlier."""
        self.peer.call("StartTransaction", START)
        self.peer.call("StatusNotification", AVAILABLE)
        self.assertEqual(self.world.happened(OccupancyReported), [])
        self.world.disk.let_go()
        self.assertEqual(len(self.world.happened(OccupancyReported)), 1)

    def test_ourCallsCross(self) -> None:
        """Our call is sent, and its answer taken, while theirs waits for the disk."""
        self.peer.call("StartTransaction", START)
        self.peer.answers["TriggerMessage"] = {"status": "Accepted"}
        request = TriggerMessageRequest(requested_message=MessageTrigger.HEARTBEAT)
        self.assertEqual(
            self.successResultOf(self.world.system.call("CP-1", request)),
            TriggerMessageConfirmation(status=TriggerMessageStatus.ACCEPTED),
        )

    def test_asManyAsAllowed(self) -> None:
        """The calls that may wait are all answered."""
        for _ in range(MAX_UNANSWERED_CALLS):
            self.peer.call("Authorize", {"idTag": "A"})
        self.assertEqual(self.peer.hang_ups, [])
        self.world.disk.let_go()
        self.assertEqual(len(self.peer.received), MAX_UNANSWERED_CALLS)

    def test_tooMany(self) -> None:
        """One more than that ends the connection."""
        for _ in range(MAX_UNANSWERED_CALLS + 1):
            self.peer.call("Authorize", {"idTag": "A"})
        self.assertEqual([code for code, _ in self.peer.hang_ups], [1008])

    def test_manyOneByOne(self) -> None:
        """A Charge Point that waits for its answers may call for ever."""
        self.world.disk.let_go()
        for _ in range(20 * MAX_UNANSWERED_CALLS):
            self.peer.ask("Heartbeat")
        self.assertEqual(self.peer.hang_ups, [])

    def test_lost(self) -> None:
        """What waits when the connection is lost is neither done nor answered."""
        self.peer.call("StartTransaction", START)
        self.peer.call("StatusNotification", AVAILABLE)
        self.peer.lose()
        self.world.disk.let_go()
        self.assertEqual(self.peer.received, [])
        self.assertEqual(self.world.happened(OccupancyReported), [])

    def test_sameId(self) -> None:
        """The same message id twice is answered twice, each for itself."""
        self.world.disk.let_go()
        self.peer._actions["x"] = "Heartbeat"
        self.peer.say([2, "x", "Heartbeat", {}])
        self.peer.say([2, "x", "Heartbeat", {}])
        self.assertEqual(len(self.peer.received), 2)


class Unreadable(SynchronousTestCase):
    """What is not OCPP-J."""

    def setUp(self) -> None:
        """A Charge Point is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def test_ignored(self) -> None:
        """What cannot be answered is not, and the conversation goes on."""
        for frame in (b"", b"x", b"{}", b"[]", b"\xff\xfe", b"[2]", b'[3,"1"]', b"[" * 100):
            self.peer.say(frame)
        self.assertEqual(self.peer.received, [])
        self.peer.ask("Heartbeat")

    def test_damagedCall(self) -> None:
        """A CALL that can be recognised gets a CALLERROR with its id."""
        for frame in (
            b'[2,"a","Heartbeat",{]',
            b'[2,"a","Heartbeat",[]]',
            b'[2,"a","Heartbeat"]',
            b'[2,"a","",{}]',
            b'[2,"a","Heartbeat",{"x":1,"x":2}]',
            b'[2,"a","Heartbeat",{"x":NaN}]',
            b'[2,"a","Heartbeat",{"x":"\xff"}]',
        ):
            self.peer.received.clear()
            self.peer.say(frame)
            self.assertEqual([answer[:3] for answer in self.peer.received],
                             [[4, "a", "FormationViolation"]], frame)  # fmt: skip

    def test_longId(self) -> None:
        """A message id that is too long is cut in the answer."""
        self.peer.say([2, "x" * 37, "Heartbeat", {}])
        self.assertEqual(self.peer.received[0][:3], [4, "x" * 36, "FormationViolation"])

    def test_otherMessageTypes(self) -> None:
        """A type of message that nobody has specified is ignored, however often it comes."""
        for _ in range(2 * MAX_UNREADABLE_FRAMES):
            self.peer.say([5, "a", "b", {}])
        self.assertEqual(self.peer.received, [])
        self.assertEqual(self.peer.hang_ups, [])

    def test_tooLong(self) -> None:
        """A message beyond the bound is refused."""
        self.peer.say(
            [2, "a", "DataTransfer", {"vendorId": "x", "data": "x" * MAX_FRAME_BYTES}]
        )
        self.assertEqual(
            [frame[:3] for frame in self.peer.received], [[4, "a", "FormationViolation"]]
        )

    def test_tooMany(self) -> None:
        """Whoever sends nothing else is not a Charge Point."""
        for _ in range(MAX_UNREADABLE_FRAMES - 1):
            self.peer.say(b"x")
        self.assertEqual(self.peer.hang_ups, [])
        self.peer.say(b"x")
        self.assertEqual([code for code, _ in self.peer.hang_ups], [1008])

    def test_log(self) -> None:
        """What is logged about them is one line without control characters."""
        with capturedLogs() as logged:
            for frame in (b'[2,"a","Heart\\nbeat \\u001b[2J",{}]', b'[2,"a","x\\u2028y",{}]'):
                self.peer.say(frame)
            self.peer._actions["a"] = "Authorize"
            self.peer.say(b'[2,"a","Authorize",{"idTag":"A","\\u001b[2J\\n":1}]')
        for event in logged:
            text = formatEvent(event)
            self.assertTrue(text.isprintable(), ascii(text))
            self.assertLess(len(text), 500)


class Failure(SynchronousTestCase):
    """What goes wrong on our side."""

    def setUp(self) -> None:
        """A Charge Point is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def assertTellsNothing(self, action: str, payload: dict[str, Any]) -> None:
        """Ask; fail unless it fails and the Charge Point learns nothing of the inside."""
        error = self.assertRaises(CallFailed, self.peer.ask, action, payload)
        self.assertEqual(error.code, "InternalError")
        for word in ("Traceback", "File", "/", "\\", "Zero", "division", "secret", ".py"):
            self.assertNotIn(word, error.description)

    def test_mistake(self) -> None:
        """A mistake of ours is one CALLERROR and one line in the log, and nothing else."""
        self.patch(self.world.tags, "find", lambda id_tag: 1 / 0)
        self.assertTellsNothing("Authorize", {"idTag": "A"})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.peer.ask("Heartbeat")

    def test_everyAction(self) -> None:
        """Whatever breaks, every request that needs the disk is answered."""

        def broken(*arguments: object) -> Any:
            return fail(OSError(28, "secret", "/secret/place.sqlite"))

        for archive, name in (
            (self.world.tags, "find"),
            (self.world.ledger, "start"),
            (self.world.ledger, "stop"),
            (self.world.ledger, "add_meter_values"),
            (self.world.register, "seen"),
        ):
            self.patch(archive, name, broken)
        values = [{"timestamp": "", "sampledValue": [{"value": "1"}]}]
        for action, payload in (
            ("BootNotification", BOOT),
            ("Authorize", {"idTag": "A"}),
            ("StartTransaction", START),
            ("StopTransaction", stop_of(1)),
            ("MeterValues", {"connectorId": 1, "meterValue": values}),
        ):
            self.assertTellsNothing(action, payload)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 5)

    def test_ledgerBlamesThePeer(self) -> None:
        """A value that cannot be kept is the Charge Point's fault, and it is told so."""
        error = RemoteProtocolError("idTag has a NUL")
        self.patch(self.world.ledger, "start", lambda start: fail(error))
        raised = self.assertRaises(CallFailed, self.peer.ask, "StartTransaction", START)
        self.assertEqual(raised.code, "FormationViolation")

    def test_observerFails(self) -> None:
        """Whoever is told what happened and fails does not keep the Charge Point waiting."""

        def broken(event: object) -> None:
            raise ZeroDivisionError

        system = self.world.system
        system.roster.environment = evolve(system.roster.environment, report=broken)
        self.assertTellsNothing("StatusNotification", AVAILABLE)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_answerCannotBeSent(self) -> None:
        """When not even the answer can be sent, the connection is closed, and it is over."""

        def broken(text: bytes) -> None:
            raise ZeroDivisionError

        self.peer.session._send = broken
        with capturedLogs() as logged:
            self.peer.call("Heartbeat", {})
        self.assertEqual([code for code, _ in self.peer.hang_ups], [1011])
        self.assertEqual([event["log_level"].name for event in logged], ["error"])
        self.flushLoggedErrors(ZeroDivisionError)

    def test_silentAfterTheEnd(self) -> None:
        """What comes after the connection was lost is not read."""
        self.peer.lose()
        self.peer.call("StatusNotification", AVAILABLE)
        self.assertEqual(self.peer.received, [])
        self.assertEqual(self.world.happened(OccupancyReported), [])


class Connection(SynchronousTestCase):
    """Its beginning and its end, as the site sees them."""

    def test_connected(self) -> None:
        """Each EVSE is connected, from where it is."""
        world = World()
        world.connect()
        self.assertEqual(
            world.events,
            [EvseConnected("bay-1", "192.0.2.7"), EvseConnected("bay-2", "192.0.2.7")],
        )

    def test_lost(self) -> None:
        """Each EVSE is lost once, with the reason."""
        world = World()
        peer = world.connect()
        peer.lose("asleep")
        peer.lose("asleep")
        self.assertEqual(
            world.happened(EvseLost), [EvseLost("bay-1", "asleep"), EvseLost("bay-2", "asleep")]
        )
        self.assertEqual(world.system.sessions(), ())
