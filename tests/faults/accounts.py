"""What wallboxes were told is kept, against what a backend was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.end_to_end.billing import Books

from .charger import Charger

__all__ = ["discrepancies"]


def discrepancies(books: Books, chargers: Iterable[Charger]) -> list[str]:
    """
    Everything that was lost, doubled, changed or out of order.

    @return: a sentence each; nothing: the books are right.
    """
    found = [line for charger in chargers for line in _of_one(books, charger)]
    for one in books.doubled:
        found.extend(_changed(books, one.message_id))
    return found


def _of_one(books: Books, charger: Charger) -> list[str]:
    identity = charger.identity
    billed = books.of("StartTransaction", "MeterValues", "StopTransaction", client_id=identity)
    told = [_shown(one.action, one.payload) for one in billed]
    owed = [
        _shown(action, payload)
        for action, payload in charger.acknowledged
        if action != "BootNotification"
    ]
    lost = Counter(owed) - Counter(told)
    more = Counter(told) - Counter(owed)
    lines = [f"{identity}: lost {one} ({count})" for one, count in lost.items()]
    lines += [f"{identity}: too much {one} ({count})" for one, count in more.items()]
    if not lines and owed != told:
        lines.append(f"{identity}: in another order: {told}")
    return lines + _numbers(identity, billed)


def _shown(action: str, payload: dict[str, Any]) -> str:
    """What a message says besides the number of its transaction, which is another's."""
    without = {name: value for name, value in payload.items() if name != "transactionId"}
    return f"{action} {sorted(without.items())}"


def _numbers(identity: str, billed: Iterable[Any]) -> list[str]:
    """Whether readings and ends are of the transaction before them."""
    lines, numbers = [], set()
    current: object = None
    for one in billed:
        number = one.payload.get("transactionId")
        if one.action == "StartTransaction":
            current = None
        elif current is None:
            current = number
            if number in numbers:
                lines.append(f"{identity}: transaction {number} is two")
            numbers.add(number)
        elif number != current:
            lines.append(f"{identity}: {one.action} of {number} in transaction {current}")
    return lines


def _changed(books: Books, message_id: str) -> list[str]:
    """A message that came twice has to be the same."""
    texts = {one.text for one in books.told if one.message_id == message_id}
    return [] if len(texts) == 1 else [f"message {message_id} was said in other words: {texts}"]
