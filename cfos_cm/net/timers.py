"""The timers that Autobahn asks for, taken from the reactor that we were handed."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Timers", "cancel_timers"]


class Timers:
    """
    What C{txaio.IBatchedTimer} promises, without the batches.

    Autobahn's own are always those of the global reactor, and one stays behind when the
    connection that it was for has gone.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor

    def call_later(
        self, delay_s: float, func: Callable[..., object], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """See C{txaio.IBatchedTimer}."""
        return self._reactor.callLater(delay_s, func, *args, **kwargs)


#: Where Autobahn's protocols keep their timers.
_CALLS = (
    "autoPingPendingCall",
    "autoPingTimeoutCall",
    "closeHandshakeTimeoutCall",
    "openHandshakeTimeoutCall",
    "serverConnectionDropTimeoutCall",
)


def cancel_timers(protocol: object) -> None:
    """
    Leave no timer of a connection behind that is gone, as Autobahn does when the peer goes
    without a word.
    """
    for name in _CALLS:
        call: IDelayedCall | None = getattr(protocol, name, None)
        if call is not None and call.active():
            call.cancel()
