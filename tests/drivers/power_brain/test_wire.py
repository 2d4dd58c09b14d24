"""The bytes that are said to a box."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.wire.modbus import Codec, Framing, Read, Request, Write
from cfos_cm.wire.registers import Register
from tests.drivers.power_brain.site import BoxCase, setpoint


def crc(data: bytes) -> bytes:
    """MODBUS over Serial Line V1.02, 6.2.2: the low byte is sent first."""
    register = 0xFFFF
    for one in data:
        register ^= one
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def read(register: Register) -> Read:
    """A request for one register."""
    return Read(on.EVSE_UNIT, register.address, register.count)


def write(register: Register, value: int) -> Write:
    """An order to hold a value."""
    return Write(on.EVSE_UNIT, register.address, register.encode(value))


class FrameTests(SynchronousTestCase):
    """As they were recorded, or follow from the documentation."""

    def assert_said(self, pdu: str, request: Request) -> None:
        """What is said by both framings: the unit and the PDU, with what is around it."""
        adu = bytes.fromhex(pdu)
        header = bytes.fromhex("00 07 00 00") + len(adu).to_bytes(2, "big")
        self.assertEqual(header + adu, Codec(Framing.TCP).encode(request, 7))
        self.assertEqual(adu + crc(adu), Codec(Framing.RTU).encode(request))

    def test_enabled(self) -> None:
        """The request that was traced in the field: may it charge?"""
        self.assert_said("01 03 1f 9e 00 01", read(on.CHARGING_ENABLE))

    def test_limit(self) -> None:
        """16 A, by function 6."""
        self.assert_said("01 06 1f 9d 00 a0", write(on.CHARGING_CUR_LIMIT, 160))

    def test_failsafe(self) -> None:
        """180 s, by function 16: two registers, the high word first."""
        self.assert_said("01 10 1f 93 00 02 04 00 00 00 b4", write(on.FAIL_SAFE_DURATION, 180))

    def test_checksum(self) -> None:
        """One that is known."""
        self.assertEqual(bytes.fromhex("c5cd"), crc(bytes.fromhex("01 03 00 00 00 0a")))


class DriverTests(BoxCase):
    """What the driver says itself."""

    def said(self, framing: Framing) -> list[bytes]:
        """All that it has said to a box that may not charge and is told to, with 16 A."""
        self.make(framing=framing)
        self.box[on.CHARGING_ENABLE] = 0
        self.box[on.CHARGING_CUR_LIMIT] = 60
        self.evse.start()
        # A serial line needs some silence between two frames.
        self.run_for(0.5, step_s=0.005)
        ordered = self.evse.apply(setpoint(16), None, False)
        self.run_for(0.25, step_s=0.005)
        self.successResultOf(ordered)
        return [frame[6:] if framing is Framing.TCP else frame[:-2] for frame in self.box.heard]

    def test_written(self) -> None:
        """The same by both framings: the limit, a look at it, then the rest."""
        for framing in Framing:
            said = self.said(framing)
            self.assertIn(bytes.fromhex("01 10 1f 93 00 02 04 00 00 00 b4"), said)
            self.assertEqual(
                [
                    "01061f9d00a0",
                    "01031f9d0001",
                    "01061f9e0001",
                    "01031f9e0001",
                ],
                [frame.hex() for frame in said[-4:]],
            )
