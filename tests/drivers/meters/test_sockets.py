"""Meters over real sockets, behind a server that we did not write."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue

from cfos_cm.drivers.meters import modbus_meter, power_brain_meter, sunspec
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.events import MeterLost, MeterMeasured, SiteEvent
from tests.drivers.environment import environment
from tests.drivers.meters.served import BOX, S0, SDM, SUNSPEC
from tests.drivers.meters.world import device
from tests.drivers.modbus.serving import ServedCase


class SocketTests(ServedCase):
    """One server with several meters."""

    served = "tests.drivers.meters.served"

    def setUp(self) -> None:
        """It listens already."""
        self.server, port = self.serve()
        self.address = f"tcp:127.0.0.1:{port}"
        self.events: DeferredQueue[SiteEvent] = DeferredQueue()
        self.environment = environment(reactor, self.events.put)

    async def said(self, maker: Any, **others: Any) -> MeterMeasured:
        """What a meter says first."""
        meter = maker.make(device(address=self.address, **others), self.environment)
        self.addCleanup(meter.stop)
        meter.start()
        event = await self.events.get()
        assert isinstance(event, MeterMeasured)
        return event

    async def test_sunspec(self) -> None:
        """A SunSpec device with two meters, of which the second one is asked for."""
        found = await self.said(sunspec.MAKER, unit=SUNSPEC, parameters="number=2")
        currents = PhaseCurrents(-2500, 2500, -3000)
        self.assertEqual(MeterMeasured("meter", currents, -460, 1200), found)

    async def test_known(self) -> None:
        """An SDM630, of which nothing is known but its definition."""
        found = await self.said(modbus_meter.MAKER, unit=SDM, definition="sdm630")
        currents = PhaseCurrents(-10_500, 0, 0)
        self.assertEqual(MeterMeasured("meter", currents, -2400, 1500), found)

    async def test_attached(self) -> None:
        """A meter that is attached to a Power Brain."""
        found = await self.said(power_brain_meter.MAKER, unit=BOX)
        currents = PhaseCurrents(16_000, 0, 100)
        self.assertEqual(MeterMeasured("meter", currents, 3680, 77_000), found)

    async def test_s0(self) -> None:
        """A meter at an S0 input of it."""
        found = await self.said(power_brain_meter.MAKER, unit=S0)
        self.assertEqual(MeterMeasured("meter", None, -1, 77_000), found)

    async def test_lost(self) -> None:
        """When the server goes, that is told."""
        await self.said(power_brain_meter.MAKER, unit=S0)
        self.server.kill()
        event: SiteEvent = await self.events.get()
        while isinstance(event, MeterMeasured):
            event = await self.events.get()
        self.assertIsInstance(event, MeterLost)
