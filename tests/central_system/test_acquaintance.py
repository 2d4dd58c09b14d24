"""What is known of a Charge Point, whether it is connected or not."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.acquaintance import MAX_REMARKS, Acquaintance
from cfos_cm.central_system.quirks import STANDARD, QuirkPolicy
from cfos_cm.central_system.roster import MAX_ACQUAINTANCES
from cfos_cm.central_system.settings import ChargePointSettings
from cfos_cm.counters import Counter, Counters
from cfos_cm.quirk import Quirk
from cfos_cm.site.events import EvseMeasured, ProfilesMeddled
from cfos_cm.site.evse import DeviceIdentity
from tests.central_system.world import BOOT, SITE, START, CallFailed, World, stop_of

STRICT = QuirkPolicy(auto=False, strict=True)


class Remarks(SynchronousTestCase):
    """What the log is told."""

    def test_bound(self) -> None:
        """Each kind once, and not without end."""
        counters = Counters()
        acquaintance = Acquaintance("CP-1", QuirkPolicy(), None, counters)
        for number in range(2 * MAX_REMARKS):
            for _ in range(2):
                acquaintance.note((), [f"unknown field {number}"])
        self.assertEqual(MAX_REMARKS, counters[Counter.DEVIATIONS_TOLERATED])


class Warnings(SynchronousTestCase):
    """What the log is told of transactions that are odd."""

    def warned(self, world: World, *calls: tuple[str, dict[str, object]]) -> list[str]:
        """The lines about some calls, each of which is answered."""
        peer = world.connect()
        with capturedLogs() as logged:
            for action, payload in calls:
                peer.ask(action, payload)
        peer.lose()
        return [formatEvent(event) for event in logged if event["log_level"] is LogLevel.warn]

    def test_once(self) -> None:
        """Each is told once, whatever the connection."""
        world = World()
        calls: list[tuple[str, dict[str, object]]] = [
            ("StopTransaction", stop_of(7)),
            ("StartTransaction", {**START, "connectorId": 2000}),
            ("StartTransaction", {**START, "timestamp": "never"}),
        ]
        for expected in (
            ["transaction 7 (unknown) is kept", "connector 2000 is no EVSE", "taken as now"],
            [],
        ):
            lines = self.warned(world, *calls, *calls)
            self.assertEqual(len(expected), len(lines), lines)
            for words, line in zip(expected, lines, strict=True):
                self.assertIn(words, line)
                self.assertTrue(line.startswith("CP-1: "), line)

    def test_bound(self) -> None:
        """And not without end; the last line says so. All are counted."""
        world = World()
        numbers = range(1, 2 * MAX_REMARKS)
        lines = self.warned(world, *[("StopTransaction", stop_of(one)) for one in numbers])
        self.assertEqual(MAX_REMARKS, len(lines))
        self.assertIn("not noted", lines[-1])
        self.assertFalse([line for line in lines[:-1] if "not noted" in line])
        self.assertEqual(len(numbers), world.system.counters[Counter.UNKNOWN_STOPS])


class Learning(SynchronousTestCase):
    """What it has shown itself."""

    def test_learn(self) -> None:
        """It holds until it says to be another device."""
        known = Acquaintance("CP-1", QuirkPolicy(), DeviceIdentity("A", "B"), Counters())
        known.learn(Quirk.WATTS)
        known.introduced(DeviceIdentity("A", "B"))
        self.assertIn(Quirk.WATTS, known.tolerated)
        known.introduced(DeviceIdentity("A", "B", None, "2.0"))
        self.assertNotIn(Quirk.WATTS, known.tolerated)

    def test_toldNotTo(self) -> None:
        """Not where the operator has said what to forgive."""
        for policy in (STRICT, QuirkPolicy(auto=False)):
            known = Acquaintance("CP-1", policy, None, Counters())
            known.learn(Quirk.WATTS)
            self.assertNotIn(Quirk.WATTS, known.tolerated)

    def test_forms(self) -> None:
        """How it takes charging profiles holds until it, or how it is treated, is another."""
        known = Acquaintance("CP-1", QuirkPolicy(), DeviceIdentity("A", "B"), Counters())
        forms = known.profile_habits.forms
        known.introduced(DeviceIdentity("A", "B"))
        known.treat(QuirkPolicy())
        self.assertIs(forms, known.profile_habits.forms)
        for change in (
            lambda: known.introduced(DeviceIdentity("A", "B", None, "2.0")),
            lambda: known.treat(STRICT),
        ):
            forms = known.profile_habits.forms
            change()
            self.assertIsNot(forms, known.profile_habits.forms)


class OfSite(SynchronousTestCase):
    """The Central System's view."""

    def setUp(self) -> None:
        """Nobody is connected."""
        self.world = World()
        self.system = self.world.system

    def test_quirksOf(self) -> None:
        """What is forgiven before the first byte, also of somebody unknown."""
        self.assertEqual(STANDARD, self.system.quirks_of("CP-1"))
        self.assertEqual(STANDARD, self.system.quirks_of("nobody"))
        self.system.roster.remember({"CP-1": DeviceIdentity("go-e", "V3")})
        self.assertIn(Quirk.NUMERIC_IDS, self.system.quirks_of("CP-1"))

    def test_configure(self) -> None:
        """Another policy holds at once, on the connection that is there."""
        peer = self.world.connect()
        peer.ask("Authorize", {"idTag": "A", "more": 1})
        strict = ChargePointSettings("CP-1", SITE.charge_points["CP-1"].evses, None, STRICT)
        self.system.configure(evolve(SITE, charge_points={"CP-1": strict}))
        self.assertEqual(frozenset(), self.system.quirks_of("CP-1"))
        refused = peer.answer_to(peer.call("Authorize", {"idTag": "A", "more": 1}))
        assert refused is not None
        self.assertEqual("FormationViolation", refused[2])

    def test_strangers(self) -> None:
        """Of those that are not configured the oldest are forgotten."""
        for number in range(MAX_ACQUAINTANCES + 10):
            self.system.roster.acquaintance(f"S-{number}")
        self.assertLessEqual(
            len(self.system.roster._acquaintances),
            MAX_ACQUAINTANCES + len(SITE.charge_points),
        )

    def test_waiting(self) -> None:
        """The list of those that wait for the operator, with what they say of themselves."""
        self.world.connect()
        stranger = self.world.connect("S-1")
        stranger.ask("BootNotification", BOOT)
        (waiting,) = self.system.waiting()
        self.assertEqual(("S-1", "192.0.2.7"), (waiting.identity, waiting.origin))
        self.assertEqual(DeviceIdentity("cFos", "Power Brain"), waiting.device)
        self.assertEqual(self.world.now, waiting.since)
        stranger.lose()
        self.assertEqual((), self.system.waiting())

    def test_find(self) -> None:
        """A URL in capitals means the one that is configured."""
        self.assertEqual("CP-1", self.system.find("cp-1"))

    def test_meddled(self) -> None:
        """The site is told that an EVSE, or all of a Charge Point, may obey something else."""
        self.system.meddled("CP-1", 2)
        self.system.meddled("CP-1", 0)
        self.system.meddled("nobody")
        evses = [event.evse for event in self.world.happened(ProfilesMeddled)]
        self.assertEqual(["bay-2", "bay-1", "bay-2"], evses)


class Values(SynchronousTestCase):
    """Values at the wrong time."""

    def setUp(self) -> None:
        """A transaction runs."""
        self.world = World()
        self.peer = self.world.connect()
        self.number = self.peer.ask("StartTransaction", START)["transactionId"]

    def say(self) -> int:
        """Say values of that transaction; returns how often the site was told."""
        before = len(self.world.happened(EvseMeasured))
        values = {"value": "3680", "measurand": "Power.Active.Import", "unit": "W"}
        timestamp = f"2026-03-01T12:00:{len(self.world.ledger.meter_values):02}Z"
        reading = {"timestamp": timestamp, "sampledValue": [values]}
        self.peer.ask(
            "MeterValues",
            {"connectorId": 1, "transactionId": self.number, "meterValue": [reading]},
        )
        return len(self.world.happened(EvseMeasured)) - before

    def test_afterStop(self) -> None:
        """Values that come behind the end are kept, and are not of what flows now."""
        self.assertEqual(1, self.say())
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual(0, self.say())
        self.assertEqual(2, len(self.world.ledger.meter_values))

    def test_diskFull(self) -> None:
        """What flows is told even if it cannot be kept."""
        self.world.disk.broken = True
        before = len(self.world.happened(EvseMeasured))
        with self.assertRaises(CallFailed):
            self.say()
        self.assertEqual(before + 1, len(self.world.happened(EvseMeasured)))


class Crowd(SynchronousTestCase):
    """Where many come that nobody knows."""

    def test_connected(self) -> None:
        """One that is connected is not forgotten, however many come after it."""
        world = World()
        stranger = world.connect("S-0")
        for number in range(1, 2 * MAX_ACQUAINTANCES):
            world.system.roster.acquaintance(f"S-{number}")
        known = stranger.session.charge_point.acquaintance
        self.assertIs(known, world.system.roster.acquaintance("S-0"))
        stranger.lose()
        for number in range(1, 2 * MAX_ACQUAINTANCES):
            world.system.roster.acquaintance(f"T-{number}")
        self.assertIsNot(known, world.system.roster.acquaintance("S-0"))


class Opening(SynchronousTestCase):
    """A connection that cannot be opened."""

    def test_fails(self) -> None:
        """It is not kept: nobody would ever close it."""
        world = World()

        def fail(event: object) -> None:
            raise ZeroDivisionError

        environment = world.system.roster.environment
        world.system.roster.environment = evolve(environment, report=fail)
        self.assertRaises(ZeroDivisionError, world.connect)
        self.assertIsNone(world.system.session("CP-1"))
