"""
Charging by what the site would feed into the grid.

A car in this mode gets what is left when everything else has taken what it needs, and that is
also what cars in other modes draw: nobody feeds it in, so to hand it out once more would be to
import for a car whose owner does not want that. So the surplus is what flows into the grid now,
and what the cars in this mode draw now; summed over the phases, as meters that are paid by do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import field, frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, power_text
from cfos_cm.limits.ceiling import Ceiling, forbidden
from cfos_cm.limits.feed_in import UNKNOWN, FeedIn, phases_charged_with, read, summed_draw_ma
from cfos_cm.limits.per_transaction import remembered
from cfos_cm.limits.surplus_standing import Stage, Standing, judged
from cfos_cm.site.evse import ChargingMode, Evse
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState

__all__ = ["NO_SURPLUS", "Surplus", "minimum_ma", "surplus_ceiling", "surplus_reason"]


@frozen
class Surplus:
    """
    What there is behind each main fuse, and who may charge by it.

    @ivar feeds: by main fuse; of those behind which an EVSE has this mode.
    @ivar standings: of the EVSEs in this mode that have a transaction.
    @ivar rows_ma: what those who are allowed to charge share, by main fuse, summed over phases:
        the surplus, or the minima that they go on with, where that is more. [mA]
    @ivar left_ma: what of the surplus is beyond those minima, by main fuse, summed over phases;
        negative where it does not reach for them. [mA]
    """

    feeds: Mapping[str, FeedIn] = field(factory=dict)
    standings: Mapping[str, Standing] = field(factory=dict)
    rows_ma: Mapping[str, int] = field(factory=dict)
    left_ma: Mapping[str, int] = field(factory=dict)

    def after(
        self,
        state: SiteState,
        now_s: float,
        may_charge: Sequence[str],
        phases: Mapping[str, int] | None = None,
        idle: Collection[str] = (),
    ) -> Surplus:
        """
        What is known a moment later; itself if it is the same.

        @param may_charge: the EVSEs that all other rules allow to charge now, in the order in
            which they are served; those in other modes do not matter. One that is missing for
            a while, such as when its link is lost, is where it was when it comes back.
        @param phases: how many an EVSE charges with; all that it is wired to where nothing is
            said.
        @param idle: those whose cars are offered something and take nothing.
        """
        mains = _mains(state)
        if not mains:
            return self if self == NO_SURPLUS else NO_SURPLUS
        used = {} if phases is None else phases
        standings = self._looked_up(state, mains, may_charge, used, idle)
        feeds = {}
        for circuit, here in _by_main(mains, may_charge, standings).items():
            drawn_ma = sum(summed_draw_ma(state.evses[name], used) for name in here)
            reading = read(state, state.circuits[circuit], used)
            feed = self.feeds.get(circuit, UNKNOWN).after(reading, drawn_ma, now_s)
            asking = {name: standings[name] for name in here}
            standings.update(judged(asking, feed.free_ma or 0, now_s, state.policy))
            feeds[circuit] = feed
        found = _summed(feeds, standings)
        return self if found == self else found

    def allows(self, evse: Evse) -> bool:
        """Whether it may charge; nobody in another mode needs to be allowed."""
        if evse.settings.mode is not ChargingMode.SURPLUS:
            return True
        standing = self.standings.get(evse.name)
        return standing is not None and standing.charges

    def _looked_up(
        self,
        state: SiteState,
        mains: Mapping[str, str],
        may_charge: Collection[str],
        phases: Mapping[str, int],
        idle: Collection[str],
    ) -> dict[str, Standing]:
        """What is known of each EVSE whose transaction runs, before a look at the surplus."""
        asking = set(may_charge)

        def follow(before: Standing | None, evse: Evse, transaction_id: int) -> Standing:
            name = evse.settings.name
            one = Standing(mains[name], transaction_id) if before is None else before
            if name not in asking:
                return one.absent(mains[name])
            need_ma = minimum_ma(evse) * phases_charged_with(evse, phases)
            return one.asking(mains[name], need_ma, name in idle)

        return dict(remembered(self.standings, map(state.evses.__getitem__, mains), follow))


NO_SURPLUS = Surplus()


def _summed(feeds: Mapping[str, FeedIn], standings: Mapping[str, Standing]) -> Surplus:
    claimed = dict.fromkeys(feeds, 0)
    for one in standings.values():
        claimed[one.circuit] += one.claim_ma
    left = {name: (feed.free_ma or 0) - claimed[name] for name, feed in feeds.items()}
    rows = {name: claimed[name] + max(0, left[name]) for name in feeds}
    return Surplus(feeds, standings, rows, left)


def minimum_ma(evse: Evse) -> int:
    """The lowest current that is of use to an EVSE's car. [mA per phase]"""
    settings = evse.settings
    return settings.steps.at_least(settings.min_current_ma) or settings.min_current_ma


def surplus_ceiling(surplus: Surplus, evse: Evse) -> Ceiling | None:
    """
    Who charges by surplus does so while there is some.

    @return: C{None}: it may charge, as far as this is concerned.
    """
    if surplus.allows(evse):
        return None
    standing = surplus.standings.get(evse.name)
    if standing is None or not standing.need_ma:
        return forbidden(ReasonCode.SURPLUS, _only_text(evse))
    text = _wait_text(surplus, standing)
    return Ceiling(0, Reason(ReasonCode.SURPLUS, text, standing.circuit))


def _only_text(evse: Evse) -> str:
    return f"{evse.name} charges by surplus only"


def _wait_text(surplus: Surplus, standing: Standing) -> str:
    if surplus.feeds[standing.circuit].free_ma is None:
        return f"no meter tells what surplus {standing.circuit} has"
    left_ma = surplus.left_ma[standing.circuit]
    if standing.need_ma <= left_ma:
        return "there is enough surplus: charging starts when that lasts, after a rest"
    # Rounded up, or it would seem to be there when it nearly is.
    needed = power_text(-(-standing.need_ma * NOMINAL_VOLTAGE_V // 100_000) * 100)
    return f"{needed} of surplus are needed to start, {_power_text(left_ma)} are there"


def surplus_reason(surplus: Surplus, evse: Evse) -> Reason:
    """Why somebody whom the surplus allows to charge gets no more of it than he does."""
    standing = surplus.standings.get(evse.name)
    if standing is None:
        return Reason(ReasonCode.SURPLUS, _only_text(evse))
    feed = surplus.feeds[standing.circuit]
    text = f"{_power_text(feed.free_ma or 0)} of surplus"
    if standing.stage is Stage.SHORT:
        text += f" is less than {evse.name} needs: it goes on for a while with its minimum"
    return Reason(ReasonCode.SURPLUS, text, standing.circuit)


def _mains(state: SiteState) -> dict[str, str]:
    """The main fuse of each EVSE in this mode."""
    main_of: dict[str, str] = {}
    found = {}
    for evse in state.evses.values():
        settings = evse.settings
        if settings.mode is ChargingMode.SURPLUS:
            if settings.circuit not in main_of:
                main_of[settings.circuit] = state.path(settings.circuit)[-1].name
            found[settings.name] = main_of[settings.circuit]
    return found


def _by_main(
    mains: Mapping[str, str], order: Iterable[str], standings: Collection[str]
) -> dict[str, list[str]]:
    """Those who stand before each surplus, in their order; also where there is nobody."""
    found: dict[str, list[str]] = {circuit: [] for circuit in mains.values()}
    for name in order:
        if name in standings:
            found[mains[name]].append(name)
    return found


def _power_text(summed_ma: int) -> str:
    return power_text(max(0, summed_ma) * NOMINAL_VOLTAGE_V // 1000)
