"""Curves as SVG, for a page: on white, with axes, units and a legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from attrs import frozen

from bench.garage.play import Run

__all__ = ["Area", "Line", "Strip", "day", "picture", "reaction"]

_Of = Callable[[Sequence[float]], float]

_WIDTH, _LEFT, _RIGHT = 960, 62, 18
_PLOT = _WIDTH - _LEFT - _RIGHT
_HEAD, _FOOT, _GAP = 76, 48, 40
_FONT = "font-family='Helvetica, Arial, sans-serif'"
_INK, _GREY, _GRID = "#24292f", "#57606a", "#e4e7eb"
_RED = "#c62828"
# Colours that can be told apart by everybody.
_PHASE_COLOURS = ("#0072b2", "#009e73", "#e69f00")


@frozen
class Line:
    """
    A curve.

    @ivar xs: when; ascending.
    @ivar ys: how much.
    @ivar steps: a value holds until the next one.
    """

    name: str
    colour: str
    xs: Sequence[float]
    ys: Sequence[float]
    width: float = 1.6
    dashes: str = ""
    steps: bool = False


@frozen
class Area:
    """What is below a curve, or between the one before it and itself."""

    name: str
    colour: str
    xs: Sequence[float]
    ys: Sequence[float]


@frozen
class Strip:
    """
    One plot; several of them share their times.

    @ivar unit: of what goes up.
    @ivar marks: times that are shaded, each from and until.
    """

    title: str
    unit: str
    height: int
    top: float
    areas: Sequence[Area] = ()
    lines: Sequence[Line] = ()
    marks: Sequence[tuple[float, float]] = ()
    marks_name: str = ""


def picture(
    title: str, subtitle: str, strips: Sequence[Strip], begin: float, end: float, unit: str
) -> str:
    """
    All strips, one below the other.

    @param begin: the time at the left.
    @param end: the time at the right.
    @param unit: of the times.
    """
    height = _HEAD + sum(strip.height + _GAP for strip in strips) - _GAP + _FOOT
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' "
        f"width='{_WIDTH}' height='{height}' {_FONT} role='img'>",
        f"<title>{escape(title)}</title>",
        f"<rect width='{_WIDTH}' height='{height}' fill='#ffffff'/>",
        _text(_LEFT, 24, title, 16, _INK, weight="bold"),
        _text(_LEFT, 43, subtitle, 12, _GREY),
    ]
    top = _HEAD
    for place, strip in enumerate(strips):
        is_last = place == len(strips) - 1
        parts += _Frame(strip, top, begin, end).draw(unit if is_last else None)
        top += strip.height + _GAP
    parts.append("</svg>\n")
    return "\n".join(parts)


class _Frame:
    """Where a strip is, and how its values become places."""

    def __init__(self, strip: Strip, top: float, begin: float, end: float) -> None:
        self._strip = strip
        self._top = top
        self._begin = begin
        self._end = end

    def draw(self, unit: str | None) -> list[str]:
        """All of it; with the times below it where C{unit} is their unit."""
        strip = self._strip
        parts = self._marks()
        parts += self._grid(unit)
        below: Area | None = None
        for area in strip.areas:
            parts.append(self._area(area, below))
            below = area
        parts += [self._line(line) for line in strip.lines]
        bottom = self._top + strip.height
        parts.append(
            f"<path d='M{_LEFT} {self._top:g}V{bottom:g}H{_LEFT + _PLOT}' fill='none' "
            f"stroke='{_INK}' stroke-width='1'/>"
        )
        parts.append(_text(_LEFT, self._top - 8, strip.title, 12, _INK, weight="bold"))
        parts += self._legend()
        return parts

    def _x(self, value: float) -> float:
        share = (value - self._begin) / (self._end - self._begin)
        return _LEFT + _PLOT * min(1.0, max(0.0, share))

    def _y(self, value: float) -> float:
        share = min(1.0, max(0.0, value / self._strip.top))
        return self._top + self._strip.height * (1 - share)

    def _grid(self, unit: str | None) -> list[str]:
        parts = []
        bottom = self._top + self._strip.height
        for value in _ticks(0, self._strip.top, max(2, self._strip.height // 45)):
            y = self._y(value)
            parts.append(
                f"<path d='M{_LEFT} {y:.1f}H{_LEFT + _PLOT}' stroke='{_GRID}' fill='none'/>"
            )
            parts.append(_text(_LEFT - 7, y + 4, f"{value:g}", 11, _GREY, "end"))
        for value in _ticks(self._begin, self._end, 9):
            x = self._x(value)
            parts.append(
                f"<path d='M{x:.1f} {self._top:g}V{bottom:g}' stroke='{_GRID}' fill='none'/>"
            )
            if unit is not None:
                parts.append(_text(x, bottom + 17, f"{value:g}", 11, _GREY, "middle"))
        parts.append(
            f"<text x='16' y='{(self._top + bottom) / 2:.1f}' font-size='11' fill='{_GREY}' "
            f"text-anchor='middle' transform='rotate(-90 16 {(self._top + bottom) / 2:.1f})'>"
            f"{escape(self._strip.unit)}</text>"
        )
        if unit is not None:
            parts.append(_text(_LEFT + _PLOT / 2, bottom + 36, unit, 11, _GREY, "middle"))
        return parts

    def _marks(self) -> list[str]:
        return [
            f"<rect x='{self._x(begin):.1f}' y='{self._top:g}' "
            f"width='{max(1.2, self._x(end) - self._x(begin)):.1f}' "
            f"height='{self._strip.height}' fill='{_RED}' fill-opacity='0.18'/>"
            for begin, end in self._strip.marks
        ]

    def _line(self, line: Line) -> str:
        dashes = f" stroke-dasharray='{line.dashes}'" if line.dashes else ""
        return (
            f"<path d='{self._path(line.xs, line.ys, line.steps)}' fill='none' "
            f"stroke='{line.colour}' stroke-width='{line.width:g}' "
            f"stroke-linejoin='round'{dashes}/>"
        )

    def _area(self, area: Area, below: Area | None) -> str:
        path = self._path(area.xs, area.ys, False)
        if below is None:
            floor = self._y(0)
            last, first = self._x(area.xs[-1]), self._x(area.xs[0])
            close = f"L{last:.1f} {floor:.1f}L{first:.1f} {floor:.1f}Z"
        else:
            back = self._path(below.xs[::-1], below.ys[::-1], False)
            close = f"L{back[1:]}Z"
        return f"<path d='{path}{close}' fill='{area.colour}' stroke='none'/>"

    def _path(self, xs: Sequence[float], ys: Sequence[float], steps: bool) -> str:
        points: list[str] = []
        for x, y in zip(xs, ys, strict=True):
            if steps and points:
                points.append(f"H{self._x(x):.1f}V{self._y(y):.1f}")
            else:
                points.append(f"{'L' if points else 'M'}{self._x(x):.1f} {self._y(y):.1f}")
        return "".join(points)

    def _legend(self) -> list[str]:
        named: list[tuple[str, str, bool]] = [
            (area.name, area.colour, True) for area in self._strip.areas if area.name
        ]
        named += [(line.name, line.colour, False) for line in self._strip.lines if line.name]
        if self._strip.marks_name:
            named.append((self._strip.marks_name, "#f2c9c9", True))
        x: float = _LEFT + _PLOT
        y = self._top - 12
        parts = []
        for name, colour, is_area in reversed(named):
            x -= 6.0 * len(name)
            parts.append(_text(x, y + 4, name, 11, _INK))
            x -= 24
            shape = (
                f"<rect x='{x:.1f}' y='{y - 5:.1f}' width='18' height='10' fill='{colour}'/>"
                if is_area
                else f"<path d='M{x:.1f} {y:.1f}h18' stroke='{colour}' stroke-width='2.5'/>"
            )
            parts.append(shape)
            x -= 14
        return parts


def day(run: Run) -> str:
    """What a whole run looked like: currents, and cars."""
    curves = run.curves
    assert curves is not None, "it was played without curves"
    lasts_s = len(curves.limit)
    step = max(1, lasts_s // 720)
    hours = [second / 3600 for second in range(0, lasts_s, step)]
    score = run.score
    house = [max(values) for values in zip(*curves.house, strict=True)]
    over = [
        max(values) > limit
        for values, limit in zip(zip(*curves.main, strict=True), curves.limit, strict=True)
    ]
    top = 1.12 * max(max(curves.limit), max(max(line) for line in curves.main))
    charging = _buckets([float(count) for count in curves.charging], step, _mean)
    there = [
        float(charging + waiting)
        for charging, waiting in zip(curves.charging, curves.waiting, strict=True)
    ]
    currents = Strip(
        "Main fuse",
        "A per phase",
        330,
        top,
        areas=[Area("house", "#d5d9df", hours, _buckets(house, step, max))],
        lines=[
            Line(f"L{phase + 1}", _PHASE_COLOURS[phase], hours, _buckets(line, step, max), 1.2)
            for phase, line in enumerate(curves.main)
        ]
        + [Line("limit", _RED, hours, _buckets(curves.limit, step, min), 2.0, steps=True)],
        marks=[(begin / 3600, end / 3600) for begin, end in _stretches(over)],
        marks_name="above the limit",
    )
    cars = Strip(
        "Cars that are not full",
        "cars",
        130,
        1.15 * max(1.0, *there),
        areas=[
            Area("charging", "#8fc1e3", hours, charging),
            Area("waiting", "#f1dfb5", hours, _buckets(there, step, _mean)),
        ],
    )
    subtitle = (
        f"{run.manager}, seed {run.seed}: {score.over_as:,.0f} A·s above the limit, longest "
        f"{score.longest_s} s, {score.energy_kwh:,.0f} kWh, {score.orders:.0f} orders for each "
        f"EVSE and hour, {score.starts:.1f} starts for each car"
    )
    return picture(
        f"{run.scenario.name}: {run.scenario.title}",
        subtitle,
        (currents, cars),
        0,
        lasts_s / 3600,
        "hours",
    )


def reaction(runs: Sequence[Run], at_s: int, before_s: int = 30, after_s: int = 90) -> str:
    """How each of them brings the current below a limit that falls at C{at_s}."""
    seconds = list(range(-before_s, after_s))
    strips = []
    for run in runs:
        curves = run.curves
        assert curves is not None, "it was played without curves"
        part = slice(at_s - before_s, at_s + after_s)
        lines = [line[part] for line in curves.main]
        limit = curves.limit[part]
        over = [max(values) > most for *values, most in zip(*lines, limit, strict=True)]
        strips.append(
            Strip(
                f"{run.manager}: main fuse",
                "A per phase",
                170,
                1.15 * max(limit[0], *(max(line) for line in lines)),
                areas=[
                    Area(
                        "house",
                        "#d5d9df",
                        seconds,
                        [
                            max(values)
                            for values in zip(*(h[part] for h in curves.house), strict=True)
                        ],
                    )
                ],
                lines=[
                    Line(f"L{phase + 1}", _PHASE_COLOURS[phase], seconds, line)
                    for phase, line in enumerate(lines)
                ]
                + [Line("limit", _RED, seconds, limit, 2.0, steps=True)],
                marks=[(b - before_s, e - before_s) for b, e in _stretches(over)],
                marks_name="above the limit",
            )
        )
    first = runs[0]
    return picture(
        "A lower limit for the whole house",
        f"{first.scenario.name}, seed {first.seed}, second by second",
        strips,
        -before_s,
        after_s,
        "seconds after the limit fell",
    )


def _text(
    x: float,
    y: float,
    text: str,
    size: int,
    colour: str,
    anchor: str = "start",
    weight: str = "",
) -> str:
    bold = f" font-weight='{weight}'" if weight else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' "
        f"text-anchor='{anchor}'{bold}>{escape(text)}</text>"
    )


def _ticks(begin: float, end: float, most: int) -> list[float]:
    """Round numbers from C{begin} to C{end}, not more than C{most}."""
    span = end - begin
    size = 0.001
    while True:
        for step in (size, 2 * size, 5 * size):
            if span / step <= most:
                first = -(-begin // step)
                count = int((end - first * step) / step + 1e-9) + 1
                return [round((first + number) * step, 6) for number in range(count)]
        size *= 10


def _buckets(values: Sequence[float], step: int, of: _Of) -> list[float]:
    return [of(values[first : first + step]) for first in range(0, len(values), step)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _stretches(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Where they are true: from, and until."""
    found = []
    begin: int | None = None
    for place, flag in enumerate((*flags, False)):
        if flag and begin is None:
            begin = place
        elif not flag and begin is not None:
            found.append((begin, place))
            begin = None
    return found
