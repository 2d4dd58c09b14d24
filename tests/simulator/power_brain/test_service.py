"""A virtual Power Brain on real sockets, asked by pymodbus's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymodbus.client import ModbusTcpClient
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.drivers.power_brain import registers as of
from cfos_cm.errors import LocalProtocolError
from cfos_cm.simulator.power_brain.memory import PowerBrainFlash
from cfos_cm.simulator.power_brain.service import PowerBrainService, make_power_brain
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from tests.end_to_end.ports import ports_in_a_row

from ..ocpp_server import OcppServer
from .rig import settings

#: Far more than any of these tests needs. [s]
TIMEOUT_S = 20


async def eventually(condition: Callable[[], bool]) -> None:
    """Fires when C{condition} holds; the test's time-out is its bound."""
    while not condition():
        await deferLater(reactor, 0.01)


class ServiceCase(TestCase):
    """The base of tests with a box."""

    timeout = TIMEOUT_S

    def started(
        self, flash: PowerBrainFlash | None = None, **changed: Any
    ) -> PowerBrainService:
        """A box that runs until the test ends."""
        box = PowerBrainService(
            "box", settings(**changed), reactor, flash=flash, first_wait_s=0.05
        )
        box.startService()
        self.addCleanup(lambda: box.stopService() if box.running else None)
        return box

    async def client(self, port: int) -> ModbusTcpClient:
        """A client that is connected."""
        client = ModbusTcpClient("127.0.0.1", port=port, timeout=5, retries=0)
        self.addCleanup(client.close)
        self.assertTrue(await deferToThread(client.connect))
        return client


class Sockets(ServiceCase):
    """Its three ports."""

    async def test_three_devices(self) -> None:
        """Each port has one unit; any other is one that a gateway does not reach."""
        box = self.started(serial="W00-4711")
        for unit, port in enumerate(box.ports, 1):
            client = await self.client(port)
            for asked in (0, 1, 2, 3, 255):
                answer = await deferToThread(
                    client.read_holding_registers, 8008, count=4, device_id=asked
                )
                if asked == unit:
                    self.assertEqual([0x5730, 0x302D, 0x3437, 0x3131], answer.registers)
                else:
                    self.assertEqual(11, answer.exception_code)

    async def test_other_functions(self) -> None:
        """Input registers and coils are illegal functions."""
        client = await self.client(self.started().ports[0])
        for ask in (client.read_input_registers, client.read_coils):
            answer = await deferToThread(ask, 8092, count=1, device_id=1)
            self.assertEqual(1, answer.exception_code)

    async def test_writes(self) -> None:
        """One register by function 6, several by 16."""
        box = self.started()
        client = await self.client(box.ports[0])
        for write, value in ((client.write_register, 100), (client.write_registers, [90, 0])):
            answer = await deferToThread(write, 8093, value, device_id=1)
            self.assertFalse(answer.isError())
        self.assertEqual(90, box.power_brain.control.limit_tenths)
        self.assertFalse(box.power_brain.control.is_enabled)

    async def test_reboot(self) -> None:
        """A box that starts again drops its connections, and is there again."""
        box = self.started()
        client = await self.client(box.ports[0])
        box.power_brain.reboot()
        await eventually(lambda: box.power_brain.flash.evse.number(of.COUNT_RESTART, 0) == 2)
        with self.assertRaises(ConnectionResetError):
            await deferToThread(client.socket.recv, 1)
        again = await self.client(box.ports[0])
        answer = await deferToThread(again.read_holding_registers, 8120, count=2, device_id=1)
        self.assertEqual([0, 2], answer.registers)

    async def test_stop_and_start(self) -> None:
        """Stopped with somebody connected nothing is left; what it keeps is there again."""
        box = self.started()
        client = await self.client(box.ports[0])
        await deferToThread(client.write_register, 8085, 90, device_id=1)
        await box.stopService()
        self.assertEqual((), box.ports)
        with self.assertRaises(ConnectionResetError):
            await deferToThread(client.socket.recv, 1)
        box.startService()
        client = await self.client(box.ports[0])
        answer = await deferToThread(client.read_holding_registers, 8085, count=1, device_id=1)
        self.assertEqual([90], answer.registers)

    async def test_started_at_once(self) -> None:
        """Started again before it has stopped, it listens at the same ports again."""
        box = self.started(modbus_port=ports_in_a_row(3))
        await self.client(box.ports[0])
        before = box.ports
        for _ in range(2):
            box.stopService()
            box.startService()
        await eventually(lambda: len(box.ports) == 3)
        self.assertEqual(before, box.ports)
        await self.client(before[0])

    async def test_started_twice(self) -> None:
        """Started while it runs, it goes on to listen where it did."""
        box = self.started(modbus_port=ports_in_a_row(3))
        before = box.ports
        box.startService()
        self.assertEqual(before, box.ports)
        await self.client(before[0])

    async def test_handed_on(self) -> None:
        """Another box that is given its memory goes on with that."""
        flash = PowerBrainFlash()
        first = self.started(flash)
        client = await self.client(first.ports[0])
        await deferToThread(client.write_register, 8085, 90, device_id=1)
        await first.stopService()
        second = self.started(flash)
        client = await self.client(second.ports[0])
        answer = await deferToThread(client.read_holding_registers, 8085, count=1, device_id=1)
        self.assertEqual([90], answer.registers)
        self.assertEqual(1, flash.evse.writes["fail_safe_current"])

    async def test_taken_port(self) -> None:
        """Where a port is taken there is no Modbus at all, and nothing breaks."""
        taken = self.started()
        box = self.started(modbus_port=taken.ports[0] - 1)
        self.assertEqual((), box.ports)


class WithOcpp(ServiceCase):
    """The same with a Central System that we did not write."""

    async def test_fixed_tag(self) -> None:
        """A car that plugs in begins a transaction, which Modbus pauses and resumes."""
        server = OcppServer(reactor)
        self.addCleanup(server.end)
        await server.start()
        self.addCleanup(server.stop)
        box = self.started(
            url=f"ws://127.0.0.1:{server.port}/path",
            identity="PB 1",
            password="secret",
            has_reader=False,
            fixed_tag="FIXED-1",
            arrives_after_s=0.01,
            meter_interval_s=0,
        )
        client = await self.client(box.ports[0])
        await server.until(lambda: server.statuses()[-1:] == ["Charging"])
        self.assertEqual(
            ["FIXED-1"], [each["id_tag"] for each in server.of("StartTransaction")]
        )
        self.assertEqual("/path/PB%201", server.handshakes[0][0])
        for enable, status in ((0, "SuspendedEVSE"), (1, "Charging")):
            await deferToThread(client.write_register, 8094, enable, device_id=1)
            await server.until(lambda status=status: server.statuses()[-1] == status)
        self.assertEqual([], server.of("StopTransaction"))


class Ports(SynchronousTestCase):
    """Where it listens, without sockets."""

    def test_where(self) -> None:
        """At three ports in a row of the interface; without a URL it dials nobody."""
        clock = MemoryReactorClock()
        box = PowerBrainService("box", settings(modbus_port=4711), clock)
        self.assertEqual([], clock.tcpServers)
        box.startService()
        self.assertEqual(
            [(4711, "127.0.0.1"), (4712, "127.0.0.1"), (4713, "127.0.0.1")],
            [(server[0], server[3]) for server in clock.tcpServers],
        )
        clock.advance(1000)
        self.assertEqual([], clock.tcpClients)

    def test_interface(self) -> None:
        """Another interface can be chosen."""
        clock = MemoryReactorClock()
        PowerBrainService("box", settings(interface="0.0.0.0"), clock).startService()
        self.assertEqual({"0.0.0.0"}, {server[3] for server in clock.tcpServers})

    def test_delivered(self) -> None:
        """As delivered it has the ports of a real one, and 16 A."""
        delivered = VirtualPowerBrainSettings()
        self.assertEqual((4701, 16_000), (delivered.modbus_port, delivered.max_current_ma))

    def test_bad_serial(self) -> None:
        """A serial number that no register can hold is refused."""
        for serial in ("", "W00 1", "\u0416", "1" * 17):
            self.assertRaises(ValueError, settings, serial=serial)

    def test_bad_identity(self) -> None:
        """With a URL it needs an identity."""
        unnamed = settings(url="ws://127.0.0.1:1/")
        self.assertRaises(
            LocalProtocolError, make_power_brain, "box", unnamed, MemoryReactorClock()
        )
