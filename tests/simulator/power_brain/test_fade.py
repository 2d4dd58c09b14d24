"""A virtual Power Brain that is about to be switched off."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as of
from cfos_cm.simulator import charge_point
from cfos_cm.simulator.power_brain.farewell import WATCHED_S
from cfos_cm.v16.core import ResetType

from .. import ocpp_server
from .rig import BackedRig, Rig
from .test_service import ServiceCase

#: Longer than it takes to look once more. [s]
LONGEST_S = 2.0


class Fading(SynchronousTestCase):
    """The car leaves, and whoever looks sees that."""

    def setUp(self) -> None:
        """A car that charges, which somebody has seen."""
        self.rig = Rig(returns_after_s=1)
        self.rig.plug_in()
        self.look()

    def look(self) -> int:
        """The state, as somebody reads it."""
        state = self.rig.evse.get(of.CHARGE_PILOT_STATE)
        assert isinstance(state, int)
        return state

    def fade(self) -> Deferred[None]:
        """Let the car leave."""
        return self.rig.box.fade(LONGEST_S)

    def test_seen(self) -> None:
        """It is done when somebody has looked, and his answer is on its way."""
        faded = self.fade()
        self.rig.run(1)
        self.assertNoResult(faded)
        self.assertEqual(0, self.look())
        self.assertNoResult(faded)
        self.rig.clock.advance(0)
        self.assertIsNone(self.successResultOf(faded))
        self.assertEqual(0, self.rig.takes_ma())

    def test_other_register(self) -> None:
        """Who asks for something else has not seen it."""
        faded = self.fade()
        self.rig.evse.get(of.CHARGING_CUR_LIMIT)
        self.rig.clock.advance(0)
        self.assertNoResult(faded)
        self.rig.run(LONGEST_S)
        self.assertIsNone(self.successResultOf(faded))

    def test_nobody(self) -> None:
        """Where nobody has looked for some seconds, nobody is waited for."""
        self.rig.run(WATCHED_S + 1)
        self.assertIsNone(self.successResultOf(self.fade()))
        self.assertEqual(0, self.look())

    def test_never(self) -> None:
        """Nor where nobody ever has."""
        rig = Rig()
        rig.plug_in()
        self.assertIsNone(self.successResultOf(rig.box.fade(LONGEST_S)))

    def test_free(self) -> None:
        """Where it was seen that there is no car, there is nothing to be seen."""
        self.rig.box.unplug()
        self.look()
        self.assertIsNone(self.successResultOf(self.fade()))

    def test_pilot(self) -> None:
        """An interrupted pilot hides it no longer."""
        self.rig.evse.put(of.RELAY_SELECT, 1)
        self.rig.evse.put(of.DISCONNECT_CP, 60)
        self.assertEqual(2, self.look())
        self.fade()
        self.assertEqual(0, self.look())
        self.assertEqual(1, self.rig.evse.get(of.RELAY_SELECT))

    def test_driver(self) -> None:
        """The driver neither comes nor comes back."""
        rig = Rig(arrives_after_s=1, returns_after_s=1)
        rig.box.fade(LONGEST_S)
        rig.run(10)
        self.assertEqual(0, rig.evse.get(of.CHARGE_PILOT_STATE))

    def test_stopped(self) -> None:
        """Switched off meanwhile, nobody waits any more, and no timer is left."""
        faded = [self.fade(), self.fade()]
        self.rig.stop()
        for one in faded:
            self.assertIsNone(self.successResultOf(one))
        self.assertEqual([], self.rig.clock.getDelayedCalls())

    def test_on_again(self) -> None:
        """Switched on again, it charges as before."""
        self.fade()
        self.rig.stop()
        self.rig.box.start()
        self.rig.box.charge_point.start()
        self.rig.plug_in()
        self.assertEqual(16_000, self.rig.takes_ma())

    def test_backend(self) -> None:
        """A backend is told that its transaction has ended."""
        rig = BackedRig(id_tag="A", arrives_after_s=1)
        rig.run(10)
        rig.box.fade(LONGEST_S)
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual("PowerLoss", stop["reason"])


class SwitchedOff(ServiceCase):
    """The service, over sockets."""

    async def test_seen(self) -> None:
        """Who has read the state has his answer before the box is gone."""
        box = self.started(arrives_after_s=0)
        client = await self.client(box.ports[0])

        async def state() -> int:
            read = client.read_holding_registers
            answer = await deferToThread(read, of.CHARGE_PILOT_STATE.address, device_id=1)
            return int(answer.registers[0])

        while await state() != 2:
            pass
        faded = box.fade()
        self.assertFalse(faded.called)
        self.assertEqual(0, await state())
        await faded
        await box.stopService()

    async def test_reset(self) -> None:
        """Told by OCPP to start again while it is switched off, it leaves no timer behind."""
        server = ocpp_server.OcppServer(reactor)
        self.addCleanup(server.end)
        await server.start()
        self.addCleanup(server.stop)

        async def hears_only(peer: Any, message: Any) -> None:
            """Leave it without an answer."""

        self.patch(charge_point, "RESET_TAKES_S", 0.01)
        url = f"ws://127.0.0.1:{server.port}/"
        box = self.started(url=url, identity="PB", id_tag="A", arrives_after_s=0)
        await server.until(lambda: bool(server.of("StartTransaction")))
        self.patch(ocpp_server._Peer, "route_message", hears_only)
        stopped = box.stopService()
        box.power_brain.charge_point.reset(ResetType.SOFT)
        await stopped
        self.assertEqual(2, box.power_brain.flash.evse.number(of.COUNT_RESTART, 0))
