"""What was sampled in a transaction, for its StopTransaction."""

from __future__ import annotations

from msgspec.json import encode

from cfos_cm.v16.types import TransactionData

__all__ = ["StopData"]

#: Backends take messages of so much, as far as is known, and not of much more.
_MOST_BYTES = 48 * 1024


class StopData:
    """
    A bounded list: where there is too much every second one is left out, and those at the
    begin and at the end never.
    """

    def __init__(self, begin: TransactionData | None) -> None:
        self._begin = begin
        self._between: list[tuple[int, TransactionData]] = []
        self._size = 0

    def add(self, data: TransactionData | None, most: int) -> None:
        """
        Keep one.

        @param most: so many there may be, with those at the begin and at the end.
        """
        if data is None:
            return
        size = len(encode(data))
        self._between.append((size, data))
        self._size += size
        while self._between and (len(self._between) + 2 > most or self._size > _MOST_BYTES):
            self._thin()

    def _thin(self) -> None:
        """Leave out every second one, and the last one only when it is alone."""
        if len(self._between) == 1:
            self._between.clear()
        del self._between[-2::-2]
        self._size = sum(size for size, _ in self._between)

    def with_end(self, end: TransactionData | None) -> tuple[TransactionData, ...]:
        """All of them, oldest first."""
        between = [data for _, data in self._between]
        return tuple(one for one in (self._begin, *between, end) if one is not None)
