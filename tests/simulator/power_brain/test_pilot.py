"""The control pilot: interrupted, dead while contactors change, and the states it is in."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as of

from .rig import Rig

DEAD_S = 120


class PilotCase(SynchronousTestCase):
    """A test with a box."""

    def make(self, **changed: object) -> Rig:
        """A box whose car charges; nobody has to ask it anything."""
        rig = Rig(**changed)
        rig.evse.put(of.FAIL_SAFE_DURATION, 0)
        rig.plug_in()
        return rig

    def state(self, rig: Rig) -> object:
        """What register 8092 says."""
        return rig.evse.get(of.CHARGE_PILOT_STATE)


class Interrupted(PilotCase):
    """Register 8086."""

    def test_counts_down(self) -> None:
        """It reads for how long it lasts, and nothing flows meanwhile; then it does."""
        rig = self.make()
        rig.evse.put(of.DISCONNECT_CP, 5)
        seen = []
        for _ in range(7):
            seen.append((rig.evse.get(of.DISCONNECT_CP), rig.box.flow.current_ma))
            rig.run(1)
        self.assertEqual(
            [(5, 0), (4, 0), (3, 0), (2, 0), (1, 0), (0, 16_000), (0, 16_000)], seen
        )

    def test_part_of_a_second(self) -> None:
        """As long as it is interrupted it does not read 0."""
        rig = self.make()
        rig.evse.put(of.DISCONNECT_CP, 1)
        rig.clock.advance(0.75)
        self.assertEqual(1, rig.evse.get(of.DISCONNECT_CP))

    def test_late(self) -> None:
        """Asked after its time is over, and before that has come, it says 0."""
        rig = self.make()
        rig.evse.put(of.DISCONNECT_CP, 5)
        asked: list[object] = []
        rig.clock.callLater(1, lambda: asked.append(rig.evse.get(of.DISCONNECT_CP)))
        rig.clock.advance(60)
        self.assertEqual([0], asked)

    def test_state_is_frozen(self) -> None:
        """The state stays what it was, also when the car leaves meanwhile."""
        rig = self.make()
        rig.evse.put(of.DISCONNECT_CP, 5)
        self.assertEqual(2, self.state(rig))
        rig.box.unplug()
        rig.run(4)
        self.assertEqual(2, self.state(rig))
        rig.run(1)
        self.assertEqual(0, self.state(rig))

    def test_frozen_without_being_read(self) -> None:
        """It is the state at the moment of the order, whenever it was read last."""
        rig = self.make()
        self.assertEqual(2, self.state(rig))
        rig.box.unplug()
        rig.evse.put(of.DISCONNECT_CP, 5)
        rig.plug_in()
        self.assertEqual(0, self.state(rig))

    def test_ended_early(self) -> None:
        """0 ends it."""
        rig = self.make()
        rig.evse.put(of.DISCONNECT_CP, 60)
        rig.evse.put(of.DISCONNECT_CP, 0)
        self.assertEqual(0, rig.evse.get(of.DISCONNECT_CP))
        self.assertEqual(16_000, rig.box.flow.current_ma)

    def test_again(self) -> None:
        """Another order counts from then on."""
        rig = self.make()
        rig.evse.put(of.DISCONNECT_CP, 5)
        rig.run(4)
        rig.evse.put(of.DISCONNECT_CP, 5)
        rig.run(4)
        self.assertEqual(1, rig.evse.get(of.DISCONNECT_CP))
        rig.box.unplug()
        self.assertEqual(2, self.state(rig))
        rig.run(1)
        self.assertEqual(0, self.state(rig))


class Asleep(PilotCase):
    """A car that takes nothing."""

    def test_sleeps(self) -> None:
        """It stays in state B, whatever it is offered."""
        rig = self.make()
        rig.box.put_car_to_sleep()
        for value in (0, 1):
            rig.evse.put(of.CHARGING_ENABLE, value)
            rig.run(60)
            self.assertEqual(1, self.state(rig))
        self.assertEqual(160, rig.evse.get(of.CHARGING_CURRENT))

    def test_is_woken(self) -> None:
        """When the pilot was interrupted it charges on, and with what it had before."""
        rig = self.make()
        rig.run(60)
        before = rig.evse.get(of.ENERGY)
        rig.box.put_car_to_sleep()
        rig.evse.put(of.DISCONNECT_CP, 5)
        rig.run(4.75)
        self.assertEqual(1, self.state(rig))
        rig.run(0.25)
        self.assertEqual(2, self.state(rig))
        self.assertEqual(before, rig.evse.get(of.ENERGY))

    def test_is_woken_early(self) -> None:
        """It is also when the interruption was ended by an order."""
        rig = self.make()
        rig.box.put_car_to_sleep()
        rig.evse.put(of.DISCONNECT_CP, 60)
        rig.evse.put(of.DISCONNECT_CP, 0)
        self.assertEqual(2, self.state(rig))

    def test_not_before_all_is_over(self) -> None:
        """Two interruptions at once end with the later one."""
        rig = self.make()
        rig.box.put_car_to_sleep()
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.evse.put(of.DISCONNECT_CP, 5)
        rig.run(6)
        self.assertEqual(1, self.state(rig))
        self.assertEqual(0, rig.box.flow.current_ma)
        rig.run(DEAD_S)
        self.assertEqual(2, self.state(rig))


class Contactors(PilotCase):
    """Registers 8087 and 8088."""

    def test_dead_time(self) -> None:
        """With a car it is dead for 120 s, its state frozen, and has one phase then."""
        rig = self.make()
        rig.evse.put(of.RELAY_SELECT, 1)
        self.assertEqual(1, rig.evse.get(of.RELAY_SELECT))
        rig.run(DEAD_S - 0.25)
        self.assertEqual((0, 2), (rig.box.flow.current_ma, self.state(rig)))
        rig.run(0.25)
        self.assertEqual((16_000, 1), (rig.box.flow.current_ma, rig.box.flow.phases))
        self.assertEqual(0, rig.evse.get(of.CURRENT_L2))

    def test_there_and_back(self) -> None:
        """Ordered back meanwhile it is dead for another 120 s, with three phases then."""
        rig = self.make()
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.run(100)
        rig.evse.put(of.RELAY_SELECT, 0)
        rig.run(DEAD_S - 0.25)
        self.assertEqual(0, rig.box.flow.current_ma)
        rig.run(0.25)
        self.assertEqual((16_000, 3), (rig.box.flow.current_ma, rig.box.flow.phases))

    def test_the_same(self) -> None:
        """What is selected already changes nothing."""
        rig = self.make()
        rig.evse.put(of.RELAY_SELECT, 0)
        self.assertEqual(16_000, rig.box.flow.current_ma)

    def test_without_a_car(self) -> None:
        """Without a car it is done at once."""
        rig = Rig()
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.plug_in()
        self.assertEqual((16_000, 1), (rig.box.flow.current_ma, rig.box.flow.phases))

    def test_not_with_a_car(self) -> None:
        """Where that is not switched on, it waits until the car has left."""
        rig = self.make(has_phase_switching=False)
        self.assertEqual(0, rig.evse.get(of.S0_INPUTS))
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.run(DEAD_S + 1)
        self.assertEqual((16_000, 3), (rig.box.flow.current_ma, rig.box.flow.phases))
        rig.box.unplug()
        rig.plug_in()
        self.assertEqual((16_000, 1), (rig.box.flow.current_ma, rig.box.flow.phases))

    def test_car_leaves_meanwhile(self) -> None:
        """The dead time goes on when the car leaves, and the next car has one phase."""
        rig = self.make()
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.run(10)
        rig.box.unplug()
        rig.plug_in()
        rig.run(DEAD_S - 10.25)
        self.assertEqual(0, rig.box.flow.current_ma)
        rig.run(0.25)
        self.assertEqual((16_000, 1), (rig.box.flow.current_ma, rig.box.flow.phases))

    def test_wakes(self) -> None:
        """A car that sleeps is woken by it, too."""
        rig = self.make()
        rig.box.put_car_to_sleep()
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.run(DEAD_S - 0.25)
        self.assertEqual(1, self.state(rig))
        rig.run(0.25)
        self.assertEqual(2, self.state(rig))

    def test_is_possible(self) -> None:
        """Whether it is possible with a car, and whether there is a second relay, is said."""
        self.assertEqual(0x100, self.make().evse.get(of.S0_INPUTS))
        self.assertEqual(0x700, self.make(has_relay2=True).evse.get(of.S0_INPUTS))

    def test_relay2(self) -> None:
        """The second relay is on only while the first is off, and drops when that closes."""
        rig = self.make(has_relay2=True)
        self.assertIsNone(rig.evse.put(of.RELAY2, 1))
        self.assertEqual(0, rig.evse.get(of.RELAY2))
        rig.evse.put(of.CHARGING_ENABLE, 0)
        rig.evse.put(of.RELAY2, 1)
        self.assertEqual(1, rig.evse.get(of.RELAY2))
        rig.evse.put(of.CHARGING_ENABLE, 1)
        rig.evse.put(of.CHARGING_ENABLE, 0)
        self.assertEqual(0, rig.evse.get(of.RELAY2))

    def test_no_relay2(self) -> None:
        """Where there is none it stays off."""
        rig = Rig()
        rig.evse.put(of.RELAY2, 1)
        self.assertEqual(0, rig.evse.get(of.RELAY2))


class Faults(PilotCase):
    """What keeps it from charging."""

    def test_dc_fault(self) -> None:
        """Direct current is state 9, nothing flows, and only a departure ends it."""
        rig = self.make()
        rig.box.find_dc_fault()
        self.assertEqual((0, 9), (rig.box.flow.current_ma, self.state(rig)))
        rig.evse.put(of.CHARGING_ENABLE, 1)
        rig.run(1000)
        self.assertEqual((0, 9), (rig.box.flow.current_ma, self.state(rig)))
        rig.box.unplug()
        self.assertEqual(0, self.state(rig))
        rig.plug_in()
        self.assertEqual(16_000, rig.box.flow.current_ma)

    def test_too_hot(self) -> None:
        """From its threshold on it is in state 5 and does not charge, until 5 K below."""
        rig = self.make(overheats_at_c=60)
        seen = []
        for celsius in (59.9, 60, 55.1, 55, 59.9):
            rig.box.put_temperature(celsius)
            seen.append((self.state(rig), rig.box.flow.current_ma))
        self.assertEqual([(2, 16_000), (5, 0), (5, 0), (2, 16_000), (2, 16_000)], seen)

    def test_without_a_car(self) -> None:
        """It is too hot, whether a car is there or not."""
        rig = Rig()
        rig.box.put_temperature(100)
        self.assertEqual(5, rig.evse.get(of.CHARGE_PILOT_STATE))
