"""
kill -9 while stations start and stop transactions as fast as they can.

C{CFOS_CM_KILLS} in the environment says how many kills; 20 without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable
from typing import Any

import pytest
import websockets
from attrs import define, field
from ocpp.v16 import call

from . import cases
from .program import Program
from .station import TRANSACTION, Gone, Order, Station, connected, timestamp

KILLS = int(os.environ.get("CFOS_CM_KILLS", "20"))
STATIONS = 5
SEED = 1606
#: Less than half of what all stations could draw. [A]
FUSE_A = 36

#: A start of the program takes a second on an idle machine. [s]
TIMEOUT_S = 60 + 6 * KILLS

#: Kills come after so many frames of all stations at most, so that every start of the program
#: is long enough for some transactions. [frames]
MOST_FRAMES = 150


@define(eq=False)
class Driver:
    """
    The memory of a station: what it owes the Central System, and what it was told.

    It survives every loss of the connection, as the flash memory of a wallbox.

    @ivar frames: told of each frame that is sent.
    @ivar started: the meter reading of each start that was acknowledged, by the id it got.
    @ivar stopped: the same of each stop.
    @ivar metered: the transaction and the reading of each MeterValues.
    @ivar pending: the request that was not answered yet; it is said again, to the letter.
    @ivar running: the id of the transaction that runs.
    @ivar ended: the id of the last one that it has stopped, acknowledged or not.
    @ivar offers: the limit that it accepted for each transaction that has not ended. [A]
    @ivar told: told of each of them.
    """

    identity: str
    frames: Callable[[], None]
    told: Callable[[], None]
    draw: random.Random
    started: dict[int, int] = field(factory=dict)
    stopped: dict[int, int] = field(factory=dict)
    metered: set[tuple[int, str]] = field(factory=set)
    pending: Any = None
    running: int | None = None
    ended: int | None = None
    offers: dict[int, float] = field(factory=dict)
    meter_wh: int = 0
    repeated: int = 0

    async def work(self, program: Program, up: asyncio.Event, done: asyncio.Event) -> None:
        """Start and stop transactions until C{done}, and have none running then."""
        while not (done.is_set() and self.pending is None and self.running is None):
            await up.wait()
            with contextlib.suppress(Gone, OSError, websockets.WebSocketException):
                async with connected(program, self.identity) as station:
                    station.told = self.obey
                    if self.pending is not None:
                        self.repeated += 1
                    while not done.is_set() or self.pending or self.running:
                        await self.step(station)

    async def step(self, station: Station) -> None:
        """Say one thing and note the answer."""
        if self.pending is None:
            self.pending = self.next_request()
        request = self.pending
        self.frames()
        answer = await station.ask(request)
        self.pending = None
        if isinstance(request, call.StartTransaction):
            self.running = answer.transaction_id
            if self.running in self.started:
                raise AssertionError(f"{self.running} was given to two transactions")
            self.started[self.running] = request.meter_start
        elif isinstance(request, call.StopTransaction):
            self.stopped[request.transaction_id] = request.meter_stop
            self.running = None
        else:
            reading = request.meter_value[0]["sampled_value"][0]["value"]
            self.metered.add((request.transaction_id, reading))

    def obey(self, order: Order) -> None:
        """A profile was accepted."""
        number = order.transaction_id
        if order.purpose == TRANSACTION and number is not None and number != self.ended:
            self.offers[number] = order.limit_a
            self.told()

    def next_request(self) -> Any:
        """A start, sometimes MeterValues, a stop, and so on."""
        self.meter_wh += 1
        if self.running is None:
            return call.StartTransaction(
                connector_id=1,
                id_tag=cases.TAG,
                meter_start=self.meter_wh,
                timestamp=timestamp(),
            )
        if self.draw.random() < 0.3:
            sampled = [{"value": str(self.meter_wh)}]
            return call.MeterValues(
                connector_id=1,
                transaction_id=self.running,
                meter_value=[{"timestamp": timestamp(), "sampled_value": sampled}],
            )
        self.ended = self.running
        self.offers.clear()
        return call.StopTransaction(
            meter_stop=self.meter_wh, timestamp=timestamp(), transaction_id=self.running
        )


@pytest.mark.timeout(2 * TIMEOUT_S)
class Kill(cases.EndToEndCase):
    """A program that is killed again and again."""

    def setUp(self) -> None:
        """Start it, with a few stations that know it."""
        self.places = [f"CP-{number:04}" for number in range(1, STATIONS + 1)]
        self.manager = self.started(places=self.places, fuse_a=FUSE_A)
        self.draw = random.Random(SEED)
        self.frames_left = 0
        self.due = asyncio.Event()
        self.highest_a = 0.0
        self.drivers = [
            Driver(place, self.frame_sent, self.add_up, random.Random(f"{SEED} {place}"))
            for place in self.places
        ]

    def test_kill(self) -> None:
        """What was acknowledged is on disk; starts and stops once, with their ids."""
        self.run_peers(self.race(), TIMEOUT_S)
        self.manager.stop()
        started = {key: value for one in self.drivers for key, value in one.started.items()}
        stopped = {key: value for one in self.drivers for key, value in one.stopped.items()}
        self.assertEqual(len(started), sum(len(one.started) for one in self.drivers))
        rows = self.manager.rows(
            "select transaction_id, meter_start_wh, meter_stop_wh, state from transactions"
        )
        self.assertEqual(len(rows), len(started))
        self.assertEqual({row[0]: row[1] for row in rows}, started)
        self.assertEqual({row[0]: row[2] for row in rows}, stopped)
        self.assertEqual({row[3] for row in rows}, {"stopped"})
        self.assertEqual(self.manager.rows("select * from stray_stops"), [])
        # These have no identity: one that was repeated may be there twice, none may be lost.
        readings = self.manager.rows(
            "select transaction_id,"
            " json_extract(payload_text, '$.meterValue[0].sampledValue[0].value')"
            " from meter_values"
        )
        metered = {pair for one in self.drivers for pair in one.metered}
        self.assertLessEqual(metered, set(readings))
        self.assertGreater(self.highest_a, 0)
        self.assertLessEqual(self.highest_a, FUSE_A)
        self.assertGreater(len(started), 2 * KILLS)
        self.assertGreaterEqual(sum(one.repeated for one in self.drivers), KILLS)

    def frame_sent(self) -> None:
        """A station sends something."""
        self.frames_left -= 1
        if self.frames_left <= 0:
            self.due.set()

    def add_up(self) -> None:
        """A station offers its car another current: note what all of them offer together."""
        offered_a = sum(sum(driver.offers.values()) for driver in self.drivers)
        self.highest_a = max(self.highest_a, offered_a)

    async def race(self) -> None:
        """The stations work, and the program is killed."""
        up, done = asyncio.Event(), asyncio.Event()
        up.set()
        async with asyncio.TaskGroup() as group:
            for driver in self.drivers:
                group.create_task(driver.work(self.manager, up, done))
            for _ in range(KILLS):
                self.frames_left = self.draw.randint(1, MOST_FRAMES)
                self.due.clear()
                await self.due.wait()
                # This waits for nothing: it moves the kill to any point of what comes next,
                # the commit, the answer, the order of a current.
                await asyncio.sleep(self.draw.uniform(0, 0.03))
                up.clear()
                self.manager.kill()
                await asyncio.to_thread(self.manager.start)
                up.set()
            done.set()
