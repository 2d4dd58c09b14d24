"""Messages that a backend is owed: they are on disk until it has answered them."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

__all__ = ["BoundTransaction", "DeadLetter", "Depth", "QueuedMessage", "Route"]


@frozen
class Route:
    """
    Where a transaction is told of.

    @ivar gateway: the key of its queue; see L{cfos_cm.charge_point.settings.GatewaySettings}.
    @ivar connector: the EVSE's number at that backend.
    """

    gateway: str
    connector: int


@frozen
class QueuedMessage:
    """
    A request that waits for its backend's answer.

    @ivar key: tells it from all others; made when it is queued.
    @ivar gateway: whose queue it is in.
    @ivar action: such as C{StopTransaction}.
    @ivar connector: the EVSE's number at the backend.
    @ivar transaction_id: the transaction that it is about, by our own number; C{None}: none.
    @ivar payload: the JSON text of the payload as it came, with the numbers of connectors and
        transactions that the EVSE knows; those of the backend are put in when it is sent.
    @ivar queued_at: when that was; UTC.
    @ivar is_periodic: a reading that others stand for too: thinned out when there are too many.
    @ivar message_id: the OCPP-J message id that it is sent with, until it has been refused.
    @ivar attempts: how often it was sent and refused, or not answered.
    """

    key: str
    gateway: str
    action: str
    connector: int
    transaction_id: int | None
    payload: bytes
    queued_at: datetime
    is_periodic: bool
    message_id: str
    attempts: int = 0


@frozen
class DeadLetter:
    """
    A message that its backend does not take; it is kept until somebody sends it again.

    @ivar why: for people.
    @ivar buried_at: when it was given up; UTC.
    """

    message: QueuedMessage
    why: str
    buried_at: datetime


@frozen
class Depth:
    """
    How much is owed to a backend.

    @ivar waiting: messages that wait.
    @ivar size_bytes: the payloads of those.
    @ivar oldest_at: when the oldest of them was queued; C{None}: none waits.
    @ivar dead: messages that were given up.
    """

    waiting: int = 0
    size_bytes: int = 0
    oldest_at: datetime | None = None
    dead: int = 0


@frozen
class BoundTransaction:
    """
    A transaction that a backend is told of.

    @ivar transaction_id: our own number.
    @ivar connector: the EVSE's number at the backend.
    @ivar id_tag: who started it.
    @ivar started_at: UTC.
    @ivar backend_id: the backend's number; C{None}: it has not said one yet.
    @ivar is_over: its end is queued, or told.
    """

    transaction_id: int
    connector: int
    id_tag: str
    started_at: datetime
    backend_id: int | None = None
    is_over: bool = False
