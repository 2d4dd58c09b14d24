"""The driver against a server that we did not write, over a real socket."""

from __future__ import annotations

from typing import TypeVar

from pymodbus.client import ModbusTcpClient
from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue

from cfos_cm.drivers.interfaces import EvseDevice
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.evse import PowerBrainEvse
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    OccupancyReported,
    SiteEvent,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.wire.registers import Register, Value
from tests.drivers.environment import environment
from tests.drivers.modbus.serving import ServedCase
from tests.drivers.power_brain.site import SETTINGS, setpoint

E = TypeVar("E")


class ServerTests(ServedCase):
    """What becomes of registers in another process."""

    served = "tests.drivers.power_brain.served"

    def steered(self, port: int) -> PowerBrainEvse:
        """A driver that has been started; what it reports is kept."""
        self.reports: DeferredQueue[SiteEvent] = DeferredQueue()
        device = EvseDevice(settings=SETTINGS, address=f"tcp:127.0.0.1:{port}")
        evse = PowerBrainEvse(device, environment(reactor, self.reports.put))
        self.addCleanup(evse.stop)
        evse.start()
        return evse

    async def told(self, kind: type[E]) -> E:
        """The next that is reported of one kind."""
        while True:
            event = await self.reports.get()
            if isinstance(event, kind):
                return event

    def look(self, port: int, register: Register, value: Value | None = None) -> Value:
        """What a register holds by somebody else's client, which may write it first."""
        with ModbusTcpClient("127.0.0.1", port=port) as client:
            if value is not None:
                client.write_registers(register.address, list(register.encode(value)))
            answer = client.read_holding_registers(register.address, count=register.count)
            return register.decode(answer.registers)

    async def test_steered(self) -> None:
        """It is found, told how to fall back, limited, paused and given back."""
        _, port = self.serve()
        evse = self.steered(port)
        await self.told(EvseConnected)
        self.assertEqual(180, self.look(port, on.FAIL_SAFE_DURATION))
        for amps, limit, enable in ((10, 100, 1), (0, 100, 0), (16, 160, 1)):
            self.assertIsNone(await evse.apply(setpoint(amps), None, False))
            found = [
                self.look(port, one) for one in (on.CHARGING_CUR_LIMIT, on.CHARGING_ENABLE)
            ]
            self.assertEqual([limit, enable], found)
        await evse.release()
        found = [self.look(port, one) for one in (on.CHARGING_CUR_LIMIT, on.FAIL_SAFE_DURATION)]
        self.assertEqual([320, 0], found)

    async def test_read(self) -> None:
        """What changes there is reported."""
        _, port = self.serve()
        self.steered(port)
        await self.told(OccupancyReported)
        self.look(port, on.CHARGE_PILOT_STATE, 2)
        self.look(port, on.CURRENT_L3, 77)
        self.assertIs(Occupancy.CHARGING, (await self.told(OccupancyReported)).occupancy)
        measured = await self.told(EvseMeasured)
        while measured.currents != PhaseCurrents(0, 0, 7700):
            measured = await self.told(EvseMeasured)

    async def test_comes_back(self) -> None:
        """A box that was away is found again, and told again how to fall back."""
        server, port = self.serve()
        self.steered(port)
        await self.told(EvseConnected)
        server.kill()
        server.wait()
        await self.told(EvseLost)
        self.serve(port)
        await self.told(EvseConnected)
        self.assertEqual(180, self.look(port, on.FAIL_SAFE_DURATION))
