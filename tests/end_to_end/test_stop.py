"""Ctrl-C and SIGTERM: every station is told, nothing is lost, and it does not take long."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AsyncExitStack

from . import cases
from .station import Station, connected

#: How long the program may take to stop. [s]
STOP_S = 5.0

GOING_AWAY = 1001


class Stop(cases.EndToEndCase):
    """A site that is stopped in the middle of its work."""

    places = ("CP-0001", "CP-0002", "CP-0003")

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started(places=self.places)

    def test_interrupt(self) -> None:
        """Ctrl-C closes every WebSocket with 1001 and ends the program at once."""
        self.run_peers(self.stop_by(signal.SIGINT))

    def test_terminate(self) -> None:
        """SIGTERM does the same."""
        self.run_peers(self.stop_by(signal.SIGTERM))

    async def stop_by(self, number: signal.Signals) -> None:
        """Stop it while one car charges and two stations idle."""
        async with AsyncExitStack() as stack:
            stations = [
                await stack.enter_async_context(connected(self.manager, place))
                for place in self.places
            ]
            await stations[0].charge(cases.TAG)
            self.manager.send(number)
            # twistd stops in good order and then ends by the signal that it was sent.
            self.assertEqual(await self.ended(), -number)
            for station in stations:
                await station.connection.wait_closed()
                self.assertEqual(station.connection.close_code, GOING_AWAY)
        self.assertEqual(self.manager.rows("select state from transactions"), [("open",)])
        self.assertIn("Server Shut Down", self.manager.lines[-1])

    def test_busy(self) -> None:
        """While a station sends as fast as it can, what was acknowledged is on disk."""
        self.run_peers(self.stop_busy())

    async def stop_busy(self) -> None:
        """Stop it after some transactions."""
        acknowledged: list[int] = []
        enough = asyncio.Event()

        async def work(station: Station) -> None:
            for meter_wh in range(10_000):
                started = await station.begin_transaction(cases.TAG, meter_wh)
                acknowledged.append(started.transaction_id)
                if len(acknowledged) >= 20:
                    enough.set()

        async with connected(self.manager, "CP-0001") as station:
            working = asyncio.create_task(work(station))
            await enough.wait()
            self.manager.send(signal.SIGINT)
            self.assertEqual(await self.ended(), -signal.SIGINT)
            await asyncio.wait([working], timeout=STOP_S)
            self.assertIsNotNone(working.exception())
        rows = self.manager.rows("select transaction_id from transactions")
        self.assertLessEqual({(number,) for number in acknowledged}, set(rows))

    def test_deaf(self) -> None:
        """A peer that does not answer, and one that has not even asked, do not hold it up."""
        self.run_peers(self.stop_deaf())

    async def stop_deaf(self) -> None:
        """Stop it with two sockets that nobody reads."""
        address = ("127.0.0.1", self.manager.port)
        with socket.create_connection(address) as silent, socket.create_connection(address):
            silent.sendall(upgrade_request())
            await self.manager.says("bay-1: connected")
            self.manager.send(signal.SIGINT)
            self.assertEqual(await self.ended(), -signal.SIGINT)

    def test_again(self) -> None:
        """A Ctrl-C for each second of patience ends it no sooner, and disturbs nothing."""
        self.run_peers(self.stop_again())
        self.assertEqual(self.manager.rows("select state from transactions"), [("open",)])
        said = [line for line in self.manager.lines if "SIGINT" in line or "already" in line]
        self.assertEqual(len(said), 2, said)

    async def stop_again(self) -> None:
        """Stop it while a peer that nobody reads keeps it waiting, and again, and again."""
        with socket.create_connection(("127.0.0.1", self.manager.port)) as silent:
            async with connected(self.manager, "CP-0002") as station:
                await station.charge(cases.TAG)
                silent.sendall(upgrade_request())
                await self.manager.says("bay-1: connected")
                self.manager.send(signal.SIGINT)
                await self.manager.says("Received SIGINT")
                self.manager.send(signal.SIGINT)
                await self.manager.says("stopping already")
                for number in (signal.SIGINT, signal.SIGTERM):
                    self.manager.send(number)
                self.assertEqual(await self.ended(), -signal.SIGINT)

    async def ended(self) -> int:
        """Wait for the end, at most as long as it may take."""
        return await asyncio.to_thread(self.manager.ended, STOP_S)


class StopEarly(cases.EndToEndCase):
    """A program that is stopped before it has done anything."""

    def test_no_station(self) -> None:
        """It stops as well without a station, and can be started again at once."""
        manager = self.started()
        for _ in range(2):
            manager.send(signal.SIGINT)
            self.assertEqual(manager.ended(STOP_S), -signal.SIGINT)
            manager.start()

    def test_port_taken(self) -> None:
        """It stops as well while it waits for its port, and has said why it waits."""
        manager = self.program()
        with socket.socket() as other:
            other.bind(("127.0.0.1", manager.port))
            other.listen()
            manager.start(r"could not start: .*in use")
            manager.send(signal.SIGINT)
            self.assertEqual(manager.ended(STOP_S), -signal.SIGINT)


def upgrade_request() -> bytes:
    """A request that a WebSocket client sends."""
    return (
        b"GET /CP-0001 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
