"""The bytes and header fields of an answer."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from attrs import field, frozen
from twisted.web.http_headers import Headers

from cfos_cm.web.answer import Content, Json, Stream
from cfos_cm.web.headers import NO_STORE, lines
from cfos_cm.web.problem import Problem
from cfos_cm.web.problems import MEDIA_TYPE, problem_body

__all__ = ["Reply", "accepted_codings", "if_match", "matches", "problem_reply", "reply"]

#: Below it, a packet is sent anyway; above it, packing would keep everybody waiting. [B]
_WORTH_PACKING_BYTES = 1024
_MOST_PACKED_BYTES = 2 * 1024 * 1024

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


@frozen
class Reply:
    """What is answered, ready to be sent."""

    status: int
    fields: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


def reply(answer: Json | Content | Stream, headers: Headers, is_read: bool) -> Reply:
    """
    What is sent for an answer; of a stream, what stands before it.

    @param headers: of the request.
    @param is_read: it was a GET or HEAD.
    @raise Exception: if msgspec cannot write a value.
    """
    common = {"Cache-Control": NO_STORE, **answer.headers}
    if isinstance(answer, Stream):
        # A proxy that collects what comes would hold back the events.
        more = {"Content-Type": answer.media_type, "X-Accel-Buffering": "no"}
        return Reply(answer.status, {**more, **common})
    if answer.etag is not None:
        common["ETag"] = f'"{answer.etag}"'
        if is_read and answer.status == 200 and matches(headers, answer.etag):
            return Reply(304, common)
    if isinstance(answer, Json):
        return _json(answer, common, headers)
    return _content(answer, common)


def problem_reply(problem: Problem, path: str) -> Reply:
    """What is sent for what is wrong."""
    fields = {"Content-Type": MEDIA_TYPE, "Cache-Control": NO_STORE, **problem.headers}
    body = problem_body(problem, path)
    return Reply(problem.status, {**fields, "Content-Length": str(len(body))}, body)


def accepted_codings(headers: Headers) -> set[str]:
    """The content codings that somebody takes, in small letters."""
    found = set()
    for word in ",".join(lines(headers, "Accept-Encoding")).split(","):
        coding, *parameters = (part.strip().lower() for part in word.split(";"))
        if coding and not any(_is_never(one) for one in parameters):
            found.add(coding)
    return found


def if_match(headers: Headers) -> str | None:
    """
    The state that somebody believes in, without quotation marks.

    @return: C{None}: he does not say, or takes any.
    @raise Problem: 400, if he names several.
    """
    said = ",".join(lines(headers, "If-Match")).strip()
    if said in ("", "*"):
        return None
    tags = _TAG.findall(said)
    if len(tags) > 1:
        raise Problem(400, "If-Match may name one state here.")
    return str(tags[0]) if tags else said


def matches(headers: Headers, etag: str) -> bool:
    """Whether somebody has this state already, by C{If-None-Match}."""
    said = ",".join(lines(headers, "If-None-Match")).strip()
    return said == "*" or etag in _TAG.findall(said)


def _is_never(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and not value.strip().strip("0.")


def _json(answer: Json, common: dict[str, str], headers: Headers) -> Reply:
    if answer.value is None:
        status = 204 if answer.status == 200 else answer.status
        return Reply(status, common if status == 204 else {**common, "Content-Length": "0"})
    body = msgspec.json.encode(answer.value)
    fields = {"Content-Type": "application/json", "Vary": "Accept-Encoding", **common}
    is_worth_it = _WORTH_PACKING_BYTES < len(body) <= _MOST_PACKED_BYTES
    if is_worth_it and "gzip" in accepted_codings(headers):
        body = gzip.compress(body, 1, mtime=0)
        fields["Content-Encoding"] = "gzip"
        if "ETag" in fields:
            # The same state in other bytes.
            fields["ETag"] = "W/" + fields["ETag"]
    return Reply(answer.status, {**fields, "Content-Length": str(len(body))}, body)


def _content(answer: Content, common: dict[str, str]) -> Reply:
    fields = {"Content-Type": answer.media_type, **common}
    if answer.file_name is not None:
        fields["Content-Disposition"] = _attachment(answer.file_name)
    size = str(len(answer.content))
    return Reply(answer.status, {**fields, "Content-Length": size}, answer.content)


def _attachment(name: str) -> str:
    """RFC 6266: the name for old readers, and as it is."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
