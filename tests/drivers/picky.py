"""A Charge Point in memory that takes charging profiles in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp
from tests.central_system.world import BOOT, Peer, World

__all__ = ["Picky", "PickyPeer", "Profile"]

Profile = Mapping[str, Any]

_DAY_S = 86_400
VOLTAGE_V = 230
HARDWARE_A = 32.0


@define
class Picky:
    """
    How it takes profiles.

    @ivar takes: whether it accepts one.
    @ivar heeds: whether it obeys one that it has accepted.
    @ivar no: what it says to one that it does not accept; C{None}: that it is not supported.
    @ivar says: what its limits come to, given what they really do; C{None}: it refuses that.
    @ivar clears: what it says to a ClearChargingProfile, and whether it does it; C{None}: it
        does what the specification says.
    @ivar announces: its configuration.
    @ivar heeds_durations: a profile ends with its duration.
    @ivar ahead: how far its clock is ahead of everybody's.
    @ivar car_a: what its car takes at most. [A]
    """

    takes: Callable[[Profile], bool] = lambda _: True
    heeds: Callable[[Profile], bool] = lambda _: True
    no: str | None = "Rejected"
    says: Callable[[float], float] | None = lambda limit_a: limit_a
    clears: tuple[str, bool] | None = None
    announces: Mapping[str, str] = field(factory=dict)
    heeds_durations: bool = True
    ahead: timedelta = timedelta()
    car_a: float = HARDWARE_A


class PickyPeer(Peer):
    """
    It answers by a L{Picky}.

    @ivar picky: may be changed at any time.
    @ivar stored: the profiles that it has, by their ids.
    @ivar transaction: the id of the one that runs.
    """

    def __init__(
        self, world: World, picky: Picky | None = None, identity: str = "CP-2"
    ) -> None:
        self.picky = Picky() if picky is None else picky
        self.stored: dict[int, Profile] = {}
        self.transaction: int | None = None
        super().__init__(world, identity)
        self.ask("BootNotification", BOOT)
        self.forget_calls()

    def charge(self, id_tag: str = "04AABB") -> int:
        """Begin a transaction; its id."""
        self.status("Preparing")
        answer = self.ask(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": id_tag,
                "meterStart": 1000,
                "timestamp": format_timestamp(self.clock()),
            },
        )
        self.transaction = answer["transactionId"]
        return self.transaction

    def stop(self) -> None:
        """End the transaction, and what was for it."""
        assert self.transaction is not None
        stop = {
            "transactionId": self.transaction,
            "meterStop": 2000,
            "timestamp": format_timestamp(self.clock()),
        }
        self.transaction = None
        self.stored = {
            number: one
            for number, one in self.stored.items()
            if one["chargingProfilePurpose"] != "TxProfile"
        }
        self.ask("StopTransaction", stop)

    def status(self, status: str) -> None:
        """Say what the connector does."""
        self.ask(
            "StatusNotification",
            {
                "connectorId": 1,
                "errorCode": "NoError",
                "status": status,
                "timestamp": format_timestamp(self.clock()),
            },
        )

    def clock(self) -> datetime:
        """What time it is by its own clock."""
        environment = self.world.system.roster.environment
        return environment.now() + self.picky.ahead

    def limit_a(self, later_s: float = 0) -> float:
        """What it lets its car have, on one phase; without a car, what a car would have. [A]"""
        at = self.clock() + timedelta(seconds=later_s)
        limits = {
            one["chargingProfilePurpose"]: _limit_a(one)
            for one in self.stored.values()
            if self._is_in_force(one, at)
        }
        own = limits.get("TxProfile", limits.get("TxDefaultProfile", HARDWARE_A))
        return min(own, limits.get("ChargePointMaxProfile", HARDWARE_A), self.picky.car_a)

    def asked(self) -> list[str]:
        """The actions that came, and the purposes of profiles, oldest first."""
        return [
            frame[3]["csChargingProfiles"]["chargingProfilePurpose"]
            if frame[2] == "SetChargingProfile"
            else frame[2]
            for frame in self.requests()
        ]

    def profiles(self) -> list[Profile]:
        """The profiles that came, accepted or not, oldest first."""
        return [frame[3]["csChargingProfiles"] for frame in self.requests("SetChargingProfile")]

    def forget_calls(self) -> None:
        """Let the lists begin anew."""
        self.received.clear()

    def _receive(self, text: bytes) -> None:
        super()._receive(text)
        frame = json.loads(text)
        if frame[0] == 2 and frame[2] not in self.answers:
            answer = _ANSWERS[frame[2]](self, frame[3])
            self.say(
                [4, frame[1], "NotSupported", "", {}]
                if answer is None
                else [3, frame[1], answer]
            )

    def _set(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        profile = request["csChargingProfiles"]
        of_transaction = profile["chargingProfilePurpose"] == "TxProfile"
        if of_transaction and profile.get("transactionId") != self.transaction:
            return {"status": "Rejected"}
        if not self.picky.takes(profile):
            return None if self.picky.no is None else {"status": self.picky.no}
        if self.picky.heeds(profile):
            number = profile["chargingProfileId"]
            self.stored[number] = {**profile, "connector": request["connectorId"]}
        return {"status": "Accepted"}

    def _composite(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.picky.says is None:
            return None
        periods: list[dict[str, Any]] = []
        for second in range(0, request["duration"], 10):
            limit = self.picky.says(self.limit_a(second))
            if not periods or periods[-1]["limit"] != limit:
                periods.append({"startPeriod": second, "limit": limit, "numberPhases": 3})
        unit = request["chargingRateUnit"]
        if unit == "W":
            for one in periods:
                one["limit"] *= 3 * VOLTAGE_V
        return {
            "status": "Accepted",
            "connectorId": request["connectorId"],
            "scheduleStart": format_timestamp(self.clock()),
            "chargingSchedule": {
                "chargingRateUnit": unit,
                "duration": request["duration"],
                "chargingSchedulePeriod": periods,
            },
        }

    def _clear(self, request: Mapping[str, Any]) -> dict[str, Any]:
        kept = {
            number: one for number, one in self.stored.items() if not _is_meant(one, request)
        }
        found = len(kept) < len(self.stored)
        status, done = self.picky.clears or ("Accepted" if found else "Unknown", True)
        if done:
            self.stored = kept
        return {"status": status}

    def _configuration(self, request: Mapping[str, Any]) -> dict[str, Any]:
        known = self.picky.announces
        return {
            "configurationKey": [
                {"key": key, "readonly": True, "value": known[key]}
                for key in request["key"]
                if key in known
            ],
            "unknownKey": [key for key in request["key"] if key not in known],
        }

    def _is_in_force(self, profile: Profile, at: datetime) -> bool:
        if profile["chargingProfilePurpose"] == "TxProfile" and self.transaction is None:
            return False
        schedule = profile["chargingSchedule"]
        start = schedule.get("startSchedule")
        if start is None:
            return True
        elapsed_s = (at - parse_timestamp(start)).total_seconds()
        duration_s = schedule.get("duration") if self.picky.heeds_durations else None
        return elapsed_s >= 0 and (duration_s is None or elapsed_s < duration_s)


def _limit_a(profile: Profile) -> float:
    schedule = profile["chargingSchedule"]
    (period,) = schedule["chargingSchedulePeriod"]
    if schedule["chargingRateUnit"] == "A":
        return float(period["limit"])
    return float(period["limit"] / VOLTAGE_V / period.get("numberPhases", 3))


def _is_meant(profile: Profile, request: Mapping[str, Any]) -> bool:
    if "id" in request:
        return bool(profile["chargingProfileId"] == request["id"])
    return all(
        request.get(name, found) == found
        for name, found in (
            ("connectorId", profile["connector"]),
            ("chargingProfilePurpose", profile["chargingProfilePurpose"]),
            ("stackLevel", profile["stackLevel"]),
        )
    )


_ANSWERS: Mapping[str, Callable[[PickyPeer, Mapping[str, Any]], dict[str, Any] | None]] = {
    "ClearChargingProfile": PickyPeer._clear,
    "GetCompositeSchedule": PickyPeer._composite,
    "GetConfiguration": PickyPeer._configuration,
    "SetChargingProfile": PickyPeer._set,
}
