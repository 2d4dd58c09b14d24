"""
The WebSocket that a Charge Point speaks through to its Central System. OCPP-J 1.6,
"Connection".

It is one for one attempt to connect: it shakes hands, carries messages, and says in plain words
why it has come to an end. Nothing that the other end does makes it grow, and nothing keeps a
turn of the loop for long.
"""

from __future__ import annotations

import typing
from base64 import b64encode
from collections.abc import Callable
from os import urandom
from typing import Any

from attrs import frozen
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_url import endpoint_of
from cfos_cm.net.client_frames import MAX_SHORT_BYTES, ClientFrames
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.liveness import keep_alive
from cfos_cm.net.pace import Pace, Step
from cfos_cm.net.timers import Timers, cancel_timers
from cfos_cm.net.upgrade_answer import no_answer_words, printable, read_answer, refusal
from cfos_cm.send_buffer import waiting_bytes
from cfos_cm.wire.close_code import CloseCode
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

__all__ = [
    "HANDSHAKE_TIMEOUT_S",
    "PING_INTERVAL_S",
    "PONG_TIMEOUT_S",
    "SUBPROTOCOL",
    "Events",
    "Loss",
    "Socket",
    "SocketFactory",
    "basic_authorization",
]

SUBPROTOCOL = "ocpp1.6"

HANDSHAKE_TIMEOUT_S = 5.0
MAX_HANDSHAKE_BYTES = 16 * 1024
PING_INTERVAL_S = 30.0
PONG_TIMEOUT_S = 10.0
#: How long the other end may take to agree to the end of a connection. [s]
CLOSE_TIMEOUT_S = 1.0
#: What may wait to be sent. [B]
SEND_BUFFER_BYTES = 1024 * 1024
#: So many frames are read before everybody else has a turn,
FRAMES_PER_TURN = 32
#: or fewer, if what they ask for takes its time. [s]
TURN_S = 0.005
#: A frame takes two steps. One that behaves has at most some that were under way.
MAX_STEPS_AFTER_GOODBYE = 1000
#: A queue of 100 000 messages is answered as fast as it is sent; whoever is faster than this
#: for long sends what nobody has asked for.
LIMITS = ServerLimits(messages_per_s=2000, message_burst=4000)

#: RFC 6455, 5.5: so much fits into a close frame.
_MAX_REASON_BYTES = 123
_END_OF_HEAD = b"\r\n\r\n"
_START_OF_HEAD = b"HTTP/"

_CLOSED: dict[int, str] = {
    1000: "in good order",
    1001: "it is going away",
    1002: "protocol error",
    1003: "it does not take such data",
    1007: "invalid data",
    1008: "policy violation",
    1009: "message too big",
    1010: "it misses an extension",
    1011: "it has failed",
    1012: "it starts again",
    1013: "try again later",
    1014: "bad gateway",
}


@frozen
class Loss:
    """
    How a connection has ended, or why there was none.

    @ivar why: in plain words.
    @ivar status: the HTTP status that the upgrade was refused with; C{None}: it was not.
    @ivar is_silent: the other end has closed the connection and not said anything.
    @ivar failure: what the transport said; C{None}: nothing worth telling.
    """

    why: str
    status: int | None = None
    is_silent: bool = False
    failure: Failure | None = None


@frozen
class Events:
    """
    Who is told what happens on a socket.

    @ivar opened: it is open.
    @ivar received: a text message has come.
    @ivar lost: the TCP connection is gone.
    """

    opened: Callable[[], None]
    received: Callable[[bytes], None]
    lost: Callable[[Loss], None]


class _FewWords:
    """Autobahn's logger: its mistakes are told; its remarks repeat passwords and peers."""

    _log = Logger(namespace="cfos_cm.net")
    failure = _log.failure
    critical = _log.critical

    def debug(self, *_: object, **__: object) -> None:
        """Not told."""

    trace = info = warn = error = debug


def basic_authorization(identity: str, password: bytes) -> str:
    """The header C{Authorization} of RFC 7617; the password of OCPP is bytes."""
    return "Basic " + b64encode(identity.encode() + b":" + password).decode("ascii")


class Socket(WebSocketClientProtocol):
    """One WebSocket connection to an OCPP server."""

    factory: SocketFactory
    log = _FewWords()
    _why: str | None = None
    _status: int | None = None
    _drop_timer: IDelayedCall | None = None
    _turn_timer: IDelayedCall | None = None
    _held_back = False
    _frames = 0
    _turn_began_s = 0.0
    _fragments = 0
    _steps_after_goodbye = 0
    # Autobahn's own, which it does not annotate.
    autoPingPendingCall: IDelayedCall | None
    autoPingTimeoutCall: IDelayedCall | None
    data: bytes
    failedByMe: bool

    # The handshake.

    def startHandshake(self) -> None:
        """Ask for the upgrade. Not Autobahn's way: it cannot write an IPv6 address."""
        self.websocket_key = b64encode(urandom(16))
        endpoint = self.factory.endpoint
        lines = [
            f"GET {endpoint.resource} HTTP/1.1",
            f"Host: {endpoint.host_header}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self.websocket_key.decode()}",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            "Sec-WebSocket-Version: 13",
        ]
        if self.factory.authorization is not None:
            lines.append(f"Authorization: {self.factory.authorization}")
        self.sendData("\r\n".join((*lines, "", "")).encode("ascii"))

    def processHandshake(self) -> None:
        """Some of the answer has come."""
        if not self.data.startswith(_START_OF_HEAD[: len(self.data)]):
            self._give_up(no_answer_words(self.data))
            return
        head, end, _ = self.data.partition(_END_OF_HEAD)
        if not end:
            return
        answer = read_answer(head)
        if answer is None:
            self._give_up(no_answer_words(head))
            return
        words = refusal(answer, SUBPROTOCOL)
        if words is not None:
            self._status = answer.status
            self._give_up(words)
        elif not head.isascii():
            self._give_up("the backend's answer to the upgrade has letters that none may have")
        else:
            super().processHandshake()

    def failHandshake(self, reason: str) -> None:
        """The answer is one of HTTP and yet no WebSocket's."""
        self._give_up(f"the backend's answer to the upgrade is wrong: {printable(reason)}")

    def onOpenHandshakeTimeout(self) -> None:
        """The answer has not come in time."""
        if self.state == self.STATE_CONNECTING:
            limit_s = self.factory.handshake_s
            self._why = self._why or (
                f"the backend has not answered the upgrade within {limit_s:g} s"
            )
        super().onOpenHandshakeTimeout()

    def _onOpen(self) -> None:
        # Autobahn's copies the whole certificate for a log before.
        self.onOpen()

    def onOpen(self) -> None:
        """The WebSocket is open."""
        self._pace = Pace(LIMITS, self.factory.reactor.seconds())
        self._client_frames = ClientFrames()
        keep_alive(self.transport, LIMITS)
        self.factory.events.opened()

    def _give_up(self, why: str) -> None:
        self._why = self._why or why
        self.dropConnection(abort=True)

    # What comes.

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come, or there is time again for those that have."""
        if self.state == self.STATE_CONNECTING:
            # Autobahn puts no bound on a handshake.
            if len(self.data) + len(data) > MAX_HANDSHAKE_BYTES:
                self._give_up("the backend's answer to the upgrade has no end")
                return
        elif self.autoPingTimeoutCall is not None:
            # Whatever it is, somebody has sent it.
            self._cancelAutoPingTimeoutCall()
        if self._held_back:
            self.data += data
            return
        self._frames = 0
        self._turn_began_s = self.factory.reactor.seconds()
        super().dataReceived(data)

    def processData(self) -> bool:
        """Read on in what has come; C{False}: for now there is nothing more to be read."""
        if self.state == self.STATE_CLOSING:
            # We have said goodbye; what is on its way is looked through for the other's.
            self._steps_after_goodbye += 1
            if self._steps_after_goodbye > MAX_STEPS_AFTER_GOODBYE:
                self._give_up("the backend goes on sending after the goodbye")
                return False
        return not self._held_back and bool(super().processData())

    def onMessageBegin(self, isBinary: bool) -> None:
        """The first piece of a message comes."""
        super().onMessageBegin(isBinary)
        self._fragments = 0

    def onMessageFrameBegin(self, length: int) -> None:
        """A piece of a message comes. Autobahn counts bytes, not pieces."""
        super().onMessageFrameBegin(length)
        self._fragments += 1
        if self._fragments > LIMITS.fragments and not self.failedByMe:
            self.hang_up(CloseCode.MESSAGE_TOO_BIG, f"more than {LIMITS.fragments} fragments")
            self.failedByMe = True
        self._spend()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message has come."""
        if self.state != self.STATE_OPEN:
            # We have said goodbye: nothing could be answered any more.
            return
        if isBinary:
            # OCPP-J 1.6, "RPC framework": messages are JSON in UTF-8, sent as text.
            self.hang_up(CloseCode.UNSUPPORTED_DATA, "OCPP-J is text")
        else:
            self.factory.events.received(payload)

    def onPing(self, payload: bytes) -> None:
        """A ping has come."""
        super().onPing(payload)
        self._look_at_send_buffer()
        self._spend()

    def onPong(self, payload: bytes) -> None:
        """A pong has come."""
        self._spend()

    def _spend(self) -> None:
        """One more frame has come: at times others have their turn before the next."""
        if self.state != self.STATE_OPEN or self._held_back:
            return
        self._frames += 1
        now_s = self.factory.reactor.seconds()
        step = self._pace.spend(now_s)
        is_long = self._frames >= FRAMES_PER_TURN or now_s - self._turn_began_s >= TURN_S
        if step is Step.HANG_UP:
            self.hang_up(CloseCode.POLICY_VIOLATION, "too many messages")
        elif step is Step.PAUSE or is_long:
            self._held_back = True
            self.transport.pauseProducing()
            wait_s = self._pace.pause_s() if step is Step.PAUSE else 0.0
            self._turn_timer = self.factory.reactor.callLater(wait_s, self._read_on)

    def _read_on(self) -> None:
        self._turn_timer = None
        self._held_back = False
        self.dataReceived(b"")
        if not self._held_back:
            self.transport.resumeProducing()

    # Whether anybody is there.

    def set_ping_interval(self, interval_s: float) -> None:
        """
        Try the connection so often when nothing comes; 0: never.

        @param interval_s: from now on, and without a break after the last ping. [s]
        """
        self.autoPingInterval = interval_s
        call, self.autoPingPendingCall = self.autoPingPendingCall, None
        if call is not None and call.active():
            call.cancel()
        if interval_s and self.state == self.STATE_OPEN and self.autoPingTimeoutCall is None:
            self.autoPingPendingCall = self.factory.reactor.callLater(
                interval_s, self._sendAutoPing
            )

    def onAutoPingTimeout(self) -> None:
        """Nothing has come after a ping."""
        if self._held_back:
            # It has sent more than was read so far.
            self.autoPingTimeoutCall = None
            self.set_ping_interval(self.autoPingInterval)
            return
        self._why = self._why or f"nothing has come within {PONG_TIMEOUT_S:g} s after a ping"
        super().onAutoPingTimeout()

    # What goes.

    def send_text(self, text: bytes) -> None:
        """Send a text message, if the WebSocket is open."""
        if self.state != self.STATE_OPEN:
            return
        if len(text) <= MAX_SHORT_BYTES and not self.send_queue:
            self.transport.write(self._client_frames.text(text))
        else:
            self.sendMessage(text)
        self._look_at_send_buffer()

    def _look_at_send_buffer(self) -> None:
        if waiting_bytes(self.transport) > SEND_BUFFER_BYTES:
            # A close frame would only wait with the rest.
            self._give_up("the backend does not read what is sent to it")

    # The end.

    def hang_up(self, code: int = CloseCode.NORMAL, why: str = "") -> None:
        """End the connection, in good order if the other end agrees soon."""
        if why:
            self._why = self._why or f"we have hung up: {why}"
        if self.state != self.STATE_OPEN:
            self.transport.abortConnection()
            return
        # sendClose() allows only some codes to a program; the others are ours to use too.
        self.sendCloseFrame(code=int(code), reasonUtf8=why.encode()[:_MAX_REASON_BYTES])
        self._drop_later()

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        """The other end says goodbye."""
        if self._why is None:
            self._why = _closed_words(code, (reasonRaw or b"").decode("utf-8", "replace"))
        result: bool | None = super().onCloseFrame(code, reasonRaw)
        self._drop_later()
        return result

    def _drop_later(self) -> None:
        if self._drop_timer is None:
            self._drop_timer = self.factory.reactor.callLater(CLOSE_TIMEOUT_S, self._drop)

    def _drop(self) -> None:
        self._drop_timer = None
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """The TCP connection is gone."""
        was_open = self.state not in (self.STATE_CONNECTING, self.STATE_CLOSED)
        super().connectionLost(reason)
        for timer in (self._drop_timer, self._turn_timer):
            if timer is not None and timer.active():
                timer.cancel()
        cancel_timers(self)
        usual = reason.check(ConnectionDone, ConnectionLost) is not None
        is_silent = self._why is None and not was_open
        words = self._why or (_CLOSED_IN_HANDSHAKE if is_silent else "the connection was lost")
        failure = None if usual or self._why is not None else reason
        self.factory.events.lost(Loss(words, self._status, is_silent, failure))


_CLOSED_IN_HANDSHAKE = "it has closed the connection instead of an answer"


def _closed_words(code: int | None, reason: str) -> str:
    said = f": {printable(reason)}" if reason else ""
    if code is None:
        return f"it has closed the connection without a reason{said}"
    known = f" ({_CLOSED[code]})" if code in _CLOSED else ""
    return f"it has closed the connection: {code}{known}{said}"


class SocketFactory(WebSocketClientFactory):
    """
    Makes the socket for one attempt to connect.

    @ivar endpoint: what is asked of the server.
    @ivar authorization: the header of that name; C{None}: none is sent.
    @ivar events: who is told.
    @ivar handshake_s: how long the answer may take, with TLS before it. [s]
    @ivar socket: the one that was made; C{None}: none yet.
    """

    protocol = Socket
    noisy = False
    log = _FewWords()

    def __init__(
        self,
        url: str,
        authorization: str | None,
        events: Events,
        reactor: Any,
        handshake_s: float = HANDSHAKE_TIMEOUT_S,
        ping_interval_s: float = PING_INTERVAL_S,
    ) -> None:
        """
        @param url: as L{cfos_cm.net.backend_url.backend_url} makes it.
        @param ping_interval_s: how long a connection may be silent before it is tried; 0: for
            ever. [s]
        @raise LocalProtocolError: if the URL is none.
        """
        self.endpoint = endpoint_of(url)
        if not url.isascii():
            raise LocalProtocolError("the URL of a backend: it is not encoded")
        self.authorization = authorization
        self.handshake_s = handshake_s
        self.socket: Socket | None = None
        super().__init__(url, protocols=[SUBPROTOCOL], useragent="", reactor=reactor)
        self.events = events
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            # The text is decoded strictly where its JSON is.
            utf8validateIncoming=False,
            maxMessagePayloadSize=MAX_FRAME_BYTES,
            maxFramePayloadSize=MAX_FRAME_BYTES,
            failByDrop=False,
            openHandshakeTimeout=handshake_s,
            closeHandshakeTimeout=CLOSE_TIMEOUT_S,
            # Autobahn's timer for this is one of the global reactor; ours does it.
            serverConnectionDropTimeout=0,
            autoPingInterval=ping_interval_s,
            autoPingTimeout=PONG_TIMEOUT_S,
            autoPingRestartOnAnyTraffic=True,
            perMessageCompressionOffers=[],
            tcpNoDelay=True,
        )

    def buildProtocol(self, addr: IAddress) -> Socket:
        """The socket for a server that has taken the call."""
        self.socket = typing.cast(Socket, super().buildProtocol(addr))
        return self.socket
