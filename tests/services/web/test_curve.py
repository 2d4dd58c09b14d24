"""From readings to a line that can be drawn."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web import curve as module
from cfos_cm.services.web.curve import Curve
from cfos_cm.services.web.transaction_answers import MAX_CURVE_POINTS

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
START = int(NOW.timestamp())


def told(second: int, *sampled: dict[str, str]) -> dict[str, object]:
    """What was sampled at one moment."""
    moment = NOW + timedelta(seconds=second)
    return {"timestamp": moment.isoformat(), "sampledValue": list(sampled)}


def values(*readings: object) -> str:
    """A MeterValues request."""
    return json.dumps({"connectorId": 1, "transactionId": 1, "meterValue": list(readings)})


def power(value: object, **more: str) -> dict[str, str]:
    """A power."""
    return {"value": str(value), "measurand": "Power.Active.Import", **more}


def points(curve: Curve) -> list[tuple[int, int | None, int | None, int | None]]:
    """Seconds since the start, power, current and energy."""
    found = curve.answer()
    times = [time - START for time in found.times]
    return [*zip(times, found.power_w, found.current_ma, found.energy_wh, strict=True)]


class Reading(SynchronousTestCase):
    """What is understood."""

    def after(
        self, *payloads: str, meter_start_wh: int = 1000, in_kwh: bool = False
    ) -> list[tuple[int, int | None, int | None, int | None]]:
        """The points after some requests."""
        curve = Curve(meter_start_wh, in_kwh)
        for payload in payloads:
            curve.add_values(payload, NOW + timedelta(seconds=77))
        return points(curve)

    def test_forms(self) -> None:
        """Units and phases of every form come out as W, mA and Wh."""
        current = {"measurand": "Current.Import", "unit": "A"}
        for sampled, expected in (
            ([power(7.4, unit="kW")], (7400, None, None)),
            ([power(7400, unit="W")], (7400, None, None)),
            ([power(7400)], (7400, None, None)),
            ([power(1, phase="L1", unit="kW"), power(2, phase="L2", unit="kW"),
              power(3, phase="L3", unit="kW")], (6000, None, None)),
            ([power(1, phase="L1-N"), power(2, phase="L1-L2")], (1, None, None)),
            ([{"value": "1500"}], (None, None, 500)),
            ([{"value": "1.5", "unit": "kWh"}], (None, None, 500)),
            ([{"value": "500", "phase": "L1"}, {"value": "500", "phase": "L2"},
              {"value": "700", "phase": "L3"}], (None, None, 700)),
            ([{"value": "999"}], (None, None, None)),
            ([{"value": "16", **current}], (None, 16_000, None)),
            ([{"value": "6.5", "phase": "L1", **current},
              {"value": "8.25", "phase": "L3-N", **current}], (None, 8250, None)),
        ):  # fmt: skip
            found = self.after(values(told(5, *sampled)))
            expected_points = [] if expected == (None, None, None) else [(5, *expected)]
            self.assertEqual(expected_points, found, sampled)

    def test_inKwh(self) -> None:
        """What says kWh and calls them Wh is understood where that is known."""
        found = self.after(values(told(5, {"value": "1.5", "unit": "Wh"})), in_kwh=True)
        self.assertEqual([(5, None, None, 500)], found)

    def test_oneMoment(self) -> None:
        """What was said of one moment in several messages is one point; times are in order."""
        current = {"value": "6", "measurand": "Current.Import"}
        found = self.after(
            values(told(9, power(1))), values(told(5, power(2))), values(told(9, current))
        )
        self.assertEqual([(5, 2, None, None), (9, 1, 6000, None)], found)

    def test_otherwise(self) -> None:
        """A time that cannot be is when it came; what cannot be read is left out."""
        reading = {"timestamp": "1970-01-01T00:00:00Z", "sampledValue": [power(5)]}
        self.assertEqual([(77, 5, None, None)], self.after(values(reading)))
        for text in ("", "{", "[]", '{"meterValue":7}', values(), values({"timestamp": 5}),
                     values(told(5, {"value": "OCMF|", "format": "SignedData"}))):  # fmt: skip
            self.assertEqual([], self.after(text), text)

    def test_deviations(self) -> None:
        """Readings that were forgiven when they came are understood afterwards, too."""
        odd = {"connectorId": "1", "meterValue": told(5, power(7)), "transactionId": "1"}
        self.assertEqual([(5, 7, None, None)], self.after(json.dumps(odd)))

    def test_stop(self) -> None:
        """What a StopTransaction tells of the charge is in the curve."""
        curve = Curve(1000)
        stop = {
            "meterStop": 2000,
            "timestamp": NOW.isoformat(),
            "transactionId": 1,
            "transactionData": [told(3, power(1)), told(4, power(2))],
        }
        curve.add_stop(json.dumps(stop), NOW)
        curve.put_energy(NOW + timedelta(seconds=9), 2000)
        self.assertEqual(
            [(3, 1, None, None), (4, 2, None, None), (9, None, None, 1000)], points(curve)
        )


class Thinning(SynchronousTestCase):
    """However much was told, there are not too many points."""

    def long(self, count: int) -> Curve:
        """A curve with a peak and a pause of a second each."""
        curve = Curve(0)
        for begin in range(0, count, 500):
            several = [
                told(second, power({12_345: 22_000, 6789: 0}.get(second, 11_000)))
                for second in range(begin, min(begin + 500, count))
            ]
            curve.add_values(values(*several), NOW)
        return curve

    def test_extremes(self) -> None:
        """The first and the last point, the highest and the lowest are still there."""
        found = points(self.long(20_000))
        self.assertLessEqual(len(found), MAX_CURVE_POINTS)
        self.assertGreater(len(found), MAX_CURVE_POINTS // 4)
        times = [time for time, *_ in found]
        self.assertEqual(sorted(set(times)), times)
        self.assertEqual((0, 19_999), (times[0], times[-1]))
        self.assertIn((12_345, 22_000, None, None), found)
        self.assertIn((6789, 0, None, None), found)

    def test_bound(self) -> None:
        """No more than a bound are in memory, and still the extremes stay."""
        self.patch(module, "_MAX_KEPT", 4000)
        curve = self.long(20_000)
        self.assertLessEqual(len(curve._points), 4500)
        self.assertIn((12_345, 22_000, None, None), points(curve))

    def test_few(self) -> None:
        """Where there are not too many, all are there."""
        self.assertEqual(2000, len(points(self.long(2000))))

    @given(
        st.lists(st.tuples(st.integers(0, 10**9), st.none() | st.integers(0, 9)), max_size=300),
        st.integers(10, 50),
    )
    def test_anything(self, told: list[tuple[int, int | None]], most: int) -> None:
        """Whatever the times, there are not too many, in order, and the extremes are kept."""
        seconds = dict(told)
        timed = [
            module._Timed(time, module._Point(power_w=watts))
            for time, watts in sorted(seconds.items())
        ]
        found = module._thinned(timed, most)
        self.assertLessEqual(len(found), most)
        times = [one.time for one in found]
        self.assertEqual(sorted(set(times)), times)
        known = [watts for watts in seconds.values() if watts is not None]
        if known:
            kept = [one.point.power_w for one in found if one.point.power_w is not None]
            self.assertEqual((min(known), max(known)), (min(kept), max(kept)))
