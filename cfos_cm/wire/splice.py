"""
Numbers in the text of a JSON object, replaced where they stand.

What was signed, or is relayed, goes on as it came, byte for byte: only the numbers of
connectors and transactions are others at another peer. Reading the text and writing it anew
would spell numbers, letters and white space in another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

__all__ = ["replaced"]


def replaced(payload: bytes, integers: Mapping[str, int]) -> bytes:
    """
    The same text with other numbers.

    @param payload: the JSON text of one object in which no name stands twice; it has been
        vetted (L{cfos_cm.strict_json}).
    @param integers: the numbers to put in, by the names of members of the object itself; ASCII
        letters. A member that is not there, or holds neither a number nor a text, is left as it
        is: a number in quotation marks is forgiven to some peers, and is replaced as well.
    @return: C{payload}, equal in every byte but those of these values.
    """
    for name, number in integers.items():
        place = _place(payload, name)
        if place is not None:
            start, end = place
            payload = b"%b%d%b" % (payload[:start], number, payload[end:])
    return payload


#: As long as it is vetted, whatever begins like a number is one.
_SCALAR = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*(-?[0-9][0-9.eE+\-]*|"[^"\\]*")')


def _place(payload: bytes, name: str) -> tuple[int, int] | None:
    """From where to where the value of a member stands."""
    depth, looked_at = 0, 0
    for start, end in _spellings(payload, name):
        depth += _brackets_opened(payload[looked_at:start])
        looked_at = start
        if depth == 1:
            value = _SCALAR.match(payload, end)
            if value is not None:
                return value.span(1)
            if _COLON.match(payload, end):
                return None
    return None


_COLON = re.compile(rb"[ \t\r\n]*:")


def _spellings(payload: bytes, name: str) -> Iterator[tuple[int, int]]:
    """
    Where C{name} stands, as a text of its own in quotation marks.

    In JSON, a quotation mark behind a backslash is within a text, and every other one with a
    letter behind it begins one.
    """
    # Each spelling with escapes has one of these in it, and hardly any text has both.
    if b"\\u" in payload:
        for found in _escaped(name).finditer(payload):
            yield found.span()
        return
    plain = b'"%b"' % name.encode("ascii")
    start = payload.find(plain)
    while start >= 0:
        end = start + len(plain)
        if payload[start - 1 : start] != b"\\":
            yield start, end
        start = payload.find(plain, end)


@lru_cache(maxsize=16)
def _escaped(name: str) -> re.Pattern[bytes]:
    """What finds C{name} however its letters are written."""
    letters = "".join(rf"(?:{char}|\\u00(?i:{ord(char):02x}))" for char in name)
    return re.compile(rf'(?<!\\)"{letters}"'.encode("ascii"))


def _brackets_opened(part: bytes) -> int:
    """How much deeper the end of C{part} is than its start; both are outside of all texts."""
    if part.startswith(b"{") and part.rfind(b"{") == 0 and b"[" not in part:
        # As it nearly always is: the object's own bracket, and no other before the name.
        return 1
    if b"\\" in part:
        # The first backslash of a row starts an escape, and so does every other one behind it.
        part = part.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(part.split(b'"')[::2])
    opened = outside.count(b"{") + outside.count(b"[")
    return opened - outside.count(b"}") - outside.count(b"]")
