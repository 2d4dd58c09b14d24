"""What a backend lets EVSEs draw."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point import profiles as module
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.profiles import BackendProfiles
from cfos_cm.charge_point.settings import GatewayRole, GatewaySettings
from cfos_cm.charge_point.transactions import Transactions
from cfos_cm.counters import Counters
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.site.events import EvseLimited, SiteEvent
from cfos_cm.site.state import SiteState
from cfos_cm.v16.actions import encode
from cfos_cm.v16.smart_charging import (
    ClearChargingProfileRequest,
    GetCompositeScheduleRequest,
    SetChargingProfileRequest,
)
from cfos_cm.v16.types import ChargingProfile
from tests.charge_point.backend_world import NOON, FakeDevices, connector, settings
from tests.charge_point.memory import InMemory, InMemorySecurityLog, InMemoryVault
from tests.charge_point.memory_outbox import MemoryOutbox

_TEXT_OF_NOON = "2026-06-01T12:00:00Z"


def profile(
    *limits: float | tuple[float, float],
    id: int = 1,  # noqa: A002
    purpose: str = "TxDefaultProfile",
    kind: str = "Absolute",
    level: int = 0,
    unit: str = "A",
    phases: int | None = None,
    duration: int | None = None,
    starts: str | None = _TEXT_OF_NOON,
    **other: Any,
) -> ChargingProfile:
    """A profile; a limit is a number, or a number with the second from which on it holds."""
    rows = [limit if isinstance(limit, tuple) else (limit, 0) for limit in limits]
    schedule: dict[str, Any] = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": start, "limit": limit}
            | ({} if phases is None else {"numberPhases": phases})
            for limit, start in rows
        ],
    }
    if duration is not None:
        schedule["duration"] = duration
    if starts is not None and kind != "Relative":
        schedule["startSchedule"] = starts
    found: dict[str, Any] = {
        "chargingProfileId": id,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
        **other,
    }
    return msgspec.convert(found, ChargingProfile)


class Case(SynchronousTestCase):
    """One gateway's charging profiles, on a virtual clock."""

    configured: GatewaySettings = settings()

    def setUp(self) -> None:
        """Nothing is limited, and nothing charges."""
        self.memory = InMemory()
        self.clock = Clock()
        self.shift = timedelta()
        self.transactions = Transactions("north", self.transaction_changed)
        self.restart()
        self.addCleanup(lambda: self.profiles.close())

    def transaction_changed(self, _one: object) -> None:
        """A transaction has begun or is over."""
        self.profiles.transactions_changed()

    def restart(self) -> None:
        """The program starts again; the transactions still run."""
        if hasattr(self, "profiles"):
            self.profiles.close()
        self.events: list[SiteEvent] = []
        environment = GatewayEnvironment(
            clock=self.clock,
            now=self.now,
            new_unique_id=str,
            outbox=MemoryOutbox(),
            memory=self.memory,
            vault=InMemoryVault(),
            security_log=InMemorySecurityLog(self.now),
            devices=FakeDevices(),
            site=SiteState,
            report=self.events.append,
            counters=Counters(),
        )
        self.profiles = BackendProfiles(self.configured, environment, self.transactions.running)
        self.profiles.restore(self.successResultOf(self.memory.load()))

    def now(self) -> datetime:
        """Noon, and as long as the clock runs."""
        return NOON + timedelta(seconds=self.clock.seconds()) + self.shift

    def begin(self, transaction_id: int = 7, number: int = 1, backend_id: int = 700) -> None:
        """A transaction begins."""
        self.transactions.begun(transaction_id, number, "card", self.now())
        self.transactions.bound(transaction_id, backend_id)
        self.profiles.transactions_changed()

    def put(self, number: int, one: ChargingProfile) -> str:
        """What SetChargingProfile is answered with."""
        request = SetChargingProfileRequest(connector_id=number, cs_charging_profiles=one)
        return self.successResultOf(self.profiles.set(request)).status.value

    def accept(self, number: int, one: ChargingProfile) -> None:
        """The profile has to be accepted."""
        self.assertEqual("Accepted", self.put(number, one))

    def clear(self, **criteria: Any) -> str:
        """What ClearChargingProfile is answered with."""
        request = msgspec.convert(criteria, ClearChargingProfileRequest)
        return self.successResultOf(self.profiles.clear(request)).status.value

    def composite(self, number: int = 1, duration: int = 400, **unit: Any) -> Any:
        """The steps of the composite schedule; the status where there is none."""
        request = msgspec.convert(
            {"connectorId": number, "duration": duration, **unit}, GetCompositeScheduleRequest
        )
        found = self.profiles.composite(request)
        encode(found)
        if found.charging_schedule is None:
            return found.status.value
        return [
            (one.start_period, one.limit)
            for one in found.charging_schedule.charging_schedule_period
        ]

    @property
    def limits(self) -> dict[str, int | None]:
        """What each EVSE may draw by what was reported. [mA]"""
        return {
            event.evse: event.current_ma
            for event in self.events
            if isinstance(event, EvseLimited)
        }


class Cases(Case):
    """The cases that certification asks for."""

    def test_056_default(self) -> None:
        """A TxDefaultProfile is accepted, and the composite schedule is the profile."""
        self.accept(1, profile(6, (10, 100), (8, 200), duration=300))
        self.assertEqual([(0, 6), (100, 10), (200, 8), (300, 16)], self.composite())

    def test_057_transaction(self) -> None:
        """A TxProfile is accepted in its transaction, and the composite schedule is it."""
        self.begin(backend_id=700)
        self.accept(1, profile(6, (10, 60), purpose="TxProfile", transactionId=700))
        self.assertEqual([(0, 6), (60, 10)], self.composite())

    def test_058_noTransaction(self) -> None:
        """Without a transaction, or with another's number, a TxProfile is rejected."""
        one = profile(6, purpose="TxProfile")
        self.assertEqual("Rejected", self.put(1, one))
        self.begin(transaction_id=7, backend_id=700)
        for number in (7, 701, -1):
            other = profile(6, purpose="TxProfile", transactionId=number)
            self.assertEqual("Rejected", self.put(1, other))
        self.accept(1, one)

    def test_082_defaultInTransaction(self) -> None:
        """A TxDefaultProfile in a transaction is effective at once."""
        self.begin()
        self.accept(1, profile(8))
        self.assertEqual({"evse 1": 8000}, self.limits)

    def test_066_combined(self) -> None:
        """Three profiles combine to 8, 10, 6 and 10 A."""
        self.accept(0, profile(10, id=1, purpose="ChargePointMaxProfile"))
        self.accept(1, profile(8, (16, 80), id=2, level=0))
        self.begin()
        self.accept(
            1,
            profile(
                (8, 0), (12, 50), (6, 200), id=3, purpose="TxProfile", duration=260, level=1
            ),
        )
        self.assertEqual([(0, 8), (50, 10), (200, 6), (260, 10)], self.composite())

    def test_067_clear(self) -> None:
        """Profiles are cleared by id, by purpose and level, and all; the composite follows."""
        self.accept(0, profile(10, id=1, purpose="ChargePointMaxProfile"))
        self.accept(1, profile(8, id=2))
        self.accept(1, profile(6, id=3, level=1))
        self.assertEqual([(0, 6)], self.composite())
        self.assertEqual("Accepted", self.clear(id=3))
        self.assertEqual([(0, 8)], self.composite())
        purpose = {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}
        self.assertEqual("Accepted", self.clear(**purpose))
        self.assertEqual([(0, 10)], self.composite())
        self.assertEqual("Unknown", self.clear(**purpose))
        self.assertEqual("Unknown", self.clear(id=3))
        self.assertEqual("Accepted", self.clear())
        self.assertEqual([(0, 16)], self.composite())
        self.assertEqual("Unknown", self.clear())
        self.assertEqual({"evse 1": None}, self.limits)
        self.assertEqual({}, self.memory.kept["profile"])

    def test_072_stacking(self) -> None:
        """The highest level wins while it says something: 7, 9, 8 and 10 A."""
        self.begin()
        self.accept(1, profile(10, id=1, level=0))
        self.accept(1, profile(7, (9, 100), id=2, level=2, purpose="TxProfile", duration=150))
        self.accept(1, profile(8, id=3, level=1, purpose="TxProfile", duration=300))
        self.assertEqual([(0, 7), (100, 9), (150, 8), (300, 10)], self.composite())

    def test_059_remoteStart(self) -> None:
        """The profile of a remote start holds for the transaction that it begins only."""
        one = profile(9, purpose="TxProfile", kind="Relative")
        self.assertIsNone(self.profiles.objection_to_start(one))
        self.successResultOf(self.profiles.expect(1, "CARD", one, 120))
        self.assertEqual({}, self.limits)
        self.begin()
        self.assertEqual({"evse 1": 9000}, self.limits)
        self.transactions.ended(7)
        self.profiles.transactions_changed()
        self.assertEqual({"evse 1": None}, self.limits)
        self.begin(8)
        self.assertEqual({"evse 1": None}, self.limits)

    def test_060_wrongProfile(self) -> None:
        """Only a TxProfile without a transaction may come with a remote start."""
        for bad in (
            profile(9),
            profile(9, purpose="ChargePointMaxProfile"),
            profile(9, purpose="TxProfile", transactionId=7),
            profile(-1, purpose="TxProfile"),
            profile(1e9, purpose="TxProfile"),
            profile(9, purpose="TxProfile", level=100),
        ):
            self.assertIsNotNone(self.profiles.objection_to_start(bad))


class RemoteStarts(Case):
    """Profiles that wait for their transaction."""

    def expect(self, number: int | None, id_tag: str, one: ChargingProfile | None) -> None:
        """A remote start."""
        self.successResultOf(self.profiles.expect(number, id_tag, one, 120))

    def test_somebodyElse(self) -> None:
        """Another card's transaction does not get it; it goes on waiting."""
        self.expect(1, "other", profile(9, purpose="TxProfile"))
        self.begin()
        self.assertEqual({}, self.limits)
        self.transactions.ended(7)
        self.transactions.begun(8, 1, "other", self.now())
        self.profiles.transactions_changed()
        self.assertEqual({"evse 1": 9000}, self.limits)

    def test_tooLate(self) -> None:
        """After its time it is forgotten."""
        self.expect(1, "card", profile(9, purpose="TxProfile"))
        self.clock.advance(121)
        self.begin()
        self.assertEqual({}, self.limits)
        self.assertEqual({}, self.memory.kept["start_profile"])

    def test_fastClock(self) -> None:
        """A Charge Point whose clock is fast gets it all the same."""
        self.expect(1, "card", profile(9, purpose="TxProfile"))
        self.transactions.begun(7, 1, "card", self.now() + timedelta(hours=2))
        self.assertEqual({"evse 1": 9000}, self.limits)

    def test_another(self) -> None:
        """A transaction that ran before is not the one, though it is the same card's."""
        self.begin()
        self.expect(None, "card", profile(9, purpose="TxProfile"))
        self.profiles.transactions_changed()
        self.restart()
        self.assertEqual({}, self.limits)
        self.transactions.ended(7)
        self.begin(8)
        self.assertEqual({"evse 1": 9000}, self.limits)

    def test_anyConnector(self) -> None:
        """Without a connector it is for the one where that card begins."""
        self.expect(None, "card", profile(9, purpose="TxProfile"))
        self.begin()
        self.assertEqual({"evse 1": 9000}, self.limits)

    def test_withoutAfterAll(self) -> None:
        """A start without a profile takes back that of the one before."""
        self.expect(1, "card", profile(9, purpose="TxProfile"))
        self.expect(1, "card", None)
        self.begin()
        self.assertEqual({}, self.limits)

    def test_restart(self) -> None:
        """It waits over a restart, too."""
        self.expect(1, "card", profile(9, purpose="TxProfile"))
        self.restart()
        self.begin()
        self.assertEqual({"evse 1": 9000}, self.limits)

    def test_startedDuringRestart(self) -> None:
        """What began while the program was away gets its profile."""
        self.expect(1, "card", profile(9, purpose="TxProfile"))
        self.transactions.begun(7, 1, "card", self.now())
        self.restart()
        self.assertEqual({"evse 1": 9000}, self.limits)


class Hostile(Case):
    """What no backend means well."""

    def test_refused(self) -> None:
        """Numbers out of bounds are refused; what held before holds."""
        self.accept(1, profile(10))
        for bad in (
            profile(1e9),
            profile(1e18),
            profile(-0.1),
            profile(-1e9),
            profile(10, (5, -1)),
            profile((10, 1)),
            profile(10, (9, 5), (8, 5)),
            profile(*((8.0, second) for second in range(10_000))),
            profile(),
            profile(10, level=-1),
            profile(10, level=100),
            profile(10, duration=0),
            profile(10, phases=0),
            profile(10, phases=4),
            profile(10, kind="Recurring"),
            profile(10, validFrom=_TEXT_OF_NOON, validTo=_TEXT_OF_NOON),
            profile(10, purpose="ChargePointMaxProfile"),
        ):
            self.assertEqual("Rejected", self.put(1, bad))
        self.assertEqual({"evse 1": 10_000}, self.limits)
        self.assertEqual(1, len(self.profiles))

    def test_refusedAsErrors(self) -> None:
        """What cannot be read at all is a CALLERROR."""
        for number, bad in (
            (2, profile(10)),
            (-1, profile(10)),
            (1, profile(10, starts="tomorrow")),
            (1, profile(10, validTo="9999-01-01T00:00:00Z")),
            (1, profile(float("nan"))),
            (1, profile(float("inf"))),
        ):
            request = SetChargingProfileRequest(connector_id=number, cs_charging_profiles=bad)
            error = self.assertRaises(RemoteProtocolError, self.profiles.set, request)
            self.assertIs(CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION, error.code)
        self.assertEqual({}, self.limits)

    def test_neverAboveTheRating(self) -> None:
        """However much is allowed, it is no more than the EVSE is made for."""
        self.accept(1, profile(80))
        self.assertEqual({"evse 1": 16_000}, self.limits)
        self.assertEqual([(0, 16)], self.composite())

    def test_tooMuchInAll(self) -> None:
        """There is room for so many periods, and no more."""
        self.patch(module, "MAX_PERIODS_IN_ALL", 5)
        self.accept(1, profile(10, (9, 5), (8, 9), id=1))
        more = profile(10, (9, 5), (8, 9), id=2, level=1)
        self.assertEqual("Rejected", self.put(1, more))
        self.accept(1, profile(10, (9, 5), (8, 9), id=2))

    def test_tooLong(self) -> None:
        """A profile whose text cannot be kept is refused."""
        periods = ((999_999_999.9, 10**15 + second) for second in range(1, 1400))
        self.assertEqual("Rejected", self.put(1, profile(1, *periods)))

    def test_fullDisk(self) -> None:
        """What cannot be stored is not acknowledged."""
        self.memory.is_full = True
        request = SetChargingProfileRequest(connector_id=1, cs_charging_profiles=profile(6))
        failed = self.failureResultOf(self.profiles.set(request), RemoteProtocolError)
        self.assertIs(CallErrorCode.INTERNAL_ERROR, failed.value.code)

    @hypothesis.settings(max_examples=60)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(("TxDefaultProfile", "ChargePointMaxProfile", "TxProfile")),
                st.sampled_from(("Absolute", "Relative", "Recurring")),
                st.integers(-1, 3),
                st.sampled_from(("A", "W")),
                st.floats(-1e12, 1e12) | st.floats(0, 20),
                st.none() | st.integers(-1, 5),
                st.integers(-1, 2),
            ),
            max_size=6,
        ),
        st.integers(0, 10**6),
    )
    def test_anything(self, rows: list[tuple[Any, ...]], duration: int) -> None:
        """Whatever is set, no EVSE ever gets less than nothing or more than its rating."""
        self.setUp()
        self.begin()
        for number, (purpose, kind, level, unit, limit, phases, place) in enumerate(rows):
            one = profile(
                limit,
                id=number,
                purpose=purpose,
                kind=kind,
                level=level,
                unit=unit,
                phases=phases,
            )
            request = SetChargingProfileRequest(connector_id=place, cs_charging_profiles=one)
            try:
                self.successResultOf(self.profiles.set(request))
            except RemoteProtocolError:
                continue
        for current_ma in self.limits.values():
            self.assertTrue(current_ma is None or 0 <= current_ma <= 16_000)
        for _, limit in self.composite(duration=duration):
            self.assertTrue(0 <= limit <= 16)
        before_ma = self.limits.get("evse 1")
        self.restart()
        after_ma = self.limits.get("evse 1")
        if before_ma is None or after_ma is None:
            self.assertEqual(before_ma, after_ma)
        else:
            # A tenth of an ampere is as fine as OCPP tells it.
            self.assertTrue(before_ma - 100 < after_ma <= before_ma, (before_ma, after_ma))
        self.profiles.close()


class Reported(Case):
    """What it comes to is reported when it changes."""

    def test_steps(self) -> None:
        """Each period is reported when it begins, and only then."""
        self.accept(1, profile(6, (10, 30), (8, 200), duration=300))
        found = []
        for second in range(0, 400, 10):
            found.append((second, self.limits["evse 1"]))
            self.clock.advance(10)
        changes = [found[0]] + [
            now for before, now in itertools.pairwise(found) if before[1] != now[1]
        ]
        self.assertEqual([(0, 6000), (30, 10_000), (200, 8000), (300, None)], changes)
        self.assertEqual(4, len(self.events))

    def test_byWhom(self) -> None:
        """It is said whose limit it is."""
        self.accept(1, profile(6))
        self.assertEqual([EvseLimited("evse 1", "backend north", 6000)], self.events)

    def test_clockPutForward(self) -> None:
        """When the time of day is set, what holds is found within a minute."""
        self.accept(1, profile(6, (10, 3600)))
        self.shift = timedelta(hours=2)
        self.clock.advance(60)
        self.assertEqual({"evse 1": 10_000}, self.limits)
        self.shift = timedelta(0)
        self.clock.advance(60)
        self.assertEqual({"evse 1": 6000}, self.limits)

    def test_idle(self) -> None:
        """Where nothing is set no timer runs; closed, none is left."""
        self.assertEqual([], self.clock.getDelayedCalls())
        self.accept(1, profile(6))
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.profiles.close()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_withdrawn(self) -> None:
        """A gateway that is taken away limits nothing any more."""
        self.accept(1, profile(6))
        self.profiles.withdraw()
        self.assertEqual({"evse 1": None}, self.limits)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_watts(self) -> None:
        """Watts are for all phases together; those for fewer phases are spread over all."""
        self.accept(1, profile(6900, unit="W"))
        self.assertEqual({"evse 1": 10_000}, self.limits)
        self.accept(1, profile(6900, unit="W", phases=1))
        self.assertEqual({"evse 1": 10_000}, self.limits)
        self.accept(1, profile(10, phases=1))
        self.assertEqual({"evse 1": 10_000}, self.limits)

    def test_compositeInWatts(self) -> None:
        """The backend chooses the unit that it is told in."""
        self.accept(1, profile(10))
        self.assertEqual([(0, 6900)], self.composite(chargingRateUnit="W"))

    def test_compositeOfNothing(self) -> None:
        """No such connector is rejected; a duration of 0 is this instant."""
        for number in (2, -1):
            self.assertEqual("Rejected", self.composite(number))
        self.accept(1, profile(10, (8, 10)))
        self.assertEqual([(0, 10)], self.composite(duration=0))
        self.assertEqual([(0, 10)], self.composite(duration=-5))

    def test_longComposite(self) -> None:
        """A composite schedule fits into a message, however far it is asked for."""
        every = (((6 + second % 2) * 1.0, second * 60) for second in range(1440))
        self.accept(1, profile(*every, kind="Recurring", recurrencyKind="Daily"))
        steps = self.composite(duration=10**9)
        self.assertEqual(500, len(steps))


class Kept(Case):
    """Profiles survive a restart."""

    def test_all(self) -> None:
        """Every kind of profile is as it was."""
        self.begin()
        self.accept(0, profile(12, id=1, purpose="ChargePointMaxProfile"))
        self.accept(
            1,
            profile(
                *(6.5, (9, 60)),
                id=2,
                kind="Recurring",
                recurrencyKind="Daily",
                validTo="2026-07-01T00:00:00Z",
            ),
        )
        self.accept(1, profile(11, (5, 90), id=3, purpose="TxProfile", duration=200))
        before = self.composite(duration=100_000)
        self.restart()
        self.assertEqual(before, self.composite(duration=100_000))
        self.assertEqual({"evse 1": 11_000}, self.limits)

    def test_ended(self) -> None:
        """A TxProfile whose transaction ended while the program was away is gone."""
        self.begin()
        self.accept(1, profile(6, purpose="TxProfile"))
        self.transactions = Transactions("north", self.transaction_changed)
        self.transactions.begun(8, 1, "card", self.now())
        self.restart()
        self.assertEqual({}, self.limits)
        self.assertEqual({}, self.memory.kept["profile"])

    def test_beforeTheNumber(self) -> None:
        """A TxProfile of a transaction whose number the backend learns later stays with it."""
        self.transactions.begun(7, 1, "card", self.now())
        self.accept(1, profile(6, purpose="TxProfile"))
        self.transactions.bound(7, 700)
        self.profiles.transactions_changed()
        self.restart()
        self.assertEqual({"evse 1": 6000}, self.limits)

    def test_replaced(self) -> None:
        """The same id, or the same purpose and level, is replaced on disk as well."""
        self.accept(1, profile(6, id=1))
        self.accept(1, profile(7, id=2))
        self.assertEqual(["2"], list(self.memory.kept["profile"]))
        self.accept(0, profile(8, id=2, level=5))
        self.assertEqual(["2"], list(self.memory.kept["profile"]))
        self.restart()
        self.assertEqual({"evse 1": 8000}, self.limits)

    def test_damaged(self) -> None:
        """What cannot be read, or is for a connector that is not there, is left out."""
        self.accept(1, profile(6))
        text = self.memory.kept["profile"]["1"]
        self.memory.kept["profile"] = {
            "2": "{",
            "3": text.replace('"connectorId":1', '"connectorId":9'),
            "4": text.replace("2026-06-01", "someday"),
        }
        self.memory.kept["start_profile"] = {"1": "{}", "x": "{}", "0": "null"}
        self.restart()
        self.assertEqual(0, len(self.profiles))


class Several(Case):
    """Two EVSEs at one backend."""

    configured = settings(connector(1), connector(2, max_current_ma=32_000))

    def test_shared(self) -> None:
        """A ChargePointMaxProfile is shared by those that charge."""
        self.accept(0, profile(20, purpose="ChargePointMaxProfile"))
        self.assertEqual({"evse 1": 16_000, "evse 2": 20_000}, self.limits)
        self.begin(7, 1)
        self.assertEqual({"evse 1": 16_000, "evse 2": 10_000}, self.limits)
        self.begin(8, 2, 701)
        self.assertEqual({"evse 1": 10_000, "evse 2": 10_000}, self.limits)
        self.transactions.ended(7)
        self.profiles.transactions_changed()
        self.assertEqual({"evse 1": 10_000, "evse 2": 20_000}, self.limits)

    def test_each(self) -> None:
        """A TxDefaultProfile of connector 0 is for each, one of its own goes before it."""
        self.accept(0, profile(8, id=1))
        self.accept(2, profile(10, id=2))
        self.assertEqual({"evse 1": 8000, "evse 2": 10_000}, self.limits)

    def test_ownTransaction(self) -> None:
        """A transaction at one connector is none at the other."""
        self.begin(7, 1, 700)
        other = profile(6, purpose="TxProfile", transactionId=700)
        self.assertEqual("Rejected", self.put(2, other))
        self.assertEqual("Rejected", self.put(0, profile(6, purpose="TxProfile")))
        self.accept(1, other)
        self.assertEqual({"evse 1": 6000}, self.limits)

    def test_compositeOfAll(self) -> None:
        """The composite schedule of connector 0 is what both may draw together."""
        self.assertEqual([(0, 48)], self.composite(0))
        self.accept(0, profile(20, purpose="ChargePointMaxProfile"))
        self.assertEqual([(0, 20)], self.composite(0))

    @hypothesis.settings(max_examples=30)
    @given(st.integers(0, 200), st.booleans(), st.booleans())
    def test_sum(self, limit: int, first: bool, second: bool) -> None:
        """Those that charge never get more together than the ChargePointMaxProfile says."""
        self.setUp()
        self.accept(0, profile(limit, purpose="ChargePointMaxProfile"))
        charging = [number for number, does in ((1, first), (2, second)) if does]
        for number in charging:
            self.begin(number, number, number)
        total_ma = sum(self.limits[f"evse {number}"] or 0 for number in charging)
        self.assertLessEqual(total_ma, limit * 1000)
        self.profiles.close()


class Reporter(Case):
    """A backend that is only told."""

    configured = settings(role=GatewayRole.REPORT)

    def test_nothing(self) -> None:
        """It limits nothing, whatever was remembered."""
        self.accept(1, profile(6))
        self.restart()
        self.assertEqual([], self.events)
