"""A subject that does as it is told, right or wrong: to see whether the player notices."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.errors import DeviceError
from tests.compliance.bench import (
    CaseFailed,
    Door,
    Facts,
    HandshakeRefused,
    Tls,
    TlsRefused,
)
from tests.compliance.line import Encryption, Line
from tests.compliance.sites import Site

__all__ = ["Reaction", "ScriptedBench", "ScriptedLine", "answers", "both", "refuses", "says"]

T = TypeVar("T")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

#: What a subject does when something comes: it is given its line and the frame.
Reaction = Callable[["ScriptedLine", list[Any]], None]


def answers(payload: Any) -> Reaction:
    """Answer every CALL with C{payload}."""
    return lambda line, frame: line.came(json.dumps([3, frame[1], payload]))


def refuses(code: str) -> Reaction:
    """Answer every CALL with a CALLERROR."""
    return lambda line, frame: line.came(json.dumps([4, frame[1], code, "", {}]))


def says(*frames: list[Any]) -> Reaction:
    """Say something, whatever comes."""

    def react(line: ScriptedLine, frame: list[Any]) -> None:
        for one in frames:
            line.came(json.dumps(one))

    return react


def is_silent(line: ScriptedLine, frame: list[Any]) -> None:
    """Do nothing."""


def both(*reactions: Reaction) -> Reaction:
    """Do one after the other."""

    def react(line: ScriptedLine, frame: list[Any]) -> None:
        for reaction in reactions:
            reaction(line, frame)

    return react


class ScriptedLine(Line):
    """A line whose other end reacts to CALLs as it is told, and takes note of answers."""

    def __init__(self, bench: ScriptedBench) -> None:
        super().__init__()
        self._bench = bench

    def write(self, text: bytes) -> Deferred[None]:
        """Give the frame to the subject."""
        frame = json.loads(text)
        if frame[0] == 2:
            self._bench.reaction(self, frame)
        elif self._bench.ordered:
            self._bench.ordered.pop(0).callback(self._bench.tells or frame[2])
        return succeed(None)

    def drop(self) -> Deferred[None]:
        """End it."""
        self.gone(None)
        return succeed(None)

    def round_trip(self) -> Deferred[None]:
        """Everything has arrived."""
        return succeed(None)


class ScriptedBench:
    """
    A subject that does as it is told.

    @ivar reaction: what it does when it is asked.
    @ivar asks: the CALL that it makes of an order; C{None}: what was ordered.
    @ivar tells: what it tells the operator, whatever was answered.
    @ivar refuses: the HTTP status that it refuses everybody with.
    @ivar encryption: how its connections are encrypted; C{None}: they are not.
    @ivar subprotocol: that it agrees to.
    @ivar known: what it knows in the end.
    """

    def __init__(self, reaction: Reaction = is_silent) -> None:
        self.reaction = reaction
        self.asks: tuple[str, Any] | None = None
        self.tells: Any = None
        self.refuses: int | None = None
        self.encryption: Encryption | None = None
        self.subprotocol: str | None = "ocpp1.6"
        self.known = Facts()
        self.ordered: list[Deferred[Any]] = []
        self.closed = False
        self._line = ScriptedLine(self)

    def open(self, site: Site) -> Deferred[None]:
        """See L{Bench}."""
        return succeed(None)

    def close(self) -> Deferred[None]:
        """See L{Bench}."""
        self.closed = True
        return succeed(None)

    def now(self) -> datetime:
        """See L{Bench}."""
        return NOW

    def dial(self, door: Door) -> Deferred[tuple[Line, str | None]]:
        """See L{Bench}."""
        if self.refuses is not None:
            return fail(HandshakeRefused(self.refuses))
        if isinstance(door.tls, Tls) and self.encryption is None:
            return fail(TlsRefused("there is none"))
        self._line.encryption = self.encryption
        return succeed((self._line, self.subprotocol))

    def order(self, identity: str, action: str, payload: Any) -> Deferred[Any]:
        """See L{Bench}."""
        if action == "Reset":
            return fail(DeviceError("out of reach"))
        result: Deferred[Any] = Deferred()
        self.ordered.append(result)
        asked, asked_payload = self.asks or (action, payload)
        self._line.came(json.dumps([2, f"ours-{len(self.ordered)}", asked, asked_payload]))
        return result

    def change_password(self, identity: str, key: str) -> Deferred[Any]:
        """See L{Bench}."""
        return self.order(
            identity, "ChangeConfiguration", {"key": "AuthorizationKey", "value": key}
        )

    def raise_profile(self, identity: str, profile: int) -> Deferred[Any]:
        """See L{Bench}."""
        payload = {"key": "SecurityProfile", "value": str(profile)}
        return self.order(identity, "ChangeConfiguration", payload)

    def pass_time(self, seconds: float) -> Deferred[None]:
        """See L{Bench}."""
        return succeed(None)

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """See L{Bench}."""
        return waited if waited.called else fail(CaseFailed(f"{what} has not come"))

    def complaints(self, is_over: bool) -> tuple[str, ...]:
        """See L{tests.compliance.bench.Bench.complaints}."""
        return ()

    def facts(self) -> Deferred[Facts]:
        """See L{Bench}."""
        return succeed(self.known)
