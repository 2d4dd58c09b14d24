"""Whatever form of a profile a Charge Point takes, it is found, and used from then on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.profile_setting import MAX_TRIALS
from cfos_cm.drivers.ocpp16 import Ocpp16Evse
from cfos_cm.errors import DeviceRefusal
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.central_system.world import World

from .picky import Picky, PickyPeer, Profile

WHY = Reason(ReasonCode.CIRCUIT, "phase L1 of garage")
UNITS = "ChargingScheduleAllowedChargingRateUnit"
LEVEL = "ChargeProfileMaxStackLevel"


def purpose(profile: Profile) -> str:
    """Of a profile."""
    return str(profile["chargingProfilePurpose"])


def unit(profile: Profile) -> str:
    """Of a profile's limits."""
    return str(profile["chargingSchedule"]["chargingRateUnit"])


def limit(profile: Profile) -> float:
    """Of a profile, in its own unit."""
    return float(profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"])


class PickyCase(SynchronousTestCase):
    """A test with a Charge Point that has one connector, and may be picky."""

    def setUp(self) -> None:
        """It takes all."""
        self.world = World()
        self.peer = PickyPeer(self.world)
        self.evse = self.make()

    def make(self, **more: Any) -> Ocpp16Evse:
        """An EVSE of the site; C{more}: what it is told besides."""
        now = self.world.system.roster.environment.now
        return Ocpp16Evse("bay-3", 3, ("CP-2", 1), self.world.system, now, 16_000, **more)

    def picky(self, **how: Any) -> None:
        """Have the Charge Point be picky."""
        self.peer.picky = Picky(**how)

    def apply(
        self, current_ma: int, from_scratch: bool = False, phases: int | None = None
    ) -> Deferred[bool | None]:
        """Order it a current, for the transaction that runs."""
        setpoint = Setpoint(current_ma, WHY, phases)
        return self.evse.apply(setpoint, self.peer.transaction, from_scratch)

    def obeys(self, current_ma: int, from_scratch: bool = False) -> bool | None:
        """Order it a current, and see that it gives no more, and close to it."""
        told = self.successResultOf(self.apply(current_ma, from_scratch))
        self.assertLessEqual(self.peer.limit_a() * 1000, current_ma)
        return told


class Forms(PickyCase):
    """What it takes is found by trial, within one order or two."""

    def assertFound(self, **how: Any) -> Profile:
        """
        It is found, and the next order is told in the same form at once.

        @return: the profile of that next order.
        """
        self.picky(**how)
        self.successResultOf(self.apply(0, from_scratch=True))
        self.peer.charge()
        self.obeys(10_000)
        self.peer.forget_calls()
        self.obeys(13_000)
        (profile,) = self.peer.profiles()
        return profile

    def test_amperes(self) -> None:
        """One that takes amperes only gets them first, and is asked nothing."""
        profile = self.assertFound(takes=lambda one: unit(one) == "A")
        self.assertEqual((unit(profile), limit(profile)), ("A", 13.0))

    def test_watts(self) -> None:
        """One that takes watts only gets them, also where it does not announce it."""
        profile = self.assertFound(takes=lambda one: unit(one) == "W")
        self.assertEqual((unit(profile), limit(profile)), ("W", 13 * 207))

    def test_wattsAnnounced(self) -> None:
        """One that announces watts gets them after its first refusal, in quotes or not."""
        for units in ("Power", "W", ' "Power" ', "power"):
            self.setUp()
            self.picky(takes=lambda one: unit(one) == "W", announces={UNITS: units})
            self.obeys(0)
            self.assertEqual(
                ["TxDefaultProfile", "GetConfiguration", "TxDefaultProfile"], self.peer.asked()
            )

    def test_amperesAnnounced(self) -> None:
        """One that announces amperes only is not told watts."""
        self.picky(takes=lambda _: False, announces={UNITS: "Current"})
        self.failureResultOf(self.apply(0), DeviceRefusal)
        self.assertEqual({"A"}, {unit(one) for one in self.peer.profiles()})

    def test_relative(self) -> None:
        """One that takes Relative profiles only gets them."""
        profile = self.assertFound(takes=lambda one: one["chargingProfileKind"] == "Relative")
        self.assertEqual("Relative", profile["chargingProfileKind"])

    def test_level0(self) -> None:
        """One that knows only stack level 0 never gets another."""
        profile = self.assertFound(takes=lambda one: one["stackLevel"] == 0)
        self.assertEqual(0, profile["stackLevel"])

    def test_highestLevel(self) -> None:
        """One that takes only the level that it announces as its highest gets that."""
        profile = self.assertFound(
            takes=lambda one: one["stackLevel"] == 7, announces={LEVEL: "7"}
        )
        self.assertEqual(7, profile["stackLevel"])

    def test_level1(self) -> None:
        """One that counts its levels from 1, and does not say so, gets 1."""
        profile = self.assertFound(takes=lambda one: one["stackLevel"] == 1)
        self.assertEqual(1, profile["stackLevel"])

    def test_defaultOnly(self) -> None:
        """One that takes no TxProfile is limited by its default profile."""
        profile = self.assertFound(takes=lambda one: purpose(one) == "TxDefaultProfile")
        self.assertEqual("TxDefaultProfile", purpose(profile))
        self.peer.stop()
        self.obeys(0)
        self.assertEqual(0, self.peer.limit_a())

    def test_maximumOnly(self) -> None:
        """One that takes nothing but a limit of all of it is limited by that, also at rest."""
        profile = self.assertFound(takes=lambda one: purpose(one) == "ChargePointMaxProfile")
        self.assertEqual("ChargePointMaxProfile", purpose(profile))
        self.peer.stop()
        self.obeys(0)
        self.assertEqual(0, self.peer.limit_a())

    def test_maximumLater(self) -> None:
        """Where only the transaction's limit has to be one of all of it, nothing clips that."""
        self.assertFound(
            takes=lambda one: purpose(one) == "ChargePointMaxProfile" or limit(one) == 0
        )
        self.assertEqual(13, self.peer.limit_a())

    def test_twoThings(self) -> None:
        """One that is picky about two things is found out by the next orders."""

        def takes(one: Profile) -> bool:
            return unit(one) == "W" and one["chargingProfileKind"] == "Relative"

        self.picky(takes=takes)
        for _ in range(10):
            self.peer.forget_calls()
            ordered = self.apply(0)
            self.assertLessEqual(len(self.peer.profiles()), MAX_TRIALS)
            if self.peer.stored:
                break
            self.failureResultOf(ordered, DeviceRefusal)
        self.assertEqual(0, self.peer.limit_a())
        self.peer.charge()
        self.peer.forget_calls()
        self.obeys(10_000)
        self.assertEqual(["TxProfile", "GetCompositeSchedule"], self.peer.asked())

    def test_wholeAmperes(self) -> None:
        """One that takes whole amperes only gets what is rounded down."""
        profile = self.assertFound(takes=lambda one: limit(one) == int(limit(one)))
        self.assertEqual(13.0, limit(profile))
        self.obeys(12_900)
        self.obeys(12_800)
        self.assertEqual([12.9, 12.0, 12.0], [limit(one) for one in self.peer.profiles()[1:]])

    def test_usualSizes(self) -> None:
        """One that can be set to some currents only gets the next lower one."""
        self.picky(takes=lambda one: limit(one) in (0, 6, 8, 10, 13, 16))
        self.peer.charge()
        self.failureResultOf(self.apply(7900), DeviceRefusal)
        for current_ma, expected_a in ((7900, 6), (9000, 8), (15_900, 13), (16_000, 16)):
            self.obeys(current_ma)
            self.assertEqual(expected_a, self.peer.limit_a())

    def test_everyRefusalIsTold(self) -> None:
        """When nothing is taken, the error says what was tried, and it was not much."""
        self.peer.charge()
        self.picky(takes=lambda _: False, no="NotSupported")
        failure = self.failureResultOf(self.apply(7500), DeviceRefusal)
        self.assertEqual(
            "refused as TxProfile in A (NotSupported); "
            "TxProfile in A, in whole amperes (NotSupported); TxProfile in W (NotSupported); "
            "TxProfile in A, Relative (NotSupported); "
            "TxProfile in A, at stack level 1 (NotSupported); "
            "TxDefaultProfile in A (NotSupported)",
            str(failure.value),
        )
        self.assertEqual(MAX_TRIALS, len(self.peer.profiles()))

    def test_askedOnce(self) -> None:
        """It is asked for its configuration once, however often it refuses."""
        self.picky(takes=lambda _: False)
        for _ in range(5):
            self.failureResultOf(self.apply(0), DeviceRefusal)
        self.assertEqual(1, self.peer.asked().count("GetConfiguration"))

    def test_noSmartCharging(self) -> None:
        """One that has never heard of charging profiles is not tried any further."""
        self.peer.charge()
        self.picky(takes=lambda _: False, no=None)
        self.failureResultOf(self.apply(6000), DeviceRefusal)
        self.assertEqual(["TxProfile"], self.peer.asked())

    def test_onceIsNoHabit(self) -> None:
        """What was taken before and is refused now has nothing to do with its form."""
        self.peer.charge()
        self.obeys(10_000)
        self.peer.forget_calls()
        self.picky(takes=lambda _: False)
        self.failureResultOf(self.apply(6000), DeviceRefusal)
        self.assertEqual(["TxProfile", "GetConfiguration"], self.peer.asked())

    def test_habitChangesByAnnouncement(self) -> None:
        """Unless it announces that it takes another one now."""
        self.peer.charge()
        self.obeys(10_000)
        self.picky(takes=lambda one: unit(one) == "W", announces={UNITS: "Power"})
        self.obeys(6000)

    def test_habitsChange(self) -> None:
        """One that goes on refusing what it took before is found out anew."""
        self.peer.charge()
        self.obeys(10_000)
        self.picky(takes=lambda one: unit(one) == "W")
        for _ in range(3):
            self.failureResultOf(self.apply(6000), DeviceRefusal)
        self.obeys(6000)

    def test_transactionIsOver(self) -> None:
        """What was for a transaction that has ended meanwhile is put nowhere else."""
        number = self.peer.charge()
        self.peer.stop()
        self.peer.forget_calls()
        self.failureResultOf(
            self.evse.apply(Setpoint(16_000, WHY), number, False), DeviceRefusal
        )
        self.assertEqual(["TxProfile", "GetConfiguration"], self.peer.asked())

    def test_otherFirmware(self) -> None:
        """With another firmware it is another device, and begins with what is usual."""
        self.assertFound(takes=lambda one: unit(one) == "W")
        boot = {"chargePointVendor": "cFos", "chargePointModel": "Power Brain"}
        self.peer.ask("BootNotification", {**boot, "firmwareVersion": "2"})
        self.picky()
        self.obeys(10_000)
        self.assertEqual("A", unit(self.peer.profiles()[-1]))

    def test_otherFirmwareMeanwhile(self) -> None:
        """What it accepts after it has become another device says nothing of that one."""
        self.peer.picky = Picky()
        self.peer.answers["SetChargingProfile"] = None  # type: ignore[assignment]
        held, self.peer.say = self.peer.say, lambda _: None  # type: ignore[method-assign]
        ordered = self.apply(0)
        self.peer.say = held  # type: ignore[method-assign]
        del self.peer.answers["SetChargingProfile"]
        huawei = {"chargePointVendor": "Huawei", "chargePointModel": "AC Charger"}
        self.peer.ask("BootNotification", huawei)
        self.peer.say([3, self.peer.requests()[-1][1], {"status": "Accepted"}])
        self.successResultOf(ordered)
        self.obeys(0)
        self.assertEqual(["A", "W"], [unit(one) for one in self.peer.profiles()])

    def test_twoConnectors(self) -> None:
        """What limits all of a Charge Point is never used where it has two EVSEs."""
        peer = PickyPeer(
            self.world, Picky(takes=lambda one: purpose(one) == "ChargePointMaxProfile"), "CP-1"
        )
        now = self.world.system.roster.environment.now
        evse = Ocpp16Evse("bay-1", 3, ("CP-1", 1), self.world.system, now, 16_000)
        for _ in range(8):
            self.failureResultOf(evse.apply(Setpoint(0, WHY), None, True), DeviceRefusal)
        self.assertEqual({}, peer.stored)

    def test_phases(self) -> None:
        """A setpoint for one phase says so, and one for all says how many those are."""
        self.peer.charge()
        for phases, expected in ((1, 1), (None, 3)):
            self.successResultOf(self.apply(6000, phases=phases))
            (period,) = self.peer.profiles()[-1]["chargingSchedule"]["chargingSchedulePeriod"]
            self.assertEqual(expected, period["numberPhases"])

    def test_switchesPhases(self) -> None:
        """Whether it can go from three phases to one is what it announces; it is asked once."""
        for value, expected in (("true", True), ("False", False), ("perhaps", None)):
            self.setUp()
            self.picky(announces={"ConnectorSwitch3to1PhaseSupported": value})
            for _ in range(2):
                self.assertIs(expected, self.successResultOf(self.evse.switches_phases()))
            self.assertEqual(["GetConfiguration"], self.peer.asked())


class Watts(PickyCase):
    """A limit in watts carries no more than was meant on any phase."""

    def watts(self, current_ma: int, phases: int, rating_ma: int | None) -> float:
        """The limit for a current. [W]"""
        now = self.world.system.roster.environment.now
        address = ("CP-2", 1)
        self.evse = Ocpp16Evse("bay-3", phases, address, self.world.system, now, rating_ma)
        self.successResultOf(self.apply(current_ma))
        return limit(self.peer.profiles()[-1])

    def setUp(self) -> None:
        """It takes watts only."""
        super().setUp()
        self.picky(takes=lambda one: unit(one) == "W", announces={UNITS: "Power"}, says=None)
        self.peer.charge()

    def test_onePhase(self) -> None:
        """Drawn on one phase, it is no more current than was meant, at 207 V too."""
        for phases in (1, 2, 3):
            for current_ma in range(0, 16_000, 900):
                limit_w = self.watts(current_ma, phases, 16_000)
                self.assertLessEqual(limit_w, current_ma * 207 / 1000)
                self.assertGreater(limit_w, current_ma * 207 / 1000 - 1)

    def test_rating(self) -> None:
        """With its full rating it gets the power of all phases: it can carry no more on one."""
        for phases, expected in ((1, 3_680), (2, 7_360), (3, 11_040)):
            self.assertEqual(expected, self.watts(16_000, phases, 16_000))

    def test_ratingNotKnown(self) -> None:
        """Where its rating is not known, it never does."""
        self.assertEqual(3_312, self.watts(16_000, 3, None))


class Standing(PickyCase):
    """What it gives when nobody tells it anything."""

    def test_failsafe(self) -> None:
        """By default it gives its fail-safe current, in a transaction what it is told."""
        self.evse = self.make(failsafe_ma=6000)
        self.assertIs(True, self.successResultOf(self.apply(16_000)))
        self.assertEqual(6, self.peer.limit_a())
        self.peer.charge()
        for current_ma in (10_000, 0):
            self.obeys(current_ma, from_scratch=True)
            self.assertEqual(current_ma / 1000, self.peer.limit_a())
        self.peer.stop()
        self.assertEqual(6, self.peer.limit_a())

    def test_onlyOneProfile(self) -> None:
        """What limits its transaction by default holds behind it too, and is told to."""
        self.picky(takes=lambda one: purpose(one) == "TxDefaultProfile")
        self.peer.charge()
        self.assertIs(False, self.obeys(10_000, from_scratch=True))
        self.assertIs(False, self.obeys(8000))
        self.assertIs(True, self.obeys(0))
        self.assertIs(False, self.obeys(6000, from_scratch=True))

    def test_noPauseBetween(self) -> None:
        """Where one profile says it all, it is not forbidden to charge first."""
        self.picky(takes=lambda one: purpose(one) == "TxDefaultProfile")
        self.peer.charge()
        self.obeys(10_000, from_scratch=True)
        self.peer.forget_calls()
        self.obeys(8000, from_scratch=True)
        self.assertEqual([8.0], [limit(one) for one in self.peer.profiles()])

    def test_forbiddenByMaximum(self) -> None:
        """Where a limit of all of it forbids charging at rest, no other could allow it then."""
        self.picky(takes=lambda one: purpose(one) != "TxDefaultProfile")
        self.assertIs(True, self.successResultOf(self.apply(0)))
        self.peer.charge()
        self.obeys(10_000, from_scratch=True)
        self.assertEqual(10, self.peer.limit_a())

    def test_noDefault(self) -> None:
        """Where only the transaction takes its limit, that is told."""
        self.picky(takes=lambda one: purpose(one) == "TxProfile")
        self.peer.charge()
        self.assertIs(False, self.obeys(10_000, from_scratch=True))

    def test_clockIsBehind(self) -> None:
        """A schedule has begun by a clock that is years behind, where that is known."""
        self.picky(ahead=-timedelta(days=3000))
        self.successResultOf(self.apply(0))
        self.assertEqual(32, self.peer.limit_a())
        self.peer.charge()
        self.obeys(10_000, from_scratch=True)
        self.assertEqual(10, self.peer.limit_a())
        kinds = [one["chargingProfileKind"] for one in self.peer.profiles()]
        self.assertEqual({"Absolute"}, set(kinds))
