"""A virtual meter at the grid."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.drivers.meters import sunspec
from cfos_cm.drivers.meters.household import Household
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.simulator.grid_meter import (
    GridMeter,
    GridMeterService,
    VirtualGridMeterSettings,
)
from cfos_cm.simulator.grid_meter_registers import BASE, MeterValues, registers_of
from cfos_cm.site.events import MeterMeasured, SiteEvent
from cfos_cm.wire.modbus import ExceptionCode, Read, Write
from tests.drivers.meters.world import device, environment

VALUES = MeterValues((1.5, -2.5, 0.0), (345.0, -575.0, 0.0), 230.0, 1234.0, 56.0)


class GridMeterTests(SynchronousTestCase):
    """What the meter sees."""

    def setUp(self) -> None:
        """Wallboxes draw nothing."""
        self.clock = Clock()
        self.drawn = PhaseCurrents()

    def meter(self, **others: Any) -> GridMeter:
        """A meter and the house behind it."""
        settings = VirtualGridMeterSettings(**others)
        return GridMeter(self.clock, settings, lambda: self.drawn)

    def test_house(self) -> None:
        """The house, at its time of day, which goes faster."""
        meter = self.meter(house=3, starts_at_s=7 * 3600, time_lapse=60)
        for minutes in (0, 1, 90):
            expected = Household(3).powers_w(7 * 3600 + minutes * 60)
            self.assertEqual(expected, meter.look().powers_w)
            self.clock.advance({0: 1, 1: 89}.get(minutes, 0))

    def test_wallboxes(self) -> None:
        """What flows into wallboxes flows through the meter, too."""
        meter = self.meter()
        before = meter.look()
        self.drawn = PhaseCurrents(16_000, 0, 6000)
        after = meter.look()
        more_w = [now - then for now, then in zip(after.powers_w, before.powers_w, strict=True)]
        self.assertEqual([3680, 0, 1380], more_w)
        self.assertAlmostEqual(after.powers_w[0] / 230, after.currents_a[0])

    def test_energy(self) -> None:
        """Its registers count what flows in and what flows out, however seldom it is asked."""
        often, seldom = (
            self.meter(solar_peak_w=12_000, starts_at_s=6 * 3600, time_lapse=60)
            for _ in range(2)
        )
        for _ in range(12 * 60):
            self.clock.advance(1)
            often.look()
        seldom.look()
        for meter in (often, seldom):
            self.assertTrue(1000 < meter.import_wh < 30_000, meter.import_wh)
            self.assertTrue(3000 < meter.export_wh < 80_000, meter.export_wh)
        self.assertLess(abs(often.import_wh - seldom.import_wh), 1)
        self.assertLess(abs(often.export_wh - seldom.export_wh), 1)

    def test_registers(self) -> None:
        """Its registers are neighbours, from the mark to the last model."""
        words = registers_of(VALUES, "x" * 32)
        self.assertEqual(list(range(BASE, BASE + 198)), sorted(words))
        self.assertEqual((0xFFFF, 0), (words[BASE + 196], words[BASE + 197]))

    def test_served(self) -> None:
        """Only what is there can be read, and nothing can be written."""
        service = GridMeterService("grid", VirtualGridMeterSettings(unit=3), self.clock)
        self.assertTrue(service.is_unit(3))
        self.assertFalse(service.is_unit(1))
        self.assertEqual((0x5375, 0x6E53), service.serve(Read(3, BASE, 2)))
        for request in (Read(3, BASE - 1, 2), Read(3, BASE + 197, 2), Write(3, BASE, (1,))):
            self.assertEqual(ExceptionCode.ILLEGAL_DATA_ADDRESS, service.serve(request))

    def test_settings(self) -> None:
        """A day that stands still, and no unit id."""
        for wrong in ({"time_lapse": 0}, {"unit": 256}):
            self.assertRaises(ValueError, VirtualGridMeterSettings, **wrong)


class Ended(Protocol):
    """Waits for its end."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It has come."""
        self.ended.callback(None)


class ServiceTests(TestCase):
    """Over real sockets."""

    timeout = 30

    def serve(self) -> int:
        """A meter that listens, and its port."""
        settings = VirtualGridMeterSettings(solar_peak_w=6000)
        drawn = PhaseCurrents(16_000, 0, 0)
        self.service = GridMeterService("grid", settings, reactor, lambda: drawn)
        self.service.startService()
        self.addCleanup(self.stop)
        return self.service.port

    def stop(self) -> Deferred[Any] | None:
        """Stop it, unless that was done."""
        return self.service.stopService() if self.service.running else None

    async def connect(self, port: int) -> Ended:
        """Somebody who says nothing."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        protocol: Ended = await endpoint.connect(Factory.forProtocol(Ended))
        return protocol

    async def test_driver(self) -> None:
        """Our own driver finds it and reads what it shows."""
        port = self.serve()
        events: DeferredQueue[SiteEvent] = DeferredQueue()
        meter = sunspec.MAKER.make(
            device(address=f"tcp:127.0.0.1:{port}"), environment(reactor, events.put)
        )
        meter.start()
        self.addCleanup(meter.stop)
        event = await events.get()
        assert isinstance(event, MeterMeasured)
        assert event.currents is not None
        assert event.power_w is not None
        self.assertGreater(event.currents.l1_ma, 16_000)
        self.assertLess(abs(event.currents.total() * 0.23 - event.power_w), 5)

    async def test_peer(self) -> None:
        """A SunSpec client that we did not write finds it and reads what it shows."""
        client = pytest.importorskip("sunspec2.modbus.client")
        port = self.serve()

        def look() -> tuple[Any, ...]:
            found = client.SunSpecModbusClientDeviceTCP(
                slave_id=1, ipaddr="127.0.0.1", ipport=port
            )
            try:
                found.scan()
                (meter,), (common,) = found.models[213], found.models[1]
                points = (meter.W, meter.WphA, meter.WphB, meter.WphC, meter.Hz, meter.Evt)
                values = tuple(point.cvalue for point in points)
                return (*values, meter.VAR.cvalue, common.SN.cvalue, common.Mn.cvalue)
            finally:
                found.close()

        power_w, l1_w, l2_w, l3_w, *others = await deferToThread(look)
        self.assertLess(abs(power_w - l1_w - l2_w - l3_w), 1)
        self.assertGreater(l1_w, 16 * 230)
        self.assertEqual([50.0, 0, None, "grid", "cfos_cm"], others)

    async def test_stopped(self) -> None:
        """When it stops it hangs up, and listens no more."""
        port = self.serve()
        protocol = await self.connect(port)
        await self.service.stopService()
        await protocol.ended
        await self.assertFailure(self.fail_to_connect(port), ConnectError)

    def fail_to_connect(self, port: int) -> Deferred[Any]:
        """Try to connect."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        return endpoint.connect(Factory.forProtocol(Ended))

    async def test_started_at_once(self) -> None:
        """Started again before it has stopped, it listens at the same port again."""
        port = await self.serve_at_a_known_port()
        stopped = self.service.stopService()
        self.service.startService()
        await stopped
        self.assertEqual(port, self.service.port)
        await self.connect(port)

    async def serve_at_a_known_port(self) -> int:
        """A meter that is told where it listens."""
        port = self.serve()
        await self.service.stopService()
        self.service = GridMeterService("grid", VirtualGridMeterSettings(port=port), reactor)
        self.service.startService()
        return port

    async def test_taken(self) -> None:
        """A port that is taken is told, and does not harm."""
        port = self.serve()
        second = GridMeterService("second", VirtualGridMeterSettings(port=port), reactor)
        second.startService()
        self.assertEqual(0, second.port)
        await second.stopService()
