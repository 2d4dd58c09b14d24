"""As much of DER as is needed to see what a locked key asks for before it is unlocked."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["integers", "members"]

_SEQUENCE, _INTEGER = 0x30, 0x02
_LONG = 0x80
_MAX_DEPTH = 8


def members(data: bytes) -> Iterator[tuple[int, bytes]]:
    """
    The values that stand one behind the other: the tag and the content of each.

    @raise ValueError: if one of them does not fit.
    """
    at = 0
    while at < len(data):
        begin, end = _bounds(data, at)
        yield data[at], data[begin:end]
        at = end


def integers(data: bytes, depth: int = _MAX_DEPTH) -> Iterator[int]:
    """
    All numbers in a value and in the sequences in it.

    @raise ValueError: if it is no DER, or is nested too deeply.
    """
    if not depth:
        raise ValueError("nested too deeply")
    for tag, content in members(data):
        if tag == _INTEGER:
            yield int.from_bytes(content, "big")
        elif tag == _SEQUENCE:
            yield from integers(content, depth - 1)


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the value at a place begins and ends."""
    if at + 2 > len(data):
        raise ValueError("cut off")
    length, begin = data[at + 1], at + 2
    if length >= _LONG:
        begin += length - _LONG
        length = int.from_bytes(data[at + 2 : begin], "big")
    if begin + length > len(data):
        raise ValueError("cut off")
    return begin, begin + length
