"""Makes the connections, and knows all that there are."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory
from twisted.web.resource import IResource
from zope.interface import implementer

from cfos_cm.counters import Counter
from cfos_cm.source_address import source_of
from cfos_cm.web.body import SMALL_BYTES, Arriving, Shared
from cfos_cm.web.channel import Channel, PageRequest, peer_address

__all__ = ["Answers", "Doors"]

MAX_CONNECTIONS = 200
MAX_CONNECTIONS_OF_SOURCE = 40

#: Closing ends what has not ended by itself after this. [s]
_CLOSING_S = 1.5


class Answers(Protocol):
    """Who answers the requests of the connections."""

    @property
    def resource(self) -> IResource:
        """What Twisted asks."""

    @property
    def count(self) -> Callable[[str], None]:
        """Told what was refused."""

    def admit(self, request: PageRequest) -> None:
        """
        The header fields of a request have come: say who asks.

        @raise cfos_cm.web.problem.Problem: if nothing is answered to him.
        """

    def is_believed(self, address: str) -> bool:
        """Whether many come from this address who are not the same."""

    def most_body_bytes(self, method: str, path: str) -> int | None:
        """How long a body may be; C{None}: nothing is there. [B]"""


@implementer(IProtocolNegotiationFactory)
class Doors(Factory):
    """
    Makes connections as long as there are not too many.

    @ivar connections: all that there are.
    """

    noisy = False

    def __init__(self, answers: Answers, clock: IReactorTime) -> None:
        self.connections: set[Channel] = set()
        self._answers = answers
        self._clock = clock
        self._shared = Shared()
        self._sources: collections.Counter[str] = collections.Counter()
        self._emptied: Deferred[None] | None = None
        self._is_closed = False

    @property
    def resource(self) -> IResource:
        """What is asked."""
        return self._answers.resource

    def buildProtocol(self, addr: IAddress | None) -> Channel:
        """See L{Factory}."""
        channel: Any = Channel()
        channel.factory = self
        channel.callLater = self._clock.callLater
        return cast(Channel, channel)

    def acceptableProtocols(self) -> list[bytes]:
        """By TLS browsers ask for HTTP/2 first, and Twisted refuses whom nothing is told."""
        return [b"http/1.1"]

    def came(self, channel: Channel) -> None:
        """A connection has begun."""
        source = _source(channel)
        self.connections.add(channel)
        self._sources[source] += 1
        if self._is_closed or self._are_too_many(channel, source):
            self.count(Counter.WEB_CONNECTIONS_REFUSED)
            channel.transport.abortConnection()

    def gone(self, channel: Channel) -> None:
        """A connection has ended."""
        if channel not in self.connections:
            return
        self.connections.discard(channel)
        source = _source(channel)
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]
        if not self.connections and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def count(self, what: str) -> None:
        """Something was refused."""
        self._answers.count(what)

    def admit(self, request: PageRequest) -> None:
        """See L{Answers.admit}."""
        self._answers.admit(request)

    def arriving(self, request: PageRequest) -> Arriving:
        """The body of a request whose header fields have come."""
        method = request.method.decode("ascii", "replace")
        path = request.path.decode("ascii", "replace")
        most = self._answers.most_body_bytes(method, path)
        return Arriving(SMALL_BYTES if most is None else most, self._shared)

    def log(self, request: Any) -> None:
        """Twisted would note each request; what changes something is in the audit log."""

    def close(self) -> Deferred[None]:
        """
        End all connections, and take no more.

        @return: fires when they have ended; those that do not end by themselves are cut.
        """
        self._is_closed = True
        if not self.connections:
            return succeed(None)
        self._emptied = emptied = Deferred[None]()
        later = self._clock.callLater(_CLOSING_S, self._cut)
        for channel in tuple(self.connections):
            channel.loseConnection()
        return emptied.addCallback(lambda _: later.cancel() if later.active() else None)

    def _cut(self) -> None:
        for channel in tuple(self.connections):
            channel.transport.abortConnection()

    def _are_too_many(self, channel: Channel, source: str) -> bool:
        if len(self.connections) > MAX_CONNECTIONS:
            return True
        believed = self._answers.is_believed(peer_address(channel.getPeer()))
        return not believed and self._sources[source] > MAX_CONNECTIONS_OF_SOURCE


def _source(channel: Channel) -> str:
    return source_of(peer_address(channel.getPeer()))
