"""A virtual wallbox that is switched off while its car charges."""

from __future__ import annotations

import asyncio
from typing import Any

from ocpp.routing import on
from ocpp.v16 import call_result
from ocpp.v16.enums import Action
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator import charge_point_service
from cfos_cm.simulator.charge_point_service import ChargePointService

from . import ocpp_server
from .central_system import Rig
from .test_charge_point_service import ServiceTestCase


class FadeTests(SynchronousTestCase):
    """What the wallbox tells, and when it is done with it."""

    def faded(self, rig: Rig) -> list[None]:
        """Let its power fail; something is in the list when it has told what it can tell."""
        done: list[None] = []
        rig.wallbox.fade().addCallback(done.append)
        return done

    def charging(self) -> Rig:
        """A wallbox where a car charges."""
        rig = Rig()
        rig.run(15)
        self.assertIsNotNone(rig.wallbox.evse.transaction)
        return rig

    def test_told(self) -> None:
        """The transaction ends with its power, and the Central System hears of it."""
        rig = self.charging()
        self.assertEqual([None], self.faded(rig))
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual(("PowerLoss", 1001), (stop["reason"], stop["transactionId"]))

    def test_answer(self) -> None:
        """It is done when the answer has come, and not before."""
        rig = self.charging()
        rig.central_system.script["StopTransaction"] = lambda _: None
        done = self.faded(rig)
        rig.run(1)
        self.assertEqual([], done)
        rig.wallbox.stop()
        self.assertEqual([], rig.clock.getDelayedCalls())

    def test_in_order(self) -> None:
        """What was to be told before is told before; it waits for that, too."""
        rig = self.charging()
        rig.central_system.script["MeterValues"] = lambda _: None
        rig.run(15)
        self.assertEqual([], self.faded(rig))
        self.assertEqual([], rig.central_system.of("StopTransaction"))

    def test_refused(self) -> None:
        """It does not wait for another attempt."""
        rig = self.charging()
        rig.central_system.script["StopTransaction"] = lambda _: "InternalError"
        self.assertEqual([None], self.faded(rig))

    def test_offline(self) -> None:
        """Without a connection there is nobody to tell."""
        rig = self.charging()
        rig.central_system.disconnect()
        self.assertEqual([None], self.faded(rig))

    def test_idle(self) -> None:
        """Without a transaction there is nothing to tell."""
        rig = Rig(arrives_after_s=10_000)
        rig.central_system.requests.clear()
        self.assertEqual([None], self.faded(rig))
        self.assertEqual([], rig.central_system.requests)


class SwitchedOff(ServiceTestCase):
    """The service, against a Central System over a socket."""

    async def charging(self) -> ChargePointService:
        """A wallbox where a car charges."""
        wallbox = self.wallbox()
        wallbox.startService()
        await self.server.until(lambda: bool(self.server.of("MeterValues")))
        return wallbox

    def deaf(self) -> None:
        """From now on StopTransaction is heard and not answered before the test ends."""
        over = asyncio.Event()
        self.addCleanup(self.server._loop.call_soon_threadsafe, over.set)

        @on(Action.stop_transaction)
        async def stop_transaction(peer: ocpp_server._Peer, **fields: Any) -> Any:
            peer._note("StopTransaction", fields)
            await over.wait()
            return call_result.StopTransaction()

        self.patch(ocpp_server._Peer, "stop_transaction", stop_transaction)

    async def test_told(self) -> None:
        """When it has stopped, the Central System knows that the transaction has ended."""
        wallbox = await self.charging()
        await wallbox.stopService()
        await self.server.until(lambda: bool(self.server.of("StopTransaction")))
        (stop,) = self.server.of("StopTransaction")
        self.assertEqual(("PowerLoss", 4711), (stop["reason"], stop["transaction_id"]))

    async def test_deaf(self) -> None:
        """A Central System that does not answer holds nobody up."""
        self.patch(charge_point_service, "FADE_S", 0.05)
        self.deaf()
        wallbox = await self.charging()
        await wallbox.stopService()
        await self.server.until(lambda: bool(self.server.of("StopTransaction")))

    async def test_lost(self) -> None:
        """Nor does a connection that is lost meanwhile."""
        self.deaf()
        wallbox = await self.charging()
        stopped = wallbox.stopService()
        await self.server.until(lambda: bool(self.server.of("StopTransaction")))
        assert wallbox._socket is not None
        wallbox._socket.transport.abortConnection()
        await stopped

    async def test_twice(self) -> None:
        """Stopped twice, both are told when it has stopped."""
        wallbox = await self.charging()
        first, second = wallbox.stopService(), wallbox.stopService()
        await first
        await second
        self.assertEqual(1, len(self.server.of("StopTransaction")))

    async def test_on_again(self) -> None:
        """Switched on again at once, it starts anew, and has told what was before."""
        self.deaf()
        wallbox = await self.charging()
        stopped = wallbox.stopService()
        await self.server.until(lambda: bool(self.server.of("StopTransaction")))
        wallbox.startService()
        await stopped
        await self.server.until(lambda: len(self.server.of("BootNotification")) == 2)
        self.assertTrue(wallbox.running)
