"""The register map: all of it is there, and what is asked wrongly is refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as of
from cfos_cm.wire.modbus import ExceptionCode
from cfos_cm.wire.registers import Access, Register

from .rig import Asker, Rig

ADDRESS = ExceptionCode.ILLEGAL_DATA_ADDRESS
VALUE = ExceptionCode.ILLEGAL_DATA_VALUE

#: What each that can be written takes, at its ends, and what is just beyond.
RANGES: tuple[tuple[Register, tuple[int, ...], tuple[int, ...]], ...] = (
    (of.SLAVE_ID, (1, 247), (0, 248)),
    (of.COUNT_RESTART, (0, 0xFFFF_FFFF), ()),
    (of.DEF_FIXED_CURRENT, (0, 60, 630), (59, 631)),
    (of.DEF_CHARG_CUR_LIMIT, (60, 630), (0, 59, 631)),
    (of.DEF_CHARGING_ENABLE, (0, 1), (2,)),
    (of.FAIL_SAFE_DURATION, (0, 0xFFFF_FFFF), ()),
    (of.FAIL_SAFE_CURRENT, (0, 60, 630), (59, 631)),
    (of.DISCONNECT_CP, (0, 0xFFFF), ()),
    (of.RELAY_SELECT, (0, 1), (2,)),
    (of.FIXED_CURRENT, (0, 60, 630), (59, 631)),
    (of.CHARGING_CUR_LIMIT, (60, 630), (0, 59, 631)),
    (of.CHARGING_ENABLE, (0, 1), (2,)),
)
METER_RANGES: tuple[tuple[Register, tuple[int, ...], tuple[int, ...]], ...] = (
    (of.SLAVE_ID, (1, 247), (0, 248)),
    (of.PULSES_PER_KWH, (1, 1_000_000), (0, 1_000_001)),
    (of.PHASES, (0, 7), (8,)),
    (of.VOLTAGE_L1, (1, 500), (0, 501)),
    (of.PULSES, (0, 1 << 40), ()),
    (of.S0_ENERGY, (0, 1 << 40), ()),
)


class Map(SynchronousTestCase):
    """Which registers there are."""

    def test_whole(self) -> None:
        """Each device has exactly the registers of its table."""
        rig = Rig()
        self.assertEqual({*of.IDENTIFICATION, *of.EVSE}, rig.box.evse_device.memory.registers)
        for device in rig.box.meter_devices:
            self.assertEqual({*of.IDENTIFICATION, *of.S0_METER}, device.memory.registers)

    def test_all_can_be_read(self) -> None:
        """Every register that may be read says something that it can say."""
        rig = Rig()
        tables = (of.EVSE, of.S0_METER, of.S0_METER)
        for asker, table in zip((rig.evse, *rig.meters), tables, strict=True):
            for register in (*of.IDENTIFICATION, *table):
                if register.access is not Access.WRITE:
                    asker.get(register)

    def test_access(self) -> None:
        """What can be written is what the table says can be."""
        rig = Rig()
        for asker in (rig.evse, rig.meters[0]):
            for register in asker.device.memory.registers:
                refused = asker.write(register.address, *[0xFFFF] * register.count)
                writable = register.access is not Access.READ
                self.assertEqual(not writable, refused.exception_code == ADDRESS, register.name)

    def test_largest(self) -> None:
        """Whatever is written everywhere, all of it can be read."""
        rig = Rig()
        for asker in (rig.evse, rig.meters[0]):
            registers = asker.device.memory.registers
            for word in (0xFFFF, 0x7FFF, 1, 0):
                for register in registers:
                    asker.write(register.address, *[word] * register.count)
                rig.run(1)
                for register in registers:
                    if register.access is not Access.WRITE:
                        asker.get(register)

    def test_identification(self) -> None:
        """It says what it is, as one of them was seen to."""
        rig = Rig(serial="fcf5-c46")
        for asker, device_id in ((rig.evse, 0x100), (rig.meters[1], 0x101)):
            self.assertEqual(
                (0xCF05, 0, 1, device_id, 0x0100, 0, 0x0100, 0, 26211, 26165, 11619, 13366),
                asker.read(8000, 12).registers,
            )
            self.assertEqual("cFos Power Brain Controller", asker.get(of.NAME))

    def test_blocks(self) -> None:
        """What a driver reads at once can be."""
        rig = Rig()
        plans = (of.READ_ON_CONNECTION, of.READ_FOR_STATE, of.READ_FOR_SETTINGS)
        for block in (block for plan in (*plans, of.READ_FOR_METER) for block in plan):
            self.assertIsNone(rig.evse.read(block.address, block.count).exception_code)
        for block in of.READ_S0_METER:
            self.assertIsNone(rig.meters[0].read(block.address, block.count).exception_code)

    def test_half_a_value(self) -> None:
        """The words of a longer value can be read one by one."""
        rig = Rig()
        rig.meters[0].put(of.S0_ENERGY, 0x0001_0002_0003_0004)
        self.assertEqual(
            [(1,), (2,), (3,), (4,)],
            [rig.meters[0].read(address).registers for address in range(8058, 8062)],
        )
        self.assertEqual((3, 4, 0), rig.meters[0].read(8060, 3).registers)

    def test_no_meter(self) -> None:
        """Where no meter is attached that is said, and its registers are not there."""
        rig = Rig(has_meter=False)
        self.assertEqual(0, rig.evse.get(of.HAS_METER))
        for register in (of.METER_FLAGS, of.ENERGY, of.POWER, of.CURRENT_L3):
            self.assertEqual(ADDRESS, rig.evse.read(register.address).exception_code)
        self.assertEqual(1, Rig().evse.get(of.HAS_METER))


class Refusals(SynchronousTestCase):
    """What is refused, and how."""

    def test_holes(self) -> None:
        """What is not there can neither be read nor written, nor be read over."""
        rig = Rig()
        for address in (0, 7999, 8032, 8041, 8048, 8072, 8089, 8114, 8122, 65535):
            self.assertEqual(ADDRESS, rig.evse.read(address).exception_code)
            self.assertEqual(ADDRESS, rig.evse.write(address, 1).exception_code)
        self.assertEqual(ADDRESS, rig.evse.read(8088, 3).exception_code)
        self.assertEqual(ADDRESS, rig.evse.read(65535, 2).exception_code)

    def test_write_only(self) -> None:
        """What can only be written cannot be read."""
        self.assertEqual(ADDRESS, Rig().meters[0].read(8070).exception_code)

    def test_ranges(self) -> None:
        """What is out of its range is refused, and what stood there still does."""
        rig = Rig()
        for asker, table in ((rig.evse, RANGES), (rig.meters[0], METER_RANGES)):
            for register, good, bad in table:
                for value in good:
                    self.assertIsNone(asker.put(register, value), (register.name, value))
                    self.assertEqual(value, asker.get(register), register.name)
                for value in bad:
                    self.assertEqual(VALUE, asker.put(register, value), register.name)
                    self.assertEqual(good[-1], asker.get(register), register.name)
                self.put_back(asker, register)

    def put_back(self, asker: Asker, register: Register) -> None:
        """Undo what would disturb the next."""
        if register is of.DISCONNECT_CP:
            asker.put(register, 0)

    def test_half_a_write(self) -> None:
        """A longer value is written as a whole."""
        rig = Rig()
        for address, values in ((8083, (1,)), (8084, (1,)), (8084, (1, 60)), (8082, (1, 0))):
            self.assertEqual(VALUE, rig.evse.write(address, *values).exception_code)
        self.assertEqual(300, rig.evse.get(of.FAIL_SAFE_DURATION))

    def test_all_or_nothing(self) -> None:
        """Several are written at once, or none of them is."""
        rig = Rig()
        self.assertIsNone(rig.evse.write(8093, 100, 0).exception_code)
        self.assertEqual((100, 0), rig.evse.read(8093, 2).registers)
        self.assertEqual(VALUE, rig.evse.write(8093, 120, 2).exception_code)
        self.assertEqual(ADDRESS, rig.evse.write(8093, 120, 1, 120).exception_code)
        self.assertEqual((100, 0), rig.evse.read(8093, 2).registers)
        self.assertEqual({}, rig.box.flash.evse.writes)


class Wear(SynchronousTestCase):
    """What the flash memory bears."""

    def test_counted(self) -> None:
        """Each write of what is kept is counted, also of what stood there."""
        rig = Rig()
        for _ in range(3):
            rig.evse.put(of.FAIL_SAFE_CURRENT, 60)
        rig.evse.put(of.FAIL_SAFE_CURRENT, 59)
        rig.evse.get(of.FAIL_SAFE_CURRENT)
        rig.meters[1].put(of.S0_ENERGY, 5)
        rig.meters[1].put(of.RESET_ENERGY, 1)
        flash = rig.box.flash
        self.assertEqual({"fail_safe_current": 3}, flash.evse.writes)
        self.assertEqual({"energy": 1, "reset_energy": 1}, flash.meters[1].writes)
        self.assertEqual({}, flash.meters[0].writes)

    def test_volatile(self) -> None:
        """What may be written often wears nothing out."""
        rig = Rig()
        volatile = [register for register in of.EVSE if register.is_volatile]
        self.assertEqual(6, len(volatile))
        for register in volatile:
            self.assertIsNone(rig.evse.put(register, 60 if register.unit == "0.1 A" else 1))
        self.assertEqual({}, rig.box.flash.evse.writes)
