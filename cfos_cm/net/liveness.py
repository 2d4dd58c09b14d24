"""Finding out that nobody is there any more."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.sockets import socket_below

__all__ = ["Silence", "keep_alive"]

_PROBES = 3


def keep_alive(transport: Any, limits: ServerLimits) -> None:
    """
    Have the system itself look after a TCP connection, where it can.

    A peer whose plug was pulled says nothing; pings of ours find that out, and this does where
    there are none, and where what we have sent is never acknowledged.
    """
    found_s = limits.ping_interval_s + limits.pong_timeout_s
    options = {
        "TCP_KEEPIDLE": limits.ping_interval_s,
        "TCP_KEEPINTVL": max(limits.pong_timeout_s / _PROBES, 1),
        "TCP_KEEPCNT": _PROBES,
        "TCP_USER_TIMEOUT": found_s * 1000,
    }
    # A transport of another kind has no socket, or one that knows nothing of this.
    with suppress(AttributeError, OSError):
        transport.setTcpKeepAlive(True)
        handle: socket.socket = socket_below(transport).getHandle()
        for name, value in options.items():
            if hasattr(socket, name):
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), int(value))


class Silence:
    """Notices that nothing has come for too long."""

    def __init__(
        self, clock: IReactorTime, limit_s: float, fell_silent: Callable[[], None]
    ) -> None:
        """
        @param limit_s: how long is too long. [s]
        @param fell_silent: is called once, when it has been so long.
        """
        self._clock = clock
        self._limit_s = limit_s
        self._fell_silent = fell_silent
        self._heard_s = clock.seconds()
        self._timer: IDelayedCall | None = clock.callLater(limit_s, self._look)

    def heard(self) -> None:
        """Something has come."""
        self._heard_s = self._clock.seconds()

    def lasts_s(self) -> float:
        """How long nothing has come. [s]"""
        return self._clock.seconds() - self._heard_s

    def stop(self) -> None:
        """It does not matter any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        left_s = self._heard_s + self._limit_s - self._clock.seconds()
        if left_s > 0:
            self._timer = self._clock.callLater(left_s, self._look)
        else:
            self._fell_silent()
