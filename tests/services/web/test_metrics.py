"""Tests of the site in numbers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve
from msgspec.structs import replace
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.counters import MAX_KINDS, Counter, Counters
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.web import site_answers as answers
from cfos_cm.services.web.metrics import Measured, site_registry
from cfos_cm.services.web.metrics_routes import metrics_routes
from cfos_cm.web.answer import Content
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import Asked

PROJECT = Path(__file__).resolve().parents[3]
NOW = datetime(2027, 1, 2, tzinfo=UTC)

CIRCUIT = answers.Circuit(
    name="garage",
    parent=None,
    max_current_ma=(63000, 63000, 63000),
    reserve_ma=2000,
    usable_ma=(61000, 61000, 61000),
    meter="grid",
    load_ma=(10000, -2000, 0),
    evses_ma=(7000, 7000, 0),
    headroom_ma=None,
    max_power_w=None,
    overdrawn_ma=(0, 0, 1500),
    limits=(),
)

SITE = answers.Site(
    title="Köln",
    version="1.2",
    mode="on",
    now=NOW,
    started_at=NOW - timedelta(hours=1),
    cycle_ms=2.5,
    longest_cycle_ms=40.0,
    ocpp_server=answers.OcppServer(port=19520, interface=None, tls="detect", urls=()),
    flow=answers.Flow(grid_w=-500, house_w=None, generation_w=4000, chargers_w=0),
    circuits=(CIRCUIT,),
    meters=(
        answers.Meter(
            name="grid",
            role="grid",
            circuit="garage",
            evse=None,
            is_read=True,
            currents_ma=None,
            power_w=-500,
            energy_wh=None,
        ),
    ),
    charging=1,
    waiting_charge_points=2,
    warnings=(
        answers.SiteWarning(code="meter_silent", text="…", subject="pv"),
        answers.SiteWarning(code="meter_silent", text="…", subject="grid"),
    ),
)


def evse(name: str, **changes: Any) -> answers.Evse:
    """An EVSE at which a car charges."""
    usual: dict[str, Any] = {
        "name": name,
        "circuit": "garage",
        "enabled": True,
        "type": "ocpp16",
        "address": "CP-1",
        "connector": 1,
        "unit": 1,
        "priority": 1,
        "charging_mode": "normal",
        "min_current_ma": 6000,
        "max_current_ma": 16000,
        "phases": ("L1", "L2", "L3"),
        "on_disable": "block",
        "link": "online",
        "occupancy": "charging",
        "detail": None,
        "fault": None,
        "identity": None,
        "charge_point": "CP-1",
        "setpoint": answers.SetTo(
            current_ma=7000,
            phases=None,
            reason=answers.SetReason(
                code="circuit", text="phase L2 of garage", circuit="garage", phase="L2"
            ),
        ),
        "confirmed_ma": 7000,
        "may_draw_ma": 7000,
        "currents_ma": (6900, 6950, 0),
        "power_w": 3100,
        "energy_wh": 123456,
        "session_wh": 4200,
        "transaction": None,
        "limits": (),
        "paused": False,
        "release": answers.Release(state="none", why=None),
        "gateways": (),
        "warnings": (),
    }
    return answers.Evse(**{**usual, **changes})


GATEWAY = answers.Gateway(
    name="billing",
    key="k",
    client_id="c",
    url="wss://b.test/",
    role="authority",
    outage="shield",
    connectors={"1": "bay-1"},
    state="connected",
    is_serving=True,
    since=NOW,
    registration="Accepted",
    last_refusal="",
    waiting=3,
    size_bytes=900,
    oldest_at=datetime.now(UTC) - timedelta(seconds=100),
    dead=1,
)

CERTIFICATE = CertificateReport(
    "the server's own", "a.pem", "CN=a", "AA", NOW, 12, 30, True, "12 days left"
)


class MetricsCase(SynchronousTestCase):
    """A site that is measured."""

    def setUp(self) -> None:
        """One that has something of everything."""
        self.counters = Counters()
        self.measured = Measured(
            site=lambda: SITE,
            evses=lambda: [evse("bay-1"), evse("bay-2", link="lost", setpoint=None)],
            gateways=lambda: [GATEWAY],
            certificates=lambda: [CERTIFICATE],
            counters=self.counters,
            decisions=lambda: 7,
            logged=lambda: {"error": 2},
            pages=lambda: 1,
            connected=lambda: 5,
        )

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """What Prometheus reads: by the name and labels of each."""
        text = generate_latest(site_registry(self.measured)).decode()
        return {
            (one.name, tuple(sorted(one.labels.items()))): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """One number; C{None}: it is not there."""
        return self.samples().get((f"cfos_cm_{name}", tuple(sorted(labels.items()))))


class Numbers(MetricsCase):
    """What is told."""

    def test_site(self) -> None:
        """Power, time and what somebody should look at; what is not known is left out."""
        for expected, name, labels in (
            (1.0, "info", {"version": "1.2", "mode": "on"}),
            (-500.0, "power_watts", {"part": "grid"}),
            (None, "power_watts", {"part": "house"}),
            (0.0025, "cycle_seconds", {}),
            (0.04, "cycle_longest_seconds", {}),
            (7.0, "decisions_total", {}),
            (5.0, "charge_points_connected", {}),
            (2.0, "charge_points_waiting", {}),
            (2.0, "warnings", {"code": "meter_silent"}),
        ):
            self.assertEqual(expected, self.value(name, **labels), name)

    def test_circuits(self) -> None:
        """In amperes, each phase by itself; an unknown headroom is no headroom of 0."""
        self.assertEqual(-2.0, self.value("circuit_load_amperes", circuit="garage", phase="L2"))
        self.assertEqual(
            61.0, self.value("circuit_usable_amperes", circuit="garage", phase="L1")
        )
        self.assertEqual(
            1.5, self.value("circuit_overdrawn_amperes", circuit="garage", phase="L3")
        )
        self.assertIsNone(self.value("circuit_headroom_amperes", circuit="garage", phase="L1"))

    def test_evses(self) -> None:
        """Setpoints with what binds them; who is lost is not counted by what he did last."""
        self.assertEqual(
            7.0, self.value("evse_setpoint_amperes", evse="bay-1", reason="circuit")
        )
        self.assertEqual(6.95, self.value("evse_current_amperes", evse="bay-1", phase="L2"))
        self.assertEqual(123456.0, self.value("evse_energy_watthours_total", evse="bay-1"))
        self.assertEqual(4200.0, self.value("evse_session_watthours", evse="bay-1"))
        self.assertEqual(1.0, self.value("evses", state="charging"))
        self.assertEqual(1.0, self.value("evses", state="lost"))
        self.assertEqual(0.0, self.value("evse_online", evse="bay-2"))

    def test_gateways(self) -> None:
        """What waits, and for how long."""
        self.assertEqual(3.0, self.value("gateway_outbox_messages", gateway="billing"))
        self.assertEqual(1.0, self.value("gateway_dead_letters", gateway="billing"))
        age_s = self.value("gateway_outbox_age_seconds", gateway="billing")
        assert age_s is not None
        self.assertGreaterEqual(age_s, 100)

    def test_certificates(self) -> None:
        """Days left; two of one name are one, so that the page can be read at all."""
        twice = [CERTIFICATE, evolve(CERTIFICATE, days_left=400)]
        self.measured = evolve(self.measured, certificates=lambda: twice)
        days = self.value("certificate_days_left", what="the server's own", file="a.pem")
        self.assertEqual(12.0, days)

    def test_counted(self) -> None:
        """All counters, the log, and calls by their action and end."""
        self.counters.count(Counter.LOGINS_FAILED, 3)
        self.counters.calls.count("charger", "in", "Heartbeat", "result")
        self.assertEqual(3.0, self.value("logins_failed_total"))
        self.assertEqual(2.0, self.value("log_events_total", level="error"))
        labels = {
            "leg": "charger",
            "direction": "in",
            "action": "Heartbeat",
            "result": "result",
        }
        self.assertEqual(1.0, self.value("frames_total", **labels))
        for one in Counter:
            self.assertIsNotNone(self.value(f"{one.value}_total"), one)

    def test_hostile_names(self) -> None:
        """Whatever a peer calls its actions, the page can be read, and does not grow."""
        for number in range(MAX_KINDS + 100):
            self.counters.calls.count("charger", "in", f'x"\n\\{{{number}', "result")
        found = [one for one in self.samples() if one[0] == "cfos_cm_frames_total"]
        self.assertEqual(MAX_KINDS + 1, len(found))


class Page(MetricsCase):
    """How it is asked for."""

    def test_formats(self) -> None:
        """In the older format, or in that of OpenMetrics for whoever takes it."""
        (route,) = metrics_routes(site_registry(self.measured), is_open=False)
        self.assertIs(Role.VIEWER, route.role)
        for accept, media_type in (
            ("", "text/plain"),
            ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
            ("application/openmetrics-text; version=one", "text/plain"),
        ):
            asked = Asked(Caller("", Role.VIEWER, ""), {}, accept=accept)
            answer = self.successResultOf(ensureDeferred(route.handle(asked)))  # type: ignore[arg-type]
            assert isinstance(answer, Content)
            self.assertTrue(answer.media_type.startswith(media_type))
            self.assertIn(b"cfos_cm_info", answer.content)

    def test_open(self) -> None:
        """For anybody, where the owner says so."""
        (route,) = metrics_routes(site_registry(self.measured), is_open=True)
        self.assertIs(Role.ANYBODY, route.role)

    def test_dashboard(self) -> None:
        """The dashboard for Grafana asks for nothing that there is not."""
        self.counters.calls.count("charger", "in", "Heartbeat", "result")
        known = replace(CIRCUIT, headroom_ma=(1, 2, 3))
        self.measured = evolve(self.measured, site=lambda: replace(SITE, circuits=(known,)))
        there = {name for name, _ in self.samples()}
        there |= {"process_resident_memory_bytes", "process_cpu_seconds_total"}
        text = (PROJECT / "docs" / "grafana" / "cfos_cm.json").read_text()
        panels = json.loads(text)["panels"]
        asked = {
            name
            for panel in panels
            for target in panel.get("targets", ())
            for name in re.findall(r"\b(?:cfos_cm|process)_[a-z_]+", target["expr"])
        }
        self.assertLess(20, len(asked))
        self.assertEqual(set(), asked - there)
