"""Which status may come after which."""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.transitions import TRANSITIONS, route
from cfos_cm.v16.core import ChargePointStatus

_COLUMNS = (
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
)
#: OCPP 1.6, "Status Notification": the numbers of the columns that each row has.
_ROWS = {
    "Available": "2345789",
    "Preparing": "134569",
    "Charging": "145689",
    "SuspendedEV": "135689",
    "SuspendedEVSE": "134689",
    "Finishing": "1289",
    "Reserved": "1289",
    "Unavailable": "123459",
    "Faulted": "12345678",
}


class TransitionsTests(SynchronousTestCase):
    """The table, and the ways through it."""

    def test_table(self) -> None:
        """It is the specification's."""
        for before, columns in _ROWS.items():
            found = {after.value for after in TRANSITIONS[ChargePointStatus(before)]}
            self.assertEqual({_COLUMNS[int(one) - 1] for one in columns}, found, before)

    def test_routes(self) -> None:
        """From each to each other there is a way of steps that are in the table."""
        for before, after in product(ChargePointStatus, repeat=2):
            steps = route(before, after)
            self.assertEqual(after, steps[-1])
            if before is after:
                continue
            for one, next_one in zip((before, *steps), steps, strict=False):
                self.assertIn(next_one, TRANSITIONS[one], f"{before} to {after}")

    def test_between(self) -> None:
        """What is told on the way is what most likely was so."""
        ways = {
            ("Finishing", "Charging"): "Preparing",
            ("Charging", "Preparing"): "Finishing",
            ("Preparing", "Unavailable"): "Finishing",
            ("Finishing", "Reserved"): "Available",
        }
        for (before, after), between in ways.items():
            steps = route(ChargePointStatus(before), ChargePointStatus(after))
            self.assertEqual([between, after], [one.value for one in steps])
