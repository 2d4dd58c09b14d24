"""What others have stumbled over with this box, one by one."""

from __future__ import annotations

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.errors import DeviceError, DeviceRefusal, OrderIgnored
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    OccupancyReported,
    ProfilesMeddled,
)
from cfos_cm.site.evse import Occupancy
from tests.drivers.power_brain.site import BoxCase, with_phases


class TrapTests(BoxCase):
    """By the number that each has in the list."""

    def last(self) -> OccupancyReported:
        """What was reported of its car last."""
        return self.told(OccupancyReported)[-1]

    def test_1_counts_from_0(self) -> None:
        """By Modbus 1 is a car that is plugged in; by HTTP it would be none."""
        self.start()
        self.state(1)
        self.assertIs(Occupancy.PLUGGED, self.last().occupancy)

    def test_2_too_hot(self) -> None:
        """5 may be heat, and passes: it is a fault that says so, and ends by itself."""
        self.start()
        self.state(5)
        said = self.last()
        self.assertIs(Occupancy.FAULTED, said.occupancy)
        self.assertIn("hot", str(said.fault))
        self.state(2)
        said = self.last()
        self.assertEqual((Occupancy.CHARGING, None), (said.occupancy, said.fault))

    def test_3_frozen(self) -> None:
        """While the control pilot is interrupted its state is old: nothing new is reported."""
        self.start()
        self.state(2)
        self.told(OccupancyReported)
        self.box.interrupted_until_s = self.clock.seconds() + 5
        self.state(0)
        self.assertEqual([], self.told(OccupancyReported))
        self.run_for(6)
        self.assertIs(Occupancy.FREE, self.last().occupancy)

    def test_4_wakes(self) -> None:
        """5 s without a control pilot wake a car that sleeps."""
        self.start()
        self.state(1)
        self.order(0)
        self.run_for(1)
        self.order(16)
        self.run_for(35)
        self.assertEqual(("disconnect_cp", 5), self.box.writes[-1])

    def test_5_dead_time(self) -> None:
        """120 s from one switch of the phases to the next, and only where that is permitted."""
        self.start(with_phases())
        self.state(1)
        self.refused(DeviceRefusal, 6, 1)
        self.box[on.S0_INPUTS] = 256
        self.order(6, 1)
        self.run_for(119)
        self.refused(DeviceError, 6, 3)
        self.run_for(1)
        self.order(6, 3)
        self.assertEqual(0, self.box[on.RELAY_SELECT])

    def test_6_energy(self) -> None:
        """0 Wh after a start is no reading."""
        self.make()
        self.box[on.ENERGY] = 0
        self.evse.start()
        self.run_for(2)
        self.box[on.ENERGY] = 123_456
        self.run_for(1)
        self.box[on.ENERGY] = 0
        self.run_for(100)
        self.assertEqual({None, 123_456}, {one.energy_wh for one in self.told(EvseMeasured)})

    def test_6_new_meter(self) -> None:
        """A meter that has counted nothing has its 0 Wh in the end."""
        self.make()
        self.box[on.ENERGY] = 0
        self.evse.start()
        self.run_for(59)
        self.assertEqual({None}, {one.energy_wh for one in self.told(EvseMeasured)})
        self.run_for(2)
        self.assertEqual(0, self.told(EvseMeasured)[-1].energy_wh)

    def test_7_has_meter(self) -> None:
        """8112 says whether there is a meter, and 8057 whether it knows each phase."""
        self.start()
        self.box[on.METER_FLAGS] = 0
        self.told(EvseMeasured)
        self.run_for(1)
        self.assertEqual([None], [one.currents for one in self.told(EvseMeasured)])
        self.box[on.HAS_METER] = 0
        self.run_for(1)
        self.assertEqual([], self.told(EvseMeasured))

    def test_8_overwritten(self) -> None:
        """Its own load management sets other limits: that is found out, and said."""
        self.start()
        self.order(10)
        self.box[on.CHARGING_CUR_LIMIT] = 160
        self.run_for(1)
        self.assertEqual(1, len(self.told(ProfilesMeddled)))
        self.box.stubborn[on.CHARGING_CUR_LIMIT] = 160
        self.assertIn('"Observe"', self.refused(OrderIgnored, 10))

    def test_9_whole_registers(self) -> None:
        """What has several registers is read and written as a whole, and never torn apart."""
        self.start()
        self.run_for(3)
        whole = [range(first, first + count) for first, count in self.box.reads]
        for register in (*on.IDENTIFICATION, *on.EVSE):
            for block in whole:
                both = set(block) & set(register.addresses)
                self.assertIn(len(both), (0, register.count), register.name)

    def test_10_below_6_a(self) -> None:
        """What a box makes of less than 6 A nobody knows: it is not told that."""
        self.start()
        before = len(self.box.writes)
        self.refused(DeviceRefusal, 5)
        self.assertEqual(before, len(self.box.writes))

    def test_10_one_connection(self) -> None:
        """How many connections it bears nobody knows: one is enough."""
        self.start()
        self.order(10)
        self.run_for(20)
        self.assertEqual((1, []), (self.box.connections, self.told(EvseLost)))

    def test_11_pause(self) -> None:
        """A pause is 8094 = 0; a limit of 0 A would put the car to sleep."""
        self.start()
        self.state(2)
        self.order(0)
        self.assertEqual(("charging_enable", 0), self.box.writes[-1])
        self.assertEqual(160, self.box[on.CHARGING_CUR_LIMIT])

    def test_12_failsafe(self) -> None:
        """It comes with 300 s; 180 s and 6 A are what it is told."""
        self.start()
        self.assertEqual(
            (180, 60), (self.box[on.FAIL_SAFE_DURATION], self.box[on.FAIL_SAFE_CURRENT])
        )
        self.assertEqual(1, len(self.told(EvseConnected)))
