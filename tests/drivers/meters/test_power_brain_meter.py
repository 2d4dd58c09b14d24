"""The meters of a Power Brain."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IMeter, IMeterMaker
from cfos_cm.drivers.meters.power_brain_meter import MAKER, s0_unit
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.memories import BOOT_S
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.events import MeterMeasured
from cfos_cm.wire.registers import Register, Value
from tests.drivers.meters.world import MeterCase, device, words_of

S0: dict[Register, Value] = {
    on.METER_FLAGS: 1,
    on.S0_ENERGY: 4321,
    on.POWER: 2300,
    on.CURRENT_L1: 51,
    on.CURRENT_L2: 49,
    on.CURRENT_L3: 0,
}
WITH_PHASES = MeterMeasured("meter", PhaseCurrents(5100, 4900, 0), 2300, 4321)


class Case(MeterCase):
    """Has a meter of a Power Brain."""

    def hold(self, *changes: tuple[Register, Value]) -> None:
        """Its registers; those of a meter at an S0 input, unless others are said."""
        self.fake.words[3] |= words_of({**S0, **dict(changes)})


class S0Tests(Case):
    """At an S0 input."""

    def test_read(self) -> None:
        """Everything by one request, without a question whether it is there."""
        self.hold()
        meter = self.start(MAKER, device(unit=2))
        verifyObject(IMeter, meter)
        self.assertEqual(WITH_PHASES, self.one())
        self.assertEqual([(3, 8057, 13)], self.fake.asked)

    def test_frames(self) -> None:
        """Its registers as they were read from a box: an idle meter, which says -1 W."""
        words = (0, 0, 0, 0, 4321, 0xFFFF, 0xFFFF, 0, 0, 0, 0, 0, 0)
        self.fake.words[3] = dict(zip(range(8057, 8070), words, strict=True))
        self.start(MAKER, device(unit=3))
        self.assertEqual(MeterMeasured("meter", None, -1, 4321), self.one())

    def test_by_port(self) -> None:
        """Where the port says which meter it is, that one's unit id is asked."""
        self.hold()
        for port, unit in ((4702, 2), (4703, 3)):
            self.fake.unit = unit
            meter = self.make(MAKER, device(address=f"tcp:192.0.2.6:{port}"))
            meter.start()
            self.run_for(0)
            self.assertEqual([WITH_PHASES], self.measured())
            self.leave(meter)

    def test_by_unit_and_port(self) -> None:
        """A unit id of an S0 input is asked at any port."""
        self.hold()
        self.start(MAKER, device(unit=3, address="tcp:192.0.2.6:4702"))
        self.assertEqual(WITH_PHASES, self.one())

    def test_sums(self) -> None:
        """Without currents of each phase those that it shows are not told."""
        self.hold((on.METER_FLAGS, 0))
        self.start(MAKER, device(unit=2))
        self.assertEqual(MeterMeasured("meter", None, 2300, 4321), self.one())

    def test_one_phase(self) -> None:
        """Unless it is on one phase, which is said."""
        self.hold((on.METER_FLAGS, 0))
        self.start(MAKER, device(unit=2, phases=(Phase.L3,)))
        self.assertEqual(PhaseCurrents(0, 0, 10_000), self.one().currents)

    def test_energy_after_start(self) -> None:
        """A register of 0 is not believed before it has been 0 for a while."""
        self.hold((on.S0_ENERGY, 0))
        self.start(MAKER, device(unit=2))
        self.assertIsNone(self.one().energy_wh)
        self.run_for(BOOT_S + 2)
        self.assertEqual(0, self.measured()[-1].energy_wh)

    def test_energy_after_restart(self) -> None:
        """A register that was higher before is not believed to be 0."""
        self.hold()
        self.start(MAKER, device(unit=2))
        self.measured()
        self.hold((on.S0_ENERGY, 0))
        self.run_for(BOOT_S + 2)
        self.assertEqual({None}, {event.energy_wh for event in self.measured()})
        self.hold((on.S0_ENERGY, 4400))
        self.run_for(2)
        self.assertEqual(4400, self.measured()[-1].energy_wh)

    def test_nonsense(self) -> None:
        """A current that cannot be is not told, and not taken for nothing."""
        self.hold((on.CURRENT_L2, 0xFFFFFFFF))
        self.start(MAKER, device(unit=2))
        self.assertEqual((None, 2300), (self.one().currents, 2300))


class AttachedTests(Case):
    """Attached to the box itself."""

    def test_read(self) -> None:
        """It is asked each time whether there is one."""
        self.hold((on.HAS_METER, 1))
        self.start(MAKER, device(unit=1, address="tcp:192.0.2.6:4701"))
        self.assertEqual(WITH_PHASES, self.one())
        self.assertEqual([(3, 8112, 1), (3, 8057, 13)], self.fake.asked)

    def test_none(self) -> None:
        """A box without one is not read."""
        self.hold((on.HAS_METER, 0))
        self.start(MAKER, device(unit=1, address="tcp:192.0.2.6:4701"))
        self.run_for(3)
        self.assertEqual([], self.measured())
        self.hold((on.HAS_METER, 1))
        self.run_for(5)
        self.assertTrue(self.measured())
        self.hold((on.HAS_METER, 0))
        self.run_for(5)
        self.assertEqual(
            ["no meter is attached to the box: has_meter, register 8112, is 0"], self.lost()
        )


class MakerTests(Case):
    """What tap.cfg may say."""

    def test_which(self) -> None:
        """A meter at an S0 input has a unit id or a port that says so."""
        for unit, address, expected in (
            (1, "tcp:192.0.2.6:4701", None),
            (2, "tcp:192.0.2.6:4701", 2),
            (3, "rtu:192.0.2.6:502", 3),
            (1, "tcp:192.0.2.6:4702", 2),
            (1, "tcp:192.0.2.6:4703", 3),
            (1, "serial:/dev/ttyUSB0", None),
        ):
            self.assertEqual(expected, s0_unit(device(unit=unit, address=address)))

    def test_objections(self) -> None:
        """A place, and known parameters."""
        verifyObject(IMeterMaker, MAKER)
        self.assertIsNone(MAKER.objection(device(parameters="inverted")))
        for others, option in (
            ({"address": "#W00"}, "address"),
            ({"parameters": "x"}, "parameters"),
        ):
            found = MAKER.objection(device(**others))
            assert found is not None
            self.assertEqual(option, found[0])
