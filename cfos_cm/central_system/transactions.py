"""
The start and the end of transactions.

A Charge Point must always get an answer, or it repeats its message for ever (OCPP 1.6, "Error
responses to transaction-related messages"); and it gets it only after the ledger has it on
disk, for then it forgets it.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from twisted.internet.defer import Deferred

from cfos_cm.central_system.authorisation import NOWHERE_TO_CHARGE, Judgement, judge_tag
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.central_system.measurements import read_meter_values
from cfos_cm.central_system.roster import MAX_CONNECTOR
from cfos_cm.counters import Counter
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.site.events import (
    EvseMeasured,
    OccupancyReported,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.records import StopOutcome, StoredStart, TransactionStart, TransactionStop
from cfos_cm.v16.core import (
    MeterValuesConfirmation,
    MeterValuesRequest,
    RemoteStartTransactionRequest,
    StartTransactionConfirmation,
    StartTransactionRequest,
    StopTransactionConfirmation,
    StopTransactionRequest,
)
from cfos_cm.v16.timestamps import parse_timestamp
from cfos_cm.wire.ocppj import Call

__all__ = [
    "meter_values",
    "note_charging",
    "note_vacant",
    "start_by_fixed_tag",
    "start_transaction",
    "stop_transaction",
]

#: Stops that end no transaction of the Charge Point that says so.
_STRAYS = {
    StopOutcome.FOREIGN: Counter.FOREIGN_STOPS,
    StopOutcome.UNKNOWN: Counter.UNKNOWN_STOPS,
}

#: A car takes 6 A or nothing; what is less is what a wallbox takes for itself.
DRAWN_MA = 1000
DRAWN_W = 250


def start_transaction(
    charge_point: ConnectedChargePoint, request: StartTransactionRequest, call: Call
) -> Deferred[StartTransactionConfirmation]:
    """
    Note the start on disk, give it our transaction id and say whether the tag may charge.

    A tag that may not gets its id all the same: the Charge Point has started already.
    """
    # Where and when it is are those of now, however long it waits for its turn.
    evse = charge_point.evse_at(request.connector_id)
    started_at = _told_time(charge_point, request.timestamp)
    start = partial(_start, charge_point, request, call, evse, started_at)
    return charge_point.roster.begin_in_turn(charge_point.identity, start)


async def _start(
    charge_point: ConnectedChargePoint,
    request: StartTransactionRequest,
    call: Call,
    evse: EvseSettings | None,
    started_at: datetime,
) -> StartTransactionConfirmation:
    roster = charge_point.roster
    environment = roster.environment
    judgement = await _judged(charge_point, request, evse)
    start = TransactionStart(
        charge_point=charge_point.identity,
        connector=request.connector_id,
        evse=None if evse is None else evse.name,
        id_tag=request.id_tag,
        verdict=judgement.verdict,
        started_at=started_at,
        meter_start_wh=request.meter_start,
        reservation_id=request.reservation_id,
        request_text=call.payload.decode("utf-8"),
    )
    charge_point.forget_card()
    stored = await environment.ledger.start(start)
    if stored.repeated:
        roster.counters.count(Counter.CALLS_REPEATED)
    if request.reservation_id is not None:
        roster.reservation_used(charge_point.identity, request.reservation_id)
    if stored.runs:
        _note_running(charge_point, request.connector_id, evse, stored)
    transaction = stored.transaction
    return StartTransactionConfirmation(
        transaction_id=transaction.transaction_id, id_tag_info=judgement.id_tag_info()
    )


def _note_running(
    charge_point: ConnectedChargePoint,
    connector: int,
    was: EvseSettings | None,
    stored: StoredStart,
) -> None:
    """
    A transaction runs, if that is news.

    @param was: the EVSE at its connector when the start was told; the settings may have changed
        while it was on its way to the disk.
    """
    roster, place = charge_point.roster, (charge_point.identity, connector)
    # It is open on disk, and nothing else is there.
    roster.unwritten.known(place)
    evse = charge_point.evse_at(connector)
    if (was is None and evse is None) or roster.runs_at(place, stored.transaction):
        return
    roster.began(place, stored.transaction)
    if evse is not None:
        # It is on disk, so it has happened, even if the connection is gone meanwhile: when the
        # Charge Point says it again, it is a repetition.
        started = TransactionResumed if stored.repeated else TransactionStarted
        roster.environment.report(started(evse.name, stored.transaction))


async def _judged(
    charge_point: ConnectedChargePoint,
    request: StartTransactionRequest,
    evse: EvseSettings | None,
) -> Judgement:
    if evse is not None:
        return await judge_tag(charge_point.roster.environment, request.id_tag, (evse,))
    charge_point.acquaintance.warn(
        f"connector {request.connector_id} is no EVSE of the site: charging is refused there"
    )
    if 0 < request.connector_id <= MAX_CONNECTOR:
        charge_point.forbid_at(request.connector_id)
    return NOWHERE_TO_CHARGE


def stop_transaction(
    charge_point: ConnectedChargePoint, request: StopTransactionRequest, call: Call
) -> Deferred[StopTransactionConfirmation]:
    """
    Note the end on disk. A transaction that is not known, or another Charge Point's, is
    answered too; the ledger keeps such a stop for review.
    """
    stop = TransactionStop(
        charge_point=charge_point.identity,
        transaction_id=request.transaction_id,
        id_tag=request.id_tag,
        stopped_at=_told_time(charge_point, request.timestamp),
        meter_stop_wh=request.meter_stop,
        reason="Local" if request.reason is None else request.reason.value,
        request_text=call.payload.decode("utf-8"),
    )
    return charge_point.roster.turns.take(
        charge_point.identity, partial(_stop, charge_point, stop)
    )


async def _stop(
    charge_point: ConnectedChargePoint, stop: TransactionStop
) -> StopTransactionConfirmation:
    environment, number = charge_point.roster.environment, stop.transaction_id
    stopped = await environment.ledger.stop(stop)
    if stopped.outcome is StopOutcome.REPEATED:
        charge_point.roster.counters.count(Counter.CALLS_REPEATED)
    if stopped.outcome in _STRAYS:
        charge_point.roster.counters.count(_STRAYS[stopped.outcome])
        charge_point.acquaintance.warn(
            f"the end of transaction {number} ({stopped.outcome.value}) is kept for review"
        )
    # Also when the ledger knows nothing of it: the Charge Point knows that it is over.
    connector = charge_point.roster.stopped(charge_point.identity, number)
    if connector is None and stopped.outcome is StopOutcome.STOPPED:
        connector = stopped.connector
    evse = None if connector is None else charge_point.evse_at(connector)
    if evse is not None:
        # As with a start: the connection may be gone, the end is on disk.
        environment.report(
            TransactionStopped(evse.name, number, stopped.energy_wh, stop.reason)
        )
    names = [one.name for one in charge_point.evses.values()]
    if stop.id_tag is None or environment.backends.judges(names, stop.id_tag):
        # What the backend says of it comes with its own answer, and changes nothing here.
        return StopTransactionConfirmation()
    judgement = await judge_tag(environment, stop.id_tag, charge_point.evses.values())
    return StopTransactionConfirmation(id_tag_info=judgement.id_tag_info())


def meter_values(
    charge_point: ConnectedChargePoint, request: MeterValuesRequest, call: Call
) -> MeterValuesConfirmation | Deferred[MeterValuesConfirmation]:
    """
    Tell the site what the values say, and keep them as they were written.

    The site is told even if they cannot be kept: what flows, flows.
    """
    roster = charge_point.roster
    number = request.transaction_id
    evse = charge_point.evse_at(request.connector_id)
    if evse is not None:
        in_kwh = Quirk.KWH_AS_WH in charge_point.acquaintance.tolerated
        measured = read_meter_values(request.meter_value, evse, in_kwh)
        if measured is not None and _is_of_now(charge_point, request, measured):
            charge_point.report(measured)
    if charge_point.identity in roster.unwritten:
        roster.unwritten.catch_up(charge_point.identity)
    kept = roster.environment.ledger.add_meter_values(
        charge_point.identity,
        request.connector_id,
        number,
        roster.environment.now(),
        call.payload.decode("utf-8"),
    )
    return _KEPT if kept is None else kept.addCallback(_kept)


def _is_of_now(
    charge_point: ConnectedChargePoint, request: MeterValuesRequest, measured: EvseMeasured
) -> bool:
    """Whether values are of what is; those behind the end of a transaction are of what was."""
    roster, number = charge_point.roster, request.transaction_id
    if not number or not roster.is_over(charge_point.identity, number):
        return True
    place = charge_point.identity, request.connector_id
    if not roster.sleeps_at(place, number) or not _draws(measured):
        return False
    # It has said that it is free, and charges on: it was mistaken then.
    charge_point.report(OccupancyReported(measured.evse, Occupancy.CHARGING, "MeterValues"))
    if not roster.turns.is_taken(charge_point.identity):
        # Else what waits may say something else of its transaction; more values will come.
        note_charging(charge_point, request.connector_id)
    return True


def _draws(measured: EvseMeasured) -> bool:
    currents, power_w = measured.currents, measured.power_w
    return (currents is not None and currents.maximum() >= DRAWN_MA) or (
        power_w is not None and power_w >= DRAWN_W
    )


_KEPT = MeterValuesConfirmation()


def _kept(_: None) -> MeterValuesConfirmation:
    return _KEPT


async def note_vacant(charge_point: ConnectedChargePoint, connector: int) -> None:
    """
    Whatever a Charge Point may still have to tell of a transaction, none runs there any more.

    That is on disk too, or after a restart the transaction would go on with the next car. It
    is told in the turn of the Charge Point, for a start may still be on its way to the disk.

    @raise StorageError: when it is not on disk.
    """
    roster, identity = charge_point.roster, charge_point.identity
    roster.fell_asleep((identity, connector))
    await roster.unwritten.write(identity)


def note_charging(charge_point: ConnectedChargePoint, connector: int) -> None:
    """
    It charges, or pauses: if it had said that it is free without ending its transaction, it was
    mistaken then. The ledger has to be told what it does not know of that.
    """
    transaction = charge_point.roster.woke_up((charge_point.identity, connector))
    evse = charge_point.evse_at(connector)
    if transaction is not None and evse is not None:
        # The connection may be gone: it has waited for its turn.
        charge_point.roster.environment.report(TransactionResumed(evse.name, transaction))


def start_by_fixed_tag(charge_point: ConnectedChargePoint, connector: int) -> None:
    """
    Start charging for a car whose driver has shown no card.

    Not where the EVSE has no fixed tag, charges already or is about to, because a card was
    shown a moment ago.
    """
    evse = charge_point.evse_at(connector)
    if evse is None or not evse.fixed_tag or not evse.enabled:
        return
    runs = charge_point.roster.runs_at((charge_point.identity, connector))
    if not runs and not charge_point.card_was_shown():
        charge_point.call_aside(
            RemoteStartTransactionRequest(connector_id=connector, id_tag=evse.fixed_tag)
        )


def _told_time(charge_point: ConnectedChargePoint, text: str) -> datetime:
    """
    When it happened, by the Charge Point's clock; by ours if its own was never set.

    Its words are kept beside it, in the text of the request.
    """
    if Quirk.NO_CLOCK in charge_point.acquaintance.tolerated:
        return charge_point.roster.environment.now()
    try:
        return parse_timestamp(text)
    except RemoteProtocolError as error:
        # Refused, it would be repeated for ever, and what was charged be billed to nobody.
        charge_point.acquaintance.warn(f"{error!s}; taken as now")
        return charge_point.roster.environment.now()
