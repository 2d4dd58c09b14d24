"""
What a site costs: a reading of a meter on its way through the control loop, and a decision.

No peer shares a circuit tree per phase yet; what is compared is how the cost grows with the
number of EVSEs. A reading must cost the same at a thousand of them as at ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle

from twisted.internet.task import Clock

from bench.measure import compare, table
from cfos_cm.electrical import ALL_PHASES, PhaseCurrents
from cfos_cm.limits.decide import decide
from cfos_cm.limits.transition import orders
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.journal import Journal
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    EvseConnected,
    EvseMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def settings(evses: int) -> SettingsChanged:
    """A garage whose fuse carries 8 A for each EVSE."""
    circuit = CircuitSettings("garage", 8000 * evses)
    bays = tuple(EvseSettings(f"bay-{number}", "garage") for number in range(evses))
    return SettingsChanged("garage", False, (circuit,), bays)


def charging(number: int) -> list[SiteEvent]:
    """What is heard of an EVSE until it charges."""
    name = f"bay-{number}"
    return [
        EvseConnected(name, "here"),
        OccupancyReported(name, Occupancy.CHARGING, "Charging"),
        TransactionStarted(name, Transaction(number + 1, "tag", Verdict.ACCEPTED, BEGIN, 0)),
    ]


def free(number: int) -> list[SiteEvent]:
    """What is heard of an EVSE without a car."""
    name = f"bay-{number}"
    return [
        EvseConnected(name, "here"),
        OccupancyReported(name, Occupancy.FREE, "Available"),
    ]


def garage(evses: int, share_of_cars: int = 1) -> SiteState:
    """
    A garage in which all are connected.

    @param share_of_cars: one of so many EVSEs charges.
    """
    state = SiteState()
    for event in _history(evses, share_of_cars):
        state = fold(state, event)
    return state


def _history(evses: int, share_of_cars: int = 1) -> Iterator[SiteEvent]:
    yield settings(evses)
    for number in range(evses):
        yield from free(number) if number % share_of_cars else charging(number)


def metered(evses: int) -> Callable[[], None]:
    """One reading after the other, told to a loop with the journal on."""
    loop = ControlLoop(Clock(), 1.0)
    loop.observe(Journal().note)
    for event in _history(evses):
        loop.report(event)
    # Not so much energy that the journal had something to say.
    readings = cycle(
        EvseMeasured(
            f"bay-{number % evses}", PhaseCurrents.on(ALL_PHASES, number), number % 400
        )
        for number in range(2 * max(evses, 100))
    )

    def turn() -> None:
        loop.report(next(readings))
        # Nobody looks as often as that.
        _ = loop.state

    return turn


def decision(state: SiteState) -> Callable[[], object]:
    """A decision about a site, and what is to be ordered after it."""

    def turn() -> object:
        return orders(state, decide(state))

    return turn


def run(calls: int, rounds: int) -> str:
    """Measure, and describe the result."""
    readings = compare(
        {f"{evses} EVSEs": metered(evses) for evses in (10, 100, 1000)}, calls * 10, rounds
    )
    decisions = compare(
        {
            f"{evses} EVSEs, {words}": decision(garage(evses, share_of_cars))
            for evses in (10, 100, 200, 1000)
            for words, share_of_cars in (("all charge", 1), ("half of them charge", 2))
        },
        max(1, calls // 200),
        rounds,
    )
    return "\n\n".join(
        (
            table("One reading, through the control loop with its journal", readings),
            table("One decision with its orders", decisions),
        )
    )
