"""Whether anybody is still there at the other end of a connection."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from cfos_cm.counters import Counter
from cfos_cm.net.handshake import Handshake
from cfos_cm.net.liveness import Silence
from cfos_cm.net.rivalry import Incumbent
from cfos_cm.quirk import Quirk

__all__ = ["Supervised", "Watch"]


class Watch(Protocol):
    """Waits for a sign of life."""

    def heard(self) -> None:
        """Something has come."""


class Supervised(Handshake):
    """
    A connection that is tried by pings, or measured by its silence.

    @ivar watch: who waits for a sign of life, besides the pings.
    @ivar silence: how long nothing has come, of one that must not be pinged.
    @ivar held_back: whether frames that are here already have to wait.
    """

    watch: Watch | None = None
    silence: Silence | None = None
    held_back = False
    _took_over_s: float | None = None
    # Autobahn's own, which it does not annotate.
    autoPingPendingCall: IDelayedCall | None
    autoPingTimeoutCall: IDelayedCall | None

    def standing(self) -> Incumbent | None:
        """What counts when another connection wants the place of this one."""
        if self.state != self.STATE_OPEN:
            return None
        took_over_s = self._took_over_s
        return Incumbent(
            None if took_over_s is None else self.factory.reactor.seconds() - took_over_s,
            self._is_alive(),
        )

    def _is_alive(self) -> bool | None:
        """C{None}: it has to be asked."""
        if self.held_back:
            return True
        if not self.heed_no_ping():
            return None
        assert self.silence is not None
        settings, limits = self.factory.central_system.settings, self.factory.limits
        return self.silence.lasts_s() < settings.heartbeat_interval_s + limits.silence_margin_s

    def _sign_of_life(self) -> None:
        if self.autoPingTimeoutCall is not None:
            # Whatever it is, somebody has sent it.
            self._cancelAutoPingTimeoutCall()
        if self.silence is not None:
            self.silence.heard()
        if self.watch is not None:
            self.watch.heard()

    def onAutoPingTimeout(self) -> None:
        """Nothing has come after a ping."""
        self.count(Counter.PONGS_MISSED)
        super().onAutoPingTimeout()

    def _sendAutoPing(self) -> None:
        if not self.heed_no_ping():
            super()._sendAutoPing()

    def heed_no_ping(self) -> bool:
        """
        Whether this one must not be pinged; from now on it is not, and its silence counts.

        It may turn out when it is connected.
        """
        if self.silence is None and self.factory.reception.is_forgiven(
            self.guest.identity, Quirk.NO_PING
        ):
            self._stop_pinging()
        return self.silence is not None

    def _stop_pinging(self) -> None:
        call, self.autoPingPendingCall = self.autoPingPendingCall, None
        if call is not None and call.active():
            call.cancel()
        server = self.factory
        heartbeat_s = server.central_system.settings.heartbeat_interval_s
        silence_s = 2 * heartbeat_s + server.limits.silence_margin_s
        self.silence = Silence(server.reactor, silence_s, self._fell_silent)

    def _fell_silent(self) -> None:
        self.count(Counter.PONGS_MISSED)
        self.abandon("nothing was heard for two heartbeats")

    def abandon(self, why: str) -> None:
        """End the connection without a word, which would not arrive."""
        self.wasClean = False
        self.wasNotCleanReason = why
        self.dropConnection(abort=True)
