"""The meters at the S0 inputs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as of

from .rig import Asker, Rig

CURRENTS = (of.CURRENT_L1, of.CURRENT_L2, of.CURRENT_L3)


class Counting(SynchronousTestCase):
    """A load of 3.6 kW: one pulse in a second."""

    def setUp(self) -> None:
        """The box."""
        self.rig = Rig(s0_power_w=(3600, 0))
        self.meter, self.other = self.rig.meters

    def test_pulses(self) -> None:
        """Pulses and energy are counted, and the time between two pulses is known."""
        self.rig.run(10.5)
        names = (of.PULSES, of.S0_ENERGY, of.TIME_PER_PULSE, of.POWER, of.PULSES_PER_KWH)
        self.assertEqual([10, 10, 1000, 3600, 1000], [self.meter.get(each) for each in names])
        self.assertEqual([0, 0, 0, 0, 1000], [self.other.get(each) for each in names])

    def test_level(self) -> None:
        """In a pulse, and only then, current flows, which both registers say."""
        seen = []
        for seconds in (0, 1, 0.02, 0.02, 0.95, 0.02):
            self.rig.clock.advance(seconds)
            seen.append((self.meter.get(of.LEVEL), self.rig.evse.get(of.S0_INPUTS)))
        off, on = (1, 0x100), (0, 0x101)
        self.assertEqual([off, on, on, off, off, on], seen)

    def test_second_input(self) -> None:
        """The second meter's input is the second bit."""
        rig = Rig(s0_power_w=(0, 3600))
        rig.run(1)
        self.assertEqual(0x102, rig.evse.get(of.S0_INPUTS))

    def test_other_load(self) -> None:
        """Another load counts from then on; none counts nothing."""
        self.rig.run(10)
        self.rig.box.s0_meters[0].put_power(7200)
        self.rig.run(10)
        self.assertEqual(
            (30, 500), (self.meter.get(of.PULSES), self.meter.get(of.TIME_PER_PULSE))
        )
        self.rig.box.s0_meters[0].put_power(0)
        self.rig.run(10)
        names = (of.PULSES, of.TIME_PER_PULSE, of.POWER, of.LEVEL)
        self.assertEqual([30, 0, 0, 1], [self.meter.get(each) for each in names])

    def test_pulses_per_kwh(self) -> None:
        """Another rate counts from then on, and changes no energy."""
        self.rig.run(10)
        self.meter.put(of.PULSES_PER_KWH, 2000)
        self.rig.run(10)
        names = (of.PULSES, of.S0_ENERGY, of.TIME_PER_PULSE)
        self.assertEqual([30, 20, 500], [self.meter.get(each) for each in names])

    def test_set(self) -> None:
        """Both counters can be set, and go on from there, each by itself."""
        self.meter.put(of.S0_ENERGY, 1_000_000)
        self.meter.put(of.PULSES, 77)
        self.rig.run(10)
        self.assertEqual((87, 1_000_010), self.counters())
        self.rig.run(10)
        self.meter.put(of.S0_ENERGY, 5)
        self.meter.put(of.PULSES, 6)
        self.assertEqual((6, 5), self.counters())

    def test_largest(self) -> None:
        """The largest number that fits in is counted from, and then begins anew."""
        largest = (1 << 64) - 1
        self.meter.put(of.S0_ENERGY, largest)
        self.meter.put(of.PULSES, largest)
        self.assertEqual((largest, largest), self.counters())
        self.rig.run(10)
        self.assertEqual((9, 9), self.counters())

    def test_little_power(self) -> None:
        """A time between two pulses that does not fit in is the longest that does."""
        self.rig.box.s0_meters[0].put_power(0.0001)
        self.assertEqual((1 << 32) - 1, self.meter.get(of.TIME_PER_PULSE))

    def test_reset(self) -> None:
        """Each counter has a register that resets it, by a 1 and nothing else."""
        self.rig.run(10)
        for register in (of.RESET_PULSES, of.RESET_ENERGY):
            for value in (0, 2):
                self.assertEqual(3, self.meter.put(register, value))
        self.assertIsNone(self.meter.put(of.RESET_PULSES, 1))
        self.assertEqual((0, 10), self.counters())
        self.assertIsNone(self.meter.put(of.RESET_ENERGY, 1))
        self.assertEqual((0, 0), self.counters())

    def test_time_lapse(self) -> None:
        """With a time lapse more is counted, of the same power."""
        rig = Rig(s0_power_w=(3600, 0), time_lapse=60)
        rig.run(10)
        self.assertEqual(600, rig.meters[0].get(of.S0_ENERGY))
        self.assertEqual(3600, rig.meters[0].get(of.POWER))

    def counters(self) -> tuple[object, object]:
        """Pulses and energy."""
        return self.meter.get(of.PULSES), self.meter.get(of.S0_ENERGY)


class Phases(SynchronousTestCase):
    """The currents are calculated."""

    def currents(self, meter: Asker) -> list[object]:
        """On L1, L2 and L3. [0.1 A]"""
        return [meter.get(register) for register in CURRENTS]

    def test_phases(self) -> None:
        """The power is spread over the phases that the load is taken to be on."""
        meter = Rig(s0_power_w=(6900, 0)).meters[0]
        for phases, currents in (
            (0b111, [100, 100, 100]),
            (0b101, [150, 0, 150]),
            (0b010, [0, 300, 0]),
            (0, [0, 0, 0]),
        ):
            meter.put(of.PHASES, phases)
            self.assertEqual(currents, self.currents(meter))
            self.assertEqual(int(phases > 0), meter.get(of.METER_FLAGS))

    def test_voltage(self) -> None:
        """They follow from the voltages that are set."""
        meter = Rig(s0_power_w=(6900, 0)).meters[0]
        meter.put(of.VOLTAGE_L2, 460)
        self.assertEqual([100, 50, 100], self.currents(meter))
