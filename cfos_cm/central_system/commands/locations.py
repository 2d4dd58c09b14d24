"""
The URLs that a Charge Point is told to fetch a file from, or to put one at.

An operator is trusted: he may name any host. A URL may hold a password, so no error and no log
repeats it; L{shown} is what may be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from cfos_cm.wire.location import FILE_SCHEMES, MAX_LOCATION_CHARS, shown, split_location

__all__ = ["MAX_LOCATION_CHARS", "objections_to_location", "shown"]


def objections_to_location(url: str, field: str) -> Iterator[str]:
    """
    What is wrong with a URL.

    @param field: its name in the message.
    """
    if not 1 <= len(url) <= MAX_LOCATION_CHARS:
        yield f"{field} has {len(url)} characters; it must have 1 to {MAX_LOCATION_CHARS}"
        return
    if not url.isascii() or not url.isprintable() or " " in url:
        yield f"{field} holds a blank, a control character or a letter that is not ASCII"
        return
    parts = split_location(url)
    if parts is None:
        yield f"{field} is no URL"
    elif parts.scheme not in FILE_SCHEMES:
        found = ascii(parts.scheme[:10]) if parts.scheme else "no scheme"
        yield f"{field} begins with {found}; it must be one of {', '.join(FILE_SCHEMES)}"
    elif not parts.hostname:
        yield f"{field} names no host"
