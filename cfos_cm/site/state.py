"""The state of the site, and how each event changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

from attrs import evolve, field, frozen

from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    BackendSpoke,
    CardShown,
    CircuitLimited,
    CircuitLimitMet,
    CircuitOverdrawn,
    CircuitReleased,
    DeviceBooted,
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    EvseUnproven,
    FailsafeAssumed,
    LimitsCancelled,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    ProfilesMeddled,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.evse_table import EvseTable, as_table
from cfos_cm.site.measured import NOTHING_MEASURED
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.policy import DEFAULT_POLICY, Policy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = ["STANDING_ORDER", "SiteState", "fold", "fold_readings"]

#: What an EVSE obeys outside a transaction: its default profile forbids charging.
STANDING_ORDER = Setpoint(0, Reason(ReasonCode.NO_TRANSACTION, "nobody has started to charge"))


@frozen
class SiteState:
    """
    Everything that is known about the site.

    @ivar observe_only: load management is off: nothing is ordered.
    @ivar circuits: by name, parents before children.
    @ivar evses: by name, in the order of the configuration.
    @ivar meters: by name; those that are no EVSE's own.
    @ivar policy: how they share.
    @ivar outside_limits: by circuit and party.
    """

    title: str = ""
    observe_only: bool = False
    circuits: Mapping[str, CircuitSettings] = field(factory=dict)
    evses: EvseTable = field(factory=EvseTable, converter=as_table)
    meters: Mapping[str, Meter] = field(factory=dict)
    policy: Policy = DEFAULT_POLICY
    outside_limits: Mapping[tuple[str, str], OutsideLimit] = field(factory=dict)

    def path(self, circuit: str) -> tuple[CircuitSettings, ...]:
        """The circuits that carry what C{circuit} draws: itself first, the main fuse last."""
        found = []
        name: str | None = circuit
        while name is not None:
            found.append(self.circuits[name])
            name = self.circuits[name].parent
        return tuple(found)

    def meter_apart(self, evse: str) -> str | None:
        """The meter that an EVSE has beside its own; C{None}: there is none."""
        for meter in self.meters.values():
            if meter.settings.role is MeterRole.EVSE and meter.settings.evse == evse:
                return meter.name
        return None

    def with_evses(self, evses: Iterable[Evse]) -> SiteState:
        """
        The state in which each of C{evses} stands in the place of the one of its name.

        @raise KeyError: if there is none of that name.
        """
        return SiteState(
            self.title,
            self.observe_only,
            self.circuits,
            self.evses.with_evses(evses),
            self.meters,
            self.policy,
            self.outside_limits,
        )


def fold(state: SiteState, event: SiteEvent) -> SiteState:
    """
    The state after C{event}.

    @return: C{state} itself if C{event} changes nothing; one about an EVSE that is not
        configured never does.
    """
    if isinstance(event, SettingsChanged):
        return _configured(state, event)
    if isinstance(event, CardShown | TagJudged | CircuitLimitMet | CircuitOverdrawn):
        return state
    if isinstance(event, EvseMeasured):
        return fold_readings(state, (event,))
    if isinstance(event, MeterMeasured | MeterLost):
        return _fold_meter(state, event)
    if isinstance(event, CircuitLimited | CircuitReleased):
        return _fold_outside_limit(state, event)
    before = state.evses.get(event.evse)
    if before is None:
        return state
    after = _fold_evse(before, event)
    return state if after == before else state.with_evses((after,))


def fold_readings(
    state: SiteState, readings: Iterable[EvseMeasured], at_s: float = -inf
) -> SiteState:
    """
    The state after what EVSEs' meters have said, of each EVSE at most once.

    There is more of this than of all else together: many are folded for the price of a few.

    @param at_s: when they were heard, by the control loop's clock. [s]
    @return: as L{fold} does.
    """
    changed = []
    for reading in readings:
        before = state.evses.get(reading.evse)
        if before is not None and not before.settings.metered_apart:
            meter = before.meter.updated(
                reading.currents,
                reading.energy_wh,
                reading.power_w,
                at_s,
                reading.is_partial,
            )
            if meter is not before.meter:
                changed.append(before.with_meter(meter))
    return state.with_evses(changed) if changed else state


def _fold_meter(state: SiteState, event: MeterMeasured | MeterLost) -> SiteState:
    before = state.meters.get(event.meter)
    if before is None:
        return state
    if before.settings.role is MeterRole.EVSE:
        state = _with_evse_meter(state, before.settings.evse, event)
    match event:
        case MeterLost():
            after = evolve(before, is_read=False)
        case MeterMeasured(currents=currents, power_w=power_w, energy_wh=energy_wh, at_s=at_s):
            after = Meter(
                before.settings,
                is_read=True,
                currents=currents,
                power_w=power_w,
                energy_wh=before.energy_wh if energy_wh is None else energy_wh,
                at_s=before.at_s if at_s is None else at_s,
            )
    return (
        state if after == before else evolve(state, meters={**state.meters, event.meter: after})
    )


def _with_evse_meter(
    state: SiteState, name: str | None, event: MeterMeasured | MeterLost
) -> SiteState:
    """What a meter apart says is what its EVSE draws."""
    evse = None if name is None else state.evses.get(name)
    if evse is None:
        return state
    match event:
        case MeterLost():
            meter = evse.meter.out_of_sight()
        case MeterMeasured(currents=currents, power_w=power_w, energy_wh=energy_wh, at_s=at_s):
            heard_s = evse.meter.at_s if at_s is None else at_s
            meter = evse.meter.updated(currents, energy_wh, power_w, heard_s)
    return state if meter is evse.meter else state.with_evses((evse.with_meter(meter),))


def _fold_outside_limit(state: SiteState, event: CircuitLimited | CircuitReleased) -> SiteState:
    limits = dict(state.outside_limits)
    match event:
        case CircuitLimited(limit=limit):
            if limit.circuit in state.circuits:
                limits[limit.circuit, limit.by] = limit
        case CircuitReleased(circuit=circuit, by=by):
            limits.pop((circuit, by), None)
    return state if limits == state.outside_limits else evolve(state, outside_limits=limits)


def _configured(state: SiteState, event: SettingsChanged) -> SiteState:
    known = state.evses
    if state.observe_only and not event.observe_only:
        known = EvseTable(_unrenewed(evse) for evse in known.values())
    circuits = {circuit.name: circuit for circuit in event.circuits}
    after = SiteState(
        title=event.title,
        observe_only=event.observe_only,
        circuits=circuits,
        meters={one.name: _known_meter(state, one) for one in event.meters},
        policy=event.policy,
        outside_limits={
            (circuit, by): limit
            for (circuit, by), limit in state.outside_limits.items()
            if circuit in circuits
        },
        evses=EvseTable(
            _with_settings(known[settings.name], settings)
            if settings.name in known
            else Evse(settings)
            for settings in event.evses
        ),
    )
    # What another meter has said of them is nothing that this one says.
    return after.with_evses(
        evse.with_meter(NOTHING_MEASURED)
        for evse in after.evses.values()
        if state.meter_apart(evse.name) != after.meter_apart(evse.name)
    )


def _known_meter(state: SiteState, settings: MeterSettings) -> Meter:
    known = state.meters.get(settings.name)
    return Meter(settings) if known is None else evolve(known, settings=settings)


def _unrenewed(evse: Evse) -> Evse:
    """Nobody has renewed what it was told: it may have fallen back by itself."""
    return _perhaps(evse, evse.settings.failsafe_current_ma)


def _perhaps(evse: Evse, current_ma: int) -> Evse:
    """It may obey this, until it has confirmed another order. [mA per phase]"""
    return evolve(evse, unanswered_ma=max(evse.unanswered_ma, current_ma))


def _with_settings(evse: Evse, settings: EvseSettings) -> Evse:
    before = evse.settings
    if (
        len(settings.phases) != len(before.phases)
        or settings.failsafe_current_ma != before.failsafe_current_ma
    ):
        # What it was told says on how many phases, and what it falls back to: it has to be
        # told again, and until it has taken that it falls back to what it did.
        evse = _forgetful(_perhaps(evse, before.failsafe_current_ma))
    told_ma = 0 if evse.confirmed is None else evse.confirmed.current_ma
    if before.max_current_ma <= told_ma and before.max_current_ma < settings.max_current_ma:
        # In watts all that it could give was the power of all its phases: a car on one of them
        # could draw that there now.
        evse = evolve(evse, stale=True)
    after = evolve(evse, settings=settings)
    # Who may be told limits meanwhile has not dropped them.
    return after if after.is_left_alone else evolve(after, released=False)


def _fold_evse(evse: Evse, event: SiteEvent) -> Evse:
    match event:
        case EvseConnected():
            return evolve(_forgetful(evse), link=Link.ONLINE)
        case EvseLost():
            return _lost(evse)
        case FailsafeAssumed(current_ma=current_ma) if evse.link is Link.LOST:
            return _on_its_own(evse, current_ma)
        case DeviceBooted(identity=identity):
            return evolve(_forgetful(evse), identity=identity)
        case ProfilesMeddled():
            # What it obeys now is somebody else's choice.
            return evolve(_forgetful(evse), confirmed=None)
        case OccupancyReported(occupancy=occupancy, fault=fault):
            return _occupied(evse, occupancy, fault)
        case TransactionStarted(transaction=transaction):
            return _started(evse, transaction)
        case TransactionResumed(transaction=transaction):
            # What it obeys in a transaction that we had lost sight of is not known.
            return evolve(_forgetful(evse), transaction=transaction, confirmed=None)
        case TransactionStopped(transaction_id=transaction_id):
            return _stopped(evse, transaction_id)
        case TransactionJudged(transaction_id=transaction_id, verdict=verdict):
            return _judged(evse, transaction_id, verdict)
        case BackendSpoke(objection=objection):
            return evolve(evse, backend_objection=objection)
        case EvseLimited(by=by, current_ma=current_ma):
            return _limited(evse, by, current_ma)
        case LimitsCancelled(why=why):
            return _released(evse) if why is None else evse
        case _:
            return _fold_setpoint(evse, event)


def _lost(evse: Evse) -> Evse:
    meter = evse.meter.out_of_sight()
    if evse.settings.keeps_limit and not evse.settings.metered_apart:
        # What is billed there is what it shows when it is back: it may have counted on.
        meter = NOTHING_MEASURED
    return evolve(
        _forgetful(evse),
        was_unsure=evse.unsure if evse.link is Link.ONLINE else evse.was_unsure,
        link=Link.LOST,
        occupancy=Occupancy.UNKNOWN,
        meter=meter,
    )


def _judged(evse: Evse, transaction_id: int, verdict: Verdict) -> Evse:
    transaction = evse.transaction
    if transaction is None or transaction.transaction_id != transaction_id:
        return evse
    return evolve(evse, transaction=evolve(transaction, verdict=verdict))


def _on_its_own(evse: Evse, current_ma: int) -> Evse:
    """It has fallen back: nothing that it was told before holds any more."""
    reason = Reason(ReasonCode.NOT_CONNECTED, f"{evse.name} is on its own")
    return evolve(
        evse, confirmed=Setpoint(current_ma, reason), unanswered_ma=0, was_unsure=False
    )


def _limited(evse: Evse, by: str, current_ma: int | None) -> Evse:
    others = {name: limit_ma for name, limit_ma in evse.outside_ma.items() if name != by}
    return evolve(evse, outside_ma=others if current_ma is None else {**others, by: current_ma})


def _released(evse: Evse) -> Evse:
    """It obeys nothing of ours any more."""
    forgot = evolve(_forgetful(evse), confirmed=None, unanswered_ma=0)
    return evolve(forgot, released=evse.is_left_alone)


def _fold_setpoint(evse: Evse, event: SiteEvent) -> Evse:
    match event:
        case SetpointDecided(setpoint=setpoint):
            return evolve(evse, target=setpoint)
        case SetpointOrdered(setpoint=setpoint):
            return evolve(_given_up(evse), ordered=setpoint)
        case SetpointConfirmed(setpoint=setpoint) if evse.ordered == setpoint:
            return _confirmed(evse, event)
        case SetpointFailed(setpoint=setpoint, ignored=True) if evse.ordered == setpoint:
            return _disobedient(evolve(_given_up(evse), unsure=True))
        case SetpointFailed(setpoint=setpoint, refused=refused) if evse.ordered == setpoint:
            # A refusal says something about that order only: earlier ones may be in force.
            return _disobedient(evolve(evse, ordered=None) if refused else _given_up(evse))
        case SetpointFailed():
            return evolve(evse, stale=True)
        case EvseUnproven() if evse.unsure and evse.link is Link.ONLINE:
            return evolve(evse, disobedient=True)
        case _:
            # The answer to an order that is not awaited any more says nothing about the one
            # that is.
            return evse


def _given_up(evse: Evse) -> Evse:
    """The answer to its order is not awaited any more: it may have taken it, or may yet."""
    if evse.ordered is None:
        return evse
    return evolve(_perhaps(evse, evse.ordered.current_ma), ordered=None)


def _forgetful(evse: Evse) -> Evse:
    """It may have dropped what it was told, also what is being told to it at this moment."""
    return evolve(
        _given_up(evse), stale=True, unsure=True, forbids_by_default=False, released=False
    )


def _confirmed(evse: Evse, event: SetpointConfirmed) -> Evse:
    forbids = event.forbids_by_default
    return evolve(
        evse,
        ordered=None,
        unanswered_ma=0,
        confirmed=event.setpoint,
        forbids_by_default=evse.forbids_by_default if forbids is None else forbids,
        stale=False,
        unsure=False,
        disobedient=False,
    )


def _disobedient(evse: Evse) -> Evse:
    # What it accepted before is still what it obeys; unless it may have forgotten that, for
    # then nothing is known of it any more.
    confirmed = None if evse.unsure else evse.confirmed
    return evolve(evse, confirmed=confirmed, stale=True, disobedient=True)


def _occupied(evse: Evse, occupancy: Occupancy, fault: str | None) -> Evse:
    if occupancy is Occupancy.FREE and evse.transaction is not None:
        # It has ended, whatever the EVSE has still to tell of it: the next car is another.
        evse = _stopped(evse, evse.transaction.transaction_id)
    if occupancy is Occupancy.CHARGING:
        # Some resume after a pause with the full current, whatever they had accepted.
        resumed = evse.occupancy is not Occupancy.CHARGING and not evse.settings.keeps_limit
        evse = _forgetful(evse) if resumed else evse
        return evolve(evse, occupancy=occupancy, fault=fault)
    return evolve(evse, occupancy=occupancy, fault=fault, meter=evse.meter.standing_still())


def _started(evse: Evse, transaction: Transaction) -> Evse:
    # One that was never stopped has ended all the same when the next one starts.
    if evse.transaction is not None and evse.transaction != transaction:
        evse = _stopped(evse, evse.transaction.transaction_id)
    if evse.settings.keeps_limit:
        return evolve(evse, transaction=transaction)
    # Until it is told how much this transaction may have, it gives what it falls back to.
    unanswered_ma = max(evse.unanswered_ma, evse.settings.failsafe_current_ma)
    return evolve(evse, transaction=transaction, unanswered_ma=unanswered_ma)


def _stopped(evse: Evse, transaction_id: int) -> Evse:
    if evse.transaction is None or evse.transaction.transaction_id != transaction_id:
        return evse
    forbids = evse.forbids_by_default and evse.confirmed is not None
    kept = evse.confirmed if evse.settings.keeps_limit else None
    return evolve(
        # What was under way to it counts until it has accepted something later.
        _given_up(evse),
        transaction=None,
        meter=evse.meter.standing_still(),
        # Its default profile is given once more: all depends on it until the next transaction.
        stale=True,
        # OCPP 1.6, "Charging profile purposes": a TxProfile ends with its transaction, and
        # the TxDefaultProfile that forbids charging is in force again, if it was accepted.
        confirmed=STANDING_ORDER if forbids else kept,
    )
