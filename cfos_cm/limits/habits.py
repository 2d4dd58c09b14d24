"""Rules that follow from what has happened: what a car takes, and who has to rest."""

from __future__ import annotations

from math import ceil

from cfos_cm.electrical import amps_text
from cfos_cm.limits.ceiling import Ceiling, forbidden
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.phase_choice import switching_ceiling
from cfos_cm.limits.surplus import surplus_ceiling
from cfos_cm.limits.trust import Doubt
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse
from cfos_cm.site.setpoint import Reason, ReasonCode

__all__ = ["HABITS", "lowest"]


def appetite(memory: Memory, evse: Evse) -> Ceiling | None:
    """A car that takes less than it is offered is offered that, and some more."""
    wanted_ma = memory.appetites.wanted_ma(evse)
    if wanted_ma is None:
        return None
    text = f"its car takes no more than {amps_text(wanted_ma)}"
    return Ceiling(wanted_ma, Reason(ReasonCode.DEMAND, text))


def load_known(memory: Memory, evse: Evse) -> Ceiling | None:
    """A circuit of which nobody knows what it carries is not loaded."""
    for circuit in memory.state.path(evse.settings.circuit):
        if memory.loads.of(circuit.name) is None:
            doubt = memory.loads.doubts.get(circuit.name)
            text = _unknown_text(circuit, doubt)
            return Ceiling(0, Reason(ReasonCode.METER, text, circuit.name))
    return None


def _unknown_text(circuit: CircuitSettings, doubt: Doubt | None) -> str:
    if circuit.meter is None:
        return f"a meter is silent, and nobody knows what {circuit.name} carries"
    meter = f"meter {circuit.meter} of {circuit.name}"
    return f"{meter} is silent" if doubt is None else f"{meter} cannot be right: {doubt.value}"


def rest(memory: Memory, evse: Evse) -> Ceiling | None:
    """Who was paused for others rests for a while, so that no contactor is worn out."""
    left_s = memory.turns.pause_left_s(evse, memory.now_s)
    if left_s <= 0:
        return None
    return forbidden(ReasonCode.PAUSE, f"paused for others, for {_rough(left_s)} more")


def _rough(left_s: float) -> str:
    """In steps of a minute, so that the words do not change each second."""
    minutes = ceil(left_s / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def by_surplus(memory: Memory, evse: Evse) -> Ceiling | None:
    """Who charges by surplus waits until there is enough."""
    return surplus_ceiling(memory.surplus, evse)


def switching(memory: Memory, evse: Evse) -> Ceiling | None:
    """Nobody's phases are switched while his car charges."""
    return switching_ceiling(memory.choice, evse)


#: In the order in which they are named when several say the same.
HABITS = (load_known, rest, by_surplus, switching, appetite)


def lowest(memory: Memory, evse: Evse) -> Ceiling:
    """The lowest ceiling of all rules; of equal ones the first."""
    found = memory.ceilings[evse.settings.name]
    for habit in HABITS:
        if not found.current_ma:
            # There is nothing below 0 A that a later rule could say.
            break
        said = habit(memory, evse)
        if said is not None and said.current_ma < found.current_ma:
            found = said
    return found
