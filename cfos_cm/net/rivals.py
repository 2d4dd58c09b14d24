"""One Charge Point, two connections: the earlier one is asked whether it is alive."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from cfos_cm.counters import Counter, Counters
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.quiet_log import QuietLog
from cfos_cm.net.refusal import Refusal
from cfos_cm.net.rivalry import Verdict, judge

if TYPE_CHECKING:
    from cfos_cm.net.connection import ChargePointConnection

__all__ = ["Rivals"]


class Rivals:
    """
    The connections that are open, by identity, and those that wait to take over.

    L{rivalry.judge} decides; the displacing is done by the Central System.
    """

    def __init__(
        self,
        limits: ServerLimits,
        counters: Counters,
        clock: IReactorTime,
        quiet_log: QuietLog,
    ) -> None:
        self.limits = limits
        self._quiet_log = quiet_log
        self.counters = counters
        self.clock = clock
        self._open: dict[str, ChargePointConnection] = {}
        self._challenges: dict[str, _Challenge] = {}

    def welcome(self, newcomer: ChargePointConnection) -> Deferred[None] | None:
        """
        Whether a Charge Point that was admitted may open its connection.

        @return: C{None}: now; else it fires when it may, and fails with L{Refusal} if it may
            not. When the newcomer goes before, it never does.
        @raise Refusal: if it may not.
        """
        identity = newcomer.guest.identity
        incumbent = self._open.get(identity)
        standing = None if incumbent is None else incumbent.standing()
        verdict = judge(
            newcomer.guest.authenticated, standing, self.limits.replacement_interval_s
        )
        if incumbent is None or verdict is Verdict.LET_IN:
            return None
        if verdict is Verdict.REFUSE:
            raise self.refusal(newcomer, incumbent)
        challenge = self._challenges.get(identity)
        if challenge is None:
            challenge = self._challenges[identity] = _Challenge(self, incumbent)
        return challenge.hold(newcomer)

    def opened(self, connection: ChargePointConnection) -> None:
        """A connection is open, and is the one that counts."""
        identity = connection.guest.identity
        self._open[identity] = connection
        challenge = self._challenges.get(identity)
        if challenge is not None:
            # Somebody else was faster than the one that waits.
            challenge.refuse()

    def left(self, connection: ChargePointConnection) -> None:
        """A connection is gone, or will not be opened any more."""
        identity = connection.guest.identity
        if self._open.get(identity) is connection:
            del self._open[identity]
        challenge = self._challenges.get(identity)
        if challenge is not None:
            challenge.left(connection)

    def over(self, identity: str) -> None:
        """A challenge is decided."""
        del self._challenges[identity]

    def refusal(
        self, newcomer: ChargePointConnection, incumbent: ChargePointConnection
    ) -> Refusal:
        """What the newcomer is told."""
        self.counters.count(Counter.REPLACEMENTS_REFUSED)
        identity = newcomer.guest.identity
        self._quiet_log.warn(
            "rival",
            identity,
            "{peer}: {identity} refused: its connection from {earlier} is alive; have two "
            "wallboxes the same ChargeBox ID, or does somebody claim to be this one?",
            peer=newcomer.peer,
            identity=identity,
            earlier=incumbent.peer,
        )
        retry_after_s = self.limits.replacement_interval_s
        return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=retry_after_s)


class _Challenge:
    """
    A connection is to show a sign of life while somebody waits for its place.

    Of several who wait, the newest does; the time does not begin anew for it.
    """

    def __init__(self, rivals: Rivals, incumbent: ChargePointConnection) -> None:
        self._rivals = rivals
        self._incumbent = incumbent
        self._waiting: tuple[ChargePointConnection, Deferred[None]] | None = None
        incumbent.watch = self
        incumbent.sendPing(b"there?")
        self._timer = rivals.clock.callLater(rivals.limits.challenge_s, self._unanswered)

    def hold(self, newcomer: ChargePointConnection) -> Deferred[None]:
        """Have a newcomer wait, in place of whoever waits already."""
        self._refuse_waiting()
        may_open: Deferred[None] = Deferred()
        self._waiting = newcomer, may_open
        return may_open

    def heard(self) -> None:
        """The earlier connection is alive."""
        self.refuse()

    def refuse(self) -> None:
        """Whoever waits waits in vain."""
        self._end()
        self._refuse_waiting()

    def left(self, connection: ChargePointConnection) -> None:
        """One of the two is gone, or another one that has nothing to do with it."""
        if connection is self._incumbent:
            self._end()
            self._let_in()
        elif self._waiting is not None and self._waiting[0] is connection:
            self._end()

    def _unanswered(self) -> None:
        standing = self._incumbent.standing()
        if standing is not None and standing.is_alive:
            # It has turned out meanwhile that it cannot be asked.
            self.refuse()
            return
        self._rivals.counters.count(Counter.PONGS_MISSED)
        self._end()
        self._incumbent.abandon("it did not answer when its Charge Point connected again")
        self._let_in()

    def _end(self) -> None:
        if self._timer.active():
            self._timer.cancel()
        self._incumbent.watch = None
        self._rivals.over(self._incumbent.guest.identity)

    def _let_in(self) -> None:
        if self._waiting is not None:
            self._waiting[1].callback(None)

    def _refuse_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            newcomer, may_open = waiting
            may_open.errback(Failure(self._rivals.refusal(newcomer, self._incumbent)))
