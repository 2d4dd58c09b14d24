"""What flowed in the last hours and days, in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from cfos_cm.services.web.site_answers import Flow
from cfos_cm.site.evse import Evse
from cfos_cm.site.state import SiteState

__all__ = ["DAYS", "HOURS", "Curves", "History", "Ring", "Span"]

#: Stands for what is not known.
_GAP = -(2**31)
_MOST = 2**31 - 1

_log = Logger(namespace="cfos_cm.web")


@frozen
class Span:
    """
    How far back something is remembered.

    @ivar step_s: from one value to the next. [s]
    @ivar steps: how many values there are at most.
    """

    step_s: int
    steps: int


HOURS = Span(10, 6 * 3600 // 10)
DAYS = Span(300, 14 * 86_400 // 300)

#: So many of the short steps are one of the long ones.
_PER_LONG_STEP = DAYS.step_s // HOURS.step_s

_EVSE_SERIES = ("power_w", "current_ma", "setpoint_ma")
_SITE_SERIES = ("grid_w", "house_w", "generation_w", "chargers_w")


class Ring:
    """
    The newest values of a series, at equal steps.

    It takes 4 bytes for each, as soon as there is one.
    """

    __slots__ = ("_next", "_steps", "_values")

    def __init__(self, steps: int) -> None:
        """
        @param steps: how many are kept.
        """
        self._steps = steps
        self._values = array("i")
        self._next = 0

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: int | None) -> None:
        """The value of the next step; C{None}: a gap."""
        kept = _GAP if value is None else max(_GAP + 1, min(value, _MOST))
        if len(self._values) < self._steps:
            self._values.append(kept)
            return
        self._values[self._next] = kept
        self._next = (self._next + 1) % self._steps

    def newest(self, count: int) -> list[int | None]:
        """So many of the newest values, oldest first; fewer where there are fewer."""
        values = self._values[self._next :] + self._values[: self._next]
        wanted = values[max(0, len(values) - count) :]
        return [None if one == _GAP else one for one in wanted]

    def mean(self, count: int) -> int | None:
        """The mean of so many of the newest values; C{None}: all of them are gaps."""
        known = [one for one in self.newest(count) if one is not None]
        return round(sum(known) / len(known)) if known else None


@define(eq=False)
class _Rings:
    """
    The series of one EVSE, or of the site, in both spans.

    @ivar days: each value is the mean of the time before it.
    """

    hours: tuple[Ring, ...]
    days: tuple[Ring, ...]

    @classmethod
    def of(cls, series: Sequence[str]) -> _Rings:
        """Empty ones."""
        return cls(
            tuple(Ring(HOURS.steps) for _ in series), tuple(Ring(DAYS.steps) for _ in series)
        )

    def add(self, values: Iterable[int | None]) -> None:
        """A value for each series."""
        for ring, value in zip(self.hours, values, strict=True):
            ring.add(value)

    def add_long_step(self) -> None:
        """The mean of the last short steps is the value of a long one."""
        for short, long in zip(self.hours, self.days, strict=True):
            long.add(short.mean(_PER_LONG_STEP))


@frozen
class Curves:
    """
    Series of values at the same times.

    @ivar times: of each value, in seconds since 1970 (UTC).
    @ivar series: by name; C{None} is a gap.
    """

    span: Span
    times: Sequence[int]
    series: Mapping[str, Sequence[int | None]] = field(factory=dict)


class History:
    """
    Notes what EVSEs and the site draw, every ten seconds.

    Steps are counted by a clock that does not go back; what the time of day was is reckoned
    when somebody asks. It begins anew with the program.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        state: Callable[[], SiteState],
        flow: Callable[[], Flow],
    ) -> None:
        """
        @param now: the time of day; aware.
        @param state: what is known of the site.
        @param flow: where power flows.
        """
        self._clock = clock
        self._now = now
        self._state = state
        self._flow = flow
        self._evses: dict[str, _Rings] = {}
        self._site = _Rings.of(_SITE_SERIES)
        # The short step that was noted last.
        self._step = 0
        # What the time of day is when the clock shows 0, in seconds since 1970.
        self._epoch_s = 0.0
        self._due: IDelayedCall | None = None

    def start(self) -> None:
        """Note from now on."""
        self._step = self._step_now()
        self._wait()

    def stop(self) -> None:
        """Note nothing any more."""
        due, self._due = self._due, None
        if due is not None:
            due.cancel()

    def evse(self, name: str, span: Span = HOURS) -> Curves | None:
        """What an EVSE drew and could have drawn; C{None}: there is none of that name."""
        rings = self._evses.get(name)
        if rings is not None:
            return self._curves(rings, _EVSE_SERIES, span)
        if name not in self._state().evses:
            return None
        return self._curves(_Rings.of(_EVSE_SERIES), _EVSE_SERIES, span)

    def names(self) -> tuple[str, ...]:
        """The names of all EVSEs."""
        return tuple(self._state().evses)

    def site(self, span: Span = HOURS) -> Curves:
        """Where power flowed."""
        return self._curves(self._site, _SITE_SERIES, span)

    def _curves(self, rings: _Rings, names: Sequence[str], span: Span) -> Curves:
        of_span = rings.hours if span is HOURS else rings.days
        values = [ring.newest(span.steps) for ring in of_span]
        count = len(values[0])
        newest_s = self._time_of(self._step if span is HOURS else self._last_long_step())
        times = range(newest_s - (count - 1) * span.step_s, newest_s + 1, span.step_s)
        return Curves(span, tuple(times), dict(zip(names, values, strict=True)))

    def _last_long_step(self) -> int:
        """The short step with which the last long one has ended."""
        return self._step - self._step % _PER_LONG_STEP

    def _time_of(self, step: int) -> int:
        """The time of day of a short step, in seconds since 1970. [s]"""
        epoch_s = self._now().timestamp() - self._clock.seconds()
        if abs(epoch_s - self._epoch_s) > HOURS.step_s / 2:
            # Somebody has set it. Else it is the same times whenever somebody asks.
            self._epoch_s = epoch_s
        return round(self._epoch_s + step * HOURS.step_s)

    def _step_now(self) -> int:
        return int(self._clock.seconds() // HOURS.step_s)

    def _wait(self) -> None:
        next_s = (self._step_now() + 1) * HOURS.step_s
        self._due = self._clock.callLater(next_s - self._clock.seconds(), self._note)

    def _note(self) -> None:
        self._due = None
        try:
            self._note_step(self._step_now())
        except Exception:  # noqa: BLE001
            # There is a gap then.
            _log.failure("what flows could not be noted")
        finally:
            self._wait()

    def _note_step(self, step: int) -> None:
        state, flow = self._state(), self._flow()
        self._keep(state)
        if step - self._step > HOURS.steps:
            self._begin_anew(step - 1)
        # Where the program was held up there are steps of which nothing is known.
        for missed in range(self._step + 1, step):
            self._add(missed, {}, (None,) * len(_SITE_SERIES))
        values = {name: _evse_values(evse) for name, evse in state.evses.items()}
        site = (flow.grid_w, flow.house_w, flow.generation_w, flow.chargers_w)
        if step > self._step:
            self._add(step, values, site)

    def _begin_anew(self, step: int) -> None:
        self._step = step
        self._site = _Rings.of(_SITE_SERIES)
        self._evses = {name: _Rings.of(_EVSE_SERIES) for name in self._evses}

    def _add(
        self,
        step: int,
        values: Mapping[str, Iterable[int | None]],
        site: Iterable[int | None],
    ) -> None:
        self._step = step
        nothing = (None,) * len(_EVSE_SERIES)
        self._site.add(site)
        for name, rings in self._evses.items():
            rings.add(values.get(name, nothing))
        if step % _PER_LONG_STEP == 0:
            self._site.add_long_step()
            for rings in self._evses.values():
                rings.add_long_step()

    def _keep(self, state: SiteState) -> None:
        """Have series for the EVSEs that there are, and for no others."""
        if self._evses.keys() != set(state.evses):
            self._evses = {
                name: self._evses.get(name) or _Rings.of(_EVSE_SERIES) for name in state.evses
            }


def _evse_values(evse: Evse) -> tuple[int | None, int | None, int | None]:
    meter, target = evse.meter, evse.target
    return (
        meter.power_w,
        None if meter.currents is None else meter.currents.maximum(),
        None if target is None else target.current_ma,
    )
