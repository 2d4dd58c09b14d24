"""Every bound of the server that Charge Points connect to, in one place."""

from __future__ import annotations

from attrs import frozen

from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

__all__ = ["ServerLimits"]


@frozen
class ServerLimits:
    """
    How much of everything a peer may have. C{docs/bounds.md} says what happens beyond.

    @ivar message_bytes: a message, and each frame of it. [B]
    @ivar fragments: the pieces of one message; empty ones would get past the bound of its size.
    @ivar opening_s: the time from the TCP connection to the bytes that tell what it is. [s]
    @ivar tls_bytes: what a peer may send until TLS is agreed upon. [B]
    @ivar tls_s: the time that it may take for that. [s]
    @ivar handshake_bytes: an upgrade request. [B]
    @ivar handshake_s: the time until the end of the upgrade request, from then on when it can
        begin. [s]
    @ivar ping_interval_s: how long a connection may be silent before it is tried. [s]
    @ivar pong_timeout_s: how long it may stay silent then. [s]
    @ivar silence_margin_s: how late a heartbeat may be of a Charge Point that cannot be
        pinged. [s]
    @ivar close_timeout_s: how long a peer may take to agree to the end of a connection. [s]
    @ivar sockets: all connections, also those that are still shaking hands.
    @ivar handshakes_per_source: those of one address that are still shaking hands.
    @ivar handshake_grace_s: as long as there is room, so young a handshake is not ended because
        its address has too many: a whole site may come back through one router at once. [s]
    @ivar messages_per_s: what one Charge Point may send in the long run. [1/s]
    @ivar message_burst: what it may send at once.
    @ivar message_unit_bytes: a message counts once more for each whole unit of its length. [B]
    @ivar pause_s: for how long who is faster is not read at a time, at least. [s]
    @ivar patience_s: for how long in a row somebody may be too fast. [s]
    @ivar send_buffer_bytes: what may wait to be sent on one connection. [B]
    @ivar replacement_interval_s: how often a connection that is alive may be replaced by a
        newer one of the same Charge Point. [s]
    @ivar challenge_s: how long an earlier connection has to show that it is alive. [s]
    """

    message_bytes: int = MAX_FRAME_BYTES
    fragments: int = 1000
    opening_s: float = 5.0
    tls_bytes: int = 64 * 1024
    tls_s: float = 10.0
    handshake_bytes: int = 16 * 1024
    handshake_s: float = 5.0
    ping_interval_s: float = 30.0
    pong_timeout_s: float = 10.0
    silence_margin_s: float = 30.0
    close_timeout_s: float = 2.0
    sockets: int = 2000
    handshakes_per_source: int = 50
    handshake_grace_s: float = 1.0
    messages_per_s: float = 50.0
    message_burst: int = 200
    message_unit_bytes: int = 4096
    pause_s: float = 0.2
    patience_s: float = 300.0
    send_buffer_bytes: int = 1024 * 1024
    replacement_interval_s: float = 30.0
    challenge_s: float = 4.0
