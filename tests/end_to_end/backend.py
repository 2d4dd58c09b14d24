"""A Central System that is not of our making: mobilityhouse C{ocpp} on C{websockets}."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

from ..charging_profiles import tx_profile
from .program import WAIT_S

__all__ = ["Backend", "listening"]


class Backend(ChargePoint):
    """
    One wallbox, as its backend sees it. It validates all messages by the official schemas.

    @ivar tags: what each card is answered with; any other is Accepted.
    @ivar starts: the idTags of all transactions.
    @ivar stops: why they have ended.
    @ivar statuses: what was said of connector 1.
    @ivar readings: what each MeterValues says, by measurand and phase.
    """

    def __init__(self, tags: dict[str, str]) -> None:
        super().__init__("nobody", None, response_timeout=WAIT_S)
        self.tags = tags
        self.starts: list[str] = []
        self.stops: list[str] = []
        self.statuses: list[str] = []
        self.readings: list[dict[str, float]] = []
        self._news = asyncio.Event()

    async def serve(self, connection: websockets.ServerConnection) -> None:
        """It has connected."""
        assert connection.request is not None
        self.id = connection.request.path.rpartition("/")[2]
        self._connection = connection
        with suppress(websockets.ConnectionClosed):
            await self.start()

    async def until(self, met: Callable[[], bool], what: object = "") -> None:
        """
        Wait for what the wallbox says to make something true.

        @raise AssertionError: if it does not.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                while not met():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: {self.statuses} {self.readings[-1:]}") from None

    async def until_it_is(self, status: str, what: object = "") -> None:
        """Wait for connector 1 to say that it is so, unless it has."""
        await self.until(lambda: self.statuses[-1:] == [status], (status, what))

    async def limit(self, amps: float) -> None:
        """Set the TxProfile."""
        answer = await self.call(
            call.SetChargingProfile(connector_id=1, cs_charging_profiles=tx_profile(amps))
        )
        assert answer.status == "Accepted", answer

    @on(Action.boot_notification)
    def boot(self, **_: Any) -> Any:
        """Let it in."""
        return call_result.BootNotification(
            current_time=datetime.now(UTC).isoformat(), interval=300, status="Accepted"
        )

    @on(Action.status_notification)
    def status(self, connector_id: int, status: str, **_: Any) -> Any:
        """Note how it is."""
        if connector_id == 1:
            self.statuses.append(status)
        self._news.set()
        return call_result.StatusNotification()

    @on(Action.authorize)
    def authorize(self, id_tag: str) -> Any:
        """Judge a card."""
        return call_result.Authorize(id_tag_info=self._judged(id_tag))

    @on(Action.start_transaction)
    def start_transaction(self, id_tag: str, **_: Any) -> Any:
        """Name the transaction."""
        self.starts.append(id_tag)
        self._news.set()
        return call_result.StartTransaction(
            transaction_id=4711, id_tag_info=self._judged(id_tag)
        )

    @on(Action.stop_transaction)
    def stop_transaction(self, reason: str = "Local", **_: Any) -> Any:
        """Note why."""
        self.stops.append(reason)
        self._news.set()
        return call_result.StopTransaction()

    @on(Action.meter_values)
    def meter_values(self, meter_value: list[Any], **_: Any) -> Any:
        """Note what flows."""
        self.readings.append(
            {
                each["measurand"] + each.get("phase", ""): float(each["value"])
                for each in meter_value[0]["sampled_value"]
            }
        )
        self._news.set()
        return call_result.MeterValues()

    @on(Action.heartbeat)
    def heartbeat(self) -> Any:
        """Tell the time."""
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    def _judged(self, id_tag: str) -> dict[str, str]:
        return {"status": self.tags.get(id_tag, "Accepted")}


@asynccontextmanager
async def listening(port: int, **tags: str) -> AsyncIterator[Backend]:
    """
    A backend for one wallbox.

    @param tags: see L{Backend}.
    """
    backend = Backend(tags)
    async with websockets.serve(
        backend.serve, "127.0.0.1", port, subprotocols=[websockets.Subprotocol("ocpp1.6")]
    ):
        yield backend
