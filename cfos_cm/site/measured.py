"""What an EVSE's meter says."""

from __future__ import annotations

from math import inf

from attrs import field, frozen

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents

__all__ = ["NOTHING_MEASURED", "Measured"]


@frozen
class Measured:
    """
    What is known from the meter of one EVSE.

    It is kept apart from all else that is known of the EVSE because it changes a thousand
    times for each time that something else does.

    @ivar currents: per phase of the supply; C{None}: not known. [mA]
    @ivar energy_wh: the register, not the session; C{None}: not known. [Wh]
    @ivar power_w: what the car draws; C{None}: not known. [W]
    @ivar at_s: when the meter has told a current or a power last, by the control loop's clock;
        two that say the same are equal. [s]
    @ivar is_partial: where C{currents} are 0 nothing may have been said.
    """

    currents: PhaseCurrents | None = None
    energy_wh: int | None = None
    power_w: int | None = None
    at_s: float = field(default=-inf, eq=False)
    is_partial: bool = False

    def updated(
        self,
        currents: PhaseCurrents | None,
        energy_wh: int | None,
        power_w: int | None,
        at_s: float = -inf,
        is_partial: bool = False,
    ) -> Measured:
        """
        What is known after the meter has spoken again; C{None} where it said nothing.

        @param at_s: when it did. [s]
        @param is_partial: it has not told the currents of all phases.
        @return: C{self} when it said nothing that was not known, and was as new.
        """
        tells_flow = currents is not None or power_w is not None
        known = self.currents
        if power_w and known == NO_CURRENT:
            # They are from before anything flowed.
            known = None
        known_w = self.power_w
        if known_w == 0 and currents is not None and currents != NO_CURRENT:
            # So is this; there are meters that tell a power seldom, or never again.
            known_w = None
        found = Measured(
            known if currents is None else currents,
            self.energy_wh if energy_wh is None else energy_wh,
            known_w if power_w is None else power_w,
            at_s if tells_flow else self.at_s,
            self.is_partial if currents is None else is_partial,
        )
        return self if found == self and found.at_s == self.at_s else found

    def standing_still(self) -> Measured:
        """What is known when no current flows, whatever the meter said before."""
        return Measured(NO_CURRENT, self.energy_wh, 0, self.at_s)

    def out_of_sight(self) -> Measured:
        """What is still known when nobody can ask the meter: its register only counts up."""
        return Measured(energy_wh=self.energy_wh)


NOTHING_MEASURED = Measured()
