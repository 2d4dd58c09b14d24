"""Charging profiles from and to the messages of OCPP 1.6."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.limits.schedules.ocpp16 import (
    criteria_of,
    profile_of,
    schedule_of,
    to_charging_schedule,
    to_request,
)
from cfos_cm.limits.schedules.profile import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
)
from cfos_cm.limits.schedules.store import Criteria
from cfos_cm.v16.smart_charging import ClearChargingProfileRequest
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    RecurrencyKind,
)

from .builders import at, daily, maximum, profile, relative, tx


def message(**changed: Any) -> ChargingProfile:
    """A profile with every field, as it comes."""
    given: dict[str, Any] = {
        "charging_profile_id": 7,
        "stack_level": 2,
        "charging_profile_purpose": ChargingProfilePurpose.TX_PROFILE,
        "charging_profile_kind": ChargingProfileKind.RECURRING,
        "recurrency_kind": RecurrencyKind.WEEKLY,
        "transaction_id": 1001,
        "valid_from": "2026-03-01T00:00:00Z",
        "valid_to": "2026-03-08T01:00:00+01:00",
        "charging_schedule": schedule(),
    }
    return ChargingProfile(**{**given, **changed})


def schedule(**changed: Any) -> ChargingSchedule:
    """A schedule with every field, as it comes."""
    given: dict[str, Any] = {
        "charging_rate_unit": ChargingRateUnit.W,
        "charging_schedule_period": (
            ChargingSchedulePeriod(start_period=0, limit=11_000.5, number_phases=2),
            ChargingSchedulePeriod(start_period=60, limit=16.4),
        ),
        "duration": 600,
        "start_schedule": "2026-03-01T22:00:00.750+01:00",
        "min_charging_rate": 4.1,
    }
    return ChargingSchedule(**{**given, **changed})


class ReadingTests(SynchronousTestCase):
    """From a message."""

    def test_everything(self) -> None:
        """Each field has its place."""
        self.assertEqual(
            Profile(
                id=7,
                connector=1,
                purpose=Purpose.TX,
                kind=Kind.RECURRING,
                schedule=Schedule(
                    RateUnit.W,
                    (Period(0, 11_000_500, 2), Period(60, 16_400)),
                    at("2026-03-01 21:00"),
                    600,
                    4_100,
                ),
                stack_level=2,
                recurrency=Recurrency.WEEKLY,
                valid_from_s=at("2026-03-01 00:00"),
                valid_to_s=at("2026-03-08 00:00"),
                transaction_id=1001,
            ),
            profile_of(1, message()),
        )

    def test_not_used(self) -> None:
        """A transactionId is of a TxProfile only, and a recurrencyKind of a recurring one."""
        read = profile_of(
            0,
            message(
                charging_profile_purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
                charging_profile_kind=ChargingProfileKind.ABSOLUTE,
            ),
        )
        self.assertIsNone(read.transaction_id)
        self.assertIsNone(read.recurrency)

    def test_finer_than_a_thousandth(self) -> None:
        """What is finer than a thousandth is cut off, so that no limit rises."""
        period = ChargingSchedulePeriod(start_period=0, limit=15.99999)
        read = schedule_of(schedule(charging_schedule_period=(period,)))
        self.assertEqual(15_999, read.periods[0].limit_milli)

    def test_no_number(self) -> None:
        """What is no number is refused."""
        for limit in (float("nan"), float("inf")):
            period = ChargingSchedulePeriod(start_period=0, limit=limit)
            bad = message(charging_schedule=schedule(charging_schedule_period=(period,)))
            error = self.assertRaises(RemoteProtocolError, profile_of, 1, bad)
            self.assertIn("limit is", str(error))

    def test_no_time(self) -> None:
        """What is no point in time is refused, wherever it stands."""
        for bad in (
            message(valid_from="yesterday"),
            message(valid_to="2026-02-30T00:00:00Z"),
            message(charging_schedule=schedule(start_schedule="")),
        ):
            self.assertRaises(RemoteProtocolError, profile_of, 1, bad)

    def test_criteria(self) -> None:
        """What a ClearChargingProfile names, and no more."""
        self.assertEqual(Criteria(), criteria_of(ClearChargingProfileRequest()))
        self.assertEqual(
            Criteria(0, 0, Purpose.CHARGE_POINT_MAX, 0),
            criteria_of(
                ClearChargingProfileRequest(
                    id=0,
                    connector_id=0,
                    charging_profile_purpose=ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE,
                    stack_level=0,
                )
            ),
        )


class WritingTests(SynchronousTestCase):
    """To a message."""

    def test_there_and_back(self) -> None:
        """What is written is read as it was."""
        for one in (
            profile((0, 16), (60, 6.5), phases=1, min_rate=6, valid_to="2026-04-01 00:00"),
            daily((0, 11_000.5), unit=RateUnit.W, duration=600, stack_level=3),
            relative((0, 0)),
            tx((0, 10), transaction_id=1001),
            maximum((0, 20), valid_from="2026-03-01 00:00"),
        ):
            request = to_request(one)
            self.assertIsNone(request.unfit())
            back = profile_of(request.connector_id, request.cs_charging_profiles)
            self.assertEqual(one, back)

    def test_rounded_down(self) -> None:
        """A limit is written with one decimal, and never a higher one."""
        written = to_charging_schedule(profile((0, 15.999)).schedule)
        self.assertIsNone(written.unfit())
        self.assertEqual(15.9, written.charging_schedule_period[0].limit)

    def test_text_as_id(self) -> None:
        """A transaction whose id is a text cannot be named in OCPP 1.6."""
        self.assertRaises(LocalProtocolError, to_request, tx((0, 6), transaction_id="T-1"))

    def test_far_future(self) -> None:
        """Nor can a time after the year 9999."""
        far = evolve(profile((0, 6)), valid_to_s=2**62)
        self.assertRaises(LocalProtocolError, to_request, far)
