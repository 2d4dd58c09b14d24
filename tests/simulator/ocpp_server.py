"""
A Central System that we did not write: C{ocpp} on C{websockets}, in a thread with its own loop.

It validates every message by the official schemas, as the library does.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import ocpp.v16
import websockets
from ocpp.routing import on
from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore

from ..charging_profiles import tx_profile

__all__ = ["OcppServer"]

ACCEPTED = {"status": "Accepted"}


class _Peer(ocpp.v16.ChargePoint):  # type: ignore[misc]
    """One wallbox, as the server sees it."""

    def __init__(self, identity: str, connection: Any, note: Callable[..., None]) -> None:
        super().__init__(identity, connection)
        self._note = note

    @on(Action.boot_notification)
    def boot(self, **fields: Any) -> Any:
        """Let it in."""
        self._note("BootNotification", fields)
        return call_result.BootNotification(
            current_time=datetime.now(UTC).isoformat(), interval=300, status="Accepted"
        )

    @on(Action.authorize)
    def authorize(self, **fields: Any) -> Any:
        """Take every card."""
        self._note("Authorize", fields)
        return call_result.Authorize(id_tag_info=ACCEPTED)

    @on(Action.start_transaction)
    def start_transaction(self, **fields: Any) -> Any:
        """Name the transaction."""
        self._note("StartTransaction", fields)
        return call_result.StartTransaction(transaction_id=4711, id_tag_info=ACCEPTED)

    @on(Action.stop_transaction)
    def stop_transaction(self, **fields: Any) -> Any:
        """Take note."""
        self._note("StopTransaction", fields)
        return call_result.StopTransaction(id_tag_info=ACCEPTED)

    @on(Action.meter_values)
    def meter_values(self, **fields: Any) -> Any:
        """Take note."""
        self._note("MeterValues", fields)
        return call_result.MeterValues()

    @on(Action.status_notification)
    def status_notification(self, **fields: Any) -> Any:
        """Take note."""
        self._note("StatusNotification", fields)
        return call_result.StatusNotification()

    @on(Action.heartbeat)
    def heartbeat(self, **fields: Any) -> Any:
        """Tell the time."""
        self._note("Heartbeat", fields)
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())


class OcppServer:
    """
    The server. Its methods are called in the reactor's thread.

    @ivar port: where it listens.
    @ivar requests: what came, oldest first: the action and its fields in snake_case.
    @ivar handshakes: path and Authorization header of each connection.
    """

    def __init__(self, reactor: Any, tls: ssl.SSLContext | None = None) -> None:
        """@param tls: C{None}: it has none."""
        self._reactor: Any = IReactorCore(reactor)
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        self._peer: _Peer | None = None
        self._connection: Any = None
        self._server: Any = None
        self.port = 0
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.handshakes: list[tuple[str, str | None]] = []

    def start(self) -> Deferred[None]:
        """Listen at a free port, or at the same one again."""
        if not self._thread.is_alive():
            self._thread.start()
        return self._in_loop(self._listen)

    def stop(self) -> Deferred[None]:
        """Hang up and listen no more; it can be started again."""
        return self._in_loop(self._close)

    def end(self) -> None:
        """Let the thread end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def ask(self, request: Any) -> Deferred[Any]:
        """Ask the wallbox."""

        async def asked() -> Any:
            assert self._peer is not None
            return await self._peer.call(request)

        return self._in_loop(asked)

    def limit(self, amps: float) -> Deferred[Any]:
        """Set a TxProfile for the transaction that runs."""
        return self.ask(
            call.SetChargingProfile(
                connector_id=1,
                cs_charging_profiles=tx_profile(amps, transactionId=4711),
            )
        )

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when a request has come after which C{condition} holds."""
        fulfilled: Deferred[None] = Deferred()
        self._waiting.append((condition, fulfilled))
        self._look()
        return fulfilled

    def of(self, action: str) -> list[dict[str, Any]]:
        """The fields of all requests for C{action}."""
        return [fields for name, fields in self.requests if name == action]

    def statuses(self) -> list[str]:
        """What was said of connector 1."""
        return [
            each["status"]
            for each in self.of("StatusNotification")
            if each["connector_id"] == 1
        ]

    async def _listen(self) -> None:
        self._server = await websockets.serve(
            self._serve,
            "127.0.0.1",
            self.port,
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            ssl=self._tls,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, connection: Any) -> None:
        request = connection.request
        self._reactor.callFromThread(
            self.handshakes.append, (request.path, request.headers.get("Authorization"))
        )
        self._peer = _Peer(request.path.rpartition("/")[2], connection, self._note)
        with suppress(websockets.ConnectionClosed):
            await self._peer.start()

    def _note(self, action: str, fields: dict[str, Any]) -> None:
        self._reactor.callFromThread(self._noted, action, fields)

    def _noted(self, action: str, fields: dict[str, Any]) -> None:
        self.requests.append((action, fields))
        self._look()

    def _look(self) -> None:
        for condition, fulfilled in tuple(self._waiting):
            if condition():
                self._waiting.remove((condition, fulfilled))
                fulfilled.callback(None)

    def _in_loop(self, make: Callable[[], Awaitable[Any]]) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()

        async def run() -> None:
            try:
                value = await make()
            except Exception as error:
                self._reactor.callFromThread(result.errback, error)
            else:
                self._reactor.callFromThread(result.callback, value)

        asyncio.run_coroutine_threadsafe(run(), self._loop)
        return result
