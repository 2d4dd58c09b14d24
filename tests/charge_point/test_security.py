"""What happens about the security of a gateway's connection, and who is told."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from cfos_cm.charge_point.given import (
    LoggedIn,
    LoginRefused,
    Notice,
    ServerDistrusted,
    WeakTls,
)
from cfos_cm.charge_point.security_events import EVENT_PAUSE_S, MAX_UNSENT
from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.errors import CallErrorCode
from cfos_cm.site.security_profile import SecurityProfile
from tests.charge_point.backend_world import World, connector, settings
from tests.charge_point.test_commands_operation import Case

_EVENT = "SecurityEventNotification"


class EventCase(Case):
    """A gateway that notes security events."""

    def settle(self, world: World) -> None:
        """What is to be sent one after the other is sent."""
        for _ in range(10):
            world.clock.advance(0)

    def told(self, world: World) -> list[Any]:
        """What the backend was told of them."""
        self.settle(world)
        return world.told(_EVENT)

    def waiting(self, world: World) -> int:
        """How many messages wait for the backend."""
        return world.gateway.standing.depth.waiting


class Events(EventCase):
    """Security events of the gateway itself."""

    def test_kinds(self) -> None:
        """Each of what the connection tells is an event, with its words."""
        rows: tuple[tuple[Notice, str, str], ...] = (
            (
                ServerDistrusted("signed by nobody"),
                "InvalidCentralSystemCertificate",
                "signed by nobody",
            ),
            (LoginRefused(401), "FailedToAuthenticateAtCentralSystem", "HTTP 401"),
            (WeakTls("it speaks TLS 1.1 only"), "InvalidTLSVersion", "it speaks TLS 1.1 only"),
            (WeakTls("no shared cipher"), "InvalidTLSCipherSuite", "no shared cipher"),
        )
        for notice, kind, words in rows:
            world = self.world()
            world.gateway.noticed(notice)
            (found,) = self.told(world)
            self.assertEqual((kind, words), (found["type"], found["techInfo"]))
            self.assertEqual("2026-06-01T12:00:00.000Z", found["timestamp"])
            self.assertEqual([(kind, words)], world.security_log.noted)

    def test_notTooOften(self) -> None:
        """One of a kind is noted once a minute; another kind is beside it."""
        world = self.world()
        for _ in range(100):
            world.gateway.noticed(LoginRefused(401))
        world.gateway.noticed(ServerDistrusted("x"))
        self.assertEqual(2, len(world.security_log.noted))
        world.clock.advance(EVENT_PAUSE_S)
        world.gateway.noticed(LoginRefused(403))
        self.assertEqual("HTTP 403", world.security_log.noted[-1][1])

    def test_words(self) -> None:
        """However long and strange the words are, they can be told."""
        world = self.world()
        world.gateway.noticed(ServerDistrusted("a\x1b\n" + "ä" * 1000))
        (found,) = self.told(world)
        self.assertEqual("a??" + "ä" * 252, found["techInfo"])

    def test_whileAway(self) -> None:
        """Without the backend they wait, but not for ever more; they are kept all the same."""
        world = World(settings())
        self.addCleanup(world.gateway.close)
        for _ in range(MAX_UNSENT + 20):
            world.clock.advance(EVENT_PAUSE_S)
            world.gateway.noticed(LoginRefused(401))
        self.assertEqual(MAX_UNSENT, self.waiting(world))
        self.assertEqual(MAX_UNSENT + 20, len(world.security_log.noted))
        world.gateway.noticed(LoggedIn(None, SecurityProfile.TLS))
        world.serve()
        for _ in range(MAX_UNSENT):
            self.settle(world)
        self.assertEqual(0, self.waiting(world))
        world.clock.advance(EVENT_PAUSE_S)
        world.sent.clear()
        world.gateway.noticed(LoginRefused(401))
        self.assertEqual(1, len(self.told(world)))

    def test_neverLetIn(self) -> None:
        """A backend that connects again and again, and lets nobody in, is no way around it."""
        world = World(settings())
        self.addCleanup(world.gateway.close)
        for _ in range(MAX_UNSENT + 20):
            world.clock.advance(EVENT_PAUSE_S)
            world.gateway.noticed(LoginRefused(401))
            world.gateway.noticed(LoggedIn(None, SecurityProfile.TLS))
        self.assertEqual(MAX_UNSENT, self.waiting(world))

    def test_longLasting(self) -> None:
        """On a connection that lasts each one is told, however many there have been."""
        world = self.world()
        for _ in range(MAX_UNSENT + 20):
            world.clock.advance(EVENT_PAUSE_S)
            world.sent.clear()
            world.gateway.noticed(ServerDistrusted("x"))
            self.assertEqual(1, len(self.told(world)))

    def test_reporter(self) -> None:
        """A backend that is only told of charging is told nothing of this."""
        world = self.world(role=GatewayRole.REPORT)
        world.gateway.noticed(ServerDistrusted("x"))
        self.assertEqual([], self.told(world))
        self.assertEqual(1, len(world.security_log.noted))

    def test_unknown(self) -> None:
        """A backend that knows none is told no more on this connection; no letter is dead."""
        for code in (CallErrorCode.NOT_IMPLEMENTED, CallErrorCode.NOT_SUPPORTED):
            world = self.world()
            world.answers[_EVENT] = code
            world.gateway.noticed(ServerDistrusted("x"))
            self.assertEqual(1, len(self.told(world)))
            world.gateway.noticed(LoginRefused(401))
            self.assertEqual(1, len(self.told(world)), code)
            depth = world.gateway.standing.depth
            self.assertEqual((0, 0), (depth.waiting, depth.dead))
            self.assertEqual(2, len(world.security_log.noted))
            world.gateway.noticed(LoggedIn(None, SecurityProfile.TLS))
            world.gateway.noticed(WeakTls("x"))
            self.assertEqual(2, len(self.told(world)), code)

    def test_otherTrouble(self) -> None:
        """A backend that has trouble with one is told again."""
        world = self.world()
        world.answers[_EVENT] = CallErrorCode.INTERNAL_ERROR
        world.gateway.noticed(ServerDistrusted("x"))
        self.assertEqual(1, len(self.told(world)))
        self.assertEqual(1, self.waiting(world))

    def test_started(self) -> None:
        """That the program has started is told to whom anything is proved, and kept."""
        for password, expected in ((None, 0), ("secret", 1)):
            world = self.world(password=password)
            world.gateway.security.started()
            self.assertEqual(expected, len(self.told(world)))
            self.assertEqual([("StartupOfTheDevice", None)], world.security_log.noted)

    def test_fullDisk(self) -> None:
        """When nothing can be stored, nothing else fails."""
        world = self.world()
        world.vault.is_full = world.memory.is_full = True
        world.gateway.noticed(ServerDistrusted("x"))
        world.gateway.noticed(LoggedIn(None, SecurityProfile.TLS))
        self.assertEqual([], self.flushLoggedErrors())


class Standings(EventCase):
    """How it stands, for people."""

    def test_plain(self) -> None:
        """As configured."""
        for other, expected in (
            ({}, SecurityProfile.NONE),
            ({"password": "secret"}, SecurityProfile.TLS),
            ({"has_certificate": True}, SecurityProfile.CERTIFICATE),
        ):
            found = self.world(**other).gateway.security.standing
            self.assertEqual((expected, True, False), _shown(found))
            self.assertEqual(((), None), (found.certificates, found.server))

    def test_commanded(self) -> None:
        """As commanded; until it has worked, that is said."""
        configured = evolve(settings(password="x", has_authorities=True), url="ws://b.example/")
        world = World(configured).serve()
        self.addCleanup(world.gateway.close)
        world.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"})
        standing = world.gateway.security.standing
        self.assertEqual((SecurityProfile.TLS, False, False), _shown(standing))
        world.gateway.noticed(LoggedIn(None, SecurityProfile.TLS))
        self.assertTrue(world.gateway.security.standing.is_proven)


class Triggers(EventCase):
    """ExtendedTriggerMessage."""

    def trigger(self, world: World, wanted: str, number: int | None = None) -> Any:
        """What it is answered with."""
        request: dict[str, Any] = {"requestedMessage": wanted}
        if number is not None:
            request["connectorId"] = number
        return world.ask("ExtendedTriggerMessage", request)["status"]

    def test_own(self) -> None:
        """What this program says itself comes behind the answer."""
        for wanted, action in (
            ("Heartbeat", "Heartbeat"),
            ("StatusNotification", "StatusNotification"),
            ("LogStatusNotification", "LogStatusNotification"),
            ("FirmwareStatusNotification", "SignedFirmwareStatusNotification"),
            ("SignChargePointCertificate", "SignCertificate"),
        ):
            world = self.world()
            self.assertEqual("Accepted", self.trigger(world, wanted), wanted)
            self.assertTrue(world.answer_came_first)
            self.assertTrue(world.told(action), wanted)

    def test_idle(self) -> None:
        """No log is on its way, and no firmware."""
        world = self.world()
        self.trigger(world, "LogStatusNotification")
        self.assertEqual([{"status": "Idle"}], world.told("LogStatusNotification"))
        self.settle(world)
        self.trigger(world, "FirmwareStatusNotification")
        self.assertEqual([{"status": "Idle"}], world.told("SignedFirmwareStatusNotification"))

    def test_rejected(self) -> None:
        """BootNotification when it was accepted; a connector that is none; too many."""
        world = self.world()
        self.assertEqual("Rejected", self.trigger(world, "BootNotification"))
        self.assertEqual("Rejected", self.trigger(world, "StatusNotification", 2))
        found = [self.trigger(world, "Heartbeat") for _ in range(25)]
        self.assertIn("Rejected", found)
        self.assertEqual("Accepted", found[0])

    def test_readings(self) -> None:
        """Readings of a Charge Point it is asked for, in the way that each one knows."""
        world = self.world(connector(1, True))
        world.devices.answers["TriggerMessage"] = b'{"status":"Accepted"}'
        self.assertEqual("Accepted", self.trigger(world, "MeterValues", 1))
        (asked,) = world.devices.done
        self.assertEqual("TriggerMessage", asked[2])
        self.assertIn('"connectorId":5', asked[3])

    def test_progress(self) -> None:
        """How far it is with its firmware or its log a Charge Point knows itself."""
        for wanted in ("FirmwareStatusNotification", "LogStatusNotification"):
            world = self.world(connector(1, True))
            world.devices.answers["ExtendedTriggerMessage"] = b'{"status":"NotImplemented"}'
            self.assertEqual("NotImplemented", self.trigger(world, wanted))
            self.assertEqual("ExtendedTriggerMessage", world.devices.done[0][2])

    def test_pending(self) -> None:
        """A backend that has not let us in yet gets what it triggers."""
        world = World(settings())
        self.addCleanup(world.gateway.close)
        world.answers["BootNotification"]["status"] = "Pending"
        world.serve()
        self.assertEqual("Accepted", self.trigger(world, "BootNotification"))
        self.assertEqual(1, len(world.told("BootNotification")))


def _shown(standing: Any) -> tuple[SecurityProfile, bool, bool]:
    return standing.profile, standing.is_proven, standing.has_given_key
