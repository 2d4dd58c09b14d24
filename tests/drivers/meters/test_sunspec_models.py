"""What the registers of a SunSpec meter say."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.meters.readings import MOST_CURRENT_MA, Reading, Terminal
from cfos_cm.drivers.meters.sunspec_models import METER_MODELS, scaled
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.registers import Register, Snapshot
from tests.drivers.meters.world import words_of

BASE = 40_070
#: How the SunSpec Alliance's types are called here.
TYPES = {"int16": "i16", "sunssf": "i16", "acc32": "u32", "float32": "f32"}


def read(number: int, **values: float) -> Snapshot:
    """A model as it was read; what is not said holds nothing."""
    model = METER_MODELS[number].at(BASE)
    nothing: float
    held: dict[Register, float] = {model.number: number}
    for name, register in model.points.items():
        nothing = {"i16": -0x8000, "u32": 0}.get(register.type, nan)
        held[register] = values.get(name, nothing)
    return Snapshot(words_of(held))


def reading(number: int, **values: float) -> Reading:
    """What a meter says."""
    return METER_MODELS[number].at(BASE).reading(read(number, **values))


SCALED = {"A_SF": -2, "W_SF": 0, "V_SF": -1, "TotWh_SF": 1}
THREE = {
    "A": 900,
    "AphA": 1234,
    "AphB": -567,
    "AphC": 0,
    "W": 1500,
    "WphA": 2837,
    "WphB": -1304,
    "WphC": -33,
    "PhVphA": 2301,
}


class TableTests(SynchronousTestCase):
    """The tables, and what the SunSpec Alliance publishes."""

    def test_published(self) -> None:
        """Each point is of the type and at the place that its model has it."""
        pytest.importorskip("sunspec2")
        for model in METER_MODELS.values():
            path = files("sunspec2") / "models" / "json" / f"model_{model.number}.json"
            place, published = 0, {}
            for point in json.loads(path.read_text())["group"]["points"]:
                published[point["name"]] = (place, TYPES.get(point["type"]))
                place += point["size"]
            for name, (offset, kind) in model.points.items():
                self.assertEqual(
                    (model.number, name, published[name]), (model.number, name, (offset, kind))
                )
            self.assertLessEqual(model.least_length + 2, place)

    def test_one_request(self) -> None:
        """All of a model is read at once: its values belong to one moment."""
        for model in METER_MODELS.values():
            (block,) = model.at(BASE).plan
            self.assertEqual(BASE, block.address)
            self.assertEqual(model.least_length + 2, block.count)


class ScaledTests(SynchronousTestCase):
    """Whole numbers with scale factors."""

    def test_three_phases(self) -> None:
        """Values are told in the units of the site."""
        found = reading(203, **THREE, **SCALED, TotWhImp=12_345, TotWhExp=67)
        expected = Reading(
            (Terminal(12_340, 2837, 230.1), Terminal(-5670, -1304), Terminal(0, -33)),
            1500,
            123_450,
            670,
        )
        self.assertEqual(expected, found)

    def test_scales_apart(self) -> None:
        """Each kind of value has a scale factor of its own."""
        found = reading(204, AphA=3, A_SF=1, W=-4, W_SF=3, TotWhImp=5, TotWh_SF=-1)
        self.assertEqual(
            (30_000, -4000, 0), (found.terminals[0].current_ma, found.power_w, found.import_wh)
        )

    def test_absent(self) -> None:
        """What a device does not have it does not tell."""
        self.assertEqual(Reading((Terminal(), Terminal(), Terminal())), reading(203))

    def test_no_energy(self) -> None:
        """A register of energy that holds 0 is one that the device does not have."""
        found = reading(203, TotWhImp=0, TotWhExp=1, TotWh_SF=0)
        self.assertEqual((None, 1), (found.import_wh, found.export_wh))

    def test_absent_scale(self) -> None:
        """A value whose scale factor is not there says nothing."""
        found = reading(203, **THREE, **{**SCALED, "W_SF": -0x8000})
        self.assertEqual((12_340, None), (found.terminals[0].current_ma, found.power_w))

    def test_wrong_scale(self) -> None:
        """A scale factor that cannot be is a mistake of the device."""
        for scale in (11, -11, 0x7FFF):
            error = self.assertRaises(RemoteProtocolError, reading, 203, W=1, W_SF=scale)
            self.assertIn(f"is {scale}; allowed: -10 to 10", str(error))

    def test_fewer_phases(self) -> None:
        """A meter of one or two phases tells so many."""
        for number, phases in ((201, 1), (202, 2), (211, 1), (212, 2)):
            self.assertEqual(phases, len(reading(number).terminals))

    def test_one_phase(self) -> None:
        """With one phase the current of all is that of the phase."""
        self.assertEqual((Terminal(90),), reading(201, A=9, A_SF=-2).terminals)
        self.assertEqual((Terminal(70),), reading(201, A=9, AphA=7, A_SF=-2).terminals)
        self.assertEqual(Terminal(), reading(203, A=9, A_SF=-2).terminals[0])

    @given(st.integers(-0x7FFF, 0x7FFF), st.integers(-10, 10))
    @settings(max_examples=300, deadline=None, derandomize=True)
    def test_any_scale(self, value: int, scale: int) -> None:
        """A scale factor is a power of ten, and nothing is lost but parts of a milliampere."""
        exact = Fraction(value) * Fraction(10) ** scale
        self.assertEqual(exact, Fraction(scaled(value, scale) or Decimal()))
        current_ma = reading(203, AphA=value, A_SF=scale).terminals[0].current_ma
        if current_ma is None:
            self.assertGreater(abs(exact * 1000), MOST_CURRENT_MA)
        else:
            self.assertLessEqual(abs(exact * 1000 - current_ma), Fraction(1, 2))


class FloatingTests(SynchronousTestCase):
    """Values in floating point."""

    def test_three_phases(self) -> None:
        """Values are told in the units of the site."""
        found = reading(
            213, AphA=1.5, AphB=-2.25, AphC=0, W=-1500.4, WphA=10, PhVphC=229.5, TotWhImp=1e6
        )
        expected = Reading(
            (Terminal(1500, 10), Terminal(-2250), Terminal(0, None, 229.5)), -1500, 1_000_000
        )
        self.assertEqual(expected, found)

    def test_absent(self) -> None:
        """What is no number is not told."""
        self.assertEqual(
            Reading((Terminal(), Terminal(), Terminal())), reading(214, W=inf, A=-inf)
        )

    def test_moved(self) -> None:
        """Another model in the place of the one that was found is not read as that."""
        model = METER_MODELS[213].at(BASE)
        error = self.assertRaises(RemoteProtocolError, model.reading, read_as(212))
        self.assertIn("model 212 is at register 40070 now, and 213", str(error))


def read_as(number: int) -> Snapshot:
    """The registers of a model of floating point, with another one's number."""
    held = dict(read(213).words)
    return Snapshot({**held, BASE: number})
