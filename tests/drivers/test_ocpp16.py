"""An EVSE that speaks OCPP 1.6 obeys by charging profiles."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from cfos_cm.drivers.interfaces import EvseDevice, IEvse
from cfos_cm.drivers.ocpp16 import MAKER, Ocpp16Evse
from cfos_cm.drivers.registry import EVSE_MAKERS
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.v16.timestamps import parse_timestamp
from tests.central_system.world import World

UNITS = "ChargingScheduleAllowedChargingRateUnit"
#: A Charge Point that does not say in which units it takes limits.
SILENT: dict[str, Any] = {"unknownKey": [UNITS]}
ACCEPTED: dict[str, dict[str, Any]] = {
    "SetChargingProfile": {"status": "Accepted"},
    "GetConfiguration": SILENT,
    "GetCompositeSchedule": {"status": "Rejected"},
}
WHY = Reason(ReasonCode.CIRCUIT, "phase L1 of garage")


class Ocpp16(SynchronousTestCase):
    """One connector of a Charge Point that is connected in memory."""

    def setUp(self) -> None:
        """The Charge Point accepts every profile."""
        self.world = World()
        self.peer = self.world.connect()
        self.peer.answers = dict(ACCEPTED)
        self.evse = self.make()

    def make(self, phases: int = 3, identity: str = "CP-1", connector: int = 1) -> Ocpp16Evse:
        """An EVSE of the site."""
        now = self.world.system.roster.environment.now
        return Ocpp16Evse("bay-1", phases, (identity, connector), self.world.system, now)

    def apply(
        self, current_ma: int, transaction_id: int | None = None, from_scratch: bool = False
    ) -> Deferred[bool | None]:
        """Order it a current."""
        return self.evse.apply(Setpoint(current_ma, WHY), transaction_id, from_scratch)

    def profiles(self) -> list[dict[str, Any]]:
        """The profiles that the Charge Point got, oldest first; each fits the schema."""
        return [
            frame[3]["csChargingProfiles"] for frame in self.peer.requests("SetChargingProfile")
        ]

    def limits(self) -> list[float]:
        """The limits in them. [A]"""
        return [
            profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
            for profile in self.profiles()
        ]

    def test_interface(self) -> None:
        """It is what the control loop asks for."""
        self.assertTrue(verifyClass(IEvse, Ocpp16Evse))
        self.assertTrue(verifyObject(IEvse, self.evse))
        self.assertEqual(self.evse.name, "bay-1")

    def test_registry(self) -> None:
        """The configuration knows it by its name."""
        self.assertIs(EVSE_MAKERS.of("ocpp16"), MAKER)
        self.assertTrue(MAKER.knows_transactions)

    def test_address(self) -> None:
        """Its address is the identity of a Charge Point."""
        for address, right in (("CP-1", True), ("a/b", False), ("tcp:192.0.2.1:4701 ä", False)):
            device = EvseDevice(settings=EvseSettings("bay-1", "garage"), address=address)
            self.assertEqual(right, MAKER.objection(device) is None, address)

    def test_standing(self) -> None:
        """Outside a transaction the default profile forbids charging, whatever is ordered."""
        self.successResultOf(self.apply(16000))
        (request,) = self.peer.requests()
        self.assertEqual(
            request[3],
            {
                "connectorId": 1,
                "csChargingProfiles": {
                    "chargingProfileId": 19522,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "TxDefaultProfile",
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": {
                        "chargingRateUnit": "A",
                        "startSchedule": "2026-02-28T12:00:00.000Z",
                        "chargingSchedulePeriod": [
                            {"startPeriod": 0, "limit": 0.0, "numberPhases": 3}
                        ],
                    },
                },
            },
        )

    def test_transaction(self) -> None:
        """In a transaction a profile of that transaction says how much."""
        self.successResultOf(self.apply(13500, 77))
        (profile,) = self.profiles()
        self.assertEqual(profile["chargingProfilePurpose"], "TxProfile")
        self.assertEqual(profile["transactionId"], 77)
        self.assertEqual(profile["stackLevel"], 0)
        (period,) = profile["chargingSchedule"]["chargingSchedulePeriod"]
        self.assertEqual(period, {"startPeriod": 0, "limit": 13.5, "numberPhases": 3})
        self.assertNotIn("duration", profile["chargingSchedule"])

    def test_fromScratch(self) -> None:
        """What may have been forgotten is told first: no current by default."""
        self.successResultOf(self.apply(16000, 77, from_scratch=True))
        self.assertEqual(
            [profile["chargingProfilePurpose"] for profile in self.profiles()],
            ["TxDefaultProfile", "TxProfile"],
        )
        self.assertEqual(self.limits(), [0, 16])

    def test_oneAfterTheOther(self) -> None:
        """Each is sent after the one before was accepted; then it is asked what it gives."""
        self.peer.answers.clear()
        ordered = self.apply(16000, 77, from_scratch=True)
        self.assertEqual(len(self.profiles()), 1)
        for number in range(2):
            self.assertNoResult(ordered)
            unique_id = self.peer.requests()[number][1]
            self.peer.say([3, unique_id, {"status": "Accepted"}])
        self.assertNoResult(ordered)
        self.peer.say(
            [3, self.peer.requests("GetCompositeSchedule")[0][1], {"status": "Rejected"}]
        )
        self.successResultOf(ordered)

    def test_tenths(self) -> None:
        """A limit has one decimal, and is never rounded up."""
        for current_ma in (0, 99, 100, 6000, 6099, 7999, 15950, 16000, 31999):
            self.successResultOf(self.apply(current_ma, 77))
        self.assertEqual(self.limits(), [0, 0, 0.1, 6, 6, 7.9, 15.9, 16, 31.9])

    def test_everyTenth(self) -> None:
        """The text on the wire has one decimal for every current that there is."""
        for current_ma in range(0, 80_000, 100):
            self.successResultOf(self.apply(current_ma, 1))
        for limit in self.limits():
            self.assertLessEqual(len(json.dumps(limit).partition(".")[2]), 1)

    def test_phases(self) -> None:
        """It is told for how many phases the limit holds."""
        for phases in (1, 2, 3):
            self.evse = self.make(phases)
            self.successResultOf(self.apply(6000, 77))
            schedule = self.profiles()[-1]["chargingSchedule"]
            self.assertEqual(schedule["chargingSchedulePeriod"][0]["numberPhases"], phases)

    def test_start(self) -> None:
        """A schedule has started already, also when the clocks differ by hours."""
        self.world.clock.advance(3600)
        self.successResultOf(self.apply(6000, 77, from_scratch=True))
        now = self.world.system.roster.environment.now()
        for profile in self.profiles():
            start = parse_timestamp(profile["chargingSchedule"]["startSchedule"])
            self.assertEqual(now - start, timedelta(days=1))

    def test_ids(self) -> None:
        """Each connector has its own two profiles, and a new order replaces the one before."""
        ids = []
        for connector in (1, 2, 3, 1):
            self.evse = self.make(connector=connector)
            self.successResultOf(self.apply(6000, 77, from_scratch=True))
            ids.append(tuple(profile["chargingProfileId"] for profile in self.profiles()[-2:]))
        self.assertEqual(ids[0], ids[3])
        self.assertEqual(len({number for pair in ids for number in pair}), 6)

    def test_refused(self) -> None:
        """A Charge Point that says no is a refusal, with its word for it and what was tried."""
        for status in ("Rejected", "NotSupported"):
            self.peer.answers["SetChargingProfile"] = {"status": status}
            failure = self.failureResultOf(self.apply(6000, 77), DeviceRefusal)
            self.assertIn(f"refused as TxProfile in A ({status}); ", str(failure.value))

    def test_forbidsByDefault(self) -> None:
        """It says whether the default profile was taken, where it was sent."""
        self.assertIs(True, self.successResultOf(self.apply(0)))
        self.assertIs(True, self.successResultOf(self.apply(6000, 77, from_scratch=True)))
        self.assertIsNone(self.successResultOf(self.apply(6000, 77)))

    def test_firstNotAnswered(self) -> None:
        """When nothing answers the first profile, the second is not even tried."""
        self.peer.answers.clear()
        ordered = self.apply(6000, 77, from_scratch=True)
        self.world.clock.advance(30)
        self.assertUnknown(ordered)
        self.assertEqual(self.limits(), [0])

    def test_callError(self) -> None:
        """A CALLERROR is a refusal; an answer that is none leaves everything open."""
        del self.peer.answers["SetChargingProfile"]
        ordered = self.apply(6000, 77)
        self.peer.say([4, self.peer.requests()[0][1], "NotImplemented", "", {}])
        self.failureResultOf(ordered, DeviceRefusal)
        self.peer.answers["SetChargingProfile"] = {"status": "Perhaps"}
        self.assertUnknown(self.apply(6000, 77))

    def assertUnknown(self, ordered: Deferred[bool | None]) -> None:
        """Fail unless it is not known whether C{ordered} is obeyed."""
        failure = self.failureResultOf(ordered, DeviceError)
        self.assertNotIsInstance(failure.value, DeviceRefusal)

    def test_noAnswer(self) -> None:
        """Without an answer it is not known whether it obeys."""
        self.peer.answers.clear()
        ordered = self.apply(6000, 77)
        self.world.clock.advance(30)
        self.assertUnknown(ordered)

    def test_lost(self) -> None:
        """When the connection is lost meanwhile, it is not known either."""
        self.peer.answers.clear()
        ordered = self.apply(6000, 77)
        self.peer.lose()
        self.assertUnknown(ordered)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_notConnected(self) -> None:
        """Who is not there cannot be ordered anything."""
        self.evse = self.make(identity="CP-2")
        self.assertUnknown(self.apply(6000, 77))


class Words(SynchronousTestCase):
    """What the operator, or the make, says of a Charge Point."""

    def setUp(self) -> None:
        """It takes all."""
        self.world = World()
        self.peer = self.world.connect()
        self.peer.answers = dict(ACCEPTED)
        now = self.world.system.roster.environment.now
        self.evse = Ocpp16Evse("bay-1", 3, ("CP-1", 1), self.world.system, now, 16_000)

    def profile(self, *quirks: Quirk) -> dict[str, Any]:
        """The profile that limits a transaction of one with these quirks."""
        for quirk in quirks:
            self.world.system.learn("CP-1", quirk)
        self.successResultOf(self.evse.apply(Setpoint(6000, WHY), 77, False))
        found: dict[str, Any] = self.peer.requests("SetChargingProfile")[-1][3]
        return found["csChargingProfiles"]

    def test_watts(self) -> None:
        """One that wants watts gets them at once."""
        schedule = self.profile(Quirk.WATTS)["chargingSchedule"]
        self.assertEqual("W", schedule["chargingRateUnit"])
        self.assertEqual(1242, schedule["chargingSchedulePeriod"][0]["limit"])

    def test_relative(self) -> None:
        """A relative profile has no start of its own."""
        profile = self.profile(Quirk.RELATIVE_PROFILES)
        self.assertEqual("Relative", profile["chargingProfileKind"])
        self.assertNotIn("startSchedule", profile["chargingSchedule"])

    def test_default(self) -> None:
        """One that takes no TxProfile is limited by its connector's default profile."""
        profile = self.profile(Quirk.DEFAULT_PROFILES)
        self.assertEqual("TxDefaultProfile", profile["chargingProfilePurpose"])
        self.assertNotIn("transactionId", profile)
