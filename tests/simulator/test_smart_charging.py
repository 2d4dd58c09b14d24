"""
Smart charging over a real socket: a Central System that we did not write sets profiles and asks
what they come to. The answers were worked out by hand. 2 March 2026 is a Monday.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ocpp.v16 import call
from twisted.internet import reactor

from cfos_cm.simulator.charge_point_service import ChargePointService

from .central_system import settings
from .test_charge_point_service import ServiceTestCase

HOUR_S = 3600

#: By day 16 A, in the evening 12 A for the whole Charge Point, at night 10 and then 6 A.
DAY = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-03-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}
NIGHT = {
    "chargingProfileId": 2,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Daily",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-02-01T23:00:00+01:00",
        "duration": 8 * HOUR_S,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 10.0},
            {"startPeriod": 4 * HOUR_S, "limit": 6.0},
        ],
    },
}
EVENING = {
    "chargingProfileId": 3,
    "stackLevel": 0,
    "chargingProfilePurpose": "ChargePointMaxProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-03-02T18:00:00Z",
        "duration": 2 * HOUR_S,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 12.0}],
    },
}
#: An hour with 5520 W on three phases, which is 8 A, from the start of the transaction on.
FIRST_HOUR = {
    "chargingProfileId": 4,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "duration": HOUR_S,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5520.0}],
    },
}

#: From Monday at noon on: in A, and in W.
WITH_TRANSACTION = [
    (0, 8.0, 5520.0),
    (1 * HOUR_S, 16.0, 11040.0),  # the TxProfile is over
    (6 * HOUR_S, 12.0, 8280.0),  # 18:00
    (8 * HOUR_S, 16.0, 11040.0),  # 20:00
    (10 * HOUR_S, 10.0, 6900.0),  # 22:00
    (14 * HOUR_S, 6.0, 4140.0),  # 02:00
    (18 * HOUR_S, 16.0, 11040.0),  # 06:00
]


class SmartChargingTests(ServiceTestCase):
    """A wallbox whose clock says what the test wants it to say."""

    async def connected(self, **changed: Any) -> None:
        """A wallbox that has booted, on Monday at noon."""
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        given = {
            "url": f"ws://127.0.0.1:{self.server.port}/",
            "arrives_after_s": 0,
            "meter_interval_s": 0,
            **changed,
        }
        wallbox = ChargePointService(
            "bay-1", settings(**given), reactor, lambda: self.now, first_wait_s=0.05
        )
        self.addCleanup(lambda: wallbox.stopService() if wallbox.running else None)
        wallbox.startService()
        await self.server.until(lambda: bool(self.server.statuses()))

    async def charging(self) -> None:
        """The same, and a car charges."""
        await self.connected()
        await self.server.until(lambda: self.server.statuses()[-1:] == ["Charging"])

    async def put(self, *profiles: tuple[int, dict[str, Any]]) -> list[str]:
        """Set profiles; the answers."""
        return [
            (
                await self.server.ask(
                    call.SetChargingProfile(connector_id=connector, cs_charging_profiles=each)
                )
            ).status
            for connector, each in profiles
        ]

    async def clear(self, **criteria: Any) -> str:
        """Clear profiles; the answer."""
        answer = await self.server.ask(call.ClearChargingProfile(**criteria))
        status: str = answer.status
        return status

    async def composite(
        self, duration_s: int, connector: int = 1, unit: str | None = None
    ) -> list[tuple[int, float]]:
        """The periods of the composite schedule."""
        answer = await self.server.ask(
            call.GetCompositeSchedule(
                connector_id=connector, duration=duration_s, charging_rate_unit=unit
            )
        )
        self.assertEqual("Accepted", answer.status)
        self.assertEqual(self.now, datetime.fromisoformat(answer.schedule_start))
        self.assertEqual(duration_s, answer.charging_schedule["duration"])
        self.assertEqual(unit or "A", answer.charging_schedule["charging_rate_unit"])
        return [
            (each["start_period"], each["limit"])
            for each in answer.charging_schedule["charging_schedule_period"]
        ]

    async def test_composite_schedule(self) -> None:
        """Every purpose, two levels, a recurring one, a relative one, and both units."""
        await self.charging()
        answers = await self.put((0, DAY), (1, NIGHT), (0, EVENING), (1, FIRST_HOUR))
        self.assertEqual(["Accepted"] * 4, answers)
        in_amps = [(start_s, amps) for start_s, amps, _ in WITH_TRANSACTION]
        in_watts = [(start_s, watts) for start_s, _, watts in WITH_TRANSACTION]
        self.assertEqual(in_amps, await self.composite(24 * HOUR_S))
        self.assertEqual(in_watts, await self.composite(24 * HOUR_S, unit="W"))
        self.assertEqual(in_amps, await self.composite(24 * HOUR_S, connector=0))

    async def test_without_transaction(self) -> None:
        """Where no transaction runs it tells what one could begin with."""
        await self.connected(id_tag=None)
        answers = await self.put((0, DAY), (1, NIGHT), (0, EVENING), (1, FIRST_HOUR))
        self.assertEqual(["Accepted"] * 3 + ["Rejected"], answers)
        self.assertEqual(
            [(0, 16.0), *((start_s, amps) for start_s, amps, _ in WITH_TRANSACTION[2:])],
            await self.composite(24 * HOUR_S),
        )

    async def test_time_goes_by(self) -> None:
        """The next day at 01:59:59 it is 10 A, a second later 6 A."""
        await self.connected(id_tag=None)
        await self.put((1, NIGHT))
        self.now = datetime(2026, 3, 3, 1, 59, 59, tzinfo=UTC)
        self.assertEqual([(0, 10.0), (1, 6.0)], await self.composite(60))
        self.assertEqual([(0, 10.0)], await self.composite(0))
        self.now = datetime(2026, 3, 3, 6, 0, 0, tzinfo=UTC)
        self.assertEqual([(0, 32.0)], await self.composite(0))

    async def test_transaction_ends(self) -> None:
        """A TxProfile is for its transaction only, and gone with it."""
        await self.charging()
        of_another = {**FIRST_HOUR, "transactionId": 5}
        of_this = {**FIRST_HOUR, "transactionId": 4711}
        self.assertEqual(
            ["Accepted", "Rejected", "Accepted"],
            await self.put((1, DAY), (1, of_another), (1, of_this)),
        )
        self.assertEqual([(0, 8.0), (HOUR_S, 16.0)], await self.composite(2 * HOUR_S))
        await self.server.ask(call.RemoteStopTransaction(transaction_id=4711))
        await self.server.until(lambda: bool(self.server.of("StopTransaction")))
        self.assertEqual([(0, 16.0)], await self.composite(2 * HOUR_S))
        self.assertEqual("Unknown", await self.clear(id=4))

    async def test_remote_start(self) -> None:
        """A TxProfile that comes with a RemoteStartTransaction goes before the default."""
        await self.connected(id_tag=None)
        await self.put((1, NIGHT), (0, DAY))
        # The car has to be there, or the start would wait for it.
        await self.server.until(lambda: self.server.statuses()[-1:] == ["Preparing"])
        answer = await self.server.ask(
            call.RemoteStartTransaction(
                id_tag="app", connector_id=1, charging_profile=FIRST_HOUR
            )
        )
        self.assertEqual("Accepted", answer.status)
        await self.server.until(lambda: self.server.statuses()[-1:] == ["Charging"])
        self.assertEqual([(0, 8.0), (HOUR_S, 16.0)], await self.composite(2 * HOUR_S))

    async def test_clear(self) -> None:
        """ClearChargingProfile takes back what each of its criteria means, and no more."""
        await self.charging()
        everything = ((0, DAY), (1, NIGHT), (0, EVENING), (1, FIRST_HOUR))
        # What is left of noon, 18:00 and 22:00.
        for criteria, status, left in (
            ({"id": 4}, "Accepted", (16.0, 12.0, 10.0)),
            ({"id": 4, "connector_id": 0}, "Accepted", (16.0, 12.0, 10.0)),
            ({"id": 99}, "Unknown", (8.0, 12.0, 10.0)),
            ({"connector_id": 0}, "Accepted", (8.0, 32.0, 10.0)),
            ({"connector_id": 1}, "Accepted", (16.0, 12.0, 16.0)),
            ({"stack_level": 1}, "Accepted", (8.0, 12.0, 16.0)),
            ({"stack_level": 2}, "Unknown", (8.0, 12.0, 10.0)),
            (
                {"charging_profile_purpose": "ChargePointMaxProfile"},
                "Accepted",
                (8.0, 16.0, 10.0),
            ),
            ({"charging_profile_purpose": "TxProfile"}, "Accepted", (16.0, 12.0, 10.0)),
            (
                {"connector_id": 1, "charging_profile_purpose": "TxDefaultProfile"},
                "Accepted",
                (8.0, 12.0, 16.0),
            ),
            ({"connector_id": 0, "stack_level": 1}, "Unknown", (8.0, 12.0, 10.0)),
            ({}, "Accepted", (32.0, 32.0, 32.0)),
        ):
            self.assertEqual(["Accepted"] * 4, await self.put(*everything))
            self.assertEqual(status, await self.clear(**criteria), criteria)
            periods = await self.composite(24 * HOUR_S)
            found = tuple(
                [limit for start_s, limit in periods if start_s <= hour * HOUR_S][-1]
                for hour in (0, 6, 10)
            )
            self.assertEqual(left, found, criteria)
        self.assertEqual("Unknown", await self.clear())
