"""What a backend tries that wants more than it may have."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher

from cfos_cm.charge_point.keys import is_guarded
from cfos_cm.charge_point.policy import ROWS
from cfos_cm.charge_point.remarks import MAX_ORDERS, MAX_REMARKS
from cfos_cm.charge_point.session import PATIENCE_S
from cfos_cm.errors import CallErrorCode, NoAnswer
from tests.charge_point.backend_world import World, connector
from tests.charge_point.test_commands_operation import Case

_YES = b'{"status":"Accepted"}'

_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-06-01T12:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 5, "limit": 9}],
    },
}


def _relayed(world: World) -> list[tuple[Any, ...]]:
    return [entry for entry in world.devices.done if entry[0] == "relay"]


class Spellings(Case):
    """Names that are ours for a reader who does not look at upper and lower case."""

    def test_actions(self) -> None:
        """An action that is one of ours but for its letters' case is not a vendor's."""
        world = self.spoken()
        for action in ROWS:
            for odd in (action.lower(), action[0].lower() + action[1:], f"{action} "):
                self.assertEqual(CallErrorCode.NOT_IMPLEMENTED, world.ask(odd, "{}"), odd)
        self.assertEqual([], _relayed(world))

    def test_names(self) -> None:
        """A field that is another one for such a reader gets nothing to a Charge Point."""
        world = self.spoken()
        world.begin(77, 5)
        for action, payload in (
            ("UnlockConnector", '{"ConnectorId":9,"connectorId":1}'),
            ("UnlockConnector", '{"connectorId":1,"connectorID":9}'),
            ("ChangeAvailability", '{"connectorId":1,"type":"Operative","CONNECTORID":9}'),
            ("RemoteStopTransaction", '{"transactionId":5,"TransactionId":9}'),
            ("RemoteStartTransaction", '{"idTag":"a","ConnectorId":9}'),
            (
                "RemoteStartTransaction",
                '{"idTag":"a","connectorId":1,"chargingprofile":{"stackLevel":99}}',
            ),
        ):
            found = world.ask(action, payload)
            self.assertEqual(CallErrorCode.FORMATION_VIOLATION, found, payload)
        self.assertEqual([], _relayed(world))

    def test_otherNames(self) -> None:
        """What is a vendor's own goes on."""
        world = self.spoken()
        world.devices.answers["UnlockConnector"] = b'{"status":"Unlocked"}'
        world.ask("UnlockConnector", '{"connectorId":1,"Connector":9}')
        self.assertEqual({"connectorId": 5, "Connector": 9}, json.loads(_relayed(world)[0][3]))

    def test_keys(self) -> None:
        """So it is with configuration keys: one of ours in other letters is no vendor's."""
        world = self.spoken()
        for key in (
            "HeartbeatInterval ",
            "Local-Authorize-Offline",
            "Max Energy On Invalid Id",
        ):
            found = world.ask("ChangeConfiguration", {"key": key, "value": "1"})
            self.assertEqual({"status": "NotSupported"}, found, key)
        self.assertEqual([], _relayed(world))


class VendorKeys(Case):
    """Keys of a Charge Point."""

    def test_guarded(self) -> None:
        """Where it connects to, and how much it draws, is not the backend's."""
        for key in (
            "BackOffice-Path-wired",
            "BackOffice-TCP-Port-wired",
            "Station-MaxCurrent",
            "SmartChargingEnabled",
            "ChargingProfilesEnabled",
            "FailsafeCurrent",
            "Fallback_Power",
            "LoadBalancingMode",
            "DNS1",
            "AdminPwd",
        ):
            self.assertTrue(is_guarded(key), key)
        for key in ("Giro-E.Enabled", "DisplayLanguage", "LightIntensity", "Tariff"):
            self.assertFalse(is_guarded(key), key)


class Floods(Case):
    """The same again and again."""

    def test_clearCache(self) -> None:
        """A Charge Point that does not answer is not told again: it has to hear our limits."""
        world = self.spoken()
        answers: list[Deferred[bytes]] = []

        def relay(*_: Any) -> Deferred[bytes]:
            answers.append(Deferred())
            return answers[-1]

        self.patch(world.devices, "relay", relay)
        for _ in range(100):
            self.assertEqual({"status": "Accepted"}, world.ask("ClearCache"))
        self.assertEqual(1, len(answers))
        answers[0].errback(NoAnswer("not there"))
        world.ask("ClearCache")
        self.assertEqual(2, len(answers))

    def test_log(self) -> None:
        """Whatever is refused, and why, fills no log; an hour later there is more to say."""
        world = self.spoken()
        lines: list[LogEvent] = []
        globalLogPublisher.addObserver(lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, lines.append)
        start = {"idTag": "a", "connectorId": 1, "chargingProfile": _PROFILE}
        requests: tuple[tuple[str, Any], ...] = (
            ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": _PROFILE}),
            ("RemoteStartTransaction", start),
            ("UnlockConnector", {"connectorId": 1}),
            ("GetConfiguration", {}),
            ("GetConfiguration", {"key": 1}),
        )
        for _ in range(200):
            for action, payload in requests:
                world.ask(action, payload)
        self.assertLessEqual(len(lines), 3 * MAX_REMARKS + MAX_ORDERS)
        self.assertTrue(lines)
        before = len(lines)
        world.clock.advance(3600)
        world.serve()
        world.ask("UnlockConnector", {"connectorId": 1})
        self.assertGreater(len(lines), before)


class Patience(Case):
    """Who waits for an answer of a backend that gives none."""

    def test_ask(self) -> None:
        """A Charge Point that asks waits for a moment only, whatever MessageTimeout says."""
        world = self.world(connector(1, True))
        world.ask("ChangeConfiguration", {"key": "MessageTimeout", "value": "300"})
        world.answers["DataTransfer"] = None
        asked = [world.gateway.ask("DataTransfer", b'{"vendorId":"a"}') for _ in range(5)]
        world.clock.pump([1] * int(PATIENCE_S))
        for each in asked:
            self.failureResultOf(each, NoAnswer)
