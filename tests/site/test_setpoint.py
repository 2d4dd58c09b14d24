"""Setpoints for people."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint


class SetpointTests(SynchronousTestCase):
    """What is shown of a setpoint."""

    def test_text(self) -> None:
        """The current and the reason in words."""
        circuit = Reason(ReasonCode.CIRCUIT, "phase L2 of garage", "garage", Phase.L2)
        self.assertEqual(str(Setpoint(7_000, circuit)), "7 A: phase L2 of garage")
        self.assertEqual(
            str(Setpoint(0, Reason(ReasonCode.NO_CAR, "no car is plugged in"))),
            "0 A: no car is plugged in",
        )
