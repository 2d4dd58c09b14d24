"""What a Charge Point has accepted is compared with what it says that it gives."""

from __future__ import annotations

from datetime import timedelta

from cfos_cm.drivers.ocpp16 import CHECK_S
from cfos_cm.errors import DeviceError, DeviceRefusal, OrderIgnored
from cfos_cm.quirk import Quirk

from . import picky
from .picky import Profile
from .test_forms import LEVEL, PickyCase, limit, purpose


class Checks(PickyCase):
    """It is asked after the first order, and then now and then."""

    def setUp(self) -> None:
        """A transaction runs."""
        super().setUp()
        self.peer.charge()

    def checks(self) -> int:
        """How often it was asked since the calls were forgotten."""
        return self.peer.asked().count("GetCompositeSchedule")

    def test_seldom(self) -> None:
        """It is asked first, when it may have forgotten it, and every quarter of an hour."""
        for from_scratch, later_s, expected in (
            (False, 0, 1),
            (False, 10, 0),
            (True, 10, 1),
            (False, CHECK_S - 1, 0),
            (False, 1, 1),
        ):
            self.world.clock.advance(later_s)
            self.peer.forget_calls()
            self.obeys(10_000, from_scratch)
            self.assertEqual(expected, self.checks())

    def test_unit(self) -> None:
        """It is asked for its own connector, in the unit that it was told in."""
        self.world.system.learn("CP-2", Quirk.WATTS)
        self.obeys(10_000)
        (frame,) = self.peer.requests("GetCompositeSchedule")
        self.assertEqual({"connectorId": 1, "duration": 60, "chargingRateUnit": "W"}, frame[3])

    def test_ignores(self) -> None:
        """One that accepts all and obeys nothing is told once more, and not counted on then."""
        self.picky(heeds=lambda _: False)
        failure = self.failureResultOf(self.apply(10_000), OrderIgnored)
        self.assertIn(
            "it has accepted 10 A twice, and says that it gives 32 A", str(failure.value)
        )
        self.assertEqual(2, self.peer.asked().count("TxProfile"))

    def test_ignoresLater(self) -> None:
        """It is found out also when it has obeyed before."""
        self.obeys(10_000)
        self.picky(heeds=lambda _: False)
        self.world.clock.advance(CHECK_S)
        self.failureResultOf(self.apply(6000), OrderIgnored)

    def test_saysItsSize(self) -> None:
        """One that always says what it is made for is believed, and the way out is told."""
        self.picky(says=lambda _: 32.0)
        failure = self.failureResultOf(self.apply(6000), OrderIgnored)
        self.assertIn("put no-composite into its quirks", str(failure.value))
        self.world.system.learn("CP-2", Quirk.NO_COMPOSITE)
        self.obeys(6000)

    def test_heedsTheSecond(self) -> None:
        """One that has just not listened obeys when it is told again."""
        deaf = [True]

        def heeds(_: Profile) -> bool:
            return not deaf or not deaf.pop()

        self.picky(heeds=heeds)
        self.obeys(10_000)
        self.assertEqual(10, self.peer.limit_a())

    def test_heedsRelative(self) -> None:
        """One whose clock is not known is told again in a form that needs none."""
        self.peer = type(self.peer)(self.world)
        self.peer.ask(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": "04AABB",
                "meterStart": 1,
                "timestamp": "2026-03-01T11:59:00Z",
            },
        )
        self.peer.transaction = 1002
        self.picky(heeds=lambda one: one["chargingProfileKind"] == "Relative")
        self.obeys(10_000)
        self.obeys(6000)
        kinds = [one["chargingProfileKind"] for one in self.peer.profiles()]
        self.assertEqual(["Absolute", "Relative", "Relative"], kinds)

    def test_heedsLevel(self) -> None:
        """Where somebody else's profile is above ours, ours goes to the highest level."""
        self.picky(heeds=lambda one: one["stackLevel"] == 5, announces={LEVEL: "5"})
        self.obeys(10_000)
        self.obeys(6000)
        self.assertEqual([0, 5, 5], [one["stackLevel"] for one in self.peer.profiles()])

    def test_secondIsNotSupported(self) -> None:
        """One that cannot be told in another form obeys the first, which is no refusal."""
        self.picky(
            takes=lambda one: one["stackLevel"] == 0,
            no=None,
            says=lambda limit_a: limit_a + 4,
            announces={LEVEL: "5"},
        )
        self.failureResultOf(self.apply(10_000), OrderIgnored)
        self.assertEqual(10, self.peer.limit_a())

    def test_roundsUp(self) -> None:
        """One that rounds up gets whole amperes."""
        self.picky(says=lambda limit_a: float(-(-limit_a // 1)))
        self.obeys(7400)
        self.assertEqual([7.4, 7.0], [limit(one) for one in self.peer.profiles()])
        self.obeys(8600)
        self.assertEqual(8.0, limit(self.peer.profiles()[-1]))

    def test_grain(self) -> None:
        """A tenth of an ampere is how a limit is rounded, no disobedience."""
        self.picky(says=lambda limit_a: round(limit_a + 0.1, 1))
        self.obeys(7400)
        self.assertEqual(1, len(self.peer.profiles()))

    def test_less(self) -> None:
        """It may give less: its car, or somebody else, wants no more."""
        self.picky(car_a=9.5)
        self.obeys(16_000)
        self.assertEqual(1, len(self.peer.profiles()))

    def test_otherUnit(self) -> None:
        """What it says in watts is as many amperes as the highest voltage allows."""
        for power_w, obeys in ((6900, True), (7590, True), (7700, False)):
            self.setUp()
            self.peer.answers["GetCompositeSchedule"] = {
                "status": "Accepted",
                "chargingSchedule": {
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [
                        {"startPeriod": 0, "limit": power_w, "numberPhases": 3}
                    ],
                },
            }
            if obeys:
                self.successResultOf(self.apply(10_000))
            else:
                self.failureResultOf(self.apply(10_000), OrderIgnored)

    def test_wattsAsAmperes(self) -> None:
        """A limit in watts that it says in amperes is compared as power."""
        self.world.system.learn("CP-2", Quirk.WATTS)
        for limit_a, obeys in ((3.3, True), (4.0, False)):
            self.peer.answers["GetCompositeSchedule"] = {
                "status": "Accepted",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
                },
            }
            ordered = self.apply(10_000, from_scratch=True)
            if obeys:
                self.successResultOf(ordered)
            else:
                self.failureResultOf(ordered, OrderIgnored)

    def test_doesNotSay(self) -> None:
        """One that refuses to say it, or says nothing, is not asked again."""
        for answer in (
            None,
            {"status": "Rejected"},
            {"status": "Accepted"},
            {
                "status": "Accepted",
                "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": []},
            },
        ):
            self.setUp()
            self.picky(says=None)
            if answer is not None:
                self.peer.answers["GetCompositeSchedule"] = answer
            for _ in range(2):
                self.obeys(10_000, from_scratch=True)
            self.assertEqual(1, self.checks())
            self.assertIn(Quirk.NO_COMPOSITE, self.world.system.quirks_of("CP-2"))

    def test_silent(self) -> None:
        """One that does not answer it twice is not asked a third time; what it took counts."""
        held = type(self.peer)._receive
        self.addCleanup(setattr, type(self.peer), "_receive", held)

        def receive(peer: object, text: bytes) -> None:
            if b"GetCompositeSchedule" in text:
                asked.append(text)
            else:
                held(peer, text)  # type: ignore[arg-type]

        asked: list[bytes] = []
        type(self.peer)._receive = receive  # type: ignore[method-assign]
        self.peer = type(self.peer)(self.world)
        self.peer.transaction = 1001
        for expected in (1, 2, 2):
            ordered = self.apply(10_000, from_scratch=True)
            self.world.clock.advance(30)
            self.successResultOf(ordered)
            self.assertEqual(expected, len(asked))

    def test_atRest(self) -> None:
        """Without a transaction it is not asked: what it says then is about no car."""
        self.peer.stop()
        self.peer.forget_calls()
        self.obeys(0, from_scratch=True)
        self.assertEqual(["TxDefaultProfile"], self.peer.asked())


class Replaced(PickyCase):
    """A limit of the transaction outranks the default profile that is to replace it."""

    def setUp(self) -> None:
        """A transaction runs with a limit of its own."""
        super().setUp()
        self.obeys(0)
        self.peer.charge()
        self.obeys(16_000)

    def test_quirk(self) -> None:
        """It is taken back when the settings say that only default profiles are obeyed."""
        self.world.system.learn("CP-2", Quirk.DEFAULT_PROFILES)
        self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
        self.obeys(6000)
        self.peer.forget_calls()
        self.obeys(7000)
        self.assertEqual(["TxDefaultProfile"], self.peer.asked())

    def test_refused(self) -> None:
        """So it is when others like it are refused from then on."""
        self.peer.picky.takes = lambda one: purpose(one) == "TxDefaultProfile"
        for _ in range(3):
            self.apply(6000).addErrback(lambda _: None)
        self.obeys(6000)

    def test_not_answered(self) -> None:
        """So is one that it may have, for its answer was lost."""
        self.peer.stop()
        self.obeys(0)
        self.world.clock.advance(1)
        self.peer.charge()
        silence = self.patch(self.peer, "say", lambda _: None)
        ordered = self.apply(16_000)
        self.world.clock.advance(30)
        silence.restore()
        self.failureResultOf(ordered, DeviceError)
        self.world.system.learn("CP-2", Quirk.DEFAULT_PROFILES)
        self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
        self.obeys(6000)

    def test_keeps_it(self) -> None:
        """Who says that he has, or never had it, is asked what he gives."""
        for says in ("Accepted", "Unknown"):
            self.setUp()
            self.peer.picky.clears = (says, False)
            self.world.system.learn("CP-2", Quirk.DEFAULT_PROFILES)
            self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
            self.failureResultOf(self.apply(6000), OrderIgnored)

    def test_cannot(self) -> None:
        """One that does not take it back does not obey what it has accepted."""
        clearing = {**picky._ANSWERS, "ClearChargingProfile": lambda *_: None}
        self.patch(picky, "_ANSWERS", clearing)
        self.world.system.learn("CP-2", Quirk.DEFAULT_PROFILES)
        self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
        for _ in range(2):
            failure = self.failureResultOf(self.apply(6000), DeviceError)
            self.assertNotIsInstance(failure.value, DeviceRefusal)

    def test_next_transaction(self) -> None:
        """It has ended with its transaction, and nothing has to be taken back."""
        self.peer.stop()
        self.obeys(0)
        self.world.clock.advance(1)
        self.peer.charge()
        self.world.system.learn("CP-2", Quirk.DEFAULT_PROFILES)
        self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
        self.peer.forget_calls()
        self.obeys(6000)
        self.assertEqual(["TxDefaultProfile"], self.peer.asked())


class Leases(PickyCase):
    """A limit that is not renewed ends by itself, where that is safe."""

    def setUp(self) -> None:
        """It has been told its default, and a transaction runs."""
        super().setUp()
        self.evse = self.make(lease_s=600)
        self.obeys(0)
        self.peer.charge()
        self.peer.forget_calls()

    def duration_s(self) -> int | None:
        """Of the newest profile. [s]"""
        schedule = self.peer.profiles()[-1]["chargingSchedule"]
        found: int | None = schedule.get("duration")
        return found

    def assertNoLease(self) -> None:
        """The limit of the transaction holds for ever, and no renewal is due."""
        self.assertIsNone(self.duration_s())
        self.assertEqual(float("inf"), self.evse.renewal_due_s)
        self.assertEqual(self.peer.limit_a(), self.peer.limit_a(10_000))

    def test_ends(self) -> None:
        """Without us it is back at its default after ten minutes."""
        self.obeys(10_000, from_scratch=True)
        self.assertEqual([10, 10, 0], [self.peer.limit_a(later) for later in (0, 590, 610)])

    def test_nothingBehindAnyMore(self) -> None:
        """Nor is anything behind it while its default profile is another limit."""
        self.peer.picky.takes = lambda one: purpose(one) == "TxDefaultProfile"
        self.obeys(10_000)
        self.peer.picky.takes = lambda one: purpose(one) == "TxProfile"
        for _ in range(3):
            self.apply(6000).addErrback(lambda _: None)
        self.obeys(6000)
        self.assertNoLease()

    def test_failsafe(self) -> None:
        """Without us it goes to its fail-safe current, from wherever it was."""
        self.evse = self.make(lease_s=600, failsafe_ma=6000)
        for current_ma in (10_000, 0):
            self.obeys(current_ma, from_scratch=True)
            self.assertEqual([current_ma / 1000, 6], [self.peer.limit_a(s) for s in (590, 610)])

    def test_renewal(self) -> None:
        """It has to be told again when half of it is over, and then holds from then on."""
        self.world.clock.advance(100)
        self.obeys(10_000, from_scratch=True)
        self.assertEqual(400, self.evse.renewal_due_s)
        self.world.clock.advance(300)
        self.obeys(10_000)
        self.assertEqual(700, self.evse.renewal_due_s)
        self.assertEqual([10, 0], [self.peer.limit_a(later) for later in (590, 610)])

    def test_renewalSurvives(self) -> None:
        """Whoever takes the EVSE's place when the settings are read again knows of it."""
        self.obeys(10_000, from_scratch=True)
        self.assertEqual(300, self.make(lease_s=600).renewal_due_s)

    def test_transactionEnds(self) -> None:
        """With the transaction it is over, and nothing has to be renewed."""
        self.obeys(10_000, from_scratch=True)
        self.peer.stop()
        self.obeys(0)
        self.assertEqual(float("inf"), self.evse.renewal_due_s)

    def test_settingIsOff(self) -> None:
        """Nobody who does not ask for it has one."""
        self.evse = self.make()
        self.obeys(10_000, from_scratch=True)
        self.assertNoLease()

    def test_quirk(self) -> None:
        """Who ignores it, or wears out by it, has none."""
        self.world.system.learn("CP-2", Quirk.NO_LEASE)
        self.obeys(10_000, from_scratch=True)
        self.assertNoLease()

    def test_nothingBehind(self) -> None:
        """Where its default was refused, it would charge without a limit."""
        self.picky(takes=lambda one: purpose(one) == "TxProfile")
        self.obeys(10_000, from_scratch=True)
        self.assertNoLease()

    def test_lastsNoLonger(self) -> None:
        """A limit that is its default too never ends, for nothing is behind it."""
        self.picky(takes=lambda one: purpose(one) == "TxDefaultProfile")
        self.obeys(10_000, from_scratch=True)
        self.assertNoLease()
        self.obeys(6000)
        self.assertNoLease()

    def test_relative(self) -> None:
        """A relative profile has none: what it is counted from is anybody's guess."""
        self.world.system.learn("CP-2", Quirk.RELATIVE_PROFILES)
        self.peer.picky.takes = lambda one: one["chargingProfileKind"] == "Relative"
        self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
        self.obeys(10_000, from_scratch=True)
        self.assertNoLease()

    def test_wrongClock(self) -> None:
        """A clock that is ahead would end it at once, one that is behind far too late."""
        for hours in (-5, -0.1, 0.1, 5, 30):
            self.world = type(self.world)()
            self.peer = type(self.peer)(self.world)
            self.picky(ahead=timedelta(hours=hours))
            self.evse = self.make(lease_s=600)
            self.obeys(0)
            self.peer.charge()
            self.obeys(10_000, from_scratch=True)
            self.assertNoLease()
            self.assertEqual(10, self.peer.limit_a())

    def test_nearlyRightClock(self) -> None:
        """Half a minute is nothing beside the half of a lease."""
        for seconds in (-30, 30):
            self.world = type(self.world)()
            self.peer = type(self.peer)(self.world)
            self.picky(ahead=timedelta(seconds=seconds))
            self.evse = self.make(lease_s=600)
            self.peer.charge()
            self.obeys(10_000, from_scratch=True)
            self.assertEqual([10, 0], [self.peer.limit_a(later) for later in (300, 660)])

    def test_unknownClock(self) -> None:
        """Who has told no time yet has none."""
        self.world = type(self.world)()
        self.peer = type(self.peer)(self.world)
        self.evse = self.make(lease_s=600)
        self.peer.transaction = 77
        self.obeys(10_000, from_scratch=True)
        self.assertNoLease()

    def test_ignored(self) -> None:
        """Who says that it would go on all the same is found out, and spared the renewals."""
        self.peer.picky.heeds_durations = False
        self.obeys(10_000, from_scratch=True)
        self.assertIn(Quirk.NO_LEASE, self.world.system.quirks_of("CP-2"))
        self.obeys(10_000)
        self.assertNoLease()

    def test_heeded(self) -> None:
        """Who says that it ends, or would not change with it, is not suspected."""
        for current_ma in (10_000, 0):
            self.obeys(current_ma, from_scratch=True)
            self.assertNotIn(Quirk.NO_LEASE, self.world.system.quirks_of("CP-2"))

    def test_notAnswered(self) -> None:
        """An order that nobody confirmed has renewed nothing."""
        self.obeys(10_000, from_scratch=True)
        self.peer.lose()
        self.failureResultOf(self.apply(6000), DeviceError)
        self.assertEqual(float("inf"), self.evse.renewal_due_s)
