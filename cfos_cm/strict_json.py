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
import re
from typing import NoReturn

import msgspec

__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "AmbiguousJson",
    "JsonTooDeep",
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


class JsonTooDeep(AmbiguousJson):
    """A text that is nested more deeply than anybody has a reason to."""

    def __init__(self) -> None:
        super().__init__(f"it is nested deeper than {MAX_DEPTH} levels")


#: A number with a point or an exponent, as it was written: 1.50 is not 1.5 to everybody. Its
#: C{bytes} are its JSON text.
WrittenFloat = msgspec.Raw


def read(text: bytes) -> object:
    """
    The value of a JSON text: dicts, lists, texts, ints, L{WrittenFloat}, bools and C{None}.

    It takes a time that grows in proportion to the text's length: 256 KiB of the worst that
    there can be, some 20 ms.

    @raise AmbiguousJson: if the text is not JSON, or not to everybody the same.
    """
    # What is no JSON passes these or not, all the same: it does not pass the parser.
    outside = _without_strings(text)
    _refuse_depth(outside)
    _refuse_numbers(outside, text)
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
    except RecursionError as error:
        raise JsonTooDeep from error


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
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# All digits alike, and an exponent in one way.
_AS_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")
_MANY_DIGITS = b"0" * MAX_DIGITS
_NUMBER = re.compile(rb"[0-9.eE+\-]{%d,}+" % (MAX_DIGITS + 1))
# Whatever might be more than 1.8e308: with neither of these, a number is below 1e300.
_LARGE_EXPONENT, _LARGE_FACTOR = b"e000", b"0" * 200

_any = msgspec.json.Decoder(msgspec.Raw)
_any_value = msgspec.json.Decoder()


def _has_escaped_nul(text: bytes) -> bool:
    return b"\\u0000" in text and _ESCAPED_NUL.search(text) is not None


def _refuse_half_pairs(text: bytes) -> None:
    try:
        _any.decode(text)
    except msgspec.DecodeError as error:
        raise AmbiguousJson("half a surrogate pair, or not JSON at all") from error


def _without_strings(text: bytes) -> bytes:
    """What stands outside of the strings of a JSON text; anything, of what is no JSON."""
    if b"\\" in text:
        # The first backslash of a row starts an escape, and so does every other one behind it.
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2])


def _refuse_depth(outside: bytes) -> None:
    brackets = outside.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        # Of every tree of brackets, its leaves.
        brackets = brackets.replace(b"[]", b"")
    # Of brackets that do not match, the parser can say more.
    if brackets and brackets.count(b"[") == brackets.count(b"]"):
        raise JsonTooDeep


def _refuse_numbers(outside: bytes, text: bytes) -> None:
    zeros = outside.translate(_AS_ZEROS, b"+")
    if _MANY_DIGITS in zeros:
        for found in _NUMBER.finditer(outside):
            digits = found[0].removeprefix(b"-")
            if len(digits) > MAX_DIGITS and digits.isdigit():
                raise AmbiguousJson(f"a number of {len(digits)} digits")
    if _LARGE_EXPONENT in zeros or _LARGE_FACTOR in zeros:
        try:
            _any_value.decode(text)
        except (ValueError, RecursionError) as error:
            raise AmbiguousJson("a number beyond all bounds, or not JSON at all") from error


def _refuse_doubled(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if not pairs:
        return {}
    names = dict(pairs)
    if len(names) != len(pairs):
        raise AmbiguousJson("a name stands twice in one object")
    return names


def _refuse_constant(name: str) -> NoReturn:
    raise AmbiguousJson(f"{name} is not JSON")


_careful = json.JSONDecoder(
    object_pairs_hook=_refuse_doubled,
    parse_constant=_refuse_constant,
    parse_float=WrittenFloat,
)
