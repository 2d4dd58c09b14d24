"""The registers of the Power Brain, as its documentation has them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.wire.registers import Access, Block, Register, RegisterType, Value

#: Address, registers, access, name, and whether it may be written regularly.
EVSE = """
8057 1 r meter_flags
8058 4 r energy
8062 2 r power
8064 2 r current_l1
8066 2 r current_l2
8068 2 r current_l3
8080 1 rw def_fixed_current
8081 1 rw def_charg_cur_limit
8082 1 rw def_charging_enable
8083 2 rw fail_safe_duration
8085 1 rw fail_safe_current
8086 1 rw disconnect_cp volatile
8087 1 rw relay_select volatile
8088 1 rw relay2 volatile
8090 1 r cable_current
8091 1 rw fixed_current volatile
8092 1 r charge_pilot_state
8093 1 rw charging_cur_limit volatile
8094 1 rw charging_enable volatile
8095 1 r charging_current
8096 15 r last_rfid
8111 1 r detected_rfids
8112 1 r has_meter
8113 1 r s0_inputs
"""
IDENTIFICATION = """
8000 2 r vendor_id
8002 1 r product_id
8003 1 r device_id
8004 1 r product_version
8005 1 r product_build
8006 1 r mapping_version
8007 1 r padding_1
8008 8 r serial_no
8016 16 r name
8040 1 rw slave_id
8120 2 rw count_restart
"""
S0_METER = """
8041 1 r input
8042 2 rw pulsesperkwh
8044 1 rw phases
8045 1 rw voltage_l1
8046 1 rw voltage_l2
8047 1 rw voltage_l3
8050 4 rw pulses
8054 2 r timeperpulse
8056 1 r level
8057 1 r meter_flags
8058 4 rw energy
8062 2 r power
8064 2 r current_l1
8066 2 r current_l2
8068 2 r current_l3
8070 1 w reset_pulses
8071 1 w reset_energy
"""
#: What nobody has said to exist, at the EVSE.
HOLES = {
    *range(8032, 8040),
    *range(8041, 8057),
    *range(8072, 8080),
    8089,
    *range(8114, 8120),
}

registers = st.sampled_from((*on.IDENTIFICATION, *on.EVSE, *on.S0_METER))


def row(register: Register) -> str:
    """A register as it stands in the tables above."""
    volatile = " volatile" if register.is_volatile else ""
    count = register.count
    return f"{register.address} {count} {register.access} {register.name}{volatile}"


def values_of(register: Register) -> st.SearchStrategy[Value]:
    """All that may stand in a register."""
    if register.type is RegisterType.TEXT:
        letters = st.characters(min_codepoint=1, max_codepoint=255)
        texts = st.text(letters, max_size=2 * register.count)
        return texts.filter(lambda one: one == one.rstrip())
    bits = 16 * register.count
    least = -(1 << (bits - 1)) if register.type in (RegisterType.I16, RegisterType.I32) else 0
    return st.integers(least, least + (1 << bits) - 1)


class TableTests(SynchronousTestCase):
    """What is where."""

    def test_rows(self) -> None:
        """Each register is where it is documented, with its name, and none is missing."""
        for table, documented in (
            (on.EVSE, EVSE),
            (on.IDENTIFICATION, IDENTIFICATION),
            (on.S0_METER, S0_METER),
        ):
            self.assertEqual(documented.split("\n")[1:-1], [row(one) for one in table])

    def test_no_overlap(self) -> None:
        """No two registers of one device are at the same place."""
        for table in (on.EVSE, on.S0_METER):
            both = sorted((*on.IDENTIFICATION, *table), key=lambda one: one.address)
            for one, other in pairwise(both):
                self.assertLess(one.addresses[-1], other.address)

    def test_types(self) -> None:
        """Numbers of several registers, and the one that may be below 0."""
        found = {one.name: one.type for one in (*on.IDENTIFICATION, *on.EVSE, *on.S0_METER)}
        signed = {name for name, kind in found.items() if kind.value.startswith("i")}
        self.assertEqual({"power"}, signed)
        long = {name for name, kind in found.items() if kind is RegisterType.U64}
        self.assertEqual({"energy", "pulses"}, long)

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.data())
    def test_inverse(self, data: st.DataObject) -> None:
        """What is written is what is read, whatever the register."""
        register = data.draw(registers)
        value = data.draw(values_of(register))
        words = register.encode(value)
        self.assertEqual(register.count, len(words))
        self.assertEqual(value, register.decode(words))

    def test_captured(self) -> None:
        """What a box was seen to say."""
        self.assertEqual(0xCF050000, on.VENDOR_ID.decode((0xCF05, 0)))
        words = (26211, 26165, 11619, 13366, 0, 0, 0, 0)
        self.assertEqual("fcf5-c46", on.SERIAL_NO.decode(words))
        self.assertEqual(-1, on.POWER.decode((0xFFFF, 0xFFFF)))


class PlanTests(SynchronousTestCase):
    """What is read at once."""

    def test_blocks(self) -> None:
        """As few requests as there can be."""
        self.assertEqual((Block(8000, 32), Block(8120, 2)), on.READ_ON_CONNECTION)
        self.assertEqual((Block(8090, 24),), on.READ_FOR_STATE)
        self.assertEqual((Block(8080, 9),), on.READ_FOR_SETTINGS)
        self.assertEqual((Block(8057, 13),), on.READ_FOR_METER)
        self.assertEqual((Block(8057, 13),), on.READ_S0_METER)

    def test_no_holes(self) -> None:
        """Nothing is read that no box is known to have."""
        blocks = (
            *on.READ_ON_CONNECTION,
            *on.READ_FOR_STATE,
            *on.READ_FOR_SETTINGS,
            *on.READ_FOR_METER,
        )
        read = {address for block in blocks for address in block.addresses}
        self.assertEqual(set(), read & HOLES)

    def test_readable(self) -> None:
        """What can only be written is not read."""
        written = {one.name for one in on.S0_METER if one.access is Access.WRITE}
        self.assertEqual({"reset_pulses", "reset_energy"}, written)
