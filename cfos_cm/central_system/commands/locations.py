"""
The URLs that a Charge Point is told to fetch a file from, or to put one at.

They may hold a password, so no error and no log repeats them; L{shown} is what may be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

__all__ = ["MAX_LOCATION_CHARS", "SCHEMES", "objections_to_location", "shown"]

#: As the messages of "Improved security for OCPP 1.6-J" bound theirs. [characters]
MAX_LOCATION_CHARS = 512
#: OCPP 1.6, "Supported file transfer protocols".
SCHEMES = ("http", "https", "ftp", "ftps", "sftp")


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
    parts = _split(url)
    if parts is None:
        yield f"{field} is no URL"
    elif parts.scheme not in SCHEMES:
        found = ascii(parts.scheme[:10]) if parts.scheme else "no scheme"
        yield f"{field} begins with {found}; it must be one of {', '.join(SCHEMES)}"
    elif not parts.hostname:
        yield f"{field} names no host"


def shown(url: str) -> str:
    """A URL for people: its scheme and host; all else of it may be a secret."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "<hidden>"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}/…"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # Read only when asked for, and then refused.
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts
