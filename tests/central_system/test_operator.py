"""The operator's calls: any action goes out, and whatever comes of it reaches the caller."""

from __future__ import annotations

from cfos_cm.central_system.commands.announced import MAX_ANNOUNCERS, Announced
from cfos_cm.central_system.commands.checked_calls import MAX_REQUEST_BYTES
from cfos_cm.central_system.commands.pace import MANY_PAUSES, RESET_PAUSE_S, CallPace
from cfos_cm.errors import DeviceError, DeviceRefusal, LocalProtocolError
from cfos_cm.site.events import ProfilesMeddled
from cfos_cm.v16.core import (
    GetConfigurationConfirmation,
    KeyValue,
    ResetRequest,
    ResetType,
)

from .operators import OperatorCase, Refuse, Station
from .payloads import CONFIRMATIONS, REQUESTS, TX_PROFILE
from .world import BOOT, START


def _refuse(_payload: object) -> object:
    raise Refuse("NotSupported", "no such thing here")


class Calls(OperatorCase):
    """L{Operator.call}."""

    def run_transaction(self) -> int:
        """A transaction begins at connector 1."""
        started = self.station.ask("StartTransaction", START)
        transaction_id: int = started["transactionId"]
        return transaction_id

    def test_everyAction(self) -> None:
        """Each action that a Central System can send arrives, and is confirmed."""
        self.station.acts.update(CONFIRMATIONS)
        running = self.run_transaction()
        for action, payload in REQUESTS.items():
            if action == "SetChargingProfile":
                profile = {**TX_PROFILE, "transactionId": running}
                payload = {"connectorId": 1, "csChargingProfiles": profile}
            self.assertEqual(self.call(action, payload), CONFIRMATIONS[action])
            self.assertEqual(self.station.payloads(action), [payload])

    def test_refused(self) -> None:
        """A CALLERROR reaches the caller with its code and its words."""
        self.station.acts["ClearCache"] = _refuse
        said = self.call_error("ClearCache", {}, DeviceRefusal)
        self.assertIn("NotSupported", said)
        self.assertIn("no such thing here", said)

    def test_timeOut(self) -> None:
        """Who gets no answer is told so when the time is over."""
        calling = self.operator.call("CP-1", "ClearCache", {})
        self.world.clock.advance(self.settings.call_timeout_s - 1)
        self.assertNoResult(calling)
        self.world.clock.advance(1)
        error = self.failureResultOf(calling, DeviceError).value
        self.assertIn("was not answered within 30 s", str(error))

    def test_nonsense(self) -> None:
        """An answer that is no confirmation is an error."""
        self.station.acts["ClearCache"] = {"status": "Perhaps"}
        self.assertIn("nonsense", self.call_error("ClearCache", {}, DeviceError))

    def test_lost(self) -> None:
        """Who waits for an answer when the connection is lost is told so."""
        calling = self.operator.call("CP-1", "ClearCache", {})
        self.station.lose()
        self.failureResultOf(calling, DeviceError)

    def test_notConnected(self) -> None:
        """A Charge Point that is not connected cannot be asked anything."""
        calling = self.operator.call("CP-9", "ClearCache", {})
        error = self.failureResultOf(calling, DeviceError).value
        self.assertEqual(str(error), "CP-9 is not connected")

    def test_noRequest(self) -> None:
        """What is no request is not sent."""
        said = self.call_error("Reset", {"type": "Warm"}, LocalProtocolError)
        self.assertIn("allowed are Hard, Soft", said)
        self.assertEqual(self.station.requests(), [])

    def test_objection(self) -> None:
        """What the rules refuse is not sent, and named with whom it was for."""
        said = self.call_error("UnlockConnector", {"connectorId": 0}, LocalProtocolError)
        self.assertEqual(
            said, "UnlockConnector.req for CP-1: connectorId is 0; it must be 1 or more"
        )
        self.assertEqual(self.station.requests(), [])

    def test_objectionBeforeConnection(self) -> None:
        """A request that would be refused anyhow is told to be so, connected or not."""
        self.station.lose()
        self.call_error("UnlockConnector", {"connectorId": 0}, LocalProtocolError)

    def test_transactionOfThisChargePoint(self) -> None:
        """A TxProfile needs a transaction of this Charge Point, not of another one."""
        other = Station(self.world, "CP-2")
        running = other.ask("StartTransaction", START)["transactionId"]
        profile = {**TX_PROFILE, "transactionId": running}
        payload = {"connectorId": 1, "csChargingProfiles": profile}
        said = self.call_error("SetChargingProfile", payload, LocalProtocolError)
        self.assertIn("no transaction runs at connector 1", said)

    def test_pending(self) -> None:
        """A Charge Point that waits for approval is configured, but not told to start."""
        stranger = Station(self.world, "CP-9")
        self.assertEqual(stranger.ask("BootNotification", BOOT)["status"], "Pending")
        stranger.acts["GetConfiguration"] = {"configurationKey": []}
        asking = self.operator.call("CP-9", "GetConfiguration", {})
        self.assertEqual(self.successResultOf(asking), {"configurationKey": []})
        starting = self.operator.call("CP-9", "RemoteStartTransaction", {"idTag": "a"})
        error = self.failureResultOf(starting, LocalProtocolError).value
        self.assertIn("waits for approval", str(error))

    def test_tooLong(self) -> None:
        """A request that no Charge Point could take is not sent."""
        payload = {"vendorId": "v", "data": "d" * MAX_REQUEST_BYTES}
        said = self.call_error("DataTransfer", payload, LocalProtocolError)
        self.assertIn(f"at most {MAX_REQUEST_BYTES}", said)

    def test_passwordNotTold(self) -> None:
        """A Charge Point that tells its password is not repeated."""
        self.station.acts["GetConfiguration"] = {
            "configurationKey": [
                {"key": "authorizationKey", "readonly": False, "value": "secret"}
            ]
        }
        self.assertEqual(
            self.call("GetConfiguration", {}),
            {"configurationKey": [{"key": "authorizationKey", "readonly": False}]},
        )

    def test_passwordNotSet(self) -> None:
        """The password is not changed by the way, and not repeated."""
        payload = {"key": "AuthorizationKey", "value": "00" * 16}
        said = self.call_error("ChangeConfiguration", payload, LocalProtocolError)
        self.assertIn("change_password", said)
        self.assertNotIn("00" * 16, said)


class Meddling(OperatorCase):
    """Load management learns when somebody else may have changed what is obeyed."""

    def meddled(self) -> list[str]:
        """The EVSEs whose profiles somebody has changed, as load management was told."""
        return [event.evse for event in self.world.happened(ProfilesMeddled)]

    def set_default(self, connector: int) -> None:
        """Set a default profile."""
        profile = {name: one for name, one in TX_PROFILE.items() if name != "transactionId"} | {
            "chargingProfilePurpose": "TxDefaultProfile"
        }
        payload = {"connectorId": connector, "csChargingProfiles": profile}
        self.operator.call("CP-1", "SetChargingProfile", payload).addErrback(
            lambda failure: failure.trap(DeviceError)
        )

    def test_profileSet(self) -> None:
        """A profile that was accepted is told with its connector."""
        self.station.acts["SetChargingProfile"] = {"status": "Accepted"}
        self.set_default(2)
        self.assertEqual(self.meddled(), ["bay-2"])

    def test_profileOfAll(self) -> None:
        """A profile of connector 0 is about all of them."""
        self.station.acts["SetChargingProfile"] = {"status": "Accepted"}
        self.set_default(0)
        self.assertEqual(self.meddled(), ["bay-1", "bay-2"])

    def test_atOnce(self) -> None:
        """It is told before there is an answer, whatever that is: nobody knows till then."""
        for answer in ({"status": "Rejected"}, _refuse, None):
            self.setUp()
            if answer is not None:
                self.station.acts["SetChargingProfile"] = answer
            self.set_default(2)
            self.assertEqual(self.meddled(), ["bay-2"])
            self.world.clock.advance(self.settings.call_timeout_s)
            self.assertEqual(self.meddled(), ["bay-2"])

    def test_cleared(self) -> None:
        """Profiles that were cleared may have been those of load management."""
        self.station.acts["ClearChargingProfile"] = {"status": "Accepted"}
        self.call("ClearChargingProfile", {})
        self.call("ClearChargingProfile", {"connectorId": 1})
        self.assertEqual(self.meddled(), ["bay-1", "bay-2", "bay-1"])

    def test_reset(self) -> None:
        """A Charge Point that restarts may have forgotten its profiles."""
        self.station.acts["Reset"] = {"status": "Accepted"}
        self.call("Reset", {"type": "Hard"})
        self.assertEqual(self.meddled(), ["bay-1", "bay-2"])

    def test_others(self) -> None:
        """What has nothing to do with limits is not told."""
        self.station.acts["UnlockConnector"] = {"status": "Unlocked"}
        self.call("UnlockConnector", {"connectorId": 1})
        self.assertEqual(self.meddled(), [])


class Pausing(OperatorCase):
    """The same is not asked too often."""

    def setUp(self) -> None:
        """CP-1 does as it is told."""
        super().setUp()
        self.station.acts.update(CONFIRMATIONS)

    def test_triggers(self) -> None:
        """The same message is triggered at most each 5 s, others meanwhile."""
        status = {"requestedMessage": "StatusNotification"}
        self.call("TriggerMessage", status)
        said = self.call_error("TriggerMessage", status, LocalProtocolError)
        self.assertIn("ask again in 5.0 s", said)
        self.call("TriggerMessage", {"requestedMessage": "Heartbeat"})
        self.world.clock.advance(4.9)
        self.call_error("TriggerMessage", status, LocalProtocolError)
        self.world.clock.advance(0.1)
        self.call("TriggerMessage", status)

    def test_bothTriggers(self) -> None:
        """The extended trigger of a message counts as the same one."""
        status = {"requestedMessage": "StatusNotification"}
        self.call("TriggerMessage", status)
        self.call_error("ExtendedTriggerMessage", status, LocalProtocolError)

    def test_resets(self) -> None:
        """A Charge Point is restarted at most once a minute, whichever way."""
        self.call("Reset", {"type": "Soft"})
        self.world.clock.advance(59)
        said = self.call_error("Reset", {"type": "Hard"}, LocalProtocolError)
        self.assertIn("ask again in 1.0 s", said)
        self.world.clock.advance(1)
        self.call("Reset", {"type": "Hard"})

    def test_hurry(self) -> None:
        """Who is in a hurry restarts it again at once."""
        self.call("Reset", {"type": "Soft"})
        self.call("Reset", {"type": "Hard"}, hurry=True)
        self.assertEqual(len(self.station.payloads("Reset")), 2)

    def test_otherChargePoints(self) -> None:
        """Each Charge Point has pauses of its own."""
        other = Station(self.world, "CP-2")
        other.acts["Reset"] = {"status": "Accepted"}
        self.call("Reset", {"type": "Soft"})
        resetting = self.operator.call("CP-2", "Reset", {"type": "Soft"})
        self.successResultOf(resetting)

    def test_bounded(self) -> None:
        """Pauses that are over take no memory for ever."""
        pace = CallPace(self.world.clock)
        request = ResetRequest(type=ResetType.SOFT)
        for number in range(3 * MANY_PAUSES):
            pace.asked(f"CP-{number}", request)
            self.world.clock.advance(RESET_PAUSE_S)
        self.assertLessEqual(len(pace), MANY_PAUSES)

    def test_notSent(self) -> None:
        """What was not sent is not waited for."""
        self.station.lose()
        self.call_error("Reset", {"type": "Soft"}, DeviceError)
        self.station = Station(self.world)
        self.station.acts["Reset"] = {"status": "Accepted"}
        self.call("Reset", {"type": "Soft"})


class Announcements(OperatorCase):
    """The limits that Charge Points tell."""

    def test_numbers(self) -> None:
        """A number is understood with quotes and blanks, and a key in lower case."""
        announced = Announced()
        for text, limits in (
            ("20", {"SendLocalListMaxLength": 20}),
            (' "30" ', {"SendLocalListMaxLength": 30}),
            ("10.0", {"SendLocalListMaxLength": 10}),
            ("many", {"SendLocalListMaxLength": 10}),
            ("0", {"SendLocalListMaxLength": 10}),
            ("-1", {"SendLocalListMaxLength": 10}),
        ):
            told = KeyValue(key="sendlocallistmaxlength", readonly=True, value=text)
            announced.note("CP-1", GetConfigurationConfirmation(configuration_key=(told,)))
            self.assertEqual(announced.by("CP-1"), limits)

    def test_bounded(self) -> None:
        """Whoever connects with ever new names fills no memory."""
        announced = Announced()
        told = KeyValue(key="NumberOfConnectors", readonly=True, value="2")
        for number in range(MAX_ANNOUNCERS + 1):
            announced.note(
                f"CP-{number}", GetConfigurationConfirmation(configuration_key=(told,))
            )
        self.assertEqual(announced.by("CP-0"), {})
        self.assertEqual(announced.by("CP-1"), {"NumberOfConnectors": 2})

    def test_keptTo(self) -> None:
        """What a Charge Point has told once holds for what it is sent later."""
        told = {"key": "SendLocalListMaxLength", "readonly": True, "value": "1"}
        self.station.acts["GetConfiguration"] = {"configurationKey": [told]}
        self.call("GetConfiguration", {})
        entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in "ab"]
        payload = {
            "listVersion": 1,
            "updateType": "Full",
            "localAuthorizationList": entries,
        }
        said = self.call_error("SendLocalList", payload, LocalProtocolError)
        self.assertIn("takes 1 at once", said)
