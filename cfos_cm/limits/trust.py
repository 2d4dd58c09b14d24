"""
Whether a meter can be right.

A meter whose transformers are mounted the wrong way round, or that goes on telling its last
values when it has none, answers like any other. What it says shows it: a circuit can hardly
generate more than its fuse could carry, and what has moved all the time does not stand still.
"""

from __future__ import annotations

from enum import StrEnum
from math import inf

from attrs import evolve, frozen

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, PhaseCurrents, on_each_phase
from cfos_cm.site.meter import Meter

__all__ = ["DOUBT_S", "STANDS_S", "Doubt", "Trust"]

#: So long after it was last seen to be wrong a meter is not believed. [s]
DOUBT_S = 60.0
#: A meter that has moved with nearly each reading, at least so often, and never showed the same
#: more than a few times, is frozen when it stands still for so long and so many readings while
#: a car may charge. One that shows whole amperes, or that of a quiet house, often shows the
#: same: it is not judged.
_MOVES = 120
_RESTLESS_READINGS = 3
STANDS_S = 10.0
_STANDS_READINGS = 8
#: After a mistake of this kind twice the patience is shown, and so on up to this. [s]
_LONGEST_STANDS_S = 3600.0


class Doubt(StrEnum):
    """What is wrong with a meter. It is text for people."""

    TURNED = (
        "it shows that more is generated than the fuse can carry; perhaps it is mounted the "
        "wrong way round"
    )
    FROZEN = "it has always moved, and stands still"


@frozen
class Trust:
    """
    What is known of the meter of one circuit.

    @ivar turned_s: when it was last seen to show what cannot be. [s]
    @ivar seen: what it showed last; C{None}: it tells no currents, or none flow. [mA]
    @ivar at_s: when it did. [s]
    @ivar since_s: since when it shows the same while a car may charge. [s]
    @ivar readings: so many have shown the same then.
    @ivar moves: so often it has shown something else than before.
    @ivar most_readings: the most that have shown the same without being doubted for it.
    @ivar patience_s: how long it may. [s]
    """

    turned_s: float = -inf
    seen: PhaseCurrents | None = None
    at_s: float = -inf
    since_s: float = -inf
    readings: int = 0
    moves: int = 0
    most_readings: int = 0
    patience_s: float = STANDS_S

    def after(
        self,
        meter: Meter,
        beside_at_most: PhaseCurrents,
        rating: PhaseCurrents,
        *,
        is_used: bool = True,
    ) -> Trust:
        """
        What is known after another reading.

        @param beside_at_most: what it sees beyond EVSEs, at most; negative where something
            generates more than all others draw. The sum of all phases, on each, where it
            tells no currents. [mA]
        @param rating: of the circuit's fuse. [mA]
        @param is_used: whether a car may be charging there.
        """
        trust = self._moved(meter, is_used)
        most = rating if meter.currents is not None else on_each_phase(rating.total())
        if any(beside_at_most[phase] < -most[phase] for phase in ALL_PHASES):
            trust = evolve(trust, turned_s=meter.at_s)
        return trust

    def _moved(self, meter: Meter, is_used: bool) -> Trust:
        currents = None if meter.currents == NO_CURRENT else meter.currents
        if currents is not None and currents == self.seen:
            if not is_used and not self._is_frozen:
                # If it were doubted for that nobody could begin, and it would stand for ever.
                return evolve(self, at_s=meter.at_s, since_s=meter.at_s, readings=1)
            return evolve(self, at_s=meter.at_s, readings=self.readings + 1)
        patience_s, most_readings = self.patience_s, self.most_readings
        if self._is_frozen:
            patience_s = min(2 * patience_s, _LONGEST_STANDS_S)
        elif self.seen is not None:
            most_readings = max(most_readings, self.readings)
        return evolve(
            self,
            seen=currents,
            at_s=meter.at_s,
            since_s=meter.at_s,
            readings=1,
            # To show nothing again and again is not to move.
            moves=self.moves + (currents is not None),
            most_readings=most_readings,
            patience_s=patience_s,
        )

    @property
    def _is_frozen(self) -> bool:
        is_restless = self.moves >= _MOVES and self.most_readings <= _RESTLESS_READINGS
        if self.seen is None or not is_restless or self.readings < _STANDS_READINGS:
            return False
        return self.at_s - self.since_s >= self.patience_s

    @property
    def doubt(self) -> Doubt | None:
        """What is wrong with it, as far as its last reading tells; C{None}: nothing."""
        if self.at_s < self.turned_s + DOUBT_S:
            return Doubt.TURNED
        return Doubt.FROZEN if self._is_frozen else None
