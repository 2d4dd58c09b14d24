"""What a request says beside its path: its body and the parameters behind the question mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from cfos_cm.strict_json import AmbiguousJson, check
from cfos_cm.web.problem import Problem
from cfos_cm.web.route import Route
from cfos_cm.web.wanted import objection

__all__ = ["Arriving", "Shared", "read_body", "read_query"]

JSON = "application/json"

#: Bodies up to this length always find room: as many as there may be connections. [B]
SMALL_BYTES = 64 * 1024
#: What all longer ones that are arriving may have together. [B]
_SHARED_BYTES = 32 * 1024 * 1024
_MOST_PARAMETERS = 50


class Shared:
    """The memory that long bodies share."""

    def __init__(self, most_bytes: int = _SHARED_BYTES) -> None:
        self.left_bytes = most_bytes


class Arriving:
    """One body, as it comes: it is counted, whatever was announced."""

    def __init__(self, most_bytes: int, shared: Shared) -> None:
        self._most = most_bytes
        self._shared = shared
        self._taken = 0
        self._octets = bytearray()

    def expect(self, announced: int | None) -> None:
        """
        So much is to come; C{None}: nobody has said.

        @raise Problem: 413, if that is more than there may be.
        """
        if announced is not None and announced > self._most:
            raise self._too_long()

    def add(self, octets: bytes) -> None:
        """
        More has come.

        @raise Problem: 413, if it is more than there may be; 503, if there is no room now.
        """
        size = len(self._octets) + len(octets)
        if size > self._most:
            raise self._too_long()
        if size > SMALL_BYTES:
            self._take(size)
        self._octets += octets

    def octets(self) -> bytes:
        """All that has come."""
        return bytes(self._octets)

    def let_go(self) -> None:
        """It is not needed any more."""
        self._octets = bytearray()
        self._shared.left_bytes += self._taken
        self._taken = 0

    def _take(self, size: int) -> None:
        more = size - self._taken
        if more > self._shared.left_bytes:
            detail = "Too many long requests are arriving at once."
            raise Problem(503, detail, headers={"Retry-After": "5"})
        self._shared.left_bytes -= more
        self._taken = size

    def _too_long(self) -> Problem:
        return Problem(413, f"A body may have {self._most} bytes here.")


def read_body(route: Route, media_type: str | None, octets: bytes) -> Any:
    """
    What a body says.

    @param media_type: what its C{Content-Type} says.
    @return: an instance of the route's C{body}; C{None} where it has none.
    @raise Problem: 400, 415 or 422.
    """
    if route.method == "GET":
        if octets:
            raise Problem(400, "A GET has no body.")
        return None
    wanted = JSON if route.body is None else route.body_media
    if media_type is not None or octets or route.body is not None:
        _check_media_type(media_type, wanted)
    if route.body is None:
        _check_nothing(octets)
        return None
    return octets if route.body is bytes else _read_json(route.body, octets)


def read_query(route: Route, query: bytes) -> Any:
    """
    What stands behind the question mark.

    @return: an instance of the route's C{query}; C{None} where it has none.
    @raise Problem: 400.
    """
    found = _parameters(query)
    if route.query is None:
        if found:
            raise Problem(400, "There are no parameters here.", {"field": next(iter(found))})
        return None
    try:
        return msgspec.convert(found, route.query, strict=False)
    except msgspec.ValidationError as error:
        raise objection(400, error, route.query) from None


def _parameters(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise Problem(400, "The parameters are too many, or not UTF-8.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem(400, "A parameter is there twice.")
    if any("\0" in text for pair in pairs for text in pair):
        raise Problem(400, "There is a NUL in a parameter.")
    return found


def _check_media_type(media_type: str | None, wanted: str) -> None:
    name, _, parameters = (media_type or "").partition(";")
    if name.strip().lower() != wanted:
        raise Problem(415, f"The Content-Type has to be {wanted}.")
    word, _, charset = parameters.partition("=")
    if word.strip().lower() == "charset" and charset.strip(' "').lower() != "utf-8":
        raise Problem(415, "The charset has to be UTF-8.")


def _check_nothing(octets: bytes) -> None:
    if octets.strip() not in (b"", b"{}"):
        raise Problem(400, "The body has to be empty, or {}.")


def _read_json(kind: Any, octets: bytes) -> Any:
    # The careful reader tells apart what msgspec takes: a name that stands twice, a NUL.
    try:
        check(octets)
        return msgspec.json.decode(octets, type=kind)
    except msgspec.ValidationError as error:
        raise objection(422, error, kind) from None
    except (AmbiguousJson, msgspec.DecodeError, RecursionError) as error:
        raise Problem(400, f"The body is no JSON that is read here: {error}.") from None
