"""One identity at one backend: getting let in, being there, being asked, and being attacked."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.enrolment import RESTART_S
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.gateway import REPEATED_FOR_S, Gateway
from cfos_cm.charge_point.session import (
    MAX_FORWARDED_BYTES,
    MAX_UNANSWERED_CALLS,
    MAX_UNREADABLE_FRAMES,
)
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.counters import Counter, Counters
from cfos_cm.errors import DeviceRefusal, NotSent, StorageError
from cfos_cm.site.evse import DeviceIdentity, Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.state import SiteState
from cfos_cm.v16.core import HeartbeatRequest, RegistrationStatus
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo
from cfos_cm.wire.ocppj import CallError, CallResult
from tests.charge_point.backend import Backend, Heard, refuse
from tests.charge_point.backend_world import FakeDevices, connector, settings
from tests.charge_point.memory import InMemory, InMemorySecurityLog, InMemoryVault
from tests.charge_point.memory_outbox import NOW, MemoryOutbox

START = b'{"connectorId":1,"idTag":"04AABB","meterStart":10,"timestamp":"2026-03-01T11:59:00Z"}'
STOP = b'{"transactionId":7,"meterStop":20,"timestamp":"2026-03-01T12:29:00Z"}'
STATUS = b'{"connectorId":1,"errorCode":"NoError","status":"%b","info":"\\u00e9"}'
BOX = settings(connector(1, speaks_ocpp=True))


class GatewayCase(SynchronousTestCase):
    """A gateway on a virtual clock, and its backend."""

    def setUp(self) -> None:
        """One EVSE that speaks OCPP, and no connection yet."""
        self.clock = Clock()
        self.backend = Backend(self.clock)
        self.store = MemoryOutbox()
        self.memory = InMemory()
        self.devices = FakeDevices()
        self.counters = Counters()
        self.changes: list[str] = []
        self.judged_starts: list[tuple[int, IdTagInfo]] = []
        self.keys: list[str] = []
        self.ids = iter(range(10**9))
        self.begin(BOX)

    def begin(self, configured: GatewaySettings, device: DeviceIdentity | None = None) -> None:
        """The program starts, or a gateway is added to it whose C{device} is known already."""
        self.site = SiteState(
            evses={
                one.evse: Evse(
                    EvseSettings(one.evse, "main"),
                    link=Link.ONLINE,
                    occupancy=Occupancy.FREE,
                    identity=device,
                )
                for one in configured.connectors
            }
        )
        environment = GatewayEnvironment(
            clock=self.clock,
            now=lambda: NOW,
            new_unique_id=lambda: f"g{next(self.ids)}",
            outbox=self.store,
            memory=self.memory,
            vault=InMemoryVault(),
            security_log=InMemorySecurityLog(lambda: NOW),
            devices=self.devices,
            site=lambda: self.site,
            report=lambda _event: None,
            counters=self.counters,
        )
        self.gateway = Gateway(configured, environment, self)
        self.successResultOf(Deferred.fromCoroutine(self.gateway.open()))
        self.addCleanup(self.gateway.close)

    def changed(self, gateway: Gateway) -> None:
        """A listener."""
        self.changes.append(gateway.standing.state)

    def judged(self, _gateway: Gateway, transaction_id: int, info: IdTagInfo) -> None:
        """A listener."""
        self.judged_starts.append((transaction_id, info))

    def configured(self, _gateway: Gateway, key: str) -> None:
        """A listener."""
        self.keys.append(key)

    def secured(self, _gateway: Gateway) -> None:
        """A listener."""

    def renewed(self, _gateway: Gateway, _why: str) -> None:
        """A listener."""

    def connect(self) -> None:
        """There is a connection."""
        self.backend.attach(self.gateway)
        self.gateway.connected(self.backend.send, self.backend.hang_up)

    def disconnect(self, why: str = "gone") -> None:
        """The connection is gone."""
        self.gateway.disconnected(why)

    def identity(self) -> DeviceIdentity:
        """What the device says."""
        return DeviceIdentity("Vendor", "Model")

    def wait(self, time_s: int) -> None:
        """Time passes, second by second."""
        self.clock.pump([1] * time_s)


class RegistrationTests(GatewayCase):
    """BootNotification and its answers."""

    def test_accepted(self) -> None:
        """Let in, it says how all connectors are, and nothing before."""
        self.connect()
        self.assertEqual(
            [(one.action, one.data.get("connectorId")) for one in self.backend.heard],
            [("BootNotification", None), ("StatusNotification", 0), ("StatusNotification", 1)],
        )
        self.assertEqual(self.gateway.standing.state, "connected")
        self.assertTrue(self.gateway.is_serving)

    def test_not_on_a_reconnect(self) -> None:
        """A connection that was lost changes nothing about it, and is no reason to say more."""
        self.connect()
        self.backend.heard.clear()
        for _ in range(5):
            self.disconnect()
            self.connect()
        self.assertEqual(self.backend.heard, [])
        self.assertTrue(self.gateway.is_serving)

    def test_pending_and_rejected(self) -> None:
        """Pending or rejected, it is silent for as long as it is told, and keeps its queue."""
        for status in ("Pending", "Rejected"):
            self.setUp()
            self.backend.boots.update(status=status, interval=120)
            self.connect()
            self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
            self.gateway.status_told("evse 1", STATUS % b"Charging")
            self.wait(3600)
            self.assertEqual(set(self.backend.actions()), {"BootNotification"})
            self.assertEqual(
                [one.at_s for one in self.backend.heard], [120 * n for n in range(31)]
            )
            self.assertFalse(self.gateway.is_serving)
            self.backend.boots.update(status="Accepted")
            self.wait(120)
            self.assertIn("SecurityEventNotification", self.backend.actions())

    def test_silence_over_a_reconnect(self) -> None:
        """Who was told to wait waits also when the connection is another one."""
        self.backend.boots.update(status="Rejected", interval=1000)
        self.connect()
        self.disconnect()
        self.connect()
        self.wait(999)
        self.assertEqual(len(self.backend.heard), 1)
        self.wait(1)
        self.assertEqual(len(self.backend.heard), 2)

    def test_refused_or_not_answered(self) -> None:
        """Where there is no answer that could be read, it asks again after a minute."""
        for answer in (refuse(), None, {}, {"status": "Maybe"}, {"status": 1, "interval": 5}):
            self.setUp()
            self.backend.answers["BootNotification"] = answer
            self.connect()
            self.wait(59)
            self.assertEqual(len(self.backend.heard), 1)
            self.wait(1 if answer is not None else 31)
            self.assertEqual(self.backend.actions(), ["BootNotification"] * 2, answer)

    def test_intervals(self) -> None:
        """An interval that is none, or nothing that anybody can mean, is replaced."""
        for interval, wanted_s in (
            (0, 60),
            (-1, 60),
            (2**31, 60),
            (2**70, 60),
            (1, 10),
            (2**31 - 1, 86_400),
            ("45", 45),
            (45.5, 45),
            (None, 60),
        ):
            self.setUp()
            self.backend.boots.update(status="Rejected", interval=interval)
            self.connect()
            self.clock.advance(wanted_s - 1)
            self.assertEqual(len(self.backend.heard), 1, interval)
            self.clock.advance(1)
            self.assertEqual(len(self.backend.heard), 2, interval)

    def test_heartbeats(self) -> None:
        """Let in, it sends heartbeats at the interval, whatever else it sends."""
        self.backend.boots.update(interval=100)
        self.connect()
        for _ in range(30):
            self.wait(10)
            self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
        self.assertEqual([one.at_s for one in self.backend.told("Heartbeat")], [100, 200, 300])

    def test_heartbeats_do_not_pile_up(self) -> None:
        """One heartbeat waits for its answer, not many."""
        self.backend.boots.update(interval=10)
        self.backend.answers["Heartbeat"] = None
        self.connect()
        self.wait(29)
        self.assertEqual(len(self.backend.told("Heartbeat")), 1)
        self.backend.answer(self.backend.heard[-1], {"currentTime": "2026-03-01T12:00:00Z"})
        self.assertEqual(len(self.backend.told("Heartbeat")), 1)
        self.wait(1)
        self.assertEqual(len(self.backend.told("Heartbeat")), 2)

    def test_lost_while_booting(self) -> None:
        """A connection that is lost before the answer leaves nothing to be waited for."""
        self.backend.answers["BootNotification"] = None
        self.connect()
        self.disconnect()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.connect()
        self.assertEqual(self.backend.actions(), ["BootNotification"] * 2)

    def test_words_of_the_charge_point(self) -> None:
        """The backend gets the BootNotification of the Charge Point as it was written."""
        payload = b'{"chargePointVendor":"A\\/B","chargePointModel" : "\\u00e9"}'
        self.gateway.booted("evse 1", self.identity(), payload)
        self.connect()
        self.assertEqual(self.backend.heard[0].payload, payload)

    def test_remembered(self) -> None:
        """After a start of the program it is said before the Charge Point is back."""
        payload = b'{"chargePointVendor":"A","chargePointModel":"B"}'
        self.gateway.booted("evse 1", self.identity(), payload)
        self.begin(BOX)
        self.connect()
        self.assertEqual(self.backend.heard[0].payload, payload)

    def test_device_reboots(self) -> None:
        """A device that boots is told of, but not more often than once a minute."""
        self.gateway.booted("evse 1", self.identity(), b'{"chargePointVendor":"A"}')
        self.connect()
        payload = b'{"chargePointVendor":"A","chargePointModel":"B"}'
        for _ in range(120):
            self.gateway.booted("evse 1", self.identity(), payload)
            self.wait(1)
        self.assertEqual(
            [one.at_s for one in self.backend.told("BootNotification")], [0, 60, 120]
        )

    def test_device_is_known(self) -> None:
        """What was told of a device before it was known is corrected at once."""
        self.connect()
        self.wait(1)
        self.gateway.booted("evse 1", self.identity(), b'{"chargePointVendor":"A"}')
        told = [one.data["chargePointVendor"] for one in self.backend.told("BootNotification")]
        self.assertEqual(told, ["cfos_cm", "A"])

    def test_asked_while_it_is_let_in(self) -> None:
        """A card that is shown while the backend lets us in is judged by it, a moment later."""
        self.backend.answers["BootNotification"] = None
        self.backend.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
        self.connect()
        judged = self.gateway.judge(("evse 1",), "CARD", None)
        self.assertNoResult(judged)
        self.backend.answer(self.backend.heard[0], self.backend.boots)
        self.assertEqual("Accepted", self.successResultOf(judged).status.value)

    def test_asked_and_not_let_in(self) -> None:
        """If it does not let us in the card is judged without it."""
        self.backend.answers["BootNotification"] = None
        self.connect()
        judged = self.gateway.judge(("evse 1",), "CARD", None)
        self.disconnect()
        self.assertEqual("Invalid", self.successResultOf(judged).status.value)

    def test_why_it_is_not_let_in(self) -> None:
        """People see what the backend says about our BootNotification."""
        self.backend.answers["BootNotification"] = refuse("InternalError")
        self.connect()
        self.assertRegex(self.gateway.standing.state, "not let in: .*InternalError")

    def test_what_waited(self) -> None:
        """The log says how many messages have waited, and when none waits any more."""
        for _ in range(3):
            self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
        self.backend.answers["SecurityEventNotification"] = {}
        with capturedLogs() as lines:
            self.connect()
        said = [formatEvent(line) for line in lines]
        self.assertIn("north: 3 messages have waited, and are sent now", said)
        self.assertIn("north: nothing waits any more", said)

    def test_orders(self) -> None:
        """The log names what the backend has had done, and what came of it."""
        self.connect()
        with capturedLogs() as lines:
            self.backend.call("RemoteStopTransaction", {"transactionId": 7})
        said = [formatEvent(line) for line in lines]
        self.assertIn("north: the backend has asked for RemoteStopTransaction: Rejected", said)

    def test_made_of_several(self) -> None:
        """Several devices are a Charge Point of their own, and boot for nobody."""
        self.begin(settings(connector(1), connector(2)))
        self.connect()
        self.wait(100)
        self.gateway.booted("evse 1", self.identity(), None)
        (boot,) = self.backend.told("BootNotification")
        self.assertEqual(boot.data["chargePointVendor"], "cfos_cm")

    def test_added_later(self) -> None:
        """A gateway that is added while its wallbox is there says whose wallbox it is."""
        for configured in (BOX, settings()):
            self.begin(configured, self.identity())
            self.connect()
        told = [one.data["chargePointModel"] for one in self.backend.told("BootNotification")]
        self.assertEqual(["Model", "Model"], told)

    def test_made_of_one(self) -> None:
        """One device without OCPP is named, once it is known."""
        self.begin(settings())
        self.connect()
        self.gateway.booted("evse 1", self.identity(), None)
        self.wait(60)
        boots = self.backend.told("BootNotification")
        self.assertEqual([one.data["chargePointModel"] for one in boots], ["Gateway", "Model"])

    def test_restart(self) -> None:
        """Started anew it tells what has ended, asks to be let in again, and says how it is."""
        self.connect()
        self.backend.heard.clear()
        self.gateway.restart()
        self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
        self.assertEqual(self.backend.actions(), ["SecurityEventNotification"])
        self.backend.heard.clear()
        self.clock.advance(RESTART_S)
        self.assertEqual(
            self.backend.actions(),
            ["BootNotification", "StatusNotification", "StatusNotification"],
        )

    def test_why_it_is_not_connected(self) -> None:
        """A backend that closes after BootNotification: people see why."""
        self.backend.answers["BootNotification"] = None
        self.connect()
        self.disconnect("closed with 1008, unknown station")
        standing = self.gateway.standing
        self.assertEqual(standing.state, "not connected: closed with 1008, unknown station")
        self.assertEqual(self.changes, ["asks to be let in", standing.state])


class StatusTests(GatewayCase):
    """How connectors are."""

    def test_raw(self) -> None:
        """What the EVSE says is told with its connector's number, and not changed otherwise."""
        self.begin(settings(connector(1, speaks_ocpp=True), connector(2, speaks_ocpp=True)))
        self.connect()
        self.backend.heard.clear()
        self.gateway.status_told("evse 2", STATUS % b"Charging")
        wanted = (STATUS % b"Charging").replace(b'"connectorId":1', b'"connectorId":2')
        self.assertEqual([one.payload for one in self.backend.heard], [wanted])

    def test_only_what_changed(self) -> None:
        """After a reconnect the last state is told, if it is another one."""
        self.connect()
        self.disconnect()
        for status in (b"Preparing", b"Charging"):
            self.gateway.status_told("evse 1", STATUS % status)
        self.backend.heard.clear()
        self.connect()
        self.disconnect()
        self.connect()
        self.assertEqual([one.data["status"] for one in self.backend.heard], ["Charging"])

    def test_again_when_it_was_not_told(self) -> None:
        """A state that was on its way when the connection was lost is told again."""
        self.connect()
        self.backend.answers["StatusNotification"] = None
        self.gateway.status_told("evse 1", STATUS % b"Charging")
        self.disconnect()
        del self.backend.answers["StatusNotification"]
        self.backend.heard.clear()
        self.connect()
        self.assertEqual([one.data["status"] for one in self.backend.heard], ["Charging"])

    def test_a_chattering_charger(self) -> None:
        """States that nobody answers do not pile up; the last one is told in the end."""
        self.connect()
        self.backend.answers["StatusNotification"] = None
        for number in range(1000):
            self.gateway.status_told("evse 1", b'{"connectorId":1,"info":"%d"}' % number)
        self.assertEqual(len(self.backend.heard), 4)
        self.assertEqual(self.counters[Counter.CALLS_NOT_SENT], 0)
        del self.backend.answers["StatusNotification"]
        self.backend.answer(self.backend.heard[-1])
        self.assertEqual(self.backend.heard[-1].data["info"], "999")

    def test_the_whole_charge_point(self) -> None:
        """What the only Charge Point says of itself is told as connector 0."""
        self.connect()
        self.backend.heard.clear()
        self.gateway.status_told("evse 1", b'{"connectorId":0,"status":"Faulted"}')
        self.assertEqual(self.backend.heard[0].data["connectorId"], 0)


class AskingTests(GatewayCase):
    """What the gateway asks."""

    def test_raw_both_ways(self) -> None:
        """A question and its answer are relayed word for word."""
        self.connect()
        self.backend.answers["DataTransfer"] = None
        asked = self.gateway.ask("DataTransfer", b'{"vendorId":"a\\/b" }')
        heard = self.backend.heard[-1]
        self.assertEqual(heard.payload, b'{"vendorId":"a\\/b" }')
        self.backend.say(
            b'[3,"%b",{"status" :"Accepted","data":"\\/1.0"}]' % heard.unique_id.encode()
        )
        self.assertEqual(self.successResultOf(asked), b'{"status" :"Accepted","data":"\\/1.0"}')

    def test_never_without_a_backend(self) -> None:
        """What cannot be asked is not: before the connection, before acceptance, after it."""
        self.failureResultOf(self.gateway.ask("DataTransfer", b"{}"), NotSent)
        self.backend.boots.update(status="Pending")
        self.connect()
        self.failureResultOf(self.gateway.ask("DataTransfer", b"{}"), NotSent)
        self.failureResultOf(self.gateway.call(HeartbeatRequest()), NotSent)
        self.disconnect()
        self.failureResultOf(self.gateway.ask("DataTransfer", b"{}"), NotSent)
        self.gateway.tell(HeartbeatRequest())
        self.assertEqual(self.backend.actions(), ["BootNotification"])

    def test_lost_meanwhile(self) -> None:
        """Whoever waits for an answer learns that the connection is gone."""
        self.connect()
        self.backend.answers["DataTransfer"] = None
        asked = self.gateway.ask("DataTransfer", b"{}")
        self.disconnect()
        self.failureResultOf(asked)

    def test_swapped_codes(self) -> None:
        """NotImplemented and NotSupported are both a refusal."""
        self.connect()
        for code in ("NotImplemented", "NotSupported", "Whatever"):
            self.backend.answers["DataTransfer"] = refuse(code)
            self.failureResultOf(self.gateway.ask("DataTransfer", b"{}"), DeviceRefusal)

    def test_judge(self) -> None:
        """A card is judged by the backend, once for Authorize and StartTransaction."""
        self.connect()
        self.backend.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
        for _ in range(2):
            info = self.successResultOf(self.gateway.judge(("evse 1",), "04AABB"))
            self.assertEqual(info.status, AuthorizationStatus.BLOCKED)
        self.assertEqual(len(self.backend.told("Authorize")), 1)
        self.assertIn("Blocked", self.gateway.standing.last_refusal)


class QueueTests(GatewayCase):
    """What the backend is owed, through the gateway."""

    def test_a_transaction(self) -> None:
        """A transaction of an outage is billed when the backend is back."""
        self.gateway.queue("StartTransaction", 1, 7, START)
        self.gateway.queue("StopTransaction", 1, 7, STOP)
        self.backend.answers["StartTransaction"] = {
            "transactionId": 0,
            "idTagInfo": {"status": "Invalid"},
        }
        self.connect()
        *_, start, stop = self.backend.heard
        self.assertEqual((start.action, stop.data["transactionId"]), ("StartTransaction", 0))
        self.assertEqual(
            self.judged_starts, [(7, IdTagInfo(status=AuthorizationStatus.INVALID))]
        )
        self.assertIn("Invalid", self.gateway.standing.last_refusal)

    def test_statuses_go_before(self) -> None:
        """A long queue does not keep the backend from learning how the connectors are."""
        for _ in range(100):
            self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
        self.connect()
        self.assertEqual(self.backend.actions()[1:3], ["StatusNotification"] * 2)

    def test_others_get_their_turn(self) -> None:
        """While a queue is replayed other messages go between."""
        self.connect()
        waiting: list[Heard] = []
        self.backend.answers["SecurityEventNotification"] = waiting.append
        for _ in range(50):
            self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
        self.gateway.ask("DataTransfer", b"{}")
        self.backend.answer(waiting[0])
        self.assertEqual(
            self.backend.actions()[-2:], ["DataTransfer", "SecurityEventNotification"]
        )

    def test_full_disk(self) -> None:
        """What could not be stored is said to be so, and not sent later."""
        self.store.is_broken = True
        self.failureResultOf(self.gateway.queue("StopTransaction", 1, 7, STOP), StorageError)
        self.store.is_broken = False
        self.connect()
        self.assertNotIn("StopTransaction", self.backend.actions())

    def test_stalled(self) -> None:
        """A backend that is connected and answers nothing is hung up on; nothing counts."""
        self.connect()
        self.backend.answers = {"SecurityEventNotification": None, "Heartbeat": None}
        self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
        self.wait(60)
        self.assertEqual([code for code, _ in self.backend.hung_up], [1001])
        self.disconnect()
        self.backend.answers.clear()
        self.connect()
        told = self.backend.told("SecurityEventNotification")
        self.assertEqual(len({one.unique_id for one in told}), 1)
        self.assertEqual(self.store.alive, {})

    def test_stop_right_behind_a_start(self) -> None:
        """A RemoteStop right behind the answer to a start means that transaction."""
        self.devices.answers["RemoteStopTransaction"] = b'{"status":"Accepted"}'
        self.backend.answers["StartTransaction"] = None
        self.store.is_held = True
        self.connect()
        self.gateway.queue("StartTransaction", 1, 7, START)
        invalid = {"transactionId": 0, "idTagInfo": {"status": "Invalid"}}
        self.backend.answer(self.backend.heard[-1], invalid)
        self.backend.call("RemoteStopTransaction", {"transactionId": 0})
        (done,) = self.devices.done
        self.assertEqual(json.loads(done[3]), {"transactionId": 7})


class CalledTests(GatewayCase):
    """What the backend asks."""

    def answers_to(self, action: str, payload: Any) -> Any:
        """Ask for something."""
        self.backend.call(action, payload)
        return self.backend.results[-1]

    def test_answered(self) -> None:
        """What is known is answered."""
        self.connect()
        answer = self.answers_to("GetLocalListVersion", {})
        assert isinstance(answer, CallResult)
        self.assertEqual(json.loads(answer.payload), {"listVersion": 0})

    def test_unknown(self) -> None:
        """What nobody knows, and what is no request, is refused with the right code."""
        self.begin(settings())
        self.connect()
        for action, payload, code in (
            ("Explode", {}, "NotImplemented"),
            ("Authorize", {"idTag": "a"}, "NotSupported"),
            ("Reset", {"type": "Maybe"}, "PropertyConstraintViolation"),
            ("Reset", {}, "OccurenceConstraintViolation"),
        ):
            answer = self.answers_to(action, payload)
            assert isinstance(answer, CallError), action
            self.assertEqual(answer.code, code, action)

    def test_twice(self) -> None:
        """The same message once more has no second effect, and the same answer."""
        self.devices.answers["RemoteStartTransaction"] = b'{"status":"Accepted"}'
        self.connect()
        request = {"idTag": "04AABB", "connectorId": 1}
        for _ in range(2):
            self.backend.call("RemoteStartTransaction", request, "same")
            self.disconnect()
            self.connect()
        first, second = self.backend.results
        self.assertEqual(first.text, second.text)
        self.assertEqual(len(self.devices.done), 1)
        self.assertEqual(self.counters[Counter.CALLS_REPEATED], 1)

    def test_not_for_ever(self) -> None:
        """A backend that counts from 1 after each restart is not taken for one that repeats."""
        self.devices.answers["RemoteStartTransaction"] = b'{"status":"Accepted"}'
        self.connect()
        request = {"idTag": "04AABB", "connectorId": 1}
        self.backend.call("RemoteStartTransaction", request, "1")
        self.clock.advance(REPEATED_FOR_S)
        self.backend.call("RemoteStartTransaction", request, "1")
        self.assertEqual(len(self.devices.done), 2)

    def test_in_order(self) -> None:
        """Calls are answered in their order, also when one takes its time."""
        slow: Deferred[bytes] = Deferred()
        self.devices.relay = lambda *_: slow  # type: ignore[method-assign]
        self.connect()
        self.backend.call("RemoteStartTransaction", {"idTag": "a", "connectorId": 1}, "one")
        self.backend.call("GetLocalListVersion", {}, "two")
        self.assertEqual(self.backend.results, [])
        self.gateway.ask("DataTransfer", b"{}")
        self.assertEqual(self.backend.actions()[-1], "DataTransfer")
        slow.callback(b'{"status":"Accepted"}')
        self.assertEqual([one.unique_id for one in self.backend.results], ["one", "two"])

    def test_answered_too_late(self) -> None:
        """What was asked on a connection that is gone is not answered on the next."""
        slow: Deferred[bytes] = Deferred()
        self.devices.relay = lambda *_: slow  # type: ignore[method-assign]
        self.connect()
        self.backend.call("RemoteStartTransaction", {"idTag": "a", "connectorId": 1}, "one")
        self.disconnect()
        self.connect()
        slow.callback(b'{"status":"Accepted"}')
        self.assertEqual(self.backend.results, [])

    def test_triggered_while_pending(self) -> None:
        """Pending, the backend gets what it triggers, behind the answer, and nothing else."""
        self.backend.boots.update(status="Pending")
        self.connect()
        self.backend.texts.clear()
        self.backend.call("TriggerMessage", {"requestedMessage": "StatusNotification"})
        self.assertEqual([text[:2] for text in self.backend.texts], [b"[3", b"[2", b"[2"])
        self.gateway.status_told("evse 1", STATUS % b"Charging")
        self.assertEqual(len(self.backend.texts), 3)
        self.assertEqual(self.gateway.registration_status, RegistrationStatus.PENDING)

    def test_what_follows_goes_behind(self) -> None:
        """What a command changes is told behind the answer to it."""
        self.begin(settings())
        self.connect()
        self.backend.texts.clear()
        self.backend.call("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
        self.assertEqual(self.backend.texts[0][:2], b"[3")
        (told,) = [one for one in self.backend.heard if one.data.get("status") == "Unavailable"]
        self.assertEqual(told.data["connectorId"], 1)

    def test_trigger_a_boot(self) -> None:
        """Pending, a BootNotification that is triggered comes at once."""
        self.backend.boots.update(status="Pending")
        self.connect()
        self.backend.boots.update(status="Accepted")
        self.backend.call("TriggerMessage", {"requestedMessage": "BootNotification"})
        self.assertTrue(self.gateway.is_serving)

    def test_rejected(self) -> None:
        """Who has rejected us may not command."""
        self.backend.boots.update(status="Rejected")
        self.connect()
        answer = self.answers_to("GetConfiguration", {})
        assert isinstance(answer, CallError)
        self.assertEqual(answer.code, "SecurityError")


class HostileTests(GatewayCase):
    """What no backend should send."""

    def test_flood_of_calls(self) -> None:
        """More calls than anybody waits for end the connection."""
        self.devices.relay = lambda *_: Deferred()  # type: ignore[method-assign]
        self.connect()
        for _ in range(MAX_UNANSWERED_CALLS):
            self.backend.call("RemoteStartTransaction", {"idTag": "a", "connectorId": 1})
        self.assertEqual(self.backend.hung_up, [])
        self.backend.call("RemoteStartTransaction", {"idTag": "a", "connectorId": 1})
        self.assertEqual([code for code, _ in self.backend.hung_up], [1008])

    def test_unreadable(self) -> None:
        """Nor does anybody listen to nonsense for ever; what could be a call is refused."""
        self.connect()
        for number in range(MAX_UNREADABLE_FRAMES - 1):
            self.backend.say(b"{" * number)
        self.assertEqual(self.backend.hung_up, [])
        self.backend.say(b'[2,"x","Reset",{"type":')
        self.assertEqual([code for code, _ in self.backend.hung_up], [1008])
        refusal = self.backend.results[-1]
        assert isinstance(refusal, CallError)
        self.assertEqual((refusal.unique_id, refusal.code), ("x", "FormationViolation"))

    def test_nonsense_now_and_then(self) -> None:
        """What can be read between them makes good for some that cannot."""
        self.connect()
        for _ in range(3 * MAX_UNREADABLE_FRAMES):
            self.backend.say(b"nonsense")
            self.backend.call("GetLocalListVersion", {})
        self.assertEqual(self.backend.hung_up, [])

    def test_no_text(self) -> None:
        """What is not UTF-8 ends the connection with its own status."""
        self.connect()
        self.backend.say(b'[2,"x","Reset",{"type":"\xff"}]')
        self.assertEqual([code for code, _ in self.backend.hung_up], [1007])

    def test_odd_frames(self) -> None:
        """Unknown types, answers to nothing, deep nests and endless ids do no harm."""
        self.connect()
        for text in (
            "[5,1,2]",
            '[3,"nobody",{}]',
            '[4,"nobody","X","",{}]',
            "[" * 100_000,
            '[2,"' + "i" * 10_000 + '","Reset",{}]',
            '[2,"d","DataTransfer",{"vendorId":' + "[" * 1000 + "]" * 1000 + "}]",
            '[2,"n","Reset",{"type":NaN}]',
            '[2,"k","Reset",{"type":"Hard","type":"Soft"}]',
            "[]",
            "null",
            "",
        ):
            self.backend.say(text)
        self.assertEqual(self.devices.done, [])
        self.assertEqual(self.backend.hung_up, [])
        self.assertTrue(self.gateway.is_serving)
        self.assertEqual(self.counters[Counter.FRAMES_OF_UNKNOWN_TYPE], 1)

    def test_long_calls(self) -> None:
        """A long call is refused, unless it is one that brings a list."""
        self.begin(settings())
        self.connect()
        text = "x" * MAX_FORWARDED_BYTES
        self.backend.call("DataTransfer", {"vendorId": "a", "data": text})
        refusal = self.backend.results[-1]
        assert isinstance(refusal, CallError)
        self.assertEqual(refusal.code, "PropertyConstraintViolation")
        tags = [{"idTag": f"{n:020}", "idTagInfo": {"status": "Accepted"}} for n in range(1000)]
        self.backend.call(
            "SendLocalList",
            {"listVersion": 1, "updateType": "Full", "localAuthorizationList": tags},
        )
        self.assertIsInstance(self.backend.results[-1], CallResult)

    def test_answers_to_nothing(self) -> None:
        """An invented answer ends no question that is open."""
        self.connect()
        self.backend.answers["DataTransfer"] = None
        asked = self.gateway.ask("DataTransfer", b"{}")
        self.backend.say('[3,"invented",{}]')
        self.assertNoResult(asked)
        self.disconnect()
        self.failureResultOf(asked)

    def test_after_the_end(self) -> None:
        """What comes when the connection is gone is not looked at."""
        self.connect()
        self.disconnect()
        self.backend.call("GetLocalListVersion", {})
        self.assertEqual(self.backend.results, [])

    def test_no_timers(self) -> None:
        """Closed, nothing is left that would happen later."""
        for configured in (BOX, settings(), evolve(BOX, queue_limit=1)):
            self.begin(configured)
            self.connect()
            self.gateway.queue("SecurityEventNotification", 0, None, b"{}")
            self.gateway.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
