"""An operator starts, stops, pauses and limits single EVSEs."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from cfos_cm.errors import DeviceRefusal, LocalProtocolError
from cfos_cm.services.local_transactions import CARD_S
from cfos_cm.services.web.evse_ceilings import OPERATOR
from cfos_cm.services.web.evse_replies import PATIENCE_S
from cfos_cm.services.web.evse_routes import evse_routes
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    OccupancyReported,
    SettingsChanged,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.setpoint import ReasonCode
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.storage.evse_orders import EvseOrder
from cfos_cm.web.role import Role
from tests.central_system.operators import Refuse
from tests.central_system.world import NOW, START

from .asking import Desk
from .orders_case import BAY, BOX, FUSE, OrdersCase

PLUGGED = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}


class Charging(OrdersCase):
    """A car charges at C{bay} with all that it can get."""

    def setUp(self) -> None:
        """It has begun, and C{bay} has confirmed 16 A."""
        super().setUp()
        self.answer(self.bay)
        self.station.ask("StatusNotification", PLUGGED)
        self.station.ask("StartTransaction", START)
        self.settle()
        self.answer(self.bay)
        self.assertEqual(16_000, self.bay.currents_ma[-1])

    def answer(self, evse: Any) -> None:
        """The last order is confirmed."""
        self.settle()
        evse.confirms()
        self.settle()

    def confirmed(self, verb: str, **body: object) -> tuple[str, str]:
        """What an order comes to that C{bay} confirms."""
        asking = self.begin_to_ask("bay", verb, **body)
        self.assertNoResult(asking)
        self.answer(self.bay)
        done = self.successResultOf(asking)
        return done["status"], done["text"]

    def reason(self) -> tuple[ReasonCode, str]:
        """Why C{bay} gets no more."""
        target = self.loop.state.evses["bay"].target
        assert target is not None
        return target.reason.code, target.reason.text


class Limits(Charging):
    """What an operator allows."""

    def test_limit(self) -> None:
        """A limit is the ceiling, in words, on disk; the answer says what the EVSE has said."""
        status, text = self.confirmed("limit", current_ma=10_000)
        self.assertEqual("Accepted", status)
        self.assertEqual("bay may have 10 A; it has confirmed 10 A", text)
        self.assertEqual(10_000, self.bay.currents_ma[-1])
        self.assertEqual((ReasonCode.OUTSIDE, "operator allows 10 A"), self.reason())
        self.assertEqual(
            {"bay": EvseOrder("bay", 10_000, False, "alice", NOW)}, self.store.kept
        )
        self.assertEqual([f"Accepted: {text}"], self.desk.notes)

    def test_lifted(self) -> None:
        """Without its limit it gets what there is; nothing is on disk any more."""
        self.confirmed("limit", current_ma=10_000)
        status, text = self.order("bay", "limit", current_ma=None)
        self.assertEqual("Accepted", status)
        self.assertIn("no operator limits bay any more; it gets what the site has", text)
        self.settle()
        self.assertEqual(16_000, self.bay.currents_ma[-1])
        self.assertEqual({}, self.store.kept)

    def test_tooLittle(self) -> None:
        """Less than a car needs is a pause, and is called one."""
        _, text = self.confirmed("limit", current_ma=5_900)
        self.assertIn(
            "bay may have 5.9 A, which is less than the 6 A that it needs: it pa", text
        )
        self.assertEqual(0, self.bay.currents_ma[-1])
        self.assertEqual(
            (ReasonCode.OUTSIDE, "operator allows 5.9 A, less than the 6 A that it needs"),
            self.reason(),
        )

    def test_pause(self) -> None:
        """Paused it gets nothing; resumed it gets what was allowed before."""
        self.confirmed("limit", current_ma=8_000)
        status, text = self.confirmed("pause")
        self.assertEqual(("Accepted", "bay is paused; it has confirmed 0 A"), (status, text))
        self.assertEqual((ReasonCode.OUTSIDE, "paused by operator"), self.reason())
        self.assertTrue(self.orders.is_paused("bay"))
        self.assertFalse(self.orders.is_paused("box"))
        self.order("bay", "resume")
        self.settle()
        self.assertEqual(8_000, self.bay.currents_ma[-1])
        self.assertFalse(self.orders.is_paused("bay"))
        self.assertEqual(8_000, self.store.kept["bay"].current_ma)

    def test_limitWhilePaused(self) -> None:
        """A limit does not end a pause."""
        self.confirmed("pause")
        _, text = self.order("bay", "limit", current_ma=10_000)
        self.assertIn("it stays paused until it is resumed", text)
        self.assertEqual(0, self.bay.currents_ma[-1])

    def test_resumeNothing(self) -> None:
        """Who is not paused need not be resumed."""
        self.assertEqual(("Accepted", "bay was not paused"), self.order("bay", "resume"))

    def test_refused(self) -> None:
        """A wallbox that refuses the order is quoted; the limit holds all the same."""
        asking = self.begin_to_ask("bay", "limit", current_ma=10_000)
        self.bay.refuses()
        self.settle()
        done = self.successResultOf(asking)
        self.assertEqual("Rejected", done["status"])
        self.assertIn("it has not taken it, and is told again: Rejected", done["text"])
        self.assertEqual({OPERATOR: 10_000}, self.loop.state.evses["bay"].outside_ma)

    def test_silent(self) -> None:
        """Who does not answer is not waited for without end."""
        asking = self.begin_to_ask("bay", "pause")
        self.clock.advance(PATIENCE_S)
        done = self.successResultOf(asking)
        self.assertEqual("Pending", done["status"])
        self.assertIn("it has not confirmed it yet", done["text"])

    def test_lostMeanwhile(self) -> None:
        """Who goes while he is told is told when he is back."""
        asking = self.begin_to_ask("bay", "pause")
        self.loop.report(EvseLost("bay", "gone"))
        self.settle()
        done = self.successResultOf(asking)
        self.assertEqual("Pending", done["status"])
        self.assertIn("it is not connected", done["text"])

    def test_stopped(self) -> None:
        """When the program ends nobody waits, and no timer is left."""
        asking = self.begin_to_ask("bay", "pause")
        self.orders.stop()
        self.successResultOf(asking)
        self.loop.stop()
        self.bay.confirms()
        before = len(self.clock.getDelayedCalls())
        self.orders.stop()
        self.assertEqual(before, len(self.clock.getDelayedCalls()))

    def test_anotherStop(self) -> None:
        """Settings that were just changed leave no timer behind at the end."""
        self.confirmed("pause")
        before = len(self.clock.getDelayedCalls())
        self.loop.stop()
        for _ in range(2):
            self.configure_quietly(BAY, BOX)
        self.orders.stop()
        self.assertLessEqual(len(self.clock.getDelayedCalls()), before)

    def configure_quietly(self, *evses: EvseSettings) -> None:
        """The settings are these, and nothing happens after that."""
        self.patch(self, "settle", lambda: None)
        self.configure(*evses)

    def test_restart(self) -> None:
        """What was ordered holds again when the program starts."""
        self.confirmed("limit", current_ma=10_000)
        self.loop.stop()
        self.begin()
        self.assertEqual({OPERATOR: 10_000}, self.loop.state.evses["bay"].outside_ma)
        order = self.orders.order_for("bay")
        assert order is not None
        self.assertEqual("alice", order.by)

    def test_thereAgain(self) -> None:
        """An EVSE that was out of the settings for a while is limited as before."""
        self.confirmed("limit", current_ma=10_000)
        self.configure(BOX)
        self.configure(BAY, BOX)
        self.assertEqual({OPERATOR: 10_000}, self.loop.state.evses["bay"].outside_ma)

    def test_renamed(self) -> None:
        """What was ordered for an EVSE holds when it is called otherwise, and after that."""
        self.confirmed("limit", current_ma=10_000)
        self.configure_renamed({"bay": "left"})
        self.assertEqual({OPERATOR: 10_000}, self.loop.state.evses["left"].outside_ma)
        self.assertEqual(["left"], list(self.store.kept))
        self.loop.stop()
        self.begin()
        self.configure(evolve(BAY, name="left"), BOX)
        self.assertEqual({OPERATOR: 10_000}, self.loop.state.evses["left"].outside_ma)

    def test_exchanged(self) -> None:
        """Two EVSEs that exchange their names exchange what was ordered for them."""
        self.confirmed("limit", current_ma=10_000)
        self.exchange()
        self.assertEqual({"box": 10_000}, self.kept())
        self.begin_to_ask("bay", "limit", current_ma=8_000)
        self.exchange()
        self.assertEqual({"bay": 10_000, "box": 8_000}, self.kept())

    def exchange(self) -> None:
        """Two EVSEs exchange their names."""
        self.loop.report(SettingsChanged("Garage", False, (FUSE,), ()))
        self.configure_renamed({"bay": "box", "box": "bay"})

    def kept(self) -> dict[str, int | None]:
        """What EVSEs may have, in force and on disk."""
        found = {
            name: one.outside_ma[OPERATOR]
            for name, one in self.loop.state.evses.items()
            if one.outside_ma
        }
        on_disk = {name: one.current_ma for name, one in self.store.kept.items()}
        self.assertEqual(on_disk, found)
        return on_disk

    def test_renamedOnABrokenDisk(self) -> None:
        """What cannot be written down of that holds all the same."""
        self.confirmed("limit", current_ma=10_000)
        self.store.broken = True
        self.configure_renamed({"bay": "left"})
        self.assertEqual({OPERATOR: 10_000}, self.loop.state.evses["left"].outside_ma)

    def configure_renamed(self, names: dict[str, str]) -> None:
        """The EVSEs are called otherwise, by what they were called."""
        evses = (evolve(one, name=names.get(one.name, one.name)) for one in (BAY, BOX))
        self.loop.report(SettingsChanged("Garage", False, (FUSE,), tuple(evses)))
        self.orders.rename(names)
        self.settle()

    def test_brokenDisk(self) -> None:
        """What cannot be written down holds, and the answer says for how long."""
        self.store.broken = True
        _, text = self.confirmed("pause")
        self.assertIn("it holds until the manager ends, for it cannot be written down", text)
        self.assertIn("the disk is full", text)
        self.assertEqual(0, self.bay.currents_ma[-1])

    def test_away(self) -> None:
        """Who is not connected is told when he is."""
        self.loop.report(EvseLost("bay", "gone"))
        status, text = self.order("bay", "pause")
        self.assertEqual("Pending", status)
        self.assertEqual("bay is paused; it is not connected, and is told when it is", text)


class Refused(OrdersCase):
    """What is not done."""

    def error(self, evse: str, verb: str, **body: object) -> str:
        """What an order says that may not be given."""
        failing = self.begin_to_ask(evse, verb, **body)
        return str(self.failureResultOf(failing, LocalProtocolError).value)

    def test_nobody(self) -> None:
        """An EVSE that there is not is looked for among those that there are."""
        for verb, body in _ALL:
            problem = self.problem("baz", verb, **body)
            self.assertEqual(404, problem.status)
            self.assertIn("there is no EVSE 'baz' (did you mean 'bay'?)", problem.detail)

    def test_observed(self) -> None:
        """Where load management only observes nothing is limited; what was can be lifted."""
        self.store.kept["bay"] = EvseOrder("bay", None, True, "bob", NOW)
        self.loop.stop()
        self.begin()
        self.configure(BAY, BOX, observe_only=True)
        for verb, body in (("pause", {}), ("limit", {"current_ma": 10_000})):
            self.assertIn("only observes", self.error("bay", verb, **body))
        self.assertEqual("Accepted", self.order("bay", "resume")[0])
        self.assertEqual({}, dict(self.loop.state.evses["bay"].outside_ma))

    def test_leftAlone(self) -> None:
        """Who obeys no limit while he is disabled is given none."""
        alone = evolve(BAY, enabled=False, released_when_disabled=True)
        self.configure(alone, BOX)
        for verb, body in (("pause", {}), ("limit", {"current_ma": 10_000})):
            self.assertIn("bay is disabled and left alone", self.error("bay", verb, **body))
        self.assertEqual({}, self.store.kept)
        _, text = self.order("bay", "limit", current_ma=None)
        self.assertIn("it is disabled, and obeys no limit at all", text)

    def test_bodies(self) -> None:
        """What is no body is refused: no current, too much, less than nothing, an unknown."""
        for body in ({}, {"current_ma": 80_001}, {"current_ma": -1}, {"current": 6}):
            self.assertEqual(422, self.problem("bay", "limit", **body).status)
        for body in ({}, {"id_tag": ""}, {"id_tag": "x" * 21}, {"id_tag": "a\n"}):
            self.assertEqual(422, self.problem("bay", "start", **body).status)

    def test_role(self) -> None:
        """Who may only look orders nothing."""
        self.desk = Desk(evse_routes(self.orders), Role.VIEWER)
        for verb, body in _ALL:
            self.assertEqual(403, self.problem("bay", verb, **body).status)
        self.assertEqual({}, self.store.kept)


_ALL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("start", {"id_tag": "04AABB"}),
    ("stop", {}),
    ("pause", {}),
    ("resume", {}),
    ("limit", {"current_ma": None}),
    ("clear-profiles", {}),
)


class WithOcpp(OrdersCase):
    """What a wallbox is asked by OCPP."""

    def test_start(self) -> None:
        """A charge is started, and the wallbox's answer is the answer."""
        self.station.acts["RemoteStartTransaction"] = {"status": "Accepted"}
        status, text = self.order("bay", "start", id_tag="04AABB")
        self.assertEqual("Accepted", status)
        self.assertEqual("the wallbox of bay starts a charge when its car is there", text)
        self.assertEqual(
            [{"connectorId": 1, "idTag": "04AABB"}],
            self.station.payloads("RemoteStartTransaction"),
        )
        # A card that can be copied is in no log.
        self.assertIn("…ABB", self.desk.notes[0])
        self.assertNotIn("04AABB", self.desk.notes[0])

    def test_startDisabled(self) -> None:
        """That a charge gets no current is said when it is started."""
        self.station.acts["RemoteStartTransaction"] = {"status": "Accepted"}
        self.configure(evolve(BAY, enabled=False), BOX)
        _, text = self.order("bay", "start", id_tag="04AABB")
        self.assertIn("bay is disabled and gives no current", text)

    def test_startRejected(self) -> None:
        """A wallbox may say no."""
        self.station.acts["RemoteStartTransaction"] = {"status": "Rejected"}
        self.assertEqual(
            ("Rejected", "the wallbox of bay refuses to start a charge"),
            self.order("bay", "start", id_tag="04AABB"),
        )

    def test_tagRefused(self) -> None:
        """Whoever may not charge by his card may not by the page; nothing is asked."""
        blocked = Tag("04AABB", Verdict.BLOCKED)
        self.successResultOf(self.world.tags.put(blocked))
        problem = self.problem("bay", "start", id_tag="04aabb")
        self.assertEqual(409, problem.status)
        self.assertEqual({"verdict": "Blocked"}, problem.extensions)
        self.assertIn("the tag …abb is blocked: bay was asked nothing", problem.detail)
        self.assertEqual([], self.station.payloads("RemoteStartTransaction"))

    def test_stop(self) -> None:
        """The transaction that runs is stopped; where none does that is said."""
        error = self.failureResultOf(self.begin_to_ask("bay", "stop"), LocalProtocolError)
        self.assertIn("no transaction runs at bay", str(error.value))
        begun = self.station.ask("StartTransaction", START)
        for status, words in (("Accepted", "ends its charge"), ("Rejected", "refuses to end")):
            self.station.acts["RemoteStopTransaction"] = {"status": status}
            found, text = self.order("bay", "stop")
            self.assertEqual(status, found)
            self.assertIn(words, text)
        self.assertEqual(
            {"transactionId": begun["transactionId"]},
            self.station.payloads("RemoteStopTransaction")[0],
        )

    def test_clear(self) -> None:
        """All profiles are cleared; the answer is the wallbox's, with what happens next."""
        for said, words in (
            ("Accepted", "CP-1 has cleared its charging profiles"),
            ("Unknown", "CP-1 says that it has no charging profiles"),
        ):
            self.station.acts["ClearChargingProfile"] = {"status": said}
            self.clock.advance(60)
            status, text = self.order("bay", "clear-profiles")
            self.assertEqual(said, status)
            self.assertIn(words, text)
            self.assertIn("load management sets its own again at once", text)
        self.assertEqual([{}, {}], self.station.payloads("ClearChargingProfile"))

    def test_setAgain(self) -> None:
        """After its profiles were cleared an EVSE is told anew what it has to obey."""
        self.settle()
        self.bay.confirms()
        self.settle()
        before = len(self.bay.given)
        self.station.acts["ClearChargingProfile"] = {"status": "Accepted"}
        self.order("bay", "clear-profiles")
        self.settle()
        self.assertEqual(before + 1, len(self.bay.given))

    def test_clearBeside(self) -> None:
        """Where a Charge Point has another EVSE of the site that keeps its profiles."""
        system = self.world.system
        point = system.settings.charge_points["CP-1"]
        other = EvseSettings("other", "garage")
        both = evolve(point, evses={1: BAY, 2: other})
        system.configure(evolve(system.settings, charge_points={"CP-1": both}))
        self.station.acts["ClearChargingProfile"] = {"status": "Accepted"}
        _, text = self.order("bay", "clear-profiles")
        self.assertIn("connector 1 of CP-1 has cleared", text)
        self.assertEqual([{"connectorId": 1}], self.station.payloads("ClearChargingProfile"))

    def test_clearAlone(self) -> None:
        """Who is left alone gets none again, nor does anybody who is only observed."""
        self.station.acts["ClearChargingProfile"] = {"status": "Accepted"}
        self.configure(evolve(BAY, enabled=False, released_when_disabled=True), BOX)
        self.assertIn("none are set again", self.order("bay", "clear-profiles")[1])
        self.configure(BAY, BOX, observe_only=True)
        self.clock.advance(60)
        self.assertIn("only observes, and sets none", self.order("bay", "clear-profiles")[1])

    def test_callError(self) -> None:
        """A CALLERROR is passed on as what it is."""

        def refuse(_: object) -> object:
            raise Refuse("NotSupported", "no smart charging")

        self.station.acts["ClearChargingProfile"] = refuse
        failure = self.failureResultOf(
            self.begin_to_ask("bay", "clear-profiles"), DeviceRefusal
        )
        self.assertEqual("NotSupported", failure.value.code)


class WithoutOcpp(OrdersCase):
    """What happens at a box that knows no transactions."""

    def setUp(self) -> None:
        """It is connected, and no car is there."""
        super().setUp()
        self.loop.report(EvseConnected("box", "test"))
        self.loop.report(EvseMeasured("box", energy_wh=5000))
        self.says(Occupancy.FREE)

    def says(self, occupancy: Occupancy) -> None:
        """What its car does."""
        self.loop.report(OccupancyReported("box", occupancy, occupancy.value))
        self.settle()

    def test_startAndStop(self) -> None:
        """A car that is there begins to charge, and ends."""
        self.successResultOf(self.world.tags.put(Tag("somebody else")))
        self.successResultOf(self.world.tags.put(Tag("04AABB")))
        self.says(Occupancy.PLUGGED)
        self.assertIsNone(self.loop.state.evses["box"].transaction)
        done = self.order("box", "start", id_tag="04AABB")
        self.assertEqual(("Accepted", "a charge begins at box"), done)
        self.settle()
        running = self.loop.state.evses["box"].transaction
        assert running is not None
        self.assertEqual("04AABB", running.id_tag)
        self.assertEqual("Accepted", self.order("box", "stop")[0])
        self.settle()
        self.assertIsNone(self.loop.state.evses["box"].transaction)

    def test_carToCome(self) -> None:
        """A car that comes soon enough may charge."""
        status, text = self.order("box", "start", id_tag="04AABB")
        self.assertEqual("Accepted", status)
        self.assertEqual(f"a charge begins if a car comes to box in {CARD_S:g} s", text)

    def test_noRoom(self) -> None:
        """Why nobody can be invited is told."""
        self.says(Occupancy.FAULTED)
        self.assert_no_room("it is faulted")
        self.says(Occupancy.PLUGGED)
        self.order("box", "start", id_tag="04AABB")
        self.settle()
        self.assert_no_room("another one runs there")
        self.loop.report(EvseLost("box", "gone"))
        self.assert_no_room("it is not connected")
        self.configure(BAY, evolve(BOX, enabled=False))
        self.loop.report(EvseConnected("box", "test"))
        self.assert_no_room("it is disabled")

    def assert_no_room(self, why: str) -> None:
        """Nobody can begin to charge."""
        status, text = self.order("box", "start", id_tag="04CCDD")
        self.assertEqual(("Rejected", f"no charge can begin at box: {why}"), (status, text))

    def test_stopNothing(self) -> None:
        """Where nothing runs nothing is ended."""
        failure = self.failureResultOf(self.begin_to_ask("box", "stop"), LocalProtocolError)
        self.assertIn("no transaction runs at box", str(failure.value))

    def test_noProfiles(self) -> None:
        """Charging profiles are a matter of OCPP."""
        asking: Deferred[Any] = self.begin_to_ask("box", "clear-profiles")
        failure = self.failureResultOf(asking, LocalProtocolError)
        self.assertIn("box speaks no OCPP", str(failure.value))
