"""A Charge Point that is not of our making: mobilityhouse C{ocpp} on C{websockets}."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ssl import SSLContext
from typing import Any

import websockets
from attrs import frozen
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

from .program import WAIT_S, Program

__all__ = ["SUBPROTOCOL", "Gone", "Order", "Station", "connected", "dial", "timestamp"]

SUBPROTOCOL = "ocpp1.6"

DEFAULT = "TxDefaultProfile"
TRANSACTION = "TxProfile"


class Gone(Exception):
    """The connection ended before the answer came."""


@frozen
class Order:
    """
    A charging profile that the Central System has set.

    @ivar limit_a: of its only period. [A]
    @ivar answer: what the station said to it.
    @ivar at_s: when, by the monotonic clock.
    """

    purpose: str
    connector: int
    limit_a: float
    transaction_id: int | None
    answer: str
    at_s: float


def timestamp(seconds: float = 0) -> str:
    """The time of day, so many seconds from now, as OCPP writes it."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def dial(
    program: Program,
    identity: str,
    password: str | None = None,
    context: SSLContext | None = None,
) -> websockets.ClientConnection:
    """
    Open a WebSocket as a Charge Point does.

    @param context: how it encrypts; C{None}: not at all.
    """
    login = "" if password is None else f"{identity}:{password}@"
    encrypted: dict[str, Any] = {}
    if context is not None:
        encrypted = {"ssl": context, "server_hostname": "localhost"}
    return await websockets.connect(
        f"{'wss' if encrypted else 'ws'}://{login}127.0.0.1:{program.port}/{identity}",
        subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
        open_timeout=WAIT_S,
        proxy=None,
        **encrypted,
    )


class Station(ChargePoint):
    """
    A wallbox with one connector, or more.

    It validates all that it receives against the official JSON schemas.

    @ivar orders: every profile that it was sent, in order.
    @ivar remote_starts: the payload of every RemoteStartTransaction.
    @ivar remote_stops: the transaction of every RemoteStopTransaction.
    @ivar triggers: the message that each TriggerMessage asked for.
    @ivar sent: every frame that it has sent.
    @ivar told: called with each profile that it has accepted.
    @ivar refuses: the purposes of the profiles that it answers with Rejected.
    """

    def __init__(self, identity: str, connection: websockets.ClientConnection) -> None:
        super().__init__(identity, connection, response_timeout=WAIT_S)
        self.connection = connection
        self.orders: list[Order] = []
        self.remote_starts: list[Mapping[str, Any]] = []
        self.remote_stops: list[int] = []
        self.triggers: list[str] = []
        self.sent: list[str] = []
        self.refuses: set[str] = set()
        self.told: Callable[[Order], None] = _nothing
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Listen to the Central System."""
        self._reading = asyncio.create_task(self.start())

    async def end(self) -> None:
        """Hang up."""
        await self.connection.close()
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=WAIT_S)
            if not self._reading.cancel():
                self._reading.exception()

    async def ask(self, request: Any, **options: Any) -> Any:
        """
        Call the Central System.

        @param options: those of C{ocpp}'s own C{call}.
        @return: the confirmation.
        @raise ocpp.exceptions.OCPPError: for a CALLERROR.
        @raise Gone: if the connection ends before.
        """
        assert self._reading is not None
        asking = asyncio.ensure_future(self.call(request, suppress=False, **options))
        await asyncio.wait([asking, self._reading], return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            asking.cancel()
            raise Gone
        try:
            return asking.result()
        except websockets.ConnectionClosed as error:
            raise Gone from error

    async def until_sent(self) -> None:
        """Wait until it has sent something."""
        await self.until(lambda: bool(self.sent))

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait for what the Central System sends to make something true."""
        async with asyncio.timeout(WAIT_S):
            while not met():
                self._news.clear()
                await self._news.wait()

    async def ordered(self, purpose: str, limit_a: float | None = None, mark: int = 0) -> Order:
        """
        Wait for a profile that it accepts or refuses.

        @param limit_a: of which limit; C{None}: any. [A]
        @param mark: how many of the orders are not meant.
        """

        def meant() -> list[Order]:
            return [
                order
                for order in self.orders[mark:]
                if order.purpose == purpose and limit_a in (None, order.limit_a)
            ]

        try:
            await self.until(lambda: bool(meant()))
        except TimeoutError:
            raise AssertionError(f"{purpose} {limit_a} A is not in {self.orders}") from None
        return meant()[0]

    async def boot(self) -> Any:
        """Say BootNotification."""
        return await self.ask(
            call.BootNotification(
                charge_point_model="Box", charge_point_vendor="Peer", firmware_version="1.2"
            )
        )

    async def status(self, status: str, connector: int = 1) -> None:
        """Say StatusNotification."""
        await self.ask(
            call.StatusNotification(connector_id=connector, error_code="NoError", status=status)
        )

    async def authorize(self, id_tag: str) -> Mapping[str, Any]:
        """Say Authorize; gives the C{idTagInfo}."""
        found = await self.ask(call.Authorize(id_tag=id_tag))
        info: Mapping[str, Any] = found.id_tag_info
        return info

    async def begin_transaction(self, id_tag: str, meter_wh: int = 1000) -> Any:
        """Say StartTransaction."""
        return await self.ask(
            call.StartTransaction(
                connector_id=1, id_tag=id_tag, meter_start=meter_wh, timestamp=timestamp()
            )
        )

    async def meter(self, transaction_id: int, energy_wh: int, current_a: float) -> None:
        """Say MeterValues."""
        sampled = [
            {"value": str(energy_wh), "context": "Sample.Periodic", "unit": "Wh"},
            {"value": f"{current_a:.1f}", "measurand": "Current.Import", "unit": "A"},
        ]
        await self.ask(
            call.MeterValues(
                connector_id=1,
                transaction_id=transaction_id,
                meter_value=[{"timestamp": timestamp(), "sampled_value": sampled}],
            )
        )

    async def end_transaction(self, transaction_id: int, meter_wh: int) -> Any:
        """Say StopTransaction."""
        return await self.ask(
            call.StopTransaction(
                meter_stop=meter_wh, timestamp=timestamp(), transaction_id=transaction_id
            )
        )

    async def charge(self, id_tag: str, meter_wh: int = 1000) -> int:
        """Plug in and start; gives the transaction's id."""
        await self.status("Preparing")
        started = await self.begin_transaction(id_tag, meter_wh)
        await self.status("Charging")
        transaction_id: int = started.transaction_id
        return transaction_id

    async def _send(self, message: str) -> None:
        await super()._send(message)
        self.sent.append(message)
        self._news.set()

    @on(Action.set_charging_profile)
    def _set_charging_profile(
        self, connector_id: int, cs_charging_profiles: Mapping[str, Any]
    ) -> call_result.SetChargingProfile:
        purpose = cs_charging_profiles["charging_profile_purpose"]
        (period,) = cs_charging_profiles["charging_schedule"]["charging_schedule_period"]
        answer = "Rejected" if purpose in self.refuses else "Accepted"
        order = Order(
            purpose,
            connector_id,
            float(period["limit"]),
            cs_charging_profiles.get("transaction_id"),
            answer,
            time.monotonic(),
        )
        self.orders.append(order)
        if answer == "Accepted":
            self.told(order)
        self._news.set()
        return call_result.SetChargingProfile(status=answer)

    @on(Action.remote_start_transaction)
    def _remote_start(self, **payload: Any) -> call_result.RemoteStartTransaction:
        self.remote_starts.append(payload)
        self._news.set()
        return call_result.RemoteStartTransaction(status="Accepted")

    @on(Action.remote_stop_transaction)
    def _remote_stop(self, transaction_id: int) -> call_result.RemoteStopTransaction:
        self.remote_stops.append(transaction_id)
        self._news.set()
        return call_result.RemoteStopTransaction(status="Accepted")

    @on(Action.trigger_message)
    def _trigger(self, requested_message: str, **more: Any) -> call_result.TriggerMessage:
        self.triggers.append(requested_message)
        self._news.set()
        return call_result.TriggerMessage(status="Accepted")


def _nothing(order: Order) -> None:
    """What is done with an order where nobody wants to know."""


@asynccontextmanager
async def connected(
    program: Program,
    identity: str,
    password: str | None = None,
    context: SSLContext | None = None,
) -> AsyncIterator[Station]:
    """A station from its connection to the end of it; see L{dial}."""
    station = Station(identity, await dial(program, identity, password, context))
    station.begin()
    try:
        yield station
    finally:
        await station.end()
