"""A limit that charging profiles set."""

from __future__ import annotations

from collections.abc import Collection

from attrs import field, frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V

__all__ = ["PHASES_WHEN_ABSENT", "Limit"]

#: OCPP 1.6, ChargingSchedulePeriod: "numberPhases=3 will be assumed unless another number is
#: given".
PHASES_WHEN_ABSENT = 3


@frozen
class Limit:
    """
    What may be drawn.

    The current and the phases are what is obeyed. The power is there to be told: it is what a
    profile in watts has said, and not what its rounded current comes to.

    @ivar current_ma: [mA on each phase]
    @ivar phases: how many phases may be used; 1 to 3.
    @ivar power_mw: on all phases together, at nominal voltage. [mW]
    """

    current_ma: int
    phases: int = PHASES_WHEN_ABSENT
    power_mw: int = field()

    @power_mw.default
    def _nominal_power_mw(self) -> int:
        return self.current_ma * self.phases * NOMINAL_VOLTAGE_V

    @classmethod
    def of_power(cls, power_mw: int, phases: int) -> Limit:
        """
        The limit that a total power means, its current rounded down.

        OCPP 1.6, ChargingRateUnitType: "Current per phase = Power / (Line Voltage * Number of
        Phases)", where the voltage is "not the measured voltage, but the set voltage".

        @param power_mw: summed over the phases. [mW]
        """
        return cls(power_mw // (NOMINAL_VOLTAGE_V * phases), phases, power_mw)

    @classmethod
    def sum_of(cls, limits: Collection[Limit]) -> Limit:
        """
        What outlets may draw together that have these limits.

        Of the current it is the most that one phase may have to carry: they all may use the
        same one.

        @param limits: at least one.
        """
        return cls(
            sum(each.current_ma for each in limits),
            max(each.phases for each in limits),
            sum(each.power_mw for each in limits),
        )

    def clipped(self, other: Limit | None) -> Limit:
        """
        The smaller current of both, on the smaller number of phases.

        Amperes stay amperes per phase: 30 A on one phase under 20 A on three is 20 A on one.

        @param other: C{None} limits nothing.
        """
        if other is None:
            return self
        current_ma = min(self.current_ma, other.current_ma)
        phases = min(self.phases, other.phases)
        power_mw = min(self.power_mw, other.power_mw)
        if (current_ma, phases) not in (
            (self.current_ma, self.phases),
            (other.current_ma, other.phases),
        ):
            # A current of one on the phases of the other: neither has told a power for that.
            power_mw = min(power_mw, current_ma * phases * NOMINAL_VOLTAGE_V)
        return Limit(current_ma, phases, power_mw)
