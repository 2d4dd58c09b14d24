"""A line that is opened again whenever it is lost."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.python.failure import Failure
from zope.interface import implementer, provider

from cfos_cm.drivers.modbus.line import Line
from cfos_cm.errors import NotSent
from cfos_cm.wire.modbus import Answer, Request

__all__ = ["FIRST_DELAY_S", "LONGEST_DELAY_S", "Connection"]

#: How long it waits before it tries again: this after the first failure, half as much again
#: after each one more, and up to a second more; a connection through which nothing has come is
#: a failure, too, [s]
FIRST_DELAY_S = 0.5
#: and never longer than this and that second. [s]
LONGEST_DELAY_S = 30.0

_log = Logger(namespace="cfos_cm.drivers")


class Connection:
    """
    The way to all devices at one place.

    @ivar place: where that is, for people.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        place: str,
        line: Callable[[], Line],
        changed: Callable[[bool], None],
    ) -> None:
        """
        @param line: makes one for each connection.
        @param changed: is told whether there is a line, whenever that changes.
        """
        self.place = place
        self._changed = changed
        self._make_line = line
        self._clock = clock
        self._line: Line | None = None
        self._making: IDelayedCall | None = None
        self._why = "it is not open yet"
        # So many connections in a row through which nothing has come.
        self._fruitless = 0
        self._backoff = backoffPolicy(FIRST_DELAY_S, LONGEST_DELAY_S, 1.5)
        self._service = _QuietService(
            _Watched(endpoint, self._failed), _Lines(self._new_line), self._delay_s, clock
        )

    @property
    def is_open(self) -> bool:
        """Whether something can be asked."""
        return self._line is not None

    def start(self) -> None:
        """Open it, and again whenever it is lost."""
        self._service.startService()

    def stop(self) -> Deferred[None]:
        """
        Close it for good.

        @return: fires when it is closed, and at once if that was asked for before. All that was
            asked has failed then.
        """
        self._why = "it is closed"
        if self._making is not None:
            self._making.cancel()
            self._making = None
        if not self._service.running:
            return succeed(None)
        stopped: Deferred[None] = self._service.stopService()
        return stopped

    def ask(self, request: Request, retries: int = 0) -> Deferred[Answer]:
        """
        See L{Line.ask}; while there is no line it fails at once with L{NotSent}, which says
        why there is none.
        """
        if self._line is None:
            return fail(NotSent(f"{self.place} cannot be reached: {self._why}"))
        return self._line.ask(request, retries)

    def _new_line(self) -> Line:
        line = self._make_line()
        line.made, line.lost = self._soon_made, self._lost
        return line

    def _delay_s(self, failures: int) -> float:
        # Who takes a connection and hangs up again is no better than who takes none.
        return self._backoff(max(failures, self._fruitless))

    def _soon_made(self, line: Line) -> None:
        # The service does not know it yet: it could not be stopped by who hears of it now.
        self._making = self._clock.callLater(0, self._made, line)

    def _made(self, line: Line) -> None:
        self._making = None
        if line.is_lost:
            return
        self._line = line
        if not self._fruitless:
            _log.info("{place} is connected", place=self.place)
        self._changed(True)

    def _lost(self, line: Line) -> None:
        self._fruitless = 0 if line.has_heard else self._fruitless + 1
        if self._service.running:
            before, self._why = self._why, line.why_lost
            if line.has_heard or self._why != before:
                _log.warn("{place} is lost: {why}", place=self.place, why=self._why)
        if self._line is line:
            self._line = None
            self._changed(False)

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            # It was closed while it was dialled.
            return
        why = failure.getErrorMessage()
        if why != self._why:
            # Told once, however often it is tried.
            _log.warn("{place} cannot be reached: {why}", place=self.place, why=why)
        self._why = why


@implementer(IStreamClientEndpoint)
class _Watched:
    """An endpoint that tells why nobody could connect."""

    def __init__(
        self, endpoint: IStreamClientEndpoint, failed: Callable[[Failure], None]
    ) -> None:
        self._endpoint = endpoint
        self._failed = failed

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}."""

        def tell(failure: Failure) -> Failure:
            self._failed(failure)
            return failure

        return self._endpoint.connect(protocolFactory).addErrback(tell)


@provider(ILogObserver)
def _nobody(event: LogEvent) -> None:
    """Is told."""


class _QuietService(ClientService):
    """It tells of each attempt, and what there is to tell L{Connection} does."""

    _log = Logger(observer=_nobody)


class _Lines(Factory):
    noisy = False

    def __init__(self, new: Callable[[], Line]) -> None:
        self._new = new

    def buildProtocol(self, addr: IAddress | None) -> Line:
        """A line for each connection."""
        return self._new()
