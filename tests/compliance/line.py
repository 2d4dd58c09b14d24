"""The scripted peer's end of one WebSocket: what it says, what it hears, what it is asked."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from itertools import count
from ssl import SSLSocket
from typing import Any

from attrs import define, field, frozen
from cryptography import x509
from twisted.internet.defer import Deferred, succeed

from tests.v16.schemas import MESSAGES

__all__ = ["MANNERS", "Answer", "Encryption", "Heard", "Line", "Question"]

_CALL, _RESULT, _ERROR = 2, 3, 4

#: What the program asks on its own, and what a polite peer says to it.
MANNERS: Mapping[str, Mapping[str, Any]] = {
    "SetChargingProfile": {"status": "Accepted"},
    "GetCompositeSchedule": {"status": "Rejected"},
    "ClearChargingProfile": {"status": "Unknown"},
    "TriggerMessage": {"status": "Accepted"},
}


@frozen
class Answer:
    """
    What came back for a CALL.

    @ivar payload: of the CALLRESULT; C{None} for a CALLERROR.
    @ivar code: of the CALLERROR; C{None} for a CALLRESULT.
    """

    payload: Any = None
    code: str | None = None
    description: str = ""


@frozen
class Encryption:
    """
    How a connection is encrypted, as its peer sees it.

    @ivar version: of TLS, as OpenSSL calls it.
    @ivar suite: as OpenSSL calls it.
    @ivar compression: which; C{None}: none.
    @ivar shown: what the other end shows who it is with (DER); C{None}: nothing.
    @ivar server_name: that was asked for, where the peer is the server; C{None}: none.
    """

    version: str
    suite: str
    compression: str | None = None
    shown: bytes | None = field(default=None, repr=False)
    server_name: str | None = None

    @classmethod
    def of(cls, found: SSLSocket, server_name: str | None = None) -> Encryption:
        """How a socket is encrypted after its handshake."""
        suite = found.cipher()
        return cls(
            found.version() or "",
            "" if suite is None else suite[0],
            found.compression(),
            found.getpeercert(binary_form=True),
            server_name,
        )

    @property
    def certificate(self) -> x509.Certificate:
        """What the other end shows."""
        assert self.shown is not None
        return x509.load_der_x509_certificate(self.shown)


@frozen
class Heard:
    """A CALL that the peer was asked with."""

    unique_id: str
    action: str
    payload: Any


@frozen(eq=False)
class Question:
    """
    A CALL of the peer.

    @ivar sent: fires when it is on its way.
    @ivar answer: fires with what came back.
    """

    unique_id: str
    sent: Deferred[None]
    answer: Deferred[Answer]


@define(eq=False)
class _Armed:
    """A CALL that is expected: why one does not fit is what C{objection} says."""

    action: str
    objection: Callable[[Any], str | None]
    heard: Deferred[Heard] = field(factory=Deferred)


class Line(ABC):
    """
    One connection of the peer.

    Every frame that comes is judged: CALLs must fit their official schema and be expected, or
    be what the program may ask on its own; answers must fit theirs, and belong to a question
    that waits for one.

    @ivar complaints: what came and should not have, in plain words.
    @ivar heard: every CALL that came, oldest first, also those that were answered at once.
    @ivar answered: the message ids of the answers that came, oldest first.
    @ivar close_code: of the close frame that came, if one did.
    @ivar encryption: how it is encrypted; C{None}: it is not.
    """

    def __init__(self) -> None:
        self.encryption: Encryption | None = None
        self.complaints: list[str] = []
        self.heard: list[Heard] = []
        self.answered: list[str] = []
        self.close_code: int | None = None
        self._ended: Deferred[None] | None = None
        self._is_open = True
        self._asked: dict[str, tuple[str, Deferred[Answer]]] = {}
        self._armed: list[_Armed] = []
        self._numbers = count(1)

    @abstractmethod
    def write(self, text: bytes) -> Deferred[None]:
        """
        Send one text message, whatever is in it.

        @return: fires when it is on its way; fails when the connection is gone.
        """

    @abstractmethod
    def drop(self) -> Deferred[None]:
        """Lose the connection without a farewell; fires when it is gone."""

    @abstractmethod
    def round_trip(self) -> Deferred[None]:
        """Fires when all that either side had sent before has been read."""

    def ask(self, action: str, payload: Any, unique_id: str | None = None) -> Question:
        """Send a CALL; C{unique_id} is its message id, C{None} a new one."""
        unique_id = f"theirs-{next(self._numbers)}" if unique_id is None else unique_id
        answer: Deferred[Answer] = Deferred()
        self._asked[unique_id] = (action, answer)
        sent = self.write(_text([_CALL, unique_id, action, payload]))
        return Question(unique_id, sent, answer)

    def expect(self, action: str, objection: Callable[[Any], str | None]) -> Deferred[Heard]:
        """Fires with the next CALL of C{action} whose payload there is no objection to."""
        armed = _Armed(action, objection)
        self._armed.append(armed)
        return armed.heard

    def answer(self, heard: Heard, payload: Any) -> Deferred[None]:
        """Send a CALLRESULT, as often as it is asked for; fires when it is on its way."""
        return self.write(_text([_RESULT, heard.unique_id, payload]))

    def refuse(self, heard: Heard, code: str) -> Deferred[None]:
        """Send a CALLERROR; fires when it is on its way."""
        return self.write(_text([_ERROR, heard.unique_id, code, "", {}]))

    def ended(self) -> Deferred[None]:
        """Fires when the connection is gone."""
        if not self._is_open:
            return succeed(None)
        self._ended = Deferred()
        return self._ended

    @property
    def is_open(self) -> bool:
        """Whether the connection is there."""
        return self._is_open

    def came(self, text: bytes | str) -> None:
        """The transport has read a text message."""
        frame = json.loads(text)
        match frame:
            case [2, str(unique_id), str(action), dict(payload)]:
                self.called(Heard(unique_id, action, payload))
            case [3, str(unique_id), dict(payload)]:
                self._answer_came(unique_id, Answer(payload))
            case [4, str(unique_id), str(code), str(description), dict()]:
                self._answer_came(unique_id, Answer(None, code, description))
            case _:
                self.complaints.append(f"{frame!r} is no OCPP-J frame")

    def note(self, heard: Heard) -> None:
        """Keep a CALL that has come, and look whether it fits its official schema."""
        self.heard.append(heard)
        if not _fits(heard.action, heard.payload):
            self.complaints.append(f"{heard.action}.req {heard.payload} does not fit")

    def gone(self, close_code: int | None) -> None:
        """The transport has lost the connection."""
        self._is_open = False
        self.close_code = close_code
        if self._ended is not None:
            self._ended.callback(None)

    def _answer_came(self, unique_id: str, answer: Answer) -> None:
        self.answered.append(unique_id)
        action, waiting = self._asked.pop(unique_id, ("", None))
        if waiting is None:
            self.complaints.append(f"an answer to {unique_id!r}, which waits for none")
            return
        if answer.code is None and not _fits(f"{action}Response", answer.payload):
            self.complaints.append(f"{action}.conf {answer.payload} does not fit its schema")
        waiting.callback(answer)

    def called(self, heard: Heard) -> None:
        """A CALL has come: whoever waits for it gets it, and it is judged."""
        self.note(heard)
        objections = []
        for armed in self._armed:
            if armed.action == heard.action:
                why = armed.objection(heard.payload)
                if why is None:
                    self._armed.remove(armed)
                    armed.heard.callback(heard)
                    return
                objections.append(why)
        if heard.action in MANNERS:
            # Where the connection ends meanwhile, nobody waits for this any more.
            self.answer(heard, MANNERS[heard.action]).addErrback(lambda _: None)
            return
        why = "; ".join(objections) or "which was not to be expected"
        self.complaints.append(f"was asked {heard.action} {heard.payload}: {why}")


def _text(frame: list[Any]) -> bytes:
    return json.dumps(frame).encode()


def _fits(message: str, payload: Any) -> bool:
    return message in MESSAGES and MESSAGES[message].is_official(payload)
