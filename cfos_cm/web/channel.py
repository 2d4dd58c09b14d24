"""
One HTTP connection, with a bound for everything that a peer can make long.

Twisted's own channel writes bodies of any length to a file, and answers requests that come in
one go behind each other however much waits to be sent. Here a body is counted as it comes and
ends the connection when it is too long; and there are no further requests before the first one
is answered: who sends one all the same has to connect again.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IDelayedCall, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import HTTPChannel, datetimeToString
from twisted.web.http_headers import Headers

from cfos_cm.counters import Counter
from cfos_cm.web.body import Arriving
from cfos_cm.web.forwarded import UNIX, Asker
from cfos_cm.web.headers import NO_STORE, every_answer
from cfos_cm.web.problem import Problem
from cfos_cm.web.problems import MEDIA_TYPE, UNEXPECTED, problem_body, title_of

__all__ = ["Channel", "PageRequest", "peer_address"]

MAX_HEADERS = 100
MAX_HEADERS_BYTES = 16 * 1024
#: From the first byte of a request to its last. [s]
ARRIVAL_S = 20.0
#: A connection on which nothing is asked for so long is closed. [s]
IDLE_S = 60

#: Who is refused may finish his sentence: else he would not see the answer. [s], [B]
_LINGER_S = 2.0
_LINGER_BYTES = 1024 * 1024
#: What somebody may say before he has got his answer. [B]
_EAGER_BYTES = 64 * 1024

_TOO_MUCH_BEFORE = Problem(
    431, f"There may be {MAX_HEADERS} header fields, of {MAX_HEADERS_BYTES} bytes in all."
)

_log = Logger(namespace="cfos_cm.web")


class PageRequest(server.Request):
    """
    One request.

    @ivar asker: where it comes from.
    @ivar objection: it is answered with this.
    @ivar arriving: its body.
    @ivar streams: its answer does not end by itself.
    """

    channel: Channel
    asker = Asker("", False)
    objection: Problem | None = None
    arriving: Arriving
    query = b""
    streams = False

    def __init__(self, channel: Channel, *_: object) -> None:
        super().__init__(channel, parsePOSTFormSubmission=False)
        self.asker = Asker(peer_address(self.client), channel.isSecure())

    def parseCookies(self) -> None:
        """They are read where they are needed."""

    def gotLength(self, length: int | None) -> None:
        """All header fields are there."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body has come."""
        self.channel.body_comes(self, data)

    def getRequestHostname(self) -> bytes:
        """Klein builds addresses with it, of which there are none here."""
        return b"localhost"

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it is there."""
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, self.query = path.partition(b"?")
        self.args = {}
        self.process()

    def process(self) -> None:
        """Answer it."""
        self.setHeader(b"Date", datetimeToString())
        self.prepath = []
        # Not decoded: a slash that is part of a name is none of the path.
        self.postpath = self.path[1:].split(b"/")
        if self.objection is not None:
            self.answer_problem(self.objection)
            return
        try:
            self.channel.factory.resource.render(self)
        except Exception:  # noqa: BLE001 - whatever it is, it must not end in Twisted's own page
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> None:
        """Nobody has foreseen it."""
        _log.failure("a request could not be answered", reason)
        if not self.finished and not self._disconnected:
            self.answer_problem(UNEXPECTED)

    def answer_problem(self, problem: Problem) -> None:
        """It is answered with what is wrong."""
        if self.startedWriting:
            self.loseConnection()
            return
        self.write(self.begin_problem(problem))
        self.finish()

    def begin_problem(self, problem: Problem) -> bytes:
        """
        Set everything that stands before a problem's body.

        @return: the body.
        """
        body = problem_body(problem, _shown(self.path))
        self.begin(problem.status, _problem_fields(problem, body))
        return body

    def begin(self, status: int, fields: dict[str, str]) -> None:
        """Set the status and all header fields of the answer."""
        self.setResponseCode(status, title_of(status).encode("ascii"))
        for name, value in {**every_answer(self.asker.is_secure), **fields}.items():
            self.setHeader(name.encode("ascii"), _field_value(value))

    def connectionLost(self, reason: Failure) -> None:
        """Nobody waits for the answer any more."""
        self.let_go()
        super().connectionLost(reason)

    def _cleanup(self) -> None:
        self.let_go()
        super()._cleanup()

    def let_go(self) -> None:
        """Its body is not needed any more."""
        # A request whose header fields have not all come has none.
        arriving = getattr(self, "arriving", None)
        if arriving is not None:
            arriving.let_go()


class Channel(HTTPChannel):
    """One connection; its C{factory} is a L{cfos_cm.web.doors.Doors}."""

    factory: Any
    transport: Any
    requestFactory: Any = PageRequest
    maxHeaders = MAX_HEADERS
    totalHeadersSize = MAX_HEADERS_BYTES
    timeOut = IDLE_S
    abortTimeout = 2
    _arrival: IDelayedCall | None = None
    _linger: IDelayedCall | None = None
    _is_over = False
    _dropped_bytes = 0
    _command = b""
    _path = b""

    def connectionMade(self) -> None:
        """It has begun."""
        super().connectionMade()
        self.factory.came(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has ended."""
        self._stop_waiting()
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        self.factory.gone(self)
        super().connectionLost(reason)

    def timeoutConnection(self) -> None:
        """Nothing is asked: which nobody has to know about."""
        self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        self.loseConnection()

    def forceAbortClient(self) -> None:
        """It does not end by itself."""
        self._abortingCall = None
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_over:
            self._drop(data)
            return
        if self._arrival is None and not self._handlingRequest:
            self._arrival = self.callLater(ARRIVAL_S, self._came_too_slowly)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """See L{HTTPChannel}."""
        if not self._is_over:
            super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        """See L{HTTPChannel}."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:
            # A Content-Length of more digits than Python reads.
            self._respondToBadRequestAndDisconnect()
            return False

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line is longer than all may be together."""
        self.refuse(_TOO_MUCH_BEFORE)

    def rawDataReceived(self, data: bytes) -> None:
        """Some of a body, or of what nobody waits for."""
        if self._is_over:
            return
        if not self._handlingRequest:
            super().rawDataReceived(data)
            return
        self.persistent = 0
        self._dropped_bytes += len(data)
        # Behind a stream nothing is ever answered.
        if self.requests[0].streams or self._dropped_bytes > _EAGER_BYTES:
            self.transport.abortConnection()

    def allHeadersReceived(self) -> None:
        """It is known who asks for what, and how much he says it with."""
        request: PageRequest = self.requests[-1]
        request.method, request.path = self._command, self._path.partition(b"?")[0]
        request.arriving = self.factory.arriving(request)
        try:
            self.factory.admit(request)
            request.arriving.expect(self.length)
        except Problem as problem:
            request.objection = problem
            if self.length != 0:
                self.refuse(problem, request)
                return
        except Exception:  # noqa: BLE001 - whatever it is, it lets nobody in
            _log.failure("a request could not be admitted")
            self.refuse(UNEXPECTED, request)
            return
        super().allHeadersReceived()

    def body_comes(self, request: PageRequest, data: bytes) -> None:
        """Some of a body has come."""
        if self._is_over:
            return
        try:
            request.arriving.add(data)
        except Problem as problem:
            self.refuse(problem, request)

    def allContentReceived(self) -> None:
        """All of a request is there."""
        if self._is_over:
            return
        self._stop_waiting()
        super().allContentReceived()

    def requestDone(self, request: PageRequest) -> None:
        """One is answered."""
        more = self.clearLineBuffer() + b"".join(self._dataBuffer)
        self._dataBuffer = []
        if more.strip(b"\r\n"):
            self.persistent = 0
        super().requestDone(request)

    def refuse(self, problem: Problem, request: PageRequest | None = None) -> None:
        """Answer before all of the request is there, and end the connection."""
        if self._is_over:
            return
        self._is_over = True
        self.factory.count(Counter.WEB_REQUESTS_CUT_SHORT)
        self._stop_waiting()
        self.setTimeout(None)
        asker = Asker("", self.isSecure()) if request is None else request.asker
        path = "" if request is None else _shown(request.path)
        body = problem_body(problem, path)
        fields = {**every_answer(asker.is_secure), **_problem_fields(problem, body)}
        headers = Headers()
        for name, value in {**fields, "Connection": "close"}.items():
            headers.setRawHeaders(name.encode("ascii"), [_field_value(value)])
        status, words = b"%d" % problem.status, title_of(problem.status).encode("ascii")
        self.writeHeaders(b"HTTP/1.1", status, words, headers)
        if self._command != b"HEAD":
            self.transport.write(body)
        self._end_gently()

    def _respondToBadRequestAndDisconnect(self) -> None:
        are_many = self._receivedHeaderCount > self.maxHeaders
        if are_many or self._receivedHeaderSize > self.totalHeadersSize:
            self.refuse(_TOO_MUCH_BEFORE)
        else:
            self.refuse(Problem(400, "This is no HTTP/1.1 request that is understood here."))

    def _came_too_slowly(self) -> None:
        self._arrival = None
        self.refuse(Problem(408, f"A request has to be complete after {ARRIVAL_S:.0f} s."))

    def _stop_waiting(self) -> None:
        if self._arrival is not None and self._arrival.active():
            self._arrival.cancel()
        self._arrival = None

    def _end_gently(self) -> None:
        """Closing at once would take the answer back while its reader is still sending."""
        if not self.isSecure() and ITCPTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        self._linger = self.callLater(_LINGER_S, self._end_for_good)

    def _end_for_good(self) -> None:
        self.transport.abortConnection()

    def _drop(self, data: bytes) -> None:
        """Some clients read nothing before all is sent; others stop when nobody reads."""
        self._dropped_bytes += len(data)
        if self._dropped_bytes > _LINGER_BYTES:
            self._networkProducer.pauseProducing()


def peer_address(peer: object) -> str:
    """The address of the other end of a connection."""
    host = getattr(peer, "host", None)
    return UNIX if host is None else str(host)


def _problem_fields(problem: Problem, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": NO_STORE,
        **problem.headers,
    }


def _shown(path: bytes) -> str:
    return path[:1000].decode("ascii", "replace")


def _field_value(value: str) -> bytes:
    # Whatever ends a line would begin another header field.
    kept = "".join(c if c.isprintable() else " " for c in value)
    return kept.encode("latin-1", "replace")
