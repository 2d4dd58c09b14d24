"""What the site learns from the values of a meter."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.measurements import read_meter_values
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.events import EvseMeasured
from cfos_cm.site.evse import EvseSettings
from cfos_cm.v16.types import Measurand, MeterValue, SampledValue
from cfos_cm.v16.types import Phase as OcppPhase

from .world import CallFailed, World

CURRENT = {"measurand": "Current.Import"}
POWER = {"measurand": "Power.Active.Import"}


class MeterValues(SynchronousTestCase):
    """The request, as it comes."""

    def setUp(self) -> None:
        """A Charge Point is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def measured(self, *values: dict[str, Any], connector: int = 1) -> list[EvseMeasured]:
        """What the site is told about some sampled values."""
        before = len(self.world.happened(EvseMeasured))
        payload = {
            "connectorId": connector,
            "meterValue": [{"timestamp": "2026-03-01T12:00:00Z", "sampledValue": list(values)}],
        }
        self.assertEqual(self.peer.ask("MeterValues", payload), {})
        return self.world.happened(EvseMeasured)[before:]

    def test_energy(self) -> None:
        """Without a measurand and a unit it is the imported energy in Wh."""
        self.assertEqual(
            self.measured({"value": "1234.9"}), [EvseMeasured("bay-1", energy_wh=1234)]
        )

    def test_units(self) -> None:
        """Kilowatt-hours and kilowatts are converted."""
        self.assertEqual(
            self.measured(
                {"value": "1.5", "unit": "kWh"}, POWER | {"value": "11", "unit": "kW"}
            ),
            [EvseMeasured("bay-1", energy_wh=1500, power_w=11000)],
        )

    def test_watts(self) -> None:
        """Power without a unit, and in watts, is taken as it is."""
        for unit in ({}, {"unit": "W"}):
            self.assertEqual(
                self.measured(POWER | {"value": "3680.5"} | unit),
                [EvseMeasured("bay-1", power_w=3680)],
            )

    def test_currentPerPhase(self) -> None:
        """Each phase has its current; of those that are not mentioned nothing is known."""
        for names in (("L1", "L2"), ("L1-N", "L2-N")):
            values = [
                CURRENT | {"phase": name, "value": value}
                for name, value in zip(names, ("16.05", "7.9999"), strict=True)
            ]
            self.assertEqual(
                self.measured(*values),
                [
                    EvseMeasured(
                        "bay-1", currents=PhaseCurrents(16050, 7999, 0), is_partial=True
                    )
                ],
            )

    def test_rotation(self) -> None:
        """The EVSE's own phases are those of the supply that it is wired to."""
        values = [
            CURRENT | {"phase": f"L{number}", "value": str(number)} for number in (1, 2, 3)
        ]
        self.assertEqual(
            self.measured(*values, connector=2)[0].currents, PhaseCurrents(3000, 1000, 2000)
        )

    def test_currentOfAllPhases(self) -> None:
        """A current without a phase flows in every phase that is wired."""
        self.assertEqual(
            self.measured(CURRENT | {"value": "10", "unit": "A"})[0].currents,
            PhaseCurrents(10000, 10000, 10000),
        )
        event = read_meter_values(_read("10"), EvseSettings("one", "c", phases=(Phase.L3,)))
        assert event is not None
        self.assertEqual(event.currents, PhaseCurrents(0, 0, 10000))

    def test_phaseThatIsNotWired(self) -> None:
        """A phase that the EVSE does not have, or that is none, is left out."""
        event = read_meter_values(
            _read("10", "L2"), EvseSettings("one", "c", phases=(Phase.L3,))
        )
        self.assertIsNone(event)
        for phase in ("N", "L1-L2", "L2-L3", "L3-L1"):
            self.assertEqual(self.measured(CURRENT | {"phase": phase, "value": "1"}), [])

    def test_newest(self) -> None:
        """The last of several values of one quantity counts."""
        self.assertEqual(
            self.measured({"value": "1"}, {"value": "2"}),
            [EvseMeasured("bay-1", energy_wh=2)],
        )

    def test_partsOfAQuantity(self) -> None:
        """Energy and power of one phase are not those of the EVSE."""
        self.assertEqual(
            self.measured({"value": "1", "phase": "L1"}, POWER | {"value": "1", "phase": "L1"}),
            [],
        )

    def test_otherQuantities(self) -> None:
        """What the site does not want to know is left out."""
        for measurand in Measurand:
            if measurand.value not in (
                "Current.Import", "Power.Active.Import", "Energy.Active.Import.Register"
            ):  # fmt: skip
                self.assertEqual(
                    self.measured({"value": "5", "measurand": measurand.value}), []
                )

    def test_garbage(self) -> None:
        """What is no number is left out, and the rest is read."""
        garbage = (
            "", " ", "x", "NaN", "-NaN", "sNaN", "Infinity", "-inf", "1e13", "-1e13", "1e400",
            "1e999999", "1e9999999", "-1e9999999", "1e99999999999999999999", "0x10", "1,5",
            "1_000", "٣", "1.5 kWh", "--1", "1e", "\n", "9" * 5000,
        )  # fmt: skip
        for text in garbage:
            for quantity in ({}, CURRENT, POWER):
                self.assertEqual(
                    self.measured(quantity | {"value": text}, POWER | {"value": "7"})[0],
                    EvseMeasured("bay-1", power_w=7),
                    text[:20],
                )

    def test_tinyNumbers(self) -> None:
        """A number near 0 is one."""
        for text in ("1e-9999999", "-0", "0e999", " 0 "):
            self.assertEqual(
                self.measured({"value": text}), [EvseMeasured("bay-1", energy_wh=0)], text
            )

    def test_signedBlock(self) -> None:
        """A signed block is no number, though its digits may look like one."""
        for text in ("31323334", "31E2", "T0NNRnx7"):
            self.assertEqual(self.measured({"value": text, "format": "SignedData"}), [])
        self.assertEqual(len(self.measured({"value": "1", "format": "Raw"})), 1)

    def test_signedBlockIsKept(self) -> None:
        """What is signed is kept to the letter."""
        values = '[{"timestamp":"?","sampledValue":[{"value":"\\u0041"}]}]'
        text = f'{{"connectorId": 1,"meterValue":{values}}}'
        self.peer._actions["1"] = "MeterValues"
        self.peer.say(f'[2,"1","MeterValues",{text}]'.encode())
        self.assertEqual(self.world.ledger.meter_values, [("CP-1", 1, None, text)])

    def test_otherConnectors(self) -> None:
        """Values of a connector without an EVSE are kept, and not told to the site."""
        for connector in (0, 9, -1, 2**63 - 1):
            self.assertEqual(self.measured({"value": "1"}, connector=connector), [])
        self.assertEqual(len(self.world.ledger.meter_values), 4)

    def test_notBeforeItIsOnDisk(self) -> None:
        """They are not acknowledged before they are on disk, nor if they cannot be."""
        self.world.disk.held = True
        payload = {
            "connectorId": 1,
            "meterValue": [{"timestamp": "", "sampledValue": [{"value": "1"}]}],
        }
        unique_id = self.peer.call("MeterValues", payload)
        self.assertEqual(self.peer.received, [])
        self.world.disk.let_go()
        self.assertEqual(self.peer.received, [[3, unique_id, {}]])
        self.world.disk.broken = True
        error = self.assertRaises(CallFailed, self.peer.ask, "MeterValues", payload)
        self.assertEqual(error.code, "InternalError")

    def test_nothing(self) -> None:
        """A message without any value is refused."""
        for values in ([], [{"timestamp": "x", "sampledValue": []}]):
            error = self.assertRaises(
                CallFailed,
                self.peer.ask,
                "MeterValues",
                {"connectorId": 1, "meterValue": values},
            )
            self.assertEqual(error.code, "OccurenceConstraintViolation")


class AnyText(SynchronousTestCase):
    """Whatever stands in a value."""

    @settings(max_examples=200)
    @given(
        st.text(max_size=30)
        | st.from_regex(r"-?[0-9]{1,20}(\.[0-9]*)?([eE]-?[0-9]{1,8})?", fullmatch=True)
    )
    def test_neverRaises(self, text: str) -> None:
        """Every text is a number or is left out."""
        event = read_meter_values(_read(text), EvseSettings("one", "c"))
        if event is not None:
            assert event.currents is not None
            self.assertLessEqual(abs(event.currents.maximum()), 10**15)


def _read(text: str, phase: str | None = None) -> tuple[MeterValue]:
    sampled = SampledValue(
        value=text,
        measurand=Measurand.CURRENT_IMPORT,
        phase=None if phase is None else OcppPhase(phase),
    )
    return (MeterValue(timestamp="2026-03-01T12:00:00Z", sampled_value=(sampled,)),)
