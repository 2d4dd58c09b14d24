"""
What a server answers to an upgrade request, and in plain words what a refusal means.

Bytes in, words out. What a server has written itself is repeated bounded and printable only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import frozen

__all__ = ["Answer", "no_answer_words", "printable", "read_answer", "refusal"]

#: How much of a peer's own words is repeated.
MAX_SHOWN_CHARS = 123

_SWITCHING_PROTOCOLS = 101
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: (.*))?")
_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
#: RFC 8446, 5.1: how an alert begins, with which TLS answers what is none.
_TLS_ALERT = b"\x15\x03"

_WORDS: Mapping[int, str] = {
    400: "the backend cannot use the request; often the client id or the path is wrong",
    401: "the backend refuses the password or the client id",
    403: "the backend does not let this client id in",
    404: "the backend knows no such path or client id",
    405: "the path of the URL is none for OCPP",
    407: "a proxy on the way wants a user and a password",
    426: "the backend wants another protocol than OCPP 1.6 over WebSocket",
    429: "the backend is asked too often, and wants fewer attempts",
    500: "the backend has failed",
    502: "a gateway answers, and does not reach the backend behind it",
    503: "the backend is not available for now",
    504: "a gateway answers, and the backend behind it does not",
}


@frozen
class Answer:
    """
    The head of a response.

    @ivar minor: of HTTP's version, 1.x.
    @ivar headers: by names in lower case; of several with the same name the last.
    """

    minor: int
    status: int
    phrase: str
    headers: Mapping[str, str]


def read_answer(head: bytes) -> Answer | None:
    """
    Read the head of a response, without its last empty line.

    @return: C{None}: it is none.
    """
    line, *others = head.decode("latin-1").split("\r\n")
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        return None
    headers: dict[str, str] = {}
    for other in others:
        name, colon, value = other.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Answer(int(found[1]), int(found[2]), found[3] or "", headers)


def refusal(answer: Answer, subprotocol: str) -> str | None:
    """
    Why there will be no WebSocket, in plain words; C{None}: there will be one.

    @param subprotocol: the only one that was offered.
    """
    status = answer.status
    if status == _SWITCHING_PROTOCOLS:
        return _wrong_subprotocol(answer, subprotocol)
    if status in _REDIRECTS:
        target = _target(answer.headers.get("location", ""))
        return (
            f"{status}: the backend redirects to {target}, which is not followed; if that is "
            "right it belongs into url"
        )
    is_page = "html" in answer.headers.get("content-type", "").lower()
    if status < 300:
        kind = "a page for people (HTML)" if is_page else "as a web server does"
        return f"{status}: the other end answers {kind}; the path of the URL is hardly right"
    words = _WORDS.get(status)
    if words is None:
        phrase = printable(answer.phrase)
        words = "the backend refuses the connection" + (f" ({phrase})" if phrase else "")
    return f"{status}: {words}" + ("; it has sent a page for people (HTML)" if is_page else "")


def no_answer_words(data: bytes) -> str:
    """What is said of an answer that is no HTTP, by how it begins."""
    if data.startswith(_TLS_ALERT):
        return "the other end speaks TLS: the URL has to begin with wss://"
    return "the other end does not speak HTTP"


def printable(text: str) -> str:
    """What a peer may have written, in one line and not too much of it."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_SHOWN_CHARS])


def _wrong_subprotocol(answer: Answer, subprotocol: str) -> str | None:
    chosen = answer.headers.get("sec-websocket-protocol", "")
    if chosen == subprotocol:
        return None
    said = f"it has chosen {printable(chosen)!r}" if chosen else "it has chosen no subprotocol"
    return f"the backend does not speak {subprotocol}: {said}"


def _target(location: str) -> str:
    """Where a redirect leads: the scheme and the host, without what may be secret."""
    try:
        parts = urlsplit(location)
        host = parts.hostname
    except ValueError:
        return "nowhere"
    if not host:
        return "another path of the same host" if location else "nowhere"
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return printable(f"{scheme}{host}")
