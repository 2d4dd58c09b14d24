"""Who is served, who waits, and who is refused."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.registration import registered, waiting
from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.site.events import DeviceBooted, EvseConnected
from cfos_cm.v16.actions import ACTIONS, Role
from tests.v16.schemas import MESSAGES, least_example

from .world import BOOT, SITE, START, CallFailed, World, stop_of

ACCEPT = evolve(SITE, unknown=UnknownChargePoints.ACCEPT)
ONLY_2 = evolve(SITE, charge_points={"CP-2": SITE.charge_points["CP-2"]})


class Machine(SynchronousTestCase):
    """The states of a registration."""

    def test_registered(self) -> None:
        """A Charge Point that is configured starts accepted, and can be admitted again."""
        registration = registered()
        self.assertTrue(registration.is_accepted())
        registration.admit()
        self.assertTrue(registration.is_accepted())

    def test_waiting(self) -> None:
        """Others wait, however often they are dismissed, until they are admitted."""
        registration = waiting()
        self.assertFalse(registration.is_accepted())
        registration.dismiss()
        self.assertFalse(registration.is_accepted())
        registration.admit()
        self.assertTrue(registration.is_accepted())
        registration.dismiss()
        self.assertFalse(registration.is_accepted())


class Waiting(SynchronousTestCase):
    """A Charge Point that nobody has configured, where the operator is asked."""

    def test_pending(self) -> None:
        """Its BootNotification is answered with Pending and a short interval."""
        world = World()
        self.assertEqual(
            world.connect("new").ask("BootNotification", BOOT),
            {"status": "Pending", "currentTime": "2026-03-01T12:00:00.000Z", "interval": 60},
        )
        self.assertEqual(world.happened(DeviceBooted), [])
        self.assertEqual(world.register.devices, {})

    def test_everythingElse(self) -> None:
        """It may say nothing else, and what it says is not acted upon."""
        world = World()
        peer = world.connect("new")
        examples = {"StartTransaction": START, "StopTransaction": stop_of(1)}
        for name, action in ACTIONS.items():
            if Role.CHARGE_POINT in action.sent_by and name != "BootNotification":
                payload = examples.get(name) or least_example(MESSAGES[name].schema)
                error = self.assertRaises(CallFailed, peer.ask, name, payload)
                self.assertEqual(error.code, "SecurityError", name)
        self.assertEqual(world.ledger.rows, {})
        self.assertEqual(world.ledger.stray_stops, [])
        self.assertEqual(world.ledger.meter_values, [])
        self.assertEqual(world.events, [])

    def test_operatorIsTold(self) -> None:
        """The log says what to do."""
        with capturedLogs() as logged:
            World().connect("new")
        self.assertIn("not configured", logged[0]["log_format"])
        self.assertEqual(logged[0]["identity"], "new")

    def test_configured(self) -> None:
        """When it is configured, it is asked to register, and is then accepted and served."""
        world = World(ONLY_2)
        peer = world.connect("CP-1")
        peer.ask("BootNotification", BOOT)
        world.system.configure(SITE)
        (request,) = peer.requests("TriggerMessage")
        self.assertEqual(request[3], {"requestedMessage": "BootNotification"})
        self.assertEqual(len(world.happened(EvseConnected)), 2)
        self.assertEqual(peer.ask("BootNotification", BOOT)["status"], "Accepted")
        peer.ask("Heartbeat")

    def test_triggerRefused(self) -> None:
        """One that cannot be triggered is accepted when it registers by itself."""
        world = World(ONLY_2)
        peer = world.connect("CP-1")
        world.system.configure(SITE)
        (request,) = peer.requests()
        peer.say([4, request[1], "NotImplemented", "", {}])
        self.assertEqual(peer.ask("BootNotification", BOOT)["status"], "Accepted")
        self.assertEqual(world.clock.getDelayedCalls(), [])

    def test_acceptedFromNowOn(self) -> None:
        """It is served when everybody is from now on."""
        world = World(ONLY_2)
        peer = world.connect("CP-1")
        world.system.configure(evolve(ONLY_2, unknown=UnknownChargePoints.ACCEPT))
        self.assertEqual(len(peer.requests("TriggerMessage")), 1)
        peer.ask("Heartbeat")


class Accepted(SynchronousTestCase):
    """A Charge Point that nobody has configured, where everybody is served."""

    def test_served(self) -> None:
        """It is accepted and its transactions are kept, but none may charge."""
        world = World(ACCEPT)
        peer = world.connect("new")
        self.assertEqual(peer.ask("BootNotification", BOOT)["status"], "Accepted")
        answer = peer.ask("StartTransaction", START)
        self.assertEqual(answer["idTagInfo"], {"status": "Invalid"})
        self.assertIsNone(world.ledger.rows[answer["transactionId"]].start.evse)
        peer.ask("StopTransaction", stop_of(answer["transactionId"]))
        self.assertEqual(world.events, [])

    def test_growsNothing(self) -> None:
        """It cannot fill the memory with transactions at connectors that it invents."""
        world = World(ACCEPT)
        peer = world.connect("new")
        for connector in range(-3, 50):
            peer.ask("StartTransaction", {**START, "connectorId": connector})
        self.assertEqual(world.system.roster.running, {})
