"""One WebSocket connection of a Charge Point."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from cfos_cm.central_system.session import Session
from cfos_cm.counters import Counter
from cfos_cm.net.listening import settle
from cfos_cm.net.liveness import keep_alive
from cfos_cm.net.pace import Pace, Step
from cfos_cm.net.supervision import Supervised
from cfos_cm.net.timers import cancel_timers
from cfos_cm.send_buffer import waiting_bytes
from cfos_cm.wire.close_code import CloseCode

__all__ = ["ChargePointConnection"]

#: RFC 6455, 5.5: so much fits into a close frame.
MAX_REASON_BYTES = 123
#: How much of a peer's own words is repeated.
MAX_SHOWN_CHARS = 123
#: A frame takes two steps. A peer that behaves has at most some that were under way.
MAX_STEPS_AFTER_GOODBYE = 4000
#: So many pieces of a message cost what a message costs.
PIECES_PER_TOKEN = 20


_log = Logger(namespace="cfos_cm.net")


class ChargePointConnection(Supervised):
    """
    A connection, from the first byte of its handshake to its end.

    @ivar session: the conversation, while the connection is open.
    """

    session: Session | None = None
    _pace: Pace
    _fragments = 0
    _unpaid_bytes = 0
    _steps_after_goodbye = 0
    _close_timer: IDelayedCall | None = None
    _pause_timer: IDelayedCall | None = None
    # Autobahn's own, which it does not annotate.
    failedByMe: bool

    def onOpen(self) -> None:
        """The WebSocket is open."""
        server, identity = self.factory, self.guest.identity
        self._released()
        keep_alive(self.transport, server.limits)
        if server.central_system.roster.serves(identity):
            settle(self.transport)
        self._pace = Pace(server.limits, server.reactor.seconds())
        if server.central_system.session(identity) is not None:
            self._took_over_s = server.reactor.seconds()
        server.connection_opened(self)
        origin = getattr(self.transport.getPeer(), "host", None) or self.peer
        try:
            self.session = server.central_system.open(
                identity, str(origin), self._send_text, self._hang_up, self.guest.profile
            )
        except Exception:  # noqa: BLE001
            # A mistake of ours must not leave a connection that nobody listens to.
            _log.failure("{identity} could not be served", identity=identity)
            self._hang_up(CloseCode.INTERNAL_ERROR, "internal error")
            return
        self.heed_no_ping()

    # What comes.

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come, or there is time again for those that have."""
        if self.state == self.STATE_CONNECTING:
            self._shake_hands(data)
            return
        if (
            self.autoPingTimeoutCall is not None
            or self.watch is not None
            or self.silence is not None
        ):
            self._sign_of_life()
        if self.held_back:
            self.data += data
        else:
            super().dataReceived(data)

    def processData(self) -> bool:
        """Read on in what has come; C{False}: for now there is nothing more to be read."""
        if self.state == self.STATE_CLOSING:
            # We have said goodbye; what is on its way is looked through for the peer's, but not
            # for as long as it sends.
            self._steps_after_goodbye += 1
            if self._steps_after_goodbye > MAX_STEPS_AFTER_GOODBYE:
                self._abort()
                return False
        return not self.held_back and super().processData()

    def onMessageBegin(self, isBinary: bool) -> None:
        """The first piece of a message comes."""
        super().onMessageBegin(isBinary)
        self._fragments = 0

    def onMessageFrameBegin(self, length: int) -> None:
        """A piece of a message comes. Autobahn counts bytes, not pieces."""
        super().onMessageFrameBegin(length)
        self._fragments += 1
        limit = self.factory.limits.fragments
        if self._fragments > limit and not self.failedByMe:
            self.count(Counter.FRAGMENTS_TOO_MANY)
            self._hang_up(CloseCode.MESSAGE_TOO_BIG, f"more than {limit} fragments")
            self.failedByMe = True
        elif self._fragments % PIECES_PER_TOKEN == 0:
            self._spend()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message has come."""
        if self.state != self.STATE_OPEN:
            # We have said goodbye: nothing could be answered any more.
            return
        if isBinary:
            # OCPP-J 1.6, "RPC framework": messages are JSON in UTF-8, sent as text.
            self.count(Counter.MESSAGES_NOT_TEXT)
            self._hang_up(CloseCode.UNSUPPORTED_DATA, "OCPP-J is text")
        elif self.session is not None:
            self.session.received(payload)
            self._spend(len(payload))

    def onPing(self, payload: bytes) -> None:
        """A ping has come."""
        super().onPing(payload)
        self.look_at_send_buffer()
        self._spend()

    def onPong(self, payload: bytes) -> None:
        """A pong has come."""
        self._spend()

    def _max_message_size_exceeded(self, *arguments: Any) -> None:
        self.count(Counter.MESSAGES_TOO_BIG)
        super()._max_message_size_exceeded(*arguments)

    def came_encrypted(self, size_bytes: int) -> None:
        """So much has come by TLS: it costs time though there may be no message in it."""
        self.look_at_send_buffer()
        self._unpaid_bytes += size_bytes
        too_many = self._unpaid_bytes - self.factory.limits.message_unit_bytes
        if too_many >= 0 and self.state == self.STATE_OPEN:
            self._spend(too_many)

    def _spend(self, size_bytes: int = 0) -> None:
        self._unpaid_bytes = 0
        step = self._pace.spend(self.factory.reactor.seconds(), size_bytes)
        if step is Step.GO_ON or self.held_back or self.state != self.STATE_OPEN:
            return
        # What it sends stays with it: TCP sees to that.
        self.held_back = True
        self.transport.pauseProducing()
        if step is Step.PAUSE:
            self.count(Counter.READING_PAUSED)
            self._pause_timer = self.factory.reactor.callLater(
                self._pace.pause_s(), self._read_on
            )
        else:
            self.count(Counter.SENDERS_TOO_FAST)
            self._hang_up(CloseCode.POLICY_VIOLATION, "too many messages")

    def _read_on(self) -> None:
        self._pause_timer = None
        self.held_back = False
        self.dataReceived(b"")
        if not self.held_back:
            self.transport.resumeProducing()

    # What goes.

    def _send_text(self, text: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self.sendMessage(text)
            self.look_at_send_buffer()

    def look_at_send_buffer(self) -> None:
        """More may wait to be sent than before: too much of it ends the connection."""
        if waiting_bytes(self.transport) > self.factory.limits.send_buffer_bytes:
            # A close frame would only wait with the rest.
            self.count(Counter.READERS_TOO_SLOW)
            self.abandon("it does not read what is sent to it")

    # The end.

    def going_away(self) -> None:
        """We are stopping."""
        if self.state == self.STATE_OPEN:
            self._hang_up(CloseCode.GOING_AWAY, "the charging manager is stopping")
        else:
            self.factory.rivals.left(self)
            self.transport.abortConnection()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The WebSocket is closed."""
        session, self.session = self.session, None
        if session is not None:
            why = reason or ("closed" if wasClean else "connection lost")
            self.factory.central_system.closed(session, _printable(why))

    def connectionLost(self, reason: Any) -> None:
        """The TCP connection is gone."""
        super().connectionLost(reason)
        for timer in (self._close_timer, self._pause_timer):
            if timer is not None and timer.active():
                timer.cancel()
        if self.silence is not None:
            self.silence.stop()
        cancel_timers(self)
        self.factory.connection_ended(self)

    def _hang_up(self, code: int, why: str) -> None:
        if self.state == self.STATE_OPEN:
            # sendClose() allows only some codes to a program; the others are ours to use too.
            self.sendCloseFrame(code=int(code), reasonUtf8=why.encode()[:MAX_REASON_BYTES])
            self._abort_later()

    def _closeConnection(self, abort: bool = False) -> None:
        super()._closeConnection(abort)
        if not abort:
            # Twisted waits for ever until all is sent.
            self._abort_later()

    def _abort_later(self) -> None:
        if self._close_timer is None:
            self._close_timer = self.factory.reactor.callLater(
                self.factory.limits.close_timeout_s, self._abort
            )

    def _abort(self) -> None:
        self.transport.abortConnection()


def _printable(text: str) -> str:
    """What a peer may have written, in one line of a log."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_SHOWN_CHARS])
