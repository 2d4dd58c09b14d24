"""What has gone wrong, as it is answered: RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from cfos_cm.errors import (
    CfosError,
    ConfigError,
    DeviceError,
    DeviceRefusal,
    LocalProtocolError,
    Mistake,
    NoAnswer,
    NotSent,
    RemoteProtocolError,
    StorageError,
)
from cfos_cm.web.problem import Problem

__all__ = ["MEDIA_TYPE", "UNEXPECTED", "problem_body", "problem_of", "title_of"]

MEDIA_TYPE = "application/problem+json"

#: Of what nobody has foreseen nothing is told: it is in the log.
UNEXPECTED = Problem(500, "This has failed here, for a reason that is in the log.")

#: The more special ones first.
_STATUSES: tuple[tuple[type[CfosError], int], ...] = (
    (LocalProtocolError, 409),
    (NotSent, 409),
    (NoAnswer, 504),
    (DeviceError, 502),
    (RemoteProtocolError, 502),
    (StorageError, 503),
)
#: Members of RFC 9457 itself.
_OWN = ("type", "title", "status", "detail", "instance")


def problem_of(error: CfosError) -> Problem:
    """How an error that was raised on purpose is told to whoever asks."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ConfigError):
        mistakes = [_as_mapping(mistake) for mistake in error.mistakes]
        return Problem(422, str(error), {"mistakes": mistakes})
    if isinstance(error, DeviceRefusal) and error.code is not None:
        return Problem(502, str(error), {"ocpp_error": str(error.code)})
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return Problem(status, str(error))
    # Whoever refuses on purpose without one of these finds a state that does not allow it.
    return Problem(409, str(error))


def problem_body(problem: Problem, instance: str) -> bytes:
    """
    What is answered.

    @param instance: the path that was asked for.
    """
    further = {name: value for name, value in problem.extensions.items() if name not in _OWN}
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "title": title_of(problem.status),
            "status": problem.status,
            "detail": problem.detail,
            "instance": instance,
            **further,
        }
    )


def title_of(status: int) -> str:
    """The words of RFC 9110 for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _as_mapping(mistake: Mistake) -> Mapping[str, object]:
    return {
        "line": mistake.line,
        "section": mistake.section,
        "option": mistake.option,
        "found": mistake.found,
        "allowed": mistake.allowed,
        "text": str(mistake),
    }
