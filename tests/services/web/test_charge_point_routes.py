"""Charge Points over HTTP, with a Central System and wallboxes in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.approach import Approach
from cfos_cm.errors import CfosError, DeviceRefusal, LocalProtocolError, NotSent
from cfos_cm.services.config.editing import AddSection, Change
from cfos_cm.services.web.charge_point_routes import charge_point_routes
from cfos_cm.services.web.settings_file import Changed
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage.security_events import SecurityEvent
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.central_system.operators import Refuse, Station
from tests.central_system.world import BOOT, NOW, SITE, World

from .asking import Desk
from .orders_case import operator_of

URLS = ("wss://192.0.2.1:19520/", "ws://192.0.2.1:19520/")
PASSWORD = "what-nobody-may-see"


class MemoryEvents:
    """What Charge Points have said about their security."""

    def __init__(self) -> None:
        self.kept: list[SecurityEvent] = []

    def of(self, charge_point: str) -> Deferred[tuple[SecurityEvent, ...]]:
        """See L{cfos_cm.services.charge_point_office.EventArchive.of}."""
        return succeed(tuple(one for one in self.kept if one.charge_point == charge_point))


class NotedSettings:
    """
    A tap.cfg that notes what it is to say.

    @ivar changes: all that it was told, with the state that was believed in.
    """

    def __init__(self) -> None:
        self.changes: list[tuple[Sequence[Change], str | None]] = []

    async def change(
        self, wanted: Sequence[Change], if_match: str | None = None, *, by: str = ""
    ) -> Changed:
        """See L{cfos_cm.services.web.settings_file.SettingsFile.change}."""
        self.changes.append((wanted, if_match))
        return Changed("etag-2", ("evse bay-9",), (), ("bay-9 is new",), "added")


class DeskCase(SynchronousTestCase):
    """CP-1 is connected and CP-2 away; C{new} waits. Somebody asks."""

    def setUp(self) -> None:
        """Open the desk for an administrator."""
        self.world = World(evolve(SITE, observe_only=True))
        self.system = self.world.system
        self.events = MemoryEvents()
        self.settings = NotedSettings()
        self.station = Station(self.world)
        self.station.ask("BootNotification", {**BOOT, "firmwareVersion": "1\n2"})
        self.new = Station(self.world, "new")
        self.new.ask("BootNotification", BOOT)
        routes = charge_point_routes(
            self.system, operator_of(self.world), self.events, self.settings, lambda: URLS
        )
        self.desk = Desk(routes)

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """What is answered below C{/charge-points}."""
        return self.successResultOf(self.asking(method, path, **body))

    def asking(self, method: str, path: str, **body: Any) -> Deferred[Any]:
        """Ask something that may fail."""
        query = body.pop("query", None)
        place = f"/charge-points{path}"
        return Deferred.fromCoroutine(self.desk.ask(method, place, body, query))

    def fails(self, kind: type[CfosError], method: str, path: str, **body: Any) -> CfosError:
        """What is wrong with something that was asked."""
        failure = self.failureResultOf(self.asking(method, path, **body), kind)
        assert isinstance(failure.value, kind)
        return failure.value

    def problem(self, status: int, method: str, path: str, **body: Any) -> str:
        """The words of a problem with that status."""
        problem = self.fails(Problem, method, path, **body)
        assert isinstance(problem, Problem)
        self.assertEqual(status, problem.status, problem.detail)
        return problem.detail


class Listing(DeskCase):
    """Who is there."""

    def test_all(self) -> None:
        """Those that wait come first; each with where it is from and what it has said."""
        self.system.refusals.note("stray", "198.51.100.1", "no room")
        found = self.ask("GET", "")
        self.assertEqual(list(URLS), found["urls"])
        self.assertEqual(
            [("new", "waiting"), ("CP-1", "connected"), ("CP-2", "away"), ("stray", "refused")],
            [(one["identity"], one["state"]) for one in found["charge_points"]],
        )
        waiting, there, away, refused = found["charge_points"]
        self.assertEqual(("192.0.2.7", False), (waiting["origin"], waiting["is_accepted"]))
        self.assertEqual(["bay-1", "bay-2"], there["evses"])
        self.assertEqual((True, 0), (there["is_accepted"], there["profile"]))
        self.assertEqual("1?2", there["device"]["firmware_version"])
        self.assertEqual("2026-03-01T12:00:00Z", there["since"])
        self.assertIsNone(away["origin"])
        self.assertIsNone(away["device"])
        self.assertEqual(
            ("198.51.100.1", "no room", 1),
            (refused["origin"], refused["why"], refused["count"]),
        )

    def test_passwords(self) -> None:
        """It is told who has to know one, and with which profile who has come at best."""
        self.system.configure(evolve(self.system.settings, password=PASSWORD))
        Station(self.world, "CP-2", SecurityProfile.TLS).lose()
        found = self.ask("GET", "")
        by_name = {one["identity"]: one for one in found["charge_points"]}
        self.assertTrue(by_name["CP-2"]["asks_password"])
        self.assertEqual(2, by_name["CP-2"]["highest_profile"])
        self.assertNotIn(PASSWORD, repr(found))

    def test_roles(self) -> None:
        """Who may only look sees none; an operator changes nothing of who gets in."""
        self.desk.role = Role.VIEWER
        self.problem(403, "GET", "")
        self.desk.role = Role.OPERATOR
        self.ask("GET", "")
        for verb, body in (
            ("approve", {"name": "bay-9"}),
            ("allow-profile", {"profile": 0}),
            ("raise-profile", {"profile": 1}),
            ("renew-certificate", {}),
            ("change-password", {}),
        ):
            self.problem(403, "POST", f"/CP-1/{verb}", **body)


class Admitting(DeskCase):
    """Who is let in."""

    def test_approve(self) -> None:
        """The section of the new EVSE is written; the answer says what has changed."""
        found = self.ask(
            "POST",
            "/new/approve",
            name="bay-9",
            circuit="garage",
            connector=2,
            options={"max_current": 32, "enabled": False, "priority": "5", "mode": None},
        )
        self.assertEqual(["evse bay-9"], found["changed"])
        self.assertEqual("etag-2", found["etag"])
        expected = {
            "type": "ocpp16",
            "address": "new",
            "connector": "2",
            "circuit": "garage",
            "max_current": "32",
            "enabled": "no",
            "priority": "5",
        }
        self.assertEqual([((AddSection("evse bay-9", expected),), None)], self.settings.changes)
        self.assertIn("new is evse bay-9: added", self.desk.notes[0])

    def test_simple(self) -> None:
        """What need not be said is not written."""
        self.ask("POST", "/ne%20w/approve", name="bay-9")
        section = self.settings.changes[0][0][0]
        self.assertEqual(
            AddSection("evse bay-9", {"type": "ocpp16", "address": "ne w"}), section
        )

    def test_contradictions(self) -> None:
        """What an approval says itself stands in no option; what is no identity in no file."""
        words = self.problem(
            422, "POST", "/new/approve", name="b", options={"address": "other"}
        )
        self.assertIn("address is said beside them", words)
        self.assertIn(
            "is no ChargeBox ID", self.problem(422, "POST", "/a%5D/approve", name="b")
        )
        self.problem(422, "POST", "/new/approve", name="")
        self.problem(422, "POST", "/new/approve", name="b", connector=0)
        self.assertEqual([], self.settings.changes)

    def test_refuse(self) -> None:
        """Who is refused is hung up on and listed as refused."""
        self.desk.role = Role.OPERATOR
        found = self.ask("POST", "/new/refuse")
        self.assertEqual("Refused", found["status"])
        self.assertEqual(1, len(self.new.hang_ups))
        self.new.lose()
        states = {one["identity"]: one["state"] for one in self.ask("GET", "")["charge_points"]}
        self.assertEqual("refused", states["new"])

    def test_refuseConfigured(self) -> None:
        """One that is configured is not refused."""
        self.fails(LocalProtocolError, "POST", "/CP-1/refuse")
        self.assertEqual([], self.station.hang_ups)


class Calling(DeskCase):
    """What a Charge Point is asked."""

    def call(self, action: str, **payload: Any) -> Any:
        """The confirmation."""
        found = self.ask("POST", "/CP-1/call", action=action, payload=payload)
        return found["confirmation"]

    def test_call(self) -> None:
        """Any action goes out as it was said, and its confirmation comes back."""
        self.desk.role = Role.OPERATOR
        self.station.acts["GetLocalListVersion"] = {"listVersion": 7}
        self.assertEqual({"listVersion": 7}, self.call("GetLocalListVersion"))
        self.station.acts["Reset"] = {"status": "Accepted"}
        self.assertEqual({"status": "Accepted"}, self.call("Reset", type="Soft"))
        self.assertEqual([{"type": "Soft"}], self.station.payloads("Reset"))
        self.assertEqual(["GetLocalListVersion", "Reset Soft: Accepted"], self.desk.notes)

    def test_unfit(self) -> None:
        """What is no request of OCPP 1.6 is a mistake of whoever asks; nothing is sent."""
        for action, payload, words in (
            ("Reset", {"type": "Gentle"}, "allowed are Hard, Soft"),
            ("Reset", {}, "type"),
            ("Reset", {"type": "Soft", "more": 1}, "its fields are type"),
            ("Explode", {}, "is no action that a Central System sends"),
            ("Heartbeat", {}, "sent by Charge Points only"),
        ):
            found = self.problem(422, "POST", "/CP-1/call", action=action, payload=payload)
            self.assertIn(words, found)
        self.assertEqual([], self.station.requests())

    def test_roles(self) -> None:
        """What changes a device for good, or shows its inside, takes an administrator."""
        self.desk.role = Role.OPERATOR
        for action, payload in _FOR_ADMINS:
            words = self.problem(403, "POST", "/CP-1/call", action=action, payload=payload)
            self.assertIn(f"this {action} takes the role admin; yours is operator", words)
        self.assertEqual([], self.station.requests())

    def test_admin(self) -> None:
        """An administrator may; what is said is still looked at by the rules."""
        self.station.acts["Reset"] = {"status": "Accepted"}
        self.call("Reset", type="Hard")
        error = self.fails(
            LocalProtocolError,
            "POST",
            "/CP-1/call",
            action="ChangeConfiguration",
            payload={"key": "AuthorizationKey", "value": PASSWORD},
        )
        self.assertIn("change_password", str(error))
        self.assertNotIn(PASSWORD, str(error))

    def test_callError(self) -> None:
        """A CALLERROR fails as what it is: the code and the words are the wallbox's."""

        def refuse(_: object) -> object:
            raise Refuse("NotSupported", "no cache here")

        self.station.acts["ClearCache"] = refuse
        error = self.fails(DeviceRefusal, "POST", "/CP-1/call", action="ClearCache")
        assert isinstance(error, DeviceRefusal)
        self.assertEqual("NotSupported", error.code)

    def test_away(self) -> None:
        """Who is not there is not asked; who is not known is not found."""
        self.fails(NotSent, "POST", "/CP-2/call", action="ClearCache")
        words = self.problem(404, "POST", "/nobody/call", action="ClearCache")
        self.assertIn("there is no Charge Point nobody; there are: CP-1, CP-2, new", words)

    def test_secrets(self) -> None:
        """Passwords that are told in a configuration are shown to nobody."""
        self.station.acts["GetConfiguration"] = _CONFIGURATION
        told = self.call("GetConfiguration")["configurationKey"]
        self.assertEqual(
            [("HeartbeatInterval", "60"), ("WlanPassword", "***"), ("AuthorizationKey", None)],
            [(one["key"], one.get("value")) for one in told],
        )
        words = json.dumps({"apiToken": PASSWORD})
        self.station.acts["DataTransfer"] = {"status": "Accepted", "data": words}
        told = self.call("DataTransfer", vendorId="test")
        self.assertEqual({"status": "Accepted", "data": '{"apiToken": "***"}'}, told)


_SECRET_KEYS = [
    {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
    {"key": "WlanPassword", "readonly": False, "value": PASSWORD},
    {"key": "AuthorizationKey", "readonly": False, "value": PASSWORD},
]
_CONFIGURATION = {"configurationKey": _SECRET_KEYS, "unknownKey": ["Nonsense"]}
_PEM = "-----BEGIN CERTIFICATE-----"
_HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "00",
    "issuerKeyHash": "00",
    "serialNumber": "00",
}
_FOR_ADMINS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Reset", {"type": "Hard"}),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "x"}),
    ("ChangeConfiguration", {"key": " securityprofile", "value": "2"}),
    ("ChangeConfiguration", {"key": "wlan_password", "value": "x"}),
    ("UpdateFirmware", {"location": "ftp://a/b", "retrieveDate": "2026-03-01T12:00:00Z"}),
    ("GetDiagnostics", {"location": "ftp://a/b"}),
    (
        "GetLog",
        {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "ftp://a/b"}},
    ),
    (
        "InstallCertificate",
        {"certificateType": "CentralSystemRootCertificate", "certificate": _PEM},
    ),
    ("DeleteCertificate", {"certificateHashData": _HASH}),
    ("CertificateSigned", {"certificateChain": _PEM}),
    ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
)


class Configuring(DeskCase):
    """The configuration of a Charge Point."""

    def test_get(self) -> None:
        """All keys, or some; secrets are masked, and said to be such."""
        self.station.acts["GetConfiguration"] = _CONFIGURATION
        found = self.ask("GET", "/CP-1/configuration")
        self.assertEqual(["Nonsense"], found["unknown"])
        self.assertEqual(
            [
                ("HeartbeatInterval", "60", False),
                ("WlanPassword", "***", True),
                ("AuthorizationKey", None, True),
            ],
            [(one["key"], one["value"], one["is_secret"]) for one in found["keys"]],
        )
        self.world.clock.advance(60)
        self.ask("GET", "/CP-1/configuration", query={"keys": " HeartbeatInterval ,"})
        self.assertEqual(
            [{}, {"key": ["HeartbeatInterval"]}], self.station.payloads("GetConfiguration")
        )

    def test_put(self) -> None:
        """A key is set; the answer is the wallbox's, in words too."""
        self.desk.role = Role.OPERATOR
        path = "/CP-1/configuration/HeartbeatInterval"
        for status, words in (
            ("Accepted", "it is set"),
            ("RebootRequired", "when the Charge Point restarts"),
            ("Rejected", "does not take this value"),
            ("NotSupported", "does not know this key"),
        ):
            self.station.acts["ChangeConfiguration"] = {"status": status}
            self.world.clock.advance(60)
            found = self.ask("PUT", path, value="60")
            self.assertEqual(status, found["status"])
            self.assertIn(words, found["text"])
        self.assertIn("HeartbeatInterval = 60: Accepted", self.desk.notes[0])

    def test_secret(self) -> None:
        """A secret is an administrator's matter, is in no note, and is not the mask."""
        path = "/CP-1/configuration/WlanPassword"
        self.desk.role = Role.OPERATOR
        self.problem(403, "PUT", path, value=PASSWORD)
        self.desk.role = Role.ADMIN
        self.problem(422, "PUT", path, value="***")
        self.assertEqual([], self.station.requests())
        self.station.acts["ChangeConfiguration"] = {"status": "Accepted"}
        self.ask("PUT", path, value=PASSWORD)
        self.assertEqual(["WlanPassword = ***: Accepted"], self.desk.notes)

    def test_url(self) -> None:
        """Of a URL, its user and his password are shown to nobody, and are not the mask."""
        path = "/CP-1/configuration/UpdateUrl"
        self.station.acts["ChangeConfiguration"] = {"status": "Accepted"}
        self.ask("PUT", path, value=f"ftp://user:{PASSWORD}@h/x")
        self.assertEqual(["UpdateUrl = ftp://***@h/x: Accepted"], self.desk.notes)
        self.problem(422, "PUT", path, value="ftp://***@h/x")
        entry = {"key": "UpdateUrl", "readonly": False, "value": f"ftp://user:{PASSWORD}@h/x"}
        self.station.acts["GetConfiguration"] = {"configurationKey": [entry]}
        self.world.clock.advance(60)
        found = self.ask("GET", "/CP-1/configuration")
        self.assertEqual(["ftp://***@h/x"], [one["value"] for one in found["keys"]])


class Securing(DeskCase):
    """How safely a Charge Point comes."""

    def test_events(self) -> None:
        """What one has told comes newest first, also of one that is gone, and is printable."""
        for number in range(3):
            at = NOW + timedelta(seconds=number)
            self.events.kept.append(SecurityEvent("gone", f"kind\n{number}", "then", None, at))
        found = self.ask("GET", "/gone/security-events", query={"limit": "2"})
        self.assertEqual(["kind?2", "kind?1"], [one["kind"] for one in found["events"]])
        self.problem(422, "GET", "/gone/security-events", query={"limit": "1001"})

    def test_allow(self) -> None:
        """One may come with less again."""
        Station(self.world, "CP-2", SecurityProfile.TLS).lose()
        self.assertNotEqual("ADMITTED", self.system.admit("CP-2", Approach()).name)
        found = self.ask("POST", "/CP-2/allow-profile", profile=0)
        self.assertEqual("CP-2 may come with security profile 0", found["text"])
        self.assertEqual("ADMITTED", self.system.admit("CP-2", Approach()).name)
        self.problem(422, "POST", "/CP-2/allow-profile", profile=3)

    def test_raise(self) -> None:
        """One is told to come with more; who may not be told so is not."""
        error = self.fails(LocalProtocolError, "POST", "/CP-1/raise-profile", profile=1)
        self.assertIn("needs a password", str(error))
        self.system.configure(evolve(self.system.settings, password=PASSWORD))
        self.station.acts["ChangeConfiguration"] = {"status": "RebootRequired"}
        found = self.ask("POST", "/CP-1/raise-profile", profile=1)
        self.assertEqual("RebootRequired", found["status"])
        self.assertIn("comes with security profile 1 when it has restarted", found["text"])

    def test_password(self) -> None:
        """Another password is given, and is in no answer and no note."""
        self.station.acts["ChangeConfiguration"] = {"status": "Accepted"}
        found = self.ask("POST", "/CP-1/change-password")
        self.assertEqual("Accepted", found["status"])
        key = self.station.payloads("ChangeConfiguration")[0]["value"]
        self.assertNotIn(key, f"{found} {self.desk.notes}")
        self.world.clock.advance(60)
        self.station.acts["ChangeConfiguration"] = {"status": "Rejected"}
        self.assertIn("not taken it", self.ask("POST", "/CP-1/change-password")["text"])

    def test_renew(self) -> None:
        """Where nobody signs, nobody is asked to want a certificate."""
        error = self.fails(LocalProtocolError, "POST", "/CP-1/renew-certificate")
        self.assertIn("there is no authority", str(error))
