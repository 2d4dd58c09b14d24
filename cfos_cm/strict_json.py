"""
JSON that two readers cannot understand differently.

What one JSON reader lets pass and another one reads as something else is refused: a name that
stands twice in one object, NaN, numbers without end, NUL characters, half a surrogate pair,
texts that are not UTF-8, and what is nested so deeply that it wants to exhaust a stack.

L{read} and L{check} are careful and slow. L{says_no_more} is for those who have read a text
into values of known classes already: it tells, for the price of writing these values, whether
there was anything in the text beside them.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

import msgspec

__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "AmbiguousJson",
    "WrittenFloat",
    "check",
    "read",
    "says_no_more",
]

#: The deepest message of OCPP 1.6 has 9 levels.
MAX_DEPTH = 32
#: What 64 bits can hold has 19 digits and a sign. A reader that takes any number of them needs
#: a time that grows with their square.
MAX_DIGITS = 20


class AmbiguousJson(ValueError):
    """A text that is not JSON, or not to everybody the same. It repeats nothing of the text."""


class WrittenFloat(float):
    """
    A number with a point or an exponent, and how it was written: 1.50 is not 1.5 to everybody.

    @ivar text: its JSON text.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        """
        @raise AmbiguousJson: if the number is beyond what a float can hold.
        """
        number = super().__new__(cls, text)
        if not math.isfinite(number):
            raise AmbiguousJson("a number beyond all bounds")
        number.text = text
        return number


def read(text: bytes) -> object:
    """
    The value of a JSON text: dicts, lists, texts, ints, L{WrittenFloat}, bools and C{None}.

    It takes a time that grows in proportion to the text's length.

    @raise AmbiguousJson: if the text is not JSON, or not to everybody the same.
    """
    _refuse_depth(text)
    if _has_escaped_nul(text):
        raise AmbiguousJson("a NUL character in a string")
    if _HALF_PAIR.search(text):
        _refuse_half_pairs(text)
    try:
        return _careful.decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise AmbiguousJson("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise AmbiguousJson(f"{error.msg} (character {error.pos})") from error


def check(text: bytes) -> None:
    """
    Refuse what L{read} refuses.

    @raise AmbiguousJson: as L{read} does.
    """
    read(text)


def says_no_more(text: bytes, rewritten: bytes) -> bool:
    """
    Whether C{text} holds nothing beside what was read from it; if not, L{check} has to tell.

    A reader into classes overwrites the first value of a name that stands twice by the second
    one. Nothing of the first one is left in what it has read, so the text is longer than it
    would have to be. msgspec writes everything in the fewest bytes that there can be: no white
    space, no escape that is not needed, every name once. Whatever C{text} holds beside that
    makes it longer, and nothing can make it shorter; so it is all the same if and only if the
    lengths are the same.

    @param text: what was read, by a decoder that refuses unknown names and wrong types.
    @param rewritten: what was read, written by msgspec. It must not hold floats, which have
        shorter forms than msgspec's own.
    """
    if b"\\" in text and _has_escaped_nul(text):
        return False
    if len(text) == len(rewritten):
        return True
    return len(msgspec.json.format(text, indent=-1)) == len(rewritten)


# No database and no C library keeps a NUL; a backslash that is itself escaped starts none.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# Whatever might be one: msgspec, which refuses them, is asked then.
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
# A string without an end reaches to the end of the text: looked for again behind each of its
# escaped quotes, it would take minutes.
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)

_any = msgspec.json.Decoder(msgspec.Raw)


def _has_escaped_nul(text: bytes) -> bool:
    return b"\\u0000" in text and _ESCAPED_NUL.search(text) is not None


def _refuse_half_pairs(text: bytes) -> None:
    try:
        _any.decode(text)
    except msgspec.DecodeError as error:
        raise AmbiguousJson("half a surrogate pair, or not JSON at all") from error


def _refuse_depth(text: bytes) -> None:
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise AmbiguousJson(f"it is nested deeper than {MAX_DEPTH} levels")
        elif found[0] in (b"]", b"}"):
            depth -= 1


def _refuse_doubled(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise AmbiguousJson("a name stands twice in one object")
    return names


def _refuse_constant(name: str) -> NoReturn:
    raise AmbiguousJson(f"{name} is not JSON")


def _bounded_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise AmbiguousJson(f"a number of {len(digits)} digits")
    return int(digits)


_careful = json.JSONDecoder(
    object_pairs_hook=_refuse_doubled,
    parse_constant=_refuse_constant,
    parse_int=_bounded_integer,
    parse_float=WrittenFloat,
)
