"""What an EVSE's meter says, in OCPP's words."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.reading import (
    ALL_MEASURANDS,
    meter_value,
    sampled_values,
    showing,
    transaction_data,
)
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.measured import Measured
from cfos_cm.v16.types import ReadingContext
from tests.charge_point.made.bay import BOX, NOON, setpoint

_TURNED = evolve(BOX, phases=(Phase.L2, Phase.L3, Phase.L1))
_EVSE = Evse(
    _TURNED,
    Link.ONLINE,
    confirmed=setpoint(13_250),
    meter=Measured(PhaseCurrents(1_000, 2_049, 3_000), 123_456, 1391),
)
_CONTEXT = ReadingContext.SAMPLE_PERIODIC


def _said(evse: Evse, *words: str) -> list[tuple[str, str | None, str, str | None]]:
    """Measurand, phase, value and unit of each."""
    return [
        (
            one.measurand.value if one.measurand else "",
            one.phase and one.phase.value,
            one.value,
            one.unit and one.unit.value,
        )
        for one in sampled_values(evse, words or ALL_MEASURANDS, _CONTEXT)
    ]


class ReadingTests(SynchronousTestCase):
    """Values, units and phases."""

    def test_all(self) -> None:
        """In Wh, W and A, the currents on its own phases with one decimal."""
        self.assertEqual(
            [
                ("Energy.Active.Import.Register", None, "123456", "Wh"),
                ("Power.Active.Import", None, "1391", "W"),
                ("Current.Import", "L1", "2.0", "A"),
                ("Current.Import", "L2", "3.0", "A"),
                ("Current.Import", "L3", "1.0", "A"),
                ("Current.Offered", None, "13.2", "A"),
                ("Power.Offered", None, "9142", "W"),
            ],
            _said(_EVSE),
        )

    def test_chosen(self) -> None:
        """Only what is asked for, in the order in which it is; one phase alone, too."""
        self.assertEqual(
            [("Current.Import", "L2", "3.0", "A"), ("Power.Active.Import", None, "1391", "W")],
            _said(_EVSE, "Current.Import.L2", "Power.Active.Import"),
        )

    def test_not_known(self) -> None:
        """What is not known is left out, and never said to be 0."""
        silent = evolve(_EVSE, meter=Measured(energy_wh=5), confirmed=None)
        self.assertEqual([("Energy.Active.Import.Register", None, "5", "Wh")], _said(silent))

    def test_nothing(self) -> None:
        """Where nothing is known there is no reading."""
        silent = Evse(BOX)
        self.assertIsNone(meter_value(silent, NOON, ALL_MEASURANDS, _CONTEXT))
        self.assertIsNone(transaction_data(_EVSE, NOON, ("Voltage", "SoC"), _CONTEXT))

    def test_partial(self) -> None:
        """A 0 of a meter that does not know all phases is none."""
        partial = evolve(_EVSE, meter=Measured(PhaseCurrents(0, 2_000, 0), is_partial=True))
        self.assertEqual(
            [("Current.Import", "L1", "2.0", "A")], _said(partial, "Current.Import")
        )

    def test_one_phase(self) -> None:
        """One that is wired to a single phase has no others, and offers no power on them."""
        single = evolve(_EVSE, settings=evolve(BOX, phases=(Phase.L3,)))
        self.assertEqual(
            [("Current.Import", "L1", "3.0", "A"), ("Power.Offered", None, "3047", "W")],
            _said(single, "Current.Import", "Power.Offered"),
        )

    def test_switched(self) -> None:
        """Who is told to charge on one phase is offered the power of that."""
        switched = evolve(_EVSE, confirmed=evolve(setpoint(10_000), phases=1))
        self.assertEqual(
            [("Power.Offered", None, "2300", "W")], _said(switched, "Power.Offered")
        )

    def test_away(self) -> None:
        """Nobody knows what one offers that is away."""
        away = evolve(_EVSE, link=Link.LOST)
        self.assertEqual([], _said(away, "Current.Offered", "Power.Offered"))

    def test_context(self) -> None:
        """Why it was read is said with each value, and when with all of them."""
        read = meter_value(_EVSE, NOON, ALL_MEASURANDS, ReadingContext.TRIGGER)
        assert read is not None
        self.assertEqual("2026-03-01T12:00:00.000Z", read.timestamp)
        self.assertEqual({ReadingContext.TRIGGER}, {one.context for one in read.sampled_value})

    def test_showing(self) -> None:
        """Another reading of its register changes nothing else."""
        word = "Energy.Active.Import.Register"
        self.assertEqual([(word, None, "7", "Wh")], _said(showing(_EVSE, 7), word))
        self.assertEqual([], _said(showing(_EVSE, None), word))
        self.assertEqual(_said(_EVSE)[1:], _said(showing(_EVSE, 7))[1:])
