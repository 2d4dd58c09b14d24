"""
JSON with a comma too many or a value left out, where it can be seen what was meant.

L{cfos_cm.quirk.Quirk.BROKEN_JSON}: wallboxes that put their JSON together by hand write a comma
before the first or behind the last element of a list, or nothing where a number should be.
"""

from __future__ import annotations

import re

__all__ = ["MAX_MENDED_BYTES", "mended"]

#: Such wallboxes send short messages.
MAX_MENDED_BYTES = 16 * 1024

# A string without an end reaches to the end of the text, and what was matched is never given
# back, so that each of the three passes takes a time in proportion to the text's length.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_NAME_WITHOUT_VALUE = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+:\s*+(?=[,}])|(%b)' % _STRING, re.DOTALL
)
_COMMAS_IN_A_ROW = re.compile(rb"(%b)|(,)[\s,]*+" % _STRING, re.DOTALL)
_COMMA_AT_AN_END = re.compile(rb"(%b)|([\[{])\s*+,|,(?=[\]}])" % _STRING, re.DOTALL)


def mended(text: bytes) -> bytes | None:
    """
    The text without needless commas and without names that have no value.

    Strings are left as they are. What comes out need not be JSON: there are other mistakes.

    @param text: not JSON.
    @return: C{None} if there is nothing that could be mended, or the text is too long.
    """
    if len(text) > MAX_MENDED_BYTES:
        return None
    better = _NAME_WITHOUT_VALUE.sub(rb"\1", text)
    better = _COMMAS_IN_A_ROW.sub(rb"\1\2", better)
    better = _COMMA_AT_AN_END.sub(rb"\1\2", better)
    return None if better == text else better
