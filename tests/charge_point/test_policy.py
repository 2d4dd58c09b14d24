"""What a backend may ask, and how what an EVSE says is passed on: each row of the table."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.commands.catalogue import COMMANDS
from cfos_cm.charge_point.policy import (
    CONSENT_ACTIONS,
    ROWS,
    Treatment,
    Upward,
    refusal,
    sole_charge_point,
    treatment,
    upward,
)
from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.errors import CallErrorCode
from cfos_cm.v16.actions import ACTIONS, Role, action_of, encode
from tests.charge_point.backend_world import connector, settings

_DOWN = {name for name, one in ACTIONS.items() if Role.CENTRAL_SYSTEM in one.sent_by}
_UP = {name for name, one in ACTIONS.items() if Role.CHARGE_POINT in one.sent_by}

#: By action: of an EVSE that speaks OCPP, of another one, and how it is refused.
_EXPECTED = {
    "CancelReservation": ("forward", "here", "Rejected"),
    "CertificateSigned": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "ChangeAvailability": ("forward", "here", "Rejected"),
    "ChangeConfiguration": ("here", "here", "Rejected"),
    "ClearCache": ("here", "here", "Rejected"),
    "ClearChargingProfile": ("here", "here", "Unknown"),
    "DataTransfer": ("forward", "here", "Rejected"),
    "DeleteCertificate": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "ExtendedTriggerMessage": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "GetCompositeSchedule": ("here", "here", "Rejected"),
    "GetConfiguration": ("here", "here", CallErrorCode.SECURITY_ERROR),
    "GetDiagnostics": ("refuse", "here", None),
    "GetInstalledCertificateIds": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "GetLocalListVersion": ("here", "here", CallErrorCode.SECURITY_ERROR),
    "GetLog": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "InstallCertificate": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "RemoteStartTransaction": ("forward", "here", "Rejected"),
    "RemoteStopTransaction": ("forward", "here", "Rejected"),
    "ReserveNow": ("forward", "here", "Rejected"),
    "Reset": ("forward", "here", "Rejected"),
    "SendLocalList": ("here", "here", "NotSupported"),
    "SetChargingProfile": ("here", "here", "Rejected"),
    "SignedUpdateFirmware": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "TriggerMessage": ("here", "here", "Rejected"),
    "UnlockConnector": ("forward", "here", "NotSupported"),
    "UpdateFirmware": ("refuse", "here", CallErrorCode.SECURITY_ERROR),
}

_READING = {
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetLocalListVersion",
    "TriggerMessage",
}

_PASSED_ON = {
    "Authorize": Upward.ASK,
    "BootNotification": Upward.HERE,
    "DataTransfer": Upward.ASK,
    "DiagnosticsStatusNotification": Upward.TELL,
    "FirmwareStatusNotification": Upward.TELL,
    "Heartbeat": Upward.HERE,
    "LogStatusNotification": Upward.TELL,
    "MeterValues": Upward.QUEUE,
    "SecurityEventNotification": Upward.QUEUE,
    "SignCertificate": Upward.ASK,
    "SignedFirmwareStatusNotification": Upward.TELL,
    "StartTransaction": Upward.QUEUE,
    "StatusNotification": Upward.LAST,
    "StopTransaction": Upward.QUEUE,
}


class Down(SynchronousTestCase):
    """What a backend asks for."""

    def test_everyActionHasARow(self) -> None:
        """Each action that a Central System may send has a row and a command, and no other."""
        self.assertEqual(_DOWN, set(ROWS))
        self.assertEqual(_DOWN, set(COMMANDS))
        self.assertEqual(_DOWN, set(_EXPECTED))

    def test_everyRow(self) -> None:
        """Each action is treated as it should be, for both kinds of EVSEs."""
        for action, (spoken, other, _) in _EXPECTED.items():
            found = [treatment(settings(), action, speaks).value for speaks in (True, False)]
            self.assertEqual([spoken, other], found, action)

    def test_everyRefusal(self) -> None:
        """Each action is refused with its own confirmation, or with a CALLERROR."""
        for action, (_, _, expected) in _EXPECTED.items():
            found = refusal(action)
            if isinstance(found, CallErrorCode):
                self.assertEqual(expected, found, action)
            else:
                self.assertIsInstance(found, ACTIONS[action].confirmation)
                self.assertEqual(expected, getattr(found, "status", None), action)
                encode(found)

    def test_consent(self) -> None:
        """What needs consent is forwarded with it, and only to a Charge Point."""
        for action in CONSENT_ACTIONS:
            allowed = settings(allowed=frozenset({action}))
            self.assertIs(Treatment.FORWARD, treatment(allowed, action, True), action)
            self.assertIs(
                treatment(settings(), action, False), treatment(allowed, action, False), action
            )

    def test_consentOfOne(self) -> None:
        """Consent to one action is none to another."""
        allowed = settings(allowed=frozenset({"GetDiagnostics"}))
        self.assertIs(Treatment.REFUSE, treatment(allowed, "UpdateFirmware", True))

    def test_refusedByName(self) -> None:
        """What the owner refuses by name is refused, also where he allows it as well."""
        for action in _DOWN:
            both = settings(refused=frozenset({action}), allowed=frozenset({action}))
            for speaks in (True, False):
                self.assertIs(Treatment.REFUSE, treatment(both, action, speaks), action)

    def test_reporter(self) -> None:
        """Who is only told commands nothing, whatever he is allowed; he may read."""
        told = settings(role=GatewayRole.REPORT, allowed=frozenset(_DOWN | {"Vendor"}))
        for speaks in (True, False):
            answered = {
                action
                for action in (*_DOWN, "Vendor")
                if treatment(told, action, speaks) is not Treatment.REFUSE
            }
            self.assertEqual(_READING, answered)

    def test_unknown(self) -> None:
        """What OCPP does not know goes to a Charge Point, and to nobody else."""
        self.assertIs(Treatment.FORWARD, treatment(settings(), "Vendor", True))
        self.assertIs(Treatment.REFUSE, treatment(settings(), "Vendor", False))
        self.assertIs(CallErrorCode.NOT_IMPLEMENTED, refusal("Vendor"))

    def test_wrongWay(self) -> None:
        """What only a Charge Point may say is refused as such."""
        for action in _UP - _DOWN:
            self.assertIs(Treatment.REFUSE, treatment(settings(), action, True), action)
            self.assertIs(CallErrorCode.NOT_SUPPORTED, refusal(action), action)


class Up(SynchronousTestCase):
    """What an EVSE says."""

    def test_everyAction(self) -> None:
        """Each action is passed on as it should be, a vendor's own is asked."""
        self.assertEqual(_UP, set(_PASSED_ON))
        for action, expected in _PASSED_ON.items():
            self.assertIs(expected, upward(action), action)
        self.assertIs(Upward.ASK, upward("Vendor"))

    def test_actionsAreKnown(self) -> None:
        """The table is about what OCPP knows."""
        for action in _PASSED_ON:
            self.assertEqual(action, action_of(ACTIONS[action].request).name)


class SoleChargePoint(SynchronousTestCase):
    """Whether one Charge Point is all there is."""

    def test_table(self) -> None:
        """One box with any number of plugs is one; two boxes, or a device without OCPP, not."""
        first, second = connector(1, True), connector(2, True)
        self.assertEqual(first, sole_charge_point(settings(first, second)))
        other = connector(2, True, charge_point="another")
        self.assertIsNone(sole_charge_point(settings(first, other)))
        self.assertIsNone(sole_charge_point(settings(first, connector(2))))
        self.assertIsNone(sole_charge_point(settings(connector(1))))
