"""
What is wrong with a peer's payload, in the words and with the code of a CALLERROR.

The decoder is msgspec; this is the one module that knows how it words its errors, and
C{tests/v16/test_violations.py} pins those words.
"""

from __future__ import annotations

import re

import msgspec

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.strict_json import AmbiguousJson

__all__ = ["MAX_DESCRIPTION_CHARS", "MAX_EXCERPT_CHARS", "excerpt", "violation"]

#: OCPP-J 1.6, the field errorDescription of a CALLERROR. [characters]
MAX_DESCRIPTION_CHARS = 255

#: How much of a peer's text an error repeats: enough to find it in a trace, too little to fill
#: a log or to carry a secret far. [characters]
MAX_EXCERPT_CHARS = 40

#: The place of an error, as msgspec appends it. The names in it are ours, never the peer's; a
#: peer who puts something like it in a field's name misleads only itself.
_PLACE = re.compile(r"(?s)(?P<what>.*) - at `(?P<path>\$[A-Za-z.\[\]0-9]{1,120})`")

#: The errors that repeat the peer's text: what is ours, and what is the peer's.
_REPEATING = re.compile(
    r"(?s)(?P<ours>Invalid enum value|Object contains unknown field) (?P<text>.*)"
)

#: The first row that matches the start of an error gives its code.
_CODES: tuple[tuple[re.Pattern[str], CallErrorCode], ...] = (
    (re.compile("Object missing required"), CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION),
    # An array is too short when something that must be there at least once is not.
    (re.compile("Expected `array` of length"), CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION),
    (re.compile("Object contains unknown field"), CallErrorCode.FORMATION_VIOLATION),
    (re.compile(r"Expected `\w+`, got"), CallErrorCode.TYPE_CONSTRAINT_VIOLATION),
)


def excerpt(text: str) -> str:
    """
    A peer's text, as an error may repeat it: quoted, in one line of ASCII, and cut.

    @return: at most L{MAX_EXCERPT_CHARS} characters.
    """
    # Cut before it is quoted, so that a huge text costs nothing; what was cut there is too long
    # once more after quoting.
    return _cut(ascii(text[:MAX_EXCERPT_CHARS]))


def violation(
    subject: str, error: Exception, quirk: Quirk | None = None
) -> RemoteProtocolError:
    """
    What the peer is told about a payload that was refused.

    @param subject: the message in question, as C{StartTransaction.req}.
    @param error: L{AmbiguousJson}, or what the decoder raised.
    @param quirk: what could have been tolerated.
    """
    if not isinstance(error, msgspec.ValidationError):
        # A UnicodeDecodeError would repeat bytes of the payload.
        is_ours = isinstance(error, AmbiguousJson | msgspec.DecodeError)
        where = f" ({error})" if is_ours else ""
        return _described(
            f"{subject} is not JSON{where}", CallErrorCode.FORMATION_VIOLATION, quirk
        )
    what, path = _parted(str(error))
    return _described(
        f"{subject}: {_without_long_texts(what)} at {path}", _code(what, path), quirk
    )


def _parted(text: str) -> tuple[str, str]:
    """What is wrong, and the JSON path of the place."""
    place = _PLACE.fullmatch(text)
    return (text, "$") if place is None else (place["what"], place["path"])


def _cut(quoted: str) -> str:
    """A quoted text, short enough for an error."""
    if len(quoted) <= MAX_EXCERPT_CHARS:
        return quoted
    return quoted[: MAX_EXCERPT_CHARS - 3] + "..."


def _without_long_texts(what: str) -> str:
    """The same error, repeating only an excerpt of the peer's text."""
    repeating = _REPEATING.fullmatch(what)
    if repeating is None:
        return what
    ours, text = repeating.groups()
    if ours == "Invalid enum value":
        # msgspec has quoted this one, but left letters of other alphabets as they are.
        return f"{ours} {_cut(text.encode('ascii', 'backslashreplace').decode('ascii'))}"
    return f"{ours} {excerpt(text[1:-1])}"


def _code(what: str, path: str) -> CallErrorCode:
    """The code of an error; a value of the right type that is not allowed, when in doubt."""
    if path == "$" and what.startswith("Expected `object`"):
        return CallErrorCode.FORMATION_VIOLATION
    for start, code in _CODES:
        if start.match(what):
            return code
    return CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION


def _described(
    description: str, code: CallErrorCode, quirk: Quirk | None
) -> RemoteProtocolError:
    """The error, with a description that fits in a CALLERROR."""
    return RemoteProtocolError(description[:MAX_DESCRIPTION_CHARS], code, quirk=quirk)
