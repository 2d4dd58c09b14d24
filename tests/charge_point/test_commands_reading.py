"""What a backend sets, asks for and has told: configuration, lists, limits, messages."""

from __future__ import annotations

import json
from typing import Any

from cfos_cm.charge_point.policy import CONSENT_ACTIONS, ROWS, refusal
from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.errors import CallErrorCode, DeviceRefusal
from cfos_cm.site.events import EvseMeasured, TransactionStarted
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.actions import encode
from tests.charge_point.backend_world import NOON, World, connector
from tests.charge_point.test_commands_operation import Case

_YES = b'{"status":"Accepted"}'

_PROFILE = {
    "chargingProfileId": 3,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-06-01T12:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9}],
    },
}

#: A correct request of each action.
_REQUESTS: dict[str, dict[str, Any]] = {
    "CancelReservation": {"reservationId": 1},
    "CertificateSigned": {"certificateChain": "x"},
    "ChangeAvailability": {"connectorId": 1, "type": "Operative"},
    "ChangeConfiguration": {"key": "Vendor", "value": "1"},
    "ClearCache": {},
    "ClearChargingProfile": {},
    "DataTransfer": {"vendorId": "v"},
    "DeleteCertificate": {
        "certificateHashData": {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "a",
            "issuerKeyHash": "b",
            "serialNumber": "c",
        }
    },
    "ExtendedTriggerMessage": {"requestedMessage": "Heartbeat"},
    "GetCompositeSchedule": {"connectorId": 1, "duration": 60},
    "GetConfiguration": {},
    "GetDiagnostics": {"location": "ftp://files.example/"},
    "GetInstalledCertificateIds": {"certificateType": "ManufacturerRootCertificate"},
    "GetLocalListVersion": {},
    "GetLog": {
        "log": {"remoteLocation": "ftp://files.example/"},
        "logType": "SecurityLog",
        "requestId": 1,
    },
    "InstallCertificate": {
        "certificateType": "ManufacturerRootCertificate",
        "certificate": "x",
    },
    "RemoteStartTransaction": {"idTag": "a", "connectorId": 1},
    "RemoteStopTransaction": {"transactionId": 1},
    "ReserveNow": {
        "connectorId": 1,
        "expiryDate": "2026-06-01T13:00:00Z",
        "idTag": "a",
        "reservationId": 1,
    },
    "Reset": {"type": "Soft"},
    "SendLocalList": {"listVersion": 1, "updateType": "Full"},
    "SetChargingProfile": {"connectorId": 1, "csChargingProfiles": _PROFILE},
    "SignedUpdateFirmware": {
        "requestId": 1,
        "firmware": {
            "location": "https://files.example/",
            "retrieveDateTime": "2026-06-01T12:00:00Z",
            "signingCertificate": "x",
            "signature": "x",
        },
    },
    "TriggerMessage": {"requestedMessage": "Heartbeat"},
    "UnlockConnector": {"connectorId": 1},
    "UpdateFirmware": {
        "location": "https://files.example/",
        "retrieveDate": "2026-06-01T12:00:00Z",
    },
}


def _expected_refusal(action: str) -> Any:
    found = refusal(action)
    return found.value if isinstance(found, CallErrorCode) else json.loads(encode(found))


class EveryAction(Case):
    """What is true of all of them."""

    def test_all(self) -> None:
        """There is a request of each here."""
        self.assertEqual(set(ROWS), set(_REQUESTS))

    def test_refused(self) -> None:
        """What the owner refuses is answered with its refusal, and no EVSE learns of it."""
        for action, payload in _REQUESTS.items():
            for speaks in (True, False):
                world = self.world(connector(1, speaks), refused=frozenset({action}))
                self.assertEqual(_expected_refusal(action), world.ask(action, payload), action)
                self.assertEqual([], world.devices.done, action)

    def test_onlyTold(self) -> None:
        """Who is only told has nothing done, whatever he is allowed."""
        for action, payload in _REQUESTS.items():
            world = self.world(
                connector(1, True), role=GatewayRole.REPORT, allowed=frozenset(ROWS)
            )
            found = world.ask(action, payload)
            self.assertEqual([], world.devices.done, action)
            if not (ROWS[action].is_reading or ROWS[action].is_own):
                self.assertEqual(_expected_refusal(action), found, action)
        self.assertEqual({}, world.limits())

    def test_answered(self) -> None:
        """Each is answered, by a device without OCPP and for a Charge Point that is away."""
        for action, payload in _REQUESTS.items():
            for speaks in (True, False):
                world = self.world(connector(1, speaks), allowed=frozenset(ROWS))
                self.assertIsNotNone(world.ask(action, payload), action)
                self.assertEqual([], self.flushLoggedErrors(), action)

    def test_nonsense(self) -> None:
        """A payload that is none is a CALLERROR."""
        for action in _REQUESTS:
            for bad in ('{"a":1,"a":2}', '{"connectorId":"x","reservationId":[]}'):
                world = self.world(connector(1, True), allowed=frozenset(ROWS))
                found = world.ask(action, bad)
                is_error = isinstance(found, str) or action in (
                    "ClearCache",
                    "GetConfiguration",
                    "GetLocalListVersion",
                )
                self.assertTrue(is_error, (action, bad, found))

    def test_consent(self) -> None:
        """What needs consent reaches a Charge Point with it, word for word, and not without."""
        for action in CONSENT_ACTIONS:
            text = json.dumps(_REQUESTS[action]).replace('": ', '" : ')
            world = self.world(connector(1, True))
            self.assertEqual(_expected_refusal(action), world.ask(action, text), action)
            self.assertEqual([], world.devices.done, action)
            world = self.world(connector(1, True), allowed=frozenset({action}))
            world.devices.answers[action] = b'{"vendor":"own"}'
            self.assertEqual({"vendor": "own"}, world.ask(action, text), action)
            self.assertEqual([("relay", 1, action, text)], world.devices.done)


class Vendors(Case):
    """DataTransfer and what OCPP does not know. TC_062."""

    def test_forwarded(self) -> None:
        """A Charge Point gets it as it came, and its answer goes back as it came."""
        for action in ("DataTransfer", "VendorAction"):
            world = self.world(connector(1, True))
            world.devices.answers[action] = b'{"status":"Accepted", "data":"\\u00e4"}'
            text = '{ "vendorId":"v","data":"\\/\\u00e9" ,"more":1.50}'
            self.assertEqual({"status": "Accepted", "data": "ä"}, world.ask(action, text))
            self.assertEqual([("relay", 1, action, text)], world.devices.done)

    def test_nobodyThere(self) -> None:
        """Without an answer it is refused, and nothing is made up."""
        world = self.world(connector(1, True))
        found = world.ask("DataTransfer", {"vendorId": "v"})
        self.assertEqual({"status": "Rejected"}, found)
        self.assertEqual("GenericError", world.ask("VendorAction", {}))

    def test_refusedByIt(self) -> None:
        """The Charge Point's CALLERROR is passed on by its code."""
        world = self.world(connector(1, True))
        world.devices.answers["VendorAction"] = DeviceRefusal(
            "no", CallErrorCode.NOT_IMPLEMENTED
        )
        self.assertEqual("NotImplemented", world.ask("VendorAction", {}))

    def test_severalOrNone(self) -> None:
        """Where nobody can be meant, nobody knows it."""
        other = connector(2, True, charge_point="another")
        for world in (self.world(), self.world(connector(1, True), other)):
            found = world.ask("DataTransfer", {"vendorId": "v"})
            self.assertEqual({"status": "UnknownVendorId"}, found)
            self.assertEqual("NotImplemented", world.ask("VendorAction", {}))
            self.assertEqual([], world.devices.done)

    def test_ambiguous(self) -> None:
        """What two readers would understand differently is forwarded to none."""
        world = self.world(connector(1, True))
        self.assertEqual("FormationViolation", world.ask("VendorAction", '{"a":1,"a":2}'))
        self.assertEqual([], world.devices.done)

    def test_wrongWay(self) -> None:
        """What a Charge Point says is not for a backend to ask."""
        world = self.world(connector(1, True))
        self.assertEqual("NotSupported", world.ask("Heartbeat", {}))
        self.assertEqual([], world.devices.done)


class Firmware(Case):
    """UpdateFirmware where no OCPP is spoken."""

    def test_firmware(self) -> None:
        """It is answered, and behind that is said to have failed."""
        world = self.world()
        payload = _REQUESTS["UpdateFirmware"]
        self.assertEqual({}, world.ask("UpdateFirmware", payload))
        self.assertTrue(world.answer_came_first)
        self.assertEqual(
            [{"status": "DownloadFailed"}], world.told("FirmwareStatusNotification")
        )


class Configuration(Case):
    """ChangeConfiguration and GetConfiguration. TC_019, TC_021, TC_040."""

    def read(self, world: World, *names: str) -> tuple[dict[str, Any], list[str]]:
        """The values of keys, and those that are unknown."""
        found = world.ask("GetConfiguration", {"key": list(names)} if names else {})
        known = {one["key"]: one.get("value") for one in found.get("configurationKey", ())}
        return known, found.get("unknownKey", [])

    def change(self, world: World, key: str, value: str) -> Any:
        """What ChangeConfiguration is answered with."""
        return world.ask("ChangeConfiguration", {"key": key, "value": value})

    def test_ours(self) -> None:
        """A key is set, read back, and known after a restart."""
        world = self.world()
        self.assertEqual(
            {"status": "Accepted"}, self.change(world, "LocalPreAuthorize", "true")
        )
        self.assertEqual(
            ({"LocalPreAuthorize": "true"}, []), self.read(world, "localpreauthorize")
        )
        again = world.restarted().serve()
        self.addCleanup(again.gateway.close)
        self.assertEqual(
            {"LocalPreAuthorize": "true"}, self.read(again, "LocalPreAuthorize")[0]
        )

    def test_answers(self) -> None:
        """Each way to answer."""
        world = self.world()
        for key, value, expected in (
            ("Nonsense", "1", "NotSupported"),
            ("WebSocketPingInterval", "-1", "Rejected"),
            ("MeterValuesSampledData", "Wrong", "Rejected"),
            ("NumberOfConnectors", "2", "Rejected"),
            ("SecurityProfile", "0", "Rejected"),
        ):
            self.assertEqual({"status": expected}, self.change(world, key, value), key)

    def test_all(self) -> None:
        """All keys are told, none twice; each of them can be asked for by its name."""
        world = self.world()
        known, unknown = self.read(world)
        self.assertEqual([], unknown)
        self.assertEqual((known, []), self.read(world, *known))
        self.assertIsNone(known["AuthorizationKey"])

    def test_tooMany(self) -> None:
        """No more can be asked for at once than GetConfigurationMaxKeys says."""
        world = self.world()
        names = [f"Key{number}" for number in range(101)]
        self.assertEqual(
            "OccurenceConstraintViolation", world.ask("GetConfiguration", {"key": names})
        )
        self.assertEqual(100, len(self.read(world, *names[:100])[1]))

    def test_forwarded(self) -> None:
        """The keys of the Charge Point are set there, in the backend's words."""
        world = self.world(connector(1, True))
        world.devices.answers["ChangeConfiguration"] = b'{"status":"RebootRequired"}'
        for key in ("meterValueSampleInterval", "VendorKey"):
            self.assertEqual({"status": "RebootRequired"}, self.change(world, key, "7"))
        self.assertEqual(
            ["meterValueSampleInterval", "VendorKey"],
            [json.loads(entry[3])["key"] for entry in world.devices.done],
        )
        self.assertEqual({"status": "Accepted"}, self.change(world, "HeartbeatInterval", "7"))
        self.assertEqual(2, len(world.devices.done))

    def test_guarded(self) -> None:
        """A key that would lead it elsewhere does not reach it."""
        world = self.world(connector(1, True))
        self.assertEqual({"status": "NotSupported"}, self.change(world, "BackendUrl", "ws://x"))
        self.assertEqual([], world.devices.done)

    def test_merged(self) -> None:
        """Both are told as one: ours, and those of the Charge Point that are not ours."""
        world = self.world(connector(1, True))
        theirs = [
            {"key": "MeterValueSampleInterval", "readonly": False, "value": "11"},
            {"key": "HeartbeatInterval", "readonly": False, "value": "5"},
            {"key": "VendorKey", "readonly": True, "value": "v"},
            {"key": "AuthorizationKey", "readonly": False, "value": "secret"},
            {"key": "WifiPassword", "readonly": False, "value": "secret"},
        ]
        answer = json.dumps({"configurationKey": theirs, "unknownKey": []}).encode()
        world.devices.answers["GetConfiguration"] = answer
        known, unknown = self.read(world)
        self.assertEqual([], unknown)
        self.assertEqual(
            ("11", "300", "v"),
            (
                known["MeterValueSampleInterval"],
                known["HeartbeatInterval"],
                known["VendorKey"],
            ),
        )
        self.assertNotIn("WifiPassword", known)
        self.assertNotIn("secret", json.dumps(known))

    def test_secretsStay(self) -> None:
        """Who may set the secrets of a Charge Point is not told them all the same."""
        allowed = frozenset({"ChangeConfiguration"})
        world = self.world(connector(1, True), allowed=allowed)
        theirs = [
            {"key": "WifiPassword", "readonly": False, "value": "secret"},
            {"key": "BackendUrl", "readonly": False, "value": "ws://x"},
        ]
        answer = json.dumps({"configurationKey": theirs}).encode()
        world.devices.answers["GetConfiguration"] = answer
        known, unknown = self.read(world, "WifiPassword", "BackendUrl")
        self.assertEqual(({"BackendUrl": "ws://x"}, ["WifiPassword"]), (known, unknown))
        self.assertNotIn("WifiPassword", self.read(world)[0])

    def test_mergedByName(self) -> None:
        """Of those that are named each is asked where it is; what nobody has is unknown."""
        world = self.world(connector(1, True))
        answer = {
            "configurationKey": [{"key": "VendorKey", "readonly": True, "value": "v"}],
            "unknownKey": ["Other"],
        }
        world.devices.answers["GetConfiguration"] = json.dumps(answer).encode()
        known, unknown = self.read(world, "HeartbeatInterval", "VendorKey", "Other")
        self.assertEqual({"HeartbeatInterval": "300", "VendorKey": "v"}, known)
        self.assertEqual(["Other"], unknown)
        self.assertEqual({"key": ["VendorKey", "Other"]}, json.loads(world.devices.done[0][3]))

    def test_oursAlone(self) -> None:
        """For keys of ours alone nobody else is asked."""
        world = self.world(connector(1, True))
        self.read(world, "HeartbeatInterval")
        self.assertEqual([], world.devices.done)

    def test_silent(self) -> None:
        """A Charge Point that does not answer takes nothing from what is required."""
        world = self.world(connector(1, True))
        for answer in (
            DeviceRefusal("no", CallErrorCode.NOT_SUPPORTED),
            b'{"configurationKey":7}',
        ):
            world.devices.answers["GetConfiguration"] = answer
            known, _ = self.read(world)
            self.assertEqual("60", known["MeterValueSampleInterval"])


class Lists(Case):
    """The cache and the list."""

    def test_list(self) -> None:
        """A list is sent, and its number read back."""
        world = self.world()
        self.assertEqual({"listVersion": 0}, world.ask("GetLocalListVersion"))
        payload = {
            "listVersion": 3,
            "updateType": "Full",
            "localAuthorizationList": [{"idTag": "card", "idTagInfo": {"status": "Accepted"}}],
        }
        self.assertEqual({"status": "Accepted"}, world.ask("SendLocalList", payload))
        self.assertEqual({"listVersion": 3}, world.ask("GetLocalListVersion"))
        world.ask("ChangeConfiguration", {"key": "LocalAuthListEnabled", "value": "false"})
        self.assertEqual({"listVersion": -1}, world.ask("GetLocalListVersion"))
        self.assertEqual({"status": "NotSupported"}, world.ask("SendLocalList", payload))

    def test_cache(self) -> None:
        """The cache is cleared, that of a Charge Point too; what that says does not matter."""
        self.assertEqual({"status": "Accepted"}, self.world().ask("ClearCache"))
        world = self.world(connector(1, True), connector(2, True))
        self.assertEqual({"status": "Accepted"}, world.ask("ClearCache"))
        self.assertEqual([("relay", 1, "ClearCache", "{}")], world.devices.done)


class Limits(Case):
    """Charging profiles end here, whatever the EVSE speaks."""

    def test_profile(self) -> None:
        """A profile is kept, limits the EVSE, and is told and cleared again."""
        for speaks in (True, False):
            world = self.world(connector(1, speaks))
            payload = {"connectorId": 1, "csChargingProfiles": _PROFILE}
            self.assertEqual({"status": "Accepted"}, world.ask("SetChargingProfile", payload))
            self.assertEqual({"evse 1": 9000}, world.limits())
            payload = {"connectorId": 1, "duration": 60}
            composite = world.ask("GetCompositeSchedule", payload)
            self.assertEqual(
                [{"startPeriod": 0, "limit": 9.0, "numberPhases": 3}],
                composite["chargingSchedule"]["chargingSchedulePeriod"],
            )
            self.assertEqual(
                {"status": "Accepted"}, world.ask("ClearChargingProfile", {"id": 3})
            )
            self.assertEqual({"evse 1": None}, world.limits())
            self.assertEqual([], world.devices.done)

    def test_noSuchConnector(self) -> None:
        """A connector that is not there is an error."""
        payload = {"connectorId": 2, "csChargingProfiles": _PROFILE}
        self.assertEqual(
            "PropertyConstraintViolation", self.world().ask("SetChargingProfile", payload)
        )

    def test_restart(self) -> None:
        """It holds after a restart, before the backend is there."""
        world = self.world()
        payload = {"connectorId": 1, "csChargingProfiles": _PROFILE}
        world.ask("SetChargingProfile", payload)
        again = world.restarted()
        self.addCleanup(again.gateway.close)
        self.assertEqual({"evse 1": 9000}, again.limits())


class Trigger(Case):
    """TriggerMessage. TC_054, TC_055."""

    def test_pending(self) -> None:
        """Before it is let in, the gateway sends what it is asked for."""
        world = World()
        self.addCleanup(world.gateway.close)
        world.answers["BootNotification"]["status"] = "Pending"
        world.serve()
        self.assertEqual("Accepted", self.trigger(world, "Heartbeat"))
        self.assertEqual(1, len(world.told("Heartbeat")))

    def trigger(self, world: World, message: str, number: int | None = None) -> Any:
        """What TriggerMessage is answered with."""
        payload: dict[str, Any] = {"requestedMessage": message}
        if number is not None:
            payload["connectorId"] = number
        return world.ask("TriggerMessage", payload)["status"]

    def test_made(self) -> None:
        """The message comes behind the answer."""
        world = self.world()
        world.happens(EvseMeasured("evse 1", energy_wh=1234))
        for message, action in (
            ("Heartbeat", "Heartbeat"),
            ("StatusNotification", "StatusNotification"),
            ("DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
            ("FirmwareStatusNotification", "FirmwareStatusNotification"),
            ("MeterValues", "MeterValues"),
        ):
            self.assertEqual("Accepted", self.trigger(world, message), message)
            self.assertTrue(world.answer_came_first)
            for _ in range(9):
                world.clock.advance(0)
            self.assertLessEqual(1, len(world.told(action)), message)

    def test_progressIsIdle(self) -> None:
        """Nothing of the kind is under way."""
        world = self.world()
        self.trigger(world, "FirmwareStatusNotification")
        self.assertEqual([{"status": "Idle"}], world.told("FirmwareStatusNotification"))

    def test_nothingMeasured(self) -> None:
        """Where nothing is known to tell it is rejected."""
        self.assertEqual("Rejected", self.trigger(self.world(), "MeterValues"))

    def test_readingsOfATransaction(self) -> None:
        """Readings of a transaction keep their place among its messages."""
        world = self.world()
        world.happens(EvseMeasured("evse 1", energy_wh=1234))
        world.begin(7, 70)
        world.happens(
            TransactionStarted("evse 1", Transaction(7, "a", Verdict.ACCEPTED, NOON, 1234))
        )
        for _ in range(9):
            world.clock.advance(0)
        self.assertEqual("Accepted", self.trigger(world, "MeterValues", 1))
        self.assertTrue(world.answer_came_first)
        (found,) = world.told("MeterValues")
        self.assertEqual(70, found["transactionId"])
        value = found["meterValue"][0]["sampledValue"][0]
        self.assertEqual(("1234", "Trigger"), (value["value"], value["context"]))

    def test_boot(self) -> None:
        """BootNotification only comes while it has not been accepted."""
        self.assertEqual("Rejected", self.trigger(self.world(), "BootNotification"))
        world = World()
        self.addCleanup(world.gateway.close)
        world.answers["BootNotification"]["status"] = "Pending"
        world.serve()
        self.assertEqual("Accepted", self.trigger(world, "BootNotification"))
        self.assertTrue(world.answer_came_first)
        self.assertEqual(1, len(world.told("BootNotification")))

    def test_noSuchConnector(self) -> None:
        """Connector N+1 is rejected."""
        for number in (2, -1):
            self.assertEqual(
                "Rejected", self.trigger(self.world(), "StatusNotification", number)
            )

    def test_notTooOften(self) -> None:
        """A flood of them is rejected, and passes."""
        world = self.world()
        found = [self.trigger(world, "FirmwareStatusNotification") for _ in range(25)]
        self.assertEqual(["Accepted"] * 20 + ["Rejected"] * 5, found)
        world.clock.advance(10)
        self.assertEqual("Accepted", self.trigger(world, "FirmwareStatusNotification"))

    def test_readingsOfAChargePoint(self) -> None:
        """A Charge Point is asked for the readings of our connectors."""
        world = self.world(connector(1, True), connector(2, True))
        world.devices.answers["TriggerMessage"] = _YES
        self.assertEqual("Accepted", self.trigger(world, "MeterValues", 2))
        self.assertEqual("Accepted", self.trigger(world, "MeterValues"))
        self.assertEqual(
            [6, 5, 6], [json.loads(entry[3])["connectorId"] for entry in world.devices.done]
        )

    def test_progressOfAChargePoint(self) -> None:
        """How far it is with its firmware a Charge Point knows itself."""
        world = self.world(connector(1, True))
        world.devices.answers["TriggerMessage"] = b'{"status":"NotImplemented"}'
        self.assertEqual("NotImplemented", self.trigger(world, "FirmwareStatusNotification"))
        self.assertNotIn("connectorId", json.loads(world.devices.done[0][3]))

    def test_statusFromHere(self) -> None:
        """How a Charge Point is need not be asked: it is known."""
        world = self.world(connector(1, True))
        self.assertEqual("Accepted", self.trigger(world, "StatusNotification", 1))
        self.assertEqual([], world.devices.done)
