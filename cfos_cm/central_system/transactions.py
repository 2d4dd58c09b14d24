"""
The start and the end of transactions.

A Charge Point must always get an answer, or it repeats its message for ever (OCPP 1.6, "Error
responses to transaction-related messages"); and it gets it only after the ledger has it on
disk, for then it forgets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.central_system.authorisation import judge_tag
from cfos_cm.central_system.measurements import read_meter_values
from cfos_cm.site.events import TransactionStarted, TransactionStopped
from cfos_cm.site.records import StopOutcome, TransactionStart, TransactionStop
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
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.central_system.session import Session

__all__ = ["meter_values", "start_by_fixed_tag", "start_transaction", "stop_transaction"]


async def start_transaction(
    session: Session, request: StartTransactionRequest, call: Call
) -> StartTransactionConfirmation:
    """
    Note the start on disk, give it our transaction id and say whether the tag may charge.

    A tag that may not gets its id all the same: the Charge Point has started already.
    """
    environment = session.system.environment
    evse = session.evse_at(request.connector_id)
    judgement = await judge_tag(environment, request.id_tag, () if evse is None else (evse,))
    start = TransactionStart(
        charge_point=session.identity,
        connector=request.connector_id,
        evse=None if evse is None else evse.name,
        id_tag=request.id_tag,
        verdict=judgement.verdict,
        started_at=parse_timestamp(request.timestamp),
        meter_start_wh=request.meter_start,
        reservation_id=request.reservation_id,
        request_text=call.payload.decode("utf-8"),
    )
    stored = await environment.ledger.start(start)
    transaction = stored.transaction
    if not stored.repeated:
        place = (session.identity, request.connector_id)
        session.system.running[place] = transaction.transaction_id
        if evse is not None:
            session.report(TransactionStarted(evse.name, transaction))
    return StartTransactionConfirmation(
        transaction_id=transaction.transaction_id, id_tag_info=judgement.id_tag_info()
    )


async def stop_transaction(
    session: Session, request: StopTransactionRequest, call: Call
) -> StopTransactionConfirmation:
    """
    Note the end on disk. A transaction that is not known, or another Charge Point's, is
    answered too; the ledger keeps such a stop for review.
    """
    environment = session.system.environment
    reason = "Local" if request.reason is None else request.reason.value
    stopped = await environment.ledger.stop(
        TransactionStop(
            charge_point=session.identity,
            transaction_id=request.transaction_id,
            id_tag=request.id_tag,
            stopped_at=parse_timestamp(request.timestamp),
            meter_stop_wh=request.meter_stop,
            reason=reason,
            request_text=call.payload.decode("utf-8"),
        )
    )
    if stopped.outcome is StopOutcome.STOPPED and stopped.connector is not None:
        place = (session.identity, stopped.connector)
        if session.system.running.get(place) == request.transaction_id:
            del session.system.running[place]
        if stopped.evse is not None:
            session.report(
                TransactionStopped(
                    stopped.evse, request.transaction_id, stopped.energy_wh, reason
                )
            )
    if request.id_tag is None:
        return StopTransactionConfirmation()
    judgement = await judge_tag(environment, request.id_tag, session.evses.values())
    return StopTransactionConfirmation(id_tag_info=judgement.id_tag_info())


async def meter_values(
    session: Session, request: MeterValuesRequest, call: Call
) -> MeterValuesConfirmation:
    """Keep the values as they were written, and tell the site what they say."""
    environment = session.system.environment
    await environment.ledger.add_meter_values(
        session.identity,
        request.connector_id,
        request.transaction_id,
        environment.now(),
        call.payload.decode("utf-8"),
    )
    evse = session.evse_at(request.connector_id)
    if evse is not None:
        measured = read_meter_values(request.meter_value, evse)
        if measured is not None:
            session.report(measured)
    return MeterValuesConfirmation()


def start_by_fixed_tag(session: Session, connector: int) -> Deferred[Message] | None:
    """
    Start charging for a car whose driver has shown no card.

    @return: the Charge Point's answer; C{None} if the EVSE has no fixed tag or charges already.
    """
    evse = session.evse_at(connector)
    if evse is None or not evse.fixed_tag or not evse.enabled:
        return None
    if (session.identity, connector) in session.system.running:
        return None
    request = RemoteStartTransactionRequest(connector_id=connector, id_tag=evse.fixed_tag)
    return session.call(request)
