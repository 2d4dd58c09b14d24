"""Which short cuts the server takes."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Speed"]


@frozen
class Speed:
    """
    Each of them leaves everything that a peer can see as it is, and can be left out.

    @ivar fast_lane: messages in one piece are read and written without Autobahn's machinery.
    @ivar lean: connections begin with less work, and keep nothing of their handshakes.
    @ivar eager: what is written is sent at once, where the socket takes it.
    @ivar rounds: sockets are read in rounds of our own, where the platform can do that.
    """

    fast_lane: bool = True
    lean: bool = True
    eager: bool = True
    rounds: bool = True
