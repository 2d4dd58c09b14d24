"""What a box allows: limit, enable, failsafe, cable and model."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as of
from cfos_cm.simulator.power_brain.memory import PowerBrainFlash
from cfos_cm.simulator.vehicle import VehicleSettings

from .rig import Rig


class Steered(SynchronousTestCase):
    """Modbus alone steers it."""

    def setUp(self) -> None:
        """A car that charges."""
        self.rig = Rig()
        self.rig.plug_in()

    def test_charges(self) -> None:
        """As it is delivered it charges a car that is plugged in, with all that it has."""
        self.assertEqual(16_000, self.rig.takes_ma())
        self.assertEqual(160, self.rig.evse.get(of.CHARGING_CURRENT))
        self.assertEqual(2, self.rig.evse.get(of.CHARGE_PILOT_STATE))

    def test_limit(self) -> None:
        """A limit counts at once, to a tenth of an ampere."""
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, 107)
        self.assertEqual(10_700, self.rig.takes_ma())
        self.assertEqual(107, self.rig.evse.get(of.CHARGING_CURRENT))
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, 60)
        self.assertEqual(6_000, self.rig.takes_ma())

    def test_enable(self) -> None:
        """Disabled it signals nothing, and enabled again what it did before."""
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, 100)
        self.rig.evse.put(of.CHARGING_ENABLE, 0)
        self.assertEqual(0, self.rig.takes_ma())
        self.assertEqual(0, self.rig.evse.get(of.CHARGING_CURRENT))
        self.assertEqual(1, self.rig.evse.get(of.CHARGE_PILOT_STATE))
        self.rig.evse.put(of.CHARGING_ENABLE, 1)
        self.assertEqual(10_000, self.rig.takes_ma())

    def test_no_car(self) -> None:
        """Without a car nothing is signalled, and there is no cable."""
        self.rig.box.unplug()
        names = (of.CHARGE_PILOT_STATE, of.CHARGING_CURRENT, of.CABLE_CURRENT, of.POWER)
        self.assertEqual([0, 0, 0, 0], [self.rig.evse.get(each) for each in names])

    def test_model(self) -> None:
        """More than it is made for is not obeyed; the limit reads back as it was written."""
        self.rig.box.unplug()
        self.rig.plug_in(VehicleSettings(32_000, 3, 100_000))
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, 320)
        self.assertEqual(16_000, self.rig.takes_ma())
        self.assertEqual(320, self.rig.evse.get(of.CHARGING_CUR_LIMIT))

    def test_clamped(self) -> None:
        """Some boxes say themselves that they take no more."""
        rig = Rig(clamps_limit=True)
        self.assertIsNone(rig.evse.put(of.CHARGING_CUR_LIMIT, 320))
        self.assertEqual(160, rig.evse.get(of.CHARGING_CUR_LIMIT))

    def test_cable(self) -> None:
        """A thin cable limits the current, unless it is overridden."""
        rig = Rig(cable_ma=13_000)
        rig.plug_in()
        self.assertEqual(13_000, rig.takes_ma())
        self.assertEqual(130, rig.evse.get(of.CABLE_CURRENT))
        rig.evse.put(of.FIXED_CURRENT, 100)
        self.assertEqual(10_000, rig.takes_ma())
        rig.evse.put(of.FIXED_CURRENT, 0)
        self.assertEqual(13_000, rig.takes_ma())

    def test_measured(self) -> None:
        """The attached meter says what flows on each phase, and counts it."""
        rig = Rig()
        rig.run(5)
        rig.evse.put(of.CHARGING_CUR_LIMIT, 100)
        rig.plug_in(VehicleSettings(16_000, 2, 100_000))
        rig.run(60)
        names = (of.METER_FLAGS, of.CURRENT_L1, of.CURRENT_L2, of.CURRENT_L3, of.POWER)
        self.assertEqual([1, 100, 100, 0, 4600], [rig.evse.get(each) for each in names])
        self.assertEqual(76, rig.evse.get(of.ENERGY))

    def test_full(self) -> None:
        """A car that is full stays plugged in and takes nothing."""
        self.rig.box.unplug()
        self.rig.plug_in(VehicleSettings(16_000, 3, 10))
        self.rig.run(30)
        self.assertEqual(1, self.rig.evse.get(of.CHARGE_PILOT_STATE))
        self.assertEqual(160, self.rig.evse.get(of.CHARGING_CURRENT))
        self.assertEqual(10, self.rig.evse.get(of.ENERGY))

    def test_counts_between_requests(self) -> None:
        """What a request reads is what has flowed until then, not until the last change."""
        self.rig.run(5)
        # 11.04 kW.
        self.assertEqual(15, self.rig.evse.get(of.ENERGY))
        self.rig.clock.advance(0.75)
        self.assertEqual(17, self.rig.evse.get(of.ENERGY))

    def test_driver(self) -> None:
        """A driver comes with a car by himself, and leaves when it is full."""
        rig = Rig(arrives_after_s=2, car_needs_wh=5, leaves_after_s=10)
        rig.run(1.75)
        self.assertEqual(0, rig.evse.get(of.CHARGE_PILOT_STATE))
        rig.run(0.5)
        self.assertEqual(2, rig.evse.get(of.CHARGE_PILOT_STATE))
        rig.run(20)
        self.assertEqual(0, rig.evse.get(of.CHARGE_PILOT_STATE))
        self.assertEqual(5, rig.evse.get(of.ENERGY))


class FailsafeTests(SynchronousTestCase):
    """Nobody asks it anything any more."""

    def setUp(self) -> None:
        """A car that charges with 10 A; after 60 s of silence it may with 8 A."""
        self.rig = Rig()
        self.rig.evse.put(of.FAIL_SAFE_CURRENT, 80)
        self.rig.evse.put(of.FAIL_SAFE_DURATION, 60)
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, 100)
        self.rig.plug_in()

    def test_falls_back(self) -> None:
        """After the time, and not before, the failsafe current holds by itself."""
        self.rig.run(59.75)
        self.assertEqual(10_000, self.rig.box.flow.current_ma)
        self.rig.run(0.25)
        self.assertEqual(8_000, self.rig.box.flow.current_ma)

    def test_between_two_looks(self) -> None:
        """It holds from that moment on, and not from when the box looks at its car next."""
        self.rig.clock.advance(0.5)
        self.rig.evse.read(8092)
        self.rig.run(59.75)
        self.assertEqual(10_000, self.rig.box.flow.current_ma)
        self.rig.run(0.25)
        self.assertEqual(8_000, self.rig.box.flow.current_ma)

    def test_instead_of_the_limit(self) -> None:
        """It holds instead of what was ordered, also where that was less, or nothing."""
        self.rig.evse.put(of.CHARGING_ENABLE, 0)
        self.rig.run(60)
        self.assertEqual(8_000, self.rig.box.flow.current_ma)

    def test_until_the_next_contact(self) -> None:
        """One request, whatever it is, brings back what was ordered."""
        for ask in (
            lambda: self.rig.evse.read(8000),
            lambda: self.rig.evse.read(1),
            lambda: self.rig.evse.put(of.CHARGING_ENABLE, 1),
        ):
            self.rig.run(60)
            self.assertEqual(8_000, self.rig.box.flow.current_ma)
            ask()
            self.assertEqual(10_000, self.rig.box.flow.current_ma)

    def test_contact_prolongs(self) -> None:
        """Whoever asks now and then keeps it away."""
        for _ in range(5):
            self.rig.run(59)
            self.rig.evse.read(8092)
        self.assertEqual(10_000, self.rig.box.flow.current_ma)

    def test_meters_are_no_contact(self) -> None:
        """Who asks the S0 meters steers nothing."""
        for _ in range(6):
            self.rig.run(10)
            self.rig.meters[0].read(8058)
        self.assertEqual(8_000, self.rig.box.flow.current_ma)

    def test_stops(self) -> None:
        """A failsafe current of 0 stops the charge."""
        self.rig.evse.put(of.FAIL_SAFE_CURRENT, 0)
        self.rig.run(60)
        self.assertEqual(0, self.rig.box.flow.current_ma)

    def test_off(self) -> None:
        """A duration of 0 is none."""
        self.rig.evse.put(of.FAIL_SAFE_DURATION, 0)
        self.rig.run(4000)
        self.assertEqual(10_000, self.rig.box.flow.current_ma)

    def test_delivered(self) -> None:
        """As it is delivered it waits for 300 s, from its start on."""
        rig = Rig()
        rig.plug_in()
        rig.run(299.75)
        self.assertEqual(16_000, rig.box.flow.current_ma)
        rig.run(0.25)
        self.assertEqual(6_000, rig.box.flow.current_ma)


class Boot(SynchronousTestCase):
    """It starts again."""

    def test_boot_values(self) -> None:
        """Volatile registers have their boot values, and what is kept still stands there."""
        rig = Rig()
        orders = ((of.CHARGING_CUR_LIMIT, 70), (of.CHARGING_ENABLE, 1), (of.FIXED_CURRENT, 80))
        defaults = (of.DEF_CHARG_CUR_LIMIT, of.DEF_CHARGING_ENABLE, of.DEF_FIXED_CURRENT)
        for register, value in zip(defaults, (110, 0, 130), strict=True):
            rig.evse.put(register, value)
        for register, value in orders:
            rig.evse.put(register, value)
        rig.evse.put(of.FAIL_SAFE_CURRENT, 90)
        rig.evse.put(of.RELAY_SELECT, 1)
        rig.box.reboot()
        rig.run(1)
        self.assertEqual([110, 0, 130], [rig.evse.get(register) for register, _ in orders])
        self.assertEqual(90, rig.evse.get(of.FAIL_SAFE_CURRENT))
        self.assertEqual(0, rig.evse.get(of.RELAY_SELECT))

    def test_counters(self) -> None:
        """It counts its starts, and forgets the cards; its connections have ended."""
        rig = Rig()
        self.assertEqual(1, rig.evse.get(of.COUNT_RESTART))
        rig.box.show_card("04A1B2C3")
        rig.box.reboot()
        rig.run(0.75)
        self.assertEqual(1, rig.reboots)
        rig.run(0.25)
        self.assertEqual(2, rig.reboots)
        self.assertEqual(2, rig.evse.get(of.COUNT_RESTART))
        self.assertEqual(2, rig.meters[0].get(of.COUNT_RESTART))
        self.assertEqual(0, rig.evse.get(of.DETECTED_RFIDS))
        self.assertEqual("", rig.evse.get(of.LAST_RFID))

    def test_switched_off(self) -> None:
        """Nothing flows any more, as whoever measures beside it sees."""
        rig = Rig()
        rig.plug_in()
        self.assertEqual(16_000, rig.takes_ma())
        rig.stop()
        self.assertEqual(0, rig.box.flow.current_ma)

    def test_used(self) -> None:
        """Its meter has counted before, each box's something else, unless it is told."""
        readings = {self.reading(serial=serial) for serial in ("W00-0001", "W00-0002")}
        self.assertEqual(2, len(readings))
        for reading_wh in readings:
            self.assertTrue(1_000_000 <= reading_wh <= 10_000_000, reading_wh)
        self.assertIn(self.reading(serial="W00-0001"), readings)
        for told_wh in (0, 4711):
            self.assertEqual(told_wh, self.reading(told_wh))

    def reading(self, register_wh: int | None = None, **changed: str) -> int:
        """What the attached meter of a box shows after its start."""
        rig = Rig(register_wh=register_wh, **changed)
        rig.run(5)
        reading_wh = rig.evse.get(of.ENERGY)
        assert isinstance(reading_wh, int)
        return reading_wh

    def test_energy_is_late(self) -> None:
        """For some seconds after a start the energy reads 0, and then what it was, or more."""
        rig = Rig()
        rig.plug_in()
        rig.run(60)
        before = rig.evse.get(of.ENERGY)
        assert isinstance(before, int)
        self.assertGreater(before, 0)
        rig.box.reboot()
        rig.run(1)
        self.assertEqual(0, rig.evse.get(of.ENERGY))
        rig.run(4.75)
        self.assertEqual(0, rig.evse.get(of.ENERGY))
        rig.run(0.25)
        after = rig.evse.get(of.ENERGY)
        assert isinstance(after, int)
        self.assertGreaterEqual(after, before)

    def test_goes_on(self) -> None:
        """The car that is plugged in charges on, as it may after a start."""
        rig = Rig()
        rig.plug_in()
        rig.evse.put(of.CHARGING_CUR_LIMIT, 80)
        rig.box.reboot()
        rig.run(1)
        self.assertEqual(16_000, rig.takes_ma())

    def test_failsafe_anew(self) -> None:
        """The silence is counted from the start on."""
        rig = Rig()
        rig.plug_in()
        rig.run(290)
        rig.box.reboot()
        rig.run(300)
        self.assertEqual(16_000, rig.box.flow.current_ma)
        rig.run(1)
        self.assertEqual(6_000, rig.box.flow.current_ma)

    def test_flash_is_handed_on(self) -> None:
        """Another box with the same memory goes on where the first one was switched off."""
        flash = PowerBrainFlash()
        first = Rig(flash, s0_power_w=(3600, 0))
        first.evse.put(of.FAIL_SAFE_CURRENT, 100)
        first.evse.put(of.SLAVE_ID, 7)
        first.run(10)
        first.stop()
        self.assertEqual([], first.clock.getDelayedCalls())
        second = Rig(flash)
        self.assertEqual(7, second.box.evse_device.unit)
        self.assertEqual(100, second.evse.get(of.FAIL_SAFE_CURRENT))
        self.assertEqual(2, second.evse.get(of.COUNT_RESTART))
        self.assertEqual(10, second.meters[0].get(of.S0_ENERGY))
        self.assertEqual({"fail_safe_current": 1, "slave_id": 1}, flash.evse.writes)

    def test_power_fails(self) -> None:
        """What was written is kept, also by a box that was not switched off in order."""
        flash = PowerBrainFlash()
        meter = Rig(flash).meters[1]
        meter.put(of.S0_ENERGY, 1234)
        meter.put(of.PULSES, 567)
        again = Rig(flash).meters[1]
        self.assertEqual((1234, 567), (again.get(of.S0_ENERGY), again.get(of.PULSES)))

    def test_unit(self) -> None:
        """Another unit id counts from the next start on."""
        rig = Rig()
        rig.evse.put(of.SLAVE_ID, 9)
        device = rig.box.evse_device
        self.assertEqual([1], [unit for unit in range(256) if device.is_unit(unit)])
        rig.box.reboot()
        rig.run(1)
        self.assertEqual([9], [unit for unit in range(256) if device.is_unit(unit)])

    def test_stop(self) -> None:
        """Switched off at any moment it leaves nothing that would happen later."""
        for moment_s in (0, 1, 5, 60, 400):
            rig = Rig(arrives_after_s=2)
            rig.run(moment_s)
            rig.evse.put(of.DISCONNECT_CP, 30)
            rig.evse.put(of.RELAY_SELECT, 1)
            rig.stop()
            self.assertEqual([], rig.clock.getDelayedCalls())
