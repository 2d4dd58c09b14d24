"""A peer on a socket: the library C{websockets}, read by a thread."""

from __future__ import annotations

from contextlib import suppress
from socket import SHUT_RDWR, create_connection
from ssl import SSLContext, SSLError
from typing import Any

from twisted.internet import reactor as running_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.compliance.bench import PATIENCE_S, CaseFailed, HandshakeRefused, TlsRefused
from tests.compliance.line import Encryption, Line
from tests.compliance.tls_socket import TlsSocket

__all__ = ["SocketLine"]

reactor: Any = running_reactor

#: Whom an encrypted peer takes the program for.
_HOST = "localhost"


class SocketLine(Line):
    """
    A peer on a socket, with a thread of its own.

    @ivar opened: fires with the subprotocol when it is let in; fails with L{HandshakeRefused}
        or L{TlsRefused}.
    """

    _client: ClientConnection
    _tls: TlsSocket | None = None

    def __init__(
        self, port: int, identity: str, context: SSLContext | None = None, **options: Any
    ) -> None:
        """
        @param context: how it encrypts; C{None}: not at all.
        @param options: for the library.
        """
        super().__init__()
        self.opened: Deferred[str | None] = Deferred()
        self._port = port
        url = f"ws://127.0.0.1:{port}/{identity}"
        self._thread: Deferred[None] = deferToThread(self._live, url, context, options)
        self._thread.addErrback(self._not_opened)

    def write(self, text: bytes) -> Deferred[None]:
        """Send a text message; C{websockets} does not look at the bytes."""

        def failed(failure: Failure) -> None:
            failure.trap(ConnectionClosed)
            raise CaseFailed(f"nothing can be sent any more: {failure.value}")

        return deferToThread(self._client.send, text, text=True).addErrback(failed)

    def drop(self) -> Deferred[None]:
        """Close the socket, without the farewell of a WebSocket."""
        self._client.socket.shutdown(SHUT_RDWR)
        return self.finished()

    def round_trip(self) -> Deferred[None]:
        """
        Twice, because the first pong shows only that the peer has read all that was sent to it:
        with the second, what it has answered to that has been read.
        """
        return deferToThread(self._ping_twice)

    def finished(self) -> Deferred[None]:
        """Fires when nothing is read any more."""
        finished: Deferred[None] = Deferred()

        def pass_on(result: object) -> object:
            finished.callback(None)
            return result

        self._thread.addBoth(pass_on)
        return finished

    def close(self) -> Deferred[None]:
        """Hang up."""
        if self.is_open and self.opened.called:
            reactor.callInThread(self._client.close)
        return self.finished()

    def _ping_twice(self) -> None:
        for _ in range(2):
            if not self._client.ping().wait(PATIENCE_S):
                raise CaseFailed("a ping was not answered")

    def _live(self, url: str, context: SSLContext | None, options: dict[str, Any]) -> None:
        if context is not None:
            options["sock"] = self._encrypt(context)
        with connect(url, **options) as client:
            self._client = client
            reactor.callFromThread(self.opened.callback, client.subprotocol)
            # How it ends is known afterwards.
            with suppress(ConnectionClosed):
                for text in client:
                    reactor.callFromThread(self.came, text)
        reactor.callFromThread(self.gone, client.close_code)

    def _encrypt(self, context: SSLContext) -> TlsSocket:
        plain = create_connection(("127.0.0.1", self._port), PATIENCE_S)
        try:
            tls = context.wrap_socket(plain, server_hostname=_HOST)
        except BaseException:
            plain.close()
            raise
        self.encryption = Encryption.of(tls)
        self._tls = TlsSocket(tls)
        return self._tls

    def _not_opened(self, failure: Failure) -> None:
        self.gone(None)
        # With TLS 1.3 the server judges the client's certificate when the client is ready.
        late = None if self._tls is None else self._tls.error
        if isinstance(failure.value, InvalidStatus):
            failure = Failure(HandshakeRefused(failure.value.response.status_code))
        elif isinstance(failure.value, SSLError) or late is not None:
            failure = Failure(TlsRefused(str(late or failure.value)))
        self.opened.errback(failure)
