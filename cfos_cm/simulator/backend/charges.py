"""What a virtual backend knows of the transactions that it was told of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import blake2b

from attrs import define, field, frozen

from cfos_cm.site.tag import shortened
from cfos_cm.v16.types import MeterReading, ValueFormat

__all__ = ["Bill", "Charge", "Readings", "readings_of"]

_CENT = Decimal("0.01")


@frozen
class Readings:
    """
    What meters have shown.

    @ivar digests: what tells each from the others, in short.
    @ivar is_signed: whether one of them is signed.
    """

    digests: tuple[str, ...] = ()
    is_signed: bool = False


def readings_of(values: Iterable[MeterReading]) -> Readings:
    """The readings of a message."""
    digests, is_signed = [], False
    for value in values:
        text = repr((value.timestamp, value.sampled_value)).encode("utf-8", "backslashreplace")
        digests.append(blake2b(text, digest_size=8).hexdigest())
        is_signed |= any(one.format is ValueFormat.SIGNED_DATA for one in value.sampled_value)
    return Readings(tuple(digests), is_signed)


@define(eq=False)
class Charge:
    """
    A transaction, from when its start was told.

    @ivar number: the transaction's, as the backend has named it.
    @ivar charge_point: the identity of who told it.
    @ivar began_at: as it was told.
    @ivar meter_wh: what the meter showed then. [Wh]
    @ivar digests: the readings that were told until now; empty when it is over.
    @ivar is_over: whether its end was told.
    """

    number: int
    charge_point: str
    connector: int
    id_tag: str
    began_at: str
    meter_wh: int
    digests: set[str] = field(factory=set)
    is_signed: bool = False
    is_over: bool = False

    def note(self, readings: Readings) -> None:
        """Readings were told; each counts once."""
        self.digests.update(readings.digests)
        self.is_signed |= readings.is_signed

    def end(self, ended_at: str, meter_wh: int) -> Bill:
        """Its end was told."""
        bill = Bill(self, ended_at, meter_wh - self.meter_wh, len(self.digests), self.is_signed)
        self.is_over = True
        self.digests = set()
        return bill


@frozen
class Bill:
    """
    A transaction that is over.

    @ivar energy_wh: what was taken; below 0 when the meter went back. [Wh]
    @ivar readings: how many there were.
    """

    charge: Charge
    ended_at: str
    energy_wh: int
    readings: int
    is_signed: bool

    def amount(self, price: Decimal) -> Decimal:
        """
        What is to be paid. [EUR]

        @param price: of a kWh. [EUR]
        """
        kwh = Decimal(max(0, self.energy_wh)) / 1000
        return (kwh * price).quantize(_CENT, ROUND_HALF_UP)

    def text(self, price: Decimal) -> str:
        """One line for a person; times are those of this computer."""
        charge = self.charge
        values = f"{self.readings} meter value{'s' if self.readings != 1 else ''}"
        return (
            f"bill {charge.number}: {charge.charge_point} connector {charge.connector}, "
            f"card {shortened(charge.id_tag)}, {_time(charge.began_at)} to "
            f"{_time(self.ended_at)}, {self.energy_wh / 1000:.2f} kWh, {values}, "
            f"{'signed' if self.is_signed else 'not signed'}: {self.amount(price)} EUR"
        )


def _time(told: str) -> str:
    try:
        return datetime.fromisoformat(told).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return "an unknown time"
