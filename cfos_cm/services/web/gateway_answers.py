"""What is said over HTTP about gateways, and asked of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from cfos_cm.services.gateway_words import MAX_KEYS, MAX_LETTERS
from cfos_cm.services.web.site_answers import Gateway

__all__ = [
    "Counted",
    "DeadLetters",
    "GatewayDetail",
    "GatewayIds",
    "MappedId",
    "MessagePage",
    "MoveOrder",
    "OrphanQueue",
    "OrphanQueues",
    "QueueQuery",
    "QueuedMessageAnswer",
    "ResendOrder",
    "ShownCertificate",
    "ShownSecurity",
    "ShownServer",
    "UndeliveredMessage",
]

_Name = Annotated[str, Meta(min_length=1, max_length=255)]


class ShownServer(Struct, frozen=True, kw_only=True):
    """The backend's certificate that its key is known by. C{pin}: SHA-256 of the key."""

    pin: str
    fingerprint: str
    subject: str
    seen_at: datetime


class ShownCertificate(Struct, frozen=True, kw_only=True):
    """A certificate that the backend has given, C{what} it is for, and how long it counts."""

    what: str
    subject: str
    fingerprint: str
    not_after: datetime


class ShownSecurity(Struct, frozen=True, kw_only=True):
    """
    How the security of a gateway's connection is.

    C{profile}: the OCPP security profile that it has come to, C{connected}: that of the
    connection; null: there is none. C{warning}: what is less safe than it should be; empty:
    nothing. C{has_given_key}: whether the backend has given a password.
    """

    profile: int
    is_proven: bool
    connected: int | None
    warning: str
    has_given_key: bool
    server: ShownServer | None
    certificates: tuple[ShownCertificate, ...]


class GatewayDetail(Gateway, frozen=True, kw_only=True):
    """A gateway, and how the security of its connection is."""

    security: ShownSecurity


class QueueQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{limit}: at most so many messages; C{offset}: so many of the oldest are left out."""

    limit: Annotated[int, Meta(ge=1, le=MAX_LETTERS)] = 50
    offset: Annotated[int, Meta(ge=0, le=10**9)] = 0


class QueuedMessageAnswer(Struct, frozen=True, kw_only=True):
    """
    A message that waits for its backend.

    C{transaction_id}: ours. C{payload}: its beginning, with the ends of idTags only.
    """

    key: str
    action: str
    connector: int
    transaction_id: int | None
    attempts: int
    queued_at: datetime
    payload: str


class MessagePage(Struct, frozen=True, kw_only=True):
    """Some of what waits, oldest first; C{waiting}: how many there are altogether."""

    messages: tuple[QueuedMessageAnswer, ...]
    waiting: int


class UndeliveredMessage(QueuedMessageAnswer, frozen=True, kw_only=True):
    """A message that its backend does not take: C{why}, and when it was given up."""

    buried_at: datetime
    why: str


class DeadLetters(Struct, frozen=True, kw_only=True):
    """Some of what is not taken, oldest first; C{dead}: how many there are altogether."""

    dead_letters: tuple[UndeliveredMessage, ...]
    dead: int


class ResendOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{keys}: which dead letters; null: all of the gateway."""

    keys: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MAX_KEYS)] | None


class MappedId(Struct, frozen=True, kw_only=True):
    """
    What a transaction is called here (C{ours}), and by the backend (C{theirs}; null: it has
    not said yet). C{evse}: null where the number of its connector names none any more.
    """

    ours: int
    theirs: int | None
    evse: str | None
    started_at: datetime
    is_over: bool


class GatewayIds(Struct, frozen=True, kw_only=True):
    """The newest transactions that the backend is told of, newest first; at most 1000."""

    ids: tuple[MappedId, ...]


class OrphanQueue(Struct, frozen=True, kw_only=True):
    """A queue whose gateway is no longer in the settings."""

    key: str
    waiting: int
    size_bytes: int
    oldest_at: datetime | None
    dead: int


class OrphanQueues(Struct, frozen=True, kw_only=True):
    """All of them."""

    orphans: tuple[OrphanQueue, ...]


class MoveOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C{gateway}: which one is to deliver what the queue holds; of the same backend."""

    gateway: _Name


class Counted(Struct, frozen=True, kw_only=True):
    """How many messages it was about."""

    count: int
