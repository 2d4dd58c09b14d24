"""All gateways of a site, as money sees them: who is told of what, whatever happens between."""

from __future__ import annotations

import itertools
from datetime import timedelta
from math import inf
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogEvent, capturedLogs, formatEvent

from cfos_cm.charge_point.given import Given
from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.counters import Counters
from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.net.backend_client import BackendState
from cfos_cm.services import gateways
from cfos_cm.services.config import Config, parse_config
from cfos_cm.services.forwarding import TellingLedger
from cfos_cm.services.gateways import RETRY_S, STRICT_GRACE_S, Gateways, GatewayWorld
from cfos_cm.services.local_places import Card
from cfos_cm.site.events import (
    BackendSpoke,
    EvseLimited,
    SiteEvent,
    TransactionJudged,
    TransactionStarted,
)
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.records import StoredStart
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.forwarding import ForwardingLedger
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.v16.core import Reason
from cfos_cm.v16.reservation import ReserveNowRequest
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.wire.ocppj import Call
from tests.charge_point.backend import Backend
from tests.charge_point.memory import InMemoryVault
from tests.storage.cases import NOW, SqliteCase
from tests.storage.ledger_contract import START, start_of, stop_of

SITE = """\
[circuit c]
max_current = 63
[evse bay-1]
type = ocpp16
address = CP-1
[evse bay-2]
type = ocpp16
address = CP-2
"""
BLOCKED = {"transactionId": 5, "idTagInfo": {"status": "Blocked"}}
PERIODIC = '{"connectorId":1,"transactionId":%d,"meterValue":[]}'


def section(name: str, evse: str = "bay-1", client_id: str = "DE*1", more: str = "") -> str:
    """A gateway."""
    return (
        f"[gateway {name}]\nevse = {evse}\nurl = ws://backend.test/\n"
        f"client_id = {client_id}\n{more}"
    )


def config(*sections: str) -> Config:
    """A site with two EVSEs and these gateways."""
    return parse_config(SITE + "".join(sections), "/site/tap.cfg")


class FakeDevices:
    """
    EVSEs that note what they are told.

    @ivar ended: which transactions were, and where.
    """

    def __init__(self) -> None:
        self.ended: list[tuple[str, int]] = []

    def end(
        self, connector: ConnectorSettings, transaction_id: int, reason: Reason
    ) -> Deferred[bool]:
        """End a transaction."""
        self.ended.append((connector.evse, transaction_id))
        return succeed(True)


class FakeClient:
    """
    A connection that is there when a test says so.

    @ivar backend: who is at the other end; C{None}: there is none.
    @ivar is_wanted: whether there may be one.
    """

    def __init__(self, _target: object, listener: Any, *_: object) -> None:
        self.listener = listener
        self.backend: Backend | None = None
        self.is_wanted = False
        self.given = Given()
        self.redials: list[str] = []

    @property
    def state(self) -> BackendState:
        """How it is now."""
        return BackendState("not connected: not dialled", is_connected=self.backend is not None)

    def start(self) -> None:
        """There may be one."""
        self.is_wanted = True

    def stop(self) -> Deferred[None]:
        """There is none any more."""
        self.is_wanted = False
        self.lose()
        return succeed(None)

    def lose(self) -> None:
        """It is gone."""
        backend, self.backend = self.backend, None
        if backend is not None:
            self.listener.disconnected("gone")

    def of_use(self) -> None:
        """It is of use."""

    def set_ping_interval(self, interval_s: float) -> None:
        """It is tried now and then."""

    def use(self, given: Given) -> None:
        """The next one is made with this."""
        self.given = given

    def redial(self, why: str) -> None:
        """It is made anew."""
        self.redials.append(why)


class GatewaysCase(SqliteCase):
    """
    Gateways on a virtual clock, with a database in a file; backends are played by the test.

    @ivar clock: also where they would dial.
    @ivar backend: what it was told, by the gateway that L{serve}s.
    """

    async def begin(self, *sections: str) -> None:
        """The program starts with these gateways."""
        self.db = await self.opened()
        self.patch(gateways, "BackendClient", FakeClient)
        self.clock = Clock()
        self.events: list[SiteEvent] = []
        self.shut_out: list[str] = []
        self.vaults: dict[str, InMemoryVault] = {}
        self.state = SiteState(
            evses={name: Evse(EvseSettings(name, "c")) for name in ("bay-1", "bay-2")}
        )
        ids, numbers = itertools.count(1), itertools.count(1)

        def new_key() -> str:
            return f"id-{next(ids)}"

        self.outboxes = Outboxes(self.db, new_key, lambda: NOW)
        ledger = ForwardingLedger(self.db, lambda: next(numbers), new_key, lambda: NOW)
        self.gateways = Gateways(
            GatewayWorld(
                reactor=self.clock,
                now=lambda: NOW + timedelta(seconds=self.clock.seconds()),
                new_unique_id=new_key,
                random=lambda: 0.0,
                database=self.db,
                outboxes=self.outboxes,
                report=self.report,
                state=lambda: self.state,
                counters=Counters(),
                judged=ledger.judged,
                vault=lambda key: self.vaults.setdefault(key, InMemoryVault()),
            )
        )
        self.devices: Any = FakeDevices()
        self.gateways.attach(self.devices, lambda identity, _: self.shut_out.append(identity))
        self.ledger = TellingLedger(ledger, self.gateways)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.gateways.close()))
        await self.gateways.configure(config(*sections))

    def report(self, event: SiteEvent) -> None:
        """Something happens on the site."""
        self.events.append(event)
        before, self.state = self.state, fold(self.state, event)
        self.gateways.note(event, before, self.state)

    def client(self, name: str) -> Any:
        """The connection of a gateway."""
        return self.gateways._rows[self.gateways.gateway(name).settings.key].client

    async def serve(self, name: str, **answers: Any) -> Backend:
        """
        The backend of a gateway is there, and lets it in.

        @param answers: what it answers, by action.
        """
        client, backend = self.client(name), Backend(self.clock, answers)
        self.assertTrue(client.is_wanted)
        await self.settle()
        client.backend = backend
        backend.attach(client.listener)
        client.listener.connected(backend.send, backend.hang_up)
        return backend

    async def start(self, **changes: Any) -> StoredStart:
        """A transaction begins at the first EVSE, or where C{changes} say."""
        stored = await self.ledger.start(start_of(**changes))
        evse = changes.get("evse", "bay-1")
        self.report(TransactionStarted(evse, stored.transaction))
        return stored

    async def measure(
        self, number: int | None, charge_point: str = "CP-1", connector: int = 1
    ) -> None:
        """A Charge Point sends meter values."""
        text = '{"connectorId":1,"meterValue":[]}' if number is None else PERIODIC % number
        kept = self.ledger.add_meter_values(charge_point, connector, number, NOW, text)
        if kept is not None:
            await kept

    async def owed(self, name: str) -> list[tuple[str, int | None]]:
        """What waits for a backend."""
        return actions(await self.outboxes.first(self.gateways.gateway(name).settings.key, 99))

    async def settle(self) -> None:
        """What is on its way to the disk is there."""
        for _ in range(3):
            await self.db.run(lambda _: None)
            await deferLater(reactor, 0)


def actions(messages: tuple[QueuedMessage, ...]) -> list[tuple[str, int | None]]:
    """What messages are about."""
    return [(one.action, one.transaction_id) for one in messages]


def told(logs: list[LogEvent]) -> str:
    """What the log says."""
    return "\n".join(formatEvent(one) for one in logs)


class RoutingTests(GatewaysCase):
    """Who is told of what."""

    async def test_life(self) -> None:
        """A transaction reaches its backend with the numbers of that."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        stored = await self.start(request_text=START.request_text)
        number = stored.transaction.transaction_id
        await self.measure(number)
        await self.ledger.stop(stop_of(number, request_text='{"transactionId":1}'))
        start, reading, stop = backend.told(
            "StartTransaction", "MeterValues", "StopTransaction"
        )
        self.assertEqual(start.data["connectorId"], 1)
        self.assertEqual(
            (reading.data["transactionId"], stop.data["transactionId"]), (9000, 9000)
        )
        await self.settle()
        self.assertEqual(await self.owed("north"), [])

    async def test_two_backends(self) -> None:
        """Each gets its own numbers, and a reading that one does not take is there for both."""
        report = section("south", client_id="R", more="role = report\n")
        await self.begin(section("north"), report)
        north, south = await self.serve("north"), await self.serve("south")
        south._numbers = itertools.count(5)
        await self.start()
        await self.measure(1)
        numbers = [one.told("MeterValues")[0].data["transactionId"] for one in (north, south)]
        self.assertEqual(numbers, [9000, 5])

    async def test_two_evses_one_number(self) -> None:
        """Where a backend gives two transactions one number, each is told of its own."""
        both = section("a"), section("b", "bay-2")
        await self.begin(*both)
        backend = await self.serve("a+b")
        backend.answers["StartTransaction"] = {
            "transactionId": 0,
            "idTagInfo": {"status": "Accepted"},
        }
        await self.start()
        await self.start(charge_point="CP-2", evse="bay-2")
        await self.measure(1)
        await self.measure(2, "CP-2")
        readings = [(one.data["connectorId"]) for one in backend.told("MeterValues")]
        self.assertEqual(readings, [1, 2])

    async def test_repeated_start(self) -> None:
        """A start that is said again is told once."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        await self.start()
        await self.start()
        self.assertEqual(len(backend.told("StartTransaction")), 1)

    async def test_readings_of_another(self) -> None:
        """Nobody can put readings into the transaction of another Charge Point."""
        await self.begin(section("a"), section("b", "bay-2"))
        backend = await self.serve("a+b")
        await self.start()
        await self.measure(1, "CP-2")
        self.assertEqual(backend.told("MeterValues"), [])

    async def test_readings_of_a_wrong_connector(self) -> None:
        """What a Charge Point says of its transaction is told, whatever connector it names."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        await self.start()
        await self.measure(1, connector=0)
        self.assertEqual(len(backend.told("MeterValues")), 1)

    async def test_readings_of_no_transaction(self) -> None:
        """They are told now or never; 0 is no such thing: it may be a number of the backend."""
        await self.begin(section("north"))
        await self.measure(None)
        backend = await self.serve("north")
        await self.measure(None)
        await self.measure(0)
        await self.measure(-1)
        await self.measure(77)
        self.assertEqual([one.data for one in backend.told("MeterValues")], [
            {"connectorId": 1, "meterValue": []}
        ])  # fmt: skip
        self.assertEqual(await self.owed("north"), [])

    async def test_readings_after_the_end(self) -> None:
        """They come behind it, with its number."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        await self.start()
        await self.ledger.stop(stop_of(1))
        await self.measure(1)
        self.assertEqual(backend.told("MeterValues")[0].data["transactionId"], 9000)

    async def test_begun_before(self) -> None:
        """Of a transaction that began without a gateway no backend is told anything."""
        await self.begin()
        await self.start()
        await self.gateways.configure(config(section("north")))
        backend = await self.serve("north")
        await self.measure(1)
        await self.ledger.stop(stop_of(1))
        self.assertEqual(backend.told("MeterValues", "StopTransaction"), [])

    async def test_unknown_end(self) -> None:
        """An end of nothing that is known is told to nobody."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        await self.ledger.stop(stop_of(77))
        self.assertEqual(backend.told("StopTransaction"), [])

    async def test_tag_of_an_end(self) -> None:
        """What the backend says of who has ended a transaction counts when it is away."""
        await self.begin(section("north"))
        await self.serve("north", StopTransaction={"idTagInfo": {"status": "Blocked"}})
        await self.start()
        await self.ledger.stop(stop_of(1, request_text='{"transactionId":1,"idTag":"04CC"}'))
        judged = self.gateways.gateway("north").cards.judge_offline("04CC")
        self.assertEqual(judged.info.status.value, "Blocked")

    async def test_superseded(self) -> None:
        """The end of one that another has followed is told when it comes."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        await self.start()
        await self.start(meter_start_wh=5000)
        await self.ledger.stop(stop_of(1, request_text='{"transactionId":1}'))
        self.assertEqual(backend.told("StopTransaction")[0].data["transactionId"], 9000)

    async def test_security_event(self) -> None:
        """It is owed too, and stays as it was written."""
        await self.begin(section("north"))
        payload = b'{"type":"x", "connectorId":7,"timestamp":"now"}'
        call = Call("1", "SecurityEventNotification", payload)
        self.gateways.told("CP-1", None, call)
        await self.settle()
        self.assertEqual(await self.owed("north"), [("SecurityEventNotification", None)])
        backend = await self.serve("north")
        self.assertEqual(backend.told("SecurityEventNotification")[0].payload, payload)

    async def test_not_stored(self) -> None:
        """Who says what cannot be stored learns of that, as of a fault of the disk."""
        report = section("south", client_id="R", more="role = report\n")
        await self.begin(section("north"), report)
        await self.start()
        await self.settle()
        self.outboxes.add = lambda _message: fail(StorageError("full"))  # type: ignore[method-assign]
        await self.assertFailure(Deferred.fromCoroutine(self.measure(1)), StorageError)

    async def test_group_reservation(self) -> None:
        """Who is of the group may begin, also where nothing said before counts; nobody else."""
        box = "[evse box]\ntype = cfos_power_brain\naddress = tcp:127.0.0.1:4701\n"
        await self.begin(box, section("north", "box"))
        here = Evse(EvseSettings("box", "c"), link=Link.ONLINE, occupancy=Occupancy.FREE)
        self.state = SiteState(evses={"box": here})
        gateway, wishes = self.gateways.gateway("north"), self.gateways.wishes
        await gateway.configuration.change("LocalAuthorizeOffline", "false")
        until = format_timestamp(NOW + timedelta(hours=1))
        kept = ReserveNowRequest(
            connector_id=1,
            expiry_date=until,
            id_tag="OWNER",
            reservation_id=9,
            parent_id_tag="FLEET",
        )
        self.assertEqual("Accepted", (await gateway.reservations.reserve(kept)).value)
        member, other = Card("MEMBER", inf, "FLEET"), Card("OTHER", inf)
        self.assertTrue(wishes.may_begin("box", member))
        self.assertFalse(wishes.may_begin("box", other))
        self.assertEqual(9, wishes.reservation_for("box", member))
        self.assertIsNone(wishes.reservation_for("box", other))
        self.assertEqual([], await self.owed("north"))

    async def test_by_card(self) -> None:
        """A backend is told only of the cards that are its own."""
        await self.begin(section("north", more="tags = DE-*\n"))
        await self.start()
        await self.start(id_tag="de-7")
        self.assertEqual(await self.owed("north"), [("StartTransaction", 2)])


class ReloadTests(GatewaysCase):
    """Other settings while cars charge."""

    changed = section("north", more="password = s3cret-of-the-new-one\n")

    async def test_start_meanwhile(self) -> None:
        """What begins while a gateway is being replaced is owed to its backend."""
        await self.begin(section("north"), section("south", "bay-2", "DE*2"))
        changing = Deferred.fromCoroutine(self.gateways.configure(config(self.changed)))
        await self.start()
        await changing
        self.assertEqual(await self.owed("north"), [("StartTransaction", 1)])
        backend = await self.serve("north")
        self.assertEqual(len(backend.told("StartTransaction")), 1)
        await self.measure(1)
        self.assertEqual(len(backend.told("MeterValues")), 1)

    async def test_start_at_a_new_one(self) -> None:
        """So it is with one that was not there before."""
        await self.begin()
        changing = Deferred.fromCoroutine(self.gateways.configure(config(section("north"))))
        await self.start()
        await changing
        await self.measure(1)
        wanted = [("StartTransaction", 1), ("MeterValues", 1)]
        self.assertEqual(await self.owed("north"), wanted)

    async def test_readings_meanwhile(self) -> None:
        """Readings are owed at every moment of it, and so is the end."""
        await self.begin(section("north"))
        await self.serve("north")
        await self.start()
        changing = Deferred.fromCoroutine(self.gateways.configure(config(self.changed)))
        count = 0
        while not changing.called:
            await self.measure(1)
            count += 1
        await changing
        await self.ledger.stop(stop_of(1))
        self.assertGreater(count, 0)
        self.assertEqual(len(await self.owed("north")), count + 1)
        backend = await self.serve("north")
        self.assertEqual(
            [one.action for one in backend.told("MeterValues", "StopTransaction")],
            ["MeterValues"] * count + ["StopTransaction"],
        )

    async def test_one_on_its_way(self) -> None:
        """What was on its way goes on with the same id; the old one sends nothing any more."""
        await self.begin(section("north"))
        before = await self.serve("north")
        before.answers["StartTransaction"] = None
        await self.start()
        await self.ledger.stop(stop_of(1))
        await self.gateways.configure(config(self.changed))
        before.answer(before.told("StartTransaction")[0], {"transactionId": 1})
        after = await self.serve("north")
        ids = [one.told("StartTransaction")[0].unique_id for one in (before, after)]
        self.assertEqual(len(set(ids)), 1)
        self.assertEqual(len(before.told("StartTransaction", "StopTransaction")), 1)
        self.assertEqual(len(after.told("StopTransaction")), 1)

    async def test_renumbered(self) -> None:
        """A transaction is told of at the connector where it began, and judged where it is."""
        await self.begin(
            section("a", more="connector = 1\n"), section("b", "bay-2", more="connector = 2\n")
        )
        await self.start()
        await self.gateways.configure(
            config(
                section("a", more="connector = 2\n"),
                section("b", "bay-2", more="connector = 1\n"),
            )
        )
        await self.measure(1)
        backend = await self.serve("a+b")
        self.assertEqual(backend.told("MeterValues")[0].data["connectorId"], 1)
        backend.answers["StartTransaction"] = BLOCKED
        await self.start(charge_point="CP-2", evse="bay-2")
        self.assertEqual(self.devices.ended, [("bay-2", 2)])

    async def test_judged_after_renumbering(self) -> None:
        """Whoever is refused is ended where he charges."""
        await self.begin(section("a", more="connector = 1\n"))
        await self.start()
        again = (
            section("a", more="connector = 7\n"),
            section("b", "bay-2", more="connector = 1\n"),
        )
        await self.gateways.configure(config(*again))
        await self.serve("a+b", StartTransaction=BLOCKED)
        self.assertEqual(self.devices.ended, [("bay-1", 1)])
        judged = [one for one in self.events if isinstance(one, TransactionJudged)]
        self.assertEqual(judged, [TransactionJudged("bay-1", 1, Verdict.BLOCKED)])

    async def test_limits_stay(self) -> None:
        """A backend's limit is not taken away for the time of a change."""
        await self.begin(section("north"))
        backend = await self.serve("north")
        schedule = {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}],
            "startSchedule": "2026-01-01T00:00:00Z",
        }
        backend.call(
            "SetChargingProfile",
            {
                "connectorId": 0,
                "csChargingProfiles": {
                    "chargingProfileId": 1,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "ChargePointMaxProfile",
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": schedule,
                },
            },
        )
        await self.settle()
        self.events.clear()
        await self.gateways.configure(config(self.changed))
        limits = [one.current_ma for one in self.events if isinstance(one, EvseLimited)]
        self.assertEqual(limits, [6000])
        await self.gateways.configure(config(section("other", more="password = x\n")))
        limits = [
            (one.by, one.current_ma) for one in self.events if isinstance(one, EvseLimited)
        ]
        self.assertEqual(limits[1:], [("backend other", 6000), ("backend north", None)])
        await self.gateways.configure(config())
        self.assertEqual(self.events[-1], EvseLimited("bay-1", "backend other", None))

    async def test_removed_and_back(self) -> None:
        """A queue outlives its gateway; what ends meanwhile is owed, too."""
        await self.begin(section("north"))
        await self.serve("north")
        await self.start()
        await self.gateways.configure(config())
        await self.ledger.stop(stop_of(1))
        self.assertEqual(list(await self.gateways.orphans()), ["ws://backend.test:80/DE%2A1"])
        await self.gateways.configure(config(section("north")))
        self.assertEqual(await self.gateways.orphans(), {})
        backend = await self.serve("north")
        self.assertEqual(backend.told("StopTransaction")[0].action, "StopTransaction")

    async def test_disk_that_cannot_be_read(self) -> None:
        """It is tried again by itself; what happens meanwhile is owed, and others run."""
        await self.begin(section("north"))
        await self.serve("north")
        await self.start()
        reading = self.outboxes.transactions
        self.outboxes.transactions = lambda _gateway: fail(StorageError("gone"))  # type: ignore[method-assign]
        new = section("south", "bay-2", "DE*2")
        with capturedLogs() as logs:
            await self.gateways.configure(config(self.changed, new))
        self.assertIn("north: what it remembers cannot be read", told(logs))
        await self.measure(1)
        await self.start(charge_point="CP-2", evse="bay-2")
        self.outboxes.transactions = reading  # type: ignore[method-assign]
        self.clock.advance(RETRY_S)
        await self.gateways.configure(config(self.changed, new))
        north, south = await self.serve("north"), await self.serve("south")
        self.assertEqual(len(north.told("MeterValues")), 1)
        self.assertEqual(len(south.told("StartTransaction")), 1)

    async def test_disk_that_cannot_be_read_at_first(self) -> None:
        """The program does not start like that."""
        await self.begin()
        self.gateways._has_begun = False
        self.outboxes.transactions = lambda _gateway: fail(StorageError("gone"))  # type: ignore[method-assign]
        with capturedLogs():
            starting = Deferred.fromCoroutine(self.gateways.configure(config(self.changed)))
            await self.assertFailure(starting, StorageError)
        await self.gateways.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class StrictTests(GatewaysCase):
    """C{outage = strict}."""

    strict = section("north", more="outage = strict\n")

    def objections(self) -> list[str | None]:
        """What was said of whether the EVSE may charge, since this was asked last."""
        found = [one.objection for one in self.events if isinstance(one, BackendSpoke)]
        self.events.clear()
        return found

    async def test_flapping(self) -> None:
        """Only who is away for a while in one piece is away."""
        await self.begin(self.strict)
        self.assertEqual(self.objections(), ["cannot be reached"])
        for _ in range(5):
            await self.serve("north")
            self.client("north").lose()
            self.clock.advance(STRICT_GRACE_S - 1)
        self.assertEqual(set(self.objections()), {None})
        self.assertEqual(self.shut_out, [])
        self.clock.advance(1)
        self.assertEqual((self.objections(), self.shut_out), (["cannot be reached"], ["CP-1"]))
        self.assertTrue(self.gateways.shuts_out("CP-1"))

    async def test_reload(self) -> None:
        """Other settings are no reason to stop a car, if the backend is back in time."""
        await self.begin(self.strict)
        await self.serve("north")
        self.objections()
        await self.gateways.configure(config(self.strict + "password = other\n"))
        self.assertEqual((self.objections(), self.gateways.shuts_out("CP-1")), ([None], False))
        self.clock.advance(STRICT_GRACE_S)
        self.assertEqual((self.objections(), self.shut_out), (["cannot be reached"], ["CP-1"]))

    async def test_strict_from_now_on(self) -> None:
        """So it is when they have been shielded until now."""
        await self.begin(section("north"))
        await self.serve("north")
        self.objections()
        await self.gateways.configure(config(self.strict))
        await self.serve("north")
        self.clock.advance(2 * STRICT_GRACE_S)
        self.assertEqual((set(self.objections()), self.shut_out), ({None}, []))


class DeadLetterTests(GatewaysCase):
    """What a backend does not take."""

    async def refused_start(self) -> Backend:
        """The start of a transaction is a dead letter, and the next one was told."""
        await self.begin(section("north"))
        gateway = self.gateways.gateway("north")
        await gateway.configuration.change("TransactionMessageAttempts", "1")
        backend = await self.serve("north")
        backend.answers["StartTransaction"] = "!InternalError"
        await self.start()
        await self.ledger.stop(stop_of(1, request_text='{"transactionId":1}'))
        del backend.answers["StartTransaction"]
        await self.start(meter_start_wh=5000)
        await self.settle()
        return backend

    async def test_resent(self) -> None:
        """Sent again by hand it has its own number, and ends its own transaction."""
        backend = await self.refused_start()
        letters = await self.gateways.dead_letters("north", 9)
        self.assertEqual(actions(tuple(one.message for one in letters)), [
            ("StartTransaction", 1), ("StopTransaction", 1)
        ])  # fmt: skip
        self.assertEqual(await self.gateways.resend("north", (letters[0].message.key,)), 2)
        await self.settle()
        stop = backend.told("StopTransaction")[-1]
        self.assertEqual(stop.data["transactionId"], 9001)
        running = self.gateways.gateway("north").transactions.running(1)
        assert running is not None
        self.assertEqual(running.transaction_id, 2)
        self.assertEqual(await self.gateways.dead_letters("north", 9), ())

    async def test_move(self) -> None:
        """What is moved is delivered by the other one; what runs is not moved, nor dropped."""
        await self.begin(section("old", client_id="OLD"))
        await self.start()
        await self.gateways.configure(config(section("new")))
        key = "ws://backend.test:80/OLD"
        backend = await self.serve("new")
        self.assertEqual(await self.gateways.move(key, "new"), 1)
        await self.settle()
        self.assertEqual(len(backend.told("StartTransaction")), 1)
        await self.measure(1)
        self.assertEqual(backend.told("MeterValues")[0].data["transactionId"], 9000)
        own = self.gateways.gateway("new").settings.key
        for refused in (self.gateways.move, lambda key, _: self.gateways.drop(key)):
            with self.assertRaises(LocalProtocolError):
                refused(own, "new")

    async def test_drop(self) -> None:
        """What is dropped is gone."""
        await self.begin(section("old", client_id="OLD"))
        await self.start()
        await self.gateways.configure(config())
        self.assertEqual(await self.gateways.drop("ws://backend.test:80/OLD"), 1)
        self.assertEqual(await self.gateways.orphans(), {})


class JudgedTests(GatewaysCase):
    """A tag that a backend refuses when its transaction runs already."""

    async def refused(self, *, over: bool) -> None:
        """It is, when the backend is there at last."""
        await self.begin(section("north"))
        await self.start()
        if over:
            await self.ledger.stop(stop_of(1))
        await self.serve("north", StartTransaction=BLOCKED)

    async def test_while_it_runs(self) -> None:
        """It is ended."""
        await self.refused(over=False)
        self.assertEqual(self.devices.ended, [("bay-1", 1)])

    async def test_over(self) -> None:
        """What is over is ended no more."""
        await self.refused(over=True)
        self.assertEqual(self.devices.ended, [])
