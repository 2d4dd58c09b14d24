"""Requests that somebody writes as JSON: what is wrong with one is told, and where."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.commands.locations import shown
from cfos_cm.central_system.commands.requests import SENDABLE, as_json, read_request
from cfos_cm.errors import LocalProtocolError
from cfos_cm.v16.actions import ACTIONS

from .payloads import REQUESTS, TX_PROFILE, changed

#: The action, the payload, and all that is said.
_MISTAKES: tuple[tuple[str, Any, str], ...] = (
    (
        "Reset",
        {"type": "Warm"},
        "Reset.req: Invalid enum value 'Warm' at $.type; allowed are Hard, Soft",
    ),
    (
        "Reset",
        {},
        "Reset.req: Object missing required field `type` at $; its fields are type",
    ),
    (
        "ClearCache",
        {"all": True},
        "ClearCache.req: Object contains unknown field 'all' at $; its fields are none",
    ),
    (
        "UnlockConnector",
        {"connectorId": "1"},
        "UnlockConnector.req: Expected `int`, got `str` at $.connectorId",
    ),
    (
        "GetConfiguration",
        {"key": ["k" * 51]},
        "GetConfiguration.req: Expected `str` of length <= 50 at $.key[0]",
    ),
    (
        "SendLocalList",
        changed(REQUESTS["SendLocalList"], "localAuthorizationList.0.idTagInfo.status", "Fine"),
        "SendLocalList.req: Invalid enum value 'Fine' at "
        "$.localAuthorizationList[0].idTagInfo.status; allowed are Accepted, Blocked, Expired, "
        "Invalid, ConcurrentTx",
    ),
    (
        "SetChargingProfile",
        {
            "connectorId": 1,
            "csChargingProfiles": changed(TX_PROFILE, "chargingSchedule.unit", "A"),
        },
        "SetChargingProfile.req: Object contains unknown field 'unit' at "
        "$.csChargingProfiles.chargingSchedule; its fields are chargingRateUnit, "
        "chargingSchedulePeriod, duration, startSchedule, minChargingRate",
    ),
    ("ClearCache", [], "ClearCache.req: the payload must be an object at $"),
    ("ClearCache", None, "ClearCache.req: the payload must be an object at $"),
    ("DataTransfer", {"vendorId": object()}, "DataTransfer.req: the payload is not JSON at $"),
    ("DataTransfer", {"vendorId": "\ud800"}, "DataTransfer.req: the payload is not JSON at $"),
)


class Requests(SynchronousTestCase):
    """L{read_request} and L{as_json}."""

    def error_of(self, action: str, payload: Any) -> str:
        """What is said about a request that is none."""
        return str(self.assertRaises(LocalProtocolError, read_request, action, payload))

    def test_everyAction(self) -> None:
        """The request of each action is read, and written as it was."""
        for action, payload in REQUESTS.items():
            request = read_request(action, payload)
            self.assertIsInstance(request, ACTIONS[action].request)
            self.assertEqual(as_json(request), payload)

    def test_mistakes(self) -> None:
        """A sentence tells what was found, what is allowed, and where."""
        for action, payload, said in _MISTAKES:
            self.assertEqual(self.error_of(action, payload), said)

    def test_unknownAction(self) -> None:
        """Whoever names no action is told which there are."""
        said = self.error_of("Restart", {})
        self.assertIn("'Restart' is no action that a Central System sends; it sends", said)
        for action in SENDABLE:
            self.assertIn(action, said)

    def test_upperAndLowerCase(self) -> None:
        """The names of actions are as they are on the wire."""
        self.assertIn("'reset' is no action", self.error_of("reset", {"type": "Soft"}))

    def test_actionOfChargePoints(self) -> None:
        """What only Charge Points send is not sent to one."""
        for action in set(ACTIONS) - set(SENDABLE):
            self.assertIn(f"{action} is sent by Charge Points only", self.error_of(action, {}))

    def test_endlessPayload(self) -> None:
        """An object that holds itself is no JSON."""
        endless: dict[str, Any] = {}
        endless["data"] = endless
        self.assertIn("is not JSON", self.error_of("DataTransfer", endless))

    def test_noSecrets(self) -> None:
        """The value of a configuration key is not repeated, whatever is wrong with it."""
        said = self.error_of("ChangeConfiguration", {"key": "k", "value": "secret" * 100})
        self.assertNotIn("secret", said)


class Locations(SynchronousTestCase):
    """L{shown}."""

    def test_shown(self) -> None:
        """Of a URL people see where it leads, and nothing that may be a secret."""
        for url, seen in (
            ("https://files.example/a?token=s", "https://files.example/…"),
            ("ftp://user:secret@files.example:2121/up", "ftp://files.example:2121/…"),
            ("https://[2001:db8::1]:8443/up", "https://[2001:db8::1]:8443/…"),
            ("user:secret", "<hidden>"),
            ("ftp://[secret/", "<hidden>"),
        ):
            self.assertEqual(shown(url), seen)
