"""Every request that a Charge Point can make is answered as OCPP 1.6 says."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system import session
from cfos_cm.site.events import DeviceBooted, EvseConnected, OccupancyReported
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from cfos_cm.v16.actions import ACTIONS, Role
from tests.v16.schemas import MESSAGES, full_example, least_example

from .world import BOOT, START, CallFailed, World, stop_of

#: Where an example made from the schema is no example, because a text has a form.
_EXAMPLES: dict[str, dict[str, Any]] = {
    "StartTransaction": START,
    "StopTransaction": stop_of(1),
}

_FROM_CHARGE_POINTS = sorted(
    name for name, action in ACTIONS.items() if Role.CHARGE_POINT in action.sent_by
)
_ONLY_TO_CHARGE_POINTS = sorted(set(ACTIONS) - set(_FROM_CHARGE_POINTS))

#: What is answered by nothing but an empty object.
_ACKNOWLEDGED = (
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
    "StatusNotification",
)


class EveryRequest(SynchronousTestCase):
    """All actions."""

    def test_leastOfEach(self) -> None:
        """Each request with nothing but its required fields gets a valid confirmation."""
        for action in _FROM_CHARGE_POINTS:
            payload = _EXAMPLES.get(action) or least_example(MESSAGES[action].schema)
            World().connect().ask(action, payload)

    def test_allOfEach(self) -> None:
        """Each request with every field gets a valid confirmation."""
        for action in _FROM_CHARGE_POINTS:
            payload = full_example(MESSAGES[action].schema) | _EXAMPLES.get(action, {})
            World().connect().ask(action, payload)

    def test_acknowledged(self) -> None:
        """What is only reported is answered with an empty object."""
        for action in _ACKNOWLEDGED:
            payload = least_example(MESSAGES[action].schema)
            self.assertEqual(World().connect().ask(action, payload), {}, action)

    def test_wrongDirection(self) -> None:
        """What only a Central System may ask is not supported."""
        peer = World().connect()
        for action in _ONLY_TO_CHARGE_POINTS:
            error = self.assertRaises(CallFailed, peer.ask, action, {})
            self.assertEqual(error.code, "NotSupported", action)

    def test_unknownAction(self) -> None:
        """An action that nobody has specified is not implemented; case matters."""
        peer = World().connect()
        for action in ("FlyToTheMoon", "heartbeat", "HEARTBEAT", "Heartbeat "):
            error = self.assertRaises(CallFailed, peer.ask, action, {})
            self.assertEqual(error.code, "NotImplemented", action)

    def test_withoutARow(self) -> None:
        """An action of OCPP 1.6 that the table of handlers does not have is not supported."""
        self.patch(session, "HANDLERS", {})
        error = self.assertRaises(CallFailed, World().connect().ask, "Heartbeat")
        self.assertEqual(error.code, "NotSupported")

    def test_wrongPayload(self) -> None:
        """Each kind of mistake in a payload has its own code."""
        peer = World().connect()
        for payload, code in (
            ({"idTag": 1}, "TypeConstraintViolation"),
            ({}, "OccurenceConstraintViolation"),
            ({"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ):
            error = self.assertRaises(CallFailed, peer.ask, "Authorize", payload)
            self.assertEqual(error.code, code, payload)

    def test_nullPayload(self) -> None:
        """A payload that is null is read as an empty object."""
        peer = World().connect()
        peer._actions["1"] = "Heartbeat"
        peer.say([2, "1", "Heartbeat", None])
        self.assertEqual(
            peer.answer_to("1"), [3, "1", {"currentTime": "2026-03-01T12:00:00.000Z"}]
        )


class Boot(SynchronousTestCase):
    """BootNotification of a Charge Point that is configured."""

    def test_accepted(self) -> None:
        """It is told the time, in UTC, and how often to send a heartbeat."""
        world = World()
        world.clock.advance(61.5)
        self.assertEqual(
            world.connect().ask("BootNotification", BOOT),
            {"status": "Accepted", "currentTime": "2026-03-01T12:01:01.500Z", "interval": 300},
        )

    def test_reported(self) -> None:
        """Each EVSE of it is reported with what it is, and the register knows it too."""
        world = World()
        world.connect().ask(
            "BootNotification",
            {**BOOT, "chargeBoxSerialNumber": "old", "firmwareVersion": "1.2"},
        )
        device = DeviceIdentity("cFos", "Power Brain", "old", "1.2")
        self.assertEqual(
            world.happened(DeviceBooted),
            [DeviceBooted("bay-1", device), DeviceBooted("bay-2", device)],
        )
        self.assertEqual(world.register.devices, {"CP-1": device})

    def test_serialNumber(self) -> None:
        """The Charge Point's own serial number counts more than that of its box."""
        world = World()
        numbers = {"chargeBoxSerialNumber": "box", "chargePointSerialNumber": "point"}
        world.connect().ask("BootNotification", BOOT | numbers)
        self.assertEqual(world.happened(DeviceBooted)[0].identity.serial_number, "point")

    def test_withoutBoot(self) -> None:
        """After a mere loss of the connection nothing is asked for anew."""
        world = World()
        world.connect().lose()
        world.connect().ask("Heartbeat")
        self.assertEqual(len(world.happened(EvseConnected)), 4)


class Status(SynchronousTestCase):
    """StatusNotification."""

    def ask(self, status: str, connector: int = 1, error_code: str = "NoError") -> list[Any]:
        """What the site is told about a status of CP-1."""
        world = World()
        payload = {"connectorId": connector, "errorCode": error_code, "status": status}
        self.assertEqual(world.connect().ask("StatusNotification", payload), {})
        return world.happened(OccupancyReported)

    def test_occupancies(self) -> None:
        """Each status says what the car does."""
        expected = {
            "Available": Occupancy.FREE,
            "Preparing": Occupancy.PLUGGED,
            "Charging": Occupancy.CHARGING,
            "SuspendedEVSE": Occupancy.PLUGGED,
            "SuspendedEV": Occupancy.PLUGGED,
            "Finishing": Occupancy.PLUGGED,
            "Reserved": Occupancy.FREE,
            "Unavailable": Occupancy.UNAVAILABLE,
        }
        for status, occupancy in expected.items():
            self.assertEqual(self.ask(status), [OccupancyReported("bay-1", occupancy, status)])

    def test_fault(self) -> None:
        """A fault has its error code."""
        self.assertEqual(
            self.ask("Faulted", error_code="GroundFailure"),
            [OccupancyReported("bay-1", Occupancy.FAULTED, "Faulted", "GroundFailure")],
        )

    def test_warning(self) -> None:
        """An error code beside another status is no fault."""
        self.assertEqual(
            self.ask("Charging", error_code="WeakSignal"),
            [OccupancyReported("bay-1", Occupancy.CHARGING, "Charging")],
        )

    def test_otherConnectors(self) -> None:
        """The Charge Point as a whole, and connectors without an EVSE, report nothing."""
        for connector in (0, 3, 1000):
            self.assertEqual(self.ask("Available", connector), [])

    def test_impossibleConnectors(self) -> None:
        """Connectors that no Charge Point has are refused."""
        for connector in (-1, 1001, 2**31, 2**63 - 1, -(2**63)):
            error = self.assertRaises(CallFailed, self.ask, "Available", connector)
            self.assertEqual(error.code, "PropertyConstraintViolation")

    def test_beyondAllIntegers(self) -> None:
        """A connector that is no integer of 64 bits, or none at all, is refused."""
        for connector in (2**63, 1e30, 1.5, "1", True, None):
            error = self.assertRaises(CallFailed, self.ask, "Available", connector)
            self.assertIn("ConstraintViolation", error.code)


class Others(SynchronousTestCase):
    """What needs a word more than C{{}}."""

    def test_dataTransfer(self) -> None:
        """No vendor's messages are understood."""
        for payload in ({"vendorId": "x"}, {"vendorId": "x", "messageId": "y", "data": "z"}):
            answer = World().connect().ask("DataTransfer", payload)
            self.assertEqual(answer, {"status": "UnknownVendorId"})

    def test_signCertificate(self) -> None:
        """No certificates are signed here."""
        answer = World().connect().ask("SignCertificate", {"csr": "-----BEGIN"})
        self.assertEqual(answer, {"status": "Rejected"})

    def test_logsNoControlCharacters(self) -> None:
        """What a Charge Point calls its security event cannot forge a line of the log."""
        with capturedLogs() as logged:
            World().connect().ask(
                "SecurityEventNotification",
                {"type": "x\n2026 ERROR \x1b[2J", "timestamp": "2026-03-01T12:00:00Z"},
            )
        text = "".join(formatEvent(event) for event in logged)
        self.assertIn("security event", text)
        self.assertTrue(text.isprintable(), text)
