"""The identity of a Charge Point: the last segment of the URL that it connects to."""

from __future__ import annotations

import re
from urllib.parse import unquote

from cfos_cm.errors import RemoteProtocolError

__all__ = [
    "IDENTITY_WORDS",
    "MAX_IDENTITY_CHARS",
    "MAX_SEGMENTS",
    "identities_in_path",
    "is_identity",
]

MAX_IDENTITY_CHARS = 48
#: What L{is_identity} takes.
IDENTITY_WORDS = (
    f"1 to {MAX_IDENTITY_CHARS} letters (A-Z, a-z), digits, spaces or * - _ = : + | @ . #"
)
#: Nobody needs more than these of a path to say who it is.
MAX_SEGMENTS = 8

# No slash, no dots alone, no control character: it is safe in a log and in an address.
_IDENTITY = re.compile(rf"(?!\.+\Z)[A-Za-z0-9*\-_=:+|@.# ]{{1,{MAX_IDENTITY_CHARS}}}\Z")


def is_identity(text: str) -> bool:
    """Whether C{text} may be the identity of a Charge Point."""
    return _IDENTITY.match(text) is not None


def identities_in_path(raw_path: str) -> tuple[str, ...]:
    """
    What could be the identity in the path of an upgrade request, the likeliest first.

    OCPP-J 1.6, "The connection URL": the endpoint, a slash, and the percent-encoded identity.
    Wallboxes append theirs to what they were given, even if it ends with an identity already,
    or with a blank that was typed by mistake: it is whichever of these is configured.

    @param raw_path: not decoded, without a query.
    @return: at least one; first the last segment as it is.
    @raise RemoteProtocolError: if the last segment cannot be an identity.
    """
    # Decoded once: what is encoded twice is somebody's try to get past this check.
    segments = [unquote(segment) for segment in raw_path.split("/") if segment][-MAX_SEGMENTS:]
    if not segments or not is_identity(segments[-1]):
        raise RemoteProtocolError("the URL does not end with the identity of a Charge Point")
    candidates: dict[str, None] = {}
    for segment in reversed(segments):
        for text in (segment, segment.strip(" ")):
            if is_identity(text):
                candidates[text] = None
    return tuple(candidates)
