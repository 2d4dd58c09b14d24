"""
The site in numbers, for Prometheus.

What is charged, drawn and left is that of the page; what is counted is that of the counters.
Nothing is kept for it: the numbers are made when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from attrs import frozen
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cfos_cm.counters import Counters
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.web.site_answers import Circuit, Currents, Evse, Gateway, Site

__all__ = ["Measured", "SiteCollector", "site_registry"]

_PHASES = ("L1", "L2", "L3")
_PREFIX = "cfos_cm_"


@frozen(kw_only=True)
class Measured:
    """
    Where numbers come from.

    @ivar decisions: how many there were.
    @ivar logged: warnings and errors in the log.
    @ivar pages: how many are open.
    """

    site: Callable[[], Site]
    evses: Callable[[], Iterable[Evse]]
    gateways: Callable[[], Iterable[Gateway]]
    certificates: Callable[[], Iterable[CertificateReport]]
    counters: Counters
    decisions: Callable[[], int]
    logged: Callable[[], Mapping[str, int]]
    pages: Callable[[], int]
    connected: Callable[[], int]


def site_registry(measured: Measured) -> CollectorRegistry:
    """All metrics of a site and of the process that it runs in."""
    registry = CollectorRegistry()
    registry.register(SiteCollector(measured))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


class SiteCollector(Collector):
    """Makes the metrics of a site."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def describe(self) -> Iterable[Metric]:
        """Called at its registration; what there is, is not known before it is asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now."""
        measured = self._measured
        site, evses = measured.site(), tuple(measured.evses())
        yield from _of_site(site, measured)
        yield from _of_circuits(site.circuits)
        yield from _of_meters(site)
        yield from _of_evses(evses)
        yield from _of_gateways(tuple(measured.gateways()))
        yield _of_certificates(measured.certificates())
        yield from _counted(measured)


def _of_site(site: Site, measured: Measured) -> Iterator[Metric]:
    info = _gauge("info", "The program and the site; always 1.", "version", "mode")
    info.add_metric((site.version, site.mode), 1)
    yield info
    yield _one("start_time_seconds", "When the site began to run.", site.started_at.timestamp())
    yield _one("cycle_seconds", "How long the last decision took.", _seconds(site.cycle_ms))
    yield _one(
        "cycle_longest_seconds",
        "How long the longest decision took.",
        _seconds(site.longest_cycle_ms),
    )
    decisions = _counter("decisions", "Decisions of the control loop.")
    decisions.add_metric((), measured.decisions())
    yield decisions
    yield _one(
        "charge_points_connected", "Charge Points that are connected.", measured.connected()
    )
    yield _one(
        "charge_points_waiting",
        "Charge Points that wait for approval.",
        site.waiting_charge_points,
    )
    yield _one("pages_open", "Pages that are told what happens.", measured.pages())
    power = _gauge("power_watts", "Where power flows now.", "part")
    flow = site.flow
    for part, value in (
        ("grid", flow.grid_w),
        ("house", flow.house_w),
        ("generation", flow.generation_w),
        ("chargers", flow.chargers_w),
    ):
        _add(power, (part,), value)
    yield power
    warnings = _gauge("warnings", "What somebody should look at, by its kind.", "code")
    for code in sorted({one.code for one in site.warnings}):
        warnings.add_metric((code,), sum(one.code == code for one in site.warnings))
    yield warnings


def _of_circuits(circuits: Iterable[Circuit]) -> Iterator[Metric]:
    place = ("circuit", "phase")
    limit = _gauge("circuit_limit_amperes", "The fuse's rating.", *place)
    usable = _gauge("circuit_usable_amperes", "What may flow now.", *place)
    load = _gauge("circuit_load_amperes", "All that a circuit carries.", *place)
    evses = _gauge("circuit_evses_amperes", "What EVSEs in it draw.", *place)
    headroom = _gauge("circuit_headroom_amperes", "How much more may flow.", *place)
    overdrawn = _gauge(
        "circuit_overdrawn_amperes", "How far it was above its fuse lately.", *place
    )
    for one in circuits:
        _add_phases(limit, one.name, one.max_current_ma)
        _add_phases(usable, one.name, one.usable_ma)
        _add_phases(load, one.name, one.load_ma)
        _add_phases(evses, one.name, one.evses_ma)
        _add_phases(headroom, one.name, one.headroom_ma)
        _add_phases(overdrawn, one.name, one.overdrawn_ma)
    yield from (limit, usable, load, evses, headroom, overdrawn)


def _of_meters(site: Site) -> Iterator[Metric]:
    read = _gauge("meter_read", "Whether a meter is heard.", "meter", "role")
    power = _gauge("meter_power_watts", "What a meter says.", "meter", "role")
    for one in site.meters:
        labels = one.name, one.role
        read.add_metric(labels, one.is_read)
        _add(power, labels, one.power_w)
    yield from (read, power)


def _of_evses(evses: tuple[Evse, ...]) -> Iterator[Metric]:
    states = _gauge("evses", "How many EVSEs are in a state.", "state")
    counts: dict[str, int] = {}
    for one in evses:
        state: str = "lost" if one.link != "online" else one.occupancy
        counts[state] = counts.get(state, 0) + 1
    for word, count in sorted(counts.items()):
        states.add_metric((word,), count)
    yield states
    name = ("evse",)
    online = _gauge("evse_online", "Whether an EVSE can be reached.", *name)
    charging = _gauge("evse_charging", "Whether its car charges.", *name)
    setpoint = _gauge(
        "evse_setpoint_amperes", "What it should have, and what binds it.", *name, "reason"
    )
    confirmed = _gauge("evse_confirmed_amperes", "What it has confirmed.", *name)
    current = _gauge("evse_current_amperes", "What its car draws.", *name, "phase")
    power = _gauge("evse_power_watts", "What its car draws.", *name)
    energy = _counter("evse_energy_watthours", "Its meter's register.", *name)
    session = _gauge("evse_session_watthours", "What its car has taken since it began.", *name)
    for one in evses:
        label = (one.name,)
        online.add_metric(label, one.link == "online")
        charging.add_metric(label, one.occupancy == "charging")
        if one.setpoint is not None:
            reason = one.setpoint.reason.code
            setpoint.add_metric((one.name, reason), one.setpoint.current_ma / 1000)
        _add(confirmed, label, _amperes(one.confirmed_ma))
        _add_phases(current, one.name, one.currents_ma)
        _add(power, label, one.power_w)
        if one.energy_wh is not None:
            energy.add_metric(label, one.energy_wh)
        _add(session, label, one.session_wh)
    yield from (online, charging, setpoint, confirmed, current, power, energy, session)


def _of_gateways(gateways: tuple[Gateway, ...]) -> Iterator[Metric]:
    serving = _gauge("gateway_serving", "Whether a backend is there.", "gateway")
    waiting = _gauge("gateway_outbox_messages", "What waits for a backend.", "gateway")
    size = _gauge("gateway_outbox_bytes", "How much waits for a backend.", "gateway")
    age = _gauge("gateway_outbox_age_seconds", "How long the oldest waits.", "gateway")
    dead = _gauge("gateway_dead_letters", "What a backend does not take.", "gateway")
    now = datetime.now(UTC)
    for one in gateways:
        label = (one.name,)
        serving.add_metric(label, one.is_serving)
        waiting.add_metric(label, one.waiting)
        size.add_metric(label, one.size_bytes)
        waits_s = 0.0 if one.oldest_at is None else (now - one.oldest_at).total_seconds()
        age.add_metric(label, max(0.0, waits_s))
        dead.add_metric(label, one.dead)
    yield from (serving, waiting, size, age, dead)


def _of_certificates(reports: Iterable[CertificateReport]) -> Metric:
    left = _gauge("certificate_days_left", "How long a certificate lasts.", "what", "file")
    seen: set[tuple[str, str]] = set()
    for one in reports:
        # Two in one file are told apart by which of them ends first, and that is the one.
        if one.days_left is not None and (one.what, one.file) not in seen:
            seen.add((one.what, one.file))
            left.add_metric((one.what, one.file), one.days_left)
    return left


def _counted(measured: Measured) -> Iterator[Metric]:
    frames = _counter(
        "frames", "Calls of OCPP that have ended.", "leg", "direction", "action", "result"
    )
    for kind, count in measured.counters.calls.all().items():
        frames.add_metric(tuple(_printable(one) for one in kind), count)
    yield frames
    logged = _counter("log_events", "Warnings and errors in the log.", "level")
    for level, count in measured.logged().items():
        logged.add_metric((level,), count)
    yield logged
    for what, count in measured.counters.all().items():
        one = _counter(what.value, f"See docs/metrics.md: {what.value.replace('_', ' ')}.")
        one.add_metric((), count)
        yield one


def _gauge(name: str, doc: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, doc, labels=labels)


def _counter(name: str, doc: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, doc, labels=labels)


def _one(name: str, doc: str, value: float | None) -> Metric:
    made = _gauge(name, doc)
    _add(made, (), value)
    return made


def _add(metric: GaugeMetricFamily, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        metric.add_metric(labels, value)


def _add_phases(metric: GaugeMetricFamily, name: str, currents: Currents | None) -> None:
    for phase, current_ma in zip(_PHASES, currents or (), strict=False):
        metric.add_metric((name, phase), current_ma / 1000)


def _amperes(current_ma: int | None) -> float | None:
    return None if current_ma is None else current_ma / 1000


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _printable(label: str) -> str:
    """A peer's word: a label of any bytes would be one that nobody can ask for."""
    return "".join(char if char.isprintable() else "?" for char in label[:60])
