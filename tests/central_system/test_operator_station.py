"""
Every action of a Central System, over a real socket, to a station that is not of our making.

The station is mobilityhouse C{ocpp} on C{websockets}; it validates all that it receives and all
that it answers against the official JSON schemas.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import websockets
from attrs import evolve
from ocpp.charge_point import camel_to_snake_case, snake_to_camel_case
from ocpp.exceptions import NotSupportedError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread

from cfos_cm.central_system.commands.operator import Archives, Chance, Operator
from cfos_cm.central_system.commands.requests import SENDABLE
from cfos_cm.errors import DeviceError, DeviceRefusal
from tests.net.peers import ServerCase

from .operators import MemoryKeyBook, MemoryReservations, MemorySentLists
from .payloads import CONFIRMATIONS, REQUESTS, TX_PROFILE
from .world import SITE, START

WAIT_S = 15.0


def _answering(action: str) -> Callable[..., Any]:
    """A method that notes a request and answers it."""

    def answer(station: ObedientStation, **payload: Any) -> Any:
        if action in station.refuses:
            raise NotSupportedError(description="not here")
        # The limits of charging profiles are read as Decimals.
        text = json.dumps(snake_to_camel_case(payload), default=float)
        station.heard.append((action, json.loads(text)))
        confirmation = camel_to_snake_case(CONFIRMATIONS[action])
        return getattr(call_result, action)(**confirmation)

    # The library finds its methods by their names.
    answer.__name__ = f"answer_{action}"
    found: Callable[..., Any] = on(action)(answer)
    return found


class ObedientStation(ChargePoint):
    """
    A station that does whatever it is told.

    @ivar heard: the actions and the payloads of all requests.
    @ivar refuses: the actions that it answers with a CALLERROR.
    """

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.refuses: set[str] = set()
        super().__init__("CP-1", connection, response_timeout=WAIT_S)


for _action in SENDABLE:
    setattr(ObedientStation, f"answer_{_action}", _answering(_action))


class Connected:
    """
    A station in a thread of its own.

    @ivar ready: fires with the id of the transaction that it has started.
    @ivar ended: fires when its thread has ended.
    """

    def __init__(self, port: int) -> None:
        self.ready: Deferred[int] = Deferred()
        self.station: ObedientStation
        self._url = f"ws://127.0.0.1:{port}/CP-1"
        self._loop: asyncio.AbstractEventLoop
        self._enough: asyncio.Event
        self.ended: Deferred[None] = deferToThread(lambda: asyncio.run(self._live()))

    def hang_up(self) -> None:
        """Have it close the connection."""
        self._loop.call_soon_threadsafe(self._enough.set)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._enough = asyncio.Event()
        subprotocols = [websockets.Subprotocol("ocpp1.6")]
        async with websockets.connect(
            self._url, subprotocols=subprotocols, proxy=None
        ) as connection:
            self.station = ObedientStation(connection)
            listening = asyncio.create_task(self.station.start())
            started = await self.station.call(
                call.StartTransaction(**camel_to_snake_case(START)), suppress=False
            )
            reactor.callFromThread(self.ready.callback, started.transaction_id)
            await asyncio.wait_for(self._enough.wait(), WAIT_S)
        await asyncio.wait([listening])
        # It ends with the connection, which is no error here.
        listening.exception()


class Actions(ServerCase):
    """L{Operator.call} with an independent peer."""

    settings = evolve(SITE, observe_only=True)

    async def setUp(self) -> None:
        """The station is connected, and charges."""
        await super().setUp()
        disk = self.world.disk
        self.operator = Operator(
            self.world.system,
            Archives(
                lambda: succeed(()),
                MemorySentLists(disk),
                MemoryReservations(disk),
                MemoryKeyBook(disk),
            ),
            Chance(lambda: 501, lambda length: bytes(length)),
        )
        self.connected = Connected(self.port_number)
        self.transaction_id = await self.connected.ready

    async def tearDown(self) -> None:
        """Hang up, and wait for the station's thread."""
        self.connected.hang_up()
        await self.connected.ended
        await super().tearDown()

    def request_for(self, action: str) -> dict[str, Any]:
        """A request that the rules allow here."""
        if action != "SetChargingProfile":
            return REQUESTS[action]
        profile = {**TX_PROFILE, "transactionId": self.transaction_id}
        return {"connectorId": 1, "csChargingProfiles": profile}

    async def test_everyAction(self) -> None:
        """Each action arrives as it was meant, and its confirmation comes back."""
        for action in SENDABLE:
            payload = self.request_for(action)
            answer = await self.operator.call("CP-1", action, payload)
            self.assertEqual(answer, CONFIRMATIONS[action])
            self.assertEqual(self.connected.station.heard[-1], (action, payload))

    async def test_refused(self) -> None:
        """A CALLERROR of theirs reaches the caller with its code and its words."""
        self.connected.station.refuses = {"ClearCache"}
        calling = self.operator.call("CP-1", "ClearCache", {})
        error = await self.assertFailure(calling, DeviceRefusal)
        self.assertIn("ClearCache was refused: NotSupported not here", str(error))

    async def test_gone(self) -> None:
        """When the station has gone, the caller is told."""
        self.connected.hang_up()
        await self.connected.ended
        while self.world.system.session("CP-1") is not None:
            pause: Deferred[None] = Deferred()
            reactor.callLater(0, pause.callback, None)
            await pause
        calling = self.operator.call("CP-1", "ClearCache", {})
        error = await self.assertFailure(calling, DeviceError)
        self.assertEqual(str(error), "CP-1 is not connected")
        self.connected = Connected(self.port_number)
        await self.connected.ready
