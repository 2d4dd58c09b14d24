"""Those who bill what is charged: when they are asked, and what they are told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.backends import NO_BACKENDS, Backends, NoBackends
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.errors import CallErrorCode, DeviceRefusal, NoAnswer, NotSent
from cfos_cm.site.events import TagJudged, TransactionStarted
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo
from cfos_cm.wire.ocppj import Call
from tests.charge_point import backend_world

from .world import BAY_1, BAY_2, BOOT, START, CallFailed, World, stop_of

_CARD = START["idTag"]


class Backend:
    """
    A backend in memory; see L{Backends}.

    @ivar evses: those that it decides about.
    @ivar forgets: idTags that are not its own.
    @ivar known: what it says of each idTag; anybody else is Invalid.
    @ivar is_silent: it answers no question about an idTag until L{answer}.
    @ivar asked: what it was asked about: EVSEs, idTag and request.
    @ivar heard: what it was told: Charge Point, connector and action.
    @ivar calls: what it was asked by a Charge Point.
    @ivar answers: what it answers that, by action; an exception: it does not.
    @ivar is_away: it cannot be reached, and Charge Points are to notice that.
    """

    def __init__(self, *evses: str) -> None:
        self.evses = frozenset(evses)
        self.forgets: set[str] = set()
        self.known: dict[str, IdTagInfo] = {}
        self.is_silent = False
        self.asked: list[tuple[tuple[str, ...], str, bytes | None]] = []
        self.heard: list[tuple[str, int | None, str]] = []
        self.calls: list[tuple[str, Call]] = []
        self.answers: dict[str, bytes | Exception] = {}
        self.is_away = False
        self._waiting: list[Deferred[IdTagInfo]] = []

    def judges(self, evses: Iterable[str], id_tag: str) -> bool:
        """Whether it does."""
        return not self.evses.isdisjoint(evses) and id_tag not in self.forgets

    def judge(
        self, evses: Iterable[str], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """What it says."""
        self.asked.append((tuple(evses), id_tag, payload))
        if self.is_silent:
            self._waiting.append(Deferred())
            return self._waiting[-1]
        return succeed(self.known.get(id_tag, _info("Invalid")))

    def answer(self, status: str) -> None:
        """It says the same to all that it has been silent about."""
        for one in self._waiting:
            one.callback(_info(status))

    def bills(self, identity: str) -> bool:
        """It bills the first Charge Point."""
        return identity == "CP-1" and bool(self.evses)

    def told(self, identity: str, connector: int | None, call: Call) -> None:
        """It has heard something."""
        self.heard.append((identity, connector, call.action))

    def ask(self, identity: str, call: Call) -> Deferred[bytes]:
        """It answers, or not."""
        self.calls.append((identity, call))
        answer = self.answers.get(call.action, NotSent("the backend is not connected"))
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def shuts_out(self, identity: str) -> bool:
        """Whether it does."""
        return self.is_away and self.bills(identity)


def _info(status: str, group: str | None = None) -> IdTagInfo:
    return IdTagInfo(status=AuthorizationStatus(status), parent_id_tag=group)


class Case(SynchronousTestCase):
    """A Charge Point with two EVSEs, of which C{bay-1} is billed by a backend."""

    def setUp(self) -> None:
        """It is connected."""
        self.backend = Backend("bay-1")
        backends: Backends = self.backend
        self.world = World(backends=backends)
        self.peer = self.world.connect()

    def authorize(self, id_tag: str = _CARD) -> Any:
        """What it is told of a card."""
        return self.peer.ask("Authorize", {"idTag": id_tag})["idTagInfo"]

    def start(self, connector: int = 1, id_tag: str = _CARD) -> Any:
        """What it is told of a transaction."""
        return self.peer.ask(
            "StartTransaction", {**START, "connectorId": connector, "idTag": id_tag}
        )

    def raw(self, action: str, payload: str, identity: str = "CP-1") -> str:
        """The frame that it is answered with, to the letter."""
        received: list[bytes] = []
        session = self.world.system.open(
            identity, "192.0.2.7", received.append, lambda *_: None
        )
        session.received(f'[2,"7","{action}",{payload}]'.encode())
        (answer,) = received
        return answer.decode()

    def started(self) -> list[Verdict]:
        """How those are judged who charge, as the site knows it."""
        found = self.world.happened(TransactionStarted)
        return [one.transaction.verdict for one in found]


class Judges(Case):
    """Who may charge."""

    def test_words(self) -> None:
        """The backend gets the request to the letter, and its answer comes back whole."""
        self.backend.known[_CARD] = IdTagInfo(
            status=AuthorizationStatus.ACCEPTED,
            parent_id_tag="fleet",
            expiry_date="2027-01-01T00:00:00Z",
        )
        payload = '{ "idTag":"04AABB" }'
        info = json.loads(self.raw("Authorize", payload))[2]["idTagInfo"]
        ((evses, id_tag, asked),) = self.backend.asked
        self.assertEqual((("bay-1", "bay-2"), _CARD), (evses, id_tag))
        self.assertEqual(payload.encode(), asked and bytes(asked))
        self.assertEqual(
            {
                "status": "Accepted",
                "parentIdTag": "fleet",
                "expiryDate": "2027-01-01T00:00:00Z",
            },
            info,
        )

    def test_refused(self) -> None:
        """Each refusal is told as it is; what is only about this moment is one to us, too."""
        for status in ("Blocked", "Expired", "Invalid", "ConcurrentTx"):
            self.backend.known[_CARD] = _info(status)
            self.assertEqual({"status": status}, self.authorize())
        verdicts = [one.verdict.value for one in self.world.happened(TagJudged)]
        self.assertEqual(["Blocked", "Expired", "Invalid", "Invalid"], verdicts)

    def test_start_refused(self) -> None:
        """Who charges nevertheless is written down, and gets no consent."""
        self.backend.known[_CARD] = _info("ConcurrentTx")
        answer = self.start()
        self.assertEqual({"status": "ConcurrentTx"}, answer["idTagInfo"])
        self.assertEqual([Verdict.INVALID], self.started())
        self.assertIn(answer["transactionId"], self.world.ledger.rows)

    def test_only_there(self) -> None:
        """A start is judged for its own EVSE, and elsewhere by the list."""
        self.world.tags.put(Tag("OTHER"))
        self.backend.known[_CARD] = _info("Accepted")
        statuses = [
            self.start(1)["idTagInfo"]["status"],
            self.start(2)["idTagInfo"]["status"],
            self.start(2, "OTHER")["idTagInfo"]["status"],
            self.start(1, "OTHER")["idTagInfo"]["status"],
        ]
        self.assertEqual(["Accepted", "Invalid", "Accepted", "Invalid"], statuses)
        self.assertEqual({("bay-1",)}, {evses for evses, _, _ in self.backend.asked})

    def test_no_evse(self) -> None:
        """Nobody is asked about a connector that is no EVSE of the site."""
        self.backend.known[_CARD] = _info("Accepted")
        self.assertEqual({"status": "Invalid"}, self.start(3)["idTagInfo"])
        self.assertEqual([], self.backend.asked)

    def test_list_forbids(self) -> None:
        """Whom the list forbids may not, whatever a backend would say; it is not asked."""
        self.backend.known[_CARD] = _info("Accepted")
        self.world.tags.put(Tag(_CARD, Verdict.BLOCKED))
        self.assertEqual({"status": "Blocked"}, self.authorize())
        self.assertEqual([], self.backend.asked)

    def test_list_allows(self) -> None:
        """Whom the list allows may not, if the backend says so."""
        self.world.tags.put(Tag(_CARD))
        self.assertEqual({"status": "Invalid"}, self.authorize())

    def test_not_its_own(self) -> None:
        """Of a card that is not the backend's, the list says who may charge with it."""
        self.backend.forgets = {"A", "B"}
        self.world.tags.put(Tag("A"))
        self.assertEqual("Accepted", self.authorize("A")["status"])
        self.assertEqual("Invalid", self.authorize("B")["status"])
        self.assertEqual([], self.backend.asked)

    def test_fixed_tag(self) -> None:
        """The fixed tag of an EVSE is no consent where a backend decides."""
        bay_1 = evolve(BAY_1, fixed_tag="Car-1")
        settings = CentralSystemSettings(
            charge_points={"CP-1": ChargePointSettings("CP-1", {1: bay_1, 2: BAY_2})}
        )
        self.world = World(settings, self.backend)
        self.peer = self.world.connect()
        self.assertEqual("Invalid", self.start(1, "Car-1")["idTagInfo"]["status"])
        self.assertEqual("Accepted", self.start(2, "Car-2")["idTagInfo"]["status"])

    def test_slow(self) -> None:
        """No other Charge Point waits for a backend that is silent."""
        self.backend.is_silent = True
        number = self.peer.call("StartTransaction", START)
        other = self.world.connect("CP-2").ask("StartTransaction", START)
        self.assertEqual("Accepted", other["idTagInfo"]["status"])
        self.assertIsNone(self.peer.answer_to(number))
        self.backend.answer("Accepted")
        answer = self.peer.answer_to(number)
        assert answer is not None
        self.assertEqual("Accepted", answer[2]["idTagInfo"]["status"])

    def test_lost_meanwhile(self) -> None:
        """A start whose Charge Point is gone when the backend answers has begun."""
        self.backend.is_silent = True
        self.peer.call("StartTransaction", START)
        self.peer.lose()
        self.backend.answer("Blocked")
        self.assertEqual([Verdict.BLOCKED], self.started())


class Stops(Case):
    """The end of a transaction."""

    def test_not_asked(self) -> None:
        """Who ends it is not asked about: the backend hears of him with the end itself."""
        self.backend.known[_CARD] = _info("Accepted")
        number = self.start()["transactionId"]
        self.backend.asked.clear()
        self.assertEqual({}, self.peer.ask("StopTransaction", stop_of(number, idTag=_CARD)))
        self.assertEqual([], self.backend.asked)

    def test_list(self) -> None:
        """Where the card is not the backend's, it is judged by the list."""
        self.backend.forgets = {_CARD}
        number = self.start()["transactionId"]
        answer = self.peer.ask("StopTransaction", stop_of(number, idTag=_CARD))
        self.assertEqual({"idTagInfo": {"status": "Accepted"}}, answer)


class Tells(Case):
    """What is passed on."""

    def test_passed_on(self) -> None:
        """All that a backend cannot see otherwise, each once."""
        said: dict[str, dict[str, Any]] = {
            "BootNotification": BOOT,
            "DiagnosticsStatusNotification": {"status": "Uploading"},
            "FirmwareStatusNotification": {"status": "Downloading"},
            "LogStatusNotification": {"status": "Uploaded"},
            "SignedFirmwareStatusNotification": {"status": "Installed"},
            "SecurityEventNotification": {
                "type": "TamperDetectionActivated",
                "timestamp": "2026-03-01T12:00:00Z",
            },
        }
        for action, payload in said.items():
            self.peer.ask(action, payload)
        self.assertEqual([("CP-1", None, action) for action in said], self.backend.heard)

    def test_statuses(self) -> None:
        """The state of each EVSE, and that of the Charge Point as a whole."""
        for connector in (0, 1, 2):
            self.status(connector)
        expected = [("CP-1", place, "StatusNotification") for place in (None, 1, 2)]
        self.assertEqual(expected, self.backend.heard)

    def test_old_statuses(self) -> None:
        """What is over is not told behind what is so now."""
        for connector in (0, 1):
            self.status(connector, timestamp="2026-03-01T12:00:00Z")
            self.status(connector, timestamp="2026-03-01T11:50:00Z", status="Preparing")
        self.assertEqual(2, len(self.backend.heard))

    def test_strange_connector(self) -> None:
        """A connector that is no EVSE of the site is nothing to a backend."""
        self.status(3)
        self.assertEqual([], self.backend.heard)

    def test_what_ends_here(self) -> None:
        """Heartbeats and what is on its way by the ledger are not passed on a second time."""
        self.peer.ask("Heartbeat")
        number = self.start()["transactionId"]
        self.peer.ask("StopTransaction", stop_of(number))
        self.assertEqual([], self.backend.heard)

    def test_not_stored(self) -> None:
        """A security event that is not kept is not told: it will be said again."""
        self.world.disk.broken = True
        event = {"type": "Tamper", "timestamp": "2026-03-01T12:00:00Z"}
        self.assertRaises(CallFailed, self.peer.ask, "SecurityEventNotification", event)
        self.assertEqual([], self.backend.heard)

    def status(self, connector: int, **changes: Any) -> None:
        """Say how a connector is."""
        said = {"connectorId": connector, "errorCode": "NoError", "status": "Available"}
        self.peer.ask("StatusNotification", {**said, **changes})


class Asks(Case):
    """What a Charge Point asks that is nothing to us."""

    def test_data_transfer(self) -> None:
        """The answer of the backend comes back as it is, whatever it is."""
        text = '{"status" : "Accepted","data":"\\u00e9\\/","odd":1.0}'
        self.backend.answers["DataTransfer"] = text.encode()
        found = self.raw("DataTransfer", '{"vendorId":"X", "data":"\\/"}')
        self.assertEqual(f'[3,"7",{text}]', found)
        ((identity, call),) = self.backend.calls
        self.assertEqual("CP-1", identity)
        self.assertEqual(b'{"vendorId":"X", "data":"\\/"}', bytes(call.payload))

    def test_data_transfer_without(self) -> None:
        """Without an answer it is refused, and never said to be accepted."""
        for error in (NotSent("not connected"), NoAnswer("no answer")):
            self.backend.answers["DataTransfer"] = error
            answer = self.peer.ask("DataTransfer", {"vendorId": "X", "data": str(error)})
            self.assertEqual({"status": "Rejected"}, answer)

    def test_data_transfer_refused(self) -> None:
        """A CALLERROR comes back as one."""
        self.backend.answers["DataTransfer"] = DeviceRefusal("no", CallErrorCode.NOT_SUPPORTED)
        error = self.assertRaises(CallFailed, self.peer.ask, "DataTransfer", {"vendorId": "X"})
        self.assertEqual("NotSupported", error.code)

    def test_data_transfer_not_billed(self) -> None:
        """Where nobody bills, those who are told hear of it, and it is not accepted."""
        found = self.raw("DataTransfer", '{"vendorId":"X"}', "CP-2")
        self.assertEqual('[3,"7",{"status":"UnknownVendorId"}]', found)
        self.assertEqual([("CP-2", None, "DataTransfer")], self.backend.heard)

    def test_unknown(self) -> None:
        """An action that nobody here knows goes through, with whatever it says."""
        self.backend.answers["VendorThing"] = b'{"odd": "\\u00e9"}'
        found = self.raw("VendorThing", '{"x": 1.50}')
        self.assertEqual('[3,"7",{"odd": "\\u00e9"}]', found)
        self.assertEqual(b'{"x": 1.50}', bytes(self.backend.calls[0][1].payload))

    def test_unknown_without(self) -> None:
        """Without an answer it is an error, and so it is where nobody bills."""
        self.assertIn('[4,"7","InternalError"', self.raw("VendorThing", "{}"))
        self.assertIn('[4,"7","NotImplemented"', self.raw("VendorThing", "{}", "CP-2"))

    def test_unknown_nonsense(self) -> None:
        """What can be read in two ways is passed on to nobody."""
        self.assertIn('[4,"7","', self.raw("VendorThing", '{"x":1,"x":2}'))
        self.assertEqual([], self.backend.calls)

    def test_not_accepted_yet(self) -> None:
        """Nobody is asked anything by a Charge Point that waits for the operator."""
        self.backend.bills = lambda _: True  # type: ignore[method-assign]
        self.assertIn("SecurityError", self.raw("VendorThing", "{}", "CP-9"))
        self.assertEqual([], self.backend.calls)


class Outage(SynchronousTestCase):
    """Who may charge while the backend is away, with a gateway between it and us."""

    def gateway(self, known: str, trusts: bool, unknown: bool, has_cache: bool) -> World:
        """
        A Central System whose backend was there, and is not any more.

        @param known: where the card is known: C{list}, C{cache}, C{blocked} or C{nowhere}.
        """
        bay = backend_world.connector(
            1, speaks_ocpp=True, evse="bay-1", charge_point="CP-1", connector=1
        )
        self.away = backend_world.World(backend_world.settings(bay)).serve()
        cards, keys = self.away.gateway.cards, self.away.gateway.configuration
        for name, value in {
            "LocalAuthorizeOffline": trusts,
            "AllowOfflineTxForUnknownId": unknown,
            "AuthorizationCacheEnabled": has_cache,
        }.items():
            self.successResultOf(keys.change(name, str(value).lower()))
        if known == "cache":
            cards.noted(_CARD, _info("Accepted"))
        elif known in ("list", "blocked"):
            status = "Accepted" if known == "list" else "Blocked"
            entry = {"idTag": _CARD, "idTagInfo": {"status": status}}
            answer = self.away.ask(
                "SendLocalList",
                {
                    "listVersion": 1,
                    "updateType": "Full",
                    "localAuthorizationList": [entry],
                },
            )
            self.assertEqual({"status": "Accepted"}, answer)
        self.away.gateway.disconnected("test")
        self.away.clock.advance(61)
        self.addCleanup(self.away.gateway.close)
        return World(backends=_Gateway(self.away.gateway.judge))

    def test_every_combination(self) -> None:
        """Who is known and trusted, or anybody where that is allowed; and nobody else."""
        flags = (True, False)
        for known in ("nowhere", "cache", "list", "blocked"):
            for trusts, unknown, has_cache in product(flags, flags, flags):
                case = (known, trusts, unknown, has_cache)
                peer = self.gateway(*case).connect()
                is_known = known == "list" or (known == "cache" and has_cache)
                expected = "Accepted" if (is_known and trusts) or unknown else "Invalid"
                if known == "blocked":
                    expected = "Blocked"
                found = peer.ask("Authorize", {"idTag": _CARD})["idTagInfo"]["status"]
                self.assertEqual(expected, found, case)
                started = peer.ask("StartTransaction", START)["idTagInfo"]["status"]
                self.assertEqual(expected, started, case)
                self.away.gateway.close()

    def test_asked_once(self) -> None:
        """A card and the start of its transaction are one question to the backend."""
        world = self.gateway("nowhere", trusts=True, unknown=False, has_cache=True)
        self.away.serve()
        peer = world.connect()
        peer.call("Authorize", {"idTag": _CARD})
        asked = self.away.told("Authorize")
        self.away.clock.advance(0)
        start = peer.ask("StartTransaction", START)
        self.assertEqual([{"idTag": _CARD}], asked)
        self.assertEqual([{"idTag": _CARD}], self.away.told("Authorize"))
        self.assertEqual({"status": "Accepted"}, start["idTagInfo"])


class _Gateway(NoBackends):
    """One gateway that decides about C{bay-1}."""

    def __init__(self, judge: Any) -> None:
        self._judge = judge

    def judges(self, evses: Iterable[str], id_tag: str) -> bool:
        """It does."""
        return "bay-1" in evses

    def judge(
        self, evses: Iterable[str], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """As the gateway says."""
        found: Deferred[IdTagInfo] = self._judge(tuple(evses), id_tag, payload)
        return found


class ShutOut(Case):
    """A Charge Point whose backend is away, where nothing goes without it."""

    def test_shut_out(self) -> None:
        """It is told to come later, and others are let in."""
        self.backend.is_away = True
        self.assertIs(Admission.SHUT_OUT, self.world.system.admit("CP-1", Approach()))
        self.assertIs(Admission.ADMITTED, self.world.system.admit("CP-2", Approach()))
        self.backend.is_away = False
        self.assertIs(Admission.ADMITTED, self.world.system.admit("CP-1", Approach()))

    def test_closed(self) -> None:
        """One that is connected is closed; one that is not is nothing to close."""
        self.world.system.shut_out("CP-1", "its backend cannot be reached")
        self.world.system.shut_out("CP-2", "its backend cannot be reached")
        self.assertEqual([(1001, "its backend cannot be reached")], self.peer.hang_ups)


class Nobody(SynchronousTestCase):
    """A site without a backend."""

    def test_promises(self) -> None:
        """Nobody decides, is told, or answers."""
        call = Call("1", "DataTransfer", b"{}")
        self.assertFalse(NO_BACKENDS.judges(["bay-1"], _CARD))
        self.assertFalse(NO_BACKENDS.bills("CP-1"))
        self.assertFalse(NO_BACKENDS.shuts_out("CP-1"))
        NO_BACKENDS.told("CP-1", None, call)
        self.failureResultOf(NO_BACKENDS.judge(["bay-1"], _CARD), NotSent)
        self.failureResultOf(NO_BACKENDS.ask("CP-1", call), NotSent)
