"""What an EVSE's meter says, as MeterValues carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from attrs import evolve, frozen

from cfos_cm.electrical import ALL_PHASES, NOMINAL_VOLTAGE_V
from cfos_cm.site.evse import Evse, Link
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import (
    Location,
    Measurand,
    MeterValue,
    Phase,
    ReadingContext,
    SampledValue,
    TransactionData,
    UnitOfMeasure,
)

__all__ = ["ALL_MEASURANDS", "meter_value", "sampled_values", "showing", "transaction_data"]

_MILLI = 1000

_Found = Iterator[tuple[Phase | None, str]]


@frozen
class _Source:
    """Where the values of one measurand come from: of each phase, or of all together."""

    unit: UnitOfMeasure
    of: Callable[[Evse], _Found]


def _register(evse: Evse) -> _Found:
    if evse.energy_wh is not None:
        yield None, str(evse.energy_wh)


def _power(evse: Evse) -> _Found:
    if evse.power_w is not None:
        yield None, str(evse.power_w)


def _currents(evse: Evse) -> _Found:
    """On its own phases; those of the supply may be wired to them in another order."""
    if evse.measured is None:
        return
    for own, supply in zip(ALL_PHASES, evse.settings.phases, strict=False):
        current_ma = evse.measured[supply]
        if current_ma or not evse.meter.is_partial:
            yield Phase(own.value), _amps(current_ma)


def _offered(evse: Evse) -> _Found:
    if (offered_ma := _offered_ma(evse)) is not None:
        yield None, _amps(offered_ma)


def _offered_power(evse: Evse) -> _Found:
    offered_ma = _offered_ma(evse)
    if offered_ma is not None and evse.confirmed is not None:
        phases = evse.confirmed.phases or len(evse.settings.phases)
        yield None, str(offered_ma * phases * NOMINAL_VOLTAGE_V // _MILLI)


def _offered_ma(evse: Evse) -> int | None:
    """What it has confirmed; who is away, or is not told, may offer anything. [mA]"""
    if evse.link is not Link.ONLINE or evse.confirmed is None:
        return None
    return evse.confirmed.current_ma


_SOURCES: Mapping[str, _Source] = {
    Measurand.ENERGY_ACTIVE_IMPORT_REGISTER.value: _Source(UnitOfMeasure.WH, _register),
    Measurand.POWER_ACTIVE_IMPORT.value: _Source(UnitOfMeasure.W, _power),
    Measurand.CURRENT_IMPORT.value: _Source(UnitOfMeasure.A, _currents),
    Measurand.CURRENT_OFFERED.value: _Source(UnitOfMeasure.A, _offered),
    Measurand.POWER_OFFERED.value: _Source(UnitOfMeasure.W, _offered_power),
}

#: All that can be known of an EVSE without OCPP.
ALL_MEASURANDS = tuple(_SOURCES)


def sampled_values(
    evse: Evse, words: Iterable[str], context: ReadingContext
) -> tuple[SampledValue, ...]:
    """
    What is known now; what is not is left out.

    @param words: the measurands, as configuration keys list them: C{Current.Import} for all
        phases, C{Current.Import.L1} for one.
    """
    return tuple(
        SampledValue(
            value=value,
            context=context,
            measurand=Measurand(measurand),
            phase=phase,
            location=Location.OUTLET,
            unit=_SOURCES[measurand].unit,
        )
        for word in words
        for measurand, wanted in _measurand(word)
        for phase, value in _SOURCES[measurand].of(evse)
        if wanted is None or wanted == phase
    )


def meter_value(
    evse: Evse, at: datetime, words: Iterable[str], context: ReadingContext
) -> MeterValue | None:
    """One reading; C{None} where nothing of it is known. See L{sampled_values}."""
    values = sampled_values(evse, words, context)
    if not values:
        return None
    return MeterValue(timestamp=format_timestamp(at), sampled_value=values)


def transaction_data(
    evse: Evse, at: datetime, words: Iterable[str], context: ReadingContext
) -> TransactionData | None:
    """As L{meter_value}, for the end of a transaction."""
    values = sampled_values(evse, words, context)
    if not values:
        return None
    return TransactionData(timestamp=format_timestamp(at), sampled_value=values)


def showing(evse: Evse, energy_wh: int | None) -> Evse:
    """The same, with another reading of its register. [Wh]"""
    return evse.with_meter(evolve(evse.meter, energy_wh=energy_wh))


def _measurand(word: str) -> Iterator[tuple[str, str | None]]:
    """The measurand that a word of a list means, and the phase; none that is not known."""
    if word in _SOURCES:
        yield word, None
        return
    measurand, _, phase = word.rpartition(".")
    if measurand in _SOURCES:
        yield measurand, phase


def _amps(current_ma: int) -> str:
    return f"{current_ma / _MILLI:.1f}"
