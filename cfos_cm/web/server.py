"""The server of the page and its API."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.web.application import Application
from cfos_cm.web.doors import Doors

__all__ = ["RETRY_S", "WebServer", "mistake_in"]

#: After this it is tried again to listen. [s]
RETRY_S = 10.0

_log = Logger(namespace="cfos_cm.web")


class WebServer:
    """Listens, and goes on trying where it cannot."""

    def __init__(
        self, reactor: Any, endpoint_description: str, application: Application
    ) -> None:
        """
        @param endpoint_description: as Twisted describes where a server listens, such as
            C{tcp:8080} or C{ssl:8443:privateKey=key.pem:certKey=cert.pem}. What is wrong with
            it is logged by L{open}, and tried again: a file may come later.
        """
        self._reactor = reactor
        self._description = endpoint_description
        self._application = application
        self._doors: Doors | None = None
        self._attempt: Deferred[Any] | None = None
        self._listening: IListeningPort | None = None
        self._again: IDelayedCall | None = None
        self._complaint = ""

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._listening is not None

    @property
    def port(self) -> int | None:
        """Where it listens, of TCP; C{None}: nowhere yet, or not by TCP."""
        if self._listening is None:
            return None
        found = getattr(self._listening.getHost(), "port", None)
        return found if isinstance(found, int) else None

    def open(self) -> Deferred[None]:
        """
        Begin to listen.

        @return: fires when the first attempt is over, also if it has failed: that is logged,
            and tried again every 10 s. It does not fail.
        """
        self._complaint = ""
        self._doors = Doors(self._application, self._reactor)
        return self._try()

    def close(self) -> Deferred[None]:
        """
        Listen no more, and end all streams and connections.

        @return: fires when they are gone, in 2 s at most. It does not fail.
        """
        if self._again is not None and self._again.active():
            self._again.cancel()
        if self._attempt is not None:
            self._attempt.cancel()
        listening, self._listening = self._listening, None
        doors, self._doors = self._doors, None
        ends: list[Deferred[Any]] = []
        if listening is not None:
            ends.append(maybeDeferred(listening.stopListening).addErrback(_log_end))
        self._application.end_streams()
        if doors is not None:
            ends.append(doors.close())
        return DeferredList(ends).addCallback(lambda _: None)

    def _try(self) -> Deferred[None]:
        self._again = None
        self._attempt = maybeDeferred(self._listen)
        return self._attempt.addCallbacks(self._listens, self._failed)

    def _listen(self) -> Deferred[IListeningPort]:
        endpoint = serverFromString(self._reactor, self._description)
        listening: Deferred[IListeningPort] = endpoint.listen(self._doors)
        return listening

    def _listens(self, listening: IListeningPort) -> None:
        self._attempt = None
        if self._doors is None:
            listening.stopListening()
            return
        self._listening, self._complaint = listening, ""
        _log.info("the page is served at {place}", place=str(listening.getHost()))

    def _failed(self, failure: Failure) -> None:
        self._attempt = None
        if self._doors is None or failure.check(CancelledError):
            return
        why = _why(failure.value)
        if why != self._complaint:
            # Once is enough: it may be so for months.
            self._complaint = why
            _log.error(
                "the page cannot be served at {where}: {why}; it is tried again every "
                "{wait_s:.0f} s",
                where=self._description.partition(":privateKey")[0],
                why=why,
                wait_s=RETRY_S,
            )
        self._again = self._reactor.callLater(RETRY_S, self._try)


def mistake_in(reactor: Any, description: str) -> str:
    """
    What is wrong with where a server is to listen, in words; empty: nothing is.

    Files that it names are read; nothing is listened at.
    """
    try:
        serverFromString(reactor, description)
    except Exception as error:  # noqa: BLE001 - OpenSSL, files and Twisted each have their own
        return _why(error)
    return ""


def _why(error: BaseException | None) -> str:
    return str(error) or type(error).__name__


def _log_end(failure: Failure) -> None:
    _log.failure("the page's port could not be closed", failure)
