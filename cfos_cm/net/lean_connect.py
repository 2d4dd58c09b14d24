"""
Less work and less memory for each WebSocket connection.

Autobahn gives every connection its own copy of all options and of the state that it begins in,
prints them for a log that nobody reads, and keeps the handshake to its end. Here the state of
the beginning belongs to the class, and the handshake is forgotten when it is over. What the
state is, is not repeated here: it is taken from a connection that Autobahn has begun itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar

from autobahn.twisted.util import peer2str
from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.wamp.types import TransportDetails

__all__ = ["LeanConnect", "prepared"]

_P = TypeVar("_P", bound="LeanConnect")

#: What Autobahn makes anew for every connection, and what serves all of them instead.
#: Nothing here sends in small steps, so the queue for that is one that takes nothing; counts of
#: bytes, and a check of UTF-8 that is switched off, may be shared.
_SHARED = {"send_queue": (), "trafficStats": None, "utf8validator": None}
#: What every connection has to have for itself.
_OWN = frozenset({"openHandshakeTimeoutCall"})
_PLAIN = (type(None), bool, int, float, str, bytes)

#: What is of no use when a connection is open.
_OF_THE_HANDSHAKE = frozenset(
    {
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "websocket_extensions",
        "websocket_extensions_in_use",
        "websocket_origin",
        "websocket_protocols",
        "_wskey",
    }
)


class _Nobody:
    """Stands where Autobahn keeps a Deferred for somebody who waits; here nobody does."""

    def callback(self, _: object) -> None:
        """Nobody is told."""


class LeanConnect(WebSocketServerProtocol):
    """A server's WebSocket connection of which L{prepared} has made a class."""

    is_prepared = False
    is_open: Any = _Nobody()
    is_closed: Any = _Nobody()
    _transport_details = TransportDetails()

    def __init__(self) -> None:
        # Autobahn's makes what is in the class here.
        pass

    def connectionMade(self) -> None:
        """The TCP connection is up."""
        if not self.is_prepared:
            WebSocketServerProtocol.__init__(self)
            super().connectionMade()
            return
        self.peer = peer2str(self.transport)
        with suppress(AttributeError, OSError):
            self.transport.setTcpNoDelay(self.tcpNoDelay)
        self.factory.countConnections += 1
        if self.openHandshakeTimeout > 0:
            self.openHandshakeTimeoutCall = self.factory._batched_timer.call_later(
                self.openHandshakeTimeout, self.onOpenHandshakeTimeout
            )

    def _onOpen(self) -> None:
        super()._onOpen()
        # Not one by one: the dictionary would stay as large as it has been.
        self.__dict__ = {
            name: value
            for name, value in self.__dict__.items()
            if name not in _OF_THE_HANDSHAKE
        }


def prepared(kind: type[_P], factory: Any) -> type[_P]:
    """
    A class of connections that begin as those of C{factory} do.

    @param factory: Autobahn's, with its options set; later ones are not heeded.
    @return: a subclass of C{kind}, or C{kind} itself if this version of Autobahn begins a
        connection with something that is not known here.
    """
    beginning = _beginning(factory)
    if beginning is None:
        return kind
    return type(kind.__name__, (kind,), beginning | {"is_prepared": True})


def _beginning(factory: Any) -> dict[str, Any] | None:
    """The attributes of a connection that has just begun."""
    sample = WebSocketServerProtocol()
    sample.factory = factory
    sample.peer = ""
    known = set(vars(sample))
    sample._connectionMade()
    factory.countConnections -= 1
    if sample.openHandshakeTimeoutCall is not None:
        sample.openHandshakeTimeoutCall.cancel()
    beginning: dict[str, Any] = {"openHandshakeTimeoutCall": None}
    for name, value in vars(sample).items():
        if name in known or name in _OWN:
            continue
        if name in _SHARED:
            beginning[name] = value if _SHARED[name] is None else _SHARED[name]
        elif name in sample.CONFIG_ATTRS:
            # A function in a class would be taken for a method.
            beginning[name] = staticmethod(value) if callable(value) else value
        elif isinstance(value, _PLAIN):
            beginning[name] = value
        else:
            return None
    return beginning
