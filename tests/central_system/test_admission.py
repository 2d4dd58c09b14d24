"""Who is meant by a URL."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import configured_identity
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings


def settings(*identities: str) -> CentralSystemSettings:
    """Settings with these Charge Points."""
    return CentralSystemSettings({one: ChargePointSettings(one, {}) for one in identities})


class Identity(SynchronousTestCase):
    """Upper and lower case."""

    def test_exact(self) -> None:
        """What is configured is meant, also where another differs in case alone."""
        both = settings("CP-1", "cp-1")
        self.assertEqual("CP-1", configured_identity(both, "CP-1"))
        self.assertEqual("cp-1", configured_identity(both, "cp-1"))

    def test_case(self) -> None:
        """Case does not matter where only one is meant."""
        self.assertEqual("CP-1", configured_identity(settings("CP-1", "CP-2"), "cp-1"))
        self.assertEqual("cp-1", configured_identity(settings("cp-1"), "CP-1"))

    def test_ambiguous(self) -> None:
        """Two that differ in case alone are two; a third spelling is neither."""
        self.assertEqual("Cp-1", configured_identity(settings("CP-1", "cp-1"), "Cp-1"))

    def test_unknown(self) -> None:
        """Nobody is meant."""
        self.assertEqual("CP-9", configured_identity(settings("CP-1"), "CP-9"))
