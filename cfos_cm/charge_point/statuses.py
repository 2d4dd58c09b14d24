"""
What a backend is told of the state of each connector: how it is now, and no history.

OCPP 1.6, "Status Notification".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import DeviceError, DeviceRefusal, NotSent

__all__ = ["MAX_WAITING", "Statuses"]

#: States of one connector that a slow backend is still told of; older ones are skipped.
MAX_WAITING: Final = 4

_log = Logger(namespace="cfos_cm.gateway")


class Statuses:
    """The state of each connector, and what of it the backend knows."""

    def __init__(
        self,
        name: str,
        may_send: Callable[[], bool],
        send: Callable[[bytes], Deferred[bytes]],
    ) -> None:
        """
        @param name: of the gateway, for people.
        @param may_send: whether the backend may be told of anything, now.
        @param send: sends the JSON text of a StatusNotification.
        """
        self._name = name
        self._may_send = may_send
        self._send = send
        self._now: dict[int, bytes] = {}
        self._told: dict[int, bytes] = {}
        self._waiting: dict[int, deque[bytes]] = {}
        self._on_its_way: dict[int, bytes] = {}

    def get(self, connector: int) -> bytes | None:
        """The last state of a connector; C{None}: none was said yet."""
        return self._now.get(connector)

    def put(self, connector: int, payload: bytes) -> None:
        """
        The state of a connector is another one: the backend is told, if that may be.

        @param payload: the JSON text of the StatusNotification, with its number of the
            connector.
        """
        self._now[connector] = payload
        if self._may_send():
            self._add(connector, payload)

    def put_silently(self, connector: int, payload: bytes) -> None:
        """The state of a connector, of which the backend will be told later."""
        self._now[connector] = payload

    def tell(self, connectors: Iterable[int]) -> None:
        """Tell the backend of these, whatever it knows."""
        for connector in connectors:
            payload = self._now.get(connector)
            if payload is not None:
                self._add(connector, payload)

    def tell_changed(self) -> None:
        """Tell the backend of all that it does not know as they are."""
        self.tell(
            connector
            for connector, payload in sorted(self._now.items())
            if self._told.get(connector) != payload
        )

    def forget(self) -> None:
        """Nothing that waits is sent any more: the connection is gone, or may not be used."""
        self._waiting.clear()
        self._on_its_way.clear()

    def _add(self, connector: int, payload: bytes) -> None:
        waiting = self._waiting.setdefault(connector, deque(maxlen=MAX_WAITING))
        waiting.append(payload)
        self._send_next(connector)

    def _send_next(self, connector: int) -> None:
        waiting = self._waiting.get(connector)
        if not waiting or connector in self._on_its_way:
            return
        payload = waiting.popleft()
        self._on_its_way[connector] = payload
        sent = self._send(payload)
        sent.addCallbacks(
            self._was_told,
            self._was_not_told,
            callbackArgs=(connector, payload),
            errbackArgs=(connector, payload),
        )
        sent.addErrback(self._broken)

    def _was_told(self, _answer: object, connector: int, payload: bytes) -> None:
        self._told[connector] = payload
        self._next(connector, payload)

    def _was_not_told(self, failure: Failure, connector: int, payload: bytes) -> Failure | None:
        error = failure.value
        if not isinstance(error, DeviceError):
            return failure
        if isinstance(error, DeviceRefusal):
            # It has heard it, and would not take it the next time.
            self._told[connector] = payload
        else:
            self._told.pop(connector, None)
        if not isinstance(error, NotSent):
            _log.debug("{name}: {error!s}", name=self._name, error=error)
        self._next(connector, payload)
        return None

    def _next(self, connector: int, payload: bytes) -> None:
        if self._on_its_way.get(connector) is payload:
            del self._on_its_way[connector]
            self._send_next(connector)

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name}: a state could not be told", failure, name=self._name)
