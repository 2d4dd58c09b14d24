"""How the site is shown."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents, on_each_phase
from cfos_cm.limits.memory import Memory
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.config import parse_config
from cfos_cm.services.web.gateway_view import gateway_view
from cfos_cm.services.web.site_answers import Circuit, CircuitLimit, Flow, Site
from cfos_cm.services.web.site_view import AroundSite, flow_view, site_view
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState

from .sights import NOON, TWO_BAYS, gateway, standing, started

MAIN = CircuitSettings("main", 63_000, reserve_ma=3_000, meter="grid", failsafe_load=NO_CURRENT)
GARAGE = CircuitSettings("garage", 40_000, "main")
GRID = Meter(
    MeterSettings("grid", MeterRole.GRID), True, PhaseCurrents(20_000, 21_000, 22_000), at_s=0.0
)
ROOF = Meter(MeterSettings("roof", MeterRole.GENERATION, "main"), True, None, 3_000, at_s=0.0)
CHARGING = Evse(
    EvseSettings("bay-1", "garage"),
    link=Link.ONLINE,
    occupancy=Occupancy.CHARGING,
    transaction=started(),
    meter=Measured(on_each_phase(10_000), 1500, 6_900, at_s=0.0),
)
FREE = Evse(EvseSettings("bay-2", "garage"), link=Link.ONLINE, occupancy=Occupancy.FREE)
AROUND = AroundSite(parse_config(TWO_BAYS, "tap.cfg"), "1.2.3", NOON, NOON - timedelta(hours=1))


def site(*meters: Meter, evses: tuple[Evse, ...] = (CHARGING, FREE)) -> SiteState:
    """A site with these meters."""
    return SiteState(
        "Garage",
        circuits={"main": MAIN, "garage": GARAGE},
        evses={one.name: one for one in evses},
        meters={one.name: one for one in meters},
    )


def seen(state: SiteState, at_s: float = 0.0) -> Memory:
    """What is remembered after one look."""
    return Memory().after(state, at_s)


def circuit(view: Site, name: str) -> Circuit:
    """One of the circuits that are shown."""
    (found,) = [one for one in view.circuits if one.name == name]
    return found


class FlowTests(SynchronousTestCase):
    """Where power flows."""

    def flow(self, state: SiteState, at_s: float = 0.0) -> Flow:
        """What is shown of it."""
        return flow_view(state, seen(state, at_s))

    def test_all(self) -> None:
        """The house has what is drawn and generated and does not flow into cars."""
        flow = self.flow(site(GRID, ROOF))
        grid_w = 63 * 230
        self.assertEqual(
            Flow(
                grid_w=grid_w,
                house_w=grid_w + 3_000 - 6_900,
                generation_w=3_000,
                chargers_w=6_900,
            ),
            flow,
        )

    def test_no_generator(self) -> None:
        """Where nothing generates the house needs no word of it."""
        flow = self.flow(site(GRID))
        self.assertEqual((None, 63 * 230 - 6_900), (flow.generation_w, flow.house_w))

    def test_silent(self) -> None:
        """What a silent meter said last is nothing that flows now."""
        for meters, at_s in (
            ((evolve(GRID, is_read=False), ROOF), 0.0),
            ((GRID, ROOF), 16.0),
            ((ROOF,), 0.0),
        ):
            flow = self.flow(site(*meters), at_s)
            self.assertEqual((None, None), (flow.grid_w, flow.house_w))
        flow = self.flow(site(GRID, evolve(ROOF, is_read=False)))
        self.assertEqual((None, None), (flow.generation_w, flow.house_w))

    def test_doubted(self) -> None:
        """A meter that cannot be right tells no flow."""
        turned = evolve(GRID, currents=on_each_phase(-200_000))
        self.assertIsNone(self.flow(site(turned)).grid_w)

    def test_chargers(self) -> None:
        """What is not measured counts as nothing, and the house is not known then."""
        unmeasured = evolve(
            CHARGING, settings=EvseSettings("bay-3", "garage"), meter=Measured()
        )
        flow = self.flow(site(GRID, evses=(CHARGING, unmeasured)))
        self.assertEqual((6_900, None), (flow.chargers_w, flow.house_w))
        flow = self.flow(site(GRID, evses=(unmeasured,)))
        self.assertEqual((None, None), (flow.chargers_w, flow.house_w))
        flow = self.flow(site(GRID, evses=(FREE,)))
        self.assertEqual((0, 63 * 230), (flow.chargers_w, flow.house_w))

    def test_currents_only(self) -> None:
        """Who tells no power tells it by his currents, whichever way round they are seen."""
        one = evolve(CHARGING, meter=Measured(on_each_phase(-10_000)))
        self.assertEqual(6_900, self.flow(site(evses=(one,))).chargers_w)

    def test_never_negative(self) -> None:
        """Meters that do not look at the same moment make no house that generates."""
        low = evolve(GRID, currents=None, power_w=5_000)
        self.assertEqual(0, self.flow(site(low)).house_w)


class SiteViewTests(SynchronousTestCase):
    """What is seen of the site."""

    def view(
        self, state: SiteState, around: AroundSite = AROUND, memory: Memory | None = None
    ) -> Site:
        """The site as it is shown."""
        return site_view(state, seen(state) if memory is None else memory, around)

    def test_head(self) -> None:
        """It says what it is, what it does and for how long."""
        around = evolve(
            AROUND,
            urls=("ws://192.0.2.1:19520/",),
            cycle_ms=1.5,
            longest_cycle_ms=9.0,
            waiting_charge_points=2,
        )
        view = self.view(site(GRID), around)
        self.assertEqual(("Garage", "1.2.3", "on"), (view.title, view.version, view.mode))
        self.assertEqual((NOON, NOON - timedelta(hours=1)), (view.now, view.started_at))
        self.assertEqual(
            (1.5, 9.0, 1, 2),
            (view.cycle_ms, view.longest_cycle_ms, view.charging, view.waiting_charge_points),
        )
        server = view.ocpp_server
        self.assertEqual(
            (19520, "192.0.2.1", "off", around.urls),
            (server.port, server.interface, server.tls, server.urls),
        )
        self.assertEqual((), view.warnings)

    def test_circuits(self) -> None:
        """A circuit carries its house and its EVSEs, and has left what the decision has."""
        view = self.view(site(GRID))
        main, garage = circuit(view, "main"), circuit(view, "garage")
        self.assertEqual((None, "main"), (main.parent, garage.parent))
        self.assertEqual(((10_000,) * 3, (10_000,) * 3), (main.evses_ma, garage.evses_ma))
        self.assertEqual((20_000, 21_000, 22_000), main.load_ma)
        self.assertEqual(((60_000,) * 3, (40_000,) * 3), (main.usable_ma, garage.usable_ma))
        self.assertEqual((40_000, 39_000, 38_000), main.headroom_ma)
        self.assertEqual(((10_000,) * 3, (30_000,) * 3), (garage.load_ma, garage.headroom_ma))
        self.assertEqual((3_000, (63_000,) * 3), (main.reserve_ma, main.max_current_ma))
        self.assertEqual(("grid", None), (main.meter, main.overdrawn_ma))

    def test_power_only(self) -> None:
        """One that tells its power only draws on the phases that it has."""
        evse = evolve(CHARGING, meter=Measured(None, None, 2_300))
        garage = circuit(self.view(site(evses=(evse,))), "garage")
        self.assertEqual((3_333,) * 3, garage.evses_ma)

    def test_unknown_load(self) -> None:
        """Where nobody knows what a circuit carries nobody says what is left."""
        state = evolve(
            site(evolve(GRID, is_read=False)),
            circuits={"main": evolve(MAIN, failsafe_load=None), "garage": GARAGE},
        )
        main = circuit(self.view(state), "main")
        self.assertEqual((None, None), (main.load_ma, main.headroom_ma))
        self.assertEqual((10_000,) * 3, main.evses_ma)

    def test_before_the_first_look(self) -> None:
        """What is remembered of another site says nothing of this one."""
        view = self.view(site(GRID), memory=Memory())
        main = circuit(view, "main")
        self.assertEqual(
            (None, None, (60_000,) * 3), (main.load_ma, main.headroom_ma, main.usable_ma)
        )

    def test_overdrawn(self) -> None:
        """A fuse that has to cool is told of, and may carry less."""
        state = site(evolve(GRID, currents=PhaseCurrents(70_000, 0, 0)))
        view = self.view(state)
        main = circuit(view, "main")
        self.assertEqual((7_000, 0, 0), main.overdrawn_ma)
        self.assertEqual((53_000, 60_000, 60_000), main.usable_ma)
        self.assertEqual(
            [
                (
                    "overdraft",
                    "phase L1 of main carried 7 A more than its fuse is made for",
                    "main",
                )
            ],
            self.warned(view),
        )

    def test_limits(self) -> None:
        """What others allow a circuit stands at it, and nowhere else."""
        until = NOON + timedelta(hours=2)
        limit = OutsideLimit("garage", "grid operator", 4200, evses_only=False, until=until)
        state = evolve(site(GRID), outside_limits={("garage", "grid operator"): limit})
        view = self.view(state)
        self.assertEqual(
            (CircuitLimit(by="grid operator", max_power_w=4200, all_loads=True, until=until),),
            circuit(view, "garage").limits,
        )
        self.assertEqual((), circuit(view, "main").limits)

    def test_meters(self) -> None:
        """A meter of a circuit is shown there, too, though the circuit names it."""
        view = self.view(site(GRID, ROOF))
        grid, roof = view.meters
        self.assertEqual(
            ("grid", "grid", "main", None, True),
            (grid.name, grid.role, grid.circuit, grid.evse, grid.is_read),
        )
        self.assertEqual(
            ((20_000, 21_000, 22_000), None, None),
            (grid.currents_ma, grid.power_w, grid.energy_wh),
        )
        self.assertEqual(
            ("generation", "main", None, 3_000),
            (roof.role, roof.circuit, roof.currents_ma, roof.power_w),
        )

    def warned(self, view: Site) -> list[tuple[str, str, str]]:
        """What somebody should look at."""
        return [(one.code, one.text, one.subject) for one in view.warnings]

    def test_observe(self) -> None:
        """That nothing is set is said."""
        view = self.view(evolve(site(GRID), observe_only=True))
        self.assertEqual("observe", view.mode)
        self.assertEqual(["observe_mode"], [one.code for one in view.warnings])

    def test_meter_warnings(self) -> None:
        """A meter that says nothing, or what cannot be, is told of."""
        lost = evolve(GRID, is_read=False)
        self.assertEqual(
            [("meter_silent", "meter grid is silent", "grid")],
            self.warned(self.view(site(lost))),
        )
        never = Meter(GRID.settings)
        self.assertEqual(
            [("meter_silent", "meter grid has not been read", "grid")],
            self.warned(self.view(site(never))),
        )
        late = site(GRID)
        self.assertEqual(
            ["meter_silent"],
            [one.code for one in self.view(late, memory=seen(late, 16.0)).warnings],
        )
        turned = self.warned(self.view(site(evolve(GRID, currents=on_each_phase(-200_000)))))
        ((code, text, subject),) = turned
        self.assertEqual(("meter_doubted", "grid"), (code, subject))
        self.assertIn("meter grid of main is not believed: it shows that", text)

    def test_not_listening(self) -> None:
        """That wallboxes are not expected where the settings say is told."""
        words = "wallboxes still connect where they did"
        view = self.view(site(GRID), evolve(AROUND, unserved=words))
        self.assertEqual([("not_listening", words, "")], self.warned(view))

    def test_gateway_warnings(self) -> None:
        """A backend that is away, or does not take something, is told of."""
        away = gateway_view(gateway("a"), standing(is_serving=False))
        dead = gateway_view(gateway("b"), standing(dead=2))
        fine = gateway_view(gateway("c"), standing(waiting=5))
        view = self.view(site(GRID), evolve(AROUND, gateways=(away, dead, fine)))
        self.assertEqual(
            [
                (
                    "gateway_away",
                    "gateway a is not served by its backend: not connected: refused",
                    "a",
                ),
                ("dead_letters", "the backend of gateway b does not take 2 messages", "b"),
            ],
            self.warned(view),
        )

    def test_certificates(self) -> None:
        """A certificate that somebody has to see to is told of."""
        good = CertificateReport("the server", "", "CN=x", "aa", NOON, 90, None, False, "")
        bad = evolve(good, is_warning=True, days_left=3, stage=7, words="ends in 3 days")
        view = self.view(site(GRID), evolve(AROUND, certificates=(good, bad)))
        self.assertEqual(
            [
                (
                    "certificate",
                    "the server: the certificate of CN=x ends in 3 days",
                    "the server",
                )
            ],
            self.warned(view),
        )


class GatewayViewTests(SynchronousTestCase):
    """What is seen of a gateway."""

    def test_view(self) -> None:
        """All that is known, without what is secret in its URL."""
        view = gateway_view(gateway("a", "bay-1", "bay-2"), standing(waiting=3, dead=1))
        self.assertEqual({"1": "bay-1", "2": "bay-2"}, view.connectors)
        self.assertNotIn("secret", repr(view))
        self.assertEqual(
            ("id-a", "authority", "shield", "Accepted", 3, 300, NOON, 1),
            (
                view.client_id,
                view.role,
                view.outage,
                view.registration,
                view.waiting,
                view.size_bytes,
                view.oldest_at,
                view.dead,
            ),
        )
