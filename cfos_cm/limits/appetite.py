"""
What a car takes of what it is offered.

A full car, one with a small on-board charger, one that waits for its own clock: they draw less
than their EVSE offers, and others could use the rest. Such a car is offered what it takes and
some headroom. What it does with the headroom tells the two reasons apart for which it may draw
little: a car that could take more draws into it, and the cap is gone; one at its own limit
never does. So nothing has to be tried out from time to time.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Self

from attrs import evolve, field, frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.limits.per_transaction import remembered
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.state import SiteState

__all__ = ["Appetites"]

#: So much more than it takes a car is offered. [mA]
_HEADROOM_MA = 1500

#: Two readings of the same current differ by no more: twice the 0.3 A of a wallbox's meter. A
#: car has to draw so much into its headroom, or leave so much more than that, until its cap
#: changes: what is left between is where it stays. [mA]
_NOISE_MA = 700

#: With this it is certain that a car has woken up. [mA]
_AWAKE_MA = 1000

#: With less a car draws nothing: the rest is noise and its EVSE's own lamps. [mA]
_NOTHING_MA = 500

#: So long a car has drawn less than it was offered, and not more and more, before it is capped:
#: the meter's delay of 3 s, and a car that answers to a higher offer only after 5 s. [s]
_PATIENCE_S = 12.0

#: A car that has outgrown its cap is watched for twice as long before the next one, up to
#: this: one whose heater comes and goes does not take its offer along each time. [s]
_LONGEST_PATIENCE_S = 192.0

#: So long a car has to wake up after it was offered something. [s]
_WAKING_S = 60.0

#: A car that has drawn nothing of its offer for so long is idle. [s]
_IDLE_S = 60.0

#: So long after it was paused a car that was idle counts as one that waits for its turn: it
#: cannot wake up without an offer, and may have had a clock of its own to wait for. [s]
_ASLEEP_S = 1800.0

#: The same for one that has charged before, and is full most likely. [s]
_FULL_S = 7200.0

#: What full cars are offered is missed by those who wait. So it takes twice as long each time
#: that such a car makes no use of its turn, up to this. [s]
_LONGEST_ASLEEP_S = 14_400.0

#: The least and the most that a power in watts means in volts, EN 50160. [V]
_LOWEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 0.9
_HIGHEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 1.1


@frozen
class _Record:
    """
    What is known of the car of one transaction.

    @ivar settings: those of the EVSE.
    @ivar offer_ma: what it is offered at least. [mA per phase]
    @ivar offered_s: since when it is offered anything; with C{offer_ma} of 0, since when it is
        not. [s]
    @ivar raised_s: when its offer was raised last; no earlier reading tells how much of it the
        car takes. [s]
    @ivar is_awake: it has drawn a current since it is offered one.
    @ivar has_charged: it has drawn one in this transaction.
    @ivar cap_ma: what it takes, with headroom; C{None}: whatever there is. [mA per phase]
    @ivar patience_s: so long it is watched before it is capped. [s]
    @ivar short_since_s: the reading since which it has drawn less than it may, and not more
        and more; C{inf}: it does not. [s]
    @ivar first_ma: what it drew then. [mA]
    @ivar highest_ma: the most that it has drawn since then. [mA]
    @ivar still_since_s: the reading since which it has drawn nothing of its offer; C{inf}: it
        does draw something. [s]
    @ivar is_idle: so long that it will not begin soon.
    @ivar asleep_s: how long it counts as idle when it is paused; 0: it has drawn something
        since it was last found to be idle. [s]
    """

    transaction_id: int
    settings: EvseSettings
    occupancy: Occupancy = Occupancy.UNKNOWN
    offer_ma: int = 0
    offered_s: float = inf
    raised_s: float = inf
    is_awake: bool = False
    has_charged: bool = False
    cap_ma: int | None = None
    patience_s: float = _PATIENCE_S
    short_since_s: float = inf
    first_ma: int = 0
    highest_ma: int = 0
    still_since_s: float = inf
    is_idle: bool = False
    asleep_s: float = 0.0

    def offered(self, offer_ma: int, occupancy: Occupancy, now_s: float) -> _Record:
        """What is known when it is offered C{offer_ma}."""
        record = self
        if occupancy is not self.occupancy:
            record = record._occupied(occupancy)
        if offer_ma != self.offer_ma:
            return record._offered_another(offer_ma, now_s)
        if offer_ma == 0 and record.is_idle and now_s - record.offered_s >= record.asleep_s:
            return evolve(record, is_idle=False)
        return record

    def _occupied(self, occupancy: Occupancy) -> _Record:
        if occupancy is not Occupancy.CHARGING:
            return evolve(self, occupancy=occupancy)
        # The EVSE says that it has begun: it may have woken up.
        return evolve(self, occupancy=occupancy, still_since_s=inf, is_idle=False)

    def _offered_another(self, offer_ma: int, now_s: float) -> _Record:
        if offer_ma and self.offer_ma:
            if offer_ma < self.offer_ma:
                return evolve(self, offer_ma=offer_ma)
            return evolve(self, offer_ma=offer_ma, raised_s=now_s, short_since_s=inf)
        return evolve(
            self,
            offer_ma=offer_ma,
            offered_s=now_s,
            raised_s=now_s,
            is_awake=False,
            short_since_s=inf,
            still_since_s=inf,
        )

    def configured(self, settings: EvseSettings) -> _Record:
        """What is known with C{settings}: the cap that it had was a step of other ones."""
        if settings == self.settings:
            return self
        return evolve(self, settings=settings, cap_ma=None, short_since_s=inf)

    def drawing(self, draw_ma: int, at_s: float, is_metered: bool) -> _Record:
        """
        What is known when it draws C{draw_ma}.

        One reading may be handed in any number of times.

        @param at_s: when that was so. [s]
        @param is_metered: whether it could be seen to draw more. Who cannot is not capped, for
            his cap would never be gone.
        """
        record = self
        if record.cap_ma is not None and draw_ma > record.cap_ma - _HEADROOM_MA + _NOISE_MA:
            record = record._outgrown()
        if at_s <= record.raised_s:
            return record
        if draw_ma >= _AWAKE_MA and not record.is_awake:
            record = evolve(record, is_awake=True, has_charged=True)
        record = record._stirring(draw_ma, at_s)
        if is_metered and (record.is_awake or at_s - record.offered_s >= _WAKING_S):
            record = record._watched(draw_ma, at_s)
        return record

    def _outgrown(self) -> _Record:
        """It takes more than it was taken to take."""
        patience_s = min(2 * self.patience_s, _LONGEST_PATIENCE_S)
        return evolve(self, cap_ma=None, patience_s=patience_s, short_since_s=inf)

    def _stirring(self, draw_ma: int, at_s: float) -> _Record:
        """Whether it draws anything at all."""
        if draw_ma >= _NOTHING_MA:
            if self.still_since_s == inf and not self.is_idle and not self.asleep_s:
                return self
            return evolve(self, still_since_s=inf, is_idle=False, asleep_s=0.0)
        if self.still_since_s == inf:
            return evolve(self, still_since_s=at_s)
        if self.is_idle or at_s - self.still_since_s < _IDLE_S:
            return self
        first_s = _FULL_S if self.has_charged else _ASLEEP_S
        asleep_s = min(max(first_s, 2 * self.asleep_s), _LONGEST_ASLEEP_S)
        return evolve(self, is_idle=True, asleep_s=asleep_s)

    def _watched(self, draw_ma: int, at_s: float) -> _Record:
        """Whether it leaves more than headroom of what it may draw."""
        may_ma = self.offer_ma if self.cap_ma is None else min(self.offer_ma, self.cap_ma)
        if draw_ma >= may_ma - _HEADROOM_MA - _NOISE_MA or self._is_at_minimum:
            return self if self.short_since_s == inf else evolve(self, short_since_s=inf)
        if self.short_since_s == inf or draw_ma > self.first_ma + _NOISE_MA:
            # It has just begun, or it rises still.
            return evolve(self, short_since_s=at_s, first_ma=draw_ma, highest_ma=draw_ma)
        if at_s - self.short_since_s >= self.patience_s:
            cap_ma = _cap_ma(max(draw_ma, self.highest_ma), self.settings)
            capped = evolve(self, cap_ma=cap_ma, short_since_s=inf)
            # It may leave much of that too, if it has begun to draw less only now.
            return capped._watched(draw_ma, at_s)
        if draw_ma > self.highest_ma:
            return evolve(self, highest_ma=draw_ma)
        return self

    @property
    def _is_at_minimum(self) -> bool:
        return self.cap_ma is not None and self.cap_ma == _cap_ma(0, self.settings)


def _cap_ma(draw_ma: int, settings: EvseSettings) -> int | None:
    """What to offer a car that draws so much; C{None}: all that its EVSE has."""
    wanted_ma = max(draw_ma + _HEADROOM_MA, settings.min_current_ma)
    cap_ma = settings.steps.at_least(wanted_ma)
    return None if cap_ma is None or cap_ma >= settings.max_current_ma else cap_ma


def _offer_ma(evse: Evse) -> int | None:
    """What the car is offered at least; C{None}: nobody knows. [mA per phase]"""
    if evse.confirmed is None or evse.stale or evse.link is not Link.ONLINE:
        return None
    confirmed_ma = evse.confirmed.current_ma
    return confirmed_ma if evse.ordered is None else min(confirmed_ma, evse.ordered.current_ma)


def _drawn(evse: Evse, offer_ma: int, now_s: float) -> tuple[int, float] | None:
    """What the car draws, and when that was so; C{None}: not known. [mA per phase, s]"""
    meter = evse.meter
    draw_ma = 0 if meter.currents is None else _most(meter.currents)
    if draw_ma < _NOTHING_MA:
        # Where there is no current there may be a power all the same: some meters tell nothing
        # else, and what was last known of their currents is that they stood still.
        if meter.power_w:
            draw_ma = _current_ma(meter.power_w, offer_ma, len(evse.settings.phases))
        if evse.occupancy is Occupancy.PLUGGED and draw_ma < _NOTHING_MA:
            # The EVSE says so at this very moment, whether it has a meter or not.
            return 0, now_s
        if meter.currents is None and meter.power_w is None:
            return None
    return draw_ma, meter.at_s


def _most(currents: PhaseCurrents) -> int:
    """The most that one phase carries, also where a transformer is mounted backwards. [mA]"""
    l1_ma, l2_ma, l3_ma = currents.l1_ma, currents.l2_ma, currents.l3_ma
    return max(l1_ma, l2_ma, l3_ma, -l1_ma, -l2_ma, -l3_ma)


def _current_ma(power_w: int, offer_ma: int, phases: int) -> int:
    """
    The most that C{power_w} may be on each phase, by a car that obeys its offer. [mA]

    It may charge on any number of phases. Where several fit, the fewest count: who is taken to
    have more than he has keeps his offer, but who is taken to have less would be starved, at an
    offer that grows smaller because he draws all of it.
    """
    volt_amps = abs(power_w) * 1000
    for count in range(1, phases):
        if volt_amps <= _HIGHEST_VOLTAGE_V * count * (offer_ma + _AWAKE_MA):
            return int(volt_amps / (_LOWEST_VOLTAGE_V * count))
    return int(volt_amps / (_LOWEST_VOLTAGE_V * phases))


@frozen
class Appetites:
    """
    What each car takes of its offers, learnt in each transaction anew.

    Nothing new is learnt while it is not known what an EVSE offers, but what was known still
    holds; so it does while a car is paused.

    Two of these are equal when they say the same, whatever else they have seen.

    @ivar idle: the EVSEs whose cars have been offered their minimum for a minute and drew
        nothing all that time, because they are full or asleep.
    """

    _caps_ma: Mapping[str, int] = field(factory=dict)
    idle: frozenset[str] = frozenset()
    _records: Mapping[str, _Record] = field(factory=dict, eq=False)

    def after(self, state: SiteState, now_s: float) -> Self:
        """
        What is known after the newest readings.

        @param now_s: by the clock that the readings are dated by. [s]
        @return: C{self} when nothing has changed.
        """

        def follow(before: _Record | None, evse: Evse, transaction_id: int) -> _Record:
            settings = evse.settings
            record = _Record(transaction_id, settings) if before is None else before
            if settings is not record.settings:
                record = record.configured(settings)
            offer_ma = _offer_ma(evse)
            if offer_ma is None:
                return record
            if (
                offer_ma != record.offer_ma
                or evse.occupancy is not record.occupancy
                or not offer_ma
            ):
                record = record.offered(offer_ma, evse.occupancy, now_s)
            drawn = _drawn(evse, offer_ma, now_s) if offer_ma else None
            return record if drawn is None else record.drawing(*drawn, evse.meter.at_s > -inf)

        records = remembered(self._records, state.evses.values(), follow)
        if records is self._records:
            return self
        return evolve(
            self,
            caps_ma={
                name: record.cap_ma
                for name, record in records.items()
                if record.cap_ma is not None
            },
            idle=frozenset(name for name, record in records.items() if record.is_idle),
            records=records,
        )

    def wanted_ma(self, evse: Evse) -> int | None:
        """
        What it is worth to offer: at least the EVSE's minimum, and one of its steps.

        @param evse: as it is in the state that was looked at last.
        @return: C{None}: whatever there is. [mA per phase]
        """
        return self._caps_ma.get(evse.settings.name)

    def is_idle(self, evse: Evse) -> bool:
        """
        Whether its car would not make use of a turn; see L{idle}.

        @param evse: as it is in the state that was looked at last.
        """
        return evse.settings.name in self.idle
