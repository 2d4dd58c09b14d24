"""Which transactions each backend is told of, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    insert,
    or_,
    select,
    true,
    update,
)

from cfos_cm.charge_point.queued import BoundTransaction
from cfos_cm.site.transaction import Transaction
from cfos_cm.storage import checks
from cfos_cm.storage.tables import gateway_transactions, outbox, transactions
from cfos_cm.storage.transactions import TransactionState

__all__ = [
    "MAX_BOUND_TRANSACTIONS",
    "bind",
    "end_everywhere",
    "forget_pointless",
    "note_transaction",
    "read_transactions",
    "unended_at",
]

#: Of each gateway; older ones that are over go when nothing is owed of them any more.
MAX_BOUND_TRANSACTIONS = 1000

#: To look for those costs more than to note one, so that it is done once for so many.
_ONCE_FOR = 64

_known = gateway_transactions.c

_IS_OWED = exists().where(
    outbox.c.gateway == _known.gateway, outbox.c.transaction_id == _known.transaction_id
)

_RUNNING = (
    select(gateway_transactions)
    .where(_known.transaction_id == bindparam("transaction"), _known.is_over == false())
    .order_by(_known.number)
)
_UNENDED = (
    select(transactions.c.transaction_id)
    .where(
        transactions.c.state == TransactionState.SUPERSEDED.value,
        transactions.c.charge_point == bindparam("charge_point"),
        transactions.c.connector == bindparam("connector"),
        exists().where(
            _known.transaction_id == transactions.c.transaction_id, _known.is_over == false()
        ),
    )
    .order_by(transactions.c.number)
)
_END = (
    update(gateway_transactions)
    .where(_known.transaction_id == bindparam("transaction"), _known.is_over == false())
    .values(is_over=True)
)


def note_transaction(
    connection: Connection, gateway: str, connector: int, transaction: Transaction
) -> None:
    """Note that a backend is told of a transaction; from time to time forget the oldest."""
    noted = connection.execute(
        insert(gateway_transactions).values(
            gateway=checks.own_name(gateway, "the gateway's key"),
            transaction_id=transaction.transaction_id,
            connector=connector,
            id_tag=transaction.id_tag,
            started_at=transaction.started_at,
            is_over=False,
        )
    )
    number = noted.inserted_primary_key
    if number is not None and number[0] % _ONCE_FOR == 0:
        _forget_oldest(connection, gateway)


def _forget_oldest(connection: Connection, gateway: str) -> None:
    own = _known.gateway == gateway
    newest_too_many = connection.scalar(
        select(_known.number)
        .where(own)
        .order_by(_known.number.desc())
        .offset(MAX_BOUND_TRANSACTIONS)
        .limit(1)
    )
    if newest_too_many is None:
        return
    connection.execute(
        delete(gateway_transactions).where(
            own, _known.number <= newest_too_many, _known.is_over == true(), ~_IS_OWED
        )
    )


def forget_pointless(connection: Connection, gateway: str) -> None:
    """
    Forget transactions of which a backend that is owed nothing now will not be owed anything
    when they end: it does not know their start, or has their end.
    """
    is_pointless = or_(_known.is_over == true(), _known.backend_id.is_(None))
    connection.execute(
        delete(gateway_transactions).where(_known.gateway == gateway, is_pointless)
    )


def unended_at(connection: Connection, charge_point: str, connector: int) -> Sequence[int]:
    """
    The transactions at a connector that are over, and of which a backend does not know that:
    nobody has told how they have ended.

    @return: their numbers, oldest first.
    """
    return connection.scalars(
        _UNENDED, {"charge_point": charge_point, "connector": connector}
    ).all()


def end_everywhere(connection: Connection, transaction_id: int) -> Sequence[Row[Any]]:
    """
    Note that a transaction is over, wherever it is known and was not over.

    @return: the rows of the backends that have to be told.
    """
    asked = {"transaction": transaction_id}
    running = connection.execute(_RUNNING, asked).all()
    if running:
        connection.execute(_END, asked)
    return running


def bind(connection: Connection, gateway: str, transaction_id: int, backend_id: int) -> None:
    """
    Note the number that a backend has given to a transaction.

    @raise RemoteProtocolError: when it does not fit 64 bits.
    """
    connection.execute(
        update(gateway_transactions)
        .where(_known.transaction_id == transaction_id, _known.gateway == gateway)
        .values(backend_id=checks.int64(backend_id, "transactionId"))
    )


def read_transactions(connection: Connection, gateway: str) -> tuple[BoundTransaction, ...]:
    """
    What a backend is told of, oldest first; at most L{MAX_BOUND_TRANSACTIONS}.

    When there are more, those come first whose number the backend has said and that it has yet
    to hear of: nobody else knows that number. Then come others that run, whose readings are
    owed too. Of all others the newest are taken.
    """
    runs = _known.is_over == false()
    is_needed = and_(_known.backend_id.is_not(None), or_(runs, _IS_OWED))
    found = connection.execute(
        select(gateway_transactions)
        .where(_known.gateway == gateway)
        .order_by(case((is_needed, 0), (runs, 1), else_=2), _known.number.desc())
        .limit(MAX_BOUND_TRANSACTIONS)
    )
    return tuple(
        BoundTransaction(
            transaction_id=row.transaction_id,
            connector=row.connector,
            id_tag=row.id_tag,
            started_at=row.started_at,
            backend_id=row.backend_id,
            is_over=row.is_over,
        )
        for row in sorted(found, key=lambda row: row.number)
    )
