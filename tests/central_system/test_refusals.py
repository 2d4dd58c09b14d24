"""Who was not let in is remembered, within bounds; whom an operator refuses stays out."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.refusals import (
    BY_OPERATOR,
    MAX_FAILED_LOGINS,
    MAX_REFUSED,
    MAX_REFUSED_BY_HAND,
    MAX_WHY_CHARS,
    Refusals,
)
from cfos_cm.central_system.settings import ChargePointSettings, UnknownChargePoints
from cfos_cm.errors import LocalProtocolError

from .world import NOW, SITE, START, World

NOTHING = Approach()


class Remembering(SynchronousTestCase):
    """What is remembered of those who were not let in."""

    def setUp(self) -> None:
        """Nobody has come."""
        self.now = NOW
        self.refusals = Refusals(lambda: self.now)

    def test_again(self) -> None:
        """Who comes again for the same reason is one entry that counts, and is the newest."""
        self.refusals.login_failed("CP-1", "192.0.2.7", "wrong password")
        self.refusals.login_failed("CP-2", "192.0.2.7", "wrong password")
        self.now += timedelta(hours=1)
        self.refusals.login_failed("CP-1", "192.0.2.7", "wrong password")
        newest, other = self.refusals.failed_logins
        self.assertEqual(("CP-1", 2), (newest.identity, newest.count))
        self.assertEqual((NOW, self.now), (newest.first_at, newest.last_at))
        self.assertEqual(("CP-2", 1), (other.identity, other.count))
        self.assertEqual((), self.refusals.refused)

    def test_apart(self) -> None:
        """From elsewhere, or for another reason, it is another login."""
        self.refusals.login_failed("CP-1", "192.0.2.7", "wrong password")
        self.refusals.login_failed("CP-1", "192.0.2.8", "wrong password")
        self.refusals.login_failed("CP-1", "192.0.2.8", "it has sent no password")
        self.assertEqual(3, len(self.refusals.failed_logins))

    def test_bounds(self) -> None:
        """However many come, so many are remembered, the newest; no reason is endless."""
        for number in range(MAX_FAILED_LOGINS + 7):
            self.refusals.login_failed(f"CP-{number}", "192.0.2.7", "x" * 1000)
            self.refusals.note(f"CP-{number}", "192.0.2.7", "x" * 1000)
            self.refusals.refuse(f"CP-{number}")
        for found, bound in (
            (self.refusals.failed_logins, MAX_FAILED_LOGINS),
            (self.refusals.refused, MAX_REFUSED),
        ):
            self.assertEqual(bound, len(found))
            self.assertEqual(f"CP-{MAX_FAILED_LOGINS + 6}", found[0].identity)
            self.assertEqual(MAX_WHY_CHARS, len(found[0].why))
        stay_out = [
            number
            for number in range(MAX_FAILED_LOGINS + 7)
            if self.refusals.is_refused(f"CP-{number}")
        ]
        self.assertEqual(MAX_REFUSED_BY_HAND, len(stay_out))
        self.assertEqual(MAX_FAILED_LOGINS + 6, stay_out[-1])


class Refusing(SynchronousTestCase):
    """What becomes of a Charge Point that an operator refuses."""

    def setUp(self) -> None:
        """C{new} is connected and waits; CP-1 is configured and connected."""
        self.world = World()
        self.system = self.world.system
        self.new = self.world.connect("new")
        self.known = self.world.connect("CP-1")

    def test_out(self) -> None:
        """Its connection ends, and it is not admitted again, in whatever case it writes."""
        self.system.refuse("new")
        self.assertEqual([(1008, BY_OPERATOR)], self.new.hang_ups)
        for identity in ("new", "NEW"):
            self.assertIs(Admission.REFUSED, self.system.admit(identity, NOTHING))
        self.assertIs(Admission.ADMITTED, self.system.admit("other", NOTHING))
        (refused,) = self.system.refusals.refused
        self.assertEqual(
            ("new", "192.0.2.7", BY_OPERATOR), (refused.identity, refused.origin, refused.why)
        )

    def test_accepted(self) -> None:
        """It stays out where others that are not configured are served."""
        self.system.configure(evolve(SITE, unknown=UnknownChargePoints.ACCEPT))
        self.system.refuse("new")
        self.assertIs(Admission.REFUSED, self.system.admit("new", NOTHING))

    def test_configured(self) -> None:
        """One that is configured is not refused, but taken out of the settings."""
        error = self.assertRaises(LocalProtocolError, self.system.refuse, "CP-1")
        self.assertIn("take its [evse ...] sections out", str(error))
        self.assertEqual([], self.known.hang_ups)
        self.assertIs(Admission.ADMITTED, self.system.admit("CP-1", NOTHING))

    def test_approved(self) -> None:
        """Once it is configured it may connect, and is refused no more."""
        self.system.refuse("new")
        points = {**SITE.charge_points, "new": ChargePointSettings("new", {})}
        self.system.configure(evolve(SITE, charge_points=points))
        self.assertIs(Admission.ADMITTED, self.system.admit("new", NOTHING))
        self.assertEqual((), self.system.refusals.refused)
        self.system.configure(SITE)
        self.assertIs(Admission.ADMITTED, self.system.admit("new", NOTHING))

    def test_owes(self) -> None:
        """One that has to tell the end of a charge may do so before."""
        self.known.ask("BootNotification", _BOOT)
        self.known.ask("StartTransaction", START)
        without = {name: one for name, one in SITE.charge_points.items() if name != "CP-1"}
        self.system.configure(evolve(SITE, charge_points=without))
        self.system.refuse("CP-1")
        self.assertEqual([], self.known.hang_ups)
        self.assertIs(Admission.ADMITTED, self.system.admit("CP-1", NOTHING))


_BOOT = {"chargePointVendor": "cFos", "chargePointModel": "Power Brain"}
