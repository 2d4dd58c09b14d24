"""A Charge Point that is released can be used without us."""

from __future__ import annotations

from typing import Any

from cfos_cm.drivers.ocpp16 import Ocpp16Evse
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.site.setpoint import Setpoint

from .picky import Picky, PickyPeer
from .test_forms import WHY, PickyCase, limit, purpose


class Release(PickyCase):
    """Whatever it does when it is told to clear its profiles."""

    def setUp(self) -> None:
        """It is forbidden to charge."""
        super().setUp()
        self.obeys(0)
        self.peer.forget_calls()

    def release(self) -> None:
        """It succeeds, and there is no limit any more."""
        self.successResultOf(self.evse.release())
        self.assertGreaterEqual(self.peer.limit_a(), 16)

    def test_everything(self) -> None:
        """All profiles are cleared with one call, whoever set them, and it is looked after."""
        self.release()
        self.assertEqual({}, self.peer.stored)
        self.assertEqual(["ClearChargingProfile", "GetCompositeSchedule"], self.peer.asked())
        self.assertEqual({}, self.peer.requests("ClearChargingProfile")[0][3])

    def test_connectorOfNobody(self) -> None:
        """What forbids charging where nobody counts it is cleared too, and set anew."""
        payload = {"connectorId": 2, "errorCode": "NoError", "status": "Preparing"}
        self.peer.ask("StatusNotification", payload)
        self.assertIn(2, [one["connector"] for one in self.peer.stored.values()])
        self.release()
        self.peer.ask("StatusNotification", payload)
        self.assertEqual([2], [one["connector"] for one in self.peer.stored.values()])

    def test_inTransaction(self) -> None:
        """The limit of a transaction that runs is cleared too."""
        self.peer.charge()
        self.obeys(6000, from_scratch=True)
        self.release()
        self.assertEqual({}, self.peer.stored)

    def test_maximum(self) -> None:
        """A limit of the whole Charge Point is cleared too."""
        self.picky(takes=lambda one: purpose(one) == "ChargePointMaxProfile")
        self.peer.stored.clear()
        for _ in range(4):
            self.evse.apply(Setpoint(0, WHY), None, True).addErrback(lambda _: None)
        self.assertEqual(0, self.peer.limit_a())
        self.release()
        self.assertEqual({}, self.peer.stored)

    def test_nothing(self) -> None:
        """One that says that it has none is believed, if it was told none since."""
        self.release()
        for _ in range(2):
            self.peer.forget_calls()
            self.release()
            self.assertEqual([], self.peer.profiles())

    def test_refused(self) -> None:
        """One that does not clear all at once clears them one by one."""
        clear = PickyPeer._clear

        def only_by_id(peer: PickyPeer, request: dict[str, Any]) -> dict[str, Any] | None:
            return clear(peer, request) if "id" in request else None

        self.answer_clear(only_by_id)
        self.release()
        self.assertEqual({}, self.peer.stored)
        self.assertEqual([], self.peer.profiles())

    def test_byPurpose(self) -> None:
        """One that clears by purpose only is told each."""
        clear = PickyPeer._clear

        def only_by_purpose(peer: PickyPeer, request: dict[str, Any]) -> dict[str, Any]:
            if "chargingProfilePurpose" in request:
                return clear(peer, request)
            return {"status": "Unknown"}

        self.answer_clear(only_by_purpose)
        self.release()
        self.assertEqual({}, self.peer.stored)

    def answer_clear(self, reply: Any) -> None:
        """Answer ClearChargingProfile in another way for this test."""
        from . import picky

        answers = dict(picky._ANSWERS)
        self.patch(picky, "_ANSWERS", {**answers, "ClearChargingProfile": reply})

    def test_clearsWhatItDenies(self) -> None:
        """One that says Unknown and has cleared is free, as far as it says what it gives."""
        self.picky(clears=("Unknown", True))
        self.release()

    def test_keepsWhatItDenies(self) -> None:
        """One that says Unknown and keeps them gets others that limit nothing."""
        for says in (lambda limit_a: limit_a, None):
            self.setUp()
            self.picky(clears=("Unknown", False), says=says)
            self.release()
            self.assertEqual([16.0], [limit(one) for one in self.peer.profiles()])
            self.assertIn(Quirk.NO_CLEAR, self.world.system.quirks_of("CP-2"))

    def test_keepsWhatItClears(self) -> None:
        """One that says Accepted and keeps them is seen through."""
        self.picky(clears=("Accepted", False))
        self.release()

    def test_keepsTransaction(self) -> None:
        """The limit of the transaction that runs is replaced as well."""
        self.peer.charge()
        self.obeys(6000, from_scratch=True)
        self.picky(clears=("Unknown", False))
        self.release()
        self.assertEqual({16.0}, {limit(one) for one in self.peer.stored.values()})

    def test_afterReboot(self) -> None:
        """One that has kept them through a restart of both is freed then."""
        self.world.system.roster.acquaintance("CP-2").profile_habits.released(1)
        self.release()
        self.assertEqual({}, self.peer.stored)

    def test_keepsFailsafe(self) -> None:
        """Its fail-safe current is a limit of ours as well, though nobody remembers it."""
        self.evse = self.make(failsafe_ma=6000)
        self.successResultOf(self.apply(0))
        self.world.system.roster.acquaintance("CP-2").profile_habits.released(1)
        self.picky(clears=("Accepted", False))
        self.release()

    def test_knownNotToClear(self) -> None:
        """One that is known for its denials is not believed, also when it was told nothing."""
        self.world.system.roster.acquaintance("CP-2").profile_habits.released(1)
        self.world.system.learn("CP-2", Quirk.NO_CLEAR)
        self.picky(clears=("Unknown", False), says=None)
        self.release()

    def test_cannotBeFreed(self) -> None:
        """One that gives nothing whatever is tried is told of."""
        self.picky(clears=("Unknown", False), heeds=lambda _: False)
        failure = self.failureResultOf(self.evse.release(), DeviceRefusal)
        self.assertEqual(
            "its charging profiles cannot be cleared: it still says that it gives 0 A",
            str(failure.value),
        )

    def test_takesNothing(self) -> None:
        """One that neither clears them nor takes others is told of."""
        self.picky(clears=("Unknown", False), takes=lambda _: False)
        self.failureResultOf(self.evse.release(), DeviceRefusal)

    def test_notThere(self) -> None:
        """Who is not there has confirmed nothing."""
        self.peer.lose()
        failure = self.failureResultOf(self.evse.release(), DeviceError)
        self.assertNotIsInstance(failure.value, DeviceRefusal)

    def test_capped(self) -> None:
        """What limits it besides is none of ours: its car, or a switch in it."""
        self.peer.charge()
        self.obeys(6000, from_scratch=True)
        self.picky(car_a=9.0)
        self.peer.forget_calls()
        self.successResultOf(self.evse.release())
        self.assertEqual(["ClearChargingProfile", "GetCompositeSchedule"], self.peer.asked())

    def test_otherConnector(self) -> None:
        """Of two EVSEs only the one that is released loses its limits."""
        peer = PickyPeer(self.world, Picky(says=None), "CP-1")
        now = self.world.system.roster.environment.now
        one, other = (
            Ocpp16Evse(f"bay-{n}", 3, ("CP-1", n), self.world.system, now, 16_000)
            for n in (1, 2)
        )
        for evse in (one, other):
            self.successResultOf(evse.apply(Setpoint(0, WHY), None, True))
        self.successResultOf(one.release())
        self.assertEqual([2], [profile["connector"] for profile in peer.stored.values()])
