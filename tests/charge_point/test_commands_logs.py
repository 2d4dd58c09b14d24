"""GetLog and GetDiagnostics, and where a backend may send somebody."""

from __future__ import annotations

import json
from typing import Any

from cfos_cm.charge_point.commands.logs import MAX_ATTEMPTS, MAX_INTERVAL_S
from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.charge_point.uploader import NotUploaded
from tests.charge_point.backend_world import World, connector
from tests.charge_point.test_commands_operation import Case
from tests.wire.test_location import FINE, NEARBY, NO_LOCATIONS

_BOTH = frozenset({"GetLog", "GetDiagnostics"})
_PLACE = "https://files.example/up/"

#: Those that name a place, each with a way to put one into its request.
_REQUESTS: dict[str, Any] = {
    "GetDiagnostics": lambda url: {"location": url},
    "GetLog": lambda url: {
        "log": {"remoteLocation": url},
        "logType": "SecurityLog",
        "requestId": 7,
    },
    "SignedUpdateFirmware": lambda url: {
        "requestId": 7,
        "firmware": {
            "location": url,
            "retrieveDateTime": "2026-06-01T12:00:00Z",
            "signingCertificate": "x",
            "signature": "x",
        },
    },
    "UpdateFirmware": lambda url: {
        "location": url,
        "retrieveDate": "2026-06-01T12:00:00Z",
    },
}

#: How each is refused when its place is not one to go to.
_REFUSALS: dict[str, Any] = {
    "GetDiagnostics": {},
    "GetLog": {"status": "Rejected"},
    "SignedUpdateFirmware": {"status": "Rejected"},
    "UpdateFirmware": "SecurityError",
}


def _get_log(kind: str = "SecurityLog", url: str = _PLACE, **more: Any) -> dict[str, Any]:
    log = {"remoteLocation": url, **more.pop("log", {})}
    return {"log": log, "logType": kind, "requestId": 7, **more}


def _settle(world: World) -> None:
    """The backend answers."""
    for _ in range(5):
        world.clock.advance(0)


class Own(Case):
    """The gateway's own log, where no OCPP is spoken."""

    def allowed(self, *connectors: Any, **more: Any) -> World:
        """A gateway whose owner allows both."""
        return self.world(*connectors, allowed=_BOTH, **more)

    def test_securityLog(self) -> None:
        """It is answered, and behind that put where it is wanted."""
        world = self.allowed()
        world.gateway.environment.security_log.add("StartupOfTheDevice", "hello")
        found = world.ask("GetLog", _get_log())
        name = "SecurityLog-CP_1-20260601T120000Z.log"
        self.assertEqual({"status": "Accepted", "filename": name}, found)
        self.assertTrue(world.answer_came_first)
        uploading = {"status": "Uploading", "requestId": 7}
        self.assertEqual([uploading], world.told("LogStatusNotification"))
        [(place, content)] = world.uploads.puts
        self.assertEqual(f"/up/{name}", place.target)
        self.assertIn(b" StartupOfTheDevice: hello\n", content)
        world.uploads.results[0].callback(None)
        _settle(world)
        uploaded = {"status": "Uploaded", "requestId": 7}
        self.assertEqual([uploading, uploaded], world.told("LogStatusNotification"))

    def test_diagnosticsLog(self) -> None:
        """It says how the gateway stands, without a secret."""
        for action in ("GetLog", "GetDiagnostics"):
            world = self.allowed(password="s3cret-password")
            world.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "123"})
            world.ask("Vendor", {})
            diagnostics = {"location": _PLACE}
            wanted = diagnostics if action != "GetLog" else _get_log("DiagnosticsLog")
            found = world.ask(action, wanted)
            name = found.get("fileName") or found.get("filename")
            [(place, content)] = world.uploads.puts
            self.assertEqual(f"/up/{name}", place.target)
            text = content.decode()
            self.assertIn("\nHeartbeatInterval = 123\n", text)
            self.assertIn("\nAuthorizationKey = (secret)\n", text)
            self.assertIn("the backend asks for Vendor, and is refused", text)
            self.assertIn("connector 1: evse 1, online, free", text)
            self.assertNotIn("s3cret", text)

    def test_diagnostics(self) -> None:
        """GetDiagnostics names a directory; what is told has no number."""
        world = self.allowed()
        found = world.ask("GetDiagnostics", {"location": "https://files.example/up"})
        self.assertEqual(f"/up/{found['fileName']}", world.uploads.puts[0][0].target)
        told = world.told("DiagnosticsStatusNotification")
        self.assertEqual([{"status": "Uploading"}], told)

    def test_period(self) -> None:
        """Only what is from the wanted time is in it; a time that is none is refused."""
        world = self.allowed()
        log = world.gateway.environment.security_log
        for kind in ("First", "Second", "Third"):
            log.add(kind, None)
            world.clock.advance(60)
        oldest, latest = "2026-06-01T12:00:30Z", "2026-06-01T12:01:30Z"
        period = {"oldestTimestamp": oldest, "latestTimestamp": latest}
        world.ask("GetLog", _get_log(log=period))
        content = world.uploads.puts[0][1]
        self.assertEqual(
            [False, True, False], [one in content for one in (b"First", b"Second", b"Third")]
        )
        wrong = {"oldestTimestamp": "yesterday"}
        found = world.ask("GetLog", _get_log(log=wrong))
        self.assertNotIsInstance(found, dict)
        self.assertEqual(1, len(world.uploads.puts))

    def test_again(self) -> None:
        """A second one takes the place of the first, and says so."""
        world = self.allowed()
        world.ask("GetLog", _get_log())
        _settle(world)
        found = world.ask("GetLog", _get_log(requestId=8))
        self.assertEqual("AcceptedCanceled", found["status"])
        self.assertEqual([world.uploads.results[0]], world.uploads.given_up)
        numbers = [one["requestId"] for one in world.told("LogStatusNotification")]
        self.assertEqual([8], numbers)
        world.uploads.results[1].callback(None)
        self.assertEqual("Accepted", world.ask("GetLog", _get_log(requestId=9))["status"])

    def test_retries(self) -> None:
        """It is tried as often as the backend wants, within bounds."""
        for retries, interval_s, attempts, wait_s in (
            (None, None, 3, 60),
            (0, 5, 1, 5),
            (2, 5, 2, 5),
            (-5, -5, 1, 1),
            (1_000_000, 1_000_000, MAX_ATTEMPTS, MAX_INTERVAL_S),
        ):
            world = self.allowed()
            more = {"retries": retries, "retryInterval": interval_s}
            given = {name: value for name, value in more.items() if value is not None}
            world.ask("GetLog", _get_log(**given))
            done = 0
            while len(world.uploads.results) > done:
                world.uploads.results[done].errback(NotUploaded("not now"))
                done += 1
                world.clock.advance(wait_s - 0.5)
                self.assertEqual(done, len(world.uploads.results))
                world.clock.advance(0.5)
            self.assertEqual(attempts, done, retries)

    def test_tooOften(self) -> None:
        """Twenty in an hour; what is refused is said to be."""
        world = self.allowed()
        for _ in range(20):
            self.assertIn("filename", world.ask("GetLog", _get_log()))
        self.assertEqual({"status": "Rejected"}, world.ask("GetLog", _get_log()))
        self.assertEqual({}, world.ask("GetDiagnostics", {"location": _PLACE}))
        world.gateway.transfers.cancel()
        world.clock.advance(3600)
        self.assertIn("filename", world.ask("GetLog", _get_log()))

    def test_places(self) -> None:
        """Each place that is none of a backend's business is refused; nothing goes there."""
        for url in (*NO_LOCATIONS, *NEARBY, "ftp://files.example/", "sftp://files.example/"):
            if len(url) > 512 or "\x00" in url:
                # No message may have these.
                continue
            world = self.allowed()
            with self.subTest(url=url):
                self.assertEqual({"status": "Rejected"}, world.ask("GetLog", _get_log(url=url)))
                self.assertEqual({}, world.ask("GetDiagnostics", {"location": url}))
                told = world.told("DiagnosticsStatusNotification")
                self.assertEqual([{"status": "UploadFailed"}], told)
                self.assertEqual([], world.uploads.puts)
                self.assertNotIn("secret", repr(world.gateway.notebook.notes))

    def test_consent(self) -> None:
        """Without the owner's consent, or for a backend that is only told, there is nothing."""
        for world in (
            self.world(),
            self.world(allowed=frozenset({"UpdateFirmware"})),
            self.allowed(role=GatewayRole.REPORT),
        ):
            self.assertEqual("NotSupported", world.ask("GetLog", _get_log()))
            self.assertEqual({}, world.ask("GetDiagnostics", {"location": _PLACE}))
            self.assertEqual([], world.uploads.puts)
        noted = self.world()
        noted.ask("GetLog", _get_log())
        [(_, words)] = noted.gateway.notebook.notes
        self.assertIn("'allow = GetLog' in its section would let it", words)

    def test_several(self) -> None:
        """Where the backend sees more than one Charge Point, the gateway tells of itself."""
        world = self.allowed(connector(1, True), connector(2, True, charge_point="other"))
        self.assertEqual("Accepted", world.ask("GetLog", _get_log())["status"])
        self.assertEqual([], world.devices.done)
        self.assertEqual(1, len(world.uploads.puts))

    def test_triggered(self) -> None:
        """How far it is can be asked for."""
        world = self.allowed()
        world.ask("GetLog", _get_log())
        _settle(world)
        wanted = {"requestedMessage": "LogStatusNotification"}
        self.assertEqual({"status": "Accepted"}, world.ask("ExtendedTriggerMessage", wanted))
        uploading = {"status": "Uploading", "requestId": 7}
        self.assertEqual([uploading], world.told("LogStatusNotification"))
        _settle(world)
        wanted = {"requestedMessage": "DiagnosticsStatusNotification"}
        self.assertEqual({"status": "Accepted"}, world.ask("TriggerMessage", wanted))
        told = world.told("DiagnosticsStatusNotification")
        self.assertEqual([{"status": "Idle"}], told)

    def test_backAgain(self) -> None:
        """What has ended while the backend was away is told when it is back."""
        world = self.allowed()
        world.ask("GetLog", _get_log())
        world.gateway.disconnected("test")
        world.uploads.results[0].callback(None)
        world.sent.clear()
        world.gateway.connected(world._take, lambda code, why: None)
        for _ in range(20):
            world.clock.advance(0)
        uploaded = {"status": "Uploaded", "requestId": 7}
        self.assertEqual([uploaded], world.told("LogStatusNotification"))

    def test_closed(self) -> None:
        """A gateway that is closed leaves nothing on its way."""
        world = self.allowed()
        world.ask("GetLog", _get_log())
        world.gateway.close()
        self.assertEqual(1, len(world.uploads.given_up))


class Forwarded(Case):
    """What sends a Charge Point somewhere."""

    def box(self, action: str, **more: Any) -> World:
        """A Charge Point whose owner allows one action."""
        world = self.world(connector(1, True), allowed=frozenset({action}), **more)
        world.devices.answers[action] = b'{"vendor":"own"}'
        return world

    def test_fine(self) -> None:
        """To a place in the internet it is sent, in the backend's own words."""
        for action, request in _REQUESTS.items():
            for url in FINE:
                world = self.box(action)
                text = json.dumps(request(url))
                self.assertEqual({"vendor": "own"}, world.ask(action, text), url)
                self.assertEqual([("relay", 1, action, text)], world.devices.done)

    def test_places(self) -> None:
        """It is never sent to a place in the owner's own network, or handed a command."""
        for action, request in _REQUESTS.items():
            world = self.box(action)
            for url in (*NO_LOCATIONS, *NEARBY):
                with self.subTest(action=action, url=url):
                    found = world.ask(action, request(url))
                    # What is too long, or has a character that none may have, is an error.
                    errors = ("FormationViolation", "PropertyConstraintViolation")
                    self.assertIn(found, (_REFUSALS[action], *errors))
                    self.assertEqual([], world.devices.done)

    def test_lookedUp(self) -> None:
        """Also not by a name that leads there now."""
        for action, request in _REQUESTS.items():
            world = self.box(action)
            world.uploads.objections["inside.example"] = "is in a private network"
            found = world.ask(action, request("https://user:secret@inside.example/secret"))
            self.assertEqual(_REFUSALS[action], found)
            self.assertEqual(["inside.example"], world.uploads.asked)
            self.assertEqual([], world.devices.done)
            [(_, words)] = [
                one for one in world.gateway.notebook.notes if "private network" in one[1]
            ]
            self.assertIn(f"{action}, and is refused: https://inside.example/…", words)
            self.assertNotIn("secret", words)

    def test_lookAlikes(self) -> None:
        """Nor by a field that a careless Charge Point takes for the one that was looked at."""
        inside = "http://192.168.1.1/"
        for action, payload in (
            ("GetDiagnostics", {**_REQUESTS["GetDiagnostics"](_PLACE), "Location": inside}),
            ("UpdateFirmware", {**_REQUESTS["UpdateFirmware"](_PLACE), "LOCATION": inside}),
            ("GetLog", _get_log(log={"remotelocation": inside})),
            ("GetLog", _get_log(log={"remote_location": inside})),
            ("GetLog", {**_get_log(), "Log": {"remoteLocation": inside}}),
            (
                "SignedUpdateFirmware",
                {
                    **_REQUESTS["SignedUpdateFirmware"](_PLACE),
                    "firmware": {
                        **_REQUESTS["SignedUpdateFirmware"](_PLACE)["firmware"],
                        "Location": inside,
                    },
                },
            ),
        ):
            world = self.box(action)
            self.assertEqual("FormationViolation", world.ask(action, payload), payload)
            self.assertEqual([], world.devices.done)

    def test_twice(self) -> None:
        """Nor by a field that is there twice."""
        world = self.box("GetDiagnostics")
        text = f'{{"location":"{_PLACE}","location":"http://192.168.1.1/"}}'
        self.assertEqual("FormationViolation", world.ask("GetDiagnostics", text))
        self.assertEqual([], world.devices.done)
