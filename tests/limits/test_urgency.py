"""Which events lead to a decision, and how soon."""

from __future__ import annotations

from typing import get_args

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.limits.decide import decide
from cfos_cm.limits.transition import orders
from cfos_cm.limits.urgency import Urgency, urgency
from cfos_cm.site.events import (
    CircuitLimitMet,
    CircuitOverdrawn,
    EvseConnected,
    EvseMeasured,
    MeterLost,
    MeterMeasured,
    SetpointDecided,
    SetpointOrdered,
    SiteEvent,
    TagJudged,
)
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict

from .sites import setpoint, sites

#: Those that need not be acted on at once.
PATIENT = {
    EvseMeasured: Urgency.NEVER,
    CircuitLimitMet: Urgency.NEVER,
    CircuitOverdrawn: Urgency.NEVER,
    TagJudged: Urgency.NEVER,
    SetpointDecided: Urgency.NEVER,
    SetpointOrdered: Urgency.NEXT_CYCLE,
}


class Table(SynchronousTestCase):
    """Every kind of event."""

    def test_kinds(self) -> None:
        """Whatever is not known to be patient is urgent, also what is yet to be invented."""
        for kind in (*get_args(SiteEvent), type("Invented", (), {})):
            event = MeterMeasured("none") if kind is MeterMeasured else kind.__new__(kind)
            self.assertIs(PATIENT.get(kind, Urgency.AT_ONCE), urgency(event, SiteState()), kind)

    def test_subclass(self) -> None:
        """Another kind that is made from a patient one is another kind."""
        other = type("Other", (EvseMeasured,), {})("a")
        self.assertIs(Urgency.AT_ONCE, urgency(other, SiteState()))
        self.assertIs(Urgency.AT_ONCE, urgency(EvseConnected("a", "192.0.2.1"), SiteState()))

    def test_meters(self) -> None:
        """What a meter says that only tells of an EVSE, or is only shown, can wait."""
        for role in MeterRole:
            state = SiteState(meters={"m": Meter(MeterSettings("m", role))})
            expected = {
                MeterRole.EVSE: Urgency.NEVER,
                MeterRole.DISPLAY: Urgency.NEVER,
            }.get(role, Urgency.AT_ONCE)
            self.assertIs(expected, urgency(MeterMeasured("m"), state), role)
            self.assertIs(Urgency.AT_ONCE, urgency(MeterLost("m", "mute"), state), role)


class Never(SynchronousTestCase):
    """Nothing that is never urgent changes what is decided."""

    @given(sites(), st.integers(0, 7), st.integers(0, 40_000))
    def test_same_decision(self, state: SiteState, place: int, number: int) -> None:
        """The decision is the same before and after it, and so are the orders."""
        name = list(state.evses)[place % len(state.evses)]
        for event in (
            EvseMeasured(name, PhaseCurrents(number, 0, 1), number, number),
            TagJudged(name, "04A1", Verdict.BLOCKED),
            SetpointDecided(name, setpoint(number)),
        ):
            assert urgency(event, state) is Urgency.NEVER
            after = fold(state, event)
            targets = decide(state)
            self.assertEqual(targets, decide(after))
            self.assertEqual(orders(state, targets), orders(after, targets))
            self.assertNotEqual(targets, decide(evolve(after, evses={})))
