"""The charging profiles of a virtual wallbox: how many, how far ahead, and what it refuses."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.profiles import (
    MAX_COMPOSITE_S,
    MAX_PERIODS,
    MAX_PROFILES,
    MAX_STACK_LEVEL,
)

from .central_system import Rig

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}


def default(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A TxDefaultProfile of 10 A that always holds."""
    given: dict[str, Any] = {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-03-01T00:00:00Z",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}],
        },
    }
    return {**given, **changed}


def as_many_as_fit() -> list[dict[str, Any]]:
    """Profiles for connector 0, of which none replaces another."""
    purposes = ("TxDefaultProfile", "ChargePointMaxProfile")
    return [
        default(number, stackLevel=number % 10, chargingProfilePurpose=purposes[number // 10])
        for number in range(MAX_PROFILES)
    ]


def of_periods(count: int, length_s: int = 60) -> dict[str, Any]:
    """A schedule of so many periods, each unlike the one before."""
    return {
        "chargingRateUnit": "A",
        "startSchedule": "2026-03-02T12:00:00Z",
        "chargingSchedulePeriod": [
            {"startPeriod": length_s * number, "limit": 6 + number % 2}
            for number in range(count)
        ],
    }


class ProfileTests(SynchronousTestCase):
    """At a wallbox where nothing charges."""

    def setUp(self) -> None:
        """The wallbox, on 2 March 2026 at noon."""
        self.rig = Rig(id_tag=None)

    def put(self, profile: dict[str, Any], connector: int = 1) -> Any:
        """Set a profile."""
        return self.rig.central_system.ask(
            "SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile}
        )

    def composite(self, duration_s: int, connector: int = 1) -> dict[str, Any]:
        """Its composite schedule."""
        answer = self.rig.central_system.ask(
            "GetCompositeSchedule", {"connectorId": connector, "duration": duration_s}
        )
        assert isinstance(answer, dict)
        self.assertEqual("Accepted", answer["status"])
        schedule: dict[str, Any] = answer["chargingSchedule"]
        return schedule

    def test_announced(self) -> None:
        """Its configuration says what it has room for."""
        answer = self.rig.central_system.ask("GetConfiguration", {})
        assert isinstance(answer, dict)
        found = {each["key"]: each.get("value") for each in answer["configurationKey"]}
        self.assertEqual(str(MAX_PROFILES), found["MaxChargingProfilesInstalled"])
        self.assertEqual(str(MAX_PERIODS), found["ChargingScheduleMaxPeriods"])
        self.assertEqual(str(MAX_STACK_LEVEL), found["ChargeProfileMaxStackLevel"])

    def test_as_many_as_announced(self) -> None:
        """It takes as many profiles as it says, one more is refused, another version is not."""
        for profile in as_many_as_fit():
            self.assertEqual(ACCEPTED, self.put(profile, connector=0))
        self.assertEqual(REJECTED, self.put(default(99)))
        self.assertEqual(ACCEPTED, self.put(default(1)))

    def test_bounds(self) -> None:
        """It takes the highest level and the most periods that it says, and no more."""
        good = (
            default(stackLevel=MAX_STACK_LEVEL),
            default(chargingSchedule=of_periods(MAX_PERIODS)),
        )
        bad = (
            default(stackLevel=MAX_STACK_LEVEL + 1),
            default(chargingSchedule=of_periods(MAX_PERIODS + 1)),
        )
        self.assertEqual([ACCEPTED] * 2, [self.put(each) for each in good])
        self.assertEqual([REJECTED] * 2, [self.put(each) for each in bad])

    def test_bad_time(self) -> None:
        """A time that is none is a CALLERROR."""
        self.assertEqual(
            "PropertyConstraintViolation",
            self.rig.central_system.ask_anything(
                "SetChargingProfile",
                {"connectorId": 1, "csChargingProfiles": default(validFrom="yesterday")},
            ),
        )

    def test_recurring_without_kind(self) -> None:
        """A recurring profile has to say how often it recurs."""
        self.assertEqual(REJECTED, self.put(default(chargingProfileKind="Recurring")))

    def test_a_day_ahead(self) -> None:
        """Asked for a year it tells a day."""
        self.assertEqual(MAX_COMPOSITE_S, self.composite(365 * 86_400)["duration"])

    def test_composite_periods(self) -> None:
        """More periods than it announces are cut off, and the duration with them."""
        self.put(default(chargingSchedule=of_periods(MAX_PERIODS)))
        later = {**of_periods(MAX_PERIODS), "startSchedule": "2026-03-02T12:10:30Z"}
        self.put(default(2, stackLevel=1, chargingSchedule=later))
        schedule = self.composite(36_000)
        self.assertEqual(MAX_PERIODS, len(schedule["chargingSchedulePeriod"]))
        # Eleven minutes by the lower one, the last of them half, then by the higher one.
        self.assertEqual(
            [600, 690],
            [each["startPeriod"] for each in schedule["chargingSchedulePeriod"]][10:12],
        )
        self.assertEqual(630 + 60 * 14, schedule["duration"])

    def test_instant(self) -> None:
        """For a duration of 0 it tells what holds now."""
        self.put(default())
        schedule = self.composite(0)
        self.assertEqual(
            ([{"startPeriod": 0, "limit": 10, "numberPhases": 3}], 0),
            (schedule["chargingSchedulePeriod"], schedule["duration"]),
        )

    def test_no_such_connector(self) -> None:
        """Of a connector that it has not it tells nothing."""
        answer = self.rig.central_system.ask(
            "GetCompositeSchedule", {"connectorId": 2, "duration": 60}
        )
        self.assertEqual(REJECTED, answer)


class RemoteStartTests(SynchronousTestCase):
    """A profile that comes with a RemoteStartTransaction."""

    def start(self, rig: Rig, **changed: Any) -> Any:
        """Start with a TxProfile of 10 A."""
        given = {"chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative"}
        profile = default(**given, **changed)
        return rig.central_system.ask(
            "RemoteStartTransaction",
            {"idTag": "app", "connectorId": 1, "chargingProfile": profile},
        )

    def test_refused(self) -> None:
        """One that names a transaction, or that could not be set, is refused with the start."""
        rig = Rig(id_tag=None)
        for changed in ({"transactionId": 5}, {"stackLevel": 99}):
            self.assertEqual(REJECTED, self.start(rig, **changed))

    def test_no_room(self) -> None:
        """Where there is no room for it the start is refused."""
        rig = Rig(id_tag=None)
        for profile in as_many_as_fit():
            rig.central_system.ask(
                "SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile}
            )
        self.assertEqual(MAX_PROFILES, len(rig.wallbox.evse.profiles))
        self.assertEqual(REJECTED, self.start(rig, chargingProfileId=99))

    def test_obeyed(self) -> None:
        """It is there when the car comes, and gone when the car goes."""
        rig = Rig(id_tag=None, arrives_after_s=30)
        self.assertEqual(ACCEPTED, self.start(rig))
        self.assertEqual(0, len(rig.wallbox.evse.profiles))
        rig.run(31)
        (kept,) = rig.wallbox.evse.profiles.in_order
        self.assertEqual((1, "TxProfile"), (kept.id, kept.purpose))
        rig.central_system.ask("RemoteStopTransaction", {"transactionId": 1001})
        self.assertEqual(0, len(rig.wallbox.evse.profiles))
