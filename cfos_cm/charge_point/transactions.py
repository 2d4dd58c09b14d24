"""
Our numbers of transactions, and those of one backend.

Each backend counts in its own way: two of them may give different transactions the same
number, and one of them may give it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from attrs import evolve
from twisted.logger import Logger

from cfos_cm.charge_point.queued import BoundTransaction

__all__ = ["MAX_TRANSACTIONS", "Transactions"]

#: Some weeks of a busy site. What is forgotten is over, if there is anything that is.
MAX_TRANSACTIONS = 1000

_log = Logger(namespace="cfos_cm.gateway")


class Transactions:
    """
    The transactions that one backend knows or will be told of.

    Every integer is a number like any other: there are backends that begin with 0, and some
    that count downwards.
    """

    def __init__(
        self,
        name: str,
        changed: Callable[[BoundTransaction], None] = lambda _one: None,
    ) -> None:
        """
        @param name: of the gateway, for people.
        @param changed: is told of a transaction that has begun, has got the backend's number,
            or is over.
        """
        self._name = name
        self._changed = changed
        # By our number, in the order in which they began, as far as that is known: clocks of
        # Charge Points go wrong.
        self._known: dict[int, BoundTransaction] = {}
        # By the backend's number, in the order in which it was given.
        self._named: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def restore(self, known: Iterable[BoundTransaction]) -> None:
        """
        These are remembered from before. What is known of them already may be newer.

        @param known: oldest first.
        """
        for one in known:
            newer = self._known.get(one.transaction_id)
            if newer is not None:
                backend_id = newer.backend_id
                one = evolve(
                    one,
                    backend_id=one.backend_id if backend_id is None else backend_id,
                    is_over=one.is_over or newer.is_over,
                )
            self._put(one)

    def begun(
        self, transaction_id: int, connector: int, id_tag: str, started_at: datetime
    ) -> None:
        """A transaction has begun: the backend will be told."""
        if transaction_id not in self._known:
            one = BoundTransaction(transaction_id, connector, id_tag, started_at)
            self._put(one)
            self._changed(one)

    def ended(self, transaction_id: int) -> None:
        """It is over, whether the backend knows of it or not."""
        one = self._known.get(transaction_id)
        if one is not None and not one.is_over:
            self._known[transaction_id] = one = evolve(one, is_over=True)
            self._changed(one)

    def bound(self, transaction_id: int, backend_id: int) -> None:
        """The backend has said how it calls a transaction, one that has L{begun}."""
        one = self._known.get(transaction_id)
        if one is None:
            return
        for other in self._others(backend_id, transaction_id):
            _log.warn(
                "{name}: the backend calls the transaction at connector {connector} {number}, "
                "as one at connector {other}{running}",
                name=self._name,
                connector=one.connector,
                number=backend_id,
                other=other.connector,
                running="" if other.is_over else " that still runs",
            )
        self._unname(one)
        self._known[transaction_id] = one = evolve(one, backend_id=backend_id)
        self._name_it(one)
        self._changed(one)

    def get(self, transaction_id: int) -> BoundTransaction | None:
        """A transaction, by our number."""
        return self._known.get(transaction_id)

    def backend_id(self, transaction_id: int) -> int | None:
        """What the backend calls a transaction; C{None}: it has not said, or nobody knows."""
        one = self._known.get(transaction_id)
        return None if one is None else one.backend_id

    def by_backend(self, backend_id: int) -> BoundTransaction | None:
        """
        The transaction that the backend means.

        @return: the newest with that number; one that runs goes before one that is over.
        """
        found = [self._known[number] for number in self._named.get(backend_id, ())]
        running = [one for one in found if not one.is_over]
        return next(iter([*reversed(running), *reversed(found)]), None)

    def running(self, connector: int) -> BoundTransaction | None:
        """The transaction at a connector that is not over: the newest."""
        for one in reversed(self._known.values()):
            if one.connector == connector and not one.is_over:
                return one
        return None

    def _others(self, backend_id: int, transaction_id: int) -> list[BoundTransaction]:
        numbers = self._named.get(backend_id, ())
        return [self._known[number] for number in numbers if number != transaction_id]

    def _put(self, one: BoundTransaction) -> None:
        self._drop(one.transaction_id)
        if len(self._known) >= MAX_TRANSACTIONS:
            self._drop(self._least())
        self._known[one.transaction_id] = one
        self._name_it(one)

    def _least(self) -> int:
        """
        The one that is missed least, of those that are over if there are any.

        One that the backend has not named yet is noted again when its start is answered; what
        was named may have an end that waits, and nobody else knows that number.
        """
        named = None
        for number, one in self._known.items():
            if one.is_over and one.backend_id is None:
                return number
            if one.is_over and named is None:
                named = number
        return next(iter(self._known)) if named is None else named

    def _drop(self, transaction_id: int) -> None:
        one = self._known.pop(transaction_id, None)
        if one is not None:
            self._unname(one)

    def _name_it(self, one: BoundTransaction) -> None:
        if one.backend_id is not None:
            self._named.setdefault(one.backend_id, []).append(one.transaction_id)

    def _unname(self, one: BoundTransaction) -> None:
        if one.backend_id is None:
            return
        numbers = self._named[one.backend_id]
        numbers.remove(one.transaction_id)
        if not numbers:
            del self._named[one.backend_id]
