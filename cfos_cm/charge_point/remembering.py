"""What is to be on disk before it is said, and what is noted there by the way."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import CallErrorCode, RemoteProtocolError

__all__ = ["by_the_way", "once_stored"]

_log = Logger(namespace="cfos_cm.gateway")

_Said = TypeVar("_Said")


def once_stored(said: _Said, *writes: Deferred[None]) -> Deferred[_Said]:
    """
    Say C{said} when all of C{writes} are on disk.

    @return: fails with L{RemoteProtocolError} (C{InternalError}) if one is not.
    """
    together = DeferredList(writes, fireOnOneErrback=True, consumeErrors=True)

    def not_stored(failure: Failure) -> _Said:
        _log.warn("what a backend has ordered could not be stored: {why}", why=failure.value)
        raise RemoteProtocolError("it could not be stored", CallErrorCode.INTERNAL_ERROR)

    return together.addCallbacks(lambda _: said, not_stored)


def by_the_way(name: str, write: Deferred[None]) -> None:
    """
    Store what can be done without.

    @param name: of the gateway, for people.
    """
    write.addErrback(
        lambda failure: _log.warn(
            "{name}: something could not be stored: {why}", name=name, why=failure.value
        )
    )
