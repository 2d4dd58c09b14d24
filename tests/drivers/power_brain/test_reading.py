"""What the registers of a box say."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.reading import (
    PilotState,
    PowerBrainReading,
    identity_of,
    read_box,
)
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from cfos_cm.site.measured import NOTHING_MEASURED
from cfos_cm.wire.registers import Register, Snapshot, Value
from tests.drivers.power_brain.box import factory_words
from tests.drivers.power_brain.site import SETTINGS

THREE_AMPS = {on.CURRENT_L1: 30, on.CURRENT_L2: 31, on.CURRENT_L3: 32}


def held(values: dict[Register, Value] | None = None) -> Snapshot:
    """What a box holds that came from the factory, but for some registers."""
    words = factory_words()
    for register, value in (values or {}).items():
        words.update(zip(register.addresses, register.encode(value), strict=True))
    return Snapshot(words)


def read(values: dict[Register, Value], phases: str = "L1 L2 L3") -> PowerBrainReading:
    """What that says."""
    wired = tuple(Phase(one) for one in phases.split())
    return read_box(held(values), evolve(SETTINGS, phases=wired))


class StateTests(SynchronousTestCase):
    """The control pilot."""

    def test_occupancies(self) -> None:
        """Each state that is documented, and those that are not."""
        expected = {
            0: (Occupancy.FREE, PilotState.A),
            1: (Occupancy.PLUGGED, PilotState.B),
            2: (Occupancy.CHARGING, PilotState.C),
            3: (Occupancy.CHARGING, PilotState.D),
            4: (Occupancy.FAULTED, PilotState.E),
            5: (Occupancy.FAULTED, PilotState.F),
            6: (Occupancy.FAULTED, PilotState.UNKNOWN),
            9: (Occupancy.FAULTED, PilotState.DC_FAULT),
            65_535: (Occupancy.FAULTED, PilotState.UNKNOWN),
        }
        for number, said in expected.items():
            found = read({on.CHARGE_PILOT_STATE: number})
            self.assertEqual(said, (found.occupancy, found.pilot), number)
            self.assertEqual(said[0] is Occupancy.FAULTED, found.fault is not None, number)

    def test_too_hot(self) -> None:
        """State 5 is an error by its documentation, and heat by its users: both are said."""
        fault = read({on.CHARGE_PILOT_STATE: 5}).fault
        self.assertIn("F: an error", str(fault))
        self.assertIn("too hot", str(fault))

    def test_faults(self) -> None:
        """The others are told apart, and one that nobody knows by its number."""
        for number, word in ((4, "no power"), (9, "residual direct current"), (77, "77")):
            self.assertIn(word, str(read({on.CHARGE_PILOT_STATE: number}).fault))

    def test_interrupted(self) -> None:
        """While the control pilot is interrupted its state is frozen, and says nothing."""
        found = read({on.CHARGE_PILOT_STATE: 5, on.DISCONNECT_CP: 3})
        self.assertEqual((None, None, None), (found.pilot, found.occupancy, found.fault))


class ValueTests(SynchronousTestCase):
    """Everything else."""

    def test_steering(self) -> None:
        """Currents are in milliamps, switches are switches."""
        found = read(
            {
                on.CHARGING_CUR_LIMIT: 135,
                on.CHARGING_CURRENT: 72,
                on.CHARGING_ENABLE: 0,
            }
        )
        self.assertEqual((13_500, 7200), (found.limit_ma, found.signalled_ma))
        self.assertEqual((False, True), (found.is_enabled, read({}).is_enabled))

    def test_tag(self) -> None:
        """Of 30 digits the site knows the first 20, in capitals."""
        self.assertIsNone(read({}).tag)
        self.assertEqual("04A1B2C3", read({on.LAST_RFID: "04a1b2c3"}).tag)
        long = "0123456789abcdef0123456789abcd"
        self.assertEqual("0123456789ABCDEF0123", read({on.LAST_RFID: long}).tag)

    def test_no_tag(self) -> None:
        """What cannot be an idTag is none."""
        self.assertIsNone(read({on.LAST_RFID: "\x01\x02"}).tag)
        self.assertIsNone(read({on.LAST_RFID: "\xe4\xf6"}).tag)

    def test_identity(self) -> None:
        """Version and build in one, as it says it itself."""
        self.assertEqual(
            DeviceIdentity("cFos", "Power Brain Controller", "fcf5-c46", "1.12.1200"),
            identity_of(held()),
        )

    def test_nameless(self) -> None:
        """Registers that hold nothing readable are no names."""
        found = identity_of(held({on.NAME: "", on.SERIAL_NO: "\x7f"}))
        self.assertEqual(("Power Brain", None), (found.model, found.serial_number))

    def test_another_device(self) -> None:
        """Whatever answers there instead is not steered."""
        with self.assertRaises(RemoteProtocolError) as caught:
            identity_of(held({on.VENDOR_ID: 0x0000CF05}))
        self.assertIn("0x0000CF05", str(caught.exception))

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(st.lists(st.integers(0, 0xFFFF), min_size=130, max_size=130))
    def test_anything(self, words: list[int]) -> None:
        """Whatever stands in its registers can be read, and is within bounds."""
        snapshot = Snapshot(dict(zip(range(8000, 8130), words, strict=True)))
        found = read_box(snapshot, SETTINGS)
        self.assertLessEqual(len(found.tag or ""), 20)
        flow = found.measured
        self.assertLessEqual(0 if flow.currents is None else flow.currents.maximum(), 10**6)
        self.assertLessEqual(abs(flow.power_w or 0), 10**6)
        self.assertLessEqual(flow.energy_wh or 0, 10**12)


class MeterTests(SynchronousTestCase):
    """The meter that is attached to it."""

    def currents(self, phases: str) -> PhaseCurrents | None:
        """On the supply's phases, of an EVSE that is wired so."""
        return read(THREE_AMPS, phases).measured.currents

    def test_phases(self) -> None:
        """Its own phases are the supply's in the order in which they are wired."""
        self.assertEqual(PhaseCurrents(3000, 3100, 3200), self.currents("L1 L2 L3"))
        self.assertEqual(PhaseCurrents(3200, 3000, 3100), self.currents("L2 L3 L1"))
        self.assertEqual(PhaseCurrents(0, 0, 3000), self.currents("L3"))

    def test_measured_whatever_the_relay(self) -> None:
        """A current that flows is told, also where only one phase was selected."""
        found = read(THREE_AMPS | {on.RELAY_SELECT: 1}).measured.currents
        self.assertEqual(PhaseCurrents(3000, 3100, 3200), found)

    def test_sum_only(self) -> None:
        """A meter without values of each phase tells the power, and no currents."""
        found = read(THREE_AMPS | {on.METER_FLAGS: 0, on.POWER: 2070}).measured
        self.assertEqual(
            (None, 2070, 123_456), (found.currents, found.power_w, found.energy_wh)
        )

    def test_none(self) -> None:
        """Where there is no meter its registers say nothing."""
        self.assertEqual(NOTHING_MEASURED, read(THREE_AMPS | {on.HAS_METER: 0}).measured)

    def test_negative(self) -> None:
        """The power may be below 0."""
        self.assertEqual(-1, read({on.POWER: -1}).measured.power_w)

    def test_draw(self) -> None:
        """What flows at most on one phase, by what there is to know it from."""
        charging: dict[Register, Value] = {on.CHARGE_PILOT_STATE: 2, on.CHARGING_CURRENT: 160}
        sums = charging | {on.METER_FLAGS: 0}
        blind = charging | {on.HAS_METER: 0}
        for values, draw_ma in (
            (charging | THREE_AMPS, 3200),
            (sums | {on.POWER: 2300}, 10_000),
            # It could not be more than what the car was told, whatever the phases.
            (sums | {on.POWER: 11_000}, 16_000),
            (sums | {on.POWER: -500}, 0),
            (blind, 16_000),
            (blind | {on.CHARGE_PILOT_STATE: 1}, 0),
            (blind | {on.CHARGE_PILOT_STATE: 1, on.DISCONNECT_CP: 2}, 16_000),
        ):
            self.assertEqual(draw_ma, read(values).draw_ma, values)
