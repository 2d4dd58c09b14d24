"""Sending the local authorisation list: whole or by its changes, in portions, and refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cfos_cm.central_system.commands import local_lists
from cfos_cm.central_system.commands.local_lists import (
    CAUTIOUS_ENTRIES,
    MAX_ENTRIES_AT_ONCE,
    MAX_LISTS_AT_HAND,
    ListOutcome,
    ListUpdate,
)
from cfos_cm.errors import DeviceError, DeviceRefusal, LocalProtocolError, NotSent, StorageError
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.v16.local_auth_list import UpdateType

from .operators import OperatorCase, Refuse
from .world import NOW

FULL, DIFFERENTIAL = UpdateType.FULL, UpdateType.DIFFERENTIAL


def _fail(_request: object) -> object:
    raise Refuse("InternalError")


class ListKeeper:
    """
    A Charge Point's own list, kept as OCPP 1.6 says.

    @ivar version: of the list.
    @ivar entries: by idTag.
    @ivar limits: the configuration keys that it tells.
    @ivar answers: what it says to the next updates instead of carrying them out.
    """

    def __init__(self, **limits: int) -> None:
        self.version = 0
        self.entries: dict[str, Any] = {}
        self.limits = limits
        self.answers: list[str] = []

    def tell_version(self, _request: object) -> dict[str, Any]:
        """Answer a GetLocalListVersion."""
        return {"listVersion": self.version}

    def tell_limits(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a GetConfiguration."""
        return {
            "configurationKey": [
                {"key": key, "readonly": True, "value": str(self.limits[key])}
                for key in request["key"]
                if key in self.limits
            ],
            "unknownKey": [key for key in request["key"] if key not in self.limits],
        }

    def take(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a SendLocalList."""
        if self.answers:
            return {"status": self.answers.pop(0)}
        entries = request.get("localAuthorizationList", [])
        if len(entries) > self.limits.get("SendLocalListMaxLength", len(entries)):
            return {"status": "Failed"}
        if request["updateType"] == "Full":
            self.entries = {}
        elif request["listVersion"] <= self.version:
            return {"status": "VersionMismatch"}
        for entry in entries:
            if "idTagInfo" in entry:
                self.entries[entry["idTag"]] = entry["idTagInfo"]
            else:
                del self.entries[entry["idTag"]]
        self.version = request["listVersion"]
        return {"status": "Accepted"}


class LocalLists(OperatorCase):
    """L{Operator.send_local_list}."""

    def setUp(self) -> None:
        """CP-1 keeps a list, which is empty."""
        super().setUp()
        self.keeper = ListKeeper(SendLocalListMaxLength=10, LocalAuthListMaxLength=50)
        self.station.acts["GetLocalListVersion"] = self.keeper.tell_version
        self.station.acts["GetConfiguration"] = self.keeper.tell_limits
        self.station.acts["SendLocalList"] = self.keeper.take

    def send(self, *, full: bool = False) -> ListUpdate:
        """Send the list, which is answered at once."""
        return self.get(self.operator.send_local_list("CP-1", full=full))

    def has(self, *id_tags: str) -> None:
        """The list is this one now."""
        self.tags = [Tag(id_tag) for id_tag in id_tags]

    def updates(self) -> list[tuple[str, int, int]]:
        """The type, the version and the number of entries of each update that was sent."""
        return [
            (
                payload["updateType"],
                payload["listVersion"],
                len(payload.get("localAuthorizationList", ())),
            )
            for payload in self.station.payloads("SendLocalList")
        ]

    def assertKept(self, *id_tags: str) -> None:
        """The Charge Point has this list, and we know that."""
        self.assertEqual(set(self.keeper.entries), set(id_tags))
        self.assertEqual(self.sent_lists.lists["CP-1"].version, self.keeper.version)

    def test_full(self) -> None:
        """The first list is sent in whole, each entry with all that there is to know of it."""
        self.tags = [
            Tag("A", parent_id_tag="G", expires_at=NOW + timedelta(days=1)),
            Tag("B", Verdict.BLOCKED),
        ]
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 1, 2, FULL, 1))
        self.assertEqual(
            self.keeper.entries,
            {
                "A": {
                    "status": "Accepted",
                    "expiryDate": "2026-03-02T12:00:00.000Z",
                    "parentIdTag": "G",
                },
                "B": {"status": "Blocked"},
            },
        )
        self.assertKept("A", "B")

    def test_unchanged(self) -> None:
        """A list that it has is not sent again."""
        self.has("A", "B")
        self.send()
        self.assertEqual(self.send(), ListUpdate(ListOutcome.UNCHANGED, 1, 2))
        self.assertEqual(len(self.updates()), 1)

    def test_unchangedAfterRestart(self) -> None:
        """Nor is it after the program was restarted."""
        self.has("A", "B")
        self.send()
        self.operator = self.new_operator()
        self.assertIs(self.send().outcome, ListOutcome.UNCHANGED)

    def test_forced(self) -> None:
        """It is sent all the same when somebody wants that."""
        self.has("A", "B")
        self.send()
        self.assertEqual(self.send(full=True), ListUpdate(ListOutcome.ACCEPTED, 2, 2, FULL, 1))

    def test_differential(self) -> None:
        """Of a list that it has, only what has changed is sent, with a higher version."""
        self.has("A", "B", "C", "D")
        self.send()
        self.tags = [Tag("A"), Tag("B", Verdict.BLOCKED), Tag("D"), Tag("E")]
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 2, 4, DIFFERENTIAL, 1))
        changes = self.station.payloads("SendLocalList")[-1]["localAuthorizationList"]
        self.assertEqual(
            changes,
            [
                {"idTag": "B", "idTagInfo": {"status": "Blocked"}},
                {"idTag": "E", "idTagInfo": {"status": "Accepted"}},
                {"idTag": "C"},
            ],
        )
        self.assertKept("A", "B", "D", "E")

    def test_fullWhenShorter(self) -> None:
        """When nearly all has changed, the whole list is the shorter message."""
        self.has("A", "B")
        self.send()
        self.has("C", "D")
        self.send()
        self.assertEqual(self.updates()[-1], ("Full", 2, 2))

    def test_fullAfterRestart(self) -> None:
        """What it has is not known any more after a restart: the whole list is sent."""
        self.has("A", "B", "C")
        self.send()
        self.operator = self.new_operator()
        self.has("A", "B", "C", "D")
        self.send()
        self.assertEqual(self.updates()[-1], ("Full", 2, 4))

    def test_otherVersion(self) -> None:
        """When it has another version than it was sent, somebody else has sent it a list."""
        self.has("A", "B", "C")
        self.send()
        self.keeper.version = 40
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 41, 3, FULL, 1))

    def test_emptied(self) -> None:
        """An empty list is sent as such, without entries."""
        self.has("A")
        self.send()
        self.has()
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 2, 0, FULL, 1))
        self.assertEqual(
            self.station.payloads("SendLocalList")[-1],
            {"listVersion": 2, "updateType": "Full"},
        )
        self.assertKept()

    def test_portions(self) -> None:
        """More than it takes at once comes in portions, each with a version of its own."""
        tags = [f"T{number}" for number in range(25)]
        self.has(*tags)
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 3, 25, FULL, 3))
        self.assertEqual(
            self.updates(),
            [("Full", 1, 10), ("Differential", 2, 10), ("Differential", 3, 5)],
        )
        self.assertKept(*tags)

    def test_portionsOfChanges(self) -> None:
        """So do many changes."""
        tags = [f"T{number}" for number in range(30)]
        self.has(*tags)
        self.send()
        self.has(*tags[15:])
        self.send(full=False)
        self.assertEqual(self.updates()[3:], [("Full", 4, 10), ("Differential", 5, 5)])
        self.has(*tags[15:], "X", "Y")
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 6, 17, DIFFERENTIAL, 1))
        self.assertKept(*tags[15:], "X", "Y")

    def test_cautiously(self) -> None:
        """Who does not say how many it takes gets a hundred at once."""
        self.keeper.limits = {}
        self.has(*(f"T{number}" for number in range(CAUTIOUS_ENTRIES + 1)))
        self.send()
        self.assertEqual([size for _, _, size in self.updates()], [CAUTIOUS_ENTRIES, 1])

    def test_limitsRefused(self) -> None:
        """So does who refuses to tell its configuration."""

        def refuse(_request: object) -> object:
            raise Refuse

        self.station.acts["GetConfiguration"] = refuse
        self.has("A")
        self.assertIs(self.send().outcome, ListOutcome.ACCEPTED)

    def test_notEndless(self) -> None:
        """Who says that it takes a million gets no message of that size."""
        self.keeper.limits = {"SendLocalListMaxLength": 1_000_000}
        self.has(*(f"T{number}" for number in range(MAX_ENTRIES_AT_ONCE + 1)))
        self.send()
        self.assertEqual([size for _, _, size in self.updates()], [MAX_ENTRIES_AT_ONCE, 1])

    def test_tooLong(self) -> None:
        """A list that it cannot keep is not sent to it."""
        self.has(*(f"T{number}" for number in range(51)))
        said = self.error_of(self.operator.send_local_list("CP-1"), LocalProtocolError)
        self.assertEqual(said, "the list has 51 tags; CP-1 keeps at most 50")
        self.assertEqual(self.updates(), [])

    def test_noList(self) -> None:
        """A Charge Point whose version is -1 keeps none."""
        self.keeper.version = -1
        self.has("A")
        self.assertEqual(self.send(), ListUpdate(ListOutcome.NOT_SUPPORTED, None, 1))
        self.assertEqual(self.updates(), [])

    def test_versionRefused(self) -> None:
        """One that refuses to be asked keeps none, and its words are told."""

        def refuse(_request: object) -> object:
            raise Refuse("NotImplemented", "what list")

        self.station.acts["GetLocalListVersion"] = refuse
        update = self.send()
        self.assertIs(update.outcome, ListOutcome.NOT_SUPPORTED)
        self.assertIn("NotImplemented what list", update.remark)

    def test_versionNotToldNow(self) -> None:
        """One that fails to tell its version may keep a list: the caller is told."""
        self.station.acts["GetLocalListVersion"] = _fail
        self.has("A")
        said = self.error_of(self.operator.send_local_list("CP-1"), DeviceRefusal)
        self.assertIn("InternalError", said)
        self.assertEqual(self.updates(), [])

    def test_limitsNotToldNow(self) -> None:
        """One that fails to tell its limits has some: nothing is sent past them."""
        self.station.acts["GetConfiguration"] = _fail
        self.has("A")
        self.error_of(self.operator.send_local_list("CP-1"), DeviceRefusal)
        self.assertEqual(self.updates(), [])

    def test_notSupported(self) -> None:
        """One that says so only when it is sent a list keeps none either."""
        self.keeper.answers = ["NotSupported"]
        self.has("A")
        update = self.send()
        self.assertEqual((update.outcome, update.version), (ListOutcome.NOT_SUPPORTED, None))

    def test_mismatch(self) -> None:
        """Changes that do not fit what it has are followed by the whole list."""
        for answer in ("VersionMismatch", "Failed"):
            self.has("A", "B", "C", answer)
            self.send()
            self.has("A", "B", "C")
            before = self.keeper.version
            self.keeper.answers = [answer]
            self.assertEqual(
                self.send(), ListUpdate(ListOutcome.ACCEPTED, before + 1, 3, FULL, 2)
            )
            self.assertKept("A", "B", "C")

    def test_failed(self) -> None:
        """When it refuses the whole list too, the caller is told, and the next one is whole."""
        self.has("A", "B", "C")
        self.send()
        self.has("A", "B", "C", "D")
        self.keeper.answers = ["VersionMismatch", "Failed"]
        self.assertEqual(
            self.send(),
            ListUpdate(ListOutcome.FAILED, 1, 4, FULL, 2, "answered with Failed"),
        )
        self.assertEqual(self.sent_lists.lists, {})
        self.send()
        self.assertEqual(self.updates()[-1], ("Full", 2, 4))

    def test_failedHalfWay(self) -> None:
        """Broken off between two portions, what it has is none of ours."""
        self.has(*(f"T{number}" for number in range(25)))
        carried_out = iter((True, False))

        def take_one(request: dict[str, Any]) -> dict[str, Any]:
            if next(carried_out):
                return self.keeper.take(request)
            raise Refuse("InternalError")

        self.station.acts["SendLocalList"] = take_one
        self.error_of(self.operator.send_local_list("CP-1"), DeviceRefusal)
        self.assertEqual(self.sent_lists.lists, {})
        self.station.acts["SendLocalList"] = self.keeper.take
        self.send()
        self.assertEqual(self.updates()[-3][0], "Full")

    def test_lost(self) -> None:
        """When the connection is lost, the caller is told, and may try again."""
        self.has("A")
        del self.station.acts["SendLocalList"]
        sending = self.begin(self.operator.send_local_list("CP-1"))
        self.station.lose()
        self.failureResultOf(sending, DeviceError)
        self.error_of(self.operator.send_local_list("CP-1"), DeviceError)

    def test_notTwice(self) -> None:
        """While a list is being sent, no other one is."""
        self.has("A")
        del self.station.acts["SendLocalList"]
        self.begin(self.operator.send_local_list("CP-1")).addErrback(lambda _: None)
        said = self.error_of(self.operator.send_local_list("CP-1"), LocalProtocolError)
        self.assertEqual(said, "CP-1 is being sent its list already")

    def test_lastVersion(self) -> None:
        """When the numbers are used up, the whole list begins with 1 again."""
        self.keeper.version = 2**31 - 1
        self.has("A")
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 1, 1, FULL, 1))

    def test_storageBroken(self) -> None:
        """A list that cannot be read is not sent."""
        self.world.disk.broken = True
        self.error_of(self.operator.send_local_list("CP-1"), StorageError)
        self.assertEqual(self.station.requests(), [])

    def test_byHand(self) -> None:
        """After an update that somebody else has made the whole list is sent."""
        self.has("A", "B", "C")
        self.send()
        payload = {
            "listVersion": 9,
            "updateType": "Differential",
            "localAuthorizationList": [{"idTag": "B"}],
        }
        self.assertEqual(self.call("SendLocalList", payload), {"status": "Accepted"})
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 10, 3, FULL, 1))

    def test_byHandWithSameVersion(self) -> None:
        """Also when that update has the version that the list had before."""
        self.has("A", "B", "C")
        self.send()
        self.call("SendLocalList", {"listVersion": 1, "updateType": "Full"})
        self.assertEqual(self.send(), ListUpdate(ListOutcome.ACCEPTED, 2, 3, FULL, 1))

    def test_byHandNotAllowed(self) -> None:
        """An update that may not be sent leaves what is known of the list as it is."""
        self.has("A")
        self.send()
        update = {"listVersion": 9, "updateType": "Differential"}
        twice = {**update, "localAuthorizationList": [{"idTag": "B"}, {"idTag": "b"}]}
        self.call_error("SendLocalList", twice, LocalProtocolError)
        self.assertIs(self.send().outcome, ListOutcome.UNCHANGED)

    def test_byHandTooLong(self) -> None:
        """So does one that is longer than any message."""
        self.keeper.limits = {}
        self.has("A")
        self.send()
        entries = [{"idTag": f"{number:020}"} for number in range(10_000)]
        update = {"listVersion": 9, "updateType": "Differential"}
        payload = {**update, "localAuthorizationList": entries}
        said = self.call_error("SendLocalList", payload, LocalProtocolError)
        self.assertIn("bytes; at most 262144", said)
        self.assertIs(self.send().outcome, ListOutcome.UNCHANGED)

    def test_byHandNotConnected(self) -> None:
        """So does one for a Charge Point that is not there."""
        self.has("A")
        self.send()
        self.station.lose()
        update = {"listVersion": 9, "updateType": "Differential"}
        self.call_error("SendLocalList", update, NotSent)
        self.assertEqual(list(self.sent_lists.lists), ["CP-1"])

    def test_sameListAtHandOnce(self) -> None:
        """A list that is sent again takes no other one's place."""
        rows = []
        for number in range(MAX_LISTS_AT_HAND):
            self.has("A", "B", "C", str(number))
            self.send()
            rows.append(self.sent_lists.lists["CP-1"])
        self.send(full=True)
        self.keeper.version = rows[0].version
        self.sent_lists.lists["CP-1"] = rows[0]
        self.keeper.entries = dict.fromkeys(("A", "B", "C", "0"))
        self.send()
        self.assertEqual(self.updates()[-1][0], "Differential")

    def test_longListNotAtHand(self) -> None:
        """A very long list is not kept to compare with: the next one is sent in whole."""
        tags = [f"T{number}" for number in range(11)]
        self.patch(local_lists, "MAX_ENTRIES_AT_HAND", 10)
        self.has(*tags)
        self.send()
        self.has(*tags[1:])
        self.send()
        self.assertIn(("Full", 3, 10), self.updates())
        self.has(*tags[2:])
        self.send()
        self.assertEqual(self.updates()[-1], ("Differential", 4, 1))

    def test_fewListsAtHand(self) -> None:
        """Only the newest few lists are kept to compare with: older ones are sent in whole."""
        self.has("A", "B", "C", "D")
        self.send()
        row = self.sent_lists.lists["CP-1"]
        for number in range(MAX_LISTS_AT_HAND):
            self.has("A", "B", "C", "D", str(number))
            self.send()
            self.assertEqual(self.updates()[-1][0], "Differential")
        self.keeper.version = row.version
        self.sent_lists.lists["CP-1"] = row
        self.send()
        self.assertEqual(self.updates()[-1][0], "Full")
