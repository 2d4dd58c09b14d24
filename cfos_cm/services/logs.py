"""
The log: no secret in it, and as JSON for whoever wants it.

C{twistd --logger cfos_cm.services.logs.json_lines -n cfos-cm} writes an object in each line.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    LogPublisher,
    formatEvent,
    globalLogPublisher,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.services.redaction import without_secrets

__all__ = ["Redactor", "json_line", "json_lines", "keep_secrets"]

#: A line of the log ends here. [characters]
MAX_CHARS = 8000

_NUMBERS = (int, float, bool)


@implementer(ILogObserver)
class Redactor:
    """
    Hides secrets in each event, before anybody writes it.

    It has to be the first of all observers, which are called in the order of their adding.
    """

    def __call__(self, event: LogEvent) -> None:
        """An event is logged: its values that have secrets in them are replaced."""
        for name, value in list(event.items()):
            if name.startswith("log_") and name not in ("log_text", "log_failure"):
                continue
            if isinstance(value, Failure):
                self._hide_in_failure(event, name, value)
            elif isinstance(value, str):
                event[name] = without_secrets(value)
            elif not isinstance(value, (int, float, type(None))):
                # All of it: who writes it does not stop where a line of JSON ends.
                text = _whole_text_of(value)
                clean = without_secrets(text)
                if clean != text:
                    event[name] = clean

    def _hide_in_failure(self, event: LogEvent, name: str, failure: Failure) -> None:
        text = failure.getTraceback()
        clean = without_secrets(text)
        if clean == text:
            return
        # It goes on as a text: a traceback is made of the exception itself.
        del event[name]
        event["traceback"] = clean
        event["log_format"] = (event.get("log_format") or "") + "\n{traceback}"


def keep_secrets(publisher: LogPublisher = globalLogPublisher) -> None:
    """
    Have secrets hidden in all that is logged from now on.

    It is for whoever starts a process, before anybody else observes the log.
    """
    publisher.addObserver(Redactor())


def json_lines(out: TextIO | None = None) -> FileLogObserver:
    """For C{twistd --logger}: an observer that writes each event as a line of JSON."""
    return FileLogObserver(sys.stdout if out is None else out, json_line)


def json_line(event: LogEvent) -> str | None:
    """
    An event as JSON, with its time, level, namespace, text, and the values that the text was
    made of; C{None}: it says nothing.
    """
    text = formatEvent(event)
    failure = event.get("log_failure")
    if not text and failure is None:
        return None
    level = event.get("log_level")
    moment = event.get("log_time")
    said: dict[str, object] = {
        "at": None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(),
        "level": None if level is None else level.name,
        "namespace": event.get("log_namespace"),
        "text": text[:MAX_CHARS],
    }
    if isinstance(failure, Failure):
        said["traceback"] = failure.getTraceback()[:MAX_CHARS]
    said["values"] = {
        name: value if isinstance(value, _NUMBERS) else _text_of(value)
        for name, value in event.items()
        if not name.startswith("log_") and name not in _CLASSIC
    }
    return json.dumps(said, ensure_ascii=True) + "\n"


#: What Twisted adds for observers of the older kind.
_CLASSIC = frozenset(
    {"time", "system", "message", "isError", "format", "logLevel", "why", "failure", "from_"}
)


def _text_of(value: object) -> str:
    return _whole_text_of(value)[:MAX_CHARS]


def _whole_text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001
        # Nothing that is logged may stop the logging.
        return f"({type(value).__name__})"
