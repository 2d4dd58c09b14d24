"""Billing backends that are not of our making: mobilityhouse C{ocpp} on C{websockets}."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Any
from urllib.parse import unquote

import websockets
from attrs import define, field, frozen
from ocpp.messages import CallError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action

from .program import WAIT_S

__all__ = ["Books", "Client", "Told", "billing"]


@frozen
class Told:
    """
    A request of a gateway.

    @ivar text: the whole message, to the letter.
    @ivar payload: what it says.
    """

    client_id: str
    message_id: str
    action: str
    payload: dict[str, Any]
    text: str


@define
class Books:
    """
    What a backend knows, however often it is restarted.

    It takes each message once: the same message id, or the same words, are answered as before.

    @ivar tags: what each idTag is answered with; any other is Accepted.
    @ivar told: every request, in the order in which it came.
    @ivar taken: those that were new.
    @ivar doubled: those that were not.
    @ivar numbers: of its transactions; it counts from 1 on.
    @ivar refuses: actions that are answered with a CALLERROR, and how often.
    @ivar is_deaf: it hears, and answers nothing.
    @ivar is_lenient: it takes fields that no schema has.
    @ivar clients: those that are connected, by their ids.
    @ivar shown: the client certificate of each connection (DER); C{None}: none.
    """

    tags: dict[str, str] = field(factory=dict)
    told: list[Told] = field(factory=list)
    taken: list[Told] = field(factory=list)
    doubled: list[Told] = field(factory=list)
    numbers: dict[str, int] = field(factory=dict)
    refuses: dict[str, int] = field(factory=dict)
    is_deaf: bool = False
    is_lenient: bool = False
    clients: dict[str, Client] = field(factory=dict)
    paths: list[str] = field(factory=list)
    logins: list[str | None] = field(factory=list)
    shown: list[bytes | None] = field(factory=list)
    _known: set[str] = field(factory=set)
    news: asyncio.Event = field(factory=asyncio.Event)

    def note(self, told: Told) -> None:
        """A request has come."""
        self.told.append(told)
        words = f"{told.client_id} {told.action} {json.dumps(told.payload, sort_keys=True)}"
        is_billed = told.action in ("StartTransaction", "StopTransaction", "MeterValues")
        if is_billed and (told.message_id in self._known or words in self._known):
            self.doubled.append(told)
        else:
            self.taken.append(told)
        if is_billed:
            self._known.update((told.message_id, words))
        self.news.set()

    def number_of(self, client_id: str, payload: dict[str, Any]) -> int:
        """What a transaction is called here."""
        words = f"{client_id} {json.dumps(payload, sort_keys=True)}"
        return self.numbers.setdefault(words, len(self.numbers) + 1)

    def of(self, *actions: str, client_id: str | None = None) -> list[Told]:
        """What was told and new, of some actions."""
        return [
            one
            for one in self.taken
            if one.action in actions and client_id in (None, one.client_id)
        ]

    async def until(self, met: Callable[[], Any], what: object = "") -> None:
        """
        Wait for what is told to make something true.

        @raise AssertionError: if it does not.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                while not met():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            told = [(one.action, one.payload) for one in self.told[-20:]]
            raise AssertionError(f"{what}: {told}") from None

    async def hears(self, action: str, count: int = 1, **fields: Any) -> Told:
        """Wait for so many requests with some fields; the last of them."""

        def found() -> list[Told]:
            return [
                one
                for one in self.of(action)
                if all(one.payload.get(name) == value for name, value in fields.items())
            ]

        await self.until(lambda: len(found()) >= count, (action, fields))
        return found()[count - 1]


class Client(ChargePoint):
    """One gateway, as its backend sees it; every message is checked by the official schemas."""

    def __init__(self, books: Books, client_id: str, connection: Any) -> None:
        super().__init__(client_id, connection, response_timeout=WAIT_S)
        self.books = books

    async def route_message(self, raw_msg: str) -> None:
        """A message has come."""
        frame = json.loads(raw_msg)
        if frame[0] == 2:
            told = Told(self.id, frame[1], frame[2], frame[3], raw_msg)
            self.books.note(told)
            if self.books.is_deaf:
                return
            if self.books.refuses.get(told.action, 0) > 0:
                self.books.refuses[told.action] -= 1
                refusal = CallError(told.message_id, "InternalError", "not now")
                await self._connection.send(refusal.to_json())
                return
            if self.books.is_lenient and told.action == "StartTransaction":
                number = self.books.number_of(self.id, told.payload)
                answer = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
                await self._connection.send(json.dumps([3, told.message_id, answer]))
                return
            if self.books.is_lenient and told.action == "MeterValues":
                await self._connection.send(json.dumps([3, told.message_id, {}]))
                return
            if told.action not in _KNOWN:
                await self._connection.send(json.dumps([3, told.message_id, {"odd": "é"}]))
                return
        await super().route_message(raw_msg)

    @on(Action.boot_notification)
    def boot(self, **_: Any) -> Any:
        """Let it in."""
        return call_result.BootNotification(
            current_time=datetime.now(UTC).isoformat(), interval=300, status="Accepted"
        )

    @on(Action.heartbeat)
    def heartbeat(self) -> Any:
        """Tell the time."""
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on(Action.status_notification)
    def status(self, **_: Any) -> Any:
        """It is noted already."""
        return call_result.StatusNotification()

    @on(Action.authorize)
    def authorize(self, id_tag: str) -> Any:
        """Judge a card."""
        return call_result.Authorize(id_tag_info=self._judged(id_tag))

    @on(Action.start_transaction)
    def start_transaction(self, id_tag: str, **more: Any) -> Any:
        """Name the transaction."""
        number = self.books.number_of(self.id, {"id_tag": id_tag, **more})
        return call_result.StartTransaction(
            transaction_id=number, id_tag_info=self._judged(id_tag)
        )

    @on(Action.stop_transaction)
    def stop_transaction(self, **_: Any) -> Any:
        """It is noted already."""
        return call_result.StopTransaction()

    @on(Action.meter_values)
    def meter_values(self, **_: Any) -> Any:
        """They are noted already."""
        return call_result.MeterValues()

    @on(Action.data_transfer)
    def data_transfer(self, **_: Any) -> Any:
        """Take it."""
        return call_result.DataTransfer(status="Accepted", data="thanks")

    @on(Action.diagnostics_status_notification)
    def diagnostics(self, **_: Any) -> Any:
        """Take it."""
        return call_result.DiagnosticsStatusNotification()

    @on(Action.log_status_notification)
    def log(self, **_: Any) -> Any:
        """Take it."""
        return call_result.LogStatusNotification()

    @on(Action.firmware_status_notification)
    def firmware(self, **_: Any) -> Any:
        """Take it."""
        return call_result.FirmwareStatusNotification()

    def _judged(self, id_tag: str) -> dict[str, str]:
        return {"status": self.books.tags.get(id_tag, "Accepted")}


_KNOWN = {
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}


@asynccontextmanager
async def billing(
    port: int, books: Books, context: SSLContext | None = None
) -> AsyncIterator[Books]:
    """
    A backend that listens, from its start to its end; its books stay.

    @param context: how it encrypts; C{None}: not at all.
    """

    async def serve(connection: websockets.ServerConnection) -> None:
        assert connection.request is not None
        path = connection.request.path
        client_id = unquote(path.partition("?")[0].rpartition("/")[2])
        books.paths.append(path)
        books.logins.append(connection.request.headers.get("Authorization"))
        encrypted = connection.transport.get_extra_info("ssl_object")
        books.shown.append(encrypted and encrypted.getpeercert(binary_form=True))
        client = Client(books, client_id, connection)
        books.clients[client_id] = client
        books.news.set()
        try:
            with suppress(websockets.ConnectionClosed):
                await client.start()
        finally:
            if books.clients.get(client_id) is client:
                del books.clients[client_id]
            books.news.set()

    async with websockets.serve(
        serve,
        "127.0.0.1",
        port,
        ssl=context,
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
    ):
        yield books
