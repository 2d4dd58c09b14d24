"""Counting what a bound has held back, and what else somebody may want a number of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

__all__ = ["MAX_KINDS", "CallKind", "Calls", "Counter", "Counters", "Outcome"]


class Counter(StrEnum):
    """What is counted; each name is also that of its metric."""

    # Enum computes another one in Python, and for each message some are looked up.
    __hash__ = str.__hash__

    CONNECTIONS_OPENED = "connections_opened"
    """Connections of Charge Points that were let in."""
    BACKENDS_CONNECTED = "backends_connected"
    """Connections to backends that came about."""
    CONNECTIONS_REFUSED = "connections_refused"
    """Too many sockets at once, in all or from one address."""
    HANDSHAKES_FAILED = "handshakes_failed"
    """Too long, too slow, or not what a Charge Point asks for."""
    TLS_FAILED = "tls_failed"
    """Connections on which TLS was not agreed upon, or took too long."""
    TLS_REFUSED = "tls_refused"
    """Connections that came encrypted, where nobody does."""
    PLAIN_REFUSED = "plain_refused"
    """Connections that did not come encrypted, where everybody has to."""
    LOGINS_TOO_WEAK = "logins_too_weak"
    """Charge Points that came with less security than before."""
    LOGINS_FAILED = "logins_failed"
    """Wrong password, or none."""
    LOGINS_PUT_OFF = "logins_put_off"
    """Not even tried, because too many before it had failed."""
    IDENTITIES_REFUSED = "identities_refused"
    """Not configured, and refused for it."""
    CONNECTIONS_REPLACED = "connections_replaced"
    """A newer connection of the same Charge Point has taken over."""
    REPLACEMENTS_REFUSED = "replacements_refused"
    """A second connection with the identity of one that is alive."""
    PONGS_MISSED = "pongs_missed"
    """Connections that were given up because nobody answered."""
    MESSAGES_TOO_BIG = "messages_too_big"
    FRAGMENTS_TOO_MANY = "fragments_too_many"
    MESSAGES_NOT_TEXT = "messages_not_text"
    READING_PAUSED = "reading_paused"
    """How often a Charge Point that sends too fast was not read for a while."""
    SENDERS_TOO_FAST = "senders_too_fast"
    """Connections that were closed for it."""
    READERS_TOO_SLOW = "readers_too_slow"
    """Connections that were closed because what we send piles up."""

    FRAMES_UNREADABLE = "frames_unreadable"
    FRAMES_OF_UNKNOWN_TYPE = "frames_of_unknown_type"
    """OCPP-J: a message type that nobody specified is ignored."""
    CALLS_RECEIVED = "calls_received"
    CALLS_REFUSED = "calls_refused"
    """Answered with a CALLERROR."""
    MESSAGES_TOO_DEEP = "messages_too_deep"
    """Refused, and counted as that as well, because of how deeply their JSON is nested."""
    CALLS_REPEATED = "calls_repeated"
    """The same message once more: answered again, without a second effect."""
    CALLS_TOO_MANY = "calls_too_many"
    """Connections that were closed because too many calls waited for their answers."""
    CALLS_SENT = "calls_sent"
    CALLS_NOT_SENT = "calls_not_sent"
    """Too many wait for the same Charge Point already."""
    CALLS_TIMED_OUT = "calls_timed_out"
    ANSWERS_LATE = "answers_late"
    ANSWERS_DOUBLED = "answers_doubled"
    ANSWERS_UNKNOWN = "answers_unknown"
    """To a message id that was never asked with."""
    DEVIATIONS_TOLERATED = "deviations_tolerated"
    """Kinds of deviation, once for each device."""
    FOREIGN_STOPS = "foreign_stops"
    """StopTransaction for a transaction of another Charge Point."""
    UNKNOWN_STOPS = "unknown_stops"
    """StopTransaction for a transaction that nobody has started here."""

    MODBUS_NOT_SENT = "modbus_not_sent"
    """Too many requests wait for the same unit already."""
    MODBUS_TIMED_OUT = "modbus_timed_out"
    """Requests that were not answered in time; each attempt counts."""
    MODBUS_LATE = "modbus_late"
    """Answers to requests that were given up."""
    MODBUS_DOUBLED = "modbus_doubled"
    """Answers that had come before."""
    MODBUS_FOREIGN = "modbus_foreign"
    """Answers to nothing that was ever asked."""
    MODBUS_CONTRADICTED = "modbus_contradicted"
    """Answers whose transaction id is right and nothing else, and what was no Modbus at all."""

    WEB_CONNECTIONS_REFUSED = "web_connections_refused"
    """Of the page: too many at once, in all or from one address."""
    WEB_REQUESTS_CUT_SHORT = "web_requests_cut_short"
    """Too long, too slow, or no HTTP: refused before they were complete."""
    WEB_REQUESTS_FAILED = "web_requests_failed"
    """Nobody has foreseen why; the log says it."""
    WEB_HOSTS_REFUSED = "web_hosts_refused"
    """Requests for a name that is none of this computer's."""
    WEB_RATE_LIMITED = "web_rate_limited"
    """Requests that came too fast behind each other."""
    WEB_OVERLOADED = "web_overloaded"
    """Requests that came while too many others were worked on."""
    WEB_STREAMS_REFUSED = "web_streams_refused"
    """Too many at once, in all or of one session."""
    WEB_READERS_TOO_SLOW = "web_readers_too_slow"
    """Streams that were ended because what is sent piles up."""


class Outcome(StrEnum):
    """How a call has ended, where it was not answered with the code of an error."""

    # As for Counter.
    __hash__ = str.__hash__

    RESULT = "result"
    TIMED_OUT = "timed out"
    NOT_ANSWERED = "not answered"
    """The connection was lost before."""
    NONSENSE = "nonsense"
    """It was answered with what is no confirmation."""


class CallKind(NamedTuple):
    """
    Calls that are counted together.

    @ivar leg: C{charger} or C{backend}: who is at the other end.
    @ivar direction: C{in}: we were asked; C{out}: we have asked.
    @ivar outcome: an L{Outcome}, or the code of a CALLERROR.
    """

    leg: str
    direction: str
    action: str
    outcome: str


#: A peer can call actions and errors as it likes; so many kinds are told apart.
MAX_KINDS = 1000


class Calls:
    """How calls have ended, for each action."""

    def __init__(self) -> None:
        self._counts: dict[CallKind, int] = {}

    def count(self, leg: str, direction: str, action: str, outcome: str) -> None:
        """One has ended."""
        counts, kind = self._counts, CallKind(leg, direction, action, outcome)
        if kind not in counts and len(counts) >= MAX_KINDS:
            kind = CallKind(leg, direction, "other", "other")
        counts[kind] = counts.get(kind, 0) + 1

    def all(self) -> Mapping[CallKind, int]:
        """Every number, as it is now."""
        return dict(self._counts)


class Counters:
    """
    The numbers, from the start of the program on.

    @ivar calls: how calls have ended.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Counter, 0)
        self.calls = Calls()

    def count(self, what: Counter, times: int = 1) -> None:
        """It has happened once more."""
        self._counts[what] += times

    def __getitem__(self, what: Counter) -> int:
        return self._counts[what]

    def all(self) -> Mapping[Counter, int]:
        """Every number, as it is now."""
        return dict(self._counts)
