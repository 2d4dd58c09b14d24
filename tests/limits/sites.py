"""Sites to decide about, written short and drawn at random."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from hypothesis import strategies as st

from cfos_cm.electrical import ALL_PHASES, Phase
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

#: The supply's phases as an EVSE may be wired to them.
WIRINGS = (
    ALL_PHASES,
    (Phase.L2, Phase.L3, Phase.L1),
    (Phase.L1, Phase.L3),
    (Phase.L1,),
    (Phase.L2,),
    (Phase.L3,),
)


def setpoint(current_ma: int) -> Setpoint:
    """A setpoint; what for does not matter."""
    return Setpoint(current_ma, Reason(ReasonCode.RATING, "wanted"))


def charging(settings: EvseSettings, confirmed_ma: int | None = 0) -> Evse:
    """
    An EVSE with a car that may charge.

    @param confirmed_ma: what it has accepted; C{None}: nothing. [mA]
    """
    return Evse(
        settings,
        link=Link.ONLINE,
        occupancy=Occupancy.CHARGING,
        transaction=Transaction(1, "04A1", Verdict.ACCEPTED, NOON, 0),
        confirmed=None if confirmed_ma is None else setpoint(confirmed_ma),
        forbids_by_default=confirmed_ma is not None,
        stale=confirmed_ma is None,
        unsure=confirmed_ma is None,
    )


def site(circuits: list[CircuitSettings], evses: list[Evse]) -> SiteState:
    """A site of these."""
    return SiteState(
        circuits={circuit.name: circuit for circuit in circuits},
        evses={evse.name: evse for evse in evses},
    )


@st.composite
def circuits(draw: st.DrawFn, most: int = 4) -> list[CircuitSettings]:
    """A tree of one to three levels, some of whose fuses have odd ratings."""
    ratings = st.integers(60, 800).map(lambda tenths: tenths * 100) | st.integers(0, 80_000)
    found = [CircuitSettings("c0", draw(ratings))]
    depth = {"c0": 1}
    for number in range(1, draw(st.integers(1, most))):
        parent = draw(st.sampled_from([one.name for one in found if depth[one.name] < 3]))
        found.append(
            CircuitSettings(
                f"c{number}", draw(ratings), parent, draw(st.sampled_from([0, 0, 2_000, 150]))
            )
        )
        depth[f"c{number}"] = depth[parent] + 1
    return found


@st.composite
def sites(draw: st.DrawFn, most: int = 8) -> SiteState:
    """A site with some EVSEs, most of which could charge now."""
    tree = draw(circuits())
    evses = []
    for number in range(draw(st.integers(1, most))):
        minimum_ma = draw(st.sampled_from([6_000, 6_000, 6_050, 8_000]))
        settings = EvseSettings(
            f"e{number}",
            draw(st.sampled_from(tree)).name,
            enabled=draw(st.integers(0, 9)) > 0,
            min_current_ma=minimum_ma,
            max_current_ma=minimum_ma + draw(st.integers(0, 26_000)),
            phases=draw(st.sampled_from(WIRINGS)),
            priority=draw(st.sampled_from([1, 1, 2])),
            failsafe_current_ma=draw(st.sampled_from([0, 0, 6_000])),
        )
        confirmed_ma = draw(st.none() | st.integers(60, 160).map(lambda tenths: tenths * 100))
        evse = charging(settings, confirmed_ma)
        link = draw(st.sampled_from([Link.ONLINE] * 4 + [Link.LOST, Link.NEVER]))
        evses.append(evolve(evse, link=link))
    return site(tree, evses)
