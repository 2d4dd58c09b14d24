"""Connectors that are kept free."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.reservations import Claim, Reservations
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.counters import Counters
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.reservation import ReserveNowRequest
from tests.charge_point.backend_world import NOON, FakeDevices, connector, settings
from tests.charge_point.memory import InMemory, InMemorySecurityLog, InMemoryVault
from tests.charge_point.memory_outbox import MemoryOutbox

_REFUSED = Claim(is_refused=True)


class Case(SynchronousTestCase):
    """The reservations of one gateway, on a virtual clock."""

    configured: GatewaySettings = settings()

    def setUp(self) -> None:
        """All is free."""
        self.memory = InMemory()
        self.clock = Clock()
        self.shift = timedelta()
        self.inoperative: set[int] = set()
        self.site = SiteState(
            evses={
                one.evse: Evse(
                    EvseSettings(one.evse, "main"), link=Link.ONLINE, occupancy=Occupancy.FREE
                )
                for one in self.configured.connectors
            }
        )
        self.changed: list[int] = []
        self.restart()
        self.addCleanup(lambda: self.reservations.close())

    def restart(self) -> None:
        """The program starts again."""
        if hasattr(self, "reservations"):
            self.reservations.close()
        environment = GatewayEnvironment(
            clock=self.clock,
            now=self.now,
            new_unique_id=str,
            outbox=MemoryOutbox(),
            memory=self.memory,
            vault=InMemoryVault(),
            security_log=InMemorySecurityLog(self.now),
            devices=FakeDevices(),
            site=lambda: self.site,
            report=lambda _event: None,
            counters=Counters(),
        )
        self.reservations = Reservations(
            self.configured, environment, lambda number: number not in self.inoperative
        )
        self.reservations.changed = self.changed.append
        self.reservations.restore(self.successResultOf(self.memory.load()))

    def now(self) -> datetime:
        """Noon, and as long as the clock runs."""
        return NOON + timedelta(seconds=self.clock.seconds()) + self.shift

    def evse(self, number: int, **changes: Any) -> None:
        """Another state of an EVSE."""
        before = self.site.evses[f"evse {number}"]
        self.site = self.site.with_evses((evolve(before, **changes),))

    def reserve(
        self,
        number: int = 1,
        reservation_id: int = 5,
        id_tag: str = "card",
        parent: str | None = None,
        expires: str = "2026-06-01T12:10:00Z",
    ) -> str:
        """What ReserveNow is answered with."""
        request = ReserveNowRequest(
            connector_id=number,
            expiry_date=expires,
            id_tag=id_tag,
            reservation_id=reservation_id,
            parent_id_tag=parent,
        )
        return self.successResultOf(self.reservations.reserve(request)).value

    def cancel(self, reservation_id: int) -> str:
        """What CancelReservation is answered with."""
        return self.successResultOf(self.reservations.cancel(reservation_id)).value

    def claim(self, id_tag: str, parent: str | None = None, number: int = 1) -> Claim:
        """Whether somebody may begin."""
        return self.reservations.claim(number, id_tag, parent)


class One(Case):
    """One EVSE."""

    def test_046_used(self) -> None:
        """Only whom it is for may begin, and uses it up."""
        self.assertEqual(Claim(), self.claim("other"))
        self.assertEqual("Accepted", self.reserve())
        self.assertTrue(self.reservations.is_reserved(1))
        self.assertEqual(_REFUSED, self.claim("other"))
        self.assertEqual(Claim(5), self.claim("CARD"))
        self.reservations.used(5)
        self.assertEqual(Claim(), self.claim("other"))
        self.assertEqual([1, 1], self.changed)

    def test_053_parent(self) -> None:
        """Somebody of the same group may use it."""
        self.reserve(parent="group")
        self.assertEqual(Claim(5), self.claim("other", "GROUP"))
        self.assertEqual(_REFUSED, self.claim("other", "others"))
        self.assertEqual(_REFUSED, self.claim("other", None))

    def test_noGroup(self) -> None:
        """Without a group in the reservation a group helps nobody."""
        self.reserve()
        self.assertEqual(_REFUSED, self.claim("other", "group"))

    def test_047_expires(self) -> None:
        """At its date it is over by itself."""
        self.reserve()
        self.clock.advance(599)
        self.assertEqual(_REFUSED, self.claim("other"))
        self.clock.advance(1)
        self.assertEqual(Claim(), self.claim("other"))
        self.assertEqual([1, 1], self.changed)
        self.assertEqual({}, self.memory.kept["reservation"])
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_clockPutForward(self) -> None:
        """When the time of day is set, it is over within a minute."""
        self.reserve()
        self.shift = timedelta(hours=1)
        self.clock.advance(60)
        self.assertFalse(self.reservations.is_reserved(1))

    def test_past(self) -> None:
        """A date that is over is rejected; one that is none is an error."""
        self.assertEqual("Rejected", self.reserve(expires="2026-06-01T12:00:00Z"))
        error = self.assertRaises(RemoteProtocolError, self.reserve, expires="soon")
        self.assertIs(CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION, error.code)

    def test_048_inTheWay(self) -> None:
        """What stands in the way is told. TC_048, TC_050."""
        transaction = Transaction(1, "x", Verdict.ACCEPTED, NOON, 0)
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({"occupancy": Occupancy.FAULTED}, "Faulted"),
            ({"occupancy": Occupancy.PLUGGED}, "Occupied"),
            ({"occupancy": Occupancy.CHARGING}, "Occupied"),
            ({"transaction": transaction}, "Occupied"),
            ({"occupancy": Occupancy.UNAVAILABLE}, "Unavailable"),
            ({"occupancy": Occupancy.UNKNOWN}, "Unavailable"),
            ({"link": Link.LOST}, "Unavailable"),
        )
        for number in (1, 0):
            for changes, expected in cases:
                self.evse(1, occupancy=Occupancy.FREE, transaction=None, link=Link.ONLINE)
                self.evse(1, **changes)
                self.assertEqual(expected, self.reserve(number), (number, changes))
        self.assertEqual({}, self.memory.kept)

    def test_outOfService(self) -> None:
        """Out of service it is unavailable."""
        self.inoperative = {1}
        self.assertEqual("Unavailable", self.reserve())

    def test_048_4_unknown(self) -> None:
        """A connector that is not there is rejected."""
        for number in (-1, 2, 10**9):
            self.assertEqual("Rejected", self.reserve(number))

    def test_twice(self) -> None:
        """A second reservation of one connector is occupied; the same one replaces itself."""
        self.reserve()
        self.assertEqual("Occupied", self.reserve(reservation_id=6))
        self.assertEqual("Occupied", self.reserve(0, reservation_id=6))
        self.assertEqual("Accepted", self.reserve(id_tag="new"))
        self.assertEqual(Claim(5), self.claim("new"))
        self.assertEqual(_REFUSED, self.claim("card"))

    def test_051_cancel(self) -> None:
        """It can be taken back."""
        self.reserve()
        self.assertEqual("Accepted", self.cancel(5))
        self.assertFalse(self.reservations.is_reserved(1))
        self.assertEqual(Claim(), self.claim("other"))

    def test_052_unknown(self) -> None:
        """One that is not there cannot."""
        self.reserve()
        self.assertEqual("Rejected", self.cancel(6))

    def test_restart(self) -> None:
        """It is there after a restart, as long as it has not expired."""
        self.reserve(parent="group")
        self.restart()
        self.assertEqual(_REFUSED, self.claim("other"))
        self.assertEqual(Claim(5), self.claim("x", "group"))
        self.reservations.close()
        self.clock.advance(600)
        self.restart()
        self.assertEqual(Claim(), self.claim("other"))

    def test_damaged(self) -> None:
        """What cannot be read is none."""
        self.memory.kept["reservation"] = {"5": "{", "6": '{"connectorId":1}'}
        self.restart()
        self.assertFalse(self.reservations.is_reserved(1))
        self.assertEqual({}, self.memory.kept["reservation"])

    def test_fullDisk(self) -> None:
        """What cannot be stored is not acknowledged."""
        self.memory.is_full = True
        request = ReserveNowRequest(
            connector_id=1, expiry_date="2026-06-01T13:00:00Z", id_tag="a", reservation_id=1
        )
        failed = self.failureResultOf(self.reservations.reserve(request), RemoteProtocolError)
        self.assertIs(CallErrorCode.INTERNAL_ERROR, failed.value.code)

    def test_049_whole(self) -> None:
        """Reserved as a whole, its one connector is for whom it is reserved."""
        self.assertEqual("Accepted", self.reserve(0))
        self.assertTrue(self.reservations.is_reserved(1))
        self.assertEqual(_REFUSED, self.claim("other"))
        self.assertEqual(Claim(5), self.claim("card"))

    def test_wholeReplaced(self) -> None:
        """The same reservation of the whole takes its own place."""
        self.reserve(0)
        self.assertEqual("Accepted", self.reserve(0, id_tag="new"))
        self.assertEqual(Claim(5), self.claim("new"))
        self.assertEqual(_REFUSED, self.claim("card"))

    def test_wholePluggedFirst(self) -> None:
        """Somebody else who plugs in first does not get it."""
        self.reserve(0)
        self.evse(1, occupancy=Occupancy.PLUGGED)
        self.assertEqual(_REFUSED, self.claim("other"))
        self.assertEqual(Claim(5), self.claim("card"))


class Two(Case):
    """Two EVSEs."""

    configured = settings(connector(1), connector(2))

    def test_oneStaysFree(self) -> None:
        """Of a reservation for any, the last one that is free is kept."""
        self.reserve(0)
        self.assertEqual([False, False], [self.reservations.is_reserved(n) for n in (1, 2)])
        self.assertEqual(Claim(), self.claim("other", number=1))
        self.evse(1, occupancy=Occupancy.CHARGING)
        self.assertTrue(self.reservations.is_reserved(2))
        self.assertEqual(_REFUSED, self.claim("other", number=2))
        self.assertEqual(Claim(5), self.claim("card", number=2))

    def test_bothForAny(self) -> None:
        """As many can be reserved as there are connectors."""
        self.assertEqual("Accepted", self.reserve(0, 5))
        self.assertEqual("Accepted", self.reserve(0, 6))
        self.assertEqual("Occupied", self.reserve(0, 7))
        self.assertEqual("Occupied", self.reserve(1, 7))
        self.assertEqual(_REFUSED, self.claim("other"))

    def test_moved(self) -> None:
        """The same reservation can move to the other connector."""
        self.reserve(1)
        self.assertEqual("Accepted", self.reserve(2))
        self.assertEqual(Claim(), self.claim("other", number=1))
        self.assertEqual(_REFUSED, self.claim("other", number=2))
        self.assertEqual([1, 1, 2], self.changed)

    def test_oneOfEach(self) -> None:
        """One by itself and one for any take both."""
        self.assertEqual("Accepted", self.reserve(1, 5))
        self.assertEqual("Accepted", self.reserve(0, 6))
        self.assertEqual("Occupied", self.reserve(2, 7))
        self.assertEqual("Occupied", self.reserve(0, 7))

    def test_partlyFaulted(self) -> None:
        """Faulted is told of all only where all are."""
        self.evse(1, occupancy=Occupancy.FAULTED)
        self.assertEqual("Accepted", self.reserve(0))
        self.evse(2, occupancy=Occupancy.PLUGGED)
        self.assertEqual("Occupied", self.reserve(0, 6))


class Mixed(Case):
    """One that speaks OCPP beside one that does not."""

    configured = settings(connector(1), connector(2, True))

    def test_zero(self) -> None:
        """All together cannot be reserved, and the Charge Point's is not here."""
        self.assertEqual("Rejected", self.reserve(0))
        self.assertEqual("Rejected", self.reserve(2))
        self.assertEqual("Accepted", self.reserve(1))
