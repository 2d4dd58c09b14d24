"""What a virtual backend bills."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.backend.charges import Bill, Charge, readings_of
from cfos_cm.simulator.backend.settings import VirtualBackendSettings
from cfos_cm.v16.types import MeterValue, SampledValue, ValueFormat

CHARGE = Charge(7, "DE*KLN*E1", 2, "04A1B2C3D4", "2026-11-23T08:00:00Z", 1000)
PRICE = Decimal("0.40")


def value(text: str, signed: bool = False) -> MeterValue:
    """A reading."""
    form = ValueFormat.SIGNED_DATA if signed else None
    sampled = SampledValue(value=text, format=form)
    return MeterValue(timestamp="2026-11-23T08:00:00Z", sampled_value=(sampled,))


class BillTests(SynchronousTestCase):
    """The line for a transaction."""

    def test_text(self) -> None:
        """It says who, where, when, how much and for how much."""
        text = Bill(CHARGE, "2026-11-23T09:10:00Z", 8123, 12, True).text(PRICE)
        self.assertTrue(
            text.startswith("bill 7: DE*KLN*E1 connector 2, card …C3D4, 2026"), text
        )
        self.assertTrue(text.endswith(", 8.12 kWh, 12 meter values, signed: 3.25 EUR"), text)
        self.assertNotIn("04A1", text)

    def test_odd(self) -> None:
        """A meter that went back, and a time that is none, are shown and not paid for."""
        text = Bill(CHARGE, "yesterday", -500, 1, False).text(PRICE)
        self.assertIn(
            "to an unknown time, -0.50 kWh, 1 meter value, not signed: 0.00 EUR", text
        )

    def test_cents(self) -> None:
        """Half a cent is a cent."""
        self.assertEqual(
            Decimal("0.01"), Bill(CHARGE, "", 50, 0, False).amount(Decimal("0.10"))
        )

    def test_readings(self) -> None:
        """The same reading is the same, and another one is another; one signature is enough."""
        same, other = readings_of((value("1"), value("1"))), readings_of((value("2"),))
        self.assertEqual(1, len(set(same.digests)))
        self.assertNotEqual(same.digests[0], other.digests[0])
        self.assertFalse(same.is_signed)
        self.assertTrue(readings_of((value("1", True), value("1"))).is_signed)


class SettingsTests(SynchronousTestCase):
    """Whose cards it knows."""

    def test_tags(self) -> None:
        """A star stands for anything, all else for itself, in upper or lower case."""
        settings = VirtualBackendSettings(book="", tags=("DE-*", "04a.1"))
        for id_tag, expected in (
            ("DE-KLN-1", True),
            ("de-kln", True),
            ("04A.1", True),
            ("04AX1", False),
            ("XDE-1", False),
            ("04A.12", False),
        ):
            self.assertIs(expected, settings.knows(id_tag), id_tag)
        self.assertTrue(VirtualBackendSettings(book="").knows("anybody"))
