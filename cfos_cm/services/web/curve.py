"""How a charge went on: from the readings that are kept of it to a line that can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from attrs import define, evolve, frozen
from msgspec.structs import replace

from cfos_cm.central_system.measurements import read_meter_values
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.services.web.transaction_answers import MAX_CURVE_POINTS, CurveAnswer
from cfos_cm.site.events import EvseMeasured
from cfos_cm.site.evse import EvseSettings
from cfos_cm.v16.actions import Role, read_request, read_usual_request
from cfos_cm.v16.core import MeterValuesRequest, StopTransactionRequest
from cfos_cm.v16.timestamps import parse_timestamp
from cfos_cm.v16.types import Measurand, MeterReading, Phase

__all__ = ["Curve"]

#: So many points are in memory, at most; then they are thinned out to half of them.
_MAX_KEPT = 20_000

#: A stand-in for where it was: which phase is wired to which does not matter here.
_ANYWHERE = EvseSettings(name="", circuit="")

#: One of three phases, by either of its names.
_OWN_PHASES = {
    Phase.L1: 1,
    Phase.L1_N: 1,
    Phase.L2: 2,
    Phase.L2_N: 2,
    Phase.L3: 3,
    Phase.L3_N: 3,
}


@define
class _Point:
    """
    What was said of one second; C{None}: nothing.

    @ivar current_ma: on the phase that has the highest. [mA]
    @ivar energy_wh: since the start. [Wh]
    """

    power_w: int | None = None
    current_ma: int | None = None
    energy_wh: int | None = None

    @property
    def is_empty(self) -> bool:
        return self.power_w is None and self.current_ma is None and self.energy_wh is None


@frozen
class _Timed:
    time: int
    point: _Point


class Curve:
    """Takes what a Charge Point said of a transaction, and makes a curve of it."""

    def __init__(self, meter_start_wh: int, in_kwh: bool = False) -> None:
        """
        @param meter_start_wh: what the meter showed at the start.
        @param in_kwh: energy that says to be in Wh, or does not say, is in kWh.
        """
        self._meter_start_wh = meter_start_wh
        self._in_kwh = in_kwh
        self._points: dict[int, _Point] = {}

    def add_values(self, payload_text: str, received_at: datetime) -> None:
        """
        A MeterValues request, as it came. What cannot be read is left out.

        @param received_at: stands for its own time if that cannot be one; aware.
        """
        request = _read("MeterValues", payload_text)
        if isinstance(request, MeterValuesRequest):
            self._add(request.meter_value, received_at)

    def add_stop(self, payload_text: str, stopped_at: datetime) -> None:
        """A StopTransaction request, likewise: some tell all that was measured only there."""
        request = _read("StopTransaction", payload_text)
        if isinstance(request, StopTransactionRequest):
            self._add(request.transaction_data or (), stopped_at)

    def put_energy(self, at: datetime, meter_wh: int) -> None:
        """What the meter is known to have shown at a moment. [Wh]"""
        self._put(at, EvseMeasured("", None, meter_wh, None))

    def _add(self, readings: Iterable[MeterReading], otherwise_at: datetime) -> None:
        for reading in readings:
            measured = _measured(reading, self._in_kwh)
            if measured is not None:
                self._put(_time_of(reading, otherwise_at), measured)
        if len(self._points) > _MAX_KEPT:
            kept = _thinned(self._in_order(), _MAX_KEPT // 2)
            self._points = {one.time: one.point for one in kept}

    def _put(self, at: datetime, measured: EvseMeasured) -> None:
        point = self._points.setdefault(int(at.timestamp()), _Point())
        if measured.power_w is not None:
            point.power_w = measured.power_w
        if measured.currents is not None:
            on = measured.currents
            point.current_ma = max(on.l1_ma, on.l2_ma, on.l3_ma)
        if measured.energy_wh is not None and measured.energy_wh >= self._meter_start_wh:
            point.energy_wh = measured.energy_wh - self._meter_start_wh

    def _in_order(self) -> list[_Timed]:
        found = [_Timed(at, one) for at, one in self._points.items() if not one.is_empty]
        return sorted(found, key=lambda timed: timed.time)

    def answer(self) -> CurveAnswer:
        """The curve: its first and last point, and of each piece what was least and most."""
        points = _thinned(self._in_order(), MAX_CURVE_POINTS)
        return CurveAnswer(
            times=tuple(one.time for one in points),
            power_w=tuple(one.point.power_w for one in points),
            current_ma=tuple(one.point.current_ma for one in points),
            energy_wh=tuple(one.point.energy_wh for one in points),
        )


def _read(action: str, payload_text: str) -> object:
    payload = payload_text.encode()
    usual = read_usual_request(action, payload, Role.CHARGE_POINT)
    if usual is not None:
        return usual
    try:
        return read_request(action, payload, Role.CHARGE_POINT, EVERY_QUIRK).message
    except RemoteProtocolError:
        return None


def _measured(reading: MeterReading, in_kwh: bool) -> EvseMeasured | None:
    measured = read_meter_values([reading], _ANYWHERE, in_kwh)
    if measured is not None and measured.power_w is not None:
        return measured
    power_w = _power_of_phases(reading)
    if power_w is None:
        return measured
    if measured is None:
        return EvseMeasured("", None, None, power_w)
    return evolve(measured, power_w=power_w)


def _power_of_phases(reading: MeterReading) -> int | None:
    """The power of all phases together, where it is told of each of them. [W]"""
    found: dict[int, int] = {}
    for sampled in reading.sampled_value:
        phase = None if sampled.phase is None else _OWN_PHASES.get(sampled.phase)
        if phase is None or sampled.measurand is not Measurand.POWER_ACTIVE_IMPORT:
            continue
        alone = replace(reading, sampled_value=(replace(sampled, phase=None),))
        measured = read_meter_values([alone], _ANYWHERE)
        if measured is not None and measured.power_w is not None:
            found[phase] = measured.power_w
    return sum(found.values()) if found else None


def _time_of(reading: MeterReading, otherwise_at: datetime) -> datetime:
    try:
        return parse_timestamp(reading.timestamp)
    except RemoteProtocolError:
        return otherwise_at


def _thinned(points: Sequence[_Timed], most: int) -> Sequence[_Timed]:
    """At most so many: of each piece of the time those with the least and the most."""
    if len(points) <= most:
        return points
    first, last = points[0].time, points[-1].time
    pieces = (most - 2) // 4
    span = last - first + 1
    kept = {0, len(points) - 1}
    begin = 0
    while begin < len(points):
        piece = (points[begin].time - first) * pieces // span
        end = begin
        while end < len(points) and (points[end].time - first) * pieces // span == piece:
            end += 1
        for of in (_power, _current):
            kept |= _extremes(points, range(begin, end), of)
        begin = end
    return [points[index] for index in sorted(kept)]


def _extremes(
    points: Sequence[_Timed], piece: range, of: Callable[[_Point], int | None]
) -> set[int]:
    known = [index for index in piece if of(points[index].point) is not None]
    if not known:
        # Only an energy was told, which is least at first and most at last.
        return {piece[0], piece[-1]}
    values = {index: of(points[index].point) or 0 for index in known}
    return {min(known, key=values.__getitem__), max(known, key=values.__getitem__)}


def _power(point: _Point) -> int | None:
    return point.power_w


def _current(point: _Point) -> int | None:
    return point.current_ma
