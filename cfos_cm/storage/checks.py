"""What a peer says, checked before it becomes a row that both databases can keep."""

from __future__ import annotations

from datetime import UTC, datetime

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError

__all__ = [
    "MAX_NAME_CHARS",
    "MAX_PAYLOAD_CHARS",
    "int64",
    "is_text",
    "moment",
    "name",
    "own_name",
    "payload",
]

#: Identities, idTags, reasons: OCPP's longest is 255 characters.
MAX_NAME_CHARS = 255

#: A payload as it came; well above the longest message that is read from a peer.
MAX_PAYLOAD_CHARS = 256 * 1024


def int64(value: int, field: str) -> int:
    """
    C{value}, when 64 bits can hold it.

    @raise RemoteProtocolError: when they cannot.
    """
    if not -(2**63) <= value < 2**63:
        raise _refused(f"{field} does not fit 64 bits")
    return value


def name(value: str, field: str) -> str:
    """
    C{value}, when it is a text of at most L{MAX_NAME_CHARS} characters.

    @raise RemoteProtocolError: when it is not.
    """
    return _text(value, field, MAX_NAME_CHARS)


def own_name(value: str, field: str) -> str:
    """
    As L{name}, for what no peer has said.

    @raise LocalProtocolError: when it is not.
    """
    try:
        return name(value, field)
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.description) from None


def payload(value: str, field: str) -> str:
    """
    C{value}, when it is a text of at most L{MAX_PAYLOAD_CHARS} characters.

    @raise RemoteProtocolError: when it is not.
    """
    return _text(value, field, MAX_PAYLOAD_CHARS)


def moment(value: datetime, field: str) -> datetime:
    """
    C{value} in UTC.

    @raise RemoteProtocolError: when it has no zone, or is outside of the calendar in UTC.
    """
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise _refused(f"{field} has no zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _refused(f"{field} is outside of the calendar") from None


def is_text(value: str) -> bool:
    """Whether both databases can keep it: PostgreSQL no NUL, neither half a surrogate pair."""
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: str, field: str, max_chars: int) -> str:
    if len(value) <= max_chars and value.isascii() and "\0" not in value:
        return value  # as almost all of it, and found in a moment
    if len(value) > max_chars:
        raise _refused(f"{field} has {len(value)} characters; allowed: {max_chars}")
    if not is_text(value):
        raise _refused(f"{field} holds a character that is not text")
    return value


def _refused(description: str) -> RemoteProtocolError:
    return RemoteProtocolError(description, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
