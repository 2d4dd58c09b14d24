"""What a backend may ask, and how what an EVSE says is passed on: each row of the table."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.commands.catalogue import COMMANDS
from cfos_cm.charge_point.policy import (
    CONSENT_ACTIONS,
    MAKERS_ACTIONS,
    ROWS,
    Treatment,
    Upward,
    makers_charge_point,
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
    "CertificateSigned": ("here", "here", "Rejected"),
    "ChangeAvailability": ("forward", "here", "Rejected"),
    "ChangeConfiguration": ("here", "here", "Rejected"),
    "ClearCache": ("here", "here", "Rejected"),
    "ClearChargingProfile": ("here", "here", "Unknown"),
    "DataTransfer": ("forward", "here", "Rejected"),
    "DeleteCertificate": ("here", "here", "Failed"),
    "ExtendedTriggerMessage": ("here", "here", "Rejected"),
    "GetCompositeSchedule": ("here", "here", "Rejected"),
    "GetConfiguration": ("here", "here", CallErrorCode.SECURITY_ERROR),
    "GetDiagnostics": ("refuse", "refuse", None),
    "GetInstalledCertificateIds": ("here", "here", "NotFound"),
    "GetLocalListVersion": ("here", "here", CallErrorCode.SECURITY_ERROR),
    "GetLog": ("refuse", "refuse", CallErrorCode.NOT_SUPPORTED),
    "InstallCertificate": ("here", "here", "Rejected"),
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
    "ExtendedTriggerMessage",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "TriggerMessage",
}

#: About the connection of the backend itself.
_OWN = {"CertificateSigned", "DeleteCertificate", "InstallCertificate"}

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
        """What needs consent is forwarded with it; where no OCPP is spoken logs are ours."""
        for action in CONSENT_ACTIONS:
            allowed = settings(allowed=frozenset({action}))
            self.assertIs(Treatment.FORWARD, treatment(allowed, action, True), action)
            answered_here = action in ("GetDiagnostics", "GetLog")
            other = Treatment.HERE if answered_here else treatment(settings(), action, False)
            self.assertIs(other, treatment(allowed, action, False), action)

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
        """Who is only told commands nothing but his own connection, and may read."""
        told = settings(role=GatewayRole.REPORT, allowed=frozenset(_DOWN | {"Vendor"}))
        for speaks in (True, False):
            answered = {
                action
                for action in (*_DOWN, "Vendor")
                if treatment(told, action, speaks) is not Treatment.REFUSE
            }
            self.assertEqual(_READING | _OWN, answered)

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


class MakersRoots(SynchronousTestCase):
    """Who is asked about the roots of a Charge Point's maker."""

    def test_table(self) -> None:
        """The Charge Point, if it is all there is and the owner allows that to who decides."""
        action, box, plain = "InstallCertificate", connector(1, True), connector(1)
        allowed = frozenset({action})
        self.assertEqual(box, makers_charge_point(settings(box, allowed=allowed), action))
        for other in (
            settings(box),
            settings(plain, allowed=allowed),
            settings(box, connector(2), allowed=allowed),
            settings(box, allowed=frozenset({"DeleteCertificate"})),
            settings(box, allowed=allowed, role=GatewayRole.REPORT),
        ):
            self.assertIsNone(makers_charge_point(other, action), other)

    def test_actions(self) -> None:
        """They are answered here otherwise, and need no consent."""
        for action in MAKERS_ACTIONS:
            self.assertIs(Treatment.HERE, treatment(settings(), action, True), action)
        self.assertFalse(MAKERS_ACTIONS & CONSENT_ACTIONS)


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
