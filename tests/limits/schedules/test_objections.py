"""Which charging profiles are refused, and in which words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.schedules.objections import Bounds, objections, objections_to_start
from cfos_cm.limits.schedules.profile import Profile, Purpose, Running
from cfos_cm.limits.schedules.store import ProfileRefused, Profiles

from .builders import daily, maximum, profile, relative, tx

SMALL = Bounds(profiles=20, periods=3, stack_level=10)
RUNNING = Running(0, 1001)

GOOD = (
    profile((0, 6)),
    profile((0, 6), connector=0),
    profile((0, 0), (1, 6), (2, 16), stack_level=10, phases=3, duration=1, min_rate=6),
    profile((0, 6), valid_from="2026-03-02 00:00", valid_to="2026-03-02 00:01"),
    maximum((0, 6)),
    tx((0, 6)),
    tx((0, 6), transaction_id=1001),
    daily((0, 6)),
    daily((0, 6), start=None),
    relative((0, 10**9)),
)

BAD = {
    "connectorId is -1; it must be 0 or more": profile((0, 6), connector=-1),
    "connectorId is 1; a ChargePointMaxProfile is for connector 0": maximum(
        (0, 6), connector=1
    ),
    "connectorId is 0; a TxProfile is for one connector": tx((0, 6), connector=0),
    "transactionId is 7; at connector 1 runs 1001": tx((0, 6), transaction_id=7),
    "stackLevel is -1; it must be 0 to 10": profile((0, 6), stack_level=-1),
    "stackLevel is 11; it must be 0 to 10": profile((0, 6), stack_level=11),
    "recurrencyKind is missing; a Recurring profile has to be Daily or Weekly": daily(
        (0, 6), recurrency=None
    ),
    "validTo is not after validFrom": profile(
        (0, 6), valid_from="2026-03-02 00:00", valid_to="2026-03-02 00:00"
    ),
    "duration is 0 s; it must be 1 or more": profile((0, 6), duration=0),
    "minChargingRate is -1; it must be 0 to 1000000000": profile((0, 6), min_rate=-1),
    "there are 0 periods; allowed are 1 to 3": profile(),
    "there are 4 periods; allowed are 1 to 3": profile((0, 6), (1, 7), (2, 8), (3, 9)),
    "startPeriod of the first period is 1; it must be 0": profile((1, 6)),
    "startPeriod of period 1 is 0; it must be after 0": profile((0, 6), (0, 7)),
    "startPeriod of period 2 is 5; it must be after 9": profile((0, 6), (9, 7), (5, 8)),
    "limit of period 0 is -0.1; it must be 0 to 1000000000": profile((0, -0.1)),
    "limit of period 1 is 1e+300; it must be 0 to 1000000000": profile((0, 6), (9, 1e300)),
    "numberPhases of period 0 is 0; it must be 1 to 3": profile((0, 6), phases=0),
    "numberPhases of period 0 is 4; it must be 1 to 3": profile((0, 6), phases=4),
}


class ObjectionTests(SynchronousTestCase):
    """Profiles that are to be set."""

    def test_good(self) -> None:
        """What the specification allows is taken."""
        for each in GOOD:
            self.assertEqual([], list(objections(each, SMALL, RUNNING)))

    def test_bad(self) -> None:
        """What it does not allow is refused, with what was found and what is allowed."""
        for words, each in BAD.items():
            self.assertEqual([words], list(objections(each, SMALL, RUNNING)))

    def test_no_transaction(self) -> None:
        """A TxProfile needs a transaction at its connector."""
        self.assertEqual(
            ["no transaction runs at connector 1; a TxProfile needs one"],
            list(objections(tx((0, 6)), SMALL, None)),
        )

    def test_no_id_yet(self) -> None:
        """One for a transaction by its id is none for a transaction that has no id."""
        self.assertEqual(
            ["transactionId is 7; at connector 1 runs one without an id yet"],
            list(objections(tx((0, 6), transaction_id=7), SMALL, Running(0))),
        )

    def test_all_at_once(self) -> None:
        """Whoever is refused is told everything that is wrong."""
        bad = profile((1, -1), stack_level=99)
        error = self.assertRaises(ProfileRefused, Profiles().with_profile, bad, SMALL, None)
        self.assertEqual(3, len(str(error).split("; it must be")) - 1)


class StartTests(SynchronousTestCase):
    """Profiles that come with a RemoteStartTransaction."""

    def assert_wrong(self, given: Profile, *words: str) -> None:
        """Compare what is wrong."""
        self.assertEqual(list(words), list(objections_to_start(given, SMALL)))

    def test_good(self) -> None:
        """A TxProfile without a transactionId is taken, before there is a transaction."""
        self.assert_wrong(relative((0, 6), purpose=Purpose.TX))

    def test_bad(self) -> None:
        """Any other is not."""
        self.assert_wrong(
            profile((0, 6)), "chargingProfilePurpose is TxDefaultProfile; it must be TxProfile"
        )
        self.assert_wrong(
            tx((0, 6), transaction_id=1001),
            "transactionId is there; the transaction has none before it has started",
        )
        self.assert_wrong(tx((0, 6), stack_level=11), "stackLevel is 11; it must be 0 to 10")
