"""Which charging profiles a Charge Point has."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.schedules.evaluation import limit_at
from cfos_cm.limits.schedules.objections import Bounds
from cfos_cm.limits.schedules.profile import Profile, Purpose, Running
from cfos_cm.limits.schedules.store import Criteria, ProfileRefused, Profiles

from .builders import BOUNDS, at, maximum, profile, stored, tx

RUNNING = Running(at("2026-03-02 12:00"), 1001)


def ids(profiles: Profiles) -> set[int]:
    """The ids of all profiles."""
    return {each.id for each in profiles.in_order}


class ReplacementTests(SynchronousTestCase):
    """'The new charging profile SHALL replace the existing charging profile'."""

    def test_same_id(self) -> None:
        """'With the same chargingProfileId', wherever and whatever it was."""
        for other in (
            profile((0, 10), connector=0),
            profile((0, 10), stack_level=5),
            maximum((0, 10), id=1),
            tx((0, 10), id=1),
        ):
            self.assertEqual((other,), stored(profile((0, 6)), other).in_order)

    def test_same_place(self) -> None:
        """'Or the same combination of stackLevel / ChargingProfilePurpose'."""
        other = profile((0, 10), id=2)
        self.assertEqual((other,), stored(profile((0, 6)), other).in_order)

    def test_both(self) -> None:
        """One by its id and another by its place: it replaces two."""
        profiles = stored(
            profile((0, 6), id=1), profile((0, 8), id=2, stack_level=1), profile((0, 9), id=2)
        )
        self.assertEqual({2}, ids(profiles))

    def test_neighbours(self) -> None:
        """Another purpose, level or connector is another place."""
        others = (
            tx((0, 6), id=2),
            profile((0, 6), id=3, stack_level=1),
            profile((0, 6), id=4, connector=0),
            profile((0, 6), id=5, connector=2),
            maximum((0, 6), id=6),
        )
        self.assertEqual({1, 2, 3, 4, 5, 6}, ids(stored(profile((0, 6)), *others)))

    def test_not_yet_valid(self) -> None:
        """Replaced by one with 'a validFrom in the future', the old one is gone at once."""
        profiles = stored(
            profile((0, 6)), profile((0, 10), id=2, valid_from="2026-03-03 00:00")
        )
        self.assertIsNone(limit_at(profiles, at("2026-03-02 12:00"), 1, {}).limit)

    def test_order(self) -> None:
        """The highest level comes first, and the connector's own before that of all."""
        profiles = stored(
            profile((0, 6), id=1, connector=0),
            profile((0, 6), id=2),
            profile((0, 6), id=3, stack_level=1, connector=0),
        )
        found = [each.id for each in profiles.stack(Purpose.TX_DEFAULT, 1)]
        self.assertEqual([3, 2, 1], found)


class RoomTests(SynchronousTestCase):
    """How many there may be."""

    TWO = Bounds(profiles=2, periods=24, stack_level=10)

    def full(self) -> Profiles:
        """Two of two."""
        return stored(profile((0, 6)), profile((0, 6), id=2, stack_level=1))

    def test_no_room(self) -> None:
        """One more than there is room for is refused."""
        more = profile((0, 6), id=3, stack_level=2)
        self.assertFalse(self.full().has_room_for(more, self.TWO))
        error = self.assertRaises(
            ProfileRefused, self.full().with_profile, more, self.TWO, None
        )
        self.assertEqual("there are 2 profiles, and no room for more", str(error))

    def test_replacement(self) -> None:
        """For one that replaces another there is room."""
        other = profile((0, 8), id=3, stack_level=1)
        self.assertTrue(self.full().has_room_for(other, self.TWO))
        self.assertEqual({1, 3}, ids(self.full().with_profile(other, self.TWO, None)))


class ClearTests(SynchronousTestCase):
    """ClearChargingProfile: by each of its criteria."""

    PROFILES = (
        profile((0, 6), id=1),
        profile((0, 6), id=2, connector=0),
        profile((0, 6), id=3, stack_level=1),
        tx((0, 6), id=4),
        maximum((0, 6), id=5),
        profile((0, 6), id=6, connector=2, stack_level=1),
    )

    def assert_left(self, criteria: Criteria, *left: int) -> None:
        """Compare the ids of those that are not cleared, and the number of the others."""
        profiles, cleared = stored(*self.PROFILES).without(criteria)
        self.assertEqual(set(left), ids(profiles), criteria)
        self.assertEqual(len(self.PROFILES) - len(left), cleared)

    def test_id(self) -> None:
        """By its id; there may be none with it."""
        self.assert_left(Criteria(id=2), 1, 3, 4, 5, 6)
        self.assert_left(Criteria(id=99), 1, 2, 3, 4, 5, 6)

    def test_id_alone_decides(self) -> None:
        """Where an id is given nothing else is looked at."""
        self.assert_left(
            Criteria(id=2, connector=1, purpose=Purpose.TX, stack_level=9), 1, 3, 4, 5, 6
        )

    def test_connector(self) -> None:
        """By the connector that they were set for; 0 is not all of them."""
        self.assert_left(Criteria(connector=1), 2, 5, 6)
        self.assert_left(Criteria(connector=0), 1, 3, 4, 6)

    def test_purpose(self) -> None:
        """By their purpose."""
        self.assert_left(Criteria(purpose=Purpose.TX_DEFAULT), 4, 5)
        self.assert_left(Criteria(purpose=Purpose.CHARGE_POINT_MAX), 1, 2, 3, 4, 6)

    def test_stack_level(self) -> None:
        """By their level; 0 is one."""
        self.assert_left(Criteria(stack_level=1), 1, 2, 4, 5)
        self.assert_left(Criteria(stack_level=0), 3, 6)

    def test_all_of_them(self) -> None:
        """What is given has to fit altogether."""
        self.assert_left(Criteria(connector=1, stack_level=1), 1, 2, 4, 5, 6)
        self.assert_left(
            Criteria(connector=1, purpose=Purpose.TX_DEFAULT, stack_level=0), 2, 3, 4, 5, 6
        )
        self.assert_left(Criteria(connector=0, stack_level=1), 1, 2, 3, 4, 5, 6)

    def test_nothing_given(self) -> None:
        """Where nothing is given all are cleared."""
        self.assert_left(Criteria())


class TransactionTests(SynchronousTestCase):
    """Profiles that are for a transaction."""

    def with_profile(self, given: Profile, running: Running | None) -> Profile:
        """The profile as it is kept."""
        (kept,) = Profiles().with_profile(given, BOUNDS, running).in_order
        return kept

    def test_bound(self) -> None:
        """A TxProfile without a transactionId is for the transaction that runs."""
        kept = self.with_profile(tx((0, 6)), RUNNING)
        self.assertEqual(1001, kept.transaction_id)

    def test_bound_to_that_only(self) -> None:
        """It says nothing in another transaction, should nobody have told of the end."""
        profiles = Profiles().with_profile(tx((0, 6)), BOUNDS, RUNNING)
        at_s = RUNNING.start_s
        self.assertIsNotNone(limit_at(profiles, at_s, 1, {1: RUNNING}).limit)
        self.assertIsNone(limit_at(profiles, at_s, 1, {1: evolve(RUNNING, id=1002)}).limit)

    def test_no_id_yet(self) -> None:
        """Where the transaction has no id yet it holds before and after it gets one."""
        profiles = Profiles().with_profile(tx((0, 6)), BOUNDS, evolve(RUNNING, id=None))
        for number in (None, 1001):
            running = {1: evolve(RUNNING, id=number)}
            self.assertIsNotNone(limit_at(profiles, RUNNING.start_s, 1, running).limit)

    def test_default_is_not_bound(self) -> None:
        """A TxDefaultProfile is for every transaction."""
        self.assertIsNone(self.with_profile(profile((0, 6)), RUNNING).transaction_id)

    def test_end(self) -> None:
        """'After the transaction is stopped, the profile SHOULD be deleted': its own only."""
        profiles = stored(
            profile((0, 6)),
            tx((0, 6)),
            tx((0, 6), id=5, stack_level=1),
            tx((0, 6), id=6, connector=2),
            maximum((0, 6)),
        )
        self.assertEqual({1, 3, 6}, ids(profiles.after_transaction(1)))
