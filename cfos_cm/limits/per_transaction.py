"""What is remembered of each EVSE for as long as one transaction of it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from cfos_cm.site.evse import Evse

__all__ = ["OfTransaction", "remembered"]


class OfTransaction(Protocol):
    """What was learnt of an EVSE in one transaction, and is forgotten with it."""

    @property
    def transaction_id(self) -> int:
        """The transaction that it was learnt in."""


_Record = TypeVar("_Record", bound=OfTransaction)


def remembered(
    records: Mapping[str, _Record],
    evses: Iterable[Evse],
    follow: Callable[[_Record | None, Evse, int], _Record | None],
) -> Mapping[str, _Record]:
    """
    What is remembered after a look at all EVSEs: only those with a transaction, and nothing
    that was learnt in another one.

    @param records: what was remembered before, by EVSE.
    @param evses: all that there are.
    @param follow: what is to be remembered of one. It is handed what was remembered of this
        transaction, the EVSE, and the transaction's id.
    @return: C{records} itself when nothing has changed.
    """
    found: dict[str, _Record] = {}
    has_changed = False
    for evse in evses:
        transaction = evse.transaction
        if transaction is None:
            continue
        name, transaction_id = evse.settings.name, transaction.transaction_id
        known = before = records.get(name)
        if before is not None and before.transaction_id != transaction_id:
            before = None
        after = follow(before, evse, transaction_id)
        if after is not None:
            found[name] = after
            if after is not known:
                has_changed = True
    return found if has_changed or len(found) != len(records) else records
