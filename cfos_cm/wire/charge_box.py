"""The identity of a Charge Point: the last segment of the URL that it connects to."""

from __future__ import annotations

import re
from urllib.parse import unquote

from cfos_cm.errors import RemoteProtocolError

__all__ = ["MAX_IDENTITY_CHARS", "identity_in_path", "is_identity"]

MAX_IDENTITY_CHARS = 48

# No slash, no dots alone, no control character: it is safe in a log and in an address.
_IDENTITY = re.compile(rf"(?!\.+\Z)[A-Za-z0-9*\-_=:+|@.# ]{{1,{MAX_IDENTITY_CHARS}}}\Z")


def is_identity(text: str) -> bool:
    """Whether C{text} may be the identity of a Charge Point."""
    return _IDENTITY.match(text) is not None


def identity_in_path(raw_path: str) -> str:
    """
    The identity in the path of an upgrade request.

    OCPP-J 1.6, "The connection URL": the endpoint, a slash, and the percent-encoded identity.

    @param raw_path: not decoded, without a query.
    @raise RemoteProtocolError: if there is none that could be one.
    """
    segments = [segment for segment in raw_path.split("/") if segment]
    # Decoded once: what is encoded twice is somebody's try to get past this check.
    found = unquote(segments[-1]) if segments else ""
    if not is_identity(found):
        raise RemoteProtocolError("the URL does not end with the identity of a Charge Point")
    return found
