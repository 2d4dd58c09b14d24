"""
One decision for a garage: every rule, and the sharing of one circuit.

No peer shares a circuit tree per phase yet; what is compared is how the cost grows with the
number of EVSEs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bench.measure import compare, table
from cfos_cm.limits.decide import decide
from cfos_cm.limits.transition import orders
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    EvseConnected,
    OccupancyReported,
    SettingsChanged,
    TransactionStarted,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction


def garage(evses: int) -> SiteState:
    """A garage in which every EVSE charges, and the fuse carries 8 A for each."""
    names = [f"bay-{number}" for number in range(evses)]
    circuit = CircuitSettings("garage", 8000 * evses)
    settings = tuple(EvseSettings(name, "garage") for name in names)
    state = fold(SiteState(), SettingsChanged("garage", False, (circuit,), settings))
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number, name in enumerate(names):
        state = fold(state, EvseConnected(name, "here"))
        state = fold(state, OccupancyReported(name, Occupancy.CHARGING, "Charging"))
        transaction = Transaction(number + 1, "tag", Verdict.ACCEPTED, begin, 0)
        state = fold(state, TransactionStarted(name, transaction))
    return state


def run(calls: int, rounds: int) -> str:
    """Measure, and describe the result."""
    sites = {f"{evses} EVSEs": garage(evses) for evses in (10, 100, 200)}

    def turn(state: SiteState) -> object:
        return orders(state, decide(state))

    rows = compare(
        {name: (lambda state=state: turn(state)) for name, state in sites.items()},
        max(1, calls // 50),
        rounds,
    )
    return table("One decision with its orders", rows)
