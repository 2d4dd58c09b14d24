"""All EVSEs of a site, in a mapping that never changes and is cheaply copied."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import chain

from cfos_cm.site.evse import Evse

__all__ = ["EvseTable", "as_table"]

# A copy touches one chunk and the tuple of chunks. Both are short where a chunk has about as
# many places as there are chunks: at the thousand EVSEs that a site may have.
_CHUNK = 32


class EvseTable(Mapping[str, Evse]):
    """
    What is known of each EVSE, by its name, in the order in which they were given.

    A table is a value: L{with_evses} makes another one, and whoever holds the one before still
    sees what was known then. Both share all that is the same, so that this costs the same few
    microseconds at ten EVSEs and at a thousand.
    """

    __slots__ = ("_chunks", "_places")

    def __init__(self, evses: Iterable[Evse] = ()) -> None:
        """
        @param evses: in their order; of two with one name the later one counts, in the place
            of the earlier.
        """
        by_name = {evse.settings.name: evse for evse in evses}
        ordered = tuple(by_name.values())
        self._places = {name: place for place, name in enumerate(by_name)}
        self._chunks = tuple(
            ordered[begin : begin + _CHUNK] for begin in range(0, len(ordered), _CHUNK)
        )

    def with_evses(self, evses: Iterable[Evse]) -> EvseTable:
        """
        The table in which each of C{evses} stands in the place of the one of its name.

        @raise KeyError: if there is none of that name.
        """
        changed: dict[int, list[Evse]] = {}
        for evse in evses:
            chunk_number, place = divmod(self._places[evse.settings.name], _CHUNK)
            chunk = changed.get(chunk_number)
            if chunk is None:
                chunk = changed[chunk_number] = list(self._chunks[chunk_number])
            chunk[place] = evse
        chunks = list(self._chunks)
        for chunk_number, chunk in changed.items():
            chunks[chunk_number] = tuple(chunk)
        table = EvseTable.__new__(EvseTable)
        table._places = self._places
        table._chunks = tuple(chunks)
        return table

    def __getitem__(self, name: str) -> Evse:
        chunk_number, place = divmod(self._places[name], _CHUNK)
        return self._chunks[chunk_number][place]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def values(self) -> ValuesView[Evse]:
        """All EVSEs in their order, found without a look at any name."""
        return _Evses(self)

    def items(self) -> ItemsView[str, Evse]:
        """All EVSEs in their order, each with its name."""
        return _NamedEvses(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EvseTable) and self._places is other._places:
            # Most of two tables of one site is the same object, and tuples look at that first.
            return self._chunks == other._chunks
        return Mapping.__eq__(self, other)

    # Like a dict it is no key of another one.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"EvseTable({list(self.values())!r})"


def as_table(evses: Mapping[str, Evse]) -> EvseTable:
    """
    A table with what is in C{evses}; itself if it is one already.

    @raise ValueError: if one stands there under a name that is not its own.
    """
    if isinstance(evses, EvseTable):
        return evses
    for name, evse in evses.items():
        if name != evse.name:
            raise ValueError(f"found EVSE {evse.name!r} under the name {name!r}")
    return EvseTable(evses.values())


class _Evses(ValuesView[Evse]):
    """The values of a table."""

    _mapping: EvseTable

    def __iter__(self) -> Iterator[Evse]:
        return chain.from_iterable(self._mapping._chunks)


class _NamedEvses(ItemsView[str, Evse]):
    """The items of a table."""

    _mapping: EvseTable

    def __iter__(self) -> Iterator[tuple[str, Evse]]:
        return zip(self._mapping._places, self._mapping.values(), strict=True)
