"""Who may connect, which connection counts, and other settings while it runs."""

from __future__ import annotations

from attrs import evolve
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system import central_system
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.central_system import Admission
from cfos_cm.central_system.settings import (
    CentralSystemSettings,
    ChargePointSettings,
    UnknownChargePoints,
)
from cfos_cm.errors import DeviceError
from cfos_cm.site.events import EvseConnected, EvseLost, OccupancyReported
from cfos_cm.site.evse import EvseSettings
from cfos_cm.v16.core import ClearCacheRequest
from cfos_cm.wire.basic_auth import Credentials

from .world import BAY_1, BAY_2, SITE, START, CallFailed, World

REFUSE = evolve(SITE, unknown=UnknownChargePoints.REFUSE)
#: A common password, and one of its own for CP-2.
LOCKED = evolve(
    SITE,
    password="common",
    charge_points={
        **SITE.charge_points,
        "CP-2": evolve(SITE.charge_points["CP-2"], password="öwn"),
    },
)


class Admit(SynchronousTestCase):
    """Who may connect."""

    def admitted(
        self, settings: CentralSystemSettings, identity: str, *credentials: str | bytes
    ) -> Admission:
        """What becomes of a Charge Point that says a name and a password, or nothing."""
        shown = None
        if credentials:
            name, password = credentials
            assert isinstance(name, str)
            secret = password if isinstance(password, bytes) else password.encode()
            shown = Credentials(name, secret)
        return World(settings).system.admit(identity, Approach(shown))

    def test_noPassword(self) -> None:
        """Where none is asked for, it does not matter what is shown."""
        for credentials in ((), ("CP-1", "x"), ("someone", "")):
            self.assertEqual(self.admitted(SITE, "CP-1", *credentials), Admission.ADMITTED)

    def test_commonPassword(self) -> None:
        """The common password opens for whoever has none of its own, also for strangers."""
        for identity in ("CP-1", "new"):
            self.assertEqual(
                self.admitted(LOCKED, identity, identity, "common"), Admission.ADMITTED
            )

    def test_ownPassword(self) -> None:
        """A Charge Point's own password counts, and the common one does not."""
        self.assertEqual(self.admitted(LOCKED, "CP-2", "CP-2", "öwn"), Admission.ADMITTED)
        self.assertEqual(
            self.admitted(LOCKED, "CP-2", "CP-2", "common"), Admission.UNAUTHORISED
        )

    def test_wrong(self) -> None:
        """No password, a wrong one, and another's name do not open."""
        for credentials in (
            (),
            ("CP-1", ""),
            ("CP-1", "Common"),
            ("CP-1", "common "),
            ("CP-1", b"\xff\x00"),
            ("", "common"),
            ("CP-2", "common"),
            ("\ufffd", "common"),
        ):
            self.assertEqual(
                self.admitted(LOCKED, "CP-1", *credentials), Admission.UNAUTHORISED, credentials
            )

    def test_spelling(self) -> None:
        """A wallbox that writes its identity in another way does so in its user name too."""
        for name in ("cp-1", "CP-1 ", " cP-1"):
            self.assertEqual(
                self.admitted(LOCKED, "CP-1", name, "common"), Admission.ADMITTED, name
            )

    def test_strangers(self) -> None:
        """An unknown Charge Point is admitted, or not, as the settings say."""
        self.assertEqual(self.admitted(SITE, "new"), Admission.ADMITTED)
        self.assertEqual(self.admitted(REFUSE, "new"), Admission.UNKNOWN)

    def test_strangersLearnNothing(self) -> None:
        """With a wrong password, a known and an unknown identity are refused alike."""
        for unknown in UnknownChargePoints:
            settings = evolve(LOCKED, unknown=unknown)
            for identity in ("CP-1", "new"):
                self.assertEqual(
                    self.admitted(settings, identity, identity, "x"), Admission.UNAUTHORISED
                )

    def test_tooManyStrangers(self) -> None:
        """Above the bound strangers are refused; known ones, and those who return, are not."""
        self.patch(central_system, "MAX_UNKNOWN_CHARGE_POINTS", 2)
        world = World()
        first = world.connect("new-1")
        world.connect("new-2")
        world.connect("CP-1")
        self.assertEqual(world.system.admit("new-3", Approach()), Admission.TOO_MANY)
        self.assertEqual(world.system.admit("new-1", Approach()), Admission.ADMITTED)
        self.assertEqual(world.system.admit("CP-2", Approach()), Admission.ADMITTED)
        first.lose()
        self.assertEqual(world.system.admit("new-3", Approach()), Admission.ADMITTED)

    def test_noPasswordInARepr(self) -> None:
        """Settings that are printed do not show a password."""
        self.assertNotIn("common", repr(LOCKED))
        self.assertNotIn("öwn", repr(LOCKED))


class Duplicate(SynchronousTestCase):
    """Two connections with one identity."""

    def setUp(self) -> None:
        """A Charge Point is connected twice, and was asked something before."""
        self.world = World()
        self.old = self.world.connect()
        self.failures: list[Failure] = []
        call = self.world.system.call("CP-1", ClearCacheRequest())
        call.addErrback(self.failures.append)
        self.new = self.world.connect()

    def test_newestWins(self) -> None:
        """The old one is closed, and the new one counts."""
        self.assertEqual([code for code, _ in self.old.hang_ups], [1000])
        self.assertEqual(self.new.hang_ups, [])
        self.assertIs(self.world.system.session("CP-1"), self.new.session)
        self.assertEqual(self.world.system.sessions(), (self.new.session,))

    def test_pendingCall(self) -> None:
        """What was asked over the old one has failed, once, and leaves no timer."""
        (failure,) = self.failures
        self.assertIsInstance(failure.value, DeviceError)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_closeOfTheOld(self) -> None:
        """The end of the old one changes nothing."""
        self.old.lose()
        self.assertEqual(self.world.happened(EvseLost), [])
        self.assertIs(self.world.system.session("CP-1"), self.new.session)
        self.new.ask("Heartbeat")
        self.new.lose()
        self.assertEqual(len(self.world.happened(EvseLost)), 2)

    def test_oldIsDeaf(self) -> None:
        """What still comes over the old one is neither answered nor believed."""
        del self.old.received[:]
        self.old.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Charging"},
        )
        self.assertEqual(self.old.received, [])
        self.assertEqual(self.world.happened(OccupancyReported), [])

    def test_connectedAnew(self) -> None:
        """The site is told of the new one: the device may have forgotten its orders."""
        self.assertEqual(len(self.world.happened(EvseConnected)), 4)

    def test_fight(self) -> None:
        """Two that push each other out leave one session and no timer behind."""
        peers = [self.old, self.new]
        for _ in range(1000):
            peers.append(self.world.connect())
            call = self.world.system.call("CP-1", ClearCacheRequest())
            peers.append(self.world.connect())
            self.failureResultOf(call, DeviceError)
        self.assertEqual(self.world.system.sessions(), (peers[-1].session,))
        for peer in peers[:-1]:
            peer.lose()
        self.assertEqual(self.world.happened(EvseLost), [])
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_startOnTheOld(self) -> None:
        """A start that the old one sent, and the new one repeats, is one transaction."""
        world = World()
        old = world.connect()
        world.disk.held = True
        old.call("StartTransaction", START)
        new = world.connect()
        world.disk.let_go()
        answer = new.ask("StartTransaction", START)
        self.assertEqual(list(world.ledger.rows), [answer["transactionId"]])
        self.assertEqual(old.received, [])


class Configure(SynchronousTestCase):
    """Other settings while Charge Points are connected."""

    def setUp(self) -> None:
        """Both Charge Points are connected."""
        self.world = World()
        self.peer = self.world.connect("CP-1")
        self.other = self.world.connect("CP-2")
        self.world.events.clear()

    def configure(self, **charge_points: dict[int, EvseSettings]) -> None:
        """Take settings with these Charge Points; C{_} in a name is read as C{-}."""
        settings = {
            name.replace("_", "-"): ChargePointSettings(name.replace("_", "-"), evses)
            for name, evses in charge_points.items()
        }
        self.world.system.configure(evolve(SITE, charge_points=settings))

    def connected(self) -> list[str]:
        """The EVSEs that were reported as connected."""
        return [event.evse for event in self.world.happened(EvseConnected)]

    def test_nothingNew(self) -> None:
        """The same settings again change nothing."""
        self.world.system.configure(SITE)
        self.assertEqual(self.world.events, [])
        self.assertEqual(self.peer.received + self.peer.hang_ups, [])

    def test_added(self) -> None:
        """An EVSE at another connector is connected at once."""
        new = EvseSettings("new", "garage")
        self.configure(CP_1={1: BAY_1, 2: BAY_2, 3: new}, CP_2={})
        self.assertEqual(self.connected(), ["new"])
        self.assertEqual(self.peer.session.charge_point.evse_at(3), new)

    def test_removed(self) -> None:
        """An EVSE that is gone is not reported about any more."""
        self.configure(CP_1={2: BAY_2}, CP_2={})
        self.assertEqual(self.world.events, [])
        self.peer.ask(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Charging"},
        )
        self.assertEqual(self.world.events, [])

    def test_renamed(self) -> None:
        """Another EVSE at the same connector is connected."""
        self.configure(CP_1={1: evolve(BAY_1, name="other"), 2: BAY_2}, CP_2={})
        self.assertEqual(self.connected(), ["other"])

    def test_changed(self) -> None:
        """Other settings of the same EVSE hold at once, and it is not connected anew."""
        self.configure(CP_1={1: evolve(BAY_1, fixed_tag="X"), 2: BAY_2}, CP_2={})
        self.assertEqual(self.connected(), [])
        evse = self.peer.session.charge_point.evse_at(1)
        assert evse is not None
        self.assertEqual(evse.fixed_tag, "X")

    def test_moved(self) -> None:
        """EVSEs that have swapped their connectors are both connected anew."""
        self.configure(CP_1={1: BAY_2, 2: BAY_1}, CP_2={})
        self.assertEqual(self.connected(), ["bay-2", "bay-1"])

    def test_movedToAnotherChargePoint(self) -> None:
        """It belongs to the other one from now on, and is not lost with the first."""
        self.configure(CP_1={2: BAY_2}, CP_2={1: BAY_1})
        self.assertEqual(self.connected(), ["bay-1"])
        self.peer.lose()
        self.assertEqual([event.evse for event in self.world.happened(EvseLost)], ["bay-2"])

    def test_dismissed(self) -> None:
        """A Charge Point that is not configured any more has to wait, connected."""
        self.configure(CP_2={})
        self.assertEqual(self.peer.hang_ups, [])
        error = self.assertRaises(CallFailed, self.peer.ask, "Heartbeat")
        self.assertEqual(error.code, "SecurityError")

    def test_refused(self) -> None:
        """Where others are refused, it is hung up on, and not served meanwhile."""
        only_2 = {"CP-2": SITE.charge_points["CP-2"]}
        self.world.system.configure(evolve(REFUSE, charge_points=only_2))
        self.assertEqual([code for code, _ in self.peer.hang_ups], [1008])
        self.assertEqual(self.other.hang_ups, [])
        error = self.assertRaises(CallFailed, self.peer.ask, "StartTransaction", START)
        self.assertEqual(error.code, "SecurityError")
        self.peer.lose()
        self.assertEqual(self.world.events, [])

    def test_password(self) -> None:
        """A new password closes nothing, and counts for the next connection."""
        self.world.system.configure(LOCKED)
        self.assertEqual(self.peer.hang_ups, [])
        self.assertEqual(self.world.system.admit("CP-1", Approach()), Admission.UNAUTHORISED)
