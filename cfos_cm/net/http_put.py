"""
One file, put at one place by HTTP (RFC 9110, 9.3.4): what is said, and what the answer means.

It is no more of HTTP than that takes. Nothing that the server says leads to another place, and
no more is read of it than one status.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from cfos_cm.charge_point.uploader import NotUploaded
from cfos_cm.net.client_tls import ClientTls
from cfos_cm.net.dial_words import dial_words
from cfos_cm.v16.security import UploadLogStatus
from cfos_cm.wire.location import Address, Location

__all__ = [
    "LINGER_S",
    "MAX_ANSWER_BYTES",
    "Answer",
    "Judge",
    "PutFactory",
    "put_request",
    "status_fault",
]

#: Of all that a server says. [B]
MAX_ANSWER_BYTES: Final = 16 * 1024
#: How long a server that has taken the file may take to agree to the end of the connection. [s]
LINGER_S: Final = 5.0

#: Says why nobody may be sent to an address; see
#: L{objection_to_address<cfos_cm.wire.location.objection_to_address>}.
Judge = Callable[[Address, Address | None], str | None]

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
#: What another attempt may change: RFC 9110, 15.5.9, and RFC 6585, 4.
_NOT_NOW: Final = frozenset({408, 429})


def put_request(location: Location, content: bytes) -> bytes:
    """The whole request; nothing in C{location} can end a line of it."""
    lines = [
        f"PUT {location.target} HTTP/1.1",
        f"Host: {location.authority}",
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(content)}",
    ]
    if location.credentials is not None:
        lines.append(f"Authorization: Basic {b64encode(location.credentials).decode('ascii')}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + content


class Answer:
    """What a server says to a request, until its status is known."""

    def __init__(self) -> None:
        self._heard = b""
        self._heard_bytes = 0

    def received(self, data: bytes) -> int | None:
        """
        The server has said more.

        @return: the final status of HTTP, when all of its head is there; C{None}: not yet.
        @raise NotUploaded: if it is no HTTP, or has no end.
        """
        left = MAX_ANSWER_BYTES - self._heard_bytes
        self._heard_bytes += len(data)
        self._heard += data[:left]
        status = self._status()
        if status is None and self._heard_bytes > MAX_ANSWER_BYTES:
            raise NotUploaded("the answer of its server has no end", is_final=True)
        return status

    def _status(self) -> int | None:
        while True:
            found = _STATUS_LINE.match(self._heard)
            if found is None:
                self._check_beginning()
                return None
            # Where there are no headers, the line's own end is the first of two.
            end = _END_OF_HEAD.search(self._heard, len(found[0].rstrip(b"\r\n")))
            if end is None:
                return None
            status = int(found[1])
            if status >= 200:
                return status
            # RFC 9110, 15.2: any number of these may come before.
            self._heard = self._heard[end.end() :]

    def _check_beginning(self) -> None:
        is_line = b"\n" in self._heard
        if is_line or not self._heard.startswith(b"HTTP/1."[: len(self._heard)]):
            raise NotUploaded("its server does not speak HTTP", is_final=True)


def status_fault(status: int) -> NotUploaded | None:
    """What a final status of HTTP means; C{None}: the file is there."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return NotUploaded(
            f"its server redirects ({status}), which is not followed", is_final=True
        )
    if status in (401, 403, 407):
        told = UploadLogStatus.PERMISSION_DENIED
        return NotUploaded(f"its server does not allow it ({status})", told, is_final=True)
    if status in (405, 501):
        told = UploadLogStatus.NOT_SUPPORTED_OPERATION
        return NotUploaded(f"its server takes no files by PUT ({status})", told, is_final=True)
    is_final = status < 500 and status not in _NOT_NOW
    return NotUploaded(f"its server does not take it ({status})", is_final=is_final)


class _Put(TwistedProtocol):
    """The connection to a server, for one file."""

    def __init__(self, factory: PutFactory) -> None:
        self.factory: PutFactory = factory
        self._answer = Answer()
        self._is_taken = False
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Look once more where this leads to; then ask."""
        assert self.transport is not None
        why = self.factory.objection_to(self.transport)
        if why is not None:
            self._fail(NotUploaded(f"its server {why}", is_final=True))
            return
        self.transport.write(self.factory.request)

    def dataReceived(self, data: bytes) -> None:
        """The server answers."""
        if self._is_taken:
            # What it says of a file that it has taken is not wanted.
            return
        try:
            status = self._answer.received(data)
        except NotUploaded as error:
            self._fail(error)
            return
        if status is None:
            return
        fault = status_fault(status)
        if fault is not None:
            self._fail(fault)
        else:
            self._taken()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._is_taken:
            self.factory.end(None)
        else:
            self.factory.end(NotUploaded(self.factory.words(reason)))

    def _taken(self) -> None:
        """Some servers answer before they have read all of it: that is to reach them first."""
        transport: Any = self.transport
        self._is_taken = True
        self._timer = self.factory.clock.callLater(LINGER_S, transport.abortConnection)
        transport.loseConnection()

    def _fail(self, fault: NotUploaded) -> None:
        transport: Any = self.transport
        self.factory.end(fault)
        transport.abortConnection()


class PutFactory(ClientFactory):
    """
    Makes the connection for one attempt to put one file.

    @ivar request: what is said.
    @ivar tls: what the connection is secured with; C{None}: it is not.
    @ivar done: fires when the file is taken, fails with L{NotUploaded}; when it is cancelled
        the connection is dropped.
    """

    noisy = False

    def __init__(
        self,
        location: Location,
        content: bytes,
        judge: Judge,
        clock: IReactorTime,
        tls: ClientTls | None = None,
    ) -> None:
        self.clock = clock
        self.tls = tls
        self.request = put_request(location, content)
        self.done: Deferred[None] = Deferred(lambda _: self._cancelled())
        self._location = location
        self._judge = judge
        self._is_over = False
        self._connection: _Put | None = None

    def buildProtocol(self, address: IAddress | None) -> Any:
        """The connection."""
        self._connection = _Put(self)
        return self._connection

    def objection_to(self, transport: Any) -> str | None:
        """Why the other end of a connection is nobody to talk to; C{None}: it may be."""
        own, other = (
            ip_address(end.host) for end in (transport.getHost(), transport.getPeer())
        )
        return self._judge(other, own)

    def words(self, reason: Failure) -> str:
        """Why the connection has ended before the server has answered."""
        if self.tls is not None and self.tls.objection is not None:
            return f"its server is not trusted: {self.tls.objection}"
        if isinstance(reason.value, SSL.Error):
            return f"TLS: {dial_words(reason, self._location.host, self._location.authority)}"
        return "its server has closed the connection instead of an answer"

    def end(self, fault: NotUploaded | None) -> None:
        """Nothing more comes."""
        if self._is_over:
            return
        self._is_over = True
        if fault is None:
            self.done.callback(None)
        else:
            self.done.errback(fault)

    def _cancelled(self) -> None:
        self._is_over = True
        transport: Any = None if self._connection is None else self._connection.transport
        if transport is not None:
            transport.abortConnection()
