"""The scripted backend: what it hears, what it answers, and whom it lets in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred, succeed

from cfos_cm.v16.timestamps import format_timestamp
from tests.compliance.line import Encryption, Heard, Line, Question
from tests.compliance.sites import BLOCKED, EXPIRED, OTHER_OF_GROUP, PARENT, VALID

__all__ = [
    "FREE",
    "INTERVAL_S",
    "NAME",
    "Backend",
    "BackendLine",
    "Entrance",
    "Handshake",
    "Reply",
    "is_free",
]

#: What its connections are called in the steps of a case.
NAME = "backend"

#: What a Charge Point may say at any time without being expected to.
FREE = ("Heartbeat", "MeterValues")
#: And what it may note of its own security; where something is wrong, it has to be expected.
_FREE_EVENTS = (
    "StartupOfTheDevice",
    "ReconfigurationOfSecurityParameters",
    "FailedToAuthenticateAtCentralSystem",
)

#: What it names when it lets somebody in. [s]
INTERVAL_S = 300

_TAGS: Mapping[str, Mapping[str, Any]] = {
    VALID: {"status": "Accepted", "parentIdTag": PARENT},
    OTHER_OF_GROUP: {"status": "Accepted", "parentIdTag": PARENT},
    BLOCKED: {"status": "Blocked"},
    EXPIRED: {"status": "Expired"},
}


def is_free(heard: Heard, actions: tuple[str, ...] = FREE) -> bool:
    """Whether that may come at any time."""
    if heard.action == "SecurityEventNotification":
        return heard.payload.get("type") in _FREE_EVENTS
    return heard.action in actions


@frozen
class Reply:
    """
    How one CALL is answered, other than usual.

    @ivar payload: of the CALLRESULT: it is put over the usual one.
    @ivar code: of a CALLERROR; empty: it is a CALLRESULT.
    @ivar is_silent: there is no answer at all.
    """

    payload: Mapping[str, Any] = field(factory=dict)
    code: str = ""
    is_silent: bool = False


@frozen
class Entrance:
    """
    How one handshake is answered, other than usual.

    @ivar status: of the HTTP response.
    @ivar headers: of it.
    @ivar is_dead: nobody listens at all.
    """

    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    is_dead: bool = False


@frozen
class Handshake:
    """
    How somebody asks to be let in.

    @ivar authorization: the header; C{None}: there is none.
    @ivar encryption: C{None}: it is not encrypted.
    """

    path: str = ""
    authorization: str | None = field(default=None, repr=False)
    encryption: Encryption | None = None


class BackendLine(Line):
    """One connection of the backend; who may say what when is the L{Backend}'s to judge."""

    backend: Backend

    def ask(self, action: str, payload: Any, unique_id: str | None = None) -> Question:
        """Send a CALL; no message id is used on two connections."""
        if unique_id is None:
            unique_id = f"theirs-{next(self.backend.message_numbers)}"
        return super().ask(action, payload, unique_id)

    def called(self, heard: Heard) -> None:
        """A CALL has come."""
        self.note(heard)
        self.backend.called(self, heard)


class Backend:
    """
    A backend, over all its connections.

    It answers whatever comes at once, as usual or as it was told to; cases look afterwards at
    what came, in its order.

    @ivar line: its newest connection.
    @ivar requests: each handshake.
    @ivar broken_off: what came of each TLS handshake that came to nothing, by OpenSSL's words.
    @ivar complaints: what should not have come, in plain words.
    @ivar heard: all that came, oldest first.
    @ivar times: when each of these came.
    @ivar numbers: of the transactions that it knows.
    @ivar password: the C{Authorization} that it wants; C{None}: none.
    @ivar message_numbers: those of its CALLs.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.line: BackendLine | None = None
        self.requests: list[Handshake] = []
        self.broken_off: list[str] = []
        self.complaints: list[str] = []
        self.heard: list[Heard] = []
        self.times: list[datetime] = []
        self.numbers: set[int] = set()
        self.password: str | None = None
        self._inbox: deque[Heard] = deque()
        self._listening: Deferred[Heard] | None = None
        self._coming: Deferred[BackendLine] | None = None
        self._come: deque[BackendLine] = deque()
        self._replies: dict[str, deque[Reply]] = {}
        self._entrances: deque[Entrance] = deque()
        self._always: Entrance | None = None
        self._ids: set[str] = set()
        self._first_number = 501
        self.message_numbers = count(1)

    # What cases say

    def reply(self, action: str, *replies: Reply) -> None:
        """Answer the next CALLs of C{action} so."""
        self._replies.setdefault(action, deque()).extend(replies)

    def receive(self, *entrances: Entrance) -> None:
        """Answer the next handshakes so."""
        self._entrances.extend(entrances)

    def shut(self, entrance: Entrance | None) -> None:
        """Answer all handshakes so from now on; C{None}: let everybody in again."""
        self._always = entrance

    def next(self) -> Deferred[Heard]:
        """Fires with the next CALL that was not looked at."""
        if self._inbox:
            return succeed(self._inbox.popleft())
        self._listening = Deferred()
        return self._listening

    def ignore(self) -> None:
        """What has come is of no interest."""
        self._inbox.clear()

    def next_line(self) -> Deferred[BackendLine]:
        """Fires with the next connection that was not looked at."""
        if self._come:
            return succeed(self._come.popleft())
        self._coming = Deferred()
        return self._coming

    def waiting(self, but_for: tuple[str, ...] = FREE) -> list[str]:
        """The actions that have come and were not looked at."""
        return [one.action for one in self._inbox if not is_free(one, but_for)]

    def left_over(self) -> list[str]:
        """What was not to be expected."""
        return [
            f"heard {one.action} {one.payload}, which was not to be expected"
            for one in self._inbox
            if not is_free(one)
        ]

    # What benches say

    def admit(self, handshake: Handshake) -> Entrance | None:
        """
        Somebody wants to be let in.

        @return: C{None}: he is.
        """
        self.requests.append(handshake)
        if self._entrances:
            return self._entrances.popleft()
        if self._always is not None:
            return self._always
        if self.password is not None and handshake.authorization != self.password:
            return Entrance(401)
        return None

    def is_dead(self) -> bool:
        """Whether the next one who calls finds nobody."""
        first = self._entrances[0] if self._entrances else self._always
        return first is not None and first.is_dead

    def found_nobody(self) -> None:
        """One has called."""
        self.requests.append(Handshake())
        if self._entrances:
            self._entrances.popleft()

    def connected(self, line: BackendLine) -> None:
        """There is another connection."""
        if self.line is not None and self.line.is_open:
            self.complaints.append("a second connection beside one that lives")
        self.line = line
        line.backend = self
        self._ids.clear()
        if self._coming is not None:
            coming, self._coming = self._coming, None
            coming.callback(line)
        else:
            self._come.append(line)

    def called(self, line: BackendLine, heard: Heard) -> None:
        """A CALL has come."""
        self.heard.append(heard)
        self.times.append(self._now())
        self._judge(heard)
        self._answer(line, heard)
        if self._listening is not None:
            listening, self._listening = self._listening, None
            listening.callback(heard)
        else:
            self._inbox.append(heard)

    def _answer(self, line: BackendLine, heard: Heard) -> None:
        waiting = self._replies.get(heard.action)
        reply = waiting.popleft() if waiting else Reply()
        if reply.is_silent:
            return
        if reply.code:
            sent = line.refuse(heard, reply.code)
        else:
            sent = line.answer(heard, {**self._usual(heard), **reply.payload})
        # Where the connection ends meanwhile, nobody waits for this any more.
        sent.addErrback(lambda _: None)

    def _judge(self, heard: Heard) -> None:
        if heard.unique_id in self._ids:
            self.complaints.append(f"a message id twice: {heard.unique_id} ({heard.action})")
        self._ids.add(heard.unique_id)
        number = heard.payload.get("transactionId")
        if number is not None and number not in self.numbers:
            self.complaints.append(f"{heard.action} for transaction {number}: never given out")

    def _usual(self, heard: Heard) -> dict[str, Any]:
        now = format_timestamp(self._now())
        info = _TAGS.get(heard.payload.get("idTag", ""), {"status": "Invalid"})
        match heard.action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": now, "interval": INTERVAL_S}
            case "Heartbeat":
                return {"currentTime": now}
            case "Authorize":
                return {"idTagInfo": info}
            case "StartTransaction":
                number = self._first_number + len(self.numbers)
                self.numbers.add(number)
                return {"transactionId": number, "idTagInfo": info}
            case "StopTransaction" if "idTag" in heard.payload:
                return {"idTagInfo": info}
            case "DataTransfer":
                return {"status": "UnknownVendorId"}
            case "SignCertificate":
                return {"status": "Accepted"}
        return {}
