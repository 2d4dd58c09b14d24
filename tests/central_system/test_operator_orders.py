"""The orders that are one message each: what goes out, and what comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.logger import LogEvent, globalLogPublisher

from cfos_cm.central_system.commands.upkeep_orders import LogUpload, SignedUpdate
from cfos_cm.errors import LocalProtocolError
from cfos_cm.v16.core import (
    ClearCacheStatus,
    DataTransferConfirmation,
    DataTransferStatus,
    RemoteStartStopStatus,
    ResetStatus,
    UnlockStatus,
)
from cfos_cm.v16.remote_trigger import MessageTrigger, TriggerMessageStatus
from cfos_cm.v16.security import (
    CertificateSignedStatus,
    CertificateUse,
    DeleteCertificateStatus,
    ExtendedMessageTrigger,
    Firmware,
    InstallCertificateStatus,
    Log,
    LogStatus,
    UpdateFirmwareStatus,
)
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfileStatus,
    GetCompositeScheduleStatus,
)
from cfos_cm.v16.types import (
    CertificateHashData,
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    HashAlgorithm,
)

from .operators import OperatorCase
from .payloads import CONFIRMATIONS, PEM
from .world import NOW, START

URL = "ftp://user:secret@files.example/up/"
SOON = NOW + timedelta(minutes=10)
SOON_TEXT = "2026-03-01T12:10:00.000Z"

PROFILE = ChargingProfile(
    charging_profile_id=1,
    stack_level=0,
    charging_profile_purpose=ChargingProfilePurpose.TX_PROFILE,
    charging_profile_kind=ChargingProfileKind.RELATIVE,
    charging_schedule=ChargingSchedule(
        charging_rate_unit=ChargingRateUnit.A,
        charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=6.0),),
    ),
)
PROFILE_JSON = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
    },
}
NAMED = CertificateHashData(
    hash_algorithm=HashAlgorithm.SHA256,
    issuer_name_hash="ab12",
    issuer_key_hash="cd34",
    serial_number="01",
)


class OrdersCase(OperatorCase):
    """A Charge Point that does all that it is told."""

    def setUp(self) -> None:
        """CP-1 accepts everything."""
        super().setUp()
        self.station.acts.update(CONFIRMATIONS)

    def sent(self, action: str) -> Any:
        """The payload of the only request of an action."""
        (payload,) = self.station.payloads(action)
        return payload


class ChargingOrders(OrdersCase):
    """Orders about charging."""

    def start_transaction(self) -> int:
        """A transaction begins at connector 1."""
        started = self.station.ask("StartTransaction", START)
        transaction_id: int = started["transactionId"]
        return transaction_id

    def test_remoteStart(self) -> None:
        """A start goes out with its connector and its profile."""
        starting = self.operator.remote_start("CP-1", "04AABB", 1, PROFILE)
        self.assertIs(self.get(starting), RemoteStartStopStatus.ACCEPTED)
        self.assertEqual(
            self.sent("RemoteStartTransaction"),
            {"idTag": "04AABB", "connectorId": 1, "chargingProfile": PROFILE_JSON},
        )

    def test_remoteStartAnywhere(self) -> None:
        """Without a connector the Charge Point chooses."""
        self.get(self.operator.remote_start("CP-1", "04AABB"))
        self.assertEqual(self.sent("RemoteStartTransaction"), {"idTag": "04AABB"})

    def test_remoteStop(self) -> None:
        """A stop names the transaction, known to us or not."""
        self.station.acts["RemoteStopTransaction"] = {"status": "Rejected"}
        stopping = self.operator.remote_stop("CP-1", 77)
        self.assertIs(self.get(stopping), RemoteStartStopStatus.REJECTED)
        self.assertEqual(self.sent("RemoteStopTransaction"), {"transactionId": 77})

    def test_startAtEvse(self) -> None:
        """An EVSE is enough to know whom to ask, and for which connector."""
        self.get(self.operator.start("bay-2", "04AABB"))
        self.assertEqual(
            self.sent("RemoteStartTransaction"), {"idTag": "04AABB", "connectorId": 2}
        )

    def test_stopAtEvse(self) -> None:
        """What runs at an EVSE is stopped by its name."""
        running = self.start_transaction()
        self.get(self.operator.stop("bay-1"))
        self.assertEqual(self.sent("RemoteStopTransaction"), {"transactionId": running})

    def test_nothingToStop(self) -> None:
        """Where nothing runs, nothing is stopped."""
        said = self.error_of(self.operator.stop("bay-2"), LocalProtocolError)
        self.assertEqual(said, "no transaction runs at bay-2")

    def test_noSuchEvse(self) -> None:
        """An EVSE that is not configured cannot be ordered anything."""
        for ordering in (self.operator.start("bay-9", "a"), self.operator.stop("bay-9")):
            said = self.error_of(ordering, LocalProtocolError)
            self.assertEqual(said, "there is no EVSE 'bay-9' that speaks OCPP")

    def test_unlock(self) -> None:
        """A lock is opened by its connector."""
        self.assertIs(self.get(self.operator.unlock("CP-1", 2)), UnlockStatus.UNLOCKED)
        self.assertEqual(self.sent("UnlockConnector"), {"connectorId": 2})

    def test_clearCache(self) -> None:
        """The cache is cleared, or there is none."""
        self.assertIs(self.get(self.operator.clear_cache("CP-1")), ClearCacheStatus.ACCEPTED)
        self.assertEqual(self.sent("ClearCache"), {})

    def test_setChargingProfile(self) -> None:
        """A profile goes to its connector."""
        profile = ChargingProfile(
            charging_profile_id=3,
            stack_level=0,
            charging_profile_purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
            charging_profile_kind=ChargingProfileKind.RELATIVE,
            charging_schedule=PROFILE.charging_schedule,
        )
        setting = self.operator.set_charging_profile("CP-1", 2, profile)
        self.assertIs(self.get(setting), ChargingProfileStatus.ACCEPTED)
        sent = self.sent("SetChargingProfile")
        self.assertEqual(sent["connectorId"], 2)
        self.assertEqual(sent["csChargingProfiles"]["chargingProfileId"], 3)

    def test_clearChargingProfiles(self) -> None:
        """Profiles are cleared by id, by all else, or altogether."""
        purpose = ChargingProfilePurpose.TX_PROFILE
        for clearing, payload in (
            (self.operator.clear_charging_profiles("CP-1"), {}),
            (self.operator.clear_charging_profiles("CP-1", 5), {"id": 5}),
            (
                self.operator.clear_charging_profiles(
                    "CP-1", connector=1, purpose=purpose, stack_level=2
                ),
                {"connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 2},
            ),
        ):
            self.assertIs(self.get(clearing), ClearChargingProfileStatus.ACCEPTED)
            self.assertEqual(self.station.payloads("ClearChargingProfile")[-1], payload)

    def test_compositeSchedule(self) -> None:
        """What all limits come to is asked in the unit that is wanted."""
        asking = self.operator.composite_schedule("CP-1", 1, 600, ChargingRateUnit.W)
        told = self.get(asking)
        self.assertIs(told.status, GetCompositeScheduleStatus.ACCEPTED)
        assert told.charging_schedule is not None
        self.assertEqual(told.charging_schedule.charging_schedule_period[0].limit, 16.0)
        self.assertEqual(
            self.sent("GetCompositeSchedule"),
            {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"},
        )


class UpkeepOrders(OrdersCase):
    """Orders about the device."""

    def setUp(self) -> None:
        """The log is read along."""
        super().setUp()
        self.log: list[LogEvent] = []
        globalLogPublisher.addObserver(self.log.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.log.append)

    def assertNoSecrets(self) -> None:
        """No event of the log has the password of the URL in it."""
        told = [event for event in self.log if "location" in event]
        self.assertEqual([event["location"] for event in told], ["ftp://files.example/…"])
        self.assertNotIn("secret", repr(self.log))

    def test_reset(self) -> None:
        """A restart is soft, unless it shall be hard."""
        self.assertIs(self.get(self.operator.reset("CP-1")), ResetStatus.ACCEPTED)
        self.get(self.operator.reset("CP-1", hard=True, hurry=True))
        self.assertEqual(self.station.payloads("Reset"), [{"type": "Soft"}, {"type": "Hard"}])

    def test_trigger(self) -> None:
        """A message is asked for, of one connector or of all."""
        status = MessageTrigger.STATUS_NOTIFICATION
        self.station.acts["TriggerMessage"] = {"status": "NotImplemented"}
        triggering = self.operator.trigger("CP-1", status, 2)
        self.assertIs(self.get(triggering), TriggerMessageStatus.NOT_IMPLEMENTED)
        self.get(self.operator.trigger("CP-1", MessageTrigger.HEARTBEAT))
        self.assertEqual(
            self.station.payloads("TriggerMessage"),
            [
                {"requestedMessage": "StatusNotification", "connectorId": 2},
                {"requestedMessage": "Heartbeat"},
            ],
        )

    def test_triggerExtended(self) -> None:
        """So are the messages of the security extension."""
        message = ExtendedMessageTrigger.SIGN_CHARGE_POINT_CERTIFICATE
        triggering = self.operator.trigger_extended("CP-1", message)
        self.assertIs(self.get(triggering), TriggerMessageStatus.ACCEPTED)
        self.assertEqual(
            self.sent("ExtendedTriggerMessage"),
            {"requestedMessage": "SignChargePointCertificate"},
        )

    def test_sendData(self) -> None:
        """Data goes both ways."""
        answer = self.get(self.operator.send_data("CP-1", "com.example", "m", "{}"))
        self.assertEqual(
            answer, DataTransferConfirmation(status=DataTransferStatus.ACCEPTED, data="[]")
        )
        self.assertEqual(
            self.sent("DataTransfer"),
            {"vendorId": "com.example", "messageId": "m", "data": "{}"},
        )

    def test_updateFirmware(self) -> None:
        """Firmware is fetched where and when it is said, and the log tells no password."""
        self.get(self.operator.update_firmware("CP-1", URL, SOON, 3, 60))
        self.assertEqual(
            self.sent("UpdateFirmware"),
            {"location": URL, "retrieveDate": SOON_TEXT, "retries": 3, "retryInterval": 60},
        )
        self.assertNoSecrets()

    def test_updateSignedFirmware(self) -> None:
        """A signed update has an id, and the log tells no password."""
        firmware = Firmware(
            location=URL,
            retrieve_date_time=SOON_TEXT,
            signing_certificate=PEM,
            signature="c2ln",
        )
        update = self.get(self.operator.update_signed_firmware("CP-1", firmware, 3, 60))
        self.assertEqual(update, SignedUpdate(UpdateFirmwareStatus.ACCEPTED, 501))
        self.assertEqual(
            self.sent("SignedUpdateFirmware"),
            {
                "requestId": 501,
                "firmware": {
                    "location": URL,
                    "retrieveDateTime": SOON_TEXT,
                    "signingCertificate": PEM,
                    "signature": "c2ln",
                },
                "retries": 3,
                "retryInterval": 60,
            },
        )
        self.assertNoSecrets()

    def test_getDiagnostics(self) -> None:
        """Diagnostics are uploaded for a time, and the log tells no password."""
        getting = self.operator.get_diagnostics("CP-1", URL, NOW, SOON, 1, 5)
        self.assertEqual(self.get(getting), "diagnostics.zip")
        self.assertEqual(
            self.sent("GetDiagnostics"),
            {
                "location": URL,
                "retries": 1,
                "retryInterval": 5,
                "startTime": "2026-03-01T12:00:00.000Z",
                "stopTime": SOON_TEXT,
            },
        )
        self.assertNoSecrets()

    def test_noDiagnostics(self) -> None:
        """Maybe there is nothing to upload."""
        self.station.acts["GetDiagnostics"] = {}
        self.assertIsNone(self.get(self.operator.get_diagnostics("CP-1", URL)))

    def test_getLog(self) -> None:
        """A log is uploaded for a time, and the log of ours tells no password."""
        getting = self.operator.get_log("CP-1", Log.SECURITY_LOG, URL, NOW, SOON)
        self.assertEqual(self.get(getting), LogUpload(LogStatus.ACCEPTED, 501, "log.zip"))
        self.assertEqual(
            self.sent("GetLog"),
            {
                "logType": "SecurityLog",
                "requestId": 501,
                "log": {
                    "remoteLocation": URL,
                    "oldestTimestamp": "2026-03-01T12:00:00.000Z",
                    "latestTimestamp": SOON_TEXT,
                },
            },
        )
        self.assertNoSecrets()

    def test_installedCertificates(self) -> None:
        """Certificates are named by their hashes; maybe there are none."""
        use = CertificateUse.CENTRAL_SYSTEM_ROOT_CERTIFICATE
        asking = self.operator.installed_certificates("CP-1", use)
        self.assertEqual(self.get(asking), (NAMED,))
        self.station.acts["GetInstalledCertificateIds"] = {"status": "NotFound"}
        asking = self.operator.installed_certificates("CP-1", use)
        self.assertEqual(self.get(asking), ())

    def test_installCertificate(self) -> None:
        """A root certificate is installed for its use."""
        use = CertificateUse.MANUFACTURER_ROOT_CERTIFICATE
        installing = self.operator.install_certificate("CP-1", use, PEM)
        self.assertIs(self.get(installing), InstallCertificateStatus.ACCEPTED)
        self.assertEqual(
            self.sent("InstallCertificate"),
            {"certificateType": "ManufacturerRootCertificate", "certificate": PEM},
        )

    def test_deleteCertificate(self) -> None:
        """A certificate is deleted by the hashes that it was told with."""
        deleting = self.operator.delete_certificate("CP-1", NAMED)
        self.assertIs(self.get(deleting), DeleteCertificateStatus.ACCEPTED)
        self.assertEqual(
            self.sent("DeleteCertificate")["certificateHashData"],
            {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "ab12",
                "issuerKeyHash": "cd34",
                "serialNumber": "01",
            },
        )

    def test_sendCertificate(self) -> None:
        """The Charge Point's own certificate is delivered."""
        sending = self.operator.send_certificate("CP-1", PEM)
        self.assertIs(self.get(sending), CertificateSignedStatus.ACCEPTED)
        self.assertEqual(self.sent("CertificateSigned"), {"certificateChain": PEM})
