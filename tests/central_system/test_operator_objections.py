"""The rules that requests pass before they are sent: each of them, with what it says."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.commands.objections import RULES, objection
from cfos_cm.central_system.commands.requests import SENDABLE, read_request
from cfos_cm.central_system.commands.situation import Situation
from cfos_cm.quirk import Quirk
from cfos_cm.v16.core import RegistrationStatus

from .payloads import PEM, REQUESTS, TX_PROFILE, changed
from .world import NOW

#: Transaction 7 runs at connector 1.
HERE = Situation(now=NOW, running={1: 7})
PENDING = evolve(HERE, registration=RegistrationStatus.PENDING)

#: The action; the place that is changed and what it is then, C{None}: left out; what is said.
_ROWS: tuple[tuple[str, str, object, str], ...] = (
    ("CancelReservation", "reservationId", 2**31, "reservationId is 2147483648; it must be"),
    ("CertificateSigned", "certificateChain", "MIIB", "certificateChain does not begin with"),
    ("ChangeAvailability", "connectorId", -1, "connectorId is -1; it must be 0 or more"),
    ("ChangeConfiguration", "key", " ", "key is empty"),
    ("ChangeConfiguration", "key", "A\nB", "key holds a character that cannot be printed"),
    ("ChangeConfiguration", "key", "authorizationkey ", "changed by change_password"),
    ("ClearChargingProfile", "connectorId", -1, "connectorId is -1"),
    ("ClearChargingProfile", "stackLevel", -1, "stackLevel is -1"),
    ("DataTransfer", "vendorId", "", "vendorId is empty"),
    ("DeleteCertificate", "certificateHashData.serialNumber", "0x1", "serialNumber is '0x1'"),
    ("DeleteCertificate", "certificateHashData.issuerKeyHash", "", "issuerKeyHash is ''"),
    ("DeleteCertificate", "certificateHashData.issuerNameHash", "g", "must be hexadecimal"),
    ("ExtendedTriggerMessage", "requestedMessage", "BootNotification", "accepted already"),
    ("ExtendedTriggerMessage", "connectorId", 0, "connectorId is 0; it must be 1 or more"),
    ("GetCompositeSchedule", "duration", 0, "duration is 0; it must be 1 to"),
    ("GetCompositeSchedule", "connectorId", -1, "connectorId is -1"),
    ("GetConfiguration", "key.0", "", "key[0] is empty"),
    ("GetDiagnostics", "location", "gopher://files.example/", "location begins with 'gopher'"),
    ("GetDiagnostics", "location", "files.example/up", "location begins with no scheme"),
    ("GetDiagnostics", "location", "ftp://", "location names no host"),
    ("GetDiagnostics", "location", "ftp://[::1/", "location is no URL"),
    ("GetDiagnostics", "location", "ftp://a:99999/", "location is no URL"),
    ("GetDiagnostics", "location", "ftp://a/b c", "location holds a blank"),
    ("GetDiagnostics", "location", "ftp://a/\x7f", "location holds a blank, a control"),
    ("GetDiagnostics", "location", "ftp://a/" + "b" * 505, "location has 513 characters"),
    ("GetDiagnostics", "location", "", "location has 0 characters"),
    ("GetDiagnostics", "retries", -1, "retries is -1"),
    ("GetDiagnostics", "retryInterval", -1, "retryInterval is -1"),
    ("GetDiagnostics", "startTime", "yesterday", "startTime: timestamp 'yesterday'"),
    ("GetDiagnostics", "stopTime", "2026-01-01T00:00:00Z", "stopTime is before startTime"),
    ("GetLog", "requestId", 0, "requestId is 0"),
    ("GetLog", "log.remoteLocation", "file:///etc/passwd", "remoteLocation begins with 'file'"),
    ("GetLog", "log.latestTimestamp", "now", "latestTimestamp: timestamp 'now'"),
    ("GetLog", "retries", -1, "retries is -1"),
    ("InstallCertificate", "certificate", "", "certificate does not begin with"),
    ("RemoteStartTransaction", "connectorId", 0, "connectorId is 0; it must be 1 or more, it"),
    ("RemoteStartTransaction", "idTag", "", "idTag is empty"),
    ("RemoteStartTransaction", "idTag", "a\7", "idTag holds a character that cannot be"),
    ("RemoteStartTransaction", "chargingProfile.transactionId", 7, "transactionId is there"),
    (
        "RemoteStartTransaction",
        "chargingProfile.chargingProfilePurpose",
        "TxDefaultProfile",
        "chargingProfilePurpose is TxDefaultProfile; it must be TxProfile",
    ),
    (
        "RemoteStartTransaction",
        "chargingProfile.chargingSchedule.chargingSchedulePeriod.0.startPeriod",
        5,
        "startPeriod of the first period is 5; it must be 0",
    ),
    ("ReserveNow", "connectorId", -1, "connectorId is -1"),
    ("ReserveNow", "expiryDate", "2026-03-01T12:00:00Z", "it must be in the future"),
    ("ReserveNow", "expiryDate", "soon", "expiryDate: timestamp 'soon'"),
    ("ReserveNow", "idTag", "", "idTag is empty"),
    ("ReserveNow", "reservationId", 0, "reservationId is 0; it must be 1 to 2147483647"),
    ("SendLocalList", "listVersion", 0, "listVersion is 0; it must be 1 to 2147483647"),
    ("SendLocalList", "localAuthorizationList.0.idTag", "", "idTag of localAuthorizationList"),
    ("SendLocalList", "localAuthorizationList.0.idTagInfo", None, "a Full update needs it"),
    (
        "SendLocalList",
        "localAuthorizationList.0.idTagInfo.expiryDate",
        "never",
        "expiryDate of localAuthorizationList[0]: timestamp 'never'",
    ),
    (
        "SendLocalList",
        "localAuthorizationList",
        [
            {"idTag": "04AABB", "idTagInfo": {"status": "Accepted"}},
            {"idTag": "04aabb", "idTagInfo": {"status": "Blocked"}},
        ],
        "idTag of localAuthorizationList[1] stands in the list twice",
    ),
    ("SetChargingProfile", "connectorId", -1, "connectorId is -1"),
    ("SetChargingProfile", "connectorId", 0, "a TxProfile is for a connector from 1 on"),
    ("SetChargingProfile", "connectorId", 2, "no transaction runs at connector 2"),
    ("SignedUpdateFirmware", "requestId", -1, "requestId is -1"),
    ("SignedUpdateFirmware", "firmware.location", "tftp://a/b", "location begins with 'tftp'"),
    ("SignedUpdateFirmware", "firmware.retrieveDateTime", "", "retrieveDateTime: timestamp"),
    ("SignedUpdateFirmware", "firmware.installDateTime", "x", "installDateTime: timestamp"),
    ("SignedUpdateFirmware", "firmware.signingCertificate", "x", "signingCertificate does not"),
    ("SignedUpdateFirmware", "firmware.signature", "", "signature is empty"),
    ("SignedUpdateFirmware", "retryInterval", -1, "retryInterval is -1"),
    ("TriggerMessage", "requestedMessage", "BootNotification", "accepted already"),
    ("TriggerMessage", "connectorId", 0, "connectorId is 0"),
    ("UnlockConnector", "connectorId", 0, "connectorId is 0; it must be 1 or more"),
    ("UpdateFirmware", "location", "x", "location begins with no scheme"),
    ("UpdateFirmware", "retrieveDate", "x", "retrieveDate: timestamp 'x'"),
    ("UpdateFirmware", "retries", -5, "retries is -5"),
)

#: The same for the profile of a SetChargingProfile at connector 1.
_PROFILE_ROWS: tuple[tuple[str, object, str], ...] = (
    ("chargingProfilePurpose", "ChargePointMaxProfile", "is for connector 0"),
    ("chargingProfilePurpose", "TxDefaultProfile", "only a TxProfile has one"),
    ("transactionId", 8, "transactionId is 8; 7 runs at connector 1"),
    ("transactionId", None, "transactionId is missing; 7 runs at connector 1"),
    ("stackLevel", -1, "stackLevel is -1"),
    ("chargingProfileKind", "Recurring", "recurrencyKind is missing"),
    ("chargingProfileKind", "Recurring", "startSchedule is missing"),
    ("recurrencyKind", "Daily", "only a Recurring profile has one"),
    ("validFrom", "x", "validFrom: timestamp 'x'"),
    ("validTo", "x", "validTo: timestamp 'x'"),
    ("chargingSchedule.duration", 0, "duration is 0 s"),
    ("chargingSchedule.startSchedule", "2026-03-01T12:00:00Z", "a Relative profile starts"),
    ("chargingSchedule.startSchedule", "x", "startSchedule: timestamp 'x'"),
    ("chargingSchedule.minChargingRate", -1, "minChargingRate is -1"),
    ("chargingSchedule.chargingSchedulePeriod", [], "has 0 entries; it must have 1 to 1440"),
    ("chargingSchedule.chargingSchedulePeriod.0.startPeriod", -1, "first period is -1"),
    ("chargingSchedule.chargingSchedulePeriod.1.startPeriod", 0, "it must be after 0"),
    ("chargingSchedule.chargingSchedulePeriod.1.limit", -0.1, "[1] is -0.1; it must be 0"),
    ("chargingSchedule.chargingSchedulePeriod.0.limit", 6.25, "one decimal at most"),
    ("chargingSchedule.chargingSchedulePeriod.0.numberPhases", 4, "it must be 1 to 3"),
    ("chargingSchedule.chargingSchedulePeriod.0.numberPhases", 0, "it must be 1 to 3"),
)


class Objections(SynchronousTestCase):
    """L{objection}."""

    def said(
        self, action: str, payload: dict[str, Any], situation: Situation = HERE
    ) -> str | None:
        """What the rules say about a request."""
        return objection(read_request(action, payload), situation)

    def assertSaid(self, words: str, said: str | None) -> None:
        """Something is said, and these words are in it."""
        self.assertIn(words, said or "")

    def test_everyActionHasRules(self) -> None:
        """Whatever a Central System can send is looked at."""
        self.assertEqual(set(RULES), {action.request for action in SENDABLE.values()})
        self.assertEqual(set(REQUESTS), set(SENDABLE))

    def test_goodRequests(self) -> None:
        """Nothing speaks against a request that is as it should be."""
        for action, payload in REQUESTS.items():
            self.assertIsNone(self.said(action, payload), action)

    def test_eachRule(self) -> None:
        """What breaks a rule is told, with what was found."""
        for action, path, found, words in _ROWS:
            self.assertSaid(words, self.said(action, changed(REQUESTS[action], path, found)))

    def test_eachRuleOfProfiles(self) -> None:
        """A charging profile that breaks a rule of Smart Charging is told too."""
        for path, found, words in _PROFILE_ROWS:
            profile = changed(TX_PROFILE, path, found)
            payload = {"connectorId": 1, "csChargingProfiles": profile}
            self.assertSaid(words, self.said("SetChargingProfile", payload))

    def test_everyMistakeIsTold(self) -> None:
        """A request with two mistakes is told both."""
        payload = {**REQUESTS["ReserveNow"], "connectorId": -1, "idTag": ""}
        self.assertEqual(
            self.said("ReserveNow", payload),
            "connectorId is -1; it must be 0 or more; idTag is empty",
        )

    def test_notEndless(self) -> None:
        """Of a thousand mistakes the first few are told."""
        entries = [{"idTag": ""}] * 1000
        payload = changed(REQUESTS["SendLocalList"], "localAuthorizationList", entries)
        self.assertLess(len(self.said("SendLocalList", payload) or ""), 500)

    def test_rejected(self) -> None:
        """Nothing is sent to a Charge Point that was rejected."""
        rejected = evolve(HERE, registration=RegistrationStatus.REJECTED)
        for action, payload in REQUESTS.items():
            self.assertSaid("has been rejected", self.said(action, payload, rejected))

    def test_pending(self) -> None:
        """While it waits for approval it may be configured, but not told to start or stop."""
        refused = {
            action
            for action, payload in REQUESTS.items()
            if self.said(action, payload, PENDING) is not None
        }
        self.assertEqual(refused, {"RemoteStartTransaction", "RemoteStopTransaction"})
        self.assertSaid(
            "waits for approval",
            self.said("RemoteStopTransaction", {"transactionId": 7}, PENDING),
        )

    def test_bootWhilePending(self) -> None:
        """A Charge Point that waits may be asked for its BootNotification."""
        trigger = {"requestedMessage": "BootNotification"}
        self.assertIsNone(self.said("TriggerMessage", trigger, PENDING))

    def test_maxProfile(self) -> None:
        """A ChargePointMaxProfile is for connector 0, and needs no transaction."""
        profile = changed(TX_PROFILE, "chargingProfilePurpose", "ChargePointMaxProfile")
        del profile["transactionId"]
        payload = {"connectorId": 0, "csChargingProfiles": profile}
        self.assertIsNone(self.said("SetChargingProfile", payload))

    def test_recurring(self) -> None:
        """A Recurring profile with all that it needs passes."""
        profile = {
            **changed(TX_PROFILE, "chargingSchedule.startSchedule", "2026-03-01T00:00:00Z"),
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Daily",
        }
        payload = {"connectorId": 1, "csChargingProfiles": profile}
        self.assertIsNone(self.said("SetChargingProfile", payload))

    def test_validTo(self) -> None:
        """A profile that is over before it begins is refused."""
        profile = {
            **TX_PROFILE,
            "validFrom": "2026-03-01T13:00:00Z",
            "validTo": "2026-03-01T12:00:00Z",
        }
        payload = {"connectorId": 1, "csChargingProfiles": profile}
        self.assertSaid("validTo is before validFrom", self.said("SetChargingProfile", payload))

    def test_notAboveLoadManagement(self) -> None:
        """What load management could not replace is not set; what only lowers is."""
        managed = evolve(HERE, managed=True)
        above = {"connectorId": 1, "csChargingProfiles": {**TX_PROFILE, "stackLevel": 1}}
        self.assertSaid(
            "it must be 0 while load management is on",
            self.said("SetChargingProfile", above, managed),
        )
        self.assertIsNone(self.said("SetChargingProfile", above))
        to_start = REQUESTS["RemoteStartTransaction"]
        said = self.said("RemoteStartTransaction", to_start, managed)
        self.assertSaid("while load management is on, that gives the transaction", said)
        self.assertIsNone(self.said("RemoteStartTransaction", to_start))
        lowering = {
            **changed(TX_PROFILE, "transactionId"),
            "stackLevel": 3,
            "chargingProfilePurpose": "ChargePointMaxProfile",
        }
        payload = {"connectorId": 0, "csChargingProfiles": lowering}
        self.assertIsNone(self.said("SetChargingProfile", payload, managed))

    def test_announcedLimits(self) -> None:
        """What a Charge Point has said that it takes is not exceeded."""
        here = evolve(
            HERE,
            announced={
                "SendLocalListMaxLength": 1,
                "CertificateSignedMaxChainSize": 40,
                "ChargingScheduleMaxPeriods": 1,
            },
        )
        entries = [
            {"idTag": str(number), "idTagInfo": {"status": "Accepted"}} for number in (1, 2)
        ]
        too_long = changed(REQUESTS["SendLocalList"], "localAuthorizationList", entries)
        for action, payload, words in (
            ("SendLocalList", too_long, "has 2 entries; this Charge Point takes 1 at once"),
            ("CertificateSigned", {"certificateChain": PEM}, "takes 40"),
            ("SetChargingProfile", REQUESTS["SetChargingProfile"], "must have 1 to 1"),
        ):
            self.assertSaid(words, self.said(action, payload, here))
            self.assertIsNone(self.said(action, payload))

    def test_connector0NotReservable(self) -> None:
        """Who says that connector 0 cannot be reserved is not asked that."""
        here = evolve(HERE, announced={"ReserveConnectorZeroSupported": 0})
        whole = {**REQUESTS["ReserveNow"], "connectorId": 0}
        self.assertSaid("from 1 on", self.said("ReserveNow", whole, here))
        self.assertIsNone(self.said("ReserveNow", whole))
        self.assertIsNone(self.said("ReserveNow", {**whole, "connectorId": 1}, here))
        able = evolve(HERE, announced={"ReserveConnectorZeroSupported": 1})
        self.assertIsNone(self.said("ReserveNow", whole, able))

    def test_connector0NotBorne(self) -> None:
        """Who restarts when connector 0 is taken out of use is not asked that."""
        fragile = evolve(HERE, quirks=frozenset({Quirk.NO_CONNECTOR_0}))
        whole = REQUESTS["ChangeAvailability"]
        self.assertSaid("ask its connectors", self.said("ChangeAvailability", whole, fragile))
        one = {**whole, "connectorId": 1}
        self.assertIsNone(self.said("ChangeAvailability", one, fragile))

    def test_reservationOfAnother(self) -> None:
        """A reservation's id that another Charge Point has is not given twice."""
        here = evolve(HERE, reserved_elsewhere=frozenset({5}))
        self.assertSaid(
            "is that of another Charge Point",
            self.said("ReserveNow", REQUESTS["ReserveNow"], here),
        )

    def test_noSecrets(self) -> None:
        """What is said repeats no URL and no idTag."""
        location = "ftp//user:secret@files.example/"
        for action, path, found in (
            ("GetDiagnostics", "location", location),
            ("GetDiagnostics", "location", "ftp://user:secret@[x/"),
            ("RemoteStartTransaction", "idTag", "secret\n"),
        ):
            said = self.said(action, changed(REQUESTS[action], path, found))
            self.assertIsNotNone(said)
            self.assertNotIn("secret", said or "")
