"""A meter that is defined by data."""

from __future__ import annotations

import os

from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IMeter, IMeterMaker
from cfos_cm.drivers.meters.definition_file import load
from cfos_cm.drivers.meters.modbus_meter import MAKER
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.events import MeterMeasured
from cfos_cm.wire.registers import Order
from tests.drivers.meters.world import MeterCase, device, words_of

REGISTERS = "power: 0x0034 f32 W; current_l1: 6 f32 A; energy_import: 72 f32 kWh"


def sdm630(**values: float) -> dict[int, int]:
    """The input registers of an SDM630."""
    measures = load("sdm630").measures
    held = {one.register: 0.0 for one in measures.values()}
    by_name = {str(quantity): one.register for quantity, one in measures.items()}
    return words_of({**held, **{by_name[name]: value for name, value in values.items()}})


class ReadingTests(MeterCase):
    """What is reported."""

    def test_registers(self) -> None:
        """A meter in its section."""
        self.fake.words[4] = sdm630(power=-460.0, current_l1=2.0, energy_import=12.5)
        meter = self.start(MAKER, device(registers=REGISTERS, function=4, unit=7))
        verifyObject(IMeter, meter)
        expected = MeterMeasured("meter", PhaseCurrents(-2000, 0, 0), -460, 12_500)
        self.assertEqual(expected, self.one())
        self.assertEqual([(4, 6, 2), (4, 52, 2), (4, 72, 2)], self.fake.asked)

    def test_known(self) -> None:
        """A meter by its name, with signs from the powers of its phases."""
        self.fake.words[4] = sdm630(
            current_l1=5.0,
            current_l2=7.0,
            current_l3=1.5,
            power_l1=1100.0,
            power_l2=-1500.0,
            power_l3=300.0,
            power=-100.0,
            energy_import=1234.5,
        )
        self.start(MAKER, device(definition="sdm630"))
        expected = MeterMeasured("meter", PhaseCurrents(5000, -7000, 1500), -100, 1_234_500)
        self.assertEqual(expected, self.one())

    def test_inverted(self) -> None:
        """A meter that was put in the other way round."""
        self.fake.words[4] = sdm630(current_l1=5.0, power_l1=1100.0, power=1100.0)
        self.start(MAKER, device(definition="sdm630", parameters="inverted"))
        self.assertEqual(
            MeterMeasured("meter", PhaseCurrents(-5000, 0, 0), -1100, 0), self.one()
        )

    def test_file(self) -> None:
        """A meter in a file beside tap.cfg."""
        folder = self.mktemp()
        os.mkdir(folder)
        with open(os.path.join(folder, "mine.ini"), "w", encoding="utf-8") as file:
            file.write("power = 5 i16 10 W\n")
        said = device(definition="mine.ini", folder=folder)
        self.assertIsNone(MAKER.objection(said))
        self.fake.words[3] = {5: 0xFFFF}
        self.start(MAKER, said)
        self.assertEqual(MeterMeasured("meter", None, -10), self.one())

    def test_little(self) -> None:
        """Words and bytes in the order that is said."""
        said = device(
            registers="power: 5 i32 W", word_order=Order.LITTLE, byte_order=Order.LITTLE
        )
        self.fake.words[3] = {5: 0x0200, 6: 0x0100}
        self.start(MAKER, said)
        self.assertEqual(0x0001_0002, self.one().power_w)

    def test_refused(self) -> None:
        """A register that is not there: the meter is not there."""
        self.fake.words[3] = {5: 1}
        self.start(MAKER, device(registers="power: 5 i16 W, current_l1: 9 u16 A"))
        self.run_for(5)
        self.assertEqual(([], []), (self.measured(), self.lost()))

    def test_lost(self) -> None:
        """A register that is there no more: the meter is lost."""
        self.fake.words[3] = {5: 1}
        self.start(MAKER, device(registers="power: 5 i16 W"))
        self.fake.words[3] = {}
        self.run_for(5)
        (why,) = self.lost()
        self.assertIn("illegal data address", why)


class ObjectionTests(MeterCase):
    """What tap.cfg may say."""

    def objection(self, **others: object) -> tuple[str, str]:
        """What is wrong."""
        found = MAKER.objection(device(**others))
        assert found is not None
        return found

    def test_good(self) -> None:
        """Registers, or a definition."""
        verifyObject(IMeterMaker, MAKER)
        self.assertIsNone(MAKER.objection(device(registers=REGISTERS)))
        self.assertIsNone(MAKER.objection(device(definition="em24", parameters="inverted")))

    def test_wrong(self) -> None:
        """Each mistake is about the option that it is in, and says what is allowed."""
        for others, option, words in (
            ({}, "definition", "a file, or one of abb_b_series, em24"),
            ({"registers": REGISTERS, "definition": "em24"}, "registers", "left out: the"),
            ({"word_order": Order.LITTLE, "definition": "em24"}, "word_order", "left out: the"),
            ({"byte_order": Order.LITTLE, "definition": "em24"}, "byte_order", "left out: the"),
            ({"function": 4, "definition": "em24"}, "function", "left out: the definition"),
            (
                {"registers": "power: 52 f32"},
                "registers",
                "power: found ' 52 f32': has 2 words",
            ),
            ({"registers": "energy_import: 0 u16 Wh"}, "registers", "tells neither"),
            ({"definition": "em25"}, "definition", "cannot be read: No such file"),
            ({"definition": "em24", "address": "em24"}, "address", "tcp:HOST:PORT"),
            ({"definition": "em24", "parameters": "number=2"}, "parameters", "inverted; or"),
        ):
            found = self.objection(**others)
            self.assertEqual(option, found[0])
            self.assertIn(words, found[1])

    def test_mistake_in_file(self) -> None:
        """A mistake in a file has its line."""
        folder = self.mktemp()
        os.mkdir(folder)
        with open(os.path.join(folder, "mine.ini"), "w", encoding="utf-8") as file:
            file.write("; mine\npower = 5 i15 W\n")
        option, words = self.objection(definition="mine.ini", folder=folder)
        self.assertEqual("definition", option)
        self.assertIn("one without mistakes; mine.ini:2: power: found '5 i15 W'", words)
